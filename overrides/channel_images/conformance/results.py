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
    """What was found out about one rule on one operation."""

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
    """`seed` where the API's reference states the sentence, `inferred` where it was inferred, and from what."""
    expected: str
    seen: str
    requests: Sequence[str] = ()
    """`curl` lines that show it again, with the token in `$TOKEN`."""
    status: int | None = None
    """The status of the answer that shows it; `None` where there was no answer, or there is none to show."""


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

    @property
    def family(self) -> str:
        return self.rule.partition(".")[0]


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
class Report:
    """All that a run found out; `report.json` is this, and the page and the terminal render it."""

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
    """Why the server could not be judged; empty where it was."""
    command: str = ""
    """The command that repeats the run; it holds no token."""
    latency: Mapping[str, Latency] = field(factory=dict)
    """How long each operation took, by its id; operations that nobody timed are missing."""
    fail_on: Severity = Severity.ERROR
    """The least severity that makes a violation count (`--fail-on`)."""
    schema_version: int = field(default=SCHEMA_VERSION)
    recorded: str = ""
    """What was judged in place of a server's answers, and when it was recorded; empty where a server was asked."""

    @property
    def verdict(self) -> str:
        """`conforms`, `violates` (at severity `fail_on`), or `not judged`."""
        if self.not_judged:
            return "not judged"
        return "violates" if any(map(self.counts, self.results)) else "conforms"

    def counts(self, result: Result) -> bool:
        """Whether the result makes the server fail."""
        grave_enough = result.severity is Severity.ERROR or self.fail_on is Severity.WARNING
        return result.verdict is Verdict.VIOLATED and grave_enough

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
        return {
            "schema_version": document.pop("schema_version"),
            "verdict": self.verdict,
            **document,
            "latency": {operation: asdict(latency) for operation, latency in self.latency.items()},
            "not_exercised": self.idle_families(),
            "results": results,
        }
