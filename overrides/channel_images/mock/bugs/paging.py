"""Gets slices, sizes, orders, counts and links a little wrong.

Those of the pending lists, which are arrays, are in `pending`.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import Random
from urllib.parse import urlencode

from attrs import evolve
from starlette.types import Scope

from channel_images.mock.behaviour import Behaviour, Links, Window
from channel_images.mock.bugs.common import DETAILED_LIST, INSERTS, without_parameters
from channel_images.mock.bugs.shared import Shared
from channel_images.mock.data.channel import Query
from channel_images.mock.data.listing import Chosen, Listing
from channel_images.mock.data.store import Store
from channel_images.mock.data.subject import subject
from channel_images.mock.http.answers import not_found
from channel_images.mock.http.call import Call
from channel_images.mock.operations import Operation, page_name, size_name
from channel_images.mock.parameters import Argument, Invalid, read_integer
from channel_images.mock.settings import Settings
from channel_images.mock.variants import every

_MANY = 50
"""Rows of a page, or a list, that some of the bugs call large."""


class LastRowOfPageDropped(Behaviour, rule="paging.partition"):
    """The slice ends one row early, on every page but the last."""

    def pks(self, operation: Operation, listing: Listing, window: Window) -> Sequence[int]:
        pks = super().pks(operation, listing, window)
        return pks[:-1] if operation.is_enveloped and window.start + window.size < listing.count else pks


class PagesOverlap(Behaviour, rule="paging.partition"):
    """Every page after the first begins with the last row of the page before it."""

    def pks(self, operation: Operation, listing: Listing, window: Window) -> Sequence[int]:
        if operation.is_enveloped and window.number > 1:
            window = evolve(window, start=window.start - 1, size=window.size + 1)
        return super().pks(operation, listing, window)


class PageCountedFromZero(Behaviour, rule="paging.partition"):
    """The offset is page times limit: the first page is never shown."""

    def pks(self, operation: Operation, listing: Listing, window: Window) -> Sequence[int]:
        if operation.is_enveloped:
            window = evolve(window, start=window.start + window.size)
        return super().pks(operation, listing, window)


class PartialPageDropped(Behaviour, rule="paging.partition"):
    """The number of pages is rounded down: the rows on the last page, where it is not full, are past the end."""

    def window(self, operation: Operation, arguments: Mapping[str, Argument], listing: Listing) -> Window:
        window = super().window(operation, arguments, listing)
        if operation.is_enveloped and 1 < window.number > listing.count // window.size:
            raise not_found("Invalid page.")
        return window


class FullLastPageDropped(Behaviour, rule="paging.partition"):
    """Where the last page is full, the number of pages is one too small."""

    def window(self, operation: Operation, arguments: Mapping[str, Argument], listing: Listing) -> Window:
        window = super().window(operation, arguments, listing)
        if operation.is_enveloped and window.number > 1 and window.start + window.size == listing.count:
            raise not_found("Invalid page.")
        return window


class RowLostBetweenChunks(Behaviour, rule="paging.partition"):
    """A page of more than 50 rows is read in chunks: the second begins with the last row of the first, not the next."""

    def pks(self, operation: Operation, listing: Listing, window: Window) -> Sequence[int]:
        pks = super().pks(operation, listing, window)
        return [*pks[:_MANY], pks[_MANY - 1], *pks[_MANY + 1 :]] if len(pks) > _MANY else pks


class ParallelPagesMixed(Shared, rule="paging.partition"):
    """The views of the lists keep the request on themselves: requests at the same time get each other's page."""

    def is_shared(self, operation: Operation, call: Call) -> bool:
        return operation.is_list or super().is_shared(operation, call)


class ParallelSizesMixed(Shared, rule="paging.partition"):
    """The paginator of the lists keeps its page size on itself: requests at the same time get each other's limit."""

    def is_shared(self, operation: Operation, call: Call) -> bool:
        return operation.is_list or super().is_shared(operation, call)

    def mixed(self, own: Scope, last: Scope) -> Scope:
        sizes = Call(last).query.get(size_name())
        query = [(name, value) for name, value in Call(own).query.items() if name != size_name()]
        query += [(size_name(), sizes)] if sizes is not None else []
        return {**own, "query_string": urlencode(query).encode()}


class LimitIgnored(Behaviour, rule="paging.size"):
    """limit is not read: every page of the full list and the detailed list has ten rows."""

    def window(self, operation: Operation, arguments: Mapping[str, Argument], listing: Listing) -> Window:
        return super().window(
            operation, {**arguments, size_name(): 10} if operation.is_enveloped else arguments, listing
        )


class LargestLimit5(Behaviour, rule="paging.size"):
    """The largest page has five rows."""

    def page_size(self, limit: int) -> int:
        return min(super().page_size(limit), 5)


class OneRowTooMany(Behaviour, rule="paging.size"):
    """The row that is read beyond the page, to see whether there is a next one, is shown too."""

    def pks(self, operation: Operation, listing: Listing, window: Window) -> Sequence[int]:
        if operation.is_enveloped:
            window = evolve(window, size=window.size + 1)
        return super().pks(operation, listing, window)


class SmallLimitRaised(Behaviour, rule="paging.size"):
    """A limit below ten is ten."""

    def page_size(self, limit: int) -> int:
        return max(super().page_size(limit), 10)


class LimitFromChoices(Behaviour, rule="paging.size"):
    """Only the limits of the user interface's menu are taken: 10, 25, 50, 100. Any other is ten."""

    def page_size(self, limit: int) -> int:
        return super().page_size(limit if limit in {10, 25, 50, 100} else 10)


class LargeLimitIsDefault(Behaviour, rule="paging.size"):
    """A limit above 100 falls back to ten, below what 100 gives."""

    def page_size(self, limit: int) -> int:
        return super().page_size(limit if limit <= 100 else 10)


class _Chance(Behaviour):
    """Has random numbers, the same in each run."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, store)
        self.chance = Random(settings.seed)  # noqa: S311 - an order, not a secret


class RandomOrder(_Chance, rule="paging.order"):
    """The queryset of the full list is ordered by chance, anew for each page."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        pks = every(super().listing(operation, channel, query))
        return Chosen(self.chance.sample(pks, k=len(pks)) if operation.is_enveloped else pks)


class TiesUnordered(_Chance, rule="paging.order"):
    """Lists are ordered by the product alone: the rows of a product come as it happens."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        pks = every(super().listing(operation, channel, query))
        shuffled = self.chance.sample(pks, k=len(pks))
        return Chosen(sorted(shuffled, key=lambda pk: self.stored(channel, pk)[subject().group]))


class PageShuffled(_Chance, rule="paging.order"):
    """The rows of a page are fetched by their ids once more, and that query has no order."""

    def pks(self, operation: Operation, listing: Listing, window: Window) -> Sequence[int]:
        pks = super().pks(operation, listing, window)
        return self.chance.sample(pks, k=len(pks)) if operation.is_enveloped else pks


class OrderByLimit(Behaviour, rule="paging.order"):
    """Small pages come from an index in another order than large ones."""

    def pks(self, operation: Operation, listing: Listing, window: Window) -> Sequence[int]:
        if not operation.is_enveloped or window.size >= _MANY:
            return super().pks(operation, listing, window)
        return every(listing)[::-1][window.start : window.start + window.size]


class LaterPagesReversed(Behaviour, rule="paging.order"):
    """Pages after the first come backwards, each by itself, where the limit is below 50."""

    def pks(self, operation: Operation, listing: Listing, window: Window) -> Sequence[int]:
        pks = super().pks(operation, listing, window)
        return pks[::-1] if operation.is_enveloped and window.number > 1 and window.size < _MANY else pks


class CountOfPage(Behaviour, rule="paging.count"):
    """count is the number of rows on the page."""

    def page(self, operation: Operation, rows: Sequence[bytes], count: int, links: Links) -> bytes:
        return super().page(operation, rows, len(rows), links)


class CountOneShort(Behaviour, rule="paging.count"):
    """count is the index of the last row, one too small."""

    def count(self, operation: Operation, channel: int, listing: Listing) -> int:
        return max(0, super().count(operation, channel, listing) - 1)


class CountCapped(Behaviour, rule="paging.count"):
    """The search engine stops counting at 100."""

    def count(self, operation: Operation, channel: int, listing: Listing) -> int:
        return min(100, super().count(operation, channel, listing))


class CountOfAllChannels(Behaviour, rule="paging.count"):
    """The detailed list counts the rows of every channel."""

    def count(self, operation: Operation, channel: int, listing: Listing) -> int:
        if operation.meaning != DETAILED_LIST:
            return super().count(operation, channel, listing)
        return sum(self.store.listing(each, Query()).count for each in self.store.channels)


class CountDrifts(Behaviour, rule="paging.count"):
    """count is an estimate of the database, and differs from page to page."""

    def page(self, operation: Operation, rows: Sequence[bytes], count: int, links: Links) -> bytes:
        return super().page(operation, rows, count if links.previous is None else count + 1, links)


class NextOnLastPage(Behaviour, rule="paging.links"):
    """next is never null: the last page links to one past the end."""

    def links(self, call: Call, window: Window, listing: Listing) -> Links:
        return evolve(super().links(call, window, listing), next=self.link(call, window.number + 1))


class NextEndsEarly(Behaviour, rule="paging.links"):
    """next is null one page too early."""

    def links(self, call: Call, window: Window, listing: Listing) -> Links:
        links = super().links(call, window, listing)
        return evolve(links, next=None) if window.start + 2 * window.size >= listing.count else links


class NextOnFullPage(Behaviour, rule="paging.links"):
    """A full page is taken for one that has a next, also where the list ends with it."""

    def links(self, call: Call, window: Window, listing: Listing) -> Links:
        is_full = window.start + window.size <= listing.count
        return evolve(
            super().links(call, window, listing), next=self.link(call, window.number + 1) if is_full else None
        )


class NextIsSamePage(Behaviour, rule="paging.links"):
    """next leads to the page itself, so a client that follows it never ends."""

    def links(self, call: Call, window: Window, listing: Listing) -> Links:
        links = super().links(call, window, listing)
        return links if links.next is None else evolve(links, next=self.link(call, window.number))


class NextIsPage2(Behaviour, rule="paging.links"):
    """next always leads to page 2."""

    def links(self, call: Call, window: Window, listing: Listing) -> Links:
        links = super().links(call, window, listing)
        return links if links.next is None else evolve(links, next=self.link(call, 2))


class PreviousNullOnPage2(Behaviour, rule="paging.links"):
    """previous is null on page 2, since page 1 has no number in the URL."""

    def links(self, call: Call, window: Window, listing: Listing) -> Links:
        links = super().links(call, window, listing)
        return evolve(links, previous=None) if window.number == 2 else links


class PreviousOnFirstPage(Behaviour, rule="paging.links"):
    """previous of page 1 leads to page 1."""

    def links(self, call: Call, window: Window, listing: Listing) -> Links:
        links = super().links(call, window, listing)
        return evolve(links, previous=links.previous or self.link(call, 1))


class PreviousIsNext(Behaviour, rule="paging.links"):
    """previous is a copy of next."""

    def links(self, call: Call, window: Window, listing: Listing) -> Links:
        links = super().links(call, window, listing)
        return evolve(links, previous=links.previous and (links.next or links.previous))


class LinksLoseLimit(Behaviour, rule="paging.links"):
    """next and previous are built without the limit."""

    def link(self, call: Call, number: int) -> str:
        return super().link(without_parameters(call, size_name()), number)


class LinksToPlainList(Behaviour, rule="paging.links"):
    """next and previous of the detailed list lead to the plain list."""

    def link(self, call: Call, number: int) -> str:
        return super().link(call, number).replace("/detailed/", "/")


class LastPageRepeats(Behaviour, rule="paging.past-the-end"):
    """get_page() gives the last page for any number beyond it."""

    def past_the_end(self, operation: Operation, window: Window, listing: Listing) -> Window:
        if not operation.is_enveloped:
            return super().past_the_end(operation, window, listing)
        last = max(1, -(-listing.count // window.size))
        return Window(last, (last - 1) * window.size, window.size)


class FirstPageRepeats(Behaviour, rule="paging.past-the-end"):
    """A page past the end of the detailed list is the first one."""

    def past_the_end(self, operation: Operation, window: Window, listing: Listing) -> Window:
        if operation.meaning != DETAILED_LIST:
            return super().past_the_end(operation, window, listing)
        return Window(1, 0, window.size)


class DefaultLimit20(Behaviour, rule="paging.defaults"):
    """The default limit is 20."""

    def arguments(self, operation: Operation, call: Call) -> dict[str, Argument]:
        arguments = super().arguments(operation, call)
        return arguments if size_name() in call.query else {**arguments, size_name(): 20}


class UnpagedByDefault(Behaviour, rule="paging.defaults"):
    """Without a limit the detailed list comes whole."""

    def arguments(self, operation: Operation, call: Call) -> dict[str, Argument]:
        arguments = super().arguments(operation, call)
        is_whole = operation.meaning == DETAILED_LIST and size_name() not in call.query
        return {**arguments, size_name(): self.settings.max_limit} if is_whole else arguments


class LastPageByDefault(Behaviour, rule="paging.defaults"):
    """Without a page the last one comes."""

    def window(self, operation: Operation, arguments: Mapping[str, Argument], listing: Listing) -> Window:
        window = super().window(operation, {**arguments, page_name(): arguments[page_name()] or 1}, listing)
        last = max(1, -(-listing.count // window.size))
        return window if arguments[page_name()] else Window(last, (last - 1) * window.size, window.size)

    def arguments(self, operation: Operation, call: Call) -> dict[str, Argument]:
        arguments = super().arguments(operation, call)
        return arguments if page_name() in call.query else {**arguments, page_name(): 0}


class PendingDefault1(Behaviour, rule="paging.defaults"):
    """The pending lists come one row at a time unless a limit is given."""

    def arguments(self, operation: Operation, call: Call) -> dict[str, Argument]:
        arguments = super().arguments(operation, call)
        return (
            arguments if size_name() in call.query or not operation.meaning.pending else {**arguments, size_name(): 1}
        )


class _PagesFromZero(Behaviour):
    """Counts pages from 0: without a page, the first is page 0."""

    def counts_from_zero(self, operation: Operation) -> bool:
        return False

    def arguments(self, operation: Operation, call: Call) -> dict[str, Argument]:
        if self.counts_from_zero(operation) and page_name() in call.query:
            counted = Call(call.scope)
            with suppress(Invalid):
                counted.query[page_name()] = str(read_integer(call.query[page_name()]) + 1)
            call = counted
        return super().arguments(operation, call)


class PendingPagesFromZero(_PagesFromZero, rule="paging.defaults"):
    """The pages of the pending lists are counted from 0: page 1 is the second."""

    def counts_from_zero(self, operation: Operation) -> bool:
        return operation.meaning.pending is not None or super().counts_from_zero(operation)


class InsertsPagesFromZero(_PagesFromZero, rule="paging.defaults"):
    """The pages of the inserts alone are counted from 0: page 1 is the second."""

    def counts_from_zero(self, operation: Operation) -> bool:
        return operation.meaning == INSERTS or super().counts_from_zero(operation)
