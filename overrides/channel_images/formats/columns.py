"""Names the columns of a table of images: those of the contract, as the generated model has them, and one for the rest."""

import datetime
import types
import typing
from enum import Enum, StrEnum
from functools import cache
from typing import Any

import attrs
from attrs import frozen

from channel_images_api.models import ProductImage

REST = "additional_properties"
"""The column with the fields that the contract does not name, as a JSON object; null where there are none."""
CHANNEL = "channel_id"
"""The column with the channel, where a file has several."""


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
