"""Holds how far an export is: what a checkpoint says, and the next run goes on from."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import frozen

from channel_images.export.results import ChannelResult, Status
from channel_images.export.work import EMPTY, Mark


@frozen
class Reading:
    """A channel that is being read: its part, its rows, the spool of its pks, and where its walk is."""

    channel: int
    part: int = 0
    rows: int = 0
    pks: Mark = EMPTY
    walk: Mapping[str, Any] | None = None
    doubts: Sequence[str] = ()


@frozen
class State:
    """A checkpoint: files in their place, channels read, rows, the spool, and the channel being read."""

    files: int = 0
    rows: int = 0
    spool: Mark = EMPTY
    finished: Sequence[ChannelResult] = ()
    reading: Reading | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same for `json`."""
        return attrs.asdict(self)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "State":
        """What `to_dict` gave; of nothing, the state of an export that has not begun."""
        if not state:
            return cls()
        finished = [ChannelResult(**{**entry, "status": Status(entry["status"])}) for entry in state["finished"]]
        reading = state["reading"] and Reading(**{**state["reading"], "pks": Mark(**state["reading"]["pks"])})
        return cls(**{**state, "spool": Mark(**state["spool"]), "finished": finished, "reading": reading})
