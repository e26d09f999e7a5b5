"""Whatever a server answers, a call gives a value or a `ChannelImagesError`, by both clients, and soon."""

import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st
from tests.wire import IMAGE, SURFACES, RawServer, get_image, http, list_pks, run

from channel_images import (
    AsyncChannelImages,
    ChannelImages,
    ChannelImagesError,
    ConfigurationError,
    IncompleteListing,
    MalformedResponse,
    ProductImage,
    Retries,
    StatusError,
)
from channel_images.calls.retries import Budget
from channel_images.listings.bodies import decode_rows
from channel_images.walks.consistent import ConsistentWalk
from channel_images.walks.plain import PlainWalk
from channel_images.walks.rows import Rows

ONCE_MORE = Retries(attempts=1, max_wait=0)
ROW = {
    "pk": 1,
    "product": 2,
    "source": "unified",
    "modified_date": "2022-11-25T12:06:42.954200Z",
    "created_date": "2022-11-25T12:06:42.954200Z",
    "height": 3,
    "width": 4,
    "hash": "x",
    "status": "active",
    "is_active": True,
    "order": 0,
    "object_id": 5,
    "content_type": "product",
}

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


ODD = [
    *(10**30, -(10**30), 2**63, 2**64, -(2**63) - 1, 1e400, -1e400, float("nan"), 1e30, 0.5),
    *("\ud800", "x\udfff", "\0", "", "1", "1" * 5000, "\u202e"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0000-01-01T00:00:00Z", "2022-02-30T00:00:00Z"),
    *("2022-11-25T12:06:42.954200123456789Z", "2022-11-25T24:00:00Z", "2022-11-25T12:06:42+99:99"),
    *("http://[::1/x", "http://xn--\u00fc/", "//", "javascript:alert(1)", "http://host:99999999/", "?page=2"),
    *([], {}, [1], {"a": []}, [ROW], True, None, nested(300), nested(50)),
]
SCALARS = st.one_of(
    st.sampled_from(ODD), st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(), max_size=5)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(list(ROW)), JSON, max_size=2).map(lambda odd: ROW | odd) | JSON, max_size=4
)
PAGES = st.fixed_dictionaries(
    {}, optional={"count": JSON, "next": JSON, "previous": JSON, "results": ROWS | JSON, "detail": JSON}
)
BODIES = st.one_of(
    st.one_of(PAGES, ROWS, JSON).map(lambda body: json.dumps(body).encode()),
    st.one_of(PAGES, ROWS, JSON).map(lambda body: json.dumps(body, ensure_ascii=False).encode(errors="surrogatepass")),
    st.binary(max_size=50),
)
VALUES = st.one_of(
    st.binary(max_size=20).map(lambda value: value.translate(None, b"\0\r\n")),
    st.sampled_from(
        [
            *(b"1e400", b"9" * 31, b"9" * 500, b"-1", b"nan", b"inf", b"0", b"Fri, 31 Dec 9999 23:59:59 GMT"),
            *(
                b"Mon, 01 Jan 0001 00:00:00 +1400",
                b"Mon, 99 Foo 99999 99:99:99 GMT",
                b"Sun Nov  6 08:49:37 1994",
                b",",
                b" ",
            ),
            *(b"http://[::1/x", b"http://xn--\xc3\xbc/", b"//xn--a/", b"http://host:port/", b"http://host:99999999/"),
            *(
                b"?again",
                b"http://\x7f/",
                b"http://a b/",
                b"https://" + b"x" * 70_000,
                b"http://user:pw@[",
                b"\xff\xfe",
            ),
            *(b"gzip", b"gzip, gzip", b"br", b"deflate", b"text/html; charset=\xff", b"text/plain; charset=idna"),
            *(
                b"a=b; expires=Mon, 99 Foo 99999 99:99:99 GMT",
                b"a=b; max-age=9" + b"9" * 400,
                b"=",
                b"a=b; domain=..",
                b"; ;",
            ),
        ]
    ),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"Retry-After", b"Location", b"Content-Type", b"Content-Encoding", b"Set-Cookie", b"X-Request-Id", b"Link"]
        ),
        VALUES,
    ),
    max_size=3,
)
STATUSES = st.sampled_from([200, 200, 200, 200, 201, 204, 301, 302, 304, 400, 401, 404, 429, 500, 503, 599, 999])

CALLS: dict[str, Callable[[Any], Any]] = {
    "image": lambda channel: channel.image(1),
    "images": lambda channel: channel.images(page_size=2),
    "consistent": lambda channel: channel.images(page_size=2, consistent=True),
    "pending": lambda channel: channel.inserts(page_size=2),
    "drain": lambda channel: channel.inserts(page_size=2).drain(max_passes=1, wait=0),
    "count": lambda channel: channel.images().count(),
}


def outcome(surface: str, call: Callable[[Any], Any], respond: Callable[[httpx.Request], httpx.Response]) -> Any:
    """What came of it: a value, or an error of ours; any other error passes."""
    options: dict[str, Any] = {"retries": ONCE_MORE, "transport": httpx.MockTransport(respond)}
    try:
        if surface == "sync":
            with ChannelImages("https://host", token="a-token", **options) as api:
                made = call(api.channel(5))
                return made if isinstance(made, int | ProductImage) else list(made)

        async def main() -> Any:
            async with AsyncChannelImages("https://host", token="a-token", **options) as api:
                made = call(api.channel(5))
                return [each async for each in made] if hasattr(made, "__aiter__") else await made

        return run(main())
    except ChannelImagesError as error:
        return error


@given(
    surface=st.sampled_from(SURFACES),
    call=st.sampled_from(sorted(CALLS)),
    status=STATUSES,
    headers=HEADERS,
    body=BODIES,
)
def test_any_answer(surface: str, call: str, status: int, headers: Any, body: bytes) -> None:
    def respond(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    came = outcome(surface, CALLS[call], respond)
    if isinstance(came, ChannelImagesError):
        assert str(came).encode()
        assert "\n" not in str(came)
        again = pickle.loads(pickle.dumps(came))
        assert (type(again), str(again)) == (type(came), str(came))
        for name in ("body", "detail", "fields"):
            getattr(came, name, None)


@given(
    surface=st.sampled_from(SURFACES), field=st.sampled_from([*ROW, "count", "next", "previous", "results"]), value=JSON
)
def test_any_value_of_any_field(surface: str, field: str, value: Any) -> None:
    page = {"count": 1, "next": None, "previous": None, "results": [ROW]}
    page = {**page, "results": [ROW | {field: value}]} if field in ROW else {**page, field: value}
    content = json.dumps(page).encode()
    came = outcome(surface, CALLS["images"], lambda _request: httpx.Response(200, stream=httpx.ByteStream(content)))
    assert isinstance(came, list | MalformedResponse | IncompleteListing)


LOCATIONS = [
    *(
        "http://xn--\u00fc/",
        "//xn--a-/",
        "http://[::1/x",
        "http://host:port/",
        "http://host:99999999999/",
        "http://\x7f/",
    ),
    *(
        "http://a b/",
        "http://[x]/",
        "javascript:alert(1)",
        "http://" + "x" * 300 + ".\u00fc/",
        "http://..\u3002/",
    ),
]


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_redirect_to_what_is_no_url(surface: str, location: str) -> None:
    with (
        RawServer([http(302, b"", f"Location: {location}")]) as server,
        pytest.raises(StatusError, match=r"answered 302 Whatever\. It redirects to ") as caught,
    ):
        get_image(surface, server.url, retries=ONCE_MORE)
    assert (caught.value.retries, len(server.asked)) == (0, 1)


@pytest.mark.parametrize("location", [b"/\xc3\xbc", b"/\xfc", b"//\x80"])
def test_a_redirect_with_a_body_that_is_refused(surface: str, location: bytes) -> None:
    answer = http(302, b"x", "Location: @", "Content-Encoding: br").replace(b"@", location)
    with RawServer([answer]) as server, pytest.raises(StatusError, match="answered 302") as caught:
        get_image(surface, server.url, retries=0)
    response = caught.value.response
    assert response is not None
    assert (b"Location", location) in response.headers.raw


@pytest.mark.parametrize("url", ["http://xn--\u00fc/", "https://[::1/x", "https://host:port", "https://\x7f"])
@pytest.mark.parametrize("client", [ChannelImages, AsyncChannelImages])
def test_a_base_url_that_is_none(client: Any, url: str) -> None:
    with pytest.raises(ConfigurationError, match="the base URL is not a URL"):
        client(url, token="t")


def test_a_host_that_idna_does_not_know(surface: str) -> None:
    """httpx takes it for no URL, httpx2 for one of a server that is not there."""
    with pytest.raises(ChannelImagesError, match=r"the base URL is not a URL|there is no such host"):
        get_image(surface, "https://xn--a-", retries=0)


WAITS = [
    "1e400",
    "9" * 31,
    "9" * 500,
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 0001 00:00:00 +1400",
    "-1",
    "nan",
    ",",
]


@pytest.mark.parametrize("text", WAITS)
def test_an_absurd_wait(surface: str, text: str) -> None:
    with RawServer([http(503, b"", f"Retry-After: {text}"), http(200)]) as server:
        assert get_image(surface, server.url, retries=ONCE_MORE).retries == 1


@pytest.mark.parametrize("text", ["9" * 31, "9" * 500])
def test_an_absurd_wait_without_any_bound(surface: str, text: str) -> None:
    """The wait begins, and ends with the client."""
    endless = Retries(max_wait=float("inf"), seconds=float("inf"))
    api: Any = (ChannelImages if surface == "sync" else AsyncChannelImages)("https://host", token="t", retries=endless)
    seconds = Budget(api._options.retries).wait_after(httpx.Response(503, headers={"Retry-After": text}))
    assert seconds is not None
    assert 10**6 < seconds < float("inf")


@pytest.mark.parametrize("cookie", ["a=\u00fc", "a=\x01", "\u00fc=1", "a=\x7f; Path=/"])
def test_a_cookie_that_no_request_can_carry(surface: str, cookie: str) -> None:
    page = {"count": 2, "next": "x", "previous": None, "results": [{"pk": 1}]}
    last = {**page, "next": None, "results": [{"pk": 2}]}
    with RawServer(
        lambda asked: http(200, page if "page=1" in asked.target else last, f"Set-Cookie: {cookie}")
    ) as server:
        assert list_pks(surface, server.url, limit=1) == [1, 2]


# Numbers that are chosen so that their hashes are equal


@pytest.mark.parametrize("pk", [2**70, -(2**70), 10**30, (2**61 - 1) * 2**40])
@pytest.mark.parametrize("more", ["", ', "unknown": 1'])
def test_a_pk_that_is_too_wide_is_malformed(pk: int, more: str) -> None:
    with (
        RawServer([http(200, f'[{{"pk": 1}}, {{"pk": {pk}{more}}}]'.encode())]) as server,
        pytest.raises(MalformedResponse, match=r"\[1\]\.pk is not an integer of at most 70 bits") as caught,
    ):
        list_pks("sync", server.url)
    assert (caught.value.path, caught.value.value) == ("[1].pk", pk)
    assert len(server.asked) == 1


@pytest.mark.parametrize("pk", [2**63 + 5, 2**64 + 5, -7, 2**70 - 1])
def test_a_pk_that_is_wider_than_the_contract_has_it_is_read(pk: int) -> None:
    with RawServer([http(200, f'[{{"pk": 1}}, {{"pk": {pk}}}]'.encode()), http(200, b"[]")]) as server:
        assert list_pks("sync", server.url) == [1, pk]


def colliding(size: int) -> Iterator[int]:
    """Those of 64 bits whose hash is that of others; there are no more than eight of each."""
    width = 2**61 - 1
    for start in range(size // 8):
        yield from (start + width * times for times in range(-4, 4) if -(2**63) <= start + width * times < 2**63)


class Counted(int):
    """An integer that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return int(self) == other

    __hash__ = int.__hash__


def test_few_integers_of_64_bits_have_the_same_hash() -> None:
    pks = [Counted(pk) for pk in colliding(8_000)]
    assert len({hash(pk) for pk in pks}) * 9 > len(pks)
    assert len(set(pks)) == len(pks)
    assert Counted.compared < 8 * len(pks)


@pytest.mark.parametrize("walk", [PlainWalk, ConsistentWalk])
def test_walks_take_them_like_any_others(walk: Callable[[int], PlainWalk | ConsistentWalk]) -> None:
    pks = list(colliding(2_000))
    content = json.dumps([{"pk": pk} for pk in pks]).encode()
    images = decode_rows(content).images
    reader, got = walk(100), []
    while not reader.done:
        window = reader.upcoming(1)[0]
        rows = Rows(images[window.start : window.end], count=len(pks), more=window.end < len(pks))
        got += [image.pk for image in reader.feed(window, rows)]
    reader.check()
    assert got == pks


def test_the_row_of_these_tests_is_a_row() -> None:
    assert decode_rows(json.dumps([ROW]).encode()).images[0].to_dict() == ROW
    assert decode_rows(b"[" + IMAGE + b"]").images[0].pk == 1
