"""Servers that contradict themselves: no walk goes on for ever, and where a count betrays a loss, it is told."""

import math
from collections.abc import Callable
from itertools import count
from random import Random

import pytest
from tests.walks.simulation import Endless, error, give, image, pks_of

from channel_images.exceptions import ChannelImagesError, IncompleteListing
from channel_images.walks.consistent import ConsistentWalk
from channel_images.walks.plain import PlainWalk
from channel_images.walks.rows import Rows
from channel_images.walks.walk import FAR, Walk
from channel_images.window import Window

ROWS = range(1, 1_001)
Answer = Rows | ChannelImagesError
Reply = Callable[[Window], Answer]
NOT_FOUND = error(404, {"detail": "Invalid page."})


def page(window: Window, pks: "range | list[int]" = ROWS, size: int | None = None) -> list[int]:
    """The rows of a page, on a server that numbers pages as it should."""
    size = size or window.limit
    return list(pks[(window.number - 1) * size : window.number * size])


def rows(pks: "range | list[int]", counted: int | None = None, more: bool | None = None) -> Rows:
    return Rows([image(pk) for pk in pks], counted, more)


def read(walk: Walk, reply: Reply, most: int = 400) -> list[int]:
    """What a walk hands out, in at most so many requests."""
    handed_out: list[int] = []
    for _ in range(most):
        if walk.done:
            return handed_out
        window = walk.upcoming(1)[0]
        handed_out += pks_of(give(walk, window, reply(window)))
    raise Endless(f"{most} requests, and no end")


def cached(window: Window) -> Answer:
    """A cache that leaves the query out of its keys."""
    return rows(ROWS[:10], 1_000, more=True)


def capped(size: int | None, *, more: bool) -> Reply:
    """A page number beyond 5 is 5."""

    def reply(window: Window) -> Answer:
        return rows(page(Window(min(window.number, 5), window.limit), size=size), 1_000, more)

    return reply


def cut_off(window: Window) -> Answer:
    """Nothing behind row 500, in pages of 10."""
    return rows(page(window, size=10), 1_000, more=True) if window.number <= 50 else NOT_FOUND


def one_hidden(window: Window) -> Answer:
    """Pages of 10, and a row that is counted and on none of them."""
    shown = [pk for pk in ROWS if pk != 333]
    return rows(page(window, shown, 10), 1_000, window.number * 10 < 999) if window.number <= 100 else NOT_FOUND


@pytest.mark.parametrize("limit", [10, 20, 100])
@pytest.mark.parametrize(
    "reply",
    [
        cached,
        capped(10, more=True),
        capped(10, more=False),
        capped(None, more=True),
        capped(None, more=False),
        cut_off,
        one_hidden,
    ],
)
def test_a_count_of_more_rows_than_were_given_is_a_doubt(reply: Reply, limit: int) -> None:
    walk = ConsistentWalk(limit)
    handed_out = read(walk, reply)
    assert len(handed_out) == len(set(handed_out))
    if set(handed_out) != set(ROWS):  # in pages of 500, say, five are all
        with pytest.raises(IncompleteListing):
            walk.check()


def test_it_names_both_numbers() -> None:
    for walk in (ConsistentWalk(100), PlainWalk(100)):
        read(walk, cached)
        with pytest.raises(IncompleteListing, match="the server counts 1000 images, and gives 10"):
            walk.check()


@pytest.mark.parametrize("limit", [2, 3, 20, 100])
@pytest.mark.parametrize("kind", [PlainWalk, ConsistentWalk])
def test_an_array_that_ignores_page_is_in_doubt(kind: type[PlainWalk | ConsistentWalk], limit: int) -> None:
    def reply(window: Window) -> Answer:
        return rows(ROWS[: window.limit])

    walk = kind(limit)
    assert read(walk, reply, most=5) == list(ROWS[:limit])
    with pytest.raises(IncompleteListing, match="the server gives the same rows for any page"):
        walk.check()


@pytest.mark.parametrize("kind", [PlainWalk, ConsistentWalk])
def test_one_row_on_every_page_may_be_all_that_there_is(kind: type[PlainWalk | ConsistentWalk]) -> None:
    walk = kind(1)
    assert read(walk, lambda _: rows([7]), most=5) == [7]
    walk.check()


def last_again(window: Window) -> list[int]:
    return page(Window(min(window.number, math.ceil(len(ROWS) / window.limit)), window.limit))


REFUSALS: list[Answer] = [
    rows([]),
    *(error(status, {}) for status in (400, 403, 404, 405, 410, 414, 416, 422, 429, 500)),
]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("ignores_page", [False, True])
def test_a_page_far_beyond_the_list_that_is_refused_proves_little(refusal: Answer, ignores_page: bool) -> None:
    def reply(window: Window) -> Answer:
        if window.number == FAR:
            return refusal
        return rows(ROWS[:100] if ignores_page else last_again(window))

    walk = PlainWalk(100)
    assert read(walk, reply) == list(ROWS[:100] if ignores_page else ROWS)
    walk.check()


@pytest.mark.parametrize("counted", [None, 1_000])
@pytest.mark.parametrize("order", [1, -1])
def test_page_numbers_that_count_round_come_to_an_end(counted: int | None, order: int) -> None:
    def reply(window: Window) -> Answer:
        return rows(page(Window((window.number - 1) % 10 + 1, window.limit))[::order], counted)

    walk = PlainWalk(100)
    assert sorted(read(walk, reply)) == list(ROWS)
    walk.check()


@pytest.mark.parametrize("pages", [2, 5, 6, 10])
def test_page_1_for_whatever_is_past_the_end(pages: int) -> None:
    def reply(window: Window) -> Answer:
        return rows(page(window if window.number <= pages else Window(1, window.limit), ROWS[: pages * 100]))

    walk = PlainWalk(100)
    assert read(walk, reply) == list(ROWS[: pages * 100])
    walk.check()


def test_random_rows_come_to_an_end() -> None:
    chance = Random(1)
    for counted, more in ((None, None), (1_000, True)):
        walk = PlainWalk(100)
        handed_out = read(
            walk,
            lambda _, counted=counted, more=more: rows(chance.sample(ROWS, 100), counted, more),  # type: ignore[misc]
        )
        if counted is None:
            assert len(handed_out) == len(set(handed_out))
        else:
            assert len(handed_out) <= 4 * 1_000 + 21 * 100


def test_an_array_that_holds_each_row_three_times() -> None:
    thrice = [pk for pk in ROWS[:40] for _ in range(3)]
    for walk in (ConsistentWalk(100), PlainWalk(100)):
        assert read(walk, lambda _: rows(thrice)) == list(ROWS[:40])
        walk.check()


@pytest.mark.parametrize("limit", [1, 100])
def test_pages_of_one_size_do_not_outgrow_the_reader(limit: int) -> None:
    size, requests = min(limit, 10), count(1)

    def reply(window: Window) -> Answer:
        there = 100 + size * next(requests)
        return rows(page(window, range(1, there), size), there - 1, window.number * size < there - 1)

    walk = ConsistentWalk(limit)
    read(walk, reply, most=1_000)
    with pytest.raises(IncompleteListing):
        walk.check()


EMPTY: dict[str, Reply] = {
    "an empty page in the middle": lambda window: rows([] if window.number == 2 else page(window), 1_000, more=True),
    "a 404 in the middle": lambda window: NOT_FOUND if window.number == 4 else rows(page(window), 1_000, more=True),
    "nothing behind row 500": lambda window: rows(page(window, ROWS[:500]), 1_000, more=True),
}


@pytest.mark.parametrize("reply", EMPTY.values(), ids=EMPTY)
def test_an_empty_page_where_the_server_says_that_there_are_rows(reply: Reply) -> None:
    walk = PlainWalk(100)
    handed_out = read(walk, reply)
    assert handed_out == list(ROWS[: len(handed_out)])
    with pytest.raises(IncompleteListing, match="is empty, although the server counts 1000 images"):
        walk.check()


def promising(behind: Callable[[Window], Answer], pages: int, counted: int | None) -> Reply:
    """So many pages, each of which says that another one follows, and then something else."""

    def reply(window: Window) -> Answer:
        if window.number <= pages:
            return rows(page(window), counted, more=True)
        return behind(window)

    return reply


BROKEN: dict[str, Callable[[int | None], Reply]] = {
    "an empty page": lambda counted: promising(lambda _: rows([], counted), 2, counted),
    "an empty page that says more": lambda counted: promising(lambda _: rows([], counted, more=True), 2, counted),
    "an empty page at once": lambda counted: promising(lambda _: rows([], counted), 1, counted),
    "a 404": lambda counted: promising(lambda _: NOT_FOUND, 2, counted),
    "a 404 at once": lambda counted: promising(lambda _: NOT_FOUND, 1, counted),
    "the last page again": lambda counted: (
        lambda window: rows(page(Window(min(window.number, 2), window.limit)), counted, more=True)
    ),
    "the first page again": lambda counted: promising(
        lambda window: rows(page(Window(1, window.limit)), counted, more=True), 3, counted
    ),
    "the first rows, as many as wanted": lambda counted: (
        lambda window: rows(page(Window(1, window.limit)), counted, more=True)
    ),
    "the same rows": lambda counted: lambda window: rows(ROWS[:20], counted, more=True),
    "the same rows, fewer than wanted": lambda counted: lambda window: rows(ROWS[:7], counted, more=True),
}


@pytest.mark.parametrize("counted", [None, 1_000])
@pytest.mark.parametrize("limit", [10, 20])
@pytest.mark.parametrize("kind", [PlainWalk, ConsistentWalk])
@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
def test_a_next_page_that_was_promised_and_is_not_given_is_a_doubt(
    reply: Callable[[int | None], Reply], kind: type[PlainWalk | ConsistentWalk], limit: int, counted: int | None
) -> None:
    walk = kind(limit)
    handed_out = read(walk, reply(counted))
    assert len(handed_out) == len(set(handed_out)) < 1_000
    with pytest.raises(IncompleteListing):
        walk.check()


@pytest.mark.parametrize("counted", [None, 1_000])
@pytest.mark.parametrize(("first", "last"), [(2, None), (2, 2), (2, 5), (3, 3)])
@pytest.mark.parametrize("name", ["the first rows, as many as wanted", "the same rows"])
def test_a_part_of_a_list_that_has_one_page_for_all_is_in_doubt(
    name: str, first: int, last: int | None, counted: int | None
) -> None:
    walk = PlainWalk(20, first=first, last=last)
    read(walk, BROKEN[name](counted), most=5)
    with pytest.raises(IncompleteListing, match="the server gives the same rows for any page"):
        walk.check()


@pytest.mark.parametrize("past", ["the last page again", "a 404", "an empty page"])
def test_a_part_of_a_list_ends_in_doubt_too(past: str) -> None:
    walk = PlainWalk(20, first=2, last=9)
    assert read(walk, BROKEN[past](None)) == list(ROWS[20:40])
    with pytest.raises(IncompleteListing):
        walk.check()


@pytest.mark.parametrize("more", [None, True, False])
@pytest.mark.parametrize("kind", [PlainWalk, ConsistentWalk])
def test_one_page_that_is_the_whole_list_is_no_doubt(kind: type[PlainWalk | ConsistentWalk], more: bool | None) -> None:
    for counted in (60, *([None] if more is not True else [])):
        walk = kind(20)
        assert read(walk, lambda _, counted=counted: rows(ROWS[:60], counted, more)) == list(ROWS[:60])  # type: ignore[misc]
        walk.check()


def test_a_first_page_that_is_empty_and_promises_another_is_no_empty_list() -> None:
    for walk in (PlainWalk(20), ConsistentWalk(20)):
        with pytest.raises(IncompleteListing, match="the first page is empty, although the server says that another"):
            read(walk, lambda _: rows([], None, more=True))


@pytest.mark.parametrize("left", [0, 1, 99, 100, 150, 200, 500, 550])
def test_without_a_count_too_a_list_that_becomes_shorter_is_no_contradiction(left: int) -> None:
    there = list(ROWS)

    def reply(window: Window) -> Answer:
        if window.number == 6:
            del there[left:]
        found = page(window, there)
        return rows(found, None, window.end < len(there)) if found or window.number == 1 else NOT_FOUND

    walk = PlainWalk(100)
    assert read(walk, reply)[:500] == list(ROWS[:500])
    walk.check()


def test_a_promise_that_is_kept_when_it_is_asked_for_again_is_kept() -> None:
    asked = count()

    def reply(window: Window) -> Answer:
        return rows([] if window.number == 6 and next(asked) == 0 else page(window), None, window.end < 1_000)

    walk = PlainWalk(100)
    assert read(walk, reply) == list(ROWS)
    walk.check()


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("hides", [False, True])
@pytest.mark.parametrize("at_front", [False, True])
def test_a_row_that_is_counted_and_never_given_is_a_doubt_though_the_count_changes(
    shuffled: bool, hides: bool, at_front: bool
) -> None:
    there = Random(1).sample(ROWS, 1_000) if shuffled else list(ROWS)
    hidden, asked = there[333], count()

    def reply(window: Window) -> Answer:
        if next(asked) == 3:
            there.insert(0, 2_000)
            if not at_front:
                del there[900:902]
        shown = [pk for pk in there if pk != hidden] if hides else there
        return rows(page(window, shown), len(there), window.end < len(shown))

    walk = ConsistentWalk(100)
    handed_out = read(walk, reply)
    assert len(handed_out) == len(set(handed_out))
    assert bool(walk.doubts) is hides
    assert hides or set(there) - {2_000} <= set(handed_out)


@pytest.mark.parametrize("left", [0, 1, 99, 100, 150, 200, 550])
def test_a_list_that_becomes_shorter_is_no_contradiction(left: int) -> None:
    there = list(ROWS)

    def reply(window: Window) -> Answer:
        if window.number == 6:
            del there[left:]
        found = page(window, there)
        return rows(found, len(there), window.end < len(there)) if found or window.number == 1 else NOT_FOUND

    walk = PlainWalk(100)
    assert read(walk, reply)[:500] == list(ROWS[:500])
    walk.check()


@pytest.mark.parametrize("clamp", [7, 10, 50, 100])
@pytest.mark.parametrize("kind", [PlainWalk, ConsistentWalk])
def test_a_clamp_and_next_always_null(kind: type[PlainWalk | ConsistentWalk], clamp: int) -> None:
    def reply(window: Window) -> Answer:
        size = min(window.limit, clamp)
        return rows(page(window, size=size), 1_000, more=False) if (window.number - 1) * size < 1_000 else NOT_FOUND

    walk = kind(200)
    assert read(walk, reply, most=500) == list(ROWS)
    walk.check()
