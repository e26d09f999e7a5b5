"""Reads and writes JSON as the service does, with numbers to their last digit. This module imports nothing of the mock."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import NoReturn, TypeAlias

Json: TypeAlias = Mapping[str, object] | Sequence[object] | str | int | float | Decimal | bool | None

_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def to_json(value: Json) -> bytes:
    """`value` as the service writes JSON: compact, and in UTF-8.

    Half of a surrogate pair, which JSON can express and UTF-8 cannot, is written as JSON escapes it.
    """
    try:
        text = _write(value)
    except TypeError:  # a Decimal, of which Python's own writer knows nothing
        text = _exactly(value)
    # What this error handler writes is the escape that JSON has for it as well.
    return text.encode("utf-8", "backslashreplace")


def _exactly(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return f"{{{','.join(f'{_write(name)}:{_exactly(each)}' for name, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_exactly, value))}]"
    return _write(value)


def from_json(text: bytes) -> object:
    """The value that a JSON text in UTF-8 stands for. A number that a float would change is a `Decimal`.

    Raises:
        ValueError: The text is not JSON.
    """
    try:
        value: object = _decoder.decode(text.decode())
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    return value


def _number(text: str) -> float | Decimal:
    number = float(text)
    try:
        return number if repr(number) == text else Decimal(text)
    except InvalidOperation:
        raise ValueError("its exponent is too large for a number") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


_decoder = json.JSONDecoder(parse_float=_number, parse_constant=_no_number)
