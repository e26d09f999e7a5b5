"""Has a client, a mock server and a conformance check for the product-image API of sales channels in Akinon Omnitron::

    from channel_images import ChannelImages

    with ChannelImages("https://host", token="...") as api:
        for image in api.channel(5).images():
            print(image.pk, image.width, image.height)

The functions of the generated client, one for each operation, are in `channel_images_api`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
    from channel_images.calls.address import InsecureConnectionWarning as InsecureConnectionWarning
    from channel_images.calls.answers import Answer as Answer, Page as Page
    from channel_images.calls.retries import Retries as Retries
    from channel_images.client.async_client import AsyncChannelImages as AsyncChannelImages
    from channel_images.client.channel import AsyncChannel as AsyncChannel, Channel as Channel
    from channel_images.client.client import ChannelImages as ChannelImages
    from channel_images.exceptions import (
        BadRequest as BadRequest,
        BatchError as BatchError,
        ChannelImagesError as ChannelImagesError,
        ChannelNotFound as ChannelNotFound,
        ChannelsFailed as ChannelsFailed,
        ClientUnusable as ClientUnusable,
        ConfigurationError as ConfigurationError,
        ConnectionFailed as ConnectionFailed,
        DrainStalled as DrainStalled,
        ExportError as ExportError,
        ImageNotFound as ImageNotFound,
        IncompleteListing as IncompleteListing,
        ListingError as ListingError,
        MalformedResponse as MalformedResponse,
        NotAuthenticated as NotAuthenticated,
        NotFound as NotFound,
        PermissionDenied as PermissionDenied,
        RateLimited as RateLimited,
        RequestError as RequestError,
        ResponseError as ResponseError,
        ServerError as ServerError,
        StatusError as StatusError,
        Timeout as Timeout,
    )
    from channel_images.listings.async_listing import (
        AsyncListing as AsyncListing,
        AsyncPendingListing as AsyncPendingListing,
    )
    from channel_images.listings.listing import Listing as Listing, PendingListing as PendingListing
    from channel_images.reporting.batch import AsyncBatch as AsyncBatch, Batch as Batch
    from channel_images.reporting.requests import BatchStatus as BatchStatus, FailedReason as FailedReason
    from channel_images.settings import Settings as Settings
    from channel_images.walks.keyed import KeyedImage as KeyedImage
    from channel_images.window import Window as Window
    from channel_images_api.client import AuthenticatedClient as AuthenticatedClient
    from channel_images_api.errors import MalformedBody as MalformedBody
    from channel_images_api.models import (
        ProductImage as ProductImage,
        ProductImagePage as ProductImagePage,
        ProductImageSource as ProductImageSource,
        ProductImageStatus as ProductImageStatus,
        ProductType as ProductType,
    )
    from channel_images_api.types import UNSET as UNSET, Unset as Unset

# Imported when they are first asked for: the command line and the pytest plugin need few of them, or none.
_HOME = {
    "channel_images.calls.answers": ("Answer", "Page"),
    "channel_images.client.async_client": ("AsyncChannelImages",),
    "channel_images.listings.async_listing": ("AsyncListing", "AsyncPendingListing"),
    "channel_images.client.channel": ("AsyncChannel", "Channel"),
    "channel_images.client.client": ("ChannelImages",),
    "channel_images.settings": ("Settings",),
    "channel_images.calls.address": ("InsecureConnectionWarning",),
    "channel_images.exceptions": (
        "BadRequest",
        "BatchError",
        "ChannelImagesError",
        "ChannelsFailed",
        "ClientUnusable",
        "ConfigurationError",
        "ConnectionFailed",
        "DrainStalled",
        "ExportError",
        "IncompleteListing",
        "ListingError",
        "MalformedResponse",
        "NotAuthenticated",
        "NotFound",
        "ImageNotFound",
        "ChannelNotFound",
        "PermissionDenied",
        "RateLimited",
        "RequestError",
        "ResponseError",
        "ServerError",
        "StatusError",
        "Timeout",
    ),
    "channel_images.listings.listing": ("Listing", "PendingListing"),
    "channel_images.reporting.batch": ("AsyncBatch", "Batch"),
    "channel_images.reporting.requests": ("BatchStatus", "FailedReason"),
    "channel_images.walks.keyed": ("KeyedImage",),
    "channel_images.window": ("Window",),
    "channel_images.calls.retries": ("Retries",),
    "channel_images_api.client": ("AuthenticatedClient",),
    "channel_images_api.errors": ("MalformedBody",),
    "channel_images_api.models": (
        "ProductImage",
        "ProductImagePage",
        "ProductImageSource",
        "ProductImageStatus",
        "ProductType",
    ),
    "channel_images_api.types": ("UNSET", "Unset"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = tuple(_MODULE_OF)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("channel-images")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_MODULE_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
