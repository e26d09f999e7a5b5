"""Adds to uvicorn's fastest HTTP protocol the three things that it lacks.

They are a bound to a request's head, an end to the connections of clients that do not go on, and the means to end a
connection before its answer is complete.
"""

import asyncio
import socket
import struct
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from channel_images.mock.as_json import to_json
from channel_images.mock.settings import MAX_HEAD, PATIENCE

EXTENSION = "channel_images.connection"
"""The key of a request's connection among the extensions of its ASGI scope."""
_BODY = to_json({"detail": "Request header fields too large."})
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_BODY), _BODY)
)
_FAREWELL = 0.1
"""Seconds that a connection without a request has to end when the server is stopped."""
_NO_LINGER = struct.pack("ii", 1, 0)
"""`struct linger`: on closing, throw away what is unsent, and send a reset instead of the good-bye."""


class Connection(Protocol):
    """The connection that a request came by. After `reset` or `close` the application may end without an answer."""

    def write(self, data: bytes) -> None:
        """Send bytes as they are, behind what was sent so far and whatever was announced."""
        ...

    def reset(self) -> None:
        """End it at once, by a TCP reset: the client's next read fails."""
        ...

    def close(self) -> None:
        """End it in good order once everything written so far was sent, however much was announced."""
        ...


def connection_of(scope: Scope) -> Connection:
    """The connection of a request.

    Raises:
        RuntimeError: The server gives no access to it.
    """
    connection: Connection | None = scope.get("extensions", {}).get(EXTENSION)
    if connection is None:
        raise RuntimeError("this server does not let the mock end connections: serve it with MockServer")
    return connection


class BoundedHttpProtocol(HttpToolsProtocol):
    """Refuses, with 431, a head that is still not complete after `MAX_HEAD` bytes.

    Ends a connection if its client does not send the rest of a request, or does not read its answer, within `PATIENCE`
    seconds.

    An idle connection between two requests is uvicorn's to end.
    """

    _is_in_head = False
    _head_bytes = 0
    _rest: asyncio.TimerHandle
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        # Writing pauses as soon as anything is left unread, so the bound holds for the last bytes too. That is at more
        # than `high` bytes, but with TLS at `high` bytes, where 0 would be a pause without an end.
        transport.set_write_buffer_limits(high=1 if transport.get_extra_info("sslcontext") else 0)
        self._rest = self._soon(self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest.cancel()
        self.resume_writing()
        super().connection_lost(exc)

    def _soon(self, then: Callable[[], None]) -> asyncio.TimerHandle:
        return self.loop.call_later(PATIENCE, then)

    def _end(self) -> None:
        _reset(self.transport)

    def _expect_rest(self) -> None:
        self._rest.cancel()
        self._rest = self._soon(self._end)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reading()

    def _expect_reading(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._reading = self._soon(
            lambda: self._expect_reading() if self.transport.get_write_buffer_size() < unread else self._end()
        )

    def resume_writing(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        super().resume_writing()

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            # With TLS, closing waits until the client says good-bye too, which one that is idle does not hear.
            self.loop.call_later(_FAREWELL, self.transport.abort)

    def on_message_begin(self) -> None:
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_begin()
        self._expect_rest()

    def on_message_complete(self) -> None:
        self._rest.cancel()
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._expect_rest()
        super().on_headers_complete()
        # The task that will read the scope has been made, but cannot run before this method returns.
        connection: Any = _TcpConnection(
            self.transport, self.cycle, self.loop
        )  # ASGI's types know extensions of text alone
        self.scope["extensions"] = {EXTENSION: connection}

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD:
            self.transport.write(_TOO_LARGE)
            self.transport.close()


def _reset(transport: asyncio.Transport) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


class _TcpConnection:
    """The connection of one request."""

    __slots__ = ("_cycle", "_loop", "_transport")

    def __init__(
        self, transport: asyncio.Transport, cycle: RequestResponseCycle, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._transport = transport
        self._loop = loop
        # The cycle has the scope, which has this: all of it would wait for the garbage collector.
        self._cycle = weakref.proxy(cycle)

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def reset(self) -> None:
        # Soon: with TLS, what was written a moment ago reaches the system only after this turn of the loop.
        self._loop.call_soon(_reset, self._transport)
        self._expect_no_more()

    def close(self) -> None:
        self._transport.close()
        self._expect_no_more()

    def _expect_no_more(self) -> None:
        # Otherwise uvicorn logs that the application did not complete its answer, and tries to send a 500.
        self._cycle.disconnected = True
