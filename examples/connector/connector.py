"""Uploads the pending images of a channel to a shop, round after round, and reports what became of each."""

import logging
import sys
import time
from collections import Counter
from contextlib import suppress

import httpx

from channel_images import Channel, ChannelImages, ChannelImagesError, ConfigurationError, ProductImage
from config import Config
from stopping import Stop

log = logging.getLogger("connector")


class Refused(Exception):
    """The shop does not take this image."""


def upload(shop: httpx.Client, image: ProductImage) -> str:
    """Put an image into the shop, and return the shop's name for it. To do so twice does no harm."""
    name = f"images/{image.pk}"
    answer = shop.put(name, json=image.to_dict())  # `modified_date` is the version
    if answer.status_code == 422:
        raise Refused(answer.text)
    answer.raise_for_status()
    return name


def work_off(channel: Channel, shop: httpx.Client, stop: Stop) -> None:
    """One round: all that is pending. If an error ends it, the images of the batch are pending again."""
    counts: Counter[str] = Counter(sent=0, refused=0)
    for batch in channel.inserts_or_updates().batches(size=100):
        with batch:
            for image in batch:
                try:
                    with stop.interrupts():
                        batch.sent(image, remote_id=upload(shop, image))
                        counts["sent"] += 1
                except Refused as refusal:
                    log.warning("image %s is refused: %s", image.pk, refusal)
                    batch.failed(image, reason="remote")
                    counts["refused"] += 1
                except KeyboardInterrupt:
                    batch.release()  # what the shop does not have yet is pending again
                    break
        if stop.asked:
            break
    log.info("%(sent)d sent, %(refused)d refused", counts)


def main() -> None:
    """Work until a signal comes.

    Raises:
        ConfigurationError: The environment is not as it should be.
    """
    stop = Stop()
    config = Config.from_env()
    with (
        ChannelImages.from_env(application="connector/1.0") as api,
        httpx.Client(base_url=config.shop_url, timeout=30) as shop,
    ):
        while not stop.asked:
            try:
                work_off(api.channel(config.channel), shop, stop)
            except (ChannelImagesError, httpx.HTTPError) as error:
                log.error("the next round tries again: %s", error)
            with suppress(KeyboardInterrupt), stop.interrupts():
                time.sleep(config.seconds)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it has a line for each request
    try:
        main()
    except ConfigurationError as error:
        print(f"connector: {error}", file=sys.stderr)
        sys.exit(2)
