"""Remembers what a reading of the server has found out: the lists' rows, the largest page, rows to sample.

Everything is read when a rule asks for it, and once in a reading. Lists of up to `WHOLE` rows are read whole; of a
longer one, windows at the start, the end and at seeded places between.
"""

import json
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import combinations, cycle, islice

from attrs import Factory, define, evolve, field, frozen

from channel_images.conformance.asking.expect import Expectations
from channel_images.conformance.asking.operations import (
    DETAILED,
    FULL,
    INSERTS,
    LISTS,
    MAX_ID,
    PENDING,
    RETRIEVE,
    UPDATES,
    Operation,
    default_limit,
)
from channel_images.conformance.asking.reading import (
    ABSENT,
    INVALID,
    Filters,
    ListOf,
    NotExercised,
    Page,
    Row,
    Unreadable,
    Value,
    asked_for,
    joined,
    page,
    paged,
)
from channel_images.conformance.asking.standing import Session
from channel_images.conformance.asking.wire import MOST_BYTES, Answer, Params
from channel_images.resource import Filter, resource

WHOLE = 2_000
"""Rows up to which a list is read whole."""
MOST_READ = 30
"""Pages up to which a list is read whole."""
BASE = 100
"""Rows a page in the reading that the others are compared with; connectors use it."""
DENSE = 50
"""Numbers between the least and the largest pk, for each pk, up to which all that are missing are looked at."""
MOST_PAGES = 2**24
"""Pages at which the search for the end of an array gives up: the server repeats itself."""
CATEGORIES = 8
"""Different values up to which a field tells kinds of rows apart."""
LARGE = 1_000
"""Rows a page that an export asks for."""
LEAST = 10
"""The least that a server's largest limit may be, in rows, and its largest number of values in one filter."""
LIMITS = (BASE, 50, 25, LEAST)
"""Limits to read a list at, down to the least that a server has to take."""
MANY = (150, 100, 50, 25, LEAST)
"""Numbers of values in one filter, down to the least that a server has to take."""
TOO_MANY = INVALID | ABSENT | {413, 414, 431}
"""What refuses a request with too many values."""


@frozen
class Known:
    """What is known of a list: all of it (`Whole`), or a part (`Sample`)."""

    of: ListOf
    rows: dict[int, Row]
    """The rows that were read, by position in the list, from 0."""
    total: int
    """The number of rows of the list: those read where it was read whole, else what the server says or the search found."""
    pages: tuple[Page, ...]
    limit: int | None
    """The limit that it was read at; `None` if the server takes none."""
    size: int
    """Rows on a full page at that limit."""

    @cached_property
    def seen(self) -> tuple[int, ...]:
        """The pks that were read, in the order of the list."""
        return tuple(self.rows[position][resource().key] for position in sorted(self.rows))

    @cached_property
    def by_pk(self) -> dict[int, Row]:
        """The rows that were read."""
        return {row[resource().key]: row for row in self.rows.values()}

    def answer_with(self, pk: int) -> Answer:
        """The answer with the page that has a row which was read."""
        return next(each.answer for each in self.pages if pk in each.pks)

    @property
    def count(self) -> int | None:
        """`count` of the first page; `None` for an array."""
        return self.pages[0].count if self.pages else 0

    def expected(self, start: int, size: int) -> tuple[int, ...] | None:
        """The pks of `size` rows from position `start`; `None` if they are not known."""
        positions = range(start, min(start + size, self.total))
        if any(position not in self.rows for position in positions):
            return None
        return tuple(self.rows[position][resource().key] for position in positions)


@frozen
class Whole(Known):
    """A list that was read whole."""

    @property
    def pks(self) -> tuple[int, ...]:
        """The pks of the list, in its order: what is not among them is not in the list."""
        return self.seen

    @property
    def scope(self) -> str:
        """How much of it was looked at, for the reason of a pass."""
        return f"{self.total} rows"


@frozen
class Sample(Known):
    """A list of which windows were read: what is not among `seen` may be in the list all the same."""

    @property
    def scope(self) -> str:
        """How much of it was looked at, for the reason of a pass."""
        return f"sampled {len(self.rows)} of {self.total} rows"


@define
class Learned:
    """What was found out about the server once, for all readings."""

    refused: dict[Operation, int] = Factory(dict)
    """By operation, the least limit above `LEAST` that was refused."""
    most_values: dict[str, int] = Factory(dict)
    """By filter, the number of values that was taken."""
    is_bounded: bool | None = None
    """Whether no limit draws more than is affordable."""
    taking: set[Operation] = Factory(set)
    """Operations that seem to take from the pending lists what they show: what is left there is needed to be sure."""

    @property
    def reserved(self) -> str:
        """Why the pending lists are not read, where they are not; empty if they are."""
        names = ", ".join(sorted(operation.id for operation in self.taking))
        return f"{names} seems to take from the pending lists what it shows" if names else ""


@define
class Survey:
    """One reading of the server."""

    session: Session
    channel: int
    others: tuple[int, ...] = ()
    seed: int = 0
    quick: bool = False
    probe_writes: bool = False
    max_response_time: float | None = None
    """Seconds within which the server has to answer; `None` if nobody says so."""
    expectations: Expectations = Factory(Expectations)
    learned: Learned = Factory(Learned)
    _known: dict[ListOf, Whole | Sample] = field(init=False, factory=dict)
    _existing: dict[int, bool] = field(init=False, factory=dict)
    _samples: dict[tuple[int, object], list[int]] = field(init=False, factory=dict)
    _found: dict[Filter, dict[Value, list[int]]] = field(init=False, factory=dict)

    @property
    def token(self) -> str:
        """The valid token."""
        return self.session.token

    @property
    def at_once(self) -> int:
        """Requests that may be under way at the same time."""
        return self.session.wire.at_once

    def again(self) -> "Survey":
        """A new reading, which asks for everything anew but what was learned for all of them."""
        return evolve(self, session=self.session.again())

    def random(self, *salt: object) -> random.Random:
        """Random numbers that are the same at every reading: the run's seed and what they are for decide them."""
        return random.Random(f"{self.seed}:{salt}")  # noqa: S311 - for sampling, not for secrets

    # Lists

    def full(self, channel: int | None = None) -> Whole | Sample:
        """The full list of a channel. Raises `Unreadable`."""
        return self.known(FULL, channel=channel)

    def known(self, operation: Operation, filters: Filters = (), channel: int | None = None) -> Whole | Sample:
        """What is known of a list.

        Raises `Unreadable`, and `NotExercised` if the list holds no rows in one way of asking and some in another,
        and where a pending list is not to be read.
        """
        self.spare(operation)
        of = ListOf(operation, self.channel if channel is None else channel, filters)
        if of not in self._known:
            self._known[of] = self._read(of)
        known = self._known[of]
        self._touch(known.pages)
        return known

    def spare(self, operation: Operation) -> None:
        """Leave a pending list alone of which every row is needed. Raises `NotExercised`."""
        if operation in PENDING and self.learned.taking:
            raise NotExercised(self.learned.reserved)

    def _touch(self, pages: Iterable[Page]) -> None:
        if self.session.touched is not None:
            self.session.touched.update(page.answer.request for page in pages)

    def _read(self, of: ListOf) -> Whole | Sample:
        limit = self.limit_for(of)
        if not of.filters and of.channel == self.channel and (otherwise := self.otherwise(of)) is not None:
            raise NotExercised(f"page 1 holds no rows, and {otherwise.answer.request.target} does")
        first = _first(of, self.session, limit)
        size = full_size(first, limit)
        # An array does not say how long it is; if there is a second page, the first was a full one.
        per_page = size if first.count is not None else max(1, len(first.rows))
        whole = min(WHOLE, MOST_READ * per_page)
        if first.count is None or first.count <= whole:
            most = whole // per_page + 2
            # The first page beyond the end is asked for too, so that rows after the end show.
            pages = list(of.pages(self.session, limit, most))
            rows = [row for page in pages for row in page.rows]
            if len(pages) < most:
                size = per_page if len(pages) > 1 else size
                return Whole(of, dict(enumerate(rows)), len(rows), tuple(pages), limit, size)
        return self._windows(of, first, limit, per_page)

    def _windows(self, of: ListOf, first: Page, limit: int | None, size: int) -> Sample:
        last = -(-first.count // size) if first.count is not None else self._last_page(of, limit)
        between = self.random(of).sample(range(3, last - 1), k=min(2 if self.quick else 6, max(0, last - 4)))
        numbers = sorted({number for number in (1, 2, *between, last - 1, last) if 1 <= number <= last})
        pages = {number: of.page(self.session, number, limit) for number in numbers}
        rows = {
            (number - 1) * size + offset: row for number, page in pages.items() for offset, row in enumerate(page.rows)
        }
        total = first.count if first.count is not None else (last - 1) * size + len(pages[last].rows)
        return Sample(of, rows, total, tuple(pages.values()), limit, size)

    def _last_page(self, of: ListOf, limit: int | None) -> int:
        """The number of the last page with rows, of an array: doubled until there are none, then halved."""
        low, high = 1, 2
        while high < MOST_PAGES and self._has_rows(of, high, limit):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._has_rows(of, middle, limit) else (low, middle)
        return low

    def _has_rows(self, of: ListOf, number: int, limit: int | None) -> bool:
        return of.answer(self.session, number, limit).status not in ABSENT and bool(
            of.page(self.session, number, limit).rows
        )

    def otherwise(self, of: ListOf) -> Page | None:
        """A page with rows of a list that seems to be empty, by another way of asking for its beginning; `None` where
        there is none, and where the list is not empty. Raises what `known` raises."""
        self.spare(of.operation)
        limit = self.limit_for(of)
        if _first(of, self.session, limit).rows:
            return None
        ways: tuple[Params, ...] = (
            (),
            paged(limit=default_limit()),
            paged(1),
            paged(1, default_limit()),
            paged(0),
            paged(0, limit or default_limit()),
        )
        for params in ways:
            try:
                found = page(self.session.get(of.path, params))
            except Unreadable:
                continue
            if found.rows:
                return found
        return None

    def evidence(self, path: str, params: Params = ()) -> tuple[Answer, ...]:
        """An answer that evidence shows beside what was compared; none where it cannot be had."""
        try:
            return (self.session.get(path, params),)
        except NotExercised:
            return ()

    # Limits

    def can_ask(self, of: ListOf, number: int, limit: int) -> bool:
        """Whether a page may be asked for, among others of its kind. A recording has those alone that were asked for."""
        return True

    def takes(self, of: ListOf, limit: int) -> bool:
        """Whether the server takes a limit for a list. A refusal is asked for once: what is above it is refused too."""
        refused = self.learned.refused.get(of.operation)
        if refused is not None and limit >= refused:
            return False
        answer = of.answer(self.session, 1, limit)
        if answer.status not in INVALID:
            return True
        if limit > LEAST:
            self.learned.refused[of.operation] = limit
        return False

    def limit_for(self, of: ListOf) -> int | None:
        """The limit to read a list at: `BASE`, more for a filtered list (and for a quick run) where the server allows
        it, less where it refuses `BASE`; `None` if it refuses any."""
        # A long page needs few requests; a short one shows more page boundaries.
        wanted = min(self.largest, LARGE) if of.filters or self.quick else min(BASE, self.largest)
        limits = (wanted, *(limit for limit in LIMITS if limit < wanted))
        return next((limit for limit in limits if self.takes(of, limit)), None)

    @cached_property
    def row_bytes(self) -> int:
        """Bytes that a row takes, from the first pages of the full list and the detailed one."""
        return max(self._row_bytes(ListOf(operation, self.channel)) for operation in (FULL, DETAILED))

    def _row_bytes(self, of: ListOf) -> int:
        answer = of.answer(self.session, 1, LEAST)
        try:
            rows = len(page(answer).rows)
        except Unreadable:
            rows = 0
        return max(1, len(answer.body) // rows) if rows else 1

    @cached_property
    def most_rows(self) -> int:
        """Rows that may be asked for at once: `WHOLE`, or fewer so that they take no more than `MOST_BYTES`. Rows are not
        equally long, so a fourth of these is left."""
        return max(LEAST, min(WHOLE, MOST_BYTES * 3 // 4 // self.row_bytes))

    @cached_property
    def largest(self) -> int:
        """The largest page that the full list gives, up to `LARGE` rows and to `MOST_BYTES`."""
        of = ListOf(FULL, self.channel)
        wanted = min(LARGE, self.most_rows)
        for limit in (wanted, *(limit for limit in LIMITS if limit < wanted)):
            try:
                if self.takes(of, limit):
                    return full_size(of.page(self.session, 1, limit), limit)
            except Unreadable:
                break
        return min(BASE, wanted)

    def affordable(self, limit: object) -> bool:
        """Whether a list may be asked for with a limit: no answer to it is longer than `WHOLE` rows or `MOST_BYTES`.

        A server without a largest page is found out once, by a page of which that cannot be said. What is not a number is
        affordable: a server refuses it, or takes its default.
        """
        try:
            number = float(str(limit))
        except ValueError:
            return True
        most = self.most_rows
        if not number > most:
            return True
        if self.learned.is_bounded is None:
            self.learned.is_bounded = self._is_bounded(most)
        return self.learned.is_bounded

    def _is_bounded(self, most: int) -> bool:
        """Whether no limit draws more than `most` rows: the list is short, or the server has a largest page."""
        of = ListOf(FULL, self.channel)
        try:
            if self.full().total <= most:
                return True
            if self.largest < min(LARGE, most):
                return True
            beyond = most + 1
            return not self.takes(of, beyond) or len(of.page(self.session, 1, beyond).rows) <= most
        except (Unreadable, NotExercised):
            return False

    def most_values(self, name: str, values: Sequence[Value]) -> int:
        """How many of some values, at least one, the server takes in one filter; 1 where it refuses even `LEAST`."""
        if name not in self.learned.most_values:
            path = FULL.path_for(self.channel)
            enough = list(islice(cycle(values), MANY[0]))
            self.learned.most_values[name] = 1
            for number in MANY:
                if self.session.get(path, ((name, joined(enough[:number])),)).status not in TOO_MANY:
                    self.learned.most_values[name] = number
                    break
        return self.learned.most_values[name]

    def all_rows(self, channel: int | None = None) -> dict[int, Row]:
        """The rows of the full list that were read, by pk. Raises `Unreadable`."""
        return self.full(channel).by_pk

    # Samples

    def sample(self, most: int, *, salt: object = "") -> list[int]:
        """Up to `most` pks of the full list, so that each null, each value of an enum, each pending state and both
        ends are among them. Raises `Unreadable`."""
        if (most, salt) not in self._samples:
            self._samples[most, salt] = self._sample(most, salt)
        self.full()  # what the rule at work looks at
        return self._samples[most, salt]

    def _sample(self, most: int, salt: object) -> list[int]:
        known = self.full()
        rows = known.by_pk
        pks = list(rows)
        chosen: dict[int, None] = dict.fromkeys([*pks[:1], *pks[-1:]])
        for strata in self._strata:
            found: dict[object, int] = {}
            for pk in self.random("stratum", salt).sample(pks, k=len(pks)):
                found.setdefault(strata(rows[pk]), pk)
            chosen.update(dict.fromkeys(found.values()))
        for operation in (INSERTS, UPDATES):
            try:
                pending = [pk for pk in self.known(operation).seen if pk in rows]
            except (Unreadable, NotExercised):
                continue
            chosen.update(dict.fromkeys([*pending[:1], *pending[-1:]]))
        rest = [pk for pk in pks if pk not in chosen]
        chosen.update(dict.fromkeys(self.random("rest", salt).sample(rest, k=min(len(rest), most))))
        return list(chosen)[:most]

    @cached_property
    def _strata(self) -> Sequence[Callable[[Row], object]]:
        """What to tell rows apart by, so that a sample has some of each kind."""
        return list(_strata(self.full().rows.values()))

    def some_pk(self) -> int:
        """The key of a row of the channel; 1 where none can be read."""
        try:
            return next(iter(self.all_rows()), 1)
        except (Unreadable, NotExercised):
            return 1

    def found_by(self, by: Filter) -> dict[Value, list[int]]:
        """The keys of the rows that were read, by the value that a filter finds them by, in the order of the list.

        Raises `Unreadable`.
        """
        rows = self.all_rows()  # what the rule at work looks at
        if by not in self._found:
            found: dict[Value, list[int]] = {}
            for pk, row in rows.items():
                if (value := asked_for(by, row)) is not None:
                    found.setdefault(value, []).append(pk)
            self._found[by] = found
        return self._found[by]

    def absent_pk(self, count: int = 1) -> list[int]:
        """Keys that no row of any channel at hand has, within 32 bits where the others are: what lies beyond may match
        no route."""
        used = {pk for channel in (self.channel, *self.others) for pk in self.full(channel).by_pk}
        for operation in LISTS:
            try:
                used.update(self.known(operation).by_pk)
            except (Unreadable, NotExercised):
                continue
        top = max(used, default=0)
        gaps: list[int] = []
        if isinstance(self.full(), Whole) and used:
            # Where pks are far apart, what lies between them is too much to look at; what follows on one is a good guess.
            is_dense = top - min(used) < DENSE * len(used)
            around = range(min(used), top) if is_dense else [pk + 1 for pk in sorted(used)]
            gaps = [pk for pk in around if pk not in used]
        candidates = [top + 1_000_003, 2_000_000_011, *self.random("gaps").sample(gaps, k=len(gaps))]
        beyond = 2**31 if top < 2**31 else MAX_ID
        return [pk for pk in candidates if pk not in used and 0 < pk < beyond][:count]

    def exists(self, pk: int) -> bool:
        """Whether the channel has a row, by a request of its own, once in a reading."""
        if pk not in self._existing:
            self._existing[pk] = self.session.get(RETRIEVE.path_for(self.channel, pk), fresh=True).status == 200
        return self._existing[pk]


def beginnings(*lists: Known) -> tuple[Answer, ...]:
    """The answers with the first pages of lists, for evidence."""
    return tuple(known.pages[0].answer for known in lists if known.pages)


def answers_of(known: Known) -> tuple[Answer, ...]:
    """The answers with all the pages of a list that were read, for evidence."""
    return tuple(page.answer for page in known.pages)


def _first(of: ListOf, session: Session, limit: int | None) -> Page:
    """The first page of a list; one without rows where an array or a filtered list has none. Raises `Unreadable`."""
    answer = of.answer(session, 1, limit)
    if answer.status in ABSENT and (of.filters or not of.operation.is_enveloped):
        return Page(answer, ())
    return page(answer)


def full_size(page: Page, limit: int | None) -> int:
    """Rows on a full page at `limit`, from the first page: fewer than `limit` only where the server clamps it."""
    rows = len(page.rows)
    if limit is None or (page.count is not None and rows < min(limit, page.count)):
        return max(rows, 1)
    return max(limit, 1)


def _strata(rows: Collection[Row]) -> Iterator[Callable[[Row], object]]:
    for name in resource().fields:
        values = {_as_told(row.get(name)) for row in rows}
        if len(values) <= CATEGORIES:
            yield lambda row, name=name: _as_told(row.get(name))  # type: ignore[misc]  # bound here, not later
        else:
            yield lambda row, name=name: row.get(name) is None  # type: ignore[misc]  # as above
    for one, other in combinations(resource().fields, 2):
        alike = sum(row.get(one) == row.get(other) for row in rows)
        # What is the same in most rows is easily taken for the same in all of them.
        if len(rows) < 2 * alike < 2 * len(rows):
            yield lambda row, one=one, other=other: row.get(one) == row.get(other)  # type: ignore[misc]  # as above


def _as_told(value: object) -> object:
    """What tells a value of JSON apart: 1 is not 1.0, and not true."""
    return json.dumps(value) if isinstance(value, (dict, list)) else (type(value), value)
