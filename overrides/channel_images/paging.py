"""Walking the pages of a list so that no image is lost or seen twice.

Nothing here sends a request. A walk says which windows it wants next (:meth:`Walk.upcoming`) and is given the answers
(:meth:`Walk.feed`), so that one algorithm serves threads, tasks, tests and simulations.

What both walks live with, since servers do it:

* A largest limit that the server clamps to, or refuses with 400; a page so large that the server times out on it.
* The end: `next` is null, or a page is empty, or 404. A short page alone is not the end of a list: clamps make it too.
* `next` is read for whether it is null, and never followed. Behind a proxy its host can be another one, and the token
  would go there.
* `page` ignored: every page holds the same rows. A page without a new row raises the suspicion, and a page far beyond
  any list settles it.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence

from attrs import frozen

from channel_images.exceptions import BadRequest, NotFound, ServerError, Timeout
from channel_images_api.models import ProductImage

FAR = 1_000_000_000
"""A page that no list has, whatever its limit."""
LEAST_LIMIT = 10
"""A server's largest limit is at least this, says the contract; so less is never asked for on its account."""
_SMALLER_LIMITS = (500, 250, 200, 100, 50, 25, 20, 10)
_RECENT_PAGES = 4


@frozen
class Window:
    """The rows of a list that one page holds.

    Attributes:
        number: The number of the page, counted from 1.
        limit: Rows on a page.
    """

    number: int
    limit: int

    @property
    def start(self) -> int:
        """How many rows come before it."""
        return (self.number - 1) * self.limit

    @property
    def end(self) -> int:
        """How many rows come before the window after it."""
        return self.number * self.limit

    def __str__(self) -> str:
        return f"page {self.number} of {self.limit} rows"


@frozen
class Rows:
    """What a page said.

    Attributes:
        images: The rows.
        count: The number of rows on all pages; None where the server does not say.
        more: Whether there is a next page; None where the server does not say.
    """

    images: Sequence[ProductImage]
    count: int | None = None
    more: bool | None = None


NOTHING = Rows(())
"""What a page past the end holds."""


class Walk(ABC):
    """One way through a list, from its first row to its last.

    Attributes:
        done: Whether the last row was handed out.
        count: The number of rows on all pages, as the server said it last; None where it does not.
    """

    def __init__(self, limit: int) -> None:
        self.done = False
        self.count: int | None = None
        self._limit = limit
        self._begun = False
        self._suspects_ignored_page = False
        self._paging_proven = False

    @abstractmethod
    def upcoming(self, most: int) -> Sequence[Window]:
        """The windows to ask for next, in order, at most so many: the first is needed, the others are foreseen."""

    def feed(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """Take the answer for the first of the upcoming windows; returns the rows that are to be handed out."""
        if window.number == FAR:
            self._suspects_ignored_page = False
            self._paging_proven = True
            self.done = bool(rows.images)  # there is no such page: the server gives the same rows for every number
            return ()
        if rows.count is not None:
            self.count = rows.count
        self._begun = True
        return self._take(window, rows)

    def failed(self, window: Window, error: Exception) -> Sequence[ProductImage]:
        """Take an error in place of an answer, and go on where that makes sense; returns as `feed` does.

        Raises:
            Exception: `error` itself, where it does not.
        """
        if window.number == FAR and isinstance(error, NotFound | BadRequest | ServerError):
            return self.feed(window, NOTHING)
        if isinstance(error, NotFound) and window.number > 1 and isinstance(error.body, dict):
            return self.feed(window, NOTHING)
        if isinstance(error, Timeout) or (isinstance(error, BadRequest) and _is_about_limit(error)):
            smaller = next((limit for limit in _SMALLER_LIMITS if limit < window.limit), None)
            if smaller is not None and window.number != FAR:
                self._shrink(smaller)
                return ()
        raise error

    def check(self) -> None:  # noqa: B027 - most walks have nothing to say
        """After the last row: say whether the list was complete.

        Raises:
            IncompleteListing: Rows may be missing.
        """

    @abstractmethod
    def _take(self, window: Window, rows: Rows) -> Sequence[ProductImage]: ...

    @abstractmethod
    def _shrink(self, limit: int) -> None:
        """Ask for at most so many rows from now on."""

    def _suspect(self) -> None:
        """A page held no new row: find out whether the server reads `page` at all."""
        self._suspects_ignored_page = not self._paging_proven


class PlainWalk(Walk):
    """Forward, page by page: each row once, where the list stays as it is.

    Rows that other rows push onto a later page are handed out once. Rows that move onto an earlier page are lost, as to
    every reader of page numbers; :class:`~channel_images.consistency.ConsistentWalk` finds them.

    Args:
        limit: Rows on a page.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._offset = 0  # rows before the next window
        self._recent: deque[frozenset[int]] = deque(maxlen=_RECENT_PAGES)

    def upcoming(self, most: int) -> Sequence[Window]:
        if self.done:
            return ()
        if self._suspects_ignored_page:
            return (Window(FAR, self._limit),)
        number = self._offset // self._limit + 1
        if not self._begun:
            most = 1  # the first answer tells the size of the pages and, often, how many there are
        elif self.count is not None:
            most = max(1, min(most, -(-(self.count - self._offset) // self._limit)))
        return [Window(number + ahead, self._limit) for ahead in range(most)]

    def _take(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        keys = frozenset(keys_of(rows.images))
        known = frozenset().union(*self._recent)
        new = [image for image in rows.images if image.pk not in known] if known & keys else rows.images
        self._recent.append(keys)
        if not rows.images:
            self.done = True
        elif window.number == 1 and len(rows.images) != window.limit:
            # The size of the server's pages, or the whole list; the next page tells.
            self.done = rows.more is False and not self._counts_more(len(rows.images))
            self._limit = self._offset = len(rows.images)
        else:
            self._offset = window.end
            self.done = rows.more is False and not self._counts_more(window.start + len(rows.images))
        if rows.images and not new and not self.done:
            self._suspect()
        return new

    def _counts_more(self, seen: int) -> bool:
        return self.count is not None and self.count > seen

    def _shrink(self, limit: int) -> None:
        self._limit = limit  # the next window then begins at or before the offset; what it holds again is known


def keys_of(images: Iterable[ProductImage]) -> Iterable[int]:
    """The `pk` of each image that has one."""
    return (image.pk for image in images if type(image.pk) is int)


def _is_about_limit(error: BadRequest) -> bool:
    """Whether a 400 is, or may be, about the size of the page: it names `limit`, or no parameter at all."""
    return not error.fields or "limit" in error.fields
