"""Says what an integration action is: what the platform keeps of one object towards one channel."""

from enum import StrEnum

from attrs import evolve, frozen

from channel_images.mock.reporting.batches import BatchObject, BatchRequest, row_type
from channel_images.mock.reporting.content_types import ContentType, content_type

PRODUCT = "product"


class ActionStatus(StrEnum):
    """How the last report about an object ended."""

    PROCESSING = "processing"
    SUCCESS = "success"
    ERROR = "error"


@frozen
class IntegrationAction:
    """What is known of one object in one channel, in the fields of the API."""

    pk: int
    channel: int
    content_type: ContentType
    object_id: int
    remote_id: str | None
    version_date: str | None
    state: dict[str, object]
    local_batch_id: str | None
    """The last batch that took it."""
    status: ActionStatus


def action_pk(model: str, object_id: int) -> int:
    """The pk of an action: by arithmetic, so that nothing needs to be kept of objects that no batch took."""
    return 2 * object_id + (model == row_type())


def begun(batch: BatchRequest, taken: BatchObject, remote_id: str | None) -> IntegrationAction:
    """The action of an image that a batch takes."""
    return IntegrationAction(
        pk=action_pk(row_type(), taken.pk),
        channel=batch.channel,
        content_type=content_type(row_type()),
        object_id=taken.pk,
        remote_id=taken.remote_id or remote_id,
        version_date=taken.version_date,
        state={},
        local_batch_id=batch.local_batch_id,
        status=ActionStatus.PROCESSING,
    )


def ended(action: IntegrationAction, *, is_sent: bool, remote_id: str | None = None) -> IntegrationAction:
    """The same action after its batch has ended."""
    status = ActionStatus.SUCCESS if is_sent else ActionStatus.ERROR
    return evolve(action, status=status, remote_id=remote_id or action.remote_id)


def of_product(channel: int, product: int) -> IntegrationAction:
    """The action of a product: in the mock, each product of a channel was sent there once."""
    return IntegrationAction(
        pk=action_pk(PRODUCT, product),
        channel=channel,
        content_type=content_type(PRODUCT),
        object_id=product,
        remote_id=remote_id_of(PRODUCT, product),
        version_date=None,
        state={},
        local_batch_id=None,
        status=ActionStatus.SUCCESS,
    )


def remote_id_of(model: str, object_id: int) -> str:
    """A made-up id for an object that the data set says was sent before: always the same."""
    return f"{model}-{object_id}"
