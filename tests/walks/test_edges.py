"""Where a walk decides otherwise: the last answer before that, and the first one after."""

from collections.abc import Sequence

import pytest
from tests.walks.simulation import image, pks_of

from channel_images.exceptions import IncompleteListing
from channel_images.walks.consistent import ConsistentWalk
from channel_images.walks.passes import Comparison
from channel_images.walks.plain import PlainWalk
from channel_images.walks.rows import NOTHING, Rows
from channel_images.walks.seen import SeenImages
from channel_images.walks.walk import FAR, MAX_IDLE_WINDOWS
from channel_images.window import Window


def rows(pks: Sequence[int]) -> Rows:
    return Rows([image(pk) for pk in pks])


@pytest.mark.parametrize(("first", "foreseen"), [(1, [1]), (2, [2, 3, 4])])
def test_only_a_list_that_is_begun_at_its_front_is_begun_with_one_page(first: int, foreseen: list[int]) -> None:
    assert PlainWalk(10, first=first).upcoming(3) == [Window(number, 10) for number in foreseen]


def test_the_eighth_page_in_a_row_that_holds_nothing_new_ends_the_list() -> None:
    walk = PlainWalk(10)
    walk.feed(Window(1, 10), rows(range(10)))
    walk.feed(Window(2, 10), rows(range(10, 20)))
    numbers = []
    while not walk.done:
        window = walk.upcoming(1)[0]
        numbers.append(window.number)
        walk.feed(window, NOTHING if window.number == FAR else rows(range(10, 20)))
    assert numbers == [3, FAR, 4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(("new", "is_suspicious"), [(3, True), (4, True), (5, False), (6, False)])
def test_a_page_is_suspicious_if_less_than_half_of_it_is_new(new: int, is_suspicious: bool) -> None:
    walk = PlainWalk(10)
    walk.feed(Window(1, 10), rows(range(10)))
    walk.feed(Window(2, 10), rows(range(new, 10 + new)))
    assert (walk.upcoming(1)[0].number != 3) is is_suspicious


@pytest.mark.parametrize(
    ("first", "number", "of_the_first", "is_end"),
    [(1, 5, 6, False), (1, 6, 3, False), (1, 6, 4, True), (1, 6, 6, True), (3, 7, 6, False), (3, 8, 4, True)],
)
def test_a_page_far_from_the_front_that_holds_mostly_its_rows_is_the_end(
    first: int, number: int, of_the_first: int, is_end: bool
) -> None:
    walk = PlainWalk(6, first=first)
    for before in range(first, number):
        walk.feed(Window(before, 6), rows(range(6 * before, 6 * before + 6)))
    front, others = range(6 * first, 6 * first + of_the_first), range(100, 106 - of_the_first)
    assert pks_of(walk.feed(Window(number, 6), rows([*front, *others]))) == list(others)
    assert walk.done is is_end
    assert not walk.doubts


def test_an_empty_page_that_breaks_a_promise_is_asked_for_again_after_the_page_before_it() -> None:
    walk = PlainWalk(10)
    page, nothing = Rows(rows(range(10)).images, count=30), Rows((), count=30)
    asked = []
    for answer in (page, nothing, page, nothing):
        asked.append(walk.upcoming(1)[0])
        walk.feed(asked[-1], answer)
    assert asked == [Window(1, 10), Window(2, 10), Window(1, 10), Window(2, 10)]
    assert walk.done
    assert walk.doubts == [Window(2, 10)]


def test_a_part_ends_with_its_last_row() -> None:
    walk = PlainWalk(10, last=2)
    walk.feed(Window(1, 10), rows(range(10)))
    assert pks_of(walk.feed(Window(2, 10), rows(range(10, 30)))) == list(range(10, 20))
    assert walk.done


@pytest.mark.parametrize(("given", "is_end"), [(60, False), (61, True)])
def test_a_list_that_grows_beyond_four_times_its_count_and_twenty_pages_is_given_up(given: int, is_end: bool) -> None:
    walk = PlainWalk(1)
    for number in range(1, given + 1):
        walk.feed(Window(number, 1), Rows([image(number)], count=9 + number, more=True))
    assert walk.done is is_end


@pytest.mark.parametrize(("front", "is_doubt"), [(10, True), (0, False)])
def test_a_part_of_one_page_is_compared_with_the_first_row_of_the_list(front: int, is_doubt: bool) -> None:
    walk = PlainWalk(10, first=2, last=2)
    walk.feed(Window(2, 10), rows(range(10, 20)))
    assert walk.upcoming(3) == (Window(1, 1),)
    walk.feed(Window(1, 1), rows([front]))
    assert walk.done
    assert walk.doubts == [Window(2, 10)] * is_doubt


def test_a_page_whose_halves_are_the_same_tells_nothing_of_a_server_that_ignores_page() -> None:
    """As of a query that joins without `DISTINCT`. Past its end this server gives the last page again."""
    walk, pks = PlainWalk(4), [1, 2, 1, 2]
    asked = []
    while not walk.done:
        asked.append(window := walk.upcoming(1)[0])
        start = (min(window.number, len(pks) // window.limit) - 1) * window.limit
        walk.feed(window, rows(pks[start : start + window.limit]))
    assert asked == [Window(1, 4), Window(2, 4), Window(2, 2), Window(FAR, 4)]
    walk.check()


def test_a_short_page_may_have_others_behind_it() -> None:
    walk = ConsistentWalk(20)
    walk.feed(Window(1, 20), rows(range(20)))
    window = walk.upcoming(1)[0]
    assert window == Window(2, 19)
    walk.feed(window, rows([*range(19, 30), *range(31, 38)]))
    assert list(walk.upcoming(1)) == [Window(3, 19)]


@pytest.mark.parametrize(("shared", "is_proven"), [([18, 19], True), ([19, 18], False)])
def test_whole_passes_are_compared_if_two_rows_have_changed_places(shared: list[int], is_proven: bool) -> None:
    walk = ConsistentWalk(20)
    walk.feed(Window(1, 20), rows(range(20)))
    walk.feed(walk.upcoming(1)[0], rows([*shared, *range(20, 36)]))
    walk.feed(walk.upcoming(1)[0], NOTHING)
    assert walk.done is is_proven
    assert is_proven or list(walk.upcoming(1)) == [Window(1, 20)]


@pytest.mark.parametrize("changing", [1, 2])
def test_six_passes_that_all_differ_are_given_up(changing: int) -> None:
    walk, asked = ConsistentWalk(1), []
    while not walk.done:
        asked.append(window := walk.upcoming(1)[0])
        pk = len(asked) if window.number == changing else 1_000
        walk.feed(window, Rows([image(pk)], more=window.number == 1))
    assert [window.number for window in asked] == [1] + [1, 2] * 6
    with pytest.raises(IncompleteListing) as raised:
        walk.check()
    assert (raised.value.windows, raised.value.passes) == ((Window(changing, 1),), 7)


@pytest.mark.parametrize("sign", [1, -1], ids=["rising", "falling"])
def test_what_lies_between_the_last_one_forgotten_and_the_first_one_kept_is_new(sign: int) -> None:
    seen = SeenImages(keep=2)
    seen.extend([sign * pk for pk in (10, 20, 30, 40, 50)])
    asked = rows([sign * pk for pk in (20, 30, 31, 39, 40, 60)])
    assert [sign * pk for pk in pks_of(seen.certainly_new(asked.images))] == [31, 39, 60]


@pytest.mark.parametrize(
    ("pks", "keeps_all"), [([1, 2], False), ([2, 1], False), ([1, 3, 2, 4], True), ([4, 2, 3, 1], True), ([1, 1], True)]
)
def test_all_are_kept_if_they_neither_rise_nor_fall(pks: list[int], keeps_all: bool) -> None:
    seen = SeenImages(keep=2)
    seen.extend(pks)
    assert seen.keeps_all is keeps_all


@pytest.mark.parametrize(("new", "repeats"), [(4, True), (5, False)])
def test_a_page_of_a_pass_repeats_others_if_less_than_half_of_it_is_new(new: int, repeats: bool) -> None:
    comparison = Comparison(10)
    comparison.take(range(10), is_last=False)
    comparison.take(range(new, 10 + new), is_last=False)
    assert comparison.repeats is repeats


def test_the_only_page_of_a_pass_is_the_first_of_one_or_two() -> None:
    comparison = Comparison(2)
    for page, only in (([1, 2], [1, 2]), ([3, 4], [1, 2]), ([5, 6], ())):
        comparison.take(page, is_last=False)
        assert comparison.only_page == only


def test_a_pass_ends_with_the_first_idle_page_that_is_too_many() -> None:
    comparison = Comparison(1)
    taken = 0
    while not comparison.ended:
        comparison.take([1], is_last=False)
        taken += 1
    assert taken == 1 + MAX_IDLE_WINDOWS + 1


@pytest.mark.parametrize(
    ("first", "second", "differing"),
    [
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]], []),
        ([[1, 2], [3, 4]], [[1, 2], [4, 3]], [Window(2, 2)]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4], [5]], [Window(3, 2)]),
        ([[1, 1], [3, 4]], [[1, 1], [3, 4]], None),
    ],
)
def test_two_passes_differ_in_the_pages_that_hold_something_else(
    first: list[list[int]], second: list[list[int]], differing: list[Window] | None
) -> None:
    comparison = Comparison(2)
    for pages in (first, second):
        for page in pages:
            comparison.take(page, is_last=page is pages[-1])
        told = comparison.compare()
    assert told == differing
