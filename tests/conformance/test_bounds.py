"""A run keeps its bounds: requests at the same time, the rate of the server, rows and bytes of an answer."""

import socket
import threading
from collections import Counter
from collections.abc import Awaitable
from itertools import pairwise

import pytest
from attrs import evolve
from starlette.types import Receive, Scope, Send
from tests.conformance.near import Near
from tests.conformance.surroundings import throttle
from tests.conformance.test_standing import Clock, serving

from channel_images.conformance import Options, Target, check
from channel_images.conformance.asking.wire import (
    MOST_REQUESTS,
    VALID,
    Credentials,
    Request,
    ServerGone,
    Wire,
)
from channel_images.mock import MockServer
from channel_images.mock.behaviour import Behaviour
from channel_images.mock.http.answers import Answer as Served
from channel_images.mock.http.call import Call
from channel_images.mock.operations import Operation

LISTED = Request("/api/v1/channel/5/product_images/")
SENDER = Credentials(VALID, "Token key", "Token $TOKEN")


# At the same time


@pytest.mark.parametrize(("concurrency", "rate", "expected"), [(1, None, 1), (4, None, 4), (4, 2.5, 2), (3, 0.5, 1)])
def test_so_many_requests_are_under_way_at_the_same_time(concurrency: int, rate: float | None, expected: int) -> None:
    clock = Clock()
    # Each answer waits for the others of its batch: fewer than that would break the barrier.
    barrier = threading.Barrier(expected)
    under_way, most = Counter[str](), Counter[str]()
    guard = threading.Lock()

    def answer(path: str) -> tuple[int, str, bytes]:
        with guard:
            under_way["now"] += 1
            most["seen"] = max(most["seen"], under_way["now"])
        barrier.wait(10)
        with guard:
            under_way["now"] -= 1
        return 200, "application/json", b"{}"

    with serving(answer) as url:
        way = Wire(Target(url, 5), rate, at_once=concurrency, clock=clock, sleep=clock.sleep)
        requests = [evolve(LISTED, params=(("page", str(number)),)) for number in range(expected * 3)]
        answers = way.send_together(requests, SENDER)
        way.close()
    assert [each.request for each in answers] == requests
    assert {each.status for each in answers} == {200}
    assert most["seen"] == expected


def test_requests_at_the_same_time_keep_the_rate() -> None:
    clock = Clock()
    sent: list[float] = []

    def answer(path: str) -> tuple[int, str, bytes]:
        sent.append(clock.now)
        return 200, "application/json", b"{}"

    with serving(answer) as url:
        way = Wire(Target(url, 5), 5.0, at_once=4, clock=clock, sleep=clock.sleep)
        for _ in range(3):
            for _ in range(6):
                way.send(LISTED, SENDER)
            way.send_together([LISTED] * 8, SENDER)
        way.close()
    assert len(sent) == 42
    for begin in sent:
        assert sum(1 for moment in sent if begin <= moment < begin + 0.99) <= 5 + 1


def test_connections_refused_at_the_same_time_are_no_server_that_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    way = Wire(Target(url, 5), sleep=lambda seconds: None)
    assert all(answer.broke for answer in way.send_together([LISTED] * 4, SENDER))
    with pytest.raises(ServerGone):
        way.send(LISTED, SENDER)
    way.close()


# The rate of the server


def test_schemathesis_keeps_the_rate() -> None:
    clock = Clock()
    sent: list[float] = []
    begun: list[int] = []
    with MockServer(images=60) as server:
        options = Options(
            rules=frozenset({"schema.response"}), max_examples=1, rate=10.0, clock=clock, sleep=clock.sleep
        )

        def step(name: str) -> None:
            if name.startswith("schemathesis"):
                begun.append(len(sent))

        def noted(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            sent.append(clock.now)
            return server.app(scope, receive, send)

        check(Near(server.url, 5, (), server.token, app=noted), options, step)
    asked = sent[begun[0] :]
    assert len(asked) > 100
    assert all(after - before >= 0.09 for before, after in pairwise(asked))


def test_schemathesis_is_asked_once_to_go_more_slowly() -> None:
    clock = Clock()
    refused: list[tuple[str, int]] = []
    with MockServer(images=60) as server, throttle(server, per_second=12, clock=clock) as front:
        options = Options(rules=frozenset({"schema.response"}), max_examples=1, clock=clock, sleep=clock.sleep)
        report = check(
            Near.to(front, token=server.token, others=()), options, lambda step: refused.append((step, front.own[429]))
        )
        requests, refusals = front.requests, front.own[429]
    assert report.verdict == "conforms"
    assert requests > 100
    before = next(number for step, number in refused if step.startswith("schemathesis"))
    assert refusals <= 3
    assert refusals - before <= 2


# Rows and bytes


class Unbounded(Behaviour):
    """A server without a largest page."""

    def page_size(self, limit: int) -> int:
        return limit


class Fat(Unbounded):
    """One whose rows are long."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        return {**super().row(operation, channel, pk), "note": "x" * 20_000}


@pytest.mark.parametrize("behaviour", [Unbounded, Fat])
def test_a_server_without_a_largest_page_is_asked_for_one_long_answer_at_most(
    behaviour: type[Behaviour], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[int, int]] = []
    deliver = Behaviour.deliver

    def counted(self: Behaviour, call: Call, answer: Served) -> Served:
        drawn.append((answer.body.count(b'"pk"'), len(answer.body)))
        return deliver(self, call, answer)

    monkeypatch.setattr(Behaviour, "deliver", counted)
    with MockServer(images=5_000, behaviour=behaviour) as server:
        report = check(Near.to(server, token=server.token), Options(max_examples=1))
    assert report.verdict == "conforms"
    assert report.requests <= MOST_REQUESTS
    beyond = [(rows, size) for rows, size in drawn if rows > 2_000 or size > 2_000_000]
    assert len(beyond) <= 1
