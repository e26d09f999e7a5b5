"""A server of the test's own process, which the check asks without a socket.

A test about verdicts need not pay for connections. What happens on them is for the tests with a plain `Target`.
"""

import ssl
from collections.abc import Awaitable, Iterator
from contextlib import closing, contextmanager
from threading import Lock
from typing import Any, Protocol

import httpx
from attrs import define, field, frozen
from starlette.types import ASGIApp, Message

from channel_images.calls.bodies import CODINGS
from channel_images.conformance import Target
from channel_images.mock.http.protocol import EXTENSION

NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody, and is made in no time."""


class Served(Protocol):
    """What listens: a mock server, or what stands in front of one."""

    @property
    def app(self) -> ASGIApp: ...
    @property
    def url(self) -> str: ...


@frozen
class Near(Target):
    """A server whose application is called where a request would be sent, without a client of httpx.

    It has to listen all the same, for what is read over a bare socket. An application that waits for something needs a
    plain `Target`.
    """

    app: ASGIApp = field(kw_only=True, repr=False)
    _lock: Lock = field(factory=Lock, kw_only=True, repr=False, eq=False)

    @classmethod
    def to(cls, served: Served, *, token: str, channel: int = 5, others: tuple[int, ...] = (6,), **more: Any) -> "Near":
        """A target that reaches what listens."""
        return cls(served.url, channel, others, token, app=served.app, **more)

    def tls(self) -> ssl.SSLContext:
        return NOBODY

    @contextmanager
    def stream(self, client: httpx.Client, method: str, url: str, **options: Any) -> Iterator[httpx.Response]:
        headers = [("Accept-Encoding", CODINGS), *self.headers.items(), *options.pop("headers", ())]
        request = httpx.Request(method, url, headers=headers, **options)
        with self._lock:
            response = _answer(self.app, request)
        with closing(response):
            yield response


def _answer(app: ASGIApp, request: httpx.Request) -> httpx.Response:
    connection = _Connection()
    body = request.read()
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        sent.append(message)

    url = request.url
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1),
        "server": (url.host, url.port),
        "extensions": {EXTENSION: connection},
    }
    _complete(app(scope, receive, send))
    if connection.broke:
        raise httpx.RemoteProtocolError(connection.broke, request=request)
    start, *parts = sent
    content = b"".join(part.get("body", b"") for part in parts)
    return httpx.Response(start["status"], headers=start["headers"], stream=httpx.ByteStream(content), request=request)


@define
class _Connection:
    """The connection, as an application sees it."""

    broke: str = ""

    def write(self, data: bytes) -> None:
        """Nothing: httpx does not read on where an answer ends."""

    def reset(self) -> None:
        self.broke = "Connection reset by peer"

    def close(self) -> None:
        self.broke = "Server disconnected without sending a whole response"


def _complete(answering: Awaitable[None]) -> None:
    """Have an application answer, which waits for nobody."""
    for _ in answering.__await__():
        raise AssertionError("the application waits: give a plain Target")
