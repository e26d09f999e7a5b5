"""Reads a list page by page as it is iterated over, in threads where several pages are in flight."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from channel_images.calls.answers import Page
from channel_images.calls.sender import AsyncSender, Sender
from channel_images.listings import steps
from channel_images.listings.driver import run
from channel_images.listings.query import Query
from channel_images.listings.watching import Plan, fill, watch
from channel_images.reporting.batch import Batch
from channel_images.settings import check_number
from channel_images.walks.drain import Drain
from channel_images.walks.keyed import KeyedImage
from channel_images_api.models import ProductImage

DEFAULT_SIZE = 100
"""Images in a batch: what connectors take."""

SenderT = TypeVar("SenderT", bound=Sender | AsyncSender)
DrainT = TypeVar("DrainT")
BatchesT = TypeVar("BatchesT")
EventT = TypeVar("EventT")


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


class BasePendingListing(BaseListing[SenderT], Generic[SenderT, DrainT, BatchesT, EventT]):
    """The images that are pending in a channel."""

    def drain(
        self,
        *,
        max_passes: int = 10,
        wait: float | None = 1.0,
        skip: Iterable[ProductImage | int] = (),
        detailed: bool = False,
    ) -> DrainT:
        """Batches of images, until nothing is pending.

        Report the images of a batch as sent, by whatever call the platform has for it, and take the next one. An image
        is handed out again only when its `modified_date` has risen, or it had left the list and came back.

        `concurrency` has no effect at the front of the list, which every batch changes. Pages are read ahead only to
        step over images that were handed out, and are listed still. Details are read so many at a time.

        Closing the client ends a wait.

        Args:
            max_passes: How many passes through the list in a row may find nothing new, and nothing gone either.
            wait: Seconds before such a pass is repeated; each time twice as long, at most 30. None to end with such a pass,
                whatever is pending still: what a program wants that comes again later.
            skip: Images that are not handed out, since you have given up on them: by their `pk`; or as they were, until
                they are modified.
            detailed: Read the details of each image before it is handed out, in one request each. An image that is gone
                by then is left out.

        Raises:
            ClientUnusable: The client was closed.
            DrainStalled: After so many passes, images that were handed out are pending still.
            IncompleteListing: Images have no `pk`, so that nobody could say which were handed out.
        """
        return self._drain(Drain(self._query.limit, max_passes, wait, skip), detailed)

    def batches(
        self,
        size: int = DEFAULT_SIZE,
        *,
        abandoned_after: float = 0.0,
        skip: Iterable[ProductImage | int] = (),
        detailed: bool = False,
    ) -> BatchesT:
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
            skip: As for `drain`.
            detailed: As for `drain`.

        Raises:
            BatchError: The platform refuses a batch, or an image has no version.
            ConfigurationError, TypeError, ValueError: An argument makes no sense.
            ChannelImagesError: As for `drain`.
        """
        return self._fill(Plan.of(self._query, size, abandoned_after, skip, detailed))

    def watch(
        self,
        every: float = 60.0,
        *,
        stop: EventT | None = None,
        size: int = DEFAULT_SIZE,
        abandoned_after: float = 0.0,
        skip: Iterable[ProductImage | int] = (),
        detailed: bool = False,
    ) -> BatchesT:
        """Batches, as `batches` gives them, round after round until you stop it.

        The log under `channel_images` has a line for each round. A round that fails since the server cannot be reached,
        fails, or asks to wait, is a warning, and the next one tries again. So is one whose list changed too fast. Any
        other error is yours.

        When `stop` is set, the watch ends at once: while it waits, reads, or sends a request again. A report has 0.7
        seconds more. What it does not say by then is left to the next run, as after a crash.

        Args:
            every: Seconds from the end of a round to the next one.
            stop: A `threading.Event`, or for tasks an `asyncio.Event`. Without it, the watch ends when you break it off.
            size: As for `batches`.
            abandoned_after: As for `batches`.
            skip: As for `drain`.
            detailed: As for `drain`.
        """
        plan = Plan.of(self._query, size, abandoned_after, skip, detailed)
        check_number("every", every, or_zero=True)
        return self._watch(plan, every, stop)

    @abstractmethod
    def _drain(self, walk: Drain, detailed: bool) -> DrainT: ...

    @abstractmethod
    def _fill(self, plan: Plan) -> BatchesT: ...

    @abstractmethod
    def _watch(self, plan: Plan, every: float, stop: EventT | None) -> BatchesT: ...


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


class PendingListing(
    BasePendingListing[Sender, Generator[Sequence[KeyedImage]], Generator[Batch], threading.Event], Listing
):
    def _drain(self, walk: Drain, detailed: bool) -> Generator[Sequence[KeyedImage]]:
        return run(steps.drain(self._query, walk, detailed=detailed), self._sender, self._query)

    def _fill(self, plan: Plan) -> Generator[Batch]:
        return fill(plan, self._sender, self._sender)

    def _watch(self, plan: Plan, every: float, stop: threading.Event | None) -> Generator[Batch]:
        return watch(plan, self._sender, every, threading.Event() if stop is None else stop)


if TYPE_CHECKING:

    class KeyedListing(Listing):
        """A consistent list: each image has its `pk`."""

        def __iter__(self) -> Iterator[KeyedImage]: ...

    class KeyedPendingListing(PendingListing):
        """A consistent list of pending images: each image has its `pk`."""

        def __iter__(self) -> Iterator[KeyedImage]: ...

else:
    KeyedListing, KeyedPendingListing = Listing, PendingListing
