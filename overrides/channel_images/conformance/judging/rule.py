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
from channel_images.conformance.results import Evidence, Result, Severity, Verdict
from channel_images.resource import resource

MOST_REQUESTS = 6
"""Requests that the evidence of a violation shows."""


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
    """The keys of some rows, for evidence: `pk 1, 2 and 7 more` where the key is called `pk`."""
    return f"{resource().key} {few(values)}"


def shown(value: object) -> str:
    """A field's value as the server wrote it, cut to what evidence needs."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]}…"


def differing(fields: Sequence[str], one: Row, other: Row, where: str = "there") -> str:
    """The first of the fields in which two rows differ, with both values; `where` says where the first row is."""
    return "; ".join(f"{name}: {shown(one.get(name))} {where}, {shown(other.get(name))} here" for name in fields[:3])


def violation(rule: str, operation: str, finding: Finding) -> Result:
    """What the report has for a finding that stands."""
    requests = dict.fromkeys(answer.curl for answer in finding.answers)
    sentence = statement(rule)
    evidence = Evidence(
        relation=finding.relation,
        statement=sentence.text,
        basis=sentence.basis,
        expected=finding.expected,
        seen=finding.seen,
        requests=tuple(requests)[:MOST_REQUESTS],
        status=finding.answers[0].status or None if finding.answers else None,
    )
    return Result(rule, operation, Verdict.VIOLATED, finding.severity, finding.relation, evidence)
