"""Loses conditions of a filter, misreads them, or joins them in the wrong way."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

from attrs import evolve

from channel_images.mock.behaviour import Behaviour, Window
from channel_images.mock.bugs.common import LIST, filters, is_readable, per_filter, without, without_parameters
from channel_images.mock.bugs.shared import Shared
from channel_images.mock.data.channel import Query
from channel_images.mock.data.listing import Chosen, Listing
from channel_images.mock.data.made import Row
from channel_images.mock.data.pattern import ANY, Criteria
from channel_images.mock.data.subject import subject
from channel_images.mock.http.call import Call
from channel_images.mock.naming import about
from channel_images.mock.operations import Operation, page_name
from channel_images.mock.parameters import Argument, Parameter
from channel_images.mock.variants import every
from channel_images.resource import Filter, resource

_LONG = 100
"""Values from which on a list is called long."""


def _values(arguments: Mapping[str, Argument], name: str) -> list[int]:
    """The numbers of a list that was given; none where it was not."""
    value = arguments.get(name)
    return [each for each in value if isinstance(each, int)] if isinstance(value, list) else []


def _asked(query: Query, name: str) -> frozenset[Any] | None:
    """What a hidden attribute is asked to be; `None` if nothing is said of it."""
    return dict(query.criteria.attributes).get(about(name))


def _asking(query: Query, name: str, values: frozenset[Any] | None) -> Query:
    """The same query, but that the attribute is asked to be something else."""
    attributes = {each: said for each, said in query.criteria.attributes if each != about(name)}
    if values is not None:
        attributes[about(name)] = values
    return evolve(query, criteria=evolve(query.criteria, attributes=frozenset(attributes.items())))


class _Narrowed(Behaviour):
    """Leaves rows out of filtered lists."""

    def keeps(self, query: Query, row: Row) -> bool:
        return True

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.meaning != LIST or query == Query():
            return listing
        return Chosen([pk for pk in every(listing) if self.keeps(query, self.stored(channel, pk))])


@per_filter(lambda each: each.is_shown)
def ignored(one: Filter) -> type[Behaviour]:
    class FilterIgnored(Behaviour, rule="filter.sound"):
        """{filter} is not in the filter set."""

        def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
            return super().query(operation, without(arguments, one.name))

    return FilterIgnored


class ProductZeroIgnored(Behaviour, rule="filter.sound"):
    """{group}=0 is falsy, and no filter."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(
            operation, arguments if arguments.get(about("group")) else without(arguments, about("group"))
        )


class UnknownProductIgnored(Behaviour, rule="filter.sound"):
    """A product that does not exist is None to {group}, and no filter."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        products = query.products
        if products and all(self.store.traits(channel, product) is None for product in products):
            query = evolve(query, products=None)
        return super().listing(operation, channel, query)


class UnknownIdsIgnored(Behaviour, rule="filter.sound"):
    """Unknown ids alone in {keys} are an empty list, and no filter."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        if query.pks and not any(self.store.has(channel, pk) for pk in query.pks):
            query = evolve(query, pks=None)
        return super().listing(operation, channel, query)


class UnknownTypeIgnored(Behaviour, rule="filter.sound"):
    """A {kind} that does not exist is dropped, and no filter."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        one = resource().filters[about("kind")]
        if parameter.name != one.name or not text or not is_readable(parameter.read, text):
            return super().decode(parameter, text)
        listed = set(map(str, one.values))
        known = [item for item in text.split(",") if item.strip() in listed]
        return super().decode(parameter, ",".join(known)) if known else None


class ProductFromThere(Behaviour, rule="filter.sound"):
    """{group} finds the products after it too: its lookup is gte."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        if query.products is None or len(query.products) != 1:
            return super().listing(operation, channel, query)
        first = min(query.products)
        pks = every(super().listing(operation, channel, evolve(query, products=None)))
        return Chosen([pk for pk in pks if self.stored(channel, pk)[subject().group] >= first])


class _Wrapped(Behaviour):
    """Reads numbers into 32 bits."""

    def wraps(self, name: str) -> bool:
        return False

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        value = super().decode(parameter, text)
        if not self.wraps(parameter.name):
            return value
        if isinstance(value, list):
            return [each % 2**32 if isinstance(each, int) else each for each in value]
        return value % 2**32 if isinstance(value, int) else value


class IdInWrapsAt32Bits(_Wrapped, rule="filter.sound"):
    """{keys} is read into 32 bits: 4294967297 finds row 1."""

    def wraps(self, name: str) -> bool:
        return name == about("keys") or super().wraps(name)


class ProductWrapsAt32Bits(_Wrapped, rule="filter.sound"):
    """{group} is read into 32 bits: 4294967419 finds product 123."""

    def wraps(self, name: str) -> bool:
        return name == about("group") or super().wraps(name)


class ProductsWrapAt32Bits(_Wrapped, rule="filter.sound"):
    """{groups} is read into 32 bits: 4294967419 finds product 123."""

    def wraps(self, name: str) -> bool:
        return name == about("groups") or super().wraps(name)


class ParallelFiltersMixed(Shared, rule="filter.sound"):
    """The filterset of the list is one for all requests: those at the same time get each other's filters."""

    def is_shared(self, operation: Operation, call: Call) -> bool:
        is_filtered = operation.meaning == LIST and not resource().filters.keys().isdisjoint(call.query)
        return is_filtered or super().is_shared(operation, call)


class ProductFirstImage(Behaviour, rule="filter.complete"):
    """{group} finds the first row of the product alone."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        return Chosen(listing.slice(0, 1)) if query.products is not None and len(query.products) == 1 else listing


class FiltersActiveOnly(_Narrowed, rule="filter.complete"):
    """A filtered list leaves out the rows whose {state} is {unusual}."""

    def keeps(self, query: Query, row: Row) -> bool:
        return row[about("state")] != about("unusual") and super().keeps(query, row)


class FiltersLoseUnmeasured(_Narrowed, rule="filter.complete"):
    """An inner join loses rows without {measure}, in filtered lists."""

    def keeps(self, query: Query, row: Row) -> bool:
        return row.get(about("measure")) is not None and super().keeps(query, row)


class ProductByObject(_Narrowed, rule="filter.complete"):
    """{group} compares {object} in place of the product."""

    def keeps(self, query: Query, row: Row) -> bool:
        return (query.products is None or row.get(about("object")) in query.products) and super().keeps(query, row)


@per_filter(lambda each: each.several)
def last(one: Filter) -> type[Behaviour]:
    class FilterLast(Behaviour, rule="filter.multi"):
        """Of several values in {filter} the last counts."""

        def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
            values = arguments.get(one.name)
            return super().query(
                operation, {**arguments, one.name: values[-1:]} if isinstance(values, list) else arguments
            )

    return FilterLast


class IdInFirst(Behaviour, rule="filter.multi"):
    """Of several ids in {keys} the first counts: int() of what is before the comma."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        ids = _values(arguments, about("keys"))
        return super().query(operation, {**arguments, about("keys"): [*ids[:1]]} if ids else arguments)


class IdInRange(Behaviour, rule="filter.multi"):
    """Two ids in {keys} are the ends of a range."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        query = super().query(operation, arguments)
        ids = _values(arguments, about("keys"))
        return (
            evolve(query, pks=frozenset(range(min(ids), min(ids) + 1 + min(10_000, max(ids) - min(ids)))))
            if ids
            else query
        )


class IdInTruncated(Behaviour, rule="filter.multi"):
    """Of more than a hundred ids in {keys} the rest is cut off."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        ids = _values(arguments, about("keys"))
        return super().query(operation, {**arguments, about("keys"): [*ids[:_LONG]]} if ids else arguments)


class IdInAscending(Behaviour, rule="filter.multi"):
    """{keys} is walked along with the table, and only ids in ascending order are met."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        ids = _values(arguments, about("keys"))
        met = [*ids[:1], *(later for earlier, later in pairwise(ids) if later > earlier)]
        return super().query(operation, {**arguments, about("keys"): [*met]} if ids else arguments)


class IdInAllOrNothing(Behaviour, rule="filter.multi"):
    """One unknown id among several in {keys}, and nothing is found."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        if query.pks and not all(self.store.has(channel, pk) for pk in query.pks):
            return Chosen([])
        return super().listing(operation, channel, query)


class ProductsSecondLost(Behaviour, rule="filter.multi"):
    """Of {groups} every other value is lost between the commas."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        products = _values(arguments, about("groups"))
        return super().query(operation, {**arguments, about("groups"): [*products[::2]]} if products else arguments)


class TypesTogether(Behaviour, rule="filter.multi"):
    """Several values in {kinds} must all be met by one product, which none does."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        several = len(set(_values(arguments, about("kinds")))) > 1
        return super().query(operation, {**arguments, about("kinds"): []} if several else arguments)


@per_filter(lambda each: each.several)
def spaced_lost(one: Filter) -> type[Behaviour]:
    class FilterSpacedLost(Behaviour, rule="filter.multi"):
        """Of {filter}=1, 2 the value after the space is lost."""

        def decode(self, parameter: Parameter, text: str) -> Argument | None:
            if parameter.name == one.name:
                first, *rest = text.split(",")
                text = ",".join([first, *(item for item in rest if not item.startswith(" "))])
            return super().decode(parameter, text)

    return FilterSpacedLost


class SellerIgnored(Behaviour, rule="filter.partition"):
    """{side} is not in the filter set."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(operation, without(arguments, about("side")))


class SellerFalseIgnored(Behaviour, rule="filter.partition"):
    """{side}=false is falsy, and no filter."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        is_set = arguments.get(about("side")) is True
        return super().query(operation, arguments if is_set else without(arguments, about("side")))


class SellerTextIsTrue(Behaviour, rule="filter.partition"):
    """bool("false") of {side} is true."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        given = about("side") in arguments
        return super().query(operation, {**arguments, about("side"): True} if given else arguments)


class SellerFalseSkipsNull(_Narrowed, rule="filter.partition"):
    """{side}=false compares with <>, which is never true for a row without a {origin}."""

    def keeps(self, query: Query, row: Row) -> bool:
        is_lost = _asked(query, "side") == frozenset({False}) and row.get(about("origin")) is None
        return not is_lost and super().keeps(query, row)


class SellerByImage(Behaviour, rule="filter.partition"):
    """{side} looks at the {origin} of the row, not at the product."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        sides = _asked(query, "side")
        if sides is None:
            return super().listing(operation, channel, query)
        pks = every(super().listing(operation, channel, _asking(query, "side", None)))
        origin = subject().fields[about("origin")]
        return Chosen([pk for pk in pks if (self.stored(channel, pk).get(origin.name) == origin.values[-1]) in sides])


class TypeZeroIgnored(Behaviour, rule="filter.partition"):
    """{kinds}=0 is falsy, and no filter."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        is_falsy = not any(_values(arguments, about("kinds")))
        return super().query(operation, without(arguments, about("kinds")) if is_falsy else arguments)


class TypeIgnored(Behaviour, rule="filter.partition"):
    """{kinds} is not in the filter set."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(operation, without(arguments, about("kinds")))


class TypeAtMost(Behaviour, rule="filter.partition"):
    """{kinds} finds the types below it too."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        query = super().query(operation, arguments)
        kinds = _asked(query, "kinds")
        if not kinds:
            return query
        below = (each for each in resource().filters[about("kinds")].values if each <= max(kinds))
        return _asking(query, "kinds", frozenset(below))


class TypeByFirstImage(_Narrowed, rule="filter.partition"):
    """{kinds} is kept with the first row of a product, by {rank}, and finds no other."""

    def keeps(self, query: Query, row: Row) -> bool:
        return (_asked(query, "kinds") is None or row.get(about("rank")) == 0) and super().keeps(query, row)


class FiltersOr(Behaviour, rule="filter.and"):
    """Several filters widen the list, each by what it finds."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        criteria, listing = query.criteria, super().listing
        if criteria.pending is not None or query == Query():
            return listing(operation, channel, query)
        each = (
            Query(pks=query.pks),
            Query(products=query.products),
            *(Query(Criteria(attributes=frozenset({one}))) for one in criteria.attributes),
            *(Query(others=frozenset({one})) for one in query.others),
        )
        return Chosen(sorted({pk for one in each if one != Query() for pk in every(listing(operation, channel, one))}))


class LastFilterWins(Behaviour, rule="filter.and"):
    """Each filter starts from the whole list: the last one wins."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(operation, without(arguments, *[*filters(arguments)][:-1]))


class ProductsBeatProduct(Behaviour, rule="filter.and"):
    """{groups} replaces {group}, since both set the same key of a dictionary."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(
            operation, without(arguments, about("group")) if about("groups") in arguments else arguments
        )


class SellerBeatsType(Behaviour, rule="filter.and"):
    """With {side}, {kinds} is not looked at."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        is_lost = about("side") in arguments
        return super().query(operation, without(arguments, about("kinds")) if is_lost else arguments)


class CountIgnoresFilters(Behaviour, rule="filter.with-paging"):
    """count is that of the list without filters."""

    def count(self, operation: Operation, channel: int, listing: Listing) -> int:
        if operation.meaning != LIST:
            return super().count(operation, channel, listing)
        return super().count(operation, channel, self.listing(operation, channel, Query()))


class LinksLoseFilters(Behaviour, rule="filter.with-paging"):
    """next and previous are built without the filters."""

    def link(self, call: Call, number: int) -> str:
        return super().link(without_parameters(call, *resource().filters), number)


class FilterLostAfterPage1(Behaviour, rule="filter.with-paging"):
    """The filters hold on the first page alone."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        is_later = arguments.get(page_name(), 1) != 1
        return super().query(operation, without(arguments, *resource().filters) if is_later else arguments)


class FilteredUnpaged(Behaviour, rule="filter.with-paging"):
    """A filtered list comes whole, whatever the page and the limit."""

    def window(self, operation: Operation, arguments: Mapping[str, Argument], listing: Listing) -> Window:
        if filters(arguments):
            return Window(1, 0, max(1, listing.count))
        return super().window(operation, arguments, listing)


class _Sieved:
    """A list of which only some rows are shown, each in its place."""

    def __init__(self, listing: Listing, shown: Listing) -> None:
        self._listing = listing
        self._shown = frozenset(every(shown))

    @property
    def count(self) -> int:
        return self._listing.count

    def slice(self, start: int, stop: int) -> Sequence[int]:
        return [pk for pk in self._listing.slice(start, stop) if pk in self._shown]


class FilteredAfterPaging(Behaviour, rule="filter.with-paging"):
    """The page is cut from the whole list first, and filtered then."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if query == Query(criteria=evolve(ANY, pending=query.criteria.pending)):
            return listing
        return _Sieved(super().listing(operation, channel, Query()), listing)


class FilteredUnordered(Behaviour, rule="filter.with-paging"):
    """A filtered list has no order."""

    chance = Random(0)  # noqa: S311 - an order, not a secret

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.meaning != LIST or query == Query():
            return listing
        return Chosen(self.chance.sample(every(listing), k=listing.count))


class FilterJoinRepeats(Behaviour, rule="filter.with-paging"):
    """A join for {side} or {kinds} gives every fifth row twice."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if _asked(query, "side") is None and _asked(query, "kinds") is None:
            return listing
        return Chosen([pk for pk in every(listing) for _ in range(1 if pk % 5 else 2)])
