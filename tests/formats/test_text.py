"""CSV: every text comes back, whichever reader reads it; what stands in the files of an export is tested in `tests/export`."""

import csv
import io
import itertools
from collections.abc import Callable
from typing import Any

import pyarrow.csv
import pytest

from channel_images.formats.columns import REST, columns
from channel_images.formats.text import Csv

ODD = ["\r", "\n", '"', ",", " ", "\t", "\0", "\ufeff", "\x1a", "\\", "'", ";", "#", "\u2028", "\x85", "=", "a"]
TEXTS = [
    *("".join(characters) for length in range(4) for characters in itertools.product(ODD, repeat=length)),
    *(f"a{chr(code)}b" for code in range(0x10000) if not 0xD800 <= code < 0xE000),
    *("null", "NA", "true", "1", "😀", '"quoted"', "x" * 100_000),
]


def read_by_csv(content: bytes) -> dict[str, list[str]]:
    header, *lines = csv.reader(io.StringIO(content.decode(), newline=""))
    return dict(zip(header, map(list, zip(*lines, strict=True)), strict=True))


def read_by_pyarrow(content: bytes) -> dict[str, list[str]]:
    table = pyarrow.csv.read_csv(
        io.BytesIO(content),
        read_options=pyarrow.csv.ReadOptions(block_size=len(content)),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types={"hash": "string", "more": "string"}),
    )
    return {name: table[name].to_pylist() for name in table.column_names}


@pytest.mark.parametrize("read", [read_by_csv, read_by_pyarrow])
@pytest.mark.parametrize("names", [["hash"], ["hash", "more"]])
def test_every_text_comes_back(read: Callable[[bytes], dict[str, list[str]]], names: list[str]) -> None:
    writer = Csv(names)
    written = writer.header() + writer.lines(dict.fromkeys(names, text) for text in TEXTS)
    assert read(written) == dict.fromkeys(names, TEXTS)


def test_lines_end_as_rfc_4180_says() -> None:
    writer = Csv(["pk", "hash"])
    assert writer.header() + writer.lines([{"pk": 1}, {"hash": "a\rb", "pk": None}]) == b'pk,hash\r\n1,\r\n,"a\rb"\r\n'


def test_the_fields_that_the_contract_does_not_name_are_one_column() -> None:
    writer = Csv()
    rows: list[dict[str, Any]] = [{"pk": 1}, {"tags": [1, None], "pk": 2**64, REST: "theirs"}]
    header, first, second = csv.reader(io.StringIO((writer.header("channel_id") + writer.lines(rows, 5)).decode()))
    assert header == ["channel_id", *(column.name for column in columns()), REST]
    assert (first[0], first[1], first[-1]) == ("5", "1", "")
    assert (second[1], second[-1]) == (str(2**64), '{"tags":[1,null],"additional_properties":"theirs"}')
