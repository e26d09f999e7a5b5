# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

"""The filters of the list of all rows. This module imports no other one of the package, for users who only name them."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen


@frozen
class Filter:
    """A filter.

    Attributes:
        name: Its name as an argument in Python.
        field: The field of a row that it is about, or whose referent has the attribute that it asks for.
        description: What the contract says of it.
        type: The type of a value: `integer`, `number`, `string` or `boolean`.
        several: Whether it takes several values.
        values: The values that the contract lists; empty if it lists none.
        names: The names of these, where they are numbers.
        is_extensible: Whether a server may take values that are not listed.
    """

    name: str
    field: str
    description: str
    type: str
    several: bool
    values: tuple[Any, ...]
    names: tuple[str, ...]
    is_extensible: bool


FILTERS: Mapping[str, Filter] = {
    "product": Filter(
        "product",
        "product",
        "Only the images of the product with this id.",
        "integer",
        several=False,
        values=(),
        names=(),
        is_extensible=False,
    ),
    "product_pk_in": Filter(
        "product_pk_in",
        "product",
        "Only the images of the products with these ids, comma-separated in one parameter: `product__pk__in=123,124`. Ids that match no product add nothing. A server may have a largest number of ids, of at least 10; it then refuses more with 400.",
        "integer",
        several=True,
        values=(),
        names=(),
        is_extensible=False,
    ),
    "id_in": Filter(
        "id_in",
        "pk",
        "Only the images with these `pk`, comma-separated in one parameter: `id__in=1,2,3`. Ids that match no image add nothing. A server may have a largest number of ids, of at least 10; it then refuses more with 400.",
        "integer",
        several=True,
        values=(),
        names=(),
        is_extensible=False,
    ),
    "is_seller_product": Filter(
        "is_seller_product",
        "product",
        "Only the images of products that belong to a seller (`true`), or of those that do not (`false`). Every image is on one of the two sides.",
        "boolean",
        several=False,
        values=(),
        names=(),
        is_extensible=False,
    ),
    "product_type": Filter(
        "product_type",
        "product",
        "Only the images of products of these types, comma-separated in one parameter: `product_type=0,2`. An image belongs to one type.",
        "integer",
        several=True,
        values=(0, 1, 2, 3, 4, 5),
        names=("SIMPLE", "PRODUCT_META", "BUNDLE", "GROUPED", "MISCELLANEOUS", "OFFER"),
        is_extensible=True,
    ),
}
"""The filters, by their names in Python."""
