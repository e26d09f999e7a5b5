"""What the rules of pending work need: which of the lists have to hold rows."""

import pytest
from tests.conformance.tiny import INSERTS, UNION, UPDATES, Tiny, reading, row

from channel_images.conformance.asking.operations import Operation
from channel_images.conformance.asking.reading import NotExercised
from channel_images.conformance.catalogue import CATALOGUE

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
