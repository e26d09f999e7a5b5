"""Tells apart what a 404 can mean: there is no such image, no such channel, or the base URL is not that of the API."""

from channel_images.exceptions import ChannelImagesError, ChannelNotFound, ImageNotFound, NotFound
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


def no_channel(error: NotFound, channel_id: int) -> NotFound:
    """The error for the first page of a list. Where no JSON came, it was not the API that answered."""
    if not isinstance(error.body, dict):
        return error
    message = f"there is no channel {channel_id}, or not for this token: {error}"
    return ChannelNotFound(message, response=error.response, retries=error.retries)
