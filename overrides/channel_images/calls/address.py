"""Checks where a request goes: the base URL, its origin, and where a redirect leads."""

import warnings
from contextlib import suppress
from ipaddress import ip_address

import httpx

from channel_images.exceptions import ConfigurationError

REDIRECTS = frozenset((301, 302, 303, 307, 308))
MAX_REDIRECTS = 5


class InsecureConnectionWarning(UserWarning):
    """The token travels in plain text."""


def checked_url(base_url: str) -> str:
    """The base URL, without a closing slash.

    Raises:
        ConfigurationError: It is none.
    """
    if isinstance(base_url, str) and "@" in base_url:
        raise ConfigurationError("the base URL holds a user name or a password: give username= and password= instead")
    try:
        url = httpx.URL(base_url)
        origin(url)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise ConfigurationError(f"the base URL is not a URL:  {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(f"the base URL begins with https:// and a host, or http://: {base_url!r}")
    if url.query or url.fragment:
        raise ConfigurationError(f"the base URL ends with the path, without ? or #: {base_url!r}")
    return str(url).rstrip("/")


def warn_of_plain_text(base_url: str, via: str, *, stacklevel: int) -> None:
    """Warn where a token for this base URL leaves the machine, or for a proxy, in plain text."""
    url = httpx.URL(base_url)
    if url.scheme == "http" and (via or not is_loopback(url.host)):
        warnings.warn(
            f"the token for {url.host} travels in plain text{via}: use https://",
            InsecureConnectionWarning,
            stacklevel=stacklevel + 1,
        )


def is_loopback(host: str) -> bool:
    """Whether a host, without brackets, is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """What two URLs of one server have in common."""
    return url.scheme, url.host, url.port  # httpx leaves out a port that is the scheme's own


def shown(url: httpx.URL) -> str:
    """The URL as an error shows it, without a user name and a password."""
    return str(url.copy_with(userinfo=b""))


def redirect_target(url: httpx.URL, location: str) -> httpx.URL | None:
    """Where a redirect leads; None if that is not a URL."""
    with suppress(httpx.InvalidURL, ValueError):  # the second for a host that IDNA does not know, and is shown as such
        target = url.join(location).copy_with(userinfo=b"")  # with a user name, httpx would sign in with that
        origin(target)
        return target
    return None


def keep_location(response: httpx.Response) -> None:
    """Keep where a redirect leads out of httpx's sight, as a hook for answers.

    httpx builds the request that follows, which nobody reads, and for many a `Location` that is not a URL it fails, in ways
    of many kinds. `location_of` gives it back.
    """
    if response.has_redirect_location:
        raw = response.headers.raw  # a copy of the headers may take another encoding for theirs
        response.extensions["location"] = [(name, value) for name, value in raw if name.lower() == b"location"]
        del response.headers["location"]


async def akeep_location(response: httpx.Response) -> None:
    """The same for the asynchronous client."""
    keep_location(response)


def location_of(response: httpx.Response) -> str:
    """Where a redirect leads, which is in its headers again from now on; empty if it does not say."""
    if kept := response.extensions.pop("location", ()):
        response.headers = httpx.Headers([*response.headers.raw, *kept])
    return str(response.headers.get("location", ""))
