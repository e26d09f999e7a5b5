"""Puts the verdict into words and the violations into order: what every view has in common."""

from collections.abc import Iterable

from channel_images.conformance.report.text import visible_line
from channel_images.conformance.results import Report, Result, Severity, Verdict

MOST_REASON = 300
"""Characters of the reason why a server could not be judged, which may quote what it sent."""
MOST_WHY = 100
"""Characters of the reason why nothing of a family was exercised."""


def sentence(report: Report) -> str:
    """The verdict, to be put after the server's name."""
    if report.not_judged:
        return f"could not be judged: {visible_line(report.not_judged, MOST_REASON)}"
    found = " and ".join(
        plural(len(violations), noun)
        for noun, violations in (
            ("violation", report.violations(Severity.ERROR)),
            ("warning", report.violations(Severity.WARNING)),
        )
        if violations
    )
    if report.verdict == "violates":
        return f"does not conform: {found}"
    return f"conforms, with {found}" if found else "conforms"


def caveats(report: Report) -> list[str]:
    """What the verdict does not speak of."""
    told = []
    if unstable := report.having(Verdict.UNSTABLE):
        told.append(f"{plural(len(unstable), 'relation')} unstable")
    if waived := report.having(Verdict.WAIVED):
        told.append(f"{len(waived)} waived")
    if idle := report.idle_families():
        families = [f"{family} ({visible_line(reason, MOST_WHY)})" for family, reason in idle.items()]
        told.append(f"not exercised at all: {', '.join(families)}")
    return told


def following(report: Report, violation: Result) -> str:
    """What could not be judged beside a violation, in a line; empty where there is nothing."""
    rules: dict[str, int] = {}
    for result in report.consequences(violation):
        rules[result.rule] = rules.get(result.rule, 0) + 1
    named = [rule if number == 1 else f"{rule} ({number} operations)" for rule, number in rules.items()]
    return f"not judged beside it: {', '.join(named)}" if named else ""


def by_rule(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Violations grouped by rule: rules with an error first, and within a rule errors before warnings."""
    groups: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda result: result.severity is Severity.WARNING):
        groups.setdefault(result.rule, []).append(result)
    return groups


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
