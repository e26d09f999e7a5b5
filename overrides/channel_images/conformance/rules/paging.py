"""Judges paging: the pages of a list, at whatever limit, are the list.

The full reading of a list (see `Known`) is what pages at other limits are compared with: page n at limit l has to be its
rows from (n-1)·l on, l of them. That holds a page boundary with one request, where walking all pages at each limit would
take thousands.
"""

import json
from collections.abc import Callable, Iterator, Sequence

from channel_images.conformance.asking.operations import EVERYTHING, FULL, LISTS, Operation, default_limit
from channel_images.conformance.asking.reading import (
    ABSENT,
    INVALID,
    ListOf,
    NotExercised,
    Page,
    Unreadable,
    follow,
    page,
    paged,
    rows,
)
from channel_images.conformance.asking.survey import BASE, LARGE, LEAST, Sample, Survey, Whole, answers_of
from channel_images.conformance.asking.wire import Answer
from channel_images.conformance.judging.proof import (
    Proof,
    by_status,
    counted,
    differ,
    leads_astray,
    leads_away,
    mixed,
    only_otherwise,
    part,
    placed,
    repeats,
    shrinks,
    sized,
)
from channel_images.conformance.judging.rule import (
    Finding,
    Pattern,
    amiss,
    apart,
    count_told,
    few,
    keys,
    row_count,
    rule,
)
from channel_images.resource import resource

Known = Whole | Sample

ORDER = "paging.order"
ROUNDS = 3
"""Times that pages are asked for at the same time."""
TOGETHER = (3, 5)
"""Rows on these pages: of two sizes, so that the size of one in place of another's shows."""


def limits(survey: Survey, known: Known) -> list[int]:
    """The limits to probe: small ones, the usual ones, and those around the length of the list."""
    total = known.total
    if survey.quick:
        wanted = {7, total - 1} if known.of.operation is FULL else {7}
    elif known.of.filters:
        wanted = {3, 10, total - 1, LARGE}
    else:
        wanted = {1, 2, 3, 7, 10, 25, 50, 99, BASE, BASE + 1, 500, LARGE, total - 1, total, total + 1, 2 * total}
        if not known.of.operation.is_enveloped:
            wanted -= {2, 25, 2 * total}
    most = 2 * max(LARGE, total if isinstance(known, Whole) else 0)
    affordable = (limit for limit in wanted if 0 < limit <= most and survey.affordable(min(limit, total)))
    return sorted(limit for limit in affordable if survey.can_ask(known.of, 1, limit))


def probes(survey: Survey, known: Known, limit: int, size: int) -> list[int]:
    """The pages to look at, at a limit: both ends and a seeded place between."""
    last = max(1, -(-known.total // size))
    between = [survey.random(known.of, limit).randint(1, last)] if not survey.quick else []
    if isinstance(known, Sample):
        # Between the ends of a long list, the pages whose rows are known.
        starts = [position for position in known.rows if position % size == 0]
        between = survey.random(known.of, limit).sample(starts, k=min(2, len(starts)))
        between = [start // size + 1 for start in between]
    numbers = sorted({number for number in (1, 2, last - 1, last, *between) if 1 <= number <= last})
    return [number for number in numbers if survey.can_ask(known.of, number, limit)]


def taken(survey: Survey, known: Known) -> dict[int, int]:
    """The limits that the server takes, each with the rows that a full page has at it. Raises `Unreadable`.

    The clamp rule: one M of at least 10, so that a page has min(limit, M) rows.
    """
    rows: dict[int, int] = {}
    if known.limit is not None:
        rows[known.limit] = len(known.pages[0].rows) if known.pages else 0
    for limit in limits(survey, known):
        if survey.takes(known.of, limit):
            rows[limit] = len(known.of.page(survey.session, 1, limit).rows)
    clamp = max((count for limit, count in rows.items() if count < min(limit, known.total)), default=None)
    return {limit: limit if clamp is None else min(limit, max(clamp, LEAST)) for limit in rows}


def probed(survey: Survey, known: Known, sizes: dict[int, int]) -> Iterator[tuple[int, int, int, Page]]:
    """The pages to look at, each with its limit, the rows of a full page at that limit, and its number."""
    for limit, size in sizes.items():
        for number in probes(survey, known, limit, size):
            yield limit, size, number, known.of.page(survey.session, number, limit)


def _refused(survey: Survey, known: Known, sizes: dict[int, int]) -> Iterator[Answer]:
    """Refusals of limits that a server has to take: up to `LEAST`, and below one that is taken."""
    top = max(sizes, default=0)
    for limit in limits(survey, known):
        if limit not in sizes and limit <= max(top, LEAST):
            answer = known.of.answer(survey.session, 1, limit)
            if answer.status in INVALID:
                yield answer


def size_of_pages(survey: Survey, known: Known) -> Iterator[Finding]:
    """Each page but the last holds `limit` rows, or the server's largest limit."""
    sizes = taken(survey, known)
    for answer in () if known.of.filters else _refused(survey, known, sizes):
        yield Finding(
            "a limit is refused that is no larger than 10, or than one that is taken",
            "a page of at most that many rows",
            f"{answer.request.target}: {answer.describe()}",
            (answer,),
            proof=by_status(answer),
        )
    for limit, size, number, current in probed(survey, known, sizes):
        due = max(0, min(size, known.total - (number - 1) * size))
        if len(current.rows) != due:
            # What makes `size` the most that the server gives: another limit that gives less than it says.
            clamped = _clamped(survey, known) if due < min(limit, len(current.rows)) else None
            yield Finding(
                "a page does not hold as many rows as it should",
                f"{row_count(due)} on page {number} at limit {limit}, of {known.total}"
                + (f", since limit {clamped[0]} gives less than it says" if clamped else ""),
                row_count(len(current.rows)),
                (current.answer, *([clamped[1]] if clamped else [])),
                proof=sized(current.answer, due) if clamped is None else shrinks(*clamped, current.answer),
            )


def _clamped(survey: Survey, known: Known) -> tuple[int, Answer] | None:
    """A limit at which the first page has fewer rows than it says, and than the list has, with the answer."""
    for limit in taken(survey, known):
        first = known.of.page(survey.session, 1, limit)
        if len(first.rows) < min(limit, known.total):
            return limit, first.answer
    return None


def _placed(survey: Survey, known: Known, current: Page, start: int, size: int, limit: int) -> Proof | None:
    """How a page shows that has not the rows that are due from a place on."""
    if size < min(limit, len(current.rows)) and (clamped := _clamped(survey, known)):
        return shrinks(*clamped, current.answer)
    return placed(current.answer, start, size, answers_of(known)) if isinstance(known, Whole) else None


def partition_of_pages(survey: Survey, known: Known) -> Iterator[Finding]:
    """The pages hold each row once: in the reading of the whole list, and at every boundary looked at."""
    places: dict[int, list[int]] = {}
    for position, row in known.rows.items():
        places.setdefault(row[resource().key], []).append(position)
    if twice := [pk for pk, at in places.items() if len(at) > 1]:
        numbers = sorted({position // known.size + 1 for pk in twice for position in places[pk]})
        yield Finding(
            "a row is on two pages, or twice on one",
            f"each {resource().key} once",
            f"more than once, on page{'' if len(numbers) == 1 else 's'} {few(numbers)} at {_limit(known)}: {keys(twice)}",
            _answers(known, numbers),
            proof=repeats(*_answers(known, numbers)),
        )
        return  # which row is where in the list is not known then
    if isinstance(known, Whole) and known.count is not None and len(places) < known.count:
        yield Finding(
            "the pages hold fewer rows than the list",
            f"{row_count(known.count)}, as count says",
            f"{row_count(len(places))} on {len(known.pages)} page{'' if len(known.pages) == 1 else 's'} at {_limit(known)}",
            _answers(known, range(1, 3)),
            proof=counted(*answers_of(known)),
        )
        return
    for limit, size, number, current in probed(survey, known, taken(survey, known)):
        start = (number - 1) * size
        due = known.expected(start, size)
        if due is None or set(current.pks) == set(due):
            continue
        missing = [pk for pk in due if pk not in current.pks]
        extra = [pk for pk in current.pks if pk not in due]
        yield Finding(
            "a page at another limit does not hold the rows that are due there",
            f"page {number} at limit {limit} holds {_places(start, len(due))} of the list",
            amiss(missing, extra),
            (current.answer, *_answers(known, [start // known.size + 1])),
            proof=_placed(survey, known, current, start, size, limit),
        )


def order_of_pages(survey: Survey, known: Known) -> Iterator[Finding]:
    """The rows come in the same order at every limit and at every reading."""
    for first in known.pages[:2]:
        number = known.pages.index(first) + 1
        again = known.of.page(survey.session, number, known.limit, fresh=True)
        if again.pks != first.pks:
            due, got = apart(first.pks, again.pks)
            yield Finding(
                "the same request gives another order",
                f"{due}, as on page {number} at {_limit(known)} before",
                f"{got}, when it is asked for again",
                (first.answer, again.answer),
                proof=differ(first.answer, again.answer),
            )
            return
    places = {row[resource().key]: position for position, row in known.rows.items()}
    for limit, size, number, current in probed(survey, known, taken(survey, known)):
        start = (number - 1) * size
        positions = [places[pk] for pk in current.pks if pk in places]
        # A row that was dropped or repeated leaves the others in their order.
        if positions != sorted(positions):
            due, got = apart(known.expected(start, size) or (), current.pks)
            yield Finding(
                "another limit gives another order",
                f"{due} on page {number} at limit {limit}, as at {_limit(known)}",
                got,
                (current.answer, *_answers(known, [start // known.size + 1])),
                proof=_placed(survey, known, current, start, size, limit),
            )


def counts(survey: Survey, known: Known) -> Iterator[Finding]:
    """`count` is the number of rows, the same on every page and at every limit."""
    if isinstance(known, Whole) and known.pages and known.count != len(known.rows):
        yield Finding(
            "count is not the number of rows",
            f"{row_count(len(known.rows))}, as on all pages at {_limit(known)}",
            count_told(known.count),
            (known.pages[0].answer, known.pages[-1].answer),
            proof=counted(*answers_of(known)),
        )
    others = [current for *_, current in probed(survey, known, taken(survey, known))]
    for current in (*known.pages, *others):
        if current.is_enveloped and current.count != known.count:
            yield Finding(
                "count is not the same on every page",
                f"{count_told(known.count)}, as on page 1 at {_limit(known)}",
                f"{count_told(current.count)} at {current.answer.request.target}",
                (current.answer, known.pages[0].answer),
                proof=differ(known.pages[0].answer, current.answer, program=".count"),
            )


def links_of_pages(survey: Survey, known: Known) -> Iterator[Finding]:
    """`next` is null exactly on the last page, `previous` exactly on the first, and each leads to its neighbour."""
    sizes = taken(survey, known)
    # Among them limits that divide the length of the list: the last page is full there.
    wanted = [limit for limit in (7, 10, 3, known.limit, LARGE, 1, known.total) if limit is not None and limit in sizes]
    for limit in dict.fromkeys(wanted[:2] if survey.quick else wanted):
        size = sizes[limit]
        last = max(1, -(-known.total // size))
        numbers = probes(survey, known, limit, size)
        if limit > known.size and last > 3:
            numbers = numbers[:2]
        for number in numbers:
            current = known.of.page(survey.session, number, limit)
            if not current.is_enveloped:
                continue
            yield from _link(
                survey, known, current, "next", current.next, number, number + 1 if number < last else None, limit
            )
            yield from _link(survey, known, current, "previous", current.previous, number, number - 1 or None, limit)


def _link(
    survey: Survey,
    known: Known,
    current: Page,
    name: str,
    link: str | None,
    number: int,
    leads_to: int | None,
    limit: int,
) -> Iterator[Finding]:
    where = f"page {number} at limit {limit}"
    if leads_to is None:
        if link is not None:
            end = "last" if name == "next" else "first"
            yield Finding(
                f"{name} is not null on the {end} page",
                f"null on {where}",
                link[:300],
                (current.answer,),
                proof=part(current.answer, f".{name}", f".{name} != null", link),
            )
        return
    if link is None:
        yield Finding(
            f"{name} is null where there is a page",
            f"a link on {where} to page {leads_to}",
            "null",
            (current.answer,),
            proof=part(current.answer, f".{name}", f".{name} == null", "null"),
        )
        return
    try:
        answer = follow(survey.session, link, current.answer)
    except ValueError:
        yield Finding(
            f"{name} is not a URL",
            f"a URL, absolute or relative, on {where}",
            link[:300],
            (current.answer,),
            proof=part(current.answer, f".{name}", f".{name} == {json.dumps(link)}", link),
        )
        return
    if answer is None:
        yield Finding(
            f"{name} leads to another resource",
            f"a link on {where} to {known.of.path}",
            link[:300],
            (current.answer,),
            proof=leads_away(name, link, current.answer, known.of.path),
        )
        return
    due = known.of.page(survey.session, leads_to, limit)
    try:
        led = page(answer)
    except Unreadable as error:
        yield Finding(
            f"{name} leads nowhere",
            f"page {leads_to} at limit {limit}",
            f"{link[:300]}: {error.why}",
            (current.answer, answer),
            proof=leads_astray(name, link, current.answer, answer),
        )
        return
    if led.pks != due.pks or led.count != due.count:
        expected, got = apart(due.pks, led.pks) if led.pks != due.pks else map(count_told, (due.count, led.count))
        yield Finding(
            f"{name} does not lead to its page, or loses the limit or a filter",
            f"page {leads_to} at limit {limit}: {expected}",
            f"{link[:300]}: {got}",
            (current.answer, answer),
            proof=leads_astray(name, link, current.answer, answer, due.answer),
        )


def rows_past_the_end(survey: Survey, known: Known) -> Iterator[Finding]:
    """Past the end there are no rows."""
    sizes = taken(survey, known)
    for limit in [limit for limit in (10, 7, known.limit, known.total) if limit in sizes][: 1 if survey.quick else 3]:
        last = max(1, -(-known.total // sizes[limit]))
        for number in (last + 1,) if survey.quick else (last + 1, last + 2, last + 1_000_000):
            answer = known.of.answer(survey.session, number, limit)
            if answer.status in ABSENT or answer.is_server_error:
                continue
            beyond = page(answer)
            if beyond.rows:
                yield Finding(
                    "there are rows past the end",
                    f"404 or no rows on page {number} at limit {limit}: page {last} is the last",
                    f"{keys(beyond.pks)}",
                    (answer,),
                    proof=sized(answer, 0),
                )


def defaults_of_pages(survey: Survey, known: Known) -> Iterator[Finding]:
    """Without parameters, a list is page 1 at the default limit; there is no page before it."""
    path, filters, limit = known.of.path, known.of.filters, default_limit()
    first = known.of.page(survey.session, 1, limit) if survey.takes(known.of, limit) else None
    for left_out, params in (
        ("page and limit", filters),
        ("limit", (*filters, *paged(1))),
        ("page", (*filters, *paged(limit=limit))),
        ("limit of page 2", (*filters, *paged(2))),
    )[:: 3 if survey.quick else 1]:
        due = first
        if left_out == "limit of page 2":
            if known.total <= limit:
                continue
            due = known.of.page(survey.session, 2, limit) if first else None
        answer = survey.session.get(path, params)
        if due is None or (answer.status in INVALID and left_out == "page"):
            continue
        got = page(answer)
        if got.pks != due.pks:
            expected, seen = apart(due.pks, got.pks)
            yield Finding(
                f"leaving out {left_out} is not the default",
                f"{row_count(len(due.rows))}, as at {due.answer.request.target}: {expected}",
                f"{row_count(len(got.rows))}: {seen}",
                (answer, due.answer),
                proof=differ(answer, due.answer),
            )
    if first is not None and not survey.quick:
        yield from _page_0(survey, known, first)


def _page_0(survey: Survey, known: Known, first: Page) -> Iterator[Finding]:
    """Whether page 0 is a page of its own, as where pages are counted from zero."""
    answer = known.of.answer(survey.session, 0, default_limit())
    try:
        zeroth = page(answer)
    except Unreadable:
        return  # refused, or judged by itself
    if zeroth.pks != first.pks and (extra := [pk for pk in zeroth.pks if pk not in known.by_pk]):
        yield Finding(
            "page 0 holds rows that no other page holds",
            f"a refusal, or the rows of page 1: {keys(first.pks)}",
            f"{keys(extra)}",
            (answer, first.answer),
            proof=differ(answer, first.answer),
        )


def pages_at_once(survey: Survey, known: Known) -> Iterator[Finding]:
    """Pages of two sizes that are asked for at the same time are each what they are when they are asked for alone."""
    if survey.at_once == 1 or survey.quick:
        return
    sizes = [size for size in TOGETHER if survey.takes(known.of, size)]
    asked = [(number, size) for number in range(1, 5) for size in sizes if (number - 1) * size < known.total]
    alone = [known.of.answer(survey.session, number, size) for number, size in asked]
    yield from at_once(survey, alone, "a page is another one when several are asked for at the same time")


def at_once(survey: Survey, alone: Sequence[Answer], relation: str) -> Iterator[Finding]:
    """Ask for what was answered alone in several requests at the same time: each has to hold the same rows.

    Raises `Unreadable` if an answer of those holds no rows.
    """
    if len(alone) < 2:
        return
    due = [rows(answer).pks for answer in alone]
    for _ in range(ROUNDS):
        together = survey.session.together([answer.request for answer in alone])
        for expected, answer in zip(due, together, strict=True):
            try:
                got = rows(answer).pks
            except Unreadable:
                continue  # broken or turned away; what is wrong with it by itself is judged by itself
            request = answer.request
            if got != expected and rows(survey.session.get(request.path, request.params, fresh=True)).pks == expected:
                alone_told, together_told = apart(expected, got)
                yield Finding(
                    relation,
                    f"{request.target}: {alone_told}, as before and after",
                    f"{together_told}, with {len(alone) - 1} other requests under way",
                    tuple(alone),
                    is_proven=True,
                    together=True,
                    proof=mixed(*alone),
                )
                return


def _places(start: int, number: int) -> str:
    """Some rows of a list by their places in it, which are counted from 1."""
    return f"row {start + 1}" if number == 1 else f"rows {start + 1} to {start + number}"


def _limit(known: Known) -> str:
    return "the server's own limit" if known.limit is None else f"limit {known.limit}"


def _answers(known: Known, numbers: "range | list[int]") -> tuple[Answer, ...]:
    by_number = {int(dict(each.answer.request.params)[resource().roles["page"]]): each.answer for each in known.pages}
    return tuple(by_number[number] for number in numbers if number in by_number)[:3]


def _known(survey: Survey, operation: Operation) -> Known:
    known = survey.known(operation)
    if not known.total:
        raise NotExercised(f"channel {survey.channel} lists no row here")
    return known


def _needs_envelope(operation: Operation) -> None:
    if not operation.is_enveloped:
        raise NotExercised("the contract has no envelope here")


def first_page(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A list that seems to be empty holds no rows in any way of asking for its beginning."""
    of = ListOf(operation, survey.channel)
    if (found := survey.otherwise(of)) is None:
        return
    empty = of.answer(survey.session, 1, survey.limit_for(of))
    yield Finding(
        "page 1 holds no rows, and the list does when it is asked for otherwise",
        f"no rows at {found.answer.request.target} either",
        f"{row_count(len(found.rows))}: {keys(found.pks)}",
        (empty, found.answer),
        proof=only_otherwise(empty, found.answer),
    )


Relation = Callable[[Survey, Known], Iterator[Finding]]

RELATIONS: dict[str, Relation] = {
    "paging.partition": partition_of_pages,
    "paging.size": size_of_pages,
    "paging.order": order_of_pages,
    "paging.count": counts,
    "paging.links": links_of_pages,
    "paging.past-the-end": rows_past_the_end,
    "paging.defaults": defaults_of_pages,
}
"""What holds for a list in an envelope, filtered (`filter.with-paging`) or not."""

FOR_ARRAYS = ("paging.partition", "paging.size", "paging.order", "paging.past-the-end", "paging.defaults")
"""What holds for a list without an envelope (`pending.paging`)."""


@rule("paging.partition", Pattern.COMPLETE, EVERYTHING, rests_on=[ORDER])
def partition(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """The pages together hold each row once, at several limits and at every page boundary looked at; also where several
    are asked for at the same time."""
    known = _known(survey, operation)
    yield from partition_of_pages(survey, known)
    yield from pages_at_once(survey, known)


@rule("paging.size", Pattern.EQUALITY, LISTS, rests_on=[ORDER])
def size(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Each page but the last holds limit rows, or the server's largest limit, of at least 10."""
    yield from size_of_pages(survey, _known(survey, operation))


@rule("paging.order", Pattern.EQUALITY, EVERYTHING)
def order(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """The rows come in the same order at every limit and at every reading."""
    yield from order_of_pages(survey, _known(survey, operation))


@rule("paging.count", Pattern.EQUALITY, EVERYTHING, rests_on=[ORDER])
def count(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """count is the number of rows, the same on every page and at every limit."""
    _needs_envelope(operation)
    yield from counts(survey, _known(survey, operation))


@rule("paging.links", Pattern.EQUIVALENCE, EVERYTHING, rests_on=[ORDER])
def links(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """next is null exactly on the last page, previous exactly on the first; each leads to its page."""
    _needs_envelope(operation)
    yield from links_of_pages(survey, _known(survey, operation))


@rule("paging.past-the-end", Pattern.DIFFERENCE, EVERYTHING, rests_on=[ORDER])
def past_the_end(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Past the end there are no rows."""
    yield from rows_past_the_end(survey, survey.known(operation))


@rule("paging.defaults", Pattern.EQUIVALENCE, LISTS, rests_on=[ORDER])
def defaults(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A request without page, without limit or without both is the one with page 1 and the default limit; page 0 is not a page of
    its own, and a list that seems to be empty is so in every way of asking."""
    yield from first_page(survey, operation)
    yield from defaults_of_pages(survey, _known(survey, operation))
