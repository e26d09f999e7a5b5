"""The rules of filters: what they try filters with, and which of them tells a filter that finds the wrong rows."""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from attrs import define, evolve
from tests.conformance.tiny import FULL, Reply, Tiny, ask, reading, reply, row, told

from channel_images.conformance.asking.expect import Expectations
from channel_images.conformance.asking.reading import NotExercised, Row, Value
from channel_images.conformance.asking.wire import Request
from channel_images.conformance.catalogue import CATALOGUE
from channel_images.conformance.rules import filters
from channel_images.conformance.rules.filters import FAR
from channel_images.resource import Filter, resource

Rows = list[dict[str, Any]]

# What filters are tried with


def on(field: str, kind: str, *values: Value, several: bool = False, **schema: Any) -> Filter:
    """A filter on a field that rows show, which is of no contract."""
    return Filter(field, field, True, several, schema, kind, values, False, ())


def cut_down(value: int) -> list[Value]:
    """What becomes this value when it is cut down to fewer bits."""
    return [value + wrap for wrap in (2**32, 2**33, 2**48, 2**62)]


TRIED: list[tuple[str, Filter, list[Value], list[Value], list[Value], list[Value]]] = [
    ("keys", resource().filters["id__in"], [31, 57], [1_009_004, 2_000_000_011], [0], cut_down(31)),
    ("integers", on("n", "integer"), [31, 257, 9], [257 + FAR], [0, 3, 1, 25, 57], cut_down(31)),
    ("long integers", on("n", "integer"), [31, 2**31], [2**31 + FAR], [0, 3, 1, 214748364, 147483648], []),
    ("ten", on("n", "integer"), [10], [10 + FAR], [0, 1], cut_down(10)),
    ("31 bits", on("n", "integer"), [2**30], [2**30 + FAR], [0, 107374182, 73741824], cut_down(2**30)),
    ("whole numbers", on("n", "number"), [31], [31 + FAR], [0, 31.5], []),
    ("integers up to 99", on("n", "integer", maximum=99), [31], [], [0, 3, 1], []),
    ("digits", on("n", "integer"), [0, 9], [9 + FAR], [], cut_down(0)),
    ("listed integers", on("n", "integer", 0, 2, 31), [31, 2], [0], [], []),
    ("numbers", on("n", "number"), [2.5, 31.25], [31 + FAR], [0, 2.0, 31.0, 31.5], []),
    ("listed numbers", on("n", "number", 1.5, 2.5), [2.5], [1.5], [], []),
    ("texts", on("n", "string"), ["red", "redder", "green"], ["redx"], ["re", "redde"], []),
    ("texts of a form", on("n", "string", format="uuid"), ["red"], [], ["re"], []),
    ("texts of a pattern", on("n", "string", pattern="..."), ["red"], [], ["re"], []),
    ("listed texts", on("n", "string", "red", "green"), ["red"], ["green"], [], []),
    ("booleans", on("n", "boolean"), [True], [False], [], []),
    ("both booleans", on("n", "boolean"), [True, False], [], [], []),
    ("nothing", on("n", "integer"), [], [FAR], [0], []),
]


@pytest.mark.parametrize(
    ("by", "used", "unused", "odd", "wrapping"), [each[1:] for each in TRIED], ids=[each[0] for each in TRIED]
)
def test_values_that_no_row_has(
    by: Filter, used: Sequence[Value], unused: Sequence[Value], odd: Sequence[Value], wrapping: Sequence[Value]
) -> None:
    rows = [{**row(900 + number), by.field: value} for number, value in enumerate(used)]
    survey = reading(Tiny(channels={5: rows, 6: [row(9001)]}))
    assert filters._unused(survey, by) == unused
    assert filters._odd(survey, by) == odd
    assert filters._wrapping(survey, by) == wrapping


def few(images: int = 7, largest: int = 100) -> Tiny:
    """A server of four products, of which some have more images than others."""
    products = (11, 12, 13, 14, 12, 13, 12)
    rows = [row(pk, product=products[pk % 7]) for pk in range(7, images + 7)]
    return Tiny(channels={5: rows, 6: [row(9001)]}, largest=largest)


@pytest.mark.parametrize(
    ("most", "of_products", "common", "of_keys"),
    [
        (1, [11], [11], [7]),
        (2, [11, 14], [11, 14], [7, 10]),
        (3, [11, 14, 12], [12, 11, 14], [7, 9, 11]),
        (4, [11, 14, 12, 13], [12, 13, 11, 14], [7, 8, 9, 10]),
        (9, [11, 14, 12, 13], [12, 13, 11, 14], [7, 8, 9, 10, 11, 12, 13]),
    ],
)
def test_values_that_rows_have(most: int, of_products: list[int], common: list[int], of_keys: list[int]) -> None:
    survey, by = reading(few()), resource().filters
    assert filters._values(survey, by["product"], most) == of_products
    assert filters._common(survey, by["product"], most) == common
    assert sorted(filters._values(survey, by["id__in"], most)) == of_keys


def by_name(pairs: Iterable[tuple[Filter, Value]]) -> dict[str, list[Value]]:
    tried: dict[str, list[Value]] = {}
    for by, value in pairs:
        tried.setdefault(by.name, []).append(value)
    return tried


@pytest.mark.parametrize(("quick", "keys", "products"), [(False, 3, [11, 14, 12, 13]), (True, 1, [11, 14])])
def test_a_filter_is_tried_with_single_values(quick: bool, keys: int, products: list[int]) -> None:
    tried = by_name(filters._single(reading(few(), quick=quick)))
    assert len(set(tried.pop("id__in"))) == keys
    assert tried == {"product": products, "product__pk__in": [11, 14]}


@pytest.mark.parametrize(
    ("server", "of_products"), [(few(), [14 + FAR, 0, 1, 2, *cut_down(11)]), (few(1_000, 10), cut_down(11))]
)
def test_a_filter_is_tried_with_values_that_no_row_has(server: Tiny, of_products: list[Value]) -> None:
    """Of a list of which a sample is read, any product may be in the rest."""
    assert by_name(filters._absent(reading(server))) == {
        "id__in": [9_001 + 1_000_003, 2_000_000_011, 0, *cut_down(7)],
        "product": of_products,
        "product__pk__in": of_products,
        "product_type": [999],
    }


NONE = 14 + FAR


def test_listed_texts_of_what_rows_do_not_show_are_spelled_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    color = evolve(on("color", "string", "red", "green"), is_shown=False)
    monkeypatch.setattr(filters, "resource", lambda: evolve(resource(), filters={"color": color}))
    assert by_name(filters._absent(reading(few()))) == {"color": ["redx"]}


@pytest.mark.parametrize(
    ("server", "name", "unions"),
    [
        *(
            (
                *(server, "product__pk__in"),
                [
                    *([11, 14], [14, 11], [11, 14, 12, NONE], [NONE, 11, 14, 12]),
                    *([11, 14, 12, 13], [11, 12, 13, 14], [11, 11, 14, 12, 13], [11, 14, 12, 13], [13, 12, 14, 11]),
                ],
            )
            for server in (few(), few(1_000, 10))
        ),
        (
            *(few(), "product_type"),
            [*([5, 2], [0, 1], [1, 0], [2, 5], [0, 5]), *([0, 1, 2, 5], [5, 2, 1, 0], [0, 1, 2, 3, 4, 5], [0, 2])],
        ),
        (
            *(Tiny(), "product_type"),
            [*([5, 4], [0, 1], [1, 0], [4, 5], [0, 5]), *([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [0, 2, 4])],
        ),
        (Tiny({5: [row(1, product=11)], 6: []}), "product_type", [[5, 5], [0, 1, 2, 3, 4, 5]]),
    ],
)
def test_a_filter_is_tried_with_several_values(server: Tiny, name: str, unions: list[list[Value]]) -> None:
    by = resource().filters[name]
    assert filters._unions(reading(server), by) == unions
    quick = [unions[0], unions[2]] if by.is_shown else unions[:1]
    assert filters._unions(reading(server, quick=True), by) == [each for each in quick if each != [5, 5]]


def test_keys_are_tried_together_as_many_as_a_server_takes() -> None:
    unions = filters._unions(reading(Tiny({5: [row(pk) for pk in range(1, 201)], 6: []})), resource().filters["id__in"])
    assert [len(each) for each in unions] == [2, 2, 4, 4, 4, 4, 5, 150, 150]
    assert unions[2][-1] == unions[3][0] == 200 + 1_000_003


def test_of_other_fields_the_commonest_values_are_tried() -> None:
    products = [*range(11, 40), 20, 20, 30]
    survey = reading(Tiny({5: [row(pk, product=product) for pk, product in enumerate(products, 1)], 6: []}))
    assert filters._values(survey, resource().filters["product"], 4) == [11, 39, 20, 30]
    assert len(by_name(filters._single(survey))["product"]) == 6


def test_filters_are_tried_together_with_what_cuts_the_list_in_two() -> None:
    candidates = filters._candidates(reading(few(12)), list(range(7, 19)))
    keys = candidates.pop("id__in")
    assert candidates == {
        "is_seller_product": ["false", "true"],
        "product_type": ["0", "1", "2", "5", "0,1"],
        "product": ["12", "13", "11", "14"],
        "product__pk__in": ["12,11", "12,13,11,14", "13,11", "12"],
    }
    assert [len(text.split(",")) for text in keys] == [6, 4, 2, 5, 3]
    assert keys[1].startswith("8,")  # of the commonest product
    assert keys[3:] == ["8,11,13,15,18", "9,12,16"]  # of the commonest product types


@pytest.mark.parametrize("server", [few(), few(1_000, 10)], ids=["short", "long"])
def test_each_two_filters_and_three_of_them_are_tried_together(server: Tiny) -> None:
    survey = reading(server)
    within = filters._universe(survey)[0]
    tried = [each[len(within) :] for each in filters._combinations(survey)]
    without_keys = [each for each in tried if "id__in" not in dict(each)]
    assert without_keys == [
        (("is_seller_product", "false"), ("product_type", "0,1")),
        (("is_seller_product", "false"), ("product_type", "0")),
        (("is_seller_product", "false"), ("product", "12")),
        (("is_seller_product", "false"), ("product__pk__in", "12,11")),
        (("is_seller_product", "false"), ("product__pk__in", "12")),
        (("product_type", "0"), ("product", "13")),
        (("product_type", "0,1"), ("product__pk__in", "12,11")),
        (("product_type", "0"), ("product__pk__in", "13,11")),
        (("product", "12"), ("product__pk__in", "13,11")),
        (("is_seller_product", "false"), ("product_type", "0"), ("product__pk__in", "12,11")),
    ]


@pytest.mark.parametrize(
    ("images", "largest", "within"), [(40, 10, 0), (41, 10, 40), (1_000, 30, 100), (1_000, 100, 100)]
)
def test_a_list_is_filtered_whole_up_to_four_pages(images: int, largest: int, within: int) -> None:
    filter_of_keys, rows = filters._universe(reading(few(images, largest)))
    assert bool(filter_of_keys) == bool(within)
    assert len(rows) == (within or images)


@pytest.mark.parametrize("takes", ["one key", "none"])
def test_a_long_list_is_not_filtered_within_keys_that_cannot_be_named(
    monkeypatch: pytest.MonkeyPatch, takes: str
) -> None:
    by_key = evolve(resource().filters["id__in"], several=False)
    monkeypatch.setattr(filters, "key_filter", lambda: by_key if takes == "one key" else None)
    with pytest.raises(NotExercised, match="no filter for the keys"):
        filters._universe(reading(few(1_000, 10)))
    if takes == "one key":
        assert all(text.isdigit() for text in filters._candidates(reading(few()), [7, 8, 9, 10])["id__in"])


def test_lists_of_several_rows_are_paged_one_for_each_filter() -> None:
    def lengths(server: Tiny, **options: Any) -> dict[str, int]:
        filtered = itertools.chain.from_iterable(filters._long_lists(reading(server, **options)))
        return {name: len(text.split(",")) for name, text in filtered}

    short = {"id__in": 23, "product": 1, "product__pk__in": 15}
    assert lengths(Tiny()) == short | {"is_seller_product": 1, "product_type": 1}
    assert lengths(Tiny({5: [row(pk) for pk in range(1, 1_000)], 6: []}, largest=10)) == short
    assert lengths(Tiny(), quick=True) == {"id__in": 10}


def test_a_filter_is_named_in_short() -> None:
    assert filters._named((("one", "x" * 59), ("other", "y" * 60))) == f"one={'x' * 59}&other={'y' * 57}..."


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_value_that_no_row_has_may_be_refused(status: int) -> None:
    @define
    class Refusing(Tiny):
        def page(self, channel: int, which: str, params: Mapping[str, str]) -> Reply:
            if self.rows(channel, which, params):
                return Tiny.page(self, channel, which, params)
            return reply(status, {"detail": "No."})

    assert not list(CATALOGUE["filter.sound"].check(reading(Refusing(few().channels)), FULL))


def test_a_value_that_is_refused_keeps_no_other_from_being_tried() -> None:
    @define
    class Refusing(Tiny):
        def rows(self, channel: int, which: str, params: Mapping[str, str]) -> Rows:
            if params.get("id__in") == str(9_001 + 1_000_003):
                raise ValueError("id__in")
            return Tiny.rows(self, channel, which, {name: text for name, text in params.items() if text != "999"})

    assert told(Refusing(few().channels), "filter.sound") == {
        "product_type returns rows for a value that does not exist"
    }


def test_a_quick_run_tries_one_value_that_no_row_has() -> None:
    server = few()
    assert not ask(server, "filter.sound", quick=True)
    assert {int(dict(request.params).get("id__in", "0")) for request in server.requests} >= {1_009_004}
    assert "2000000011" not in {dict(request.params).get("id__in") for request in server.requests}


# Filters that find the wrong rows

Find = Callable[[str | None], Rows]
Mistake = Callable[[Find, str], Rows]


def numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def between(text: str) -> str:
    return ",".join(map(str, range(min(numbers(text)), min(1_000, max(numbers(text))) + 1)))


MISTAKES: dict[str, Mistake] = {
    "ignored": lambda find, text: find(None),
    "nothing": lambda find, text: [],
    "one less": lambda find, text: find(text)[:-1],
    "one twice": lambda find, text: find(text) + find(text)[:1],
    "one more": lambda find, text: [*find(text), row(999)],
    "the first value": lambda find, text: find(text.split(",")[0]),
    "the last value": lambda find, text: find(text.split(",")[-1]),
    "all between": lambda find, text: find(between(text)),
    "few values": lambda find, text: find(",".join(text.split(",")[:12])),
    "a value twice": lambda find, text: find(text) * (1 + (len(set(numbers(text))) < len(numbers(text)))),
    "all values or none": lambda find, text: find(text) if all(map(find, text.split(","))) else [],
}


@define
class Mistaken(Tiny):
    """Finds the wrong rows by one of its filters."""

    name: str = ""
    mistake: Mistake = lambda find, text: find(text)

    def rows(self, channel: int, which: str, params: Mapping[str, str]) -> Rows:
        def find(text: str | None) -> Rows:
            rest = {name: value for name, value in params.items() if name != self.name}
            return Tiny.rows(self, channel, which, rest if text is None else {**rest, self.name: text})

        return self.mistake(find, params[self.name]) if self.name in params else find(None)


def of_each(*families: str | None) -> dict[str, str]:
    """The rules that tell of each filter; none of a filter that cannot make the mistake."""
    return {name: told for name, told in zip(resource().filters, families, strict=True) if told is not None}


SHORT: dict[str, dict[str, str]] = {
    # product, product__pk__in, id__in, is_seller_product, product_type
    "ignored": of_each("sound and", "sound multi and", "sound multi and", "partition", "sound partition"),
    "nothing": of_each("complete and", "complete multi and", "complete multi and", "partition", ""),
    "one less": of_each(
        "complete and", "complete multi and", "complete multi and", "partition and", "multi partition and"
    ),
    "one twice": of_each(
        "and with-paging", "multi and with-paging", "multi and with-paging", "and with-paging", "multi and with-paging"
    ),
    "one more": of_each("sound and", "sound multi and", "sound multi and", "partition and", "sound partition and"),
    "the first value": of_each(None, "multi and", "multi and", None, "multi"),
    "the last value": of_each(None, "multi and", "multi and", None, "multi"),
    "all between": of_each(None, "multi and", "multi and", None, "multi"),
    "few values": of_each(None, "multi", "multi and", None, ""),
    "a value twice": of_each(None, "multi", "multi", None, ""),
    "all values or none": of_each(None, "multi and", "multi and", None, "and"),
}
"""By mistake and filter, the rules that tell it in a list that is read whole."""
LONG: dict[str, dict[str, str]] = {
    "ignored": of_each("sound and", "sound multi and", "sound multi", "partition", "sound partition"),
    "nothing": of_each("complete", "complete multi and", "complete multi partition and", "partition", ""),
    "one less": of_each(
        "complete", "complete multi and", "complete multi partition and", "partition and", "multi partition and"
    ),
    "one twice": of_each(
        "with-paging", "multi and with-paging", "multi and with-paging", "partition and", "multi partition and"
    ),
    "one more": of_each(
        "sound and",
        "sound multi and with-paging",
        "sound multi partition and",
        "partition and",
        "sound multi partition and",
    ),
    "the first value": of_each(None, "multi and", "multi partition", None, "multi"),
    "the last value": of_each(None, "multi and", "multi partition", None, "multi"),
    "all between": of_each(None, "multi and", "multi", None, "multi"),
    "few values": of_each(None, "multi", "multi partition", None, ""),
    "a value twice": of_each(None, "", "multi", None, ""),
    "all values or none": of_each(None, "multi and", "multi partition and", None, "and"),
}
"""The same in one of which a sample is read."""
QUICK: dict[str, dict[str, str]] = {
    "ignored": of_each("sound and", "sound multi and", "sound multi and", "partition", "partition"),
    "nothing": of_each("complete", "complete multi and", "complete multi and", "partition", ""),
    "one less": of_each("complete", "complete multi and", "complete multi and", "partition and", "multi partition and"),
    "one twice": of_each("", "multi and", "multi and with-paging", "and", "multi and"),
    "one more": of_each("sound and", "sound multi and", "sound multi and", "partition and", "partition and"),
}
"""The same in a quick run."""


def told_by(server: Tiny, *, quick: bool) -> str:
    """The rules that are violated, in one reading."""
    survey, violated = reading(server, quick=quick), []
    for family in ("sound", "complete", "multi", "partition", "and", "with-paging"):
        with suppress(NotExercised):
            if list(CATALOGUE[f"filter.{family}"].check(survey, FULL)):
                violated.append(family)
    return " ".join(violated)


@pytest.mark.parametrize(
    ("images", "mistake", "name", "told"),
    [
        (images, mistake, *each)
        for images, table in ((137, SHORT), (1_000, LONG), (0, QUICK))
        for mistake, by_filter in table.items()
        for each in by_filter.items()
    ],
)
def test_a_mistake_is_told_by_its_rules(images: int, mistake: str, name: str, told: str) -> None:
    channels = {5: [row(pk) for pk in range(1, (images or 137) + 1)], 6: [row(9001)]}
    server = Mistaken(channels, largest=10 if images == 1_000 else 100, name=name, mistake=MISTAKES[mistake])
    assert told_by(server, quick=not images) == told


@pytest.mark.parametrize(
    ("images", "name", "mistake", "rule", "expected", "seen"),
    [
        (
            7,
            "product",
            "ignored",
            "sound",
            "product=11: rows whose product is 11",
            "pk 8, 9, 10, 11, 12 and 1 more too",
        ),
        (7, "product", "nothing", "complete", "product=11: 1 row, pk 7", "0 rows: pk 7 missing"),
        (
            *(1_000, "product", "one less", "complete"),
            *("product=11: 14 rows, pk 7, 14, 21, 63, 560 and 9 more", "142 rows: pk 1001 missing"),
        ),
        (7, "product__pk__in", "one less", "multi", "product__pk__in=11,14: 2 rows, pk 7, 10", "1 row: pk 10 missing"),
        (
            *(7, "product__pk__in", "one twice", "multi", "product__pk__in=11,14: 2 rows, pk 7, 10"),
            "3 rows: none of them missing or too many; some of them twice",
        ),
        (
            *(1_000, "product__pk__in", "ignored", "multi"),
            "product__pk__in=11,14: 28 rows among the rows that were read, pk 7, 10, 14, 17, 21 and 23 more",
            "1000 rows: pk 8, 9, 11, 12, 13 and 23 more too many",
        ),
        (
            *(7, "is_seller_product", "ignored", "partition"),
            *("no row of both true and false", "pk 7, 8, 9, 10, 11 and 2 more of both"),
        ),
        (7, "is_seller_product", "one less", "partition", "each row on a side", "pk 12, 13 on none"),
        (
            *(7, "is_seller_product", "one less", "partition"),
            *("all images of product 12 on one side", "pk 8 on true, pk 13 on none"),
        ),
        (7, "is_seller_product", "one more", "partition", "rows of the full list", "pk 999"),
        (1_000, "is_seller_product", "one less", "partition", "1000 rows", "427 and 571 rows"),
        (
            *(1_000, "product_type", "one twice", "partition"),
            *("at most 1000 rows", "429 and 287 and 144 and 0 and 0 and 144 rows"),
        ),
        (7, "product_type", "ignored", "partition", "no row of both 0 and 1", "pk 7, 8, 9, 10, 11 and 2 more of both"),
        (
            7,
            "product_type",
            "ignored",
            "sound",
            "no row for product_type=999, or 400",
            "7 rows: pk 7, 8, 9, 10, 11 and 2 more",
        ),
        (
            *(7, "is_seller_product", "one less", "and"),
            *("is_seller_product=false&product__pk__in=12,11: 1 row, pk 7", "0 rows: pk 7 missing"),
        ),
    ],
)
def test_a_mistake_is_shown(images: int, name: str, mistake: str, rule: str, expected: str, seen: str) -> None:
    rows = few(images, 10 if images == 1_000 else 100)
    server = Mistaken(rows.channels, rows.largest, name=name, mistake=MISTAKES[mistake])
    found = ask(server, f"filter.{rule}", FULL)
    assert [(finding.expected, finding.seen) for finding in found].count((expected, seen)) == 1
    assert all(finding.proof for finding in found)


@pytest.mark.parametrize(
    ("images", "name", "mistake", "relations"),
    [
        (7, "product_type", "ignored", ["product types share rows"]),
        (7, "is_seller_product", "ignored", ["is_seller_product true and false share rows"]),
        (
            1_000,
            "is_seller_product",
            "one twice",
            ["is_seller_product true and false are not as many rows as the list"],
        ),
        (1_000, "product_type", "one twice", ["product types together are more rows than the list"]),
    ],
)
def test_values_that_share_rows_are_told_once(images: int, name: str, mistake: str, relations: list[str]) -> None:
    rows = few(images, 10 if images == 1_000 else 100)
    server = Mistaken(rows.channels, rows.largest, name=name, mistake=MISTAKES[mistake])
    assert [finding.relation for finding in ask(server, "filter.partition")] == relations


def test_a_filter_that_finds_the_rows_of_other_channels_too_is_told_by_its_length() -> None:
    server = Mistaken(
        few().channels, 10, name="product", mistake=lambda find, text: find(text) + [row(pk) for pk in range(50, 500)]
    )
    (finding, *_) = ask(server, "filter.complete")
    assert finding.seen == "451 rows: none of them missing or too many"
    assert finding.proof is None


@pytest.mark.parametrize(("images", "quick", "counted"), [(7, False, 0), (1_000, True, 0), (1_000, False, 9)])
def test_rows_are_counted_where_a_sample_was_compared(images: int, quick: bool, counted: int) -> None:
    server = few(images, 10 if images == 1_000 else 100)
    assert not ask(server, "filter.partition", quick=quick)
    assert sum(dict(request.params).get("limit") == "1" for request in server.requests) == counted


@pytest.mark.parametrize("which", ["whole", "filtered"])
def test_rows_that_a_server_does_not_count_are_compared_with_nothing(which: str) -> None:
    @define
    class Uncounted(Tiny):
        def page(self, channel: int, which_list: str, params: Mapping[str, str]) -> Reply:
            status, headers, body = Tiny.page(self, channel, which_list, params)
            is_filtered = not params.keys() <= {"page", "limit"}
            if params.get("limit") != "1" or is_filtered != (which == "filtered"):
                return status, headers, body
            return reply(status, {**json.loads(body), "count": None})

    assert not list(CATALOGUE["filter.partition"].check(reading(Uncounted(few(1_000).channels, 10)), FULL))


def test_rows_are_grouped_by_what_can_be_the_same_in_several() -> None:
    rows: dict[int, Row] = {pk: row(pk, product=value) for pk, value in enumerate([7, None, True, "x", 7, 1.5])}
    assert filters._groups(resource().filters["is_seller_product"], rows) == {7: [0, 4], "x": [3]}


def test_a_space_that_is_refused_in_one_spelling_is_tried_in_the_other() -> None:
    @define
    class Refusing(Tiny):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            if "%20" in request.path:
                return reply(400, {"detail": "No."})
            return reply(200, []) if "+" in request.path else Tiny.answer(self, request, authorization)

    assert list(filters._spaced(reading(Refusing(few().channels)), resource().filters["id__in"]))


@pytest.mark.parametrize(("most", "is_told"), [(9, True), (10, False)])
def test_a_filter_that_takes_ten_values_takes_enough(most: int, is_told: bool) -> None:
    @define
    class Few(Tiny):
        def integers(self, name: str, text: str) -> set[int]:
            if len(text.split(",")) > most:
                raise ValueError(name)
            return Tiny.integers(self, name, text)

    assert ("id__in does not take 10 values" in told(Few(few(12).channels), "filter.multi")) == is_told


@pytest.mark.parametrize("name", ["product__pk__in", "id__in", "product_type"])
@pytest.mark.parametrize(("images", "largest"), [(7, 100), (1_000, 10)])
@pytest.mark.parametrize("read", ["overlooked", "all rows", "no row"])
def test_a_space_is_overlooked_or_told(name: str, images: int, largest: int, read: str) -> None:
    @define
    class Spaced(Tiny):
        def rows(self, channel: int, which: str, params: Mapping[str, str]) -> Rows:
            text = params.get(name, "")
            if " " in text and read != "overlooked":
                rest = {other: value for other, value in params.items() if other != name}
                return Tiny.rows(self, channel, which, rest) if read == "all rows" else []
            return Tiny.rows(self, channel, which, {**params, name: text.replace(" ", "")} if text else params)

    found = list(filters._spaced(reading(Spaced(few(images).channels, largest)), resource().filters[name]))
    # Of a long list, rows that were not read may be due as well.
    is_told = read == "no row" or (read == "all rows" and (images == 7 or name != "product__pk__in"))
    assert bool(found) == is_told


def test_what_contradicts_expect_is_shown_with_its_rows() -> None:
    known = Expectations({"is_seller_product": {11: True, 12: True}, "product_type": {11: 5, 13: 2}})
    found = ask(few(), "filter.partition", expectations=known)
    assert [(finding.expected, finding.seen) for finding in found] == [
        ("product 11: is_seller_product true", "pk 7 not among them"),
        ("product 13: product_type 2", "pk 9, 12 not among them"),
    ]
    assert [answer.request.params for finding in found for answer in finding.answers] == [
        (("is_seller_product", "true"), ("product", "11")),
        (("product_type", "2"), ("product", "13")),
    ]


def test_a_list_of_one_row_is_no_reason_to_page_no_other() -> None:
    rows = [row(pk, product=1_000 + pk) for pk in range(1, 30)]
    server = Mistaken({5: rows, 6: []}, name="product__pk__in", mistake=MISTAKES["one twice"])
    assert ask(server, "filter.with-paging")


@pytest.mark.parametrize("images", [1, 2])
def test_two_rows_are_enough_to_page(images: int) -> None:
    survey = reading(Tiny({5: [row(pk, product=11) for pk in range(1, images + 1)], 6: []}))
    with nullcontext() if images == 2 else pytest.raises(NotExercised, match="no filter leaves more than one row"):
        assert not list(CATALOGUE["filter.with-paging"].check(survey, FULL))


@pytest.mark.parametrize("number", [1, 2])
def test_two_filters_are_tried_together_where_there_are_two(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    names = ["product", "product__pk__in"][:number]
    reduced = evolve(resource(), filters={name: resource().filters[name] for name in names})
    monkeypatch.setattr(filters, "resource", lambda: reduced)
    monkeypatch.setattr(filters, "key_filter", lambda: None)
    server = Mistaken(name="product", mistake=MISTAKES["ignored"])
    assert bool(ask(server, "filter.and")) == (number == 2)
