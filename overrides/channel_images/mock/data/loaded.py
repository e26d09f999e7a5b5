"""Keeps images that were loaded, as what a channel begins with."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import cast

from attrs import frozen

from channel_images.mock.as_json import from_json
from channel_images.mock.data.fields import MAX_ID
from channel_images.mock.data.listing import Sorted
from channel_images.mock.data.made import Row
from channel_images.mock.data.pattern import Criteria, Pending, Traits


@frozen
class LoadedImage:
    """An image that was loaded."""

    line: bytes
    """Its fields as JSON: in a quarter of the memory that they would take, and to the last digit."""
    pk: int
    product: int
    traits: Traits
    newest: str
    """The later of its dates."""


class Loaded:
    """Images that were loaded. All are pending for insertion: a channel that has been sent nothing yet.

    What the products are is said by the images; of one whose images differ, by the image with the lowest pk.
    """

    def __init__(self, images: Iterable[LoadedImage]) -> None:
        ordered = sorted(images, key=attrgetter("pk"))
        self._lines = [each.line for each in ordered]
        self._pks = [each.pk for each in ordered]
        self._products = [each.product for each in ordered]
        self._images_of: dict[int, list[int]] = {}
        self._traits: dict[int, Traits] = {}
        for index, each in enumerate(ordered):
            self._images_of.setdefault(each.product, []).append(index)
            self._traits.setdefault(each.product, each.traits)
        self.products: Sequence[int] = sorted(self._images_of)
        self.newest = max((each.newest for each in ordered), default="")
        """The latest date of any image."""

    @property
    def images(self) -> int:
        return len(self._pks)

    @property
    def end_pk(self) -> int:
        return _behind(self._pks)

    @property
    def end_product(self) -> int:
        return _behind(self.products)

    def pk(self, index: int) -> int:
        return self._pks[index]

    def index_from(self, pk: int) -> int:
        return bisect_left(self._pks, pk)

    def index(self, pk: int) -> int | None:
        index = self.index_from(pk)
        return index if index < self.images and self._pks[index] == pk else None

    def product(self, index: int) -> int:
        return self._products[index]

    def pending(self, index: int) -> Pending:
        return Pending.INSERT

    def sent(self, index: int) -> str | None:
        return None

    def row(self, index: int) -> Row:
        return cast("Row", from_json(self._lines[index]))

    def images_of(self, product: int) -> Sequence[int]:
        return self._images_of.get(product, ())

    def traits(self, product: int) -> Traits | None:
        return self._traits.get(product)

    def select(self, criteria: Criteria) -> Sorted:
        admitted = {product for product, traits in self._traits.items() if criteria.admit(traits, Pending.INSERT)}
        return Sorted([index for index, product in enumerate(self._products) if product in admitted])


def _behind(ids: Sequence[int]) -> int:
    """The id behind the last; after the largest that there is, the search for a free one begins anew."""
    return (ids[-1] + 1) % (MAX_ID + 1) if ids else 1
