"""Reads lists of images, as pks in the order in which they are served: counted, and a slice at a time."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Protocol

from attrs import frozen


class Listing(Protocol):
    """A list of images. A variant or a bug wraps one in another to change rows, order or count."""

    @property
    def count(self) -> int:
        """How many images the list holds."""
        ...

    def slice(self, start: int, stop: int) -> Sequence[int]:
        """The pks at the positions from `start` up to, not including, `stop`; fewer where the list ends before."""
        ...


@frozen(eq=False)
class Chosen:
    """A short list, its pks already known: the answer to a filter that names images or products."""

    _pks: Sequence[int]

    @property
    def count(self) -> int:
        return len(self._pks)

    def slice(self, start: int, stop: int) -> Sequence[int]:
        return self._pks[start:stop]


class Keys(Protocol):
    """Ascending numbers, found by their rank."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def rank(self, key: int) -> int:
        """How many of them lie below `key`."""
        ...

    def nth(self, rank: int) -> int:
        """The one with that many below it; `rank` must be below `count`."""
        ...


@frozen(eq=False)
class Sorted:
    """Keys that are all there: an ascending list, or a range."""

    _keys: Sequence[int]

    @property
    def count(self) -> int:
        return len(self._keys)

    def rank(self, key: int) -> int:
        return bisect_left(self._keys, key)

    def nth(self, rank: int) -> int:
        return self._keys[rank]


class View:
    """Keys with changes laid over them: some are gone, others have joined.

    Kept up to date change by change; any page costs the logarithm of the number of changes, and its own rows.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._gone: list[int] = []
        """Ranks of the keys that do not belong to the list any more; ascending."""
        self._joined: list[int] = []
        """What belongs to the list without being among the keys; ascending."""

    @property
    def count(self) -> int:
        return self._keys.count - len(self._gone) + len(self._joined)

    def update(self, key: int, *, belongs: bool) -> None:
        """Take note that `key` belongs to the list, or does not any more."""
        rank = self._keys.rank(key)
        if rank < self._keys.count and self._keys.nth(rank) == key:
            set_member(self._gone, rank, not belongs)
        else:
            set_member(self._joined, key, belongs)

    def slice(self, start: int, stop: int) -> list[int]:
        joined = self._joined_before(start)
        left = self._left(start - joined)
        keys: list[int] = []
        next_left = next(left, None)
        while len(keys) < stop - start:
            next_joined = self._joined[joined] if joined < len(self._joined) else None
            if next_left is not None and (next_joined is None or next_left < next_joined):
                keys.append(next_left)
                next_left = next(left, None)
            elif next_joined is not None:
                keys.append(next_joined)
                joined += 1
            else:
                break
        return keys

    def _joined_before(self, position: int) -> int:
        """How many of the joined keys lie at positions before `position`."""

        def position_of(number: int) -> int:
            rank = self._keys.rank(self._joined[number])
            return number + rank - bisect_left(self._gone, rank)

        return bisect_left(range(len(self._joined)), position, key=position_of)

    def _left(self, position: int) -> Iterator[int]:
        """The keys that are not gone, from the one with `position` such before it."""
        # The j-th gone rank has gone[j] - j ranks before it that are not gone.
        gone = bisect_right(range(len(self._gone)), position, key=lambda number: self._gone[number] - number)
        for rank in range(position + gone, self._keys.count):
            if gone < len(self._gone) and self._gone[gone] == rank:
                gone += 1
            else:
                yield self._keys.nth(rank)


def set_member(members: list[int], item: int, present: bool) -> None:
    """Put `item` into the ascending list `members`, or take it out."""
    place = bisect_left(members, item)
    if (place < len(members) and members[place] == item) is present:
        return
    if present:
        members.insert(place, item)
    else:
        del members[place]
