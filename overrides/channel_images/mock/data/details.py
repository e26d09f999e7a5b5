"""Shows what the detailed operations have beyond the documented fields; the contract leaves these open."""

from channel_images.mock.data.made import Row
from channel_images.mock.data.pattern import Traits
from channel_images.mock.data.subject import subject
from channel_images.resource import resource

_CONTENT = "https://images.example.com/products"


def details(row: Row, traits: Traits | None) -> dict[str, object]:
    """Where the image's content is, and which product it shows."""
    product = row[subject().group]
    return {
        "image": f"{_CONTENT}/{product}/{row[resource().key]}.jpg",
        "product_detail": {
            "pk": product,
            "sku": f"SKU-{product}",
            "name": f"Product {product}",
            **{each.name: traits[each.name] if traits else None for each in subject().attributes},
        },
    }
