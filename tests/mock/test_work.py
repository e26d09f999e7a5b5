"""Work that comes by itself: images that arrive, and edits, by a time that the test sets."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from channel_images.mock import MockServer, Pace

PathOf = Callable[..., str]


class Clock:
    """Lets that many waits pass at once, and then stands still: `stood` is set."""

    def __init__(self, waits: int) -> None:
        self.waits = waits
        self.asked: list[float] = []
        self.stood = threading.Event()

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        if len(self.asked) > self.waits:
            self.stood.set()
            await asyncio.Event().wait()


def listed(server: MockServer, path: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Token {server.token}"}
    body = httpx.get(f"{server.url}{path}?limit=1000", headers=headers).raise_for_status().json()
    rows: list[dict[str, Any]] = body if isinstance(body, list) else body["results"]
    return rows


def test_images_arrive_in_each_channel(path_of: PathOf) -> None:
    clock = Clock(3)
    with MockServer(channels={6: 5, 7: 0}, arrivals=Pace("5/min", sleep=clock.sleep)) as server:
        assert clock.stood.wait(10)
        assert clock.asked == [12] * 4
        assert [len(listed(server, path_of("listProductImages", channel))) for channel in (6, 7)] == [8, 3]
        rows = listed(server, path_of("listProductImageInserts", 7))
        assert len({row["product"] for row in rows}) == 3
        server.reset()
        assert listed(server, path_of("listProductImages", 7)) == []


def test_images_are_edited_in_each_channel(path_of: PathOf) -> None:
    clock = Clock(4)
    with MockServer(channels={6: 5, 7: 0, 8: 1}, edits=Pace("1/h", sleep=clock.sleep)) as server:
        assert clock.stood.wait(10)
        assert clock.asked[0] == 3600
        assert [len(listed(server, path_of("listProductImages", channel))) for channel in (6, 7, 8)] == [5, 0, 1]
        edited = [row for row in listed(server, path_of("listProductImages", 6)) if row["modified_date"] >= "2025"]
        assert 1 <= len(edited) <= 4


def test_an_edit_of_what_was_sent_is_an_update(path_of: PathOf) -> None:
    clock = Clock(0)
    with MockServer(channels={7: 0}, edits=Pace("1/s", sleep=clock.sleep)) as server:
        image = server.add(7)
        server.mark_sent(7, image)
        assert clock.stood.wait(10)
        server._state.work._edit(7)
        assert [row["pk"] for row in listed(server, path_of("listProductImageUpdates", 7))] == [image["pk"]]


def test_an_image_of_the_future_ends_nothing() -> None:
    clock = Clock(0)
    with MockServer(channels={7: 0}, edits=Pace("1/s", sleep=clock.sleep)) as server:
        image = server.add(7, created_date="2031-01-01T00:00:00Z", modified_date="2031-01-01T00:00:00Z")
        assert clock.stood.wait(10)
        server._state.work._edit(7)
        assert server._store.row(7, image["pk"]) == image


def test_the_same_seed_brings_the_same_work(path_of: PathOf) -> None:
    seen = []
    for seed in (1, 1, 2):
        clocks = Clock(30), Clock(20)
        arrivals, edits = (Pace("100/s", sleep=clock.sleep) for clock in clocks)
        with MockServer(channels={7: 40}, seed=seed, arrivals=arrivals, edits=edits) as server:
            assert all(clock.stood.wait(10) for clock in clocks)
            seen.append(listed(server, path_of("listProductImages", 7)))
    assert seen[0] == seen[1] != seen[2]


def test_it_goes_by_the_time(path_of: PathOf) -> None:
    with MockServer(channels={7: 0}, arrivals="100/s") as server:
        while not listed(server, path_of("listProductImages", 7)):
            pass


def test_stopping_ends_it() -> None:
    clock = Clock(0)
    before = threading.active_count()
    with MockServer(arrivals=Pace("1/s", sleep=clock.sleep)):
        assert clock.stood.wait(10)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("spec", "seconds"), [("5/min", 12), ("1/h", 3600), ("0.5/h", 7200), ("100/s", 0.01), ("6000/min", 0.01)]
)
def test_a_pace_is_a_time_from_one_to_the_next(spec: str, seconds: float) -> None:
    assert Pace(spec).seconds == seconds


@pytest.mark.parametrize(
    "spec",
    ["", "5", "/min", "5/", "0/min", "0.0/s", "-5/min", "5/day", "5 / min", "1e9/s", "101/s", "nan/s", "\u0665/min"],
)
def test_what_is_no_pace_is_refused_in_one_line(spec: str) -> None:
    with pytest.raises(ValueError, match="give a number of images a second, minute or hour, such as 5/min") as refused:
        MockServer(arrivals=spec)
    assert "\n" not in str(refused.value)
    with pytest.raises(ValueError, match="pace "):
        MockServer(edits=spec)
