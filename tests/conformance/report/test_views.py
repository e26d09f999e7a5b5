"""What each view says of a run, whatever was found."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from tests.conformance.report.conftest import everything, report, violation

from channel_images.conformance.report import (
    render_github,
    render_html,
    render_json,
    render_junit,
    render_text,
    write_report,
)
from channel_images.conformance.report.html import anchor
from channel_images.conformance.results import Latency, Report, Result, Severity, Verdict


def schema() -> dict[str, Any]:
    text = (files("channel_images.conformance") / "schemas" / "report.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def strict(node: Any) -> Any:
    """The schema with every object closed, so that a member that it does not describe is seen."""
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    closed = {name: strict(each) for name, each in node.items()}
    return {"additionalProperties": False} | closed if "properties" in closed and "type" in closed else closed


def lines(text: str, width: int) -> int:
    return sum(-(-max(len(line), 1) // width) for line in text.splitlines())


def test_report_json_is_what_its_schema_says(mixed: Report) -> None:
    jsonschema_rs.meta.validate(schema())
    validator = jsonschema_rs.validator_for(strict(schema()), validate_formats=True)
    for each in (mixed, report(), report(not_judged="nothing answers"), report(*everything(Verdict.VIOLATED, "x"))):
        validator.validate(json.loads(render_json(each)))
    broken = json.loads(render_json(mixed)) | {"verdict": "fine"}
    assert not validator.is_valid(broken)


def test_report_json_begins_with_what_a_reader_looks_for(mixed: Report) -> None:
    document = json.loads(render_json(mixed))
    assert list(document)[:3] == ["schema_version", "verdict", "url"]
    assert document["latency"]["listProductImages"] == {"count": 3, "median": 0.005, "p95": 2.5, "max": 2.5}
    assert document["results"][1]["family"] == "paging"
    assert document["results"][1]["evidence"]["requests"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([0.5], Latency(1, 0.5, 0.5, 0.5)),
        ([0.3, 0.1], Latency(2, 0.2, 0.3, 0.3)),
        ([number / 100 for number in range(1, 101)], Latency(100, 0.505, 0.95, 1.0)),
    ],
)
def test_latency(seconds: list[float], expected: Latency) -> None:
    assert Latency.of(reversed(seconds)) == expected


@pytest.mark.parametrize(
    ("severity", "fail_on", "verdict", "words"),
    [
        (Severity.ERROR, Severity.ERROR, "violates", "does not conform: 1 violation"),
        (Severity.WARNING, Severity.ERROR, "conforms", "conforms, with 1 warning"),
        (Severity.WARNING, Severity.WARNING, "violates", "does not conform: 1 warning"),
    ],
)
def test_every_view_gives_the_same_verdict(severity: Severity, fail_on: Severity, verdict: str, words: str) -> None:
    judged = report(violation(severity=severity), fail_on=fail_on)
    assert judged.verdict == verdict
    assert f"The server {words}</h1>" in render_html(judged)
    assert f"{judged.url} {words} ·" in render_text(judged).splitlines()[-1]
    assert words in render_github(judged).splitlines()[-1]
    failures = ElementTree.fromstring(render_junit(judged)).get("failures")
    assert failures == ("1" if verdict == "violates" else "0")


def test_a_run_that_could_not_be_judged_says_so_everywhere() -> None:
    judged = report(not_judged="nothing answers at http://host")
    assert "could not be judged" in render_html(judged)
    assert "nothing answers at http://host" in render_html(judged)
    assert "could not be judged: nothing answers" in render_text(judged)
    assert render_github(judged).startswith("::error title=channel-images check::")
    root = ElementTree.fromstring(render_junit(judged))
    assert (root.get("tests"), root.get("errors")) == ("1", "1")


def test_the_page_has_each_part(mixed: Report) -> None:
    page = render_html(mixed)
    for words in (
        "✗",
        "violated</a>",
        "not covered",
        "the data changed",
        "until 2026-12-31: ticket 123",
        "no pending images",
        "not exercised at all: pending",
        "<code>curl -gsSi",
        '<title id="chart-title">',
        "<desc id=",
        "2.5 s",
        "schemathesis 4.32.5",
        "channel-images check http://127.0.0.1:8000 --channel=5 --seed=7",
    ):
        assert words in page
    assert page.index('id="violations"') < page.index('id="matrix"') < page.index('id="unstable"')
    assert page.count("<script>") == 1
    assert not re.search(r"""(?:src|href)=["'](?!#)""", page)


def test_every_table_of_the_page_has_a_caption_and_heads_with_scope(mixed: Report) -> None:
    page = render_html(mixed)
    tables = re.findall(r"<table.*?</table>", page, re.DOTALL)
    assert len(tables) == 5
    for table in tables:
        assert "<caption>" in table
        assert "<th>" not in table
        assert 'scope="row"' in table
    identities = re.findall(r' id="([^"]+)"', page)
    assert len(identities) == len(set(identities))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(identities)


def test_the_cells_of_the_matrix_lead_to_the_violations(mixed: Report) -> None:
    page = render_html(mixed)
    for number, operation in ((1, "listProductImages"), (2, "listDetailedProductImages")):
        place = anchor(mixed.results[number].name)
        assert place.startswith(f"paging.partition-{operation}-")
        assert f'<article id="{place}"' in page
        assert f'<a href="#{place}">violated</a>' in page


def test_a_violation_without_evidence_is_told_all_the_same() -> None:
    bare = report(Result("paging.count", "listProductImages", Verdict.VIOLATED, reason="count is wrong"))
    for view in (render_html, render_junit, render_text, render_github):
        assert "count is wrong" in view(bare)


def test_a_report_without_results_is_no_error() -> None:
    empty = report()
    assert render_text(empty).endswith("1,234 requests in 1.5 s")
    ElementTree.fromstring(render_junit(empty))
    assert "Rules by operation" not in render_html(empty)


def test_the_page_shows_every_rule_before_it_shows_one_twice() -> None:
    page = render_html(report(*everything(Verdict.VIOLATED, "x" * 5_000, times=3)))
    rules = {result.rule for result in everything(Verdict.PASS, "")}
    assert rules == set(re.findall(r'<h3 id="rule-([^"]+)"', page))
    assert re.search(r"And \d+ more in report.json", page)


def test_junit_has_one_case_for_each_rule_and_operation(mixed: Report) -> None:
    twice = report(*mixed.results, violation(text="and in another way"))
    root = ElementTree.fromstring(render_junit(twice))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert len(cases) == len(list(root.iter("testcase"))) == 7
    assert {case.get("classname") for case in cases.values()} == {"schema", "paging", "auth", "pending"}
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == ("7", "2", "4")

    (failure,) = cases["paging.partition[listProductImages]"]
    assert failure.tag == "failure"
    assert failure.get("message") == "a row comes twice; and in another way"
    assert "curl -gsSi" in (failure.text or "")
    assert "expected: a row comes twice" in (failure.text or "")
    for name, words in {
        "paging.order[listProductImages]": "unstable: the data changed",
        "paging.links[listProductImages]": "waived: until 2026-12-31: ticket 123",
        "pending.union[listProductImageInsertsOrUpdates]": "not exercised: no pending images",
        "auth.challenge[listProductImages]": "violated, warning: no WWW-Authenticate",
    }.items():
        skipped = cases[name].find("skipped")
        assert skipped is not None
        assert skipped.get("message") == words


def test_the_terminal_tells_violations_by_rule_and_the_verdict_last(mixed: Report) -> None:
    told = render_text(mixed, 120, 40, "report/index.html").splitlines()
    heads = [line for line in told if line.startswith(("✗", "!"))]
    assert heads == [
        "✗ paging.partition · listProductImages and 1 more · a row comes twice",
        "! auth.challenge · listProductImages · warning · no WWW-Authenticate",
    ]
    assert "  listDetailedProductImages · a row is missing" in told
    assert any(line.startswith("    curl -gsSi") for line in told)
    assert told[-1] == (
        "http://127.0.0.1:8000 does not conform: 2 violations and 1 warning · 6 of 7 results exercised · 1 relation unstable · 1 waived · "
        "not exercised at all: pending (no pending images) · 1,234 requests in 1.5 s · report/index.html"
    )


@pytest.mark.parametrize("height", [6, 12, 24, 50])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_terminal_shows_no_more_than_a_screen(width: int, height: int) -> None:
    told = render_text(report(*everything(Verdict.VIOLATED, "a row comes twice", times=2)), width, height)
    assert lines(told, width) < max(height, lines(told.splitlines()[-1], width) + 3)
    assert "more in the report" in told
    assert "does not conform" in told.splitlines()[-1]


def test_the_terminal_counts_what_it_leaves_out() -> None:
    results = [violation(f"paging.{number}") for number in range(30)]
    told = render_text(report(*results), height=12).splitlines()
    shown = sum(line.startswith("✗") for line in told)
    assert told[-2] == f"… and {30 - shown} more in the report (--report DIR writes it)"


def test_wide_characters_take_two_columns() -> None:
    told = render_text(report(violation(text="画" * 200)), width=80)
    assert len(told.splitlines()[0]) < 65


def test_github_annotations(mixed: Report) -> None:
    told = render_github(mixed).splitlines()
    assert [line.partition("::")[2].partition("::")[0] for line in told] == [
        "error title=paging.partition (listProductImages)",
        "error title=paging.partition (listDetailedProductImages)",
        "warning title=auth.challenge (listProductImages)",
        "error title=channel-images check",
    ]
    assert "%0Aexpected: a row comes twice%0A" in told[0]


def test_github_escapes_what_would_end_a_property_or_a_line() -> None:
    (told, _) = render_github(report(violation("a:b,c%d\ne", text="100%\r\n::error::x"))).splitlines()
    assert told.startswith("::error title=a%3Ab%2Cc%25d e (listProductImages)::")
    assert "100%25\\r%0A::error" in told


def test_github_drops_nothing_without_a_word() -> None:
    results = [violation(f"paging.{number}") for number in range(30)]
    told = render_github(report(*results)).splitlines()
    errors = [line for line in told if line.startswith("::error")]
    assert len(errors) == 10
    assert errors[-2].startswith("::error title=22 errors more::in the report: paging.8 (1)")
    assert "does not conform: 30 violations" in errors[-1]


def test_all_files_are_written_and_nothing_else(mixed: Report, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    for _ in range(2):
        write_report(mixed, folder)
        assert {path.name for path in folder.iterdir()} == {"report.json", "index.html", "junit.xml", "replay.sh"}
