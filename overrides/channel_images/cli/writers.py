"""Writes rows on stdout: NDJSON, CSV or a JSON array in UTF-8, whatever the locale; or a table, which is for people.

A pipe gets each character as it is; a terminal gets no character that it would obey.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence

from channel_images.formats.text import Csv, Row, escaped, ndjson, to_json


def print_object(row: Row) -> None:
    """Print a row as a JSON object of several lines."""
    _write(to_json(row, indent=2) + b"\n")


def selected(row: Row, names: Sequence[str] | None) -> Row:
    """The row with these fields, those of them that it has; all of them for None."""
    return row if names is None else {name: row[name] for name in names if name in row}


def _write(content: bytes) -> None:
    if sys.stdout.isatty():
        text = content.decode().replace("\r\n", "\n")
        content = "".join(each if each.isprintable() or each == "\n" else escaped(each) for each in text).encode()
    sys.stdout.buffer.write(content)


class Writer(ABC):
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


class Ndjson(Writer):
    """A JSON object a line."""

    def write(self, rows: Sequence[Row]) -> None:
        _write(ndjson(selected(row, self._names) for row in rows))


class JsonArray(Writer):
    """An array with an object a line. One that breaks off has no end, so that nobody takes it for the whole."""

    _before = b"[\n"

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            _write(self._before + to_json(selected(row, self._names)))
            self._before = b",\n"

    def end(self) -> None:
        _write(b"[]\n" if self._before == b"[\n" else b"\n]\n")


class CsvLines(Writer):
    """The CSV of `formats.text`, whose first line comes with the first page, or at the end."""

    def __init__(self, names: Sequence[str] | None, *, escape_formulas: bool = False) -> None:
        super().__init__(names)
        self._csv = Csv(names, escape_formulas=escape_formulas)
        self._begun = False

    def write(self, rows: Sequence[Row]) -> None:
        _write((b"" if self._begun else self._csv.header()) + self._csv.lines(rows))
        self._begun = True

    def end(self) -> None:
        if not self._begun:
            self.write([])
