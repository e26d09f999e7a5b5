"""Says what a server may answer without being accused, whatever the contract documents.

The contract describes the application. What stands in front of it (a router, a proxy, a server that parses requests)
answers some requests before the application sees them, and may do so in HTML and with other statuses.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from channel_images.conformance.asking.operations import MAX_ID
from channel_images.conformance.asking.parsing import NotJson, parsed
from channel_images.contract import load_contract
from channel_images.resource import is_extensible

LONG_URL = 2_000
"""Characters from which on a server may call a request line too long."""


PROBLEM = "application/problem+json"
"""The other content type of an error (RFC 9457)."""


def may_answer(
    status: int,
    *,
    method: str,
    url: str,
    path_values: Sequence[object],
    retry_after: bool,
    body: bytes,
    content_type: str = "",
) -> bool:
    """Whether an answer is legitimate for its request, in whatever shape it comes.

    `content_type` is the header as it came. An error in `application/problem+json` has a shape of its own.
    """
    if status in documented_errors() and content_type.partition(";")[0].strip().lower() == PROBLEM:
        return isinstance(_json(body), dict)
    match status:
        case 404:
            return not _is_routable(path_values)
        case 410:
            return True
        case 400:
            return not _is_wellformed(url) or _has_nested_errors(body)
        case 414 | 431:
            return not _is_wellformed(url)
        case 405:
            return method != "GET"
        case 429:
            return retry_after
        case 304:
            return True
    return False


@cache
def documented_errors() -> frozenset[int]:
    """The statuses of errors that the contract documents."""
    responses = (item["get"]["responses"] for item in load_contract()["paths"].values())
    return frozenset(int(status) for each in responses for status in each if int(status) >= 400)


def with_open_enums(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema whose open enums of texts (`x-extensible-enum`) take values that are not listed, but no listed one in another
    spelling.

    Other spellings are those in other case, and with other separators (none, spaces, `-`, `_`).
    """
    opened = {name: _opened(value) for name, value in schema.items()}
    if is_extensible(schema) and schema.get("type") == "string":
        values = opened.pop("enum")
        spellings = "|".join(_SEPARATOR.join(map(_in_any_case, _words(value))) for value in values)
        opened |= {"if": {"pattern": f"^{_SEPARATOR}({spellings}){_SEPARATOR}$"}, "then": {"enum": values}}
    return opened


def _opened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return with_open_enums(value)
    return [_opened(each) for each in value] if isinstance(value, list) else value


_SEPARATOR = "[-_ ]*"


def _words(value: str) -> str:
    return value.replace("_", "").replace("-", "").replace(" ", "")


def _in_any_case(letter: str) -> str:
    return f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else re.escape(letter)


def _is_routable(path_values: Sequence[object]) -> bool:
    """Whether every path parameter is an integer of 64 bits, so that a route can match."""
    texts = [str(value) for value in path_values]
    # Short first: Python refuses to read integers of thousands of digits.
    return all(text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_ID for text in texts)


def _is_wellformed(url: str) -> bool:
    """Whether a request line is one that every server has to take: short, valid UTF-8 and without control bytes."""
    parts = urlsplit(url)
    raw = unquote_to_bytes(f"{parts.path}?{parts.query}")
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return len(url) <= LONG_URL and not any(byte < 0x20 or byte == 0x7F for byte in raw)


def _has_nested_errors(body: bytes) -> bool:
    """Whether a 400 tells apart the items of a list, as a ListField of Django REST Framework does:
    `{"name": {"0": ["..."]}}`."""
    document = _json(body)

    def are_messages(value: object) -> bool:
        return isinstance(value, list) and all(isinstance(message, str) for message in value)

    return (
        isinstance(document, dict)
        and bool(document)
        and all(
            are_messages(value) or (isinstance(value, dict) and all(are_messages(each) for each in value.values()))
            for value in document.values()
        )
    )


def _json(body: bytes) -> Any:
    """The JSON of a body; `None` if it is none."""
    try:
        return parsed(body)
    except NotJson:
        return None
