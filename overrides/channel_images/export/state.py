"""Holds how far an export is: what a checkpoint says of each channel, and the next run goes on from."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import attrs
from attrs import frozen

from channel_images.export.work import EMPTY, Mark


class Stage(StrEnum):
    """How far a channel is."""

    READING = "reading"
    READ = "read"
    """All of its rows are in its spool."""
    PLACED = "placed"
    """The file with its rows is in its place."""


@frozen
class ChannelState:
    """How far a channel is: its rows, the spool of them, the part of its list, the spool of its pks, and its walk."""

    stage: Stage = Stage.READING
    rows: int = 0
    spool: Mark = EMPTY
    doubts: Sequence[str] = ()
    part: int = 0
    pks: Mark = EMPTY
    walk: Mapping[str, Any] | None = None


def to_dict(channels: Mapping[int, ChannelState]) -> dict[str, Any]:
    """The channels of an export for `json`."""
    return {"channels": {str(channel): attrs.asdict(state) for channel, state in channels.items()}}


def from_dict(checkpoint: Mapping[str, Any]) -> dict[int, ChannelState]:
    """What `to_dict` was given; of nothing, no channel."""
    return {
        int(channel): ChannelState(
            **{
                **state,
                "stage": Stage(state["stage"]),
                "spool": Mark(**state["spool"]),
                "pks": Mark(**state["pks"]),
            }
        )
        for channel, state in checkpoint.get("channels", {}).items()
    }
