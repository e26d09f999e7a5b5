"""Makes the images that a channel begins with: rows as a pure function of (seed, channel, index).

Nothing is stored for a row. Its product, what that is, and its pending state come from the channel's repeating pattern; its
dates and the rest from one keyed BLAKE2 hash of its index, which gives the same bytes on any machine and with any Python:
`images` has what is more than the schema says, `made` whatever the schema allows.

Keys are arithmetic too. A channel owns a range of `KEYS_PER_CHANNEL` pks and as many product ids, so that no two
channels share any. Within the range, every eighth pk is missing, as in a table from which rows were deleted: there are
unknown ids between the known ones. Channel 5 begins with image 1 and product 123, the examples of the contract.
"""

import hashlib
from datetime import timedelta
from functools import lru_cache

from channel_images.mock.data import images
from channel_images.mock.data.made import CREATED_WITHIN, FIRST_CREATED, Row, completed, format_date
from channel_images.mock.data.pattern import (
    CYCLE,
    CYCLE_PRODUCTS,
    Criteria,
    Pattern,
    Pending,
    Selection,
    Slot,
    Traits,
)
from channel_images.mock.data.subject import subject
from channel_images.resource import resource

KEYS_PER_CHANNEL = 100_000_000
MAX_CHANNEL = 2**20 - 1
"""The largest channel id: its range of keys must stay within the integers that every JSON reader keeps exact."""

_KEYS_IN_GROUP = 8
_ROWS_IN_GROUP = _KEYS_IN_GROUP - 1
MAX_IMAGES = KEYS_PER_CHANNEL // _KEYS_IN_GROUP * _ROWS_IN_GROUP

_FIRST_CHANNEL = 5
_FIRST_PRODUCT = 123

_MODIFIED_WITHIN = 90 * 86_400 * 1_000_000
"""In microseconds, after the creation; the store's clock begins later still."""


# Made once: it takes longer than all else that a server begins with, and tests begin hundreds of them.
_pattern = lru_cache(64)(Pattern)


class Dataset:
    """The first `images` rows of `channel`. Costs the same for ten images and for ten million."""

    def __init__(self, seed: int, channel: int, images: int) -> None:
        if not 0 <= channel <= MAX_CHANNEL:
            raise ValueError(f"channel {channel}: the mock's channels have ids from 0 to {MAX_CHANNEL}")
        if not 0 <= images <= MAX_IMAGES:
            raise ValueError(f"{images} images: a channel of the mock has from 0 to {MAX_IMAGES}")
        self.channel = channel
        self.images = images
        self._pattern = _pattern(seed, channel)
        first_key = (channel - _FIRST_CHANNEL) % (MAX_CHANNEL + 1) * KEYS_PER_CHANNEL
        self._first_pk = first_key + 1
        self._first_product = first_key + _FIRST_PRODUCT
        key = hashlib.blake2b(f"{seed}/{channel}".encode()).digest()
        self._hasher = hashlib.blake2b(digest_size=32, person=b"product-image", key=key)

    @property
    def end_pk(self) -> int:
        """The pk that the row after the last would have."""
        return self.pk(self.images)

    @property
    def end_product(self) -> int:
        """The smallest product id beyond those of the data set."""
        return self.product(self.images - 1) + 1 if self.images else self._first_product

    # Keys

    def pk(self, index: int) -> int:
        """The pk of row `index`; grows with it."""
        return self._first_pk + index + index // _ROWS_IN_GROUP

    def index_from(self, pk: int) -> int:
        """The number of rows whose pk is below `pk`."""
        group, place = divmod(pk - self._first_pk, _KEYS_IN_GROUP)
        return min(max(group * _ROWS_IN_GROUP + min(place, _ROWS_IN_GROUP), 0), self.images)

    def index(self, pk: int) -> int | None:
        """The index of the row with `pk`, or `None` where no row has it."""
        index = self.index_from(pk)
        return index if index < self.images and self.pk(index) == pk else None

    # Products

    @property
    def products(self) -> range:
        """The ids of all products."""
        return range(self._first_product, self.end_product)

    def slot(self, index: int) -> Slot:
        """What the pattern says about row `index`."""
        return self._pattern.slots[index % CYCLE]

    def product(self, index: int) -> int:
        """The id of the product that row `index` shows."""
        cycle, offset = divmod(index, CYCLE)
        return self._first_product + cycle * CYCLE_PRODUCTS + self._pattern.slots[offset].product

    def pending(self, index: int) -> Pending:
        """What the channel waits for: the state of row `index` towards it."""
        return self.slot(index).pending

    def images_of(self, product: int) -> range:
        """The indices of the rows that show `product`: none when the data set has no such product."""
        cycle, number = divmod(product - self._first_product, CYCLE_PRODUCTS)
        if cycle < 0:
            return range(0)
        first, end = self._pattern.starts[number], self._pattern.starts[number + 1]
        return range(min(cycle * CYCLE + first, self.images), min(cycle * CYCLE + end, self.images))

    def traits(self, product: int) -> Traits | None:
        """What `product` is, or `None` when the data set has no image of it."""
        images = self.images_of(product)
        return self.slot(images[0]).traits if images else None

    def select(self, criteria: Criteria) -> Selection:
        """The rows that meet `criteria`."""
        return self._pattern.select(criteria, self.images)

    # Rows

    def row(self, index: int) -> Row:
        """The image at `index`, as the plain operations show it."""
        noise = self._noise(index)
        created, modified = self._moments(noise)
        product, order = self.product(index), self.slot(index).order
        known = images.begun(noise, product, order, self.pk(index - order))
        known |= dict.fromkeys(subject().dates, _date(created))
        known |= {resource().version: _date(modified), subject().group: product, resource().key: self.pk(index)}
        return completed(known, noise)

    def sent(self, index: int) -> str | None:
        """The version of the image at `index` that was sent, by its date; `None` if none was."""
        pending, (created, modified) = self.pending(index), self._moments(self._noise(index))
        if pending is Pending.INSERT:
            return None
        # An update was sent as it was created; where it never was modified since, as it was a moment before.
        return _date(modified if pending is Pending.SENT else min(created, modified - 1))

    def _noise(self, index: int) -> bytes:
        hasher = self._hasher.copy()
        hasher.update(index.to_bytes(8, "big"))
        return hasher.digest()

    def _moments(self, noise: bytes) -> tuple[int, int]:
        """When an image was created, and when it was modified, in microseconds."""
        created = int.from_bytes(noise[0:8], "big") % CREATED_WITHIN
        # One image in six was never touched after its creation.
        return created, created + (int.from_bytes(noise[8:14], "big") % _MODIFIED_WITHIN if noise[14] % 6 else 0)


def _date(moment: int) -> str:
    return format_date(FIRST_CREATED + timedelta(microseconds=moment))
