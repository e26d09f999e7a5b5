"""``channel-images check``: judge a server."""

import ipaddress
import shlex
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from channel_images.cli.errors import fail, needs_extra

URL_VARIABLES = ["CHANNEL_IMAGES_URL", "OMNITRON_URL"]
CHANNEL_VARIABLES = ["CHANNEL_IMAGES_CHANNEL", "OMNITRON_CHANNEL_ID"]
RATE = 10.0
"""Requests a second to a server on another machine, unless ``--rate`` says otherwise."""


def check(
    url: Annotated[
        str,
        typer.Argument(help="The server's base URL, with its path prefix where it has one.", envvar=URL_VARIABLES),
    ],
    channel: Annotated[
        list[int],
        typer.Option(
            min=0,
            envvar=CHANNEL_VARIABLES,
            help="The channel to examine; give further ones for the rules about isolation.",
        ),
    ],
    token: Annotated[
        str,
        typer.Option(
            envvar="CHANNEL_IMAGES_TOKEN",
            show_default=False,
            help="The API token. Prefer the environment variable: a command line is visible to others.",
        ),
    ] = "",
    report: Annotated[
        Path | None, typer.Option(help="Write report.json and index.html into this folder.", file_okay=False)
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Relations alone, on smaller windows: no schemathesis.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Repeats the same requests.")] = 0,
    rule: Annotated[list[str] | None, typer.Option(metavar="ID", help="Try this rule alone; may be repeated.")] = None,
    skip: Annotated[list[str] | None, typer.Option(metavar="ID", help="Leave this rule out; may be repeated.")] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.01, help="Requests a second; by default 10, and no limit on loopback.", show_default=False),
    ] = None,
    max_requests: Annotated[int | None, typer.Option(min=1, help="End the run after so many requests.")] = None,
    probe_writes: Annotated[
        bool, typer.Option("--probe-writes", help="Also send POST, PUT, PATCH and DELETE, to ids that do not exist.")
    ] = False,
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME:VALUE", help="A further header for every request.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds that the server may take to answer.")] = 30.0,
    ca_file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Trust this CA bundle (PEM).")
    ] = None,
    proxy: Annotated[str | None, typer.Option(metavar="URL", help="Send the requests through this proxy.")] = None,
) -> None:
    """Judge a server: exit 0 when it conforms, 1 when it does not, 2 when it could not be judged.

    Example: channel-images check https://staging.example.com --channel 5 --report report
    """
    with needs_extra("conformance"):
        from channel_images.conformance import Options, Target
        from channel_images.conformance import check as run_check
        from channel_images.conformance.report import write_report

    target = Target(
        url=_base_url(url),
        channel=channel[0],
        others=tuple(channel[1:]),
        token=_token(token),
        headers=dict(_header(line) for line in header or []),
        timeout=timeout,
        verify=str(ca_file) if ca_file else True,
        proxy=proxy,
    )
    command = ["channel-images", "check", target.url, *(f"--channel={number}" for number in channel), f"--seed={seed}"]
    if probe_writes:
        command.append("--probe-writes")
    command += [f"--rule={identity}" for identity in rule or []] + [f"--skip={identity}" for identity in skip or []]
    if quick:
        command.append("--quick")
    options = Options(
        seed=seed,
        quick=quick,
        rules=frozenset(rule) if rule else None,
        skip=frozenset(skip or []),
        probe_writes=probe_writes,
        rate=rate or (None if _is_loopback(target.url) else RATE),
        max_requests=max_requests,
        command=shlex.join(command),
    )
    try:
        outcome = run_check(target, options, on_step=lambda step: typer.echo(f"… {step}", err=True))
    except ValueError as error:
        fail(str(error))

    if report is not None:
        try:
            write_report(outcome, report)
        except OSError as error:
            fail(f"cannot write the report to {report}: {error.strerror}")
    for result in outcome.violations():
        typer.echo(f"✗ {result.rule} · {result.operation} · {result.reason}")
        if result.evidence:
            typer.echo(f"    seen: {_one_line(result.evidence.seen)}")
            for request in result.evidence.requests:
                typer.echo(f"    {_printable(request)}")
    where = f" · {report / 'index.html'}" if report is not None else ""
    if outcome.not_judged:
        fail(f"could not be judged: {outcome.not_judged}{where}")
    violations = len(outcome.violations())
    skipped = sum(result.verdict == "not exercised" for result in outcome.results)
    verdict = "conforms" if not violations else f"does not conform: {violations} violation{'s' * (violations > 1)}"
    typer.echo(
        f"{target.url} {verdict} · {outcome.requests} requests in {outcome.seconds} s · "
        f"{skipped} results not exercised{where}"
    )
    if outcome.verdict == "violates":
        raise typer.Exit(1)


def _is_loopback(url: str) -> bool:
    host = (urlsplit(url).hostname or "").removeprefix("[").removesuffix("]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _base_url(url: str) -> str:
    import httpx

    try:
        parsed = httpx.URL(url)
        urlsplit(url)  # stricter about brackets than httpx
    except (httpx.InvalidURL, ValueError) as error:
        fail(f"{url!r} is no URL: {error}")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        fail(f"{url!r} is no URL of a server; it begins with http:// or https://")
    if parsed.userinfo or parsed.query or parsed.fragment:
        fail("the URL holds a password, a query or a fragment; give the base URL alone")
    return url.rstrip("/")


def _token(token: str) -> str:
    if not token.isascii() or any(character.isspace() for character in token):
        fail("the token holds a space, a line break or a character that no header can carry")
    return token


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        fail(f"--header takes NAME:VALUE, not {line!r}")
    return name.strip(), value.strip()


def _printable(text: str) -> str:
    """The text without what a terminal would obey."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _one_line(text: str, limit: int = 200) -> str:
    flat = _printable(" ".join(text.split()))
    return flat if len(flat) <= limit else f"{flat[:limit]}…"
