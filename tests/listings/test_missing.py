"""What a 404 means: no image, no channel, or not the API."""

from typing import Any

import pytest
from tests.wire import SURFACES, TOKEN, Asked, RawServer, Reply, http, run

from channel_images import (
    AsyncChannelImages,
    ChannelImages,
    ChannelNotFound,
    ImageNotFound,
    NotFound,
    ProductType,
)
from channel_images.mock import MockServer

GONE = http(404, {"detail": "Not found."})
HTML = http(404, b"<html>Not Found</html>", "Content-Type: text/html")


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def image(surface: str, url: str, name: str, channel: int = 5, pk: int = 123456789, token: str = TOKEN) -> None:
    if surface == "sync":
        with ChannelImages(url, token=token, retries=0) as api:
            getattr(api.channel(channel), name)(pk)
        return

    async def main() -> None:
        async with AsyncChannelImages(url, token=token, retries=0) as api:
            await getattr(api.channel(channel), name)(pk)

    run(main())


@pytest.mark.parametrize("name", ["image", "image_detailed"])
@pytest.mark.parametrize(
    ("channel", "kind", "words"),
    [(5, ImageNotFound, "channel 5 has no image 123456789: "), (99, ChannelNotFound, "there is no channel 99")],
)
def test_an_image_is_told_apart_from_a_channel(
    surface: str, name: str, channel: int, kind: type[NotFound], words: str
) -> None:
    with MockServer() as server:
        with pytest.raises(kind, match=words) as raised:
            image(surface, server.url, name, channel, token=server.token)
        assert type(raised.value) is kind
        assert raised.value.status_code == 404
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("first", "second"), [(HTML, HTML), (GONE, HTML), (GONE, http(503)), (GONE, http(403)), (GONE, None)]
)
def test_what_cannot_be_told_apart_is_what_the_server_said(surface: str, first: bytes, second: Reply) -> None:
    def reply(asked: Asked) -> Reply:
        return first if "123456789" in asked.target else second

    with RawServer(reply) as server, pytest.raises(NotFound) as raised:
        image(surface, server.url, "image")
    assert type(raised.value) is NotFound


@pytest.mark.parametrize("read", ["pages", "count", "first"])
@pytest.mark.parametrize("name", ["images", "images_detailed", "inserts", "updates", "inserts_or_updates", "pending"])
def test_a_list_of_a_channel_that_does_not_exist(surface: str, name: str, read: str) -> None:
    with RawServer([GONE]) as server:

        def made(api: Any) -> Any:
            return getattr(getattr(api.channel(99), name)(), read)()

        async def main() -> None:
            async with AsyncChannelImages(server.url, token=TOKEN) as api:
                if read == "pages":
                    [page async for page in made(api)]
                else:
                    await made(api)

        def read_it() -> None:
            if surface == "sync":
                with ChannelImages(server.url, token=TOKEN) as api:
                    list(made(api))
            else:
                run(main())

        with pytest.raises(ChannelNotFound, match="there is no channel 99, or not for this token"):
            read_it()
    assert len(server.asked) == 1


def test_a_list_at_another_address_says_so() -> None:
    with (
        RawServer([HTML]) as server,
        ChannelImages(server.url, token=TOKEN) as api,
        pytest.raises(NotFound, match="the base URL of the API") as raised,
    ):
        api.channel(5).images().count()
    assert type(raised.value) is NotFound


# Small things


def test_a_page_is_one_line() -> None:
    with MockServer() as server, ChannelImages(server.url, token=server.token) as api:
        page = next(api.channel(5).images(page_size=50).pages())
        assert repr(page) == "<Page 1 of 50 rows: 50 of 1000 images>"
        page = next(api.channel(5).inserts(page_size=3).pages())
        assert repr(page) == "<Page 1 of 3 rows: 3 images>"


@pytest.mark.parametrize("given", ["simple", "SIMPLE", ["simple"], ProductType.SIMPLE, 0])
def test_a_product_type_can_be_named(given: Any) -> None:
    with MockServer() as server, ChannelImages(server.url, token=server.token) as api:
        assert api.channel(5).images(product_type=given).count() > 0
        assert server.requests[0].query["product_type"] == "0"


def test_a_product_type_that_is_none_says_which_there_are() -> None:
    with ChannelImages("https://host", token=TOKEN) as api, pytest.raises(ValueError, match="simple, product_meta"):
        api.channel(5).images(product_type="simpel")
