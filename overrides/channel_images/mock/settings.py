"""What can be set about a mock server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

DEFAULT_TOKEN = "mock-token"  # noqa: S105 - published on purpose: it guards invented data on loopback
DEFAULT_CHANNELS: Mapping[int, int] = MappingProxyType({5: 1_000, 6: 23, 7: 0})
"""Images by channel: one to work with, a small one, an empty one."""

MAX_LIMIT = 1_000
"""The largest page, in rows; a larger ``limit`` is treated as this one."""
MAX_BODY = 64 * 1024
"""The largest request body that is read, in bytes."""
MAX_HEAD = 64 * 1024
"""The largest request line with headers, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a mock server."""

    token: str = field(default=DEFAULT_TOKEN, repr=False)
    username: str = "mock"
    password: str = field(default="mock", repr=False)
    channels: Mapping[int, int] = field(default_factory=lambda: DEFAULT_CHANNELS)
    """How many images each channel begins with, by the channel's id."""
    seed: int = 0
    """The same seed gives the same images, byte for byte."""
    trust_proxy: bool = False
    """Whether ``X-Forwarded-Proto`` and ``X-Forwarded-Host`` decide what links look like."""
    max_limit: int = MAX_LIMIT
    requests_kept: int = 1_000
    """How many of the requests received are remembered, the newest."""

    def __post_init__(self) -> None:
        if not self.token.isascii() or not self.token or any(character.isspace() for character in self.token):
            raise ValueError("the token must be ASCII without spaces: no client could send another in a header")
        if self.max_limit < 1:
            raise ValueError(f"max_limit {self.max_limit}: a page holds at least one row")
