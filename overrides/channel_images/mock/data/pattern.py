"""Repeats the pattern of a channel: which rows form a product, and what each product is.

A catalogue of ten million images must start at once, count the answers to any filter and jump to any page of them. So
everything that a filter or a pending list asks about repeats every `CYCLE` rows: one table says for each offset in
the cycle which product the row shows, what that product is, and what is pending. A selection of rows is then a set of
offsets, and "how many" and "the k-th" are arithmetic. Everything else about a row is free of the pattern (see
`dataset`).

A cycle is made of blocks. Each block holds the same eight products and the same work in another order, so that even a
channel of thirty images has some of everything.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

from attrs import frozen

from channel_images.mock.data.subject import singular, subject
from channel_images.resource import Filter

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


Traits: TypeAlias = Mapping[str, Any]
"""What a product is: its attributes, by the names of the filters on them. The same for all its images."""


@frozen
class Slot:
    """One row of the cycle."""

    product: int
    """Which product of the cycle, counted from 0."""
    order: int
    """The row's rank among the rows of its product, from 0."""
    traits: Traits
    pending: Pending


Conditions: TypeAlias = frozenset[tuple[str, frozenset[Any]]]
"""The values that each of some names may have."""


@frozen
class Criteria:
    """What a row must be, in terms of the pattern."""

    pending: frozenset[Pending] | None = None
    """What the channel may wait for; `None` for anything."""
    attributes: Conditions = frozenset()
    """What its product must be, by the names of the filters."""

    def admit(self, traits: Traits, pending: Pending) -> bool:
        """Whether a row of a product with `traits`, in the state `pending`, is among those asked for."""
        return (self.pending is None or pending in self.pending) and all(
            traits[name] in values for name, values in self.attributes
        )


ANY = Criteria()
"""Every row."""

# What each block holds, to be shuffled.
_IMAGES = (1, 2, 2, 3, 3, 4, 5, 6)
_PENDING = (Pending.INSERT,) * 7 + (Pending.UPDATE,) * 4 + (Pending.SENT,) * 15

_TYPES: Mapping[str, Callable[[int], Any]] = {"integer": int, "number": float, "string": "value-{}".format}
"""Values of an attribute of which the contract lists none."""

_SELECTIONS_KEPT = 32
_BLOCKS = 64
CYCLE_PRODUCTS = _BLOCKS * len(_IMAGES)
CYCLE = _BLOCKS * sum(_IMAGES)
"""Rows in a cycle."""


def values_of(attribute: Filter) -> Sequence[Any]:
    """An attribute of eight products: the commonest value first, and each value that the contract lists, up to eight."""
    if attribute.type == "boolean":
        return (True,) * 3 + (False,) * 5
    values = attribute.values or tuple(_TYPES[attribute.type](number) for number in range(4))
    return values[:1] * (len(_IMAGES) - len(values)) + values[: len(_IMAGES)]


def unknown() -> dict[str, Any]:
    """What a product is of which nothing is said."""
    return {each.name: False if each.type == "boolean" else values_of(each)[0] for each in subject().attributes}


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
            kinds = [_shuffled(values_of(each), singular(each), *key) for each in subject().attributes]
            for images, *values in zip(_shuffled(_IMAGES, "images", *key), *kinds, strict=True):
                traits = {each.name: value for each, value in zip(subject().attributes, values, strict=True)}
                number = len(self.starts)
                self.starts.append(len(self.slots))
                self.slots += [Slot(number, order, traits, next(pending)) for order in range(images)]
        self.starts.append(len(self.slots))
        # Each server that starts, or is reset, asks the same again.
        self._offsets = lru_cache(_SELECTIONS_KEPT)(self._selected)

    def select(self, criteria: Criteria, rows: int) -> "Selection":
        """The rows that meet `criteria`, among the first `rows`."""
        return Selection(self._offsets(criteria), rows)

    def _selected(self, criteria: Criteria) -> list[int]:
        return [offset for offset, slot in enumerate(self.slots) if criteria.admit(slot.traits, slot.pending)]


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
