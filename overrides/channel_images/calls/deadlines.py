"""What ends a request of the synchronous client that is under way: its deadline, and whoever waits for it no more.

httpx bounds each arrival of data, and a head may arrive in any number of them. So the sockets of its pools are wrapped:
each wait of theirs is cut to what is left for the call of the thread, and one that blocks is ended from outside.
"""

import math
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Any, Self
from weakref import WeakSet

import httpcore
import httpx

from channel_images.calls.retries import ABANDONED, is_of_http2, is_of_package

TOO_LATE = "no time is left for the answer"


class Stop(threading.Event):
    """An event that also ends what the calls which look at it wait for: connections of HTTP/1.1 are broken off.

    One of HTTP/2 is shared with the calls of others, and is left alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.RLock()  # a signal handler may close a client
        self._calls: set[Call] = set()
        self._parts: WeakSet[threading.Event] = WeakSet()

    def set(self) -> None:
        super().set()
        with self._guard:
            parts = list(self._parts)
            for call in list(self._calls):
                call.interrupt()
        for part in parts:
            part.set()

    def include(self, part: threading.Event) -> None:
        """Set another event too when this one is set."""
        with self._guard:
            self._parts.add(part)
        if self.is_set():
            part.set()

    def add(self, call: "Call") -> None:
        with self._guard:
            self._calls.add(call)

    def discard(self, call: "Call") -> None:
        with self._guard:
            self._calls.discard(call)


class Call:
    """A request and its answer, in the thread that is inside its `with`.

    Args:
        seconds: How long it may take.
        stop: Ends it.
    """

    __slots__ = ("_guard", "_outer", "_socket", "deadline", "stop")

    def __init__(self, seconds: float, stop: threading.Event | None) -> None:
        self.deadline = time.monotonic() + seconds
        self.stop = stop
        self._guard = threading.RLock()
        self._socket: socket.socket | None = None

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self.deadline

    @property
    def is_abandoned(self) -> bool:
        return self.stop is not None and self.stop.is_set()

    def __enter__(self) -> Self:
        self._outer: Token[Call | None] = _CALL.set(self)
        if isinstance(self.stop, Stop):
            self.stop.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.stop, Stop):
            self.stop.discard(self)
        _CALL.reset(self._outer)

    def begin(self, timeout: float | None, blocking: socket.socket | None) -> float | None:
        """The seconds for a wait on the network that begins now; `interrupt` breaks off what it blocks on."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout(TOO_LATE)
        if blocking is not None:
            # In this order: whoever sets the event afterwards finds the socket.
            self._socket = blocking
            if self.is_abandoned:
                self.end()
                raise httpcore.ReadError(ABANDONED)
        if timeout is None or timeout > left:
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


_CALL: ContextVar[Call | None] = ContextVar("channel_images_call", default=None)


class BoundedStream(httpcore.NetworkStream):
    """A connection whose waits end with the call that they are for.

    Args:
        stream: The connection.
        is_shared: Whether it is one of HTTP/2, which calls share.
    """

    def __init__(self, stream: httpcore.NetworkStream, *, is_shared: bool) -> None:
        self._stream = stream
        self._is_shared = is_shared
        self._blocking: socket.socket | None = None if is_shared else stream.get_extra_info("socket")

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if (call := _CALL.get()) is None:  # of another client, which has the transport too
            return self._stream.read(max_bytes, timeout)
        seconds = call.begin(timeout, self._blocking)
        try:
            return self._stream.read(max_bytes, seconds)
        except httpcore.TimeoutException:
            # Over HTTP/2 all that share the connection get it.
            raise httpcore.ReadTimeout(TOO_LATE) if call.is_late else httpcore.ReadTimeout("timed out") from None
        finally:
            call.end()

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if (call := _CALL.get()) is None:
            return self._stream.write(buffer, timeout)
        seconds = call.begin(timeout, self._blocking)
        try:
            return self._stream.write(buffer, seconds)
        finally:
            call.end()

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        call = _CALL.get()
        # What wraps a socket takes its descriptor, so that only another one can break the handshake off.
        twin = None if call is None or self._blocking is None else _twin(self._blocking)
        try:
            seconds = timeout if call is None else call.begin(timeout, twin)
            stream = self._stream.start_tls(ssl_context, server_hostname, seconds)
        except BaseException:
            self._stream.close()  # httpcore leaves it to this
            raise
        finally:
            if call is not None:
                call.end()
            if twin is not None:
                twin.close()
        session = stream.get_extra_info("ssl_object")
        is_http2 = session is not None and session.selected_alpn_protocol() == "h2"
        return BoundedStream(stream, is_shared=self._is_shared or is_http2)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class BoundedBackend(httpcore.NetworkBackend):
    """What makes such connections.

    Args:
        backend: What makes them otherwise.
        is_shared: Whether they are of HTTP/2 without asking the server.
    """

    def __init__(self, backend: httpcore.NetworkBackend, *, is_shared: bool) -> None:
        self._backend = backend
        self._is_shared = is_shared

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = _to_connect(timeout)
        stream = self._backend.connect_tcp(host, port, seconds, local_address, socket_options)
        return BoundedStream(stream, is_shared=self._is_shared)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        stream = self._backend.connect_unix_socket(path, _to_connect(timeout), socket_options)
        return BoundedStream(stream, is_shared=self._is_shared)

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


def _to_connect(timeout: float | None) -> float | None:
    if (call := _CALL.get()) is None:
        return timeout
    if call.is_abandoned:
        raise httpcore.ConnectError(ABANDONED)
    return call.begin(timeout, None)


def _twin(blocking: socket.socket) -> socket.socket | None:
    with suppress(OSError):  # closed meanwhile
        return socket.fromfd(blocking.fileno(), blocking.family, blocking.type)
    return None


def bound(client: httpx.Client) -> None:
    """Have a client's connections end with the calls that wait for them, where its transports are httpx's own.

    What is reached for is private; where a version has it elsewhere, only what arrives of a body is bounded.
    """
    for pool in _pools(client):
        backend = getattr(pool, "_network_backend", None)
        if isinstance(backend, httpcore.NetworkBackend) and not isinstance(backend, BoundedBackend):
            is_shared = getattr(pool, "_http2", False) and not getattr(pool, "_http1", True)
            pool._network_backend = BoundedBackend(backend, is_shared=is_shared)


def sort_out_http2(error: Exception, request: httpx.Request, client: httpx.Client | httpx.AsyncClient) -> Exception:
    """An error as httpx would have it, where it is one of HTTP/2's; no further request uses its connection then.

    httpcore tells a server nothing of a request that was cancelled, so that its stream stays open. A connection is
    useless once as many are open as the server allows, and every use of it puts its expiry off.
    """
    if is_of_package(error, "h2"):  # httpcore lets those through that come with the body
        outer = httpx.RemoteProtocolError(str(error) or type(error).__name__, request=request)
        outer.__cause__ = error
        error = outer
    if is_of_http2(error):
        _retire_http2(client)
    return error


def _retire_http2(client: httpx.Client | httpx.AsyncClient) -> None:
    for pool in _pools(client):
        for connection in list(getattr(pool, "_connections", ())):
            inner: Any = getattr(connection, "_connection", None)
            if hasattr(inner, "_connection_error"):
                inner._connection_error = True


def _pools(client: httpx.Client | httpx.AsyncClient) -> Iterator[Any]:
    transports = (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values())
    for transport in transports:
        if isinstance(transport, httpx.HTTPTransport | httpx.AsyncHTTPTransport) and hasattr(transport, "_pool"):
            yield transport._pool
