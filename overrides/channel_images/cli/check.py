"""Runs `channel-images check`: judges a server."""

import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from channel_images.cli.bounds import Bounds
from channel_images.cli.compare import Comparison
from channel_images.cli.connection import CaFileOption, Credentials, HeaderOption, ProxyOption, parsed_header
from channel_images.cli.contract import ContractOption, use
from channel_images.cli.errors import fail, needs_extra
from channel_images.cli.options import with_groups
from channel_images.cli.other_user import OtherUser, signed_in
from channel_images.cli.traffic import Traffic
from channel_images.settings import CHANNEL_VARIABLES, URL_VARIABLES

if TYPE_CHECKING:
    from channel_images.conformance import Options, Report, Target
    from channel_images.conformance.asking.recording import Recording
    from channel_images.conformance.baseline import Baseline
    from channel_images.conformance.waivers import Waivers

INTERRUPTED = "interrupted by Ctrl-C; what had been found by then stands"
MOST_REASON = 600
"""Characters of the reason why a server could not be judged, which may quote what it sent."""
PIPED = (200, 1_000)
"""Columns and lines of a summary that no terminal shows."""


class SummaryFormat(StrEnum):
    """How the summary on stdout is written."""

    TEXT = "text"
    GITHUB = "github"


class FailOn(StrEnum):
    """The least severity that makes a violation count; or violations that are errors and that the baseline has not."""

    ERROR = "error"
    WARNING = "warning"
    NEW = "new"


@with_groups
def check(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="URL",
            help="The server's base URL, with its path prefix if it has one.",
            envvar=list(URL_VARIABLES),
        ),
    ] = None,
    channel: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            envvar=list(CHANNEL_VARIABLES),
            help="The channel to examine; further ones are for the rules about isolation. Repeatable.",
        ),
    ] = None,
    *,
    credentials: Credentials,
    other_user: OtherUser,
    report: Annotated[
        Path | None,
        typer.Option(help="Write report.json, index.html, junit.xml and replay.sh into this folder.", file_okay=False),
    ] = None,
    output: Annotated[
        SummaryFormat,
        typer.Option("--format", help="Print the summary for people, or as annotations of a GitHub workflow."),
    ] = SummaryFormat.TEXT,
    fail_on: Annotated[
        FailOn,
        typer.Option(
            help="Exit 1 if there is a violation of this severity or a higher one; new: an error that the baseline lacks."
        ),
    ] = FailOn.ERROR,
    require: Annotated[
        list[str] | None,
        typer.Option(metavar="all|FAMILY", help="Exit 1 if a rule of this family was not exercised. Repeatable."),
    ] = None,
    comparison: Comparison,
    quick: Annotated[
        bool, typer.Option("--quick", help="Try only how answers are related, on less data and without schemathesis.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed asks the same questions.")] = 0,
    rule: Annotated[list[str] | None, typer.Option(metavar="ID", help="Try only this rule. Repeatable.")] = None,
    skip: Annotated[list[str] | None, typer.Option(metavar="ID", help="Leave this rule out. Repeatable.")] = None,
    waivers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file of known violations that do not count until a day that it names."),
    ] = None,
    waivers_update: Annotated[
        bool, typer.Option("--waivers-update", help="Bring the file of --waivers up to date with what this run finds.")
    ] = False,
    expect: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file of known answers, which the rows do not tell.")
    ] = None,
    bounds: Bounds,
    contract: ContractOption = None,
    probe_writes: Annotated[
        bool, typer.Option("--probe-writes", help="Also send POST, PUT, PATCH and DELETE, to ids that do not exist.")
    ] = False,
    header: HeaderOption = None,
    ca_file: CaFileOption = None,
    proxy: ProxyOption = None,
    traffic: Traffic,
) -> None:
    """Judge a server: exit 0 if it conforms, 1 if it does not, 2 if it could not be judged.

    Example: channel-images check https://host --channel 5 --report report
    """
    with needs_extra("conformance"):
        from attrs import evolve

        from channel_images.conformance import Options, Severity, Target
        from channel_images.conformance.asking.expect import Expectations, read_expectations
        from channel_images.conformance.asking.target import base_url
        from channel_images.conformance.judging.oracle import validators
        from channel_images.conformance.report.text import visible_line
        from channel_images.conformance.seen import Coverage
        from channel_images.conformance.waivers import Waivers, read_waivers

    if contract is not None:
        use(contract, lambda: (validators(), *Coverage((0,)).seen()))
    recording = traffic.recording(context, url, channel)
    if recording is not None:
        url, channel = recording.url, list(recording.channels)
    if not url:
        fail(f"no server: give its base URL, as in `channel-images check https://host`, or set {URL_VARIABLES[0]}")
    if not channel:
        fail(f"no channel: give --channel 5, or set {CHANNEL_VARIABLES[0]}")
    if waivers_update and waivers is None:
        fail("--waivers-update writes the file of --waivers: give both")
    comparison = comparison.settled(is_needed=fail_on is FailOn.NEW)
    baseline = comparison.read()
    try:
        where = base_url(url)
        accepted = Waivers() if waivers is None or (waivers_update and not waivers.exists()) else read_waivers(waivers)
        known = read_expectations(expect) if expect else Expectations()
    except ValueError as error:
        fail(str(error))
    anyone = Target(
        url=where,
        channel=channel[0],
        others=tuple(channel[1:]),
        headers=dict(parsed_header(line) for line in header or []),
        timeout=bounds.timeout,
        verify=str(ca_file) if ca_file else True,
        proxy=proxy,
    )
    chosen = credentials.chosen(context)
    target = anyone if recording else other_user.told_to(signed_in(anyone, chosen))
    command = ["channel-images", "check", target.url, *(f"--channel={number}" for number in channel), f"--seed={seed}"]
    command += [f"--rule={identity}" for identity in rule or []] + [f"--skip={identity}" for identity in skip or []]
    command += [f"--waivers={waivers}"] * bool(waivers) + [f"--expect={expect}"] * bool(expect)
    command += [f"--contract={contract}"] * bool(contract)
    command += ["--probe-writes"] * probe_writes + ["--quick"] * quick
    command += [f"--fail-on={fail_on.value}"] * (fail_on is not FailOn.ERROR)
    command += [f"--require={family}" for family in require or []] + comparison.words() + bounds.words()
    command += [f"--from-har={traffic.from_har}"] * bool(traffic.from_har)
    options = Options(
        seed=seed,
        quick=quick,
        rules=frozenset(rule) if rule else None,
        skip=frozenset(skip or []),
        probe_writes=probe_writes,
        **bounds.options(target.url),
        expectations=known,
        waivers=accepted,
        command=shlex.join(command),
        har=traffic.kept(context, {"channels": channel, "seed": seed, "quick": quick}),
        required=tuple(require or ()),
    )
    if comparison.against:
        there = evolve(anyone, url=comparison.against)
        # A token for another server goes there alone.
        other = signed_in(there, comparison.credentials(chosen))
        other = other if comparison.against_token else other_user.told_to(other)
        # The recording is of the server that is judged, not of the other one.
        baseline = _baseline(other, evolve(options, har=None, **bounds.options(other.url)))
    outcome, interrupted = _judged(target, options, recording)
    least = Severity.WARNING if fail_on is FailOn.WARNING else Severity.ERROR
    change = baseline.change(outcome) if baseline else None
    outcome = evolve(outcome, fail_on=least, fail_on_new=fail_on is FailOn.NEW, change=change)
    if waivers and not outcome.not_judged:
        drop = not quick and recording is None
        outcome = _settle_waivers(outcome, accepted, waivers, update=waivers_update, drop=drop)
    _tell(outcome, output, report)
    if interrupted:
        _stop(INTERRUPTED)
    if outcome.not_judged:
        kept = f"; {waivers} is as it was" if waivers_update else ""
        fail(f"could not be judged: {visible_line(outcome.not_judged, MOST_REASON)}{kept}")
    if outcome.verdict != "conforms":
        raise typer.Exit(1)


# The run


def _baseline(target: "Target", options: "Options") -> "Baseline":
    """What is found on the server of --against. Ends the command if that cannot be judged."""
    from channel_images.conformance.baseline import Baseline
    from channel_images.conformance.report.text import visible_line

    outcome, interrupted = _judged(target, options, before="against: ")
    if interrupted:
        _stop("interrupted while the server of --against was judged")
    if outcome.not_judged:
        fail(f"the server of --against could not be judged: {visible_line(outcome.not_judged, MOST_REASON)}")
    return Baseline.of(outcome)


def _judged(
    target: "Target", options: "Options", recording: "Recording | None" = None, *, before: str = ""
) -> "tuple[Report, bool]":
    """What came of the run, or of what was recorded, and whether Ctrl-C ended it. `before` is put before each step."""
    from attrs import evolve

    from channel_images.conformance import check as run_check
    from channel_images.conformance.recorded import judge_recording

    outcome: Report | None
    with _interruptions() as interruptions:
        try:
            with _progress() as step:
                if recording is None:
                    outcome = run_check(target, options, on_step=lambda name: step(before + name))
                else:
                    outcome = judge_recording(recording, options)
        except ValueError as error:
            fail(str(error))
        except KeyboardInterrupt as interruption:
            outcome = getattr(interruption, "report", None)
    if outcome is None:
        _stop("interrupted before anything was judged")
    if interruptions:  # whatever else ended the run is a consequence
        outcome = evolve(outcome, not_judged=INTERRUPTED)
    return outcome, bool(interruptions)


@contextmanager
def _interruptions() -> Iterator[list[int]]:
    """The Ctrl-Cs since the block began, those too that something below has swallowed (schemathesis does)."""
    seen: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        seen.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Steps as they begin, on stderr: in place in a terminal, a line each elsewhere."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    if not console.is_interactive:
        yield lambda step: _say(f"… {step}", err=True)
        return
    with console.status("first answers") as status:
        yield lambda step: status.update(escape(step))


def _settle_waivers(outcome: "Report", accepted: "Waivers", path: Path, *, update: bool, drop: bool) -> "Report":
    """Name the waivers that do nothing, or write the file anew and judge by it."""
    from attrs import evolve

    for waiver in accepted.expired(outcome.results):
        _say(f"! the waiver of {waiver} expired on {waiver.expires}: it counts again ({path})", err=True)
    if not update:
        for waiver in accepted.unused(outcome.results):
            _say(f"! the waiver of {waiver} is unused: nothing is violated there ({path})", err=True)
        return outcome
    updated = accepted.updated(outcome.results, drop=drop)
    if updated != accepted or not path.exists():
        try:
            updated.write(path)
        except OSError as error:
            fail(f"cannot write {path}: {error.strerror}")
    added, dropped = updated.beyond(accepted), accepted.beyond(updated)
    _say(f"{path}: {len(updated.entries)} waivers, {added} of them new, {dropped} dropped", err=True)
    return evolve(outcome, results=updated.applied(outcome.results))


def _tell(outcome: "Report", output: SummaryFormat, folder: Path | None) -> None:
    """Write the report's files, and its summary on stdout."""
    from channel_images.conformance.report import render_github, render_text, write_report

    if folder is not None:
        try:
            write_report(outcome, folder)
        except OSError as error:
            fail(f"cannot write the report to {folder}: {error.strerror}")
    if output is SummaryFormat.GITHUB:
        _say(render_github(outcome))
    elif outcome.results or not outcome.not_judged:
        width, height = shutil.get_terminal_size() if sys.stdout.isatty() else PIPED
        _say(render_text(outcome, width, height, str(folder / "index.html") if folder else ""))


def _say(text: str, *, err: bool = False) -> None:
    """Print a text; what the terminal's encoding lacks becomes a question mark."""
    encoding = (sys.stderr if err else sys.stdout).encoding or "utf-8"
    typer.echo(text.encode(encoding, "replace").decode(encoding), err=err)


def _stop(message: str) -> NoReturn:
    """End the command as Ctrl-C does."""
    _say(f"channel-images: {message}", err=True)
    raise typer.Exit(130)
