"""Judges identity: one row is the same wherever it is read."""

from collections.abc import Iterator
from contextlib import suppress

from channel_images.conformance.asking.operations import (
    DETAILED,
    FULL,
    RETRIEVALS,
    RETRIEVE,
    RETRIEVE_DETAILED,
    Operation,
    noun,
)
from channel_images.conformance.asking.reading import (
    ABSENT,
    NotExercised,
    Row,
    Unreadable,
    differences,
    keyed,
    paged,
    single,
)
from channel_images.conformance.asking.survey import Survey, Whole, answers_of, beginnings
from channel_images.conformance.asking.wire import Answer
from channel_images.conformance.judging.allowances import PROBLEM
from channel_images.conformance.judging.oracle import JSON
from channel_images.conformance.judging.proof import by_status, by_type, differ, misplaced, row_differs, through
from channel_images.conformance.judging.rule import Finding, Pattern, amiss, differing, keys, row_count, rule
from channel_images.conformance.rules.paging import ORDER, at_once

WRAPS = (2**31, 2**32, 2**33, 2**48, 2**62)
"""What an id loses where it is cut down to 32 bits, or to another number of them."""


def _sample(survey: Survey) -> list[int]:
    pks = survey.sample(5 if survey.quick else 24)
    if not pks:
        raise NotExercised(f"channel {survey.channel} lists no row")
    return pks


def _retrieved(survey: Survey, operation: Operation, pk: int) -> tuple[Answer, Row]:
    answer = survey.session.get(operation.path_for(survey.channel, pk))
    return answer, single(answer)


@rule("identity.retrieve", Pattern.EQUALITY, [RETRIEVE])
def retrieve(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """The retrieval by a listed key is the listed row, field for field."""
    rows = survey.all_rows()
    for pk in _sample(survey):
        answer, row = _retrieved(survey, operation, pk)
        if fields := differences(rows[pk], row):
            listing = _listing(survey, pk)
            yield Finding(
                f"the retrieved {noun()} is not the listed row",
                f"{keys([pk])} as the list has it",
                differing(fields, rows[pk], row, "in the list", "in the retrieval"),
                (answer, *listing),
                proof=row_differs(pk, fields, listing[0], answer) if listing else None,
            )
    yield from _at_once(survey, operation)


def _at_once(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Rows that are asked for at the same time are each what they are when they are asked for alone."""
    if survey.quick:
        return
    alone = [_retrieved(survey, operation, pk)[0] for pk in _sample(survey)[: survey.at_once]]
    yield from at_once(
        survey, alone, f"{noun(article=True)} is another one when several are asked for at the same time"
    )


def _listing(survey: Survey, pk: int) -> tuple[Answer, ...]:
    """The listed row, where it can be asked for by itself."""
    filters = keyed(pk)
    return survey.evidence(FULL.path_for(survey.channel), (*filters, *paged(1, 10))) if filters else ()


@rule("identity.detailed-list", Pattern.EQUALITY, [DETAILED], rests_on=[ORDER])
def detailed_list(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """The detailed list has the same rows as the list, in number and in the documented fields."""
    full, detailed = survey.full(), survey.known(operation)
    shown = beginnings(full, detailed)
    if full.total != detailed.total:
        yield Finding(
            "the detailed list has another number of rows",
            f"{row_count(full.total)}, as the full list has",
            row_count(detailed.total),
            shown,
            proof=differ(*shown[:2], program=".count") if len(shown) > 1 else None,
        )
    if isinstance(full, Whole) and isinstance(detailed, Whole):
        missing, extra = sorted(set(full.pks) - set(detailed.pks)), sorted(set(detailed.pks) - set(full.pks))
        if missing or extra:
            yield Finding(
                "the detailed list has other rows",
                "the rows of the full list",
                amiss(missing, extra),
                shown,
                proof=misplaced(missing, extra, *through(answers_of(detailed))),
            )
    rows = full.by_pk
    both = [pk for pk in detailed.by_pk if pk in rows]
    if unlike := {pk: fields for pk in both if (fields := differences(rows[pk], detailed.by_pk[pk]))}:
        pk, fields = next(iter(unlike.items()))
        yield Finding(
            "a row of the detailed list differs in a documented field",
            f"{keys([pk])} as the full list has it",
            f"{differing(fields, rows[pk], detailed.by_pk[pk], 'in the full list', 'in the detailed one')}; differing rows: {keys(list(unlike))}",
            shown,
            proof=row_differs(pk, fields, full.answer_with(pk), detailed.answer_with(pk)),
        )
    if not full.total and not detailed.total:
        raise NotExercised(f"channel {survey.channel} lists no row")


@rule("identity.detailed", Pattern.EQUALITY, [RETRIEVE_DETAILED], rests_on=[ORDER])
def detailed(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """The detailed retrieval agrees with the plain one and with both lists."""
    listed = {"in the list": survey.full()}
    with suppress(Unreadable):
        listed["in the detailed list"] = survey.known(DETAILED)
    for pk in _sample(survey):
        answer, row = _retrieved(survey, operation, pk)
        plain = survey.session.get(RETRIEVE.path_for(survey.channel, pk))
        others = {name: known.by_pk[pk] for name, known in listed.items() if pk in known.by_pk}
        with suppress(Unreadable):
            others["in the plain retrieval"] = single(plain)
        for name, other in others.items():
            if fields := differences(other, row):
                yield Finding(
                    f"the detailed {noun()} differs from the one {name}",
                    f"{keys([pk])} as {name}",
                    differing(fields, other, row, name, "in the detailed retrieval"),
                    (answer, plain),
                    proof=row_differs(pk, fields, listed[name].answer_with(pk) if name in listed else plain, answer),
                )
    yield from _at_once(survey, operation)


@rule("identity.missing", Pattern.DIFFERENCE, RETRIEVALS, rests_on=[ORDER])
def missing(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """An id that does not exist, far away, in a gap of the lists, or equal to one that does but for its upper bits, is 404
    or 403 with a JSON body."""
    absent = survey.absent_pk(1 if survey.quick else 12)
    if not absent:
        raise NotExercised("no id is known that does not exist")
    for pk in absent:
        answer = survey.session.get(operation.path_for(survey.channel, pk))
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if answer.status not in ABSENT | {403}:
            yield Finding(
                "an id that does not exist is not 404",
                f"404 or 403 for {keys([pk])}",
                answer.describe(),
                (answer,),
                proof=by_status(answer),
            )
        elif answer.status in ABSENT and kind not in (JSON, PROBLEM):
            yield Finding(
                f"the {answer.status} for an id that does not exist is not JSON",
                f"{JSON} for {keys([pk])}",
                answer.describe(),
                (answer,),
                proof=by_type(answer),
            )
    yield from _wrapped(survey, operation)


def _wrapped(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Ids that are another row's once they are cut down to fewer bits. Ids that long may exist where others do."""
    pk = survey.some_pk()
    if survey.quick or max(survey.all_rows(), default=0) >= min(WRAPS):
        return
    for wrap in WRAPS:
        answer = survey.session.get(operation.path_for(survey.channel, pk + wrap))
        if answer.status < 400 and not answer.broke:
            yield Finding(
                "an id that does not exist is taken for another one, cut down to fewer bits",
                f"404 or 403 for {keys([pk + wrap])}: the lists hold {keys([pk])}",
                answer.describe(),
                (answer,),
                proof=by_status(answer),
            )
