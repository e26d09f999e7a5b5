"""Rows on stdout, as they come: a table, NDJSON, CSV or a JSON array.

What is written is bytes in UTF-8, whatever the locale, but for tables, which are for people. A pipe gets each character as
it is; a terminal gets no character that it would obey.
"""

import csv
import difflib
import json
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from channel_images.cli.errors import fail, say
from channel_images.cli.tables import table_console
from channel_images.exceptions import IncompleteListing
from channel_images.formats.rows import Row


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    NDJSON = "ndjson"
    CSV = "csv"
    JSON = "json"


FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="How rows are written.  [default: table in a terminal, ndjson in a pipe]"),
]


def complete_fields(incomplete: str) -> list[str]:
    """What a shell offers for `--fields`: the names before the last comma, with one more."""
    given, comma, _ = incomplete.rpartition(",")
    return [f"{given}{comma}{name}" for name in _contract_fields() if name not in given.split(",")]


EscapeFormulasOption = Annotated[
    bool,
    typer.Option("--escape-formulas", help="CSV: an apostrophe before text that a spreadsheet would calculate."),
]
FieldsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME,...",
        autocompletion=complete_fields,
        help="Only these fields, in this order; also fields that the contract does not name.",
    ),
]


def print_rows(
    pages: Iterable[Sequence[Row]], chosen: str | None, fields: Sequence[str] | None, *, escape_formulas: bool = False
) -> None:
    """Print pages of rows as they come.

    Raises:
        ChannelImagesError: Reading them failed. What came before is printed.
    """
    names = _names(fields)
    chosen = _format(chosen)
    writer = _writer(chosen, names, escape_formulas=escape_formulas)
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
        _say_unseen(unseen, seen)
    elif chosen is Format.TABLE:
        say("no images")


def print_row(row: Row, chosen: str | None, fields: Sequence[str] | None, *, escape_formulas: bool = False) -> None:
    """Print one row; as JSON, it is an object, and as a table in a terminal it has a line for each field."""
    names = _names(fields)
    chosen = _format(chosen)
    writer = _writer(chosen, names, escape_formulas=escape_formulas)
    if chosen is Format.JSON:
        _write(json.dumps(_selected(row, names), ensure_ascii=False, indent=2) + "\n")
    elif chosen is Format.TABLE and sys.stdout.isatty():
        _print_record(_selected(row, names))
    else:
        writer.write([row])
        writer.end()
    _say_unseen(set(names or ()) - row.keys(), row)


def _format(chosen: str | None) -> Format:
    if chosen is None:
        return Format.TABLE if sys.stdout.isatty() else Format.NDJSON
    return Format(chosen)  # what comes from a context is still text


def _names(fields: Sequence[str] | None) -> list[str] | None:
    if not fields:  # Typer's value for an option that was not given is an empty list
        return None
    names = [name.strip() for each in fields for name in each.split(",")]
    if not all(names):
        fail("--fields takes names with commas between them, such as pk,width,height")
    return list(dict.fromkeys(names))


def _contract_fields() -> list[str]:
    from channel_images.formats.columns import columns

    return [column.name for column in columns()]


def _selected(row: Row, names: Sequence[str] | None) -> Row:
    """The row with these fields alone. One that is absent stays absent, which is not the same as null."""
    return row if names is None else {name: row[name] for name in names if name in row}


def _say_unseen(unseen: Iterable[str], seen: Iterable[str]) -> None:
    known = _contract_fields()
    for name in sorted(set(unseen).difference(known)):
        near = difflib.get_close_matches(name, {*known, *seen}, 1)
        say(f"no image has a field {name!r}" + (f"; is it {near[0]!r}?" if near else ""))


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _write(text: str) -> None:
    from channel_images.formats.columns import escaped, to_utf8

    if sys.stdout.isatty():
        text = "".join(each if each.isprintable() or each == "\n" else escaped(each) for each in text)
    sys.stdout.buffer.write(to_utf8(text))


# Formats


class _Writer(ABC):
    """A format.

    Args:
        names: The fields to write; None for all.
    """

    def __init__(self, names: Sequence[str] | None) -> None:
        self._names = names

    @abstractmethod
    def write(self, rows: Sequence[Row]) -> None:
        """Write some rows."""

    def end(self) -> None:  # noqa: B027 - most formats need none
        """Write what stands after the last row."""


class _Ndjson(_Writer):
    """A JSON object a line."""

    def write(self, rows: Sequence[Row]) -> None:
        _write("".join(f"{_to_json(_selected(row, self._names))}\n" for row in rows))


class _JsonArray(_Writer):
    """An array with an object a line. One that breaks off has no end, so that nobody takes it for the whole."""

    _before = "[\n"

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            _write(f"{self._before}{_to_json(_selected(row, self._names))}")
            self._before = ",\n"

    def end(self) -> None:
        _write("[]\n" if self._before == "[\n" else "\n]\n")


class _Csv(_Writer):
    """A line of names, then a line a row. Null and absent are both empty.

    The columns are those of the contract, and what else the rows of the first page have.

    Args:
        names: The fields to write; None for all.
        escape_formulas: Whether text that a spreadsheet would calculate gets an apostrophe before it.
    """

    def __init__(self, names: Sequence[str] | None, *, escape_formulas: bool = False) -> None:
        super().__init__(names)
        self._escape_formulas = escape_formulas
        self._columns: list[str] = []
        self._left_out: set[str] = set()

    def write(self, rows: Sequence[Row]) -> None:
        lines = _Lines()
        writer = csv.writer(lines)
        if not self._columns:
            self._columns = _columns(self._names, rows)
            writer.writerow(map(self._cell, self._columns))
        for row in rows:
            writer.writerow([self._cell(row.get(name)) for name in self._columns])
        if self._names is None:
            self._left_out.update(*rows)
        _write("".join(lines))

    def end(self) -> None:
        if not self._columns:
            self.write([])
        if left_out := sorted(self._left_out.difference(self._columns)):
            say(
                f"not in the CSV, since the first page had none of them: {', '.join(left_out)}; "
                "--fields makes columns of them"
            )

    def _cell(self, value: Any) -> str:
        from channel_images.formats.columns import without_formula

        if value is None:
            return ""
        if not isinstance(value, str):
            return _to_json(value)
        return without_formula(value) if self._escape_formulas else value


class _Lines(list[str]):
    """What `csv` writes into, a line at a time. It quotes a carriage return only where lines end in one."""

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")


def _columns(names: Sequence[str] | None, rows: Sequence[Row]) -> list[str]:
    if names is not None:
        return list(names)
    known = _contract_fields()
    return [*known, *(name for name in dict.fromkeys(name for row in rows for name in row) if name not in known)]


# Tables

_GAP = 2
_WIDEST = 20
"""Of a column that nobody asked for by name; a date-time needs it."""
_NARROWEST = 5
_WANTED = ("pk", "product", "width", "height", "status", "modified_date", "is_active", "source", "order")
"""What a narrow terminal shows, the most wanted first; every other field goes before these."""
_DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


class _Table(_Writer):
    """A table, page by page: the columns are as wide as the pages so far need them, and the header is repeated when
    they grow.

    In a terminal, columns that do not fit are left out, unless they were asked for: then cells are cut. The lines are
    put together here, since Rich's own tables take some milliseconds a row.
    """

    def __init__(self, names: Sequence[str] | None) -> None:
        super().__init__(names)
        self._console = table_console()
        self._columns: list[str] = []
        self._needed: dict[str, int] = {}
        self._widths: dict[str, int] = {}
        self._numbers: set[str] = set()
        self._left_out: dict[str, None] = {}

    def write(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        self._columns = self._columns or _columns(self._names, rows)
        cells = {name: [_shown(row, name, self._console.encoding) for row in rows] for name in self._columns}
        for name, column in cells.items():
            self._needed[name] = max(self._needed.get(name, 0), _cell_len(name), *map(_cell_len, column))
            if any(type(row.get(name)) is int for row in rows):
                self._numbers.add(name)
        widths = self._layout()
        lines = []
        if widths != self._widths:
            self._widths = widths
            header = {name: _clean(name, self._console.encoding) for name in widths}
            lines.append(
                self._line([self._fitted(text, name) for name, text in header.items()], ["bold"] * len(widths))
            )
        for index, row in enumerate(rows):
            styles = ["dim" if row.get(name, "") is None else "" for name in widths]
            lines.append(self._line([self._fitted(cells[name][index], name) for name in widths], styles))
        sys.stdout.write("".join(lines))
        self._left_out.update(dict.fromkeys(name for name in self._columns if name not in widths))
        if self._names is None:
            self._left_out.update(dict.fromkeys(name for row in rows for name in row if name not in widths))

    def end(self) -> None:
        if self._left_out:
            say(f"left out, for want of room: {', '.join(self._left_out)}; --fields chooses, --format ndjson has all")

    def _layout(self) -> dict[str, int]:
        """The columns that are shown, and their widths."""
        if not sys.stdout.isatty():
            return dict(self._needed)
        room = self._console.width
        if self._names is None:
            widths = {name: min(width, _WIDEST) for name, width in self._needed.items()}
            rank = {name: place for place, name in enumerate(_WANTED)}
            by_want = sorted(widths, key=lambda name: rank.get(name, len(rank)))  # stable: the rest from left to right
        else:
            widths, by_want = dict(self._needed), list(self._needed)
            _shrink(widths, room)
        while _total(widths) > room and len(widths) > 1:
            del widths[by_want.pop()]
        _shrink(widths, room)
        return widths

    def _fitted(self, text: str, name: str) -> str:
        """The text in the width of its column."""
        width = self._widths[name]
        length = _cell_len(text)
        if length > width:
            from rich.cells import set_cell_size

            ellipsis = "…" if self._console.encoding.startswith("utf") else ""
            return set_cell_size(text, width - len(ellipsis)) + ellipsis
        space = " " * (width - length)
        return space + text if name in self._numbers else text + space

    def _line(self, cells: Sequence[str], styles: Sequence[str]) -> str:
        if self._console.color_system is None:
            return (" " * _GAP).join(cells).rstrip() + "\n"
        codes = {"bold": "\x1b[1m", "dim": "\x1b[2m"}
        styled = [f"{codes[style]}{cell}\x1b[0m" if style else cell for cell, style in zip(cells, styles, strict=True)]
        return (" " * _GAP).join(styled).rstrip() + "\n"


def _cell_len(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _total(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1)


def _shrink(widths: dict[str, int], room: int) -> None:
    """Take from the widest column, again and again, until all fit or all are narrow."""
    while _total(widths) > room:
        widest = max(widths, key=lambda name: widths[name])
        if widths[widest] <= _NARROWEST:
            return
        widths[widest] -= 1


def _print_record(row: Row) -> None:
    from rich.table import Table
    from rich.text import Text

    console = table_console()
    table = Table(box=None, padding=(0, 0, 0, _GAP), pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in row.items():
        shown = Text(_shown(row, name, console.encoding), style="dim" if value is None else "")
        table.add_row(_clean(name, console.encoding), shown)
    console.print(table)


def _shown(row: Row, name: str, encoding: str) -> str:
    if name not in row:
        return ""
    value = row[name]
    text = value if isinstance(value, str) else _to_json(value)
    if date := _DATE_TIME.fullmatch(text):
        return f"{date[1]} {date[2]}{date[3]}"
    return _clean(text, encoding)


def _clean(text: str, encoding: str) -> str:
    """The text without what a terminal would obey, or its encoding lacks."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else "?" for character in text)
    return text if text.isascii() else text.encode(encoding, "replace").decode(encoding)


_WRITERS: dict[Format, type[_Writer]] = {
    Format.TABLE: _Table,
    Format.NDJSON: _Ndjson,
    Format.CSV: _Csv,
    Format.JSON: _JsonArray,
}


def _writer(chosen: Format, names: Sequence[str] | None, *, escape_formulas: bool) -> _Writer:
    if not escape_formulas:
        return _WRITERS[chosen](names)
    if chosen is not Format.CSV:
        fail("--escape-formulas is for --format csv")
    return _Csv(names, escape_formulas=True)
