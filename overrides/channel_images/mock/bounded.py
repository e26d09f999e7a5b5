"""uvicorn's fastest HTTP protocol, with the two things that it lacks: a bound to a request's head, and the means to end
a connection before its answer is complete."""

import asyncio
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from channel_images.mock.answers import to_json
from channel_images.mock.connection import EXTENSION
from channel_images.mock.settings import MAX_HEAD

_BODY = to_json({"detail": "Request header fields too large."})
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_BODY), _BODY)
)
_NO_LINGER = struct.pack("ii", 1, 0)
"""``struct linger``: on closing, throw away what is unsent, and send a reset instead of the good-bye."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Refuses, with 431, a head that is still not complete after ``MAX_HEAD`` bytes."""

    _is_in_head = False
    _head_bytes = 0

    def on_message_begin(self) -> None:
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()
        # The task that will read the scope has been made, but cannot run before this method returns.
        connection: Any = _TcpConnection(self.transport, self.cycle)  # ASGI's types know extensions of text alone
        self.scope["extensions"] = {EXTENSION: connection}

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD:
            self.transport.write(_TOO_LARGE)
            self.transport.close()


class _TcpConnection:
    """The connection of one request."""

    __slots__ = ("_cycle", "_transport")

    def __init__(self, transport: asyncio.Transport, cycle: RequestResponseCycle) -> None:
        self._transport = transport
        self._cycle = cycle

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def reset(self) -> None:
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()
        self._expect_no_more()

    def close(self) -> None:
        self._transport.close()
        self._expect_no_more()

    def _expect_no_more(self) -> None:
        # Otherwise uvicorn logs that the application did not complete its answer, and tries to send a 500.
        self._cycle.disconnected = True
