"""Draws tables: rows page by page, one row, or any table; in a pipe as plain aligned text, where line noise helps nobody."""

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from channel_images.cli.errors import say
from channel_images.cli.writers import Writer
from channel_images.formats.columns import columns
from channel_images.formats.text import Row, to_json

if TYPE_CHECKING:
    from rich.console import Console

_GAP = 2
_WIDEST = 20
"""Of a column that nobody asked for by name; a date-time needs it."""
_NARROWEST = 5
_WANTED = ("pk", "product", "width", "height", "status", "modified_date", "is_active", "source", "order")
"""What a narrow terminal shows, the most wanted first; every other field goes before these."""
_DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


class Table(Writer):
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
        self._columns = self._columns or list(self._names or _columns(rows))
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
            say(f"no room for {', '.join(self._left_out)}; choose with --fields, or use --format ndjson for all")

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


def print_record(row: Row) -> None:
    """Print one row with a line for each field."""
    from rich.table import Table as RichTable
    from rich.text import Text

    console = table_console()
    table = RichTable(box=None, padding=(0, 0, 0, _GAP), pad_edge=False, show_header=False)
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
    text = value if isinstance(value, str) else to_json(value).decode()
    if date := _DATE_TIME.fullmatch(text):
        return f"{date[1]} {date[2]}{date[3]}"
    return _clean(text, encoding)


def _clean(text: str, encoding: str) -> str:
    """The text without what a terminal would obey, or its encoding lacks."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else "?" for character in text)
    return text if text.isascii() else text.encode(encoding, "replace").decode(encoding)


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys([*(column.name for column in columns()), *(name for row in rows for name in row)]))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on stdout. On a terminal its last column is wrapped; in a pipe each row is one line."""

    rows = list(rows)
    if sys.stdout.isatty():
        from rich.table import Table as RichTable

        table = RichTable(box=None, padding=(0, 2, 0, 0))
        for column in columns[:-1]:
            table.add_column(column, no_wrap=True, style="bold")
        table.add_column(columns[-1], overflow="fold")
        for row in rows:
            table.add_row(*row)
        table_console().print(table)
        return
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        typer.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def table_console() -> "Console":
    """Where tables are printed."""
    from rich.console import Console

    return Console(
        # Rich takes NO_COLOR for the colours alone, and would still print in bold.
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        # Cells are text: neither markup, nor emoji, nor numbers to be coloured.
        markup=False,
        emoji=False,
        highlight=False,
    )
