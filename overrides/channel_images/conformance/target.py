"""The server that is judged: where it is, and how to ask it."""

import shlex
import ssl
from collections.abc import Iterable, Mapping

import attrs
import httpx

DEFAULT_TIMEOUT = 30.0
"""Seconds that a server may take to answer."""


@attrs.frozen
class Target:
    """A server to judge. The token appears in no repr."""

    url: str
    """Base URL, with its path prefix where it has one, without a closing slash."""
    channel: int
    """The channel that is examined."""
    others: tuple[int, ...] = ()
    """Further channels, for the isolation rules."""
    token: str = attrs.field(default="", repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Further headers that every request carries."""
    timeout: float = DEFAULT_TIMEOUT
    verify: bool | str = True
    """Whether to verify TLS certificates, or the path of the CA bundle to verify them with."""
    proxy: str | None = attrs.field(default=None, repr=False)

    def client(self) -> httpx.Client:
        """A client that adds no credentials and follows no redirect."""
        verify = ssl.create_default_context(cafile=self.verify) if isinstance(self.verify, str) else self.verify
        return httpx.Client(
            headers=self.headers, timeout=self.timeout, verify=verify, proxy=self.proxy, follow_redirects=False
        )


def curl(
    url: str,
    method: str = "GET",
    authorization: str | None = "Token $TOKEN",
    headers: Iterable[tuple[str, str]] = (),
) -> str:
    """A ``curl`` line that sends the request again, with the token read from ``$TOKEN``."""
    # -g and --path-as-is: brackets and dots go out as they are written.
    parts = ["curl", "-gsSi", "--path-as-is"]
    if method == "HEAD":
        parts.append("-I")
    elif method != "GET":
        parts += ["-X", method]
    for name, value in headers:
        parts += ["-H", f"{name}: {value}"]
    line = shlex.join(parts)
    if authorization is not None:
        # A header without a value is left out by curl unless it ends in a semicolon.
        header = f"Authorization: {authorization}" if authorization else "Authorization;"
        line += f' -H "{header}"'
    return f"{line} {shlex.quote(url)}"
