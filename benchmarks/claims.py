"""The claims of the README and of docs/, in claims.toml, and whether they hold.

A claim is a sentence, or a row of a table, as it stands on its page, and a bound in it: the values of a contender, or the
ratio of two, round by round, whose median is at least, at most or exactly so much.
"""

import statistics
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen
from benchmarks.measuring import Measurement

CLAIMS = Path(__file__).with_name("claims.toml")
WORDS = {"at_least": "at least", "at_most": "at most", "equals": "exactly"}


@frozen
class Claim:
    page: str
    """From the root of the repository."""
    text: str
    """As it stands on the page, but for the breaks of lines."""
    measurement: str
    of: str
    """A contender."""
    kind: str
    """`at_least`, `at_most` or `equals`."""
    bound: float
    over: str = ""
    """The contender by whose values those of the first are divided, if any."""

    @property
    def part(self) -> str:
        """The part that measures it."""
        return self.measurement.partition(".")[0]

    @property
    def subject(self) -> str:
        return f"{self.of} / {self.over}" if self.over else self.of

    @property
    def limit(self) -> str:
        return f"{WORDS[self.kind]} {self.bound:,g}"


@frozen
class Verdict:
    """What became of a claim. All but the claim are `None` if it was not measured."""

    claim: Claim
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    holds: bool | None = None
    margin: float | None = None
    """How far the median is from the bound, as a share of the smaller of both: 0.5 holds by half. `None` for `equals`."""


def load(path: Path = CLAIMS) -> list[Claim]:
    """The claims of a file, one for each bound. Raises `ValueError` if a bound has not exactly one kind."""
    claims = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["claim"]:
        for bound in entry.pop("bounds"):
            kinds = [kind for kind in WORDS if kind in bound]
            if len(kinds) != 1:
                raise ValueError(f"{path.name}: a bound of {entry['text']!r} needs one of {', '.join(WORDS)}")
            claims.append(Claim(kind=kinds[0], bound=bound.pop(kinds[0]), **entry, **bound))
    return claims


def judge(claim: Claim, measurements: Mapping[str, Measurement]) -> Verdict:
    """Whether a claim holds by what was measured."""
    measurement = measurements.get(claim.measurement)
    if measurement is None or not {claim.of, claim.over or claim.of} <= measurement.values.keys():
        return Verdict(claim)
    values: Sequence[float] = measurement.values[claim.of]
    if claim.over:
        # Pairs of one round, since both had the same machine then.
        values = [mine / theirs for mine, theirs in zip(values, measurement.values[claim.over], strict=True)]
    measured = statistics.median(values)
    if claim.kind == "equals":
        return Verdict(claim, measured, min(values), max(values), all(value == claim.bound for value in values))
    larger, smaller = (measured, claim.bound) if claim.kind == "at_least" else (claim.bound, measured)
    return Verdict(claim, measured, min(values), max(values), larger >= smaller, larger / smaller - 1)
