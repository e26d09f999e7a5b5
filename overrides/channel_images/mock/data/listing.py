"""Reads lists of images, as pks in the order in which they are served: counted, and a slice at a time."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Protocol

from attrs import frozen

from channel_images.mock.data.dataset import Dataset
from channel_images.mock.data.pattern import Selection


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


class View:
    """A selection of the data set with changes laid over it, by ascending pk.

    Kept up to date change by change; any page costs the logarithm of the number of changes, and its own rows.
    """

    def __init__(self, dataset: Dataset, selection: Selection) -> None:
        self._dataset = dataset
        self._selection = selection
        self._gone: list[int] = []
        """Ranks, in the selection, of rows that do not belong to it any more; ascending."""
        self._joined: list[int] = []
        """Pks that belong to the list without being in the selection; ascending."""

    @property
    def count(self) -> int:
        return self._selection.count - len(self._gone) + len(self._joined)

    def update(self, pk: int, index: int | None, *, selected: bool, belongs: bool) -> None:
        """Take note that the image `pk` belongs to the list, or does not any more.

        `index` is its place in the data set, if it has one, and `selected` says whether the selection holds it.
        """
        if index is not None and selected:
            set_member(self._gone, self._selection.rank(index), not belongs)
        else:
            set_member(self._joined, pk, belongs)

    def slice(self, start: int, stop: int) -> list[int]:
        joined = self._joined_before(start)
        left = self._left(start - joined)
        pks: list[int] = []
        left_pk = next(left, None)
        while len(pks) < stop - start:
            joined_pk = self._joined[joined] if joined < len(self._joined) else None
            if left_pk is not None and (joined_pk is None or left_pk < joined_pk):
                pks.append(left_pk)
                left_pk = next(left, None)
            elif joined_pk is not None:
                pks.append(joined_pk)
                joined += 1
            else:
                break
        return pks

    def _joined_before(self, position: int) -> int:
        """How many of the joined pks lie at positions before `position`."""

        def position_of(number: int) -> int:
            rank = self._selection.rank(self._dataset.index_from(self._joined[number]))
            return number + rank - bisect_left(self._gone, rank)

        return bisect_left(range(len(self._joined)), position, key=position_of)

    def _left(self, position: int) -> Iterator[int]:
        """The pks of the selection that are not gone, from the one with `position` such before it."""
        # The j-th gone rank has gone[j] - j ranks before it that are not gone.
        gone = bisect_right(range(len(self._gone)), position, key=lambda number: self._gone[number] - number)
        for rank in range(position + gone, self._selection.count):
            if gone < len(self._gone) and self._gone[gone] == rank:
                gone += 1
            else:
                yield self._dataset.pk(self._selection.nth(rank))


def set_member(members: list[int], item: int, present: bool) -> None:
    """Put `item` into the ascending list `members`, or take it out."""
    place = bisect_left(members, item)
    if (place < len(members) and members[place] == item) is present:
        return
    if present:
        members.insert(place, item)
    else:
        del members[place]
