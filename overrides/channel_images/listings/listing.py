"""Reads a list page by page as it is iterated over, in threads where several pages are in flight."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from channel_images.calls.answers import Answer, Page
from channel_images.calls.sender import AsyncSender, Sender
from channel_images.exceptions import RequestError, ResponseError
from channel_images.listings import steps
from channel_images.listings.query import Query, positive
from channel_images.listings.steps import Ask, Outcome, Steps
from channel_images.reporting.batch import Batch
from channel_images.reporting.batches import batches
from channel_images.settings import check_number
from channel_images.walks.drain import Drain
from channel_images.walks.rows import Rows
from channel_images.walks.walk import Walk
from channel_images_api.models import ProductImage
from channel_images_api.types import Request

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from channel_images.calls.deadlines import CancelToken

from attrs import evolve

DEFAULT_SIZE = 100
"""Images in a batch: what connectors take."""

T = TypeVar("T")
SenderT = TypeVar("SenderT", bound=Sender | AsyncSender)
InFlightT = TypeVar("InFlightT")


class BaseListing(ABC, Generic[SenderT]):
    """Every image of a list, lazily: a request is sent when its page is needed.

    It may be iterated over again, which reads the list again.
    """

    def __init__(self, sender: SenderT, query: Query) -> None:
        self._sender = sender
        self._query = query

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of channel {self._query.channel_id} at {self._sender.base_url}>"

    @abstractmethod
    def pages(self) -> Any:
        """The same, page by page; an image that was on an earlier page too is left out of the later one.

        Raises:
            ChannelImagesError: As `channel_images.exceptions` draws them, at the place of the page in the list.
        """

    @abstractmethod
    def count(self) -> Any:
        """How many images there are.

        One request where the server counts; else, as for pending lists, one for each page.

        Raises:
            ChannelImagesError: As for `pages`.
        """

    @abstractmethod
    def first(self) -> Any:
        """The first image, in one request; None where there is none.

        Raises:
            ChannelImagesError: As for `pages`.
        """


class BasePendingListing(ABC):
    """The images that are pending in a channel."""

    @abstractmethod
    def drain(self, *, max_passes: int = 10, wait: float = 1.0) -> Any:
        """Batches of images, until nothing is pending.

        Report the images of a batch as sent, by whatever call the platform has for it, and take the next one. An image
        is handed out again only when its `modified_date` has risen, or it had left the list and came back.

        `concurrency` has no effect at the front of the list, which every batch changes. Pages are read ahead only to
        step over images that were handed out, and are listed still.

        Closing the client ends a wait.

        Args:
            max_passes: How many passes through the list in a row may find nothing new, and nothing gone either.
            wait: Seconds before such a pass is repeated; each time twice as long, at most 30.

        Raises:
            ClientUnusable: The client was closed.
            DrainStalled: After so many passes, images that were handed out are pending still.
            IncompleteListing: Images have no `pk`, so that nobody could say which were handed out.
        """

    @abstractmethod
    def batches(self, size: int = DEFAULT_SIZE, *, abandoned_after: float = 0.0) -> Any:
        """Pending images in batches that nobody else gets, and that report what became of each image.

        Use each batch in a `with` block; see `channel_images.reporting.batch.BaseBatch`. The iteration ends when it has
        handed out every image that is pending. Images that were refused are pending again by then, and are handed out by
        the next iteration, or by this one if they were modified.

        It begins with the batches that an earlier run has left open, say since it was killed: it fails those, so that
        their images are pending again. So one process at a time works a channel, unless `abandoned_after` says which
        batches nobody works on any more.

        Args:
            size: The most images in a batch.
            abandoned_after: Seconds. Batches of other processes that were changed within them are left alone. A process
                that was killed leaves its images hidden for so long.

        Raises:
            BatchError: The platform refuses a batch, or an image has no version.
            ConfigurationError, TypeError, ValueError: An argument makes no sense.
            ChannelImagesError: As for `drain`.
        """


class Listing(BaseListing[Sender]):
    def __iter__(self) -> Iterator[ProductImage]:
        return chain.from_iterable(map(attrgetter("results"), self.pages()))

    def pages(self) -> Generator[Page]:
        return run(steps.pages(self._query), self._sender, self._query)

    def count(self) -> int:
        (total,) = run(steps.count(self._query), self._sender, self._query)
        return total

    def first(self) -> ProductImage | None:
        (image,) = run(steps.first(self._query), self._sender, self._query)
        return image


class PendingListing(BasePendingListing, Listing):
    def drain(self, *, max_passes: int = 10, wait: float = 1.0) -> Generator[Sequence[ProductImage]]:
        return run(steps.drain(self._query, Drain(self._query.limit, max_passes, wait)), self._sender, self._query)

    def batches(self, size: int = DEFAULT_SIZE, *, abandoned_after: float = 0.0) -> Generator[Batch]:
        query, walk = for_batches(self._query, size, abandoned_after)
        drained = run(steps.drain(query, walk), self._sender, query)
        return batches(self._sender, query.channel_id, drained, walk.give_back, abandoned_after)


def for_batches(query: Query, size: int, abandoned_after: float) -> tuple[Query, Drain]:
    """The query and the walk for batches.

    Raises:
        ConfigurationError, TypeError, ValueError: An argument makes no sense.
    """
    check_number("abandoned_after", abandoned_after, or_zero=True)
    return evolve(query, limit=positive("size", size)), Drain(size, max_passes=0, wait=None)


def pages_by(sender: Sender, part: Query, walk: Walk) -> Generator[Page]:
    """The pages of one part of a list, by a walk of the caller's, which can be one that was begun before."""
    return run(steps.pages_by(walk, part), sender, part)


def run(steps: Steps[T], sender: Sender, query: Query) -> Generator[T]:
    """Send what the steps ask for, and hand out what they hand out."""
    outcome: Outcome | None = None
    with Prefetch(sender, query) as prefetch:
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration:
                return
            outcome = None  # for the next page to have its memory
            if isinstance(step, Ask):
                try:
                    outcome = prefetch.answer(step)
                except (RequestError, ResponseError) as error:
                    outcome = error
            else:
                yield step
            del step


class BasePrefetch(ABC, Generic[SenderT, InFlightT]):
    """The requests that are under way."""

    def __init__(self, sender: SenderT, query: Query) -> None:
        self._sender = sender
        self._query = query
        self._in_flight: dict[Request, InFlightT] = {}

    def _take(self, ask: Ask) -> InFlightT:
        """What the needed answer will come from, while those that are foreseen are asked for, and no others."""
        for other in set(self._in_flight).difference(ask.requests):
            self._drop(self._in_flight.pop(other))
        for request in ask.requests:
            if request not in self._in_flight:
                self._in_flight[request] = self._begin(request, ask.after)
        return self._in_flight.pop(ask.requests[0])

    @abstractmethod
    def _begin(self, request: Request, after: float) -> InFlightT:
        """Send a request."""

    @abstractmethod
    def _drop(self, in_flight: InFlightT) -> None:
        """End what was begun, since nobody needs it any more."""


class Prefetch(BasePrefetch[Sender, "Future[Answer[Rows]]"]):
    """The requests that are under way, one thread each; no thread where there is one at a time."""

    _threads: "ThreadPoolExecutor | None" = None
    _cancel: "CancelToken | None" = None

    def answer(self, ask: Ask) -> Answer[Rows]:
        """The answer that is needed."""
        if self._query.concurrency == 1:
            return self._sender.send(ask.requests[0], self._query.decode, after=ask.after)
        return self._take(ask).result()

    def _begin(self, request: Request, after: float) -> "Future[Answer[Rows]]":
        if self._threads is None:
            from concurrent.futures import ThreadPoolExecutor

            from channel_images.calls.deadlines import CancelToken

            self._cancel = CancelToken()
            self._threads = ThreadPoolExecutor(self._query.concurrency, thread_name_prefix="channel_images")
        return self._threads.submit(self._sender.send, request, self._query.decode, after=after, cancel=self._cancel)

    def _drop(self, in_flight: "Future[Answer[Rows]]") -> None:
        in_flight.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._cancel is not None:
            self._cancel.set()  # ends the waits, those for the network too
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
