"""Lets work come by itself while a server runs: images are added to its channels, and others are edited.

Unlike churn, which goes by the requests, this goes by the time. The same seed gives the same images and the same edits.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random

from attrs import field, frozen

from channel_images.mock.data.channel import Query
from channel_images.mock.data.fields import InvalidFields
from channel_images.mock.data.pattern import values_of
from channel_images.mock.data.store import Store
from channel_images.mock.data.subject import subject

_SPEC = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)/(s|min|h)")
_SECONDS = {"s": 1, "min": 60, "h": 3600}
_MOST = 100
"""Changes a second: many more, and the server would do nothing else."""
_SIZES = (480, 600, 800, 1000, 1200, 1600, 2048)
"""What an image may measure."""
_SHARE = 0.4
"""The share of products that have a yes in an attribute that is yes or no."""


def _spec(_pace: object, _attribute: object, spec: str) -> None:
    parts = _SPEC.fullmatch(spec)
    if parts is None or not 0 < float(parts[1]) / _SECONDS[parts[2]] <= _MOST:
        raise ValueError(
            f"pace {spec!r}: give a number of images a second, minute or hour, such as 5/min; at most 100/s"
        )


@frozen
class Pace:
    """How often something happens in each channel, such as `5/min`. It takes `/s` and `/h` too, and fractions.

    `sleep` does the waiting: a test may pass one that only takes note.

    Raises:
        ValueError: The text is not a pace; the message says in one line what would be one.
    """

    spec: str = field(validator=_spec)
    sleep: Callable[[float], Awaitable[object]] = field(default=asyncio.sleep, kw_only=True, repr=False)

    @property
    def seconds(self) -> float:
        """The time from one to the next."""
        number, _, unit = self.spec.partition("/")
        return _SECONDS[unit] / float(number)


def pace_of(pace: Pace | str | None) -> Pace | None:
    """The pace that is meant by its text.

    Raises:
        ValueError: The text is no pace.
    """
    return Pace(pace) if isinstance(pace, str) else pace


class Work:
    """The work that comes to the channels of a store."""

    def __init__(self, store: Store, seed: int, *, arrivals: Pace | None = None, edits: Pace | None = None) -> None:
        self.arrivals = arrivals
        self.edits = edits
        self._store = store
        self._seed = seed
        self.restart()

    def restart(self) -> None:
        """Begin again with the first image and the first edit."""
        with self._store.lock:
            self._arriving, self._editing = (
                Random(f"{self._seed}/{kind}")  # noqa: S311 - to make up images, not for secrets
                for kind in ("arrivals", "edits")
            )

    async def come(self) -> None:
        """Add and edit images, each at its pace, until the task is cancelled."""
        kinds = ((self.arrivals, self._arrive), (self.edits, self._edit))
        await asyncio.gather(*(self._repeat(pace, change) for pace, change in kinds if pace))

    async def _repeat(self, pace: Pace, change: Callable[[int], None]) -> None:
        while True:
            await pace.sleep(pace.seconds)
            # One lock for all channels: a request sees them before or after.
            with self._store.lock:
                for channel in self._store.channels:
                    change(channel)

    def _arrive(self, channel: int) -> None:
        """Add an image, of a product that is new."""
        chance = self._arriving
        measures = {name: chance.choice(_SIZES) for name in reversed(subject().measures)}
        attributes = {
            each.name: chance.random() < _SHARE if each.type == "boolean" else chance.choice(values_of(each))
            for each in subject().attributes
        }
        self._store.add(channel, {**measures, **attributes})

    def _edit(self, channel: int) -> None:
        """Modify any image."""
        listing = self._store.listing(channel, Query())
        if listing.count:
            position = self._editing.randrange(listing.count)
            pk = listing.slice(position, position + 1)[0]
            # An image that a test has dated behind the store's clock cannot be edited yet.
            with suppress(InvalidFields):
                self._store.modify(
                    channel, pk, {name: self._editing.choice(_SIZES) for name in subject().measures[-1:]}
                )
