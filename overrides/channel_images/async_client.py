"""The asynchronous client."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx
import httpx_retries

from channel_images.answers import Answer
from channel_images.auth import AsyncTokens, Secret, decode_key
from channel_images.channel import AsyncChannel
from channel_images.config import Settings
from channel_images.connection import (
    DEFAULT_CALL_TIMEOUT,
    DEFAULT_TIMEOUT,
    CallTimeout,
    ClientOptions,
    Connection,
    HttpxOptions,
)
from channel_images.exceptions import NotAuthenticated
from channel_images.retries import CallRetry, GivenUp, Retries
from channel_images_api.errors import MalformedBody

T = TypeVar("T")


class AsyncHttpxOptions(HttpxOptions, total=False):
    """Options for `httpx.AsyncClient`."""

    transport: httpx.AsyncBaseTransport
    mounts: Mapping[str, httpx.AsyncBaseTransport | None]


class AsyncClientOptions(ClientOptions, AsyncHttpxOptions, total=False):
    """The options of `AsyncChannelImages`, but for the server and the token."""


class AsyncChannelImages(Connection):
    """A client for the API, for asyncio. Tasks may share it; a process that forks makes its own.

    Leave it with `async with`, or close it::

        async with AsyncChannelImages("https://host", token="...") as api:
            async for image in api.channel(5).images():
                print(image.pk)

    Failed requests are sent again as :class:`Retries` says. `logging` under `channel_images` has a line for each retry
    (INFO) and each request (DEBUG).

    Args:
        base_url: Where the paths of the contract begin, such as `https://host` or `https://host/prefix`.
        token: The API token.
        username: Sign in for a token at the first request, and again when the server refuses it.
        password: The password to sign in with.
        timeout: Seconds to connect, and for each arrival of data; or an `httpx.Timeout`.
        call_timeout: Seconds for one request and the whole of its answer.
        retries: How often and for how long a request is sent again; a number is the number of retries.
        rate_limit: Requests a second, over all tasks; None for no limit.
        application: Name and version of what uses this client, such as `my-connector/1.2`, for the User-Agent.
        httpx_options: Any other option of `httpx.AsyncClient`, such as `proxy`, `verify`, `mounts`, `http2` or `transport`.

    Raises:
        ConfigurationError: An argument makes no sense.
    """

    _http: httpx.AsyncClient

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        call_timeout: float = DEFAULT_CALL_TIMEOUT,
        retries: Retries | int = Retries(),  # noqa: B008 - frozen
        rate_limit: float | None = None,
        application: str | None = None,
        **httpx_options: Unpack[AsyncHttpxOptions],
    ) -> None:
        super().__init__(
            base_url,
            token=token,
            username=username,
            password=password,
            timeout=timeout,
            call_timeout=call_timeout,
            retries=retries,
            rate_limit=rate_limit,
            application=application,
        )
        self._http = httpx.AsyncClient(**self._httpx_options(httpx_options))
        self._tokens = AsyncTokens(self._given_token, self._sign_in)
        self._sender = httpx_retries.RetryTransport(_Attempts(self._attempt), self._retry)

    @classmethod
    def from_env(cls, **options: Unpack[AsyncClientOptions]) -> Self:
        """A client for the server, with the token or the credentials, that the environment names.

        The variables are those of :class:`channel_images.config.Settings`, such as `CHANNEL_IMAGES_URL`.

        Args:
            options: As for the class.

        Raises:
            ConfigurationError: A variable is missing.
        """
        settings = Settings.from_env()
        return cls(
            settings.url, token=settings.token, username=settings.username, password=settings.password, **options
        )

    def channel(self, channel_id: int) -> AsyncChannel:
        """The operations of a channel. Nothing is sent.

        Args:
            channel_id: The number of the channel.
        """
        return AsyncChannel(self, channel_id)

    async def close(self) -> None:
        """Close the connections. To close twice does no harm."""
        self._closed = True
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        self._check_usable()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _call(self, operation: Mapping[str, Any], decode: Callable[[bytes], T]) -> Answer[T]:
        """Send a request that the generated client describes, with whatever retries it takes.

        Args:
            operation: What a `_get_kwargs` of the generated client returned.
            decode: Makes the value of the body of a 200.
        """
        self._check_usable()
        retry = self._retry.start()
        token = await self._tokens.get()
        try:
            return await self._send(operation, decode, retry, token)
        except NotAuthenticated:
            if self._credentials is None:
                raise
        return await self._send(operation, decode, retry, await self._tokens.get(refused=token))

    async def _sign_in(self) -> Secret:
        operation = self._sign_in_request()
        return (await self._send(operation, decode_key, self._retry.start(), None)).value

    async def _send(
        self, operation: Mapping[str, Any], decode: Callable[[bytes], T], retry: CallRetry, token: Secret | None
    ) -> Answer[T]:
        request = self._build_request(operation, token, retry=retry, decode=decode)
        try:
            response = await self._sender.handle_async_request(request)
        except GivenUp as given_up:
            if not isinstance(given_up.failure, httpx.Response):
                raise self._failure(given_up.failure, request, retry) from given_up.failure
            response = given_up.failure
        except (httpx.HTTPError, MalformedBody) as error:
            raise self._failure(error, request, retry) from error
        return self._answer(response, retry)

    async def _attempt(self, request: httpx.Request) -> httpx.Response:
        """Send a request once, follow what may be followed, and read the answer."""
        if self._rate is not None:
            await asyncio.sleep(self._rate.reserve())
        started = time.perf_counter()
        hops = 0
        while True:
            try:
                async with asyncio.timeout(self._call_timeout):
                    response = await self._http.send(request, follow_redirects=False)
            except TimeoutError:
                late = CallTimeout("the answer keeps coming", request=request)
                self._log(request, late, started)
                raise late from None
            except httpx.HTTPError as error:
                self._log(request, error, started)
                raise
            self._log(request, response, started)
            redirected = self._redirected(response, request, hops)
            if redirected is None:
                break
            request, hops = redirected, hops + 1
        self._decode(response, request.extensions["decode"])
        return response


class _Attempts(httpx.AsyncBaseTransport):
    """What httpx-retries repeats: a whole attempt, with the proxies, mounts and hooks of the client."""

    def __init__(self, attempt: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> None:
        self._attempt = attempt

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._attempt(request)
