"""Parses the bodies of answers, each once: several rules, and the standing of the server, read the same answer."""

import json
from functools import lru_cache
from typing import Any, NoReturn

DEEPEST = 100
"""Levels of arrays and objects above which a body is not read: comparing it would exhaust the stack."""
TOO_DEEP = f"it is nested deeper than {DEEPEST} levels"


class NotJson(ValueError):
    """A body that is not JSON, or that no reader takes; the message says why."""


def parsed(body: bytes) -> Any:
    """The JSON of a body, in which what is no character (half of a surrogate pair) has become `?`.

    Every caller gets the same object. Raises `NotJson`, also for `NaN`, for what is not UTF-8 and for what is nested
    deeper than `DEEPEST`.
    """
    document, fault = _parsed(body)
    if fault:
        raise NotJson(fault)
    return document


def said(body: bytes) -> Any:
    """What a body says, also where it is faulty JSON, such as with `NaN`; `None` if it says nothing."""
    return _parsed(body)[0]


@lru_cache(128)
def _parsed(body: bytes) -> tuple[Any, str]:
    """What a body says, and why it is not JSON that a reader takes; the reason is empty where it is."""
    try:
        document = json.loads(body.decode(), parse_constant=_refuse)
        # Half of a surrogate pair can only come from an escape.
        if b"\\u" in body or _is_deeper(document, DEEPEST):
            document = _readable(document, 0)
        return document, ""
    except RecursionError:
        fault = TOO_DEEP
    except ValueError as error:
        fault = str(error)
    try:
        return json.loads(body), fault
    except (ValueError, RecursionError):
        return None, fault


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"{constant} is not a value of JSON")


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether a value is nested deeper than so many levels; most values of a row are not nested."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not levels or any(_is_deeper(each, levels - 1) for each in inner if isinstance(each, (dict, list)))


def _readable(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise NotJson(TOO_DEEP)
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_readable(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return {_readable(name, depth): _readable(each, depth + 1) for name, each in value.items()}
    return value
