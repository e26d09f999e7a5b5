"""One way through a list: what every walk does, and what it lives with.

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
from collections.abc import Sequence

from channel_images.exceptions import BadRequest, IncompleteListing, NotFound, ResponseError, ServerError, Timeout
from channel_images.walks.rows import NOTHING, Rows
from channel_images.window import Window
from channel_images_api.models import ProductImage

FAR = 1_000_000_000
"""A page that no list has, whatever its limit."""
MAX_IDLE_WINDOWS = 64
"""Windows in a row that hold nothing new, since rows are added in front faster than they are read."""
MAX_GROWTH = 4
"""How many times as many images as the server counted on the first page, and 20 pages more: rows are added at the end as
fast as they are read."""
_SMALLER_LIMITS = (500, 250, 200, 100, 50, 25, 20, 10)  # down to the contract's default, which every server takes
_OTHER_PARAMETERS = frozenset(("page", "product", "product__pk__in", "id__in", "is_seller_product", "product_type"))


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


def _named(windows: Sequence[Window]) -> str:
    few = ", ".join(map(str, windows[:3]))
    return few if len(windows) <= 3 else f"{few} and {len(windows) - 3} others"


def _is_about_size(error: Exception) -> bool:
    """Whether a smaller page may help: a timeout, here or at a proxy, or a 400 that is about no other parameter."""
    if isinstance(error, BadRequest):
        return not _OTHER_PARAMETERS.intersection(error.fields)
    return isinstance(error, Timeout) or (isinstance(error, ServerError) and error.status_code == 504)
