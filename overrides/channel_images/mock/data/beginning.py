"""Says what a channel begins with, in whatever way its images are kept."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from channel_images.mock.data.listing import Keys
from channel_images.mock.data.made import Row
from channel_images.mock.data.pattern import Criteria, Pending, Traits


class Beginning(Protocol):
    """The images that a channel begins with, by their index in the order of their pks. Nothing of it ever changes."""

    @property
    def images(self) -> int:
        """How many there are."""
        ...

    @property
    def products(self) -> Sequence[int]:
        """The ids of all products, ascending."""
        ...

    @property
    def end_pk(self) -> int:
        """Where to look for a pk that no image has."""
        ...

    @property
    def end_product(self) -> int:
        """Where to look for the id of a product that is none of them."""
        ...

    def pk(self, index: int) -> int:
        """The pk of an image."""
        ...

    def index_from(self, pk: int) -> int:
        """How many images have a pk below `pk`."""
        ...

    def index(self, pk: int) -> int | None:
        """The index of the image with `pk`, `None` if there is none."""
        ...

    def product(self, index: int) -> int:
        """The product that an image shows."""
        ...

    def pending(self, index: int) -> Pending:
        """What the channel waits for."""
        ...

    def sent(self, index: int) -> str | None:
        """The version of an image that was sent, by its date; `None` if none was."""
        ...

    def row(self, index: int) -> Row:
        """The fields of an image: a new object each time."""
        ...

    def images_of(self, product: int) -> Sequence[int]:
        """The indices of the images that show `product`."""
        ...

    def traits(self, product: int) -> Traits | None:
        """What `product` is, `None` if no image shows it."""
        ...

    def select(self, criteria: Criteria) -> Keys:
        """The indices of the images that meet `criteria`."""
        ...


@frozen(eq=False)
class Selected:
    """The pks of the images at some indices."""

    _beginning: Beginning
    _indices: Keys

    @property
    def count(self) -> int:
        return self._indices.count

    def rank(self, key: int) -> int:
        return self._indices.rank(self._beginning.index_from(key))

    def nth(self, rank: int) -> int:
        return self._beginning.pk(self._indices.nth(rank))
