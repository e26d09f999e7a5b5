"""What a listing asks for: the filters, what they take, and how long lists of ids are split."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from attrs import evolve
from hypothesis import given, strategies as st
from tests.wire import run

from channel_images import AsyncChannelImages, Channel, ChannelImages, ProductType
from channel_images.choices import What
from channel_images.listings.bodies import decode_image, decode_rows
from channel_images.listings.query import MAX_IDS_LENGTH, Query, build_query
from channel_images.walks.consistent import ConsistentWalk
from channel_images.walks.plain import PlainWalk
from channel_images.window import Window
from channel_images_api.errors import MalformedBody
from channel_images_api.filters import Filter
from channel_images_api.resource import RESOURCE

IDS = ("product_pk_in", "id_in")
LONGEST = 2**63 - 1


def query(**arguments: Any) -> Query:
    settings = {"page_size": 100, "concurrency": 1, "consistent": arguments.pop("consistent", False)}
    return build_query(What.IMAGES, 5, arguments, **settings)


def sent(part: Query, page: int = 1) -> dict[str, str]:
    path, _, params = part.request(Window(page, 50)).url.partition("?")
    assert path == "/api/v1/channel/5/product_images/"
    return dict(parameter.split("=") for parameter in params.split("&"))


@pytest.fixture
def channel() -> Channel:
    """A channel of a server that must not be asked."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"{request.url} was asked for")

    return ChannelImages("http://127.0.0.1", token="t", transport=httpx.MockTransport(refuse)).channel(5)


@pytest.mark.parametrize("name", ["product", "page_size", "concurrency"])
@pytest.mark.parametrize("value", ["1", 1.0, True, b"1", [1], object()])
def test_an_integer_is_an_integer(channel: Channel, name: str, value: object) -> None:
    with pytest.raises(TypeError, match=name):
        channel.images(**{name: value})  # type: ignore[call-overload] # what is tested


@pytest.mark.parametrize(
    ("name", "values"), [("product", [-1, 2**63]), ("page_size", [0, -1]), ("concurrency", [0, -1])]
)
def test_an_integer_is_one_that_a_server_takes(channel: Channel, name: str, values: list[int]) -> None:
    for value in values:
        with pytest.raises(ValueError, match=f"{name} .*{value}"):
            channel.images(**{name: value})  # type: ignore[call-overload] # what is tested


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("value", ["1,2", ["1"]])
def test_a_text_is_no_list_of_ids(channel: Channel, name: str, value: object) -> None:
    with pytest.raises(TypeError, match=name):
        channel.images(**{name: value})  # type: ignore[call-overload] # what is tested


@pytest.mark.parametrize("name", [*IDS, "product_type"])
@pytest.mark.parametrize("value", [b"12", 1.5, object(), [1.0], [None], [True], [[1]]])
def test_a_list_of_ids_is_one_of_integers(channel: Channel, name: str, value: object) -> None:
    with pytest.raises(TypeError, match=name):
        channel.images(**{name: value})  # type: ignore[call-overload] # what is tested


@pytest.mark.parametrize("name", [*IDS, "product_type"])
@pytest.mark.parametrize("value", [[-1], [1, 2**63]])
def test_a_list_of_ids_is_one_of_ids(channel: Channel, name: str, value: list[int]) -> None:
    with pytest.raises(ValueError, match=f"{name} .*{value[-1]}"):
        channel.images(**{name: value})  # type: ignore[call-overload] # what is tested


@pytest.mark.parametrize("name", IDS)
def test_a_single_id_is_no_list(channel: Channel, name: str) -> None:
    with pytest.raises(TypeError, match=name):
        channel.images(**{name: 3})  # type: ignore[call-overload] # what is tested


def test_true_is_no_product_type(channel: Channel) -> None:
    with pytest.raises(TypeError, match="product_type"):
        channel.images(product_type=True)


@pytest.mark.parametrize("value", [0, 1, "true", [True]])
def test_a_flag_is_a_flag(channel: Channel, value: object) -> None:
    with pytest.raises(TypeError, match="is_seller_product"):
        channel.images(is_seller_product=value)  # type: ignore[call-overload] # what is tested


@pytest.mark.parametrize("name", [*IDS, "product_type"])
@pytest.mark.parametrize("nothing", [list, tuple, set, lambda: iter(())], ids=["list", "tuple", "set", "iterator"])
def test_no_ids_are_no_rows_and_no_request(channel: Channel, name: str, nothing: Callable[[], Any]) -> None:
    images = channel.images(**{name: nothing(), "product": 1})
    assert list(images) == []
    assert list(images.pages()) == []
    assert images.count() == 0
    assert images.first() is None


@pytest.mark.parametrize(
    ("arguments", "params"),
    [
        ({}, {}),
        ({"product": 0}, {"product": 0}),
        ({"product": LONGEST}, {"product": LONGEST}),
        ({"is_seller_product": False}, {"is_seller_product": False}),
        ({"product_type": ProductType.SIMPLE}, {"product_type": "0"}),
        ({"product_type": 7}, {"product_type": "7"}),
        ({"product_type": [ProductType.BUNDLE, 0, 2]}, {"product_type": "2,0"}),
        ({"id_in": [3, 1, 3, 2]}, {"id__in": "3,1,2"}),
        ({"id_in": iter([3, 1])}, {"id__in": "3,1"}),
        ({"product_pk_in": {4: "four"}, "id_in": (1,)}, {"product__pk__in": "4", "id__in": "1"}),
    ],
)
def test_what_is_sent(arguments: dict[str, Any], params: dict[str, Any]) -> None:
    (part,) = query(**arguments).parts()
    params = {name: str(value).lower() for name, value in params.items()}
    assert sent(part, page=3) == {"page": "3", "limit": "50", **params}


KINDS = {
    "weight": Filter("weight", "weight", "", "number", several=False, values=(), names=(), is_extensible=False),
    "weights": Filter("weights", "weight", "", "number", several=True, values=(), names=(), is_extensible=False),
    "word": Filter("word", "word", "", "string", several=False, values=(), names=(), is_extensible=False),
    "words": Filter("words", "word", "", "string", several=True, values=(), names=(), is_extensible=False),
    "unit": Filter("unit", "unit", "", "string", several=True, values=("kg", "qty"), names=(), is_extensible=False),
    "level": Filter(
        "level", "level", "", "integer", several=False, values=(1, 2), names=("ONE", "TWO"), is_extensible=False
    ),
}
"""Kinds of filters that images do not have."""


def chosen(name: str, value: object) -> object:
    paging: Any = {"page_size": 100, "concurrency": 1, "consistent": False}
    return build_query(What.IMAGES, 5, {name: value}, **paging, api=evolve(RESOURCE, filters=KINDS)).filters[name]


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("weight", 3, 3),
        ("weight", Decimal("2.50"), 2.5),
        ("weights", (1, 2.5, 1), [1, 2.5]),
        ("word", "a,b", "a,b"),
        ("words", ["b", "a", "b"], ["b", "a"]),
        ("unit", "kg", ["kg"]),
        ("unit", ["qty", "kg"], ["qty", "kg"]),
        ("level", "two", 2),
        ("level", 1, 1),
    ],
)
def test_any_kind_of_filter(name: str, value: object, sent: object) -> None:
    assert chosen(name, value) == sent


@pytest.mark.parametrize(
    ("name", "value", "error", "said"),
    [
        ("weight", "3", TypeError, "weight takes numbers, not '3'"),
        ("weight", True, TypeError, "weight takes numbers, not True"),
        ("weight", float("inf"), ValueError, "weight takes finite numbers, not inf"),
        ("weights", 3, TypeError, "weights takes several values, in a list, not 3"),
        ("word", b"a", TypeError, "word takes texts, not b'a'"),
        ("word", "", ValueError, "word takes texts that are not empty, not ''"),
        ("words", "a", TypeError, "words takes several values, in a list, not 'a'"),
        ("words", ["a,b"], ValueError, "words takes texts that are not empty, without commas, not 'a,b'"),
        ("unit", ["lb"], ValueError, "unit takes kg, qty, not 'lb'"),
        ("level", 3, ValueError, "level takes 1, 2, not 3"),
        ("level", "three", ValueError, "level takes one, two, not 'three'"),
        ("height", 3, TypeError, "there is no filter height; there are weight, weights, word, words, unit, level"),
    ],
)
def test_any_kind_of_filter_says_what_it_takes(name: str, value: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(said)}$"):
        chosen(name, value)


ids = st.lists(st.one_of(st.integers(0, 1_000), st.integers(0, LONGEST)), max_size=400)


@given(id_in=st.one_of(st.none(), ids), product_pk_in=st.one_of(st.none(), ids))
def test_parts_are_disjoint_and_together_all(id_in: list[int] | None, product_pk_in: list[int] | None) -> None:
    pairs = []
    for part in query(id_in=id_in, product_pk_in=product_pk_in, product=7).parts():
        assert part.filters["product"] == 7
        assert len(part.request(Window(1, 50)).url) <= 2 * MAX_IDS_LENGTH + 100
        chosen: Any = part.filters
        pairs += [(one, other) for one in chosen.get("id_in", [None]) for other in chosen.get("product_pk_in", [None])]
    expected = {
        (one, other)
        for one in ([None] if id_in is None else id_in)
        for other in ([None] if product_pk_in is None else product_pk_in)
    }
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == expected


def test_as_many_ids_as_fit_go_into_one_url() -> None:
    parts = query(id_in=range(10_000, 12_000)).parts()
    assert [len(sent(part)["id__in"].split(",")) for part in parts] == [250] * 8


def test_all_types_fit_into_one_url() -> None:
    (part,) = query(product_type=[kind for kind in ProductType for _ in range(1_000)]).parts()
    assert len(part.request(Window(1, 50)).url) < 100


def test_split_ids_are_merged() -> None:
    asked: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        pks = [int(pk) for pk in request.url.params["id__in"].split(",")]
        limit, page = int(request.url.params["limit"]), int(request.url.params["page"])
        rows = [{"pk": pk} for pk in pks[(page - 1) * limit : page * limit]]
        following = "https://elsewhere/?page=2" if page * limit < len(pks) else None
        return httpx.Response(200, json={"count": len(pks), "next": following, "previous": None, "results": rows})

    with ChannelImages("http://127.0.0.1", token="t", transport=httpx.MockTransport(answer)) as api:
        images = api.channel(5).images(id_in=range(1_000, 1_500))
        assert [image.pk for image in images] == list(range(1_000, 1_500))
        assert images.count() == 500
        first = images.first()
    assert first is not None
    assert first.pk == 1_000
    assert all(url.host == "127.0.0.1" for url in asked), "next is not followed"
    assert max(len(str(url)) for url in asked) < MAX_IDS_LENGTH + 200


def test_an_image_that_moves_to_another_part_comes_once() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        rows = [{"pk": 1, "product": int(request.url.params["product__pk__in"].partition(",")[0])}]
        return httpx.Response(200, json={"count": 1, "next": None, "previous": None, "results": rows})

    async def read_in_tasks() -> list[object]:
        async with AsyncChannelImages("http://127.0.0.1", token="t", transport=httpx.MockTransport(answer)) as api:
            return [image.pk async for image in api.channel(5).images(product_pk_in=range(1_000, 1_500))]

    with ChannelImages("http://127.0.0.1", token="t", transport=httpx.MockTransport(answer)) as api:
        assert [image.pk for image in api.channel(5).images(product_pk_in=range(1_000, 1_500))] == [1]
    assert run(read_in_tasks()) == [1]


def test_the_walk_is_the_one_that_was_asked_for() -> None:
    assert type(query().walk()) is PlainWalk
    assert type(query(consistent=True).walk()) is ConsistentWalk


@pytest.mark.parametrize(
    ("body", "images", "count", "more"),
    [
        (b"[]", 0, None, None),
        (b' \n[{"pk": 1}]', 1, None, None),
        (b" " * 100 + b'[{"pk": 1}]', 1, None, None),
        ('[{"pk": 1}]'.encode("utf-8-sig"), 1, None, None),
        ('[{"pk": 1}]'.encode("utf-16"), 1, None, None),
        ('{"count": 4, "next": null, "results": []}'.encode("utf-16"), 0, 4, False),
        (b'{"results": [{"pk": 1}]}', 1, None, None),
        (b'{"count": -1, "results": [{"pk": 1}]}', 1, None, None),
        (b'{"count": 4, "next": null, "results": []}', 0, 4, False),
        (b'{"count": 4, "next": "ftp://x", "previous": null, "results": [{"pk": 1}, {"pk": 2}]}', 2, 4, True),
    ],
)
def test_a_page_is_an_envelope_or_an_array(body: bytes, images: int, count: int | None, more: bool | None) -> None:
    rows = decode_rows(body)
    assert (len(rows.images), rows.count, rows.more) == (images, count, more)


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", b"{}", b"null", b"3", b'{"results": null}', b'{"results": {}}', b'{"detail": "x"}']
)
def test_what_is_no_page_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode_rows(body)


def test_an_image_has_a_pk() -> None:
    assert decode_image(b'{"pk": 3}').pk == 3
    with pytest.raises(MalformedBody):
        decode_image(b"{}")
