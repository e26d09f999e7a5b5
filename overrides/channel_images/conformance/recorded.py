"""Judges recorded traffic (HAR) without sending a request.

Single answers go through the oracle, as in a run. The rules run unchanged over a wire that answers from the recording;
one that asks for something else is not exercised from there on.

Data changes, and a recording cannot be asked again. So what several answers say together is a violation in two cases alone:
the recording has them a second time, and they are as they were; or they were asked for within `MOST_APART` seconds, and
nothing in the recording shows that the data moved. Otherwise it is `unstable`.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from urllib.parse import parse_qsl

from attrs import define, evolve, field

from channel_images.calls.outside import SIGN_IN
from channel_images.conformance.asking.operations import (
    FULL,
    OPERATIONS,
    RETRIEVALS,
    RETRIEVE,
)
from channel_images.conformance.asking.reading import (
    ABSENT,
    ListOf,
    Page,
    Unreadable,
    Value,
    asked_for,
    can_take,
    documented,
    page,
    rows,
    written,
)
from channel_images.conformance.asking.recording import NotRecorded, RecordedWire, Recording
from channel_images.conformance.asking.standing import (
    Session,
    Standing,
    came,
    is_of_api,
    leads_elsewhere,
    may_come_from_elsewhere,
)
from channel_images.conformance.asking.survey import BASE, LARGE, LEAST, Sample, Survey, Whole, full_size
from channel_images.conformance.asking.wire import PROXY_STATUSES, VALID, Answer, Request
from channel_images.conformance.catalogue import RULES
from channel_images.conformance.causes import with_causes
from channel_images.conformance.judging.judge import Judge, Outcome, Pair
from channel_images.conformance.judging.oracle import Problem, problems, route
from channel_images.conformance.judging.proof import holds
from channel_images.conformance.judging.rule import Finding, Rule, keys, violation
from channel_images.conformance.results import Latency, Report, Result, Severity, Verdict
from channel_images.conformance.run import READS_FIRST, SCHEMA_RULES, Options, check_rules
from channel_images.conformance.seen import Coverage
from channel_images.contract import contract_name
from channel_images.resource import Filter, resource

MOST_APART = 10.0
"""Seconds between answers that are compared although the recording has each of them once."""
SOUND = "filter.sound"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods that change nothing."""


def judge_recording(recording: Recording, options: Options) -> Report:
    """Judge what was recorded of a server. Of the options, those count that say what is judged.

    Raises `ValueError` as `check` does.
    """
    check_rules(options)
    return _Trial(recording, options).report()


@define
class _Trial:
    recording: Recording
    options: Options
    sure: Sequence[Answer] = field(init=False)
    """The answers that are the API's."""

    def __attrs_post_init__(self) -> None:
        self.sure = list(_sure(self.recording))

    def report(self) -> Report:
        began, clock = datetime.now(UTC), time.monotonic()
        results = self._results() if self.sure else []
        cleaner = self.recording.cleaner
        seconds: dict[str, list[float]] = {}
        coverage = Coverage(self.recording.channels)
        for answer in self.sure:
            operation, values = route(answer.request)
            if operation is not None:
                seconds.setdefault(operation.id, []).append(answer.seconds)
                coverage.hear(operation, values, answer)
        return Report(
            url=cleaner.text(self.recording.url),
            channels=self.recording.channels,
            seed=self.recording.seed,
            versions={"channel-images": version("channel-images")},
            started=began.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - clock, 1),
            requests=0,
            results=with_causes(self.options.waivers.applied(map(cleaner.result, results))),
            contract=contract_name(),
            not_judged=cleaner.text(self._not_judged(results)),
            latency={operation: Latency.of(each) for operation, each in seconds.items()},
            command=self.options.command,
            recorded=self._described(),
            coverage=tuple(coverage.seen()),
            other_user=bool(self.recording.target.other_token),
            required=self.options.required,
        )

    def _described(self) -> str:
        times = sorted(answer.began for answer in self.sure if answer.began)
        when = f", from {times[0]:%Y-%m-%d %H:%M:%S} to {times[-1]:%Y-%m-%d %H:%M:%S} UTC" if times else ""
        return f"{len(self.sure):,} of {self.recording.total:,} recorded answers{when}"

    def _not_judged(self, results: Sequence[Result]) -> str:
        if not self.sure:
            first = self.recording.answers[0]
            return f"nothing that was recorded of {self.recording.url} is this API's: {first.request.target} answers {came(first)}"
        if not any(result.verdict in (Verdict.PASS, Verdict.VIOLATED) for result in results):
            return "nothing was exercised: " + "; ".join(list(dict.fromkeys(result.reason for result in results))[:3])
        return ""

    def _results(self) -> list[Result]:
        chosen = [rule for rule in RULES if self.options.has_chosen(rule)]
        found = self._of_relations(chosen)
        for answered in (self._of_single_answers(), self._of_filters()):
            for pair, results in answered.items():
                known = found.get(pair, [])
                if not known or known[0].verdict is not Verdict.VIOLATED:
                    found[pair] = results
                elif results[0].verdict is Verdict.VIOLATED:
                    told = {result.reason for result in known}
                    found[pair] = [*known, *(result for result in results if result.reason not in told)]
        order = [(rule.id, operation.id) for rule in chosen for operation in rule.operations]
        return [result for pair in order for result in found.get(pair, ())]

    # What single answers say

    def _of_single_answers(self) -> dict[tuple[str, str], list[Result]]:
        found: dict[tuple[str, str], list[Result]] = {}
        for operation in OPERATIONS:
            number = sum(route(answer.request)[0] is operation for answer in self.sure)
            verdict = Verdict.PASS if number else Verdict.NOT_EXERCISED
            reason = f"{number:,} recorded answers" if number else "no answer of it is recorded"
            found |= {
                (rule, operation.id): [Result(rule, operation.id, verdict, reason=reason)] for rule in SCHEMA_RULES
            }
        shown: dict[tuple[str, str, str], Problem] = {}
        # Of the same fault, the shortest request is the best evidence; an error goes before a warning.
        every = [self._weighed(problem) for answer in self.sure for problem in problems(answer)]
        for problem in sorted(every, key=lambda each: (each.severity is Severity.WARNING, len(each.answer.url))):
            shown.setdefault((problem.rule, problem.operation, problem.what), problem)
        for (rule, over, _), problem in shown.items():
            others = [each for each in found[rule, over] if each.verdict is Verdict.VIOLATED]
            found[rule, over] = [*others, problem.violation()]
        return found

    def _weighed(self, problem: Problem) -> Problem:
        """A broken connection and a proxy's absence are a warning, unless each answer to a request is so that was sent again."""
        passing = {0, *PROXY_STATUSES}
        if problem.answer.status not in passing:
            return problem
        alike = [each.status for each in self.sure if each.request == problem.answer.request]
        is_lasting = len(alike) > 1 and set(alike) <= passing
        return problem if is_lasting else evolve(problem, severity=Severity.WARNING)

    def _of_filters(self) -> dict[tuple[str, str], list[Result]]:
        """Whether the rows of each filtered list have what was asked for: one answer says both."""
        tried = 0
        wrong: dict[str, Finding] = {}
        for answer in self.sure:
            if answer.sender.name == VALID and route(answer.request)[0] is FULL:
                for by, wanted in _asked(answer.request):
                    try:
                        found = page(answer)
                    except Unreadable:
                        break
                    tried += bool(found.rows)
                    if finding := _unsound(found, by, wanted):
                        wrong.setdefault(finding.relation, finding)
        if not tried:
            return {}
        held = Result(SOUND, FULL.id, Verdict.PASS, reason=f"{tried:,} recorded answers")
        return {(SOUND, FULL.id): [violation(SOUND, FULL.id, each) for each in wrong.values()] or [held]}

    # What several answers say

    def _of_relations(self, chosen: Sequence[Rule]) -> dict[tuple[str, str], list[Result]]:
        wire = RecordedWire(self.recording.target, answers=self.sure)
        try:
            survey = _RecordedSurvey(
                Session(wire, _Sure(wire)),
                self.recording.channels[0],
                self.recording.channels[1:],
                self.recording.seed,
                self.recording.quick,
                probe_writes=True,
                expectations=self.options.expectations,
                is_of_run=self.recording.is_of_run,
            )
            judge = _RecordedJudge(survey, chosen, movement=_written(self.recording) or _moved(wire))
            # As in a run: what is recorded several times was asked for in this order.
            others = [rule for rule in chosen if rule.family != "auth"]
            for group in (
                sorted(others, key=lambda rule: rule.id != READS_FIRST),
                [rule for rule in chosen if rule.family == "auth"],
            ):
                judge.judge(group)
                judge.confirm()
        finally:
            wire.close()
        found: dict[tuple[str, str], list[Result]] = {}
        for result in judge.results():
            found.setdefault((result.rule, result.operation), []).append(result)
        return found


def _sure(recording: Recording) -> Iterator[Answer]:
    """The answers that are the API's: what may come from elsewhere counts where the API answers after it.

    A browser breaks requests off, writes, and is led to where people sign in: of what others recorded, such answers do not
    count.
    """
    answers, last = recording.answers, -1
    for number, answer in enumerate(answers):
        operation = route(answer.request)[0]
        if operation is not None and is_of_api(operation, answer):
            last = number
    for number, answer in enumerate(answers):
        is_browsers = (
            answer.broke
            or answer.request.method not in READING
            or (300 <= answer.status < 400 and leads_elsewhere(answer))
        )
        is_known = number < last or answer.unread or answer.status >= 500 or not may_come_from_elsewhere(answer)
        if last >= 0 and is_known and (recording.is_of_run or not is_browsers):
            yield answer


def _asked(request: Request) -> Iterator[tuple[Filter, list[Value]]]:
    """The filters of a request on what rows show, each with the values that it finds. Those are left out that a server may
    read in several ways."""
    params = parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
    names = [name for name, _ in params]
    for name, text in params:
        by = resource().filters.get(name)
        if by is None or not by.is_shown or names.count(name) > 1:
            continue
        values = [_value(by, each) for each in (text.split(",") if by.several else [text])]
        wanted = [value for value in values if value is not None and can_take(by, value)]
        if len(wanted) == len(values):
            yield by, wanted


def _value(by: Filter, text: str) -> Value | None:
    """The value that a text says in the contract's spelling; `None` for any other text."""
    value: Value
    if by.type == "boolean":
        value = text == "true"
    elif by.type in ("integer", "number"):
        try:
            value = int(text) if len(text) < 20 else 0
        except ValueError:
            return None
    else:
        value = text
    return value if written(value) == text else None


def _unsound(found: Page, by: Filter, wanted: Sequence[Value]) -> Finding | None:
    """What a filtered page holds that it should not, in the words of the rule."""
    wrong = [pk for pk, row in zip(found.pks, found.rows, strict=True) if asked_for(by, row) not in wanted]
    if not wrong:
        return None
    return Finding(
        f"{by.name} returns rows that it should not",
        f"rows whose {by.field} is {' or '.join(map(written, wanted[:5]))} for {found.answer.request.target}",
        f"{keys(wrong)} too",
        (found.answer,),
        proof=holds(wrong, found.answer),
    )


def _written(recording: Recording) -> str:
    """What others wrote while they recorded, in words; empty if they did not. A run of ours changes nothing."""
    for answer in () if recording.is_of_run else recording.answers:
        request = answer.request
        if request.method not in READING and 0 < answer.status < 400 and not request.path.startswith(SIGN_IN.url):
            return f"{request.method} {request.path} may have changed it"
    return ""


def _moved(wire: RecordedWire) -> str:
    """What shows that the data moved, in words; empty if nothing does."""
    for found in wire.recorded.values():
        if found[0].sender.name != VALID:
            continue
        told = [_said(answer) for answer in found if answer.status in (200, *ABSENT)]
        if any(one != other for one, other in pairwise(told)):
            return f"{found[0].request.target} was answered in two ways"
    return ""


def _said(answer: Answer) -> object:
    """What an answer says of the data, in whatever order; `None` if it says nothing."""
    try:
        found = rows(answer)
    except Unreadable:
        return answer.status
    return found.count, {pk: documented(row) for pk, row in zip(found.pks, found.rows, strict=True)}


# A reading of a recording


@define
class _Sure(Standing):
    """Our standing with a recording. It is known what of it is the API's."""

    def hear(self, answer: Answer) -> None:
        """Nothing of it is in doubt."""

    def assure(self) -> None:
        """There is nothing to ask."""


@define
class _RecordedSurvey(Survey):
    """A reading of what was recorded: it asks for what is there, where a run may choose."""

    is_of_run: bool = False
    """Whether the recording is of a run, which asked the rules' own questions."""
    compared: bool | None = None
    """Whether a page could be asked for that the rule at work may choose; `None` if it did not want to choose."""

    @property
    def wire(self) -> RecordedWire:
        wire = self.session.wire
        assert isinstance(wire, RecordedWire)  # noqa: S101 - made so
        return wire

    def can_ask(self, of: ListOf, number: int, limit: int) -> bool:
        is_there = self.wire.has(Request(of.path, tuple(of.params(number, limit))))
        self.compared = self.compared or is_there
        return is_there

    def takes(self, of: ListOf, limit: int) -> bool:
        return self.wire.has(Request(of.path, tuple(of.params(1, limit)))) and super().takes(of, limit)

    def affordable(self, limit: object) -> bool:
        return True

    @property
    def row_bytes(self) -> int:
        return 1  # nothing is asked for: it does not matter

    @property
    def largest(self) -> int:
        of = ListOf(FULL, self.channel)
        for limit in (LARGE, BASE, 50, 25, LEAST):
            if self.takes(of, limit):
                return full_size(of.page(self.session, 1, limit), limit)
        return BASE

    def limit_for(self, of: ListOf) -> int | None:
        limit = super().limit_for(of)
        if limit is not None:
            return limit
        pages = self._pages(of)
        return max(pages, key=lambda limit: (1 in pages[limit], len(pages[limit])), default=None)

    def otherwise(self, of: ListOf) -> Page | None:
        try:
            return super().otherwise(of)
        except NotRecorded:
            return None

    def _read(self, of: ListOf) -> Whole | Sample:
        try:
            return super()._read(of)
        except NotRecorded:
            return self._part(of, self.limit_for(of))

    def _part(self, of: ListOf, limit: int | None) -> Whole | Sample:
        """What is recorded of a list, which has its first page. Raises `NotRecorded`, `Unreadable`."""
        numbers = sorted(self._pages(of).get(limit, {1}))
        if numbers[0] != 1:
            raise NotRecorded(f"the first page of {of.operation.id} is not recorded")
        pages = {number: of.page(self.session, number, limit) for number in numbers}
        first = pages[1]
        size = full_size(first, limit) if limit or first.count else max(1, len(first.rows))
        found = {(number - 1) * size + at: row for number, each in pages.items() for at, row in enumerate(each.rows)}
        last = pages[numbers[-1]]
        is_end = last.next is None if last.is_enveloped else len(last.rows) < size
        if numbers == list(range(1, len(numbers) + 1)) and is_end:
            return Whole(of, dict(enumerate(found.values())), len(found), tuple(pages.values()), limit, size)
        total = first.count if first.count is not None else max(found, default=0) + 1
        return Sample(of, found, total, tuple(pages.values()), limit, size)

    def _pages(self, of: ListOf) -> dict[int | None, set[int]]:
        """The numbers of the pages that are recorded of a list, by their limit."""
        roles = resource().roles
        pages: dict[int | None, set[int]] = {}
        for method, path, params, sender, headers in self.wire.recorded:
            rest = tuple(pair for pair in params if pair[0] not in (roles["page"], roles["size"]))
            if (method, path, sender, headers, rest) != ("GET", of.path, VALID, (), tuple(sorted(of.filters))):
                continue
            given = dict(params)
            number, limit = given.get(roles["page"], "1"), given.get(roles["size"])
            if _is_number(number) and (limit is None or _is_number(limit)):
                pages.setdefault(int(limit) if limit else None, set()).add(int(number))
        return pages

    def sample(self, most: int, *, salt: object = "") -> list[int]:
        chosen = super().sample(most, salt=salt)
        if salt != "":
            return chosen
        # Those first that were retrieved in more ways than one.
        there = {pk: self._retrieved(pk) for pk in dict.fromkeys([*chosen, *self.all_rows()])}
        return [pk for pk in sorted(there, key=lambda pk: -there[pk]) if there[pk]][:most] or chosen

    def _retrieved(self, pk: int) -> int:
        return sum(
            (2 if operation is RETRIEVE else 1) * self.wire.has(Request(operation.path_for(self.channel, pk)))
            for operation in RETRIEVALS
        )

    def exists(self, pk: int) -> bool:
        try:
            return super().exists(pk)
        except NotRecorded:
            return False  # the data counts as moved, which accuses nobody

    def found_by(self, by: Filter) -> dict[Value, list[int]]:
        found = super().found_by(by)
        if self.is_of_run:
            return found
        path = FULL.path_for(self.channel)
        asked = [
            value
            for _, there, params, *_ in self.wire.recorded
            if there == path and (value := _value(by, dict(params).get(by.name, ""))) in found
        ]
        # A run filters by values of its own choice; a recording has those that somebody chose.
        return {value: found[value] for value in dict.fromkeys(asked)} or found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0


# From findings to verdicts


@define
class _RecordedJudge(Judge):
    movement: str = ""
    """What shows that the data moved, in words; empty if nothing does."""

    def _ask(self, pair: Pair, survey: Survey) -> Outcome:
        assert isinstance(survey, _RecordedSurvey)  # noqa: S101 - made so
        survey.compared = None
        survey.wire.begin()
        outcome = super()._ask(pair, survey)
        if outcome.idle.endswith("--quick"):
            return evolve(outcome, idle="it asks too much that nobody but a run asks for")
        if not outcome.findings and not outcome.idle and (survey.compared is False or not outcome.touched):
            return evolve(outcome, idle="nothing that it could choose to compare is recorded")
        return outcome

    def _read_again(self, pair: Pair, earlier: Outcome, survey: Survey) -> None:
        outcome = self._ask(pair, survey)
        if outcome.findings or not outcome.idle:
            self._weigh(pair, earlier, outcome)
        elif cause := self._cause(pair, earlier):
            self._follow(pair, cause)
        else:
            self._close(pair, self._seen_once(pair, earlier))

    def _seen_once(self, pair: Pair, outcome: Outcome) -> list[Result]:
        """The verdict on what a recording shows once."""
        rule, operation = pair
        proven = [finding for finding in outcome.findings if finding.is_proven]
        reason = self._doubt(outcome)
        if proven or not reason:
            return self._violations(pair, proven or list(outcome.findings), outcome)
        words = f"{outcome.findings[0].relation}, {reason}"
        return [Result(rule.id, operation.id, Verdict.UNSTABLE, reason=words)]

    def _doubt(self, outcome: Outcome) -> str:
        """Why the data may have changed between the answers that were compared; empty if it did not."""
        answers = [outcome.survey.session.answers.get(request) for request in outcome.touched]
        times = [answer.began for answer in answers if answer is not None]
        times += [answer.began for finding in outcome.findings for answer in finding.answers]
        known = [moment for moment in times if moment is not None]
        if len(times) < 2 and len(set(map(id, answers))) < 2:
            return ""
        if len(known) < len(times):
            return "in answers of which the recording does not say when they came"
        apart = (max(known) - min(known)).total_seconds()
        if apart > MOST_APART:
            return f"in answers {apart:,.0f} s apart: the data may have changed between them"
        return f"and the data may have moved meanwhile: {self.movement}" if self.movement else ""
