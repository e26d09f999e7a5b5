"""When a request is sent again, how long that waits, and how fast requests may follow one another.

The loop is that of httpx-retries. What is here is what it has no option for: a budget in seconds that counts the
requests and not the waits alone, a wait that ends when the caller has gone, and a decision by kind of failure.
"""

import asyncio
import copy
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import httpx
import httpx_retries
from attrs import field, frozen, validators

from channel_images_api.errors import MalformedBody

logger = logging.getLogger("channel_images")

_WORTH_IT = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.DecodingError,
)


@frozen
class Retries:
    """How often a request is sent again, and for how long.

    Sent again are: failed connections, timeouts, answers that break off, 200s that are no JSON, 408, 429, and every 5xx
    but 501. Not sent again are: any other status, a certificate that does not verify, a host name that does not exist.

    The wait before a retry is chosen at random between 0 and `backoff` times 2, 4, 8, ... seconds (full jitter), or is
    what the server asks for in `Retry-After`, in seconds or as a date; neither is longer than `max_wait`.

    Attributes:
        attempts: The largest number of retries of one request; 0 for none.
        seconds: The longest time for a request with all of its retries and waits. A retry that would begin later is not
            made.
        backoff: Seconds; the unit of the waits that grow.
        max_wait: Seconds; the longest single wait. With 0 every retry is made at once, which is what tests want.
    """

    attempts: int = field(default=6, validator=[validators.instance_of(int), validators.ge(0)])
    seconds: float = field(default=300.0, validator=validators.gt(0))
    backoff: float = field(default=0.25, validator=validators.ge(0))
    max_wait: float = field(default=60.0, validator=validators.ge(0))


class GivenUp(Exception):
    """No further attempt is made, since it would begin too late or nobody waits for it any more.

    Attributes:
        failure: What the last attempt came to.
    """

    def __init__(self, failure: httpx.Response | Exception) -> None:
        super().__init__()
        self.failure = failure


class CallRetry(httpx_retries.Retry):
    """The retries of one call: httpx-retries counts, waits and decides with it."""

    def __init__(self, policy: Retries) -> None:
        super().__init__(
            total=policy.attempts,
            allowed_methods=("GET", "POST"),  # the one POST is the sign-in, which changes nothing
            backoff_factor=policy.backoff,
            max_backoff_wait=policy.max_wait or 1.0,  # zero is refused, and handled below
        )
        self.policy = policy
        self.deadline = 0.0
        self.stop: threading.Event | None = None

    def start(self, stop: threading.Event | None = None) -> "CallRetry":
        """A copy for a call that begins now; its waits end early when `stop` is set."""
        call = copy.copy(self)
        call.deadline = time.monotonic() + self.policy.seconds
        call.stop = stop
        return call

    def increment(self) -> "CallRetry":
        self.attempts_made += 1
        return self

    def is_exhausted(self) -> bool:
        return (
            self.attempts_made >= self.total
            or time.monotonic() >= self.deadline
            or (self.stop is not None and self.stop.is_set())
        )

    def is_retryable_status_code(self, status_code: int) -> bool:
        return status_code in (408, 429) or (500 <= status_code < 600 and status_code != 501)

    def is_retryable_exception(self, exception: Exception) -> bool:
        if isinstance(exception, MalformedBody):
            return is_no_json(exception)
        return isinstance(exception, _WORTH_IT) and not is_permanent(exception)

    def sleep(self, response: httpx.Response | Exception) -> None:
        self.pause(self._wait(response))
        if self.stop is not None and self.stop.is_set():
            raise GivenUp(response)

    def pause(self, seconds: float) -> None:
        """Sleep, until `stop` is set."""
        if self.stop is None:
            time.sleep(seconds)
        else:
            self.stop.wait(seconds)

    async def asleep(self, response: httpx.Response | Exception) -> None:
        await asyncio.sleep(self._wait(response))

    def _wait(self, failure: httpx.Response | Exception) -> float:
        wanted = self._calculate_sleep(failure.headers if isinstance(failure, httpx.Response) else {})
        seconds = min(wanted, self.policy.max_wait)
        if time.monotonic() + seconds > self.deadline:
            self.attempts_made -= 1  # counted before the wait
            raise GivenUp(failure)
        logger.info("retry %d of %d in %.2f s: %s", self.attempts_made, self.total, seconds, describe(failure))
        return seconds


class RateLimit:
    """At most so many requests a second, evenly spaced, over all threads and tasks that share it.

    Args:
        per_second: Requests a second.
    """

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._lock = threading.Lock()
        self._next = 0.0

    def reserve(self) -> float:
        """Take the next place; returns the seconds to wait for it."""
        with self._lock:
            now = time.monotonic()
            place = max(now, self._next)
            self._next = place + self._interval
            return place - now


def is_no_json(error: MalformedBody) -> bool:
    """Whether the body could not be read at all, as happens when a transfer fails, or a proxy answers."""
    return not error.path and isinstance(error.value, bytes)


def is_permanent(error: BaseException) -> bool:
    """Whether the same will happen at every attempt: no such host, or a certificate that does not verify."""
    return any(
        isinstance(cause, ssl.SSLCertVerificationError)
        or (isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME)
        for cause in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def describe(failure: httpx.Response | Exception) -> str:
    """What happened, in a few words."""
    if isinstance(failure, httpx.Response):
        return f"the server answered {failure.status_code} {failure.reason_phrase}".rstrip()
    return str(failure) or type(failure).__name__
