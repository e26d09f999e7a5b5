"""Runs `channel-images export`: writes every image of one or more channels to a file."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from channel_images.choices import What
from channel_images.cli.connection import Connection, open_client
from channel_images.cli.errors import exit_codes, fail, say
from channel_images.cli.filters import Filters
from channel_images.cli.listing import ConcurrencyOption
from channel_images.cli.options import with_groups
from channel_images.cli.output import EscapeFormulasOption
from channel_images.settings import CHANNEL_VARIABLES, first_set

if TYPE_CHECKING:
    from channel_images.export import ExportResult, Progress as ExportProgress

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
            help="The channels (or CHANNEL_IMAGES_CHANNEL), and the file: .ndjson, .csv, .parquet, .ndjson.gz, .csv.gz; "
            "or a folder, which ends in a slash, for a file each.",
        ),
    ],
    *,
    what: Annotated[What, typer.Option(help="Which list of the channels.")] = What.IMAGES,
    file_format: Annotated[
        FileFormat | None, typer.Option("--format", help="The format of the files in a folder.  [default: parquet]")
    ] = None,
    escape_formulas: EscapeFormulasOption = False,
    filters: Filters,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Rows on a page.")] = 1_000,
    concurrency: ConcurrencyOption = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say on stdout, as JSON, what came of it.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    connection: Connection,
) -> None:
    """Write every image of one or more channels to a file. A run that was broken off is continued by the next one.

    It ends with `complete` (exit 0): each image that was there throughout is in the file, once; or with `unstable`
    (exit 1): the list could not be read with proof, and images may be missing.

    Example: channel-images export 5 images.parquet
    """
    *words, path = arguments
    channels = [_channel(word) for word in words or _from_environment()]
    chosen = filters.chosen()
    # Arrow's own allocator keeps what it has had, and so takes half as much memory again.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from channel_images.export import Export, Status

    with exit_codes(), open_client(context, connection) as client:
        with _progress(quiet) as on_progress:
            task = Export(
                client,
                channels,
                path,
                what=what,
                filters=chosen,
                file_format=file_format.value if file_format else None,
                escape_formulas=escape_formulas,
                page_size=limit,
                concurrency=concurrency,
                overwrite=overwrite,
                on_progress=on_progress,
            )
            try:
                result = task.run()
            except BaseException:
                if task.result().rows:
                    _report(task.result(), as_json=as_json)
                raise
        _report(result, as_json=as_json)
    raise typer.Exit(1 if result.status is Status.UNSTABLE else 0)


def _from_environment() -> list[str]:
    word = first_set(CHANNEL_VARIABLES, os.environ)
    if word is None:
        fail(f"no channel: give its number, as in `channel-images export 5 FILE`, or set {CHANNEL_VARIABLES[0]}")
    return [word]


def _channel(word: str) -> int:
    if not (word.isascii() and word.isdigit()):
        fail(f"{word!r} is no channel: give channels as numbers, and the file last")
    return int(word)


def _report(result: "ExportResult", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result.to_dict()))
    for channel in result.channels:
        if channel.doubts:
            say(
                f"channel {channel.channel}: images may be missing before {', '.join(channel.doubts)}; the list changed too "
                "fast, has no stable order, or the server did not give what it promised"
            )
    where = ", ".join(map(str, result.files[:3])) + (" ..." if len(result.files) > 3 else "")
    since = ", begun by an earlier run," if result.resumed else ""
    said = f"{result.status}: {result.rows:,} images{since} in {result.seconds:.1f} s, {result.retries} retries"
    say(f"{said}: {where}" if where else said)
    if result.status == "partial":
        say("run the same command again to go on")


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
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("channel {task.fields[channel]}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} rows · {task.fields[rate]:,.0f}/s · {task.fields[retries]} retries"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("export", total=None, channel="", rate=0, retries=0)

        def show(progress: "ExportProgress") -> None:
            bar.update(
                task,
                completed=progress.rows,
                total=progress.expected,
                channel=progress.channel,
                rate=progress.new_rows / max(progress.seconds, 0.001),
                retries=progress.retries,
            )

        yield show


def _lines() -> "Callable[[ExportProgress], None]":
    shown = time.monotonic()

    def show(progress: "ExportProgress") -> None:
        nonlocal shown
        if time.monotonic() - shown >= _PLAIN_SECONDS:
            shown = time.monotonic()
            of = "" if progress.expected is None else f" of {progress.expected:,}"
            rate = progress.new_rows / max(progress.seconds, 0.001)
            say(f"channel {progress.channel}: {progress.rows:,}{of} rows, {rate:,.0f}/s, {progress.retries} retries")

    return show
