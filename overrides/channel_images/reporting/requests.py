"""Writes the requests about batches, and reads the answers."""

import datetime
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any, TypeVar

from attrs import frozen

from channel_images.calls.outside import Look, OutsideRequest, Params, outside_request
from channel_images_api.errors import MalformedBody
from channel_images_api.types import decode_date_time, load_json

T = TypeVar("T")

CONTENT_TYPE = "productimage"
_PAGE = 100  # rows


class BatchStatus(StrEnum):
    """How far a batch is."""

    INITIALIZED = "initialized"
    """It was made, and has no images yet."""
    COMMIT = "commit"
    """It has its images: no pending list shows them."""
    SENT_TO_REMOTE = "sent_to_remote"
    """The marketplace has the images, and answers later."""
    ONGOING = "ongoing"
    """The marketplace was asked, and is not done yet."""
    DONE = "done"
    """Each image has an outcome."""
    FAIL = "fail"
    """All of its images are pending again."""


UNSENT = (BatchStatus.INITIALIZED, BatchStatus.COMMIT)
REMOTE = (BatchStatus.SENT_TO_REMOTE, BatchStatus.ONGOING)


class FailedReason(StrEnum):
    """Why an image was not sent: `failed_reason_type` in the public reference."""

    REMOTE = "remote"
    """The marketplace refused it."""
    MAPPING = "mapping"
    """Something of it has no counterpart at the marketplace."""
    CHANNEL_APP = "channel_app"
    """The connector could not send it."""


@frozen
class BatchRecord:
    """A batch as the platform has it.

    Attributes:
        pk: Its number.
        local_batch_id: The platform's name for it, a UUID.
        remote_batch_id: The marketplace's name for it; None if it has none.
        status: How far it is; a text that is no `BatchStatus` is kept as it is.
        modified_date: When it was changed last; None if the platform does not say.
    """

    pk: int
    local_batch_id: str
    remote_batch_id: str | None
    status: str
    modified_date: datetime.datetime | None


@frozen
class Outcome:
    """What became of an image.

    Attributes:
        remote_id: The marketplace's name for it.
        reason: Why it was not sent; None if it was.
    """

    remote_id: str | None = None
    reason: FailedReason | None = None


def create(channel_id: int, known: Collection[int]) -> OutsideRequest:
    """Make a batch. Where the answer is lost, an empty one that nobody `known` has made is it."""

    def new(content: bytes) -> BatchRecord | None:
        return next((record for record in read_batches(content)[0] if record.pk not in known), None)

    look = Look(find(channel_id, (BatchStatus.INITIALIZED,)), new)
    body = {"channel": channel_id, "content_type": CONTENT_TYPE}
    return outside_request("POST", _path(channel_id, "batch_requests"), json=body, look=look)


def move(channel_id: int, pk: int, status: BatchStatus, **fields: object) -> OutsideRequest:
    """Move a batch on. Where the answer is lost, its status tells whether it was."""
    path = f"{_path(channel_id, 'batch_requests')}{pk}/"

    def moved(content: bytes) -> BatchRecord | None:
        record = read_batch(content)
        return record if record.status == status else None

    body = {"channel": channel_id, "status": status, **fields}
    return outside_request("PATCH", path, json=body, look=Look(outside_request("GET", path), moved))


def objects(versions: Mapping[int, str], outcomes: Mapping[int, Outcome]) -> list[Mapping[str, object]]:
    """The images of a batch, each at its version, with what became of it."""
    return [
        {
            "pk": pk,
            "version_date": version,
            "content_type": CONTENT_TYPE,
            "remote_id": outcomes[pk].remote_id if pk in outcomes else None,
            "failed_reason_type": outcomes[pk].reason if pk in outcomes else None,
        }
        for pk, version in versions.items()
    ]


def find(channel_id: int, statuses: Iterable[BatchStatus], page: int = 1) -> OutsideRequest:
    """The batches of images that have one of these statuses."""
    params: Params = {
        "status": [str(status) for status in statuses],
        "content_type": CONTENT_TYPE,
        "channel": channel_id,
        "page": page,
        "limit": _PAGE,
    }
    return outside_request("GET", _path(channel_id, "batch_requests"), params=params)


def members(channel_id: int, local_batch_id: str, page: int = 1) -> OutsideRequest:
    """The images that an open batch has."""
    params: Params = {
        "local_batch_id": local_batch_id,
        "status": "processing",
        "channel_id": channel_id,
        "sort": "id",
        "page": page,
        "limit": _PAGE,
    }
    return outside_request("GET", _path(channel_id, "integration_actions"), params=params)


def read_batch(content: bytes) -> BatchRecord:
    """The batch in an answer.

    Raises:
        MalformedBody: It is none.
    """
    return _record(load_json(content), "")


def read_batches(content: bytes) -> tuple[Sequence[BatchRecord], bool]:
    """The batches on a page, and whether another page follows.

    Raises:
        MalformedBody: It is not a page of batches.
    """
    return _page(content, _record)


def read_members(content: bytes) -> tuple[Sequence[tuple[int, str]], bool]:
    """The `pk` and the version of each image on a page, and whether another page follows.

    Raises:
        MalformedBody: It is not a page of integration actions.
    """
    return _page(content, _member)


def _path(channel_id: int, name: str) -> str:
    return f"/api/v1/channel/{channel_id}/{name}/"


def _page(content: bytes, read: Callable[[Any, str], T]) -> tuple[Sequence[T], bool]:
    body = load_json(content)
    rows = body.get("results") if isinstance(body, dict) else body
    if not isinstance(rows, list):
        raise MalformedBody("a page", body)
    follows = isinstance(body, dict) and body.get("next") is not None
    where = "results" if isinstance(body, dict) else ""
    return [read(row, f"{where}[{number}]") for number, row in enumerate(rows)], follows


def _record(row: Any, path: str) -> BatchRecord:
    remote, modified = None, None
    if isinstance(row, dict):
        remote = row.get("remote_batch_id")
        with suppress(MalformedBody):
            modified = decode_date_time(row.get("modified_date"))
    return BatchRecord(
        pk=_field(row, path, "pk", int, "an integer"),
        local_batch_id=_field(row, path, "local_batch_id", str, "a string"),
        remote_batch_id=remote if isinstance(remote, str) else None,
        status=_field(row, path, "status", str, "a string"),
        modified_date=modified,
    )


def _member(row: Any, path: str) -> tuple[int, str]:
    return _field(row, path, "object_id", int, "an integer"), _field(row, path, "version_date", str, "a date-time")


def _field(row: Any, path: str, name: str, kind: type, expected: str) -> Any:
    value = row.get(name) if isinstance(row, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise MalformedBody(expected, value, f"{path}.{name}".lstrip("."))
    return value
