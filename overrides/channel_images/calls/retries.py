"""Decides when a failed request is sent again, and how fast requests may follow one another."""

import heapq
import random
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from attrs import field, frozen

from channel_images.calls.deadlines import CancelToken, Deadline
from channel_images.calls.failures import is_worth_repeating
from channel_images.exceptions import ConfigurationError
from channel_images.settings import check_number

_MAX_DOUBLINGS = 64


@frozen
class Retries:
    """How often, and for how long, a request is sent again.

    A request is sent again after a failed connection, a timeout, an answer that breaks off, a 200 that is not JSON, 408,
    429, and every 5xx except 501. It is not sent again after any other status, or if the host name does not exist, the
    certificate does not verify, or the server does not speak TLS.

    The wait before a retry is random, between 0 and `backoff` times 2, 4, 8, ... seconds (full jitter), at most
    `max_wait`. If the server sends `Retry-After`, in seconds or as a date, the wait is that long. If that is longer than
    `max_wait`, there is no retry: you get the error at once, and its `retry_after` says how long.

    Attributes:
        attempts: The largest number of retries of one request; 0 for none.
        seconds: The longest time for a request with all of its retries and waits; waits for `rate_limit` do not count. An
            attempt ends then, and no retry begins later.
        backoff: Seconds; the unit of the waits that grow.
        max_wait: Seconds; the longest single wait. With 0, which suits tests, every retry comes at once.

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


class Budget:
    """What is left for one call: retries, and seconds.

    Args:
        policy: How much there is.

    Attributes:
        retries: How many were made so far.
    """

    def __init__(self, policy: Retries) -> None:
        self._policy = policy
        self._ends = time.monotonic() + policy.seconds
        self.retries = 0

    def extend(self, seconds: float) -> None:
        """Do not count a wait, such as that for `rate_limit`."""
        self._ends += seconds

    def deadline(self, call_timeout: float, cancel: CancelToken) -> Deadline:
        """The end of an attempt that begins now."""
        left = self._ends - time.monotonic()
        if left < call_timeout:
            return Deadline(left, self._policy.seconds, "seconds", "the request with its retries", cancel)
        return Deadline(call_timeout, call_timeout, "call_timeout", "the whole answer", cancel)

    def wait_after(self, outcome: httpx.Response | Exception) -> float | None:
        """The seconds to wait before the next attempt; None if there is to be none."""
        policy, asked = self._policy, None
        if isinstance(outcome, httpx.Response):
            asked = retry_after(outcome.headers.get("Retry-After"))
            is_worth_it = is_worth_repeating_status(outcome.status_code)
        else:
            is_worth_it = is_worth_repeating(outcome)
        if not is_worth_it or self.retries >= policy.attempts or (policy.max_wait and (asked or 0) > policy.max_wait):
            return None
        seconds = min(asked or self._backoff(), policy.max_wait, threading.TIMEOUT_MAX)
        return seconds if time.monotonic() + seconds < self._ends else None

    def _backoff(self) -> float:
        # The longest wait is cut before the random choice: cut afterwards, all that failed together meet again.
        longest = self._policy.backoff * 2.0 ** min(self.retries + 1, _MAX_DOUBLINGS)
        return random.uniform(0, min(longest, self._policy.max_wait))  # noqa: S311 - spreads load, guards nothing


def is_worth_repeating_status(status: int) -> bool:
    """Whether a server that answers so may answer otherwise a little later."""
    return status in (408, 429) or (500 <= status < 600 and status != 501)


def retry_after(text: str | None) -> float | None:
    """The seconds that a `Retry-After` asks for, of digits or a date.

    Returns:
        0 for a date that has passed; None if there is no header, or none that can be read.
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:  # as in the form of asctime, which means UTC
            date = date.replace(tzinfo=UTC)
        return max(0.0, (date - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):  # the last for dates in years that no calendar has
        return None


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
