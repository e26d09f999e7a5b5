"""When a wait on the network ends: with the time of its call, or when nobody waits for the answer any more."""

import math
import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpcore
import httpx
import pytest

from channel_images.calls.deadlines import DEADLINE, CancelToken, Deadline, DeadlinePassed
from channel_images.calls.network import BoundedStream


class Line(httpcore.NetworkStream):
    """One end of a pair of sockets, which never blocks. While it is waited for, something happens."""

    def __init__(self, end: socket.socket, meanwhile: Callable[[], None]) -> None:
        self._end = end
        self._meanwhile = meanwhile

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._meanwhile()
        return self._end.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._meanwhile()
        self._end.sendall(buffer)

    def get_extra_info(self, info: str) -> Any:
        return {"socket": self._end}[info]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        yield here, there


@pytest.mark.parametrize(
    ("left", "timeout", "seconds"),
    [
        (5, 1, 1),
        (5, 5, 5),
        (5, 9, 5),
        (5, None, 5),
        (0.5, None, 0.5),
        (math.inf, 9, 9),
        (math.inf, None, None),
        (math.inf, math.inf, None),
    ],
)
def test_a_wait_takes_no_longer_than_what_is_left_for_the_call(
    monkeypatch: pytest.MonkeyPatch, left: float, timeout: float | None, seconds: float | None
) -> None:
    monkeypatch.setattr("channel_images.calls.deadlines.time", SimpleNamespace(monotonic=lambda: 100.0))
    assert Deadline(left).begin(timeout, None) == seconds


@pytest.mark.parametrize("left", [0, -0.5])
def test_a_wait_for_which_no_time_is_left_does_not_begin(monkeypatch: pytest.MonkeyPatch, left: float) -> None:
    monkeypatch.setattr("channel_images.calls.deadlines.time", SimpleNamespace(monotonic=lambda: 100.0))
    deadline = Deadline(left)
    assert deadline.has_passed
    with pytest.raises(DeadlinePassed):
        deadline.begin(1, None)
    with pytest.raises(DeadlinePassed):
        deadline.check()


@pytest.mark.parametrize(("took", "error"), [(4.0, httpcore.ReadTimeout), (5.0, DeadlinePassed)])
def test_a_wait_that_times_out_says_whether_the_time_of_its_call_is_over(
    monkeypatch: pytest.MonkeyPatch, pair: tuple[socket.socket, socket.socket], took: float, error: type[Exception]
) -> None:
    """Over HTTP/2 other calls get the error too: it is not their time that is over."""
    clock = SimpleNamespace(monotonic=lambda: 100.0)
    monkeypatch.setattr("channel_images.calls.deadlines.time", clock)

    def time_out() -> None:
        clock.monotonic = lambda: 100.0 + took
        raise httpcore.ReadTimeout

    with Deadline(5), pytest.raises(error):
        BoundedStream(Line(pair[0], time_out), is_shared=True).read(1)


def test_a_call_that_is_cancelled_breaks_its_connection_off(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    cancel = CancelToken()
    with Deadline(60, cancel=cancel):
        assert BoundedStream(Line(here, cancel.set), is_shared=False).read(1) == b""
    assert there.recv(1) == b""


def test_a_call_that_is_cancelled_leaves_a_connection_that_others_share(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    here, there = pair
    cancel = CancelToken()
    with Deadline(60, cancel=cancel):
        BoundedStream(Line(here, cancel.set), is_shared=True).write(b"x")
    assert there.recv(1) == b"x"


def test_a_call_that_is_cancelled_leaves_a_connection_that_it_has_done_with(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    here, there = pair
    cancel = CancelToken()
    stream = BoundedStream(Line(here, lambda: None), is_shared=False)
    with Deadline(60, cancel=cancel) as deadline:
        stream.write(b"x")
        deadline.check()
        cancel.set()
        with pytest.raises(httpx.ReadError, match="nobody waits for the answer any more"):
            stream.write(b"y")
        with pytest.raises(httpx.ReadError, match="nobody waits for the answer any more"):
            deadline.check()
    stream.write(b"z")
    assert there.recv(2) == b"xz"


def test_what_a_token_includes_is_set_with_it_or_at_once() -> None:
    cancel, before, after = CancelToken(), threading.Event(), threading.Event()
    cancel.include(before)
    assert not before.is_set()
    cancel.set()
    cancel.include(after)
    assert before.is_set()
    assert after.is_set()


def test_a_deadline_inside_of_another_one_counts_until_its_end() -> None:
    with Deadline(2) as outer:
        with Deadline(1) as inner:
            assert DEADLINE.get() is inner
        assert DEADLINE.get() is outer
    assert DEADLINE.get() is None
