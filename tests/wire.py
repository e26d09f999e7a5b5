"""What the tests of the clients speak to: a server that says exactly what it is told, and both clients as one."""

import asyncio
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from attrs import frozen

from channel_images import Answer, AsyncChannelImages, ChannelImages, ProductImage

T = TypeVar("T")

SURFACES = ("sync", "async")
TOKEN = "tok-3f9c1a77e2"
IMAGE = b'{"pk": 1, "width": 640}'


@frozen
class Asked:
    """A request as it came.

    Attributes:
        number: How many requests came before it.
        target: The path with its query, or for a proxy the URL.
    """

    number: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Reply = bytes | Callable[[socket.socket], None] | None
"""Bytes to send; or what is to be done with the connection, which is closed afterwards; None closes it right away."""


def http(status: int, body: bytes | object = IMAGE, *headers: str, length: int | None = None) -> bytes:
    """An HTTP answer, whose length may be a lie."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content) if length is None else length}", *headers]
    if not any(line.lower().startswith("content-type") for line in headers):
        lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, "", ""]).encode() + content


class RawServer:
    """A server on loopback that answers each request with what `reply` gives for it.

    Args:
        reply: Gives the answer; or a list of answers, of which the last one stays.
        context: Makes it speak TLS.
    """

    def __init__(
        self, reply: Callable[[Asked], Reply] | Sequence[Reply], *, context: ssl.SSLContext | None = None
    ) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self._reply = reply if callable(reply) else lambda asked: reply[min(asked.number, len(reply) - 1)]
        self._context = context
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="raw-server", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.closing(connection):
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with contextlib.closing(connection):
                while (asked := self._read(connection)) is not None:
                    reply = self._reply(asked)
                    if not isinstance(reply, bytes):
                        if reply is not None:
                            reply(connection)
                        return
                    connection.sendall(reply)

    def _read(self, connection: socket.socket) -> Asked | None:
        received = b""
        while b"\r\n\r\n" not in received:
            if not (part := connection.recv(65536)):
                return None
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            body += connection.recv(65536)
        with self._lock:
            asked = Asked(len(self.asked), method, target, headers, body)
            self.asked.append(asked)
        return asked


def reset(connection: socket.socket) -> None:
    """Break the connection off, as a crash does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def get_image(surface: str, url: str, **options: Any) -> Answer[ProductImage]:
    """One image with its answer, by either client."""
    options = {"token": TOKEN} | options if "username" not in options else options
    if surface == "sync":
        with ChannelImages(url, **options) as api:
            return api.channel(5).with_raw_response.image(1)

    async def get() -> Answer[ProductImage]:
        async with AsyncChannelImages(url, **options) as api:
            return await api.channel(5).with_raw_response.image(1)

    return run(get())


def list_pks(surface: str, url: str, *, limit: int = 10, concurrency: int = 1, **options: Any) -> list[object]:
    """The `pk` of each image of channel 5, in their order, by either client."""
    options = {"token": TOKEN} | options if "username" not in options else options
    if surface == "sync":
        with ChannelImages(url, **options) as api:
            return [image.pk for image in api.channel(5).images(page_size=limit, concurrency=concurrency)]

    async def get() -> list[object]:
        async with AsyncChannelImages(url, **options) as api:
            return [image.pk async for image in api.channel(5).images(page_size=limit, concurrency=concurrency)]

    return run(get())


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, which fails for whatever the loop complains of, such as exceptions that nobody has seen."""
    complaints: list[dict[str, Any]] = []

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        return await main

    value = asyncio.run(watched())
    assert not complaints
    return value


def pooled(client: ChannelImages | AsyncChannelImages) -> list[Any]:
    """The connections that the client's pool holds."""
    transport: Any = client._http._transport
    return list(transport._pool.connections)


def prefetching_threads() -> Iterator[threading.Thread]:
    """The threads of the clients' own that are alive."""
    return (thread for thread in threading.enumerate() if thread.name.startswith("channel_images"))
