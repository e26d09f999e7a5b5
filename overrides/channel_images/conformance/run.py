"""One conformance run: from a target to a report."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

from attrs import Factory, define, evolve, field, frozen

import channel_images.conformance.rules  # noqa: F401 - fills the catalogue
from channel_images.conformance.expect import Expectations
from channel_images.conformance.fuzz import EngineFailed, Finding, fuzz
from channel_images.conformance.judge import Judge
from channel_images.conformance.operations import operations, statement
from channel_images.conformance.oracle import IDENTIFIABLE, NO_SERVER_ERROR, RESPONSE, Problem, problems, route
from channel_images.conformance.results import Evidence, Latency, Report, Result, Severity, Verdict
from channel_images.conformance.rule import CATALOGUE, Rule
from channel_images.conformance.survey import Survey
from channel_images.conformance.target import Target
from channel_images.conformance.waivers import Waivers
from channel_images.conformance.wire import (
    PROXY_STATUSES,
    Answer,
    Credentials,
    OutOfRequests,
    Request,
    ServerGone,
    Session,
    Wire,
)

BLIP = "a proxy's error that was gone when the request was sent again"
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
    schemathesis: bool = True
    """Whether to run schemathesis at all."""
    max_examples: int = 25
    """Cases for each operation in the fuzzing and the stateful phase of schemathesis."""
    expectations: Expectations = Factory(Expectations)
    waivers: Waivers = Factory(Waivers)
    """Violations that are known, and until when they do not count."""
    command: str = ""
    """The command that repeats the run, for the report."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with the report of what had been found by then in ``report``."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


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
        Interrupted: Ctrl-C; it carries the report of what had been found by then.
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
    seconds: dict[str, list[float]] = Factory(lambda: defaultdict(list))
    """Latencies by operation."""
    fuzzed: int = 0
    wire: Wire = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.wire = Wire(self.target, self.options.rate, self.options.max_requests, on_answer=self._hear)

    def report(self) -> Report:
        started, clock = datetime.now(UTC), time.monotonic()
        not_judged = ""
        interrupted = False
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
        except KeyboardInterrupt:
            interrupted = True
            not_judged = "interrupted; what had been found by then is in the report"
        finally:
            self.wire.close()
        relations = [result for result in self.results if result.rule not in SCHEMA_RULES]
        exercised = [result for result in relations if result.verdict is not Verdict.NOT_EXERCISED]
        if not not_judged and exercised and all(result.verdict is Verdict.UNSTABLE for result in exercised):
            not_judged = "the data changed all the time: no relation could be judged"
        report = Report(
            url=self.target.url,
            channels=(self.target.channel, *self.target.others),
            seed=self.options.seed,
            versions={name: version(name) for name in ("channel-images", "schemathesis")},
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - clock, 1),
            requests=self.wire.requests + self.fuzzed,
            results=self.options.waivers.applied([self._without_token(result) for result in self.results]),
            not_judged=not_judged,
            latency={operation: Latency.of(seconds) for operation, seconds in self.seconds.items()},
            command=self.options.command,
        )
        if interrupted:
            raise Interrupted(report)
        return report

    def _without_token(self, result: Result) -> Result:
        """The result as it may be shown: a server may have echoed the token."""
        token = self.target.token
        if not token or result.evidence is None:
            return result
        evidence = result.evidence
        return evolve(
            result,
            reason=result.reason.replace(token, "$TOKEN"),
            evidence=evolve(
                evidence,
                relation=evidence.relation.replace(token, "$TOKEN"),
                expected=evidence.expected.replace(token, "$TOKEN"),
                seen=evidence.seen.replace(token, "$TOKEN"),
                requests=tuple(request.replace(token, "$TOKEN") for request in evidence.requests),
            ),
        )

    def _hear(self, answer: Answer) -> None:
        self.problems.extend(problems(answer))
        operation, _ = route(answer.request)
        if operation is not None and not answer.broke:
            self.seconds[operation.id].append(answer.seconds)

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
        judge = Judge(survey, tell)
        try:
            judge.judge(chosen)
            if self.options.schemathesis and not self.options.quick and any(rule.id in SCHEMA_RULES for rule in chosen):
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
            # Also where the server went away, or the user did: what had been found by then stands.
            self.results += judge.results()
            self._settle_schema(session, findings)

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

    def _settle_schema(self, session: Session, findings: Iterable[Finding]) -> None:
        """Turn what single answers are guilty of into the verdicts of the schema rules."""
        found = [each for each in map(partial(self._confirmed, session), findings) if each]
        found += [
            Problem(NO_SERVER_ERROR, operation.id, BLIP, blip.describe(), blip, Severity.WARNING)
            for blip in self.wire.blips
            if (operation := route(blip.request)[0]) is not None
        ]
        worst: dict[tuple[str, str, str], Problem] = {}
        for problem in [*self.problems, *found]:
            key = (problem.rule, problem.operation, problem.what)
            # Of the same fault the shortest request is the best evidence.
            if key not in worst or len(problem.answer.url) < len(worst[key].answer.url):
                worst[key] = problem
        violations: dict[tuple[str, str], list[Result]] = {}
        for problem in worst.values():
            violations.setdefault((problem.rule, problem.operation), []).append(_violation(problem))
        settled: list[Result] = []
        for result in self.results:
            settled += violations.pop((result.rule, result.operation), [result])
        self.results[:] = settled

    def _confirmed(self, session: Session, finding: Finding) -> Problem | None:
        """What schemathesis found, asked for again; ``None`` where it does not stand."""
        request = Request(finding.url.removeprefix(self.target.url), method=finding.method)
        seen = f"{finding.status or 'no answer'}: {finding.message}"
        try:
            again = self.wire.send(request, session.valid)
        except (ServerGone, OutOfRequests):
            again = Answer(request, finding.url, finding.status or 0, authorization=session.valid.shown)
        if finding.status in PROXY_STATUSES and not again.is_server_error:
            return Problem(finding.rule, finding.operation, BLIP, seen, again, Severity.WARNING)
        if finding.status is not None and finding.status < 500 and again.status != finding.status:
            return None
        own = [problem for problem in problems(again) if problem.rule == finding.rule]
        if own and all(problem.severity is Severity.WARNING for problem in own):
            return None  # told already, at the severity that it has
        return Problem(finding.rule, finding.operation, finding.title.lower(), seen, again)


def _credentials(target: Target) -> Credentials:
    return Credentials("valid", f"Token {target.token}", "Token $TOKEN") if target.token else Credentials("valid")


def _violation(problem: Problem) -> Result:
    sentence = statement(problem.rule)
    return Result(
        problem.rule,
        problem.operation,
        Verdict.VIOLATED,
        problem.severity,
        problem.what,
        Evidence(
            relation=problem.what,
            statement=sentence.text,
            basis=sentence.basis,
            expected="an answer that the contract documents for this operation",
            seen=problem.seen,
            requests=(problem.answer.curl,),
        ),
    )
