"""Reads what both connectors need of the environment, beside what `from_env` reads."""

import os
from typing import Self

import httpx
from attrs import frozen

from channel_images import ConfigurationError, Settings


@frozen
class Config:
    """How a connector is set up.

    Attributes:
        channel: The channel, of `CHANNEL_IMAGES_CHANNEL`.
        shop_url: The base URL of the shop, of `SHOP_URL`.
        seconds: How long to wait between two rounds, of `POLL_SECONDS`; 60 where it is not set.
    """

    channel: int
    shop_url: str
    seconds: int

    @classmethod
    def from_env(cls) -> Self:
        """Read and check the variables.

        Raises:
            ConfigurationError: One is missing, or makes no sense.
        """
        channel = Settings.from_env().channel
        if channel is None:
            raise ConfigurationError("no channel: set CHANNEL_IMAGES_CHANNEL to its number")
        shop_url = os.environ.get("SHOP_URL", "")
        if not _is_http(shop_url):
            raise ConfigurationError("no shop: set SHOP_URL to its base URL, such as https://shop.example.com")
        seconds = os.environ.get("POLL_SECONDS", "60")
        if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 8):
            raise ConfigurationError(f"POLL_SECONDS is a whole number of seconds, such as 60, not {seconds!r}")
        return cls(channel, shop_url, int(seconds))


def _is_http(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host)
