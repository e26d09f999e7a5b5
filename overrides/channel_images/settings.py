"""Reads settings from the environment, and checks numbers."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import TypedDict

from attrs import field, frozen

from channel_images.exceptions import ConfigurationError

URL_VARIABLES = ("CHANNEL_IMAGES_URL", "OMNITRON_URL")
TOKEN_VARIABLES = ("CHANNEL_IMAGES_TOKEN",)
USERNAME_VARIABLES = ("CHANNEL_IMAGES_USERNAME", "OMNITRON_USERNAME")
PASSWORD_VARIABLES = ("CHANNEL_IMAGES_PASSWORD", "OMNITRON_PASSWORD")
CHANNEL_VARIABLES = ("CHANNEL_IMAGES_CHANNEL", "OMNITRON_CHANNEL_ID")
"""Our own names, then those of the incumbent `channel_app`; the first that is set counts."""
LOG_VARIABLE = "CHANNEL_IMAGES_LOG"
_LEVELS = ("debug", "info", "warning")


@frozen
class Settings:
    """The server, and the token or the credentials for it.

    Attributes:
        url: The base URL, with its path prefix if it has one.
        token: The API token; None if `username` and `password` are to sign in for one.
        channel: The channel to work on; None if no variable names one.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    channel: int | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables of this module. A token goes before a user name and password.

        Args:
            environ: Instead of the process's own environment.

        Raises:
            ConfigurationError: There is no URL, there is neither a token nor a user name with a password, or the channel
                is not a number.
        """
        environ = os.environ if environ is None else environ
        url = first_set(URL_VARIABLES, environ)
        token = first_set(TOKEN_VARIABLES, environ)
        username, password = first_set(USERNAME_VARIABLES, environ), first_set(PASSWORD_VARIABLES, environ)
        channel = first_set(CHANNEL_VARIABLES, environ)
        if url is None:
            raise ConfigurationError(f"no server: set {URL_VARIABLES[0]} to its base URL, such as https://host")
        if token is None and (username is None or password is None):
            raise ConfigurationError(
                f"no token: set {TOKEN_VARIABLES[0]}, or {USERNAME_VARIABLES[0]} and {PASSWORD_VARIABLES[0]} to sign in"
            )
        if channel is not None and not re.fullmatch("0*[0-9]{1,19}", channel):
            raise ConfigurationError(f"the channel in {CHANNEL_VARIABLES[0]} is not a number: {channel!r}")
        if token is not None:
            username = password = None
        return cls(url, token, username, password, int(channel) if channel else None)

    @property
    def arguments(self) -> "Arguments":
        """The arguments of a client that say where the server is, and what proves that one may ask."""
        return {"base_url": self.url, "token": self.token, "username": self.username, "password": self.password}


class Arguments(TypedDict):
    """What `Settings.arguments` has."""

    base_url: str
    token: str | None
    username: str | None
    password: str | None


def first_set(names: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """The value of the first of these variables that is set, and not empty; None if none is."""
    return next((environ[name] for name in names if environ.get(name)), None)


def check_number(name: str, value: float, *, or_zero: bool = False) -> None:
    """Hold a setting to be a positive number, which NaN is not.

    Raises:
        ConfigurationError: It is none.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not (value > 0 or (or_zero and value == 0)):
        raise ConfigurationError(f"{name} is a number, {'0 or more' if or_zero else 'more than 0'}: {value!r}")


def log_as_told(environ: Mapping[str, str] | None = None) -> None:
    """Show the log of this package on stderr, where the environment says so.

    A program that has set logging up for all packages shows it in its own way.

    Raises:
        ConfigurationError: It names no level.
    """
    level = (os.environ if environ is None else environ).get(LOG_VARIABLE, "").strip().lower()
    if not level:
        return
    if level not in _LEVELS:
        raise ConfigurationError(f"{LOG_VARIABLE} is {', '.join(_LEVELS[:-1])} or {_LEVELS[-1]}, not {level!r}")
    import logging

    logger = logging.getLogger("channel_images")
    logger.setLevel(level.upper())
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        logger.addHandler(handler)


def refuse_arguments(refused: Mapping[str, object]) -> None:
    """Refuse keyword arguments that do not exist: `limit` with what takes its place.

    Raises:
        TypeError: There is one.
    """
    if "limit" in refused:
        raise TypeError(
            "there is no argument limit: page_size= is the number of rows on a page, and itertools.islice() ends a list "
            "after so many images"
        )
    if refused:
        raise TypeError(f"there is no argument {next(iter(refused))}")
