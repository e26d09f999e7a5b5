"""The mock for httpx clients without a socket between them."""

import asyncio
from collections.abc import Callable

import httpx
from starlette.types import ASGIApp


class MockTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """An httpx transport, for ``httpx.Client`` and ``httpx.AsyncClient`` alike.

    Asynchronous requests are answered in the caller's event loop, the others in the mock's own.
    """

    def __init__(self, app: ASGIApp, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._loop = loop
        self._asgi = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop()).result()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._asgi.handle_async_request(request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        """The whole answer in memory: what an event loop streams, a synchronous client cannot read."""
        response = await self._asgi.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - so says the transport
        body = b"".join([part async for part in response.stream])
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(body))
