"""Polling: rounds, what ends them, and how fast a watch stops in every state."""

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from tests.wire import SURFACES, TOKEN, Asked, RawServer, Reply, http, run

from channel_images import (
    AsyncChannelImages,
    ChannelImages,
    ChannelNotFound,
    ClientUnusable,
    ConfigurationError,
    ConnectionFailed,
    ProductImage,
    Retries,
)
from channel_images.mock import MockServer

CHANNEL = 7


@pytest.fixture(scope="module")
def running() -> Iterator[MockServer]:
    with MockServer() as server:
        yield server


@pytest.fixture
def server(running: MockServer) -> MockServer:
    running.reset()
    return running


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def watch(
    surface: str,
    url: str,
    handle: Callable[[Any, Callable[[], None]], object],
    *,
    token: str = "mock-token",
    retries: Retries | int = 0,
    begun: Callable[[Callable[[], None]], object] = lambda stop: None,
    **options: Any,
) -> None:
    """Watch channel 7 by either client, until `handle` or what `begun` starts calls the function that stops it."""
    if surface == "sync":
        stop = threading.Event()
        begun(stop.set)
        with ChannelImages(url, token=token, retries=retries) as api:
            for batch in api.channel(CHANNEL).pending().watch(stop=stop, **options):
                with batch:
                    handle(batch, stop.set)
        return

    async def main() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop_soon() -> None:
            loop.call_soon_threadsafe(stopping.set)

        begun(stop_soon)
        async with (
            AsyncChannelImages(url, token=token, retries=retries) as api,
            aclosing(api.channel(CHANNEL).pending().watch(stop=stopping, **options)) as batches,
        ):
            async for batch in batches:
                async with batch:
                    handle(batch, stopping.set)

    run(main())


def send_all(batch: Any) -> None:
    for image in batch:
        batch.sent(image)


def test_rounds_go_on_until_it_is_stopped(surface: str, server: MockServer, caplog: pytest.LogCaptureFixture) -> None:
    pks = [server.add(CHANNEL)["pk"]]
    seen: list[object] = []

    def handle(batch: Any, stop: Callable[[], None]) -> None:
        seen.extend(image.pk for image in batch)
        send_all(batch)
        if len(seen) == 3:
            stop()
        else:
            pks.append(server.add(CHANNEL)["pk"])

    with caplog.at_level(logging.INFO, "channel_images"):
        watch(surface, server.url, handle, every=0)

    assert seen == pks
    assert "round 1: 3 images in 3 batches; stopped" in caplog.text


def test_without_stop_it_ends_when_it_is_broken_off(server: MockServer) -> None:
    server.add(CHANNEL)
    with ChannelImages(server.url, token=server.token) as api:
        for batch in api.channel(CHANNEL).pending().watch():
            with batch:
                send_all(batch)
            break


def test_a_round_that_fails_is_a_warning(surface: str, server: MockServer, caplog: pytest.LogCaptureFixture) -> None:
    server.add(CHANNEL)
    server.fault("503:first=2:operation=listProductImageInsertsOrUpdates")

    def handle(batch: Any, stop: Callable[[], None]) -> None:
        send_all(batch)
        stop()

    watch(surface, server.url, handle, every=0)

    assert [record.levelname for record in caplog.records if "round" in record.message] == ["WARNING"] * 2


def test_an_error_that_stays_is_yours(surface: str) -> None:
    with (
        RawServer([http(404, {"detail": "Not found."})]) as server,
        pytest.raises(ChannelNotFound, match="there is no channel 7"),
    ):
        watch(surface, server.url, lambda batch, stop: None, token=TOKEN, every=0)


def empty_batches(asked: Asked) -> Reply:
    return http(200, {"count": 0, "next": None, "previous": None, "results": []})


def never(asked: Asked) -> Reply:
    def wait(connection: Any) -> None:
        connection.recv(1)

    return wait


def image_of(pk: int) -> dict[str, object]:
    return {"pk": pk, "modified_date": "2026-01-01T00:00:00Z"}


STATES: dict[str, tuple[Callable[[Asked], Reply], dict[str, Any]]] = {
    "waiting for the next round": (
        lambda asked: empty_batches(asked) if "batch_requests" in asked.target else http(200, []),
        {"every": 3600},
    ),
    "retrying": (lambda asked: http(503, b"", "Retry-After: 50"), {"retries": Retries()}),
    "reading": (never, {}),
    "reading the list": (
        lambda asked: empty_batches(asked) if "batch_requests" in asked.target else never(asked),
        {},
    ),
}


@pytest.mark.parametrize("state", STATES)
def test_it_stops_at_once(surface: str, state: str) -> None:
    """A server that has seen the first request stops it; nobody waits for the 30 seconds of a timeout, or for an hour."""
    reply, options = STATES[state]
    asked_something = threading.Event()

    def noted(asked: Asked) -> Reply:
        answer = reply(asked)
        if "batch_requests" not in asked.target or state in ("retrying", "reading"):
            asked_something.set()
        return answer

    def begun(stop: Callable[[], None]) -> None:
        def when_asked() -> None:
            asked_something.wait()
            stop()

        threading.Thread(target=when_asked, daemon=True).start()

    with RawServer(noted) as server:
        started = time.monotonic()
        watch(surface, server.url, lambda batch, stop: None, token=TOKEN, begun=begun, **options)
        assert time.monotonic() - started < 20  # of 30 and more


def test_closing_the_client_ends_the_wait_for_the_next_round(surface: str) -> None:
    first_round = threading.Event()

    def reply(asked: Asked) -> Reply:
        if "batch_requests" in asked.target:
            return empty_batches(asked)
        first_round.set()
        return http(200, [])

    async def main(url: str) -> None:
        async with AsyncChannelImages(url, token=TOKEN) as api:

            async def close() -> None:
                await asyncio.to_thread(first_round.wait)
                await api.close()

            closing = asyncio.create_task(close())
            async for _ in api.channel(CHANNEL).pending().watch(3600):
                pass
            await closing

    def in_threads(url: str) -> None:
        with ChannelImages(url, token=TOKEN) as api:

            def close() -> None:
                first_round.wait()
                api.close()

            threading.Thread(target=close).start()
            list(api.channel(CHANNEL).pending().watch(3600))

    with RawServer(reply) as server, pytest.raises(ClientUnusable):
        run(main(server.url)) if surface == "async" else in_threads(server.url)


def test_it_stops_while_it_connects(surface: str) -> None:
    """A server that accepts no connection: the places in its queue are taken."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            taken = stack.enter_context(socket.socket())
            taken.setblocking(False)
            taken.connect_ex(listening.getsockname())
        begun_at = time.monotonic()

        def begun(stop: Callable[[], None]) -> None:
            threading.Timer(0.1, stop).start()

        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        watch(surface, url, lambda batch, stop: None, token=TOKEN, begun=begun)
        assert time.monotonic() - begun_at < 8  # of the 10 seconds to connect


def test_a_report_that_takes_long_is_given_up(surface: str) -> None:
    """The platform takes the batch, and then answers nothing any more."""
    left = [[image_of(1)], []]

    def reply(asked: Asked) -> Reply:
        if asked.method == "POST":
            return http(201, {"pk": 9, "local_batch_id": "x", "status": "initialized"})
        if asked.method == "PATCH" and b'"commit"' in asked.body:
            return http(200, {"pk": 9, "local_batch_id": "x", "status": "commit"})
        if asked.method == "PATCH":
            return never(asked)
        return empty_batches(asked) if "batch_requests" in asked.target else http(200, left[0])

    def handle(batch: Any, stop: Callable[[], None]) -> None:
        send_all(batch)
        stop()

    with RawServer(reply) as server:
        started = time.monotonic()
        with pytest.raises(ConnectionFailed):
            watch(surface, server.url, handle, token=TOKEN)
        assert time.monotonic() - started < 20


@pytest.mark.parametrize("every", [-1, "often", float("nan")])
def test_arguments_are_checked_at_once(server: MockServer, every: Any) -> None:
    with ChannelImages(server.url, token=server.token) as api, pytest.raises(ConfigurationError, match="every"):
        api.channel(CHANNEL).pending().watch(every)


# What a drain leaves out, and what it reads ahead


def drained(surface: str, server: MockServer, sent: Callable[[Any], bool], **options: Any) -> list[object]:
    """The pks that a drain hands out, in order."""
    pks: list[object] = []

    def take(images: Any) -> None:
        pks.extend(image.pk for image in images)
        server.mark_sent(CHANNEL, [image.pk for image in images if sent(image)])

    page_size, concurrency = options.pop("page_size", 10), options.pop("concurrency", 1)
    if surface == "sync":
        with ChannelImages(server.url, token=server.token) as api:
            for images in api.channel(CHANNEL).inserts(page_size=page_size, concurrency=concurrency).drain(**options):
                take(images)
        return pks

    async def main() -> None:
        async with AsyncChannelImages(server.url, token=server.token) as api:
            inserts = api.channel(CHANNEL).inserts(page_size=page_size, concurrency=concurrency)
            async for images in inserts.drain(**options):
                take(images)

    run(main())
    return pks


def test_a_drain_without_waits_ends_with_what_stays_pending(surface: str, server: MockServer) -> None:
    pks = [server.add(CHANNEL)["pk"] for _ in range(35)]
    refused = set(pks[::3])

    assert sorted(map(int, map(str, drained(surface, server, lambda image: image.pk not in refused, wait=None)))) == pks


def test_what_was_given_up_on_is_skipped(surface: str, server: MockServer) -> None:
    pks = [server.add(CHANNEL)["pk"] for _ in range(35)]
    given_up = set(pks[:25])

    assert drained(surface, server, lambda image: True, skip=given_up) == pks[25:], "no wait for those"
    assert drained(surface, server, lambda image: True, skip=pks) == []


def test_an_image_is_skipped_until_it_is_modified(surface: str, server: MockServer) -> None:
    pks = [server.add(CHANNEL)["pk"] for _ in range(5)]
    with ChannelImages(server.url, token=server.token) as api:
        given_up: list[ProductImage] = list(api.channel(CHANNEL).inserts())
    server.modify(CHANNEL, pks[2], width=5)

    assert drained(surface, server, lambda image: True, skip=given_up) == [pks[2]]


@pytest.mark.parametrize("value", ["17", None, True, 1.5])
def test_only_images_and_pks_can_be_skipped(server: MockServer, value: Any) -> None:
    with ChannelImages(server.url, token=server.token) as api, pytest.raises(TypeError, match="skip"):
        api.channel(CHANNEL).inserts().drain(skip=[value])


@pytest.mark.parametrize("concurrency", [1, 4])
def test_details_are_read_ahead(surface: str, concurrency: int) -> None:
    with MockServer(channels={CHANNEL: 0}, variants=["extra-fields"]) as server:
        pks = [server.add(CHANNEL)["pk"] for _ in range(12)]
        shown: list[Any] = []

        def keep(image: Any) -> bool:
            shown.append(image)
            return True

        assert drained(surface, server, keep, detailed=True, concurrency=concurrency) == pks
        assert all(image.additional_properties for image in shown)
        assert sum(request.operation == "retrieveDetailedProductImage" for request in server.requests) == 12


def test_an_image_that_is_gone_before_its_details_are_read_is_left_out(surface: str) -> None:
    def reply(asked: Asked) -> Reply:
        if "/2/detailed/" in asked.target:
            return http(404, {"detail": "Not found."})
        if "/detailed/" in asked.target:
            return http(200, image_of(1))
        return http(200, [image_of(1), image_of(2)] if len(handed_out) == 0 else [])

    handed_out: list[object] = []
    with RawServer(reply) as server:
        if surface == "sync":
            with ChannelImages(server.url, token=TOKEN) as api:
                for images in api.channel(CHANNEL).inserts().drain(detailed=True):
                    handed_out += [image.pk for image in images]
        else:

            async def main() -> None:
                async with AsyncChannelImages(server.url, token=TOKEN) as api:
                    async for images in api.channel(CHANNEL).inserts().drain(detailed=True):
                        handed_out.extend(image.pk for image in images)

            run(main())
    assert handed_out == [1]
