"""What a user sees of a channel that is not theirs: the rules `isolation.token.*`, with the mock's second user."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import evolve
from tests.conformance.test_causes import served
from tests.conformance.tiny import KEY, Reply, Tiny, reply, row

from channel_images.conformance import Options, Report, Target, Verdict, check
from channel_images.conformance.asking.operations import RETRIEVALS
from channel_images.conformance.asking.recording import read_recording
from channel_images.conformance.asking.wire import Request
from channel_images.conformance.causes import SEES_ALL
from channel_images.conformance.har import writing
from channel_images.conformance.recorded import judge_recording
from channel_images.conformance.report import render_html, render_text
from channel_images.conformance.report.document import render_json
from channel_images.mock import MockServer

RULES = frozenset({"isolation.token.lists", "isolation.token.retrieve", "isolation.token.existence"})
SECOND = "the-second-token"
ROWS = range(2, 138, 3)
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
        report = judge(server, server.other_token)
    assert verdicts(report) == {Verdict.NOT_EXERCISED}
    assert reasons(report) == {"the channel has no rows", "the list has no rows that could be shown"}


class Shop(Tiny):
    """Has a second user, whom it gives what `told` says, or else what the first one gets. Nothing is pending."""

    def __init__(self, told: Callable[[Request], Reply | None]) -> None:
        super().__init__({5: [row(pk) for pk in ROWS]})
        self.told = told

    def answer(self, request: Request, authorization: str | None) -> Reply:
        if authorization != f"Token {SECOND}":
            return super().answer(request, authorization)
        return self.told(request) or super().answer(request, f"Token {KEY}")


def judge_shop(told: Callable[[Request], Reply | None]) -> Report:
    with served(Shop(told)) as url:
        return check(Target(url, 5, token=KEY, other_token=SECOND), Options(rules=RULES))


REFUSED = reply(401, {"detail": "Invalid token."})


def is_of_row(request: Request) -> bool:
    """Whether it asks for a row that is there, by its id."""
    found = re.search(r"/product_images/(\d+)/", request.path)
    return found is not None and int(found[1]) in ROWS


def test_a_401_for_what_is_there_tells_that_it_is() -> None:
    report = judge_shop(lambda asked: REFUSED if is_of_row(asked) else reply(404, {"detail": "Not found."}))
    assert {(each.rule, each.operation) for each in report.violations()} == {
        ("isolation.token.existence", operation.id) for operation in RETRIEVALS
    }


def test_a_list_that_refuses_shows_its_rows_through_a_filter_all_the_same() -> None:
    report = judge_shop(lambda asked: None if "id__in" in asked.target else REFUSED)
    assert "isolation.token.lists" in {each.rule for each in report.violations()}


def test_one_who_is_served_everything_may_see_the_channel_after_all() -> None:
    report = judge_shop(lambda _: None)
    told = report.violations()
    assert {each.rule for each in told} == {"isolation.token.lists", "isolation.token.retrieve"}
    assert {each.cause for each in told} == {SEES_ALL}
    assert SEES_ALL in render_text(report, 200, 1_000, "")


def test_one_who_is_served_some_may_not() -> None:
    report = judge_shop(lambda asked: reply(404, {"detail": "Not found."}) if is_of_row(asked) else None)
    assert report.violations()
    assert SEES_ALL not in {each.cause for each in report.violations()}


def test_a_report_says_whether_there_was_another_user() -> None:
    with MockServer(images=3) as server:
        for token in (server.other_token, ""):
            report = judge(server, token)
            assert json.loads(render_json(report))["other_user"] is bool(token)
            for view in (render_text(report, 300, 1_000, ""), render_html(report)):
                assert ("asked as another user too" in view) is bool(token)


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
