"""Holds what a conformance check says: verdicts, evidence, and the report that every view is a rendering of."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from statistics import median
from typing import Any, Self

from attrs import asdict, field, frozen

SCHEMA_VERSION = 1


class Verdict(StrEnum):
    """What the check says of one rule on one operation."""

    PASS = "pass"  # noqa: S105  # a verdict, not a password
    VIOLATED = "violated"
    UNSTABLE = "unstable"
    NOT_EXERCISED = "not exercised"
    WAIVED = "waived"


class Severity(StrEnum):
    """How much a violation weighs: a warning changes the exit code only with `--fail-on warning`."""

    ERROR = "error"
    WARNING = "warning"


@frozen
class Evidence:
    """What a server's author needs to see a violation again."""

    relation: str
    """The relation that does not hold, in words."""
    statement: str
    """The sentence of the contract that is broken."""
    basis: str
    """Whether the API's reference page states the sentence, or it was inferred from that page, and what the page says."""
    expected: str
    seen: str
    requests: Sequence[str] = ()
    """Lines for bash that show it again, by `curl` with the token in `$TOKEN`, and by `jq` where they name it."""
    status: int | None = None
    """The status of the answer that shows it; `None` if there is no such answer."""
    bodies: Sequence[str] = ()
    """What each of `requests` printed: cut, and without secrets; empty if that is not known."""
    test: str = ""
    """A command for the functions of `replay.sh` that succeeds while it shows; empty if there is none."""


@frozen
class Result:
    """One rule on one operation."""

    rule: str
    operation: str
    verdict: Verdict
    severity: Severity = Severity.ERROR
    reason: str = ""
    evidence: Evidence | None = None
    follows_from: str = ""
    """The violation that this result follows from (`paging.order · ` and the `operationId`): with it, this rule cannot be
    judged. Empty for a result that stands by itself."""
    cause: str = ""
    """What is wrong, in words that all violations of one cause share; empty if the cause is not known."""

    @property
    def family(self) -> str:
        return self.rule.partition(".")[0]

    @property
    def name(self) -> "Named":
        """What the violation is known by, from run to run."""
        relation, status = (self.evidence.relation, self.evidence.status) if self.evidence else (self.reason, None)
        return Named(self.rule, self.operation, relation, status)


@frozen
class Latency:
    """How long one operation took to answer, in seconds."""

    count: int
    median: float
    p95: float
    """95 of 100 answers took no longer."""
    max: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Self:
        """The latency that single measurements, at least one, add up to."""
        ordered = sorted(seconds)
        p95 = ordered[math.ceil(0.95 * len(ordered)) - 1]
        return cls(len(ordered), *(round(value, 6) for value in (median(ordered), p95, ordered[-1])))


@frozen
class Seen:
    """One kind of answer, of value or of row in the contract, and whether the run saw it."""

    subject: str
    """`status`, `parameter` or `field`."""
    operation: str
    """The operation's id; empty for a field, which all rows have."""
    name: str
    """The parameter or the field; empty for a status."""
    kind: str
    """A status (`404`), or a kind of value (`null`, `several values`, or a value of an enum)."""
    seen: bool
    hint: str = ""
    """What would show it, in a sentence; empty if it was seen."""


@frozen
class Named:
    """A violation by its name: what a waiver names, too."""

    rule: str
    operation: str
    relation: str
    status: int | None = None

    def __str__(self) -> str:
        answered = f" · {self.status}" if self.status else ""
        return f"{self.rule} · {self.operation} · {self.relation}{answered}"


@frozen
class Pace:
    """How long an operation took, in the baseline and now."""

    before: Latency
    now: Latency

    @property
    def median_ratio(self) -> float | None:
        """How many times as long as before; `None` if that took no time that can be measured."""
        return _ratio(self.now.median, self.before.median)

    @property
    def p95_ratio(self) -> float | None:
        """The same, of what 95 of 100 answers keep."""
        return _ratio(self.now.p95, self.before.p95)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "median_ratio": self.median_ratio, "p95_ratio": self.p95_ratio}


def _ratio(now: float, before: float) -> float | None:
    return round(now / before, 2) if before else None


@frozen
class Change:
    """What has changed since a baseline: another run, or a run on another server."""

    baseline: str
    """The file, or the URL of the server, that the run is compared with."""
    started: str
    """When the run of the baseline began, ISO 8601 in UTC."""
    new: Sequence[Named] = ()
    fixed: Sequence[Named] = ()
    unchanged: Sequence[Named] = ()
    unknown: Sequence[Named] = ()
    """Violations of the baseline that this run could not judge."""
    latency: Mapping[str, Pace] = field(factory=dict)
    """By the operation's id, where both runs timed it."""
    notes: Sequence[str] = ()
    """What makes the two runs hard to compare, a sentence each."""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "latency": {operation: both.as_json() for operation, both in self.latency.items()}}


@frozen
class Report:
    """Everything that a run found; `report.json` is this, and the page and the terminal show it."""

    url: str
    channels: Sequence[int]
    seed: int
    versions: dict[str, str]
    started: str
    """When the run began, ISO 8601 in UTC."""
    seconds: float
    requests: int
    """How many requests were sent."""
    results: Sequence[Result]
    contract: str = ""
    """The title and the version of the contract that the server was held to."""
    not_judged: str = ""
    """Why the server could not be judged; empty if it was judged."""
    command: str = ""
    """The command that repeats the run; it holds no token."""
    latency: Mapping[str, Latency] = field(factory=dict)
    """How long each operation took, by its id; operations that nobody timed are missing."""
    fail_on: Severity = Severity.ERROR
    """The least severity that makes a violation count (`--fail-on`)."""
    coverage: Sequence[Seen] = ()
    """What of the contract the run saw, and what it did not see."""
    other_user: bool = False
    """Whether requests were sent as another user too, one who may not see the channel."""
    required: Sequence[str] = ()
    """Families of which every result has to be exercised (`--require`); `all` for all of them."""
    change: Change | None = None
    """What has changed since the baseline, if one was given."""
    fail_on_new: bool = False
    """Whether violations that the baseline has too do not count (`--fail-on new`)."""
    schema_version: int = field(default=SCHEMA_VERSION)
    recorded: str = ""
    """The recording that was judged, and when it was made; empty if a server was asked."""

    @property
    def verdict(self) -> str:
        """`conforms`, `violates` (at severity `fail_on`), `incomplete` (what is required was not exercised), or
        `not judged`."""
        if self.not_judged:
            return "not judged"
        if any(map(self.counts, self.violations())):
            return "violates"
        return "incomplete" if self.lacking() else "conforms"

    def counts(self, result: Result) -> bool:
        """Whether the result makes the run fail."""
        if result.verdict is Verdict.NOT_EXERCISED:
            return not {"all", result.family}.isdisjoint(self.required)
        grave_enough = result.severity is Severity.ERROR or self.fail_on is Severity.WARNING
        return result.verdict is Verdict.VIOLATED and grave_enough and not self.is_known(result)

    def is_known(self, violation: Result) -> bool:
        """Whether a violation does not count since the baseline has it too."""
        return self.fail_on_new and self.change is not None and violation.name not in self.change.new

    def lacking(self) -> list[Result]:
        """What is required, and was not exercised."""
        return [result for result in self.having(Verdict.NOT_EXERCISED) if self.counts(result)]

    def exercised(self) -> tuple[int, int]:
        """How many rules on operations were exercised, and how many there are."""
        tried = {(result.rule, result.operation): result.verdict for result in self.results}
        return sum(verdict is not Verdict.NOT_EXERCISED for verdict in tried.values()), len(tried)

    def having(self, verdict: Verdict) -> list[Result]:
        """The results with one verdict."""
        return [result for result in self.results if result.verdict is verdict]

    def violations(self, severity: Severity | None = None) -> list[Result]:
        """The results with verdict `violated`, of one severity or of any."""
        return [result for result in self.having(Verdict.VIOLATED) if severity in (None, result.severity)]

    def idle_families(self) -> dict[str, str]:
        """The families of which nothing at all was exercised, each with the reason that most of its results give."""
        exercised = {result.family for result in self.results if result.verdict is not Verdict.NOT_EXERCISED}
        reasons: dict[str, Counter[str]] = {}
        for result in self.results:
            if result.family not in exercised:
                reasons.setdefault(result.family, Counter())[result.reason] += 1
        return {family: counted.most_common(1)[0][0] for family, counted in reasons.items()}

    def consequences(self, violation: Result) -> list[Result]:
        """The results that follow from a violation."""
        cause = f"{violation.rule} · {violation.operation}"
        return [result for result in self.results if result.follows_from == cause]

    def as_json(self) -> dict[str, Any]:
        """The report as plain data."""
        document = asdict(self)
        results = [
            {"rule": entry.pop("rule"), "family": result.family, **entry}
            for entry, result in zip(document.pop("results"), self.results, strict=True)
        ]
        coverage = document.pop("coverage")
        return {
            "schema_version": document.pop("schema_version"),
            "verdict": self.verdict,
            **document,
            "latency": {operation: asdict(latency) for operation, latency in self.latency.items()},
            "change": self.change and self.change.as_json(),
            "not_exercised": self.idle_families(),
            "results": results,
            "coverage": coverage,
        }
