"""Comes from findings to verdicts: what was found is read again, until it stands or the data turns out to be moving.

A rule that finds something is asked again on a new reading. The same finding on data that has not moved is a violation;
one that is gone was none. Where the data moved between two readings, neither is known: after `READINGS` of them the
verdict is `unstable`. Then the requests of its evidence are sent one by one, as a reader will send them: what they do
not show is no violation. What follows from another violation is told with that one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from pathlib import Path
from traceback import extract_tb

from attrs import define, evolve, field, frozen

from channel_images.conformance.asking.operations import RETRIEVALS, Operation
from channel_images.conformance.asking.reading import ABSENT, NotExercised, Unreadable, documented, rows
from channel_images.conformance.asking.survey import Sample, Survey
from channel_images.conformance.asking.wire import Answer, OutOfRequests, Request, RunEnds
from channel_images.conformance.judging.oracle import route
from channel_images.conformance.judging.proof import Proof, as_seen, ends_early
from channel_images.conformance.judging.rule import MOST_REQUESTS, Finding, Rule, violation
from channel_images.conformance.results import Result, Severity, Verdict
from channel_images.resource import resource

READINGS = 4
"""Readings before a rule is given up as unstable."""
PROBED = 12
"""Rows that are looked for one by one, to tell rows that moved from rows that are gone."""


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

    survey: Survey
    """The reading."""
    findings: tuple[Finding, ...] = ()
    idle: str = ""
    """Why the rule could not be exercised; empty if it was."""
    touched: frozenset[Request] = frozenset()
    is_unreadable: bool = False
    """Whether what was found is an answer without the rows that are due."""


Pair = tuple[Rule, Operation]


@define
class Judge:
    """Runs rules over readings of a server."""

    survey: Survey
    rules: Sequence[Rule]
    """All that are to be judged, in the order of the results."""
    on_rule: Callable[[Rule], None] = lambda rule: None
    _results: dict[Pair, list[Result]] = field(init=False, factory=dict)
    _open: dict[Pair, Outcome] = field(init=False, factory=dict)
    """What was found and has not been confirmed yet."""
    _reordered: Counter[Pair] = field(init=False, factory=Counter)
    _unsure: list[Pair] = field(init=False, factory=list)
    """What was judged since the API was last known to answer."""
    has_moved: bool = False
    """Whether the data changed between two readings."""
    _told: dict[object, str] = field(init=False, factory=dict)
    """The violation that first told a fault, by what identifies the fault."""

    def judge(self, rules: Iterable[Rule]) -> None:
        """Read each rule and operation once. `confirm` comes to a verdict on what is found.

        Raises `RunEnds`; `results` has what is known by then.
        """
        pairs = [(rule, operation) for rule in rules for operation in rule.operations]
        try:
            self._read(pairs)
        except OutOfRequests:
            for pair in pairs:
                if pair not in self._results and pair not in self._open:
                    self._results[pair] = [_result(pair, Verdict.NOT_EXERCISED, "no request was left for it")]
            raise

    def _read(self, pairs: list[Pair]) -> None:
        family = ""
        for pair in pairs:
            if family not in ("", pair[0].family) and not self.survey.quick:
                self._assure()
            family = pair[0].family
            self._unsure.append(pair)
            outcome = self._ask(pair, self.survey)
            if outcome.findings:
                self._open[pair] = outcome
            else:
                self._results[pair] = [_settled(pair, outcome)]
            if self.survey.session.standing.is_in_doubt():
                self._assure()
        self._assure()

    def confirm(self) -> None:
        """Read again what was found, until it stands or the data turns out to be moving. Raises `RunEnds`."""
        before = self.survey
        premises = {identity for rule in self.rules for identity in rule.rests_on}
        for reading in range(1, READINGS):
            if not self._open:
                break
            after = before.again()
            # What others rest on goes first.
            for pair in sorted(self._open, key=lambda pair: pair[0].id not in premises):
                earlier = self._open[pair]
                if cause := self._cause(pair, earlier):
                    self._follow(pair, cause)
                elif not self._waits(pair, earlier) or reading == READINGS - 1:
                    self._read_again(pair, earlier, after)
            self._assure()
            before = after
        for pair in list(self._open):
            self._close(
                pair, [_result(pair, Verdict.UNSTABLE, f"the data changed between each of {READINGS} readings")]
            )

    def _read_again(self, pair: Pair, earlier: Outcome, survey: Survey) -> None:
        outcome = self._ask(pair, survey)
        if survey.session.standing.is_in_doubt():
            survey.session.assure()
        self._weigh(pair, earlier, outcome)

    def _weigh(self, pair: Pair, earlier: Outcome, outcome: Outcome) -> None:
        """Come to a verdict from two readings, or leave it open."""
        movement = _movement(earlier.touched | outcome.touched, earlier.survey, outcome.survey)
        self._reordered[pair] += movement is Movement.REORDERED
        self.has_moved |= movement is Movement.CHANGED
        standing = [finding for finding in outcome.findings if _same(finding, earlier.findings)]
        has_stayed = movement is Movement.NONE or self._reordered[pair] > 1
        if not outcome.findings:
            self._close(pair, [_settled(pair, outcome)])
        elif cause := self._cause(pair, outcome):
            self._follow(pair, cause)
        elif standing and (has_stayed or any(finding.is_proven for finding in standing)):
            self._close(pair, self._violations(pair, standing, outcome))
        else:
            self._open[pair] = outcome

    def _assure(self) -> None:
        """Ask whether the API still answers; what was judged since it last did is withdrawn where it does not."""
        try:
            self.survey.session.assure()
        except RunEnds:
            self.withdraw()
            raise
        self._unsure.clear()

    def withdraw(self) -> None:
        """Take back what was judged since the API was last known to answer."""
        for pair in self._unsure:
            self._results.pop(pair, None)
            self._open.pop(pair, None)

    def _close(self, pair: Pair, results: list[Result]) -> None:
        self._results[pair] = results
        del self._open[pair]
        self._unsure.append(pair)

    def _follow(self, pair: Pair, cause: str) -> None:
        reason = f"cannot be judged beside the violation of {cause}"
        self._close(pair, [evolve(_result(pair, Verdict.NOT_EXERCISED, reason), follows_from=cause)])

    def _cause(self, pair: Pair, outcome: Outcome) -> str:
        """The violation that what was found follows from; empty if there is none."""
        rule, _operation = pair
        lists = {of.id for request in outcome.touched if (of := route(request)[0]) is not None}
        for (other, over), results in self._results.items():
            if other.id in rule.rests_on and over.id in lists and results[0].verdict is Verdict.VIOLATED:
                return f"{other.id} · {over.id}"
        return next((cause for key in _faults(outcome) if (cause := self._told.get(key))), "")

    def _waits(self, pair: Pair, outcome: Outcome) -> bool:
        """Whether something that the rule rests on is not settled yet."""
        lists = {of.id for request in outcome.touched if (of := route(request)[0]) is not None}
        return any(other.id in pair[0].rests_on and over.id in lists for other, over in self._open)

    def _violations(self, pair: Pair, standing: list[Finding], outcome: Outcome) -> list[Result]:
        """A violation for each relation that does not hold, and whose own evidence shows it."""
        # Of a list in no order each relation of its pages is broken.
        unordered = [finding for finding in standing if finding.relation.startswith("paging.order: ")]
        standing = unordered or standing
        by_relation: dict[str, Finding] = {}
        for finding in sorted(standing, key=lambda finding: finding.severity is not Severity.ERROR):
            by_relation.setdefault(finding.relation, finding)
        shown = [finding for finding in by_relation.values() if self._shows(finding)]
        if not shown:
            return [
                _result(
                    pair,
                    Verdict.UNSTABLE,
                    f"seen twice, and not when its requests were sent by themselves: {standing[0].relation}",
                )
            ]
        for key in _faults(outcome):
            self._told.setdefault(key, f"{pair[0].id} · {pair[1].id}")
        return [violation(pair[0].id, pair[1].id, finding) for finding in shown]

    def _shows(self, finding: Finding) -> bool:
        """Whether the requests of a finding, sent one by one and over connections of their own, are answered alike."""
        return finding.together or all(
            self.survey.session.replayed(answer).status == answer.status for answer in finding.answers[:MOST_REQUESTS]
        )

    def unconfirmed(self) -> int:
        """How many rules found something that was not read again."""
        return len(self._open)

    def results(self) -> list[Result]:
        """The verdicts so far, in the order of the rules; what was found once and not read again is none."""
        verdict = Verdict.UNSTABLE if self.has_moved else Verdict.NOT_EXERCISED
        why = (
            "the data changed, and no request was left to read it again"
            if self.has_moved
            else "seen once, and not read again"
        )
        unconfirmed = {
            pair: [_result(pair, verdict, f"{why}: {outcome.findings[0].relation}")]
            for pair, outcome in self._open.items()
        }
        order = [(rule, operation) for rule in self.rules for operation in rule.operations]
        every = self._results | unconfirmed
        return [result for pair in order for result in every.get(pair, ())]

    def _ask(self, pair: Pair, survey: Survey) -> Outcome:
        rule, operation = pair
        self.on_rule(rule)
        touched: set[Request] = set()
        survey.session.touched = touched
        findings: list[Finding] = []
        idle = ""
        is_unreadable = False
        try:
            findings.extend(rule.check(survey, operation))
        except NotExercised as reason:
            idle = str(reason)
        except Unreadable as error:
            is_own = _is_own_fault(error.answer, operation, survey.channel)
            # After another finding, which rows are due is not known.
            is_unreadable = is_own and not findings
            if is_unreadable:
                findings.append(_unreadable(error, survey))
            elif not is_own:
                idle = f"{error.answer.request.target} answers {error.answer.describe()}"
        except RunEnds:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a server sends, the run goes on
            findings.append(_beyond_us(error))
        finally:
            survey.session.touched = None
        return Outcome(survey, tuple(findings), "" if findings else idle, frozenset(touched), is_unreadable)


def _beyond_us(error: Exception) -> Finding:
    """What a rule could not cope with. Whose fault it is, nobody knows."""
    place = extract_tb(error.__traceback__)[-1]
    return Finding(
        f"could not be judged: {type(error).__name__} in {Path(place.filename).name}, line {place.lineno}",
        "answers that this rule can read",
        str(error)[:200],
        severity=Severity.WARNING,
    )


def _faults(outcome: Outcome) -> Iterator[object]:
    """What identifies the faults that were found: the same fault may be found by several rules."""
    for finding in outcome.findings:
        # `pending.paging` and `filter.with-paging` say which rule of paging it is.
        relation = finding.relation.partition(": ")[2] or finding.relation
        if outcome.is_unreadable:
            yield relation, route(finding.answers[0].request)[0]
        elif finding.answers:
            yield relation, frozenset(answer.request for answer in finding.answers)


def _is_own_fault(answer: Answer, operation: Operation, channel: int) -> bool:
    """Whether an answer without rows breaks the rule that asked for them.

    It does not if the answer has a rule of its own (5xx), if the token may not see it (403), or if it was too long to be
    read. Nor does it if the answer is another channel's, or belongs to another operation, whose own rules see it.
    """
    path = answer.request.path
    is_its = path.startswith(operation.path_for(channel)) if operation.is_list else False
    is_the_servers = not answer.is_server_error and answer.status != 403 and not answer.unread
    return is_the_servers and (is_its or _is_retrieval(path, operation, channel))


def _is_retrieval(path: str, operation: Operation, channel: int) -> bool:
    if operation not in RETRIEVALS:
        return False
    before, after = operation.path_for(channel, " ").split(" ")
    return path.startswith(before) and path.endswith(after) and path[len(before) : -len(after)].isdigit()


def _unreadable(error: Unreadable, survey: Survey) -> Finding:
    # The status alone, since a relation is what a waiver names: the same whatever the content type is.
    status = error.why.partition(" ")[0]
    return Finding(
        f"{status if status.isdigit() else error.why.partition(' (')[0]} where rows are due",
        "200 with rows",
        f"{error.answer.request.target}: {error.why}",
        (error.answer,),
        proof=_missing_page(error.answer, survey),
    )


def _missing_page(answer: Answer, survey: Survey) -> Proof:
    """How an answer without rows shows: where a page is not there, beside what the first one says of the list."""
    roles, given = resource().roles, dict(answer.request.params)
    number, limit = given.get(roles["page"], "1"), given.get(roles["size"], "")
    if answer.status in ABSENT and number.isdigit() and int(number) > 1 and limit.isdigit():
        params = tuple((name, "1" if name == roles["page"] else value) for name, value in answer.request.params)
        first = survey.session.answers.get(evolve(answer.request, params=params))
        if first is not None and first.status == 200:
            return ends_early(answer, first, int(number) - 1)
    return as_seen(answer)


def _same(finding: Finding, earlier: Iterable[Finding]) -> bool:
    return any(finding.relation == other.relation for other in earlier)


def _result(pair: Pair, verdict: Verdict, reason: str) -> Result:
    rule, operation = pair
    return Result(rule.id, operation.id, verdict, reason=reason)


def _settled(pair: Pair, outcome: Outcome) -> Result:
    """The verdict of a rule that found nothing."""
    if outcome.idle:
        return _result(pair, Verdict.NOT_EXERCISED, outcome.idle)
    try:
        full = outcome.survey.full()
    except (Unreadable, NotExercised):
        return _result(pair, Verdict.PASS, f"{len(outcome.touched)} requests")
    scope = f", {full.scope}" if isinstance(full, Sample) else ""
    return _result(pair, Verdict.PASS, f"{len(outcome.touched)} requests{scope}")


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
        # A row that came or went. Any other change of status is the server's doing, not the data's.
        return Movement.CHANGED if {old.status, new.status} == {200, 404} else Movement.NONE
    try:
        earlier, later = rows(old), rows(new)
    except Unreadable:
        return Movement.NONE
    if earlier.count != later.count:
        return Movement.CHANGED
    ones, others = dict(zip(earlier.pks, earlier.rows, strict=True)), dict(zip(later.pks, later.rows, strict=True))
    if any(documented(ones[pk]) != documented(others[pk]) for pk in ones.keys() & others.keys()):
        return Movement.CHANGED
    if differing := sorted(ones.keys() ^ others.keys()):
        if len(earlier.rows) != len(later.rows):
            return Movement.CHANGED
        there = all(survey.exists(pk) for pk in differing[:PROBED])
        return Movement.REORDERED if there else Movement.CHANGED
    return Movement.NONE
