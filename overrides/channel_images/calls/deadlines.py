"""Ends a request that is under way: at its deadline, or when nobody waits for it any more."""

import math
import socket
import threading
import time
from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Self
from weakref import WeakSet

import httpx

from channel_images.calls.failures import ABANDONED


class CancelToken(threading.Event):
    """An event that also ends what the calls which look at it wait for: connections of HTTP/1.1 are broken off.

    One of HTTP/2 is shared with the calls of others, and is left alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.RLock()  # a signal handler may close a client
        self._deadlines: set[Deadline] = set()
        self._parts: WeakSet[threading.Event] = WeakSet()

    def set(self) -> None:
        super().set()
        with self._guard:
            parts = list(self._parts)
            for deadline in list(self._deadlines):
                deadline.interrupt()
        for part in parts:
            part.set()

    def include(self, part: threading.Event) -> None:
        """Set another event too when this one is set."""
        with self._guard:
            self._parts.add(part)
        if self.is_set():
            part.set()

    def add(self, deadline: "Deadline") -> None:
        with self._guard:
            self._deadlines.add(deadline)

    def discard(self, deadline: "Deadline") -> None:
        with self._guard:
            self._deadlines.discard(deadline)


class Deadline:
    """The end of a request and the whole of its answer, for the thread that is inside its `with`.

    Args:
        left: Seconds from now on.
        seconds: What the option says.
        option: The option that sets it.
        what: What takes too long then.
        cancel: Ends the request before that.
    """

    __slots__ = ("_guard", "_outer", "_socket", "cancel", "ends", "option", "seconds", "what")

    def __init__(
        self,
        left: float,
        seconds: float = math.inf,
        option: str = "",
        what: str = "the answer",
        cancel: CancelToken | None = None,
    ) -> None:
        self.ends = time.monotonic() + left
        self.seconds, self.option, self.what = seconds, option, what
        self.cancel = cancel
        self._guard = threading.RLock()
        self._socket: socket.socket | None = None

    @property
    def left(self) -> float:
        """Seconds; less than 0 when it has passed."""
        return self.ends - time.monotonic()

    @property
    def has_passed(self) -> bool:
        return time.monotonic() >= self.ends

    @property
    def is_cancelled(self) -> bool:
        return self.cancel is not None and self.cancel.is_set()

    def check(self) -> None:
        """End the reading of an answer that takes too long, or that nobody waits for any more.

        It is for transports that are not httpx's own, for HTTP/2, and for what decoding takes.

        Raises:
            DeadlinePassed: There is no time left.
            httpx.ReadError: It was cancelled.
        """
        if self.has_passed:
            raise DeadlinePassed(self)
        if self.is_cancelled:
            raise httpx.ReadError(ABANDONED)

    def __enter__(self) -> Self:
        self._outer: Token[Deadline | None] = DEADLINE.set(self)
        if self.cancel is not None:
            self.cancel.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self.cancel is not None:
            self.cancel.discard(self)
        DEADLINE.reset(self._outer)

    def begin(self, timeout: float | None, blocking: socket.socket | None) -> float | None:
        """The seconds for a wait on the network that begins now; `interrupt` breaks off what it blocks on."""
        left = self.left
        if left <= 0:
            raise DeadlinePassed(self)
        if blocking is not None:
            # In this order: whoever sets the event afterwards finds the socket.
            self._socket = blocking
            if self.is_cancelled:
                self.end()
                raise httpx.ReadError(ABANDONED)
        if timeout is None or timeout >= left:
            return None if left == math.inf else left
        return timeout

    def end(self) -> None:
        with self._guard:  # from here on the connection may be somebody else's
            self._socket = None

    def interrupt(self) -> None:
        with self._guard:
            if self._socket is not None:
                with suppress(OSError):
                    # As that of a plain socket: one of TLS would forget its session, which the reader is in.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class DeadlinePassed(httpx.ReadTimeout):
    """There was no whole answer in time. Over HTTP/2, all calls that share the connection get it.

    Attributes:
        deadline: Says by which option.
    """

    def __init__(self, deadline: Deadline, *, request: httpx.Request | None = None) -> None:
        super().__init__("no time is left for the answer", request=request)
        self.deadline = deadline


DEADLINE: ContextVar[Deadline | None] = ContextVar("channel_images_deadline", default=None)
"""That of the thread, while it is inside of one."""
