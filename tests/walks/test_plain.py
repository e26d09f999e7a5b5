"""Walking the pages of a list that stays as it is, on every kind of server, and what such a walk can lose."""

from itertools import count
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from tests.walks.simulation import Server, error, give, image, pks_of, rows_in_order, walked

from channel_images.exceptions import (
    BadRequest,
    ChannelImagesError,
    IncompleteListing,
    NotFound,
    ServerError,
    Timeout,
)
from channel_images.walks.consistent import ConsistentWalk
from channel_images.walks.plain import PlainWalk
from channel_images.walks.rows import Rows
from channel_images.walks.walk import FAR, Walk
from channel_images.window import Window
from channel_images_api.models import ProductImage

KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"clamp": 20},
    {"clamp": 7},
    {"clamp": 1},
    {"largest": 10},
    {"slow": 20},
    {"fixed": 1},
    {"fixed": 12},
    {"fixed": 40},
    {"paged": False},
)


@pytest.mark.parametrize("past", ["404", "empty", "last"])
@pytest.mark.parametrize("envelope", [True, False], ids=["envelope", "array"])
@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(max_examples=25, deadline=None)
@given(rows=st.integers(0, 130), limit=st.integers(1, 130), ahead=st.integers(1, 4))
def test_each_image_once_in_the_order_of_the_list(
    kind: dict[str, Any], envelope: bool, past: str, rows: int, limit: int, ahead: int
) -> None:
    server = Server(rows_in_order("any", rows), envelope=envelope, past=past, **kind)
    size = min(limit, *(kind.get(name) or limit for name in ("clamp", "fixed", "largest", "slow")))
    refusals = 8 if "largest" in kind or "slow" in kind else 0
    most = rows // size + 4 + ahead + refusals
    assert walked(PlainWalk(limit), server, most=most, ahead=ahead) == server.pks


@given(
    rows=st.integers(0, 400),
    limit=st.integers(20, 200),
    ahead=st.integers(1, 4),
    when=st.integers(1, 10),
    slow=st.sampled_from([10, 20, 25, 100]),
    envelope=st.booleans(),
    past=st.sampled_from(["404", "empty", "last"]),
)
@example(rows=22, limit=22, ahead=1, when=4, slow=10, envelope=False, past="last")
@settings(max_examples=200, deadline=None)
def test_a_server_that_becomes_slow_is_asked_for_less_from_where_it_was(
    rows: int, limit: int, ahead: int, when: int, slow: int, envelope: bool, past: str
) -> None:
    server = Server(rows_in_order("any", rows), envelope=envelope, past=past)
    requests = count()

    def slower() -> None:
        if next(requests) >= when:
            server.slow = slow

    assert walked(PlainWalk(limit), server, most=rows // 10 + 40, ahead=ahead, between=slower) == server.pks


@pytest.mark.parametrize(
    "refusal",
    [
        error(400, {"limit": ["Too much."]}),
        error(400, {"detail": "Too much."}),
        error(504, "<html>"),
        Timeout("took too long"),
    ],
    ids=["limit", "detail", "504", "timeout"],
)
def test_limits_that_are_asked_for_in_turn(refusal: ChannelImagesError) -> None:
    walk = PlainWalk(1_000)
    asked: list[int] = []
    while not asked or asked[-1] > 10:
        (window,) = walk.upcoming(4)
        asked.append(window.limit)
        if window.limit > 10:
            walk.failed(window, refusal)
    assert asked == [1_000, 500, 250, 200, 100, 50, 25, 20, 10]
    with pytest.raises(type(refusal)):
        walk.failed(window, refusal)


@pytest.mark.parametrize(
    ("number", "failure"),
    [
        (1, error(404, {"detail": "Not found."})),
        (2, error(404, "an HTML page")),
        (1, error(400, {"product": ["No."]})),
        (2, error(500, {})),
        (1, error(401, {"detail": "Invalid token."})),
    ],
)
def test_errors_that_say_something_else_are_raised(number: int, failure: ChannelImagesError) -> None:
    with pytest.raises(type(failure)) as raised:
        PlainWalk(100).failed(Window(number, 100), failure)
    assert raised.value is failure


@pytest.mark.parametrize("failure", [error(404, "<html>"), error(400, {"page": ["No."]}), error(500, "")])
def test_no_page_far_beyond_the_list_is_as_it_should_be(failure: ChannelImagesError) -> None:
    assert isinstance(failure, NotFound | BadRequest | ServerError)
    walk = _suspicious()
    assert walk.failed(Window(FAR, 5), failure) == ()
    assert not is_done(walk)
    assert walk.upcoming(1)[0].number == 4


def is_done(walk: Walk) -> bool:
    """Asked anew each time, which a type checker cannot know of an attribute."""
    return walk.done


def _suspicious(limit: int = 5) -> Walk:
    """A walk that was given its second page once more."""
    walk = PlainWalk(limit)
    for number, first in ((1, 0), (2, limit), (3, limit)):
        walk.feed(Window(number, limit), Rows([image(pk) for pk in range(first, first + limit)]))
    assert walk.upcoming(3) == (Window(FAR, limit),)
    return walk


def test_a_page_far_beyond_the_list_that_takes_too_long_is_asked_for_again_with_less() -> None:
    walk = _suspicious(limit=50)
    walk.failed(Window(FAR, 50), Timeout("took too long"))
    assert walk.upcoming(1) == (Window(FAR, 25),)


def test_the_last_page_far_beyond_the_list_ends_the_list_only_if_it_is_the_page_that_was_read() -> None:
    for first, ends in ((50, False), (5, True)):
        walk = _suspicious()
        walk.feed(Window(FAR, 5), Rows([image(pk) for pk in range(first, first + 5)]))
        assert walk.done is ends
        walk.check()


@pytest.mark.parametrize(
    ("half", "far", "is_doubt"),
    [
        (range(2, 4), range(5), False),  # the second half: a list of one page, which is given again past the end
        (range(2), None, True),  # the first half: `limit` is read, and `page` is not
        (range(5), range(5), False),  # all of it: neither is read
    ],
)
def test_a_second_page_that_is_the_first_one(half: range, far: range | None, is_doubt: bool) -> None:
    walk = PlainWalk(5)
    for number in (1, 2):
        walk.feed(Window(number, 5), Rows([image(pk) for pk in range(5)]))
    assert walk.upcoming(3) == (Window(2, 2),)
    walk.feed(Window(2, 2), Rows([image(pk) for pk in half]))
    if far is not None:
        assert walk.upcoming(3) == (Window(FAR, 5),)
        walk.feed(Window(FAR, 5), Rows([image(pk) for pk in far]))
    assert is_done(walk)
    assert bool(walk.doubts) is is_doubt


def test_an_array_that_ignores_page_ends_although_it_grows() -> None:
    server = Server(rows_in_order("any", 50), envelope=False, paged=False)
    handed_out = walked(PlainWalk(10), server, most=4, between=lambda: server.add(0))
    assert server.throughout <= set(handed_out)


def test_the_last_page_given_for_ever_ends_although_the_list_changed() -> None:
    server = Server(rows_in_order("any", 50), envelope=False, past="last")
    added = iter([0, 0, 10])
    assert len(walked(PlainWalk(10), server, most=12, between=lambda: server.add(0, next(added, 0)))) == 50


def test_a_short_page_in_the_middle_ends_nothing() -> None:
    walk = PlainWalk(3)
    assert pks_of(walk.feed(Window(1, 3), Rows([image(1), image(2), image(3)]))) == [1, 2, 3]
    assert pks_of(walk.feed(Window(2, 3), Rows([image(4)]))) == [4]
    assert not is_done(walk)


def test_next_is_believed_only_if_the_count_agrees() -> None:
    walk = PlainWalk(2)
    walk.feed(Window(1, 2), Rows([image(1), image(2)], count=3, more=False))
    assert not is_done(walk)
    walk.feed(Window(2, 2), Rows([image(3)], count=3, more=False))
    assert is_done(walk)
    assert walk.upcoming(1) == ()


def test_no_more_pages_are_foreseen_than_the_list_has() -> None:
    walk = PlainWalk(10)
    assert len(walk.upcoming(8)) == 1, "the first answer tells the size of the pages"
    walk.feed(Window(1, 10), Rows([image(pk) for pk in range(10)], count=35, more=True))
    assert walk.upcoming(8) == [Window(2, 10), Window(3, 10), Window(4, 10)]
    assert walk.count == 35


@given(rows=st.integers(0, 200), limit=st.integers(20, 60), parts=st.integers(1, 4), when=st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_parts_of_a_list_are_together_the_list(rows: int, limit: int, parts: int, when: int) -> None:
    handed_out = []
    for part in range(parts):
        server = Server(rows_in_order("any", rows), envelope=True)
        requests = count()

        def slower(server: Server = server, requests: "count[int]" = requests) -> None:
            if next(requests) == when:
                server.slow = 20

        last = part + 1 if part + 1 < parts else None
        handed_out += walked(PlainWalk(limit, first=part + 1, last=last), server, most=40, between=slower)
    assert handed_out == rows_in_order("any", rows)


def test_rows_without_a_pk_are_handed_out() -> None:
    walk = PlainWalk(2)
    assert len(walk.feed(Window(1, 2), Rows([ProductImage(), ProductImage()], more=False))) == 2
    assert is_done(walk)


@pytest.mark.parametrize("paged", [False, True])
def test_rows_without_a_pk_end_too(paged: bool) -> None:
    walk = PlainWalk(3)
    handed_out = 0
    for _ in range(8):
        if walk.done:
            break
        (window,) = walk.upcoming(1)
        rows = [ProductImage()] * 10
        handed_out += len(walk.feed(window, Rows(rows[window.start : window.end] if paged else rows)))
    assert is_done(walk)
    assert handed_out == 10 if paged else handed_out >= 10


def test_what_it_remembers_is_bounded() -> None:
    walk = PlainWalk(100)
    server = Server(rows_in_order("rising", 20_000))
    while not walk.done:
        window = walk.upcoming(1)[0]
        give(walk, window, server.answer(window))
        assert len(walk._seen._recent) <= 800


def test_rows_that_leave_make_it_lose_others() -> None:
    """So that the tests of the consistent walk mean something."""
    server = Server(rows_in_order("rising", 100))
    handed_out = walked(PlainWalk(10), server, most=20, between=lambda: server.remove(0, 2))
    assert server.throughout - set(handed_out)


def test_a_window_says_where_it_is() -> None:
    assert str(Window(3, 20)) == "page 3 of 20 rows"
    assert (Window(3, 20).start, Window(3, 20).end) == (40, 60)


@pytest.mark.parametrize("walk", [PlainWalk(10), ConsistentWalk(10)])
def test_a_first_page_without_the_rows_that_are_counted_is_no_empty_list(walk: Walk) -> None:
    nothing = Rows((), count=730, more=False)
    assert not walk.feed(Window(1, 10), nothing)
    assert walk.upcoming(4) == (Window(1, 10),) or walk.upcoming(4) == [Window(1, 10)]
    with pytest.raises(IncompleteListing, match="the first page is empty, although the server counts 730 images"):
        walk.feed(Window(1, 10), nothing)


@pytest.mark.parametrize("walk", [PlainWalk(4), ConsistentWalk(4)])
def test_a_row_that_a_page_holds_twice_is_handed_out_once(walk: Walk) -> None:
    page = Rows([image(1), image(2), image(2), image(3)], more=False)
    assert pks_of(walk.feed(Window(1, 4), page)) == [1, 2, 3]
