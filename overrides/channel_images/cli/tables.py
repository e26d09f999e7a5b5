"""Tables: drawn on a terminal, and aligned text in a pipe, where line noise helps nobody."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on stdout. On a terminal its last column is wrapped; in a pipe each row is one line."""

    rows = list(rows)
    if sys.stdout.isatty():
        from rich.table import Table

        table = Table(box=None, padding=(0, 2, 0, 0))
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
