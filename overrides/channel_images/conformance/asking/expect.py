"""Reads known answers: what the user of a check knows of the data and no row says.

An inverted filter is consistent with itself; only somebody who knows that a product is a seller's sees it.
"""

from pathlib import Path

from attrs import field, frozen

from channel_images.conformance.files import load


@frozen
class Expectations:
    """What is known of products and of images, by id."""

    is_seller_product: dict[int, bool] = field(factory=dict)
    """By product."""
    product_type: dict[int, int] = field(factory=dict)
    """By product."""
    pending: dict[int, str] = field(factory=dict)
    """By image: `insert`, `update` or `none`."""


def read_expectations(path: Path) -> Expectations:
    """What a file of known answers says; an empty one says nothing.

    Raises `BadFile`, a `ValueError` whose message is one line with the file, the line and what is wrong there.
    """
    document = load(path, "expect")
    known = Expectations()
    said = document.data or {}
    seen: dict[tuple[str, int], int] = {}
    for section, key in (("products", "product"), ("images", "pk")):
        for index, entry in enumerate(said.get(section, ())):
            identity = int(entry[key])  # JSON Schema takes 12.0 for an integer
            if (key, identity) in seen:
                raise document.bad(
                    (section, index), f"{key} {identity} is there already, in line {seen[key, identity]}"
                )
            seen[key, identity] = document.line((section, index))
            if "is_seller_product" in entry:
                known.is_seller_product[identity] = entry["is_seller_product"]
            if "product_type" in entry:
                known.product_type[identity] = int(entry["product_type"])
            if "pending" in entry:
                known.pending[identity] = entry["pending"]
    return known
