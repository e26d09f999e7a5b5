"""Holds the fields of an image to the contract: those that a test or the admin API sets, and those that are loaded."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import jsonschema_rs

from channel_images.contract import standalone
from channel_images.mock.data.dataset import Dataset
from channel_images.mock.data.made import Row, format_date
from channel_images.mock.data.subject import Field, subject
from channel_images.mock.parameters import NUMBER, message
from channel_images.resource import Filter, is_extensible, resource

MAX_ID = 2**63 - 1

_LATEST = "9999"
"""No date of this year: the store's clock starts behind all of them, and must not run out of years."""
_ATTRIBUTES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "integer": ((int,), NUMBER),
    "number": ((int, float, Decimal), NUMBER),
    "boolean": ((bool,), "Must be a valid boolean."),
    "string": ((str,), "Not a valid string."),
}
"""What the value of an attribute may be, and what is said of any other, by the type of its filter."""
_DEEPEST = 100
"""Levels of arrays and objects in a field; the validator takes some more."""
_CHANNEL, _SAMPLE = 5, 64
"""Whose rows are held to the contract, and how many of them."""


class InvalidFields(ValueError):
    """Fields that no image of the contract could have; `errors` say what is wrong, by field."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items()))
        self.errors = errors


@cache
def _validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(standalone(resource().schema), validate_formats=True)


@cache
def _lenient_validator() -> jsonschema_rs.Validator:
    """The same, but that an open enum may have any value."""
    return jsonschema_rs.validator_for(_opened(standalone(resource().schema)), validate_formats=True)


@cache
def check_made() -> None:
    """Hold rows that are made up to the contract.

    Raises:
        ValueError: The contract asks for more of a field than the mock can make up.
    """
    dataset = Dataset(0, _CHANNEL, _SAMPLE)
    for index in range(_SAMPLE):
        for error in _validator().iter_errors(dataset.row(index)):
            where = ".".join(map(str, error.instance_path))
            raise ValueError(
                f"the mock makes values up for {resource().name}.{where}, and the contract refuses one: {error.message}; "
                "give the schema of the field examples to choose from"
            )


def _opened(node: Any) -> Any:
    if isinstance(node, dict):
        closed = {"enum"} if is_extensible(node) else ()
        return {name: _opened(each) for name, each in node.items() if name not in closed}
    return [_opened(each) for each in node] if isinstance(node, list) else node


def attributes_of(fields: Mapping[str, object]) -> tuple[dict[str, Any], dict[str, object]]:
    """The attributes of the product among `fields`, without those that are `None`; and the other fields.

    Raises:
        InvalidFields: The value of an attribute has another type than the contract says.
    """
    fields, said = dict(fields), {}
    for attribute in subject().attributes:
        value = fields.pop(attribute.name, None)
        if value is None:
            continue
        if not has_type(attribute, value):
            raise InvalidFields({attribute.name: [_ATTRIBUTES[attribute.type][1]]})
        said[attribute.name] = value
    return said, fields


def has_type(attribute: Filter, value: object) -> bool:
    """Whether an attribute may have such a value."""
    return type(value) in _ATTRIBUTES[attribute.type][0]


def checked(fields: Mapping[str, object]) -> Row:
    """`fields` as a row holds them, with dates in the service's own format.

    Raises:
        InvalidFields: The contract does not know a name or a value, or one is the key.
    """
    known = subject().fields
    errors = {name: ["This field does not exist."] for name in fields if name not in known}
    if resource().key in fields:
        errors[resource().key] = ["This field is read-only."]
    row: Row = {}
    for name, value in fields.items():
        if name in errors:
            continue
        if known[name].is_date and not (value is None and known[name].is_nullable):
            date = read_date(value)
            if date is None:
                errors[name] = ["Enter a valid date/time, with its time zone."]
            else:
                row[name] = date
        elif not _is_json(value) or not _fits(value, known[name]):
            errors[name] = ["Not a valid value."]
        else:
            row[name] = value
    for error in _validator().iter_errors(row):
        if error.instance_path:  # and not that fields are missing: they are made up
            errors.setdefault(str(error.instance_path[0]), []).append(message(error))
    if errors:
        raise InvalidFields(errors)
    return row


def _is_json(value: object, depth: int = 0) -> bool:
    if depth > _DEEPEST:
        return False
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_json(each, depth + 1) for name, each in value.items())
    if isinstance(value, list):
        return all(_is_json(each, depth + 1) for each in value)
    return (
        value is None or isinstance(value, str | int) or (isinstance(value, float | Decimal) and math.isfinite(value))
    )


def _fits(value: object, field: Field) -> bool:
    """Whether a field takes a value of this kind. To the validator 1.0 is a whole number, which JSON does not know."""
    kinds = {(float, Decimal): "number", (Mapping,): "object", (list,): "array"}
    return all(not isinstance(value, types) or kind in field.types for types, kind in kinds.items())


def checked_row(row: Mapping[str, object]) -> Row:
    """The row of an image as a server gave it, with dates in the service's own format.

    It may have further fields, and further values of open enums; it may lack fields that the mock can do without.

    Raises:
        InvalidFields: The contract does not allow it, or a field is missing without which the mock could not list it.
    """
    keys = (resource().key, subject().group)
    errors = {name: ["This field is required."] for name in (*keys, resource().version) if name not in row}
    # JSON has no whole numbers of its own: to the validator, 1.0 is one.
    errors |= {name: ["Not a valid value."] for name in keys if isinstance(row.get(name), float | Decimal)}
    changed = dict(row)
    for name in subject().dates:
        if name not in row:
            continue
        date = read_date(row[name])
        if date is None:
            errors[name] = ["Enter a valid date/time, with its time zone."]
        elif date >= _LATEST:
            errors[name] = [f"The mock's dates end before the year {_LATEST}."]
        else:
            changed[name] = date
    if errors or not _lenient_validator().is_valid(changed):
        for error in _lenient_validator().iter_errors(changed):
            errors.setdefault(str((*error.instance_path, resource().name)[0]), [message(error)])
        raise InvalidFields(errors)
    return changed


def laid_over(row: Row, fields: Row) -> Row:
    """`row` with other values for `fields`, which must have been checked.

    Raises:
        InvalidFields: The row would be modified before it was created.
    """
    changed = {**row, **fields}
    # In one format and one time zone, dates compare as texts.
    created = changed.get(subject().created, "")  # a row that was loaded may lack it
    if changed[resource().version] < created:
        raise InvalidFields({resource().version: [f"Must not be before {subject().created}, {created}."]})
    return changed


def read_date(value: object) -> str | None:
    """A date-time, or the text of one, as a row holds it; `None` for anything else, and where the time zone is missing."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            return None
        return format_date(moment.astimezone(UTC).replace(tzinfo=None))
    # The first days of year 1, and the last of 9999, exist in some time zones only.
    except (ValueError, OverflowError):
        return None
