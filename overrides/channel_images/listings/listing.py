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
    """Every image of a list, read lazily: it asks for a page when you need its first image.

    If you iterate again, the list is read again.
    """

    def __init__(self, sender: SenderT, query: Query) -> None:
        self._sender = sender
        self._query = query

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of channel {self._query.channel_id} at {self._sender.base_url}>"

    @abstractmethod
    def pages(self) -> Any:
        """The same, page by page. An image that is on two pages comes with the first one only.

        Raises:
            ChannelImagesError: At the place of the failing page in the list; see `channel_images.exceptions`.
        """

    @abstractmethod
    def count(self) -> Any:
        """How many images there are.

        It takes one request if the server counts; otherwise, as for pending lists, one for each page.

        Raises:
            ChannelImagesError: As for `pages`.
        """

    @abstractmethod
    def first(self) -> Any:
        """The first image, in one request; None if there is none.

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

        Report the images of a batch as sent, by the call that your platform has for it, and take the next one. You get an
        image again only if its `modified_date` has risen, or if it left the list and came back.

        `concurrency` has no effect at the front of the list, which every batch changes. The drain reads ahead only to
        step over images that it has handed out and that are still listed. It reads so many details at a time.

        Closing the client ends a wait.

        Args:
            max_passes: How many passes in a row may find nothing new and nothing gone.
            wait: Seconds before such a pass is repeated; each time twice as long, at most 30. None ends the drain with such
                a pass, even if images are pending, for a program that comes again later.
            skip: Images that you have given up on. A `pk` is left out for good; an image, until it is modified.
            detailed: Read the details of each image first, with one request each. An image that is gone by then is left
                out.

        Raises:
            ClientUnusable: The client was closed.
            DrainStalled: After so many passes, images that you got are still pending.
            IncompleteListing: Images have no `pk`, so nobody could say which of them you got.
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
        """Pending images in batches that nobody else gets, and that report the outcome of each image.

        Use each batch in a `with` block; see `Batch`. The iteration ends when it has handed out every image that is
        pending. Images that were refused are pending again by then. The next iteration hands them out; so does this one
        if they were modified.

        It begins with the batches that an earlier run has left open, for example because it was killed. It fails those,
        so that their images are pending again. So let one process at a time work on a channel, or say with
        `abandoned_after` which batches nobody works on any more.

        Args:
            size: The most images in a batch.
            abandoned_after: Seconds. Leave batches of other processes alone if they changed within this time. The images
                of a killed process stay hidden for so long.
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

        The logger `channel_images` writes a line for each round. If the server cannot be reached, fails, or asks to wait,
        or if the list changes too fast, that line is a warning, and the next round tries again. You get any other error.

        When you set `stop`, the watch ends at once, whether it waits, reads, or is about to send a request again. A report
        gets 0.7 seconds more. The next run takes care of what is unreported by then, as after a crash.

        Args:
            every: Seconds from the end of a round to the next one.
            stop: A `threading.Event`, or for tasks an `asyncio.Event`. Without it, break off the iteration to end it.
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
