"""Carries requests of httpx clients to the mock without a socket between them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
from attrs import frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channel_images.mock.http.protocol import EXTENSION


class MockTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An httpx transport, for `httpx.Client` and `httpx.AsyncClient` alike.

    Asynchronous requests are answered in the caller's event loop, the others in the mock's own. Faults of the connection
    are the errors that httpx raises for them over a socket. Of the timeouts only that for reading counts, and it covers
    an answer as a whole: without a socket, nothing arrives in pieces.
    """

    def __init__(self, app: ASGIApp, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._loop = loop
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop()).result()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._answer(request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        """The whole answer in memory: what an event loop streams, a synchronous client cannot read."""
        wire = _Wire(self._app)
        transport = httpx.ASGITransport(wire, raise_app_exceptions=False)
        try:
            async with asyncio.timeout(request.extensions.get("timeout", {}).get("read")):
                response = await transport.handle_async_request(request)
        except TimeoutError:
            raise httpx.ReadTimeout("the mock took longer than the timeout for reading", request=request) from None
        if wire.broken and not wire.began:
            raise wire.broken
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - so says the transport
        body = b"".join([part async for part in response.stream])
        return httpx.Response(response.status_code, headers=response.headers, stream=_Body(body, wire.broken))


class _Wire:
    """One request's way to the application and back: a connection that can break."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.began = False
        self.broken: httpx.TransportError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            self.began = True
            await send(message)

        await self._app({**scope, "extensions": {EXTENSION: self}}, receive, note)
        if self.broken:
            # httpx insists on a complete answer, broken connection or not.
            if not self.began:
                await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body"})

    def write(self, data: bytes) -> None:
        """Nothing: httpx does not read on where an answer ends, over a socket either."""

    def reset(self) -> None:
        self.broken = httpx.ReadError("Connection reset by peer")

    def close(self) -> None:
        self.broken = httpx.RemoteProtocolError("peer closed connection without sending complete message body")


@frozen(eq=False)
class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that may end in an error."""

    _body: bytes
    _broken: httpx.TransportError | None

    def __iter__(self) -> Iterator[bytes]:
        yield self._body
        if self._broken:
            raise self._broken

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part
