"""Reads one image, and tells apart what its 404 can mean: no such image, no such channel, or that is not the API."""

from collections.abc import Callable
from typing import TypeVar

from channel_images.calls.answers import Answer
from channel_images.calls.sender import AsyncSender, Sender
from channel_images.exceptions import ChannelImagesError, ImageNotFound, NotFound, no_channel
from channel_images.listings.query import check_id
from channel_images_api.resource import RESOURCE, Resource
from channel_images_api.types import Request

T = TypeVar("T")


def retrieve(
    sender: Sender,
    decode: Callable[[bytes], T],
    channel_id: int,
    pk: int,
    *,
    detailed: bool = False,
    api: Resource = RESOURCE,
) -> Answer[T]:
    """One image. After a 404, one more request says what is missing.

    Raises:
        ImageNotFound: The channel has no such image.
        ChannelNotFound: There is no such channel.
        ChannelImagesError: As for any request.
    """
    try:
        return sender.send(_request(channel_id, pk, detailed, api), decode)
    except NotFound as error:
        missing, outcome = error, None
    try:
        sender.send(_probe(channel_id, api), bytes)
    except ChannelImagesError as error:
        outcome = error
    raise _no_image(missing, channel_id, pk, outcome)


async def aretrieve(
    sender: AsyncSender, decode: Callable[[bytes], T], channel_id: int, pk: int, *, detailed: bool = False
) -> Answer[T]:
    """The same for tasks."""
    try:
        return await sender.send(_request(channel_id, pk, detailed, RESOURCE), decode)
    except NotFound as error:
        missing, outcome = error, None
    try:
        await sender.send(_probe(channel_id, RESOURCE), bytes)
    except ChannelImagesError as error:
        outcome = error
    raise _no_image(missing, channel_id, pk, outcome)


def _request(channel_id: int, pk: int, detailed: bool, api: Resource) -> Request:
    return (api.retrieve_detailed if detailed else api.retrieve)(channel_id, check_id("pk", pk))


def _probe(channel_id: int, api: Resource) -> Request:
    """The request whose outcome tells whether there is such a channel."""
    return api.lists["all"].request(channel_id, 1, 1)


def _no_image(error: NotFound, channel_id: int, pk: int, outcome: ChannelImagesError | None) -> NotFound:
    """The error for what the server said of an image, and for what came of the probe; None for a success."""
    if outcome is None:
        message = f"channel {channel_id} has no image {pk}: {error}"
        return ImageNotFound(message, response=error.response, retries=error.retries)
    return no_channel(outcome, channel_id) if isinstance(outcome, NotFound) else error
