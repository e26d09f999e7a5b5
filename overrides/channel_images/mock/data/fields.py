"""Holds the fields of an image that a test or the admin API sets to the contract."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import cast

import jsonschema_rs

from channel_images.contract import load_contract, standalone
from channel_images.mock.data.dataset import Fields, Row, format_date
from channel_images.mock.parameters import message

_DATES = ("created_date", "modified_date")


class InvalidFields(ValueError):
    """Fields that no image of the contract could have; `errors` say what is wrong, by field."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(messages)}" for name, messages in errors.items()))
        self.errors = errors


@cache
def _validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(
        standalone(load_contract()["components"]["schemas"]["ProductImage"]), validate_formats=True
    )


def checked(fields: Mapping[str, object]) -> Fields:
    """`fields` as a row holds them, with dates in the service's own format.

    Raises:
        InvalidFields: The contract does not know a name or a value, or one is `pk`.
    """
    known = load_contract()["components"]["schemas"]["ProductImage"]["properties"]
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


def laid_over(row: Row, fields: Fields) -> Row:
    """`row` with other values for `fields`, which must have been checked.

    Raises:
        InvalidFields: The row would be modified before it was created.
    """
    changed = cast("Row", {**row, **fields})
    # In one format and one time zone, dates compare as texts.
    if changed["modified_date"] < changed["created_date"]:
        raise InvalidFields({"modified_date": [f"Must not be before created_date, {changed['created_date']}."]})
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
