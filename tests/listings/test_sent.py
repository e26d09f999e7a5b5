"""Rows as the server sent them: decoded once, and otherwise as any page is."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, strategies as st

from channel_images.listings import sent
from channel_images.listings.bodies import decode_image, decode_rows
from channel_images.listings.sent import decode_sent_image, decode_sent_rows, sent_rows
from channel_images.mock import MockServer
from channel_images_api.errors import MalformedBody

ROW = {"pk": 1, "product": 2, "modified_date": "2022-11-25T15:06:42.1234567+03:00", "source": None, "width": 12}
any_text = st.text(st.characters(exclude_categories=[]), max_size=5)  # halves of surrogate pairs too
values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text
any_row = st.fixed_dictionaries(
    {"pk": st.integers(-5, 2**70)},
    optional={"width": values, "hash": values, "modified_date": values, "status": values, "more": st.lists(values)},
)
envelopes = st.sampled_from(
    ["%s", '{"results":%s}', '{"count":3,"next":null,"results":%s}', '{"count":-1,"results":%s}']
)
good_row = st.fixed_dictionaries(
    {"pk": st.integers(-5, 2**70 - 1)},
    optional={"width": st.none() | st.integers(), "hash": st.none() | any_text, "more": st.lists(values)},
)
odd_bodies = st.sampled_from(
    [
        b"",
        b"null",
        b"{}",
        b'{"results":null}',
        b'{"results":{}}',
        b"[1]",
        b'[{"pk":"1"}]',
        b"[[]]",
        b"[" * 5000,
        b'{"count":"3","results":[]}',
        b'{"next":3,"results":[]}',
        b'[{"pk":1}',
        b'{"results":[{"pk":1,"width":"x"}]}',
        json.dumps([ROW]).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps([ROW]).encode(),
        b'[{"pk":NaN}]',
        b'["\xff"]',
    ]
)
bodies = odd_bodies | st.builds(
    lambda envelope, rows: (envelope % json.dumps(rows)).encode(), envelopes, st.lists(any_row, max_size=3)
)


def outcome(decode: Any, content: bytes) -> Any:
    try:
        found = decode(content)
    except MalformedBody as error:
        return str(error)
    images = getattr(found, "images", [found])
    return (
        getattr(found, "count", None),
        getattr(found, "more", None),
        json.loads(json.dumps([image.to_dict() for image in images], default=float)),
    )


@given(bodies)
def test_a_page_is_what_it_is_to_any_other_reader(content: bytes) -> None:
    assert outcome(decode_sent_rows, content) == outcome(decode_rows, content)


@given(odd_bodies | any_row.map(lambda row: json.dumps(row).encode()))
def test_an_image_is_what_it_is_to_any_other_reader(content: bytes) -> None:
    assert outcome(decode_sent_image, content) == outcome(decode_image, content)


@given(st.lists(good_row, max_size=3))
def test_each_image_keeps_its_row(rows: list[dict[str, Any]]) -> None:
    content = json.dumps(rows).encode()
    assert sent_rows(decode_sent_rows(content).images) == json.loads(content, parse_float=Decimal)


@pytest.mark.parametrize("variants", [[], ["extra-fields"]])
def test_a_page_is_parsed_once(monkeypatch: pytest.MonkeyPatch, variants: list[str]) -> None:
    import httpx

    with MockServer(images=50, variants=variants) as server:
        url = f"{server.url}/api/v1/channel/5/product_images/"
        content = httpx.get(url, params={"limit": 50}, headers={"Authorization": f"Token {server.token}"}).content
    decode_sent_rows(content)  # where unknown fields are new, this is the exact way, which learns them
    monkeypatch.delattr(sent, "decode_rows")
    assert sent_rows(decode_sent_rows(content).images) == json.loads(content)["results"]


def test_numbers_keep_their_digits_also_where_a_body_is_odd() -> None:
    for content in (
        b'[{"pk":1,"n":19.90}]',
        b'[{"pk":1,"n":19.90,"width":12.0}]',
        b'[{"pk":1,"n":19.90,"t":"\\ud800"}]',
    ):
        (image,) = decode_sent_rows(content).images
        (row,) = sent_rows([image])
        assert str(row["n"]) == "19.90"


def test_an_image_that_kept_no_row_gives_what_the_model_has() -> None:
    assert sent_rows(decode_rows(b'[{"pk":1,"width":12}]').images) == [{"pk": 1, "width": 12}]
