"""The same as connector.py, but asynchronous: it uploads eight images at a time."""

import asyncio
import logging
import sys
from contextlib import aclosing

import httpx

from channel_images import AsyncBatch, AsyncChannelImages, ChannelImagesError, ConfigurationError, ProductImage
from config import Config
from stopping import AsyncStop

log = logging.getLogger("connector")


class Refused(Exception):
    """The shop does not take this image."""


async def upload(shop: httpx.AsyncClient, image: ProductImage) -> str:
    """Put an image into the shop, and return the shop's name for it. To do so twice does no harm."""
    name = f"images/{image.pk}"
    answer = await shop.put(name, json=image.to_dict())  # `modified_date` is the version
    if answer.is_error:
        raise Refused(answer.text)
    return name


async def upload_all(batch: AsyncBatch, shop: httpx.AsyncClient) -> None:
    """Upload the images of a batch, and note what became of each."""

    async def worker() -> None:
        for image in images:
            try:
                batch.sent(image, remote_id=await upload(shop, image))
            except Refused as refusal:
                log.warning("image %s is refused: %s", image.pk, refusal)
                batch.failed(image, reason="remote")

    images = iter(batch)
    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(worker())


async def work_off(batch: AsyncBatch, shop: httpx.AsyncClient, stop: AsyncStop) -> None:
    """Upload the images of a batch, and report. If an error ends it, all of them are pending again."""
    async with batch:
        await stop.interrupts(upload_all(batch, shop))
        if stop.is_set():
            batch.release()  # what the shop does not have yet is pending again


async def main() -> None:
    """Work until a signal comes.

    Raises:
        ChannelImagesError: The environment is not as it should be, or the platform refuses the token, say.
    """
    stop = AsyncStop()
    config = Config.from_env()
    async with (
        AsyncChannelImages.from_env(application="connector/1.0") as api,
        httpx.AsyncClient(base_url=config.shop_url, timeout=30) as shop,
        aclosing(api.channel(config.channel).pending().watch(every=config.seconds, stop=stop)) as batches,
    ):
        async for batch in batches:
            try:
                await work_off(batch, shop, stop)
            except* (ChannelImagesError, httpx.HTTPError) as errors:
                log.error("batch %d, whose images come again: %s", batch.pk, errors.exceptions[0])


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it has a line for each request
    try:
        asyncio.run(main())
    except ChannelImagesError as error:
        print(f"connector: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigurationError) else 1)
