"""What a listing asks for: an operation of the contract, a channel, filters, and how to page."""

import itertools
import json
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from attrs import evolve, frozen

from channel_images.walks.consistent import ConsistentWalk
from channel_images.walks.plain import PlainWalk
from channel_images.walks.rows import Rows
from channel_images.walks.walk import Walk
from channel_images.window import Window
from channel_images_api.errors import MalformedBody
from channel_images_api.models import ProductImage, ProductImagePage, ProductType
from channel_images_api.types import UNSET, Request

T = TypeVar("T")

MAX_IDS_LENGTH = 1_500
"""Characters of one list of ids in a URL; servers and proxies take URLs of 4,000 or more, and there may be two lists."""


@frozen
class Query:
    """One list of one channel.

    Attributes:
        operation: The `request` of the operation in the generated client.
        channel_id: The channel.
        ids: The filters that are lists of ids, by their names in Python, each id once.
        filters: The other filters; those not given are not in it.
        limit: Rows on a page.
        concurrency: Pages in flight at a time.
        consistent: Whether to prove that no image was lost.
        counts: Whether the contract says that the list comes with its count.
    """

    operation: Callable[..., Request]
    channel_id: int
    limit: int
    concurrency: int
    consistent: bool
    counts: bool
    ids: Mapping[str, Sequence[int]] = {}
    filters: Mapping[str, object] = {}

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
        return self.operation(self.channel_id, page=window.number, limit=window.limit, **self.filters)


def build_query(
    operation: Callable[..., Request],
    channel_id: int,
    *,
    limit: int,
    concurrency: int,
    consistent: bool,
    counts: bool,
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
        operation=operation,
        channel_id=channel_id,
        limit=_positive("limit", limit),
        concurrency=_positive("concurrency", concurrency),
        consistent=bool(consistent),
        counts=counts,
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


def decode_rows(content: bytes) -> Rows:
    """A page of a list: in the envelope, or as a bare array, whichever the contract says of the operation.

    Raises:
        MalformedBody: It is neither, or a `pk` is one that the contract does not have.
    """
    start = content.lstrip()[:1]
    if start not in (b"[", b"{"):
        start = _as_utf_8(content)[:1]
    if start == b"[":
        return Rows(_checked_pks(ProductImage.list_from_json(content), ""))
    page = ProductImagePage.from_json(content)
    if not isinstance(page.results, list):
        raise MalformedBody("an array", None if page.results is UNSET else page.results, "results")
    return Rows(
        _checked_pks(page.results, "results"),
        count=page.count if isinstance(page.count, int) and page.count >= 0 else None,
        more=None if page.next_ is UNSET else page.next_ is not None,
    )


WIDEST = 70
"""Bits of a `pk`. The contract has 63, some services give out more; of 70, at most 1,024 integers share a hash."""


def _checked_pks(images: list[ProductImage], path: str) -> list[ProductImage]:
    """The images, when no `pk` is too wide: of those any number can have one hash, and a set takes hours for them."""
    pks: list[Any] = [image.pk for image in images]
    with suppress(TypeError, OverflowError):  # where some images have none, or a wide one
        array("q", pks)
        return images
    for number, pk in enumerate(pks):
        if isinstance(pk, int) and pk.bit_length() > WIDEST:
            raise MalformedBody(f"an integer of at most {WIDEST} bits", pk, f"{path}[{number}].pk")
    return images


def _as_utf_8(content: bytes) -> bytes:
    """JSON in any of its encodings; what is none stays as it is."""
    try:
        return content.decode(json.detect_encoding(content)).lstrip("\ufeff \t\r\n").encode()
    except UnicodeError:
        return content


def decode_image(content: bytes) -> ProductImage:
    """One image.

    Raises:
        MalformedBody: It is none; without a `pk`, what came is no image.
    """
    image = ProductImage.from_json(content)
    if type(image.pk) is not int:
        raise MalformedBody("an integer", None, "pk")
    return image


def _iterated(name: str, values: Iterable[T]) -> Iterable[T]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise TypeError(f"{name} takes several integers, such as [1, 2], not {values!r}")
    return values


def _positive(name: str, value: int) -> int:
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
