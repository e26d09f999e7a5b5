"""Reading a list that changes meanwhile, with proof that no image was lost.

A page is a window on the list at one moment. If two windows, of whatever moments, share a row, then together they hold
every image that was there throughout and lies between the first row of the one and the last row of the other: what
comes before the shared row is in the first window, what comes after it in the second. So this walk reads a chain of
windows that overlap. It asks for slightly varying limits, such that each window begins a few rows before the last one
ended: page 3 of 985 rows after page 2 of 990 rows. A list that stays as it is takes 6 % more requests in pages of 1,000
rows, 16 % in pages of 100 and 40 % in pages of 20.

When a window shares no row with the chain, more rows left the list than the overlap allows for; the walk then steps back
until it does, and overlaps more from then on. It gives up after `MAX_STEPS_BACK` steps and goes on behind the gap, which
`IncompleteListing` names in the end.

The assumptions: a page is read atomically; the order of two images never changes; an image that has left the list does
not come back while it is read. Images that come or go while the list is read are handed out at most once.

Where windows cannot overlap, since the server has one size of pages, or a largest one of so few rows that all limits up
to it divide an offset (10 rows: 2,520), whole passes are compared instead, one page after the other. Two passes in a row
that hold the same pages, each row once, prove that no image was lost. For an image that is in no page comes, in the
order, behind the rows of some page and those before it, and before the rows of the next page. As the second pass holds
the rows of the earlier pages too, they were there when the next page was read, and fill all places before it, so that
there is none for the image. The walk gives up after `MAX_PASSES`.

How the chain begins, ends and is bounded: docs/sdk.md.
"""

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from channel_images.exceptions import BadRequest, IncompleteListing
from channel_images.paging import FAR, Rows, Walk, Window, keys_of, without_repeats
from channel_images_api.models import ProductImage

MAX_STEPS_BACK = 16
"""Steps back from one gap."""
MAX_IDLE_WINDOWS = 64
"""Windows in a row that hold nothing new, since rows are added in front faster than they are read."""
MAX_PASSES = 6
"""Passes that are compared, where windows cannot overlap."""
MAX_GROWTH = 4
"""How many times as many images as the server counted on the first page, and 20 pages more: rows are added at the end as
fast as they are read."""
_SURE_TO_OVERLAP = 20
"""From this limit on, no offset below 232,792,560 rows is divided by every smaller limit."""
_WORD = 64


class PkSet:
    """A set of integers that takes little memory where they lie close together, as the keys of a table do."""

    def __init__(self) -> None:
        self._words: dict[int, int] = {}

    def add(self, pk: int) -> None:
        word, bit = divmod(pk, _WORD)
        self._words[word] = self._words.get(word, 0) | 1 << bit

    def __contains__(self, pk: int) -> bool:
        word, bit = divmod(pk, _WORD)
        return bool(self._words.get(word, 0) >> bit & 1)


class Chain:
    """The images that were handed out, as far as they are still needed: the last ones, to be recognized in a window.

    While the `pk` only rise, or only fall, and the last one is met again each time, no more is kept, so that memory
    stays flat. Else all are kept from then on, a few bits each, so that none of them is handed out again wherever it is met.

    Args:
        keep: How many of the last ones to keep.

    Attributes:
        keep: How many of the last ones to keep; there may be twice as many.
        forgets: Whether images were handed out that are not known any more.
    """

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.forgets = False
        self._recent: dict[int, None] = {}
        self._all: PkSet | None = None
        self._last: int | None = None
        self._rising: bool | None = None
        self._horizon = 0  # the last one that was forgotten; all others lie on one side of it

    def __contains__(self, pk: object) -> bool:
        """Whether the image is one of the last ones."""
        return pk in self._recent

    def without_handed_out(self, images: Iterable[ProductImage]) -> list[ProductImage]:
        """Those of the images that were not handed out, as far as that is known."""
        recent, everything = self._recent, self._all
        new = [image for image in images if image.pk not in recent]
        if everything is not None:
            new = [image for image in new if type(image.pk) is not int or image.pk not in everything]
        return new

    def may_have_forgotten(self, pk: object) -> bool:
        """Whether the image may have been handed out although it is not known."""
        return self.forgets and type(pk) is int and (pk <= self._horizon if self._rising else pk >= self._horizon)

    def ends_with(self, images: Sequence[ProductImage]) -> bool:
        """Whether the last one that was handed out, if any, is the last one of these."""
        return self._last is None or bool(images and images[-1].pk == self._last)

    @property
    def keeps_all(self) -> bool:
        """Whether all are kept."""
        return self._all is not None

    def keep_all(self) -> None:
        """Forget nothing from now on."""
        if self._all is None:
            self._all = PkSet()
            for pk in self._recent:
                self._all.add(pk)

    def extend(self, pks: Iterable[int]) -> None:
        """Take in the images that are being handed out."""
        added = list(pks)
        if not added:
            return
        if self._all is None and not self._goes_on_with(added):
            self.keep_all()
        self._last = added[-1]
        self._recent.update(dict.fromkeys(added))
        if self._all is not None:
            for pk in added:
                self._all.add(pk)
        if (surplus := len(self._recent) - self.keep) > self.keep:
            for pk in list(self._recent)[:surplus]:
                del self._recent[pk]
                if self._all is None:
                    self.forgets, self._horizon = True, pk

    def _goes_on_with(self, pks: Sequence[int]) -> bool:
        """Whether the `pk` keep rising, or keep falling."""
        row = pks if self._last is None else [self._last, *pks]
        if len(row) > 1 and self._rising is None:
            self._rising = row[1] > row[0]
        return all(map(operator.lt if self._rising else operator.gt, row, row[1:]))


class ConsistentWalk(Walk):
    """Forward, in windows that overlap; see the module.

    Args:
        limit: The most rows on a page.

    Attributes:
        doubts: The windows before which rows may be missing; `check` raises when there are any.
        passes: How many times the list was begun.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.doubts: list[Window] = []
        self.passes = 1
        self._chain = Chain(keep=4 * limit)
        self._overlap = max(1, limit // 50)
        self._offset = 0  # rows before the end of the chain, as of its last window
        self._gap: tuple[Window, Rows] | None = None  # what does not continue the chain
        self._back: Window | None = None  # the window of a step back
        self._steps_back = 0
        self._idle = 0
        self._after_short: Window | None = None  # the page after one that was short
        self._comparison: _Comparison | None = None
        self._handed_out = 0
        self._steady_count: int | None = None  # while all pages say the same
        self._first_count: int | None = None
        self._set_limit(limit)

    def checkpoint(self) -> dict[str, Any]:
        """Where the walk is, for `json`. The images that it has handed out are the other half of it."""
        return {
            "done": self.done,
            "begun": self._begun,
            "limit": self.limit,
            "overlap": self._overlap,
            "offset": self._offset,
            "passes": self.passes,
            "compares": self._comparison is not None,
            "keeps_all": self._chain.keeps_all,
            "handed_out": self._handed_out,
            "count": self._steady_count,
            "first_count": self._first_count,
            "doubts": [(window.number, window.limit) for window in self.doubts],
        }

    def resume(self, checkpoint: Mapping[str, Any], handed_out: Iterable[Iterable[int]]) -> None:
        """Go on where a walk was. What has happened to the list since is no different from what happens meanwhile.

        Args:
            checkpoint: What `checkpoint` returned.
            handed_out: The `pk` that the walk had handed out by then, in their order, some at a time.
        """
        self.done, self._begun = checkpoint["done"], checkpoint["begun"]
        self._overlap, self._offset, self.passes = checkpoint["overlap"], checkpoint["offset"], checkpoint["passes"]
        self.doubts = [Window(number, limit) for number, limit in checkpoint["doubts"]]
        self._handed_out, self._steady_count = checkpoint["handed_out"], checkpoint["count"]
        self._first_count = checkpoint["first_count"]
        self._set_limit(checkpoint["limit"])
        if checkpoint["compares"]:
            self._compare_passes()
        if checkpoint["keeps_all"]:
            self._chain.keep_all()
        for pks in handed_out:
            self._chain.extend(pks)

    def check(self) -> None:
        if self.doubts:
            raise IncompleteListing(
                f"images may be missing before {_named(self.doubts)}: the list changed too fast while it was read, "
                "or has no stable order",
                windows=self.doubts,
                passes=self.passes,
            )

    def upcoming(self, most: int) -> Sequence[Window]:
        if self.done:
            return ()
        if not self._begun:
            return (Window(1, self.limit),)
        if self._comparison is not None:
            return (self._comparison.upcoming(),)
        if self._back is not None:
            return (self._back,)
        if self._after_short is not None:
            return (self._after_short,)
        windows: list[Window] = []
        offset = self._offset
        while len(windows) < most and (not windows or self.count is None or offset < self.count):
            window = overlapping(offset, self._overlap, self.limit)
            if window is None:
                break
            windows.append(window)
            offset = window.end
        return windows

    def failed(self, window: Window, error: Exception) -> Sequence[ProductImage]:
        if isinstance(error, BadRequest) and self._begun and window.limit < self.limit and not self._chain.forgets:
            self._compare_passes()  # the server takes some limits only
            return ()
        return super().failed(window, error)

    def _take(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        if not all(type(image.pk) is int for image in rows.images):
            raise IncompleteListing(
                f"{window} has images without a pk, so that no image can be told from another: nothing can be proven",
                windows=[window],
                passes=self.passes,
            )
        if self._comparison is not None:
            return self._take_compared(self._comparison, window, rows)
        if self._steady_count != rows.count:
            self._steady_count = None if self._offset else rows.count
        if window == self._after_short:
            return self._end_unless_more(window, rows)
        if self._offset == 0 and not self._steps_back:
            return self._begin(window, rows)
        forgets = self._chain.forgets
        if len(rows.images) > window.limit and not forgets:
            self._compare_passes(len(rows.images))  # the server has one size of pages, whatever the limit
            return ()
        for index, image in enumerate(rows.images):
            if image.pk in self._chain:
                return self._continue(window, rows, rows.images[index:])
        if window.start == 0 and not forgets:
            return self._continue(window, rows, rows.images)
        if self._gap is None and rows.more and all(self._chain.may_have_forgotten(image.pk) for image in rows.images):
            return self._continue(window, rows, ())  # so many rows were added in front that this lies before the chain
        return self._step_back(window, rows)

    def _take_far(self, rows: Rows) -> None:
        assert self._comparison is not None  # noqa: S101 - nothing else raises the suspicion
        self._comparison.take_far(rows)
        self._end_pass(self._comparison)

    def _begin(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        size = len(rows.images)
        if size and size != window.limit and rows.more is not False:
            self._set_limit(size)  # the size of the server's pages, or the whole list: the next window tells
        self._offset = size
        self._first_count = rows.count
        new = self._hand_out(rows.images)
        if not size or _is_end(window, rows, self.count):
            self._finish(window)
        elif overlapping(self._offset, 1, self.limit) is None:
            self._compare_passes()
        return new

    def _continue(self, window: Window, rows: Rows, images: Sequence[ProductImage]) -> Sequence[ProductImage]:
        """The window holds nothing that the chain might lack before `images`."""
        self._gap, self._back, self._steps_back = None, None, 0
        new = self._hand_out(images)
        size = len(rows.images)
        self._offset = window.end if rows.more else window.start + size
        self._idle = 0 if new else self._idle + 1
        if _is_end(window, rows, self.count):
            self._finish(window)
        elif size < window.limit and (rows.more is None or _is_counted_end(window, rows, self.count)):
            self._after_short = Window(window.number + 1, window.limit)
        elif self._idle >= MAX_IDLE_WINDOWS or self._outgrows_the_reader():
            self.doubts.append(window)
            self.done = True
        elif overlapping(self._offset, 1, self.limit) is None:
            self._compare_passes()
        return new

    def _outgrows_the_reader(self) -> bool:
        most = None if self._first_count is None else MAX_GROWTH * self._first_count + 20 * self.limit
        return most is not None and self._handed_out > most

    def _end_unless_more(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """A short page is the last one, unless the server takes rows out of its pages: then others follow."""
        self._after_short = None
        if not rows.images or rows.images[-1].pk in self._chain:  # past the end, or the last page once more
            self._finish(window)
        elif overlapping(window.start, 1, self.limit) is None:
            self._compare_passes()
        else:
            self._offset = window.start
        return ()

    def _finish(self, window: Window) -> None:
        """The server says that this is the end. Where it counted more than it gave, look again."""
        if self._steady_count is None or self._steady_count <= self._handed_out:
            self.done = True
        elif self._chain.forgets:
            self.doubts.append(window)
            self.done = True
        else:
            self._compare_passes()

    def _step_back(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """The window does not reach the chain: read what lies before it."""
        if self._gap is None:
            self._gap = window, rows
        if self._steps_back == MAX_STEPS_BACK or window.start == 0:
            return self._give_up(*self._gap)
        step = min(max(1, self.limit * self._steps_back or self.limit // 2), 3 * self.limit)
        self._steps_back += 1
        self._overlap = max(1, min(2 * self._overlap, self.limit // 2))
        limit = max(1, self.limit - 1)  # one less, so that a server whose pages have one size betrays itself
        self._back = Window(max(0, window.start - step) // limit + 1, limit)
        return ()

    def _give_up(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """Go on behind the gap."""
        self.doubts.append(window)
        if not rows.images:
            self.done = True
            return ()
        return self._continue(window, rows, rows.images)

    def _hand_out(self, images: Sequence[ProductImage]) -> Sequence[ProductImage]:
        new = self._chain.without_handed_out(without_repeats(images))
        if self.doubts:  # behind a gap, what the chain has forgotten can be met again
            new = [image for image in new if not self._chain.may_have_forgotten(image.pk)]
        old = images[: len(images) - len(new)]
        if new and not (self._chain.ends_with(old) and images[len(old) :] == new):
            self._chain.keep_all()  # rows may have been added before the last one, so that the chain is not in order
        self._chain.extend(keys_of(new))
        self._handed_out += len(new)
        return new

    def _shrink(self, limit: int) -> bool:
        if limit < _SURE_TO_OVERLAP and self._chain.forgets:
            return False  # whole passes might be needed, which know an image again only if none was forgotten
        self._set_limit(limit)
        self._back = None
        if self._comparison is not None:
            self._compare_passes()
        return True

    def _set_limit(self, limit: int) -> None:
        self.limit = limit
        self._overlap = max(1, min(self._overlap, limit // 2))
        self._chain.keep = max(self._chain.keep, 4 * limit)
        if limit < _SURE_TO_OVERLAP:
            self._chain.keep_all()

    def _compare_passes(self, limit: int | None = None) -> None:
        self._chain.keep_all()
        self._gap, self._back, self._steps_back = None, None, 0
        self._comparison = _Comparison(limit or self.limit)

    def _take_compared(self, comparison: "_Comparison", window: Window, rows: Rows) -> Sequence[ProductImage]:
        new = self._hand_out(rows.images)
        comparison.take(rows, is_last=_is_end(window, rows, self.count))
        self._end_pass(comparison)
        return new

    def _end_pass(self, comparison: "_Comparison") -> None:
        if not comparison.ended:
            return
        differing = comparison.compare()
        self.done = differing == []
        self.passes += 1
        if not self.done and self.passes > MAX_PASSES:
            self.doubts.extend(differing or [Window(1, self.limit)])
            self.done = True


class _Comparison:
    """Whole passes in pages of one size, until two in a row are the same.

    Args:
        limit: Rows on a page.

    Attributes:
        ended: Whether the last page of a pass was taken.
        repeats: Whether the last page that was taken holds mostly rows of earlier ones, and is not known to end the pass.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._before: list[tuple[int, ...]] | None = None
        self._begin()

    def _begin(self) -> None:
        self.ended = self.repeats = False
        self._pages: list[tuple[int, ...]] = []
        self._seen = PkSet()
        self._seen_twice = 0
        self._idle = 0
        self._whole = False  # one answer held the whole list

    def upcoming(self) -> Window:
        """One window at a time, for the proof needs a pass to be read in its order."""
        return Window(FAR if self.repeats else len(self._pages) + 1, self._limit)

    def take(self, rows: Rows, *, is_last: bool) -> None:
        """Take a page."""
        page = tuple(keys_of(rows.images))
        known = sum(pk in self._seen for pk in page) + len(page) - len(set(page))
        self._seen_twice += known
        self._idle = self._idle + 1 if known == len(page) else 0
        self.ended = not page or is_last or self._idle > MAX_IDLE_WINDOWS
        self.repeats = 2 * known > len(page) and not self.ended
        for pk in page:
            self._seen.add(pk)
        if page:
            self._pages.append(page)

    def take_far(self, rows: Rows) -> None:
        """Take the page that no list has. A server that gives rows for it ignores `page`, or gives its last page again."""
        page, last = tuple(keys_of(rows.images)), self._pages[-1]
        self.repeats = False
        self.ended = not set(page).isdisjoint(last)
        if page == last == self._pages[-2]:
            self._pages.pop()
            self._seen_twice -= len(page)
            self._whole = len(self._pages) == 1

    def compare(self) -> list[Window] | None:
        """End the pass; returns the pages that differ from those of the pass before, and None where there is none.

        A pass that is one page, first and last at once, needs no other.
        """
        before, pages, whole = self._before, self._pages, self._whole
        unique = not self._seen_twice
        self._before = pages if unique else None
        self._begin()
        if whole:
            return []
        if before is None:
            return None
        longest = max(len(before), len(pages))
        differing = [
            Window(index + 1, self._limit)
            for index in range(longest)
            if before[index : index + 1] != pages[index : index + 1]
        ]
        return differing if unique or differing else None


def overlapping(offset: int, overlap: int, limit: int) -> Window | None:
    """The window of at most `limit` rows that reaches furthest, of those that begin `overlap` rows before `offset`.

    It overlaps less where there is none; None where there is none that begins before `offset` and ends behind it.
    """
    for wanted in (overlap, 1) if overlap > 1 else (1,):
        begin = max(0, offset - wanted)
        best: Window | None = None
        for size in range(limit, 1, -1):
            window = Window(begin // size + 1, size)
            if window.end > (best.end if best is not None else offset):
                best = window
            if best is not None and best.end - offset >= size - 1 - 2 * wanted:
                break  # smaller ones hardly reach further
        if best is not None:
            return best
    return None


def _is_end(window: Window, rows: Rows, count: int | None) -> bool:
    """Whether the server says that no page follows, and its count agrees."""
    return rows.more is False and (count is None or _is_counted_end(window, rows, count))


def _is_counted_end(window: Window, rows: Rows, count: int | None) -> bool:
    """Whether the server's count says that no page follows."""
    return count is not None and count <= window.start + len(rows.images)


def _named(windows: Sequence[Window]) -> str:
    few = ", ".join(map(str, windows[:3]))
    return few if len(windows) <= 3 else f"{few} and {len(windows) - 3} others"
