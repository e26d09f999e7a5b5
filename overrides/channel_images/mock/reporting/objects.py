"""Reads the `objects` of a report, and says what is wrong with them by their pks."""

from collections.abc import Mapping

from attrs import frozen

from channel_images.mock.as_json import Json
from channel_images.mock.data.fields import read_date
from channel_images.mock.http.answers import bad_request
from channel_images.mock.parameters import Invalid, read_integer
from channel_images.mock.reporting.batches import Reason, row_type

LONGEST_ID = 255
"""Characters of a `remote_id`, and of a `remote_batch_id`."""


@frozen
class Named:
    """An image as a report names it. What is not said is `None`."""

    pk: int
    version_date: str | None
    remote_id: str | None
    failed_reason_type: Reason | None


def read_objects(value: object) -> dict[int, Named]:
    """The images that a report names, by pk; `null` names none.

    Raises:
        Refused: With 400; there is a message for each object that cannot be.
    """
    if value is None:
        return {}
    if not isinstance(value, list):
        raise bad_request({"objects": ["Expected a list of items."]})
    named: dict[int, Named] = {}
    complaints: list[str] = []
    for place, item in enumerate(value, 1):
        try:
            each = _read(place, item)
            if named.setdefault(each.pk, each) is not each:
                raise Invalid(f"Image {each.pk} is named twice.")
        except Invalid as invalid:
            complaints += invalid.messages
    refuse(complaints)
    return named


def refuse(complaints: list[str]) -> None:
    """Raise `Refused` with 400 where there are complaints about objects."""
    if complaints:
        raise bad_request({"objects": complaints})


def _read(place: int, item: object) -> Named:
    if not isinstance(item, dict):
        raise Invalid(f"Item {place}: Expected an object.")
    pk = _pk(place, item.get("pk"))
    version = item.get("version_date")
    date = read_date(version)
    if version is not None and date is None:
        raise Invalid(f"Image {pk}: version_date must be a date/time with its time zone.")
    if item.get("content_type") not in (None, row_type()):
        raise Invalid(f"Image {pk}: content_type must be {row_type()}.")
    return Named(pk, date, _remote_id(pk, item), _reason(pk, item))


def _pk(place: int, value: Json) -> int:
    if type(value) is int:
        return value
    try:
        return read_integer(value if isinstance(value, str) else "")
    except Invalid:
        raise Invalid(f"Item {place}: pk must be a number.") from None


def _remote_id(pk: int, item: Mapping[str, object]) -> str | None:
    value = item.get("remote_id")
    if value is None or (isinstance(value, str) and len(value) <= LONGEST_ID):
        return value or None
    if type(value) is int:
        return str(value)
    raise Invalid(f"Image {pk}: remote_id must be text of up to {LONGEST_ID} characters.")


def _reason(pk: int, item: Mapping[str, object]) -> Reason | None:
    value = item.get("failed_reason_type")
    if value in (None, ""):
        return None
    if isinstance(value, str) and value in set(Reason):
        return Reason(value)
    raise Invalid(f"Image {pk}: failed_reason_type must be one of {', '.join(Reason)}.")
