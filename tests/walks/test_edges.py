"""Where a walk decides otherwise: the last answer before that, and the first one after."""

from collections.abc import Sequence

import pytest
from tests.walks.simulation import image, pks_of

from channel_images.walks.plain import PlainWalk
from channel_images.walks.rows import NOTHING, Rows
from channel_images.walks.walk import FAR
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
    ("number", "of_the_first", "is_end"), [(5, 4, False), (6, 2, False), (6, 3, True), (6, 4, True)]
)
def test_a_page_far_from_the_front_that_holds_mostly_its_rows_is_the_end(
    number: int, of_the_first: int, is_end: bool
) -> None:
    walk = PlainWalk(4)
    for before in range(1, number):
        walk.feed(Window(before, 4), rows(range(4 * before, 4 * before + 4)))
    others = range(100, 104 - of_the_first)
    assert pks_of(walk.feed(Window(number, 4), rows([*range(4, 4 + of_the_first), *others]))) == list(others)
    assert walk.done is is_end


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
