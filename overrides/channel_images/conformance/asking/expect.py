"""Reads known answers: what the user of a check knows of the data and no row says.

An inverted filter is consistent with itself; only somebody who knows on which side a row belongs sees it.
"""

from pathlib import Path
from typing import Any

from attrs import field, frozen

from channel_images.conformance.asking.operations import noun
from channel_images.conformance.asking.reading import Value
from channel_images.conformance.files import load
from channel_images.contract import standalone
from channel_images.resource import PARTS, resource


@frozen
class Expectations:
    """What is known of what rows do not show."""

    attributes: dict[str, dict[Value, Value]] = field(factory=dict)
    """By filter, the value that is known for each value of the field that has the attribute."""
    pending: dict[Value, Value] = field(factory=dict)
    """By the key of a row: `insert`, `update` or `none`."""


def read_expectations(path: Path) -> Expectations:
    """What a file of known answers says; an empty one says nothing.

    Raises `BadFile`, a `ValueError` whose message is one line with the file, the line and what is wrong there.
    """
    sections = _sections()
    document = load(path, _schema(sections))
    known = Expectations()
    for section, entries in (document.data or {}).items():
        name = next(iter(sections[section]))
        seen: dict[Value, int] = {}
        for index, entry in enumerate(entries):
            said = {key: _plain(value) for key, value in entry.items()}
            identity = said.pop(name)
            if identity in seen:
                raise document.bad((section, index), f"{name} {identity} is there already, in line {seen[identity]}")
            seen[identity] = document.line((section, index))
            for attribute, value in said.items():
                if name == resource().key and attribute == "pending":
                    known.pending[identity] = value
                else:
                    known.attributes.setdefault(attribute, {})[identity] = value
    return known


def _plain(value: Value) -> Value:
    # JSON Schema takes 12.0 for an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _sections() -> dict[str, dict[str, Any]]:
    """The sections of the file, each with the schemas of what its entries say: first the field by which they name rows."""
    sections: dict[str, dict[str, Any]] = {}
    for by in resource().hidden:
        # Of numbers and texts alone: by null, nothing has the attribute.
        names = {"allOf": [resource().fields[by.field], {"type": ["integer", "string"]}]}
        said = sections.setdefault(f"{by.field}s", {by.field: names})
        said[by.name] = {"enum": list(by.values)} if by.values and not by.is_extensible else {"type": by.type}
    rows = f"{noun()}s" if f"{noun()}s" not in sections else "rows"
    sections[rows] = {resource().key: {"type": "integer"}, "pending": {"enum": [*PARTS, "none"]}}
    return sections


def _schema(sections: dict[str, dict[str, Any]]) -> dict[str, Any]:
    def entry(said: dict[str, Any]) -> dict[str, Any]:
        required = list(said)[: 2 if "pending" in said else 1]
        return {"type": "object", "properties": said, "required": required, "minProperties": 2} | CLOSED

    properties = {name: {"type": "array", "items": entry(said)} for name, said in sections.items()}
    return standalone({"type": "object", "properties": properties} | CLOSED)


CLOSED = {"additionalProperties": False}
