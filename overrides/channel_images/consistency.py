"""Reading a list that changes meanwhile, with proof that no image was lost.

A page is a window on the list at one moment. If two windows, of whatever moments, share a row, then together they hold
every image that was there throughout and lies between the first row of the one and the last row of the other: what
comes before the shared row is in the first window, what comes after it in the second. So this walk reads a chain of
windows that overlap. It asks for slightly varying limits, such that each window begins a few rows before the last one
ended: page 3 of 985 rows after page 2 of 990 rows. That costs a few requests in a hundred, and nothing is read twice.

When a window shares no row with the chain, more rows left the list than the overlap allows for; the walk then steps back
until it does, and overlaps more from then on. It gives up after `MAX_STEPS_BACK` steps and goes on behind the gap, which
`IncompleteListing` names in the end.

The assumptions: a page is read atomically; the order of two images never changes; an image that has left the list does
not come back while it is read. Images that come or go while the list is read are handed out at most once.

Where windows cannot overlap, since the server has one size of pages, or a largest one of so few rows that all limits up
to it divide an offset (10 rows: 2,520), whole passes are compared instead. Two passes in a row that hold the same pages,
each row once, prove that no image was lost: a row that moved onto an earlier page was preceded by one that left, which
the second pass would lack; and where a new row made up for it, a row would have been seen twice. It gives up after
`MAX_PASSES`.

How the chain begins, ends and is bounded: docs/sdk.md.
"""

from collections.abc import Iterable, Sequence

from channel_images.exceptions import BadRequest, IncompleteListing
from channel_images.paging import FAR, Rows, Walk, Window, keys_of
from channel_images_api.models import ProductImage

MAX_STEPS_BACK = 16
"""Steps back from one gap."""
MAX_IDLE_WINDOWS = 64
"""Windows in a row that hold nothing new: rows are added in front faster than they are read."""
MAX_PASSES = 6
"""Passes that are compared, where windows cannot overlap."""
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

    While the `pk` only rise, or only fall, no more is kept, so that memory stays flat. In any other order all are kept,
    so that an image whose place in the order changes is not handed out again.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._recent: dict[int, None] = {}
        self._all: PkSet | None = None
        self._last: int | None = None
        self._rising: bool | None = None
        self._forgot = False

    def __contains__(self, pk: object) -> bool:
        """Whether the image is one of the last ones."""
        return pk in self._recent

    @property
    def forgets(self) -> bool:
        """Whether images were handed out that are not known any more."""
        return self._all is None and self._forgot

    def handed_out(self, pk: object) -> bool:
        """Whether the image was handed out, as far as that is known."""
        return pk in self._recent or (self._all is not None and type(pk) is int and pk in self._all)

    def keep_all(self) -> None:
        """Forget nothing from now on."""
        if self._all is None:
            self._all = PkSet()
            for pk in self._recent:
                self._all.add(pk)

    def extend(self, pks: Iterable[int]) -> None:
        for pk in pks:
            if self._all is None and self._last is not None and pk != self._last:
                rising = pk > self._last
                if self._rising is None:
                    self._rising = rising
                elif rising is not self._rising:
                    self.keep_all()
            self._last = pk
            self._recent[pk] = None
            if self._all is not None:
                self._all.add(pk)
        if (surplus := len(self._recent) - self._keep) > self._keep:
            self._forgot = True
            for pk in list(self._recent)[:surplus]:
                del self._recent[pk]


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
        self._comparison: _Comparison | None = None
        self._set_limit(limit)

    def check(self) -> None:
        if self.doubts:
            raise IncompleteListing(
                f"the list changed too fast while it was read: images may be missing before {_named(self.doubts)}",
                windows=self.doubts,
                passes=self.passes,
            )

    def upcoming(self, most: int) -> Sequence[Window]:
        if self.done:
            return ()
        if self._suspects_ignored_page:
            return (Window(FAR, self._limit),)
        if not self._begun:
            return (Window(1, self._limit),)
        if self._comparison is not None:
            return self._comparison.upcoming(most, self.count)
        if self._back is not None:
            return (self._back,)
        windows: list[Window] = []
        offset = self._offset
        while len(windows) < most and (not windows or self.count is None or offset < self.count):
            window = overlapping(offset, self._overlap, self._limit)
            if window is None:
                break
            windows.append(window)
            offset = window.end
        return windows

    def failed(self, window: Window, error: Exception) -> Sequence[ProductImage]:
        if isinstance(error, BadRequest) and self._begun and window.limit < self._limit:
            self._compare_passes()  # the server takes some limits only
            return ()
        return super().failed(window, error)

    def _take(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        if self._comparison is not None:
            return self._take_compared(self._comparison, window, rows)
        if self._offset == 0 and not self._steps_back:
            return self._begin(window, rows)
        if len(rows.images) > window.limit:
            self._compare_passes(len(rows.images))  # the server has one size of pages, whatever the limit
            return ()
        known = [index for index, image in enumerate(rows.images) if image.pk in self._chain]
        if known:
            return self._continue(window, rows, rows.images[known[0] :])
        if window.start == 0 and not self._chain.forgets:
            return self._continue(window, rows, rows.images)
        return self._step_back(window, rows)

    def _begin(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        size = len(rows.images)
        if size and size != window.limit and rows.more is not False:
            self._set_limit(size)  # the size of the server's pages, or the whole list: the next window tells
        self._offset = size
        if not size or _is_end(window, rows, self.count):
            self.done = True
        elif overlapping(self._offset, 1, self._limit) is None:
            self._compare_passes()
        return self._hand_out(rows.images)

    def _continue(self, window: Window, rows: Rows, images: Sequence[ProductImage]) -> Sequence[ProductImage]:
        """The window shares a row with the chain, or begins where the list does."""
        self._gap, self._back, self._steps_back = None, None, 0
        new = self._hand_out(images)
        size = len(rows.images)
        self._offset = window.end if rows.more else window.start + size
        self._idle = 0 if new else self._idle + 1
        if _is_end(window, rows, self.count) or (rows.more is None and size < window.limit):
            self.done = True
        elif self._idle >= MAX_IDLE_WINDOWS:
            self.doubts.append(window)
            self.done = True
        elif not new:
            self._suspect()
        if not self.done and overlapping(self._offset, 1, self._limit) is None:
            self._compare_passes()
        return new

    def _step_back(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """The window does not reach the chain: read what lies before it."""
        if self._gap is None:
            self._gap = window, rows
        if self._steps_back == MAX_STEPS_BACK or window.start == 0:
            return self._give_up(*self._gap)
        step = min(max(1, self._limit * self._steps_back or self._limit // 2), 3 * self._limit)
        self._steps_back += 1
        self._overlap = max(1, min(2 * self._overlap, self._limit // 2))
        limit = max(1, self._limit - 1)  # one less, so that a server whose pages have one size betrays itself
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
        new = [image for image in images if not self._chain.handed_out(image.pk)]
        self._chain.extend(keys_of(new))
        return new

    def _shrink(self, limit: int) -> None:
        self._set_limit(limit)
        self._back = None
        if self._comparison is not None:
            self._compare_passes()

    def _set_limit(self, limit: int) -> None:
        self._limit = limit
        self._overlap = max(1, min(self._overlap, limit // 2))
        if limit < _SURE_TO_OVERLAP:
            self._chain.keep_all()

    def _compare_passes(self, limit: int | None = None) -> None:
        self._chain.keep_all()
        self._gap, self._back, self._steps_back = None, None, 0
        self._comparison = _Comparison(limit or self._limit)

    def _take_compared(self, comparison: "_Comparison", window: Window, rows: Rows) -> Sequence[ProductImage]:
        new = self._hand_out(rows.images)
        if comparison.take(window, rows, self.count):
            differing = comparison.compare()
            self.done = differing == []
            self.passes += 1
            if not self.done and self.passes > MAX_PASSES:
                self.doubts.extend(differing or [Window(1, window.limit)])
                self.done = True
        elif comparison.repeats:
            self._suspect()
        return new


class _Comparison:
    """Whole passes in pages of one size, until two in a row are the same."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._before: list[tuple[int, ...]] | None = None
        self._begin()

    def _begin(self) -> None:
        self._pages: list[tuple[int, ...]] = []
        self._seen = PkSet()
        self._unique = True
        self.repeats = False

    def upcoming(self, most: int, count: int | None) -> Sequence[Window]:
        number = len(self._pages) + 1
        if count is not None:
            most = max(1, min(most, -(-count // self._limit) - number + 1))
        return [Window(number + ahead, self._limit) for ahead in range(most)]

    def take(self, window: Window, rows: Rows, count: int | None) -> bool:
        """Whether the page is the last of its pass."""
        page = tuple(keys_of(rows.images))
        known = [pk for pk in page if pk in self._seen]
        self._unique = self._unique and not known
        self.repeats = bool(page) and len(known) == len(page)
        for pk in page:
            self._seen.add(pk)
        if page:
            self._pages.append(page)
        return not page or _is_end(window, rows, count)

    def compare(self) -> list[Window] | None:
        """End the pass; returns the pages that differ from those of the pass before, and None where there is none."""
        before, pages, unique = self._before, self._pages, self._unique
        self._before = pages if unique else None
        self._begin()
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
    return rows.more is False and (count is None or count <= window.start + len(rows.images))


def _named(windows: Sequence[Window]) -> str:
    few = ", ".join(map(str, windows[:3]))
    return few if len(windows) <= 3 else f"{few} and {len(windows) - 3} others"
