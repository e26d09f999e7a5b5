"""Holds a batch while its images are sent to the shop, and ends it with an outcome for each."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from channel_images.calls.sender import AsyncSender, Sender
from channel_images.exceptions import BatchError, ChannelImagesError
from channel_images.reporting import requests, steps
from channel_images.reporting.drive import arun, run
from channel_images.reporting.requests import REMOTE, BatchRecord, BatchStatus, FailedReason, Outcome
from channel_images.reporting.steps import Desk, Steps
from channel_images.walks.keyed import KeyedImage
from channel_images_api.models import ProductImage

SenderT = TypeVar("SenderT", bound=Sender | AsyncSender)

_SHOWN = 5


class BaseBatch(ABC, Generic[SenderT]):
    """Pending images that nobody else gets, until the batch has ended.

    Iterate over it, and give each image an outcome. If each image has one when you leave the `with` block, the batch is
    done. If an error leaves the block, or if an image has no outcome, the batch fails, and all of its images are pending
    again. A batch that was sent to the marketplace stays open instead, for a later run.

    The batch reports the version of each image that you got. If an image was modified meanwhile, it is pending again as
    an update.

    Threads may share a batch to report outcomes.

    Attributes:
        images: The images.
        record: The batch as the platform has it.
    """

    def __init__(
        self,
        sender: SenderT,
        desk: Desk,
        record: BatchRecord,
        images: Sequence[KeyedImage],
        versions: Mapping[int, str],
    ) -> None:
        self.images = tuple(images)
        self.record = record
        self._sender = sender
        self._desk = desk
        self._versions = versions
        self._outcomes: dict[int, Outcome] = {}
        self._was_left = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.pk} of {len(self)} images: {self.record.status}>"

    def __iter__(self) -> Iterator[KeyedImage]:
        return iter(self.images)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def pk(self) -> int:
        """The platform's number for the batch."""
        return self.record.pk

    @property
    def status(self) -> str:
        """The state of the batch; see `BatchStatus`."""
        return self.record.status

    @property
    def remote_batch_id(self) -> str | None:
        """The marketplace's id of the batch; None if it was not sent there as a whole."""
        return self.record.remote_batch_id

    @property
    def remaining(self) -> list[KeyedImage]:
        """The images that have no outcome yet."""
        return [image for image in self.images if image.pk not in self._outcomes]

    def sent(self, image: ProductImage | int, *, remote_id: str | int | None = None) -> None:
        """Note that the shop has an image.

        Args:
            image: The image, or its `pk`.
            remote_id: The shop's id of the image.

        Raises:
            ValueError: It is not in this batch.
        """
        self._note(image, Outcome(remote_id=None if remote_id is None else str(remote_id)))

    def failed(self, image: ProductImage | int, *, reason: FailedReason | str = FailedReason.REMOTE) -> None:
        """Note that the shop does not have an image. It is pending again after the batch.

        Args:
            image: The image, or its `pk`.
            reason: `remote` if the shop refused it, `mapping` if the shop has no counterpart for something in it,
                `channel_app` if you could not send it.

        Raises:
            ValueError: It is not in this batch; or there is no such reason.
        """
        self._note(image, Outcome(reason=FailedReason(reason)))

    def release(self) -> None:
        """Give back the images that have no outcome yet, because your program has to stop: they are pending again."""
        for image in self.remaining:
            self.failed(image, reason=FailedReason.CHANNEL_APP)

    @abstractmethod
    def sent_to_remote(self, remote_batch_id: str) -> Any:
        """Note that a marketplace has the images, and answers later. The batch stays open after the `with` block.

        A later run finds it with `Channel.remote_batches`.

        Args:
            remote_batch_id: The marketplace's id of the batch, at most 255 characters.

        Raises:
            BatchError: The platform refuses that.
        """

    @abstractmethod
    def ongoing(self) -> Any:
        """Note that you asked the marketplace, and it is not done yet. The batch stays open.

        Raises:
            BatchError: The platform refuses that.
        """

    @abstractmethod
    def fail(self) -> Any:
        """End the batch without an outcome: all of its images are pending again.

        Raises:
            BatchError: The platform refuses that.
        """

    def _note(self, image: ProductImage | int, outcome: Outcome) -> None:
        pk = image if isinstance(image, int) else image.pk
        if not isinstance(pk, int) or pk not in self._versions:
            raise ValueError(f"image {pk} is not in batch {self.pk}")
        self._outcomes[pk] = outcome

    def _leave(self, error: BaseException | None) -> Steps[None]:
        """What happens at the end of the `with` block."""
        self._was_left = True
        if self.status not in (BatchStatus.COMMIT, *REMOTE):
            return
        remaining = self.remaining
        if error is None and not remaining:
            objects = requests.objects(self._versions, self._outcomes)
            self.record = yield from steps.end(self._desk, self.pk, BatchStatus.DONE, objects=objects)
        elif self.status == BatchStatus.COMMIT:
            yield from self._fail_for(error)
            if error is None:
                raise self._unfinished(remaining)

    def _to_remote(self, remote_batch_id: str) -> Steps[BatchRecord]:
        status, name = BatchStatus.SENT_TO_REMOTE, str(remote_batch_id)
        return (yield from steps.end(self._desk, self.pk, status, remote_batch_id=name))

    def _fail_for(self, error: BaseException | None) -> Steps[None]:
        try:
            self.record = yield from steps.end(self._desk, self.pk, BatchStatus.FAIL)
        except ChannelImagesError as failure:
            if error is None:
                raise
            error.add_note(f"batch {self.pk} could not be failed, and the next run has to do it: {failure}")

    def _unfinished(self, remaining: Sequence[KeyedImage]) -> BatchError:
        pks = [image.pk for image in remaining]
        named = ", ".join(map(str, pks[:_SHOWN])) + (", ..." if len(pks) > _SHOWN else "")
        return BatchError(
            f"batch {self.pk} has failed: {len(pks)} of {len(self)} images have no outcome (pk {named}). Call sent(), "
            "failed() or release() before you leave the block",
            pks=pks,
        )

    def check_left(self) -> None:
        """Raise for a batch that was used without its `with` block, which ends it.

        Raises:
            BatchError: It is still open, and the next run has to fail it.
        """
        if self.status == BatchStatus.COMMIT and not self._was_left:
            raise BatchError(f"batch {self.pk} is still open: use each batch in a `with` block, which ends it")


class Batch(BaseBatch[Sender]):
    def sent_to_remote(self, remote_batch_id: str) -> None:
        self.record = run(self._to_remote(remote_batch_id), self._sender)

    def ongoing(self) -> None:
        self.record = run(steps.end(self._desk, self.pk, BatchStatus.ONGOING), self._sender)

    def fail(self) -> None:
        self.record = run(steps.end(self._desk, self.pk, BatchStatus.FAIL), self._sender)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        run(self._leave(error), self._sender)


class AsyncBatch(BaseBatch[AsyncSender]):
    async def sent_to_remote(self, remote_batch_id: str) -> None:
        self.record = await arun(self._to_remote(remote_batch_id), self._sender)

    async def ongoing(self) -> None:
        self.record = await arun(steps.end(self._desk, self.pk, BatchStatus.ONGOING), self._sender)

    async def fail(self) -> None:
        self.record = await arun(steps.end(self._desk, self.pk, BatchStatus.FAIL), self._sender)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await arun(self._leave(error), self._sender)
