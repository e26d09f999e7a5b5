"""The proof of the rules: each fault that the mock can have is seen by its rule, and nothing that is healthy is accused."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from attrs import evolve
from tests.conformance.surroundings import Front, broken_connections, gateway_cookie, throttle, token_lives
from tests.conformance.test_standing import Clock
from tests.conformance.words import badly_worded

from channel_images.conformance import Options, Report, Target, Verdict, check
from channel_images.conformance.catalogue import CATALOGUE
from channel_images.contract import load_contract
from channel_images.mock import MockServer
from channel_images.mock.bugs import BUGS, protocol
from channel_images.mock.churn import Churn
from channel_images.mock.variants import VARIANTS

IMAGES = 120
LONGEST = 0.1
"""Seconds that an answer may take, by a clock that only a slow server's waits move far."""
BUSY = Churn(adds=1, removes=1, modifies=3, sends=1)
"""Changes with each list that is read, enough of them for a cache to be seen."""
RULES = {name: bug.rule for name, bug in BUGS.items() if bug.rule}
"""The rule of each bug; the check does not look at reporting, and no rule sees what is wrong there."""
EXPECTED_WARNINGS = {"enveloped-pending": {"schema.response"}, "blip": {"schema.no-server-error"}}


def judge(server: MockServer, options: Options) -> Report:
    # Nobody waits for a throttle or a proxy that is away: the answers come by numbers, not by time.
    return check(
        Target(server.url, 5, (6,), server.token, server.other_token), evolve(options, sleep=lambda seconds: None)
    )


def violations(report: Report) -> list[tuple[str, str, str]]:
    return [(each.rule, each.operation, each.reason) for each in report.violations()]


def with_bug(name: str) -> Report:
    """What its rule finds of a server with a bug."""
    rule = RULES[name]

    clock = Clock()
    protocol.sleep = clock.sleep

    def found(rules: frozenset[str] | None) -> Report:
        with MockServer(images=IMAGES, bugs=[name], churn=BUSY if BUGS[name].needs_churn else False) as server:
            options = Options(
                rules=rules, probe_writes=True, schemathesis=False, max_response_time=LONGEST, clock=clock
            )
            return judge(server, options)

    report = found(frozenset({rule}))
    # The rules about single answers also look at what all the others ask for.
    is_met = not rule.startswith("schema.") or rule in {each.rule for each in report.violations()}
    return report if is_met else found(None)


def with_variant(name: str) -> Report:
    """What is found of a server with a variant."""
    with MockServer(images=IMAGES, variants=[name]) as server:
        # A slow server is asked less: it shows the same.
        return judge(server, Options(probe_writes=True, schemathesis=False, quick=name == "slow"))


def test_each_rule_of_the_contract_is_in_the_catalogue_and_has_a_bug() -> None:
    assert set(CATALOGUE) == set(load_contract()["x-conformance"])
    assert set(CATALOGUE) == set(RULES.values())


@pytest.mark.parametrize(("name", "rule"), RULES.items())
def test_a_bug_is_reported_by_its_rule(name: str, rule: str) -> None:
    report = with_bug(name)
    assert not report.not_judged
    found = violations(report)
    assert rule in {each for each, _, _ in found}, found
    assert all(each.evidence and each.evidence.requests for each in report.violations())
    assert not badly_worded(report)
    print(f"{name:34} {rule:26} {found[0][1]}: {found[0][2]}")  # noqa: T201 - the matrix, with `pytest -rP`


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_not_accused(name: str) -> None:
    report = with_variant(name)
    assert report.verdict == "conforms", violations(report)
    warnings = {each.rule for each in report.violations()}
    assert warnings == EXPECTED_WARNINGS.get(name, set())


@pytest.mark.parametrize("name", ["enveloped-pending", "blip", "throttled", "html-404", "html-400", "nulls-left-out"])
def test_schemathesis_does_not_accuse_a_variant_either(name: str) -> None:
    with MockServer(images=IMAGES, variants=[name]) as server:
        report = judge(server, Options(rules=frozenset({"schema.response", "schema.no-server-error"}), max_examples=8))
    assert report.verdict == "conforms", violations(report)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_whose_data_changes_is_not_accused(name: str) -> None:
    with MockServer(images=IMAGES, variants=[name], churn=True) as server:
        report = judge(server, Options(schemathesis=False, quick=True))
    errors = [each for each in report.violations() if each.severity == "error"]
    assert not errors, violations(report)
    assert Verdict.UNSTABLE in {each.verdict for each in report.results}


# The same behind what stands around real servers


@contextmanager
def company_proxy(server: MockServer) -> Iterator[Front]:
    """A machine whose environment names a proxy."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            environment.setenv(name, "http://127.0.0.1:9")
        environment.delenv("NO_PROXY", raising=False)
        environment.delenv("no_proxy", raising=False)
        yield Front(server.url)


SURROUNDINGS: dict[str, Callable[[MockServer, Clock], AbstractContextManager[Front]]] = {
    "gateway cookie": lambda server, clock: gateway_cookie(server),
    "throttle": lambda server, clock: throttle(server, per_second=12, clock=clock),
    "broken connections": lambda server, clock: broken_connections(server, every=100),
    "token that ends": lambda server, clock: token_lives(server, requests=100),
    "company proxy": lambda server, clock: company_proxy(server),
}


@pytest.mark.parametrize("surrounding", SURROUNDINGS)
@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_not_accused_behind(surrounding: str, name: str) -> None:
    clock = Clock()
    with MockServer(images=60, variants=[name]) as server, SURROUNDINGS[surrounding](server, clock) as front:
        target = Target(front.url, 5, (6,), server.token, username="mock", password="mock")
        report = check(target, Options(quick=True, sleep=clock.sleep, clock=clock))
    assert report.verdict == "conforms", (report.not_judged, violations(report))
