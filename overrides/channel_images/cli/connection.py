"""The connection that a command asks for: its options, and the client they make.

A command takes them all, in this order, and opens the client inside `exit_codes`::

    def command(
        context: typer.Context,
        channel: ChannelArgument = None,
        url: UrlOption = None,
        token: TokenOption = None,
        username: UsernameOption = None,
        password: PasswordOption = None,
        header: HeaderOption = None,
        timeout: TimeoutOption = None,
        ca_file: CaFileOption = None,
        proxy: ProxyOption = None,
        rate: RateOption = None,
        retries: RetriesOption = None,
        verbose: VerboseOption = False,
    ) -> None:
        number = required_channel(context, channel)
        with exit_codes(), open_client(context) as api:
            ...

`open_client` reads them from the context, so that they are not listed once more in each command.
"""

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

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
    int | None,
    typer.Argument(envvar=list(CHANNEL_VARIABLES), metavar="[CHANNEL]", help="The number of the channel."),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar=list(URL_VARIABLES),
        metavar="URL",
        help="The server's base URL, with its path prefix where it has one.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar=list(TOKEN_VARIABLES),
        metavar="TOKEN",
        help="The API token. Prefer the environment variable: a command line is visible to others.",
    ),
]
UsernameOption = Annotated[
    str | None,
    typer.Option(
        "--username", envvar=list(USERNAME_VARIABLES), metavar="NAME", help="Sign in for a token, where none is given."
    ),
]
PasswordOption = Annotated[
    str | None,
    typer.Option(
        "--password",
        envvar=list(PASSWORD_VARIABLES),
        metavar="PASSWORD",
        help="The password to sign in with. Prefer the environment variable.",
    ),
]
HeaderOption = Annotated[
    list[str] | None, typer.Option(metavar="NAME:VALUE", help="A further header for every request; repeatable.")
]
TimeoutOption = Annotated[
    float | None,
    typer.Option(min=0.001, metavar="SECONDS", help="How long the server may take to answer.  [default: 30]"),
]
CaFileOption = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Trust this CA bundle (PEM).")]
ProxyOption = Annotated[str | None, typer.Option(metavar="URL", help="Send the requests through this proxy.")]
RateOption = Annotated[
    float | None, typer.Option(min=0.01, metavar="N", help="At most so many requests a second.  [default: no limit]")
]
RetriesOption = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="How often a failed request is sent again.  [default: 6]")
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Say on stderr what is asked and answered.")]


class Credentials(NamedTuple):
    """What proves that one may ask: a token, or a user name and a password, or, where nothing was given, neither."""

    token: str | None = None
    username: str | None = None
    password: str | None = None


def required_channel(context: typer.Context, channel: int | None) -> int:
    """The channel, or the one that the environment names."""
    if channel is not None:
        return checked_id("the channel", channel)
    name = next((name for name in CHANNEL_VARIABLES if os.environ.get(name)), None)
    if name is None:
        fail(f"no channel: give its number, as in `{context.command_path} 5 ...`, or set {CHANNEL_VARIABLES[0]}")
    value = os.environ[name]
    if not (value.isascii() and value.isdigit()):
        fail(f"{name} holds no number: {value!r}")
    return checked_id("the channel", int(value))


def checked_id(name: str, value: int) -> int:
    """The value, when it can be an id."""
    from channel_images.listings.query import check_id

    try:
        return check_id(name, value)
    except ValueError as error:
        fail(str(error))


def chosen_credentials(
    context: typer.Context, token: str | None, username: str | None, password: str | None
) -> Credentials:
    """Explicit options say more than variables, and a token more than a way to get one."""
    explicit = {name for name in ("token", "username", "password") if _is_explicit(context, name)}
    if "token" in explicit and explicit != {"token"}:
        fail("--token and --username/--password contradict each other: give one or the other")
    if token and not explicit & {"username", "password"}:
        return Credentials(token)
    if username and not password:
        fail(f"a user name alone does not sign in: set {PASSWORD_VARIABLES[0]} (or --password)")
    if password and not username:
        fail(f"a password alone does not sign in: give --username (or {USERNAME_VARIABLES[0]})")
    return Credentials(None, username, password) if username else Credentials()


def parsed_header(line: str) -> tuple[str, str]:
    """The name and the value of a `--header`."""
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    # The line itself is not shown: its value may be a secret.
    if not colon or not name:
        fail("--header takes NAME:VALUE, such as 'X-Shop: 7'")
    if not (name + value).isprintable() or not (name + value).isascii():
        fail(f"--header {name!r}: a header holds printable ASCII alone")
    return name, value


def open_client(context: typer.Context) -> "ChannelImages":
    """The client for what the command was given; a context manager. Nothing is sent.

    Retries show on stderr when that is a terminal, and with `--verbose` every request does.
    """
    given = context.params
    _show_log(verbose=given["verbose"])
    url: str | None = given["url"]
    if not url:
        fail(f"no server: give --url, such as https://host, or set {URL_VARIABLES[0]}")
    credentials = chosen_credentials(context, given["token"], given["username"], given["password"])
    if credentials == Credentials():
        fail(
            f"no token: give --token or set {TOKEN_VARIABLES[0]}; "
            f"or sign in with --username and --password ({USERNAME_VARIABLES[0]}, {PASSWORD_VARIABLES[0]})"
        )

    import httpx

    from channel_images import ChannelImages, Retries
    from channel_images.calls.config import DEFAULT_CALL_TIMEOUT, DEFAULT_TIMEOUT

    options: dict[str, Any] = {}
    if given["timeout"] is not None:
        seconds: float = given["timeout"]
        options["timeout"] = httpx.Timeout(seconds, connect=min(seconds, DEFAULT_TIMEOUT.connect or seconds))
        options["call_timeout"] = max(DEFAULT_CALL_TIMEOUT, 4 * seconds)
    if given["retries"] is not None:
        options["retries"] = Retries(attempts=given["retries"])
    if given["header"]:
        options["headers"] = [parsed_header(line) for line in given["header"]]
    if given["ca_file"] is not None:
        options["verify"] = _trusting(given["ca_file"])
    if given["proxy"]:
        options["proxy"] = given["proxy"]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        client = ChannelImages(url, **credentials._asdict(), rate_limit=given["rate"], **options)
    for warning in warned:
        say(str(warning.message))
    return client


def _is_explicit(context: typer.Context, name: str) -> bool:
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
    if verbose or sys.stderr.isatty():
        logger.addHandler(_ToStderr())
        logger.setLevel(logging.DEBUG if verbose else logging.INFO)
