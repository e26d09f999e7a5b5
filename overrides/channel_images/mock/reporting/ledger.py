"""Keeps what was reported to a mock server, until it is reset."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from uuid import UUID

from channel_images.mock.as_json import Json
from channel_images.mock.bounded import Bounded
from channel_images.mock.data.made import format_date
from channel_images.mock.reporting.actions import IntegrationAction
from channel_images.mock.reporting.batches import BatchRequest, Status


def now() -> str:
    """The present, by this machine's clock and not by that of the images: a connector asks how old an open batch is."""
    return format_date(datetime.now(UTC).replace(tzinfo=None))


class Ledger:
    """The batches, the actions of the images they took, and the notes about what went wrong. The store's lock guards it."""

    def __init__(self, seed: int, notes_kept: int) -> None:
        """At most `notes_kept` error reports are kept, and as many operational events."""
        self._seed = seed
        self.error_reports: Bounded[Mapping[str, Json]] = Bounded(notes_kept)
        self.operational_events: Bounded[Mapping[str, Json]] = Bounded(notes_kept)
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.batches: dict[int, BatchRequest] = {}
        """By pk, in the order in which they were made."""
        self.actions: dict[int, dict[int, IntegrationAction]] = {}
        """By channel and by the image's pk."""
        self.error_reports.clear()
        self.operational_events.clear()
        self.notes = 0
        """How many error reports and events there ever were."""

    def new_batch(self, channel: int, date: str) -> BatchRequest:
        """A batch that has taken nothing; it is kept once it is put into `batches`."""
        pk = len(self.batches) + 1
        digest = blake2b(f"{self._seed}/{channel}/{pk}".encode(), digest_size=16, person=b"batch-request").digest()
        return BatchRequest(
            pk=pk,
            channel=channel,
            local_batch_id=str(UUID(bytes=digest, version=4)),
            remote_batch_id=None,
            content_type=None,
            status=Status.INITIALIZED,
            objects=(),
            created_date=date,
            modified_date=date,
        )

    def actions_of(self, channel: int) -> dict[int, IntegrationAction]:
        """The actions of a channel's images, by the image's pk."""
        return self.actions.setdefault(channel, {})
