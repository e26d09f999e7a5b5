"""Two answers beside each other: what of them is marked."""

import re

import pytest
from hypothesis import given, strategies as st
from tests.conformance.report.conftest import CURL, evidence, report

from channel_images.conformance.report import render_html
from channel_images.conformance.report.answers import compare
from channel_images.conformance.results import Result, Verdict

REQUESTS = tuple(f"{CURL}'http://host/?page={page}'" for page in (1, 2, 3))


def marked(one: str, other: str) -> list[list[str]] | None:
    compared = compare(one, other)
    return compared and [[piece.text for piece in pieces if piece.differs] for pieces in compared]


@pytest.mark.parametrize(
    ("one", "other", "marks"),
    [
        ('{"count": 120, "next": null}', '{"count": 119, "next": null}', [["120"], ["119"]]),
        ('{"pk": 1, "hash": "a b"}', '{"pk": 1, "hash": "a c"}', [['"a b"'], ['"a c"']]),
        ('{"pk": 1, "hash": null}', '{"pk": 1}', [[', "hash": null'], []]),
        ('{"pk": 1, "na', '{"pk": 2, "na', [["1"], ["2"]]),
        (r'{"a": "\"1\""}', r'{"a": "\"2\""}', [[r'"\"1\""'], [r'"\"2\""']]),
        ("[]", "[]", [[], []]),
        ('{"detail": "Not found."}', "<!doctype html><title>502</title><h1>Bad gateway</h1>", None),
        ("", "", [[], []]),
        # Cut at the same length, or only one of them: where the text ends is no difference.
        ('{"count": 99, "next": nu…', '{"count": 100, "next": n…', [["99"], ["100"]]),
        ('[1, {"a": 2, "product…', '[10, {"a": 2, "prod… (1,234 characters in all)', [["1"], ["10"]]),
        ("[1, 2, 3…", "[1, 2, 3, 4, 5]", [[], []]),
        ("[1, 2, 3]", "[1, 2, 3", [["]"], []]),
        ("[1, 2, 3…", "[1, 2, 4…", [["3"], ["4"]]),
    ],
)
def test_what_differs_is_marked(one: str, other: str, marks: list[list[str]] | None) -> None:
    assert marked(one, other) == marks


TEXTS = st.text(max_size=200) | st.text('{}[]",: \\ab1…', max_size=60)


@given(TEXTS, TEXTS)
def test_the_pieces_are_the_whole_texts(one: str, other: str) -> None:
    compared = compare(one, other)
    if compared:
        assert ["".join(piece.text for piece in pieces) for pieces in compared] == [one, other]
        left, right = ("".join(piece.text for piece in pieces if not piece.differs) for pieces in compared)
        assert left == right or "…" in one + other


@pytest.mark.parametrize(
    ("bodies", "words", "marks"),
    [
        ((), "", []),
        (("[1]",), "", []),
        (("[1]", ""), "", []),
        (("[1, 2]", "[1, 3]"), "What differs is marked.", ["2", "3"]),
        (("[1, 2]", "", "[1, 3]"), "What differs is marked.", ["2", "3"]),
        (("[1]", "[1]"), "The two answers are the same, as far as they are shown.", []),
        (("[1]", "<html>"), "The two answers have little in common.", []),
        (("[1]", "[2]", "[3]"), "", []),
    ],
)
def test_the_page_has_the_answers_of_a_violation(bodies: tuple[str, ...], words: str, marks: list[str]) -> None:
    shows = evidence(requests=REQUESTS, bodies=bodies)
    page = render_html(report(Result("paging.count", "listProductImages", Verdict.VIOLATED, evidence=shows)))
    numbers = [int(number) for number in re.findall("<figcaption>Printed by line ([0-9])</figcaption>", page)]
    assert numbers == [number for number, body in enumerate(bodies, 1) if body]
    assert re.findall("<mark>(.*?)</mark>", page) == marks
    said = [each for each in ("What differs", "the same, as far", "little in common") if each in page]
    assert said == [each for each in ("What differs", "the same, as far", "little in common") if each in words]
