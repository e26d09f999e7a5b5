"""What a user sees of a channel that is not theirs: the rules `isolation.token.*`, with the mock's second user."""

import json
from pathlib import Path

import pytest
from attrs import evolve

from channel_images.conformance import Options, Report, Target, Verdict, check
from channel_images.conformance.asking.recording import read_recording
from channel_images.conformance.har import writing
from channel_images.conformance.recorded import judge_recording
from channel_images.conformance.report.document import render_json
from channel_images.mock import MockServer

RULES = frozenset({"isolation.token.lists", "isolation.token.retrieve", "isolation.token.existence"})
MOST = 90
"""Requests for the three rules on all operations."""


def judge(server: MockServer, other_token: str, options: Options | None = None) -> Report:
    target = Target(server.url, 5, token=server.token, other_token=other_token)
    return check(target, options or Options(rules=RULES))


def verdicts(report: Report) -> set[Verdict]:
    return {result.verdict for result in report.results}


def reasons(report: Report) -> set[str]:
    return {result.reason for result in report.having(Verdict.NOT_EXERCISED)}


@pytest.mark.parametrize("variant", ["", "hidden-forbidden", "forbidden-channel", "gone", "html-404", "problem-json"])
def test_one_who_sees_nothing_accuses_nobody(variant: str) -> None:
    with MockServer(images=60, variants=[variant] if variant else []) as server:
        report = judge(server, server.other_token)
    assert verdicts(report) == {Verdict.PASS}
    assert len(report.results) == 5 + 2 + 3
    assert report.requests < MOST


def test_a_channel_without_rows_gives_nothing_to_look_for() -> None:
    with MockServer(images=0) as server:
        report = judge(server, server.other_token, Options(rules=RULES - {"isolation.token.lists"}))
    assert reasons(report) == {"the channel has no rows"}


def test_without_another_user_it_says_what_to_give() -> None:
    with MockServer(images=3) as server:
        report = judge(server, "")
    assert verdicts(report) == {Verdict.NOT_EXERCISED}
    assert reasons(report) == {"needs --other-token"}


def test_a_token_that_is_not_valid_accuses_nobody() -> None:
    with MockServer(images=3) as server:
        report = judge(server, "wrong")
    assert verdicts(report) == {Verdict.NOT_EXERCISED}
    assert reasons(report) == {
        "the token of the other user is refused (401): give a valid one that may not see the channel"
    }


def test_one_who_sees_all_is_told_of_once_by_the_rules_about_rows() -> None:
    bugs = ["other-user-lists", "other-user-retrieves"]
    with MockServer(images=60, bugs=bugs) as server:
        report = judge(server, server.other_token)
    found = {(each.rule, each.operation) for each in report.violations()}
    assert found == {
        ("isolation.token.lists", "listProductImages"),
        ("isolation.token.retrieve", "retrieveProductImage"),
    }
    assert "the other user is shown the rows themselves" in reasons(report)


def test_a_message_that_tells_is_quoted() -> None:
    with MockServer(images=60, bugs=["other-user-learns-by-message"]) as server:
        told = judge(server, server.other_token).violations()
    assert {each.rule for each in told} == {"isolation.token.existence"}
    assert told[0].evidence is not None
    assert "It belongs to another user." in told[0].evidence.seen


def test_no_token_is_shown_and_the_requests_have_the_other_users(tmp_path: Path) -> None:
    file = tmp_path / "run.har"
    with (
        MockServer(images=60, bugs=["other-user-lists"], token="first-secret", other_token="second-secret") as server,
        writing(file, {"channels": [5], "seed": 0, "quick": False}) as har,
    ):
        report = judge(server, server.other_token, Options(rules=RULES, har=har))
    text = render_json(report) + file.read_text()
    assert "first-secret" not in text
    assert "second-secret" not in text
    requests = [request for each in report.violations() if each.evidence for request in each.evidence.requests]
    assert requests
    assert all('"Authorization: Token $OTHER_TOKEN"' in request for request in requests)
    again = judge_recording(read_recording(file), Options(rules=RULES))
    assert [each.name for each in again.violations()] == [each.name for each in report.violations()]
    assert json.loads(file.read_text())["log"]["entries"]


def test_a_run_with_another_user_sees_what_is_forbidden() -> None:
    with MockServer(images=60, variants=["hidden-forbidden"]) as server:
        target = Target(server.url, 5, (6,), server.token)
        options = Options(schemathesis=False)
        without, seeing = (check(each, options) for each in (target, evolve(target, other_token=server.other_token)))

    def statuses(report: Report) -> set[str]:
        return {each.kind for each in report.coverage if each.subject == "status" and each.seen}

    assert "403" in statuses(seeing) - statuses(without)
    assert seeing.verdict == "conforms"
    assert seeing.requests - without.requests < MOST
