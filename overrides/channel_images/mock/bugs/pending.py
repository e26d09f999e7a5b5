"""Lists pending work twice, not at all, or otherwise than it is."""

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random

from attrs import evolve

from channel_images.mock.behaviour import Behaviour, Window
from channel_images.mock.bugs.cache import Cache, Cached, target
from channel_images.mock.bugs.common import INSERTS, LIST, UNION, UPDATES
from channel_images.mock.data.channel import Query
from channel_images.mock.data.listing import Chosen, Listing
from channel_images.mock.data.pattern import Criteria, Pending
from channel_images.mock.data.store import Store
from channel_images.mock.data.subject import subject
from channel_images.mock.http.call import Call
from channel_images.mock.naming import about
from channel_images.mock.operations import Operation, page_name, size_name
from channel_images.mock.parameters import Argument
from channel_images.mock.settings import Settings
from channel_images.mock.variants import every


class _Restated(Behaviour):
    """Lists images in other states than the operation should."""

    def states(self, operation: Operation, states: frozenset[Pending] | None) -> frozenset[Pending] | None:
        return states

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        query = super().query(operation, arguments)
        states = self.states(operation, query.criteria.pending)
        return evolve(query, criteria=evolve(query.criteria, pending=states))


class UpdatesHoldInserts(_Restated, rule="pending.disjoint"):
    """A missing sent version counts as older: what was never sent is to update too."""

    def states(self, operation: Operation, states: frozenset[Pending] | None) -> frozenset[Pending] | None:
        states = super().states(operation, states)
        return states | {Pending.INSERT} if states and operation.meaning == UPDATES else states


class InsertsHoldDisabledUpdates(Behaviour, rule="pending.disjoint"):
    """An update of a row whose {state} is {unusual} shows among the inserts as well."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.meaning != INSERTS:
            return listing
        updates = every(self.store.listing(channel, Query(Criteria(frozenset({Pending.UPDATE})))))
        disabled = [pk for pk in updates if self.stored(channel, pk)[about("state")] == about("unusual")]
        return Chosen(sorted({*every(listing), *disabled}))


class UnionWithoutUpdates(_Restated, rule="pending.union"):
    """inserts_or_updates answers the inserts alone."""

    def states(self, operation: Operation, states: frozenset[Pending] | None) -> frozenset[Pending] | None:
        return frozenset({Pending.INSERT}) if operation.meaning == UNION else super().states(operation, states)


class UnionWithSent(_Restated, rule="pending.union"):
    """inserts_or_updates holds what was sent already."""

    def states(self, operation: Operation, states: frozenset[Pending] | None) -> frozenset[Pending] | None:
        return frozenset(Pending) if operation.meaning == UNION else super().states(operation, states)


class UnionActiveOnly(Behaviour, rule="pending.union"):
    """inserts_or_updates leaves out the rows whose {state} is {unusual}."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.meaning != UNION:
            return listing
        return Chosen([pk for pk in every(listing) if self.stored(channel, pk)[about("state")] != about("unusual")])


class ListHidesDisabled(Behaviour, rule="pending.subset"):
    """The full list leaves out rows whose {state} is {unusual}, the pending lists do not."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.meaning != LIST:
            return listing
        return Chosen([pk for pk in every(listing) if self.stored(channel, pk)[about("state")] != about("unusual")])


class UpdatesAsSent(Behaviour, rule="pending.subset"):
    """The updates show {created} as {version}: the version that was sent, not the one that is to be sent."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, about("version"): row[about("created")]} if operation.meaning == UPDATES else row


class PendingZeroForNull(Behaviour, rule="pending.subset"):
    """The pending lists show what is null, such as {measure}, as 0."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.meaning.pending:
            row |= {name: row.get(name) or 0 for name in subject().measures}
        return row


class PendingCached(Cached, rule="pending.subset"):
    """The pending lists come from a cache, as they were up to five seconds ago; the full list does not."""

    def key(self, operation: Operation, call: Call) -> str | None:
        return target(call) if operation.meaning.pending else super().key(operation, call)


class UpdatesCached(Cached, rule="pending.subset"):
    """The updates come from a cache, as they were up to five seconds ago; no other list does."""

    def key(self, operation: Operation, call: Call) -> str | None:
        return target(call) if operation.meaning == UPDATES else super().key(operation, call)


class UnionRowsCached(Behaviour, rule="pending.subset"):
    """inserts_or_updates shows its rows from a cache, as they were up to five seconds ago."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, store)
        self._rows: Cache[bytes] = Cache()

    def rendered(self, operation: Operation, channel: int, pk: int) -> bytes:
        make = partial(super().rendered, operation, channel, pk)
        return self._rows.get((channel, pk), make) if operation.meaning == UNION else make()


class UnionRepeats(Behaviour, rule="pending.paging"):
    """inserts_or_updates is a join that gives every insert twice."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.meaning != UNION:
            return listing
        inserts = self.store.listing(channel, Query(Criteria(frozenset({Pending.INSERT}))))
        return Chosen(sorted([*every(listing), *every(inserts)]))


class PendingPageIgnored(Behaviour, rule="pending.paging"):
    """The pending lists do not read page: every page is the first."""

    def window(self, operation: Operation, arguments: Mapping[str, Argument], listing: Listing) -> Window:
        return super().window(
            operation, {**arguments, page_name(): 1} if operation.meaning.pending else arguments, listing
        )


class PendingLimitIgnored(Behaviour, rule="pending.paging"):
    """The pending lists do not read limit: every page has ten rows."""

    def window(self, operation: Operation, arguments: Mapping[str, Argument], listing: Listing) -> Window:
        return super().window(
            operation, {**arguments, size_name(): 10} if operation.meaning.pending else arguments, listing
        )


class PendingUnpaged(Behaviour, rule="pending.paging"):
    """The pending lists come whole, whatever the page and the limit."""

    def window(self, operation: Operation, arguments: Mapping[str, Argument], listing: Listing) -> Window:
        if operation.meaning.pending:
            return Window(1, 0, max(1, listing.count))
        return super().window(operation, arguments, listing)


class PendingUnordered(Behaviour, rule="pending.paging"):
    """The updates have no order."""

    chance = Random(0)  # noqa: S311 - an order, not a secret

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        return Chosen(self.chance.sample(every(listing), k=listing.count)) if operation.meaning == UPDATES else listing


class PendingDropsRow(Behaviour, rule="pending.paging"):
    """The slice of a pending list ends one row early, where it is not the last."""

    def pks(self, operation: Operation, listing: Listing, window: Window) -> Sequence[int]:
        pks = super().pks(operation, listing, window)
        return pks[:-1] if operation.meaning.pending and window.start + window.size < listing.count else pks


class PendingOverlaps(Behaviour, rule="pending.paging"):
    """Pages of the inserts after the first begin one row early."""

    def pks(self, operation: Operation, listing: Listing, window: Window) -> Sequence[int]:
        if operation.meaning == INSERTS and window.number > 1:
            window = evolve(window, start=window.start - 1)
        return super().pks(operation, listing, window)


class PendingLastPageRepeats(Behaviour, rule="pending.paging"):
    """A page past the end of a pending list is the last one, so a client that reads until there are no rows never ends."""

    def past_the_end(self, operation: Operation, window: Window, listing: Listing) -> Window:
        if not operation.meaning.pending:
            return super().past_the_end(operation, window, listing)
        last = max(1, -(-listing.count // window.size))
        return Window(last, (last - 1) * window.size, window.size)


NEED_CHURN = frozenset({PendingCached, UpdatesCached, UnionRowsCached})
"""What shows only while the data changes."""
