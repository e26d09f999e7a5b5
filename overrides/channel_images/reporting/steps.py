"""Decides what is asked for, and in which order, to take images into batches and to end those.

Each function here is a generator, as in `channel_images.listings.steps`: it yields an `Ask`, and is sent the answer, or
the error that came in its place is raised inside. `drive` has the drivers. That no request is carried out twice is seen to
by `channel_images.calls.call`, which looks before it sends one again.
"""

import datetime
import logging
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import field, frozen

from channel_images.calls.answers import Answer
from channel_images.exceptions import BadRequest, BatchError, NotFound, no_channel
from channel_images.reporting import requests
from channel_images.reporting.requests import REMOTE, UNSENT, BatchRecord, BatchStatus
from channel_images_api.models import ProductImage
from channel_images_api.types import Request

T = TypeVar("T")
logger = logging.getLogger("channel_images")


@frozen(eq=False)
class Ask(Generic[T]):
    """What is to be sent, what makes the value of the answer, and how many seconds to wait before."""

    request: Request
    decode: Callable[[bytes], T]
    after: float = 0.0


Steps: TypeAlias = Generator[Ask[Any], Any, T]


@frozen(eq=False)
class Desk:
    """Where the batches of a channel are made and ended.

    Attributes:
        channel_id: The channel.
        own: The `pk` of each batch that this client has open, in whatever thread or task; and a negative number for each
            that it is making.
        others: The `pk` of each open batch that was left to others.
    """

    channel_id: int
    own: set[int]
    others: set[int] = field(factory=set)


def recover(desk: Desk, abandoned_after: float, after: float) -> Steps[None]:
    """Fail the batches that an earlier run has left open, so that their images are pending again.

    Nobody knows which of the images the shop has got by then, nor at which version. So they come once more, at the version
    of now. Batches that were sent to the marketplace are left alone.

    Args:
        desk: The desk.
        abandoned_after: Seconds; a batch that was changed within them is left to others.
        after: Seconds to wait before.
    """
    found = yield from find(desk, UNSENT, after)
    now = datetime.datetime.now(datetime.UTC)
    for record in found:
        is_being_made = record.status == BatchStatus.INITIALIZED and min(desk.own, default=0) < 0
        if record.pk in desk.own or is_being_made:
            continue
        # Without `abandoned_after`, no clock counts: the platform's may be ahead of ours.
        age = (now - record.modified_date).total_seconds() if record.modified_date else abandoned_after
        if abandoned_after and age < abandoned_after:
            desk.others.add(record.pk)
            continue
        logger.warning("batch %d of an earlier run was left open: its images are pending again", record.pk)
        try:
            yield from end(desk, record.pk, BatchStatus.FAIL)
        except BatchError:
            desk.others.add(record.pk)  # somebody else has moved it on meanwhile


def take(
    desk: Desk, empty: BatchRecord | None, versions: Mapping[int, str]
) -> Steps[tuple[BatchRecord, BadRequest | None]]:
    """Take images into a batch: into one that is still empty, or a new one.

    Returns:
        The batch; and the refusal, where it does not get the images: one of them is not pending any more as it was read,
            since others have taken or sent it, or it was removed.
    """
    if empty is None:
        ticket = -id(versions)
        desk.own.add(ticket)
        try:
            made: Answer[BatchRecord] = yield Ask(
                requests.create(desk.channel_id, desk.own | desk.others), requests.read_batch
            )
            empty = made.value
            desk.own.add(empty.pk)
        finally:
            desk.own.discard(ticket)
    fields = {"content_type": requests.CONTENT_TYPE, "objects": requests.objects(versions, {})}
    try:
        answer: Answer[BatchRecord] = yield Ask(
            requests.move(desk.channel_id, empty.pk, BatchStatus.COMMIT, **fields), requests.read_batch
        )
    except BadRequest as refusal:
        return empty, refusal
    except BaseException:  # it may have the images: the next run finds it
        desk.own.discard(empty.pk)
        raise
    return answer.value, None


def end(desk: Desk, pk: int, status: BatchStatus, **fields: object) -> Steps[BatchRecord]:
    """Move a batch on, or end it.

    Raises:
        BatchError: The platform refuses that.
    """
    try:
        answer: Answer[BatchRecord] = yield Ask(
            requests.move(desk.channel_id, pk, status, **fields), requests.read_batch
        )
    except BadRequest as refusal:
        raise BatchError(
            f"the platform does not move batch {pk} to {status} ({refusal.detail}): another run may have ended it, and "
            "its images are pending again then"
        ) from refusal
    finally:
        if status not in REMOTE:
            desk.own.discard(pk)  # also where that failed: the next run finds it
    return answer.value


def find(desk: Desk, statuses: Collection[BatchStatus], after: float = 0.0) -> Steps[Sequence[BatchRecord]]:
    """The batches that have one of these statuses, oldest first."""
    try:
        found = yield from _all_pages(
            lambda page: requests.find(desk.channel_id, statuses, page),
            requests.read_batches,
            lambda record: record.pk,
            after,
        )
    except NotFound as error:
        raise no_channel(error, desk.channel_id) from None
    return [found[pk] for pk in sorted(found) if found[pk].status in statuses]


def members(desk: Desk, record: BatchRecord) -> Steps[Mapping[int, str]]:
    """The version of each image that an open batch has, by its `pk`."""
    rows = yield from _all_pages(
        lambda page: requests.members(desk.channel_id, record.local_batch_id, page),
        requests.read_members,
        lambda member: member[0],
    )
    return dict(rows.values())


def _all_pages(
    request: Callable[[int], Request],
    decode: Callable[[bytes], tuple[Sequence[T], bool]],
    key: Callable[[T], int],
    after: float = 0.0,
) -> Steps[Mapping[int, T]]:
    rows: dict[int, T] = {}
    page, follows = 1, True
    while follows:
        answer: Answer[tuple[Sequence[T], bool]] = yield Ask(request(page), decode, after)
        after = 0.0
        new = {key(row): row for row in answer.value[0]}
        follows = answer.value[1] and not rows.keys() >= new.keys()  # the same page again is no further one
        rows.update(new)
        page += 1
    return rows


def versions_of(images: Iterable[ProductImage]) -> Mapping[int, str]:
    """The version of each image: its `modified_date`.

    Raises:
        BatchError: An image has no `pk` or no `modified_date`.
    """
    versions: dict[int, str] = {}
    for image in images:
        version = image.to_dict().get("modified_date")
        if type(image.pk) is not int or not isinstance(version, str):
            raise BatchError(f"nobody could report image {image.pk}: it has no pk, or no modified_date")
        versions[image.pk] = version
    return versions
