"""Known answers: what the user of a check knows of the data and no row says.

An inverted filter is consistent with itself; only somebody who knows that a product is a seller's sees it.
"""

from attrs import field, frozen


@frozen
class Expectations:
    """What is known of products and of images, by id."""

    is_seller_product: dict[int, bool] = field(factory=dict)
    """By product."""
    product_type: dict[int, int] = field(factory=dict)
    """By product."""
    pending: dict[int, str] = field(factory=dict)
    """By image: ``insert``, ``update`` or ``none``."""
