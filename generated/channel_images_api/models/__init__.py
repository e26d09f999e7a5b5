# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

"""The schemas of the contract."""

from .error_detail import ErrorDetail
from .field_errors import FieldErrors
from .product_image import ProductImage
from .product_image_page import ProductImagePage
from .product_image_source import ProductImageSource
from .product_image_status import ProductImageStatus
from .product_type import ProductType

__all__ = [
    "ErrorDetail",
    "FieldErrors",
    "ProductImage",
    "ProductImagePage",
    "ProductImageSource",
    "ProductImageStatus",
    "ProductType",
]
