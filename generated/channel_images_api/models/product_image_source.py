# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from ..types import OpenStrEnum


class ProductImageSource(OpenStrEnum):
    """Where an image came from. A server may add values."""

    UNIFIED = "unified"
    INTEGRATION = "integration"
    SELLER_CENTER = "seller_center"
