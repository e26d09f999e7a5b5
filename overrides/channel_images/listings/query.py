"""Says what a listing asks for: an operation of the contract, a channel, filters, and how to page."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from attrs import evolve, frozen

from channel_images.choices import What
from channel_images.listings.bodies import decode_rows
from channel_images.walks.consistent import ConsistentWalk
from channel_images.walks.plain import PlainWalk
from channel_images.walks.rows import Rows
from channel_images.walks.walk import Walk
from channel_images.window import Window
from channel_images_api.api.sales_channel_product_image import (
    list_detailed_product_images,
    list_product_image_inserts,
    list_product_image_inserts_or_updates,
    list_product_image_updates,
    list_product_images,
)
from channel_images_api.models import ProductType
from channel_images_api.types import Request

T = TypeVar("T")

MAX_IDS_LENGTH = 1_500
"""Characters of one list of ids in a URL; servers and proxies take URLs of 4,000 or more, and there may be two lists."""


_REQUESTS: Mapping[What, Callable[..., Request]] = {
    What.IMAGES: list_product_images.request,
    What.DETAILED: list_detailed_product_images.request,
    What.INSERTS: list_product_image_inserts.request,
    What.UPDATES: list_product_image_updates.request,
    What.PENDING: list_product_image_inserts_or_updates.request,
}
_COUNTED = (What.IMAGES, What.DETAILED)  # as the contract says


@frozen
class Query:
    """One list of one channel.

    Attributes:
        what: Which list.
        channel_id: The channel.
        ids: The filters that are lists of ids, by their names in Python, each id once.
        filters: The other filters; those not given are not in it.
        limit: Rows on a page.
        concurrency: Pages in flight at a time.
        consistent: Whether to prove that no image was lost.
        decode: Makes rows of the body of a page.
    """

    what: What
    channel_id: int
    limit: int
    concurrency: int
    consistent: bool
    ids: Mapping[str, Sequence[int]] = {}
    filters: Mapping[str, object] = {}
    decode: Callable[[bytes], Rows] = decode_rows

    @property
    def counts(self) -> bool:
        """Whether the contract says that the list comes with its count."""
        return self.what in _COUNTED

    def parts(self) -> list["Query"]:
        """The same in several queries, where the ids are more than a URL can carry; none where a list of ids is empty.

        The ids are without repetition, so no image is in two parts, unless it moves to another product meanwhile.
        """
        split = [[(name, chunk) for chunk in _chunks(ids)] for name, ids in self.ids.items()]
        return [evolve(self, ids={}, filters={**self.filters, **dict(chosen)}) for chosen in itertools.product(*split)]

    def walk(self) -> Walk:
        """A walk through the list."""
        return ConsistentWalk(self.limit) if self.consistent else PlainWalk(self.limit)

    def request(self, window: Window) -> Request:
        """The request for a window."""
        return _REQUESTS[self.what](self.channel_id, page=window.number, limit=window.limit, **self.filters)


def build_query(
    what: What,
    channel_id: int,
    *,
    limit: int,
    concurrency: int,
    consistent: bool,
    product: int | None = None,
    product_pk_in: Iterable[int] | None = None,
    id_in: Iterable[int] | None = None,
    is_seller_product: bool | None = None,
    product_type: Iterable[ProductType | int] | ProductType | int | None = None,
) -> Query:
    """Check the arguments of a listing.

    Raises:
        TypeError: An argument is of another type.
        ValueError: It is of the type, and none that a server takes.
    """
    ids: dict[str, Sequence[int]] = {}
    filters: dict[str, object] = {}
    if product is not None:
        filters["product"] = check_id("product", product)
    for name, values in (("product_pk_in", product_pk_in), ("id_in", id_in)):
        if values is not None:
            ids[name] = list(dict.fromkeys(check_id(name, value) for value in _iterated(name, values)))
    if is_seller_product is not None:
        if not isinstance(is_seller_product, bool):
            raise TypeError(f"is_seller_product is True or False, not {is_seller_product!r}")
        filters["is_seller_product"] = is_seller_product
    if product_type is not None:
        types = [product_type] if isinstance(product_type, int) else list(_iterated("product_type", product_type))
        filters["product_type"] = list(dict.fromkeys(check_id("product_type", kind) for kind in types))
        if not types:
            ids["id_in"] = []  # no type, no row
    return Query(
        what=what,
        channel_id=channel_id,
        limit=positive("limit", limit),
        concurrency=positive("concurrency", concurrency),
        consistent=bool(consistent),
        ids=ids,
        filters=filters,
    )


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


def _iterated(name: str, values: Iterable[T]) -> Iterable[T]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name} takes several integers, such as [1, 2], not {values!r}")
    return values


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


def _chunks(ids: Iterable[int]) -> list[Sequence[int]]:
    chunks: list[Sequence[int]] = []
    chunk: list[int] = []
    length = 0
    for value in ids:
        digits = len(str(int(value))) + 1  # the comma
        if chunk and length + digits > MAX_IDS_LENGTH:
            chunks.append(chunk)
            chunk, length = [], 0
        chunk.append(value)
        length += digits
    return [*chunks, chunk] if chunk else chunks
