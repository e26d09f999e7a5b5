"""Runs the check once: from a target to a report."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from itertools import chain

from attrs import Factory, define, evolve, field, frozen

from channel_images.conformance.asking.cleaning import Cleaner
from channel_images.conformance.asking.expect import Expectations
from channel_images.conformance.asking.operations import Operation
from channel_images.conformance.asking.signin import sign_in
from channel_images.conformance.asking.standing import NotJudged, Session, Standing
from channel_images.conformance.asking.survey import Survey
from channel_images.conformance.asking.target import Target
from channel_images.conformance.asking.wire import (
    AT_ONCE,
    MOST_REQUESTS,
    Answer,
    OutOfRequests,
    OutOfTime,
    RunEnds,
    ServerGone,
    Wire,
)
from channel_images.conformance.catalogue import CATALOGUE, RULES
from channel_images.conformance.causes import with_causes
from channel_images.conformance.files import or_near
from channel_images.conformance.har import Har
from channel_images.conformance.judging.judge import Judge
from channel_images.conformance.judging.oracle import IDENTIFIABLE, NO_SERVER_ERROR, RESPONSE, Problem, problems, route
from channel_images.conformance.judging.proof import breaks
from channel_images.conformance.judging.rule import Rule
from channel_images.conformance.results import Latency, Report, Result, Severity, Verdict
from channel_images.conformance.rules.pace import response_time
from channel_images.conformance.seen import Coverage
from channel_images.conformance.waivers import Waivers
from channel_images.contract import contract_name

if find_spec("schemathesis") is None:  # said here, although it is imported only by the runs that use it
    raise ModuleNotFoundError("No module named 'schemathesis'", name="schemathesis")

BLIP = "an answer was missing, and there when the request was sent again"
BREAKS = "connections break again and again"
ONE_IN = 60
"""Requests for each broken connection above which a server's network has an excuse, and below which it has none."""
FEW_BREAKS = 4
"""Broken connections that are always excused."""
NO_HINT = "a 429 without Retry-After"
READS_FIRST = "protocol.safe"
"""The rule that looks at pending rows which nothing else has read."""
SCHEMA_RULES = (RESPONSE, IDENTIFIABLE, NO_SERVER_ERROR)
READ_ONCE, READ_AGAIN, FUZZED = 0.6, 0.75, 0.9
"""Shares of the requests of a run: what the rules' first reading may spend, what may be spent when they have read again,
and when schemathesis is done. The rest shows evidence again."""
SPARE = 200
"""Requests that each step may send, whatever was spent before it."""
FAMILIES = ("all", *dict.fromkeys(rule.family for rule in RULES))
"""What `--require` may name."""
MOST_TRIED = 200
"""Requests that the evidence sends again where it shows only now and then."""
SIGHTINGS = 3
"""Answers with the same fault whose requests are sent again, until one shows it."""


@frozen
class Options:
    """What a run tries, and how."""

    seed: int = 0
    quick: bool = False
    """Try only how answers are related, on less data and without schemathesis."""
    rules: frozenset[str] | None = None
    """The rules to try; `None` for all."""
    skip: frozenset[str] = frozenset()
    """Rules to leave out."""
    probe_writes: bool = False
    """Whether to send POST, PUT, PATCH and DELETE, to ids that do not exist."""
    rate: float | None = None
    """Requests a second; `None` for no limit."""
    max_requests: int | None = None
    """Ends the run after so many requests; there are never more than `MOST_REQUESTS`."""
    max_seconds: float | None = None
    """Ends the run after so many seconds; `None` for no end."""
    max_response_time: float | None = None
    """Seconds within which 95 of 100 answers have to come; `None` leaves that out."""
    at_once: int = AT_ONCE
    """Requests at the same time, where a rule compares these with requests that are sent alone."""
    schemathesis: bool = True
    """Whether to run schemathesis at all."""
    max_examples: int = 25
    """Cases for each operation in the fuzzing and the stateful phase of schemathesis."""
    expectations: Expectations = Factory(Expectations)
    waivers: Waivers = Factory(Waivers)
    """Known violations, and the days until which they do not count."""
    command: str = ""
    """The command that repeats the run, for the report."""
    required: tuple[str, ...] = ()
    """Families of which every result has to be exercised; `all` for all of them."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    """How to wait and how to tell the time, in seconds: for tests, which do not wait."""
    har: Har | None = None
    """Where to write what is sent and answered."""

    def has_chosen(self, rule: Rule) -> bool:
        """Whether a rule is to be tried. What has no bound is no rule, unless it is asked for by name."""
        is_bounded = rule is not response_time or self.max_response_time is not None
        return rule.id not in self.skip and (is_bounded if self.rules is None else rule.id in self.rules)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with the report of what had been found by then in `report`."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report


def check(target: Target, options: Options | None = None, on_step: Callable[[str], None] = lambda step: None) -> Report:
    """Judge a server.

    Args:
        target: The server.
        options: What to try, and how.
        on_step: Called with the name of each step as it begins.

    Returns:
        The report. If the server could not be judged, `not_judged` says why.

    Raises:
        Interrupted: Ctrl-C; it has the report of what was found by then.
        ValueError: `rules` or `skip` names a rule that does not exist, or `required` names a family that does not exist
            or has no rule left.
    """
    options = options or Options()
    check_rules(options)
    return _Run(target, options, on_step).report()


def check_rules(options: Options) -> None:
    """Raise `ValueError` where `rules`, `skip` or `required` names what does not exist, or nothing is left of a family."""
    if unknown := ((options.rules or frozenset()) | options.skip) - CATALOGUE.keys():
        raise ValueError(f"no rule {', '.join(sorted(unknown))}; there are {', '.join(CATALOGUE)}")
    for family in options.required:
        if family not in FAMILIES:
            raise ValueError(f"--require: no family {family}; {or_near(family, FAMILIES)}")
        if not any(family in ("all", rule.family) for rule in RULES if options.has_chosen(rule)):
            raise ValueError(f"--require {family}: --rule and --skip leave none of its rules")


@define
class _Run:
    target: Target
    options: Options
    on_step: Callable[[str], None]
    results: list[Result] = Factory(list)
    problems: list[Problem] = Factory(list)
    seconds: dict[str, list[float]] = Factory(lambda: defaultdict(list))
    """Latencies by operation."""
    coverage: Coverage = field(init=False)
    wire: Wire = field(init=False)
    standing: Standing = field(init=False)
    _sure: int = 0
    """How many of the problems came before the API was last known to answer."""
    _settled: dict[tuple[str, str, str], list[Result]] = Factory(dict)
    """What became of each fault of single answers."""
    _asking_for: str = ""
    """What the requests at the moment are sent for: a rule, or a step of the run."""

    def __attrs_post_init__(self) -> None:
        self.coverage = Coverage((self.target.channel, *self.target.others))
        options = self.options
        self.wire = Wire(
            self.target, options.rate, at_once=options.at_once, sleep=options.sleep, clock=options.clock,
            until=None if options.max_seconds is None else options.clock() + options.max_seconds,
        )  # fmt: skip
        can_sign_in = self.target.username and self.target.password
        self.standing = Standing(self.wire, self._sign_in if can_sign_in else None, on_sure=self._be_sure)
        if options.har is not None:
            self.wire.on_exchange = self._record

    def _record(self, answer: Answer) -> None:
        if self.options.har is not None:
            self.options.har.add(answer, self._asking_for, self.standing.tokens)

    def _sign_in(self) -> str:
        return sign_in(self.target, self.target.username, self.target.password, self.options.sleep)

    def _be_sure(self) -> None:
        self._sure = len(self.problems)

    def report(self) -> Report:
        started, clock = datetime.now(UTC), time.monotonic()
        not_judged = ""
        interrupted = False
        try:
            self._judge()
        except ServerGone:
            not_judged = f"{self.target.url} stopped answering half-way; what had been found by then is in the report"
        except OutOfRequests:
            not_judged = f"the {self.wire.most:,} requests of --max-requests are spent"
        except RunEnds as reason:
            not_judged = str(reason)
        except KeyboardInterrupt:
            interrupted = True
            not_judged = "interrupted; what had been found by then is in the report"
        finally:
            self.wire.close()
        # Those that were waited for: no rule has heard them.
        for answer in (*self.wire.turned_away, *self.wire.blips):
            self._take_note(answer)
        cleaner = Cleaner.of(self.target, self.standing.tokens)
        report = Report(
            url=self.target.url,
            channels=(self.target.channel, *self.target.others),
            seed=self.options.seed,
            versions={name: version(name) for name in ("channel-images", "schemathesis")},
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - clock, 1),
            requests=self.wire.requests,
            results=with_causes(self.options.waivers.applied(map(cleaner.result, self.results))),
            contract=contract_name(),
            not_judged=cleaner.text(not_judged or self._nothing_held()),
            latency={operation: Latency.of(seconds) for operation, seconds in self.seconds.items()},
            command=self.options.command,
            coverage=tuple(self.coverage.seen()),
            other_user=bool(self.target.other_token),
            required=self.options.required,
        )
        if interrupted:
            raise Interrupted(report)
        return report

    def _nothing_held(self) -> str:
        """Why the results are no verdict, where nothing held and nothing was violated; empty if something was."""
        known = {Verdict.PASS, Verdict.VIOLATED}
        relations = [result for result in self.results if result.rule not in SCHEMA_RULES]
        exercised = {result.verdict for result in relations} - {Verdict.NOT_EXERCISED}
        if exercised == {Verdict.UNSTABLE}:
            return "the data changed all the time: no relation could be judged"
        if not any(result.verdict in known for result in self.results):
            return "nothing was exercised: " + "; ".join(dict.fromkeys(result.reason for result in self.results))
        return ""

    def _hear(self, answer: Answer) -> None:
        self.problems.extend(problems(answer))
        operation = self._take_note(answer)
        if operation is not None and not answer.broke:
            self.seconds[operation.id].append(answer.seconds)

    def _take_note(self, answer: Answer) -> Operation | None:
        """Count an answer to what was seen of the contract; returns the operation that it belongs to."""
        operation, values = route(answer.request)
        if operation is not None:
            self.coverage.hear(operation, values, answer)
        return operation

    def _judge(self) -> None:
        self.on_step("first answers")
        self._asking_for = "first answers"
        session = Session(self.wire, self.standing, self._hear)
        for answer in self.standing.begin(self.target.channel):
            self._hear(answer)
            session.answers[answer.request] = answer
        self._be_sure()
        survey = Survey(
            session,
            self.target.channel,
            self.target.others,
            self.options.seed,
            self.options.quick,
            self.options.probe_writes,
            self.options.max_response_time,
            self.options.expectations,
        )
        chosen = [rule for rule in RULES if self.options.has_chosen(rule)]
        families = dict.fromkeys(rule.family for rule in chosen)
        told: dict[str, None] = {}

        def tell(rule: Rule) -> None:
            self._asking_for = rule.id
            if rule.family not in told:
                told[rule.family] = None
                self.on_step(f"{rule.family} ({len(told)} of {len(families)})")

        judge = Judge(survey, chosen, tell)
        try:
            # Wrong tokens come last: a server that locks out who sends them has answered everything else by then.
            others = [rule for rule in chosen if rule.family != "auth"]
            self._try(judge, sorted(others, key=lambda rule: rule.id != READS_FIRST))
            if self.options.schemathesis and not self.options.quick and any(rule.id in SCHEMA_RULES for rule in chosen):
                self._fuzz(survey)
            self._try_to(lambda: self._settle(session), 1.0)
            self._try(judge, [rule for rule in chosen if rule.family == "auth"])
            self._try_to(lambda: self._settle(session), 1.0)
            is_open = bool(self.problems) or (judge.unconfirmed() > 0 and not judge.has_moved)
            known = [*judge.results(), *chain.from_iterable(self._settled.values())]
            if is_open and not any(map(self._is_error, known)):
                raise RunEnds(f"what was found could not be read again within {MOST_REQUESTS:,} requests")
        except (ServerGone, NotJudged):
            judge.withdraw()
            del self.problems[self._sure :]
            raise
        finally:
            # Also where the server went away, or the user did: what had been found by then stands.
            self._finish(judge)

    @staticmethod
    def _is_error(result: Result) -> bool:
        return result.verdict is Verdict.VIOLATED and result.severity is Severity.ERROR

    def _try_to(self, step: Callable[[], None], share: float) -> None:
        """Do something, as far as that share of the run's requests goes. A number that the user gave is not shared out.

        Raises `RunEnds`; `OutOfRequests` if the user gave a number.
        """
        given = self.options.max_requests
        # What comes last has some requests left for it, whatever was spent before.
        most = max(share * MOST_REQUESTS, self.wire.requests + SPARE)
        self.wire.most = min(MOST_REQUESTS, given or int(most))
        try:
            step()
        except OutOfRequests:
            if given:
                raise

    def _try(self, judge: Judge, rules: list[Rule]) -> None:
        """Have rules judged."""
        self._try_to(lambda: judge.judge(rules), READ_ONCE)
        self._try_to(judge.confirm, READ_AGAIN)

    def _fuzz(self, survey: Survey) -> None:
        def tell(phase: str) -> None:
            self._asking_for = f"schemathesis: {phase}"
            self.on_step(self._asking_for)

        from channel_images.conformance.judging.fuzz import fuzz  # as long to import as all the rest

        seed, most = self.options.seed, self.options.max_examples
        self._try_to(lambda: fuzz(survey.again(), seed=seed, max_examples=most, on_phase=tell), FUZZED)

    # What single answers are guilty of

    def _settle(self, session: Session) -> None:
        """Send again what single answers were guilty of: what does not show again is no violation. Raises `RunEnds`."""
        found: dict[tuple[str, str, str], list[Problem]] = defaultdict(list)
        for problem in self.problems:
            found[problem.rule, problem.operation, problem.what].append(problem)
        new = {key: seen for key, seen in found.items() if key not in self._settled}
        settled: dict[tuple[str, str, str], list[Result]] = {}
        ended: RunEnds | None = None
        try:
            for key, seen in new.items():
                self._asking_for = f"{key[0]}, again"
                settled[key] = self._shown(session, seen)
            session.assure()
        except (OutOfRequests, OutOfTime) as end:
            ended = end
        self._settled |= settled
        self.problems[:] = [each for key, seen in new.items() if key not in settled for each in seen]
        self._sure = 0
        if ended:
            raise ended

    def _shown(self, session: Session, seen: list[Problem]) -> list[Result]:
        # Of the same fault the shortest request is the best evidence.
        shortest = sorted(
            {problem.answer.url: problem for problem in seen}.values(), key=lambda each: len(each.answer.url)
        )
        for problem in shortest[:SIGHTINGS]:
            again = session.replayed(problem.answer)
            if any((each.rule, each.what) == (problem.rule, problem.what) for each in problems(again)):
                return [problem.violation()]
        if shortest[0].answer.status == 500:
            seen_once = f"{shortest[0].seen}; it was gone when the request was sent again"
            return [evolve(shortest[0], seen=seen_once).violation()]
        words = f"seen {len(seen)} times, and not when its request was sent by itself: {shortest[0].what}"
        return [Result(shortest[0].rule, shortest[0].operation, Verdict.UNSTABLE, reason=words)]

    def _finish(self, judge: Judge) -> None:
        """Put the verdicts of the rules and those of single answers together."""
        found = [result for results in self._settled.values() for result in results]
        found += [
            Result(
                each.rule, each.operation, Verdict.NOT_EXERCISED, reason=f"seen once, and not read again: {each.what}"
            )
            for each in self.problems
        ]
        found += self._breaks()
        violations: dict[tuple[str, str], list[Result]] = {}
        for result in dict.fromkeys(found):
            violations.setdefault((result.rule, result.operation), []).append(result)
        settled: list[Result] = []
        for result in judge.results():
            own = violations.pop((result.rule, result.operation), [])
            settled += own if own and result.verdict is not Verdict.VIOLATED else [result, *own]
        self.results = settled

    def _breaks(self) -> Iterator[Result]:
        """What missing answers and throttling say of the server, each told once."""
        broken = [each for each in self.wire.blips if each.broke]
        if len(broken) > max(FEW_BREAKS, self.wire.requests / ONE_IN):
            yield from self._told(BREAKS, NO_SERVER_ERROR, broken, Severity.ERROR)
        elif self.wire.blips:
            yield from self._told(BLIP, NO_SERVER_ERROR, self.wire.blips, Severity.WARNING)
        if silent := [each for each in self.wire.turned_away if "retry-after" not in each.headers]:
            yield from self._told(NO_HINT, RESPONSE, silent, Severity.WARNING)

    def _told(self, what: str, rule: str, answers: list[Answer], severity: Severity) -> Iterator[Result]:
        for answer in sorted(answers, key=lambda each: len(each.url)):
            if operation := route(answer.request)[0]:
                seen = f"{answer.describe()}; so {len(answers):,} of {self.wire.requests:,} requests"
                proof = partial(breaks, answer, MOST_TRIED) if answer.broke or answer.is_server_error else None
                yield Problem(rule, operation.id, what, seen, answer, severity, proof).violation()
                return
