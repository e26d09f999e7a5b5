"""Loses conditions of a filter, misreads them, or joins them in the wrong way."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random

from attrs import evolve

from channel_images.mock.behaviour import Behaviour, Window
from channel_images.mock.bugs.common import FILTERS, LIST, Family, filters, without, without_parameters
from channel_images.mock.data.channel import Query
from channel_images.mock.data.dataset import Row
from channel_images.mock.data.listing import Chosen, Listing
from channel_images.mock.data.pattern import ANY, Criteria
from channel_images.mock.http.call import Call
from channel_images.mock.operations import Operation
from channel_images.mock.parameters import Argument, Parameter
from channel_images.mock.variants import every

_LONG = 100
"""Values from which on a list is called long."""


def _values(arguments: Mapping[str, Argument], name: str) -> list[int]:
    """The numbers of a list that was given; none where it was not."""
    value = arguments.get(name)
    return [each for each in value if isinstance(each, int)] if isinstance(value, list) else []


class _Narrowed(Behaviour):
    """Leaves rows out of filtered lists."""

    def keeps(self, query: Query, row: Row) -> bool:
        return True

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.id != LIST or query == Query():
            return listing
        return Chosen([pk for pk in every(listing) if self.keeps(query, self.stored(channel, pk))])


# filter.sound


class ProductIgnored(Behaviour):
    """product is not in the filter set."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(operation, without(arguments, "product"))


class ProductsIgnored(Behaviour):
    """product__pk__in is not in the filter set."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(operation, without(arguments, "product__pk__in"))


class IdInIgnored(Behaviour):
    """id__in is not in the filter set."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(operation, without(arguments, "id__in"))


class ProductZeroIgnored(Behaviour):
    """product=0 is falsy, and no filter."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(operation, arguments if arguments.get("product") else without(arguments, "product"))


class UnknownProductIgnored(Behaviour):
    """A product that is not found is None, and no filter."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        products = query.products
        if products and all(self.store.traits(channel, product) is None for product in products):
            query = evolve(query, products=None)
        return super().listing(operation, channel, query)


class UnknownIdsIgnored(Behaviour):
    """An id__in of unknown ids alone is an empty list, and no filter."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        if query.pks and not any(self.store.has(channel, pk) for pk in query.pks):
            query = evolve(query, pks=None)
        return super().listing(operation, channel, query)


class UnknownTypeIgnored(Behaviour):
    """A product type that does not exist is dropped, and no filter."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if parameter.name != "product_type" or not text.replace(",", "").isdecimal():
            return super().decode(parameter, text)
        known = [item for item in text.split(",") if item in {"0", "1", "2", "3", "4", "5"}]
        return super().decode(parameter, ",".join(known)) if known else None


class ProductFromThere(Behaviour):
    """product finds the products after it too: its lookup is gte."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        if query.products is None or len(query.products) != 1:
            return super().listing(operation, channel, query)
        first = min(query.products)
        pks = every(super().listing(operation, channel, evolve(query, products=None)))
        return Chosen([pk for pk in pks if self.stored(channel, pk)["product"] >= first])


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


class IdInWrapsAt32Bits(_Wrapped):
    """id__in is read into 32 bits: 4294967297 finds image 1."""

    def wraps(self, name: str) -> bool:
        return name == "id__in" or super().wraps(name)


class ProductWrapsAt32Bits(_Wrapped):
    """product is read into 32 bits: 4294967419 finds product 123."""

    def wraps(self, name: str) -> bool:
        return name == "product" or super().wraps(name)


class ProductsWrapAt32Bits(_Wrapped):
    """product__pk__in is read into 32 bits: 4294967419 finds product 123."""

    def wraps(self, name: str) -> bool:
        return name == "product__pk__in" or super().wraps(name)


# filter.complete


class ProductFirstImage(Behaviour):
    """product finds the first image of the product alone."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        return Chosen(listing.slice(0, 1)) if query.products is not None and len(query.products) == 1 else listing


class FiltersActiveOnly(_Narrowed):
    """A filtered list leaves out the images that are disabled."""

    def keeps(self, query: Query, row: Row) -> bool:
        return row["status"] == "active" and super().keeps(query, row)


class FiltersLoseUnmeasured(_Narrowed):
    """An inner join with the sizes loses images without any, in filtered lists."""

    def keeps(self, query: Query, row: Row) -> bool:
        return row["height"] is not None and super().keeps(query, row)


class ProductByObject(_Narrowed):
    """product compares object_id, which is the product's for most images."""

    def keeps(self, query: Query, row: Row) -> bool:
        return (query.products is None or row["object_id"] in query.products) and super().keeps(query, row)


# filter.multi


class IdInLast(Behaviour):
    """Of several ids the last counts."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        ids = _values(arguments, "id__in")
        return super().query(operation, {**arguments, "id__in": [*ids[-1:]]} if ids else arguments)


class IdInFirst(Behaviour):
    """Of several ids the first counts: int() of what is before the comma."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        ids = _values(arguments, "id__in")
        return super().query(operation, {**arguments, "id__in": [*ids[:1]]} if ids else arguments)


class IdInRange(Behaviour):
    """Two ids are the ends of a range."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        query = super().query(operation, arguments)
        ids = _values(arguments, "id__in")
        return (
            evolve(query, pks=frozenset(range(min(ids), min(ids) + 1 + min(10_000, max(ids) - min(ids)))))
            if ids
            else query
        )


class IdInTruncated(Behaviour):
    """Of more than a hundred ids the rest is cut off."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        ids = _values(arguments, "id__in")
        return super().query(operation, {**arguments, "id__in": [*ids[:_LONG]]} if ids else arguments)


class IdInAscending(Behaviour):
    """id__in is walked along with the table, and only ids in ascending order are met."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        ids = _values(arguments, "id__in")
        met = [*ids[:1], *(later for earlier, later in pairwise(ids) if later > earlier)]
        return super().query(operation, {**arguments, "id__in": [*met]} if ids else arguments)


class IdInAllOrNothing(Behaviour):
    """One unknown id among several, and nothing is found."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        if query.pks and not all(self.store.has(channel, pk) for pk in query.pks):
            return Chosen([])
        return super().listing(operation, channel, query)


class ProductsLast(Behaviour):
    """Of several products the last counts."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        products = _values(arguments, "product__pk__in")
        return super().query(operation, {**arguments, "product__pk__in": [*products[-1:]]} if products else arguments)


class ProductsSecondLost(Behaviour):
    """Of product__pk__in every other value is lost between the commas."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        products = _values(arguments, "product__pk__in")
        return super().query(operation, {**arguments, "product__pk__in": [*products[::2]]} if products else arguments)


class TypesLast(Behaviour):
    """Of several product types the last counts."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        types = _values(arguments, "product_type")
        return super().query(operation, {**arguments, "product_type": [*types[-1:]]} if types else arguments)


class TypesTogether(Behaviour):
    """Several product types must all be met by one product, which none does."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        several = len(set(_values(arguments, "product_type"))) > 1
        return super().query(operation, {**arguments, "product_type": []} if several else arguments)


class _SpacedLost(Behaviour):
    """Loses values of a list that have a space before them."""

    def loses(self, name: str) -> bool:
        return False

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if self.loses(parameter.name):
            first, *rest = text.split(",")
            text = ",".join([first, *(item for item in rest if not item.startswith(" "))])
        return super().decode(parameter, text)


class IdInSpacedLost(_SpacedLost):
    """Of id__in=1, 2 the value after the space is lost."""

    def loses(self, name: str) -> bool:
        return name == "id__in" or super().loses(name)


class ProductsSpacedLost(_SpacedLost):
    """Of product__pk__in=1, 2 the value after the space is lost."""

    def loses(self, name: str) -> bool:
        return name == "product__pk__in" or super().loses(name)


class TypesSpacedLost(_SpacedLost):
    """Of product_type=0, 2 the value after the space is lost."""

    def loses(self, name: str) -> bool:
        return name == "product_type" or super().loses(name)


# filter.partition


class SellerIgnored(Behaviour):
    """is_seller_product is not in the filter set."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(operation, without(arguments, "is_seller_product"))


class SellerFalseIgnored(Behaviour):
    """is_seller_product=false is falsy, and no filter."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        is_set = arguments.get("is_seller_product") is True
        return super().query(operation, arguments if is_set else without(arguments, "is_seller_product"))


class SellerTextIsTrue(Behaviour):
    """bool("false") is true."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        given = "is_seller_product" in arguments
        return super().query(operation, {**arguments, "is_seller_product": True} if given else arguments)


class SellerFalseSkipsNull(_Narrowed):
    """is_seller_product=false compares with <>, which is never true for an image without a source."""

    def keeps(self, query: Query, row: Row) -> bool:
        is_lost = query.criteria.is_seller is False and row["source"] is None
        return not is_lost and super().keeps(query, row)


class SellerByImage(Behaviour):
    """is_seller_product looks at where the image came from, not at the product."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        side = query.criteria.is_seller
        if side is None:
            return super().listing(operation, channel, query)
        query = evolve(query, criteria=evolve(query.criteria, is_seller=None))
        pks = every(super().listing(operation, channel, query))
        return Chosen([pk for pk in pks if (self.stored(channel, pk)["source"] == "seller_center") is side])


class TypeZeroIgnored(Behaviour):
    """product_type=0 is falsy, and no filter."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        is_falsy = not any(_values(arguments, "product_type"))
        return super().query(operation, without(arguments, "product_type") if is_falsy else arguments)


class TypeIgnored(Behaviour):
    """product_type is not in the filter set."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(operation, without(arguments, "product_type"))


class TypeAtMost(Behaviour):
    """product_type finds the types below it too."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        query = super().query(operation, arguments)
        types = query.criteria.product_types
        if not types:
            return query
        return evolve(query, criteria=evolve(query.criteria, product_types=frozenset(range(max(types) + 1))))


class TypeByFirstImage(_Narrowed):
    """product_type is kept with a product's first image, and finds no other."""

    def keeps(self, query: Query, row: Row) -> bool:
        return (query.criteria.product_types is None or row["order"] == 0) and super().keeps(query, row)


# filter.and


class FiltersOr(Behaviour):
    """Several filters widen the list, each by what it finds."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        criteria, listing = query.criteria, super().listing
        if criteria.pending is not None or query == Query():
            return listing(operation, channel, query)
        each = (
            Query(pks=query.pks),
            Query(products=query.products),
            Query(Criteria(is_seller=criteria.is_seller)),
            Query(Criteria(product_types=criteria.product_types)),
        )
        return Chosen(sorted({pk for one in each if one != Query() for pk in every(listing(operation, channel, one))}))


class LastFilterWins(Behaviour):
    """Each filter starts from the whole list: the last one wins."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(operation, without(arguments, *[*filters(arguments)][:-1]))


class ProductsBeatProduct(Behaviour):
    """product__pk__in replaces product, since both set the same key of a dictionary."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        return super().query(operation, without(arguments, "product") if "product__pk__in" in arguments else arguments)


class SellerBeatsType(Behaviour):
    """With is_seller_product, product_type is not looked at."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        is_lost = "is_seller_product" in arguments
        return super().query(operation, without(arguments, "product_type") if is_lost else arguments)


# filter.with-paging


class CountIgnoresFilters(Behaviour):
    """count is that of the list without filters."""

    def count(self, operation: Operation, channel: int, listing: Listing) -> int:
        if operation.id != LIST:
            return super().count(operation, channel, listing)
        return super().count(operation, channel, self.listing(operation, channel, Query()))


class LinksLoseFilters(Behaviour):
    """next and previous are built without the filters."""

    def link(self, call: Call, number: int) -> str:
        return super().link(without_parameters(call, *FILTERS), number)


class FilterLostAfterPage1(Behaviour):
    """The filters hold on the first page alone."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        is_later = arguments.get("page", 1) != 1
        return super().query(operation, without(arguments, *FILTERS) if is_later else arguments)


class FilteredUnpaged(Behaviour):
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


class FilteredAfterPaging(Behaviour):
    """The page is cut from the whole list first, and filtered then."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if query == Query(criteria=evolve(ANY, pending=query.criteria.pending)):
            return listing
        return _Sieved(super().listing(operation, channel, Query()), listing)


class FilteredUnordered(Behaviour):
    """A filtered list has no order."""

    chance = Random(0)  # noqa: S311 - an order, not a secret

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if operation.id != LIST or query == Query():
            return listing
        return Chosen(self.chance.sample(every(listing), k=listing.count))


class FilterJoinRepeats(Behaviour):
    """A join for is_seller_product or product_type gives every fifth image twice."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        if query.criteria.is_seller is None and query.criteria.product_types is None:
            return listing
        return Chosen([pk for pk in every(listing) for _ in range(1 if pk % 5 else 2)])


BUGS: Family = {
    "filter.sound": (
        ProductIgnored,
        ProductsIgnored,
        IdInIgnored,
        ProductZeroIgnored,
        UnknownProductIgnored,
        UnknownIdsIgnored,
        UnknownTypeIgnored,
        ProductFromThere,
        IdInWrapsAt32Bits,
        ProductWrapsAt32Bits,
        ProductsWrapAt32Bits,
    ),
    "filter.complete": (ProductFirstImage, FiltersActiveOnly, FiltersLoseUnmeasured, ProductByObject),
    "filter.multi": (
        IdInLast,
        IdInFirst,
        IdInRange,
        IdInTruncated,
        IdInAscending,
        IdInAllOrNothing,
        ProductsLast,
        ProductsSecondLost,
        TypesLast,
        TypesTogether,
        IdInSpacedLost,
        ProductsSpacedLost,
        TypesSpacedLost,
    ),
    "filter.partition": (
        SellerIgnored,
        SellerFalseIgnored,
        SellerTextIsTrue,
        SellerFalseSkipsNull,
        SellerByImage,
        TypeZeroIgnored,
        TypeIgnored,
        TypeAtMost,
        TypeByFirstImage,
    ),
    "filter.and": (FiltersOr, LastFilterWins, ProductsBeatProduct, SellerBeatsType),
    "filter.with-paging": (
        CountIgnoresFilters,
        LinksLoseFilters,
        FilterLostAfterPage1,
        FilteredUnpaged,
        FilteredAfterPaging,
        FilteredUnordered,
        FilterJoinRepeats,
    ),
}
