"""Judges pending work: its three lists agree with each other and with the full list."""

from collections.abc import Generator, Iterator, Sequence

from attrs import evolve

from channel_images.conformance.asking.operations import (
    FULL,
    INSERTS,
    INSERTS_OR_UPDATES,
    PENDING,
    RETRIEVE,
    UPDATES,
    Operation,
    key_filter,
    noun,
)
from channel_images.conformance.asking.reading import (
    ListOf,
    NotExercised,
    Page,
    Unreadable,
    differences,
    keyed,
    page,
)
from channel_images.conformance.asking.survey import Known, Sample, Survey, Whole, answers_of, beginnings
from channel_images.conformance.asking.wire import Answer
from channel_images.conformance.judging.proof import misplaced, only_in_first, repeats, row_differs, shared
from channel_images.conformance.judging.rule import Finding, Pattern, amiss, differing, keys, row_count, rule
from channel_images.conformance.rules.paging import FOR_ARRAYS, ORDER, RELATIONS, first_page

FEW_MOMENTS, MOMENTS = 3, 24
"""Times that a pending list is compared with the full list as it is at the same moment: always, and where data moves."""
DIFFERS = "a pending row differs from the same row of the full list"
FOREIGN = "a pending row is not in the full list"


@rule("pending.disjoint", Pattern.DISJOINT, [INSERTS_OR_UPDATES], rests_on=[ORDER])
def disjoint(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Inserts and updates share no row."""
    inserts, updates = survey.known(INSERTS), survey.known(UPDATES)
    if not inserts.total and not updates.total and not survey.expectations.pending:
        raise NotExercised(f"nothing is pending in channel {survey.channel}")
    if both := sorted(set(inserts.seen) & set(updates.seen)):
        yield Finding(
            f"{noun(article=True)} is to insert and to update",
            "no row in both",
            f"{keys(both)} in both",
            beginnings(inserts, updates),
            proof=shared(both, answers_of(inserts), answers_of(updates)),
        )
    expected = survey.expectations.pending
    for known, word in ((inserts, "insert"), (updates, "update")):
        wrong = [pk for pk in known.seen if expected.get(pk, word) != word]
        lacking = []
        if isinstance(known, Whole):
            lacking = [pk for pk, due in expected.items() if due == word and pk not in known.by_pk]
        if wrong or lacking:
            yield Finding(
                f"the {word}s contradict --expect",
                f"{word}: {keys([pk for pk, due in expected.items() if due == word])}",
                amiss(lacking, wrong),
                beginnings(known),
                proof=misplaced(lacking, wrong, *answers_of(known)),
            )


@rule("pending.union", Pattern.COMPLETE, [INSERTS_OR_UPDATES], rests_on=[ORDER])
def union(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Inserts or updates are the inserts and the updates."""
    inserts, updates, both = survey.known(INSERTS), survey.known(UPDATES), survey.known(operation)
    if not inserts.total and not updates.total and not both.total:
        raise NotExercised(f"nothing is pending in channel {survey.channel}")
    shown = beginnings(both, inserts, updates)
    if isinstance(inserts, Sample) or isinstance(updates, Sample) or isinstance(both, Sample):
        if both.total != inserts.total + updates.total:
            yield Finding(
                "the union has another number of rows than its parts",
                f"{inserts.total} to insert and {updates.total} to update",
                row_count(both.total),
                shown,
            )
        return
    parts = set(inserts.pks) | set(updates.pks)
    if missing := sorted(parts - set(both.pks)):
        yield Finding(
            "the union lacks pending rows",
            "each insert and each update",
            f"{keys(missing)} missing",
            shown,
            proof=only_in_first(missing, (*answers_of(inserts), *answers_of(updates)), answers_of(both)),
        )
    if extra := sorted(set(both.pks) - parts):
        yield Finding(
            "the union holds other rows",
            "inserts and updates alone",
            f"{keys(extra)} too many",
            shown,
            proof=only_in_first(extra, answers_of(both), (*answers_of(inserts), *answers_of(updates))),
        )
    if twice := sorted({pk for pk in both.pks if both.pks.count(pk) > 1}):
        yield Finding(
            "the union holds a row twice",
            "each row once",
            f"{keys(twice)} twice",
            shown,
            proof=repeats(*answers_of(both)),
        )
    rows = both.by_pk
    for known in (inserts, updates):
        for pk, row in known.by_pk.items():
            if pk in rows and (fields := differences(row, rows[pk])):
                yield Finding(
                    "a row of the union differs from the same row of its part",
                    f"{keys([pk])} as in {known.of.operation.id}",
                    differing(fields, row, rows[pk], f"in {known.of.operation.id}", "in the union"),
                    shown,
                    proof=row_differs(pk, fields, known.answer_with(pk), both.answer_with(pk)),
                )
                return


@rule("pending.subset", Pattern.SUBSET, PENDING, rests_on=[ORDER])
def subset(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Each pending row is in the full list, field for field; also at the moment at which it is pending."""
    known, full = survey.known(operation), survey.full()
    if not known.total:
        raise NotExercised(f"nothing is pending here in channel {survey.channel}")
    rows = full.by_pk
    for pk, row in known.by_pk.items():
        if pk in rows and (fields := differences(rows[pk], row)):
            yield Finding(
                DIFFERS,
                f"{keys([pk])} as in the full list",
                differing(fields, rows[pk], row, here="in the pending list"),
                beginnings(known, full),
                proof=row_differs(pk, fields, full.answer_with(pk), known.answer_with(pk)),
            )
            break
    if isinstance(full, Whole):
        foreign = [pk for pk in known.by_pk if pk not in rows]
    else:
        foreign = yield from _sampled(survey, known)
    if foreign:
        yield Finding(
            FOREIGN,
            "rows of the full list alone",
            f"{keys(foreign)} not in it",
            (*beginnings(known, full), *survey.evidence(RETRIEVE.path_for(survey.channel, foreign[0]))),
            proof=only_in_first(foreign, answers_of(known), answers_of(full)) if isinstance(full, Whole) else None,
        )
    if not survey.quick:
        yield from _at_that_moment(survey, operation, known)


def _sampled(survey: Survey, known: Known) -> Generator[Finding, None, list[int]]:
    """Pending rows of a long list, looked for in the full list by their ids; returns those it lacks."""
    pks = list(known.seen)
    most = _most_keys(survey, pks)
    sample = sorted(survey.random("pending", known.of).sample(pks, k=min(len(pks), 50)))
    if not most:
        return []
    listed = survey.known(FULL, keyed(*sample[:most]))
    for pk in sample:
        if pk in listed.by_pk and (fields := differences(listed.by_pk[pk], known.by_pk[pk])):
            yield Finding(
                DIFFERS,
                f"{keys([pk])} as in the full list",
                differing(fields, listed.by_pk[pk], known.by_pk[pk], here="in the pending list"),
                beginnings(known),
                proof=row_differs(pk, fields, listed.answer_with(pk), known.answer_with(pk)),
            )
            break
    asked = set(sample[:most])
    return [pk for pk in sample if pk in asked and pk not in listed.by_pk] if isinstance(listed, Whole) else []


def _most_keys(survey: Survey, keys: Sequence[int]) -> int:
    """How many of some keys a list can be asked for in one filter; none where the contract has no filter for keys."""
    by_key = key_filter()
    return 0 if by_key is None else survey.most_values(by_key.name, keys) if by_key.several else 1


def _at_that_moment(survey: Survey, operation: Operation, known: Known) -> Iterator[Finding]:
    """What a pending list says between two answers of the full list that agree: data that moves is no excuse there.

    Where the data moves, this is tried many times: a list that lags behind shows only where a row has just changed.
    """
    first = known.pages[0]
    pks = first.pks[: min(survey.largest, _most_keys(survey, first.pks))]
    if not pks:
        return
    listed = ListOf(FULL, survey.channel, keyed(*pks))
    rows = {pk: row for pk, row in survey.all_rows().items() if pk in pks}
    has_moved = False
    told: set[str] = set()
    for number in range(MOMENTS):
        if number >= FEW_MOMENTS and not has_moved:
            return
        try:
            before = listed.page(survey.session, 1, len(pks), fresh=True)
            between = page(survey.session.get(known.of.path, first.answer.request.params, fresh=True))
            after = listed.page(survey.session, 1, len(pks), fresh=True)
        except Unreadable:
            return  # what is wrong with a single answer is judged by itself
        if before.pks == after.pks and not any(map(differences, before.rows, after.rows)):
            shown = (before.answer, between.answer, after.answer)
            for finding in _lagging(between, before, set(pks), shown):
                if finding.relation not in told:
                    told.add(finding.relation)
                    yield finding
        here = dict(zip(before.pks, before.rows, strict=True))
        changed = any(pk in rows and differences(rows[pk], row) for pk, row in here.items())
        has_moved = has_moved or changed or between.pks != first.pks or here.keys() != set(pks)


def _lagging(pending: Page, listed: Page, asked: set[int], shown: tuple[Answer, ...]) -> Iterator[Finding]:
    """Pending rows that differ from the full list's, or that it lacks, of those that it was asked for."""
    rows = dict(zip(listed.pks, listed.rows, strict=True))
    for pk, row in zip(pending.pks, pending.rows, strict=True):
        if pk in rows and (fields := differences(rows[pk], row)):
            seen = differing(fields, rows[pk], row, here="in the pending list")
            yield Finding(
                DIFFERS,
                f"{keys([pk])} as in the full list just before and just after",
                seen,
                shown,
                is_proven=True,
                proof=row_differs(pk, fields, listed.answer, pending.answer),
            )
        elif pk in asked and pk not in rows:
            seen = f"{keys([pk])} not in it, just before and just after"
            yield Finding(
                FOREIGN,
                "rows of the full list alone",
                seen,
                shown,
                is_proven=True,
                proof=only_in_first([pk], [pending.answer], [listed.answer]),
            )


@rule("pending.paging", Pattern.COMPLETE, PENDING, rests_on=[ORDER])
def paging(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """The pending lists obey the paging rules that apply to arrays; one that seems to be empty is so in every way of
    asking."""
    yield from first_page(survey, operation)
    known = survey.known(operation)
    if not known.total:
        raise NotExercised(f"nothing is pending here in channel {survey.channel}")
    for identity in RELATIONS if operation.is_enveloped else FOR_ARRAYS:
        for finding in RELATIONS[identity](survey, known):
            yield evolve(finding, relation=f"{identity}: {finding.relation}")
