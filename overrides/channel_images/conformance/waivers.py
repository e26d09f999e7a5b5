"""Keeps waivers: violations that are known and accepted for a while.

A waiver names a finding, by its rule, its operation (or all of them), its relation and the status of the answer that shows
it, a reason, and the last day on which it holds. What it covers has the verdict `waived` until then, evidence kept;
afterwards it counts again. Another finding of the same rule counts all the time. `first_seen`, `last_seen` and `expires` are
the words of schemathesis' baseline, and mean the same.
"""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from attrs import evolve, frozen

from channel_images.conformance.catalogue import CATALOGUE
from channel_images.conformance.files import EXPONENTS, Document, load, or_near, packaged_schema, write_atomically
from channel_images.conformance.results import Result, Verdict

GRACE = timedelta(days=30)
"""How long a waiver holds that `--waivers-update` writes."""
HEADER = "# Violations that are known, and until when they do not count: docs/conformance.md, Waivers.\n"


def today() -> date:
    """The day that expiry is counted by: UTC, so that it is the same for everybody."""
    return datetime.now(UTC).date()


@frozen
class Waiver:
    """One accepted violation."""

    rule: str
    relation: str
    """The relation that does not hold, in the words of the report."""
    reason: str
    expires: date
    """The last day on which it holds."""
    operation: str | None = None
    """`None` for each operation of the rule."""
    status: int | None = None
    """The status of the answer that shows it; `None` for any."""
    first_seen: date | None = None
    """The day of the run that wrote it; `None` if a person did."""
    last_seen: date | None = None
    """The day of the last `--waivers-update` at which it covered something."""

    def looks_at(self, result: Result) -> bool:
        """Whether a result is of the rule, and of an operation, that the waiver is about."""
        return result.rule == self.rule and self.operation in (None, result.operation)

    def covers(self, result: Result) -> bool:
        """Whether it is for this finding."""
        evidence = result.evidence
        return (
            self.looks_at(result)
            and evidence is not None
            and evidence.relation == self.relation
            and self.status in (None, evidence.status)
        )

    def has_expired(self, day: date) -> bool:
        return day > self.expires

    def __str__(self) -> str:
        return f"{self.rule} · {self.operation or 'all operations'} · {self.relation}"

    def as_json(self) -> dict[str, Any]:
        """The waiver as a file holds it."""
        operation = {"operation": self.operation} if self.operation else {}
        status = {"status": self.status} if self.status else {}
        days = {"first_seen": self.first_seen, "last_seen": self.last_seen}
        seen = {name: day.isoformat() for name, day in days.items() if day}
        return {
            "rule": self.rule,
            **operation,
            "relation": self.relation,
            **status,
            "reason": self.reason,
            **seen,
            "expires": self.expires.isoformat(),
        }


@frozen
class Waivers:
    """The waivers of a run."""

    entries: tuple[Waiver, ...] = ()

    def applied(self, results: Iterable[Result], day: date | None = None) -> list[Result]:
        """The results, with those waived that a waiver covers on a day, today unless given."""
        return [self._applied(result, day or today()) for result in results]

    def _applied(self, result: Result, day: date) -> Result:
        if result.verdict is not Verdict.VIOLATED:
            return result
        covering = [waiver for waiver in self.entries if waiver.covers(result)]
        if not covering:
            return result
        last = max(covering, key=lambda waiver: waiver.expires)
        if last.has_expired(day):
            note = f" (its waiver expired on {last.expires}: {last.reason})"
            return evolve(result, reason=result.reason.removesuffix(note) + note)
        return evolve(
            result, verdict=Verdict.WAIVED, reason=f"{last.reason} (waived until {last.expires}: {result.reason})"
        )

    def expired(self, results: Sequence[Result], day: date | None = None) -> list[Waiver]:
        """The waivers that would cover a violation, had they not expired."""
        return [
            waiver
            for waiver in self.entries
            if waiver.has_expired(day or today())
            and any(waiver.covers(result) and result.verdict is Verdict.VIOLATED for result in results)
        ]

    def unused(self, results: Sequence[Result]) -> list[Waiver]:
        """The waivers of what is no longer violated: all that they look at was judged, and the finding is not among it."""
        judged = {Verdict.PASS, Verdict.VIOLATED, Verdict.WAIVED}
        return [
            waiver
            for waiver in self.entries
            if (seen := [result for result in results if waiver.looks_at(result)])
            and {result.verdict for result in seen} <= judged
            and not any(map(waiver.covers, seen))
        ]

    def updated(self, results: Sequence[Result], day: date | None = None, *, drop: bool = True) -> "Waivers":
        """The waivers that the violations of a run need.

        Those that still cover one were last seen today, and stay as they are but for that, an expired one too: that it
        goes on is for a person to decide. What is no longer violated goes (unless `drop` is off), what was not judged
        stays. The rest is waived for 30 days.
        """
        day = day or today()
        gone = self.unused(results) if drop else []
        kept = [
            evolve(waiver, last_seen=day) if any(map(waiver.covers, results)) else waiver
            for waiver in self.entries
            if waiver not in gone
        ]
        reason = f"written by --waivers-update on {day}"
        new = dict.fromkeys(
            Waiver(result.rule, evidence.relation, reason, day + GRACE, result.operation, evidence.status, day, day)
            for result in results
            if result.verdict is Verdict.VIOLATED
            and (evidence := result.evidence)
            and not any(waiver.covers(result) for waiver in kept)
        )
        return Waivers((*kept, *new))

    def beyond(self, others: "Waivers") -> int:
        """How many of them are not among others, whenever they were last seen."""
        known = {evolve(waiver, last_seen=None) for waiver in others.entries}
        return sum(evolve(waiver, last_seen=None) not in known for waiver in self.entries)

    def write(self, path: Path) -> None:
        """Write them as YAML, or as JSON where the file's name says so. Raises `OSError`."""
        plain = [waiver.as_json() for waiver in self.entries]
        if path.suffix.lower() == ".json":
            text = json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
        else:
            text = HEADER + yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
        write_atomically(path, text)


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: a date without quotes."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return dumper.represent_scalar("tag:yaml.org,2002:timestamp", text)
    # Of the characters that end a line, YAML writes some as they are, and reads them as a space.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _text)
_Dumper.add_implicit_resolver(*EXPONENTS)


def read_waivers(path: Path) -> Waivers:
    """The waivers of a file; an empty one has none.

    Raises `BadFile`, a `ValueError` whose message is one line with the file, the line and what is wrong there.
    """
    document = load(path, packaged_schema("waivers"))
    return Waivers(tuple(_waiver(document, index, entry) for index, entry in enumerate(document.data or ())))


def _waiver(document: Document, index: int, entry: dict[str, Any]) -> Waiver:
    rule, operation = entry["rule"], entry.get("operation")
    if rule not in CATALOGUE:
        raise document.bad((index, "rule"), f"no rule {rule}; {or_near(rule, list(CATALOGUE))}")
    covered = [each.id for each in CATALOGUE[rule].operations]
    if operation is not None and operation not in covered:
        raise document.bad((index, "operation"), f"{rule} has no operation {operation}; {or_near(operation, covered)}")
    status = entry.get("status")
    return Waiver(
        rule,
        entry["relation"],
        entry["reason"],
        _day(document, index, "expires", entry["expires"]),
        operation,
        None if status is None else int(status),  # JSON Schema takes 422.0 for an integer
        *(_day(document, index, name, entry[name]) if name in entry else None for name in ("first_seen", "last_seen")),
    )


def _day(document: Document, index: int, name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:  # the year 0, which JSON Schema knows
        raise document.bad((index, name), f"{name}: {text} is not a date like 2026-01-31") from None
