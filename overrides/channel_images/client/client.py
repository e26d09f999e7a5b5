"""The synchronous client."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack

import httpx

from channel_images.calls.answers import Answer
from channel_images.calls.bodies import read_bounded
from channel_images.calls.retries import ABANDONED, Retries
from channel_images.calls.tokens import SIGN_IN, Secret, Tokens, decode_key
from channel_images.client.base import (
    DEFAULT_CALL_TIMEOUT,
    DEFAULT_MAX_BODY,
    DEFAULT_TIMEOUT,
    CallTimeout,
    ClientOptions,
    Connection,
    FrugalCookies,
    HttpxOptions,
)
from channel_images.client.channel import Channel
from channel_images.exceptions import MalformedResponse, NotAuthenticated
from channel_images.settings import Settings
from channel_images_api.types import Request

if TYPE_CHECKING:
    from channel_images.calls.call import CallRetry
    from channel_images.calls.deadlines import Call

T = TypeVar("T")


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
        call_timeout: Seconds for one request and the whole of its answer; None for no end.
        max_body: Bytes; how long the body of an answer may be, as it comes and as it is decoded. A longer one is a
            `MalformedResponse`.
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
        max_body: int = DEFAULT_MAX_BODY,
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
            max_body=max_body,
            retries=retries,
            rate_limit=rate_limit,
            application=application,
        )
        import httpx_retries

        from channel_images.calls.call import Attempts
        from channel_images.calls.deadlines import bound

        self._tokens = Tokens(self._given_token, self._sign_in)
        self._sender = httpx_retries.RetryTransport(Attempts(self._attempt), self._retry)
        self._http = _HttpClient(**self._httpx_options(httpx_options))
        bound(self._http)

    @classmethod
    def from_env(cls, **options: Unpack[SyncClientOptions]) -> Self:
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

    def channel(self, channel_id: int) -> Channel:
        """The operations of a channel. Nothing is sent.

        Args:
            channel_id: The number of the channel.
        """
        return Channel(self, channel_id)

    def close(self) -> None:
        """Close the connections, which ends the calls that wait for them. To close twice does no harm."""
        self._closed = True
        if os.getpid() == self._process:  # else locks may be held by threads that are not here
            self._retry.close()
        self._http.close()

    def __enter__(self) -> Self:
        self._check_usable()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def send(
        self,
        request: Request,
        decode: Callable[[bytes], T],
        *,
        after: float = 0.0,
        cancel: threading.Event | None = None,
    ) -> Answer[T]:
        """Send a request; see `channel_images.calls.sender.Sender`."""
        if after:
            self._retry.start(cancel).pause(after)
        return self._call({"method": request.method, "url": request.url}, decode, stop=cancel)

    def _call(
        self, operation: Mapping[str, Any], decode: Callable[[bytes], T], *, stop: threading.Event | None = None
    ) -> Answer[T]:
        """Send a request that the generated client describes, with whatever retries it takes.

        Args:
            operation: The method and the URL, as a `Request` of the generated client has them.
            decode: Makes the value of the body of a 200.
            stop: Ends the waits before retries, and where it is a `Stop` those for the network.
        """
        self._check_usable()
        token = self._tokens.get(stop=stop)
        retry = self._retry.start(stop)  # the sign-in has a budget of its own
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
            retry.await_turn(self._rate)
        self._check_usable()
        if retry.is_abandoned:
            raise httpx.ReadError(ABANDONED, request=request)
        started = time.perf_counter()
        seconds = retry.seconds_for(self._call_timeout)
        call = retry.bounded(seconds)
        try:
            with call:
                response = self._transfer(request, call)
        except Exception as error:
            failure = self._failed(error, request, call, seconds)
            self._clean_chain(failure)
            self._log(request, failure, started)
            self._check_usable()  # what fails because the client was closed meanwhile is that
            if failure is error:
                raise
            raise failure from error
        self._log(request, response, started)
        return response

    def _transfer(self, request: httpx.Request, call: "Call") -> httpx.Response:
        response = self._http.send(request, stream=True, follow_redirects=False)
        try:
            most, option = self._room_for(response)
            read_bounded(response, most, check=partial(_check, call), option=option)
        except MalformedResponse as error:
            response.close()
            return self._unread(error)
        except BaseException:
            response.close()
            raise
        return response

    def _failed(self, error: Exception, request: httpx.Request, call: "Call", seconds: float) -> Exception:
        """The error of an attempt, as it is for the retries and the caller."""
        from channel_images.calls.deadlines import TOO_LATE, sort_out_http2

        if isinstance(error, httpx.TimeoutException):
            if call.is_late:
                return self._too_late(request, seconds)
            if str(error) == TOO_LATE:
                return httpx.ReadError("another request, which took too long, ended the connection", request=request)
        return sort_out_http2(error, request, self._http)


class _HttpClient(httpx.Client):
    @property  # type: ignore[misc]  # nobody sets them: they come with the options
    def cookies(self) -> httpx.Cookies:
        return FrugalCookies(super().cookies.jar)

    def _build_redirect_request(self, request: httpx.Request, response: httpx.Response) -> httpx.Request:
        return request  # nobody reads it, and for many a `Location` that is no URL httpx fails, in ways of many kinds


def _check(call: "Call") -> None:
    """End the reading of a body that takes too long, or that nobody waits for any more.

    It is for transports that are not httpx's own, for HTTP/2, and for what decoding takes.
    """
    if call.is_late:
        raise CallTimeout("the answer keeps coming")
    if call.is_abandoned:
        raise httpx.ReadError(ABANDONED)
