"""Makes batches of the images that a drain hands out, and finds those again that marketplaces have."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import aclosing, closing

from channel_images.calls.sender import AsyncSender, Sender
from channel_images.exceptions import BatchError
from channel_images.reporting import steps
from channel_images.reporting.batch import AsyncBatch, Batch
from channel_images.reporting.drive import arun, run
from channel_images.reporting.requests import REMOTE, BatchRecord
from channel_images.reporting.steps import Desk, Steps
from channel_images.walks.keyed import KeyedImage, keyed
from channel_images_api.models import ProductImage


class Filler:
    """Fills the batches of one iteration.

    Args:
        desk: The desk.
        give_back: Has images handed out again which no batch could have.
    """

    def __init__(self, desk: Desk, give_back: Callable[[Iterable[KeyedImage]], None]) -> None:
        self._desk = desk
        self._give_back = give_back
        self._empty: BatchRecord | None = None
        self._refused: Mapping[int, str] = {}

    def fill(self, images: Sequence[KeyedImage]) -> Steps[tuple[BatchRecord, Mapping[int, str]] | None]:
        """Take images into a batch; None if others were faster, and the list has to be read again.

        Raises:
            BatchError: An image cannot be reported; or the platform refuses the same images twice.
        """
        versions = steps.versions_of(images)
        record, refusal = yield from steps.take(self._desk, self._empty, versions)
        if refusal is None:
            self._empty, self._refused = None, {}
            return record, versions
        if versions == self._refused:
            raise BatchError(
                f"the platform does not take these images into batch {record.pk}: {refusal.detail}", pks=list(versions)
            ) from refusal
        self._empty = record
        if "status" in refusal.fields:  # it is none that could be filled: somebody has moved it on
            self.close()
            self._empty = None
        self._refused = versions
        self._give_back(images)
        return None

    def close(self) -> None:
        """Leave a batch that stayed empty to the next run. It holds no images."""
        if self._empty is not None:
            self._desk.own.discard(self._empty.pk)


def batches(
    sender: Sender,
    reporter: Sender,
    channel_id: int,
    drained: Iterable[Sequence[KeyedImage]],
    give_back: Callable[[Iterable[KeyedImage]], None],
    abandoned_after: float,
    after: float,
) -> Generator[Batch]:
    """Batches of what a drain hands out; see `PendingListing.batches`. The `reporter` sends what becomes of them; `after` are the
    seconds to wait before.
    """
    desk = Desk(channel_id, sender.open_batches[channel_id])
    run(steps.recover(desk, abandoned_after, after), sender)
    with closing(Filler(desk, give_back)) as filler:
        for images in drained:
            filled = run(filler.fill(images), sender)
            if filled is not None:
                batch = Batch(reporter, desk, filled[0], images, filled[1])
                try:
                    yield batch
                finally:
                    desk.own.discard(batch.pk)
                batch.check_left()


async def abatches(
    sender: AsyncSender,
    reporter: AsyncSender,
    channel_id: int,
    drained: AsyncGenerator[Sequence[KeyedImage]],
    give_back: Callable[[Iterable[KeyedImage]], None],
    abandoned_after: float,
    after: float,
) -> AsyncGenerator[AsyncBatch]:
    """The same for tasks."""
    desk = Desk(channel_id, sender.open_batches[channel_id])
    await arun(steps.recover(desk, abandoned_after, after), sender)
    with closing(Filler(desk, give_back)) as filler:
        async with aclosing(drained):
            async for images in drained:
                filled = await arun(filler.fill(images), sender)
                if filled is not None:
                    batch = AsyncBatch(reporter, desk, filled[0], images, filled[1])
                    try:
                        yield batch
                    finally:
                        desk.own.discard(batch.pk)
                    batch.check_left()


def remote_batches(
    sender: Sender, channel_id: int, read: Callable[[Iterable[int]], Iterable[ProductImage]]
) -> Generator[Batch]:
    """The batches that marketplaces have; `read` gives the images of some `pk`."""
    desk = Desk(channel_id, sender.open_batches[channel_id])
    for record in run(steps.find(desk, REMOTE), sender):
        versions = run(steps.members(desk, record), sender)
        yield Batch(sender, desk, record, keyed(read(versions)), versions)


async def aremote_batches(
    sender: AsyncSender, channel_id: int, read: Callable[[Iterable[int]], AsyncIterable[ProductImage]]
) -> AsyncGenerator[AsyncBatch]:
    """The same for tasks."""
    desk = Desk(channel_id, sender.open_batches[channel_id])
    for record in await arun(steps.find(desk, REMOTE), sender):
        versions = await arun(steps.members(desk, record), sender)
        images = [image async for image in read(versions)]
        yield AsyncBatch(sender, desk, record, keyed(images), versions)
