"""The check against whole servers: the mock, and one that was written by others' habits."""

import json
import socket
from pathlib import Path

import pytest
from tests.conformance.conftest import DRF_TOKEN

from channel_images.conformance import Options, Report, Target, check
from channel_images.mock import MockServer


def violated(report: Report) -> set[str]:
    return {result.rule for result in report.violations()}


def test_the_mock_conforms(healthy_mock: MockServer) -> None:
    target = Target(healthy_mock.url, 5, (6,), healthy_mock.token, healthy_mock.other_token)
    # With schemathesis `make verify` does the same.
    report = check(target, Options(probe_writes=True, max_response_time=60, schemathesis=False))
    assert report.verdict == "conforms", [(each.rule, each.operation, each.reason) for each in report.violations()]
    assert {result.verdict for result in report.results} == {"pass"}


def test_what_has_no_bound_is_no_rule_unless_it_is_asked_for(healthy_mock: MockServer) -> None:
    target = Target(healthy_mock.url, 5, (6,), healthy_mock.token, healthy_mock.other_token)
    report = check(target, Options(quick=True))
    assert "protocol.response-time" not in {result.rule for result in report.results}
    report = check(target, Options(rules=frozenset({"protocol.response-time"})))
    assert report.not_judged == "nothing was exercised: needs --max-response-time"


def test_a_token_of_one_character_accuses_nobody() -> None:
    with MockServer(images=30, token="t") as server:
        report = check(Target(server.url, 5, token="t"), Options(rules=frozenset({"auth.required", "auth.challenge"})))
    assert report.verdict == "conforms", [(each.rule, each.operation, each.reason) for each in report.violations()]


def test_a_drf_server_conforms(drf: str) -> None:
    report = check(Target(drf, 5, (6,), DRF_TOKEN), Options(probe_writes=True, max_examples=5))
    assert report.verdict == "conforms", [(each.rule, each.operation, each.reason) for each in report.violations()]


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("unordered", "paging.order"),
        ("filter-not-declared", "filter.partition"),
        ("multi-value-last", "filter.multi"),
        ("updates-not-in-union", "pending.union"),
        ("retrieve-any-channel", "isolation.retrieve"),
        ("detailed-public", "auth.required"),
        ("page-drops-last", "paging.partition"),
        ("count-ignores-filter", "filter.with-paging"),
        ("null-as-zero", "identity.detailed-list"),
        ("detail-500", "schema.no-server-error"),
    ],
)
def test_a_drf_server_with_a_typical_fault_does_not_conform(drf: str, fault: str, rule: str) -> None:
    report = check(Target(f"{drf}/{fault}", 5, (6,), DRF_TOKEN), Options(quick=True, rules=frozenset({rule})))
    assert report.verdict == "violates"
    assert rule in violated(report)


def test_nothing_that_answers_cannot_be_judged() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        report = check(Target(f"http://127.0.0.1:{unused.getsockname()[1]}", 5, token="x"))
    assert report.verdict == "not judged"
    assert "nothing answers" in report.not_judged


@pytest.mark.parametrize(
    ("channel", "token", "words"),
    [(5, "wrong", "the token was refused"), (5, "", "no token was given"), (99, None, "answer 404")],
)
def test_a_server_that_refuses_everything_cannot_be_judged(
    healthy_mock: MockServer, channel: int, token: str | None, words: str
) -> None:
    report = check(Target(healthy_mock.url, channel, token=healthy_mock.token if token is None else token))
    assert report.verdict == "not judged"
    assert words in report.not_judged


def test_an_unknown_rule_is_refused(healthy_mock: MockServer) -> None:
    with pytest.raises(ValueError, match=r"no rule paging\.colour; there are schema\.response"):
        check(Target(healthy_mock.url, 5), Options(rules=frozenset({"paging.colour"})))


def test_the_token_is_in_no_report(drf: str, tmp_path: Path) -> None:
    from channel_images.conformance.report import write_report

    target = Target(drf, 5, token=DRF_TOKEN)
    write_report(check(target, Options(quick=True)), tmp_path)
    assert DRF_TOKEN not in repr(target)
    for file in tmp_path.iterdir():
        assert DRF_TOKEN not in file.read_text()
    assert json.loads((tmp_path / "report.json").read_text())["schema_version"] == 1
