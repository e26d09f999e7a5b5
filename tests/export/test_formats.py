"""What stands in the files: every value as it came, whatever the format can hold."""

import csv
import datetime
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, strategies as st
from tests.export.conftest import IMAGES, pks_of, rows_of

from channel_images import ChannelImages, ProductImage
from channel_images.contract import load_contract, resolve
from channel_images.export import Export, ExportError, Status
from channel_images.export.sinks import sink_for
from channel_images.formats.arrow import arrow_schema, to_batch
from channel_images.formats.columns import REST, Kind, columns
from channel_images.listings.sent import decode_sent_rows
from channel_images.mock import MockServer

FORMATS = ("ndjson", "jsonl", "csv", "parquet", "ndjson.gz", "csv.gz")


def test_the_columns_are_the_fields_of_the_contract() -> None:
    fields = load_contract()["components"]["schemas"]["ProductImage"]["properties"]
    assert [column.name for column in columns()] == list(fields)
    for column in columns():
        options = [resolve(option) for option in resolve(fields[column.name]).get("anyOf", [fields[column.name]])]
        schema = resolve(options[0])
        kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
        expected = "enum" if "enum" in schema else schema.get("format") if kind == "string" else kind
        assert column.kind == (expected or "string"), column


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_image_is_in_the_file_once_and_in_order(client: ChannelImages, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"images.{suffix}"
    result = Export(client, [5], path, page_size=100).run()
    assert (result.status, result.rows, result.files) == (Status.COMPLETE, IMAGES, (path,))
    assert pks_of(path) == [image.pk for image in client.channel(5).images()]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_ndjson_is_what_the_server_sent(client: ChannelImages, tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson"
    Export(client, [5], path, what="detailed").run()
    sent = json.loads(client.channel(5).with_raw_response.image_detailed(1).response.content)
    assert rows_of(path)[0] == sent


def test_parquet_has_types_of_its_own(client: ChannelImages, tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    Export(client, [5], path, what="detailed").run()
    schema = pq.read_schema(path)
    assert schema.field("modified_date").type == pa.timestamp("us", tz="UTC")
    assert pa.types.is_dictionary(schema.field("status").type)
    assert schema.field("pk").type == pa.int64()
    image = client.channel(5).image_detailed(2)
    row = rows_of(path)[1]
    assert row["modified_date"] == image.modified_date
    assert row["source"] == image.source
    assert json.loads(row[REST]) == image.additional_properties


def test_csv_writes_booleans_dates_and_nulls_as_the_wire_does(
    client: ChannelImages, server: MockServer, tmp_path: Path
) -> None:
    path = tmp_path / "images.csv"
    Export(client, [5], path).run()
    for image, row in zip(client.channel(5).images(), rows_of(path), strict=True):
        wire = image.to_dict()
        for column in columns():
            value = wire.get(column.name)
            cell = (
                {None: "", True: "true", False: "false"}.get(value, str(value))
                if not isinstance(value, int) or isinstance(value, bool)
                else str(value)
            )
            assert row[column.name] == cell


def test_several_channels_in_one_file_say_which(client: ChannelImages, tmp_path: Path) -> None:
    for suffix in ("ndjson", "csv", "parquet"):
        path = tmp_path / f"images.{suffix}"
        result = Export(client, [5, 6, 7], path).run()
        channels = [int(row["channel_id"]) for row in rows_of(path)]
        assert (channels.count(5), channels.count(6), channels.count(7)) == (IMAGES, 23, 0)
        assert [entry.rows for entry in result.channels] == [IMAGES, 23, 0]


def test_a_folder_is_partitioned_by_channel(client: ChannelImages, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    result = Export(client, [5, 6, 7], f"{folder}/").run()
    assert sorted(str(file.relative_to(folder)) for file in result.files) == [
        f"channel_id={channel}/images.parquet" for channel in (5, 6, 7)
    ]
    assert not (folder / ".export").exists()
    table = pq.read_table(folder)
    assert table.num_rows == IMAGES + 23
    assert set(table.column("channel_id").to_pylist()) == {5, 6}


@pytest.mark.parametrize("what", ["inserts", "updates", "pending"])
def test_the_pending_lists(client: ChannelImages, tmp_path: Path, what: str) -> None:
    path = tmp_path / f"{what}.ndjson"
    channel = client.channel(5)
    listing = {"inserts": channel.inserts, "updates": channel.updates, "pending": channel.inserts_or_updates}[what]
    Export(client, [5], path, what=what).run()
    assert pks_of(path) == [image.pk for image in listing()]


def test_filters(client: ChannelImages, tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson"
    Export(client, [5], path, filters={"id_in": range(1, 500), "is_seller_product": True}).run()
    assert pks_of(path) == [image.pk for image in client.channel(5).images(id_in=range(1, 500), is_seller_product=True)]


def test_nothing_is_a_file_too(client: ChannelImages, tmp_path: Path) -> None:
    for suffix in ("ndjson", "csv", "parquet", "csv.gz"):
        path = tmp_path / f"images.{suffix}"
        assert Export(client, [7], path).run().rows == 0
        assert rows_of(path) == []


integers = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none() | st.booleans() | integers | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)
)
dates = st.datetimes(timezones=st.just(datetime.UTC)).map(lambda date: date.isoformat().replace("+00:00", "Z"))
KINDS = {
    Kind.INTEGER: integers,
    Kind.STRING: texts,
    Kind.BOOLEAN: st.booleans(),
    Kind.DATE_TIME: dates,
    Kind.ENUM: texts,
}
rows = st.fixed_dictionaries(
    {}, optional={column.name: st.none() | KINDS[column.kind] for column in columns()} | {"more": json_values}
)


@given(st.lists(rows, max_size=5))
def test_any_image_survives(wire: list[dict[str, Any]]) -> None:
    images = [ProductImage.from_dict(row) for row in wire]
    written = sink_for("ndjson", compressed=False, with_channel=False).encode(images_of(wire), 5)
    assert [json.loads(line) for line in written.split(b"\n")[:-1]] == wire
    for row, cells in zip(wire, to_batch(images).to_pylist(), strict=True):
        for column in columns():
            cell = cells[column.name]
            if isinstance(cell, datetime.datetime):
                cell = cell.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
            assert cell == row.get(column.name)
        assert json.loads(cells[REST] or "{}") == {name: value for name, value in row.items() if name == "more"}


any_texts = st.text(st.characters(exclude_categories=[]))  # halves of surrogate pairs too
any_kinds = {**KINDS, Kind.STRING: any_texts, Kind.ENUM: any_texts}
any_rows = st.fixed_dictionaries(
    {}, optional={column.name: st.none() | any_kinds[column.kind] for column in columns()} | {"more": any_texts}
).map(lambda row: json.loads(json.dumps(row)))  # which joins the halves that meet


@given(st.lists(any_rows, max_size=5))
def test_ndjson_is_utf8_and_comes_back(wire: list[dict[str, Any]]) -> None:
    written = sink_for("ndjson", compressed=False, with_channel=False).encode(images_of(wire), 5).decode()
    assert [json.loads(line) for line in written.split("\n")[:-1]] == wire


@given(st.lists(any_rows, max_size=5))
def test_csv_is_utf8_and_comes_back(wire: list[dict[str, Any]]) -> None:
    written = sink_for("csv", compressed=False, with_channel=False).encode(images_of(wire), 5).decode()
    for row, cells in zip(wire, csv.reader(io.StringIO(written, newline="")), strict=True):
        *known, more = cells
        wanted = [row.get(column.name) for column in columns()]
        assert known == [cell(value) for value in wanted]
        assert json.loads(more or "{}") == {name: value for name, value in row.items() if name == "more"}


def cell(value: Any) -> str:
    """The text of a cell; what UTF-8 cannot hold is written out."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return "".join(f"\\u{ord(each):04x}" if "\ud800" <= each <= "\udfff" else each for each in text)


# The last four are the wide forms of the first four, which spreadsheets take for them.
FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1+1", '=HYPERLINK("x")'),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff20a"),
]
NO_FORMULAS = ["", "a=1", "1-1", "'=1", "2022-11-25T12:06:42Z", "\\=1", '"=1"', "ü"]


@pytest.mark.parametrize("text", FORMULAS + NO_FORMULAS)
def test_formulas_are_escaped_when_that_is_asked_for(text: str) -> None:
    images = images_of([{"pk": -7, "hash": text, "status": text, "more": text}])
    for escape in (False, True):
        sink = sink_for("csv", compressed=False, with_channel=False, escape_formulas=escape)
        (cells,) = csv.reader(io.StringIO(sink.encode(images, 5).decode(), newline=""))
        row = dict(zip([*(column.name for column in columns()), REST], cells, strict=True))
        shown = f"'{text}" if escape and text in FORMULAS else text
        assert (row["pk"], row["hash"], row["status"], json.loads(row[REST])) == ("-7", shown, shown, {"more": text})


def test_what_escapes_no_formulas_says_so(client: ChannelImages, tmp_path: Path) -> None:
    for suffix in ("ndjson", "parquet"):
        with pytest.raises(ExportError, match=rf"--escape-formulas .* is for CSV, not for {suffix}"):
            Export(client, [5], tmp_path / f"images.{suffix}", escape_formulas=True)
    path = tmp_path / "images.csv.gz"
    Export(client, [5], path, escape_formulas=True).run()
    assert pks_of(path) == [image.pk for image in client.channel(5).images()]


def images_of(wire: list[dict[str, Any]]) -> Sequence[ProductImage]:
    """The images of a page with these rows, as an export reads it."""
    return decode_sent_rows(json.dumps(wire).encode()).images


@pytest.mark.parametrize(
    "row",
    [
        {"pk": 7, "order": 2**70},
        {"pk": 7, "hash": "\ud800"},
        {"pk": 7, "modified_date": "2022-11-25T14:06:42.000000+02:00"},
        {"pk": 7, "width": 12.0, "height": None},
        {"pk": 7, "more": {"deep": [1, None, {}]}, "source": "of_tomorrow"},
    ],
)
def test_ndjson_takes_whatever_comes(row: dict[str, Any]) -> None:
    line = sink_for("ndjson", compressed=False, with_channel=False).encode(images_of([row]), 5)
    assert json.loads(line) == row
    assert str(json.loads(line)) == str(row)  # 12.0 stays 12.0


def test_what_a_column_cannot_hold_is_named() -> None:
    refused: list[tuple[str, Any, str]] = [
        ("order", 2**70, f"int64: {2**70}"),
        ("pk", 2**63, f"int64: {2**63}"),
        ("hash", "a\ud800\n" * 99, "string: 'a\\ud800\\n"),
    ]
    for name, value, words in refused:
        image = ProductImage.from_dict({"pk": 7, name: value})
        with pytest.raises(ExportError) as refusal:
            to_batch([image])
        assert f"image {image.pk}: {name} does not fit its column of {words}" in str(refusal.value)
        assert str(refusal.value).endswith("; NDJSON takes any value")
        assert str(refusal.value).isprintable()


def test_the_arrow_schema_for_engines_has_strings() -> None:
    assert arrow_schema().field("status").type == pa.string()
    assert arrow_schema(with_channel=True).names[0] == "channel_id"
