"""Says what came of an export, and how far it is."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen


class Status(StrEnum):
    """How an export ended."""

    COMPLETE = "complete"
    """Each image that was there throughout is in it, once."""
    UNSTABLE = "unstable"
    """The list changed too fast while it was read, or was not given as promised: images may be missing."""
    PARTIAL = "partial"
    """It was broken off; the same export again goes on."""


@frozen
class ChannelResult:
    """What came of a channel.

    Attributes:
        channel: The channel.
        rows: Images that were written.
        status: How its reading ended.
        doubts: The windows before which images may be missing.
    """

    channel: int
    rows: int
    status: Status
    doubts: Sequence[str] = ()


@frozen
class ExportResult:
    """What came of an export.

    Attributes:
        status: The worst of its channels'.
        rows: Images that were written, by this run and by those it continued.
        channels: Each channel.
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
        channel: The channel that is being read.
        rows: Images of all channels so far.
        new_rows: Those of this run.
        expected: How many there are in all, as far as that is known; None where the server does not count.
        retries: How many requests this run sent again.
        seconds: How long this run has taken.
    """

    channel: int
    rows: int
    new_rows: int
    expected: int | None
    retries: int
    seconds: float
