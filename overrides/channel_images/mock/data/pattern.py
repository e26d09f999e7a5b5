"""Repeats the pattern of a channel: which rows form a product, and what each product is.

A catalogue of ten million images must start at once, count the answers to any filter and jump to any page of them. So
everything that a filter or a pending list asks about repeats every `CYCLE` rows: one table says for each offset in
the cycle which product the row shows, of which type, whose, and what is pending. A selection of rows is then a set of
offsets, and "how many" and "the k-th" are arithmetic. Everything else about a row is free of the pattern (see
`dataset`).

A cycle is made of blocks. Each block holds the same eight products and the same work in another order, so that even a
channel of thirty images has some of everything.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from enum import Enum
from typing import TypeVar

from attrs import frozen

Item = TypeVar("Item")


class Pending(Enum):
    """What the channel waits for: the state of an image towards it."""

    INSERT = "insert"
    """Never sent to the channel."""
    UPDATE = "update"
    """Sent before, and modified since."""
    SENT = "sent"
    """Nothing: the channel has the present version."""
    TAKEN = "taken"
    """What an open batch makes of it: the image is in no pending list until the batch ends."""


@frozen
class Traits:
    """What a product is: the same for all its images."""

    product_type: int
    is_seller: bool


@frozen
class Slot:
    """One row of the cycle."""

    product: int
    """Which product of the cycle, counted from 0."""
    order: int
    """The row's rank among the rows of its product, from 0."""
    traits: Traits
    pending: Pending


@frozen
class Criteria:
    """What a row must be, in terms of the pattern; `None` asks for nothing."""

    pending: frozenset[Pending] | None = None
    is_seller: bool | None = None
    product_types: frozenset[int] | None = None

    def admit(self, traits: Traits, pending: Pending) -> bool:
        """Whether a row of a product with `traits`, in the state `pending`, is among those asked for."""
        return (
            (self.pending is None or pending in self.pending)
            and (self.is_seller is None or traits.is_seller is self.is_seller)
            and (self.product_types is None or traits.product_type in self.product_types)
        )


ANY = Criteria()
"""Every row."""

# What each block holds, to be shuffled: simple products are the commonest, every type occurs.
_TYPES = (0, 0, 0, 1, 2, 3, 4, 5)
_SELLERS = (True,) * 3 + (False,) * 5
_IMAGES = (1, 2, 2, 3, 3, 4, 5, 6)
_PENDING = (Pending.INSERT,) * 7 + (Pending.UPDATE,) * 4 + (Pending.SENT,) * 15

_BLOCKS = 64
CYCLE_PRODUCTS = _BLOCKS * len(_TYPES)
CYCLE = _BLOCKS * sum(_IMAGES)
"""Rows in a cycle."""


def _shuffled(items: Sequence[Item], *key: object) -> list[Item]:
    """`items` in an order that depends on `key` alone: the same on any machine and with any Python."""

    def rank(position: int) -> bytes:
        return hashlib.blake2b(repr((*key, position)).encode(), digest_size=8).digest()

    return [items[position] for position in sorted(range(len(items)), key=rank)]


class Pattern:
    """The cycle of one channel: a pure function of `seed` and `channel`."""

    def __init__(self, seed: int, channel: int) -> None:
        self.slots: list[Slot] = []
        self.starts: list[int] = []
        """The offset at which each product of the cycle begins, and, last, the length of the cycle."""
        for block in range(_BLOCKS):
            key = (seed, channel, block)
            pending = iter(_shuffled(_PENDING, "pending", *key))
            products = zip(
                _shuffled(_TYPES, "type", *key),
                _shuffled(_SELLERS, "seller", *key),
                _shuffled(_IMAGES, "images", *key),
                strict=True,
            )
            for product_type, is_seller, images in products:
                number, traits = len(self.starts), Traits(product_type, is_seller)
                self.starts.append(len(self.slots))
                self.slots += [Slot(number, order, traits, next(pending)) for order in range(images)]
        self.starts.append(len(self.slots))

    def select(self, criteria: Criteria, rows: int) -> "Selection":
        """The rows that meet `criteria`, among the first `rows`."""
        offsets = [offset for offset, slot in enumerate(self.slots) if criteria.admit(slot.traits, slot.pending)]
        return Selection(offsets, rows)


class Selection:
    """Row indices, ascending, that repeat in every cycle; any of them is found by arithmetic."""

    def __init__(self, offsets: list[int], rows: int) -> None:
        self._offsets = offsets
        self.count = self.rank(rows)

    def rank(self, index: int) -> int:
        """How many selected indices lie before `index`."""
        cycle, offset = divmod(index, CYCLE)
        return cycle * len(self._offsets) + bisect_left(self._offsets, offset)

    def nth(self, rank: int) -> int:
        """The index with `rank` selected ones before it; `rank` must be below `count`."""
        cycle, position = divmod(rank, len(self._offsets))
        return cycle * CYCLE + self._offsets[position]
