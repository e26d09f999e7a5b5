"""The columns of a table of images: those of the contract, as the generated model has them, and one for the rest."""

import datetime
import json
import re
import types
import typing
from collections.abc import Iterable, Sequence
from enum import Enum, StrEnum
from functools import cache
from typing import Any

import attrs
import msgspec
from attrs import frozen

from channel_images_api.models import ProductImage
from channel_images_api.types import UNSET

REST = "additional_properties"
"""The column with the fields that the contract does not name, as a JSON object; null where there are none."""
CHANNEL = "channel_id"
"""The column with the channel, where a file has several."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")  # also wide, as in East Asian text


class Kind(StrEnum):
    """What a column holds."""

    INTEGER = "integer"
    STRING = "string"
    BOOLEAN = "boolean"
    DATE_TIME = "date-time"
    ENUM = "enum"


@frozen
class Column:
    """A field of the contract.

    Attributes:
        name: Its name on the wire.
        attribute: Its name in the model.
        kind: What it holds.
    """

    name: str
    attribute: str
    kind: Kind


@cache
def columns() -> tuple[Column, ...]:
    """The fields of an image, in the order of the contract."""
    fields = [field for field in attrs.fields(ProductImage) if field.name != REST]
    names = ProductImage(**dict.fromkeys([field.name for field in fields])).to_dict()  # type: ignore[arg-type]
    hints = typing.get_type_hints(ProductImage)
    return tuple(Column(name, field.name, _kind(hints[field.name])) for name, field in zip(names, fields, strict=True))


def _kind(hint: Any) -> Kind:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for option in options:
        if isinstance(option, type):
            if issubclass(option, Enum):
                return Kind.ENUM
            for kind, known in _KINDS:
                if option is known:
                    return kind
    raise TypeError(f"no column for {hint}")


_KINDS = ((Kind.BOOLEAN, bool), (Kind.INTEGER, int), (Kind.STRING, str), (Kind.DATE_TIME, datetime.datetime))


def values(images: Sequence[ProductImage], column: Column) -> list[Any]:
    """A column's values; None for null and for what is absent, which a table cannot tell apart."""
    name = column.attribute
    # Enums of the contract are strings or integers themselves, and are taken as such.
    return [None if (value := getattr(image, name)) is UNSET else value for image in images]


def rest(images: Iterable[ProductImage]) -> list[str | None]:
    """The values of the column `additional_properties`."""
    return [to_json(more).decode() if (more := image.additional_properties) else None for image in images]


def to_json(value: Any) -> bytes:
    """JSON in UTF-8, on one line."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can escape and UTF-8 cannot hold
        return json.dumps(value, separators=(",", ":")).encode()


def to_utf8(text: str) -> bytes:
    """The text in UTF-8; half of a surrogate pair, which that cannot hold, is written out as JSON does, as in `\\ud800`."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub(lambda half: escaped(half[0]), text).encode()


def escaped(character: str) -> str:
    """A character as JSON can write it: `\\u001b`, or two of these."""
    return re.sub("....", r"\\u\g<0>", character.encode("utf-16-be", "surrogatepass").hex())


def without_formula(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet would calculate it."""
    return f"'{text}" if _FORMULA.match(text) else text
