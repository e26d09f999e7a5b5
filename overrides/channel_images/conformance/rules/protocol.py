"""Judges the protocol: methods other than `GET`, what a `GET` leaves behind, caches, and paths without their last slash."""

from collections.abc import Callable, Generator, Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin

from channel_images.conformance.asking.operations import (
    FULL,
    INSERTS,
    INSERTS_OR_UPDATES,
    MAX_ID,
    PENDING,
    RETRIEVALS,
    RETRIEVE,
    UNKNOWN_CHANNEL,
    UPDATES,
    Operation,
    noun,
)
from channel_images.conformance.asking.reading import (
    ListOf,
    NotExercised,
    Page,
    Row,
    Unreadable,
    differences,
    keyed,
    paged,
    rows,
    single,
)
from channel_images.conformance.asking.survey import Survey
from channel_images.conformance.asking.wire import Answer, Params, origin
from channel_images.conformance.judging.proof import alike, by_header, by_status, differ, followed, row_differs, takes
from channel_images.conformance.judging.rule import Finding, Pattern, keys, rule
from channel_images.conformance.results import Severity

WRITING = ("POST", "PUT", "PATCH", "DELETE")
REFUSALS = frozenset({401, 403, 405})
NOT_FOUND = frozenset({400, 404, 410, 415})
"""What a server may answer that looks for the row, or reads the body, before it looks at the method."""
ABSENT = MAX_ID - 1
"""An id of 64 bits that no server has come to."""
NO_JSON = b"{"
"""A body that nothing can be made of."""
TRIES = 3
"""Times that rows have to vanish in a row, each time those that were read and none beside them."""
DEPTHS = (40, 2)
"""Rows that have to be in front of a row that is read: work that others do takes the first ones first."""


# What a GET leaves behind. These come before all rules that read the pending lists: what they read may be gone then.


@rule("protocol.safe", Pattern.EQUALITY, [INSERTS_OR_UPDATES, INSERTS, UPDATES, FULL, *RETRIEVALS])
def safe(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Rows that were read, in a pending list or by their ids, are pending afterwards as they were before."""
    if survey.quick:
        raise NotExercised("left out by --quick")
    if survey.learned.taking - {operation}:
        raise NotExercised(survey.learned.reserved)
    tried = False
    for finding in _is_taken(survey, operation) if operation in PENDING else _takes(survey, operation):
        survey.learned.taking.add(operation)
        tried = True
        yield finding
    if operation in RETRIEVALS and not tried:
        yield from _is_touched(survey, operation)


def _is_taken(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Whether reading a row of a pending list takes it from the list.

    Lists that move lose rows too. So each row that is read has to vanish at once, several times, while those in front of
    it, which were not read and would go first, stay. A short list that goes on losing rows is at its end by the time that
    this is looked at again.
    """
    of = ListOf(operation, survey.channel)
    for depth in DEPTHS:
        read = [_page(survey, of, depth + 1, 1)]
        while len(read) < TRIES and _one(read[-1]) not in (None, *map(_one, read[:-1])):
            read.append(_page(survey, of, depth + 1, 1))
        if _one(read[-1]) is not None:
            break
    else:
        raise NotExercised(f"too little is pending here in channel {survey.channel}")
    gone = set(map(_one, read))
    if len(gone) < TRIES:
        return
    beginning = _page(survey, of, 1, depth + 1)
    if beginning is None or len(beginning.rows) < depth or gone & set(beginning.pks):
        return
    first, second = _page(survey, of, 1, 1), _page(survey, of, 1, 1)
    if first is not None and second is not None and _one(first) != _one(second):
        yield Finding(
            "reading a page takes its rows from the list",
            f"{keys(first.pks)} first, when it is read again",
            f"{keys(second.pks)}; {keys(sorted(map(str, gone)))} vanished too, once they were read",
            (first.answer, second.answer),
            is_proven=True,
            proof=differ(first.answer, second.answer),
        )


def _one(found: Page | None) -> int | None:
    """The pk of the only row of a page."""
    return found.pks[0] if found is not None and len(found.pks) == 1 else None


def _takes(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Whether an operation takes a row that it shows from a pending list."""
    tried = False
    for pending in (INSERTS, UPDATES):
        tried |= yield from _takes_one(survey, pending, lambda pk: _read_one(survey, operation, pk))
    if not tried:
        raise NotExercised(f"too little is pending in channel {survey.channel}")


def _takes_one(survey: Survey, pending: Operation, read: Callable[[int], Answer]) -> Generator[Finding, None, bool]:
    """Whether reading one row takes it from a pending list: it alone, and not those before and after it.

    Returns whether that could be tried.
    """
    of = ListOf(pending, survey.channel)
    taken: list[tuple[Page, Answer, Page]] = []
    number = 2
    while len(taken) < TRIES:
        before = _page(survey, of, number, 3)
        if before is None or len(before.rows) < 3:
            before = _page(survey, of, number := 1, 3)
        if before is None or len(before.rows) < 3:
            return bool(taken)
        left, middle, right = before.pks
        answer = read(middle)
        after = _page(survey, of, number, 3)
        if after is None or answer.status != 200 or middle in after.pks or not {left, right} <= set(after.pks):
            return True
        taken.append((before, answer, after))
    before, answer, after = taken[-1]
    yield Finding(
        f"reading {noun(article=True)} takes it from {pending.id}",
        f"{keys([before.pks[1]])} pending as before: {keys(before.pks)}",
        f"{keys(after.pks)} after it was read: {TRIES} times, and each time it alone was gone",
        (before.answer, answer, after.answer),
        is_proven=True,
        proof=takes(before.answer, 2, before.pks[1], answer),
    )
    return True


def _is_touched(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Whether retrieving a row changes it: each time it is retrieved, and never between, as the list tells."""
    pk = survey.some_pk()
    filters = keyed(pk)
    if not filters:
        return
    listed = ListOf(FULL, survey.channel, filters)
    read: list[tuple[Answer, Row]] = []
    try:
        for _ in range(TRIES):
            answer = survey.session.get(operation.path_for(survey.channel, pk), fresh=True)
            read.append((answer, single(answer)))
            if len(read) > 1 and not differences(read[-2][1], read[-1][1]):
                return
        quiet = [listed.page(survey.session, 1, 10, fresh=True).rows for _ in range(2)]
    except Unreadable:
        return  # judged by itself
    if len(quiet[0]) == len(quiet[1]) == 1 and not differences(quiet[0][0], quiet[1][0]):
        names = differences(read[0][1], read[1][1])
        yield Finding(
            f"retrieving {noun(article=True)} changes it",
            f"{keys([pk])} as it was retrieved before",
            f"another {', '.join(names)} each of {TRIES} times",
            tuple(answer for answer, _ in read),
            is_proven=True,
            proof=row_differs(pk, names, read[0][0], read[1][0]),
        )


def _read_one(survey: Survey, operation: Operation, pk: int) -> Answer:
    """The answer to a request for one row, by its key. Raises `NotExercised` if the contract has no filter on it."""
    if operation is FULL:
        filters = keyed(pk)
        if not filters:
            raise NotExercised("the contract has no filter for keys")
        return ListOf(FULL, survey.channel, filters).answer(survey.session, 1, 10, fresh=True)
    return survey.session.get(operation.path_for(survey.channel, pk), fresh=True)


def _page(survey: Survey, of: ListOf, number: int, limit: int) -> Page | None:
    """A page, asked for anew; `None` if it cannot be read."""
    try:
        return of.page(survey.session, number, limit, fresh=True)
    except Unreadable:
        return None


@rule("protocol.caching", Pattern.DIFFERENCE)
def caching(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """What was answered for one URL is no answer for another right after it: neither itself, nor as 304 by its ETag or
    Last-Modified."""
    if survey.quick:
        raise NotExercised("left out by --quick")
    yield from _elsewhere(survey, operation)
    pairs = list(_neighbours(survey, operation))
    for (url, due), (other, other_due) in pairs:
        known, answer = survey.session.get(*url, fresh=True), survey.session.get(*other, fresh=True)
        # A server that ignores a parameter answers the first URL wrongly too.
        if _pks(known) == _pks(answer) == due != other_due:
            yield _answered_alike(known, answer, other_due)
            continue
        if not _pks(answer) or _pks(known) == _pks(answer):
            continue
        for name, headers in _conditions(known, answer):
            conditional = survey.session.get(*other, headers=headers, fresh=True)
            if conditional.status == 304:
                yield Finding(
                    f"the {name} of one URL gives 304 for another",
                    f"200 with {keys(_pks(answer))}",
                    f"304 for the {name} of {known.request.target}, which has {keys(_pks(known))}",
                    (known, answer, conditional),
                    proof=by_status(known, answer, conditional),
                )
    if not pairs:
        raise NotExercised("too few rows to compare")


def _elsewhere(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Whether two pages of another channel, which nothing has asked for yet, are the same one.

    Page 2 has two rows at limit 2, and others at limit 3. So many has it by chance too where the limit is ignored; then
    page 1 has more.
    """
    if not operation.is_list or not survey.others:
        return
    of = ListOf(operation, survey.others[0])
    one, other = _page(survey, of, 2, 2), _page(survey, of, 2, 3)
    if one is None or other is None or len(one.rows) != 2 or one.pks != other.pks:
        return
    first = _page(survey, of, 1, 2)
    if first is not None and len(first.rows) == 2:
        yield _answered_alike(one.answer, other.answer)


def _answered_alike(known: Answer, answer: Answer, due: tuple[int, ...] | None = None) -> Finding:
    return Finding(
        "a request is answered with what was answered to another one before it",
        f"{answer.request.target}: {'other rows' if due is None else keys(due)}",
        f"{keys(_pks(answer))}, as for {known.request.target}",
        (known, answer),
        proof=alike(known, answer),
    )


_Url = tuple[str, Params]
_Due = tuple[_Url, tuple[int, ...]]
"""What to ask for, and the pks that have to be there."""


def _neighbours(survey: Survey, operation: Operation) -> Iterator[tuple[_Due, _Due]]:
    """Pairs of URLs of one operation that are answered with other rows, none of them as it is by default."""
    path, pks = operation.path_for(survey.channel), survey.sample(5)[:2]
    if not operation.is_list:
        urls = [((operation.path_for(survey.channel, pk), ()), (pk,)) for pk in pks]
        if len(urls) == 2:
            yield urls[0], urls[1]
        return
    known = survey.known(operation)
    for pages in ((2, 2), (3, 2)), ((2, 3), (2, 2)):
        asked: list[_Due] = []
        for number, limit in pages:
            due = known.expected((number - 1) * limit, limit)
            if due:
                asked.append(((path, known.of.params(number, limit)), due))
        if len(asked) == 2:
            yield asked[0], asked[1]
    if operation is FULL and len(pks) == 2 and keyed(pks[0]):
        filtered = [((path, (*keyed(pk), *paged(1, 2))), (pk,)) for pk in pks]
        yield filtered[0], filtered[1]


def _pks(answer: Answer) -> tuple[int, ...]:
    """The pks in an answer; none where there are no rows."""
    try:
        return rows(answer).pks
    except Unreadable:
        return ()


def _conditions(known: Answer, asked: Answer) -> Iterator[tuple[str, dict[str, str]]]:
    """Conditions from an answer that do not hold for another one."""
    if etag := known.headers.get("etag"):
        yield "ETag", {"If-None-Match": etag}
    since, modified = known.headers.get("last-modified", ""), asked.headers.get("last-modified", "")
    try:
        # What was not modified since then is rightly 304.
        if parsedate_to_datetime(modified) > parsedate_to_datetime(since):
            yield "Last-Modified", {"If-Modified-Since": since}
    except (ValueError, TypeError, OverflowError):
        return


@rule("protocol.read-only", Pattern.DIFFERENCE)
def read_only(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """POST, PUT, PATCH and DELETE, to an id that does not exist, are refused; so are POST, PUT and PATCH with a body that
    cannot be read, to a list, and POST to a single row. Only with --probe-writes."""
    if not survey.probe_writes:
        raise NotExercised("needs --probe-writes")
    # Loopback may be a port-forward to production. So what exists gets no DELETE, and no body that could be taken for one.
    there = operation.path_for(survey.channel, survey.some_pk())
    for method in WRITING[:3] if operation.is_list else WRITING[:1]:
        answer = _unreadable(survey, there, method)
        if answer.status < 400 and not answer.broke:
            yield Finding(
                f"{method} with a body that is not JSON is not refused",
                "405, or another 4xx",
                answer.describe(),
                (answer,),
                proof=by_status(answer),
            )
    # A list has no id but its channel's, and 404 for the channel refuses too.
    path = operation.path_for(ABSENT if operation.is_list else survey.channel, ABSENT)
    answers = [survey.session.get(path, method=method) for method in WRITING]
    allowed = REFUSALS | {404, 410} if operation.is_list else REFUSALS
    if not operation.is_list and _looks_first(survey, answers):
        allowed |= NOT_FOUND
    for answer in answers:
        if answer.status not in allowed and not answer.is_server_error:
            method = answer.request.method
            yield Finding(
                f"{method} is not refused", "405, 401 or 403", answer.describe(), (answer,), proof=by_status(answer)
            )


def _unreadable(survey: Survey, path: str, method: str) -> Answer:
    """The answer to a body that nothing can be made of."""
    return survey.session.get(path, method=method, headers={"Content-Type": "application/json"}, body=NO_JSON)


def _looks_first(survey: Survey, answers: list[Answer]) -> bool:
    """Whether a server looks for the row before it looks at the method: no method has 405 there, and all have on a list."""
    listed = [_unreadable(survey, FULL.path_for(survey.channel), method) for method in WRITING[:3]]
    return all(answer.status == 405 for answer in listed) and all(answer.status in NOT_FOUND for answer in answers)


@rule("protocol.head-options", Pattern.EQUIVALENCE)
def head_options(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """HEAD and OPTIONS give no 5xx, and no byte follows the head of an answer to HEAD."""
    if survey.quick:
        raise NotExercised("left out by --quick")
    survey.spare(operation)
    path = operation.path_for(survey.channel, survey.some_pk())
    for method in ("HEAD", "OPTIONS"):
        answer = survey.session.get(path, method=method)
        if answer.is_server_error:
            yield Finding(f"{method} fails", "no 5xx", answer.describe(), (answer,), proof=by_status(answer))
    refused = [operation.path_for(UNKNOWN_CHANNEL, 1)] if operation in (FULL, RETRIEVE) else []
    for asked in (path, *refused):
        answer, surplus = survey.session.bare(asked, method="HEAD")
        if surplus:
            yield Finding(
                "an answer to HEAD has a body",
                "a head, and the end of the connection",
                f"{answer.status} with {len(surplus)} byte{'' if len(surplus) == 1 else 's'} behind the head: {surplus[:60]!r}",
                (answer,),
                # Connectors send no HEAD, and most clients close such a connection.
                Severity.WARNING,
                proof=followed(answer),
            )


@rule("protocol.redirect", Pattern.EQUIVALENCE)
def redirect(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A path without its closing slash leads to no other host."""
    answer = survey.session.get(operation.path_for(survey.channel, survey.some_pk()).rstrip("/"))
    location = answer.headers.get("location")
    if not 300 <= answer.status < 400 or location is None:
        return
    asked = origin(answer.url)
    try:
        led = origin(urljoin(answer.url, location))
    except ValueError:
        led = ("", location, None)
    is_upgrade = asked[0] == "http" and led[0] == "https" and asked[1] == led[1]
    if asked != led and not is_upgrade:
        yield Finding(
            "a path without its slash redirects to another origin",
            f"404, or a redirect within {answer.url.partition(answer.request.target)[0]}",
            f"{answer.status} to {location}",
            (answer,),
            proof=by_header(answer, "location"),
        )
