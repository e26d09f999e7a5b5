"""The proof of the rules: each fault that the mock can have is seen by its rule, and nothing that is healthy is accused."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from attrs import evolve
from tests.conformance.near import Near
from tests.conformance.surroundings import broken_connections, gateway_cookie, throttle, token_lives
from tests.conformance.test_standing import Clock
from tests.conformance.words import badly_worded

from channel_images.conformance import Options, Report, Target, Verdict, check
from channel_images.conformance.catalogue import CATALOGUE
from channel_images.contract import load_contract
from channel_images.mock import MockServer
from channel_images.mock.bugs import BUGS, protocol
from channel_images.mock.bugs.shared import Shared
from channel_images.mock.churn import Churn
from channel_images.mock.variants import VARIANTS

IMAGES = 60
LARGE = 120
"""What some bugs need, which show only where much is pending, or on many pages."""
NEED_LARGE = {
    "count-capped",
    "detailed-cut-off",
    "id-in-truncated",
    "inserts-hold-disabled-updates",
    "pending-read-is-sent",
    "product-by-object",
}
LONGEST = 0.1
"""Seconds that an answer may take, by a clock that only a slow server's waits move far."""
BUSY = Churn(adds=1, removes=1, modifies=3, sends=1)
"""Changes with each list that is read, enough of them for a cache to be seen."""
RULES = {name: bug.rule for name, bug in BUGS.items() if bug.rule}
"""The rule of each bug; the check does not look at reporting, and no rule sees what is wrong there."""
GROUPS = """
limit-refused bad-paging-400 empty-past-the-end descending booleans-ignored unknown-product-400 forbidden-channel \
write-looks-up proxy-links throttled
limit-clamped bad-paging-default by-modified-date extra-fields decimals-truncated unknown-type-empty hidden-forbidden \
html-404 write-looks-up-400 links-from-root throttled-until
many-ids-refused page-last filtered-descending nulls-left-out empty-items-skipped forbidden-image html-400 \
links-without-slash plain
lenient open-enums problem-json scheme-word-exact slow head-405 enveloped-pending
gone blip
"""
"""All variants, in lines that one server can have: no two of a line change the same answer, so that none hides another."""
EXPECTED_WARNINGS = {"enveloped-pending": {"schema.response"}, "blip": {"schema.no-server-error"}}


def judge(server: MockServer, options: Options, *, over_sockets: bool = False) -> Report:
    to = Target(server.url, 5, (6,)) if over_sockets else Near.to(server, token="")
    target = evolve(to, token=server.token, other_token=server.other_token)
    # Nobody waits for a throttle or a proxy that is away: the answers come by numbers, not by time.
    return check(target, evolve(options, sleep=lambda seconds: None))


def violations(report: Report) -> list[tuple[str, str, str]]:
    return [(each.rule, each.operation, each.reason) for each in report.violations()]


@contextmanager
def in_no_time() -> Iterator[Clock]:
    """A clock that slow servers move, in place of taking their time."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", clock.sleep)
        patch.setattr(protocol, "sleep", clock.sleep)
        yield clock


def with_bug(name: str) -> Report:
    """What its rule finds of a server with a bug."""
    rule, bug = RULES[name], BUGS[name]

    def found(rules: frozenset[str] | None, *, quick: bool = False) -> Report:
        churn = BUSY if bug.needs_churn else False
        images = LARGE if name in NEED_LARGE else IMAGES
        with in_no_time() as clock, MockServer(images=images, bugs=[name], churn=churn) as server:
            options = Options(
                rules=rules, quick=quick, probe_writes=True, schemathesis=False, max_response_time=LONGEST, clock=clock
            )
            # What mixes requests up waits for the next one.
            return judge(server, options, over_sockets=issubclass(bug.behaviour, Shared))

    report = found(frozenset({rule}))
    # The rules about single answers also look at what all the others ask for.
    for quick in (True, False) if rule.startswith("schema.") else ():
        if rule in {each.rule for each in report.violations()}:
            break
        report = found(None, quick=quick)
    return report


def with_variants(names: Sequence[str], *, quick: bool = False) -> Report:
    """What is found of a server with variants."""
    with in_no_time(), MockServer(images=IMAGES, variants=names) as server:
        return judge(server, Options(probe_writes=True, schemathesis=False, quick=quick))


def expected_warnings(names: Sequence[str]) -> set[str]:
    return {rule for name in names for rule in EXPECTED_WARNINGS.get(name, ())}


def groups() -> list[list[str]]:
    """The groups, of the variants that the contract can have."""
    return [[name for name in group.split() if name in VARIANTS] for group in GROUPS.strip().splitlines()]


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
    """Alone in a quick run; in a full one beside others, in the next test."""
    report = with_variants([name], quick=True)
    assert report.verdict == "conforms", violations(report)
    assert {each.rule for each in report.violations()} == expected_warnings([name])


@pytest.mark.parametrize("names", groups(), ids=" ".join)
def test_variants_are_not_accused(names: list[str]) -> None:
    report = with_variants(names)
    assert report.verdict == "conforms", violations(report)
    assert {each.rule for each in report.violations()} == expected_warnings(names)


def test_each_variant_is_in_a_group() -> None:
    assert sorted(name for group in groups() for name in group) == sorted(VARIANTS)


def test_schemathesis_does_not_accuse_variants_either() -> None:
    habits = ["enveloped-pending", "blip", "throttled", "html-404", "html-400", "nulls-left-out"]
    with MockServer(images=IMAGES, variants=habits) as server:
        report = judge(server, Options(rules=frozenset({"schema.response", "schema.no-server-error"}), max_examples=8))
    assert report.verdict == "conforms", violations(report)


@pytest.mark.parametrize("names", groups(), ids=" ".join)
def test_variants_whose_data_changes_are_not_accused(names: list[str]) -> None:
    with in_no_time(), MockServer(images=IMAGES, variants=names, churn=True) as server:
        report = judge(server, Options(schemathesis=False, quick=True))
    errors = [each for each in report.violations() if each.severity == "error"]
    assert not errors, violations(report)
    assert Verdict.UNSTABLE in {each.verdict for each in report.results}


@pytest.mark.parametrize("names", groups(), ids=" ".join)
def test_variants_are_not_accused_behind_what_stands_around_real_servers(names: list[str]) -> None:
    with (
        in_no_time() as clock,
        MockServer(images=IMAGES, variants=names) as server,
        gateway_cookie(server) as gateway,
        throttle(gateway, per_second=12, clock=clock) as throttled,
        broken_connections(throttled, every=100) as shaky,
        token_lives(shaky, requests=100) as front,
    ):
        target = Near.to(front, token=front.token, username="mock", password="mock")
        report = check(target, Options(quick=True, sleep=clock.sleep, clock=clock))
    assert report.verdict == "conforms", (report.not_judged, violations(report))
    assert throttled.own[429]
    assert shaky.lost
    assert front.tokens > 1
