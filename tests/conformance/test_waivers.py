"""Waivers: what they cover, until when, and the files that hold them."""

import stat
from datetime import date
from pathlib import Path

import jsonschema_rs
import pytest
from attrs import evolve

from channel_images.conformance import Evidence, Options, Result, Target, Verdict, check
from channel_images.conformance.files import BadFile, packaged_schema
from channel_images.conformance.waivers import Waiver, Waivers, read_waivers
from channel_images.mock import MockServer

DAY = date(2026, 6, 15)
PLAIN, DETAILED = "listProductImages", "listDetailedProductImages"
EVIDENCE = Evidence("count is wrong", "`count` is the number of rows.", "seed", "120", "119", ("curl …",), 200)


def result(
    verdict: Verdict, operation: str = PLAIN, rule: str = "paging.count", evidence: Evidence = EVIDENCE
) -> Result:
    is_found = verdict in (Verdict.VIOLATED, Verdict.WAIVED)
    return Result(rule, operation, verdict, reason=evidence.relation, evidence=evidence if is_found else None)


VIOLATED = result(Verdict.VIOLATED)


def waiver(
    operation: str | None = PLAIN,
    expires: date = DAY,
    rule: str = "paging.count",
    reason: str = "",
    relation: str = "count is wrong",
    status: int | None = None,
) -> Waiver:
    return Waiver(rule, relation, reason or "known", expires, operation, status)


# What they cover


def test_a_waived_violation_keeps_its_evidence_and_says_why_and_until_when() -> None:
    (waived,) = Waivers((waiver(),)).applied([VIOLATED], DAY)
    assert (waived.verdict, waived.evidence) == (Verdict.WAIVED, EVIDENCE)
    assert waived.reason == "known (waived until 2026-06-15: count is wrong)"


@pytest.mark.parametrize(
    ("entry", "verdict"),
    [
        (waiver(), Verdict.WAIVED),
        (waiver(None), Verdict.WAIVED),
        (waiver(DETAILED), Verdict.VIOLATED),
        (waiver(rule="paging.size"), Verdict.VIOLATED),
        (waiver(relation="count is late"), Verdict.VIOLATED),
        (waiver(status=200), Verdict.WAIVED),
        (waiver(status=422), Verdict.VIOLATED),
        (waiver(expires=date(2026, 6, 14)), Verdict.VIOLATED),
    ],
)
def test_what_a_waiver_covers(entry: Waiver, verdict: Verdict) -> None:
    (after,) = Waivers((entry,)).applied([VIOLATED], DAY)
    assert after.verdict is verdict


def test_what_is_not_violated_is_not_waived() -> None:
    results = [result(verdict) for verdict in Verdict if verdict is not Verdict.VIOLATED]
    assert Waivers((waiver(),)).applied(results, DAY) == results


def test_of_two_waivers_the_longer_one_holds() -> None:
    waivers = Waivers((waiver(expires=date(2026, 1, 1)), waiver(None)))
    (after,) = waivers.applied([VIOLATED], DAY)
    assert after.verdict is Verdict.WAIVED


def test_an_expired_waiver_is_named_with_the_violation() -> None:
    old = waiver(expires=date(2026, 1, 31))
    waivers = Waivers((old,))
    after = waivers.applied([VIOLATED], DAY)
    assert after[0].reason == "count is wrong (its waiver expired on 2026-01-31: known)"
    assert waivers.applied(after, DAY) == after
    assert waivers.expired(after, DAY) == [old]
    assert waivers.expired([result(Verdict.PASS)], DAY) == []


@pytest.mark.parametrize(
    ("results", "is_unused"),
    [
        ([result(Verdict.PASS)], True),
        ([result(Verdict.PASS), result(Verdict.PASS, DETAILED)], True),
        ([result(Verdict.PASS), result(Verdict.WAIVED, DETAILED)], False),
        ([result(Verdict.VIOLATED, evidence=evolve(EVIDENCE, relation="another fault"))], True),
        ([VIOLATED], False),
        ([result(Verdict.NOT_EXERCISED)], False),
        ([result(Verdict.UNSTABLE)], False),
        ([], False),
    ],
)
def test_a_waiver_is_unused_where_all_that_it_covers_was_judged_and_held(
    results: list[Result], is_unused: bool
) -> None:
    entry = waiver(None)
    assert Waivers((entry,)).unused(results) == [entry] * is_unused


# --waivers-update


def test_an_update_keeps_what_matches_drops_what_does_not_and_adds_the_rest() -> None:
    kept, expired, gone, unjudged = (
        waiver(reason="ticket 7"),
        waiver(rule="paging.size", expires=date(2026, 1, 1)),
        waiver(rule="paging.order"),
        waiver(rule="pending.union", operation=None),
    )
    results = [
        result(Verdict.WAIVED),
        result(Verdict.VIOLATED, rule="paging.size"),
        result(Verdict.PASS, rule="paging.order"),
        result(Verdict.NOT_EXERCISED, rule="pending.union", operation="listProductImageInsertsOrUpdates"),
        result(Verdict.VIOLATED, DETAILED),
        result(Verdict.VIOLATED, DETAILED),
    ]
    before = Waivers((kept, expired, gone, unjudged))
    reason = "written by --waivers-update on 2026-06-15"
    new = Waiver("paging.count", "count is wrong", reason, date(2026, 7, 15), DETAILED, 200, DAY, DAY)
    seen = [evolve(each, last_seen=DAY) for each in (kept, expired)]
    assert before.updated(results, DAY).entries == (*seen, unjudged, new)
    assert before.updated(results, DAY, drop=False).entries == (*seen, gone, unjudged, new)
    assert before.updated(results, DAY).updated(results, DAY) == before.updated(results, DAY)


def test_a_waiver_says_when_it_was_first_and_last_seen() -> None:
    later = date(2026, 6, 20)
    (written,) = Waivers().updated([VIOLATED], DAY).entries
    (renewed,) = Waivers((written,)).updated([VIOLATED], later).entries
    (older,) = Waivers((waiver(),)).updated([VIOLATED], later).entries
    (unjudged,) = Waivers((written,)).updated([result(Verdict.UNSTABLE)], later).entries
    assert [(each.first_seen, each.last_seen) for each in (written, renewed, older, unjudged)] == [
        (DAY, DAY),
        (DAY, later),
        (None, later),
        (DAY, DAY),
    ]
    assert (Waivers((renewed,)).beyond(Waivers((written,))), Waivers((renewed,)).beyond(Waivers())) == (0, 1)


@pytest.mark.parametrize("name", ["waivers.yaml", "waivers.yml", "waivers.json", "waivers"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    reasons = ["ticket 7", "2026-01-01", "20260101", '"quoted": yes # no\n- é 😀', "null", "x" * 900]
    dated = evolve(waiver(), first_seen=date(2026, 1, 1), last_seen=DAY)
    waivers = Waivers((*(waiver(reason=reason) for reason in reasons), waiver(None), dated))
    waivers.write(tmp_path / name)
    assert read_waivers(tmp_path / name) == waivers
    assert list(tmp_path.iterdir()) == [tmp_path / name]


def test_a_file_is_replaced_with_its_permissions_and_where_a_link_leads(tmp_path: Path) -> None:
    file, link = tmp_path / "there" / "waivers.yaml", tmp_path / "waivers.yaml"
    file.parent.mkdir()
    file.write_text("[]")
    file.chmod(0o600)
    link.symlink_to(file)
    Waivers((waiver(),)).write(link)
    assert link.is_symlink()
    assert len(read_waivers(file).entries) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "waivers.yaml"
    file.write_text("[]")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        Waivers((waiver(),)).write(file)
    assert (file.read_text(), list(tmp_path.iterdir())) == ("[]", [file])


# Files

GOOD = "- rule: paging.count\n  relation: count is wrong\n  reason: known\n  expires: 2026-06-15\n"


@pytest.mark.parametrize("text", ["", "# none yet\n", "[]", "---\n"])
def test_an_empty_file_waives_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "w.yaml").write_text(text)
    assert read_waivers(tmp_path / "w.yaml") == Waivers()


def test_json_may_be_indented_with_tabs_and_escaped(tmp_path: Path) -> None:
    (tmp_path / "w.json").write_text(
        '[\n\t{"rule": "paging.count", "relation": "count is wrong", "reason": "\\ud83d\\ude00", "expires": "2026-06-15"}]'
    )
    assert read_waivers(tmp_path / "w.json").entries == (waiver(None, reason="😀"),)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (GOOD.replace("count", "cuont"), 1, "no rule paging.cuont; did you mean paging.count?"),
        (GOOD.replace("paging.count", "colour"), 1, "no rule colour; there is schema.response, "),
        (
            f"{GOOD}  operation: listproductimages\n",
            5,
            "no operation listproductimages; did you mean listProductImages?",
        ),
        (f"{GOOD}  operation: retrieveProductImage\n", 5, "paging.count has no operation retrieveProductImage"),
        (f"{GOOD}  until: 2026\n", 1, "unknown 'until'"),
        (f"{GOOD}\n- rule: paging.count\n  relation: x\n  reason: known\n", 6, "'expires' is missing"),
        (GOOD.replace("  relation: count is wrong\n", ""), 1, "'relation' is missing"),
        (f"{GOOD}  status: ok\n", 5, "status: "),
        (GOOD.replace("06-15", "06-31"), 4, "expires: 2026-06-31 is not a date like 2026-01-31"),
        (GOOD.replace("2026-06-15", "2026-06-15T10:00:00Z"), 4, "is not a date like"),
        (f"{GOOD}  last_seen: yesterday\n", 5, "last_seen: yesterday is not a date like 2026-01-31"),
        (GOOD.replace("2026-06-15", ""), 4, 'expires: null is not of type "string"'),
        (GOOD.replace("known", "' '"), 3, "reason: "),
        (GOOD.replace("known", '"\\ud83d"'), 3, "half of a surrogate pair"),
        (f"{GOOD}  reason: other\n", 5, "'reason' is there twice"),
        (f"{GOOD}- 3\n", 5, '3 is not of type "object"'),
        ("waivers:\n", 1, "is not of type"),
        (f"{GOOD}  \x01\n", 5, "a character that no text has"),
        ("- [\n", 2, "while parsing"),
        ("- &a [*a]", 1, "references (*name) have no use here"),
        (f"{GOOD}---\n{GOOD}", 5, "found another document"),
        ("[" * 5_000, None, "nested too deep"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, text: str, line: int | None, words: str) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(text)
    with pytest.raises(BadFile) as refused:
        read_waivers(file)
    assert str(refused.value).startswith(f"{file}, line {line}: " if line else f"{file}: ")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_other_bad_files(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('[\n{"rule": 1,}]')
    (tmp_path / "number.json").write_text(f"[{'9' * 5_000}]")
    (tmp_path / "latin.yaml").write_bytes(b"- rule: x\n  reason: \xe9\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * 5_000_001)
    for name, words in {
        "broken.json": "broken.json, line 2: not JSON: ",
        "number.json": "number.json: holds a number that is too long",
        "latin.yaml": "latin.yaml, line 2: not UTF-8",
        "large.yaml": "larger than",
        "none.yaml": "cannot be read: No such file or directory",
        ".": "cannot be read: Is a directory",
    }.items():
        with pytest.raises(BadFile) as refused:
            read_waivers(tmp_path / name)
        assert words in str(refused.value)


def test_the_schema_is_one_itself() -> None:
    jsonschema_rs.meta.validate(packaged_schema("waivers"))


# A run


def test_a_run_with_waivers() -> None:
    with MockServer(images=50, bugs=["count-one-short"]) as server:
        target = Target(server.url, 5, token=server.token)
        options = Options(rules=frozenset({"paging.count"}))
        (relation,) = {each.reason for each in check(target, options).violations()}
        known = Waivers((waiver(None, date.max, relation=relation), waiver(DETAILED, date(2020, 1, 1))))
        report = check(target, evolve(options, waivers=known))
        other = Waivers((waiver(None, date.max, relation="another fault"),))
        counted = check(target, evolve(options, waivers=other))
    assert {each.operation: each.verdict for each in report.results} == {
        PLAIN: Verdict.WAIVED,
        DETAILED: Verdict.WAIVED,
    }
    assert (report.verdict, counted.verdict) == ("conforms", "violates")
