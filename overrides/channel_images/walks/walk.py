"""Reads a list in one way, from its first row to its last: what every walk does, and what it lives with.

Nothing here sends a request. A walk says which windows it wants next (`Walk.upcoming`) and is given the answers
(`Walk.feed`), so that one algorithm serves threads, tasks, tests and simulations. Most of the time a walk reads on. It puts
a question in between where an answer leaves something open, and a question has a handler of its own.

What both walks live with, since servers do it:

* A largest limit that the server clamps to, or refuses with 400; a page so large that the server times out on it.
* The end: `next` is null, or a page is empty, or 404. A short page alone is not the end of a list: clamps make it too.
* `next` is read for whether it is null, and never followed. Behind a proxy its host can be another one, and the token
  would go there.
* Past the end the last page again, or the first one, or any: no walk goes on for ever.
* `page` ignored: every page holds the same rows. A page of rows that are known raises the suspicion, and the probe
  settles it (`Walk._probe`). Where one page is the whole list, that is its end; else it is a doubt.
* A promise that is broken: the server counts more rows than it gives, or says that another page follows, and gives none.
  When it says so once more, that is a doubt.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from attrs import evolve, frozen

from channel_images.exceptions import BadRequest, IncompleteListing, NotFound, ResponseError, ServerError, Timeout
from channel_images.walks.rows import NOTHING, Rows, keys_of
from channel_images.walks.seen import SeenImages
from channel_images.window import Window
from channel_images_api.models import ProductImage

FAR = 1_000_000_000
"""A page that no list has, whatever its limit."""
MAX_IDLE_WINDOWS = 64
"""Windows in a row that hold nothing new, since rows are added in front faster than they are read."""
MAX_GROWTH = 4
"""How many times as many images as the server counted on the first page, and 20 pages more: rows are added at the end as
fast as they are read."""
IGNORES_PAGE = "the server gives the same rows for any page"
_SMALLER_LIMITS = (500, 250, 200, 100, 50, 25, 20, 10)  # down to the contract's default, which every server takes


@frozen
class Question:
    """A window that a walk asks for before it reads on.

    Attributes:
        window: The window.
        take: Takes the answer; returns the rows that are to be handed out.
        of_the_probe: Whether a server that refuses the window has answered too.
    """

    window: Window
    take: Callable[[Window, Rows], Sequence[ProductImage]]
    of_the_probe: bool = False


class Walk(ABC):
    """One way through a list, from its first row to its last.

    Attributes:
        done: Whether the last row was handed out.
        doubts: The windows before which rows may be missing; `check` raises when there are any.
        passes: How many times the list was begun.
        count: The number of rows on all pages, as the server said it last; None if it does not.
        limit: The most rows on a page that are asked for.
    """

    def __init__(self, limit: int) -> None:
        self.done = False
        self.doubts: list[Window] = []
        self.passes = 1
        self.count: int | None = None
        self.limit = limit
        self._reason = "the list changed too fast while it was read, or has no stable order"  # for the doubts
        self._seen = SeenImages(keep=4 * limit)
        self._begun = False
        self._question: Question | None = None
        self._handed_out = 0
        self._first_count: int | None = None
        self._more: bool | None = None  # as the last page with rows said it
        self._found_nothing = False
        self._reads_page = False  # the server does, as the probe has shown

    def upcoming(self, most: int) -> Sequence[Window]:
        """The windows to ask for next, in order, at most so many: the first is needed, the others are foreseen."""
        if self.done:
            return ()
        return (self._question.window,) if self._question is not None else self._windows(most)

    def feed(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """Take the answer for the first of the upcoming windows; returns the rows that are to be handed out."""
        if window.number == 1 and not rows.images and rows.promises_more_than(0):
            return self._take_nothing(window, rows)
        question, self._question = self._question, None
        if question is not None and question.of_the_probe:
            return question.take(window, rows)
        if rows.count is not None:
            self.count = rows.count
        if rows.images:
            self._more = rows.more
        self._begun = True
        return self._take(window, rows) if question is None else question.take(window, rows)

    def _take_nothing(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """Ask once more: the rows may have left between the two queries that a page is made of."""
        if self._found_nothing:
            says = "says that another page follows" if rows.count is None else f"counts {rows.count} images"
            raise IncompleteListing(
                f"the first page is empty, although the server {says}: it cannot be read", windows=[window]
            )
        self._found_nothing = True
        return ()

    def failed(self, window: Window, error: Exception) -> Sequence[ProductImage]:
        """Take an error in place of an answer, and go on where that makes sense; returns as `feed` does.

        Raises:
            Exception: `error` itself, where it does not.
        """
        probing = self._question if self._question is not None and self._question.of_the_probe else None
        if probing is not None and isinstance(error, ResponseError):
            return self.feed(window, NOTHING)
        if isinstance(error, NotFound) and window.number > 1 and isinstance(error.body, dict):
            return self.feed(window, NOTHING)
        if _is_about_size(error, window):
            smaller = next((limit for limit in _SMALLER_LIMITS if limit < window.limit), None)
            if smaller is not None and self._shrink(smaller):
                self._question = None if probing is None else evolve(probing, window=Window(window.number, smaller))
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

    def _ask(self, window: Window, take: Callable[[Window, Rows], Sequence[ProductImage]]) -> None:
        self._question = Question(window, take)

    def _probe(self, window: Window, only: Sequence[int]) -> None:
        """Ask whether the server reads `page`, and ends somewhere, after a window that held hardly anything new.

        Of a list that is one page so far, page 2 in half the rows tells: a server that reads `limit` alone gives the
        first half. Else, or where that settles nothing, the page that no list has tells.

        Args:
            window: The window.
            only: The `pk` on the only page so far; empty if there are several.
        """
        is_first_again = False

        def take_half(half: Window, rows: Rows) -> Sequence[ProductImage]:
            nonlocal is_first_again
            pks = rows.pks
            is_first_again = pks[:1] == only[:1] != only[half.limit : half.limit + 1]
            if is_first_again and len(pks) <= half.limit:
                self._end_in_doubt(window, IGNORES_PAGE)
            else:
                ask(Window(FAR, self.limit), take_far)
            return ()

        def take_far(_: Window, rows: Rows) -> Sequence[ProductImage]:
            new = len(keys_of(self._seen.certainly_new(rows.images)))
            self._reads_page = not rows.images
            if 2 * new < len(rows.images):
                self._end(window, is_same_page=is_first_again and not new)
            return ()

        def ask(probing: Window, take: Callable[[Window, Rows], Sequence[ProductImage]]) -> None:
            self._question = Question(probing, take, of_the_probe=True)

        if len(only) > 1:
            ask(Window(2, len(only) // 2), take_half)
        else:
            ask(Window(FAR, self.limit), take_far)

    def _end_in_doubt(self, window: Window, reason: str = "") -> None:
        self.doubts.append(window)
        self._reason = reason or self._reason
        self.done = True

    def _broken_promise(self, count: int | None, given: int) -> str:
        """What the server said of rows that it does not give; empty if it said nothing of the kind."""
        if count is not None:
            return f"the server counts {count} images, and gives {given}" if count > given else ""
        return "the server says that another page follows, and gives none" if self._more else ""

    def _outgrows_the_reader(self) -> bool:
        most = None if self._first_count is None else MAX_GROWTH * self._first_count + 20 * self.limit
        return most is not None and self._handed_out > most

    @abstractmethod
    def _windows(self, most: int) -> Sequence[Window]:
        """As `upcoming`, where there is no question."""

    @abstractmethod
    def _take(self, window: Window, rows: Rows) -> Sequence[ProductImage]:
        """As `feed`, where there was no question."""

    @abstractmethod
    def _end(self, window: Window, *, is_same_page: bool) -> None:
        """End, since the server gives no further rows, whatever page it is asked for.

        Args:
            window: The window that held nothing new.
            is_same_page: Whether it gives all the rows that it has for every page.
        """

    @abstractmethod
    def _shrink(self, limit: int) -> bool:
        """Ask for at most so many rows from now on; returns whether the walk can go on with so few."""


def _named(windows: Sequence[Window]) -> str:
    few = ", ".join(map(str, windows[:3]))
    return few if len(windows) <= 3 else f"{few} and {len(windows) - 3} others"


def _is_about_size(error: Exception, window: Window) -> bool:
    """Whether a smaller page may help: a timeout, here or at a proxy, or a 400 that is about no other parameter sent."""
    if isinstance(error, BadRequest):
        size = str(window.limit)  # of the parameters, the size is known by its value
        return all(error.response.request.url.params.get(name, size) == size for name in error.fields)
    return isinstance(error, Timeout) or (isinstance(error, ServerError) and error.status_code == 504)
