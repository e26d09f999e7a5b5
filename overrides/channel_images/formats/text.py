"""Writes rows as NDJSON and as CSV: the one writer of each, for the command line and for exports.

A row is a JSON object with the fields as the server sent them. What is written is UTF-8.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from channel_images.formats.columns import REST, columns
from channel_images_api.resource import RESOURCE, Resource

Row = Mapping[str, Any]

_SURROGATE = re.compile("[\ud800-\udfff]")
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")  # also wide, as in East Asian text
_encode = msgspec.json.Encoder(decimal_format="number").encode


def to_json(value: Any, *, indent: int | None = None) -> bytes:
    """JSON in UTF-8, on one line, or on several with so many blanks before those inside."""
    try:
        content = _encode(value)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can escape and UTF-8 cannot hold
        between = (",", ":") if indent is None else None
        return to_utf8(json.dumps(value, ensure_ascii=False, indent=indent, separators=between, default=float))
    return content if indent is None else msgspec.json.format(content, indent=indent)


def to_utf8(text: str) -> bytes:
    """The text in UTF-8; half of a surrogate pair, which that cannot hold, is written out as JSON does, as in `\\ud800`."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub(lambda half: escaped(half[0]), text).encode()


def escaped(character: str) -> str:
    """A character as JSON can write it: `\\u001b`, or two of these."""
    return re.sub("....", r"\\u\g<0>", character.encode("utf-16-be", "surrogatepass").hex())


def ndjson(rows: Iterable[Row]) -> bytes:
    """A JSON object a line."""
    return b"".join(to_json(row) + b"\n" for row in rows)


class Csv:
    """Writes CSV as RFC 4180 has it: a line of names, then a line a row. Null and absent are both empty.

    Args:
        names: The columns; None for the fields of the contract, and one for the rest of a row as a JSON object.
        escape_formulas: Whether text that a spreadsheet would calculate gets an apostrophe before it.
        api: What the rows are.
    """

    def __init__(
        self, names: Sequence[str] | None = None, *, escape_formulas: bool = False, api: Resource = RESOURCE
    ) -> None:
        known = [column.name for column in columns(api)]
        self._known = frozenset(known)
        self._names = [*known, REST] if names is None else list(names)
        self._as_they_are = {int, type(None)} if escape_formulas else {int, type(None), str}

    def header(self, *lead: str) -> bytes:
        """The line of names.

        Args:
            lead: Names of columns before the others.
        """
        return self._written([[*lead, *self._names]])

    def lines(self, rows: Iterable[Row], *lead: object) -> bytes:
        """A line for each row.

        Args:
            rows: The rows.
            lead: What the columns before the others hold, in every row.
        """
        return self._written([*lead, *map(self._with_rest(row).get, self._names)] for row in rows)

    def _with_rest(self, row: Row) -> Row:
        more = None if row.keys() <= self._known else {name: row[name] for name in row if name not in self._known}
        return {**row, REST: more}

    def _written(self, rows: Iterable[Iterable[Any]]) -> bytes:
        text = io.StringIO(newline="")
        plain = self._as_they_are
        csv.writer(text).writerows([cell if type(cell) in plain else _cell(cell) for cell in row] for row in rows)
        return to_utf8(text.getvalue())


def _cell(value: Any) -> str:
    if not isinstance(value, str):
        return to_json(value).decode()
    return f"'{value}" if _FORMULA.match(value) else value
