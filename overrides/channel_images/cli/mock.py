"""Runs `channel-images mock`: the mock server."""

import errno
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from channel_images.cli.contract import use
from channel_images.cli.errors import fail, needs_extra

if TYPE_CHECKING:
    from channel_images.mock import Churn, MockServer, PortInUse

_DEFAULT_TOKEN = "mock-token"  # noqa: S105 - published on purpose; a test holds it to the mock's own


_Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Its columns and its rows."""


def _variants() -> list[_Table]:
    from channel_images.mock.variants import VARIANTS

    rows = [(each.name, each.summary, each.allowance.value) for each in VARIANTS.values()]
    return [(("variant", "what it does", "what allows it"), rows)]


def _bugs() -> list[_Table]:
    from channel_images.mock.bugs import BUGS

    ruled = [(each.name, each.rule, each.summary) for each in BUGS.values() if each.rule]
    others = [(each.name, each.summary) for each in BUGS.values() if not each.rule]
    return [(("bug", "rule that sees it", "what is wrong"), ruled), (("bug in reporting", "what is wrong"), others)]


def _faults() -> list[_Table]:
    from channel_images.mock.faults.kinds import CONDITIONS, KINDS

    return [
        (("fault", "what happens"), [(each.form, each.summary) for each in KINDS]),
        (("condition", "which requests"), [(f":{each.form}", each.summary) for each in CONDITIONS]),
    ]


def _use(path: Path | None) -> Path | None:
    if path is not None:
        with needs_extra("mock"):
            from channel_images.mock import MockServer

        use(path, MockServer)  # which reads all of it, and does not listen yet
    return path


def _list(tables: Callable[[], list[_Table]], what: str) -> Any:
    """The option that prints tables instead of running the command."""

    def callback(wanted: bool) -> None:
        if not wanted:
            return
        from channel_images.cli.table import print_table

        with needs_extra("mock"):
            for number, (columns, rows) in enumerate(tables()):
                typer.echo("\n" * bool(number), nl=False)
                print_table(columns, rows)
        raise typer.Exit

    return typer.Option(f"--list-{what}", callback=callback, help=f"List the {what}.")


def mock(
    _contract: Annotated[
        Path | None,
        typer.Option(
            "--contract",
            metavar="FILE",
            # Eager, so that the lists of variants and bugs are those of this contract, wherever it is named.
            is_eager=True,
            callback=_use,
            help="Serve the contract of another API. docs/contract.md says what it must declare.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="CHANNEL_IMAGES_MOCK_TOKEN",
            help=f"The token that the server accepts.  [default: {_DEFAULT_TOKEN}; random if other machines reach the "
            "server]",
        ),
    ] = None,
    username: Annotated[
        str | None,
        typer.Option(
            envvar="CHANNEL_IMAGES_MOCK_USERNAME", help="The user who may sign in for the token.  [default: mock]"
        ),
    ] = None,
    password: Annotated[
        str | None,
        typer.Option(
            envvar="CHANNEL_IMAGES_MOCK_PASSWORD",
            help="The password to sign in with.  [default: mock; random if other machines reach the server]",
        ),
    ] = None,
    other_token: Annotated[
        str | None,
        typer.Option(
            envvar="CHANNEL_IMAGES_MOCK_OTHER_TOKEN",
            help="The token of a second user, who sees only a channel of its own.  [default: mock-other; random if other machines "
            "reach the server]",
        ),
    ] = None,
    admin_token: Annotated[
        str | None,
        typer.Option(
            envvar="CHANNEL_IMAGES_MOCK_ADMIN_TOKEN",
            help="The token of the admin API.  [default: that of the server; a random one of its own if other machines "
            "reach the server]",
        ),
    ] = None,
    images: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="The number of images of channel 5.  [default: 1000]")
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=SIZE", help="A channel and the number of its images, instead of --images. Repeatable."
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Load images that channel-images export wrote (.ndjson, .ndjson.gz); 5=FILE loads them into channel 5. "
            "Repeatable.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other images, faults and changes.")] = 0,
    variant: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Have a habit that a healthy server may have. Repeatable."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="Let something go wrong on the way, such as 503:rate=0.1. Repeatable."),
    ] = None,
    churn: Annotated[
        bool, typer.Option("--churn", help="Change the data now and then while a client reads it.")
    ] = False,
    churn_spec: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="Change the data before each list request, as in adds=1:removes=2."),
    ] = None,
    arrivals: Annotated[
        str | None,
        typer.Option(metavar="PACE", help="Add images to each channel at this pace, such as 5/min; /s, /min or /h."),
    ] = None,
    edits: Annotated[
        str | None, typer.Option(metavar="PACE", help="Edit images of each channel at this pace, such as 5/min.")
    ] = None,
    bug: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Violate the contract in this way. Repeatable.")
    ] = None,
    log: Annotated[bool, typer.Option("--log", help="Print a line for each request on stderr.")] = False,
    trust_proxy: Annotated[
        bool,
        typer.Option("--trust-proxy", help="Let X-Forwarded-Proto and X-Forwarded-Host decide what links look like."),
    ] = False,
    tls: Annotated[
        bool,
        typer.Option(
            "--tls", help="Speak HTTPS, with a certificate made at the start for this machine and the --host."
        ),
    ] = False,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Speak HTTPS with this certificate, in PEM; needs --tls-key.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The private key of --tls-cert, in PEM.")] = None,
    _list_of_variants: Annotated[bool, _list(_variants, "variants")] = False,
    _list_of_faults: Annotated[bool, _list(_faults, "faults")] = False,
    _list_of_bugs: Annotated[bool, _list(_bugs, "bugs")] = False,
) -> None:
    """Run a mock server that behaves like Omnitron, until Ctrl-C.

    Example: channel-images mock --images 100000 --fault 429:rate=0.05
    """
    with needs_extra("mock"):
        from channel_images.mock import MockServer, PortInUse

    variants, faults, bugs = variant or [], fault or [], bug or []
    try:
        changing = _churn(churn, churn_spec, seed)
        server = MockServer(
            images=images,
            channels=_channels(images, channel),
            data=data or [],
            token=token,
            username=username,
            password=password,
            other_token=other_token,
            admin_token=admin_token,
            seed=seed,
            trust_proxy=trust_proxy,
            host=host,
            port=port,
            tls=_files(tls_cert, tls_key) or tls,
            variants=variants,
            bugs=bugs,
            faults=faults,
            churn=changing,
            arrivals=arrivals,
            edits=edits,
            log=_log if log else None,
        )
        given = {"token": token, "password": password, "other_token": other_token, "admin_token": admin_token}
        more = {"variants": variants, "bugs": bugs, "faults": faults, "churn": [str(changing)] if changing else []}
        more |= {"data": data or [], "arrivals": [arrivals] if arrivals else [], "edits": [edits] if edits else []}
        server.serve(ready=lambda: _announce(server, host, given, more))
    except PortInUse as error:
        _cannot_listen(error)
    except ValueError as error:
        fail(str(error))
    # Only Ctrl-C leads here: other signals end the process.
    raise typer.Exit(130)


def _channels(images: int | None, given: Sequence[str] | None) -> dict[int, int] | None:
    """The size of each channel, by its id."""
    if not given:
        return None
    if images is not None:
        fail("--channel takes the place of --images: give --channel 5=SIZE for channel 5")
    sizes: dict[int, int] = {}
    for text in given:
        named = re.fullmatch("([0-9]{1,19})=([0-9]{1,19})", text)
        if named is None:
            fail(f"--channel takes the id of a channel and its number of images, such as 9=1000, not {text!r}")
        number, size = map(int, named.groups())
        if sizes.setdefault(number, size) != size:
            fail(f"--channel gives channel {number} two sizes: give one")
    return sizes


def _files(cert: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        given, missing = ("--tls-key", "--tls-cert") if cert is None else ("--tls-cert", "--tls-key")
        fail(f"{given} needs {missing}; or let --tls make both")
    return cert, key


def _churn(gentle: bool, spec: str | None, seed: int) -> "Churn | None":
    from channel_images.mock.churn import Churn, churn_of

    return churn_of(gentle, seed) if spec is None else Churn.parse(spec, seed=seed)


def _announce(server: "MockServer", host: str, given: dict[str, str | None], more: dict[str, list[str]]) -> None:
    from channel_images.mock.settings import is_loopback

    settings = server.settings
    # What was made up is shown, this once. What was given is known, and no business of whoever reads the log.
    shown = {name: "(as given)" if value is not None else getattr(settings, name) for name, value in given.items()}
    if not is_loopback(host):
        typer.echo(
            f"{host} is open to other machines: the token and the password open the data, the admin token changes it"
            + ", and all of them travel in plain text" * server.url.startswith("http:"),
            err=True,
        )
        known = {settings.token, settings.password} & {_DEFAULT_TOKEN, "mock"}
        if known:
            typer.echo(f"and everybody knows {' and '.join(sorted(known))}: give others, or none", err=True)
    lines = {"URL": server.url}
    if ca_file := server.environ().get("SSL_CERT_FILE"):
        lines |= {"CA": ca_file, "trust": f"export SSL_CERT_FILE={quote(ca_file)} REQUESTS_CA_BUNDLE={quote(ca_file)}"}
    lines |= {"token": shown["token"], "sign-in": f"{settings.username} / {shown['password']}"}
    if settings.admin_token is not None:
        lines["admin"] = shown["admin_token"]
    lines["channels"] = _sized(settings.channels)
    if others := {each: size for each, size in settings.other_channels.items() if each not in settings.channels}:
        lines["other"] = f"{shown['other_token']}, a user who sees channel {_sized(others)}"
    lines |= {name: ", ".join(values) for name, values in more.items() if values}
    lines["docs"] = f"{server.url}/"
    for name, value in lines.items():
        typer.echo(f"{name:8}  {value}")
    typer.echo("Ctrl-C ends it.", err=True)


def _sized(channels: Mapping[int, int]) -> str:
    return ", ".join(f"{number} ({count:,} images)" for number, count in channels.items())


def _log(line: str) -> None:
    # Requests are answered whether anybody reads of them or not.
    with suppress(OSError):
        typer.echo(line, err=True)


def _cannot_listen(error: "PortInUse") -> NoReturn:
    number = error.__cause__.errno if isinstance(error.__cause__, OSError) else None
    if number in {errno.EADDRINUSE, errno.EACCES}:
        fail(f"{error}; give another --port, or --port 0 for a free one")
    fail(f"{error}; give a --host that this machine has, such as 127.0.0.1")
