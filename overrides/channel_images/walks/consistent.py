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

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from channel_images.exceptions import BadRequest, IncompleteListing, ResponseError, Timeout
from channel_images.walks.rows import Rows, keys_of, without_repeats
from channel_images.walks.seen import Chain, PkSet
from channel_images.walks.walk import FAR, MAX_IDLE_WINDOWS, Walk
from channel_images.window import Window
from channel_images_api.models import ProductImage

MAX_STEPS_BACK = 16
"""Steps back from one gap."""
MAX_PASSES = 6
"""Passes that are compared, where windows cannot overlap."""
_SURE_TO_OVERLAP = 20
"""From this limit on, no offset below 232,792,560 rows is divided by every smaller limit."""


class ConsistentWalk(Walk):
    """Forward, in windows that overlap; see the module.

    Args:
        limit: The most rows on a page.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._chain = Chain(keep=4 * limit)
        self._overlap = max(1, limit // 50)
        self._offset = 0  # rows before the end of the chain, as of its last window
        self._gap: tuple[Window, Rows] | None = None  # what does not continue the chain
        self._back: Window | None = None  # the window of a step back
        self._steps_back = 0
        self._idle = 0
        self._after_short: Window | None = None  # the page after one that was short
        self._short: list[int] = []  # and the pks of that one
        self._comparison: _Comparison | None = None
        self._steady_count: int | None = None  # while all pages say the same
        self._ignores_limit = False
        self._half: Window | None = None
        self._is_enlarged = False  # a page, beyond the limit, where the server ignores its number
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

    def upcoming(self, most: int) -> Sequence[Window]:
        if self.done:
            return ()
        if not self._begun:
            return (Window(1, self.limit),)
        if self._half is not None:
            return (self._half,)
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
        if self._is_enlarged and isinstance(error, ResponseError | Timeout) and window.number != FAR:
            self._end_in_doubt(window, "the server gives the same rows for any page")
            return ()
        return super().failed(window, error)

    def _take(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        if not all(type(image.pk) is int for image in rows.images):
            raise IncompleteListing(
                f"{window} has images without a pk, so that no image can be told from another: nothing can be proven",
                windows=[window],
                passes=self.passes,
            )
        if self._comparison is not None and window == self._half:
            self._take_half(self._comparison, window, tuple(keys_of(rows.images)))
            return ()
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
            self._ignores_limit = True  # the server has one size of pages
            self._compare_passes(len(rows.images))
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
        if size and size != window.limit and not _is_end(window, rows, self.count):
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
        elif self._idle >= MAX_IDLE_WINDOWS or self._outgrows_the_reader():
            self._end_in_doubt(window)
        elif size < window.limit and (rows.more is None or _is_counted_end(window, rows, self.count)):
            self._after_short = Window(window.number + 1, window.limit)
            self._short = list(keys_of(rows.images))
        elif overlapping(self._offset, 1, self.limit) is None:
            self._compare_passes()
        return new

    def _end_unless_more(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """A short page is the last one, unless the server takes rows out of its pages: then others follow."""
        self._after_short = None
        is_once_more = list(keys_of(rows.images)) == self._short
        if not rows.images or is_once_more or rows.images[-1].pk in self._chain:  # past the end, or the last page
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
            self._end_in_doubt(window, self._what_it_counts())
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
        self._half = None
        self._chain.keep_all()
        self._gap, self._back, self._steps_back = None, None, 0
        self._comparison = _Comparison(limit or self.limit)

    def _take_compared(self, comparison: "_Comparison", window: Window, rows: Rows) -> Sequence[ProductImage]:
        new = self._hand_out(rows.images)
        comparison.take(rows, is_last=_is_end(window, rows, self.count))
        if self._outgrows_the_reader():
            self._end_in_doubt(window)
        else:
            self._end_pass(comparison)
        return new

    def _end_pass(self, comparison: "_Comparison") -> None:
        if not comparison.ended:
            return
        behind = comparison.upcoming()
        differing = comparison.compare()
        self.done = differing == []
        self.passes += 1
        if self.done and comparison.full_page and not self._ignores_limit:
            # All that there is, or page 1 for every number? The second half of it is asked for as a page 2.
            self.done = False
            self._half = Window(2, max(1, len(comparison.full_page) // 2))
        elif self.done and comparison.counts_more:
            self._end_in_doubt(behind, self._what_it_counts())
        elif not self.done and self.passes > MAX_PASSES:
            self.doubts.extend(differing or [Window(1, self.limit)])
            self.done = True

    def _take_half(self, comparison: "_Comparison", half: Window, pks: tuple[int, ...]) -> None:
        """Take the second half of the only page, where the server reads `page`."""
        self._half = None
        page = comparison.full_page
        if pks and pks == page[half.start : half.end]:
            self.done = True
        elif pks[:1] == page[:1]:
            self._is_enlarged = True  # it ignores `page`: then have the other rows on page 1
            self._compare_passes(10 * len(page))
        else:
            self._compare_passes(len(page))
        if self.passes > MAX_PASSES and not self._is_enlarged:
            self._end_in_doubt(half)

    def _what_it_counts(self) -> str:
        return f"the server counts {self.count} images, and gives {self._handed_out}"


class _Comparison:
    """Whole passes in pages of one size, until two in a row are the same.

    Args:
        limit: Rows on a page.

    Attributes:
        ended: Whether the last page of a pass was taken.
        full_page: The only page of the pass that was compared last, where it has as many rows as were asked for.
        counts_more: Whether the server said, throughout that pass, that there are more rows than it gave.
        repeats: Whether the last page that was taken holds mostly rows of earlier ones, and is not known to end the pass.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.full_page: tuple[int, ...] = ()
        self.counts_more = False
        self._before: list[tuple[int, ...]] | None = None
        self._begin()

    def _begin(self) -> None:
        self.ended = self.repeats = False
        self._pages: list[tuple[int, ...]] = []
        self._seen = PkSet()
        self._seen_twice = 0
        self._idle = 0
        self._whole = False  # one answer held the whole list
        self._least_count: int | None = None
        self._more: bool | None = None

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
            self._more = rows.more
        if rows.count is not None:
            self._least_count = min(rows.count, rows.count if self._least_count is None else self._least_count)

    def take_far(self, rows: Rows) -> None:
        """Take the page that no list has. A server that gives rows for it ignores `page`, or gives its last page again."""
        page, last = tuple(keys_of(rows.images)), self._pages[-1]
        self.repeats = False
        self.ended = not set(page).isdisjoint(last)
        if page == last and self._pages[-2:-1] == [last]:
            self._pages.pop()
            self._seen_twice -= len(page)
        self._whole = page == last and len(self._pages) == 1

    def compare(self) -> list[Window] | None:
        """End the pass; returns the pages that differ from those of the pass before, and None where there is none.

        A pass that is one page, first and last at once, needs no other.
        """
        before, pages, whole = self._before, self._pages, self._whole
        unique = not self._seen_twice
        given = sum(map(len, pages)) - self._seen_twice
        self.full_page = pages[0] if whole and len(pages[0]) >= self._limit else ()
        self.counts_more = bool(whole and self._more) if self._least_count is None else self._least_count > given
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
