"""Chooses how rows are printed, and prints them as they come: a table, NDJSON, CSV or a JSON array."""

import difflib
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from attrs import frozen

from channel_images.cli.errors import fail, say
from channel_images.exceptions import IncompleteListing

if TYPE_CHECKING:
    from channel_images.cli.writers import Writer
    from channel_images.formats.text import Row


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    NDJSON = "ndjson"
    CSV = "csv"
    JSON = "json"


def _contract_fields() -> list[str]:
    from channel_images.formats.columns import columns

    return [column.name for column in columns()]


def _complete_fields(incomplete: str) -> list[str]:
    """What a shell offers for `--fields`: the names before the last comma, with one more."""
    given, comma, _ = incomplete.rpartition(",")
    return [f"{given}{comma}{name}" for name in _contract_fields() if name not in given.split(",")]


EscapeFormulasOption = Annotated[
    bool,
    typer.Option("--escape-formulas", help="CSV: put an apostrophe before text that a spreadsheet would calculate."),
]


@frozen
class Output:
    """How rows are written, and which of their fields."""

    format: Annotated[
        Format | None,
        typer.Option("--format", help="Write rows in this format.  [default: table in a terminal, ndjson in a pipe]"),
    ] = None
    fields: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            autocompletion=_complete_fields,
            help="Show only these fields, in this order, even fields that the contract does not name.",
        ),
    ] = None
    escape_formulas: EscapeFormulasOption = False

    def chosen(self) -> Format:
        """The format, also where none was given."""
        return self.format or (Format.TABLE if sys.stdout.isatty() else Format.NDJSON)

    def names(self) -> list[str] | None:
        """The fields, each once; None for all."""
        if not self.fields:  # Typer's value for an option that was not given is an empty list
            return None
        names = [name.strip() for each in self.fields for name in each.split(",")]
        if not all(names):
            fail("--fields takes names with commas between them, such as pk,width,height")
        return list(dict.fromkeys(names))


def print_rows(pages: "Iterable[Sequence[Row]]", output: Output) -> None:
    """Print pages of rows as they come.

    Raises:
        ChannelImagesError: Reading them failed. What came before is printed.
    """
    names, chosen = output.names(), output.chosen()
    writer = _writer_of(chosen, names, escape_formulas=output.escape_formulas)
    unseen, seen = set(names or ()), set[str]()
    count = 0
    try:
        for rows in pages:
            count += len(rows)
            if unseen:
                seen.update(*rows)
                unseen -= seen
            writer.write(rows)
            sys.stdout.flush()
    except IncompleteListing:  # which comes after the last row
        writer.end()
        raise
    writer.end()
    if count:
        _say_unseen(unseen, seen, chosen)
    elif chosen is Format.TABLE:
        say("no images")


def print_row(row: "Row", output: Output) -> None:
    """Print one row; as JSON, it is an object, and as a table in a terminal it has a line for each field."""
    from channel_images.cli.table import print_record
    from channel_images.cli.writers import print_object, selected

    names, chosen = output.names(), output.chosen()
    writer = _writer_of(chosen, names, escape_formulas=output.escape_formulas)
    if chosen is Format.JSON:
        print_object(selected(row, names))
    elif chosen is Format.TABLE and sys.stdout.isatty():
        print_record(selected(row, names))
    else:
        writer.write([row])
        writer.end()
    _say_unseen(set(names or ()) - row.keys(), row, chosen)


def _writer_of(chosen: Format, names: Sequence[str] | None, *, escape_formulas: bool) -> "Writer":
    from channel_images.cli.table import Table
    from channel_images.cli.writers import CsvLines, JsonArray, Ndjson

    if chosen is Format.CSV:
        return CsvLines(names, escape_formulas=escape_formulas)
    if escape_formulas:
        fail("--escape-formulas is for --format csv")
    if chosen is Format.TABLE:
        return Table(names)
    return Ndjson(names) if chosen is Format.NDJSON else JsonArray(names)


def _say_unseen(unseen: Iterable[str], seen: Iterable[str], chosen: Format) -> None:
    from channel_images.formats.columns import REST

    known = {*_contract_fields(), *([REST] if chosen is Format.CSV else [])}
    for name in sorted(set(unseen).difference(known)):
        near = difflib.get_close_matches(name, {*known, *seen}, 1)
        say(f"no image has a field {name!r}" + (f"; is it {near[0]!r}?" if near else ""))
