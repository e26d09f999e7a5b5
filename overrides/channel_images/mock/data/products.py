"""Lists the products of a channel: those that have an image in it."""

from collections import Counter

from channel_images.mock.data.beginning import Beginning
from channel_images.mock.data.listing import Sorted, View


class Products(View):
    """The ids, ascending: those of the beginning, but for those gone, and those that joined."""

    def __init__(self, beginning: Beginning) -> None:
        super().__init__(Sorted(beginning.products))
        self._beginning = beginning
        self._more: Counter[int] = Counter()
        """How many images more than at the beginning a product has."""

    def __contains__(self, product: int) -> bool:
        return len(self._beginning.images_of(product)) + self._more[product] > 0

    def note(self, product: int, images: int) -> None:
        """Take note that the product has so many images more, or fewer."""
        self._more[product] += images
        self.update(product, belongs=product in self)
