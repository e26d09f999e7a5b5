"""Says what a page holds, for walks: its rows, and what the server says of the rest."""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import Factory, field, frozen

from channel_images_api.models import ProductImage


def keys_of(images: Iterable[ProductImage]) -> list[int]:
    """The `pk` of each image that has one."""
    pks: list[Any] = [image.pk for image in images]
    return pks if set(map(type, pks)) <= {int} else [pk for pk in pks if type(pk) is int]


@frozen
class Rows:
    """What a page said.

    Attributes:
        images: The rows.
        count: The number of rows on all pages; None if the server does not say.
        more: Whether there is a next page; None if the server does not say.
        pks: The `pk` of each row that has one.
    """

    images: Sequence[ProductImage]
    count: int | None = None
    more: bool | None = None
    pks: Sequence[int] = field(
        init=False, eq=False, default=Factory(lambda self: keys_of(self.images), takes_self=True)
    )

    def promises_more_than(self, rows: int) -> bool:
        """Whether the server says that the list has more than so many rows: by the count, or without one by `next`."""
        return self.more is True if self.count is None else self.count > rows

    def ends_after(self, rows: int) -> bool:
        """Whether the server says that so many rows are all: `next` is null, and the count agrees."""
        return self.more is False and not self.promises_more_than(rows)


NOTHING = Rows(())
"""What a page past the end holds."""


def without_repeats(images: Iterable[ProductImage]) -> list[ProductImage]:
    """The images, each `pk` once: a query that joins without `DISTINCT` gives some twice."""
    return list({image.pk if type(image.pk) is int else object(): image for image in images}.values())
