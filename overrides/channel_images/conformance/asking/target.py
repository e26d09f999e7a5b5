"""Knows the server that is judged: where it is, and how to ask it."""

import shlex
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import attrs
import httpx

from channel_images.calls.address import is_loopback
from channel_images.calls.bodies import CODINGS
from channel_images.calls.deadlines import Deadline
from channel_images.calls.environment import read_proxy, tls_context
from channel_images.calls.network import bound

RATE = 10.0
"""Requests a second to a server on another machine, unless the user says otherwise."""

DEFAULT_TIMEOUT = 30.0
"""Seconds that a whole answer may take."""
TOKEN = "$TOKEN"  # noqa: S105 - a placeholder
"""What stands for the token in requests and in evidence."""
OTHER_TOKEN = "$OTHER_TOKEN"  # noqa: S105 - likewise
"""What stands there for the token of the other user."""


def base_url(url: str) -> str:
    """A server's base URL, without a closing slash.

    Raises `ValueError`, with a message that shows no password, if it is none.
    """
    shown = "what was given" if "@" in url else repr(url)
    try:
        parsed = httpx.URL(url)
        urlsplit(url)  # stricter about brackets than httpx
    except (httpx.InvalidURL, ValueError) as error:
        # The error may quote a part of a password, for a port.
        raise ValueError(f"{shown} is not a URL" + ("" if "@" in url else f": {error}")) from None
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ValueError("the URL holds a password, a query or a fragment; give only the base URL")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{shown} is not the URL of a server; it must begin with http:// or https://")
    return url.rstrip("/")


def default_rate(url: str) -> float | None:
    """Requests a second that a server is asked at: no limit on this machine."""
    return None if is_loopback(httpx.URL(url).host) else RATE


@attrs.frozen
class Target:
    """A server to judge. No token and no password appear in a repr."""

    url: str
    """The base URL, with its path prefix if it has one, without a closing slash."""
    channel: int
    """The channel to examine."""
    others: tuple[int, ...] = ()
    """Further channels, for the isolation rules."""
    token: str = attrs.field(default="", repr=False)
    other_token: str = attrs.field(default="", repr=False)
    """The token of a user who may not see the channels; empty if there is none."""
    other_password: str = attrs.field(default="", repr=False)
    """The password of that user, which nothing shows; empty if a token was given."""
    username: str = ""
    """The name to sign in with again if the token is refused; empty if a token was given."""
    password: str = attrs.field(default="", repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Further headers of every request."""
    timeout: float = DEFAULT_TIMEOUT
    verify: bool | str = True
    """Whether to verify TLS certificates, or the path of the CA bundle to verify them with."""
    proxy: str | None = attrs.field(default=None, repr=False)

    def with_other_user(self, token: str, password: str) -> "Target":
        """The target with the token of another user, and the password that gave it, if one did.

        Raises `ValueError` if that user is this one.
        """
        if token and token == self.token:
            raise ValueError("the other user's token is that of the first one: give one that may not see the channel")
        return attrs.evolve(self, other_token=token, other_password=password)

    def tls(self) -> ssl.SSLContext:
        """How to verify certificates; made once for all clients, since that takes longer than a request.

        Raises `ConfigurationError` if the certificates to verify with cannot be read.
        """
        return tls_context(self.verify, reads_environment=True)

    def client(self, verify: ssl.SSLContext | None = None) -> httpx.Client:
        """A client that adds no credentials, keeps no cookie, follows no redirect and asks no environment for a proxy.

        Raises `ConfigurationError`, with a message that shows no password, if the proxy cannot be used.
        """
        client = httpx.Client(
            headers=self.headers,
            timeout=self.timeout,
            verify=self.tls() if verify is None else verify,
            proxy=read_proxy("the proxy", self.proxy) if self.proxy else None,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
        )
        bound(client)
        return client

    @contextmanager
    def stream(self, client: httpx.Client, method: str, url: str, **options: Any) -> Iterator[httpx.Response]:
        """The answer to a request of a client, to be read; the whole of it has to come within the timeout.

        Takes the options of httpx's `stream`. Raises `httpx.HTTPError` and `httpx.InvalidURL`.
        """
        headers = [("Accept-Encoding", CODINGS), *options.pop("headers", ())]
        with Deadline(self.timeout), client.stream(method, url, headers=headers, **options) as response:
            yield response


def curl_arguments(
    url: str,
    method: str = "GET",
    authorization: str | None = f"Token {TOKEN}",
    headers: Iterable[tuple[str, str]] = (),
    given: Iterable[str] = (),
    body: bytes | None = None,
    *,
    compressed: bool = False,
) -> str:
    """What `curl` has to be told to send a request again, with the token read from `$TOKEN`. The URL comes last.

    `given` names the headers of the user's own: their values are read from variables (`$X_API_KEY`), for they may be
    secrets. With `compressed`, gzip is asked for as it was.
    """
    parts = ["--compressed"] if compressed else []
    if method == "HEAD":
        parts.append("-I")
    elif method != "GET":
        parts += ["-X", method]
    for name, value in headers:
        parts += ["-H", _quoted(f"{name}: {value}")]
    parts += [f'-H "{name}: ${"".join(c if c.isalnum() else "_" for c in name).upper()}"' for name in given]
    if authorization is not None:
        # A header without a value is left out by curl unless it ends in a semicolon.
        parts.append(f'-H "Authorization: {authorization}"' if authorization else "-H 'Authorization;'")
    if body is not None:
        parts += ["--data-binary", shlex.quote(body.decode("utf-8", "replace"))]
    return " ".join([*parts, _quoted(url)])


def _quoted(text: str) -> str:
    """A word of a shell, in which `$TOKEN` is still read from the environment."""
    if TOKEN not in text:
        return shlex.quote(text)
    kept = "".join(f"\\{letter}" if letter in '"\\`' else letter for letter in text)
    return f'"{kept}"'
