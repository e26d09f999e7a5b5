# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

"""The rows that the API is about, and the requests for them by their meaning."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from .api.sales_channel_product_image import (
    list_detailed_product_images,
    list_product_image_inserts,
    list_product_image_inserts_or_updates,
    list_product_image_updates,
    list_product_images,
    retrieve_detailed_product_image,
    retrieve_product_image,
)
from .decoding import decode_parsed
from .errors import MalformedBody
from .filters import FILTERS, Filter
from .models.product_image import ProductImage
from .models.product_image_page import ProductImagePage
from .types import UNSET, Request, Unset


@frozen
class List:
    """A list of rows.

    Attributes:
        operation: The function that makes its requests.
        counts: Whether a page says how many rows there are.
    """

    operation: Callable[..., Request]
    counts: bool

    def request(self, scope: int, number: int, size: int, /, **filters: Any) -> Request:
        """The request for a page, by its number and the number of rows on it."""
        return self.operation(scope, page=number, limit=size, **filters)


@frozen(eq=False)
class Resource:
    """What the API is about.

    Attributes:
        noun: What a row is called.
        row: The model of a row.
        page: The model of a page in an envelope.
        key: The field that identifies a row.
        version: The date-time that grows with each change of a row.
        lists: The lists: `all`, `detailed`, and of pending rows `insert`, `update` and `insert_or_update`.
        retrieve: The request for a row.
        retrieve_detailed: The request for a row with its details.
        filters: The filters of the list of all rows.
        unset: What a model has for a field that did not come.
        malformed: What is raised of a body that is not what the contract says.
        decode_parsed: Makes models of objects, fast.
    """

    noun: str
    row: type[ProductImage]
    page: type[ProductImagePage]
    key: str
    version: str
    lists: Mapping[str, List] = field(repr=False)
    retrieve: Callable[..., Request] = field(repr=False)
    retrieve_detailed: Callable[..., Request] = field(repr=False)
    filters: Mapping[str, Filter] = field(repr=False, default=FILTERS)
    unset: Unset = UNSET
    malformed: type[MalformedBody] = MalformedBody
    decode_parsed = staticmethod(decode_parsed)


RESOURCE = Resource(
    noun="image",
    row=ProductImage,
    page=ProductImagePage,
    key="pk",
    version="modified_date",
    lists={
        "all": List(list_product_images.request, counts=True),
        "detailed": List(list_detailed_product_images.request, counts=True),
        "insert": List(list_product_image_inserts.request, counts=False),
        "update": List(list_product_image_updates.request, counts=False),
        "insert_or_update": List(list_product_image_inserts_or_updates.request, counts=False),
    },
    retrieve=retrieve_product_image.request,
    retrieve_detailed=retrieve_detailed_product_image.request,
)
