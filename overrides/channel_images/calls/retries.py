"""When a request is sent again, how long that waits, and how fast requests may follow one another.

The loop itself is that of httpx-retries; see :mod:`channel_images.calls.call`.
"""

import heapq
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import httpx
from attrs import field, frozen

from channel_images.exceptions import ConfigurationError
from channel_images.settings import check_number
from channel_images_api.errors import MalformedBody

_WORTH_IT = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.DecodingError,
)
ABANDONED = "nobody waits for the answer any more"
_NO_SUCH_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")


@frozen
class Retries:
    """How often a request is sent again, and for how long.

    Sent again are: failed connections, timeouts, answers that break off, 200s that are no JSON, 408, 429, and every 5xx
    but 501. Not sent again are: any other status, a host name that does not exist, a certificate that does not verify,
    and what does not speak TLS.

    The wait before a retry is chosen at random between 0 and `backoff` times 2, 4, 8, ... seconds (full jitter), or is
    what the server asks for in `Retry-After`, in seconds or as a date; neither is longer than `max_wait`.

    Attributes:
        attempts: The largest number of retries of one request; 0 for none.
        seconds: The longest time for a request with all of its retries and waits, but for those for `rate_limit`. An
            attempt ends then, and a retry that would begin later is not made.
        backoff: Seconds; the unit of the waits that grow.
        max_wait: Seconds; the longest single wait. With 0 every retry is made at once, which is what tests want.

    Raises:
        ConfigurationError: A number makes no sense.
    """

    attempts: int = field(default=6)
    seconds: float = field(default=300.0)
    backoff: float = field(default=0.25)
    max_wait: float = field(default=60.0)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.attempts, int) or isinstance(self.attempts, bool) or self.attempts < 0:
            raise ConfigurationError(f"attempts is the largest number of retries, 0 or more: {self.attempts!r}")
        check_number("seconds", self.seconds)
        check_number("backoff", self.backoff, or_zero=True)
        check_number("max_wait", self.max_wait, or_zero=True)


class RateLimit:
    """At most so many requests a second, evenly spaced, over all threads and tasks that share it.

    Args:
        per_second: Requests a second.
    """

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._lock = threading.Lock()
        self._next = 0.0
        self._given_back: list[float] = []

    def reserve(self) -> float:
        """Take the next place; returns its time by `time.monotonic`."""
        with self._lock:
            now = time.monotonic()
            while self._given_back:
                place = heapq.heappop(self._given_back)
                if place >= now:  # in time: between earlier ones, a place would come too close to its neighbours
                    return place
            place = max(now, self._next)
            self._next = place + self._interval
            return place

    def give_back(self, place: float) -> None:
        """Let others have a place that is not needed after all."""
        with self._lock:
            heapq.heappush(self._given_back, place)


class OutOfTime(httpx.ReadTimeout):
    """The budget in seconds, of the request with all of its retries, is used up."""


class Undecoded(Exception):
    """A `MalformedBody` on its way through httpx-retries, which logs what it meets: it shows nothing of the body.

    Attributes:
        error: The error itself.
    """

    def __init__(self, error: MalformedBody) -> None:
        super().__init__(f"the server answered 200, and {error.path or 'the body'} is not {error.expected}")
        self.error = error


def is_worth_repeating(error: Exception) -> bool:
    """Whether another attempt may end better than with this error."""
    if isinstance(error, Undecoded):
        return is_no_json(error.error)
    return (isinstance(error, _WORTH_IT) or is_of_http2(error)) and not is_permanent(error)


def is_of_http2(error: Exception) -> bool:
    """Whether a connection of HTTP/2 came into disorder, which another one need not do.

    httpcore calls it a `LocalProtocolError` too when the fault is the server's. Over HTTP/1.1 that is one of the request.
    """
    return isinstance(error, httpx.HTTPError) and any(is_of_package(cause, "h2") for cause in causes(error))


def is_of_package(error: BaseException, name: str) -> bool:
    """Whether a package defines this kind of error, which need not be installed."""
    return type(error).__module__.partition(".")[0] == name


def is_no_json(error: MalformedBody) -> bool:
    """Whether the body could not be read at all, as happens when a transfer fails, or a proxy answers."""
    return not error.path and isinstance(error.value, bytes)


def is_permanent(error: BaseException) -> bool:
    """Whether the same will happen at every attempt: there is no such host, or it cannot be trusted or spoken to."""
    return any(
        isinstance(cause, ssl.SSLCertVerificationError)
        or (isinstance(cause, socket.gaierror) and cause.errno in _NO_SUCH_HOST)
        or (isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None) in _NOT_TLS)
        for cause in causes(error)
    )


def describe_failure(error: BaseException) -> str:
    """Why there was no answer, in words that a person can act on."""
    text = str(error) or type(error).__name__
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the server's certificate does not verify: {text}"
        if isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None) in _NOT_TLS:
            return f"the server does not speak TLS there: is it http:// or another port? ({text})"
        if isinstance(cause, socket.gaierror) and cause.errno in _NO_SUCH_HOST:
            return f"there is no such host ({text})"
    return text


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that led to it."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        error_or_none = left.pop()
        if error_or_none is not None and id(error_or_none) not in seen:
            seen.add(id(error_or_none))
            yield error_or_none
            left += (error_or_none.__context__, error_or_none.__cause__)


def describe(failure: httpx.Response | Exception) -> str:
    """What happened, in a few words."""
    if isinstance(failure, httpx.Response):
        return f"the server answered {failure.status_code} {failure.reason_phrase}".rstrip()
    return str(failure) or type(failure).__name__
