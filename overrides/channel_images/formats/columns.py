"""Names the columns of a table: the fields of the contract, as the generated model has them, and one for the rest."""

import datetime
import types
import typing
from enum import Enum, StrEnum
from functools import cache
from typing import Any

import attrs
from attrs import frozen

from channel_images_api.resource import RESOURCE, Resource

REST = "additional_properties"
"""The column with the fields that the contract does not name, as a JSON object; null where there are none."""
CHANNEL = "channel_id"
"""The column with the channel, where a file has several."""


class Kind(StrEnum):
    """What a column holds."""

    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"
    BOOLEAN = "boolean"
    DATE = "date"
    DATE_TIME = "date-time"
    ENUM = "enum"
    JSON = "json"
    """Objects, arrays, and whatever has no column of a type of its own: as JSON text."""


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
def columns(api: Resource = RESOURCE) -> tuple[Column, ...]:
    """The fields of a row, in the order of the contract."""
    fields = [field for field in attrs.fields(api.row) if field.name != REST]
    names = api.row(**dict.fromkeys([field.name for field in fields])).to_dict()  # type: ignore[arg-type]
    hints = typing.get_type_hints(api.row)
    return tuple(Column(name, field.name, _kind(hints[field.name])) for name, field in zip(names, fields, strict=True))


def _kind(hint: Any) -> Kind:
    """What a column holds, by the type of the field beside null and what did not come."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    (kind, *others) = [each for each in options if each is not type(None) and each.__name__ != "Unset"]
    if others or not isinstance(kind, type):
        return Kind.JSON
    return Kind.ENUM if issubclass(kind, Enum) else _KINDS.get(kind, Kind.JSON)


_KINDS = {
    bool: Kind.BOOLEAN,
    int: Kind.INTEGER,
    float: Kind.NUMBER,
    str: Kind.STRING,
    datetime.date: Kind.DATE,
    datetime.datetime: Kind.DATE_TIME,
}
