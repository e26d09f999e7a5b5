"""State on top of the data set, against a model that keeps every image in a dictionary and looks at all of them."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from channel_images.mock import InvalidFields, UnknownChannel, UnknownImage
from channel_images.mock.data.channel import Query
from channel_images.mock.data.dataset import Dataset
from channel_images.mock.data.made import Row
from channel_images.mock.data.pattern import Criteria, Pending, Traits
from channel_images.mock.data.store import Store

CHANNELS = {5: 40, 7: 0}
FIRST_PRODUCT = 123

QUERIES = st.builds(
    Query,
    criteria=st.builds(
        Criteria,
        pending=st.none() | st.frozensets(st.sampled_from(Pending), min_size=1),
        attributes=st.fixed_dictionaries(
            {},
            optional={
                "is_seller_product": st.frozensets(st.booleans(), min_size=1),
                "product_type": st.frozensets(st.integers(0, 5), min_size=1, max_size=3),
            },
        ).map(lambda asked: frozenset(asked.items())),
    ),
    pks=st.none() | st.frozensets(st.integers(0, 60), max_size=20),
    products=st.none() | st.frozensets(st.integers(FIRST_PRODUCT - 1, FIRST_PRODUCT + 20), max_size=5),
    others=st.fixed_dictionaries(
        {},
        optional={
            "status": st.frozensets(st.sampled_from(["active", "disabled"])),
            "width": st.frozensets(st.sampled_from([480, 800, None, *range(10)])),
        },
    ).map(lambda asked: frozenset(asked.items())),
)


@dataclass(frozen=True)
class Modelled:
    row: Row
    pending: Pending


class StoreMachine(RuleBasedStateMachine):
    """The lists of a store follow whatever is done to it."""

    @initialize()
    def begin(self) -> None:
        self.store = Store(0, CHANNELS)
        self.restart()

    @rule()
    def reset(self) -> None:
        self.store.reset()
        self.restart()

    def restart(self) -> None:
        self.images: dict[int, dict[int, Modelled]] = {}
        self.traits: dict[int, dict[int, Traits]] = {}
        for channel, images in CHANNELS.items():
            dataset = Dataset(0, channel, images)
            slots = [dataset.slot(index) for index in range(images)]
            self.images[channel] = {
                dataset.pk(index): Modelled(dataset.row(index), slot.pending) for index, slot in enumerate(slots)
            }
            self.traits[channel] = {dataset.product(index): slot.traits for index, slot in enumerate(slots)}

    @rule(
        channel=st.sampled_from(list(CHANNELS)),
        pk=st.none() | st.integers(0, 60),
        product=st.none() | st.integers(FIRST_PRODUCT, FIRST_PRODUCT + 25),
        product_type=st.integers(0, 5),
        is_seller=st.booleans(),
    )
    def add(self, channel: int, pk: int | None, product: int | None, product_type: int, is_seller: bool) -> None:
        fields = {} if product is None else {"product": product}
        known = self.traits[channel].get(product) if product is not None else None
        said = known or {"product_type": product_type, "is_seller_product": is_seller}
        if pk is not None and any(pk in images for images in self.images.values()):
            with pytest.raises(InvalidFields, match="already exists"):
                self.store.add(channel, fields, pk=pk)
            return
        row = self.store.add(channel, {**fields, **said}, pk=pk)
        assert row["pk"] == pk or pk is None
        assert row["product"] == product or product is None
        assert all(row["pk"] not in images for images in self.images.values())
        self.images[channel][row["pk"]] = Modelled(row, Pending.INSERT)
        self.traits[channel].setdefault(row["product"], said)

    @precondition(lambda self: self.images[5])
    @rule(data=st.data(), product=st.none() | st.integers(FIRST_PRODUCT, FIRST_PRODUCT + 25), width=st.integers(0, 9))
    def modify(self, data: st.DataObject, product: int | None, width: int) -> None:
        pk = data.draw(st.sampled_from(sorted(self.images[5])))
        fields = {"width": width} | ({} if product is None else {"product": product})
        before = self.images[5][pk]
        row = self.store.modify(5, pk, fields)
        assert row == {**before.row, **fields, "modified_date": row["modified_date"]}
        assert row["modified_date"] > before.row["modified_date"]
        pending = Pending.UPDATE if before.pending is Pending.SENT else before.pending
        self.images[5][pk] = Modelled(row, pending)
        if product is not None:
            self.traits[5].setdefault(product, {"product_type": 0, "is_seller_product": False})

    @precondition(lambda self: self.images[5])
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        pk = data.draw(st.sampled_from(sorted(self.images[5])))
        self.store.remove(5, pk)
        del self.images[5][pk]

    @precondition(lambda self: self.images[5])
    @rule(data=st.data())
    def mark_sent(self, data: st.DataObject) -> None:
        pks = data.draw(st.lists(st.sampled_from(sorted(self.images[5])), max_size=9))
        self.store.mark_sent(5, dict.fromkeys(pks))
        for pk in pks:
            self.images[5][pk] = replace(self.images[5][pk], pending=Pending.SENT)

    @rule(query=QUERIES, channel=st.sampled_from(list(CHANNELS)), start=st.integers(0, 50), size=st.integers(1, 20))
    def look(self, query: Query, channel: int, start: int, size: int) -> None:
        expected = self.expected(channel, query)
        listing = self.store.listing(channel, query)
        assert listing.count == len(expected)
        assert list(listing.slice(start, start + size)) == expected[start : start + size]

    @invariant()
    def everything_agrees(self) -> None:
        for channel, images in self.images.items():
            for pending in (None, {Pending.INSERT}, {Pending.UPDATE}, {Pending.INSERT, Pending.UPDATE}):
                query = Query(Criteria(pending=frozenset(pending) if pending else None))
                expected = self.expected(channel, query)
                listing = self.store.listing(channel, query)
                assert listing.count == len(expected)
                for size in (3, 100):
                    pages = [listing.slice(start, start + size) for start in range(0, len(expected) + 1, size)]
                    assert [pk for page in pages for pk in page] == expected
            for pk, image in images.items():
                assert self.store.has(channel, pk)
                assert self.store.row(channel, pk) == image.row
                assert self.store.pending(channel, pk) is image.pending

    def expected(self, channel: int, query: Query) -> list[int]:
        return sorted(
            pk
            for pk, image in self.images[channel].items()
            if query.criteria.admit(self.traits[channel][image.row["product"]], image.pending)
            and (query.pks is None or pk in query.pks)
            and (query.products is None or image.row["product"] in query.products)
            and all(image.row[field] in values for field, values in query.others)
        )


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)


def test_an_image_goes_through_its_life() -> None:
    store = Store(0, {7: 0})

    def pending(states: set[Pending]) -> list[int]:
        return list(store.listing(7, Query(Criteria(pending=frozenset(states)))).slice(0, 10))

    pk = store.add(7, {})["pk"]
    assert pending({Pending.INSERT}) == [pk]
    store.modify(7, pk, {"width": 1})
    assert pending({Pending.INSERT}) == [pk], "what was never sent stays an insert, however often it changes"
    store.mark_sent(7, {pk: None})
    assert pending({Pending.INSERT, Pending.UPDATE}) == []
    store.modify(7, pk, {"width": 2})
    assert pending({Pending.UPDATE}) == [pk]
    store.remove(7, pk)
    assert pending(set(Pending)) == []
    with pytest.raises(UnknownImage):
        store.row(7, pk)


def test_the_same_changes_give_the_same_rows() -> None:
    first, second = (Store(0, {7: 0}) for _ in range(2))
    assert first.add(7, {"width": 5}) == second.add(7, {"width": 5})
    changed = first.row(7, first.add(7, {})["pk"])
    first.reset()
    first.add(7, {"width": 5})
    assert first.row(7, first.add(7, {})["pk"]) == changed


def test_nothing_is_sent_when_one_is_unknown() -> None:
    store = Store(0, {5: 10})
    inserts = Query(Criteria(pending=frozenset({Pending.INSERT})))
    before = store.listing(5, inserts).count
    with pytest.raises(UnknownImage, match="no image 999"):
        store.mark_sent(5, dict.fromkeys([*store.listing(5, inserts).slice(0, 5), 999]))
    assert store.listing(5, inserts).count == before


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"colour": "red"}, "colour: This field does not exist"),
        ({"pk": 3}, "pk: This field is read-only"),
        ({"width": -1}, "width: Ensure this value is greater than or equal to 0"),
        ({"width": "wide"}, "width"),
        ({"width": [1]}, "width: Not a valid value"),
        ({"status": "asleep"}, "status: Select a valid choice. asleep is not one"),
        ({"source": "elsewhere"}, "source"),
        ({"product": 2**63}, "product: Ensure this value is less than or equal to 9223372036854775807"),
        ({"product": True}, "product"),
        ({"product": None}, "product"),
        ({"modified_date": "yesterday"}, "modified_date"),
        ({"modified_date": "2022-11-25T12:06:42"}, "modified_date"),
        ({"created_date": "2030-01-01T00:00:00Z", "modified_date": "2029-01-01T00:00:00Z"}, "before created_date"),
    ],
)
def test_fields_that_no_image_could_have_are_refused(fields: dict[str, object], complaint: str) -> None:
    store = Store(0, {5: 10})
    with pytest.raises(InvalidFields, match=complaint):
        store.add(5, fields)
    with pytest.raises(InvalidFields, match=complaint):
        store.modify(5, 1, fields)
    assert store.listing(5, Query()).count == 10


def test_dates_are_written_in_one_format() -> None:
    row = Store(0, {7: 0}).add(7, {"created_date": "2024-06-01T02:00:00+02:00"})
    assert row["created_date"] == row["modified_date"] == "2024-06-01T00:00:00.000000Z"


def test_a_product_is_what_it_was_first_said_to_be() -> None:
    store = Store(0, {5: 10})
    traits = store.traits(5, FIRST_PRODUCT)
    assert traits is not None
    with pytest.raises(InvalidFields, match="This product is known as"):
        store.add(5, {"product": FIRST_PRODUCT, "is_seller_product": not traits["is_seller_product"]})
    store.add(5, {"product": 9_000, "product_type": 4})
    with pytest.raises(InvalidFields, match="This product is known as"):
        store.add(5, {"product": 9_000, "product_type": 5})


@pytest.mark.parametrize("pk", [-1, 2**63])
def test_a_pk_fits_into_64_bits(pk: int) -> None:
    with pytest.raises(InvalidFields, match="pk"):
        Store(0, {5: 1}).add(5, {}, pk=pk)


def test_the_largest_pk_and_product_leave_room_for_the_next() -> None:
    store = Store(0, {5: 1})
    store.add(5, {"product": 2**63 - 1}, pk=2**63 - 1)
    assert store.add(5, {})["pk"] == 2
    assert store.listing(5, Query()).slice(0, 9)[-1] == 2**63 - 1


def test_a_channel_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownChannel, match="no channel 8"):
        Store(0, {5: 1}).add(8, {})


def test_views_beyond_those_kept_are_made_again() -> None:
    store = Store(0, {5: 100})
    store.mark_sent(5, dict.fromkeys(store.listing(5, Query()).slice(0, 50)))
    for number in range(60):
        wanted = Query(Criteria(attributes=frozenset({("product_type", frozenset({number, 0}))})))
        assert store.listing(5, wanted).count == len(store.listing(5, wanted).slice(0, 100))
