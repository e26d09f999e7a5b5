"""Tells apart what the 404 of an image can mean: there is no such image, no such channel, or that is not the API."""

from channel_images.exceptions import ChannelImagesError, ImageNotFound, NotFound, no_channel
from channel_images_api.api.sales_channel_product_image import list_product_images
from channel_images_api.types import Request


def probe(channel_id: int) -> Request:
    """The request whose outcome tells whether there is such a channel."""
    return list_product_images.request(channel_id, page=1, limit=1)


def no_image(error: NotFound, channel_id: int, pk: int, outcome: ChannelImagesError | None) -> NotFound:
    """The error for an image.

    Args:
        error: What the server said of it.
        channel_id: The channel.
        pk: The image.
        outcome: What came of the probe; None for a success.
    """
    if outcome is None:
        message = f"channel {channel_id} has no image {pk}: {error}"
        return ImageNotFound(message, response=error.response, retries=error.retries)
    if isinstance(outcome, NotFound):
        return no_channel(outcome, channel_id)
    return error
