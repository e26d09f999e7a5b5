"""Changes data while a client reads it, as in a catalogue that people and programs work on: churn.

Each list of a channel that is asked for changes that channel first, so that the change falls between two pages. The
same seed and the same requests give the same changes.
"""

from contextlib import suppress
from random import Random
from typing import Self

from attrs import evolve, fields, frozen
from starlette.types import ASGIApp, Receive, Scope, Send

from channel_images.mock.data.channel import Query
from channel_images.mock.data.pattern import Criteria, Pending
from channel_images.mock.data.store import Store
from channel_images.mock.data.subject import LARGEST_MEASURE, subject
from channel_images.mock.parameters import Invalid, read_integer
from channel_images.resource import resource

_COUNTS = ("adds", "removes", "modifies", "sends")
_WAITING = Query(Criteria(pending=frozenset({Pending.INSERT, Pending.UPDATE})))


@frozen(kw_only=True)
class Churn:
    """The changes before each list request: so many images of the list's channel, chosen by the seed."""

    adds: int = 0
    """Images added. Their pks are new, so in the service's own order they come last."""
    removes: int = 0
    """Images removed, from anywhere in the channel."""
    modifies: int = 0
    """Images modified, anywhere in the channel."""
    sends: int = 0
    """Pending images reported as sent."""
    rate: float = 1.0
    """The share of list requests that bring a change."""
    seed: int = 0

    def __attrs_post_init__(self) -> None:
        counts = {name: getattr(self, name) for name in _COUNTS}
        if negative := [name for name, count in counts.items() if count < 0]:
            raise ValueError(f"churn {negative[0]}={counts[negative[0]]}: give 0 or more")
        if not any(counts.values()):
            raise ValueError(f"churn without any change: give at least one of {', '.join(_COUNTS)}")
        if not 0 < self.rate <= 1:
            raise ValueError(f"churn rate={self.rate}: give a share above 0 and up to 1, such as 0.1")

    @classmethod
    def parse(cls, spec: str, *, seed: int = 0) -> Self:
        """Read a spec such as `adds=1:removes=2:rate=0.5`.

        Raises:
            ValueError: The spec is no churn; the message says in one line why.
        """
        kinds = {each.name: float if each.name == "rate" else int for each in fields(cls)}
        values: dict[str, float] = {"seed": seed}
        for part in spec.split(":"):
            name, _, text = part.partition("=")
            if name not in kinds:
                raise ValueError(f"churn {spec!r}: no setting {name!r}; there are {', '.join(kinds)}")
            try:
                values[name] = kinds[name](text)
            except ValueError:
                raise ValueError(f"churn {spec!r}: {name} takes a number, as in {name}=1, not {text!r}") from None
        return cls(**values)  # type: ignore[arg-type] # each value has been made by the kind of its field

    def __str__(self) -> str:
        return ":".join(
            f"{each.name}={getattr(self, each.name)}"
            for each in fields(type(self))
            if getattr(self, each.name) != each.default
        )


GENTLE = Churn(adds=1, removes=1, modifies=1, sends=1, rate=0.1)
"""What `--churn` alone means: one change of each kind before one list request in ten; the channel keeps its size."""


def churn_of(churn: Churn | bool | None, seed: int) -> Churn | None:
    """The churn that is meant where `True` asks for the gentle one, of the mock's own seed."""
    if isinstance(churn, Churn):
        return churn
    return evolve(GENTLE, seed=seed) if churn else None


class Churning:
    """The changes of a churn to a store, in their order."""

    def __init__(self, churn: Churn, store: Store) -> None:
        self.churn = churn
        self._store = store
        self.restart()

    def restart(self) -> None:
        """Begin again with the first change."""
        with self._store.lock:
            self._chance = Random(self.churn.seed)  # noqa: S311 - to choose images, not for secrets

    def turn(self, channel: int) -> None:
        """Change `channel`, if it is there and its turn has come."""
        churn, store, chance = self.churn, self._store, self._chance
        # One lock for all of it: a request from another thread sees the channel before or after.
        with store.lock:
            if channel not in store or chance.random() >= churn.rate:
                return
            for _ in range(churn.adds):
                store.add(channel, {})
            for _ in range(churn.removes):
                if (pk := self._any(channel, Query())) is not None:
                    store.remove(channel, pk)
            for _ in range(churn.modifies):
                if (pk := self._any(channel, Query())) is not None:
                    edits = {name: chance.randint(1, LARGEST_MEASURE) for name in subject().measures[-1:]}
                    store.modify(channel, pk, edits)
            for _ in range(churn.sends):
                if (pk := self._any(channel, _WAITING)) is not None:
                    store.mark_sent(channel, {pk: None})

    def _any(self, channel: int, query: Query) -> int | None:
        """One of the images that `query` asks for, unless there is none."""
        listing = self._store.listing(channel, query)
        if not listing.count:
            return None
        position = self._chance.randrange(listing.count)
        return listing.slice(position, position + 1)[0]


@frozen(eq=False)
class ChurnedEndpoint:
    """The endpoint of a list, before each of whose answers the channel changes."""

    _endpoint: ASGIApp
    _churning: Churning

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            # Text that is no channel has no data to change: the endpoint answers 404.
            with suppress(Invalid):
                self._churning.turn(read_integer(scope["path_params"][resource().roles["scope"]]))
        await self._endpoint(scope, receive, send)
