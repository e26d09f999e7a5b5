"""Rows are a pure function of (seed, channel, index), and everything about them is found by arithmetic."""

import hashlib
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given, strategies as st

from channel_images.contract import load_contract
from channel_images.mock.as_json import to_json
from channel_images.mock.data.dataset import MAX_CHANNEL, MAX_IMAGES, Dataset
from channel_images.mock.data.pattern import CYCLE, Criteria, Pending

ROWS = 2 * CYCLE + 77
DATASET = Dataset(0, 5, ROWS)
INDICES = st.integers(0, ROWS - 1)
RELEASED = Path(__file__).parents[1] / "contract" / "released" / "openapi.yaml"

# Of the first 200 rows of channel 5 with seed 0. It changes only when data that people may rely on changes: say so in
# the changelog.
GOLDEN = "41d1c7809ba4d705481e4b3e002f6151c5a00ff31e6b0db868ddddd7d3378242"


def test_the_bytes_of_a_seed_never_change() -> None:
    released = yaml.safe_load(RELEASED.read_text(encoding="utf-8"))
    fields = released["components"]["schemas"]["ProductImage"]["properties"]  # a field added since changes no other
    rows = (Dataset(0, 5, 200).row(index) for index in range(200))
    lines = [to_json({name: value for name, value in row.items() if name in fields}) for row in rows]
    assert hashlib.sha256(b"\n".join(lines)).hexdigest() == GOLDEN


def test_another_process_makes_the_same_bytes() -> None:
    # Hash randomisation is what a careless data set would depend on.
    code = "from channel_images.mock.data.dataset import Dataset; print([Dataset(3, 6, 9).row(i) for i in range(9)])"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


@given(index=INDICES, images=st.integers(0, 10**7))
def test_a_row_does_not_depend_on_how_many_there_are(index: int, images: int) -> None:
    assert Dataset(0, 5, max(images, index + 1)).row(index) == DATASET.row(index)


def test_seeds_and_channels_give_other_rows() -> None:
    rows = [tuple(Dataset(seed, channel, 1).row(0).values()) for seed in (0, 1) for channel in (5, 6)]
    assert len(set(rows)) == len(rows)


def test_the_fields_are_the_contracts_in_its_order() -> None:
    assert list(DATASET.row(0)) == list(load_contract()["components"]["schemas"]["ProductImage"]["properties"])


def test_the_contracts_examples_exist() -> None:
    parameters = load_contract()["components"]["parameters"]
    assert all(DATASET.index(pk) is not None for pk in parameters["IdIn"]["example"])
    assert all(DATASET.images_of(product) for product in parameters["ProductPkIn"]["example"])


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("source", {"unified", "integration", "seller_center", None}),
        ("status", {"active", "disabled"}),
        ("is_active", {True, False}),
        ("content_type", {"product", "productimage"}),
        ("order", {0, 1, 2, 3, 4, 5}),
    ],
)
def test_every_value_occurs_in_the_default_channel(field: str, values: set[object]) -> None:
    assert {dict(DATASET.row(index))[field] for index in range(1000)} == values


@pytest.mark.parametrize("field", ["height", "width", "hash"])
def test_some_are_null_and_most_are_not(field: str) -> None:
    nulls = sum(dict(DATASET.row(index))[field] is None for index in range(1000))
    assert 50 <= nulls <= 200


def test_a_small_channel_has_some_of_everything() -> None:
    small = Dataset(0, 6, 23)
    slots = [small.slot(index) for index in range(small.images)]
    assert {slot.pending for slot in slots} == set(Pending) - {Pending.TAKEN}
    assert {slot.traits["is_seller_product"] for slot in slots} == {True, False}
    assert len({slot.traits["product_type"] for slot in slots}) >= 4


def test_about_a_quarter_is_to_insert() -> None:
    pending = [DATASET.slot(index).pending for index in range(CYCLE)]
    assert 0.2 < pending.count(Pending.INSERT) / CYCLE < 0.3
    assert 0.1 < pending.count(Pending.UPDATE) / CYCLE < 0.2


@given(INDICES)
def test_dates_have_microseconds_and_are_in_order(index: int) -> None:
    row = DATASET.row(index)
    created, modified = row["created_date"], row["modified_date"]
    assert len(created) == len(modified) == len("2022-11-25T12:06:42.954200Z")
    assert "2022-01-01" <= created <= modified < "2025-01-01"


@given(INDICES)
def test_orders_count_the_images_of_a_product_from_zero(index: int) -> None:
    images = DATASET.images_of(DATASET.product(index))
    assert index in images
    assert 1 <= len(images) <= 6
    assert [DATASET.row(each)["order"] for each in images] == list(range(len(images)))
    assert {DATASET.row(each)["product"] for each in images} == {DATASET.product(index)}
    assert all(DATASET.slot(each).traits == DATASET.slot(index).traits for each in images)


# Keys


@given(INDICES)
def test_a_pk_leads_back_to_its_row(index: int) -> None:
    pk = DATASET.pk(index)
    assert DATASET.row(index)["pk"] == pk
    assert DATASET.index(pk) == index
    assert DATASET.index_from(pk) == index
    assert DATASET.index_from(pk + 1) == index + 1


@given(st.integers(-(2**64), 2**64) | st.integers(-10, 3000))
def test_a_pk_that_no_row_has_leads_nowhere(pk: int) -> None:
    index = DATASET.index(pk)
    assert index is None or DATASET.pk(index) == pk


def test_there_are_unknown_ids_between_the_known_ones() -> None:
    pks = [DATASET.pk(index) for index in range(100)]
    assert pks == sorted(set(pks))
    assert any(later - earlier == 2 for earlier, later in pairwise(pks))


@given(st.sets(st.integers(0, MAX_CHANNEL), min_size=2, max_size=2))
def test_channels_share_no_keys(channels: set[int]) -> None:
    low, high = sorted((Dataset(0, channel, MAX_IMAGES) for channel in channels), key=lambda each: each.pk(0))
    assert low.end_pk <= high.pk(0)
    assert low.end_product <= high.product(0)
    assert high.end_pk < 2**53


@given(st.integers(-(2**63), 2**63))
def test_a_product_that_does_not_exist_has_no_images(product: int) -> None:
    known = {DATASET.product(0), DATASET.product(ROWS - 1)}
    inside = min(known) <= product <= max(known)
    assert bool(DATASET.images_of(product)) is inside
    assert (DATASET.traits(product) is not None) is inside


def test_an_empty_channel() -> None:
    empty = Dataset(0, 7, 0)
    assert empty.select(Criteria()).count == 0
    assert empty.index(empty.pk(0)) is None
    assert empty.traits(empty.end_product) is None


@pytest.mark.parametrize(("channel", "images"), [(-1, 1), (MAX_CHANNEL + 1, 1), (5, -1), (5, MAX_IMAGES + 1)])
def test_what_cannot_be_is_refused(channel: int, images: int) -> None:
    with pytest.raises(ValueError, match=r"of the mock|the mock's channels"):
        Dataset(0, channel, images)


# Selections

CRITERIA = st.builds(
    Criteria,
    pending=st.none() | st.frozensets(st.sampled_from(Pending)),
    attributes=st.fixed_dictionaries(
        {},
        optional={
            "is_seller_product": st.frozensets(st.booleans()),
            "product_type": st.frozensets(st.integers(0, 6)),
        },
    ).map(lambda asked: frozenset(asked.items())),
)


@given(criteria=CRITERIA, rows=st.integers(0, ROWS))
def test_a_selection_is_what_looking_at_every_row_finds(criteria: Criteria, rows: int) -> None:
    dataset = Dataset(0, 5, rows)
    expected = [
        index for index in range(rows) if criteria.admit(dataset.slot(index).traits, dataset.slot(index).pending)
    ]
    selection = dataset.select(criteria)
    assert selection.count == len(expected)
    assert [selection.nth(rank) for rank in range(selection.count)] == expected
    assert [selection.rank(index) for index in expected] == list(range(len(expected)))


def test_criteria_admit_what_they_name() -> None:
    seller_bundle = {"product_type": 2, "is_seller_product": True}
    sellers, others = (("is_seller_product", frozenset({side})) for side in (True, False))
    bundles = ("product_type", frozenset({2, 3}))
    assert Criteria(attributes=frozenset({sellers, bundles})).admit(seller_bundle, Pending.SENT)
    assert not Criteria(attributes=frozenset({others, bundles})).admit(seller_bundle, Pending.SENT)
    assert not Criteria(pending=frozenset({Pending.INSERT})).admit(seller_bundle, Pending.SENT)
