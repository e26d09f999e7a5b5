"""Says what a batch is: images that one run of a connector takes, sends, and reports."""

from collections.abc import Mapping
from enum import StrEnum

from attrs import frozen

from channel_images.resource import resource


def row_type() -> str:
    """What the mock's batches are made of, in Django's words: `productimage`."""
    return resource().name.lower()


class Status(StrEnum):
    """How far a batch is."""

    INITIALIZED = "initialized"
    """It has taken nothing yet."""
    COMMIT = "commit"
    """It has taken its images: they are in none of the pending lists."""
    SENT_TO_REMOTE = "sent_to_remote"
    """The marketplace has them, and answers later."""
    ONGOING = "ongoing"
    """The marketplace was asked, and is not ready."""
    DONE = "done"
    """Those that were sent are no longer pending, the others are again."""
    FAIL = "fail"
    """All of them are pending again."""


_ENDS = frozenset({Status.DONE, Status.FAIL})

MOVES: Mapping[Status, frozenset[Status]] = {
    Status.INITIALIZED: frozenset({Status.COMMIT, Status.FAIL}),
    Status.COMMIT: frozenset({Status.SENT_TO_REMOTE, Status.ONGOING}) | _ENDS,
    Status.SENT_TO_REMOTE: frozenset({Status.ONGOING}) | _ENDS,
    Status.ONGOING: frozenset({Status.ONGOING}) | _ENDS,
    Status.DONE: frozenset(),
    Status.FAIL: frozenset(),
}
"""The statuses that may follow each status."""


class Reason(StrEnum):
    """Why an image was not sent."""

    MAPPING = "mapping"
    REMOTE = "remote"
    CHANNEL_APP = "channel_app"


@frozen
class BatchObject:
    """One image of a batch."""

    pk: int
    version_date: str
    """The `modified_date` that the image had when it was read; that of the commit."""
    content_type: str
    remote_id: str | None
    failed_reason_type: Reason | None


@frozen
class BatchRequest:
    """A batch, in the fields of the API."""

    pk: int
    channel: int
    local_batch_id: str
    """A UUID, the server's own."""
    remote_batch_id: str | None
    """The marketplace's."""
    content_type: str | None
    status: Status
    objects: tuple[BatchObject, ...]
    created_date: str
    modified_date: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing can follow."""
        return self.status in _ENDS
