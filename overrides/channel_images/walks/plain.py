"""Reads a list forward, page by page; see `channel_images.walks.walk` for what servers do."""

from collections.abc import Sequence

from channel_images.walks.rows import Rows, keys_of, without_repeats
from channel_images.walks.walk import IGNORES_PAGE, Walk
from channel_images.window import Window
from channel_images_api.models import ProductImage

_FAR_FROM_THE_FRONT = 4  # pages
_MAX_REPEATS = 8  # pages in a row that hold nothing new, and end a plain walk


class PlainWalk(Walk):
    """Forward, page by page: each row once, where the list stays as it is.

    Rows that others push onto one of the next pages are handed out once. Rows that move onto an earlier page are lost, as
    to every reader of page numbers; `channel_images.walks.consistent.ConsistentWalk` finds them. There is a doubt only
    where the server contradicts itself, or ignores `page`.

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
        self._first: Sequence[int] | None = None  # the pks of the first page that was read, and the same in a set
        self._front: set[int] = set()
        self._is_one_page = True  # so far: all other pages held none but its rows
        self._repeats = 0  # pages in a row that held nothing new

    def _windows(self, most: int) -> Sequence[Window]:
        ends = [end for end in (self.count, self._last) if end is not None]
        if not self._begun:
            most = 1  # the first answer tells the size of the pages and, often, how many there are
        elif ends:
            most = max(1, min(most, -(-(min(ends) - self._offset) // self.limit)))
        number = self._offset // self.limit + 1
        return [Window(number + ahead, self.limit) for ahead in range(most)]

    def _take(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        if self._first_count is None:
            self._first_count = rows.count
            self._seen.is_bounded = rows.count is not None
        if not rows.images:
            self._take_empty(window)
            return ()
        end = None if self._last is None else self._last - window.start  # it began before its end
        images = rows.images[max(0, self._start - window.start) : end]
        pks = rows.pks if len(images) == len(rows.images) else keys_of(images)
        different = set(pks)
        new = images if len(different) == len(images) else without_repeats(images)
        new = self._seen.without_handed_out(new, different)
        goes_round = self._goes_round(window, different)
        if goes_round:
            new = [image for image in new if image.pk not in self._front]
        keys = pks if new is images else keys_of(new)
        self._seen.extend(keys)
        self._handed_out += len(new)
        self._repeats = 0 if new else self._repeats + 1
        if self._first is None:
            self._first, self._front = pks, different
        elif new:
            self._is_one_page = False
        if goes_round or self._repeats >= _MAX_REPEATS or self._outgrows_the_reader():
            self._end(window, is_same_page=False)
        else:
            self._go_on(window, rows, is_suspicious=2 * len(keys) < len(images))
        return new

    def _go_on(self, window: Window, rows: Rows, *, is_suspicious: bool) -> None:
        size = len(rows.images)
        if window.number == 1 and size != window.limit:
            self.limit = self._offset = size  # of the server's pages, or of the whole list; the next page tells
        else:
            self._offset = window.end
        self.done = rows.ends_after(window.start + size) or (self._last is not None and self._offset >= self._last)
        if not self.done and is_suspicious and not self._reads_page:
            self._probe(window, self._first if self._first and self._is_one_page else ())
        elif self.done and self._start and self._is_one_page:
            self.done = False
            self._ask(Window(1, 1), self._take_first)

    def _take_first(self, _: Window, rows: Rows) -> Sequence[ProductImage]:
        """The first row of the list, where a part of it is one page: is that the page that was asked for?"""
        self.done = True
        if self._first and self._first[0] in rows.pks:
            self._end_in_doubt(Window(self._start // self.limit + 1, self.limit), IGNORES_PAGE)
        return ()

    def _goes_round(self, window: Window, pks: set[int]) -> bool:
        """Whether a page far from page 1 holds mostly its rows: the server counts round, or gives page 1 past the end."""
        is_far = window.start - self._start > _FAR_FROM_THE_FRONT * len(self._front)
        return is_far and not self._front.isdisjoint(pks) and 2 * len(pks & self._front) > len(pks)

    def _take_empty(self, empty: Window) -> None:
        """The end of the list, unless the server said that there are further rows, and does so again."""
        if self._broken_promise(self.count, empty.start):
            self._ask(Window(empty.number - 1, empty.limit), lambda _, before: self._take_before(empty, before))
        else:
            self.done = True

    def _take_before(self, empty: Window, before: Rows) -> Sequence[ProductImage]:
        """The page before an empty one: the list may have become shorter."""
        if before.promises_more_than(empty.start):
            self._ask(empty, self._take_again)
        else:
            self.done = True
        return ()

    def _take_again(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        if rows.images:
            return self._take(window, rows)
        says = "the page before it says that another one follows"
        if self.count is not None:
            says = f"the server counts {self.count} images"
        self._end_in_doubt(window, f"it is empty, although {says}")
        return ()

    def _end(self, window: Window, *, is_same_page: bool) -> None:
        if is_same_page and self._start:
            self._end_in_doubt(window, IGNORES_PAGE)
        elif broken := self._broken_promise(self.count, self._start + self._handed_out):
            self._end_in_doubt(window, broken)
        self.done = True

    def _shrink(self, limit: int) -> bool:
        self.limit = limit  # the next window then begins at or before the offset; what it holds again is known
        return True
