"""Runs `channel-images export`: writes every image of one or more channels to a file."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from channel_images.choices import What
from channel_images.cli.connection import Connection, id_of, open_client
from channel_images.cli.errors import exit_codes, fail, say
from channel_images.cli.filters import Filters
from channel_images.cli.options import with_groups
from channel_images.cli.output import EscapeFormulasOption
from channel_images.exceptions import ChannelImagesError
from channel_images.settings import CHANNEL_VARIABLES, first_set

if TYPE_CHECKING:
    from channel_images.export import ExportResult, Progress as ExportProgress

_GRACE = 5.0
"""Seconds to keep what was read, after Ctrl-C or SIGTERM; on most disks it takes a few milliseconds."""
_PLAIN_SECONDS = 5.0
"""Seconds between two lines of progress that no terminal shows."""


class FileFormat(StrEnum):
    """The format of the files in a folder."""

    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"


@with_groups
def export(
    context: typer.Context,
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="[CHANNEL]... FILE",
            help="The channels (or set CHANNEL_IMAGES_CHANNEL), and the file: .ndjson, .csv, .parquet, .ndjson.gz or "
            ".csv.gz. A folder, which ends in a slash, gets a file for each channel.",
        ),
    ],
    *,
    what: Annotated[What, typer.Option(help="The list to export.")] = What.IMAGES,
    detailed: Annotated[
        bool,
        typer.Option(
            "--detailed",
            help="Add further fields that the server has for an image; a pending image takes one more request.",
        ),
    ] = False,
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="The format of the files in a folder.  [default: parquet]")
    ] = None,
    escape_formulas: EscapeFormulasOption = False,
    filters: Filters,
    api: Annotated[
        str | None,
        typer.Option(
            metavar="PACKAGE",
            help="Export rows of another API, by the package that generate.py wrote from its contract.",
        ),
    ] = None,
    page_size: Annotated[int, typer.Option(min=1, metavar="N", help="Ask for so many rows a page.")] = 1_000,
    concurrency: Annotated[
        int, typer.Option(min=1, metavar="N", help="Keep so many requests in flight, over all channels.")
    ] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result on stdout, as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    connection: Connection,
) -> None:
    """Write every image of one or more channels to a file. If a run is interrupted, the next one goes on from there.

    It ends in one of three ways. `complete` (exit 0): the file has each image that was there throughout, once.
    `unstable` (exit 1): a list changed too fast, and images may be missing. `partial`: some channels failed, and are
    named with the reason (exit 1; 2 if all failed), or the run was interrupted (exit 2, 130, 143).

    Example: channel-images export 5 images.parquet
    """
    *words, path = arguments
    channels = [_channel(word) for word in words or _from_environment()]
    if detailed and what is What.IMAGES:
        what = What.DETAILED
    chosen = filters.chosen(what)
    # Arrow's own allocator keeps what it has had, and so takes half as much memory again.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from channel_images.export import ChannelsFailed, Export, Status
    from channel_images.export.lists import resource_of

    with exit_codes(grace=_GRACE), open_client(context, connection) as client:
        noun = resource_of(api).noun
        with _progress(quiet) as on_progress:
            try:
                task = Export(
                    client,
                    channels,
                    path,
                    what=what,
                    detailed=detailed,
                    filters=chosen,
                    api=api,
                    file_format=file_format.value if file_format else None,
                    escape_formulas=escape_formulas,
                    page_size=page_size,
                    concurrency=concurrency,
                    on_doubt="keep",
                    overwrite=overwrite,
                    on_progress=on_progress,
                )
            except (TypeError, ValueError) as error:  # of an option that the lists of another API do not have
                fail(str(error))
            try:
                task.run()
            except ChannelsFailed as error:
                failed = error.errors
            except BaseException as error:
                if task.result().rows:
                    _say_result(task.result(), len(channels), noun, as_json=as_json)
                    _say_how_to_go_on(error)
                raise
            else:
                failed = {}
        result = task.result()
        _say_result(result, len(channels), noun, as_json=as_json)
        _say_what_helps(failed)
    if failed:
        raise typer.Exit(1 if len(failed) < len(channels) else 2)
    raise typer.Exit(1 if result.status is Status.UNSTABLE else 0)


def _from_environment() -> list[str]:
    word = first_set(CHANNEL_VARIABLES, os.environ)
    if word is None:
        fail(f"no channel: give its number, as in `channel-images export 5 FILE`, or set {CHANNEL_VARIABLES[0]}")
    return [word]


def _channel(word: str) -> int:
    return id_of("the channel", word, "a number, and the file comes last, as in `channel-images export 5 6 FILE`")


def _say_result(result: "ExportResult", total: int, noun: str, *, as_json: bool) -> None:
    """Say what came of the export, of so many channels."""
    if as_json:
        typer.echo(json.dumps(result.to_dict()))
    for channel in result.channels:
        for words in (*channel.doubts, channel.error):
            if words is not None:
                say(f"channel {channel.channel}: {words}")
    failed = sum(channel.error is not None for channel in result.channels)
    said = f"{result.status}: {result.rows:,} {noun}s"
    if result.resumed:
        said += ", begun by an earlier run,"
    said += f" in {result.seconds:.1f} s, {_retries(result.retries)}"
    if failed:
        said += f", {failed} of {total} channels failed"
        if not result.files:
            said += ", no file is written yet"
    where = ", ".join(map(str, result.files[:3])) + (" ..." if len(result.files) > 3 else "")
    say(f"{said}: {where}" if where else said)


def _say_how_to_go_on(error: BaseException) -> None:
    """Say it of an export that was broken off by an error or a signal."""
    from channel_images.export import may_pass

    if isinstance(error, ChannelImagesError) and not may_pass(error):
        say("what was read is kept: mend that, and the same command goes on")
    else:
        say("run the same command again to go on")


def _say_what_helps(failed: "Mapping[int, ChannelImagesError]") -> None:
    """Say it of channels that failed."""
    from channel_images.export import may_pass

    for_good = [str(channel) for channel, error in failed.items() if not may_pass(error)]
    if len(for_good) < len(failed):
        say("run the same command again to go on: it reads only the missing channels")
    if for_good:
        say(
            f"another run does not help channel {', '.join(for_good)}: mend the cause, or leave it out of the command; "
            "what was read of the others is kept"
        )


@contextmanager
def _progress(quiet: bool) -> "Iterator[Callable[[ExportProgress], None] | None]":
    """Shows on stderr how far an export is: a bar in a terminal, else a line now and then."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _lines()


@contextmanager
def _bar() -> "Iterator[Callable[[ExportProgress], None]]":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    with Progress(BarColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(progress: "ExportProgress") -> None:
            total = 1.0 if progress.fraction else None  # without a length, where nothing can be said of it
            bar.update(task, completed=progress.fraction, total=total, description=_in_words(progress))

        yield show


def _lines() -> "Callable[[ExportProgress], None]":
    shown = time.monotonic()

    def show(progress: "ExportProgress") -> None:
        nonlocal shown
        if time.monotonic() - shown >= _PLAIN_SECONDS:
            shown = time.monotonic()
            say(_in_words(progress))

    return show


def _in_words(progress: "ExportProgress") -> str:
    """How far it is, in one line."""
    if progress.channels > 1:
        where = f"{progress.channels_read} of {progress.channels} channels"
    else:
        where = f"channel {progress.channel}"
    of = "" if progress.expected is None else f" of {progress.expected:,}"
    rate = progress.new_rows / max(progress.seconds, 0.001)
    words = [where, f"{progress.rows:,}{of} rows", f"{rate:,.0f}/s", _retries(progress.retries)]
    if progress.seconds_left is not None:
        words.append(f"about {_duration(progress.seconds_left)} left")
    return ", ".join(words)


def _retries(number: int) -> str:
    return f"{number} {'retry' if number == 1 else 'retries'}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes}:{rest:02} min"
