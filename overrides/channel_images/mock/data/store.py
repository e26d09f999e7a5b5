"""Holds all channels of a mock server, and the changes that are made to them."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from threading import RLock
from types import MappingProxyType

from channel_images.mock.data import images
from channel_images.mock.data.beginning import Beginning
from channel_images.mock.data.channel import Channel, Query
from channel_images.mock.data.dataset import Dataset
from channel_images.mock.data.fields import MAX_ID, InvalidFields, attributes_of, check_made, checked, laid_over
from channel_images.mock.data.listing import Chosen, Listing
from channel_images.mock.data.loaded import Loaded
from channel_images.mock.data.made import Row, completed, format_date
from channel_images.mock.data.pattern import Pending, Traits, unknown
from channel_images.mock.data.subject import subject
from channel_images.resource import resource

_FIRST_CHANGE = datetime(2025, 1, 1)
_NONE_LOADED: Mapping[int, Loaded] = MappingProxyType({})


class UnknownChannel(LookupError):
    """The mock serves no channel with this id."""

    def __init__(self, channel: int) -> None:
        super().__init__(f"no channel {channel}")


class Store:
    """The data of a mock server: what each channel began with, and what was changed since.

    Time is a clock of the store's own, which moves one second with each change: the same changes give the same dates.
    It starts behind the dates of all images.
    `lock` makes several calls one: a page and its count, read under it, belong together. Where the mock has no such
    channel, or the channel no such image, a method raises `UnknownChannel` or `UnknownImage`.
    """

    def __init__(self, seed: int, channels: Mapping[int, int], loaded: Mapping[int, Loaded] = _NONE_LOADED) -> None:
        """`channels` are the sizes of the channels whose images are made, beside those that were loaded."""
        self.lock = RLock()
        check_made()
        made = {channel: Dataset(seed, channel, images) for channel, images in channels.items()}
        self._beginnings: dict[int, Beginning] = {**made, **loaded}
        newest = max((each.newest for each in loaded.values()), default="")
        self._start = max(_FIRST_CHANGE, datetime.fromisoformat(newest.removesuffix("Z"))) if newest else _FIRST_CHANGE
        self.reset()

    @property
    def channels(self) -> tuple[int, ...]:
        """The ids of the channels."""
        return tuple(self._beginnings)

    def __contains__(self, channel: int) -> bool:
        return channel in self._beginnings

    # Reading

    def listing(self, channel: int, query: Query) -> Listing:
        """The images that `query` asks for; read it before the next change."""
        return self._channel(channel).listing(query)

    def has(self, channel: int, pk: int) -> bool:
        """Whether the channel holds the image."""
        return pk in self._channel(channel)

    def row(self, channel: int, pk: int) -> Row:
        """The image, as the plain operations show it."""
        with self.lock:
            return self._channel(channel).row(pk)

    def traits(self, channel: int, product: int) -> Traits | None:
        """What a product is, or `None` for one that the channel never had."""
        return self._channel(channel).traits(product)

    def products(self, channel: int, among: Iterable[int] | None = None) -> Listing:
        """The products that have an image in the channel, by their ids; only those `among` some, if these are given."""
        products = self._channel(channel).products
        return products if among is None else Chosen(sorted(each for each in among if each in products))

    def pending(self, channel: int, pk: int) -> Pending:
        """What the channel waits for."""
        with self.lock:
            return self._channel(channel).standing(pk).pending

    def sent(self, channel: int, pk: int) -> str | None:
        """The version of the image that was sent, by its date; `None` if none was."""
        with self.lock:
            return self._channel(channel).sent(pk)

    def batch(self, channel: int, pk: int) -> int | None:
        """The open batch that has taken the image; `None` also for an image that is not there."""
        with self.lock:
            return self._channel(channel).batch(pk)

    def version(self, channel: int, pk: int) -> int:
        """A number that changes whenever the image does."""
        return self._channel(channel).version(pk)

    # Changing

    def add(self, channel: int, fields: Mapping[str, object], *, pk: int | None = None) -> Row:
        """Add an image, which is pending for insertion, and give it as the API shows it.

        Without `pk` it gets the next free one; without a product, one of its own. Among `fields` may be attributes of the
        product; they must agree with what the channel knows of it.

        Raises:
            InvalidFields: The contract does not allow these fields, or the pk is in use.
        """
        said, fields = attributes_of(fields)
        given = checked(fields)
        with self.lock:
            home = self._channel(channel)
            pk = home.new_pk(self._in_use) if pk is None else self._free(pk)
            product = given.get(subject().group, home.new_product())
            traits = _agreed(home.traits(product), said)
            order = home.listing(Query(products=frozenset({product}))).count
            now, key = self._tick(), f"{channel}/{pk}".encode()
            known: Row = {
                **dict.fromkeys(subject().dates, given.get(resource().version, now)),
                resource().version: given.get(subject().created, now),
                subject().group: product,
                resource().key: pk,
                **images.added(key, product, order),
            }
            defaults = completed(known, hashlib.blake2b(key).digest())
            home.add(laid_over(defaults, given), traits)
            return home.row(pk)

    def modify(self, channel: int, pk: int, fields: Mapping[str, object]) -> Row:
        """Change fields of an image, and give it as the API shows it.

        Its version, the `modified_date`, becomes the present unless it is given; an image that was sent is pending for update
        from now on, where its version is later than what was sent.

        Raises:
            InvalidFields: The contract does not allow these fields.
        """
        given = checked(fields)
        with self.lock:
            home = self._channel(channel)
            home.modify(laid_over(home.row(pk), {resource().version: self._tick(), **given}))
            return home.row(pk)

    def remove(self, channel: int, pk: int) -> None:
        """Take an image out of a channel."""
        with self.lock:
            self._channel(channel).remove(pk)

    def mark_sent(self, channel: int, versions: Mapping[int, str | None]) -> None:
        """Report images as sent to the channel, each at a version: the `modified_date` that it had then.

        Without a version the present one is taken. An image leaves the pending lists, or is an update at once where
        it was modified since. All of them or, when one is refused, none.

        Raises:
            InvalidFields: The image never had this version, or a later one was sent already.
        """
        with self.lock:
            home = self._channel(channel)
            present = {pk: home.row(pk)[resource().version] for pk in versions}
            given = {pk: version for pk, version in versions.items() if version is not None}
            if complaints := [text for pk, each in given.items() if (text := self.complaint(channel, pk, each))]:
                raise InvalidFields({"versions": complaints})
            for pk, version in {**present, **given}.items():
                home.mark_sent(pk, version)

    def complaint(self, channel: int, pk: int, version: str) -> str | None:
        """Why an image cannot be sent at this version, in words; `None` if it can."""
        home = self._channel(channel)
        modified, sent = home.row(pk)[resource().version], home.sent(pk)
        if version > modified:
            return f"Image {pk}: the version {version} is later than its {resource().version}, {modified}."
        if sent is not None and version < sent:
            return f"Image {pk}: the version {version} is older than {sent}, which was sent already."
        return None

    def settle(self, channel: int, versions: Mapping[int, str]) -> None:
        """Note that a batch has sent images, at versions that were good when it took them."""
        with self.lock:
            for pk, version in versions.items():
                self._channel(channel).mark_sent(pk, version)

    def take(self, channel: int, pks: Iterable[int], batch: int) -> None:
        """Take images for an open batch: until they are given back they are in none of the pending lists."""
        with self.lock:
            for pk in pks:
                self._channel(channel).take(pk, batch)

    def give_back(self, channel: int, pks: Iterable[int]) -> None:
        """Give images back that were taken: each waits again for what it waited for."""
        with self.lock:
            for pk in pks:
                self._channel(channel).give_back(pk)

    def reset(self) -> None:
        """Undo every change, and turn the clock back."""
        with self.lock:
            self._channels = {channel: Channel(beginning) for channel, beginning in self._beginnings.items()}
            self._now = self._start

    # Inside

    def _channel(self, channel: int) -> Channel:
        try:
            return self._channels[channel]
        except KeyError:
            raise UnknownChannel(channel) from None

    def _free(self, pk: int) -> int:
        if not 0 <= pk <= MAX_ID:
            raise InvalidFields({resource().key: [f"Ensure this value is between 0 and {MAX_ID}."]})
        if self._in_use(pk):
            raise InvalidFields({resource().key: ["An image with this pk already exists."]})
        return pk

    def _in_use(self, pk: int) -> bool:
        return any(pk in channel for channel in self._channels.values())

    def _tick(self) -> str:
        self._now += timedelta(seconds=1)
        return format_date(self._now)


def _agreed(known: Traits | None, said: Traits) -> Traits:
    """What a product is, by what is known and what is said of it.

    Raises:
        InvalidFields: These differ.
    """
    traits = {**(unknown() if known is None else known), **said}
    if known is not None and traits != known:
        told = ", ".join(f"{name}={value}" for name, value in known.items())
        raise InvalidFields({subject().group: [f"This product is known as {told}."]})
    return traits
