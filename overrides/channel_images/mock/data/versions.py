"""Reads which images were sent, and at which versions, from whatever a test has at hand."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol, TypeAlias

from channel_images.mock.data.fields import InvalidFields, read_date
from channel_images.resource import resource


class Image(Protocol):
    """An image as an object, such as a `ProductImage`."""

    @property
    def pk(self) -> object: ...
    @property
    def modified_date(self) -> object: ...


One: TypeAlias = int | Mapping[str, object] | Image
"""One image: its pk, its row as the API shows it, or an object with both fields."""
Sent: TypeAlias = One | Iterable[One] | Mapping[int, datetime | str | None]
"""One image or several, or versions by pk: a version is the `modified_date` that was sent, as a date or as its text."""


def versions_of(sent: Sent) -> dict[int, str | None]:
    """The version of each image, `None` if it is not said.

    Raises:
        InvalidFields: What is given is no image, or its version is no date.
    """
    if isinstance(sent, Mapping) and resource().key not in sent:
        return _merged((pk, _date(pk, version)) for pk, version in sent.items())
    several = sent if isinstance(sent, Iterable) and not isinstance(sent, Mapping) else [sent]
    return _merged(map(_version, several))


def _merged(pairs: Iterable[tuple[object, str | None]]) -> dict[int, str | None]:
    versions: dict[int, str | None] = {}
    for pk, version in pairs:
        if type(pk) is not int:
            raise InvalidFields({"pks": [f"{pk!r} is not a pk: give a number, or an image."]})
        if versions.setdefault(pk, version) != version:
            raise InvalidFields({"versions": [f"Image {pk} is given at two versions: give the one that was sent."]})
    return versions


def _version(image: object) -> tuple[object, str | None]:
    key, version = resource().key, resource().version
    if isinstance(image, Mapping):
        return image.get(key), _date(image.get(key), image.get(version), is_needed=True)
    if hasattr(image, key):
        return getattr(image, key), _date(getattr(image, key), getattr(image, version, None), is_needed=True)
    return image, None


def _date(pk: object, value: object, *, is_needed: bool = False) -> str | None:
    if value is None and not is_needed:
        return None
    date = read_date(value)
    if date is None:
        complaint = f"Image {pk}: {value!r} is not a version: give its {resource().version}, with a time zone."
        raise InvalidFields({"versions": [complaint]})
    return date
