"""What a conformance check says: verdicts, evidence, and the report that every view is a rendering of."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

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
    """How much a violation weighs: a warning changes the exit code only with ``--fail-on warning``."""

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
    """``seed`` where the API's reference states the sentence, ``inferred`` where it was inferred, and from what."""
    expected: str
    seen: str
    requests: Sequence[str] = ()
    """``curl`` lines that show it again, with the token in ``$TOKEN``."""


@frozen
class Result:
    """One rule on one operation."""

    rule: str
    operation: str
    verdict: Verdict
    severity: Severity = Severity.ERROR
    reason: str = ""
    evidence: Evidence | None = None

    @property
    def family(self) -> str:
        return self.rule.partition(".")[0]


@frozen
class Report:
    """All that a run found out; ``report.json`` is this, and the page and the terminal render it."""

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
    not_judged: str = ""
    """Why the server could not be judged; empty where it was."""
    command: str = ""
    """The command that repeats the run; it holds no token."""
    schema_version: int = field(default=SCHEMA_VERSION)

    @property
    def verdict(self) -> str:
        """``conforms``, ``violates`` (at severity error), or ``not judged``."""
        if self.not_judged:
            return "not judged"
        return "violates" if self.violations(Severity.ERROR) else "conforms"

    def violations(self, severity: Severity | None = None) -> list[Result]:
        """The results with verdict ``violated``, of one severity or of any."""
        return [
            result
            for result in self.results
            if result.verdict is Verdict.VIOLATED and severity in (None, result.severity)
        ]

    def as_json(self) -> dict[str, Any]:
        """The report as plain data, for ``json.dumps``."""
        document = asdict(self)
        document["verdict"] = self.verdict
        document["results"] = [
            {**entry, "family": result.family} for entry, result in zip(document["results"], self.results, strict=True)
        ]
        return document
