"""What both clients share: their settings, the requests they send, and what they make of the answers."""

import json
import logging
import math
import os
import ssl
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, TypeVar
from urllib.parse import quote

import httpx

from channel_images.answers import Answer
from channel_images.auth import (
    SIGN_IN,
    AsyncTokens,
    Secret,
    Tokens,
    credential_secret,
    decode_key,
    fits_header,
    hide,
    hide_in_bytes,
    token_secret,
)
from channel_images.exceptions import (
    ClientUnusable,
    ConfigurationError,
    ConnectionFailed,
    MalformedResponse,
    Timeout,
    after_retries,
    status_error,
)
from channel_images.retries import (
    OutOfTime,
    RateLimit,
    Retries,
    Undecoded,
    causes,
    check_number,
    describe,
    describe_failure,
)
from channel_images_api.errors import MalformedBody

if TYPE_CHECKING:
    from channel_images.sending import CallRetry

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

    timeout: float | httpx.Timeout | None
    call_timeout: float | None
    retries: Retries | int
    rate_limit: float | None
    application: str | None


class Connection:
    """A server, and how it is spoken to. The subclasses send."""

    _http: httpx.Client | httpx.AsyncClient
    _tokens: Tokens | AsyncTokens
    _base_url = "(not made)"
    _closed = False  # also for a client whose making failed

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None,
        username: str | None,
        password: str | None,
        timeout: float | httpx.Timeout | None,
        call_timeout: float | None,
        retries: Retries | int,
        rate_limit: float | None,
        application: str | None,
    ) -> None:
        from channel_images.sending import CallRetry

        self._base_url = _checked_url(base_url)
        if token is not None and (username is not None or password is not None):
            raise ConfigurationError("token= and username=/password= contradict each other: give one or the other")
        self._given_token: Secret | None = None
        self._credentials: tuple[Secret, Secret] | None = None
        if token is not None:
            self._given_token = token_secret(token)
        else:
            self._credentials = credential_secret("username", username), credential_secret("password", password)
        if call_timeout is not None:
            check_number("call_timeout", call_timeout)
        self._call_timeout = _infinite(call_timeout)
        self._timeout = _checked_timeout(timeout)
        # What is not the end of a wait by itself is one for the call as a whole.
        self._timeouts = {
            kind: finite(min(_infinite(seconds), self._call_timeout))
            for kind, seconds in self._timeout.as_dict().items()
        }
        if isinstance(retries, int):
            retries = Retries(attempts=retries)
        if not isinstance(retries, Retries):
            raise ConfigurationError(f"retries is a number or a Retries: {retries!r}")
        self._retry = CallRetry(retries, self._hide)
        if rate_limit is not None:
            check_number("rate_limit", rate_limit)
        self._rate = None if rate_limit is None else RateLimit(rate_limit)
        if application is not None and not fits_header(application):
            raise ConfigurationError(f"application= cannot stand in a header: {application!r}")
        self._application = application
        self._via = ""
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
        if proxy := given.get("proxy"):
            try:
                address = proxy.url if isinstance(proxy, httpx.Proxy) else httpx.URL(proxy)
            except (httpx.InvalidURL, TypeError):
                raise ConfigurationError("proxy= takes a URL, such as http://proxy:3128") from None
            self._via = f" (through the proxy {address.scheme}://{address.netloc.decode('ascii')})"
        headers = httpx.Headers(given.get("headers"))
        headers.setdefault("User-Agent", _user_agent(self._application))
        return {**given, **_tls(given), "headers": headers, "timeout": self._timeout}

    @property
    def _secrets(self) -> tuple[Secret | None, ...]:
        return self._given_token, self._tokens.current, self._tokens.before, *(self._credentials or ())[1:]

    def _hide(self, text: str) -> str:
        """The text without the token and the password."""
        return hide(text, self._secrets)

    def _cleaned(self, response: httpx.Response) -> httpx.Response:
        """The answer without the token and the password, where the server has put them into it.

        That to a sign-in which did not fail may hold a token that is not known yet: it is without its body.
        """
        secrets = self._secrets
        is_sign_in = response.request.method == "POST" and response.status_code < 400
        content = b"" if is_sign_in else hide_in_bytes(response.content, secrets)
        headers = [(name, hide_in_bytes(value, secrets)) for name, value in response.headers.raw]
        reason = hide(response.reason_phrase, secrets)
        if (content, headers, reason) == (response.content, response.headers.raw, response.reason_phrase):
            return response
        lengths = (b"content-encoding", b"content-length", b"transfer-encoding")
        cleaned = httpx.Response(
            response.status_code,
            headers=[(name, value) for name, value in headers if name.lower() not in lengths],
            content=content,
            request=response.request,
            extensions={**response.extensions, "reason_phrase": reason.encode("ascii", "replace")},
        )
        with suppress(RuntimeError):  # of an answer that was not timed
            cleaned.elapsed = response.elapsed
        return cleaned

    def _check_usable(self) -> None:
        if self._closed:
            raise ClientUnusable(f"this {type(self).__name__} is closed: make another one, or leave its `with` later")
        if os.getpid() != self._process:
            raise ClientUnusable(
                f"this {type(self).__name__} was made in another process, {self._process}: after a fork, make one anew"
            )

    def _build_request(
        self,
        operation: Mapping[str, Any],
        token: Secret | None,
        retry: "CallRetry",
        decode: Callable[[bytes], object],
    ) -> httpx.Request:
        """The request for what a `_get_kwargs` of the generated client returned."""
        method, url, query = operation["method"].upper(), self._base_url + operation["url"], operation.get("params")
        headers: Any = self._http.headers
        body = self._credentials_body() if operation is SIGN_IN else None
        extensions = {"timeout": self._timeouts, "retry": retry, "decode": decode}
        if self._http.cookies.jar or self._http.params:
            request = self._http.build_request(
                method, url, params=query, headers=headers, content=body, extensions=extensions
            )
        else:  # the same without merging of URLs, headers and cookies, which saves a third of the time of a request
            if query:
                url += "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
            request = httpx.Request(method, url, headers=headers, content=body, extensions=extensions)
        retry.subject = f"{method} {url}"
        if body is not None:
            request.headers["Content-Type"] = "application/json"
        if token is not None:
            request.headers["Authorization"] = f"Token {token.reveal()}"
        return request

    def _credentials_body(self) -> bytes:
        username, password = (secret.reveal() for secret in self._credentials or ())
        return json.dumps({"username": username, "password": password}).encode()

    def _redirected(self, response: httpx.Response, request: httpx.Request, hops: int) -> httpx.Request | None:
        """The request that a redirect within the origin asks for; None for an answer that is no such redirect."""
        if response.status_code not in _REDIRECTS or hops >= _MAX_REDIRECTS or request.method != "GET":
            return None
        location = response.headers.get("location")
        if not location:
            return None
        target = _target(request.url, location)
        if target is None or _origin(target) != _origin(request.url):
            return None
        return httpx.Request("GET", target, headers=request.headers, extensions=request.extensions)

    def _too_late(self, request: httpx.Request, seconds: float) -> httpx.ReadTimeout:
        """The error for an attempt that took longer than its seconds: those of a call, or what was left for all retries."""
        kind = CallTimeout if seconds == self._call_timeout else OutOfTime
        return kind("the answer keeps coming", request=request)

    def _log(self, request: httpx.Request, outcome: httpx.Response | Exception, started: float) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            milliseconds = (time.perf_counter() - started) * 1_000
            said = self._hide(f"{request.url}: {describe(outcome)}")
            logger.debug("%s %s, in %.1f ms", request.method, said, milliseconds)

    def _decode(self, response: httpx.Response, decode: Callable[[bytes], T]) -> None:
        """Put the value of a 200 beside it.

        Raises:
            Undecoded: The body is not what the contract says.
        """
        if response.status_code == 200:
            try:
                response.extensions["value"] = decode(response.content)
            except MalformedBody as error:
                failure = error
            else:
                return
            cleaned = self._cleaned(response)
            if cleaned is not response and decode is not decode_key:  # which shows nothing of the body
                failure = _decoded_again(cleaned.content, decode, failure.expected, failure.path)
            failure.set_response(cleaned)
            raise Undecoded(failure)

    def _answer(self, response: httpx.Response, retry: "CallRetry") -> Answer[Any]:
        """What the last attempt came to, for the caller."""
        _scrub(response)
        if response.status_code == 200 and "value" in response.extensions:
            return Answer(response.extensions.pop("value"), response, retry.attempts_made)
        self._check_usable()  # else it might have been asked for again
        hint = self._hint(response)
        raise status_error(self._cleaned(response), retries=retry.attempts_made, hint=hint, hide=self._hide)

    def _hint(self, response: httpx.Response) -> str:
        if response.status_code == 401:
            return "" if self._credentials else "The token is wrong or has expired"
        if response.status_code in _REDIRECTS:
            target = _target(response.request.url, response.headers.get("location", ""))
            if target is None:
                return "It redirects to what is no URL"
            if _origin(target) != _origin(response.request.url):
                return f"It redirects to {self._hide(_shown(target))}, another origin, which is not followed: the token stays here"
            if response.request.method != "GET":
                return f"It redirects to {self._hide(_shown(target))}, and a sign-in is not sent on"
            return "It redirects without end"
        if response.status_code == 404 and (
            "json" not in response.headers.get("content-type", "") or self._repeats_itself(response.request.url)
        ):
            return f"Is {self._base_url} the base URL of the API?"
        return ""

    def _repeats_itself(self, url: httpx.URL) -> bool:
        """Whether the base URL ends as the paths of the API begin, as where it was copied from one of them."""
        prefix = httpx.URL(self._base_url).path
        rest = url.path.removeprefix(prefix)
        words = prefix.strip("/").split("/")
        endings = ("/" + "/".join(words[first:]) + "/" for first in range(len(words)))
        return any(rest.startswith(ending) for ending in endings)

    def _given_up(self, error: Exception, request: httpx.Request, retry: "CallRetry") -> httpx.Response:
        """What is left when no further attempt is made: an answer, or an error of ours."""
        from channel_images.sending import GivenUp

        failure = error.failure if isinstance(error, GivenUp) else error
        if isinstance(failure, Undecoded):
            failure = failure.error
        _scrubbed(request)
        if isinstance(failure, Exception):
            for cause in causes(failure):
                if isinstance(cause, httpx.HTTPError):
                    cause.request = _scrubbed(getattr(cause, "_request", None) or request)
        self._check_usable()  # it may have been closed while this call waited
        if isinstance(failure, httpx.Response):
            return failure
        if isinstance(failure, httpx.RequestError | httpx.InvalidURL | MalformedBody):
            raise self._failure(failure, request, retry) from failure
        raise error  # of the caller's own hooks, or of ours already

    def _failure(self, error: Exception, request: httpx.Request, retry: "CallRetry") -> Exception:
        """The error of ours for one of httpx or of the generated client."""
        retries = retry.attempts_made
        after = after_retries(retries)
        if isinstance(error, MalformedBody):
            response = error.response
            hint = ""
            if response is not None:
                _scrub(response)
                if _looks_like_html(response):
                    hint = f". An HTML page came: is {self._base_url} the base URL of the API?"
            return MalformedResponse(
                self._hide(f"{error}{after}{hint}"),
                path=error.path,
                value=error.value,
                response=response,
                retries=retries,
            )
        url = _shown(request.url)
        if isinstance(error, httpx.TimeoutException):
            what, option, seconds = self._waited(error)
            return Timeout(
                f"{request.method} {url}: {what} took longer than {seconds:g} s{after}; a longer {option}= may help",
                url=url,
                retries=retries,
            )
        reason = self._hide(describe_failure(error)) + self._via
        return ConnectionFailed(f"{request.method} {url}: {reason}{after}", url=url, retries=retries)

    def _waited(self, error: httpx.TimeoutException) -> tuple[str, str, float]:
        """What took too long, the option that says how long it may take, and its value."""
        if isinstance(error, OutOfTime):
            return "the request with its retries", "seconds", self._retry.policy.seconds
        what, kind = next((what, kind) for error_type, what, kind in _WAITS if isinstance(error, error_type))
        seconds = _infinite(self._timeouts.get(kind))
        if seconds >= self._call_timeout:
            return "the whole answer" if kind == "read" else what, "call_timeout", self._call_timeout
        return what, "timeout", seconds


class FrugalCookies(httpx.Cookies):
    """Cookies that are looked for where there are any; httpx builds a request of urllib's for each answer."""

    def extract_cookies(self, response: httpx.Response) -> None:
        if "set-cookie" in response.headers:
            super().extract_cookies(response)


class CallTimeout(httpx.ReadTimeout):
    """The answer keeps coming, and took too long as a whole."""


_WAITS: tuple[tuple[type[httpx.TimeoutException], str, str], ...] = (
    (CallTimeout, "the whole answer", "call"),
    (httpx.ConnectTimeout, "connecting", "connect"),
    (httpx.PoolTimeout, "waiting for a free connection", "pool"),
    (httpx.WriteTimeout, "sending", "write"),
    (httpx.TimeoutException, "the answer", "read"),
)


def _checked_url(base_url: str) -> str:
    if isinstance(base_url, str) and "@" in base_url:
        raise ConfigurationError("the base URL holds a user name or a password: give username= and password= instead")
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError) as error:
        raise ConfigurationError(f"the base URL is no URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(f"the base URL begins with https:// and a host, or http://: {base_url!r}")
    if url.query or url.fragment:
        raise ConfigurationError(f"the base URL ends with the path, without ? or #: {base_url!r}")
    if url.scheme == "http" and not is_loopback(url.host):
        warnings.warn(
            f"the token for {url.host} travels in plain text: use https://", InsecureConnectionWarning, stacklevel=4
        )
    return str(url).rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host, without brackets, is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port  # httpx leaves out a port that is the scheme's own


def _shown(url: httpx.URL) -> str:
    return str(url.copy_with(userinfo=b""))


def _target(url: httpx.URL, location: str) -> httpx.URL | None:
    """Where a redirect leads; None where that is no URL."""
    try:
        return url.join(location).copy_with(userinfo=b"")  # with a user name, httpx would sign in with that
    except httpx.InvalidURL:
        return None


def _looks_like_html(response: httpx.Response) -> bool:
    return "html" in response.headers.get("content-type", "") or response.content[:64].lstrip()[:1] == b"<"


def release_stream(response: httpx.Response) -> None:
    """Give a response that was read a stream that does not refer to it.

    That of httpx does, and such a circle holds the body in memory until the next garbage collection.
    """
    response.stream = httpx.ByteStream(response.content)


def _scrub(response: httpx.Response) -> None:
    """Take the token and the password out of an answer, and what only this package reads."""
    response.request = _scrubbed(response.request)
    response.next_request = None  # where a redirect leads, with the token
    response.extensions.pop("retry", None)


def _scrubbed(request: httpx.Request) -> httpx.Request:
    """The request without the token, and without the password, as an answer or an error keeps it."""
    with suppress(KeyError):
        del request.headers["Authorization"]
    for extension in ("retry", "decode"):
        request.extensions.pop(extension, None)
    if request.method == "GET":
        return request
    return httpx.Request(request.method, request.url, headers=request.headers)


def _decoded_again(content: bytes, decode: Callable[[bytes], object], expected: str, path: str) -> MalformedBody:
    """The failure as it is without the secrets that the body had, in a frame without them."""
    try:
        decode(content)
    except MalformedBody as error:
        return error
    return MalformedBody(expected, None, path)


def _infinite(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds


def finite(seconds: float) -> float | None:
    """The seconds as sockets want them: without an end is None."""
    return None if seconds == math.inf else seconds


def _checked_timeout(timeout: float | httpx.Timeout | None) -> httpx.Timeout:
    if not isinstance(timeout, httpx.Timeout):
        if timeout is not None:
            check_number("timeout", timeout)
        timeout = httpx.Timeout(timeout)
    return timeout


def _user_agent(application: str | None) -> str:
    from importlib.metadata import version

    parts = (application, f"channel-images/{version('channel-images')}", f"python-httpx/{httpx.__version__}")
    return " ".join(filter(None, parts))


def _tls(given: Mapping[str, Any]) -> dict[str, Any]:
    """`verify` and `cert` where they are paths, as httpx wants them: as a context."""
    verify, cert = given.get("verify", True), given.get("cert")
    if not isinstance(verify, str) and cert is None:
        return {}
    try:
        if isinstance(verify, str):
            if Path(verify).is_dir():
                context = ssl.create_default_context(capath=verify)
            else:
                context = ssl.create_default_context(cafile=verify)
        else:
            context = verify if isinstance(verify, ssl.SSLContext) else httpx.create_ssl_context(verify=verify)
        if cert is not None:
            context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
    except OSError as error:  # of which ssl's are
        raise ConfigurationError(f"verify= or cert= names no certificates that can be read: {error}") from None
    return {"verify": context, "cert": None}
