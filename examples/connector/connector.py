"""Uploads the pending images of a channel to a shop, round after round, and reports what became of each."""

import logging
import sys

import httpx

from channel_images import Batch, ChannelImages, ChannelImagesError, ConfigurationError, ProductImage
from config import Config
from stopping import Stop

log = logging.getLogger("connector")


class Refused(Exception):
    """The shop does not take this image."""


def upload(shop: httpx.Client, image: ProductImage) -> str:
    """Put an image into the shop, and return the shop's name for it. To do so twice does no harm."""
    name = f"images/{image.pk}"
    answer = shop.put(name, json=image.to_dict())  # `modified_date` is the version
    if answer.is_error:
        raise Refused(answer.text)
    return name


def work_off(batch: Batch, shop: httpx.Client, stop: Stop) -> None:
    """Upload the images of a batch, and report. If an error ends it, all of them are pending again."""
    with batch:
        for image in batch:
            try:
                with stop.interrupts():
                    batch.sent(image, remote_id=upload(shop, image))
            except Refused as refusal:
                log.warning("image %s is refused: %s", image.pk, refusal)
                batch.failed(image, reason="remote")
            except KeyboardInterrupt:
                batch.release()  # what the shop does not have yet is pending again
                break


def main() -> None:
    """Work until a signal comes.

    Raises:
        ChannelImagesError: The environment is not as it should be, or the platform refuses the token, say.
    """
    stop = Stop()
    config = Config.from_env()
    with (
        ChannelImages.from_env(application="connector/1.0") as api,
        httpx.Client(base_url=config.shop_url, timeout=30) as shop,
    ):
        for batch in api.channel(config.channel).pending().watch(every=config.seconds, stop=stop):
            try:
                work_off(batch, shop, stop)
            except (ChannelImagesError, httpx.HTTPError) as error:
                log.error("batch %d, whose images come again: %s", batch.pk, error)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it has a line for each request
    try:
        main()
    except ChannelImagesError as error:
        print(f"connector: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigurationError) else 1)
