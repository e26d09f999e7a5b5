"""What has changed since a baseline, and which files are one."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, strategies as st
from tests.conformance.report.conftest import evidence, report, violation

from channel_images.conformance import Report, Result, Severity, Verdict
from channel_images.conformance.baseline import Baseline, read_baseline
from channel_images.conformance.files import BadFile
from channel_images.conformance.report import render_json
from channel_images.conformance.results import Change, Latency, Named
from channel_images.contract import contract_name

PLAIN = "listProductImages"
COMMAND = "channel-images check http://127.0.0.1:8000 --channel=5 --seed=7"


def ran(*results: Result, **fields: Any) -> Report:
    return report(*results, **{"contract": contract_name(), **fields})


def result(verdict: Verdict, rule: str = "paging.count") -> Result:
    found = verdict in (Verdict.VIOLATED, Verdict.WAIVED)
    return Result(rule, PLAIN, verdict, reason="count is wrong", evidence=evidence("count is wrong") if found else None)


def saved(judged: Report, folder: Path) -> Path:
    file = folder / "report.json"
    file.write_text(render_json(judged), encoding="utf-8")
    return file


def kinds(change: Change) -> dict[str, list[str]]:
    """The rules of what is new, fixed, unchanged and unknown, where there are any."""
    named = {kind: getattr(change, kind) for kind in ("new", "fixed", "unchanged", "unknown")}
    return {kind: [each.rule for each in names] for kind, names in named.items() if names}


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (Verdict.VIOLATED, Verdict.VIOLATED, "unchanged"),
        (Verdict.WAIVED, Verdict.VIOLATED, "unchanged"),
        (Verdict.VIOLATED, Verdict.WAIVED, "unchanged"),
        (Verdict.VIOLATED, Verdict.PASS, "fixed"),
        (Verdict.WAIVED, Verdict.PASS, "fixed"),
        (Verdict.VIOLATED, Verdict.NOT_EXERCISED, "unknown"),
        (Verdict.VIOLATED, Verdict.UNSTABLE, "unknown"),
        (Verdict.VIOLATED, None, "unknown"),
        (Verdict.PASS, Verdict.VIOLATED, "new"),
        (Verdict.NOT_EXERCISED, Verdict.VIOLATED, "new"),
        (None, Verdict.VIOLATED, "new"),
        (Verdict.PASS, Verdict.PASS, None),
        (Verdict.PASS, Verdict.UNSTABLE, None),
    ],
)
@pytest.mark.parametrize("is_read", [True, False])
def test_what_became_of_a_violation(
    before: Verdict | None, now: Verdict | None, kind: str | None, is_read: bool, tmp_path: Path
) -> None:
    earlier, later = (ran(*([result(each)] if each else [])) for each in (before, now))
    baseline = read_baseline(saved(earlier, tmp_path)) if is_read else Baseline.of(earlier)
    assert kinds(baseline.change(later)) == ({kind: ["paging.count"]} if kind else {})


@pytest.mark.parametrize(
    "other",
    [
        violation(rule="paging.size"),
        violation(operation="listDetailedProductImages"),
        violation(text="a row is missing"),
        evolve(violation(), evidence=evolve(evidence("a row comes twice"), status=500)),
    ],
)
def test_rule_operation_relation_and_status_make_a_violation_another_one(other: Result) -> None:
    change = Baseline.of(ran(violation())).change(ran(violation(), other))
    assert (len(change.new), len(change.unchanged), len(change.fixed)) == (1, 1, 0)
    assert change.new[0] == other.name


def test_expected_and_seen_do_not_make_a_violation_another_one() -> None:
    one = violation()
    assert one.evidence
    other = evolve(one, evidence=evolve(one.evidence, seen="pk 99", requests=("curl -gsSi http://other/",)))
    assert kinds(Baseline.of(ran(one)).change(ran(other))) == {"unchanged": ["paging.partition"]}


def test_latencies_stand_beside_each_other() -> None:
    before = ran(latency={"a": Latency(3, 0.1, 0.4, 1.0), "b": Latency(1, 0.0, 0.0, 0.0), "gone": Latency(1, 1, 1, 1)})
    now = ran(latency={"a": Latency(2, 0.15, 0.2, 1.0), "b": Latency(1, 0.1, 0.1, 0.1), "new": Latency(1, 1, 1, 1)})
    latency = Baseline.of(before).change(now).as_json()["latency"]
    assert list(latency) == ["a", "b"]
    assert (latency["a"]["median_ratio"], latency["a"]["p95_ratio"]) == (1.5, 0.5)
    assert latency["b"]["median_ratio"] is None
    assert (latency["a"]["before"]["median"], latency["a"]["now"]["median"]) == (0.1, 0.15)


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({}, {}, []),
        ({"channels": (5,)}, {}, ["the channel was 5, and is 5, 6"]),
        ({"contract": "Sales Channel Product Images 0.9"}, {}, [f"the contract was Sales Channel Product Images 0.9, and is {contract_name()}"]),
        ({}, {"command": f"{COMMAND} --probe-writes"}, ["this run has --probe-writes, and the baseline had not"]),
        ({"command": f"{COMMAND} --rule=paging.count"}, {}, ["the baseline had --rule=paging.count, and this run has not"]),
        ({}, {"command": COMMAND.replace("=7", "=8") + " --baseline=report.json --fail-on=new"}, []),
        ({"command": "--'"}, {"command": ""}, []),
    ],
)  # fmt: skip
def test_what_makes_two_runs_hard_to_compare_is_said(
    before: dict[str, Any], now: dict[str, Any], words: list[str]
) -> None:
    change = Baseline.of(ran(**{"command": COMMAND, **before})).change(ran(**{"command": COMMAND, **now}))
    assert change.notes == words


def test_a_quick_run_fixes_nothing_of_a_whole_one() -> None:
    whole, quick = ran(result(Verdict.VIOLATED)), ran(result(Verdict.PASS), command=f"{COMMAND} --quick")
    assert kinds(Baseline.of(whole).change(quick)) == {"unknown": ["paging.count"]}
    assert kinds(Baseline.of(evolve(whole, command=quick.command)).change(quick)) == {"fixed": ["paging.count"]}


def test_what_the_baseline_could_not_judge_may_be_old() -> None:
    change = Baseline.of(ran(result(Verdict.NOT_EXERCISED))).change(ran(result(Verdict.VIOLATED)))
    assert change.notes == ["the baseline could not judge 1 of what is violated: what is new there may be old"]


# What counts


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        ([violation()], "conforms"),
        ([violation(), violation(text="a row is missing")], "violates"),
        ([violation(), violation(text="a row is missing", severity=Severity.WARNING)], "conforms"),
        ([], "conforms"),
    ],
)
def test_only_what_is_new_counts_where_that_is_asked_for(now: list[Result], verdict: str) -> None:
    judged = ran(*now, fail_on_new=True)
    assert evolve(judged, change=Baseline.of(ran(violation())).change(judged)).verdict == verdict


# Files


def test_a_report_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    document = json.loads(render_json(ran(violation())))
    for name in ("coverage", "required", "change", "fail_on_new"):
        del document[name]
    (tmp_path / "report.json").write_text(json.dumps(document))
    assert read_baseline(tmp_path / "report.json").found == {violation().name}


def test_a_report_of_a_later_version_is_read(tmp_path: Path) -> None:
    document = json.loads(render_json(ran(violation(), latency={PLAIN: Latency(1, 1, 1, 1)})))
    document["latency"][PLAIN]["p99"] = 1
    (tmp_path / "report.json").write_text(json.dumps(document | {"colour": "blue"}))
    assert read_baseline(tmp_path / "report.json").latency == {PLAIN: Latency(1, 1, 1, 1)}


def other(**members: object) -> str:
    return json.dumps(json.loads(render_json(ran())) | members)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "no report.json of channel-images check: Expecting value"),
        ("[]", 'no report.json of channel-images check: [] is not of type "object"'),
        ("{}", "is a required property"),
        ("[" * 100_000, "no report.json of channel-images check"),
        (other(schema_version=2), "schema_version 1 was expected"),
        (other(results=[{}]), "results/0 "),
        (other(started=7), "started "),
        (other(not_judged="nothing answers"), "of a run that could not be judged: nothing answers"),
        (other(contract="Pictures 1.0"), f"of another contract: Pictures 1.0, not {contract_name()}"),
    ],
)
def test_a_file_that_is_no_baseline_is_one_line(tmp_path: Path, text: str | None, words: str) -> None:
    file = tmp_path / "report.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BadFile) as refused:
        read_baseline(file)
    assert str(refused.value).startswith(f"{file}: ")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(b'{"url": "\xff"}')
    for name in ("report.json", "."):
        with pytest.raises(BadFile):
            read_baseline(tmp_path / name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(list(json.loads(other())))


@given(members=st.dictionaries(MEMBERS, JSON, max_size=3))
def test_any_json_is_a_baseline_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, Any]
) -> None:
    file = tmp_path_factory.mktemp("any") / "report.json"
    file.write_text(other(**members), encoding="utf-8")
    with suppress(BadFile):  # which is one line, whatever it says
        read_baseline(file).change(ran(violation(), command=COMMAND))


def test_a_name_reads_as_it_does_in_a_waiver() -> None:
    assert str(Named("paging.count", PLAIN, "count is wrong", 200)) == f"paging.count · {PLAIN} · count is wrong · 200"
