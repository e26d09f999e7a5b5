"""The loop that sends a request until it succeeds: that of httpx-retries.

What is here is what httpx-retries has no option for: a budget in seconds that counts the requests and not the waits
alone, a wait that ends when the caller has gone, and a decision by kind of failure. It is a module of its own since
httpx-retries takes as long to import as half of httpx, and is needed only where there is a client.
"""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import httpx_retries

from channel_images.calls.deadlines import Call, Stop
from channel_images.calls.retries import RateLimit, Retries, describe, is_worth_repeating

logger = logging.getLogger("channel_images")

_MAX_DOUBLINGS = 64


class GivenUp(Exception):
    """No further attempt is made, since it would begin too late or nobody waits for it any more.

    Attributes:
        failure: What the last attempt came to.
    """

    def __init__(self, failure: httpx.Response | Exception) -> None:
        super().__init__()
        self.failure = failure


class CallRetry(httpx_retries.Retry):
    """The retries of one call: httpx-retries counts, waits and decides with it.

    Args:
        policy: How often and for how long.
        hide: Takes secrets out of what is logged.
    """

    def __init__(self, policy: Retries, hide: Callable[[str], str]) -> None:
        # The one POST is the sign-in, which changes nothing.
        super().__init__(total=policy.attempts, allowed_methods=("GET", "POST"))
        self.policy = policy
        self.deadline = 0.0
        self.closing = Stop()
        self.stop: threading.Event = self.closing
        self._sleepers: set[asyncio.Task[None]] = set()  # of all calls
        self.subject = ""  # what is asked for, as it is logged
        self._hide = hide

    def start(self, stop: threading.Event | None = None) -> "CallRetry":
        """A copy for a call that begins now; its waits end early when `stop` is set."""
        call = object.__new__(CallRetry)  # copy.copy takes three times as long
        call.__dict__.update(self.__dict__)
        call.deadline = time.monotonic() + self.policy.seconds
        if stop is not None:
            self.closing.include(stop)
            call.stop = stop
        return call

    def close(self) -> None:
        """Begin no further wait, and end those of threads, for the network too."""
        self.closing.set()

    def wake(self) -> None:
        """End the waits of all tasks of this event loop."""
        for sleeper in self._sleepers:
            sleeper.cancel()

    def seconds_for(self, call_timeout: float) -> float:
        """How long an attempt may take that begins now."""
        return min(call_timeout, self.deadline - time.monotonic())

    def bounded(self, seconds: float) -> Call:
        """What bounds an attempt that begins now."""
        return Call(seconds, self.stop)

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.stop.is_set()

    def increment(self) -> "CallRetry":
        self.attempts_made += 1
        return self

    def is_exhausted(self) -> bool:
        return self.attempts_made >= self.total or time.monotonic() >= self.deadline or self.is_abandoned

    def is_retryable_status_code(self, status_code: int) -> bool:
        return status_code in (408, 429) or (500 <= status_code < 600 and status_code != 501)

    def is_retryable_exception(self, exception: Exception) -> bool:
        return is_worth_repeating(exception)

    def sleep(self, response: httpx.Response | Exception) -> None:
        self.pause(self._wait(response))
        if self.is_abandoned:
            self.attempts_made -= 1  # counted before the wait
            raise GivenUp(response)

    def pause(self, seconds: float) -> None:
        """Sleep, until `stop` is set."""
        self.stop.wait(seconds)

    def await_turn(self, rate: RateLimit) -> None:
        """Wait for a place, which is not counted for the budget."""
        place = rate.reserve()
        seconds = max(0.0, place - time.monotonic())
        self.pause(seconds)
        self.deadline += seconds
        if self.is_abandoned:
            rate.give_back(place)

    async def asleep(self, response: httpx.Response | Exception) -> None:
        await self.apause(self._wait(response))

    async def apause(self, seconds: float) -> None:
        """Sleep, until the client is closed."""
        if seconds <= 0 or self.is_abandoned:
            return await asyncio.sleep(0)
        sleeper = asyncio.ensure_future(asyncio.sleep(seconds))
        self._sleepers.add(sleeper)
        try:
            await asyncio.wait([sleeper])
        finally:
            self._sleepers.discard(sleeper)
            sleeper.cancel()

    async def aawait_turn(self, rate: RateLimit) -> None:
        """As `await_turn`."""
        place = rate.reserve()
        seconds = max(0.0, place - time.monotonic())
        try:
            await self.apause(seconds)
        except asyncio.CancelledError:
            rate.give_back(place)
            raise
        self.deadline += seconds

    def backoff_strategy(self) -> float:
        # The longest wait is cut before the random choice: cut afterwards, all that failed together meet again.
        longest = self.policy.backoff * 2.0 ** min(self.attempts_made, _MAX_DOUBLINGS)
        return random.uniform(0, min(longest, self.policy.max_wait))  # noqa: S311 - spreads load, guards nothing

    def _asked_for(self, response: httpx.Response) -> float:
        """The seconds in `Retry-After`; 0 where there are none, or what is there cannot be read."""
        text = response.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            date = parsedate_to_datetime(text)
            if date.tzinfo is None:  # as in the form of asctime, which means UTC
                date = date.replace(tzinfo=UTC)
            return max(0.0, (date - datetime.now(UTC)).total_seconds())
        except (TypeError, ValueError, OverflowError):  # the last for dates in years that no calendar has
            return 0.0

    def _wait(self, failure: httpx.Response | Exception) -> float:
        wanted = (self._asked_for(failure) if isinstance(failure, httpx.Response) else 0.0) or self.backoff_strategy()
        seconds = min(wanted, self.policy.max_wait, threading.TIMEOUT_MAX)
        if time.monotonic() + seconds > self.deadline:
            self.attempts_made -= 1
            raise GivenUp(failure)
        reason = self._hide(f"{self.subject}: {describe(failure)}")
        logger.info("retry %d of %d in %.2f s: %s", self.attempts_made, self.total, seconds, reason)
        return seconds


class Attempts(httpx.BaseTransport):
    """What httpx-retries repeats: a whole attempt, with the proxies, mounts and hooks of the client."""

    def __init__(self, attempt: Callable[[httpx.Request], httpx.Response]) -> None:
        self._attempt = attempt

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._attempt(request)


class AsyncAttempts(httpx.AsyncBaseTransport):
    """The same for asyncio."""

    def __init__(self, attempt: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> None:
        self._attempt = attempt

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._attempt(request)
