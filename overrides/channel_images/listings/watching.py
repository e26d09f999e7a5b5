"""Takes pending images in batches, once or round after round until it is told to stop."""

import logging
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Self, TypeVar

from attrs import evolve, frozen

from channel_images.calls.answers import Answer
from channel_images.calls.deadlines import CancelToken
from channel_images.calls.sender import EndedSender, Sender
from channel_images.exceptions import ChannelImagesError, IncompleteListing, RateLimited, RequestError, ServerError
from channel_images.listings import steps
from channel_images.listings.driver import run
from channel_images.listings.query import Query, positive
from channel_images.reporting.batch import Batch
from channel_images.reporting.batches import batches
from channel_images.settings import check_number
from channel_images.walks.drain import Drain
from channel_images_api.models import ProductImage
from channel_images_api.types import Request

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
logger = logging.getLogger("channel_images")

GRACE = 0.7
"""Seconds that a report may still take when the watch is told to stop."""
PASSING = (RequestError, ServerError, RateLimited, IncompleteListing)
"""What the next round may be free of."""
_POLL = 0.1  # seconds


@frozen
class Plan:
    """What is taken, checked.

    Attributes:
        query: The list, with the size of a batch for the rows of a page.
        abandoned_after: Seconds; see `PendingListing.batches`.
        skip: Images that are not taken.
        detailed: Whether the details of each image are read.
    """

    query: Query
    abandoned_after: float
    skip: tuple[ProductImage | int, ...]
    detailed: bool

    @classmethod
    def of(
        cls, query: Query, size: int, abandoned_after: float, skip: Iterable[ProductImage | int], detailed: bool
    ) -> Self:
        """Check the arguments.

        Raises:
            ConfigurationError, TypeError, ValueError: One makes no sense.
        """
        check_number("abandoned_after", abandoned_after, or_zero=True)
        plan = cls(evolve(query, limit=positive("size", size)), abandoned_after, tuple(skip), bool(detailed))
        plan.walk()
        return plan

    def walk(self) -> Drain:
        """The way through the list, once."""
        return Drain(self.query.limit, max_passes=0, wait=None, skip=self.skip)


class Round:
    """Counts what a round has brought, and says so in the log.

    Args:
        number: The number of the round, from 1.
        every: Seconds until the next one.
    """

    def __init__(self, number: int, every: float) -> None:
        self._number = number
        self._every = every
        self._batches = self._images = 0

    def count(self, images: int) -> None:
        """A batch of so many images."""
        self._batches += 1
        self._images += images

    def end(self, stop: "threading.Event | asyncio.Event", failure: ChannelImagesError | None = None) -> None:
        """Say what it brought."""
        images = "1 image" if self._images == 1 else f"{self._images} images"
        batches = "1 batch" if self._batches == 1 else f"{self._batches} batches"
        said = f"round {self._number}: {images} in {batches}"
        if stop.is_set():
            logger.info("%s; stopped", said)
        elif failure is None:
            logger.info("%s; the next one in %g s", said, self._every)
        else:
            logger.warning("%s, and then %s; the next one in %g s", said, failure, self._every)


def fill(plan: Plan, reader: Sender, reporter: Sender, after: float = 0.0) -> Generator[Batch]:
    """Take what is pending; see `PendingListing.batches`.

    Args:
        plan: What is taken.
        reader: Reads the list, and takes images.
        reporter: Reports what became of them.
        after: Seconds to wait before.
    """
    walk = plan.walk()
    drained = run(steps.drain(plan.query, walk, detailed=plan.detailed), reader, plan.query)
    return batches(reader, reporter, plan.query.channel_id, drained, walk.give_back, plan.abandoned_after, after)


def watch(plan: Plan, sender: Sender, every: float, stop: threading.Event) -> Generator[Batch]:
    """Take what is pending, wait, and begin again; see `PendingListing.watch`."""
    number = 0
    reader, reporter = EndedSender(sender, CancelToken()), LastReports(sender, CancelToken())
    with ending(stop, reader, reporter):
        while not stop.is_set():
            number += 1
            this = Round(number, every)
            try:
                after = every if number > 1 else 0.0
                with closing(fill(plan, reader, reporter, after)) as batches_of_round:
                    for batch in batches_of_round:
                        this.count(len(batch))
                        yield batch
                        if stop.is_set():
                            break
            except PASSING as failure:
                this.end(stop, failure)
            else:
                this.end(stop)


@contextmanager
def ending(stop: threading.Event, reader: EndedSender, reporter: EndedSender) -> Iterator[None]:
    """End the calls of both when `stop` is set, those of the second a little later.

    A thread looks whether it is set, and nobody waits for it: a signal handler that sets an event for which its own thread
    is about to wait may wait for ever.
    """
    finished = threading.Event()

    def look() -> None:
        while not finished.wait(_POLL):
            if stop.is_set():
                reader.ended.set()
                finished.wait(GRACE)
                reporter.ended.set()
                return

    threading.Thread(target=look, name="channel-images: watch", daemon=True).start()
    try:
        yield
    finally:
        finished.set()


class LastReports(EndedSender):
    """Gives some seconds to each call that begins after the token was set, such as a report after a long upload."""

    def send(
        self,
        request: Request,
        decode: Callable[[bytes], T],
        *,
        after: float = 0.0,
        cancel: CancelToken | None = None,
    ) -> Answer[T]:
        if cancel is not None or not self.ended.is_set():
            return super().send(request, decode, after=after, cancel=cancel)
        late = CancelToken()
        timer = threading.Timer(GRACE, late.set)
        timer.start()
        try:
            return self._sender.send(request, decode, after=after, cancel=late)
        finally:
            timer.cancel()
