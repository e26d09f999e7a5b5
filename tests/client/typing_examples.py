"""What users write, as mypy reads it. It is checked and never run."""

import ssl
from collections.abc import AsyncGenerator, Generator, Sequence
from typing import assert_type

import httpx
import httpx_aiohttp

from channel_images import (
    UNSET,
    Answer,
    AsyncChannelImages,
    AsyncListing,
    AsyncPendingListing,
    BadRequest,
    ChannelImages,
    ChannelImagesError,
    IncompleteListing,
    Listing,
    MalformedResponse,
    Page,
    PendingListing,
    ProductImage,
    ProductType,
    Retries,
    StatusError,
    Timeout,
    Unset,
    Window,
)


def read() -> None:
    with ChannelImages("https://host", token="t") as api:
        channel = api.channel(5)
        listing = channel.images(
            product=123,
            product_pk_in=range(10),
            id_in={1, 2},
            is_seller_product=False,
            product_type=[ProductType.SIMPLE, 7],
            page_size=50,
            concurrency=8,
        )
        assert_type(listing, Listing)
        for image in listing:
            assert_type(image, ProductImage)
            assert_type(image.pk, int | Unset)
            assert_type(image.width, int | None | Unset)
            if image.width is not UNSET and image.width:
                assert_type(image.width * 2, int)
        assert_type(listing.pages(), Generator[Page])
        for page in listing.pages():
            assert_type(page.results, Sequence[ProductImage])
            assert_type(page.count, int | None)
            assert_type(page.request_id, str | None)
        assert_type(listing.count(), int)
        assert_type(listing.first(), ProductImage | None)
        assert_type(channel.images(product_type=ProductType.BUNDLE), Listing)
        assert_type(channel.inserts_or_updates(page_size=100), PendingListing)
        assert_type([image.pk for image in channel.images(product=5, consistent=True)], list[int])
        assert_type([image.pk for image in channel.updates(consistent=True)], list[int])
        for images in channel.inserts().drain(max_passes=3):
            assert_type([image.pk for image in images], list[int])
        for batch in channel.pending().batches():
            assert_type([image.pk for image in batch], list[int])
        assert_type(channel.image(1), ProductImage)
        assert_type(channel.with_raw_response.image_detailed(1), Answer[ProductImage])

        channel.images(product="123")  # type: ignore[call-overload] # a number
        channel.images(id_in=1)  # type: ignore[call-overload] # several
        channel.images(page=2)  # type: ignore[call-overload] # that is what a listing is for
        channel.inserts(product=1)  # type: ignore[call-overload] # only the full list is filtered
        channel.images_detailed().drain()  # type: ignore[attr-defined] # only pending lists run dry


async def read_in_tasks() -> None:
    async with AsyncChannelImages.from_env(retries=3, http2=True) as api:
        listing = api.channel(5).images(concurrency=8)
        assert_type(listing, AsyncListing)
        async for image in listing:
            assert_type(image, ProductImage)
        assert_type(listing.pages(), AsyncGenerator[Page])
        assert_type(await listing.count(), int)
        assert_type(api.channel(5).updates(), AsyncPendingListing)
        assert_type(await api.channel(5).image(1), ProductImage)
        assert_type(await api.channel(5).with_raw_response.image(1), Answer[ProductImage])
        for _image in listing:  # type: ignore[attr-defined] # it is iterated over with `async for`
            pass


def options() -> None:
    ChannelImages("https://host", username="u", password="p", retries=Retries(attempts=2, max_wait=1), rate_limit=5)
    ChannelImages("https://host", token="t", timeout=httpx.Timeout(5), call_timeout=None, application="mine/1")
    ChannelImages("https://host", token="t", verify=ssl.create_default_context(), proxy="http://proxy", trust_env=False)
    ChannelImages("https://host", token="t", transport=httpx.HTTPTransport(retries=1), limits=httpx.Limits())
    AsyncChannelImages("https://host", token="t", transport=httpx_aiohttp.AiohttpTransport())
    ChannelImages("https://host", token="t", transport=httpx.AsyncHTTPTransport())  # type: ignore[arg-type] # the other
    ChannelImages("https://host", token="t", retry=3)  # type: ignore[call-arg] # it is called retries
    ChannelImages("https://host", "t")  # type: ignore[call-arg] # by its name


def errors(error: ChannelImagesError) -> None:
    match error:
        case BadRequest():
            assert_type(error.fields, dict[str, list[str]])
        case MalformedResponse():
            assert_type(error.path, str)
        case StatusError():
            assert_type(error.status_code, int)
            assert_type(error.response, httpx.Response)
            assert_type(error.retries, int)
        case Timeout():
            assert_type(error.url, str)
        case IncompleteListing():
            assert_type(error.windows, tuple[Window, ...])
