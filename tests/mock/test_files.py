"""Images that are loaded from files: those that an export has written come back as they were."""

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st

from channel_images import ChannelImages
from channel_images.export import Export
from channel_images.mock import BadData, MockServer
from channel_images.mock.as_json import from_json, to_json
from channel_images.mock.data.files import load

PathOf = Callable[..., str]
ROW = {
    "pk": 17,
    "product": 3,
    "source": "unified",
    "modified_date": "2026-05-01T10:00:00.000000Z",
    "created_date": "2026-05-01T09:00:00.000000Z",
    "height": 1200,
    "width": None,
    "hash": None,
    "status": "active",
    "is_active": True,
    "order": 0,
    "object_id": 3,
    "content_type": "product",
}


def written(path: Path, *rows: Mapping[str, Any]) -> Path:
    path.write_bytes(b"".join(to_json(row) + b"\n" for row in rows))
    return path


def asked(server: MockServer, path: str) -> Any:
    return httpx.get(server.url + path, headers={"Authorization": f"Token {server.token}"}).raise_for_status().json()


# What an export has written


@pytest.mark.parametrize("variants", [[], ["extra-fields"], ["nulls-left-out", "open-enums"]])
@pytest.mark.parametrize("name", ["images.ndjson", "images.ndjson.gz"])
@pytest.mark.parametrize("what", ["images", "detailed"])
def test_an_export_comes_back_byte_for_byte(tmp_path: Path, name: str, variants: list[str], what: Any) -> None:
    files = []
    (tmp_path / "again").mkdir()
    with MockServer(images=250, variants=variants) as server:
        with ChannelImages(server.url, token=server.token) as api:
            api.channel(5).export(tmp_path / name, what=what)
        files.append(tmp_path / name)
    with MockServer(data=f"5={files[0]}") as server:
        assert server.channels == (5,)
        with ChannelImages(server.url, token=server.token) as api:
            api.channel(5).export(tmp_path / "again" / name, what=what)
        files.append(tmp_path / "again" / name)
    first, again = (gzip.decompress(each.read_bytes()) if name.endswith("gz") else each.read_bytes() for each in files)
    assert first == again
    assert first.count(b"\n") == 250


def test_an_export_of_several_channels_names_them(tmp_path: Path, path_of: PathOf) -> None:
    path = tmp_path / "images.ndjson"
    with MockServer(images=30) as server, ChannelImages(server.url, token=server.token) as api:
        Export(api, [5, 6], path).run()
    with MockServer(data=path) as server:
        assert server.settings.channels == {5: 30, 6: 23}
        assert "channel_id" not in asked(server, path_of("listProductImages"))["results"][0]
        assert asked(server, path_of("listProductImages", 6))["count"] == 23


def test_filters_find_what_a_detailed_export_says_of_products(tmp_path: Path, path_of: PathOf) -> None:
    path, filters = tmp_path / "images.ndjson", ["?product_type=2", "?is_seller_product=true", "?product=125", ""]
    with MockServer(images=200) as server:
        before = [asked(server, path_of("listProductImages") + query)["count"] for query in filters]
        with ChannelImages(server.url, token=server.token) as api:
            api.channel(5).export(path, what="detailed")
    with MockServer(data=f"5={path}") as server:
        assert [asked(server, path_of("listProductImages") + query)["count"] for query in filters] == before
    assert all(before)


# What it is then


def test_all_of_it_is_pending_for_insertion(tmp_path: Path, path_of: PathOf) -> None:
    path = written(tmp_path / "a.ndjson", ROW, {**ROW, "pk": 18})
    with MockServer(data=f"5={path}") as server:
        assert [row["pk"] for row in asked(server, path_of("listProductImageInserts"))] == [17, 18]
        assert asked(server, path_of("listProductImageUpdates")) == []
        server.mark_sent(5, [17, 18])
        assert asked(server, path_of("listProductImageInserts")) == []
        assert server.modify(5, 17, width=640)["modified_date"] > str(ROW["modified_date"]), (
            "the clock starts behind it"
        )
        assert [row["pk"] for row in asked(server, path_of("listProductImageUpdates"))] == [17]
        server.remove(5, 18)
        assert server.add(5)["pk"] == 19
        assert asked(server, path_of("listProductImages"))["count"] == 2
        server.reset()
        assert asked(server, path_of("listProductImageInserts")) == [ROW, {**ROW, "pk": 18}]


def test_products_are_listed_whatever_their_ids(tmp_path: Path) -> None:
    rows = [{**ROW, "pk": pk, "product": product} for pk, product in ((1, 90), (2, 7), (3, 50), (4, 7))]
    path = written(tmp_path / "a.ndjson", *rows)
    with MockServer(data=f"5={path}") as server:
        products = "/api/v1/channel/5/products/"

        def listed() -> list[int]:
            return [row["pk"] for row in asked(server, products)["results"]]

        assert listed() == [7, 50, 90]
        server.remove(5, 2)
        server.modify(5, 3, product=60)
        server.add(5, product=8)
        assert listed() == [7, 8, 60, 90]
        server.remove(5, 4)
        assert [row["pk"] for row in asked(server, f"{products}?limit=2&page=2")["results"]] == [90]


def test_unknown_fields_and_values_are_served_as_they_came(tmp_path: Path, path_of: PathOf) -> None:
    line = (
        '{"pk":1,"product":2,"status":"archived","modified_date":"2026-05-01T10:00:00.000000Z","alt":"\\ud800 ü",'
        '"price":1.10,"weight":0.12345678901234567890123,"big":123456789012345678901234567890,"far":1E+400,'
        '"tree":{"a":[1,null,{"b":[]}]},"channel_id":"9"}'
    )
    path = tmp_path / "a.ndjson"
    path.write_text(f"\n{line}\n  \n")
    with MockServer(data=f"5={path}") as server:
        retrieved = httpx.get(
            server.url + path_of("retrieveProductImage"), headers={"Authorization": f"Token {server.token}"}
        )
    assert retrieved.text == line


def test_dates_become_those_of_the_service(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ndjson", {**ROW, "modified_date": "2026-05-01T13:00:00+03:00"})
    with MockServer(data=f"5={path}") as server:
        assert asked(server, "/api/v1/channel/5/product_images/17/")["modified_date"] == "2026-05-01T10:00:00.000000Z"


def test_several_files_make_a_channel(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a.ndjson", ROW), written(tmp_path / "b.ndjson", {**ROW, "pk": 3})
    empty = written(tmp_path / "empty.ndjson")
    with MockServer(data=[f"5={first}", f"5={second}", f"9={empty}"], channels={6: 2}) as server:
        assert server.settings.channels == {6: 2, 5: 2, 9: 0}
        assert [row["pk"] for row in asked(server, "/api/v1/channel/5/product_images/")["results"]] == [3, 17]
        assert server.add(9)["pk"] == 1


def test_the_largest_ids_leave_room_for_others(tmp_path: Path) -> None:
    largest = 2**63 - 1
    path = written(tmp_path / "a.ndjson", {**ROW, "pk": largest, "product": largest}, {**ROW, "pk": 0, "product": 0})
    with MockServer(data=f"{largest}={path}") as server:
        assert (server.add(largest)["pk"], server.add(largest)["product"]) == (1, 2)


def test_a_channel_that_is_said_is_not_another(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ndjson", {**ROW, "channel_id": 5}, {**ROW, "pk": 18, "channel_id": 6})
    assert set(load([path])) == {5, 6}
    with pytest.raises(BadData, match=r"a\.ndjson:2: it is of channel 6; give .*a\.ndjson alone to load each channel"):
        load([f"5={path}"])


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "a.ndjson", ROW)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load(["5=~/a.ndjson"])[5].images == 1
    with pytest.raises(BadData, match=r"cannot read ~nobody-of-that-name/a\.ndjson: No such"):
        load(["5=~nobody-of-that-name/a.ndjson"])


def test_a_size_beside_the_files(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ndjson", ROW)
    with MockServer(data=f"6={path}", images=3) as server:
        assert server.settings.channels == {5: 3, 6: 1}
    for sizes in ({"images": 3}, {"channels": {5: 3}}):
        with pytest.raises(ValueError, match="channel 5 has the images of its file: give no size for it"):
            MockServer(data=f"5={path}", **sizes)


# What cannot be loaded

LINES = {
    "pk,product\n": "not JSON: Expecting value at column 1; the mock loads NDJSON, an image a line",
    '{"pk": 1,\n': "not JSON: Expecting property name enclosed in double quotes at column 10; the mock loads NDJSON",
    '{"pk": NaN}\n': "not JSON: NaN is not a number in JSON",
    "[" * 100_000: "not JSON: it is nested too deep",
    "[1]\n": "not a JSON object; the mock loads NDJSON, an image a line",
    '"text"\n': "not a JSON object",
    "{}\n": "pk: This field is required.; product: This field is required.; modified_date: This field is required.",
    json.dumps({**ROW, "pk": "17"}): "pk: ",
    json.dumps({**ROW, "pk": True}): "pk: ",
    json.dumps({**ROW, "pk": -1}): "pk: Ensure this value is greater than or equal to 0.",
    json.dumps({**ROW, "pk": 2**63}): "pk: Ensure this value is less than or equal to 9223372036854775807.",
    json.dumps({**ROW, "pk": 1.0}): "pk: Not a valid value.",
    json.dumps({**ROW, "product": None}): "product: ",
    json.dumps({**ROW, "height": "1200"}): "height: ",
    json.dumps({**ROW, "is_active": 1}): "is_active: ",
    json.dumps({**ROW, "modified_date": "yesterday"}): "modified_date: Enter a valid date/time, with its time zone.",
    json.dumps({**ROW, "created_date": "2026-05-01T10:00:00"}): "created_date: Enter a valid date/time",
    json.dumps({**ROW, "modified_date": "9999-12-31T23:59:59Z"}): "modified_date: The mock's dates end before the year",
    json.dumps(ROW) + "\n": "image 17 is in channel 5 already",
}


@pytest.mark.parametrize(("line", "words"), LINES.items())
@pytest.mark.parametrize("packed", [False, True])
def test_a_bad_line_is_named(tmp_path: Path, line: str, words: str, *, packed: bool) -> None:
    path = tmp_path / "a.ndjson"
    content = f"{json.dumps(ROW)}\n\n{line}".encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(BadData) as refused:
        load([f"5={path}"])
    assert str(refused.value).startswith(f"{path}:3: {words}")
    assert "\n" not in str(refused.value)


def test_text_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(to_json(ROW) + b'\n{"pk":"\xff"}\n')
    with pytest.raises(BadData, match=r"a\.ndjson:2: not JSON: 'utf-8' codec can't decode byte 0xff"):
        load([f"5={path}"])


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:400] + b"\0\0\0\0" + data[404:]])
def test_a_damaged_file_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "a.ndjson.gz"
    rows = b"".join(to_json({**ROW, "pk": pk, "hash": f"{pk * 7919:x}"}) + b"\n" for pk in range(500))
    path.write_bytes(damage(gzip.compress(rows)))
    with pytest.raises(BadData, match=r"a\.ndjson\.gz:[0-9]+: "):
        load([f"5={path}"])


def test_a_file_that_names_no_channel_is_told_how(tmp_path: Path) -> None:
    for rows, words in (
        ([ROW], r"a\.ndjson:1: there is no channel_id; say which channel the file is of: 5=.*a\.ndjson$"),
        ([{**ROW, "channel_id": "5"}], r"a\.ndjson:1: channel_id: '5' is not the id of a channel$"),
        ([{**ROW, "channel_id": -5}], r"a\.ndjson:1: channel_id: -5 is not the id of a channel$"),
        ([], r"a\.ndjson: there is no image in it, and so no channel; say which it is of: 5=.*a\.ndjson$"),
    ):
        with pytest.raises(BadData, match=words):
            load([written(tmp_path / "a.ndjson", *rows)])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("5=missing.ndjson", "cannot read missing.ndjson: No such file or directory"),
        ("missing.ndjson", "cannot read missing.ndjson: No such file or directory"),
        ("5=.", r"cannot read \.: Is a directory"),
        ("x=y.ndjson", "cannot read x=y.ndjson: No such file"),
        ("a\0b", "cannot read a.b: embedded null"),
        (f"{2**63}=a.ndjson", "the largest id of a channel is 9223372036854775807"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadData, match=words):
        load([source])


# JSON

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.decimals(allow_nan=False, allow_infinity=False))
def test_json_comes_back_to_the_last_digit(value: Any, number: Any) -> None:
    text = to_json({"value": value, "number": number})
    assert to_json(from_json(text)) == text  # type: ignore[arg-type]
    assert json.loads(text)["value"] == value
