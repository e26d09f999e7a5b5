"""Says what a rule is.

A rule is a generator: it looks at one operation and yields a `Finding` for each relation that does not hold. To add one,
write a function with the decorator `rule` in the module of its family, and its name into `conformance/catalogue.py`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from attrs import frozen

from channel_images.conformance.asking.operations import OPERATIONS, Operation, Statement, statement
from channel_images.conformance.asking.reading import Row
from channel_images.conformance.asking.survey import Survey
from channel_images.conformance.asking.wire import Answer
from channel_images.conformance.judging.proof import Proof, as_seen
from channel_images.conformance.results import Evidence, Result, Severity, Verdict
from channel_images.resource import resource

MOST_REQUESTS = 6
"""Requests of a violation that are sent again before it is told."""


MOST_VALUE = 80
"""Characters of a field's value."""


class Pattern(StrEnum):
    """How the answers that a rule compares are related (Segura et al., metamorphic relations for web APIs)."""

    EQUALITY = "equality"
    EQUIVALENCE = "equivalence"
    SUBSET = "subset"
    DISJOINT = "disjoint"
    COMPLETE = "complete"
    DIFFERENCE = "difference"


@frozen
class Finding:
    """A relation that does not hold."""

    relation: str
    """The relation, in words; the same for the same fault at every reading."""
    expected: str
    seen: str
    answers: tuple[Answer, ...] = ()
    """The answers that show it, in the order in which they have to be asked for."""
    severity: Severity = Severity.ERROR
    is_proven: bool = False
    """Whether it stands although the data moves: what was read before and after shows that the data did not move here."""
    together: bool = False
    """Whether it shows only where the requests are under way at the same time."""
    proof: Proof | None = None
    """How it shows in a shell; `None` if the answers show it as they are."""


Check = Callable[[Survey, Operation], Iterator[Finding]]


@frozen
class Rule:
    """A rule."""

    id: str
    pattern: Pattern
    operations: tuple[Operation, ...]
    check: Check
    rests_on: frozenset[str] = frozenset()
    """Rules without which this one cannot be judged: where one of them is violated on a list that this one has looked at,
    what this one finds follows from that."""

    @property
    def family(self) -> str:
        return self.id.partition(".")[0]

    @property
    def summary(self) -> str:
        """What is compared, in a sentence."""
        return " ".join((self.check.__doc__ or "").split())

    @property
    def statement(self) -> Statement:
        return statement(self.id)


def rule(
    identity: str, pattern: Pattern, over: Sequence[Operation] = OPERATIONS, *, rests_on: Sequence[str] = ()
) -> Callable[[Check], Rule]:
    """Make a function the rule `identity`, for the operations `over`.

    The function's docstring says in a sentence what is compared. `rests_on` names the rules that have to hold for it.
    """
    return lambda check: Rule(identity, pattern, tuple(over), check, frozenset(rests_on))


def few(values: Sequence[object], most: int = 5) -> str:
    """The first of many values, for evidence."""
    shown = ", ".join(str(value) for value in values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown or "none"


def keys(values: Sequence[object]) -> str:
    """The keys of some rows, for evidence: `pk 1, 2 and 7 more` where the key is called `pk`, `no row` where there is none."""
    return f"{resource().key} {few(values)}" if values else "no row"


def row_count(number: int | None) -> str:
    """A number of rows: `1 row`, `5 rows`, and `an unknown number of rows` for `None`."""
    return "an unknown number of rows" if number is None else f"{number} row{'' if number == 1 else 's'}"


def count_told(count: object) -> str:
    """What an envelope says of the length of its list."""
    return "no count" if count is None else f"count {count}"


def amiss(missing: Sequence[object], extra: Sequence[object], due: int = 0) -> str:
    """The rows that a list lacks of those that are due, and those that it should not hold: `pk 4 missing; pk 7 too many`."""
    lacking = "all of them missing" if due > 1 and len(missing) == due else f"{keys(missing)} missing"
    told = [lacking] * bool(missing) + [f"{keys(extra)} too many"] * bool(extra)
    return "; ".join(told) or "none of them missing or too many"


def apart(due: Sequence[object], got: Sequence[object], most: int = 5) -> tuple[str, str]:
    """Two lists of keys that differ, in words that differ too: all the keys where they are few; else the first place where
    the lists differ, and what each has there (`place 4: pk 321`)."""
    if max(len(due), len(got)) <= most or due == got:
        return keys(due), keys(got)
    place = next((at for at, (one, other) in enumerate(zip(due, got, strict=False)) if one != other), None)
    place = min(len(due), len(got)) if place is None else place
    one, other = (f"place {place + 1}: {keys(values[place : place + 1])}" for values in (due, got))
    return one, other


def shown(value: object, start: int = 0) -> str:
    """A field's value as the server wrote it, cut to what evidence needs; from about the character `start`."""
    text = json.dumps(value, ensure_ascii=False)
    begin = max(0, start - 20) if len(text) > MOST_VALUE else 0
    return f"{'…' * bool(begin)}{text[begin : begin + MOST_VALUE]}{'…' * (len(text) > begin + MOST_VALUE)}"


def differing(
    fields: Sequence[str], one: Row, other: Row, where: str = "in the full list", here: str = "in this answer"
) -> str:
    """The first of the fields in which two rows differ, with both values; `where` and `here` say where the rows are."""
    told = []
    for name in fields[:3]:
        texts = [json.dumps(row.get(name), ensure_ascii=False) for row in (one, other)]
        # Long values are shown from where they differ: their beginnings would look alike.
        start = next((at for at, (left, right) in enumerate(zip(*texts, strict=False)) if left != right), 0)
        told.append(f"{name}: {shown(one.get(name), start)} {where}, {shown(other.get(name), start)} {here}")
    return "; ".join(told)


def violation(rule: str, operation: str, finding: Finding) -> Result:
    """What the report has for a finding that stands."""
    proof = finding.proof or as_seen(*finding.answers)
    sentence = statement(rule)
    evidence = Evidence(
        relation=finding.relation,
        statement=sentence.text,
        basis=sentence.basis,
        expected=finding.expected,
        seen=finding.seen,
        requests=proof.lines,
        status=finding.answers[0].status or None if finding.answers else None,
        bodies=proof.outputs,
        test=proof.test,
    )
    return Result(rule, operation, Verdict.VIOLATED, finding.severity, finding.relation, evidence)
