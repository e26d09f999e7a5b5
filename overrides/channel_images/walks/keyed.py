"""Says of an image that its `pk` is there, for type checkers."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from channel_images_api.models import ProductImage

if TYPE_CHECKING:

    class KeyedImage(ProductImage):
        """An image whose `pk` is an integer: pending images, and those of a consistent list, have been looked at."""

        pk: int

else:
    KeyedImage = ProductImage


def keyed(images: Iterable[ProductImage]) -> list[KeyedImage]:
    """Those of the images that have a `pk`."""
    return [cast("KeyedImage", image) for image in images if isinstance(image.pk, int)]
