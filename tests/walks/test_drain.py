"""Working a pending list off: what is handed out, how often, and when it ends."""

import datetime
import re
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given, settings, strategies as st
from tests.walks.simulation import Server, error, give, pks_of

from channel_images.exceptions import ChannelImagesError, ConfigurationError, DrainStalled, IncompleteListing
from channel_images.walks.drain import Drain
from channel_images.walks.rows import Rows
from channel_images.window import Window
from channel_images_api.models import ProductImage

FIRST = datetime.datetime(2022, 11, 25, tzinfo=datetime.UTC)


@define
class Queue:
    """A pending list. The pks are those of `server`, which says what kind it is; dates are in days since `FIRST`."""

    server: Server
    dates: dict[int, int] = field(factory=dict)
    ahead: int = 1
    handed_out: list[tuple[int, int]] = field(factory=list)
    pauses: list[float] = field(factory=list)
    answers: dict[Window, Rows | ChannelImagesError] = field(factory=dict)

    def answer(self, window: Window) -> Rows | ChannelImagesError:
        answer = self.server.answer(window)
        if not isinstance(answer, Rows):
            return answer
        images = [
            ProductImage(pk=pk, modified_date=FIRST + datetime.timedelta(days=self.dates.get(pk, 0)))
            for pk in pks_of(answer.images)
        ]
        return Rows(images, answer.count, answer.more)

    def step(self, drain: Drain) -> list[int]:
        """One answer; returns the batch that is handed out then. Windows that are foreseen are asked for before."""
        windows = drain.upcoming(self.ahead)
        self.answers = {window: self.answers.get(window) or self.answer(window) for window in windows}
        batch = give(drain, windows[0], self.answers.pop(windows[0]))
        self.pauses += [drain.pause] if drain.pause else []
        for pk, image in zip(pks_of(batch), batch, strict=True):
            assert isinstance(image.modified_date, datetime.datetime)
            self.handed_out.append((pk, (image.modified_date - FIRST).days))
        return pks_of(batch)

    def next_batch(self, drain: Drain, most: int = 500) -> list[int]:
        """The next batch that is handed out; empty at the end."""
        for _ in range(most):
            if drain.done:
                return []
            if pks := self.step(drain):
                return pks
        raise AssertionError(f"{most} requests without a batch")

    def idle_pass(self, drain: Drain) -> float:
        """A pass that hands out nothing; returns the pause after it."""
        for _ in range(50):
            assert not self.step(drain)
            if drain.pause:
                return drain.pause
        raise AssertionError("no end of the pass")

    def report(self, pk: int) -> None:
        """The image leaves the list."""
        if pk in self.server.pks:
            self.server.remove(self.server.pks.index(pk))


def queue_of(rows: int, **kind: Any) -> Queue:
    return Queue(Server(list(range(1, rows + 1)), envelope=False, **kind))


def draining(limit: int = 10, max_passes: int = 3, wait: float = 1.0) -> Drain:
    return Drain(limit, max_passes, wait)


@pytest.mark.parametrize("kind", [{}, {"clamp": 3}, {"largest": 10}, {"fixed": 4}, {"slow": 10}], ids=str)
@pytest.mark.parametrize("envelope", [True, False])
@pytest.mark.parametrize("past", ["404", "empty", "last"])
@pytest.mark.parametrize("rows", [0, 1, 2, 10, 35])
def test_a_list_that_shrinks_at_once_is_worked_off_from_its_front(
    kind: dict[str, Any], envelope: bool, past: str, rows: int
) -> None:
    queue, drain = queue_of(rows, **kind), draining(limit=15)
    queue.server.envelope, queue.server.past = envelope, past
    while batch := queue.next_batch(drain):
        for pk in batch:
            queue.report(pk)
    assert [pk for pk, _ in queue.handed_out] == list(range(1, rows + 1))
    assert drain.done
    assert not queue.pauses
    refused = "largest" in kind or "slow" in kind
    size = min(15, *(kind.get(name, 15) for name in ("clamp", "fixed", "largest", "slow")))
    assert len(queue.server.requests) <= -(-rows // size) + 1 + refused


@given(
    rows=st.integers(0, 60),
    limit=st.integers(1, 25),
    kind=st.sampled_from([{}, {"clamp": 3}, {"fixed": 4}, {"largest": 10}, {"paged": False}]),
    envelope=st.booleans(),
    past=st.sampled_from(["404", "empty", "last"]),
    late=st.integers(0, 40),
    ahead=st.integers(1, 4),
    chance=st.integers(0, 2**32).map(Random),
)
@settings(max_examples=300, deadline=None)
def test_late_reports_modifications_and_new_images(
    rows: int, limit: int, kind: dict[str, Any], envelope: bool, past: str, late: int, ahead: int, chance: Random
) -> None:
    queue = Queue(Server(list(range(1, rows + 1)), envelope=envelope, past=past, **kind), ahead=ahead)
    drain = draining(limit, max_passes=60)
    reports: list[tuple[int, int, int]] = []  # the request after which it is known, the image, its version
    for _ in range(5_000):
        if drain.done:
            break
        asked = len(queue.server.requests)
        for due, pk, version in [each for each in reports if each[0] <= asked]:
            reports.remove((due, pk, version))
            if queue.dates.get(pk, 0) == version:
                queue.report(pk)
        if asked < 80 and chance.random() < 0.2:
            if queue.server.pks and chance.random() < 0.5:
                pk = chance.choice(queue.server.pks)
                queue.dates[pk] = queue.dates.get(pk, 0) + 1
            else:
                queue.server.add(chance.choice([0, len(queue.server.pks)]))
        batch = queue.step(drain)
        reports += [(asked + chance.randint(0, late), *each) for each in queue.handed_out[-len(batch) :] if batch]
    assert drain.done
    assert not queue.server.pks
    again = [each for each, times in Counter(queue.handed_out).items() if times > 1]
    assert not again, "handed out twice in one version"
    assert {pk for pk, _ in queue.handed_out} == queue.server.used


def test_a_pass_through_what_was_handed_out_reads_ahead_and_the_front_does_not() -> None:
    queue, drain = queue_of(100), draining(limit=20)
    assert drain.upcoming(8) == (Window(1, 20),)
    queue.next_batch(drain)
    assert drain.upcoming(8) == (Window(1, 20),), "what is reported makes the rest move up to the front"
    queue.step(drain)
    assert len(drain.upcoming(3)) == 3
    while not drain.done:
        for pk in queue.next_batch(drain):
            queue.report(pk)
        for pk in list(queue.server.pks[:20]):
            queue.report(pk)
    assert drain.upcoming(3) == ()


def test_late_reports_are_waited_for_longer_and_longer() -> None:
    queue, drain = queue_of(3), draining(max_passes=8, wait=2.0)
    assert drain.pause == 0
    assert queue.next_batch(drain) == [1, 2, 3]
    assert [queue.idle_pass(drain) for _ in range(7)] == [2, 4, 8, 16, 30, 30, 30]
    queue.report(2)
    queue.server.add(2)
    assert queue.next_batch(drain) == [queue.server.newest]
    assert queue.server.pks == [1, 3, queue.server.newest]
    for pk in list(queue.server.pks):
        queue.report(pk)
    assert queue.next_batch(drain) == []


def test_a_report_less_resets_the_wait() -> None:
    queue, drain = queue_of(3), draining(max_passes=2)
    queue.next_batch(drain)
    assert [queue.idle_pass(drain) for _ in range(2)] == [1, 2]
    queue.report(1)
    assert [queue.idle_pass(drain) for _ in range(3)] == [1, 1, 2], "something has left: that is progress"
    with pytest.raises(DrainStalled):
        queue.next_batch(drain)


@pytest.mark.parametrize(
    ("rows", "named"), [(1, "1"), (5, "1, 2, 3, 4, 5"), (6, "1, 2, 3, 4, 5, ..."), (9, "1, 2, 3, 4, 5, ...")]
)
def test_five_of_those_that_stay_are_named(rows: int, named: str) -> None:
    queue, drain = queue_of(rows), draining(max_passes=0)
    queue.next_batch(drain)
    with pytest.raises(DrainStalled, match=re.escape(f" stay pending (pk {named});")):
        queue.next_batch(drain)


@pytest.mark.parametrize("max_passes", [0, 3, 2_000])
def test_a_caller_who_reports_nothing_is_told_so(max_passes: int) -> None:
    queue, drain = queue_of(7), draining(limit=5, max_passes=max_passes)
    batches = [queue.next_batch(drain), queue.next_batch(drain)]
    assert sorted(pk for batch in batches for pk in batch) == [1, 2, 3, 4, 5, 6, 7]
    with pytest.raises(
        DrainStalled, match=r"^7 images were handed out and stay pending \(pk 1, 2, 3, 4, 5, \.\.\.\)"
    ) as raised:
        queue.next_batch(drain, most=20_000)
    assert raised.value.pks == (1, 2, 3, 4, 5, 6, 7)
    assert raised.value.passes == max_passes + 1
    assert len(queue.pauses) == max_passes
    assert max(queue.pauses, default=0) <= 30


@pytest.mark.parametrize("skip", [(), range(5)])
def test_a_list_that_cannot_be_read_to_its_end_is_told(skip: Sequence[int]) -> None:
    """The server ignores `page`, so that nobody knows what comes behind the images that stay pending."""
    drain = Drain(5, 3, 1.0, skip)
    page = Rows([ProductImage(pk=pk) for pk in range(5)], more=True)
    assert len(drain.feed(drain.upcoming()[0], page)) == 5 - len(skip)
    pauses = []

    def drain_on() -> None:
        for _ in range(100):
            (window,) = drain.upcoming()
            assert not drain.feed(window, Rows(page.images[: window.limit], more=True))
            pauses.extend([drain.pause] if drain.pause else [])

    with pytest.raises(IncompleteListing, match="the server gives the same rows for any page"):
        drain_on()
    assert pauses == [1, 2, 4]


def test_only_the_image_whose_report_was_lost_is_named() -> None:
    queue, drain = queue_of(25), draining()
    for _ in range(3):
        for pk in queue.next_batch(drain):
            if pk != 13:
                queue.report(pk)
    with pytest.raises(DrainStalled, match=r"\(pk 13\)") as raised:
        queue.next_batch(drain)
    assert raised.value.pks == (13,)
    assert sorted(pk for pk, _ in queue.handed_out) == list(range(1, 26))


def test_an_image_modified_meanwhile_is_handed_out_again_and_one_dated_back_is_not() -> None:
    queue, drain = queue_of(3), draining()
    queue.next_batch(drain)
    queue.dates |= {2: 5, 3: -5}
    assert queue.next_batch(drain) == [2]
    with pytest.raises(DrainStalled):
        queue.next_batch(drain)


def test_an_image_that_a_full_pass_has_shown_gone_is_handed_out_again() -> None:
    queue, drain = queue_of(3), draining()
    queue.next_batch(drain)
    queue.report(1)
    queue.idle_pass(drain)
    queue.server.pks.insert(0, 1)
    assert queue.next_batch(drain) == [1]


def test_a_full_pass_that_hands_out_others_shows_too_what_has_gone() -> None:
    queue, drain = queue_of(30), draining(limit=10)
    assert queue.next_batch(drain) == list(range(1, 11))
    queue.report(1)
    while 30 not in queue.next_batch(drain):
        pass
    while drain.upcoming()[0].number != 1:
        queue.step(drain)
    assert not queue.pauses
    queue.server.pks.insert(0, 1)
    assert queue.next_batch(drain) == [1]


def test_an_image_that_no_pass_has_shown_gone_is_not() -> None:
    queue, drain = queue_of(3), draining()
    queue.next_batch(drain)
    with pytest.raises(DrainStalled):
        queue.next_batch(drain)
    assert len(queue.handed_out) == 3


def test_a_limit_that_was_refused_is_not_asked_for_again() -> None:
    queue, drain = queue_of(30, largest=10), draining(limit=100)
    while batch := queue.next_batch(drain):
        for pk in batch:
            queue.report(pk)
    assert [window.limit for window in queue.server.requests] == [100, 50, 25, 20, 10, 10, 10, 10]


def test_another_error_leaves_the_limit() -> None:
    drain = draining()
    with pytest.raises(ChannelImagesError):
        drain.failed(drain.upcoming()[0], error(500, {}))
    assert drain.upcoming() == (Window(1, 10),)


def test_the_404_past_the_end_of_a_short_list_leaves_the_limit() -> None:
    queue, drain = queue_of(6), draining()
    queue.next_batch(drain)
    queue.idle_pass(drain)
    assert drain.upcoming() == (Window(1, 10),), "others may have come meanwhile"


def test_images_without_a_pk_are_told() -> None:
    drain = draining()
    with pytest.raises(IncompleteListing, match="without a pk"):
        drain.feed(Window(1, 10), Rows([ProductImage(), ProductImage(pk=4)], 2, more=False))


@pytest.mark.parametrize(
    ("max_passes", "wait"), [(-1, 1.0), (True, 1.0), ("3", 1.0), (3, -1.0), (3, float("nan")), (3, "1")]
)
def test_numbers_that_make_no_sense_are_refused(max_passes: Any, wait: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"max_passes|wait"):
        draining(max_passes=max_passes, wait=wait)


def dated(day: int | None, pk: int = 4) -> ProductImage:
    """An image that was modified on a day since `FIRST`, or that has no date."""
    return ProductImage(pk=pk) if day is None else ProductImage(pk=pk, modified_date=FIRST + datetime.timedelta(day))


@pytest.mark.parametrize(
    ("before", "now", "is_due"),
    [(None, None, False), (None, 1, False), (1, None, False), (1, 0, False), (1, 1, False), (1, 2, True)],
)
def test_an_image_that_was_handed_out_or_is_skipped_is_due_once_its_date_rises(
    before: int | None, now: int | None, is_due: bool
) -> None:
    drain = draining()
    assert pks_of(drain.feed(Window(1, 10), Rows([dated(before)], 1, more=False))) == [4]
    for each in (drain, Drain(10, 3, 1.0, skip=[dated(before)])):
        assert pks_of(each.feed(Window(1, 10), Rows([dated(now), dated(now, 5)], 2, more=False))) == [4] * is_due + [5]


@pytest.mark.parametrize("day", [None, 1])
def test_an_image_that_is_skipped_by_its_pk_is_never_due(day: int | None) -> None:
    drain = Drain(10, 3, 1.0, skip=[4])
    assert not drain.feed(Window(1, 10), Rows([dated(day)], 1, more=False))
    assert drain.done


@pytest.mark.parametrize("skip", [None, "4", True, 4.0, ProductImage()])
def test_what_is_neither_an_image_nor_a_pk_cannot_be_skipped(skip: Any) -> None:
    with pytest.raises(TypeError, match="skip takes images, or the pk of each, not"):
        Drain(10, 3, 1.0, skip=[skip])


def test_without_a_wait_it_is_done_though_images_are_pending_and_goes_on_with_what_is_given_back() -> None:
    queue, drain = queue_of(3), Drain(10, 3, None)
    assert queue.next_batch(drain) == [1, 2, 3]
    assert queue.next_batch(drain) == []
    drain.give_back([dated(0, 2)])
    assert queue.next_batch(drain) == [2]
    assert not queue.pauses
