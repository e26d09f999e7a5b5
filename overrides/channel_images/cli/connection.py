"""Makes the client that a command asks for, of the options of a connection.

A command takes them as a group, and opens the client inside `exit_codes`:

    @with_groups
    def command(context: typer.Context, channel: ChannelArgument = None, *, connection: Connection) -> None:
        number = required_channel(context, channel)
        with exit_codes(), open_client(context, connection) as api:
            ...
"""

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer
from attrs import field, frozen

from channel_images.cli.errors import fail, say
from channel_images.settings import (
    CHANNEL_VARIABLES,
    PASSWORD_VARIABLES,
    TOKEN_VARIABLES,
    URL_VARIABLES,
    USERNAME_VARIABLES,
)

if TYPE_CHECKING:
    import ssl

    from channel_images import ChannelImages

ChannelArgument = Annotated[
    str | None,
    typer.Argument(envvar=list(CHANNEL_VARIABLES), metavar="[CHANNEL]", help="The number of the channel."),
]
HeaderOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME:VALUE", help="Send a further header with every request. Repeatable.")
]
CaFileOption = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Trust this CA bundle (PEM).")]
ProxyOption = Annotated[str | None, typer.Option(metavar="URL", help="Send the requests through this proxy.")]

_DIGITS = 19
"""Of the largest id."""


@frozen
class Credentials:
    """What proves that one may ask: a token, or a user name and a password, or, where nothing was given, neither."""

    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar=list(TOKEN_VARIABLES),
            metavar="TOKEN",
            help="The API token. Prefer the environment variable: others can see a command line.",
        ),
    ] = field(default=None, repr=False)
    username: Annotated[
        str | None,
        typer.Option(
            "--username",
            envvar=list(USERNAME_VARIABLES),
            metavar="NAME",
            help="Sign in for a token, if you give none.",
        ),
    ] = None
    password: Annotated[
        str | None,
        typer.Option(
            "--password",
            envvar=list(PASSWORD_VARIABLES),
            metavar="PASSWORD",
            help="The password to sign in with. Prefer the environment variable.",
        ),
    ] = field(default=None, repr=False)

    def chosen(self, context: typer.Context) -> "Credentials":
        """Those that count: explicit options say more than variables, and a token more than a way to get one."""
        explicit = {name for name in ("token", "username", "password") if is_explicit(context, name)}
        if "token" in explicit and explicit != {"token"}:
            fail("--token and --username/--password contradict each other: give one or the other")
        if self.token and not explicit & {"username", "password"}:
            return Credentials(self.token)
        if self.username and not self.password:
            fail(f"a user name alone does not sign in: set {PASSWORD_VARIABLES[0]} (or --password)")
        if self.password and not self.username:
            fail(f"a password alone does not sign in: give --username (or {USERNAME_VARIABLES[0]})")
        return Credentials(None, self.username, self.password) if self.username else Credentials()


@frozen(kw_only=True)
class Connection:
    """Where the server is, who asks, and how."""

    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar=list(URL_VARIABLES),
            metavar="URL",
            help="The server's base URL, with its path prefix if it has one.",
        ),
    ] = None
    credentials: Credentials
    header: HeaderOption = None
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.001, metavar="SECONDS", help="Wait at most so long for each arrival of data.  [default: 30]"
        ),
    ] = None
    ca_file: CaFileOption = None
    proxy: ProxyOption = None
    rate: Annotated[
        float | None,
        typer.Option(min=0.01, metavar="N", help="At most so many requests a second.  [default: no limit]"),
    ] = None
    retries: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Retry a failed request at most so often.  [default: 6]")
    ] = None
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show each request and its answer on stderr.")] = (
        False
    )


def required_channel(context: typer.Context, channel: str | None) -> int:
    """The channel, or the one that the environment names."""
    if channel is not None and not _is_from_environment(context, "channel"):
        return id_of("the channel", channel)
    name = next((name for name in CHANNEL_VARIABLES if os.environ.get(name)), None)
    if name is None:
        fail(f"no channel: give its number, as in `{context.command_path} 5 ...`, or set {CHANNEL_VARIABLES[0]}")
    return id_of(name, os.environ[name])


def id_of(name: str, text: str, wanted: str = "a number, such as 5") -> int:
    """The id that a text says.

    Args:
        name: What it is the id of, or where the text comes from.
        text: The text.
        wanted: What belongs there.
    """
    if not (text.isascii() and text.isdigit()):
        fail(f"{name} takes {wanted}, not {text!r}")
    if len(text.lstrip("0")) > _DIGITS or int(text) >= 2**63:
        fail(f"{name} takes {wanted}: {text[:40]} is too large for an id")
    return int(text)


def parsed_header(line: str) -> tuple[str, str]:
    """The name and the value of a `--header`."""
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    # The line itself is not shown: its value may be a secret.
    if not colon or not name:
        fail("--header takes NAME:VALUE, such as 'X-Shop: 7'")
    if not (name + value).isprintable() or not (name + value).isascii():
        fail(f"--header {name!r}: a header holds only printable ASCII")
    return name, value


def open_client(context: typer.Context, given: Connection) -> "ChannelImages":
    """The client for what the command was given; a context manager. Nothing is sent.

    Warnings show on stderr; retries do when that is a terminal; and with `--verbose` every request does.
    """
    _show_log(verbose=given.verbose)
    if not given.url:
        fail(f"no server: give --url, such as https://host, or set {URL_VARIABLES[0]}")
    credentials = given.credentials.chosen(context)
    if credentials == Credentials():
        fail(
            f"no token: give --token or set {TOKEN_VARIABLES[0]}; "
            f"or sign in with --username and --password ({USERNAME_VARIABLES[0]}, {PASSWORD_VARIABLES[0]})"
        )

    import httpx

    from channel_images import ChannelImages, ConfigurationError, Retries
    from channel_images.calls.config import DEFAULT_CALL_TIMEOUT, DEFAULT_TIMEOUT

    options: dict[str, Any] = {}
    if given.timeout is not None:
        options["timeout"] = httpx.Timeout(
            given.timeout, connect=min(given.timeout, DEFAULT_TIMEOUT.connect or given.timeout)
        )
        options["call_timeout"] = max(DEFAULT_CALL_TIMEOUT, 4 * given.timeout)
    if given.retries is not None:
        options["retries"] = Retries(attempts=given.retries)
    if given.header:
        options["headers"] = [parsed_header(line) for line in given.header]
    if given.ca_file is not None:
        options["verify"] = _trusting(given.ca_file)
    if given.proxy:
        options["proxy"] = given.proxy
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            client = ChannelImages(given.url, **attrs.asdict(credentials), rate_limit=given.rate, **options)
        except ConfigurationError as error:
            where = (
                next(name for name in URL_VARIABLES if os.environ.get(name))
                if _is_from_environment(context, "url")
                else "--url"
            )
            raise ConfigurationError(str(error).replace("the base URL", where)) from error
    for warning in warned:
        say(str(warning.message))
    return client


def _is_from_environment(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "ENVIRONMENT"


def is_explicit(context: typer.Context, name: str) -> bool:
    """Whether an option was given on the command line, not by a variable."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _trusting(ca_file: Path) -> "ssl.SSLContext":
    import ssl

    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        fail(f"--ca-file {ca_file}: no certificates in PEM form ({error.strerror or error})")


class _ToStderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def _show_log(*, verbose: bool) -> None:
    logger = logging.getLogger("channel_images")
    logger.handlers = [handler for handler in logger.handlers if not isinstance(handler, _ToStderr)]
    logger.addHandler(_ToStderr())
    logger.setLevel(logging.DEBUG if verbose else logging.INFO if sys.stderr.isatty() else logging.WARNING)
