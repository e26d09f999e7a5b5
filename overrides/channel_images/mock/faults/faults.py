"""Decides which requests a fault strikes, and keeps count of them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from random import Random
from typing import Any, TypeAlias

from attrs import define, frozen

from channel_images.mock.beside import BESIDE
from channel_images.mock.faults.kinds import Effect, Plan, effect_of
from channel_images.mock.faults.spec import Words

Sleep: TypeAlias = Callable[[float], Awaitable[object]]


@frozen(eq=False)
class Fault:
    """One fault, as its spec describes it."""

    spec: str
    effect: Effect
    operations: frozenset[str] | None
    skip: int
    first: int | None
    every: int
    rate: float

    @classmethod
    def parse(cls, spec: str) -> "Fault":
        """Read a spec.

        Raises:
            BadFault: The spec describes no fault.
        """
        words = Words(spec)
        fault = cls(
            spec=spec,
            effect=effect_of(words),
            operations=words.operations(),
            skip=words.count("skip", 0, least=0),
            first=words.count("first", None),
            every=words.count("every", 1),
            rate=words.share("rate"),
        )
        words.end()
        return fault

    def concerns(self, operation: str) -> bool:
        """Whether requests of `operation` count for this fault."""
        return operation not in BESIDE if self.operations is None else operation in self.operations

    def strikes(self, number: int, chance: Random) -> bool:
        """Whether the fault strikes the request that is the `number`-th it is concerned with, from 1."""
        number -= self.skip
        return (
            number > 0
            and (self.first is None or number <= self.first)
            and number % self.every == 0
            and (self.rate == 1 or chance.random() < self.rate)
        )


@define
class StandingFault:
    """A fault at work."""

    fault: Fault
    key: str
    """What its chances depend on."""
    requests: int = 0
    """How many requests it has met, and how many of them it struck."""
    struck: int = 0


class Faults:
    """The faults of a mock server. Safe for threads."""

    def __init__(self, specs: Iterable[str] = (), *, seed: int = 0, sleep: Sleep = asyncio.sleep) -> None:
        """`sleep` is what delays wait with: a test may pass one that only takes note.

        Raises:
            BadFault: The spec describes no fault.
        """
        self._beginning = [Fault.parse(spec) for spec in specs]
        self._seed = seed
        self._sleep = sleep
        self._lock = threading.Lock()
        self._waiting: set[asyncio.Task[object]] = set()
        self.standings: tuple[StandingFault, ...] = ()
        self.restart()

    def __bool__(self) -> bool:
        return bool(self.standings)

    def add(self, *specs: str) -> None:
        """Add faults; all of them or, when one is bad, none.

        Raises:
            BadFault: The spec describes no fault.
        """
        faults = [Fault.parse(spec) for spec in specs]
        with self._lock:
            self._append(faults)

    def clear(self) -> None:
        """Take all faults away, those of the beginning too, and let nobody wait any longer."""
        with self._lock:
            self.standings = ()
        self.release()

    def restart(self) -> None:
        """Go back to the faults of the beginning, which have met no request yet."""
        with self._lock:
            self.standings = ()
            self._append(self._beginning)
        self.release()

    def release(self) -> None:
        """End the connections that are kept waiting: the server stops, or the test whose fault it is has ended."""
        for task in tuple(self._waiting):
            task.get_loop().call_soon_threadsafe(task.cancel)

    def plan(self, operation: str) -> Plan | None:
        """What goes wrong with this request of `operation`, `None` for nothing; the faults count it."""
        struck: list[tuple[Fault, Random]] = []
        with self._lock:
            for standing in self.standings:
                if not standing.fault.concerns(operation):
                    continue
                standing.requests += 1
                # A generator for each request: what one fault draws changes nothing for another one, or later.
                chance = Random(f"{standing.key}/{standing.requests}")  # noqa: S311 - not for secrets
                if standing.fault.strikes(standing.requests, chance):
                    standing.struck += 1
                    struck.append((standing.fault, chance))
        if not struck:
            return None
        plan = Plan(specs=tuple(fault.spec for fault, _ in struck))
        for fault, chance in struck:
            fault.effect(plan, chance)
        return plan

    async def pause(self, seconds: float, gone: Coroutine[Any, Any, None]) -> bool:
        """Wait, and say whether there is still somebody to answer afterwards; `gone` returns when there is nobody."""
        sleeping = asyncio.ensure_future(_result(self._sleep(seconds)))
        leaving = asyncio.ensure_future(gone)
        self._waiting.add(sleeping)
        try:
            await asyncio.wait({sleeping, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return not leaving.done() and not sleeping.cancelled()
        finally:
            self._waiting.discard(sleeping)
            sleeping.cancel()
            leaving.cancel()
            # Until both have taken note, so that the message that `leaving` waits for is not lost on it.
            await asyncio.gather(sleeping, leaving, return_exceptions=True)

    def _append(self, faults: Iterable[Fault]) -> None:
        begin = len(self.standings)
        self.standings += tuple(
            StandingFault(fault, f"{self._seed}/{number}/{fault.spec}") for number, fault in enumerate(faults, begin)
        )


async def _result(waiting: Awaitable[object]) -> object:
    return await waiting
