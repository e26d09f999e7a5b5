"""Has the result and the progress of an export."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen


class Status(StrEnum):
    """How an export, or a channel of it, ended."""

    COMPLETE = "complete"
    """Each image that was there throughout is in it, once."""
    UNSTABLE = "unstable"
    """The list changed too fast, or the server broke the contract: images may be missing."""
    PARTIAL = "partial"
    """Of an export: some channels failed, or it was interrupted. Run the same export again to go on."""
    FAILED = "failed"
    """Of a channel: it could not be read."""


@frozen
class ChannelResult:
    """The result of a channel.

    Attributes:
        channel: The channel.
        rows: Images that were written.
        status: How the reading ended.
        doubts: Where images may be missing, in the words of `IncompleteListing`.
        error: Why the channel failed; None if it did not.
    """

    channel: int
    rows: int
    status: Status
    doubts: Sequence[str] = ()
    error: str | None = None


@frozen
class ExportResult:
    """The result of an export.

    Attributes:
        status: `partial`, or the worst of its channels'.
        rows: Images that were written, by this run and by those it continued.
        channels: Each channel that was read to its end, or that failed.
        files: The files that are in their place.
        retries: How many requests this run sent again.
        resumed: Whether it continued an earlier run.
        seconds: How long this run took.
    """

    status: Status
    rows: int
    channels: Sequence[ChannelResult]
    files: Sequence[Path]
    retries: int
    resumed: bool
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """The same for `json`."""
        return attrs.asdict(
            self, value_serializer=lambda _, __, value: str(value) if isinstance(value, Path) else value
        )


@frozen
class Progress:
    """How far an export is.

    Attributes:
        channel: The channel whose page came last.
        channels: How many channels there are.
        channels_read: How many of them are read to their end.
        rows: Images of all channels so far.
        new_rows: Those of this run.
        expected: How many there are in all; None until every channel has begun, and if the server does not count.
        fraction: How much is read, from 0 to 1; each channel counts the same. A channel that the server does not count
            is 0 until its end.
        retries: How many requests this run sent again.
        seconds: How long this run has taken.
        seconds_left: How long it will still take at this speed; None until that can be said.
    """

    channel: int
    channels: int
    channels_read: int
    rows: int
    new_rows: int
    expected: int | None
    fraction: float
    retries: int
    seconds: float
    seconds_left: float | None
