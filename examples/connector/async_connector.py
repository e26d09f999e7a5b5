"""The same as connector.py, but asynchronous: it uploads eight images at a time."""

import asyncio
import logging
import sys
from collections import Counter
from contextlib import aclosing

import httpx

from channel_images import (
    AsyncBatch,
    AsyncChannel,
    AsyncChannelImages,
    ChannelImagesError,
    ConfigurationError,
    ProductImage,
)
from config import Config
from stopping import AsyncStop

log = logging.getLogger("connector")


class Refused(Exception):
    """The shop does not take this image."""


async def upload(shop: httpx.AsyncClient, image: ProductImage) -> str:
    """Put an image into the shop, and return the shop's name for it. To do so twice does no harm."""
    name = f"images/{image.pk}"
    answer = await shop.put(name, json=image.to_dict())  # `modified_date` is the version
    if answer.status_code == 422:
        raise Refused(answer.text)
    answer.raise_for_status()
    return name


async def upload_all(batch: AsyncBatch, shop: httpx.AsyncClient, counts: Counter[str]) -> None:
    """Upload the images of a batch, and note what became of each."""

    async def worker() -> None:
        for image in images:
            try:
                batch.sent(image, remote_id=await upload(shop, image))
                counts["sent"] += 1
            except Refused as refusal:
                log.warning("image %s is refused: %s", image.pk, refusal)
                batch.failed(image, reason="remote")
                counts["refused"] += 1

    images = iter(batch)
    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(worker())


async def work_off(channel: AsyncChannel, shop: httpx.AsyncClient, stop: AsyncStop) -> None:
    """One round: all that is pending. If an error ends it, the images of the batch are pending again."""
    counts: Counter[str] = Counter(sent=0, refused=0)
    async with aclosing(channel.inserts_or_updates().batches(size=100)) as batches:
        async for batch in batches:
            async with batch:
                await stop.interrupts(upload_all(batch, shop, counts))
                if stop.asked:
                    batch.release()  # what the shop does not have yet is pending again
            if stop.asked:
                break
    log.info("%(sent)d sent, %(refused)d refused", counts)


async def main() -> None:
    """Work until a signal comes.

    Raises:
        ConfigurationError: The environment is not as it should be.
    """
    stop = AsyncStop()
    config = Config.from_env()
    async with (
        AsyncChannelImages.from_env(application="connector/1.0") as api,
        httpx.AsyncClient(base_url=config.shop_url, timeout=30) as shop,
    ):
        while not stop.asked:
            try:
                await work_off(api.channel(config.channel), shop, stop)
            except* (ChannelImagesError, httpx.HTTPError) as errors:
                log.error("the next round tries again: %s", errors.exceptions[0])
            await stop.interrupts(asyncio.sleep(config.seconds))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it has a line for each request
    try:
        asyncio.run(main())
    except ConfigurationError as error:
        print(f"connector: {error}", file=sys.stderr)
        sys.exit(2)
