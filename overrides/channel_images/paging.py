"""Walking the pages of a list so that no image is lost or seen twice.

Nothing here sends a request. A walk says which windows it wants next (:meth:`Walk.upcoming`) and is given the answers
(:meth:`Walk.feed`), so that one algorithm serves threads, tasks, tests and simulations.

What both walks live with, since servers do it:

* A largest limit that the server clamps to, or refuses with 400; a page so large that the server times out on it.
* The end: `next` is null, or a page is empty, or 404. A short page alone is not the end of a list: clamps make it too.
* `next` is read for whether it is null, and never followed. Behind a proxy its host can be another one, and the token
  would go there.
* `page` ignored: every page holds the same rows. A page of rows that are known raises the suspicion, and a page far
  beyond any list settles it: a server that gives the same rows for that one too has no further ones.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence

from attrs import frozen

from channel_images.exceptions import BadRequest, IncompleteListing, NotFound, ServerError, Timeout
from channel_images_api.models import ProductImage
from channel_images_api.types import UNSET

FAR = 1_000_000_000
"""A page that no list has, whatever its limit."""
_SMALLER_LIMITS = (500, 250, 200, 100, 50, 25, 20, 10)  # down to the contract's default, which every server takes
_NO_PKS: frozenset[object] = frozenset((UNSET, None))
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
        limit: The most rows on a page that are asked for.
    """

    def __init__(self, limit: int) -> None:
        self.done = False
        self.count: int | None = None
        self.limit = limit
        self._begun = False
        self._found_nothing = False

    @abstractmethod
    def upcoming(self, most: int) -> Sequence[Window]:
        """The windows to ask for next, in order, at most so many: the first is needed, the others are foreseen."""

    def feed(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """Take the answer for the first of the upcoming windows; returns the rows that are to be handed out."""
        if window.number == FAR:
            self._take_far(rows)
            return ()
        if rows.count is not None:
            self.count = rows.count
        if window.number == 1 and rows.count and not rows.images:
            return self._take_nothing(window, rows.count)
        self._begun = True
        return self._take(window, rows)

    def _take_nothing(self, window: Window, count: int) -> Sequence[ProductImage]:
        """Ask once more: the rows may have left between the two queries that a page is made of."""
        if self._found_nothing:
            raise IncompleteListing(
                f"the first page is empty, although the server counts {count} images: it cannot be read",
                windows=[window],
            )
        self._found_nothing = True
        return ()

    def failed(self, window: Window, error: Exception) -> Sequence[ProductImage]:
        """Take an error in place of an answer, and go on where that makes sense; returns as `feed` does.

        Raises:
            Exception: `error` itself, where it does not.
        """
        if window.number == FAR and isinstance(error, NotFound | BadRequest | ServerError):
            return self.feed(window, NOTHING)
        if isinstance(error, NotFound) and window.number > 1 and isinstance(error.body, dict):
            return self.feed(window, NOTHING)
        if _is_about_size(error):
            smaller = next((limit for limit in _SMALLER_LIMITS if limit < window.limit), None)
            if smaller is not None and self._shrink(smaller):
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
    def _take_far(self, rows: Rows) -> None:
        """Take the answer for the page that no list has."""

    @abstractmethod
    def _shrink(self, limit: int) -> bool:
        """Ask for at most so many rows from now on; returns whether the walk can go on with so few."""


class PlainWalk(Walk):
    """Forward, page by page: each row once, where the list stays as it is.

    Rows that others push onto one of the next pages are handed out once. Rows that move onto an earlier page are lost, as
    to every reader of page numbers; :class:`~channel_images.consistency.ConsistentWalk` finds them.

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
        self._end = None if last is None else last * limit
        self._recent: deque[set[object]] = deque(maxlen=_RECENT_PAGES)
        self._suspicious = False  # of a server that ignores `page`
        self._paging_proven = False
        self._is_one_page = True  # so far
        self._first: list[int] = []  # the pks of page 1, where it is full
        self._half: Window | None = None  # the second half of page 1, if the server reads `page`
        self._larger: int | None = None  # rows of a page, where page 1 comes for every number

    def upcoming(self, most: int) -> Sequence[Window]:
        if self.done:
            return ()
        if self._suspicious:
            return (Window(FAR, self.limit),)
        if self._half is not None:
            return (self._half,)
        if self._larger is not None:
            return (Window(1, self._larger),)
        number = self._offset // self.limit + 1
        if not self._begun:
            most = 1  # the first answer tells the size of the pages and, often, how many there are
        elif self.count is not None:
            most = max(1, min(most, -(-(self.count - self._offset) // self.limit)))
        if self._end is not None:
            most = max(1, min(most, -(-(self._end - self._offset) // self.limit)))
        return [Window(number + ahead, self.limit) for ahead in range(most)]

    def _take(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        if window == self._half:
            return self._take_half(rows)
        end = None if self._end is None else max(0, self._end - window.start)
        images = rows.images[max(0, self._start - window.start) : end]
        keys: set[object] = {image.pk for image in images}
        keys -= _NO_PKS
        new = images
        if len(keys) < len(images):
            new = without_repeats(images)
        for known in self._recent:
            if not known.isdisjoint(keys):
                new = [image for image in new if image.pk not in known]
        self._recent.append(keys)
        if self._larger is not None:
            self._larger = 10 * window.limit if len(rows.images) >= window.limit else None
            self.done = self._larger is None
            return new
        if window.number == 1:
            self._first = list(keys_of(images)) if len(rows.images) == window.limit else []
        elif new:
            self._is_one_page = False
        if not rows.images:
            self.done = True
        elif window.number == 1 and len(rows.images) != window.limit:
            # The size of the server's pages, or the whole list; the next page tells.
            self.done = rows.more is False and not self._counts_more(len(rows.images))
            self.limit = self._offset = len(rows.images)
        else:
            self._offset = window.end
            self.done = rows.more is False and not self._counts_more(window.start + len(rows.images))
        if self._end is not None and self._offset >= self._end:
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
            self.done = True

    def _take_half(self, rows: Rows) -> Sequence[ProductImage]:
        """Rows for a page that no list has: the last page once more, or the first, whatever the number?"""
        self._half = None
        pks = list(keys_of(rows.images))
        if pks[:1] == self._first[:1]:
            self._larger = 10 * self.limit  # the first: then have the other rows on it
        else:
            self.done = True
        return ()

    def _counts_more(self, seen: int) -> bool:
        return self.count is not None and self.count > seen

    def _shrink(self, limit: int) -> bool:
        if self._half is not None or self._larger is not None:
            return False
        self.limit = limit  # the next window then begins at or before the offset; what it holds again is known
        return True


def keys_of(images: Iterable[ProductImage]) -> Iterable[int]:
    """The `pk` of each image that has one."""
    return (image.pk for image in images if type(image.pk) is int)


def without_repeats(images: Iterable[ProductImage]) -> list[ProductImage]:
    """The images, each `pk` once: a query that joins without `DISTINCT` gives some twice."""
    return list({image.pk if type(image.pk) is int else object(): image for image in images}.values())


def _is_about_size(error: Exception) -> bool:
    """Whether a smaller page may help: a timeout, here or at a proxy, or a 400 for `limit` or for no parameter at all."""
    if isinstance(error, BadRequest):
        return not error.fields or "limit" in error.fields
    return isinstance(error, Timeout) or (isinstance(error, ServerError) and error.status_code == 504)
