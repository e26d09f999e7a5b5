"""One conformance run: from a target to a report."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import version

from attrs import Factory, define, field, frozen

import channel_images.conformance.rules  # noqa: F401 - fills the catalogue
from channel_images.conformance.expect import Expectations
from channel_images.conformance.fuzz import EngineFailed, Finding, fuzz
from channel_images.conformance.judge import Judge
from channel_images.conformance.operations import operations, statement
from channel_images.conformance.oracle import IDENTIFIABLE, NO_SERVER_ERROR, RESPONSE, Problem, problems
from channel_images.conformance.results import Evidence, Report, Result, Severity, Verdict
from channel_images.conformance.rule import CATALOGUE, Rule
from channel_images.conformance.survey import Survey
from channel_images.conformance.target import Target
from channel_images.conformance.wire import Answer, Credentials, OutOfRequests, ServerGone, Session, Wire

SCHEMA_RULES = (RESPONSE, IDENTIFIABLE, NO_SERVER_ERROR)


@frozen
class Options:
    """How a run goes about it."""

    seed: int = 0
    quick: bool = False
    """Relations alone, on smaller windows: no schemathesis."""
    rules: frozenset[str] | None = None
    """The rules to try; ``None`` for all."""
    skip: frozenset[str] = frozenset()
    """Rules to leave out."""
    probe_writes: bool = False
    """Whether to send POST, PUT, PATCH and DELETE, to ids that do not exist."""
    rate: float | None = None
    """Requests a second; ``None`` for no limit."""
    max_requests: int | None = None
    max_examples: int = 25
    """Cases for each operation in the fuzzing and the stateful phase of schemathesis."""
    expectations: Expectations = Factory(Expectations)
    command: str = ""
    """The command that repeats the run, for the report."""


class NotJudged(Exception):
    """Nothing answered, or nothing that belongs to this API; the message says what did."""


def check(target: Target, options: Options | None = None, on_step: Callable[[str], None] = lambda step: None) -> Report:
    """Judge a server.

    Args:
        target: the server.
        options: how to go about it.
        on_step: called with the name of each step as it begins.

    Returns:
        The report, also where the server could not be judged: ``not_judged`` then says why.

    Raises:
        ValueError: ``rules`` or ``skip`` names a rule that does not exist.
    """
    options = options or Options()
    if unknown := ((options.rules or frozenset()) | options.skip) - CATALOGUE.keys():
        raise ValueError(f"no rule {', '.join(sorted(unknown))}; there are {', '.join(CATALOGUE)}")
    return _Run(target, options, on_step).report()


@define
class _Run:
    target: Target
    options: Options
    on_step: Callable[[str], None]
    results: list[Result] = Factory(list)
    problems: list[Problem] = Factory(list)
    fuzzed: int = 0
    wire: Wire = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.wire = Wire(self.target, self.options.rate, self.options.max_requests, on_answer=self._hear)

    def report(self) -> Report:
        started, clock = datetime.now(UTC), time.monotonic()
        not_judged = ""
        try:
            self._judge()
        except NotJudged as reason:
            not_judged = str(reason)
        except ServerGone:
            not_judged = f"{self.target.url} stopped answering half-way; what had been found by then is in the report"
        except OutOfRequests:
            not_judged = f"the {self.options.max_requests} requests of --max-requests are spent"
        except EngineFailed as reason:
            not_judged = f"schemathesis could not run: {reason}"
        finally:
            self.wire.close()
        relations = [result for result in self.results if result.rule not in SCHEMA_RULES]
        exercised = [result for result in relations if result.verdict is not Verdict.NOT_EXERCISED]
        if not not_judged and exercised and all(result.verdict is Verdict.UNSTABLE for result in exercised):
            not_judged = "the data changed all the time: no relation could be judged"
        return Report(
            url=self.target.url,
            channels=(self.target.channel, *self.target.others),
            seed=self.options.seed,
            versions={name: version(name) for name in ("channel-images", "schemathesis")},
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - clock, 1),
            requests=self.wire.requests + self.fuzzed,
            results=self.results,
            not_judged=not_judged,
            command=self.options.command,
        )

    def _hear(self, answer: Answer) -> None:
        self.problems.extend(problems(answer))

    def _judge(self) -> None:
        self.on_step("first answers")
        session = Session(self.wire, _credentials(self.target))
        self._first_answers(session)
        survey = Survey(
            session,
            self.target.channel,
            self.target.others,
            self.options.seed,
            self.options.quick,
            self.options.probe_writes,
            self.target.token,
            self.options.expectations,
        )
        chosen = [rule for rule in CATALOGUE.values() if self._is_chosen(rule)]
        families = dict.fromkeys(rule.family for rule in chosen)
        told: dict[str, None] = {}

        def tell(rule: Rule) -> None:
            if rule.family not in told:
                told[rule.family] = None
                self.on_step(f"{rule.family} ({len(told)} of {len(families)})")

        findings: list[Finding] = []
        try:
            self.results += Judge(survey, tell).judge(chosen)
            if not self.options.quick and any(rule.id in SCHEMA_RULES for rule in chosen):
                fuzzed = fuzz(
                    self.target,
                    seed=self.options.seed,
                    max_examples=self.options.max_examples,
                    rate=self.options.rate,
                    on_phase=lambda phase: self.on_step(f"schemathesis: {phase}"),
                )
                self.fuzzed = sum(fuzzed.cases.values())
                findings = fuzzed.findings
        finally:
            # Also where the server went away: what had been found by then stands.
            self._settle_schema(findings)

    def _is_chosen(self, rule: Rule) -> bool:
        return rule.id not in self.options.skip and (self.options.rules is None or rule.id in self.options.rules)

    def _first_answers(self, session: Session) -> None:
        """Ask each operation once. Raises ``NotJudged`` where nothing that belongs to this API answers."""
        try:
            answers = [session.get(operation.path_for(self.target.channel)) for operation in operations()]
        except ServerGone as error:
            raise NotJudged(f"nothing answers at {self.target.url}: {error}") from None
        statuses = {answer.status for answer in answers}
        if all(answer.broke for answer in answers):
            raise NotJudged(f"nothing answers at {self.target.url}: {answers[0].broke}")
        every = f"all {len(answers)} operations answer"
        if statuses <= {401, 403}:
            given = (
                "the token was refused" if self.target.token else "no token was given (--token, CHANNEL_IMAGES_TOKEN)"
            )
            raise NotJudged(f"{every} {' or '.join(map(str, sorted(statuses)))}: {given}")
        if statuses == {404}:
            raise NotJudged(
                f"{every} 404: no channel {self.target.channel} at {self.target.url}, or the URL lacks a path prefix"
            )

    def _settle_schema(self, findings: Iterable[Finding]) -> None:
        """Turn what single answers are guilty of into the verdicts of the schema rules."""
        worst: dict[tuple[str, str, str], Problem] = {}
        for problem in self.problems:
            key = (problem.rule, problem.operation, problem.what)
            # Of the same fault the shortest request is the best evidence.
            if key not in worst or len(problem.answer.url) < len(worst[key].answer.url):
                worst[key] = problem
        violations: dict[tuple[str, str], list[Result]] = {}
        for problem in worst.values():
            violations.setdefault((problem.rule, problem.operation), []).append(_from_problem(problem))
        for finding in findings:
            # What our own requests have shown already needs no second witness.
            violations.setdefault((finding.rule, finding.operation), [_from_finding(finding)])
        settled: list[Result] = []
        for result in self.results:
            settled += violations.pop((result.rule, result.operation), [result])
        self.results[:] = settled


def _credentials(target: Target) -> Credentials:
    return Credentials("valid", f"Token {target.token}", "Token $TOKEN") if target.token else Credentials("valid")


def _from_problem(problem: Problem) -> Result:
    return _schema_violation(
        problem.rule, problem.operation, problem.what, problem.seen, problem.answer.curl, problem.severity
    )


def _from_finding(finding: Finding) -> Result:
    seen = f"{finding.status or 'no answer'}: {finding.message}"
    return _schema_violation(finding.rule, finding.operation, finding.title, seen, finding.request, Severity.ERROR)


def _schema_violation(rule: str, operation: str, what: str, seen: str, request: str, severity: Severity) -> Result:
    sentence = statement(rule)
    return Result(
        rule,
        operation,
        Verdict.VIOLATED,
        severity,
        what,
        Evidence(
            relation=what,
            statement=sentence.text,
            basis=sentence.basis,
            expected="an answer that the contract documents for this operation",
            seen=seen,
            requests=(request,),
        ),
    )
