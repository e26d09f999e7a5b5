"""Reads the filters of the lists beside the contract, and answers a page of one in the envelope."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from attrs import frozen

from channel_images.mock.as_json import Json
from channel_images.mock.data.listing import Listing
from channel_images.mock.http.answers import Answer, bad_request, not_found
from channel_images.mock.http.call import Call
from channel_images.mock.http.links import page_link
from channel_images.mock.operations import operations, page_name, size_name
from channel_images.mock.parameters import Invalid, read_integer
from channel_images.mock.settings import Settings
from channel_images.resource import resource

Choice = TypeVar("Choice", bound=StrEnum)
Given = TypeVar("Given")
Value = TypeVar("Value")


@frozen
class Filters:
    """The query of a request. A parameter is `None` where it is not there; a bad one raises `Refused` with 400.

    Lists may be separated by commas, or repeat the parameter, as the vendor's client does.
    """

    _call: Call

    def text(self, name: str) -> str | None:
        """The text itself."""
        return self._call.query.get(name)

    def integer(self, name: str) -> int | None:
        """A whole number."""
        return self._read(name, self.text(name), read_integer)

    def uuid(self, name: str) -> str | None:
        """A UUID in its usual spelling."""
        return self._read(name, self.text(name), _uuid)

    def integers(self, name: str) -> frozenset[int] | None:
        """A list of whole numbers."""
        return self._list(name, read_integer)

    def choices(self, name: str, kind: type[Choice]) -> frozenset[Choice] | None:
        """A list of words that `kind` knows."""
        return self._list(name, lambda text: kind(choice(text, kind)))

    def is_descending(self, name: str, fields: Iterable[str]) -> bool:
        """Whether a list is sorted from the end, by one of `fields`: each of them gives the same order."""
        text = self.text(name) or next(iter(fields))
        self._read(name, text.removeprefix("-"), lambda field: choice(field, fields))
        return text.startswith("-")

    def _list(self, name: str, read: Callable[[str], Value]) -> frozenset[Value] | None:
        texts = self._call.values(name)
        if not texts:
            return None
        items = [item.strip() for text in texts for item in text.split(",")]
        return self._read(name, items, lambda each: frozenset(map(read, each)))

    def _read(self, name: str, given: Given | None, read: Callable[[Given], Value]) -> Value | None:
        try:
            return None if given is None else read(given)
        except Invalid as invalid:
            raise bad_request({name: invalid.messages}) from None


def choice(text: str, known: Iterable[str]) -> str:
    """A text that must be one of those known."""
    if text not in set(known):
        raise Invalid(f"Select a valid choice. {text} is not one of the available choices.")
    return text


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Invalid("Enter a valid UUID.") from None


def page(
    call: Call, listing: Listing, row: Callable[[int], Json], settings: Settings, *, is_descending: bool = False
) -> Answer:
    """The page of a list that a request asks for, with the contract's parameters for that.

    Raises:
        Refused: With 404; there is no such page. With 400; the limit is not a number.
    """
    number, limit = _paging(call)
    size = min(limit, settings.max_limit)
    start, count = (number - 1) * size, listing.count
    if number > 1 and start >= count:
        raise not_found("Invalid page.")

    stop = min(start + size, count)
    pks = listing.slice(count - stop, count - start)[::-1] if is_descending else listing.slice(start, stop)

    def link(to: int) -> str:
        return page_link(call, page_name(), to, trust_proxy=settings.trust_proxy)

    answer = Answer.of_json(
        {
            "count": count,
            "next": link(number + 1) if stop < count else None,
            "previous": link(number - 1) if number > 1 else None,
            "results": [row(pk) for pk in pks],
        }
    )
    answer.rows = len(pks)
    return answer


def _paging(call: Call) -> tuple[int, int]:
    """The number of the page, and its size."""
    values = []
    parameters = operations()[resource().operation(is_list=True).id].query_parameters
    for name in (size_name(), page_name()):
        parameter = next(each for each in parameters if each.name == name)
        text = call.query.get(name)
        try:
            values.append(parameter.default if text is None else parameter.decode(text))
        except Invalid as invalid:
            raise (
                not_found("Invalid page.") if name == page_name() else bad_request({name: invalid.messages})
            ) from None
    limit, number = values
    assert isinstance(number, int)  # noqa: S101 - the contract's page and limit are integers
    assert isinstance(limit, int)  # noqa: S101
    return number, limit
