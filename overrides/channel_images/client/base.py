"""What both clients share: their settings, the requests they send, and what they make of the answers."""

import json
import logging
import math
import os
import re
import ssl
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, TypeVar
from urllib.parse import quote
from urllib.request import getproxies

import httpx

from channel_images.calls.address import is_loopback
from channel_images.calls.answers import Answer
from channel_images.calls.bodies import CODINGS, with_content
from channel_images.calls.retries import OutOfTime, RateLimit, Retries, Undecoded, causes, describe, describe_failure
from channel_images.calls.tokens import (
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
    ChannelImagesError,
    ClientUnusable,
    ConfigurationError,
    ConnectionFailed,
    MalformedResponse,
    Timeout,
    after_retries,
    status_error,
)
from channel_images.settings import check_number
from channel_images_api.errors import MalformedBody

if TYPE_CHECKING:
    from channel_images.calls.call import CallRetry

T = TypeVar("T")
logger = logging.getLogger("channel_images")

DEFAULT_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Seconds: to connect, and for each arrival of data."""
DEFAULT_CALL_TIMEOUT = 120.0
"""Seconds for one request and the whole of its answer."""
DEFAULT_MAX_BODY = 32 << 20
"""Bytes of a body: 1,000 rows of the contract are 0.3 MB. JSON that is made for it takes 80 times as much in Python."""
_MAX_ERROR_BODY = 1 << 20  # of an answer that is no 200
_MAX_SEARCHED = 4 << 20  # for secrets, at some 10 MB a second and secret
_LEAST_OF_A_HEADER = 8  # characters of a value that is taken for a secret
_HARMLESS_HEADERS = frozenset(("accept", "accept-encoding", "accept-language", "connection", "host", "user-agent"))
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_NOT_SHOWN = b"<not shown: a secret may be in it>"
_NO_COOKIE = re.compile(r"[^ -~]|\d{300}")
_WORD = re.compile(r"[^\s;,=]+")  # of a header's value


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
    max_body: int
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
        max_body: int,
        retries: Retries | int,
        rate_limit: float | None,
        application: str | None,
    ) -> None:
        from channel_images.calls.call import CallRetry

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
        if not isinstance(max_body, int) or isinstance(max_body, bool) or max_body < 1:
            raise ConfigurationError(f"max_body is a whole number of bytes, 1 or more: {max_body!r}")
        self._max_body = max_body
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
        self._further_secrets: list[Secret] = []  # of the options for httpx
        self._private_headers = ["Authorization", "Cookie"]
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
        headers = _checked_headers(given.get("headers"))
        for name, value in headers.multi_items():
            if name not in _HARMLESS_HEADERS:
                self._private_headers.append(name)
                self._keep_secret(value, *_WORD.findall(value))
        for value in httpx.Cookies(given.get("cookies")).values():
            self._keep_secret(value)
        proxies = _proxies(given)
        for proxy in proxies:
            self._keep_secret(*(proxy.auth or ()), *proxy.headers.values(), least=1)
        if given.get("proxy"):
            address = proxies[0].url
            self._via = f" (through the proxy {address.scheme}://{address.netloc.decode('ascii')})"
        headers.setdefault("Accept-Encoding", CODINGS)
        headers.setdefault("User-Agent", _user_agent(self._application))
        return {**given, **_tls(given), "headers": headers, "timeout": self._timeout}

    def _keep_secret(self, *texts: str | None, least: int = _LEAST_OF_A_HEADER) -> None:
        self._further_secrets += [Secret(text) for text in dict.fromkeys(texts) if text and len(text) >= least]

    @property
    def _secrets(self) -> tuple[Secret | None, ...]:
        tokens = self._given_token, self._tokens.current, self._tokens.before
        return *tokens, *(self._credentials or ()), *self._further_secrets

    def _hide(self, text: str) -> str:
        """The text without the token, the password, and what else nobody should read."""
        return hide(text, self._secrets)

    def _cleaned(self, response: httpx.Response) -> httpx.Response:
        """The answer without secrets, where the server has put them into it.

        That to a sign-in which did not fail may hold a token that is not known yet: it is without its body.
        """
        secrets, request = self._secrets, response.request
        is_sign_in = request.method == "POST" and response.status_code < 400
        content = b"" if is_sign_in else self._cleaned_content(response)
        headers = [
            (hide_in_bytes(name, secrets), hide_in_bytes(value, secrets)) for name, value in response.headers.raw
        ]
        if content is _NOT_SHOWN:
            headers = [(name, value) for name, value in headers if name.lower() != b"content-type"]
        reason, path = hide(response.reason_phrase, secrets), hide_in_bytes(request.url.raw_path, secrets)
        if (content, headers, reason, path) == (
            *(response.content, response.headers.raw, response.reason_phrase),
            request.url.raw_path,
        ):
            return response
        extensions: dict[str, object] = {"reason_phrase": reason.encode("ascii", "replace")}
        cleaned = with_content(response, content, headers=headers, extensions=extensions)
        if path != request.url.raw_path:
            url = request.url.copy_with(raw_path=path)
            cleaned.request = httpx.Request(request.method, url, headers=request.headers)
        with suppress(RuntimeError):  # of an answer that was not timed
            cleaned.elapsed = response.elapsed
        return cleaned

    def _cleaned_content(self, response: httpx.Response) -> bytes:
        if len(response.content) > _MAX_SEARCHED:
            return _NOT_SHOWN
        secrets = self._secrets
        content = hide_in_bytes(response.content, secrets)
        for text in _other_texts(response, content):
            if hide_in_bytes(text, secrets) != text:
                return _NOT_SHOWN
        return content

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

    def _room_for(self, response: httpx.Response) -> tuple[int, str]:
        """How long the body of an answer may be, in bytes, and what an error calls that."""
        if response.status_code == 200:
            return self._max_body, "max_body="
        return min(self._max_body, _MAX_ERROR_BODY), ""

    def _unread(self, error: MalformedResponse) -> httpx.Response:
        """The answer without its body, which was refused: an answer that is no 200 says enough by its status.

        Raises:
            MalformedResponse: `error` itself, where it is a 200.
        """
        if error.status_code == 200:
            raise error
        error.response.extensions["unread"] = f"It has no body here: {error}"
        return error.response

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
                failure = _decoded_again(cleaned.content, decode, failure)
            failure.set_response(cleaned)
            raise Undecoded(failure)

    def _answer(self, response: httpx.Response, retry: "CallRetry") -> Answer[Any]:
        """What the last attempt came to, for the caller."""
        self._scrub(response)
        if response.status_code == 200 and "value" in response.extensions:
            return Answer(response.extensions.pop("value"), response, retry.attempts_made)
        self._check_usable()  # else it might have been asked for again
        hint = response.extensions.pop("unread", "") or self._hint(response)
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
        from channel_images.calls.call import GivenUp

        failure = error.failure if isinstance(error, GivenUp) else error
        if isinstance(failure, Undecoded):
            failure = failure.error
        self._scrubbed(request)
        if isinstance(failure, Exception):
            for cause in causes(failure):
                if isinstance(cause, httpx.HTTPError):
                    cause.request = self._scrubbed(getattr(cause, "_request", None) or request)
            self._clean_chain(failure)
        self._check_usable()  # it may have been closed while this call waited
        if isinstance(failure, httpx.Response):
            return failure
        if isinstance(failure, httpx.RequestError | MalformedBody | MalformedResponse):
            raise self._failure(failure, request, retry) from failure
        raise error  # of the caller's own hooks, or of ours already

    def _clean_chain(self, error: Exception) -> None:
        """Take secrets out of what an error of ours comes from: out of the words, and with the frames out of variables.

        A frame of httpx, of httpcore or of h11 holds the headers of the request, and with them the token, or the
        password of a proxy. An error of the caller's own hooks stays as it is.
        """
        if isinstance(error, httpx.RequestError | MalformedBody | ChannelImagesError):
            for cause in causes(error):
                cause.__traceback__ = None
                if not isinstance(cause, MalformedBody | ChannelImagesError):
                    cause.args = tuple(arg if isinstance(arg, int) else self._hide(str(arg)) for arg in cause.args)

    def _failure(self, error: Exception, request: httpx.Request, retry: "CallRetry") -> Exception:
        """The error of ours for one of httpx or of the generated client, or for a body that was refused."""
        retries = retry.attempts_made
        after = after_retries(retries)
        if isinstance(error, MalformedBody):
            response = error.response
            hint = ""
            if response is not None:
                self._scrub(response)
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
        if isinstance(error, MalformedResponse):
            self._scrub(error.response)
            error.response = self._cleaned(error.response)
            return MalformedResponse(
                f"{request.method} {url} answered 200: {error}{after}", response=error.response, retries=retries
            )
        if isinstance(error, httpx.TimeoutException):
            what, option, seconds = self._waited(error)
            return Timeout(
                f"{request.method} {url}: {what} took longer than {seconds:g} s{after}; a longer {option}= may help",
                url=url,
                retries=retries,
            )
        reason = self._hide(describe_failure(error)) + self._via
        return ConnectionFailed(f"{request.method} {url}: {reason}{after}", url=url, retries=retries)

    def _scrub(self, response: httpx.Response) -> None:
        """Take the token and the password out of an answer, and what only this package reads."""
        response.request = self._scrubbed(response.request)
        response.next_request = None  # where a redirect leads, with the token
        response.extensions.pop("retry", None)

    def _scrubbed(self, request: httpx.Request) -> httpx.Request:
        """The request as an answer or an error keeps it: without the token, the password, and the caller's headers."""
        for name in self._private_headers:
            with suppress(KeyError):
                del request.headers[name]
        for extension in ("retry", "decode"):
            request.extensions.pop(extension, None)
        if request.method == "GET":
            return request
        return httpx.Request(request.method, request.url, headers=request.headers)

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
    """Cookies that are looked for where there are any; httpx builds a request of urllib's for each answer.

    Those that no request could carry are not taken: every further request would fail. Nor are ages that are too much for
    `http.cookiejar`, which warns of a bug of its own then.
    """

    def extract_cookies(self, response: httpx.Response) -> None:
        lines = response.headers.get_list("set-cookie") if "set-cookie" in response.headers else ()
        if lines and not any(map(_NO_COOKIE.search, lines)):
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
        _origin(url)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
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


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port  # httpx leaves out a port that is the scheme's own


def _shown(url: httpx.URL) -> str:
    return str(url.copy_with(userinfo=b""))


def _target(url: httpx.URL, location: str) -> httpx.URL | None:
    """Where a redirect leads; None where that is no URL."""
    with suppress(httpx.InvalidURL, ValueError):  # the second for a host that IDNA does not know, and is shown as such
        target = url.join(location).copy_with(userinfo=b"")  # with a user name, httpx would sign in with that
        _origin(target)
        return target
    return None


def _looks_like_html(response: httpx.Response) -> bool:
    return "html" in response.headers.get("content-type", "") or response.content[:64].lstrip()[:1] == b"<"


def _decoded_again(content: bytes, decode: Callable[[bytes], object], failure: MalformedBody) -> MalformedBody:
    """The failure as it is without the secrets that the body had, in a frame without them."""
    expected, path, is_no_json = failure.expected, failure.path, isinstance(failure.value, bytes)
    del failure
    try:
        decode(content)
    except MalformedBody as error:
        if (error.expected, error.path) == (expected, path):
            return error
    return MalformedBody(expected, _NOT_SHOWN if is_no_json else _NOT_SHOWN.decode(), path)


def _other_texts(response: httpx.Response, content: bytes) -> Iterator[bytes]:
    """What a body says to those who do not take it for UTF-8."""
    if b"\0" in content:  # UTF-16, UTF-32
        yield content.replace(b"\0", b"")
    with suppress(Exception):  # a charset that Python knows, and that is none of texts: hex, rot13
        if (encoding := response.encoding or "utf-8").lower() not in ("utf-8", "utf8", "ascii", "us-ascii"):
            yield content.decode(encoding, "replace").encode(errors="replace")


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


def _checked_headers(given: Any) -> httpx.Headers:
    headers = None
    with suppress(AttributeError, TypeError, ValueError):  # whose words, and frames, have the values
        headers = httpx.Headers(given)
    if headers is None:
        raise ConfigurationError("headers= takes names and values that are texts in ASCII")
    return headers


def _proxies(given: Mapping[str, Any]) -> list[httpx.Proxy]:
    """The proxy of the options, or those of the environment, where httpx reads it.

    Raises:
        ConfigurationError: One is no URL. Nothing of it is shown: it may hold a password.
    """
    if given.get("proxy"):
        return [_checked_proxy("proxy=", given["proxy"])]
    if "transport" in given or not given.get("trust_env", True):
        return []
    # As httpx does it, which shows what it cannot read.
    named = {f"{scheme.upper()}_PROXY": getproxies().get(scheme) for scheme in ("http", "https", "all")}
    return [
        _checked_proxy(f"{name} in the environment", url if "://" in url else f"http://{url}")
        for name, url in named.items()
        if url
    ]


def _checked_proxy(name: str, given: Any) -> httpx.Proxy:
    proxy, is_url = None, False
    with suppress(httpx.InvalidURL, AttributeError, TypeError, ValueError):
        proxy = given if isinstance(given, httpx.Proxy) else httpx.Proxy(given)
        is_url = bool(proxy.url.host)
    if proxy is None or not is_url:
        raise ConfigurationError(f"{name} takes a URL such as http://proxy:3128")
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ConfigurationError(f"{name} takes a proxy of SOCKS only with pip install 'httpx[socks]'")
    return proxy


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
