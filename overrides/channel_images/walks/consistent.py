"""Reads a list that changes meanwhile, with proof that no image was lost.

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

A stable order is assumed, and no page proves it. What betrays that it is none: two images that two windows in a row share,
and that have changed places; and fewer images than the server counted at any time of the pass. Neither is a doubt by
itself, for the second one comes too where rows leave before they are read and others come behind the walk. So whole passes
are compared then, which hand out what was missed. After fewer images than were counted, one pass settles it that gives as
many as the server counts meanwhile; after a changed order, one that gives nothing new when exactly those that every window
counted were handed out. Else there is a doubt, unless two passes are the same.

How the chain begins, ends and is bounded: docs/sdk.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from channel_images.exceptions import BadRequest, IncompleteListing
from channel_images.walks.passes import Comparison
from channel_images.walks.rows import Rows, keys_of, without_repeats
from channel_images.walks.walk import MAX_IDLE_WINDOWS, Walk
from channel_images.window import Window
from channel_images_api.models import ProductImage

MAX_STEPS_BACK = 16
"""Steps back from one gap."""
MAX_PASSES = 6
"""Passes that are compared."""
_MAX_EMPTY = 2  # windows without rows, and nothing new in between, although the server says that there is more
_SURE_TO_OVERLAP = 20
"""From this limit on, no offset below 232,792,560 rows is divided by every smaller limit."""
_STATE = (
    *("done", "passes", "limit", "_begun", "_handed_out", "_first_count", "_offset", "_overlap"),
    *("_least", "_steady", "_is_reordered", "_looks_for_missing"),
)
"""The attributes that a checkpoint takes as they are."""


@frozen
class Gap:
    """Rows that do not continue the chain, and how often the walk has stepped back from them."""

    window: Window
    rows: Rows
    steps: int = 0


class ConsistentWalk(Walk):
    """Forward, in windows that overlap; see the module.

    Args:
        limit: The most rows on a page.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._overlap = max(1, limit // 50)
        self._offset = 0  # rows before the end of the chain, as of its last window
        self._first: Sequence[int] = ()  # the pks of the first window
        self._before: Sequence[int] = ()  # those of the window before
        self._is_reordered = False  # two images were seen in one order, and then in the other
        self._idle = 0  # windows in a row that held nothing new
        self._empty = 0  # those of them without rows
        self._least: int | None = None  # the least count of this pass
        self._steady: int | None = None  # the count, while all windows say the same
        self._comparison: Comparison | None = None
        self._handed_out_before = 0  # the pass that is compared
        self._looks_for_missing = False  # the passes are compared since the server counts more than it gave
        self._set_limit(limit)

    def checkpoint(self) -> dict[str, Any]:
        """Where the walk is, for `json`. The images that it has handed out are the other half of it."""
        return {name.lstrip("_"): getattr(self, name) for name in _STATE} | {
            "compares": self._comparison is not None,
            "keeps_all": self._seen.keeps_all,
            "doubts": [(window.number, window.limit) for window in self.doubts],
        }

    def resume(self, checkpoint: Mapping[str, Any], handed_out: Iterable[Iterable[int]]) -> None:
        """Go on where a walk was. What has happened to the list since is no different from what happens meanwhile.

        Args:
            checkpoint: What `checkpoint` returned.
            handed_out: The `pk` that the walk had handed out by then, in their order, some at a time.
        """
        for name in _STATE:
            setattr(self, name, checkpoint[name.lstrip("_")])
        self.doubts = [Window(number, limit) for number, limit in checkpoint["doubts"]]
        self._set_limit(self.limit)
        if checkpoint["compares"]:
            self._compare_passes()
        if checkpoint["keeps_all"]:
            self._seen.keep_all()
        for pks in map(list, handed_out):
            self._seen.extend(pks)
            if self._handed_out <= self.limit:
                self._first = [*self._first, *pks]

    def failed(self, window: Window, error: Exception) -> Sequence[ProductImage]:
        is_probe = self._question is not None and self._question.of_the_probe
        takes_others = window.limit < self.limit and self._begun and not is_probe
        if isinstance(error, BadRequest) and takes_others and not self._seen.forgets:
            self._question = None
            self._compare_passes()
            return ()
        return super().failed(window, error)

    def _windows(self, most: int) -> Sequence[Window]:
        if not self._begun:
            return (Window(1, self.limit),)
        if self._comparison is not None:
            return (self._comparison.upcoming(),)
        windows: list[Window] = []
        offset = self._offset
        while len(windows) < most and (not windows or self.count is None or offset < self.count):
            window = overlapping(offset, self._overlap, self.limit)
            if window is None:
                break
            windows.append(window)
            offset = window.end
        return windows

    def _take(self, window: Window, rows: Rows, gap: Gap | None = None) -> Sequence[ProductImage]:
        pks = rows.pks
        if len(pks) < len(rows.images):
            raise IncompleteListing(
                f"{window} has images without a pk, so that no image can be told from another: nothing can be proven",
                windows=[window],
                passes=self.passes,
            )
        self._take_count(rows.count)
        if self._comparison is not None:
            return self._take_compared(self._comparison, window, rows, pks)
        self._compare_order(pks)
        if self._offset == 0 and gap is None:
            return self._begin(window, rows, pks)
        return self._take_chained(window, rows, pks, gap)

    def _take_count(self, count: int | None) -> None:
        self._steady = count if count == self._steady or not self._handed_out else None
        if count is not None:
            self._least = count if self._least is None else min(self._least, count)

    def _compare_order(self, pks: Sequence[int]) -> None:
        """Whether the rows that this window shares with the one before come in another order: nothing is proven then."""
        places = {pk: place for place, pk in enumerate(self._before)}
        shared = [places[pk] for pk in pks if pk in places]
        self._is_reordered = self._is_reordered or shared != sorted(shared)
        self._before = pks

    def _begin(self, window: Window, rows: Rows, pks: Sequence[int]) -> Sequence[ProductImage]:
        size = len(pks)
        is_end = not size or rows.ends_after(window.start + size)
        if size != window.limit and not is_end:
            self._set_limit(size)  # the size of the server's pages, or the whole list: the next window tells
        self._offset = size
        self._first = pks
        self._first_count = rows.count
        new = self._hand_out(rows.images)
        if is_end:
            self._finish(window)
        elif overlapping(self._offset, 1, self.limit) is None:
            self._compare_passes()
        return new

    def _take_chained(self, window: Window, rows: Rows, pks: Sequence[int], gap: Gap | None) -> Sequence[ProductImage]:
        """Continue the chain, or step back to it."""
        forgets = self._seen.forgets
        if len(pks) > window.limit and not forgets:
            self._compare_passes(len(pks))  # the server has one size of pages
            if not self._seen.certainly_new(rows.images):
                self._probe(window, self._only_page)
            return ()
        for index, pk in enumerate(pks):
            if pk in self._seen:
                return self._continue(window, rows, rows.images[index:])
        if window.start == 0 and not forgets:
            return self._continue(window, rows, rows.images)
        if gap is None and rows.more and all(map(self._seen.may_have_forgotten, pks)):
            return self._continue(window, rows, ())  # so many rows were added in front that this lies before the chain
        if gap is None and not pks:
            self._empty += 1
            if self._empty > _MAX_EMPTY and (broken := self._broken_promise(self._least, self._handed_out)):
                self._end_in_doubt(window, broken)
                return ()
        return self._step_back(window, gap or Gap(window, rows))

    def _continue(self, window: Window, rows: Rows, images: Sequence[ProductImage]) -> Sequence[ProductImage]:
        """The window holds nothing that the chain might lack before `images`."""
        new = self._hand_out(images)
        end = window.start + len(rows.images)
        self._offset = window.end if rows.more else end
        self._idle, self._empty = (0, 0) if new else (self._idle + 1, self._empty)
        if rows.ends_after(end):
            self._finish(window)
        elif self._idle >= MAX_IDLE_WINDOWS or self._outgrows_the_reader():
            self._end_in_doubt(window)
        elif end < window.end and (rows.more is None or (rows.count is not None and rows.count <= end)):
            short = rows.pks
            self._ask(
                Window(window.number + 1, window.limit), lambda behind, found: self._take_behind(behind, found, short)
            )
        elif overlapping(self._offset, 1, self.limit) is None:
            self._compare_passes()
        elif self._idle == 1 and not self._reads_page:
            self._probe(window, self._only_page)
        return new

    def _take_behind(self, window: Window, rows: Rows, short: Sequence[int]) -> Sequence[ProductImage]:
        """A short page is the last one, unless the server takes rows out of its pages: then others follow."""
        self._take_count(rows.count)
        is_once_more = rows.pks == short
        if not rows.images or is_once_more or rows.images[-1].pk in self._seen:  # past the end, or the last page
            self._finish(window)
        elif overlapping(window.start, 1, self.limit) is None:
            self._compare_passes()
        else:
            self._offset = window.start
        return ()

    def _finish(self, window: Window) -> None:
        """The chain has come to the end of the list. Look again where that proves nothing."""
        self._looks_for_missing = not self._is_reordered
        if self._is_reordered and self._seen.forgets:
            self._end_in_doubt(window)
        elif self._is_reordered or (self._least or 0) > self._handed_out:
            self._compare_passes()
        else:
            self.done = True

    def _end(self, window: Window, *, is_same_page: bool) -> None:
        if is_same_page:
            self.done = True
            if broken := self._broken_promise(self.count, self._handed_out):
                self._end_in_doubt(window, broken)
        elif self._comparison is None:
            if not self._seen.forgets:  # else a pass could not tell what is new: the chain goes on
                self._compare_passes()
        else:
            self._comparison.end()
            self._end_pass(self._comparison)

    def _step_back(self, window: Window, gap: Gap) -> Sequence[ProductImage]:
        """The window does not reach the chain: read what lies before it, or give up and go on behind the gap."""
        if gap.steps == MAX_STEPS_BACK or window.start == 0:
            self.doubts.append(gap.window)
            self.done = not gap.rows.images
            return self._continue(gap.window, gap.rows, gap.rows.images) if gap.rows.images else ()
        step = min(max(1, self.limit * gap.steps or self.limit // 2), 3 * self.limit)
        self._overlap = max(1, min(2 * self._overlap, self.limit // 2))
        limit = max(1, self.limit - 1)  # one less, so that a server whose pages have one size betrays itself
        gap = evolve(gap, steps=gap.steps + 1)
        self._ask(
            Window(max(0, window.start - step) // limit + 1, limit), lambda back, rows: self._take(back, rows, gap)
        )
        return ()

    def _hand_out(self, images: Sequence[ProductImage]) -> Sequence[ProductImage]:
        new = self._seen.without_handed_out(without_repeats(images))
        if self.doubts or self._comparison is not None:  # what the chain has forgotten can be met again
            new = self._seen.certainly_new(new)
        old = images[: len(images) - len(new)]
        if new and not (self._seen.ends_with(old) and images[len(old) :] == new):
            self._seen.keep_all()  # rows may have been added before the last one, so that the chain is not in order
        self._seen.extend(keys_of(new))
        self._handed_out += len(new)
        return new

    def _shrink(self, limit: int) -> bool:
        if limit < _SURE_TO_OVERLAP and self._seen.forgets:
            return False  # whole passes might be needed, which know an image again only if none was forgotten
        self._set_limit(limit)
        if self._comparison is not None:
            self._compare_passes()
        return True

    def _set_limit(self, limit: int) -> None:
        self.limit = limit
        self._overlap = max(1, min(self._overlap, limit // 2))
        self._seen.keep = max(self._seen.keep, 4 * limit)
        if limit < _SURE_TO_OVERLAP:
            self._seen.keep_all()

    def _compare_passes(self, limit: int | None = None) -> None:
        self._seen.keep_all()
        self._least = None
        self._handed_out_before = self._handed_out
        self._comparison = Comparison(limit or self.limit)

    def _take_compared(
        self, comparison: Comparison, window: Window, rows: Rows, pks: Sequence[int]
    ) -> Sequence[ProductImage]:
        new = self._hand_out(rows.images)
        comparison.take(pks, is_last=rows.ends_after(window.start + len(pks)))
        if self._outgrows_the_reader():
            self._end_in_doubt(window)
        elif comparison.repeats and not self._reads_page:
            self._probe(window, comparison.only_page)
        else:
            self._end_pass(comparison)
        return new

    def _end_pass(self, comparison: Comparison) -> None:
        if not comparison.ended:
            return
        behind, given = comparison.upcoming(), comparison.given
        differing = comparison.compare()
        least, self._least = self._least, None
        is_all = self._steady == self._handed_out == self._handed_out_before
        self._handed_out_before = self._handed_out
        self.passes += 1
        if differing == []:
            self.done = True
            if broken := self._broken_promise(least, given):
                self._end_in_doubt(behind, broken)
        elif self._looks_for_missing:
            self.done = max(given, self._handed_out) >= (least or 0)
        elif self._is_reordered:
            self.done = is_all  # that was counted, each time, and this pass gave no others
        if not self.done and self.passes > MAX_PASSES:
            self.doubts.extend(differing or [Window(1, self.limit)])
            self.done = True

    @property
    def _only_page(self) -> Sequence[int]:
        """The pks of the first window, if they are all so far."""
        return self._first if self._handed_out == len(set(self._first)) else ()


def overlapping(offset: int, overlap: int, limit: int) -> Window | None:
    """The window of at most `limit` rows that reaches furthest, of those that begin `overlap` rows before `offset`.

    It overlaps less where there is none; None if there is none that begins before `offset` and ends behind it.
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
