"""What the views say of a change, of what was seen, and of what a verdict rests on."""

import json
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from attrs import evolve
from tests.conformance.report.conftest import everything, report, violation
from tests.conformance.report.test_views import lines, schema, strict

from channel_images.conformance.baseline import Baseline
from channel_images.conformance.report import render_github, render_html, render_json, render_junit, render_text
from channel_images.conformance.report.html import anchor
from channel_images.conformance.results import Change, Latency, Named, Report, Result, Seen, Verdict

IDLE = Result(
    "pending.union", "listProductImageInsertsOrUpdates", Verdict.NOT_EXERCISED, reason="nothing is pending in channel 5"
)
PASSED = Result("paging.count", "listProductImages", Verdict.PASS)
COVERAGE = (
    Seen("status", "listProductImages", "", "200", seen=True),
    Seen("status", "listProductImages", "", "403", seen=False, hint="no 403: give --other-token"),
    Seen("parameter", "listProductImages", "product", "a value that occurs", seen=True),
    Seen("field", "", "source", "null", seen=False, hint="no image of channel 5 has a null source"),
    Seen("field", "", "hash", "null", seen=False, hint="no image of channel 5 has a null hash"),
)


@pytest.fixture
def changed() -> Report:
    """A report with a new, a fixed, an unchanged and an unknown violation."""
    latency = {"listProductImages": Latency(9, 0.1, 0.4, 1.0)}
    gone = violation("paging.size"), Result(IDLE.rule, IDLE.operation, Verdict.VIOLATED, reason="it lacks rows")
    before = Baseline.of(report(violation(), *gone, latency=latency, channels=(5,)))
    now = report(
        violation(),
        violation(text="a row is missing"),
        Result("paging.size", "listProductImages", Verdict.PASS),
        IDLE,
        latency={"listProductImages": Latency(9, 0.2, 0.2, 1.0)},
        coverage=COVERAGE,
    )
    return evolve(now, change=before.change(now))


def test_report_json_is_what_its_schema_says(changed: Report) -> None:
    validator = jsonschema_rs.validator_for(strict(schema()), validate_formats=True)
    for each in (changed, report(IDLE, required=("all",))):
        validator.validate(json.loads(render_json(each)))
    assert json.loads(render_json(changed))["change"]["new"] == [
        {"rule": "paging.partition", "operation": "listProductImages", "relation": "a row is missing", "status": None}
    ]


def test_the_terminal_says_first_what_has_changed(changed: Report) -> None:
    told = render_text(changed, 200, 1_000).splitlines()
    assert told[:6] == [
        "compared with http://127.0.0.1:8000 of 2026-11-03: 1 new, 1 fixed, 1 unchanged, 1 not judged this time",
        "  ! the channel was 5, and is 5, 6",
        "  new: paging.partition · listProductImages · a row is missing",
        "  fixed: paging.size · listProductImages · a row comes twice",
        "  not judged: pending.union · listProductImageInsertsOrUpdates · it lacks rows",
        "  listProductImages: median 200 ms, was 100 ms (2 times) · p95 200 ms, was 400 ms (0.5 times)",
    ]


def test_the_terminal_says_in_two_lines_what_was_seen(changed: Report) -> None:
    told = render_text(changed, 200, 1_000).splitlines()
    assert told[-3:-1] == [
        "seen: 2 of 5 things that the contract tells of",
        "  not seen: 403 of listProductImages, null of source and hash",
    ]


def test_the_page_says_first_what_has_changed_and_then_what_was_seen(changed: Report) -> None:
    page = render_html(changed)
    assert page.index('id="change"') < page.index('id="violations"') < page.index('id="seen"')
    for words in (
        "1 new, 1 fixed, 1 unchanged, 1 not judged this time",
        "paging.partition · listProductImages · a row is missing",
        "<td>100 ms</td><td>200 ms</td><td>2.00</td><td>400 ms</td><td>200 ms</td><td>0.50</td>",
        "no image of channel 5 has a null hash",
        "no 403: give --other-token",
        "Seen: 2 of 5 things",
    ):
        assert words in page
    assert 'href="#change"' in page
    assert 'href="#seen"' in page
    for name in changed.change.new if changed.change else ():
        assert f'<a href="#{anchor(name)}">' in page
        assert f'<article id="{anchor(name)}"' in page
    for absent in ('id="change"', 'id="seen"'):
        assert absent not in render_html(report(PASSED))


def test_the_verdict_for_github_says_what_has_changed(changed: Report) -> None:
    assert "1 new, 1 fixed, 1 unchanged, 1 not judged this time" in render_github(changed).splitlines()[-1]


@pytest.mark.parametrize("height", [6, 12, 24, 50])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_terminal_shows_no_more_than_a_screen(width: int, height: int) -> None:
    found = everything(Verdict.VIOLATED, "a row comes twice", times=2)
    judged = report(*found, IDLE, coverage=COVERAGE, required=("all",))
    told = render_text(evolve(judged, change=Baseline.of(report()).change(judged)), width, height)
    last = told.splitlines()[-1]
    assert lines(told, width) < max(height, lines(last, width) + 5)
    assert (" lines more in the report" in told) == (height > 12)
    assert "does not conform" in last


def test_a_hostile_baseline_moves_no_cursor_and_fills_no_page(changed: Report) -> None:
    nasty = Named("a\x1b[31m", "<script src=x>", "x\u202e" * 500, 200)
    hostile = evolve(changed, change=Change("b\x1b]0;", "2026\x1b[2J", [nasty] * 900, [nasty], [nasty] * 900, [nasty]))
    page = render_html(hostile)
    for text in (render_text(hostile), page, render_github(hostile), render_json(hostile)):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "<script src=x>" not in page
    assert len(page) < 300_000
    assert "and 880 more in report.json" in page


# What a verdict rests on


def test_a_verdict_says_how_much_it_rests_on() -> None:
    judged = report(PASSED, evolve(IDLE, rule="paging.size", reason="the list is empty"), IDLE)
    assert "conforms · 1 of 3 results exercised; the list is empty · not exercised at all: pending" in render_text(
        judged
    )
    assert "1 of 3 results exercised; the list is empty" in render_html(judged)
    assert "1 of 3 results exercised; the list is empty" in render_github(judged)


@pytest.mark.parametrize(
    ("required", "verdict"),
    [((), "conforms"), (("paging",), "conforms"), (("pending",), "incomplete"), (("all",), "incomplete")],
)
def test_what_is_required_and_was_not_exercised_fails(required: tuple[str, ...], verdict: str) -> None:
    judged = report(PASSED, IDLE, required=required)
    assert judged.verdict == verdict
    assert report(violation(), IDLE, required=required).verdict == "violates"
    failures = ElementTree.fromstring(render_junit(judged)).get("failures")
    assert failures == ("1" if verdict == "incomplete" else "0")


def test_what_is_required_and_was_not_exercised_is_named() -> None:
    judged = report(PASSED, IDLE, evolve(IDLE, operation="listProductImages"), required=("pending",))
    words = "was not exercised in full: --require asks for 2 more results"
    told = render_text(judged, 200).splitlines()
    assert told[0] == (
        "○ pending.union · not exercised, and --require asks for it · nothing is pending in channel 5 · "
        "listProductImageInsertsOrUpdates, listProductImages"
    )
    assert words in told[-1]
    assert f"The server {words}</h1>" in render_html(judged)
    annotations = render_github(judged).splitlines()
    assert annotations[0].startswith("::error title=pending.union (listProductImageInsertsOrUpdates)::not exercised: ")
    assert words in annotations[-1]


def test_what_the_baseline_has_too_is_told_apart() -> None:
    judged = report(violation(), violation(text="a row is missing"), fail_on_new=True)
    known = evolve(judged, change=Baseline.of(judged).change(judged))
    new = evolve(judged, change=Baseline.of(report(violation())).change(judged))
    assert "conforms, with 2 violations that the baseline has too" in render_text(known)
    assert "does not conform: 1 violation and 1 violation that the baseline has too" in render_text(new)
    assert ElementTree.fromstring(render_junit(known)).get("failures") == "0"
    assert [line.partition(" ")[0] for line in render_github(new).splitlines()] == ["::error", "::warning", "::error"]
