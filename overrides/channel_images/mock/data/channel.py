"""Keeps one channel: the images it began with, and what was done to them since."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import count
from typing import Any

from attrs import define, frozen

from channel_images.mock.data.beginning import Beginning, Selected
from channel_images.mock.data.listing import Chosen, Listing, View
from channel_images.mock.data.made import Row
from channel_images.mock.data.pattern import ANY, Conditions, Criteria, Pending, Traits, unknown
from channel_images.mock.data.products import Products
from channel_images.mock.data.subject import subject
from channel_images.resource import resource

_VIEWS_KEPT = 32
"""Views of a channel kept up to date; the full list and the pending lists are four of them."""

# Never starts anew, not even when a channel is reset: what was rendered of a version stays true of it.
_versions = count(1)


class UnknownImage(LookupError):
    """The channel holds no image with this pk."""

    def __init__(self, pk: int) -> None:
        super().__init__(f"no image {pk} in this channel")


@frozen
class Standing:
    """Where an image stands: all that decides which lists hold it."""

    product: int
    pending: Pending


@define
class Change:
    """How an image differs from the beginning."""

    product: int
    modified: str
    """The image's version: its `modified_date`."""
    sent: str | None
    """The version that the channel has; `None` if it has none."""
    batch: int | None = None
    """The open batch that has taken the image."""
    row: Row | None = None
    """The fields it has now; `None` while they are those of the beginning."""
    removed: bool = False
    version: int = 0
    """Another number after each change of the fields; 0 while they are those of the beginning."""

    @property
    def standing(self) -> Standing:
        """Where the image stands, if it was not removed."""
        return Standing(self.product, self._pending)

    @property
    def _pending(self) -> Pending:
        if self.batch is not None:
            return Pending.TAKEN
        if self.sent is None:
            return Pending.INSERT
        # In one format and one time zone, dates compare as texts.
        return Pending.UPDATE if self.sent < self.modified else Pending.SENT


@frozen
class Query:
    """Which images a list holds: those that satisfy everything that is not `None`."""

    criteria: Criteria = ANY
    pks: frozenset[int] | None = None
    products: frozenset[int] | None = None
    others: Conditions = frozenset()
    """What other fields may be, as `comparable` has it. To find these rows, every row may have to be looked at."""


def comparable(value: Any) -> Any:
    """A value of a field as a filter compares it: numbers by what they are, not by how they are written."""
    return Decimal(str(value)) if isinstance(value, float) else value


class Channel:
    """The state of one channel. Not safe for threads: the store locks.

    Where the channel has no such image, a method raises `UnknownImage`.
    """

    def __init__(self, beginning: Beginning) -> None:
        self._beginning = beginning
        self._changes: dict[int, Change] = {}
        self._moved: dict[int, set[int]] = {}
        """By product, the images that were ever added to it, or moved to it from another."""
        self._products: dict[int, Traits] = {}
        """What the products are that the beginning does not know."""
        self.products = Products(beginning)
        """Those that have an image in the channel."""
        self._views: OrderedDict[Criteria, View] = OrderedDict()
        self._next_pk = beginning.end_pk
        self._next_product = beginning.end_product

    # Reading

    def __contains__(self, pk: int) -> bool:
        return self._standing(pk) is not None

    def standing(self, pk: int) -> Standing:
        """Where the image stands."""
        standing = self._standing(pk)
        if standing is None:
            raise UnknownImage(pk)
        return standing

    def row(self, pk: int) -> Row:
        """The image's fields."""
        self.standing(pk)
        change = self._changes.get(pk)
        if change is not None and change.row is not None:
            return change.row.copy()
        return self._beginning.row(self._beginning.index_from(pk))

    def sent(self, pk: int) -> str | None:
        """The version that was sent, by its date; `None` if none was."""
        self.standing(pk)
        change = self._changes.get(pk)
        return change.sent if change else self._beginning.sent(self._beginning.index_from(pk))

    def batch(self, pk: int) -> int | None:
        """The open batch that has taken the image; `None` also for an image that is not there."""
        change = self._changes.get(pk)
        return None if change is None or change.removed else change.batch

    def version(self, pk: int) -> int:
        """A number that changes whenever the fields of the image do."""
        change = self._changes.get(pk)
        return change.version if change else 0

    def traits(self, product: int) -> Traits | None:
        """What `product` is, or `None` for one that the channel never had."""
        known = self._products.get(product)
        return self._beginning.traits(product) if known is None else known

    def listing(self, query: Query) -> Listing:
        """The images that `query` asks for, by ascending pk.

        Where it names neither pks nor products, but what another field may be, every row is looked at.
        """
        named: Iterable[int]
        if query.products is not None:
            named = self._images_of(query.products)
        elif query.pks is not None:
            named = query.pks
        else:
            view = self._view(query.criteria)
            if not query.others:
                return view
            named = view.slice(0, view.count)
        return Chosen(sorted(pk for pk in named if self._satisfies(pk, query)))

    # Changing

    def new_pk(self, in_use: Callable[[int], bool]) -> int:
        """A pk that the channel never had, and that is not `in_use` elsewhere."""
        while self._next_pk in self._changes or in_use(self._next_pk):
            self._next_pk += 1
        return self._next_pk

    def new_product(self) -> int:
        """The id of a product that the channel never had."""
        while self.traits(self._next_product) is not None:
            self._next_product += 1
        return self._next_product

    def add(self, row: Row, traits: Traits) -> None:
        """Add an image that was never sent to the channel; its pk must be free.

        `traits` are those of its product, and count only where the channel does not know it yet.
        """
        pk, product = row[resource().key], row[subject().group]
        self._introduce(product, traits)
        self._changes[pk] = Change(product, row[resource().version], sent=None, row=row)
        self.products.note(product, 1)
        self._changed(pk)

    def modify(self, row: Row) -> None:
        """Give the image with this pk other fields."""
        pk, product = row[resource().key], row[subject().group]
        self._introduce(product, unknown())
        change = self._change(pk)
        self.products.note(change.product, -1)
        self.products.note(product, 1)
        change.row, change.product, change.modified = row, product, row[resource().version]
        self._changed(pk)

    def remove(self, pk: int) -> None:
        """Take an image out of the channel."""
        change = self._change(pk)
        change.removed = True
        self.products.note(change.product, -1)
        self._changed(pk)

    def mark_sent(self, pk: int, version: str) -> None:
        """Note that the channel has a version of an image, unless it has a later one."""
        change = self._change(pk)
        change.sent = max(version, change.sent or "")
        self._restate(pk)

    def take(self, pk: int, batch: int) -> None:
        """Take the image for a batch: until it is given back it is in no pending list."""
        self._change(pk).batch = batch
        self._restate(pk)

    def give_back(self, pk: int) -> None:
        """Let the image wait again for what it waited for."""
        self._change(pk).batch = None
        self._restate(pk)

    # Inside

    def _introduce(self, product: int, traits: Traits) -> None:
        if self.traits(product) is None:
            self._products[product] = traits

    def _standing(self, pk: int) -> Standing | None:
        change = self._changes.get(pk)
        if change is not None:
            return None if change.removed else change.standing
        index = self._beginning.index(pk)
        return None if index is None else Standing(self._beginning.product(index), self._beginning.pending(index))

    def _images_of(self, products: Iterable[int]) -> set[int]:
        """The images that may show one of `products`."""
        pks: set[int] = set()
        for product in products:
            pks.update(map(self._beginning.pk, self._beginning.images_of(product)))
            pks |= self._moved.get(product, set())
        return pks

    def _satisfies(self, pk: int, query: Query) -> bool:
        standing = self._standing(pk)
        return (
            standing is not None
            and (query.pks is None or pk in query.pks)
            and (query.products is None or standing.product in query.products)
            and self._admitted(standing, query.criteria)
            and (not query.others or self._meets(pk, query.others))
        )

    def _meets(self, pk: int, others: Conditions) -> bool:
        row = self.row(pk)
        return all(comparable(row.get(field)) in values for field, values in others)

    def _admitted(self, standing: Standing, criteria: Criteria) -> bool:
        traits = self.traits(standing.product)
        return traits is not None and criteria.admit(traits, standing.pending)

    def _change(self, pk: int) -> Change:
        """The change of an image that is there, begun where there is none yet."""
        standing = self.standing(pk)
        if pk not in self._changes:
            self._changes[pk] = Change(standing.product, self.row(pk)[resource().version], self.sent(pk))
        return self._changes[pk]

    def _changed(self, pk: int) -> None:
        """Take note that the fields of an image, or its being there, have changed."""
        change = self._changes[pk]
        change.version = next(_versions)
        self._moved.setdefault(change.product, set()).add(pk)
        self._restate(pk)

    def _restate(self, pk: int) -> None:
        """Tell every view that a changed image may belong to it now, or not any more."""
        for criteria, view in self._views.items():
            self._inform(view, criteria, pk)

    def _inform(self, view: View, criteria: Criteria, pk: int) -> None:
        standing = self._standing(pk)
        view.update(pk, belongs=standing is not None and self._admitted(standing, criteria))

    def _view(self, criteria: Criteria) -> View:
        view = self._views.get(criteria)
        if view is None:
            view = View(Selected(self._beginning, self._beginning.select(criteria)))
            for pk in self._changes:
                self._inform(view, criteria, pk)
            self._views[criteria] = view
            if len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
        self._views.move_to_end(criteria)
        return view
