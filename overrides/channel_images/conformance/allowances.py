"""What a server may answer without being accused, whatever the contract documents.

The contract describes the application. What stands in front of it (a router, a proxy, a server that parses requests)
answers some requests before the application sees them, and may do so in HTML and with other statuses.
"""

import json
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes, urlsplit

from channel_images.conformance.operations import MAX_ID

LONG_URL = 2_000
"""Characters from which on a server may call a request line too long."""


def may_answer(
    status: int, *, method: str, url: str, path_values: Sequence[object], retry_after: bool, body: bytes
) -> bool:
    """Whether an answer is legitimate for its request, in whatever shape it comes."""
    match status:
        case 404:
            return not _is_routable(path_values)
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
    ``{"id__in": {"0": ["..."]}}``."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return False

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
