"""Judges filters: a filtered list is the part of the full list that it says.

A filter on a field that rows show is compared with the rows directly. One on an attribute that no row shows is held by what
must be true anyway: its values split the list, agree for all rows with the same value of the field that has the attribute,
and unions and intersections add up. On a list that is too long to be read whole several times, these last are tried within
the filter by the keys of a sample.

Whatever is compared is known to be whole, or it is not compared: `_lacking` and `_has_other_length` say nothing
of rows that a `Sample` did not see.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, urlencode

from attrs import evolve

from channel_images.conformance.asking.operations import FULL, Operation, key_filter, noun
from channel_images.conformance.asking.reading import (
    Filters,
    ListOf,
    NotExercised,
    Page,
    Row,
    Value,
    asked_for,
    can_take,
    joined,
    keyed,
    page,
    paged,
    written,
)
from channel_images.conformance.asking.survey import LEAST, MANY, Known, Sample, Survey, Whole, answers_of, beginnings
from channel_images.conformance.asking.wire import Answer
from channel_images.conformance.judging.proof import (
    Proof,
    all_hold,
    by_status,
    holds,
    lacks,
    misplaced,
    repeats,
    shared,
    sized,
    summed,
)
from channel_images.conformance.judging.rule import Finding, Pattern, amiss, keys, row_count, rule
from channel_images.conformance.rules.paging import ORDER, RELATIONS, at_once
from channel_images.resource import Filter, resource

MOST_KEYS = 100
"""Keys in the sample that stands for a long list."""
FEW_PAGES = 4
"""Pages up to which a list is filtered whole; of a longer one, a sample is."""
WRAPS = (2**32, 2**33, 2**48, 2**62)
"""What an id loses where it is cut down to 32 bits, or to another number of them."""
UNKNOWN_NUMBER = 999
"""A number that no enum of numbers has come to."""
FAR = 1_000_003
"""Beyond the largest number of a field, so far that no row is likely to get there during a run."""


# Which filters there are, and what to ask them for


def _shown() -> list[Filter]:
    """The filters on fields that rows show, that on the key first."""
    shown = [each for each in resource().filters.values() if each.is_shown]
    return sorted(shown, key=lambda each: each is not key_filter())


def _values(survey: Survey, by: Filter, most: int) -> list[Value]:
    """Values to filter by, at most so many: of keys some that are not neighbours, in no order; of another field the first,
    the last, those with several rows, and seeded others."""
    if not survey.all_rows():
        raise NotExercised(f"channel {survey.channel} lists no row")
    found = survey.found_by(by)
    values = list(found)
    if by.field == resource().key:
        spread = values[:: max(1, len(values) // most)][:most]
        return survey.random("ids").sample(spread, k=len(spread))
    several = sorted(values, key=lambda value: -len(found[value]))[:2]
    others = survey.random(f"{by.field}s").sample(values, k=min(len(values), most))
    return list(dict.fromkeys([*values[:1], *values[-1:], *several, *others]))[:most]


def _common(survey: Survey, by: Filter, most: int) -> list[Value]:
    """Such values, the one that most rows have first."""
    found = survey.found_by(by)
    return sorted(_values(survey, by, most), key=lambda value: -len(found[value]))


def _unused(survey: Survey, by: Filter) -> list[Value]:
    """Values that a server has to take, and that no row has."""
    used = survey.found_by(by)
    values: Sequence[Value] = ()
    if by.field == resource().key:
        values = survey.absent_pk(2)
    elif by.values or by.type == "boolean":
        values = by.values or (True, False)
    elif by.type == "string":
        # Whatever has a form may be refused where it lacks it.
        is_plain = not by.schema.keys() & {"format", "pattern"}
        values = [f"{value}x" for value in used if is_plain and isinstance(value, str)][:1]
    else:
        values = [int(max((value for value in used if not isinstance(value, str)), default=0)) + FAR]
    return [value for value in values if value not in used and can_take(by, value)]


def _odd(survey: Survey, by: Filter) -> list[Value]:
    """Values that no row has, and that are near to one that rows have when they are compared badly."""
    used = survey.found_by(by)
    odd: list[Value] = []
    if by.type in ("integer", "number") and not by.values:
        odd.append(0)
    for value in [value for value in used if not isinstance(value, bool)][:2]:
        # What a comparison of texts would find: the beginning or the end of what is there.
        if isinstance(value, str):
            odd.append(value[:-1])
        elif by.type == "integer" and by.field != resource().key and value > 9:
            odd += [int(str(value)[:-1]), int(str(value)[1:])]
        elif by.type == "number":
            odd += [float(int(value)), int(value) + 0.5]
    return [value for value in dict.fromkeys(odd) if value not in used and can_take(by, value)]


def _wrapping(survey: Survey, by: Filter) -> list[Value]:
    """What is there once an integer is cut down to fewer bits. Integers that long may exist where others do."""
    used = [value for value in survey.found_by(by) if isinstance(value, int) and by.type == "integer"]
    if by.values or not used or max(used) >= 2**31:
        return []
    return [value for wrap in WRAPS if can_take(by, value := used[0] + wrap)]


def _kept(survey: Survey, by: Filter, values: Sequence[Value]) -> list[Value]:
    """As many of some values as the server takes in one filter; no more than it has to take where that is not asked."""
    if not values:
        return []
    return list(values[: LEAST if survey.quick else survey.most_values(by.name, values)])


def _asking(by: Filter, *values: Value) -> Filters:
    return ((by.name, joined(values)),)


def _named(filters: Filters) -> str:
    return "&".join(f"{name}={value if len(value) < 60 else value[:57] + '...'}" for name, value in filters)


# What they give, and what is due


def _listed(survey: Survey, filters: Filters) -> Whole | Sample:
    return survey.known(FULL, filters)


def _lacking(known: Whole | Sample, due: set[int]) -> list[int]:
    """The pks that a list should hold and does not: none where only a sample of it was read."""
    return sorted(due - set(known.pks)) if isinstance(known, Whole) else []


def _has_other_length(survey: Survey, known: Whole | Sample, due: set[int]) -> bool:
    """Whether a sampled list is not as long as it should be, where the full list tells how long that is."""
    return isinstance(known, Sample) and isinstance(survey.full(), Whole) and known.total != len(due)


def _too_many(survey: Survey, known: Whole | Sample, due: set[int]) -> list[int]:
    """The pks that a list holds and should not: only those that the full list was read with, where it was not read whole."""
    read = set(known.seen) if isinstance(survey.full(), Whole) else set(known.seen) & set(survey.all_rows())
    return sorted(read - due)


def _shown_by(known: Known, missing: Sequence[int], extra: Sequence[int]) -> Proof | None:
    """How rows that are missing or too many in a list show; `None` if it only has another length."""
    return misplaced(missing, extra, *answers_of(known)) if missing or extra else None


def _compared(survey: Survey, filters: Filters, due: set[int], relation: str) -> Iterator[Finding]:
    """What a filtered list should hold, compared with what it holds."""
    known = _listed(survey, filters)
    missing, extra = _lacking(known, due), _too_many(survey, known, due)
    twice = len(known.seen) != len(set(known.seen))
    if missing or extra or twice or _has_other_length(survey, known, due):
        of_all = "" if isinstance(survey.full(), Whole) else " among the rows that were read"
        yield Finding(
            relation,
            f"{_named(filters)}: {row_count(len(due))}{of_all}" + (f", {keys(sorted(due))}" if due else ""),
            f"{row_count(known.total)}: {amiss(missing, extra, len(due))}" + ("; some of them twice" if twice else ""),
            beginnings(known),
            proof=repeats(*answers_of(known)) if twice else _shown_by(known, missing, extra),
        )


def _universe(survey: Survey) -> tuple[Filters, dict[int, Row]]:
    """The filter that all relations are tried within, and the rows that it leaves."""
    full, rows = survey.full(), survey.all_rows()
    if not rows:
        raise NotExercised(f"channel {survey.channel} lists no row")
    if isinstance(full, Whole) and full.total <= FEW_PAGES * survey.largest:
        return (), rows
    by_key = key_filter()
    if by_key is None or not by_key.several:
        raise NotExercised(
            f"{full.total} rows are too many, and the contract has no filter for the keys of some of them"
        )
    sample = survey.sample(max(LEAST, min(MOST_KEYS, FEW_PAGES * survey.largest)), salt="universe")
    pks = sorted(sample[: len(_kept(survey, by_key, sample))])
    return keyed(*pks), {pk: rows[pk] for pk in pks}


def _due(survey: Survey, filters: Filters) -> set[int]:
    """The pks of the rows read that satisfy filters on what rows show."""
    rows = survey.all_rows()
    pks = set(rows)
    for name, text in filters:
        by = resource().filters[name]
        wanted = set(text.split(",")) if by.several else {text}
        pks &= {pk for value, found in survey.found_by(by).items() if written(value) in wanted for pk in found}
    return pks


def _pks(survey: Survey, filters: Filters) -> set[int]:
    """The pks of a filtered list that has to be known whole. Raises `NotExercised` if it is too long for that."""
    known = _listed(survey, filters)
    if isinstance(known, Sample):
        raise NotExercised(f"{_named(filters)} leaves {known.total} rows, too many to compare all of them")
    return set(known.pks)


def _satisfying(survey: Survey, filters: Filters) -> set[int]:
    """The intersection of what each filter gives by itself, within the universe."""
    within, rows = _universe(survey)
    due = set(rows)
    for name, value in filters:
        due &= (
            _due(survey, ((name, value),))
            if resource().filters[name].is_shown
            else _pks(survey, (*within, (name, value)))
        )
    return due


def _sides(survey: Survey, by: Filter) -> dict[Value, set[int]]:
    """The pks of each value of a filter on what rows do not show, within the universe: of those that the contract lists, and
    those that --expect knows."""
    within = _universe(survey)[0]
    listed = (True, False) if by.type == "boolean" else by.values
    values = dict.fromkeys([*listed, *survey.expectations.attributes.get(by.name, {}).values()])
    return {value: _pks(survey, (*within, *_asking(by, value))) for value in values}


def _inhabited(survey: Survey, by: Filter) -> dict[Value, set[int]]:
    return {value: pks for value, pks in _sides(survey, by).items() if pks}


# The rules


def _single(survey: Survey) -> Iterator[tuple[Filter, Value]]:
    """One filter on what rows show, with one value."""
    for by in _shown():
        is_key = by.field == resource().key
        most = (1 if survey.quick else 3) if is_key else 2 if survey.quick or by.several else 6
        for value in _values(survey, by, most):
            yield by, value


def _absent(survey: Survey) -> Iterator[tuple[Filter, Value]]:
    """Filters that no row satisfies."""
    is_whole = isinstance(survey.full(), Whole)
    for by in _shown():
        values = _wrapping(survey, by)
        if is_whole or by.field == resource().key:
            values = [*_unused(survey, by), *_odd(survey, by), *values]
        yield from ((by, value) for value in values)
    for by in resource().hidden:
        if by.values:
            yield by, UNKNOWN_NUMBER if by.type == "integer" else f"{by.values[0]}x"


@rule("filter.sound", Pattern.SUBSET, [FULL])
def sound(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Each row that a filter on a field returns has the value that was asked for; a value that does not exist gives no row,
    or 400."""
    if not resource().filters:
        raise NotExercised("the contract has no filter")
    for by, value in _single(survey):
        known = _listed(survey, _asking(by, value))
        if wrong := [pk for pk, row in known.by_pk.items() if asked_for(by, row) != value]:
            yield Finding(
                f"{by.name} returns rows that it should not",
                f"{_named(_asking(by, value))}: rows whose {by.field} is {written(value)}",
                f"{keys(wrong)} too",
                beginnings(known),
                proof=holds(wrong, *answers_of(known)),
            )
    for by, value in itertools.islice(_absent(survey), 1 if survey.quick else None):
        filters = _asking(by, value)
        answer = survey.session.get(FULL.path_for(survey.channel), [*filters, *paged(limit=10)])
        if answer.broke or answer.status >= 400:
            continue
        known = _listed(survey, filters)
        if known.rows:
            yield Finding(
                f"{by.name} returns rows for a value that does not exist",
                f"no row for {_named(filters)}, or 400",
                f"{row_count(known.total)}: {keys(known.seen)}",
                (answer,),
                proof=sized(answer, 0),
            )
    yield from _filtered_at_once(survey)


def _filtered_at_once(survey: Survey) -> Iterator[Finding]:
    """Filtered lists that are asked for at the same time are each what they are when they are asked for alone."""
    if survey.quick:
        return
    asked = itertools.islice(_single(survey), survey.at_once)
    alone = [_listed(survey, _asking(by, value)) for by, value in asked]
    relation = "a filtered list is another one when several are asked for at the same time"
    yield from at_once(survey, beginnings(*alone), relation)


@rule("filter.complete", Pattern.COMPLETE, [FULL], rests_on=[ORDER])
def complete(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Each row of the full list that has the value that was asked for is returned by the filter on its field."""
    if not _shown():
        raise NotExercised("the contract has no filter on what rows show")
    for by, value in _single(survey):
        filters = _asking(by, value)
        known, due = _listed(survey, filters), _due(survey, filters)
        if (missing := _lacking(known, due)) or _has_other_length(survey, known, due):
            yield Finding(
                f"{by.name} does not return all rows that satisfy it",
                f"{_named(filters)}: {row_count(len(due))}, {keys(sorted(due))}",
                f"{row_count(known.total)}: {amiss(missing, [], len(due))}",
                beginnings(known, survey.full()),
                proof=_shown_by(known, missing, ()),
            )


@rule("filter.multi", Pattern.EQUALITY, [FULL], rests_on=[ORDER])
def multi(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Several values give the union of the single ones: in any order, not adjacent, many of them; unknown ones and
    repeated ones add nothing. A space after a comma is refused, or means nothing."""
    filters = [each for each in (*_shown(), *resource().hidden) if each.several]
    if not filters:
        raise NotExercised("the contract has no filter with several values")
    for by in filters if not survey.quick else ():
        finds = list(survey.found_by(by)) if by.is_shown else []
        if finds and survey.most_values(by.name, finds) < LEAST:
            answer = survey.session.get(FULL.path_for(survey.channel), _asking(by, *finds[:LEAST]))
            yield Finding(
                f"{by.name} does not take {LEAST} values",
                f"at least {LEAST} values",
                answer.describe(),
                (answer,),
                proof=by_status(answer),
            )
            return
    for by in filters:
        relation = f"several values of {by.name} are not the union of the single ones"
        for values in _unions(survey, by):
            yield from _compared(survey, *_union(survey, by, values), relation)
        if not survey.quick:
            yield from _spaced(survey, by)


def _unions(survey: Survey, by: Filter) -> list[list[Value]]:
    """Values that are asked for together."""
    if not by.is_shown:
        inhabited = list(_inhabited(survey, by))
        sets = [inhabited[-2:][::-1]]
        if not survey.quick:
            sets += [inhabited[:2], inhabited[:2][::-1], inhabited[-2:], [*inhabited[:1], *inhabited[-1:]]]
            sets += [inhabited, inhabited[::-1], list(_sides(survey, by)), inhabited[::2]]
        return [list(each) for each in dict.fromkeys(map(tuple, sets)) if len(each) > 1]
    values, unused = _values(survey, by, 4), _unused(survey, by)[:1]
    sets = [values[:2], values[:2][::-1], [*values[:3], *unused], [*unused, *values[:3]]]
    if survey.quick:
        sets = sets[::2]
    else:
        many = _kept(survey, by, _values(survey, by, MANY[0]))
        sets += [values, sorted(values), [*values[:1], *values], many, many[::-1]]
    return [each for each in sets if each]


def _union(survey: Survey, by: Filter, values: Sequence[Value]) -> tuple[Filters, set[int]]:
    """The filter by several values, and the pks that are due."""
    asking = _asking(by, *values)
    if by.is_shown:
        return asking, _due(survey, asking)
    sides = _sides(survey, by)
    return (*_universe(survey)[0], *asking), set().union(*(sides[value] for value in values))


def _spaced(survey: Survey, by: Filter) -> Iterator[Finding]:
    """Two values with a space after the comma, as people write them: refused, or the union of both."""
    values = _values(survey, by, 2) if by.is_shown else list(_inhabited(survey, by))[:2]
    if len(values) < 2:
        return
    limit, ((*within, _), due) = survey.largest, _union(survey, by, values)
    one, other = (quote(written(value)) for value in values)
    others = urlencode([*within, *paged(1, limit)], safe=",")
    # Of a long list, rows may be due that were not read: not by their keys, and not within the universe.
    is_known = isinstance(survey.full(), Whole) or by is key_filter() or not by.is_shown
    for space in ("%20", "+"):
        answer = survey.session.get(f"{FULL.path_for(survey.channel)}?{by.name}={one},{space}{other}&{others}")
        if answer.broke or answer.status >= 400:
            continue
        found = page(answer)
        missing = due - set(found.pks) if len(found.rows) < limit else set()
        extra = set(found.pks) - due if is_known else set()
        if missing or extra:
            yield Finding(
                f"a space after the comma of {by.name} loses or adds rows",
                f"a refusal, or the rows of {joined(values)}: {keys(sorted(due))}",
                amiss(sorted(missing), sorted(extra), len(due)),
                (answer,),
                proof=misplaced(sorted(missing), sorted(extra), answer),
            )
            return


@rule("filter.partition", Pattern.DISJOINT, [FULL], rests_on=[ORDER])
def partition(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """The values of a filter on what rows do not show share no row; true and false cover the list; rows with the
    same value of the field that has the attribute fall on the same side."""
    if not resource().hidden:
        raise NotExercised("the contract has no filter on what rows do not show")
    within, rows = _universe(survey)
    known = [by for by in resource().hidden if _sides(survey, by)]
    if not known:
        raise NotExercised("no value of what rows do not show is known: the contract lists none, and --expect none")
    for by in known:
        name, sides = by.name, _sides(survey, by)
        for first, second in itertools.combinations(sides, 2):
            if common := sorted(sides[first] & sides[second]):
                yield Finding(
                    f"{_halves(by)} share rows",
                    f"no row of both {written(first)} and {written(second)}",
                    f"{keys(common)} of both",
                    _answers(survey, by, first, second),
                    proof=shared(common, *_all_answers(survey, by, first, second)),
                )
                break
        found = set().union(*sides.values())
        if by.type == "boolean" and (neither := sorted(set(rows) - found)):
            yield Finding(
                f"{_halves(by)} do not cover the list",
                "each row on a side",
                f"{keys(neither)} on none",
                _answers(survey, by, *sides),
                proof=lacks(neither, *itertools.chain(*_all_answers(survey, by, *sides))),
            )
        if foreign := sorted(found - set(rows)):
            yield Finding(
                f"{name} returns rows that the full list lacks",
                "rows of the full list",
                keys(foreign),
                _answers(survey, by, *(value for value, pks in sides.items() if pks - set(rows))),
                proof=holds(foreign, *itertools.chain(*_all_answers(survey, by, *sides))),
            )
        yield from _torn(survey, by, rows, sides)
        yield from _expected(survey, by, rows, sides)
        if within and not survey.quick:
            yield from _in_number(survey, by)


def _halves(by: Filter) -> str:
    """The values of a filter, in words."""
    return f"{by.name} true and false" if by.type == "boolean" else f"{by.name.replace('_', ' ')}s"


def _answers(survey: Survey, by: Filter, *values: Value) -> tuple[Answer, ...]:
    """What each value of a filter was answered, within the universe."""
    within = _universe(survey)[0]
    return beginnings(*(_listed(survey, (*within, *_asking(by, value))) for value in values))


def _all_answers(survey: Survey, by: Filter, *values: Value) -> list[tuple[Answer, ...]]:
    """All that was answered for each value of a filter, within the universe."""
    within = _universe(survey)[0]
    return [answers_of(_listed(survey, (*within, *_asking(by, value)))) for value in values]


def _scattered(survey: Survey, by: Filter, at: Mapping[Value | None, int]) -> Proof:
    """How rows of one group show that fall on different sides."""
    sides = [side for side in at if side is not None]
    found = _all_answers(survey, by, *sides)
    return lacks([at[None]], *found[0]) if None in at else all_hold([at[side] for side in sides], found)


def _groups(by: Filter, rows: dict[int, Row]) -> dict[Value, list[int]]:
    """The pks of the rows, by the value of the field that has the attribute."""
    groups: dict[Value, list[int]] = {}
    for pk, row in rows.items():
        value = row.get(by.field)
        if isinstance(value, int | str) and not isinstance(value, bool):
            groups.setdefault(value, []).append(pk)
    return groups


def _torn(survey: Survey, by: Filter, rows: dict[int, Row], sides: dict[Value, set[int]]) -> Iterator[Finding]:
    """Rows of one group that fall on different sides, one of which may be none of them."""
    of_pk = {pk: side for side, pks in sides.items() for pk in pks}
    for group, pks in _groups(by, rows).items():
        at: dict[Value | None, int] = {}
        for pk in pks:
            at.setdefault(of_pk.get(pk), pk)
        if len(at) > 1:
            yield Finding(
                f"{noun()}s of one {by.field} fall on different sides of {by.name}",
                f"all {noun()}s of {by.field} {group} on one side",
                ", ".join(f"{keys([pk])} on {'none' if side is None else written(side)}" for side, pk in at.items()),
                _answers(survey, by, *(side for side in at if side is not None)),
                proof=_scattered(survey, by, at),
            )
            return


def _in_number(survey: Survey, by: Filter) -> Iterator[Finding]:
    """Of a list of which a sample was compared: whether true and false are as many rows as the list, and other values
    together no more."""

    def count(*filters: tuple[str, str]) -> Page:
        return ListOf(FULL, survey.channel, filters).page(survey.session, 1, 1)

    whole, sides = count(), [count(*_asking(by, value)) for value in _sides(survey, by)]
    counts = [each.count for each in sides if each.count is not None]
    if whole.count is None or len(counts) < len(sides):
        return
    total, is_half = sum(counts), by.type == "boolean"
    if total > whole.count or (is_half and total < whole.count):
        yield Finding(
            f"{_halves(by)} "
            + ("are not as many rows as the list" if is_half else "together are more rows than the list"),
            f"{'' if is_half else 'at most '}{row_count(whole.count)}",
            " and ".join(map(str, counts)) + " rows",
            (whole.answer, *(each.answer for each in sides)),
            proof=summed(whole.answer, [each.answer for each in sides], exactly=is_half),
        )


def _expected(survey: Survey, by: Filter, rows: dict[int, Row], sides: dict[Value, set[int]]) -> Iterator[Finding]:
    """What --expect says of an attribute that rows do not show."""
    groups = _groups(by, rows)
    by_group = next((each for each in _shown() if each.field == by.field), None)
    for group, value in survey.expectations.attributes.get(by.name, {}).items():
        if wrong := [pk for pk in groups.get(group, ()) if pk not in sides[value]]:
            asked = _asking(by, value) + (_asking(by_group, group) if by_group else ())
            answers = (survey.session.get(FULL.path_for(survey.channel), asked),)
            yield Finding(
                f"{by.name} contradicts --expect",
                f"{by.field} {group}: {by.name} {written(value)}",
                f"{keys(wrong)} not among them",
                answers,
                proof=lacks(wrong, *answers),
            )


@rule("filter.and", Pattern.EQUALITY, [FULL], rests_on=[ORDER])
def both(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Two filters, or three, give the rows that satisfy each of them."""
    if len(resource().filters) < 2:
        raise NotExercised("the contract has no two filters")
    for filters in _combinations(survey):
        relation = f"{' and '.join(sorted(name for name, _ in filters))} together are not the intersection"
        yield from _compared(survey, filters, _satisfying(survey, filters), relation)


def _combinations(survey: Survey) -> list[Filters]:
    """Two filters of each kind together, and three.

    Two sets of values for each pair of filters: one where each cuts the other in two, and one where they exclude each
    other. Anything else shows little: where one of them holds already what the other leaves, dropping the other changes
    nothing.
    """
    within, rows = _universe(survey)
    candidates = _candidates(survey, list(rows))
    chosen: list[Filters] = []
    for (name, texts), (other, others) in itertools.combinations(candidates.items(), 2):
        if within and any(resource().filters[each] is key_filter() for each in (name, other)):
            continue
        cut: Filters = ()
        apart: Filters = ()
        for text, other_text in itertools.product(texts, others):
            pair: Filters = ((name, text), (other, other_text))
            left, right = (_satisfying(survey, (each,)) for each in pair)
            if left & right and left & right not in (left, right):
                cut = cut or pair
            elif left and right and not left & right:
                apart = apart or pair
        chosen += [(*within, *pair) for pair in (cut, apart) if pair]
    # Those with several values, and those on what rows do not show, leave more rows than the others.
    names = sorted(
        candidates, key=lambda name: not resource().filters[name].several and resource().filters[name].is_shown
    )
    others = [name for name in names if resource().filters[name] is not key_filter()]
    if three := [(name, candidates[name][0]) for name in others[:3]]:
        chosen.append((*within, *three))
    return chosen[::3] if survey.quick else chosen


def _candidates(survey: Survey, pks: list[int]) -> dict[str, list[str]]:
    """Values to try each filter with, as they are written; of filters that have any."""
    candidates: dict[str, list[str]] = {}
    firsts: dict[int, None] = {}
    commonest: list[set[int]] = []
    for by in (*resource().hidden, *_shown()):
        if by is key_filter():
            continue
        if by.is_shown:
            values = _common(survey, by, 8)
            sets: list[list[Value]] = [[value] for value in values]
            if by.several:
                sets = [values[::2], values, values[1:3] or values, values[:1]]
            firsts.update((survey.found_by(by)[value][0], None) for value in values[:1])
        else:
            inhabited = _inhabited(survey, by)
            values = sorted(inhabited, key=lambda value: -len(inhabited[value]))
            sets = [[value] for value in values] + ([values[:2]] if by.several else [])
            commonest += [inhabited[value] for value in values[:2] if by.type != "boolean"]
        candidates[by.name] = [joined(each) for each in sets if each]
    if (by_key := key_filter()) is not None:
        half = survey.random("combinations").sample(pks, k=max(1, min(len(pks) // 2, MOST_KEYS)))
        most = survey.most_values(by_key.name, pks) if by_key.several else 1
        some = [half, [*firsts, *half[:3]], half[:2], *map(sorted, commonest)]
        candidates[by_key.name] = [joined(each[: min(most, MOST_KEYS)]) for each in some]
    return {name: texts for name, texts in candidates.items() if texts}


@rule("filter.with-paging", Pattern.COMPLETE, [FULL], rests_on=[ORDER])
def with_paging(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Filtered lists obey each paging rule."""
    lists = [known for filters in _long_lists(survey) if (known := _listed(survey, filters)).total > 1]
    if not lists:
        raise NotExercised("no filter leaves more than one row")
    for known in lists:
        for identity, relation in RELATIONS.items():
            for finding in relation(survey, known):
                yield evolve(
                    finding,
                    relation=f"{identity}: {finding.relation}",
                    expected=f"{_named(known.of.filters)}: {finding.expected}",
                )


def _long_lists(survey: Survey) -> Iterator[Filters]:
    """Filters that leave several rows, one of each kind."""
    for by in _shown():
        if by.several:
            most = 23 if by is key_filter() else 15
            values = _kept(survey, by, _values(survey, by, most))
        else:
            values = _common(survey, by, 6)[:1]
        if values:
            yield _asking(by, *values)
            if survey.quick:
                return
    if resource().hidden and not _universe(survey)[0]:
        for by in resource().hidden:
            sides = _sides(survey, by)
            if sides:
                yield _asking(by, max(sides, key=lambda value: len(sides[value])))
