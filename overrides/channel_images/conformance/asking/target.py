"""The server that is judged: where it is, and how to ask it."""

import shlex
import ssl
from collections.abc import Iterable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import attrs
import httpx

DEFAULT_TIMEOUT = 30.0
"""Seconds that a whole answer may take."""
TOKEN = "$TOKEN"  # noqa: S105 - a placeholder
"""What stands for the token in requests and in evidence."""


@attrs.frozen
class Target:
    """A server to judge. No token and no password appear in a repr."""

    url: str
    """Base URL, with its path prefix where it has one, without a closing slash."""
    channel: int
    """The channel that is examined."""
    others: tuple[int, ...] = ()
    """Further channels, for the isolation rules."""
    token: str = attrs.field(default="", repr=False)
    username: str = ""
    """The name to sign in with again when the token is refused; empty where a token was given."""
    password: str = attrs.field(default="", repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Further headers that every request carries."""
    timeout: float = DEFAULT_TIMEOUT
    verify: bool | str = True
    """Whether to verify TLS certificates, or the path of the CA bundle to verify them with."""
    proxy: str | None = attrs.field(default=None, repr=False)

    def tls(self) -> ssl.SSLContext | bool:
        """How to verify certificates; made once for all clients, since that takes longer than a request."""
        if isinstance(self.verify, str):
            return ssl.create_default_context(cafile=self.verify)
        return httpx.create_ssl_context() if self.verify else False

    def client(self, verify: ssl.SSLContext | bool | None = None) -> httpx.Client:
        """A client that adds no credentials, keeps no cookie, follows no redirect and asks no environment for a proxy."""
        return httpx.Client(
            headers=self.headers,
            timeout=self.timeout,
            verify=self.tls() if verify is None else verify,
            proxy=self.proxy,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
        )


def curl(
    url: str,
    method: str = "GET",
    authorization: str | None = f"Token {TOKEN}",
    headers: Iterable[tuple[str, str]] = (),
    given: Iterable[str] = (),
    body: bytes | None = None,
) -> str:
    """A ``curl`` line that sends the request again, with the token read from ``$TOKEN``.

    ``given`` names the headers of the user's own: their values are read from variables (``$X_API_KEY``), for they may be
    secrets.
    """
    # -g and --path-as-is: brackets and dots go out as they are written.
    parts = ["curl", "-gsSi", "--path-as-is"]
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
    """A word of a shell, in which ``$TOKEN`` is still read from the environment."""
    if TOKEN not in text:
        return shlex.quote(text)
    kept = "".join(f"\\{letter}" if letter in '"\\`' else letter for letter in text)
    return f'"{kept}"'
