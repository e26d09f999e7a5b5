"""Reading a list that changes meanwhile: what is proved, on every kind of server, whatever changes when."""

import itertools
from collections.abc import Sequence
from itertools import count
from random import Random
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, example, given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.walks.simulation import Server, Tied, error, give, pks_of, rows_in_order, walked

from channel_images.exceptions import BadRequest, ChannelImagesError, IncompleteListing, NotFound, Timeout
from channel_images.walks.consistent import MAX_PASSES, MAX_STEPS_BACK, ConsistentWalk, overlapping
from channel_images.walks.rows import Rows
from channel_images.walks.seen import PkSet, SeenImages
from channel_images.walks.walk import MAX_IDLE_WINDOWS
from channel_images.window import Window
from channel_images_api.models import ProductImage

ORDERS = ("rising", "falling", "any", "blocks")
KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"clamp": 20},
    {"clamp": 7},
    {"clamp": 1},
    {"largest": 10},
    {"slow": 20},
    {"fixed": 1},
    {"fixed": 3},
    {"fixed": 12},
    {"fixed": 25},
    {"paged": False},
)
"""Kinds of servers: those that the contract allows, and the faulty ones that exist."""


def servers(rows: int) -> st.SearchStrategy[Server]:
    """Servers of all kinds, with at most so many rows in any order."""
    return st.builds(
        lambda order, many, seed, kind, envelope, past: Server(
            rows_in_order(order, many, seed), envelope=envelope, past=past, **kind
        ),
        st.sampled_from(ORDERS),
        st.integers(0, rows),
        st.integers(0, 99),
        st.sampled_from(KINDS),
        st.booleans(),
        st.sampled_from(("404", "empty", "last")),
    )


def limits() -> st.SearchStrategy[int]:
    """Limits, among them many for which windows can overlap in lists of a few hundred rows."""
    return st.one_of(st.integers(1, 30), st.integers(20, 30))


MOST_ROWS = 1_000
"""Of a list while it grows in these tests."""


def bound(server: Server, limit: int, rows: int = MOST_ROWS) -> int:
    """Requests for a list that has at most so many rows from now on.

    Each pass reads each page, perhaps asks after it far beyond the list, and may end with idle windows. Where windows
    overlap there is one pass, and a gap at each window costs no more than steps back and as many windows again.
    """
    size = min(limit, server.clamp or limit, server.fixed or limit, 10)
    return 2 * (MAX_PASSES + MAX_STEPS_BACK) * (rows // size + 1 + MAX_IDLE_WINDOWS)


def judge(walk: ConsistentWalk, server: Server, handed_out: list[int]) -> None:
    """What a walk promises, at its end: nothing twice, and nothing missing unless it says where."""
    assert len(handed_out) == len(set(handed_out))
    if walk.doubts:
        with pytest.raises(IncompleteListing) as raised:
            walk.check()
        assert raised.value.windows == tuple(walk.doubts)
        assert raised.value.passes == walk.passes
    else:
        walk.check()
        assert server.throughout <= set(handed_out)


class Reading(RuleBasedStateMachine):
    """One walk, with several windows in flight that are answered in any order, while rows come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server([])
        self.walk = ConsistentWalk(10)
        self.ahead = 1
        self.answers: dict[Window, Rows | ChannelImagesError] = {}
        self.handed_out: list[int] = []

    @initialize(server=servers(400), limit=limits(), ahead=st.integers(1, 4))
    def begin(self, server: Server, limit: int, ahead: int) -> None:
        self.server, self.ahead = server, ahead
        self.walk = ConsistentWalk(limit)

    def windows(self) -> list[Window]:
        windows = list(self.walk.upcoming(self.ahead))
        assert len(windows) <= self.ahead
        self.answers = {window: answer for window, answer in self.answers.items() if window in windows}
        return windows

    @rule(which=st.integers(0, 3))
    def answer(self, which: int) -> None:
        if windows := [window for window in self.windows() if window not in self.answers]:
            window = windows[which % len(windows)]
            self.answers[window] = self.server.answer(window)

    @rule(times=st.integers(1, 12))
    def read_on(self, times: int) -> None:
        for _ in range(times):
            if windows := self.windows():
                answer = self.answers.pop(windows[0], None) or self.server.answer(windows[0])
                self.handed_out += pks_of(give(self.walk, windows[0], answer))

    @rule(place=st.floats(0, 1), rows=st.one_of(st.just(1), st.integers(1, 40), st.integers(100, 300)))
    def remove(self, place: float, rows: int) -> None:
        self.server.remove(int(place * len(self.server.pks)), rows)

    @precondition(lambda self: len(self.server.pks) < MOST_ROWS - 300)
    @rule(
        place=st.floats(0, 1),
        rows=st.one_of(st.just(1), st.integers(1, 40), st.integers(100, 300)),
        in_order=st.booleans(),
    )
    def add(self, place: float, rows: int, in_order: bool) -> None:
        self.server.add(int(place * len(self.server.pks)), rows, sorted_by_pk=in_order)

    @invariant()
    def nothing_twice(self) -> None:
        assert len(self.handed_out) == len(set(self.handed_out))

    def teardown(self) -> None:
        most = len(self.server.requests) + bound(self.server, self.walk.limit)
        self.handed_out += walked(self.walk, self.server, most=most, ahead=self.ahead)
        judge(self.walk, self.server, self.handed_out)


TestReading = Reading.TestCase
TestReading.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@given(
    server=servers(600),
    limit=limits(),
    ahead=st.integers(1, 4),
    rows=st.sampled_from([1, 2, 10, 30, 300]),
    rate=st.sampled_from([0.05, 0.3, 1]),
    where=st.sampled_from(["front", "end", "any"]),
    changes=st.sampled_from(["adds", "removes", "both"]),
    in_order=st.booleans(),
    chance=st.integers(0, 2**32).map(Random),
)
@settings(max_examples=500, deadline=None)
# Stepping back from a gap, it asks a server that gives its last page again whether it reads `page`; the rows of that page
# may be forgotten ones.
@example(
    server=Server(rows_in_order("blocks", 364, 1), envelope=False, past="last"),
    limit=23,
    ahead=2,
    rows=1,
    rate=0.05,
    where="front",
    changes="removes",
    in_order=False,
    chance=Random(12),
)
def test_what_was_there_throughout_is_handed_out_once_or_doubts_are_named(
    server: Server,
    limit: int,
    ahead: int,
    rows: int,
    rate: float,
    where: str,
    changes: str,
    in_order: bool,
    chance: Random,
) -> None:
    walk = ConsistentWalk(limit)

    def churn() -> None:
        if chance.random() >= rate or len(server.requests) > 60:
            return
        end = len(server.pks)
        if changes != "adds":
            server.remove({"front": 0, "end": max(0, end - rows), "any": chance.randint(0, end)}[where], rows)
        if changes != "removes" and len(server.pks) < MOST_ROWS - rows:
            at = {"front": 0, "end": len(server.pks), "any": chance.randint(0, len(server.pks))}[where]
            server.add(at, chance.randint(0, rows), sorted_by_pk=in_order)

    handed_out = walked(walk, server, most=60 + bound(server, limit), ahead=ahead, between=churn, chance=chance)
    judge(walk, server, handed_out)


@given(server=servers(700), limit=limits(), ahead=st.integers(1, 4))
@settings(max_examples=300, deadline=None)
def test_a_list_that_stays_is_proved_complete(server: Server, limit: int, ahead: int) -> None:
    walk = ConsistentWalk(limit)
    assert sorted(walked(walk, server, most=bound(server, limit), ahead=ahead)) == sorted(server.pks)
    walk.check()


@pytest.mark.parametrize(
    ("rows", "limit", "share"), [(4_000, 20, 0.4), (10_000, 50, 0.22), (20_000, 100, 0.16), (60_000, 1_000, 0.07)]
)
@pytest.mark.parametrize("envelope", [True, False], ids=["envelope", "array"])
def test_a_proof_costs_few_requests_more(rows: int, limit: int, share: float, envelope: bool) -> None:
    server = Server(rows_in_order("rising", rows), envelope=envelope)
    assert len(walked(ConsistentWalk(limit), server, most=10_000)) == rows
    assert len(server.requests) <= (1 + share) * rows / limit + 3


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_without_overlap_each_page_is_read_twice(limit: int) -> None:
    server = Server(rows_in_order("any", 40), clamp=limit)
    walk = ConsistentWalk(100)
    assert len(walked(walk, server, most=1_000)) == 40
    assert len(server.requests) <= 2 * 40 // limit + 2


def test_a_server_that_takes_some_limits_only_is_read_twice() -> None:
    server = Server(rows_in_order("any", 95), step=10)
    walk = ConsistentWalk(30)
    assert sorted(walked(walk, server, most=12)) == sorted(server.pks)
    walk.check()


def test_an_array_that_ignores_page_is_read_whole() -> None:
    server = Server(rows_in_order("any", 5_000), envelope=False, paged=False)
    walk = ConsistentWalk(100)
    assert walked(walk, server, most=5) == server.pks
    walk.check()


def test_a_server_that_ignores_page_and_keeps_to_the_limit_cannot_be_read() -> None:
    class First(Server):
        def answer(self, window: Window) -> Rows | ChannelImagesError:
            return super().answer(Window(1, window.limit))

    walk = ConsistentWalk(20)
    walked(walk, First(rows_in_order("any", 100)), most=100)
    with pytest.raises(IncompleteListing):
        walk.check()


def test_the_last_page_given_again_past_the_end_ends_nothing() -> None:
    """Rows that were added in front fill a window; the page far beyond the list, which is asked for then, has rows."""
    server = Server(rows_in_order("falling", 100), past="last")
    added = iter([0, 0, 30])
    walk = ConsistentWalk(20)
    handed_out = walked(walk, server, most=100, between=lambda: server.add(0, next(added, 0)))
    assert server.throughout <= set(handed_out)


def test_pages_that_are_compared_are_read_in_their_order() -> None:
    """Two passes that hold the same pages prove nothing when a later page was read before an earlier one."""
    assert len(_comparing(Server(rows_in_order("any", 50), fixed=5)).upcoming(4)) == 1


def _comparing(server: Server) -> ConsistentWalk:
    walk = ConsistentWalk(5)
    for _ in range(2):
        window = walk.upcoming(1)[0]
        give(walk, window, server.answer(window))
    return walk


def test_a_page_that_repeats_the_one_before_is_not_the_end_where_pages_are_numbered() -> None:
    server = Server(rows_in_order("any", 20), fixed=5)
    walk = ConsistentWalk(5)
    pushed = iter([0, 0, 0, 5])
    handed_out = walked(walk, server, most=100, between=lambda: server.add(0, next(pushed, 0)))
    assert server.throughout <= set(handed_out)
    walk.check()


@pytest.mark.parametrize("rows", [*range(20, 240, 7), 400])
def test_many_rows_added_in_front_are_passed_over(rows: int) -> None:
    """As many as the walk remembers, and more, in an order that keeps it from remembering all."""
    server = Server(rows_in_order("falling", 1_000))
    walk = ConsistentWalk(25)
    added = iter([0] * 30 + [rows])
    handed_out = walked(walk, server, most=200, between=lambda: server.add(0, next(added, 0), sorted_by_pk=True))
    judge(walk, server, handed_out)
    assert not walk.doubts


@pytest.mark.parametrize(("at", "after", "rows"), [(1, 9, 280), (166, 9, 280), (0, 20, 700)])
def test_newer_rows_added_before_the_last_one_do_not_bring_back_others(at: int, after: int, rows: int) -> None:
    """The pks rise at first, so that rows are forgotten, and are met again behind the new ones."""
    server = Server(rows_in_order("rising", 800))
    walk = ConsistentWalk(25)
    added = iter([0] * after + [rows])
    judge(walk, server, walked(walk, server, most=300, between=lambda: server.add(at, next(added, 0))))


def test_passes_that_hold_a_row_twice_prove_nothing() -> None:
    """A row that comes before the second page and leaves after it hides the last one, in two passes alike."""
    server = Server([1, 2], fixed=1)
    walk = ConsistentWalk(1)

    def hide() -> None:
        match len(server.requests):
            case 2 | 6:
                server.add(0)
            case 4 | 8:
                server.remove(0)

    judge(walk, server, walked(walk, server, most=30, between=hide))


def test_a_gap_is_named_and_what_lies_behind_it_is_read() -> None:
    server = Server(rows_in_order("rising", 2_000))
    walk = ConsistentWalk(25)
    removed = iter([0] * 40 + [850])
    handed_out = walked(walk, server, most=300, between=lambda: server.remove(5, next(removed, 0)))
    with pytest.raises(IncompleteListing, match="images may be missing before page") as raised:
        walk.check()
    (window,) = raised.value.windows
    assert raised.value.passes == 1
    assert set(handed_out) >= set(server.pks[window.start :])
    assert len(handed_out) == len(set(handed_out))


def test_rows_that_leave_are_made_up_for_by_stepping_back() -> None:
    server = Server(rows_in_order("rising", 2_000))
    walk = ConsistentWalk(100)
    removed = iter([0, 0, 0, 250])
    assert server.throughout <= set(walked(walk, server, most=60, between=lambda: server.remove(0, next(removed, 0))))
    walk.check()


@pytest.mark.parametrize(("rows", "limit", "read", "is_doubt"), [(100, 50, 1, False), (600, 25, 20, True)])
def test_a_list_that_is_replaced_is_read_from_its_front_unless_rows_were_forgotten(
    rows: int, limit: int, read: int, is_doubt: bool
) -> None:
    server = Server(rows_in_order("rising", rows))
    old = set(server.pks)

    def replace() -> None:
        if len(server.requests) == read:
            server.remove(0, rows)
            server.add(0, rows)

    walk = ConsistentWalk(limit)
    handed_out = walked(walk, server, most=100, between=replace)
    assert bool(walk.doubts) is is_doubt
    assert (set(handed_out) - old == set(server.pks)) is not is_doubt
    assert [window.number for window in server.requests].count(1) == 2, "it steps back to the front once"


def test_rows_added_in_front_as_fast_as_they_are_read_end_in_a_doubt() -> None:
    server = Server(rows_in_order("falling", 200))
    walk = ConsistentWalk(20)
    walked(walk, server, most=400, between=lambda: server.add(0, 20 * (len(server.requests) < 150)))
    with pytest.raises(IncompleteListing):
        walk.check()


def test_a_limit_that_is_too_much_later_on_is_lowered() -> None:
    server = Server(rows_in_order("rising", 3_000))
    requests = count()

    def slower() -> None:
        if next(requests) == 15:
            server.slow = 30

    walk = ConsistentWalk(100)
    assert walked(walk, server, most=250, between=slower) == server.pks
    walk.check()


@pytest.mark.parametrize("slow", [10, 1])
def test_a_server_too_slow_for_overlaps_after_rows_were_forgotten_is_an_error(slow: int) -> None:
    server = Server(rows_in_order("rising", 3_000))
    requests = count()

    def slower() -> None:
        if next(requests) == 15:
            server.slow = slow

    with pytest.raises(Timeout):
        walked(ConsistentWalk(100), server, most=250, between=slower)


def test_errors_that_say_nothing_about_the_size_are_raised() -> None:
    walk = ConsistentWalk(100)
    for one in (error(404, {"detail": "Not found."}), error(400, {"product": ["No."]}), error(500, "")):
        with pytest.raises(type(one)):
            walk.failed(Window(1, 100), one)
    with pytest.raises(NotFound):
        walk.failed(Window(2, 100), error(404, "<html>"))
    with pytest.raises(BadRequest):
        walk.failed(Window(1, 10), error(400, {"limit": ["No."]}))


@given(server=servers(600), limit=limits(), chance=st.integers(0, 2**32).map(Random))
@settings(max_examples=100, deadline=None)
def test_a_walk_goes_on_from_a_checkpoint(server: Server, limit: int, chance: Random) -> None:
    walk = ConsistentWalk(limit)
    handed_out: list[int] = []
    resumed = 0
    for _ in range(bound(server, limit)):
        if walk.done:
            break
        window = walk.upcoming(1)[0]
        handed_out += pks_of(give(walk, window, server.answer(window)))
        if resumed < 4 and chance.random() < 0.2:
            resumed += 1
            checkpoint, walk = walk.checkpoint(), ConsistentWalk(limit)
            walk.resume(checkpoint, [handed_out])
        if chance.random() < 0.1 and len(server.requests) < 50:
            server.remove(chance.randint(0, len(server.pks)), chance.randint(1, 20))
            server.add(chance.randint(0, len(server.pks)), chance.randint(1, 20))
    assert walk.done
    judge(walk, server, handed_out)


@given(st.integers(0, 5_000_000), st.integers(1, 60), st.integers(2, 120))
def test_windows_overlap_and_reach_further(offset: int, overlap: int, limit: int) -> None:
    window = overlapping(offset, overlap, limit)
    if window is None:
        assert offset == 0 or all(offset % size == 0 for size in range(2, limit + 1))
    else:
        assert window.limit <= limit
        assert window.start < max(1, offset)
        assert window.end > offset


# Memory


def test_a_million_rows_in_order_of_their_pk_are_not_remembered() -> None:
    """Answered without a server, which would take longer."""
    rows = 1_000_000
    walk = ConsistentWalk(1_000)
    given_out = largest = 0
    while not walk.done:
        window = walk.upcoming(1)[0]
        end = min(window.end, rows)
        images = [ProductImage(pk=pk) for pk in range(window.start, end)]
        given_out += len(walk.feed(window, Rows(images, rows, end < rows)))
        largest = max(largest, len(walk._seen._recent))
    assert given_out == rows
    assert largest <= 8 * 1_000
    assert not walk._seen.keeps_all
    assert walk._seen.forgets


def test_in_any_other_order_a_few_bits_are_remembered_of_each_row() -> None:
    chain = SeenImages(keep=100)
    pks = list(range(100_000))
    Random(1).shuffle(pks)
    chain.extend(pks)
    assert chain.keeps_all
    assert chain._all is not None
    assert len(chain._all._words) <= 100_000 // 64 + 1
    assert len(chain._recent) <= 200
    assert not chain.without_handed_out([ProductImage(pk=pk) for pk in pks])


@given(st.sets(st.integers(0, 2**63)), st.integers(0, 2**63))
def test_a_set_of_pks_is_a_set(pks: set[int], other: int) -> None:
    kept = PkSet()
    for pk in pks:
        kept.add(pk)
    assert all(pk in kept for pk in pks)
    assert (other in kept) is (other in pks)


@pytest.mark.parametrize(
    ("limit", "hidden", "says_more"), [(30, [25], False), (30, [25], True), (10, range(10, 15), True)]
)
def test_a_server_that_takes_rows_out_of_its_pages_is_read_to_its_end(
    limit: int, hidden: Sequence[int], says_more: bool
) -> None:
    """As `pending-drops-row` of the mock does: what is hidden is in no page, and the page that lacks it is no last one."""
    pks = list(range(200))

    def answer(window: Window) -> Rows:
        shown = [ProductImage(pk=pk) for pk in pks[window.start : window.end] if pk not in hidden]
        return Rows(shown, more=window.end < 200 if says_more else None)

    walk = ConsistentWalk(limit)
    handed_out: list[int] = []
    for _ in range(60):
        if walk.done:
            break
        window = walk.upcoming(1)[0]
        handed_out += pks_of(walk.feed(window, answer(window)))
    assert walk.done
    assert handed_out == [pk for pk in pks if pk not in hidden]


def test_rows_that_the_server_counts_and_does_not_give_are_missed() -> None:
    """As where a list has no order: each page is drawn by chance, and the count is the same on all of them."""
    chance = Random(1)
    pks = list(range(200))

    def answer(window: Window) -> Rows:
        drawn = chance.sample(pks, 200)[window.start : window.end]
        return Rows([ProductImage(pk=pk) for pk in drawn], count=200, more=window.end < 200)

    walk = ConsistentWalk(30)
    handed_out: list[int] = []
    for _ in range(500):
        if walk.done:
            break
        window = walk.upcoming(1)[0]
        handed_out += pks_of(walk.feed(window, answer(window)))
    assert walk.done
    assert len(handed_out) == len(set(handed_out))
    if len(handed_out) < 200:
        with pytest.raises(IncompleteListing):
            walk.check()


# An order that changes, which the walk assumes not to happen


def tied_servers() -> st.SearchStrategy[Tied]:
    return st.builds(
        lambda rows, group, seed, envelope: Tied(
            rows_in_order("any", rows, seed), envelope=envelope, group=group, chance=Random(seed)
        ),
        st.integers(1, 400),
        st.sampled_from([2, 5, 20, 1_000]),
        st.integers(0, 2**32),
        st.booleans(),
    )


@given(
    server=tied_servers(),
    limit=st.integers(1, 100),
    ahead=st.integers(1, 3),
    rate=st.sampled_from([0.1, 0.5, 1]),
    change=st.sampled_from(["add", "remove", "replace", "either"]),
)
@settings(max_examples=200, deadline=None)
def test_ties_that_are_ordered_anew_while_rows_come_and_go_come_to_an_end(
    server: Tied, limit: int, ahead: int, rate: float, change: str
) -> None:
    walk = ConsistentWalk(limit)

    def churn() -> None:
        if len(server.requests) < 60:
            server.churn(rate, change)

    handed_out = walked(walk, server, most=60 + bound(server, limit), ahead=ahead, between=churn)
    assert len(handed_out) == len(set(handed_out))


@given(server=tied_servers(), limit=st.integers(1, 100), ahead=st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_of_ties_in_a_list_that_stays_and_is_counted_each_is_given_or_it_is_told(
    server: Tied, limit: int, ahead: int
) -> None:
    server.envelope = True
    walk = ConsistentWalk(limit)
    judge(walk, server, walked(walk, server, most=bound(server, limit), ahead=ahead))


@pytest.mark.parametrize("change", ["add", "remove", "replace", "either"])
@pytest.mark.parametrize("envelope", [True, False], ids=["envelope", "array"])
def test_ties_ordered_anew_lose_next_to_nothing_silently(envelope: bool, change: str) -> None:
    """No page can prove anything then. Before the order was watched, two of three of these were silently incomplete."""
    silent = 0
    for seed, group, limit in itertools.product(range(6), (2, 5, 20, 1_000), (20, 100)):
        server = Tied(rows_in_order("any", 400, seed), envelope=envelope, group=group, chance=Random(seed))
        walk = ConsistentWalk(limit)
        handed_out = walked(walk, server, most=3_000, between=lambda server=server: server.churn(0.5, change))  # type: ignore[misc]
        silent += not walk.doubts and not server.throughout <= set(handed_out)
    assert silent <= 1, "of 48"


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("change", ["add", "remove", "replace", "either"])
@pytest.mark.parametrize("limit", [20, 100])
def test_a_count_that_changes_accuses_nobody_where_the_order_stays(limit: int, change: str, seed: int) -> None:
    server = Tied(rows_in_order("any", 600, seed), group=1, chance=Random(seed))
    server.keys = {pk: 1_000 * at for at, pk in enumerate(server.pks)}
    order = iter(range(1, 1_000))

    def churn() -> None:
        server.churn(0.5, change)
        for at, pk in enumerate(server.pks[:-1]):
            if server.keys[pk] == server.keys[server.pks[at + 1]]:  # a new row, which gets a key of its own
                server.keys[pk] -= next(order)

    walk = ConsistentWalk(limit)
    judge(walk, server, walked(walk, server, most=300, between=churn))
    assert not walk.doubts


@pytest.mark.parametrize("past", ["404", "empty", "last"])
@pytest.mark.parametrize("rows", [1, 19, 20, 21, 100, 130, 399])
def test_a_next_page_that_is_none_is_the_end_where_the_count_agrees(rows: int, past: str) -> None:
    class Hopeful(Server):
        def answer(self, window: Window) -> Rows | ChannelImagesError:
            answer = super().answer(window)
            return evolve(answer, more=True) if isinstance(answer, Rows) else answer

    server = Hopeful(list(range(rows)), past=past)
    walk = ConsistentWalk(20)
    assert walked(walk, server, most=100) == server.pks
    walk.check()


def test_a_last_page_of_rows_that_are_long_known_is_an_end() -> None:
    server = Server(rows_in_order("rising", 34), envelope=False, past="last")
    walk = ConsistentWalk(7)
    requests = count()

    def change() -> None:
        if next(requests) == 4:
            server.add(17, 254)
            server.remove(274, 14)

    handed_out = walked(walk, server, most=150, between=change)
    assert server.throughout <= set(handed_out)
    walk.check()


def test_without_pks_nothing_can_be_proven() -> None:
    walk = ConsistentWalk(10)
    with pytest.raises(IncompleteListing, match="page 1 of 10 rows has images without a pk") as caught:
        walk.feed(Window(1, 10), Rows([ProductImage(pk=1), ProductImage()]))
    assert caught.value.windows == (Window(1, 10),)


def test_a_list_that_grows_as_fast_as_it_is_read_has_an_end() -> None:
    server = Server(list(range(1_000)), envelope=True)
    walk = ConsistentWalk(50)
    handed_out = walked(walk, server, most=2_000, between=lambda: server.add(len(server.pks), 60))
    assert len(handed_out) == len(set(handed_out)) > 4_000
    with pytest.raises(IncompleteListing):
        walk.check()
