# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from ..types import OpenStrEnum


class ProductImageStatus(OpenStrEnum):
    """Whether an image is in use. A server may add values."""

    ACTIVE = "active"
    DISABLED = "disabled"
