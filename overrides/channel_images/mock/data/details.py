"""Shows what the detailed operations have beyond the documented fields; the contract leaves these open."""

from channel_images.mock.data.dataset import Row
from channel_images.mock.data.pattern import Traits

_CONTENT = "https://images.example.com/products"


def details(row: Row, traits: Traits | None) -> dict[str, object]:
    """Where the image's content is, and which product it shows."""
    product = row["product"]
    return {
        "image": f"{_CONTENT}/{product}/{row['pk']}.jpg",
        "product_detail": {
            "pk": product,
            "sku": f"SKU-{product}",
            "name": f"Product {product}",
            "product_type": traits.product_type if traits else None,
            "is_seller_product": traits.is_seller if traits else None,
        },
    }
