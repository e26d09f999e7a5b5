"""Client, mock server and conformance check for the sales-channel product-image API.

The models are those of the generated client, :mod:`channel_images_api`; its functions send the requests::

    from channel_images import AuthenticatedClient
    from channel_images_api.api.sales_channel_product_image import list_product_images
"""

from channel_images_api.client import AuthenticatedClient
from channel_images_api.errors import MalformedBody
from channel_images_api.models import (
    ProductImage,
    ProductImagePage,
    ProductImageSource,
    ProductImageStatus,
    ProductType,
)
from channel_images_api.types import UNSET, Unset

__all__ = (
    "UNSET",
    "AuthenticatedClient",
    "MalformedBody",
    "ProductImage",
    "ProductImagePage",
    "ProductImageSource",
    "ProductImageStatus",
    "ProductType",
    "Unset",
)
