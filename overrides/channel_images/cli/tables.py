"""Tables: drawn on a terminal, and aligned text in a pipe, where line noise helps nobody."""

import sys
from collections.abc import Iterable, Sequence

import typer


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on stdout. On a terminal its last column is wrapped; in a pipe each row is one line."""

    rows = list(rows)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in columns[:-1]:
            table.add_column(column, no_wrap=True, style="bold")
        table.add_column(columns[-1], overflow="fold")
        for row in rows:
            table.add_row(*row)
        # Names and specs are text: neither markup nor numbers to be coloured.
        Console(markup=False, highlight=False).print(table)
        return
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        typer.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
