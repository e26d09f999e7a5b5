"""From findings to verdicts: what was found is read again, until it stands or the data turns out to be moving.

A rule that finds something is asked again on a new reading. The same finding on data that has not moved is a violation;
one that is gone was none. Where the data moved between two readings, neither is known: after ``READINGS`` of them the
verdict is ``unstable``.
"""

from collections.abc import Callable, Iterable
from enum import Enum, auto

from attrs import define, frozen

from channel_images.conformance.operations import RETRIEVALS, Operation
from channel_images.conformance.reading import Page, Unreadable, documented, image, page
from channel_images.conformance.results import Evidence, Result, Severity, Verdict
from channel_images.conformance.rule import Finding, NotExercised, Rule
from channel_images.conformance.survey import Survey
from channel_images.conformance.wire import Answer, Request

READINGS = 4
"""Readings before a rule is given up as unstable."""
PROBED = 12
"""Rows that are looked for one by one, to tell rows that moved from rows that are gone."""
MOST_REQUESTS = 6
"""Requests that the evidence of a violation shows."""


class Movement(Enum):
    """What happened to the data between two readings."""

    NONE = auto()
    REORDERED = auto()
    """The same requests gave other rows, all of which are still there: an order that is not stable, or a change that
    can't be told from one."""
    CHANGED = auto()


@frozen
class Outcome:
    """What one reading said about a rule on an operation."""

    findings: tuple[Finding, ...] = ()
    idle: str = ""
    """Why the rule could not be exercised; empty where it was."""
    touched: frozenset[Request] = frozenset()


Pair = tuple[Rule, Operation]


@define
class Judge:
    """Runs rules over readings of a server."""

    survey: Survey
    on_rule: Callable[[Rule], None] = lambda rule: None

    def judge(self, rules: Iterable[Rule]) -> list[Result]:
        """The verdict of each rule on each of its operations."""
        pairs: list[Pair] = [(rule, operation) for rule in rules for operation in rule.operations]
        first = self.survey
        outcomes = {pair: self._ask(pair, first) for pair in pairs}
        results = {pair: _settled(pair, outcome, first) for pair, outcome in outcomes.items() if not outcome.findings}
        open_pairs = {pair: outcome for pair, outcome in outcomes.items() if outcome.findings}
        reordered: dict[Pair, int] = {}
        before = first
        for _ in range(READINGS - 1):
            if not open_pairs:
                break
            after = before.again()
            asked = {pair: self._ask(pair, after) for pair in open_pairs}
            for pair, outcome in asked.items():
                earlier = open_pairs[pair]
                movement = _movement(earlier.touched | outcome.touched, before, after)
                if movement is Movement.REORDERED:
                    reordered[pair] = reordered.get(pair, 0) + 1
                standing = [finding for finding in outcome.findings if _same(finding, earlier.findings)]
                if not outcome.findings:
                    if movement is Movement.NONE:
                        results[pair] = _result(pair, Verdict.PASS, "seen once, and not again")
                    else:
                        results[pair] = _settled(pair, outcome, after)
                elif standing and (movement is Movement.NONE or reordered.get(pair, 0) > 1):
                    results[pair] = _violation(pair, standing)
            open_pairs = {pair: asked[pair] for pair in open_pairs if pair not in results}
            before = after
        for pair in open_pairs:
            results[pair] = _result(pair, Verdict.UNSTABLE, f"the data changed between each of {READINGS} readings")
        return [results[pair] for pair in pairs]

    def _ask(self, pair: Pair, survey: Survey) -> Outcome:
        rule, operation = pair
        self.on_rule(rule)
        touched: set[Request] = set()
        survey.session.touched = touched
        findings: list[Finding] = []
        idle = ""
        try:
            findings.extend(rule.check(survey, operation))
        except NotExercised as reason:
            idle = str(reason)
        except Unreadable as error:
            if _is_own_fault(error.answer, operation, survey.channel):
                findings.append(_unreadable(error))
            else:
                idle = f"{error.answer.request.target} answers {error.answer.describe()}"
        finally:
            survey.session.touched = None
        return Outcome(tuple(findings), "" if findings else idle, frozenset(touched))


def _is_own_fault(answer: Answer, operation: Operation, channel: int) -> bool:
    """Whether an answer without rows breaks the rule that asked for them.

    It does not where the answer has a rule of its own (5xx), where the token may not see it (403), where it belongs to
    another operation, whose own rules see it, and where it is another channel's.
    """
    path = answer.request.path
    is_its = path.startswith(operation.path_for(channel).partition("{id}")[0]) if operation.is_list else False
    return not answer.is_server_error and answer.status != 403 and (is_its or _is_retrieval(path, operation, channel))


def _is_retrieval(path: str, operation: Operation, channel: int) -> bool:
    if operation not in RETRIEVALS:
        return False
    before, after = operation.path.replace("{channel_id}", str(channel)).split("{id}")
    return path.startswith(before) and path.endswith(after) and path[len(before) : -len(after)].isdigit()


def _unreadable(error: Unreadable) -> Finding:
    return Finding(
        f"{error.why.partition(' ')[0]} where rows are due",
        "200 with rows",
        f"{error.answer.request.target}: {error.why}",
        (error.answer,),
    )


def _same(finding: Finding, earlier: Iterable[Finding]) -> bool:
    return any(finding.relation == other.relation for other in earlier)


def _result(pair: Pair, verdict: Verdict, reason: str) -> Result:
    rule, operation = pair
    return Result(rule.id, operation.id, verdict, reason=reason)


def _settled(pair: Pair, outcome: Outcome, survey: Survey) -> Result:
    """The verdict of a rule that found nothing."""
    if outcome.idle:
        return _result(pair, Verdict.NOT_EXERCISED, outcome.idle)
    try:
        full = survey.full()
    except Unreadable:
        return _result(pair, Verdict.PASS, f"{len(outcome.touched)} requests")
    scope = "" if full.is_whole else f", {full.scope}"
    return _result(pair, Verdict.PASS, f"{len(outcome.touched)} requests{scope}")


def _violation(pair: Pair, findings: list[Finding]) -> Result:
    rule, operation = pair
    gravest = min(findings, key=lambda finding: finding.severity is not Severity.ERROR)
    alike = {finding.relation for finding in findings} - {gravest.relation}
    sentence = rule.statement
    requests = dict.fromkeys(answer.curl for answer in gravest.answers)
    return Result(
        rule.id,
        operation.id,
        Verdict.VIOLATED,
        gravest.severity,
        "; ".join([gravest.relation, *sorted(alike)]),
        Evidence(
            relation=gravest.relation,
            statement=sentence.text,
            basis=sentence.basis,
            expected=gravest.expected,
            seen=gravest.seen,
            requests=tuple(requests)[:MOST_REQUESTS],
        ),
    )


def _movement(requests: frozenset[Request], before: Survey, after: Survey) -> Movement:
    """What happened to the data behind requests that were answered in both readings."""
    moved = Movement.NONE
    for request in requests:
        old, new = before.session.answers.get(request), after.session.answers.get(request)
        if old is None or new is None or (old.status == new.status and old.body == new.body):
            continue
        match _compared(old, new, after):
            case Movement.CHANGED:
                return Movement.CHANGED
            case Movement.REORDERED:
                moved = Movement.REORDERED
    return moved


def _compared(old: Answer, new: Answer, survey: Survey) -> Movement:
    if old.status != new.status:
        # An image that came or went. Any other change of status is the server's doing, not the data's.
        return Movement.CHANGED if {old.status, new.status} == {200, 404} else Movement.NONE
    try:
        earlier, later = _rows(old), _rows(new)
    except Unreadable:
        return Movement.NONE
    if earlier.count != later.count:
        return Movement.CHANGED
    ones, others = {row["pk"]: row for row in earlier.rows}, {row["pk"]: row for row in later.rows}
    if any(documented(ones[pk]) != documented(others[pk]) for pk in ones.keys() & others.keys()):
        return Movement.CHANGED
    if differing := sorted(ones.keys() ^ others.keys()):
        if len(earlier.rows) != len(later.rows):
            return Movement.CHANGED
        there = all(survey.exists(pk) for pk in differing[:PROBED])
        return Movement.REORDERED if there else Movement.CHANGED
    return Movement.NONE


def _rows(answer: Answer) -> Page:
    try:
        return page(answer)
    except Unreadable:
        return Page(answer, (image(answer),))
