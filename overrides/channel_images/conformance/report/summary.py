"""Puts the verdict into words and the violations into order: what every view has in common."""

from collections import Counter
from collections.abc import Iterable, Sequence

from channel_images.conformance.report.text import visible_line
from channel_images.conformance.results import Change, Report, Result, Seen, Severity, Verdict

MOST_REASON = 300
"""Characters of the reason why a server could not be judged, which may quote what it sent."""
MOST_WHY = 100
"""Characters of the reason why nothing of a family was exercised."""
MOST_REASONS = 2
"""Reasons why results were not exercised that are told with the verdict."""
MOST_NAMES = 3
"""Names that a line lists before it counts the rest."""


def sentence(report: Report) -> str:
    """The verdict, to be put after the server's name."""
    if report.not_judged:
        return f"could not be judged: {visible_line(report.not_judged, MOST_REASON)}"
    known = [violation for violation in report.violations() if report.is_known(violation)]
    told = [
        plural(len(violations), noun)
        for noun, violations in (
            ("violation", [each for each in report.violations(Severity.ERROR) if each not in known]),
            ("warning", [each for each in report.violations(Severity.WARNING) if each not in known]),
        )
        if violations
    ]
    told += [f"{plural(len(known), 'violation')} that the baseline has too"] * bool(known)
    found = " and ".join(told) + _of_causes(report.violations())
    if report.verdict == "violates":
        return f"does not conform: {found}"
    if report.verdict == "incomplete":
        so_far = f" and has {found}" if found else ""
        return f"was not exercised in full: --require asks for {plural(len(report.lacking()), 'more result')}{so_far}"
    return f"conforms, with {found}" if found else "conforms"


def _of_causes(violations: Sequence[Result]) -> str:
    """How many causes violations have, where they have fewer causes than they are."""
    causes = by_cause(violations)
    are_known = all(violation.cause for violation in violations)
    return f" of {plural(len(causes), 'cause')}" if are_known and len(causes) < len(violations) else ""


def basis(report: Report) -> list[str]:
    """How much the verdict rests on: how many results were exercised, why the others were not, and whether another user
    asked too; nothing if there are no results."""
    exercised, every = report.exercised()
    if not every:
        return []
    idle = report.idle_families()
    others = [result.reason for result in report.having(Verdict.NOT_EXERCISED) if result.family not in idle]
    reasons = [visible_line(reason, MOST_WHY) for reason, _ in Counter(others).most_common(MOST_REASONS)]
    told = "; ".join([f"{exercised:,} of {every:,} results exercised", *reasons])
    return [told, *["asked as another user too"] * report.other_user]


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
    """What could not be judged beside a violation, in a line; empty if there is nothing."""
    rules: dict[str, int] = {}
    for result in report.consequences(violation):
        rules[result.rule] = rules.get(result.rule, 0) + 1
    named = [rule if number == 1 else f"{rule} ({number} operations)" for rule, number in rules.items()]
    return f"not judged beside it: {', '.join(named)}" if named else ""


def changed(change: Change) -> str:
    """What has changed since the baseline, in a line."""
    counts = [f"{len(change.new)} new", f"{len(change.fixed)} fixed", f"{len(change.unchanged)} unchanged"]
    counts += [f"{len(change.unknown)} not judged this time"] * bool(change.unknown)
    day = visible_line(change.started[:10], 10)
    return f"compared with {visible_line(change.baseline, MOST_WHY)} of {day}: {', '.join(counts)}"


def met(report: Report) -> str:
    """How much of the contract the run met."""
    return f"seen: {sum(each.seen for each in report.coverage)} of {len(report.coverage)} things that the contract tells of"


def unmet(report: Report) -> list[str]:
    """What of the contract the run did not meet, by the kind: `403 of 7 operations`, `null of source and hash`."""
    kinds: dict[tuple[str, str], dict[str, None]] = {}
    for each in report.coverage:
        if not each.seen:
            kinds.setdefault((each.subject, each.kind), {})[_whose(each)] = None
    return [f"{kind} of {_listed(list(names), subject)}" for (subject, kind), names in kinds.items()]


def _whose(seen: Seen) -> str:
    return seen.operation if seen.subject == "status" else seen.name


def _listed(names: list[str], subject: str) -> str:
    if len(names) <= MOST_NAMES:
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    noun = "operation" if subject == "status" else subject
    return f"{len(names)} {noun}s"


def by_cause(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Violations grouped by what causes them or, where that is not known, by rule; in the order of `by_rule`."""
    groups: dict[str, list[Result]] = {}
    for those in by_rule(results).values():
        for result in those:
            groups.setdefault(result.cause or result.rule, []).append(result)
    return groups


def by_rule(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Violations grouped by rule: rules with an error first, and within a rule errors before warnings."""
    groups: dict[str, list[Result]] = {}
    for result in sorted(results, key=lambda result: result.severity is Severity.WARNING):
        groups.setdefault(result.rule, []).append(result)
    return groups


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
