"""A server without a network: what a walk asks for is answered from a list in memory, which changes as a test wants.

The order of the list is that of `Server.pks`. Rows come and go anywhere in it, and never change places, and the `pk` of
a row that has left is not used again: these are the assumptions of `channel_images.walks.consistent`. A `Tied` server
breaks one of them.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from random import Random

import httpx
from attrs import define, field

from channel_images.exceptions import ChannelImagesError, Timeout, kind_of
from channel_images.walks.drain import Drain
from channel_images.walks.rows import Rows
from channel_images.walks.walk import Walk
from channel_images.window import Window
from channel_images_api.models import ProductImage

APART = 1_000
"""Between the pks of neighbours, so that a new row finds one between them."""


@cache
def image(pk: int) -> ProductImage:
    """An image of which nothing matters but its `pk`."""
    return ProductImage(pk=pk)


def error(status: int, body: object) -> ChannelImagesError:
    """The error that the client makes of an answer."""
    request = httpx.Request("GET", "https://server/", params={"page": 3, "product": 7})
    return kind_of(status)("", response=httpx.Response(status, json=body, request=request))


class Endless(AssertionError):
    """More requests than a walk may need."""


@define
class Server:
    """One list, on a server of some kind.

    Attributes:
        pks: The rows, in their order.
        clamp: A larger limit is taken for this one.
        largest: A larger limit is refused.
        slow: A larger limit takes longer than the client waits.
        step: A limit that is no multiple of it is refused.
        fixed: The size of all pages, whatever the limit.
        paged: Whether `page` is read at all.
        envelope: Whether pages say their count, and whether more follow.
        past: What lies past the end: "404", "empty", or "last", the last page again.
    """

    pks: list[int]
    clamp: int | None = None
    largest: int | None = None
    slow: int | None = None
    step: int = 1
    fixed: int | None = None
    paged: bool = True
    envelope: bool = True
    past: str = "404"
    requests: list[Window] = field(factory=list, init=False)
    throughout: set[int] = field(init=False)
    used: set[int] = field(init=False)
    newest: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.throughout = set(self.pks)
        self.used = set(self.pks)
        self.newest = max(self.pks, default=0)

    def answer(self, window: Window) -> Rows | ChannelImagesError:
        """What the server says to a request, as its list is now."""
        self.requests.append(window)
        if self.largest is not None and window.limit > self.largest:
            return error(400, {"limit": [f"Ensure this value is less than or equal to {self.largest}."]})
        if window.limit % self.step:
            return error(400, {"limit": [f"Take a multiple of {self.step}."]})
        if self.slow is not None and window.limit > self.slow:
            return Timeout("took too long")
        count = len(self.pks)
        size = self.fixed or min(window.limit, self.clamp or window.limit)
        number = window.number
        if not self.paged:
            size, number = max(1, count), 1
        if (number - 1) * size >= count and number > 1:
            if self.past == "404":
                return error(404, {"detail": "Invalid page."})
            if self.past == "last":
                number = max(1, -(-count // size))
        images = [image(pk) for pk in self.pks[(number - 1) * size : number * size]]
        return Rows(images, count, number * size < count) if self.envelope else Rows(images)

    def remove(self, start: int, rows: int = 1) -> None:
        """Take rows out of the list."""
        self.throughout.difference_update(self.pks[start : start + rows])
        del self.pks[start : start + rows]

    def add(self, start: int, rows: int = 1, *, sorted_by_pk: bool = False) -> None:
        """Put new rows into the list: newer than all others, or such that the order by `pk` stays, as far as there is room."""
        for at in range(start, start + rows):
            pk = self.newest + APART
            if sorted_by_pk:
                falling = len(self.pks) > 1 and self.pks[0] > self.pks[-1]
                before, behind = self.pks[at - 1 : at], self.pks[at : at + 1]
                low, high = (behind, before) if falling else (before, behind)
                top = high[0] if high else self.newest + 2 * APART
                pk = ((low[0] if low else top - 2 * APART) + top) // 2
                if pk in self.used:
                    return
            self.newest = max(self.newest, pk)
            self.used.add(pk)
            self.pks.insert(at, pk)


@define
class Tied(Server):
    """A server that sorts by a key that several rows share, and orders those anew for each query.

    Attributes:
        group: Rows that share a key, at first.
        chance: Orders them, and says where rows come and go.
    """

    group: int = field(kw_only=True)
    chance: Random = field(kw_only=True)
    keys: dict[int, int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.keys = {pk: at // self.group for at, pk in enumerate(self.pks)}

    def answer(self, window: Window) -> Rows | ChannelImagesError:
        keys, below_one = self.keys, self.chance.random
        self.pks.sort(key=lambda pk: keys[pk] + below_one())  # a sum is compared faster than a pair
        return super().answer(window)

    def churn(self, rate: float, change: str) -> None:
        """Perhaps take a row out, or put a new one in, or both."""
        if self.chance.random() < rate and len(self.pks) > 1:
            change = self.chance.choice(("add", "remove")) if change == "either" else change
            if change != "add":
                self.remove(self.chance.randrange(len(self.pks)))
            if change != "remove":
                at = self.chance.randrange(len(self.pks))
                self.add(at)
                self.keys[self.pks[at]] = self.keys[self.pks[at + 1]]


def rows_in_order(order: str, rows: int, seed: int = 0) -> list[int]:
    """The pks of a list: "rising", "falling", "any", or "blocks" that rise, as where images are sorted by product."""
    pks = [APART * (number + 1) for number in range(rows)]
    if order == "falling":
        pks.reverse()
    elif order == "any":
        Random(seed).shuffle(pks)
    elif order == "blocks":
        cut = Random(seed).randrange(rows + 1)
        pks = pks[cut:] + pks[:cut]
    return pks


def give(walk: Walk | Drain, window: Window, answer: Rows | ChannelImagesError) -> Sequence[ProductImage]:
    """Give a walk, or a drain, the answer, as the listings do."""
    return walk.feed(window, answer) if isinstance(answer, Rows) else walk.failed(window, answer)


def pks_of(images: Iterable[ProductImage]) -> list[int]:
    """The pks of images that all have one."""
    pks = [each.pk for each in images]
    assert all(isinstance(pk, int) for pk in pks)
    return pks  # type: ignore[return-value] # as was just seen


def walked(
    walk: Walk,
    server: Server,
    *,
    most: int,
    ahead: int = 1,
    between: Callable[[], None] = lambda: None,
    chance: Random | None = None,
) -> list[int]:
    """The pks that a walk hands out, in their order.

    Args:
        walk: The walk.
        server: What it reads.
        most: Requests; more are `Endless`.
        ahead: Windows in flight.
        between: Called before each request, to change the list.
        chance: Chooses in which order windows that are in flight are answered; without it, in theirs.
    """
    handed_out: list[int] = []
    answers: dict[Window, Rows | ChannelImagesError] = {}
    while not walk.done:
        windows = list(walk.upcoming(ahead))
        assert 1 <= len(windows) <= ahead
        answers = {window: answer for window, answer in answers.items() if window in windows}
        unasked = [window for window in windows if window not in answers]
        if chance is not None:
            chance.shuffle(unasked)
        for window in unasked:
            if len(server.requests) >= most:
                raise Endless(f"{len(server.requests)} requests, and no end: {server.requests[-10:]}")
            between()
            answers[window] = server.answer(window)
        handed_out += pks_of(give(walk, windows[0], answers.pop(windows[0])))
    return handed_out
