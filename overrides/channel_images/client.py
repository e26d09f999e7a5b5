"""The synchronous client."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

import httpx

from channel_images.answers import Answer
from channel_images.auth import SIGN_IN, Secret, Tokens, decode_key
from channel_images.channel import Channel
from channel_images.config import Settings
from channel_images.connection import (
    DEFAULT_CALL_TIMEOUT,
    DEFAULT_TIMEOUT,
    CallTimeout,
    ClientOptions,
    Connection,
    FrugalCookies,
    HttpxOptions,
    release_stream,
)
from channel_images.exceptions import NotAuthenticated
from channel_images.retries import Retries

if TYPE_CHECKING:
    from channel_images.sending import CallRetry

T = TypeVar("T")

_ABANDONED = "nobody waits for the answer any more"


class SyncHttpxOptions(HttpxOptions, total=False):
    """Options for `httpx.Client`."""

    transport: httpx.BaseTransport
    mounts: Mapping[str, httpx.BaseTransport | None]


class SyncClientOptions(ClientOptions, SyncHttpxOptions, total=False):
    """The options of `ChannelImages`, but for the server and the token."""


class ChannelImages(Connection):
    """A client for the API. Threads may share it; a process that forks makes its own.

    Leave it with `with`, or close it::

        with ChannelImages("https://host", token="...") as api:
            for image in api.channel(5).images():
                print(image.pk)

    Failed requests are sent again as :class:`Retries` says. `logging` under `channel_images` has a line for each retry
    (INFO) and each request (DEBUG).

    Args:
        base_url: Where the paths of the contract begin, such as `https://host` or `https://host/prefix`.
        token: The API token.
        username: Sign in for a token at the first request, and again when the server refuses it.
        password: The password to sign in with.
        timeout: Seconds to connect, and for each arrival of data; or an `httpx.Timeout`; None for no end.
        call_timeout: Seconds for one request and the whole of its answer, as of when data arrives; None for no end.
        retries: How often and for how long a request is sent again; a number is the number of retries.
        rate_limit: Requests a second, over all threads; None for no limit.
        application: Name and version of what uses this client, such as `my-connector/1.2`, for the User-Agent.
        httpx_options: Any other option of `httpx.Client`, such as `proxy`, `verify`, `mounts`, `http2` or `transport`.

    Raises:
        ConfigurationError: An argument makes no sense.
    """

    _http: httpx.Client
    _tokens: Tokens

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        timeout: float | httpx.Timeout | None = DEFAULT_TIMEOUT,
        call_timeout: float | None = DEFAULT_CALL_TIMEOUT,
        retries: Retries | int = Retries(),  # noqa: B008 - frozen
        rate_limit: float | None = None,
        application: str | None = None,
        **httpx_options: Unpack[SyncHttpxOptions],
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
        import httpx_retries

        from channel_images.sending import Attempts

        self._tokens = Tokens(self._given_token, self._sign_in)
        self._sender = httpx_retries.RetryTransport(Attempts(self._attempt), self._retry)
        self._http = _HttpClient(**self._httpx_options(httpx_options))

    @classmethod
    def from_env(cls, **options: Unpack[SyncClientOptions]) -> Self:
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

    def channel(self, channel_id: int) -> Channel:
        """The operations of a channel. Nothing is sent.

        Args:
            channel_id: The number of the channel.
        """
        return Channel(self, channel_id)

    def close(self) -> None:
        """Close the connections. To close twice does no harm."""
        self._closed = True
        self._http.close()

    def __enter__(self) -> Self:
        self._check_usable()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _call(
        self, operation: Mapping[str, Any], decode: Callable[[bytes], T], *, stop: threading.Event | None = None
    ) -> Answer[T]:
        """Send a request that the generated client describes, with whatever retries it takes.

        Args:
            operation: What a `_get_kwargs` of the generated client returned.
            decode: Makes the value of the body of a 200.
            stop: Ends the waits before retries.
        """
        self._check_usable()
        retry = self._retry.start(stop)
        token = self._tokens.get(stop=stop)
        try:
            return self._send(operation, decode, retry, token)
        except NotAuthenticated:
            if self._credentials is None:
                raise
        return self._send(operation, decode, retry, self._tokens.get(refused=token, stop=stop))

    def _sign_in(self, stop: threading.Event | None) -> Secret:
        return self._send(SIGN_IN, decode_key, self._retry.start(stop), None).value

    def _send(
        self, operation: Mapping[str, Any], decode: Callable[[bytes], T], retry: "CallRetry", token: Secret | None
    ) -> Answer[T]:
        request = self._build_request(operation, token, retry, decode)
        try:
            response = self._sender.handle_request(request)
        except Exception as error:  # noqa: BLE001 - raised again, as ours where it is httpx's
            response = self._given_up(error, request, retry)
        return self._answer(response, retry)

    def _attempt(self, request: httpx.Request) -> httpx.Response:
        """Send a request once, follow what may be followed, and read the answer."""
        hops = 0
        while True:
            response = self._exchange(request)
            redirected = self._redirected(response, request, hops)
            if redirected is None:
                self._decode(response, request.extensions["decode"])
                return response
            request, hops = redirected, hops + 1

    def _exchange(self, request: httpx.Request) -> httpx.Response:
        retry: CallRetry = request.extensions["retry"]
        if self._rate is not None:
            retry.pause(self._rate.reserve())
        self._check_usable()
        if retry.is_abandoned:
            raise httpx.ReadError(_ABANDONED, request=request)
        started = time.perf_counter()
        deadline = time.monotonic() + self._call_timeout
        try:
            response = self._http.send(request, stream=True, follow_redirects=False)
            try:
                response.stream = _BoundedStream(response.stream, deadline, retry)
                release_stream(response, response.read())
            except BaseException:
                response.close()
                raise
        except Exception as error:
            self._log(request, error, started)
            self._check_usable()  # what fails because the client was closed meanwhile is that
            raise
        self._log(request, response, started)
        return response


class _HttpClient(httpx.Client):
    @property  # type: ignore[misc]  # nobody sets them: they come with the options
    def cookies(self) -> httpx.Cookies:
        return FrugalCookies(super().cookies.jar)


class _BoundedStream(httpx.SyncByteStream):
    """A body that ends with an error when it takes too long, or when nobody waits for it any more."""

    def __init__(
        self, stream: httpx.SyncByteStream | httpx.AsyncByteStream, deadline: float, retry: "CallRetry"
    ) -> None:
        assert isinstance(stream, httpx.SyncByteStream)  # noqa: S101 - what a synchronous client gives
        self._stream = stream
        self._deadline = deadline
        self._retry = retry

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            yield chunk
            if time.monotonic() > self._deadline:
                raise CallTimeout("the answer keeps coming")
            if self._retry.is_abandoned:
                raise httpx.ReadError(_ABANDONED)

    def close(self) -> None:
        self._stream.close()
