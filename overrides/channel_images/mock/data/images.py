"""Makes the fields of product images that are more than their schema says: nothing else in the mock knows these fields.

A field that is not here gets what its schema allows (see `made`), and so has any other resource.
"""

from hashlib import blake2b

from channel_images.mock.data.made import Row
from channel_images.resource import resource

_RESOURCE = "ProductImage"
_SOURCES = ("unified", "integration", "seller_center", None)
_SIZES = (480, 600, 800, 1000, 1200, 1600, 2048)


def begun(noise: bytes, product: int, order: int, first_pk: int) -> Row:
    """Fields of an image that a channel begins with: the one of that `order` of its product, the first having `first_pk`."""
    if resource().name != _RESOURCE:
        return {}
    measured = noise[24] % 8 != 0
    # A few images are made from the product's first one, and are attached to that image.
    derived = order > 0 and noise[30] % 16 == 0
    return {
        "source": _SOURCES[noise[23] % len(_SOURCES)],
        "height": _SIZES[noise[25] % len(_SIZES)] if measured else None,
        # A width alone may be unknown as well.
        "width": _SIZES[noise[26] % len(_SIZES)] if measured and noise[27] % 16 else None,
        "hash": noise[:16].hex() if noise[28] % 10 else None,
        "status": "active" if noise[29] % 5 else "disabled",
        "is_active": noise[31] % 4 != 0,
        "order": order,
        "object_id": first_pk if derived else product,
        "content_type": "productimage" if derived else "product",
    }


def added(key: bytes, product: int, order: int) -> Row:
    """Fields of an image that is added later; `key` is its own."""
    if resource().name != _RESOURCE:
        return {}
    return {
        "source": "integration",
        "height": 1200,
        "width": 800,
        "hash": blake2b(key, digest_size=16).hexdigest(),
        "status": "active",
        "is_active": True,
        "order": order,
        "object_id": product,
        "content_type": "product",
    }
