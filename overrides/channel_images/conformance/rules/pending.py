"""Pending: that the three lists of pending work agree with each other and with the full list."""

from collections.abc import Generator, Iterator

from channel_images.conformance.operations import (
    FULL,
    INSERTS,
    INSERTS_OR_UPDATES,
    PENDING,
    RETRIEVE,
    UPDATES,
    Operation,
)
from channel_images.conformance.reading import Row, differences
from channel_images.conformance.rule import Finding, NotExercised, Pattern, few, rule, shown
from channel_images.conformance.rules.paging import FOR_ARRAYS, RELATIONS
from channel_images.conformance.survey import Known, Survey
from channel_images.conformance.wire import Answer


def _shown(*lists: Known) -> tuple[Answer, ...]:
    return tuple(known.pages[0].answer for known in lists if known.pages)


@rule("pending.disjoint", Pattern.DISJOINT, [INSERTS_OR_UPDATES])
def disjoint(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Inserts and updates share no row."""
    inserts, updates = survey.known(INSERTS), survey.known(UPDATES)
    if not inserts.total and not updates.total and not survey.expectations.pending:
        raise NotExercised(f"nothing is pending in channel {survey.channel}")
    if both := sorted(set(inserts.pks) & set(updates.pks)):
        yield Finding(
            "an image is to insert and to update", "no pk in both", f"pk {few(both)} in both", _shown(inserts, updates)
        )
    expected = survey.expectations.pending
    for known, word in ((inserts, "insert"), (updates, "update")):
        wrong = [pk for pk in known.pks if expected.get(pk, word) != word]
        lacking = [pk for pk, due in expected.items() if due == word and pk not in known.pks and known.is_whole]
        if wrong or lacking:
            yield Finding(
                f"the {word}s contradict --expect",
                f"{word}: pk {few([pk for pk, due in expected.items() if due == word])}",
                f"pk {few(lacking)} missing, pk {few(wrong)} too many",
                _shown(known),
            )


@rule("pending.union", Pattern.COMPLETE, [INSERTS_OR_UPDATES])
def union(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Inserts or updates are the inserts and the updates."""
    inserts, updates, both = survey.known(INSERTS), survey.known(UPDATES), survey.known(operation)
    if not inserts.total and not updates.total and not both.total:
        raise NotExercised(f"nothing is pending in channel {survey.channel}")
    shown = _shown(both, inserts, updates)
    if not (inserts.is_whole and updates.is_whole and both.is_whole):
        if both.total != inserts.total + updates.total:
            yield Finding(
                "the union has another number of rows than its parts",
                f"{inserts.total} to insert and {updates.total} to update",
                f"{both.total} rows",
                shown,
            )
        return
    parts = set(inserts.pks) | set(updates.pks)
    if missing := sorted(parts - set(both.pks)):
        yield Finding(
            "the union lacks pending rows", "each insert and each update", f"pk {few(missing)} missing", shown
        )
    if extra := sorted(set(both.pks) - parts):
        yield Finding("the union holds other rows", "inserts and updates alone", f"pk {few(extra)} too many", shown)
    if twice := sorted({pk for pk in both.pks if both.pks.count(pk) > 1}):
        yield Finding("the union holds a row twice", "each row once", f"pk {few(twice)} twice", shown)
    rows = both.by_pk
    for known in (inserts, updates):
        for pk, row in known.by_pk.items():
            if pk in rows and (fields := differences(row, rows[pk])):
                yield Finding(
                    "a row of the union differs from the same row of its part",
                    f"pk {pk} as in {known.of.operation.id}",
                    _fields(row, rows[pk], fields),
                    shown,
                )
                return


@rule("pending.subset", Pattern.SUBSET, PENDING)
def subset(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Each pending row is in the full list, field for field."""
    known, full = survey.known(operation), survey.full()
    if not known.total:
        raise NotExercised(f"nothing is pending here in channel {survey.channel}")
    rows = full.by_pk
    foreign: list[int] = []
    for pk, row in known.by_pk.items():
        listed = rows.get(pk)
        if listed is None:
            if full.is_whole:
                foreign.append(pk)
                continue
            continue
        if fields := differences(listed, row):
            yield Finding(
                "a pending row differs from the same row of the full list",
                f"pk {pk} as in the full list",
                _fields(listed, row, fields),
                _shown(known, full),
            )
            break
    if not full.is_whole:
        foreign = yield from _sampled(survey, known)
    if foreign:
        yield Finding(
            "a pending row is not in the full list",
            "rows of the full list alone",
            f"pk {few(foreign)} not in it",
            (*_shown(known, full), survey.session.get(RETRIEVE.path_for(survey.channel, foreign[0]))),
        )


def _sampled(survey: Survey, known: Known) -> Generator[Finding, None, list[int]]:
    """Pending rows of a long list, looked for in the full list by their ids; returns those it lacks."""
    pks = list(known.pks)
    sample = sorted(survey.random("pending", known.of).sample(pks, k=min(len(pks), 50)))
    listed = survey.known(FULL, (("id__in", ",".join(map(str, sample))),)).by_pk
    for pk in sample:
        if pk in listed and (fields := differences(listed[pk], known.by_pk[pk])):
            yield Finding(
                "a pending row differs from the same row of the full list",
                f"pk {pk} as in the full list",
                _fields(listed[pk], known.by_pk[pk], fields),
                _shown(known),
            )
            break
    return [pk for pk in sample if pk not in listed]


def _fields(one: Row, other: Row, fields: list[str]) -> str:
    return "; ".join(f"{field}: {shown(one.get(field))} there, {shown(other.get(field))} here" for field in fields[:3])


@rule("pending.paging", Pattern.COMPLETE, PENDING)
def paging(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """The pending lists obey the paging rules that apply to arrays."""
    known = survey.known(operation)
    if not known.total:
        raise NotExercised(f"nothing is pending here in channel {survey.channel}")
    for identity in FOR_ARRAYS:
        for finding in RELATIONS[identity](survey, known):
            yield Finding(f"{identity}: {finding.relation}", finding.expected, finding.seen, finding.answers)
