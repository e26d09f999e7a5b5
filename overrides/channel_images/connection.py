"""What both clients share: their settings, the requests they send, and what they make of the answers."""

import logging
import os
import ssl
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any, NoReturn, TypedDict, TypeVar
from urllib.parse import urlencode

import httpx

from channel_images.answers import Answer
from channel_images.auth import SIGN_IN_PATH, Secret, token_secret
from channel_images.exceptions import (
    ClientUnusable,
    ConfigurationError,
    ConnectionFailed,
    MalformedResponse,
    Timeout,
    status_error,
)
from channel_images.retries import CallRetry, RateLimit, Retries, describe
from channel_images_api.errors import MalformedBody

T = TypeVar("T")
logger = logging.getLogger("channel_images")

DEFAULT_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Seconds: to connect, and for each arrival of data."""
DEFAULT_CALL_TIMEOUT = 120.0
"""Seconds for one request and the whole of its answer."""
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


class InsecureConnectionWarning(UserWarning):
    """The token travels in plain text."""


class HttpxOptions(TypedDict, total=False):
    """Options for httpx that both clients pass on as they are."""

    headers: Mapping[str, str] | Sequence[tuple[str, str]]
    cookies: Mapping[str, str]
    params: Mapping[str, str]
    verify: ssl.SSLContext | str | bool
    cert: str | tuple[str, str] | tuple[str, str, str]
    trust_env: bool
    http1: bool
    http2: bool
    proxy: httpx.URL | str | httpx.Proxy
    limits: httpx.Limits
    event_hooks: Mapping[str, list[Callable[..., Any]]]
    default_encoding: str | Callable[[bytes], str]


class ClientOptions(TypedDict, total=False):
    """The options of both clients that are our own."""

    timeout: float | httpx.Timeout
    call_timeout: float
    retries: Retries | int
    rate_limit: float | None
    application: str | None


class Connection:
    """A server, and how it is spoken to. The subclasses send."""

    _http: httpx.Client | httpx.AsyncClient
    _closed = False  # also for a client whose making failed

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None,
        username: str | None,
        password: str | None,
        timeout: float | httpx.Timeout,
        call_timeout: float,
        retries: Retries | int,
        rate_limit: float | None,
        application: str | None,
    ) -> None:
        self._base_url = _checked_url(base_url)
        if token is not None and (username is not None or password is not None):
            raise ConfigurationError("token= and username=/password= contradict each other: give one or the other")
        if token is None and (not username or not password):
            raise ConfigurationError("give token=, or both username= and password= to sign in")
        self._given_token = None if token is None else token_secret(token)
        self._credentials = None if token is not None else (Secret(username or ""), Secret(password or ""))
        self._timeout = httpx.Timeout(timeout)
        self._timeouts = self._timeout.as_dict()
        self._call_timeout = call_timeout
        if isinstance(retries, int):
            retries = Retries(attempts=retries)
        self._retry = CallRetry(retries)
        if rate_limit is not None and rate_limit <= 0:
            raise ConfigurationError(f"rate_limit is requests per second, and more than 0: {rate_limit}")
        self._rate = None if rate_limit is None else RateLimit(rate_limit)
        self._user_agent = " ".join(
            filter(
                None, (application, f"channel-images/{version('channel-images')}", f"python-httpx/{httpx.__version__}")
            )
        )
        self._process = os.getpid()

    @property
    def base_url(self) -> str:
        """Where the paths of the contract begin, without a closing slash."""
        return self._base_url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._base_url}{' closed' if self._closed else ''}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} is not pickled: it holds connections and a token. "
            f"Make one in each process, with {type(self).__name__}.from_env(), say"
        )

    def _httpx_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if ours := sorted({"auth", "base_url", "follow_redirects"}.intersection(given)):
            raise ConfigurationError(f"{', '.join(ours)} cannot be given: the client sees to it")
        headers = httpx.Headers(given.get("headers"))
        headers.setdefault("User-Agent", self._user_agent)
        return {**given, "headers": headers, "timeout": self._timeout}

    def _sign_in_request(self) -> dict[str, Any]:
        username, password = self._credentials or (Secret(""), Secret(""))
        body = {"username": username.reveal(), "password": password.reveal()}
        return {"method": "post", "url": SIGN_IN_PATH, "json": body}

    def _check_usable(self) -> None:
        if self._closed:
            raise ClientUnusable(f"this {type(self).__name__} is closed: make another one, or leave its `with` later")
        if os.getpid() != self._process:
            raise ClientUnusable(
                f"this {type(self).__name__} was made in another process, {self._process}: after a fork, make one anew"
            )

    def _build_request(self, operation: Mapping[str, Any], token: Secret | None, **extensions: Any) -> httpx.Request:
        """The request for what a `_get_kwargs` of the generated client returned."""
        url = self._base_url + operation["url"]
        if query := operation.get("params"):
            url = f"{url}?{urlencode(query)}"
        extensions["timeout"] = self._timeouts
        http = self._http
        # The short way saves httpx's merging of URLs, headers and cookies, a third of the time of a request.
        plain = not http.cookies.jar and not http.params
        request = (httpx.Request if plain else http.build_request)(
            operation["method"].upper(), url, headers=http.headers, json=operation.get("json"), extensions=extensions
        )
        if token is not None:
            request.headers["Authorization"] = f"Token {token.reveal()}"
        return request

    def _redirected(self, response: httpx.Response, request: httpx.Request, hops: int) -> httpx.Request | None:
        """The request that a redirect within the origin asks for; None for an answer that is no such redirect."""
        location = response.headers.get("location")
        if response.status_code not in _REDIRECTS or not location or hops >= _MAX_REDIRECTS or request.method != "GET":
            return None
        target = request.url.join(location)
        if _origin(target) != _origin(request.url):
            return None
        return httpx.Request("GET", target, headers=request.headers, extensions=request.extensions)

    def _log(self, request: httpx.Request, outcome: httpx.Response | Exception, started: float) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            milliseconds = (time.perf_counter() - started) * 1_000
            logger.debug("%s %s: %s, in %.1f ms", request.method, request.url, describe(outcome), milliseconds)

    def _decode(self, response: httpx.Response, decode: Callable[[bytes], T]) -> None:
        """Put the value of a 200 beside it.

        Raises:
            MalformedBody: The body is not what the contract says.
        """
        if response.status_code == 200:
            try:
                response.extensions["value"] = decode(response.content)
            except MalformedBody as error:
                error.set_response(response)
                raise

    def _answer(self, response: httpx.Response, retry: CallRetry) -> Answer[Any]:
        """What the last attempt came to, for the caller."""
        _scrub(response.request)
        if response.status_code == 200 and "value" in response.extensions:
            return Answer(response.extensions.pop("value"), response, retry.attempts_made)
        raise status_error(response, retries=retry.attempts_made, hint=self._hint(response))

    def _hint(self, response: httpx.Response) -> str:
        if response.status_code == 401:
            return "" if self._credentials else "The token is wrong or has expired"
        if response.status_code in _REDIRECTS:
            location = response.headers.get("location", "")
            try:
                target = response.request.url.join(location)
            except httpx.InvalidURL:
                return "It redirects to what is no URL"
            if _origin(target) != _origin(response.request.url):
                return f"It redirects to {_shown(target)}, another origin, which is not followed: the token stays here"
            return "It redirects without end"
        if response.status_code == 404 and "json" not in response.headers.get("content-type", ""):
            return f"Is {self._base_url} the base URL of the API?"
        return ""

    def _failure(self, error: Exception, request: httpx.Request, retry: CallRetry) -> Exception:
        """The error of ours for one of httpx or of the generated client."""
        _scrub(request)
        retries = retry.attempts_made
        after = f" (after {retries} {'retry' if retries == 1 else 'retries'})" if retries else ""
        url = _shown(request.url)
        if isinstance(error, MalformedBody):
            response = error.response
            if response is None:
                return MalformedResponse(f"{error}{after}", path=error.path, value=error.value, retries=retries)
            _scrub(response.request)
            hint = _looks_like_html(response) and f". An HTML page came: is {self._base_url} the base URL of the API?"
            return MalformedResponse(
                f"{error}{after}{hint or ''}", path=error.path, value=error.value, response=response, retries=retries
            )
        if isinstance(error, httpx.TimeoutException):
            kind, wait = self._waited(error)
            return Timeout(
                f"{request.method} {url}: {kind} took longer than {wait:g} s{after}; "
                f"a longer {'call_timeout' if kind == 'the whole answer' else 'timeout'}= may help",
                url=url,
                retries=retries,
            )
        return ConnectionFailed(f"{request.method} {url}: {describe_failure(error)}{after}", url=url, retries=retries)

    def _waited(self, error: httpx.TimeoutException) -> tuple[str, float]:
        if isinstance(error, CallTimeout):
            return "the whole answer", self._call_timeout
        if isinstance(error, httpx.ConnectTimeout):
            return "connecting", self._timeout.connect or 0
        if isinstance(error, httpx.PoolTimeout):
            return "waiting for a free connection", self._timeout.pool or 0
        if isinstance(error, httpx.WriteTimeout):
            return "sending", self._timeout.write or 0
        return "the answer", self._timeout.read or 0


class CallTimeout(httpx.ReadTimeout):
    """The answer keeps coming, and took too long as a whole."""


def describe_failure(error: BaseException) -> str:
    """Why there was no answer, in words that a person can act on."""
    text = str(error) or type(error).__name__
    if "Name or service not known" in text or "nodename nor servname" in text or "getaddrinfo failed" in text:
        return f"there is no such host ({text})"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"the server's certificate does not verify: {text}"
    return text


def _checked_url(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError) as error:
        raise ConfigurationError(f"the base URL is no URL: {error}") from None
    if url.userinfo:
        raise ConfigurationError("the base URL holds a user name or a password: give username= and password= instead")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(f"the base URL begins with https:// and a host, or http://: {base_url!r}")
    if url.query or url.fragment:
        raise ConfigurationError(f"the base URL ends with the path, without ? or #: {base_url!r}")
    if url.scheme == "http" and not _is_loopback(url.host):
        warnings.warn(
            f"the token for {url.host} travels in plain text: use https://", InsecureConnectionWarning, stacklevel=4
        )
    return str(url).rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port  # httpx leaves out a port that is the scheme's own


def _shown(url: httpx.URL) -> str:
    return str(url.copy_with(userinfo=b""))


def _looks_like_html(response: httpx.Response) -> bool:
    return "html" in response.headers.get("content-type", "") or response.content[:64].lstrip()[:1] == b"<"


def _scrub(request: httpx.Request) -> None:
    """Take the token out of what an answer or an error keeps."""
    request.headers.pop("Authorization", None)
    for extension in ("retry", "decode"):
        request.extensions.pop(extension, None)
