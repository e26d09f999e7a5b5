"""Reads a list forward, page by page; see `channel_images.walks.walk` for what servers do."""

from collections import deque
from collections.abc import Sequence

from channel_images.walks.rows import NO_PKS, Rows, keys_of, without_repeats
from channel_images.walks.seen import Chain
from channel_images.walks.walk import FAR, Walk
from channel_images.window import Window
from channel_images_api.models import ProductImage

_RECENT_PAGES = 4
_MAX_REPEATS = 8  # pages in a row that hold nothing new, and end a plain walk


class PlainWalk(Walk):
    """Forward, page by page: each row once, where the list stays as it is.

    Rows that others push onto one of the next pages are handed out once. Rows that move onto an earlier page are lost, as
    to every reader of page numbers; :class:`~channel_images.walks.consistent.ConsistentWalk` finds them. There is a doubt only
    where the server contradicts itself.

    Args:
        limit: Rows on a page.
        first: The number of the first page to read. From any but the first on, pages are taken to have `limit` rows.
        last: The number of the last page to read; None for all.
    """

    def __init__(self, limit: int, *, first: int = 1, last: int | None = None) -> None:
        super().__init__(limit)
        self._begun = first > 1
        self._start = (first - 1) * limit
        self._offset = self._start  # rows before the next window
        self._last = None if last is None else last * limit  # rows
        self._recent: deque[set[object]] = deque(maxlen=_RECENT_PAGES)
        self._chain: Chain | None = None  # of a list without a count, which nothing else bounds
        self._front: set[object] = set()  # the pks of page 1
        self._repeats = 0  # pages in a row that held nothing new
        self._more: bool | None = None  # as the last page with rows said it
        self._empty: Window | None = None  # a page without rows, where the server counts some
        self._is_counting = False  # once more, on page 1, after that
        self._suspicious = False  # of a server that ignores `page`
        self._paging_proven = False
        self._is_one_page = True  # so far
        self._first: list[int] = []  # the pks of page 1, where it is full
        self._half: Window | None = None  # the second half of page 1, if the server reads `page`
        self._larger: int | None = None  # rows of a page, where page 1 comes for every number

    def upcoming(self, most: int) -> Sequence[Window]:
        if self.done:
            return ()
        if self._is_counting:
            return (Window(1, self.limit),)
        if self._suspicious:
            return (Window(FAR, self.limit),)
        if self._half is not None:
            return (self._half,)
        if self._larger is not None:
            return (Window(1, self._larger),)
        number = self._next.number
        if not self._begun:
            most = 1  # the first answer tells the size of the pages and, often, how many there are
        elif self.count is not None:
            most = max(1, min(most, -(-(self.count - self._offset) // self.limit)))
        if self._last is not None:
            most = max(1, min(most, -(-(self._last - self._offset) // self.limit)))
        return [Window(number + ahead, self.limit) for ahead in range(most)]

    def _take(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        if self._is_counting:
            return self._take_count()
        if window == self._half:
            return self._take_half(rows)
        if self._first_count is None:
            self._first_count = rows.count
        if rows.count is None and self._chain is None:
            self._chain = Chain(keep=_RECENT_PAGES * self.limit)
        end = None if self._last is None else max(0, self._last - window.start)
        images = rows.images[max(0, self._start - window.start) : end]
        keys: set[object] = {image.pk for image in images}
        keys -= NO_PKS
        new = images
        if len(keys) < len(images):
            new = without_repeats(images)
        for known in self._recent:
            if not known.isdisjoint(keys):
                new = [image for image in new if image.pk not in known]
        if self._chain is not None:
            new = self._chain.without_handed_out(new)
        begins_anew = self._is_front(window, keys)
        if begins_anew:
            new = [image for image in new if image.pk not in self._front]
        if self._chain is not None:
            self._chain.extend(keys_of(new))
        self._recent.append(keys)
        self._handed_out += len(new)
        self._repeats = 0 if new else self._repeats + 1
        if images:
            self._more = rows.more
        if self._larger is not None:
            self._larger = 10 * window.limit if len(rows.images) >= window.limit else None
            self.done = self._larger is None
            return new
        if window.number == 1:
            self._front = keys
            self._first = list(keys_of(images)) if len(rows.images) == window.limit else []
        elif new:
            self._is_one_page = False
        if not rows.images:
            self._take_empty(window)
        elif begins_anew or self._repeats >= _MAX_REPEATS or self._outgrows_the_reader():
            self._end(window)
        elif window.number == 1 and len(rows.images) != window.limit:
            # The size of the server's pages, or the whole list; the next page tells.
            self.done = rows.more is False and not self._counts_more(len(rows.images))
            self.limit = self._offset = len(rows.images)
        else:
            self._offset = window.end
            self.done = rows.more is False and not self._counts_more(window.start + len(rows.images))
        if self._last is not None and self._offset >= self._last:
            self.done = True
        told_apart = len(new) if len(keys) == len(images) else sum(image.pk in keys for image in new)
        self._suspicious = 2 * told_apart < len(images) and not self.done and not self._paging_proven
        return new

    def _take_far(self, rows: Rows) -> None:
        self._suspicious, self._paging_proven = False, not rows.images
        far = set(keys_of(rows.images))
        if not rows.images or (far and self._recent[-1].isdisjoint(far)):
            return
        if self._is_one_page and len(self._first) > 1:
            self._half = Window(2, self.limit // 2)
        else:
            self._end(self._next)

    def _take_half(self, rows: Rows) -> Sequence[ProductImage]:
        """Rows for a page that no list has: the last page once more, or the first, whatever the number?"""
        self._half = None
        pks = list(keys_of(rows.images))
        if pks[:1] == self._first[:1]:
            self._larger = 10 * self.limit  # the first: then have the other rows on it
        else:
            self._end(self._next)
        return ()

    def _is_front(self, window: Window, keys: set[object]) -> bool:
        """Whether a page far from page 1 holds mostly its rows: the server counts round, or gives page 1 past the end."""
        far_enough = window.start > _RECENT_PAGES * len(self._front)
        return far_enough and not self._front.isdisjoint(keys) and 2 * len(keys & self._front) > len(keys)

    def _take_empty(self, window: Window) -> None:
        """The end of the list, unless the server said that there are further rows, and does so again."""
        if not (self._more and self._counts_more(window.start)):
            self.done = True
        elif window == self._empty:
            self._end_in_doubt(window, f"it is empty, although the server counts {self.count} images")
        else:
            self._empty, self._is_counting = window, True

    def _take_count(self) -> Sequence[ProductImage]:
        """Page 1, with the count of now: the list may have become shorter."""
        self._is_counting = False
        self.done = self._empty is None or not self._counts_more(self._empty.start)
        return ()

    def _end(self, window: Window) -> None:
        """End, since the server gives no further rows, whatever page is asked for."""
        is_whole = self._start == 0 and self._last is None
        if is_whole and self._more and self._counts_more(self._handed_out):
            self._end_in_doubt(window, f"the server counts {self.count} images, and gives {self._handed_out}")
        self.done = True

    @property
    def _next(self) -> Window:
        return Window(self._offset // self.limit + 1, self.limit)

    def _counts_more(self, seen: int) -> bool:
        return self.count is not None and self.count > seen

    def _shrink(self, limit: int) -> bool:
        if self._larger is not None:
            return False
        self._half = None  # the suspicion rises again, with less
        self.limit = limit  # the next window then begins at or before the offset; what it holds again is known
        return True
