"""Says what a listing asks for: an operation of the contract, a channel, filters, and how to page."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote

from attrs import evolve, frozen

from channel_images.choices import What
from channel_images.listings.bodies import decode_rows
from channel_images.walks.consistent import ConsistentWalk
from channel_images.walks.plain import PlainWalk
from channel_images.walks.rows import Rows
from channel_images.walks.walk import Walk
from channel_images.window import Window
from channel_images_api.filters import Filter
from channel_images_api.resource import RESOURCE, List, Resource
from channel_images_api.types import Request

T = TypeVar("T")

MAX_IDS_LENGTH = 1_500
"""Characters of the values of one filter in a URL; servers and proxies take URLs of 4,000 or more, and there may be two lists."""

_LISTS = {
    What.IMAGES: "all",
    What.DETAILED: "detailed",
    What.INSERTS: "insert",
    What.UPDATES: "update",
    What.PENDING: "insert_or_update",
}


@frozen
class Query:
    """One list of one channel.

    Attributes:
        what: Which list.
        channel_id: The channel.
        filters: The filters that are given, by their names in Python; of several values, each is there once.
        limit: Rows on a page.
        concurrency: Pages in flight at a time.
        consistent: Whether to prove that no image was lost.
        decode: Makes rows of the body of a page.
        api: What the rows are.
    """

    what: What
    channel_id: int
    limit: int
    concurrency: int
    consistent: bool
    filters: Mapping[str, object] = {}
    decode: Callable[[bytes], Rows] = decode_rows
    api: Resource = RESOURCE

    @property
    def counts(self) -> bool:
        """Whether the contract says that the list comes with its count."""
        return self._list.counts

    @property
    def _list(self) -> List:
        return self.api.lists[_LISTS[self.what]]

    def parts(self) -> list["Query"]:
        """The same in several queries, where the values are more than a URL can carry; none where a filter has none.

        The values are without repetition, so no image is in two parts, unless it moves to another product meanwhile.
        """
        several = [(name, values) for name, values in self.filters.items() if isinstance(values, list)]
        split = [[(name, chunk) for chunk in _chunks(values)] for name, values in several]
        return [evolve(self, filters={**self.filters, **dict(chosen)}) for chosen in itertools.product(*split)]

    def walk(self) -> Walk:
        """A walk through the list."""
        return ConsistentWalk(self.limit) if self.consistent else PlainWalk(self.limit)

    def request(self, window: Window) -> Request:
        """The request for a window."""
        return self._list.request(self.channel_id, window.number, window.limit, **self.filters)


def build_query(
    what: What,
    channel_id: int,
    filters: Mapping[str, object] = {},
    *,
    page_size: int,
    concurrency: int,
    consistent: bool,
    api: Resource = RESOURCE,
) -> Query:
    """Check the arguments of a listing.

    Raises:
        TypeError: An argument is of another type, or there is no such filter.
        ValueError: It is of the type, and none that a server takes.
    """
    chosen: dict[str, object] = {}
    for name, given in filters.items():
        if (known := api.filters.get(name)) is None:
            raise TypeError(f"there is no filter {name}; there are {', '.join(api.filters)}")
        if given is not None and known.several:
            chosen[name] = list(dict.fromkeys(_checked(known, value) for value in _iterated(known, given)))
        elif given is not None:
            chosen[name] = _checked(known, given)
    return Query(
        what=what,
        channel_id=channel_id,
        limit=positive("page_size", page_size),
        concurrency=positive("concurrency", concurrency),
        consistent=bool(consistent),
        filters=chosen,
        api=api,
    )


_KINDS: Mapping[str, tuple[Any, str]] = {
    "boolean": (bool, "is True or False"),
    "number": (int | float | Decimal, "takes numbers"),
    "string": (str, "takes texts"),
}


def _checked(known: Filter, value: Any) -> object:
    """The value for a filter as it is sent."""
    name = known.name
    if known.names and isinstance(value, str):
        if value.upper() not in known.names:
            raise ValueError(f"{name} takes {', '.join(known.names).lower()}, not {value!r}")
        return known.values[known.names.index(value.upper())]
    if known.type == "integer":
        value = int(check_id(name, value))
    else:
        kind, words = _KINDS[known.type]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TypeError(f"{name} {words}, not {value!r}")
        if value == "" or (isinstance(value, str) and known.several and "," in value):
            raise ValueError(
                f"{name} takes texts that are not empty{', without commas' * known.several}, not {value!r}"
            )
        if not isinstance(value, str) and not math.isfinite(value):
            raise ValueError(f"{name} takes finite numbers, not {value}")
        value = float(value) if isinstance(value, Decimal) else value
    if known.values and not known.is_extensible and value not in known.values:
        raise ValueError(f"{name} takes {', '.join(map(str, known.values))}, not {value!r}")
    return value


def check_id(name: str, value: int) -> int:
    """The value, when it can be an id.

    Raises:
        TypeError: It is no integer.
        ValueError: It is negative, or wider than 64 bits.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} takes integers, not {value!r}")
    if not 0 <= value < 2**63:
        raise ValueError(f"{name} takes integers from 0 to 2**63 - 1, not {value}")
    return value


def _iterated(known: Filter, given: Any) -> Iterable[object]:
    if known.values and isinstance(given, int | str):
        return [given]
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        what = "integers, such as [1, 2]" if known.type == "integer" else "values, in a list"
        raise TypeError(f"{known.name} takes several {what}, not {given!r}")
    return given


def positive(name: str, value: int) -> int:
    """The value, when it is a number of rows or of pages.

    Raises:
        TypeError: It is no integer.
        ValueError: It is less than 1.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is an integer, not {value!r}")
    if value < 1:
        raise ValueError(f"{name} is at least 1, not {value}")
    return value


def _chunks(values: Iterable[T]) -> list[Sequence[T]]:
    chunks: list[Sequence[T]] = []
    chunk: list[T] = []
    length = 0
    for value in values:
        size = len(quote(str(value), safe="")) + 1  # the comma
        if chunk and length + size > MAX_IDS_LENGTH:
            chunks.append(chunk)
            chunk, length = [], 0
        chunk.append(value)
        length += size
    return [*chunks, chunk] if chunk else chunks
