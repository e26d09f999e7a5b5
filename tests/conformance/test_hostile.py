"""A server that answers what it likes: the run goes on to its end, and the report is written."""

import json
from pathlib import Path

import pytest
from tests.conformance.test_standing import IMAGE, serving

from channel_images.conformance import Options, Target, check
from channel_images.conformance.report import render_github, render_text, write_report

DEEP = "[" * 300 + "]" * 300
PAGE = {"count": 1, "next": None, "previous": None, "results": [IMAGE]}
BODIES = {
    "product is a list": json.dumps({**PAGE, "results": [{**IMAGE, "product": [1]}]}),
    "product is an object": json.dumps({**PAGE, "results": [{**IMAGE, "product": {"pk": 1}}]}),
    "a date before time": json.dumps({**PAGE, "results": [{**IMAGE, "modified_date": "0001-01-01T00:00:00+14:00"}]}),
    "a huge count": json.dumps({**PAGE, "count": 10**30}),
    "a huge pk": json.dumps({**PAGE, "results": [{**IMAGE, "pk": 10**30}]}),
    "a next that is not a URL": json.dumps({**PAGE, "count": 99, "next": "http://[::1/x"}),
    "a next with a bad port": json.dumps({**PAGE, "count": 99, "next": "http://host:99999/?page=2"}),
    "a next with a bad name": json.dumps({**PAGE, "count": 99, "next": "http://xn--\u00fc-/?page=2&limit=1"}),
    "half a surrogate pair": '{"count": 1, "next": null, "previous": null, "results": [{"pk": 1, "status": "\\ud83d"}]}',
    "nested": f'{{"count": 1, "next": null, "previous": null, "results": [{{"pk": 1, "product": {DEEP}}}]}}',
    "a number that is none": '{"count": NaN, "next": null, "previous": null, "results": []}',
    "an object twice": '{"results": [], "results": {}}',
}


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_answer_is_judged_and_the_report_is_written(name: str, tmp_path: Path) -> None:
    with serving(lambda _: (200, "application/json", BODIES[name].encode())) as url:
        report = check(Target(url, 5, (6,), "t0ken"), Options(quick=True))
    assert report.verdict == "violates", report.not_judged
    assert not [each for each in report.results if each.reason.startswith("could not be judged")]
    write_report(report, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"report.json", "index.html", "junit.xml", "replay.sh"}
    assert render_text(report, 100, 50, "")
    assert render_github(report)


def test_json_that_python_reads_nothing_of_is_no_answer_of_the_api() -> None:
    body = b'{"count": ' + b"9" * 5_000 + b', "results": []}'
    with serving(lambda _: (200, "application/json", body)) as url:
        report = check(Target(url, 5, token="t0ken"), Options(quick=True))
    assert "answers as this API: all 7 operations answer 200 application/json" in report.not_judged


@pytest.mark.parametrize(
    "location", ["http://xn--a\u00fc/", "http://[::1/x", "//", "http://host:99999/", "", "\\\\host\\x", "http:///"]
)
def test_a_redirect_to_nowhere_is_judged(location: str) -> None:
    def answer(path: str) -> tuple[int, str, bytes]:
        is_list = path.partition("?")[0].endswith("/product_images/")
        return (200, "application/json", json.dumps(PAGE).encode()) if is_list else (301, "text/html", b"")

    with serving(answer, headers={"Location": location.encode("utf-8").decode("latin-1")}) as url:
        report = check(Target(url, 5, token="t0ken"), Options(quick=True, sleep=lambda seconds: None))
    assert report.verdict == "violates", report.not_judged


def test_what_escapes_a_rule_is_told_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by a row")

    monkeypatch.setattr("channel_images.conformance.rules.paging.counts", broken)
    with serving(lambda _: (200, "application/json", json.dumps(PAGE).encode())) as url:
        report = check(Target(url, 5, token="t0ken"), Options(quick=True))
    told = [each for each in report.violations() if each.rule == "paging.count"]
    assert told
    assert all(each.reason.startswith("could not be judged: ZeroDivisionError in ") for each in told)
    assert {each.severity for each in told} == {"warning"}
