"""Compares whole passes through a list, page by page, until two in a row hold the same."""

from collections.abc import Sequence

from channel_images.walks.seen import PkSet
from channel_images.walks.walk import MAX_IDLE_WINDOWS
from channel_images.window import Window


class Comparison:
    """Whole passes in pages of one size. Why two equal ones prove something: `channel_images.walks.consistent`.

    Args:
        limit: Rows on a page.

    Attributes:
        ended: Whether the last page of a pass was taken.
        repeats: Whether the last page that was taken holds mostly rows of earlier ones, and is not known to end the pass.
        given: How many rows the pass gave, each counted once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._before: list[Sequence[int]] | None = None
        self._begin()

    def _begin(self) -> None:
        self.ended = self.repeats = False
        self.given = 0
        self._pages: list[Sequence[int]] = []
        self._seen = PkSet()
        self._is_unique = True
        self._idle = 0
        self._is_whole = False  # one answer held the whole list

    def upcoming(self) -> Window:
        """One window at a time, for the proof needs a pass to be read in its order."""
        return Window(len(self._pages) + 1, self._limit)

    @property
    def only_page(self) -> Sequence[int]:
        """The page that the last one may repeat, where there are no others."""
        return self._pages[0] if len(self._pages) <= 2 else ()

    def take(self, page: Sequence[int], *, is_last: bool) -> None:
        """Take a page, and whether the server says that it is the last one."""
        new = sum(pk not in self._seen for pk in dict.fromkeys(page))
        self.given += new
        self._idle = 0 if new else self._idle + 1
        self.ended = not page or is_last or self._idle > MAX_IDLE_WINDOWS
        self.repeats = 2 * new < len(page) and not self.ended
        if page:
            self._is_unique = self._is_unique and new == len(page)
            self._pages.append(page)
        for pk in page:
            self._seen.add(pk)

    def end(self) -> None:
        """End the pass, since the server gave its last page again, or gives one page for all."""
        self.ended = bool(self._pages)
        if self.ended and self._pages[-2:-1] == self._pages[-1:]:
            self._pages.pop()
            self._is_unique = self.given == sum(map(len, self._pages))
        self._is_whole = len(self._pages) == 1

    def compare(self) -> list[Window] | None:
        """End the pass; returns the pages that differ from those of the pass before, and None if there is none.

        A pass that is one page, first and last at once, needs no other.
        """
        before, pages, is_unique, is_whole = self._before, self._pages, self._is_unique, self._is_whole
        self._before = pages if is_unique else None
        self._begin()
        if is_whole:
            return []
        if before is None:
            return None
        differing = [
            Window(index + 1, self._limit)
            for index in range(max(len(before), len(pages)))
            if before[index : index + 1] != pages[index : index + 1]
        ]
        return differing if is_unique or differing else None
