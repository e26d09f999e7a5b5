"""Several pages in flight: in order, errors in their place, and nothing left behind."""

import asyncio
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.wire import SURFACES, TOKEN, Asked, RawServer, Reply, http, list_pks, pooled, prefetching_threads, run

from channel_images import (
    AsyncChannelImages,
    ChannelImages,
    ClientUnusable,
    ConnectionFailed,
    PermissionDenied,
    Retries,
    ServerError,
)
from channel_images.mock import MockServer

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def running() -> Iterator[MockServer]:
    with MockServer(images=300) as server:
        gc.freeze()  # what is there by now is nothing that a test here leaves behind: no need to look through it each time
        yield server
        gc.unfreeze()


@pytest.fixture
def server(running: MockServer) -> Iterator[MockServer]:
    yield running
    running.reset()
    gc.collect()  # what is left behind by then complains, and warnings are errors
    assert not list(prefetching_threads())


@pytest.mark.parametrize("concurrency", [1, 2, 8, 50])
def test_the_order_is_kept(surface: str, concurrency: int, server: MockServer) -> None:
    server.fault("latency:lognormal=0.01,1")
    one = list_pks("sync", server.url, limit=300, token=server.token)
    assert list_pks(surface, server.url, concurrency=concurrency, token=server.token) == one


@pytest.mark.parametrize("concurrency", [1, 8])
def test_an_error_comes_at_its_place(surface: str, concurrency: int) -> None:
    def reply(asked: Asked) -> Reply:
        page = int(asked.target.partition("page=")[2].partition("&")[0])
        rows = [{"pk": page * 10 + row} for row in range(10)]
        envelope = {"count": 300, "next": "x", "previous": None, "results": rows}
        return http(500, {"detail": "Page 4 is broken"}) if page == 4 else http(200, envelope)

    seen: list[object] = []

    def read(api: ChannelImages) -> None:
        for image in api.channel(5).images(page_size=10, concurrency=concurrency):
            seen.append(image.pk)  # noqa: PERF401 - what came before the error counts

    async def read_in_tasks(url: str) -> None:
        async with AsyncChannelImages(url, token=TOKEN, retries=0) as api:
            async for image in api.channel(5).images(page_size=10, concurrency=concurrency):
                seen.append(image.pk)  # noqa: PERF401 - as above

    with (
        RawServer(reply) as server,
        ChannelImages(server.url, token=TOKEN, retries=0) as api,
        pytest.raises(ServerError, match="Page 4"),
    ):
        read(api) if surface == "sync" else run(read_in_tasks(server.url))
    assert seen == list(range(10, 40))
    assert not list(prefetching_threads())


def test_who_stops_early_leaves_no_thread(server: MockServer) -> None:
    sent: list[Any] = []  # the server may yet take note of requests that nobody waits for
    with ChannelImages(server.url, token=server.token, event_hooks={"request": [sent.append]}) as api:
        for image in api.channel(5).images(page_size=10, concurrency=8):
            if image.pk == 15:
                break
        assert not list(prefetching_threads())
        pages = api.channel(5).images(page_size=10, concurrency=8).pages()
        next(pages)
        pages.close()
        assert not list(prefetching_threads())
        before = len(sent)
        assert api.channel(5).image(1).pk == 1
        assert len(sent) == before + 1
        assert all(connection.is_idle() for connection in pooled(api))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, GeneratorExit, ZeroDivisionError])
def test_whatever_ends_the_loop_leaves_no_thread(server: MockServer, kind: type[BaseException]) -> None:
    with ChannelImages(server.url, token=server.token) as api:
        pages = api.channel(5).images(page_size=10, concurrency=8).pages()
        next(pages)
        with pytest.raises(kind):
            pages.throw(kind())
        assert not list(prefetching_threads())


def test_an_interruption_while_a_page_is_waited_for(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import Future

    calls = 0
    result: Callable[..., Any] = Future.result

    def interrupted(future: Any, timeout: float | None = None) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return result(future, timeout)

    monkeypatch.setattr(Future, "result", interrupted)
    with ChannelImages(server.url, token=server.token) as api:
        with pytest.raises(KeyboardInterrupt):
            list(api.channel(5).images(page_size=10, concurrency=8))
        assert not list(prefetching_threads())
        assert all(connection.is_idle() for connection in pooled(api))


def test_who_stops_early_does_not_wait_for_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    monkeypatch.setattr(time, "sleep", lambda _seconds: pytest.fail("a wait that nothing ends"))

    def reply(asked: Asked) -> Reply:  # by page: which of those in flight comes first, nobody knows
        page = int(asked.target.partition("page=")[2].partition("&")[0])
        rows = [{"pk": page * 10 + row} for row in range(10)]
        return http(200, {"count": 300, "next": "x", "previous": None, "results": rows}) if page <= 2 else http(503)

    patient = Retries(backoff=1_000, max_wait=1_000, seconds=10_000)
    with RawServer(reply) as server, ChannelImages(server.url, token=TOKEN, retries=patient) as api:
        pages = api.channel(5).images(page_size=10, concurrency=8).pages()
        next(pages)
        next(pages)
        pages.close()
        assert not list(prefetching_threads())


def test_who_stops_early_does_not_wait_for_a_sign_in() -> None:
    """Eight threads find that the token has expired, and the server gives no other."""
    at_the_door = threading.Event()

    def reply(asked: Asked) -> Reply:
        if asked.method == "POST":
            if asked.number > 0:
                at_the_door.set()
            return http(503) if asked.number > 0 else http(200, {"key": "key-0"})
        page = int(asked.target.partition("page=")[2].partition("&")[0])
        rows = [{"pk": page * 10 + row} for row in range(10)]
        return http(200, {"count": 300, "next": "x", "results": rows}) if page < 3 else http(401)

    policy = Retries(backoff=1_000, max_wait=1_000, seconds=10_000)
    with RawServer(reply) as server, ChannelImages(server.url, username="u", password="p", retries=policy) as api:
        pages = api.channel(5).images(page_size=10, concurrency=8).pages()
        next(pages)
        next(pages)
        assert at_the_door.wait(30)
        pages.close()
        assert not list(prefetching_threads())
        assert len(server.asked) < 30


class Hanging:
    """Answers to two pages of many, and silence for the others.

    Attributes:
        reached: Set when somebody waits for one of the others.
    """

    def __init__(self, *, status: int = 200) -> None:
        self.reached = threading.Event()
        self._status = status

    def __call__(self, asked: Asked) -> Reply:
        page = int(asked.target.partition("page=")[2].partition("&")[0] or 0)
        if page >= 3:
            return self._hang
        if page == 2 and self._status != 200:
            assert self.reached.wait(30)
            return http(self._status)
        rows = [{"pk": page * 10 + row} for row in range(10)]
        return http(200, {"count": 300, "next": "x", "results": rows} if page else rows[0])

    def _hang(self, connection: socket.socket) -> None:
        self.reached.set()
        connection.recv(1)


def test_who_stops_early_does_not_wait_for_the_network() -> None:
    reply = Hanging()
    with RawServer(reply) as server, ChannelImages(server.url, token=TOKEN, timeout=60) as api:
        pages = api.channel(5).images(page_size=10, concurrency=8).pages()
        next(pages)
        next(pages)
        assert reply.reached.wait(30)
        started = time.monotonic()
        pages.close()
        assert time.monotonic() - started < 20
        assert not list(prefetching_threads())
        answers = [api.channel(5).with_raw_response.image(1) for _ in range(20)]
        assert [answer.retries for answer in answers] == [0] * 20, "no connection that was broken off is in the pool"
        assert all(connection.is_idle() for connection in pooled(api))


def test_an_error_does_not_wait_for_later_pages() -> None:
    with (
        RawServer(Hanging(status=403)) as server,
        ChannelImages(server.url, token=TOKEN, timeout=60) as api,
    ):
        started = time.monotonic()
        with pytest.raises(PermissionDenied):
            list(api.channel(5).images(page_size=10, concurrency=8))
        assert time.monotonic() - started < 20


def test_who_stops_early_does_not_wait_for_a_sign_in_that_hangs() -> None:
    at_the_door = threading.Event()

    def hang(connection: socket.socket) -> None:
        at_the_door.set()
        connection.recv(1)

    def reply(asked: Asked) -> Reply:
        if asked.method == "POST":
            return hang if asked.number > 0 else http(200, {"key": "key-0"})
        page = int(asked.target.partition("page=")[2].partition("&")[0])
        rows = [{"pk": page * 10 + row} for row in range(10)]
        return http(200, {"count": 300, "next": "x", "results": rows}) if page < 3 else http(401)

    with RawServer(reply) as server, ChannelImages(server.url, username="u", password="p", timeout=60) as api:
        pages = api.channel(5).images(page_size=10, concurrency=8).pages()
        next(pages)
        next(pages)
        assert at_the_door.wait(30)
        started = time.monotonic()
        pages.close()
        assert time.monotonic() - started < 20
        assert not list(prefetching_threads())
        assert len(server.asked) < 30


def test_who_stops_early_gives_places_back(server: MockServer) -> None:
    with ChannelImages(server.url, token=server.token, rate_limit=0.5) as api:
        rate = api._caller._rate
        assert rate is not None
        pages = api.channel(5).images(page_size=10, concurrency=8).pages()
        next(pages)
        threading.Timer(0.1, api.close).start()
        with pytest.raises(ClientUnusable):
            list(pages)
        assert rate.reserve() - time.monotonic() < 4


def test_tasks_that_stop_early_leave_no_task(server: MockServer) -> None:
    async def main() -> None:
        async with AsyncChannelImages(server.url, token=server.token) as api:
            async for image in api.channel(5).images(page_size=10, concurrency=8):
                if image.pk == 15:
                    break
            for _ in range(50):  # the loop closes what was being iterated over, soon but not at once
                await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            pages = api.channel(5).images(page_size=10, concurrency=8).pages()
            await anext(pages)
            await pages.aclose()
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert all(connection.is_idle() for connection in pooled(api))

    run(main())


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 8, 10, 13, 14, 15, 20, 21, 22, 26, 32, 34, 38, 55, 56, 89, 144, 233])
@pytest.mark.parametrize("what", ["image", "listing"])
def test_cancellation_at_any_moment(server: MockServer, steps: int, what: str) -> None:
    async def read(api: AsyncChannelImages) -> int:
        if what == "image":
            return len([await api.channel(5).image(1) for _ in range(20)])
        return len([image.pk async for image in api.channel(5).images(page_size=10, concurrency=8)])

    async def main() -> None:
        async with AsyncChannelImages(server.url, username="mock", password="mock") as api:
            task = asyncio.create_task(read(api))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(outcome, asyncio.CancelledError) or outcome in (20, 300)
            for _ in range(50):
                await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert all(connection.is_idle() or connection.is_closed() for connection in pooled(api))
            assert (await api.channel(5).image(1)).pk == 1

    run(main())


def test_a_timeout_of_the_callers_own(server: MockServer) -> None:
    server.fault("latency:seconds=5:first=1")

    async def main() -> None:
        async with AsyncChannelImages(server.url, token=server.token) as api:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await api.channel(5).image(1)
            assert (await api.channel(5).image(1)).pk == 1

    run(main())


def test_a_client_that_is_left_while_pages_are_in_flight(server: MockServer) -> None:
    async def main() -> None:
        async with AsyncChannelImages(server.url, token=server.token) as api:
            async for _image in api.channel(5).images(page_size=10, concurrency=8):
                break

    run(main())


def test_threads_and_tasks_share_a_client(server: MockServer) -> None:
    results: list[int] = []
    with ChannelImages(server.url, username="mock", password="mock") as api:
        read = lambda: results.append(len(list(api.channel(5).images(page_size=20, concurrency=2))))  # noqa: E731 - a thread's
        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [300] * 6

    async def count(api: AsyncChannelImages) -> int:
        return len([image async for image in api.channel(5).images(page_size=20, concurrency=2)])

    async def main() -> list[int]:
        async with AsyncChannelImages(server.url, username="mock", password="mock") as api:
            return await asyncio.gather(*(count(api) for _ in range(6)))

    assert run(main()) == [300] * 6


def test_a_server_that_dies_mid_listing(surface: str) -> None:
    server = MockServer(images=300)
    server.start()
    server.fault("reset:skip=5")
    try:
        with pytest.raises(ConnectionFailed):
            list_pks(surface, server.url, concurrency=8, token=server.token, retries=Retries(attempts=2, max_wait=0))
    finally:
        server.stop()
    assert not list(prefetching_threads())
