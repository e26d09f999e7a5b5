"""A body is read in steps, in one content coding at most, and no further than agreed, whatever a server sends."""

import asyncio
import contextlib
import gzip
import io
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import cache
from typing import Any

import httpx
import httpx_aiohttp
import pytest
from hypothesis import example, given, strategies as st
from tests.wire import IMAGE, TOKEN, RawServer, Reply, get_image, http, list_pks, run

from channel_images import (
    AsyncChannelImages,
    ChannelImages,
    ChannelImagesError,
    ConfigurationError,
    MalformedResponse,
    NotAuthenticated,
    NotFound,
    Retries,
    ServerError,
    Timeout,
)
from channel_images.calls.bodies import STEP, aread_bounded, read_bounded

AT_ONCE = Retries(attempts=2, max_wait=0)
MOST = 1 << 20
ROOM = 16 << 20
"""Bytes that may be in memory at a time beside what a test had before: a few times `MOST` and `STEP`."""


@pytest.fixture(params=["sync", "async", "aiohttp"])
def get(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """One image with its answer, by either client, and by the asynchronous one through aiohttp."""

    def get(url: str, **options: Any) -> Any:
        if request.param == "aiohttp":
            options["transport"] = httpx_aiohttp.AiohttpTransport()
        return get_image("sync" if request.param == "sync" else "async", url, **{"retries": AT_ONCE, **options})

    return get


def raw_deflate(content: bytes, level: int = -1) -> bytes:
    return zlib.compress(content, level, wbits=-zlib.MAX_WBITS)


@cache
def bomb(compress: Callable[[bytes, int], bytes] = gzip.compress) -> bytes:
    return compress(b"[" * (64 << 20), 1)


CODED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZip": gzip.compress,
    "identity, gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate, identity": raw_deflate,
    "identity": bytes,
    "utf-8": bytes,
    "": bytes,
}


@pytest.mark.parametrize("coding", CODED)
def test_one_coding_is_undone(get: Callable[..., Any], coding: str) -> None:
    with RawServer([http(200, CODED[coding](IMAGE), f"Content-Encoding: {coding}")]) as server:
        answer = get(server.url)
    assert answer.value.pk == 1
    assert answer.response.content == IMAGE
    assert answer.headers["content-encoding"] == coding
    assert server.asked[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip,deflate", "deflate, identity, gzip", "br, gzip", "x, gzip, y"])
def test_codings_upon_codings_are_refused(get: Callable[..., Any], coding: str) -> None:
    with (
        RawServer([http(200, gzip.compress(bomb()), f"Content-Encoding: {coding}")]) as server,
        pytest.raises(MalformedResponse, match="in several content codings, one on top of the other") as caught,
    ):
        get(server.url)
    assert (caught.value.response.content, caught.value.retries, len(server.asked)) == (b"", 0, 1)


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "BR"])
def test_codings_that_are_not_asked_for_are_refused(get: Callable[..., Any], coding: str) -> None:
    with (
        RawServer([http(200, b"\x1b\x03", f"Content-Encoding: {coding}")]) as server,
        pytest.raises(
            MalformedResponse, match=f"in the content coding {coding.lower()}; the client decodes gzip, deflate"
        ),
    ):
        get(server.url)


BOMBS = {
    "gzip": http(200, bomb(), "Content-Encoding: gzip"),
    "deflate": http(200, bomb(zlib.compress), "Content-Encoding: deflate"),
    "deflate without its head": http(200, bomb(raw_deflate), "Content-Encoding: deflate"),
    "gzip in chunks": http(200, b"", "Content-Encoding: gzip", "Transfer-Encoding: chunked").replace(
        b"Content-Length: 0\r\n", b""
    )
    + b"%x\r\n%b\r\n0\r\n\r\n" % (len(bomb()), bomb()),
}


def endless(connection: Any) -> None:
    connection.sendall(http(200, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
    while True:
        connection.sendall(b"10000\r\n%b\r\n" % (b" " * 0x10000))


def endless_behind_gzip(connection: Any) -> None:
    """The coded body ends soon, and what comes behind it does not."""
    connection.sendall(http(200, gzip.compress(IMAGE), "Content-Encoding: gzip", length=10**13))
    while True:
        connection.sendall(b" " * 0x10000)


def endless_without_content(connection: Any) -> None:
    """Blocks of gzip that come to nothing."""
    connection.sendall(http(200, gzip.compress(b"")[:10], "Content-Encoding: gzip", length=10**13))
    while True:
        connection.sendall(b"\0\0\0\xff\xff" * 10_000)


def ten_terabytes(connection: Any) -> None:
    connection.sendall(http(200, b" " * (2 * MOST), length=10**13))
    connection.recv(1)


REPLIES: dict[str, Reply] = {
    **BOMBS,
    "endless": endless,
    "endless behind gzip": endless_behind_gzip,
    "endless without content": endless_without_content,
    "10 TB": ten_terabytes,
}


@pytest.mark.parametrize("kind", REPLIES)
def test_a_body_ends_where_it_is_too_long(get: Callable[..., Any], kind: str) -> None:
    with RawServer([REPLIES[kind]]) as server:
        tracemalloc.start()
        try:
            with pytest.raises(MalformedResponse) as caught:
                get(server.url, max_body=MOST)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    url = f"{server.url}/api/v1/channel/5/product_images/1/"
    assert str(caught.value) == f"GET {url} answered 200: the body is longer than max_body={MOST} bytes"
    assert (caught.value.status_code, caught.value.response.content, len(server.asked)) == (200, b"", 1)
    assert peak < ROOM


def test_a_body_of_just_that_length_is_read(get: Callable[..., Any]) -> None:
    content = IMAGE.ljust(5000)
    with RawServer([http(200, gzip.compress(content), "Content-Encoding: gzip")]) as server:
        assert get(server.url, max_body=5000).response.content == content
        for less in (4999, 1):
            with pytest.raises(MalformedResponse, match=f"longer than max_body={less} bytes"):
                get(server.url, max_body=less)


def test_32_mib_are_enough_for_any_page_unless_you_say_otherwise(get: Callable[..., Any]) -> None:
    with RawServer([http(200, gzip.compress(IMAGE.ljust(20 << 20)), "Content-Encoding: gzip")]) as server:
        assert get(server.url).value.pk == 1
    with (
        RawServer([http(200, gzip.compress(b" " * (33 << 20)), "Content-Encoding: gzip")]) as server,
        pytest.raises(MalformedResponse, match="longer than max_body=33554432 bytes"),
    ):
        get(server.url)


# Answers that are no 200 say enough by their status


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (401, NotAuthenticated), (503, ServerError)])
@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "br"])
def test_an_error_is_told_by_its_status(
    get: Callable[..., Any], status: int, kind: type[ChannelImagesError], coding: str
) -> None:
    with (
        RawServer([http(status, bomb(), f"Content-Encoding: {coding}", "X-Request-Id: r-1")]) as server,
        pytest.raises(kind, match=rf"answered {status} Whatever.*It has no body here: the body is") as caught,
    ):
        get(server.url)
    error: Any = caught.value
    assert (error.body, error.request_id, error.retries) == ("", "r-1", 2 if status == 503 else 0)


def test_a_redirect_is_followed_whatever_its_body(get: Callable[..., Any]) -> None:
    redirect = http(302, bomb(), "Content-Encoding: gzip, gzip", "Location: ?again")
    with RawServer([redirect, http(200)]) as server:
        assert get(server.url).value.pk == 1


def test_a_sign_in(get: Callable[..., Any]) -> None:
    options = {"username": "user", "password": "pa55word", "max_body": MOST}
    with (
        RawServer([http(200, bomb(), "Content-Encoding: gzip")]) as server,
        pytest.raises(MalformedResponse, match=r"POST .* answered 200: the body is longer than max_body="),
    ):
        get(server.url, **options)
    with (
        RawServer([http(401, bomb(), "Content-Encoding: gzip")]) as server,
        pytest.raises(NotAuthenticated, match="It has no body here"),
    ):
        get(server.url, **options)


# Decoding is part of the time that a call may take


class Endless(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body of a transport that never waits: one member of gzip, which does not end."""

    def __init__(self) -> None:
        self.closed = False
        self._zlib = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)

    def _next(self) -> bytes:
        return self._zlib.compress(b" " * (4 * STEP)) + self._zlib.flush(zlib.Z_SYNC_FLUSH)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield self._next()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield self._next()

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize("surface", ["sync", "async"])
def test_a_call_timeout_ends_the_decoding(surface: str) -> None:
    stream = Endless()
    response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=stream)
    transport = httpx.MockTransport(lambda _request: response)
    with pytest.raises(Timeout, match=r"took longer than 0\.05 s; a longer call_timeout= may help"):
        get_image(surface, "https://host", transport=transport, call_timeout=0.05, max_body=1 << 40, retries=0)
    assert stream.closed


@pytest.mark.parametrize("surface", ["sync", "async"])
def test_what_a_transport_has_read_already_is_too_long_all_the_same(surface: str) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=b" " * 5000))
    with pytest.raises(MalformedResponse, match="longer than max_body=4999 bytes"):
        get_image(surface, "https://host", transport=transport, max_body=4999)


@pytest.mark.parametrize("surface", ["sync", "async"])
def test_a_connection_is_used_again_unless_its_body_was_broken_off(surface: str) -> None:
    page = {"count": 2, "next": "x", "previous": None, "results": [{"pk": 1}]}
    last = {**page, "next": None, "results": [{"pk": 2}]}
    with RawServer(lambda asked: http(200, page if "page=1" in asked.target else last)) as server:
        assert list_pks(surface, server.url, limit=1) == [1, 2]
    assert server.connections == 1
    with RawServer(
        lambda asked: http(503, bomb(), "Content-Encoding: gzip") if asked.number < 2 else http(200)
    ) as server:
        assert get_image(surface, server.url, retries=AT_ONCE).retries == 2
    assert server.connections == 3


@pytest.mark.parametrize("value", [0, -1, 1.5, "1", None, True, float("nan")])
@pytest.mark.parametrize("client", [ChannelImages, AsyncChannelImages])
def test_a_limit_that_makes_no_sense(client: Any, value: object) -> None:
    with pytest.raises(ConfigurationError, match="max_body is a whole number of bytes, 1 or more"):
        client("https://host", token=TOKEN, max_body=value)


# The same for any client of httpx


def streamed(url: str, most: int, **options: Any) -> bytes:
    with httpx.Client() as client, client.stream("GET", url) as response:
        content = read_bounded(response, most, **options)
        assert response.content == content
        return content


def test_a_client_of_httpx_can_read_so_too() -> None:
    with RawServer([http(200, gzip.compress(IMAGE), "Content-Encoding: gzip")]) as server:
        assert streamed(server.url, 100) == IMAGE
    for reply in (*BOMBS.values(), http(500, gzip.compress(bomb()), "Content-Encoding: gzip, gzip")):
        with RawServer([reply]) as server, pytest.raises(ChannelImagesError) as caught:
            streamed(server.url, MOST)
        assert str(caught.value).startswith(("the body is longer than 1048576 bytes", "the body is in several"))


def test_a_check_can_end_the_reading() -> None:
    checks: list[None] = []

    def check() -> None:
        checks.append(None)
        if len(checks) == 3:
            raise TimeoutError("enough")

    with RawServer([BOMBS["gzip"]]) as server, pytest.raises(TimeoutError, match="enough"):
        streamed(server.url, 1 << 40, check=check)
    assert len(checks) == 3


def test_other_tasks_have_their_turn_while_a_body_is_decoded() -> None:
    class Stream(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield gzip.compress(b" " * (8 * STEP))

    async def main() -> None:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Stream())
        task = asyncio.create_task(other())
        assert len(await aread_bounded(response, 8 * STEP)) == 8 * STEP
        task.cancel()
        assert turns == 8

    run(main())


def read_pieces(coding: str, pieces: Iterable[bytes], most: int = 1 << 21) -> bytes:
    """The body of a response that comes in these pieces."""

    class Stream(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            return iter(pieces)

    response = httpx.Response(
        200, headers={"Content-Encoding": coding}, stream=Stream(), request=httpx.Request("GET", "https://host")
    )
    try:
        return read_bounded(response, most)
    finally:
        assert response.headers["content-encoding"] == coding


PIECES = st.lists(st.integers(1, 40), max_size=20)


@example(content=b"", pieces=[], coding="raw")
@example(content=b"abc", pieces=[1] * 20, coding="raw")
@given(content=st.binary(max_size=200), pieces=PIECES, coding=st.sampled_from(["gzip", "deflate", "raw", ""]))
def test_any_body_in_any_pieces(content: bytes, pieces: list[int], coding: str) -> None:
    coded = io.BytesIO((raw_deflate if coding == "raw" else CODED[coding])(content))
    chunks = [*map(coded.read, pieces), coded.read()]
    assert read_pieces("deflate" if coding == "raw" else coding, chunks, 300) == content


@pytest.mark.parametrize("more", [-1, 0, 1, 100])
def test_what_is_left_after_a_step_is_decoded_though_nothing_else_comes(more: int) -> None:
    content = b" " * (STEP + more)
    assert read_pieces("deflate", [raw_deflate(content)]) == content


@given(content=st.binary(max_size=100), coding=st.sampled_from(["gzip", "deflate"]))
def test_what_is_not_coded_as_it_says_is_an_error_of_httpx_or_its_beginning(content: bytes, coding: str) -> None:
    with contextlib.suppress(httpx.DecodingError):
        read_pieces(coding, [content])
