"""What a rule is, and the catalogue that the rules register themselves in.

A rule is a generator: it looks at one operation and yields a :class:`Finding` for each relation that does not hold.
Adding one is one function with the decorator :func:`rule`, in the module of its family.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum

from attrs import frozen

from channel_images.conformance.asking.operations import Operation, Statement, operations, statement
from channel_images.conformance.asking.survey import Survey
from channel_images.conformance.asking.wire import Answer
from channel_images.conformance.results import Severity


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
    """A rule of the catalogue."""

    id: str
    pattern: Pattern
    operations: tuple[Operation, ...]
    check: Check
    summary: str
    rests_on: frozenset[str] = frozenset()
    """Rules without which this one cannot be judged: where one of them is violated on a list that this one has looked at,
    what this one finds follows from that."""

    @property
    def family(self) -> str:
        return self.id.partition(".")[0]

    @property
    def statement(self) -> Statement:
        return statement(self.id)


CATALOGUE: dict[str, Rule] = {}


def rule(
    identity: str, pattern: Pattern, over: Sequence[Operation] | None = None, *, rests_on: Sequence[str] = ()
) -> Callable[[Check], Check]:
    """Register a function as the rule ``identity``, for the operations ``over`` (all seven unless given).

    The function's docstring says in a sentence what is compared. ``rests_on`` names the rules that have to hold for it.
    """

    def register(check: Check) -> Check:
        if identity in CATALOGUE:
            raise ValueError(f"{identity} is registered twice")
        statement(identity)
        summary = " ".join((check.__doc__ or "").split())
        CATALOGUE[identity] = Rule(identity, pattern, tuple(over or operations()), check, summary, frozenset(rests_on))
        return check

    return register


def few(values: Sequence[object], most: int = 5) -> str:
    """The first of many values, for evidence."""
    shown = ", ".join(str(value) for value in values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown or "none"


def shown(value: object) -> str:
    """A field's value as the server wrote it, cut to what evidence needs."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:80]}…"
