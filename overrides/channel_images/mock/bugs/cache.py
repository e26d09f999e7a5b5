"""Keeps values for five seconds, for the bugs with a cache, by a clock that a test can replace."""

import time
from collections.abc import Callable, Hashable
from functools import partial
from typing import Generic, TypeVar

from attrs import evolve

from channel_images.mock.behaviour import Behaviour
from channel_images.mock.data.store import Store
from channel_images.mock.http.answers import Answer
from channel_images.mock.http.auth import carries
from channel_images.mock.http.call import Call
from channel_images.mock.operations import Operation
from channel_images.mock.settings import Settings

SECONDS = 5.0
clock: Callable[[], float] = time.monotonic
"""The time, in seconds from some beginning."""

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Values by key, each for `SECONDS` after it was made."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, Value]] = {}

    def __contains__(self, key: Hashable) -> bool:
        kept = self._kept.get(key)
        return kept is not None and clock() - kept[0] < SECONDS

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value, made where there is none or only an old one."""
        if key not in self:
            self._kept[key] = clock(), make()
        return self._kept[key][1]


def target(call: Call) -> str:
    """The URL of a request, without its host."""
    return f"{call.path}?{call.query_string}"


class Cached(Behaviour):
    """Gives an answer again to the same user's requests with the same method and key; refusals are not kept."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, store)
        self.answers: Cache[Answer] = Cache()

    def key(self, operation: Operation, call: Call) -> str | None:
        """What the cache tells requests apart by; `None` passes it by."""
        return None

    def user(self, call: Call) -> str:
        """Whose requests those are, as far as the cache tells users apart."""
        return "the second" if carries(call, self.settings.other_token) else ""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        key = self.key(operation, call)
        if key is None:
            return super().dispatch(operation, call)
        kept = self.answers.get((call.method, key, self.user(call)), partial(super().dispatch, operation, call))
        # A copy: the delivery changes an answer.
        return evolve(kept, headers={**kept.headers})
