# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from ..types import OpenIntEnum


class ProductType(OpenIntEnum):
    """The kind of a product: 0 simple, 1 product meta, 2 bundle, 3 grouped, 4 miscellaneous, 5 offer. A server may add
    values."""

    SIMPLE = 0
    PRODUCT_META = 1
    BUNDLE = 2
    GROUPED = 3
    MISCELLANEOUS = 4
    OFFER = 5
