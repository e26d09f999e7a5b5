"""The rules of filters: what they try filters with, and which of them tells a filter that finds the wrong rows."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from attrs import define
from tests.conformance.tiny import FULL, Tiny, reading, row

from channel_images.conformance.asking.reading import NotExercised, Value
from channel_images.conformance.catalogue import CATALOGUE
from channel_images.conformance.rules import filters
from channel_images.conformance.rules.filters import FAR, WRAPS
from channel_images.resource import Filter, resource

# What filters are tried with


def on(field: str, kind: str, *values: Value, several: bool = False, **schema: Any) -> Filter:
    """A filter on a field that rows show, which is of no contract."""
    return Filter(field, field, True, several, schema, kind, values, False, ())


TRIED: list[tuple[str, Filter, list[Value], list[Value], list[Value], list[Value]]] = [
    ("keys", resource().filters["id__in"], [31, 57], [1_009_004, 2_000_000_011], [0], [31 + wrap for wrap in WRAPS]),
    ("integers", on("n", "integer"), [31, 257, 9], [257 + FAR], [0, 3, 1, 25, 57], [31 + wrap for wrap in WRAPS]),
    ("long integers", on("n", "integer"), [31, 2**31], [2**31 + FAR], [0, 3, 1, 214748364, 147483648], []),
    ("integers up to 99", on("n", "integer", maximum=99), [31], [], [0, 3, 1], []),
    ("digits", on("n", "integer"), [0, 9], [9 + FAR], [], list(WRAPS)),
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


# Filters that find the wrong rows

Rows = list[dict[str, Any]]
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
        for mistake, by_name in table.items()
        for each in by_name.items()
    ],
)
def test_a_mistake_is_told_by_its_rules(images: int, mistake: str, name: str, told: str) -> None:
    channels = {5: [row(pk) for pk in range(1, (images or 137) + 1)], 6: [row(9001)]}
    server = Mistaken(channels, largest=10 if images == 1_000 else 100, name=name, mistake=MISTAKES[mistake])
    assert told_by(server, quick=not images) == told
