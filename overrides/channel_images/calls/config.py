"""Reads the options of a client, once, into a frozen object."""

import math
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, TypedDict

import httpx
from attrs import evolve, frozen

from channel_images.calls.address import checked_url
from channel_images.calls.bodies import CODINGS
from channel_images.calls.retries import Retries
from channel_images.calls.secrets import Secret, Secrets, credential_secret, fits_header, token_secret
from channel_images.exceptions import ConfigurationError
from channel_images.settings import check_number

DEFAULT_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
"""Seconds: to connect, and for each arrival of data."""
DEFAULT_CALL_TIMEOUT = 120.0
"""Seconds for one request and the whole of its answer."""
DEFAULT_MAX_BODY = 32 << 20
"""Bytes of a body: 1,000 rows of the contract are 0.3 MB. JSON that is made for it takes 80 times as much in Python."""
_NO_COOKIE = re.compile(r"[^ -~]|\d{300}")


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


class CallOptions(TypedDict, total=False):
    """The options that `with_options` takes."""

    timeout: float | httpx.Timeout | None
    call_timeout: float | None
    max_body: int
    retries: Retries | int
    headers: Mapping[str, str]


class SyncHttpxOptions(HttpxOptions, total=False):
    """Options for `httpx.Client`."""

    transport: httpx.BaseTransport
    mounts: Mapping[str, httpx.BaseTransport | None]


class SyncClientOptions(ClientOptions, SyncHttpxOptions, total=False):
    """The options of `ChannelImages`, but for the server and the token."""


class AsyncHttpxOptions(HttpxOptions, total=False):
    """Options for `httpx.AsyncClient`."""

    transport: httpx.AsyncBaseTransport
    mounts: Mapping[str, httpx.AsyncBaseTransport | None]


class AsyncClientOptions(ClientOptions, AsyncHttpxOptions, total=False):
    """The options of `AsyncChannelImages`, but for the server and the token."""


@frozen(eq=False)
class Limit:
    """How long a step of a request may take.

    Attributes:
        seconds: So long; infinite for no end.
        option: The option that says so.
    """

    seconds: float
    option: str


@frozen(kw_only=True, eq=False)
class Options:
    """What a client was told, checked.

    Attributes:
        base_url: Where the paths of the contract begin, without a closing slash.
        token: The token; None if the credentials are to sign in for one.
        credentials: User name and password.
        retries: How often and for how long a request is sent again.
        rate_limit: Requests a second.
        call_timeout: Seconds for one request and the whole of its answer; infinite for no end.
        timeout: How long each step may take, as it was given.
        limits: How long each step may take, by httpx's name for it: connect, read, write, pool.
        max_body: Bytes of a body.
        via: The proxy that requests go through, for the end of a message.
        httpx: The options for httpx.
        headers: Those that `with_options` adds to the headers of `httpx`.
    """

    base_url: str
    token: Secret | None
    credentials: tuple[Secret, Secret] | None
    retries: Retries
    rate_limit: float | None
    call_timeout: float
    timeout: httpx.Timeout
    limits: Mapping[str, Limit]
    max_body: int
    via: str
    httpx: Mapping[str, Any]
    headers: Mapping[str, str] = {}

    @property
    def timeouts(self) -> dict[str, float | None]:
        """The limits as httpx wants them: without an end is None."""
        return {kind: None if limit.seconds == math.inf else limit.seconds for kind, limit in self.limits.items()}


def read_options(
    base_url: str, token: str | None, username: str | None, password: str | None, given: Mapping[str, Any]
) -> tuple[Options, Secrets]:
    """Check the options of a client.

    Args:
        base_url: Where the server is.
        token: The token.
        username: Or the credentials for one.
        password: These too.
        given: All further options, our own and those for httpx.

    Raises:
        ConfigurationError: An option makes no sense. No part of a secret is shown.
    """
    base_url = checked_url(base_url)
    if token is not None and (username is not None or password is not None):
        raise ConfigurationError("token= and username=/password= contradict each other: give one or the other")
    secret = credentials = None
    if token is not None:
        secret = token_secret(token)
        secrets = Secrets(secret)
    else:
        credentials = credential_secret("username", username), credential_secret("password", password)
        secrets = Secrets(*credentials)
    call_timeout = _seconds("call_timeout", given.get("call_timeout", DEFAULT_CALL_TIMEOUT))
    timeout = _checked_timeout(given.get("timeout", DEFAULT_TIMEOUT))
    rate_limit = given.get("rate_limit")
    if rate_limit is not None:
        check_number("rate_limit", rate_limit)
    for_httpx = {name: value for name, value in given.items() if name not in ClientOptions.__annotations__}
    http, via = _httpx_options(base_url, for_httpx, _checked_application(given.get("application")), timeout, secrets)
    options = Options(
        base_url=base_url,
        token=secret,
        credentials=credentials,
        retries=_checked_retries(given.get("retries", Retries())),
        rate_limit=rate_limit,
        call_timeout=call_timeout,
        timeout=timeout,
        limits=_limits(timeout, call_timeout),
        max_body=_checked_max_body(given.get("max_body", DEFAULT_MAX_BODY)),
        via=via,
        httpx=http,
    )
    return options, secrets


def changed(options: Options, secrets: Secrets, given: Mapping[str, Any]) -> Options:
    """The options of a client with some of `CallOptions` in their place.

    Raises:
        ConfigurationError: An option makes no sense, or is none of these.
    """
    if others := sorted(given.keys() - CallOptions.__annotations__):
        raise ConfigurationError(
            f"with_options takes {', '.join(CallOptions.__annotations__)}; {', '.join(others)} needs a client of its own"
        )
    changes: dict[str, Any] = {}
    if "retries" in given:
        changes["retries"] = _checked_retries(given["retries"])
    if "max_body" in given:
        changes["max_body"] = _checked_max_body(given["max_body"])
    if "timeout" in given or "call_timeout" in given:
        call_timeout = _seconds("call_timeout", given.get("call_timeout", options.call_timeout))
        timeout = _checked_timeout(given["timeout"]) if "timeout" in given else options.timeout
        changes |= {"call_timeout": call_timeout, "timeout": timeout, "limits": _limits(timeout, call_timeout)}
    if "headers" in given:
        headers = _checked_headers(given["headers"])
        for name, value in headers.multi_items():
            secrets.add_header(name, value)
        changes["headers"] = {**options.headers, **headers}
    return evolve(options, **changes)


def _checked_timeout(timeout: float | httpx.Timeout | None) -> httpx.Timeout:
    if isinstance(timeout, httpx.Timeout):
        return timeout
    _seconds("timeout", timeout)
    return httpx.Timeout(timeout)


def _limits(timeout: httpx.Timeout, call_timeout: float) -> Mapping[str, Limit]:
    return {kind: _limit(seconds, call_timeout) for kind, seconds in timeout.as_dict().items()}


def _seconds(option: str, value: float | None) -> float:
    if value is None:
        return math.inf
    check_number(option, value)
    return value


def _limit(seconds: float | None, call_timeout: float) -> Limit:
    """What is not the end of a wait by itself is one for the call as a whole."""
    if seconds is None or seconds >= call_timeout:
        return Limit(call_timeout, "call_timeout")
    return Limit(seconds, "timeout")


def _checked_retries(retries: Retries | int) -> Retries:
    if isinstance(retries, int):
        retries = Retries(attempts=retries)
    if not isinstance(retries, Retries):
        raise ConfigurationError(f"retries is a number or a Retries: {retries!r}")
    return retries


def _checked_max_body(max_body: int) -> int:
    if not isinstance(max_body, int) or isinstance(max_body, bool) or max_body < 1:
        raise ConfigurationError(f"max_body is a whole number of bytes, 1 or more: {max_body!r}")
    return max_body


def _checked_application(application: str | None) -> str | None:
    if application is not None and not fits_header(application):
        raise ConfigurationError(f"application= cannot stand in a header: {application!r}")
    return application


def _httpx_options(
    base_url: str, given: Mapping[str, Any], application: str | None, timeout: httpx.Timeout, secrets: Secrets
) -> tuple[dict[str, Any], str]:
    """The options as httpx wants them, and the proxy for the end of a message; what is secret in them is hidden."""
    from channel_images.calls.environment import connection_options  # not before there is a client

    if ours := sorted({"auth", "base_url", "follow_redirects"}.intersection(given)):
        raise ConfigurationError(f"{', '.join(ours)} cannot be given: the client sets it")
    headers = _checked_headers(given.get("headers"))
    for name, value in headers.multi_items():
        secrets.add_header(name, value)
    secrets.add(*httpx.Cookies(given.get("cookies")).values())
    connection, via = connection_options(base_url, given)
    if proxy := connection["proxy"]:
        secrets.add(*(proxy.auth or ()), *proxy.headers.values(), least=1)
    headers.setdefault("Accept-Encoding", CODINGS)
    headers.setdefault("User-Agent", _user_agent(application))
    return {**given, **connection, "headers": headers, "timeout": timeout}, via


def _checked_headers(given: Any) -> httpx.Headers:
    headers = None
    with suppress(AttributeError, TypeError, ValueError):  # whose words, and frames, have the values
        headers = httpx.Headers(given)
    if headers is None:
        raise ConfigurationError("headers= takes names and values that are texts in ASCII")
    return headers


def _user_agent(application: str | None) -> str:
    parts = (application, f"channel-images/{_version()}", f"python-httpx/{httpx.__version__}")
    return " ".join(filter(None, parts))


@cache
def _version() -> str:  # of which importlib reads the whole README
    from importlib.metadata import version

    return version("channel-images")


class FrugalCookies(httpx.Cookies):
    """Cookies that are looked for where there are any; httpx builds a request of urllib's for each answer.

    Those that no request could carry are not taken: every further request would fail. Nor are ages that are too much for
    `http.cookiejar`, which warns of a bug of its own then.
    """

    def extract_cookies(self, response: httpx.Response) -> None:
        lines = response.headers.get_list("set-cookie") if "set-cookie" in response.headers else ()
        if lines and not any(map(_NO_COOKIE.search, lines)):
            super().extract_cookies(response)


def with_hook(given: Mapping[str, Any], hook: Callable[[httpx.Response], object]) -> dict[str, Any]:
    """The options for httpx, with one more hook for answers after those of the caller."""
    hooks = given.get("event_hooks") or {}
    return {**given, "event_hooks": {**hooks, "response": [*hooks.get("response", ()), hook]}}
