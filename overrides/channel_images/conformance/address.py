"""Where a server is: the base URL that a user gives."""

from urllib.parse import urlsplit

import httpx

from channel_images.calls import address

RATE = 10.0
"""Requests a second to a server on another machine, unless the user says otherwise."""


def base_url(url: str) -> str:
    """A server's base URL, without a closing slash.

    Raises ``ValueError``, with a message that shows no password, where it is none.
    """
    try:
        parsed = httpx.URL(url)
        urlsplit(url)  # stricter about brackets than httpx
    except (httpx.InvalidURL, ValueError) as error:
        shown = "what was given" if "@" in url else repr(url)
        raise ValueError(f"{shown} is no URL: {error}") from None
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise ValueError("the URL holds a password, a query or a fragment; give the base URL alone")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        shown = "what was given" if "@" in url else repr(url)
        raise ValueError(f"{shown} is no URL of a server; it begins with http:// or https://")
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether a URL is one of this machine."""
    return address.is_loopback((urlsplit(url).hostname or "").removeprefix("[").removesuffix("]"))


def default_rate(url: str) -> float | None:
    """Requests a second that a server is asked at: no limit on this machine."""
    return None if is_loopback(url) else RATE
