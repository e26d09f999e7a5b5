"""Makes tests of the check in somebody's own suite: `test_conformance` is made of it.

`pytest --channel-images-url URL --channel-images-channel 5 --pyargs channel_images.conformance`
"""

import os
from collections.abc import Collection
from pathlib import Path
from warnings import warn

import pytest
from attrs import evolve

from channel_images.conformance.asking.expect import Expectations, read_expectations
from channel_images.conformance.asking.signin import sign_in, usable
from channel_images.conformance.asking.target import Target, base_url, default_rate
from channel_images.conformance.catalogue import RULES
from channel_images.conformance.report.text import evidence_text
from channel_images.conformance.results import Report, Result, Verdict
from channel_images.conformance.run import Options, check
from channel_images.conformance.waivers import Waivers, read_waivers

URL_OPTION = "--channel-images-url"
CHANNEL_OPTION = "--channel-images-channel"
MOST = 2_000
"""Characters of a text, which may quote what a server sent, in a test's output."""


class ConformanceWarning(UserWarning):
    """A violation of severity `warning`: the server conforms all the same."""


def pairs() -> list[tuple[str, str]]:
    """Each rule with each of its operations."""
    return [(rule.id, operation.id) for rule in RULES for operation in rule.operations]


def run(config: pytest.Config, rules: Collection[str]) -> Report:
    """Judge the server that pytest's options name, by some of the rules.

    Raises `ValueError` for options that can't be used; its message is one line.
    """
    url = base_url(config.getoption("channel_images_url"))
    channels = config.getoption("channel_images_channel") or _channels()
    if not channels:
        raise ValueError(f"{CHANNEL_OPTION} is missing: which channel is to be examined?")
    waivers, expect = config.getoption("channel_images_waivers"), config.getoption("channel_images_expect")
    options = Options(
        quick=config.getoption("channel_images_quick"),
        rules=frozenset(rules),
        rate=default_rate(url),
        expectations=read_expectations(Path(expect)) if expect else Expectations(),
        waivers=read_waivers(Path(waivers)) if waivers else Waivers(),
    )
    return check(_with_credentials(Target(url, channels[0], tuple(channels[1:]))), options)


def tell(report: Report, rule: str, operation: str) -> None:
    """End the test of a rule on an operation as its verdict says."""
    results = [result for result in report.results if (result.rule, result.operation) == (rule, operation)]
    having = {verdict: [result for result in results if result.verdict is verdict] for verdict in Verdict}
    for result in (warnings := [each for each in having[Verdict.VIOLATED] if not report.counts(each)]):
        warn(explain(result), ConformanceWarning, stacklevel=2)
    if failures := [each for each in having[Verdict.VIOLATED] if each not in warnings]:
        pytest.fail("\n\n".join(map(explain, failures)), pytrace=False)
    if not results:
        pytest.fail(f"{report.url} could not be judged: {report.not_judged}", pytrace=False)
    if having[Verdict.WAIVED]:
        pytest.xfail(having[Verdict.WAIVED][0].reason)
    for result in (*having[Verdict.UNSTABLE], *having[Verdict.NOT_EXERCISED]):
        pytest.skip(f"{result.verdict}: {result.reason}")


def explain(result: Result) -> str:
    """A violation, with its evidence."""
    return f"{result.rule} · {result.operation} · {result.reason[:MOST]}\n{evidence_text(result, MOST)}".rstrip()


def _channels() -> list[int]:
    value = os.environ.get("CHANNEL_IMAGES_CHANNEL") or os.environ.get("OMNITRON_CHANNEL_ID") or ""
    if value and not all(part.isascii() and part.isdigit() for part in value.split()):
        raise ValueError(f"CHANNEL_IMAGES_CHANNEL is not the number of a channel:  {value!r}")
    return [int(part) for part in value.split()]


def _with_credentials(target: Target) -> Target:
    """The target with what the environment says of its user, and of another one, if it does."""
    first, other = (_signed_in(target, *names) for names in (("CHANNEL_IMAGES", "OMNITRON"), ("CHANNEL_IMAGES_OTHER",)))
    return first.with_other_user(other.token, other.password)


def _signed_in(target: Target, *names: str) -> Target:
    """The target with the token of the environment, or the one that its user name and password give, if there are any.

    The variables begin with one of the names; a token's with the first.
    """
    if token := os.environ.get(f"{names[0]}_TOKEN", ""):
        if not usable(token):
            raise ValueError(f"{names[0]}_TOKEN holds a space or a character that no header can carry")
        return evolve(target, token=token)
    username, password = (
        next(filter(None, (os.environ.get(f"{name}_{what}") for name in names)), "")
        for what in ("USERNAME", "PASSWORD")
    )
    if not (username and password):
        return target
    return evolve(target, token=sign_in(target, username, password), username=username, password=password)
