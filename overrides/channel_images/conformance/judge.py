"""From findings to verdicts: what was found is read again, until it stands or the data turns out to be moving.

A rule that finds something is asked again on a new reading. The same finding on data that has not moved is a violation;
one that is gone was none. Where the data moved between two readings, neither is known: after ``READINGS`` of them the
verdict is ``unstable``.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum, auto

from attrs import define, field, frozen

from channel_images.conformance.operations import RETRIEVALS, Operation
from channel_images.conformance.reading import Page, Unreadable, documented, image, page
from channel_images.conformance.results import Evidence, Result, Severity, Verdict
from channel_images.conformance.rule import CATALOGUE, Finding, NotExercised, Rule
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
    _results: dict[Pair, Result] = field(init=False, factory=dict)
    _open: dict[Pair, Outcome] = field(init=False, factory=dict)
    """What was found and has not been confirmed yet."""

    def judge(self, rules: Iterable[Rule]) -> None:
        """Come to a verdict on each rule and operation; ``results`` has them, also where this is broken off."""
        before = self.survey
        for pair in [(rule, operation) for rule in rules for operation in rule.operations]:
            outcome = self._ask(pair, before)
            if outcome.findings:
                self._open[pair] = outcome
            else:
                self._results[pair] = _settled(pair, outcome, before)
        reordered: Counter[Pair] = Counter()
        for _ in range(READINGS - 1):
            if not self._open:
                break
            after = before.again()
            for pair, earlier in list(self._open.items()):
                outcome = self._ask(pair, after)
                movement = _movement(earlier.touched | outcome.touched, before, after)
                reordered[pair] += movement is Movement.REORDERED
                standing = [finding for finding in outcome.findings if _same(finding, earlier.findings)]
                if not outcome.findings:
                    self._close(pair, _settled(pair, outcome, after))
                elif standing and (movement is Movement.NONE or reordered[pair] > 1):
                    self._close(pair, _violation(pair, standing))
                else:
                    self._open[pair] = outcome
            before = after
        for pair in list(self._open):
            self._close(pair, _result(pair, Verdict.UNSTABLE, f"the data changed between each of {READINGS} readings"))

    def _close(self, pair: Pair, result: Result) -> None:
        self._results[pair] = result
        del self._open[pair]

    def results(self) -> list[Result]:
        """The verdicts so far, in the order of the catalogue; what was found once and not read again is none."""
        unconfirmed = {
            pair: _result(pair, Verdict.NOT_EXERCISED, f"seen once, and not read again: {outcome.findings[0].relation}")
            for pair, outcome in self._open.items()
        }
        order = list(CATALOGUE)
        every = self._results | unconfirmed
        return [every[pair] for pair in sorted(every, key=lambda pair: order.index(pair[0].id))]

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
