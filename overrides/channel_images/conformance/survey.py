"""What a reading of the server has found out: the lists' rows, the largest page, rows to sample.

Everything is read when a rule asks for it, and once in a reading. Lists of up to ``WHOLE`` rows are read whole; of a
longer one, windows at the start, the end and at seeded places between.
"""

import json
import random
from collections.abc import Callable, Iterable
from functools import cached_property

from attrs import Factory, define, evolve, field, frozen

from channel_images.conformance.expect import Expectations
from channel_images.conformance.operations import (
    FULL,
    INSERTS,
    LISTS,
    RETRIEVE,
    UPDATES,
    Operation,
    image_schema,
)
from channel_images.conformance.reading import Filters, ListOf, Page, Row, Unreadable
from channel_images.conformance.wire import Session

WHOLE = 2_000
"""Rows up to which a list is read whole."""
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


@frozen
class Known:
    """What is known of a list."""

    of: ListOf
    rows: dict[int, Row]
    """Rows by position in the list, from 0."""
    total: int
    """The number of rows: those read where the list was read whole, else what the server says or the search found."""
    is_whole: bool
    pages: tuple[Page, ...]
    limit: int
    """The limit that it was read at."""
    size: int
    """Rows on a full page at that limit."""

    @cached_property
    def pks(self) -> tuple[int, ...]:
        """The pks in the order of the list."""
        return tuple(self.rows[position]["pk"] for position in sorted(self.rows))

    @cached_property
    def by_pk(self) -> dict[int, Row]:
        return {row["pk"]: row for row in self.rows.values()}

    @property
    def count(self) -> int | None:
        """``count`` of the first page; ``None`` for an array."""
        return self.pages[0].count if self.pages else 0

    def expected(self, start: int, size: int) -> tuple[int, ...] | None:
        """The pks of ``size`` rows from position ``start``; ``None`` where they are not known."""
        positions = range(start, min(start + size, self.total))
        if any(position not in self.rows for position in positions):
            return None
        return tuple(self.rows[position]["pk"] for position in positions)

    @property
    def scope(self) -> str:
        """How much of it was looked at, for the reason of a pass."""
        return f"{self.total} rows" if self.is_whole else f"sampled {len(self.rows)} of {self.total} rows"


@define
class Survey:
    """One reading of the server."""

    session: Session
    channel: int
    others: tuple[int, ...] = ()
    seed: int = 0
    quick: bool = False
    probe_writes: bool = False
    token: str = field(default="", repr=False)
    expectations: Expectations = Factory(Expectations)
    _known: dict[ListOf, Known] = field(init=False, factory=dict)
    _existing: dict[int, bool] = field(init=False, factory=dict)
    _samples: dict[tuple[int, object], list[int]] = field(init=False, factory=dict)

    def again(self) -> "Survey":
        """A new reading, which asks for everything anew."""
        return evolve(self, session=self.session.again())

    def random(self, *salt: object) -> random.Random:
        """Random numbers that are the same at every reading: the run's seed and what they are for decide them."""
        return random.Random(f"{self.seed}:{salt}")  # noqa: S311 - for sampling, not for secrets

    # Lists

    def full(self, channel: int | None = None) -> Known:
        """The full list of a channel. Raises ``Unreadable``."""
        return self.known(FULL, channel=channel)

    def known(self, operation: Operation, filters: Filters = (), channel: int | None = None) -> Known:
        """What is known of a list. Raises ``Unreadable``."""
        of = ListOf(operation, self.channel if channel is None else channel, filters)
        if of not in self._known:
            self._known[of] = self._read(of)
        known = self._known[of]
        if self.session.touched is not None:
            self.session.touched.update(page.answer.request for page in known.pages)
        return known

    def _read(self, of: ListOf) -> Known:
        limit = self._limit(of)
        first = of.page(self.session, 1, limit)
        size = _full_size(first, limit)
        if first.count is None or first.count <= WHOLE:
            # An array does not say how long it is; if there is a second page, the first was a full one.
            per_page = size if first.count is not None else max(1, len(first.rows))
            most = WHOLE // per_page + 2
            # The first page beyond the end is asked for too, so that rows after the end show.
            pages = list(of.pages(self.session, limit, most))
            rows = [row for page in pages for row in page.rows]
            size = per_page if len(pages) > 1 else size
            if len(pages) < most:
                return Known(of, dict(enumerate(rows)), len(rows), True, tuple(pages), limit, size)
        return self._windows(of, first, limit, size)

    def _windows(self, of: ListOf, first: Page, limit: int, size: int) -> Known:
        last = -(-first.count // size) if first.count is not None else self._last_page(of, limit, WHOLE // size)
        between = self.random(of).sample(range(3, last - 1), k=min(2 if self.quick else 6, max(0, last - 4)))
        numbers = sorted({number for number in (1, 2, *between, last - 1, last) if 1 <= number <= last})
        pages = {number: of.page(self.session, number, limit) for number in numbers}
        rows = {
            (number - 1) * size + offset: row for number, page in pages.items() for offset, row in enumerate(page.rows)
        }
        total = first.count if first.count is not None else (last - 1) * size + len(pages[last].rows)
        return Known(of, rows, total, False, tuple(pages.values()), limit, size)

    def _last_page(self, of: ListOf, limit: int, low: int) -> int:
        """The number of the last page with rows, of an array: doubled until there are none, then halved."""
        high = low * 2
        while high < MOST_PAGES and self._has_rows(of, high, limit):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._has_rows(of, middle, limit) else (low, middle)
        return low

    def _has_rows(self, of: ListOf, number: int, limit: int) -> bool:
        return of.answer(self.session, number, limit).status != 404 and bool(of.page(self.session, number, limit).rows)

    def _limit(self, of: ListOf) -> int:
        """The limit to read a list at: ``BASE``, more for a filtered list (and for a quick run) where the server allows
        it, less where it refuses ``BASE``."""
        # A long page needs few requests; a short one shows more page boundaries.
        wanted = min(self.largest, LARGE) if of.filters or self.quick else BASE
        for limit in (wanted, 50, 25, 10):
            if limit <= wanted and of.answer(self.session, 1, limit).status != 400:
                return limit
        return wanted

    @cached_property
    def largest(self) -> int:
        """The largest page that the full list gives, up to ``LARGE`` rows; ``BASE`` where more is refused."""
        try:
            page = ListOf(FULL, self.channel).page(self.session, 1, LARGE)
        except Unreadable:
            return BASE
        return max(_full_size(page, LARGE), 1)

    def all_rows(self, channel: int | None = None) -> dict[int, Row]:
        """The rows of the full list that were read, by pk. Raises ``Unreadable``."""
        return self.full(channel).by_pk

    # Samples

    def sample(self, most: int, *, salt: object = "") -> list[int]:
        """Up to ``most`` pks of the full list, so that each null, each value of an enum, each pending state and both
        ends are among them. Raises ``Unreadable``."""
        if (most, salt) not in self._samples:
            self._samples[most, salt] = self._sample(most, salt)
        self.full()  # what the rule at work looks at
        return self._samples[most, salt]

    def _sample(self, most: int, salt: object) -> list[int]:
        known = self.full()
        rows = known.by_pk
        pks = list(rows)
        chosen: dict[int, None] = dict.fromkeys([*pks[:1], *pks[-1:]])
        for strata in self._strata(known):
            found: dict[object, int] = {}
            for pk in self.random("stratum", salt).sample(pks, k=len(pks)):
                found.setdefault(strata(rows[pk]), pk)
            chosen.update(dict.fromkeys(found.values()))
        for operation in (INSERTS, UPDATES):
            try:
                pending = [pk for pk in self.known(operation).pks if pk in rows]
            except Unreadable:
                continue
            chosen.update(dict.fromkeys([*pending[:1], *pending[-1:]]))
        rest = [pk for pk in pks if pk not in chosen]
        chosen.update(dict.fromkeys(self.random("rest", salt).sample(rest, k=min(len(rest), most))))
        return list(chosen)[:most]

    def _strata(self, known: Known) -> Iterable[Callable[[Row], object]]:
        """What to tell rows apart by, so that a sample has some of each kind."""
        for name in image_schema()["properties"]:
            values = {json.dumps(row.get(name)) for row in known.rows.values()}
            if len(values) <= CATEGORIES:
                yield lambda row, name=name: json.dumps(row.get(name))  # type: ignore[misc]  # bound here, not later
            else:
                yield lambda row, name=name: row.get(name) is None  # type: ignore[misc]  # as above
        yield lambda row: row.get("object_id") == row.get("product")

    def some_pk(self) -> int:
        """The pk of an image of the channel; 1 where none can be read."""
        try:
            return next(iter(self.all_rows()), 1)
        except Unreadable:
            return 1

    def products(self) -> dict[int, list[int]]:
        """The pks of the rows that were read, by product, in the order of the list. Raises ``Unreadable``."""
        products: dict[int, list[int]] = {}
        for pk, row in self.all_rows().items():
            if type(product := row.get("product")) is int:
                products.setdefault(product, []).append(pk)
        return products

    def absent_pk(self, count: int = 1) -> list[int]:
        """Ids that no image of any channel at hand has, within 32 bits: what lies beyond may match no route."""
        used = {pk for channel in (self.channel, *self.others) for pk in self.full(channel).by_pk}
        for operation in LISTS:
            try:
                used.update(self.known(operation).by_pk)
            except Unreadable:
                continue
        top = max(used, default=0)
        gaps: list[int] = []
        if self.full().is_whole and used:
            # Where pks are far apart, what lies between them is too much to look at; what follows on one is a good guess.
            is_dense = top - min(used) < DENSE * len(used)
            around = range(min(used), top) if is_dense else [pk + 1 for pk in sorted(used)]
            gaps = [pk for pk in around if pk not in used]
        candidates = [top + 1_000_003, 2_000_000_011, *self.random("gaps").sample(gaps, k=len(gaps))]
        return [pk for pk in candidates if pk not in used and pk < 2**31][:count]

    def exists(self, pk: int) -> bool:
        """Whether the channel has an image, by a request of its own, once in a reading."""
        if pk not in self._existing:
            self._existing[pk] = self.session.get(RETRIEVE.path_for(self.channel, pk), fresh=True).status == 200
        return self._existing[pk]


def _full_size(page: Page, limit: int) -> int:
    """Rows on a full page at ``limit``, from the first page: fewer than ``limit`` only where the server clamps it."""
    rows = len(page.rows)
    if page.count is not None and rows < min(limit, page.count):
        return max(rows, 1)
    return limit
