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
* Past the end the last page again, or the first one, or any: no walk goes on for ever.
* A page that is empty although the server says that it is not. What the walk ends with is then a doubt.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence

from attrs import frozen

from channel_images.chain import Chain
from channel_images.exceptions import BadRequest, IncompleteListing, NotFound, ResponseError, ServerError, Timeout
from channel_images_api.models import ProductImage
from channel_images_api.types import UNSET

FAR = 1_000_000_000
"""A page that no list has, whatever its limit."""
MAX_IDLE_WINDOWS = 64
"""Windows in a row that hold nothing new, since rows are added in front faster than they are read."""
MAX_GROWTH = 4
"""How many times as many images as the server counted on the first page, and 20 pages more: rows are added at the end as
fast as they are read."""
_SMALLER_LIMITS = (500, 250, 200, 100, 50, 25, 20, 10)  # down to the contract's default, which every server takes
_NO_PKS: frozenset[object] = frozenset((UNSET, None))
_RECENT_PAGES = 4
_OTHER_PARAMETERS = frozenset(("page", "product", "product__pk__in", "id__in", "is_seller_product", "product_type"))
_MAX_REPEATS = 8  # pages in a row that hold nothing new, and end a plain walk


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
        doubts: The windows before which rows may be missing; `check` raises when there are any.
        passes: How many times the list was begun.
        count: The number of rows on all pages, as the server said it last; None where it does not.
        limit: The most rows on a page that are asked for.
    """

    def __init__(self, limit: int) -> None:
        self.done = False
        self.doubts: list[Window] = []
        self.passes = 1
        self.count: int | None = None
        self.limit = limit
        self._reason = "the list changed too fast while it was read, or has no stable order"  # for the doubts
        self._begun = False
        self._handed_out = 0
        self._first_count: int | None = None
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
        if window.number == FAR and isinstance(error, ResponseError):
            return self.feed(window, NOTHING)
        if isinstance(error, NotFound) and window.number > 1 and isinstance(error.body, dict):
            return self.feed(window, NOTHING)
        if _is_about_size(error):
            smaller = next((limit for limit in _SMALLER_LIMITS if limit < window.limit), None)
            if smaller is not None and self._shrink(smaller):
                return ()
        raise error

    def check(self) -> None:
        """After the last row: say whether the list was complete.

        Raises:
            IncompleteListing: Rows may be missing.
        """
        if self.doubts:
            raise IncompleteListing(
                f"images may be missing before {_named(self.doubts)}: {self._reason}",
                windows=self.doubts,
                passes=self.passes,
            )

    def _end_in_doubt(self, window: Window, reason: str = "") -> None:
        self.doubts.append(window)
        self._reason = reason or self._reason
        self.done = True

    def _outgrows_the_reader(self) -> bool:
        most = None if self._first_count is None else MAX_GROWTH * self._first_count + 20 * self.limit
        return most is not None and self._handed_out > most

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
    to every reader of page numbers; :class:`~channel_images.consistency.ConsistentWalk` finds them. There is a doubt only
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
        keys -= _NO_PKS
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


def keys_of(images: Iterable[ProductImage]) -> Iterable[int]:
    """The `pk` of each image that has one."""
    return (image.pk for image in images if type(image.pk) is int)


def without_repeats(images: Iterable[ProductImage]) -> list[ProductImage]:
    """The images, each `pk` once: a query that joins without `DISTINCT` gives some twice."""
    return list({image.pk if type(image.pk) is int else object(): image for image in images}.values())


def _named(windows: Sequence[Window]) -> str:
    few = ", ".join(map(str, windows[:3]))
    return few if len(windows) <= 3 else f"{few} and {len(windows) - 3} others"


def _is_about_size(error: Exception) -> bool:
    """Whether a smaller page may help: a timeout, here or at a proxy, or a 400 that is about no other parameter."""
    if isinstance(error, BadRequest):
        return not _OTHER_PARAMETERS.intersection(error.fields)
    return isinstance(error, Timeout) or (isinstance(error, ServerError) and error.status_code == 504)
