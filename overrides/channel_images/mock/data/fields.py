"""Holds the fields of an image to the contract: those that a test or the admin API sets, and those that are loaded."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, cast

import jsonschema_rs

from channel_images.contract import load_contract, standalone
from channel_images.mock.data.dataset import Fields, Row, format_date
from channel_images.mock.parameters import message
from channel_images.resource import is_extensible

MAX_ID = 2**63 - 1

_DATES = ("created_date", "modified_date")
_NEEDED = ("pk", "product", "modified_date")
"""The fields without which the mock could not list an image."""
_LATEST = "9999"
"""No date of this year: the store's clock starts behind all of them, and must not run out of years."""


class InvalidFields(ValueError):
    """Fields that no image of the contract could have; `errors` say what is wrong, by field."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items()))
        self.errors = errors


@cache
def _properties() -> frozenset[str]:
    """The names of an image's fields."""
    return frozenset(load_contract()["components"]["schemas"]["ProductImage"]["properties"])


@cache
def _validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(
        standalone(load_contract()["components"]["schemas"]["ProductImage"]), validate_formats=True
    )


@cache
def _lenient_validator() -> jsonschema_rs.Validator:
    """The same, but that an open enum may have any value."""
    document = standalone(load_contract()["components"]["schemas"]["ProductImage"])
    return jsonschema_rs.validator_for(_opened(document), validate_formats=True)


def _opened(node: Any) -> Any:
    if isinstance(node, dict):
        closed = {"enum"} if is_extensible(node) else ()
        return {name: _opened(each) for name, each in node.items() if name not in closed}
    return [_opened(each) for each in node] if isinstance(node, list) else node


def checked(fields: Mapping[str, object]) -> Fields:
    """`fields` as a row holds them, with dates in the service's own format.

    Raises:
        InvalidFields: The contract does not know a name or a value, or one is `pk`.
    """
    known = _properties()
    errors = {name: ["This field does not exist."] for name in fields if name not in known}
    if "pk" in fields:
        errors["pk"] = ["This field is read-only."]
    row: dict[str, int | str | bool | None] = {}
    for name, value in fields.items():
        if name in _DATES:
            date = read_date(value)
            if date is None:
                errors.setdefault(name, ["Enter a valid date/time, with its time zone."])
            else:
                row[name] = date
        elif value is not None and not isinstance(value, int | str):
            errors.setdefault(name, ["Not a valid value."])
        else:
            row[name] = value
    for error in _validator().iter_errors(row):
        errors.setdefault(str(error.instance_path[0]), []).append(message(error))
    if errors:
        raise InvalidFields(errors)
    return row


def checked_row(row: Mapping[str, object]) -> Row:
    """The row of an image as a server gave it, with dates in the service's own format.

    It may have further fields, and further values of open enums; it may lack fields that the mock can do without.

    Raises:
        InvalidFields: The contract does not allow it, or a field is missing that the mock needs.
    """
    errors = {name: ["This field is required."] for name in _NEEDED if name not in row}
    # JSON has no whole numbers of its own: to the validator, 1.0 is one.
    errors |= {name: ["Not a valid value."] for name in ("pk", "product") if isinstance(row.get(name), float | Decimal)}
    changed = dict(row)
    for name in _DATES:
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
            errors.setdefault(str(error.instance_path[0]), [message(error)])
        raise InvalidFields(errors)
    return cast("Row", changed)


def laid_over(row: Row, fields: Fields) -> Row:
    """`row` with other values for `fields`, which must have been checked.

    Raises:
        InvalidFields: The row would be modified before it was created.
    """
    changed = cast("Row", {**row, **fields})
    # In one format and one time zone, dates compare as texts.
    created = changed.get("created_date", "")  # a row that was loaded may lack it
    if changed["modified_date"] < created:
        raise InvalidFields({"modified_date": [f"Must not be before created_date, {created}."]})
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
