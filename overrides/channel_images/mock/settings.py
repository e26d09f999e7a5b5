"""Says what can be set about a mock server, and makes up what is not."""

import ipaddress
import secrets
from collections.abc import Mapping
from types import MappingProxyType

from attrs import field, frozen

DEFAULT_TOKEN = "mock-token"  # noqa: S105 - published on purpose: it guards invented data on loopback
DEFAULT_PASSWORD = "mock"  # noqa: S105 - likewise
OTHER_TOKEN = "mock-other"  # noqa: S105 - likewise
OTHER_PASSWORD = "mock-other"  # noqa: S105 - likewise
DEFAULT_CHANNELS: Mapping[int, int] = MappingProxyType({5: 1_000, 6: 23, 7: 0})
"""Images by channel: one to work with, a small one, an empty one."""
OTHER_CHANNELS: Mapping[int, int] = MappingProxyType({8: 23})
"""Those of the second user, who sees none of the first one's."""

MAX_LIMIT = 1_000
"""The largest page, in rows; a larger `limit` is treated as this one."""
MAX_BODY = 2_621_440
"""The largest request body that is read, in bytes: Django's own bound."""
MAX_HEAD = 64 * 1024
"""The largest request line with headers, in bytes."""
PATIENCE = 60.0
"""Seconds that a client has for the head of a request, for its body, and to read some of what it was sent."""
KEPT_BYTES = 16 * 1024 * 1024
"""How much memory, about, the requests that are remembered may take, and the error reports, and the events."""


@frozen(kw_only=True)
class Settings:
    """The settings of a mock server."""

    token: str = field(default=DEFAULT_TOKEN, repr=False)
    """Opens the operations; signing in gives it."""
    username: str = "mock"
    password: str = field(default=DEFAULT_PASSWORD, repr=False)
    other_token: str = field(default=OTHER_TOKEN, repr=False)
    """The token of the second user."""
    other_username: str = "mock-other"
    other_password: str = field(default=OTHER_PASSWORD, repr=False)
    admin_token: str | None = field(default=None, repr=False)
    """Opens the admin API; `None` for the token."""
    channels: Mapping[int, int] = DEFAULT_CHANNELS
    """How many images each channel of the first user begins with, by the channel's id."""
    other_channels: Mapping[int, int] = OTHER_CHANNELS
    """The same for the second user. What is among `channels` too is the first one's."""
    seed: int = 0
    """The same seed gives the same images, byte for byte."""
    trust_proxy: bool = False
    """Whether `X-Forwarded-Proto` and `X-Forwarded-Host` decide what links look like."""
    max_limit: int = MAX_LIMIT
    requests_kept: int = 1_000
    """How many of the requests received are remembered, the newest; of error reports and events, as many."""

    def __attrs_post_init__(self) -> None:
        _check_token("token", self.token)
        _check_token("token of the second user", self.other_token)
        if self.other_token == self.token:
            raise ValueError("the second user has the token of the first: choose another")
        if self.admin_token is not None:
            _check_token("admin token", self.admin_token)
            if self.admin_token in (self.token, self.other_token):
                raise ValueError("the admin token is the token, which signing in gives: choose another, or none")
        names = (("user name", self.username), ("password", self.password))
        for name, text in (*names, ("second user name", self.other_username), ("second password", self.other_password)):
            if not text or not text.isprintable():
                raise ValueError(f"the {name} must be text that can be printed, and not empty")
        if self.max_limit < 1:
            raise ValueError(f"max_limit {self.max_limit}: a page holds at least one row")


def credentials(
    host: str,
    *,
    token: str | None,
    username: str | None,
    password: str | None,
    other_token: str | None = None,
    admin_token: str | None,
) -> dict[str, str | None]:
    """The credentials of a server that listens on `host`; what is not given is made up.

    On loopback, they are those that the guide names. If other machines can reach the server, the token, the password and
    the admin token are random.
    """
    if is_loopback(host):
        made_up: dict[str, str | None] = {"token": DEFAULT_TOKEN, "password": DEFAULT_PASSWORD, "admin_token": None}
    else:
        names = ("token", "password", "admin_token", "other_token", "other_password")
        made_up = {name: secrets.token_hex(16) for name in names}
    given = {
        "token": token,
        "username": username,
        "password": password,
        "other_token": other_token,
        "admin_token": admin_token,
    }
    return {"username": "mock", **made_up, **{name: text for name, text in given.items() if text is not None}}


def is_loopback(host: str) -> bool:
    """Whether nothing but this machine reaches a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_token(name: str, token: str) -> None:
    if not token.isascii() or not token.isprintable() or not token or " " in token:
        raise ValueError(f"the {name} must be ASCII without spaces: no client could send another in a header")
