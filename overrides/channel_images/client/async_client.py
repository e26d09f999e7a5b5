"""The asynchronous client."""

import asyncio
import ssl
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

import httpx

from channel_images.calls.answers import Answer
from channel_images.calls.bodies import aread_bounded
from channel_images.calls.retries import Retries, is_of_package
from channel_images.calls.tokens import SIGN_IN, AsyncTokens, Secret, decode_key
from channel_images.client.base import (
    DEFAULT_CALL_TIMEOUT,
    DEFAULT_MAX_BODY,
    DEFAULT_TIMEOUT,
    ClientOptions,
    Connection,
    FrugalCookies,
    HttpxOptions,
)
from channel_images.client.channel import AsyncChannel
from channel_images.exceptions import ClientUnusable, MalformedResponse, NotAuthenticated
from channel_images.settings import Settings
from channel_images_api.types import Request

if TYPE_CHECKING:
    from channel_images.calls.call import CallRetry

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
        timeout: Seconds to connect, and for each arrival of data; or an `httpx.Timeout`; None for no end.
        call_timeout: Seconds for one request and the whole of its answer; None for no end.
        max_body: Bytes; how long the body of an answer may be, as it comes and as it is decoded. A longer one is a
            `MalformedResponse`.
        retries: How often and for how long a request is sent again; a number is the number of retries.
        rate_limit: Requests a second, over all tasks; None for no limit.
        application: Name and version of what uses this client, such as `my-connector/1.2`, for the User-Agent.
        httpx_options: Any other option of `httpx.AsyncClient`, such as `proxy`, `verify`, `mounts`, `http2` or `transport`.

    Raises:
        ConfigurationError: An argument makes no sense.
    """

    _http: httpx.AsyncClient
    _tokens: AsyncTokens

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        timeout: float | httpx.Timeout | None = DEFAULT_TIMEOUT,
        call_timeout: float | None = DEFAULT_CALL_TIMEOUT,
        max_body: int = DEFAULT_MAX_BODY,
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
            max_body=max_body,
            retries=retries,
            rate_limit=rate_limit,
            application=application,
        )
        import httpx_retries

        from channel_images.calls.call import AsyncAttempts

        self._loop: asyncio.AbstractEventLoop | None = None
        self._tokens = AsyncTokens(self._given_token, self._sign_in)
        self._sender = httpx_retries.RetryTransport(AsyncAttempts(self._attempt), self._retry)
        self._http = _HttpClient(**self._httpx_options(httpx_options))

    @classmethod
    def from_env(cls, **options: Unpack[AsyncClientOptions]) -> Self:
        """A client for the server, with the token or the credentials, that the environment names.

        The variables are those of :class:`channel_images.settings.Settings`, such as `CHANNEL_IMAGES_URL`.

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
        """Close the connections, which ends the calls that wait for them. To close twice does no harm."""
        self._closed = True
        if self._loop is None or self._loop is _running_loop():
            self._retry.close()
            self._retry.wake()
            await self._http.aclose()
        else:
            with suppress(RuntimeError):  # of the loop that the connections belong to, when it is closed
                await self._http.aclose()

    async def __aenter__(self) -> Self:
        self._check_usable()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, request: Request, decode: Callable[[bytes], T], *, after: float = 0.0) -> Answer[T]:
        """Send a request; see `channel_images.calls.sender.AsyncSender`."""
        if after:
            await self._retry.apause(after)
        return await self._call({"method": request.method, "url": request.url}, decode)

    async def _call(self, operation: Mapping[str, Any], decode: Callable[[bytes], T]) -> Answer[T]:
        """Send a request that the generated client describes, with whatever retries it takes.

        Args:
            operation: The method and the URL, as a `Request` of the generated client has them.
            decode: Makes the value of the body of a 200.
        """
        self._check_usable()
        self._check_loop()
        token = await self._tokens.get()
        retry = self._retry.start()  # the sign-in has a budget of its own
        try:
            return await self._send(operation, decode, retry, token)
        except NotAuthenticated:
            if self._credentials is None:
                raise
        return await self._send(operation, decode, retry, await self._tokens.get(refused=token))

    def _check_loop(self) -> None:
        """Refuse a second event loop: the connections, and the lock for the token, belong to the first."""
        loop = _running_loop()
        if loop is None:
            raise ClientUnusable(
                f"{type(self).__name__} needs asyncio: it was used without a running event loop of that"
            )
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise ClientUnusable(
                f"this {type(self).__name__} was used in another event loop: make one inside each asyncio.run()"
            )

    async def _sign_in(self) -> Secret:
        return (await self._send(SIGN_IN, decode_key, self._retry.start(), None)).value

    async def _send(
        self, operation: Mapping[str, Any], decode: Callable[[bytes], T], retry: "CallRetry", token: Secret | None
    ) -> Answer[T]:
        request = self._build_request(operation, token, retry, decode)
        try:
            response = await self._sender.handle_async_request(request)
        except Exception as error:  # noqa: BLE001 - raised again, as ours where it is httpx's
            response = self._given_up(error, request, retry)
        return self._answer(response, retry)

    async def _attempt(self, request: httpx.Request) -> httpx.Response:
        """Send a request once, follow what may be followed, and read the answer."""
        hops = 0
        while True:
            response = await self._exchange(request)
            redirected = self._redirected(response, request, hops)
            if redirected is None:
                self._decode(response, request.extensions["decode"])
                return response
            request, hops = redirected, hops + 1

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        retry: CallRetry = request.extensions["retry"]
        if self._rate is not None:
            await retry.aawait_turn(self._rate)
        self._check_usable()
        started = time.perf_counter()
        try:
            response = await self._transfer(request, retry.seconds_for(self._call_timeout))
        except Exception as error:
            self._clean_chain(error)
            self._log(request, error, started)
            self._check_usable()  # what fails because the client was closed meanwhile is that
            raise
        self._log(request, response, started)
        return response

    async def _transfer(self, request: httpx.Request, seconds: float) -> httpx.Response:
        response, failure = None, None
        try:
            response = await _bounded(partial(self._receive, request), seconds)
        except MalformedResponse as error:
            return self._unread(error)
        except Exception as error:
            from channel_images.calls.deadlines import sort_out_http2

            failure = sort_out_http2(_as_httpx(error, request), request, self._http)
            if failure is error:
                raise
        if failure is not None:
            raise failure  # here, where it does not refer to the other one, which may show the token
        if response is None:
            raise self._too_late(request, seconds)
        return response

    async def _receive(self, request: httpx.Request) -> httpx.Response:
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            most, option = self._room_for(response)
            await aread_bounded(response, most, option=option)
        except BaseException:
            await response.aclose()
            raise
        return response


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _as_httpx(error: Exception, request: httpx.Request) -> Exception:
    """The error that httpx has for what a transport lets through, or calls a timeout and is none."""
    import anyio

    # httpcore lets those of TLS through that come after the handshake, and over HTTP/2 those of writing.
    if isinstance(error, ssl.SSLError | anyio.EndOfStream | anyio.ClosedResourceError | anyio.BrokenResourceError):
        failure: httpx.RequestError = httpx.ReadError(str(error) or "the connection was closed", request=request)
        failure.__cause__ = error
        return failure
    inner = (error.__cause__ or error.__context__) if isinstance(error, httpx.RequestError) else error
    if inner is not None and is_of_package(inner, "aiohttp"):
        return _as_httpx_of_aiohttp(error, inner, request)
    if isinstance(error, httpx.TimeoutException) and isinstance(inner, OSError) and not isinstance(inner, TimeoutError):
        failure = httpx.ConnectError(str(inner), request=request)
        failure.__cause__ = inner
        return failure
    return error


def _as_httpx_of_aiohttp(error: Exception, inner: BaseException, request: httpx.Request) -> httpx.RequestError:
    """The same for aiohttp. Its errors are left behind: they hold the request, or the password of a proxy."""
    status = getattr(inner, "status", None)
    if status is not None:  # of an answer that cannot be read, whose text has a URL
        text = f"{status}, {getattr(inner, 'message', '')}"
        kind: type[httpx.RequestError] = httpx.RemoteProtocolError
    else:
        text = str(inner) or type(inner).__name__
        kind = httpx.ReadError
    reason = getattr(inner, "os_error", None) or getattr(inner, "certificate_error", None)
    if isinstance(reason, OSError | ValueError):
        kind = httpx.ConnectError
    elif isinstance(inner, TimeoutError):
        kind = type(error) if isinstance(error, httpx.TimeoutException) else httpx.ReadTimeout
    elif isinstance(error, httpx.RequestError) and not isinstance(error, httpx.TimeoutException):
        kind = type(error)
    failure = kind(" ".join(text.split()), request=request)
    failure.__cause__ = reason
    return failure


async def _bounded(send: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T | None:
    """What `send` returns; None where it takes longer.

    httpcore gives connections back behind the shields of anyio, which hold against a scope of anyio, and not against the
    cancellation of a task, nor against `asyncio.timeout`, which is that: the pool would then hold connections for ever
    that nobody uses. So it has a task of its own, and what cancels it is a scope.
    """
    import anyio

    scope = anyio.CancelScope(deadline=anyio.current_time() + seconds)

    async def send_in_scope() -> T | None:
        with scope:
            return await send()
        return None

    task = asyncio.create_task(send_in_scope())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        scope.cancel()
        while not task.done():
            with suppress(asyncio.CancelledError):  # once more: it ends soon
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # nobody asks for it any more
        raise


class _HttpClient(httpx.AsyncClient):
    @property  # type: ignore[misc]  # nobody sets them: they come with the options
    def cookies(self) -> httpx.Cookies:
        return FrugalCookies(super().cookies.jar)

    def _build_redirect_request(self, request: httpx.Request, response: httpx.Response) -> httpx.Request:
        return request  # as in the synchronous client
