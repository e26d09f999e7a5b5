"""Lists the products of a channel: those that have an image in it."""

from bisect import bisect_left, bisect_right
from collections import Counter

from channel_images.mock.data.dataset import Dataset
from channel_images.mock.data.listing import set_member


class Products:
    """The ids, ascending: those of the data set, which are a range, but for those gone, and those that joined.

    Any page costs the logarithm of the number of changes for each of its rows.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._gone: list[int] = []
        self._joined: list[int] = []
        """Both ascending; none that joined lies in the range."""
        self._more: Counter[int] = Counter()
        """How many images more than in the data set a product has."""

    def __contains__(self, product: int) -> bool:
        return len(self._dataset.images_of(product)) + self._more[product] > 0

    def note(self, product: int, images: int) -> None:
        """Take note that the product has so many images more, or fewer."""
        self._more[product] += images
        if product in self._dataset.products:
            set_member(self._gone, product, product not in self)
        else:
            set_member(self._joined, product, product in self)

    @property
    def count(self) -> int:
        return len(self._dataset.products) - len(self._gone) + len(self._joined)

    def slice(self, start: int, stop: int) -> list[int]:
        return [self._nth(position) for position in range(start, min(stop, self.count))]

    def _nth(self, position: int) -> int:
        first, gone = self._dataset.products.start, self._gone
        before = bisect_left(self._joined, first)
        if position < before:
            return self._joined[position]
        left = len(self._dataset.products) - len(gone)
        if position - before >= left:
            return self._joined[position - left]
        # The n-th that is gone has gone[n] - first - n before it that are not.
        position -= before
        return first + position + bisect_right(range(len(gone)), position, key=lambda n: gone[n] - first - n)
