"""Has the connections of httpx end with the calls that wait for them.

This is the one module that reaches into the privates of httpx and httpcore; a test holds the names. httpx bounds each
arrival of data, and a head may arrive in any number of them. So the sockets of its pools are wrapped: each wait of theirs
is cut to what is left for the call of the thread, and one that blocks is ended from outside.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import httpcore
import httpx

from channel_images.calls.deadlines import DEADLINE, Deadline, DeadlinePassed
from channel_images.calls.failures import ABANDONED, is_of_http2, is_of_package


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
        if (deadline := DEADLINE.get()) is None:  # of another client, which has the transport too
            return self._stream.read(max_bytes, timeout)
        seconds = deadline.begin(timeout, self._blocking)
        try:
            return self._stream.read(max_bytes, seconds)
        except httpcore.TimeoutException:
            raise DeadlinePassed(deadline) if deadline.has_passed else httpcore.ReadTimeout("timed out") from None
        finally:
            deadline.end()

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if (deadline := DEADLINE.get()) is None:
            return self._stream.write(buffer, timeout)
        seconds = deadline.begin(timeout, self._blocking)
        try:
            return self._stream.write(buffer, seconds)
        finally:
            deadline.end()

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        deadline = DEADLINE.get()
        # What wraps a socket takes its descriptor, so that only another one can break the handshake off.
        twin = None if deadline is None or self._blocking is None else _twin(self._blocking)
        try:
            seconds = timeout if deadline is None else deadline.begin(timeout, twin)
            stream = self._stream.start_tls(ssl_context, server_hostname, seconds)
        except BaseException:
            self._stream.close()  # httpcore leaves it to this
            raise
        finally:
            if deadline is not None:
                deadline.end()
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
        stream = _unless_cancelled(
            lambda: self._backend.connect_tcp(host, port, seconds, local_address, socket_options)
        )
        return BoundedStream(stream, is_shared=self._is_shared)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        stream = self._backend.connect_unix_socket(path, _to_connect(timeout), socket_options)
        return BoundedStream(stream, is_shared=self._is_shared)

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


def _to_connect(timeout: float | None) -> float | None:
    if (deadline := DEADLINE.get()) is None:
        return timeout
    if deadline.is_cancelled:
        raise httpx.ConnectError(ABANDONED)
    return deadline.begin(timeout, None)


def _unless_cancelled(connect: Callable[[], httpcore.NetworkStream]) -> httpcore.NetworkStream:
    """Connect in a thread, and wait for no longer than the call does: neither a look-up nor a connect can be broken off."""
    deadline = DEADLINE.get()
    if deadline is None or deadline.cancel is None:
        return connect()
    outcome: list[httpcore.NetworkStream | BaseException] = []
    is_abandoned = False
    guard = threading.Lock()
    settled = threading.Event()
    deadline.cancel.include(settled)

    def run() -> None:
        try:
            result: httpcore.NetworkStream | BaseException = connect()
        except BaseException as error:  # noqa: BLE001 - it is raised by the thread that waits
            result = error
        with guard:
            if not is_abandoned:
                outcome.append(result)
            elif isinstance(result, httpcore.NetworkStream):
                result.close()
        settled.set()

    threading.Thread(target=run, name="channel-images: connect", daemon=True).start()
    try:
        settled.wait()
    finally:
        with guard:
            is_abandoned = not outcome
    if is_abandoned:
        raise httpx.ConnectError(ABANDONED)
    (result,) = outcome
    if isinstance(result, BaseException):
        raise result
    return result


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


def sorted_out(
    error: Exception, request: httpx.Request, deadline: Deadline, client: httpx.Client | httpx.AsyncClient
) -> Exception:
    """An error of an attempt, as it is for the retries and the caller.

    After a fault of HTTP/2, no further request uses its connection. httpcore tells a server nothing of a request that was
    cancelled, so that its stream stays open. A connection is useless once as many are open as the server allows, and
    every use of it puts its expiry off.
    """
    if isinstance(error, httpx.TimeoutException) and deadline.has_passed:
        return DeadlinePassed(deadline, request=request)
    if isinstance(error, DeadlinePassed):
        return httpx.ReadError("another request, which took too long, ended the connection", request=request)
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
