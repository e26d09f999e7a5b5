"""The rules of pending work: which of the lists have to hold rows, and what is found in lists that disagree."""

from collections.abc import Callable, Container, Mapping
from typing import Any

import pytest
from attrs import define, evolve, field
from tests.conformance.tiny import INSERTS, RETRIEVE, UNION, UPDATES, Tiny, ask, reading, row

from channel_images.conformance.asking import reading as asking_reading
from channel_images.conformance.asking.expect import Expectations
from channel_images.conformance.asking.operations import Operation, key_filter
from channel_images.conformance.asking.reading import NotExercised, Value
from channel_images.conformance.catalogue import CATALOGUE
from channel_images.conformance.rules import pending
from channel_images.conformance.rules.pending import FEW_MOMENTS, MOMENTS

TO_INSERT, TO_UPDATE, NEITHER = 3, 4, 5
"""Images that `Tiny` says so of."""


@pytest.mark.parametrize(
    ("rule", "operation", "exercised_by"),
    [
        ("pending.disjoint", UNION, {TO_INSERT, TO_UPDATE}),
        ("pending.union", UNION, {TO_INSERT, TO_UPDATE}),
        ("pending.subset", INSERTS, {TO_INSERT}),
        ("pending.subset", UPDATES, {TO_UPDATE}),
        ("pending.subset", UNION, {TO_INSERT, TO_UPDATE}),
        ("pending.paging", INSERTS, {TO_INSERT}),
        ("pending.paging", UPDATES, {TO_UPDATE}),
    ],
)
@pytest.mark.parametrize("pks", [{NEITHER}, {TO_INSERT}, {TO_UPDATE}, {TO_INSERT, TO_UPDATE}], ids=str)
def test_a_rule_is_exercised_if_the_lists_that_it_is_about_hold_a_row(
    rule: str, operation: Operation, exercised_by: set[int], pks: set[int]
) -> None:
    survey = reading(Tiny(channels={5: [row(pk) for pk in sorted(pks | {NEITHER})], 6: []}))
    try:
        findings = list(CATALOGUE[rule].check(survey, operation))
    except NotExercised:
        assert not pks & exercised_by
    else:
        assert pks & exercised_by
        assert not findings


Rows = list[dict[str, Any]]


def none(rows: Rows) -> Rows:
    return []


def lacking(rows: Rows) -> Rows:
    return rows[1:]


def twice(rows: Rows) -> Rows:
    return [*rows, rows[0]]


def altered(rows: Rows) -> Rows:
    return [{**each, "width": 1} for each in rows]


def foreign(rows: Rows) -> Rows:
    return [{**each, "pk": each["pk"] + 10_000} for each in rows]


def adding(*pks: int) -> Callable[[Rows], Rows]:
    return lambda rows: [*rows, *map(row, pks)]


@define
class Disagreeing(Tiny):
    """Shows other rows in some of its lists."""

    lists: Container[str] = ()
    change: Callable[[Rows], Rows] = list

    def rows(self, channel: int, which: str, params: Mapping[str, str]) -> Rows:
        rows = Tiny.rows(self, channel, which, params)
        return self.change(rows) if channel == 5 and which in self.lists else rows


SHORT, LONG = 30, 1_000
"""Images of a channel whose lists are read whole, and of one of whose lists a sample is read."""
PARTS, WHOLE = ["inserts", "updates"], ["inserts_or_updates"]


@pytest.mark.parametrize(
    ("rule", "operation", "images", "lists", "change", "seen"),
    [
        ("pending.disjoint", UNION, SHORT, ["updates"], adding(3, 6), ["pk 3, 6 in both"]),
        ("pending.disjoint", UNION, LONG, ["inserts"], adding(4, 7), ["pk 4, 7 in both"]),
        ("pending.union", UNION, SHORT, WHOLE, none, ["pk 1, 3, 4, 6, 7 and 15 more missing"]),
        ("pending.union", UNION, SHORT, WHOLE, lacking, ["pk 1 missing"]),
        ("pending.union", UNION, SHORT, WHOLE, adding(2, 5), ["pk 2, 5 too many"]),
        ("pending.union", UNION, SHORT, PARTS, none, ["pk 1, 3, 4, 6, 7 and 15 more too many"]),
        ("pending.union", UNION, SHORT, WHOLE, twice, ["pk 1 twice"]),
        ("pending.union", UNION, SHORT, WHOLE, altered, ["width: 203 in listProductImageInserts, 1 in the union"]),
        ("pending.union", UNION, LONG, WHOLE, lacking, ["666 rows"]),
        ("pending.union", UNION, LONG, WHOLE, adding(2, 5), ["669 rows"]),
        ("pending.union", UNION, LONG, WHOLE, altered, []),
        ("pending.union", UNION, LONG, ["inserts", *WHOLE], none, ["0 rows"]),
        ("pending.subset", INSERTS, SHORT, PARTS, altered, ["width: 203 in the full list, 1 in the pending list"] * 2),
        (
            *("pending.subset", INSERTS, SHORT, PARTS, foreign),
            [
                "pk 10003, 10006, 10009, 10012, 10015 and 5 more not in it",
                "pk 10003 not in it, just before and just after",
            ],
        ),
        (
            *("pending.subset", INSERTS, LONG, PARTS, altered),
            [f"width: {width} in the full list, 1 in the pending list" for width in (203, 209, 203)],
        ),
        (
            *("pending.subset", INSERTS, LONG, PARTS, foreign),
            [
                "pk 10009, 10015, 10021, 10024, 10027 and 45 more not in it",
                "pk 10003 not in it, just before and just after",
            ],
        ),
    ],
)
def test_lists_that_disagree_are_told(
    rule: str, operation: Operation, images: int, lists: Container[str], change: Callable[[Rows], Rows], seen: list[str]
) -> None:
    channels = {5: [row(pk) for pk in range(1, images + 1)], 6: [row(9001)]}
    server = Disagreeing(channels=channels, largest=10 if images == LONG else 100, lists=lists, change=change)
    assert [finding.seen for finding in ask(server, rule, operation)] == seen


def test_evidence_has_the_retrieval_of_the_row_that_is_named_first() -> None:
    server = Disagreeing(lists=PARTS, change=adding(998, 999))
    (finding,) = ask(server, "pending.subset", INSERTS, quick=True)
    assert finding.seen == "pk 998, 999 not in it"
    assert finding.answers[-1].request.path == RETRIEVE.path_for(5, 998)


@pytest.mark.parametrize(("takes", "times"), [("several keys", 2), ("one key", 2), ("none", 1)])
def test_rows_are_asked_for_by_as_many_keys_as_the_contract_can_name(
    monkeypatch: pytest.MonkeyPatch, takes: str, times: int
) -> None:
    by_key = key_filter()
    assert by_key is not None
    if takes != "several keys":
        by_key = evolve(by_key, several=False) if takes == "one key" else None
    for module in (pending, asking_reading):
        monkeypatch.setattr(module, "key_filter", lambda: by_key)
    found = ask(Disagreeing(lists=PARTS, change=altered), "pending.subset", INSERTS)
    assert [finding.seen for finding in found] == ["width: 203 in the full list, 1 in the pending list"] * times
    assert not ask(Tiny(), "pending.subset")


@pytest.mark.parametrize(
    ("images", "seen"),
    [(SHORT, ["pk 2 missing; pk 3, 6 too many", "pk 3, 5 missing"]), (LONG, ["pk 3, 6 too many"])],
)
def test_what_contradicts_expect_is_told(images: int, seen: list[str]) -> None:
    due: dict[str, list[Value]] = {"insert": [2, 9], "update": [3, 4, 5], "none": [6, 8]}
    known: dict[Value, Value] = {pk: word for word, pks in due.items() for pk in pks}
    server = Tiny(channels={5: [row(pk) for pk in range(1, images + 1)], 6: []}, largest=10 if images == LONG else 100)
    found = ask(server, "pending.disjoint", expectations=Expectations(pending=known))
    assert [finding.seen for finding in found] == seen
    assert [finding.expected for finding in found] == ["insert: pk 2, 9", "update: pk 3, 4, 5"][: len(seen)]


@define
class Moving(Tiny):
    """Changes when it is asked for the rows that are pending."""

    move: Callable[["Moving"], object] = bool
    hidden: dict[str, int] = field(factory=dict)
    """By list, the image that it does not show."""

    def rows(self, channel: int, which: str, params: Mapping[str, str]) -> Rows:
        if "id__in" in params:
            self.move(self)
        return [each for each in Tiny.rows(self, channel, which, params) if each["pk"] != self.hidden.get(which)]


@pytest.mark.parametrize(
    ("move", "moments", "seen"),
    [
        (lambda server: None, FEW_MOMENTS, []),
        (lambda server: server.channels[5][2].update(width=1), MOMENTS, []),
        (lambda server: server.hidden.update(inserts=3), MOMENTS, []),
        (lambda server: server.hidden.update({"": 3}), MOMENTS, ["pk 3 not in it, just before and just after"]),
    ],
    ids=["at rest", "an image changes", "an image is sent", "an image goes"],
)
def test_a_pending_list_is_looked_at_more_often_where_data_moves(
    move: Callable[[Moving], object], moments: int, seen: list[str]
) -> None:
    server = Moving(channels={5: [row(pk) for pk in range(1, 31)], 6: []}, move=move)
    assert [finding.seen for finding in ask(server, "pending.subset", INSERTS)] == seen
    assert sum({"id__in", "page"} <= dict(request.params).keys() for request in server.requests) == 2 * moments
