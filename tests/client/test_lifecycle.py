"""Closing, forking, pickling, and one event loop after another."""

import asyncio
import contextlib
import copy
import gc
import multiprocessing
import os
import pickle
import socket
import threading
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from tests.wire import TOKEN, Asked, RawServer, Reply, http, pooled, prefetching_threads, run

from channel_images import AsyncChannelImages, ChannelImages, ClientUnusable, Retries
from channel_images.mock import MockServer

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(images=100) as server:
        yield server


def test_use_after_close(server: MockServer) -> None:
    with ChannelImages(server.url, token=server.token) as api:
        listing = api.channel(5).images(page_size=10)
        assert api.channel(5).image(1).pk == 1
    api.close()
    assert repr(api) == f"<ChannelImages {server.url} closed>"
    for use in (lambda: api.channel(5).image(1), listing.count, listing.first, lambda: list(listing), api.__enter__):
        with pytest.raises(ClientUnusable, match="closed"):
            use()
    with pytest.raises(ClientUnusable, match="closed"):
        list(api.channel(5).images(concurrency=8))
    assert not list(prefetching_threads())


def test_use_after_close_in_tasks(server: MockServer) -> None:
    async def main() -> None:
        async with AsyncChannelImages(server.url, token=server.token) as api:
            listing = api.channel(5).images(page_size=10, concurrency=8)
        await api.close()
        assert repr(api) == f"<AsyncChannelImages {server.url} closed>"
        for use in (api.channel(5).image(1), listing.count(), listing.first(), anext(aiter(listing)), api.__aenter__()):
            with pytest.raises(ClientUnusable, match="closed"):
                await use

    run(main())


@pytest.fixture
def _no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collection")
@pytest.mark.parametrize("consistent", [False, True])
def test_a_page_is_gone_before_the_next_is_asked_for(server: MockServer, consistent: bool) -> None:
    seen: list[weakref.ref[Any]] = []

    def check(_: object) -> None:
        assert not [each for each in seen if each() is not None]

    with ChannelImages(server.url, token=server.token, event_hooks={"request": [check]}) as api:
        listing = api.channel(5).images(page_size=10, consistent=consistent)
        for page in listing.pages():
            seen.extend(map(weakref.ref, (page, page.response, *page.results)))
            del page
        for image in listing:
            seen.append(weakref.ref(image))
            del image
    assert len(seen) >= 200


@pytest.mark.usefixtures("_no_collection")
@pytest.mark.parametrize("consistent", [False, True])
def test_a_page_is_gone_before_a_task_asks_for_the_next(server: MockServer, consistent: bool) -> None:
    seen: list[weakref.ref[Any]] = []

    async def check(_: object) -> None:
        assert len([each for each in seen if each() is not None]) <= 1  # the last image: a variable of the loop inside

    async def main() -> None:
        async with AsyncChannelImages(server.url, token=server.token, event_hooks={"request": [check]}) as api:
            listing = api.channel(5).images(page_size=10, consistent=consistent)
            async for page in listing.pages():
                seen.extend(map(weakref.ref, (page, page.response, *page.results)))
                del page
            async for image in listing:
                seen.append(weakref.ref(image))
                del image

    run(main())
    assert len(seen) >= 200


@pytest.mark.parametrize("concurrency", [1, 8])
def test_closing_while_a_list_is_read(server: MockServer, concurrency: int) -> None:
    with ChannelImages(server.url, token=server.token) as api:
        images = iter(api.channel(5).images(page_size=10, concurrency=concurrency))
        next(images)
        api.close()
        with pytest.raises(ClientUnusable, match="closed"):
            list(images)
    assert not list(prefetching_threads())


@pytest.mark.parametrize("concurrency", [1, 8])
def test_closing_while_tasks_read_a_list(server: MockServer, concurrency: int) -> None:
    async def main() -> None:
        async with AsyncChannelImages(server.url, token=server.token, retries=Retries(max_wait=0)) as api:
            images = aiter(api.channel(5).images(page_size=10, concurrency=concurrency))
            await anext(images)
            await api.close()
            with pytest.raises(ClientUnusable, match="closed"):
                async for _image in images:
                    pass
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_closing_while_another_thread_waits_to_try_again() -> None:
    tried = threading.Event()

    def reply(_asked: object) -> bytes:
        tried.set()
        return http(503)

    outcomes: list[BaseException] = []
    with RawServer(reply) as server:
        api = ChannelImages(server.url, token=TOKEN, retries=Retries(attempts=10_000, max_wait=0.001))

        def call() -> None:
            with pytest.raises(ClientUnusable) as caught:
                api.channel(5).image(1)
            outcomes.append(caught.value)

        thread = threading.Thread(target=call)
        thread.start()
        assert tried.wait(30)
        api.close()
        thread.join()
    assert [type(outcome) for outcome in outcomes] == [ClientUnusable]


@pytest.mark.parametrize("does", ["waits to try again", "waits for the network"])
def test_closing_ends_the_call_of_another_thread(does: str) -> None:
    tried = threading.Event()

    def hang(connection: socket.socket) -> None:
        connection.recv(1)

    def reply(_asked: Asked) -> Reply:
        tried.set()
        return hang if "network" in does else http(503, b"", "Retry-After: 60")

    outcomes: list[BaseException] = []
    with RawServer(reply) as server:
        api = ChannelImages(server.url, token=TOKEN, timeout=60)

        def call() -> None:
            with pytest.raises(ClientUnusable) as caught:
                api.channel(5).image(1)
            outcomes.append(caught.value)

        thread = threading.Thread(target=call)
        thread.start()
        assert tried.wait(30)
        api.close()
        thread.join(20)
    assert [type(outcome) for outcome in outcomes] == [ClientUnusable]


def test_closing_ends_the_wait_of_another_task() -> None:
    async def main(url: str) -> None:
        api = AsyncChannelImages(url, token=TOKEN)
        call = asyncio.create_task(api.channel(5).image(1))
        while not api._sleepers:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        await api.close()
        with pytest.raises(ClientUnusable):
            async with asyncio.timeout(20):
                await call
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with RawServer([http(503, b"", "Retry-After: 60")]) as raw:
        run(main(raw.url))


@pytest.mark.parametrize("client", [ChannelImages, AsyncChannelImages])
def test_pickles_and_copies_are_refused(client: Any) -> None:
    api = client("https://host", token=TOKEN)
    for thing in (api, api.channel(5), api.channel(5).images(), api.channel(5).inserts()):
        for spread in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match="cannot be pickled"):
                spread(thing)


def in_child(connection: Any, api: ChannelImages) -> None:
    try:
        api.channel(5).image(1)
    except ClientUnusable as error:
        connection.send(str(error))
    finally:
        api.close()
        connection.close()
        os._exit(0)  # pytest's own endings are the parent's


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_is_refused_and_harms_nobody(server: MockServer) -> None:
    with ChannelImages(server.url, token=server.token) as api:
        assert api.channel(5).image(1).pk == 1
        receiving, sending = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.get_context("fork").Process(target=in_child, args=(sending, api))
        child.start()
        sending.close()
        assert receiving.poll(30)
        assert "made in another process" in receiving.recv()
        child.join()
        receiving.close()
        assert api.channel(5).image(1).pk == 1


def test_a_second_event_loop_is_refused(server: MockServer) -> None:
    api = AsyncChannelImages(server.url, token=server.token)

    async def call() -> object:
        return (await api.channel(5).image(1)).pk

    async def call_and_close() -> None:
        await call()
        await api.close()

    async def call_again() -> None:
        with pytest.raises(ClientUnusable, match="another event loop"):
            await call()

    with asyncio.Runner() as first, asyncio.Runner() as second:
        assert first.run(call()) == 1
        second.run(call_again())
        first.run(call_and_close())


def test_closing_after_the_event_loop_has_ended(server: MockServer) -> None:
    api = AsyncChannelImages(server.url, token=server.token)

    assert asyncio.run(api.channel(5).with_raw_response.image(1)).value.pk == 1
    asyncio.run(api.close())
    assert repr(api).endswith("closed>")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # for the connections, which nothing can close any more
        del api
        gc.collect()


def test_other_event_loops_than_those_of_asyncio_are_refused() -> None:
    """trio, say, under which asyncio finds no loop either."""
    image = AsyncChannelImages("https://host", token=TOKEN).channel(5).image(1)
    with pytest.raises(ClientUnusable, match="needs asyncio"):
        image.send(None)


def test_a_client_whose_making_fails_can_be_shown() -> None:
    broken = ChannelImages.__new__(ChannelImages)
    broken._base_url = "https://host"
    assert repr(broken) == "<ChannelImages https://host>"


def test_closing_while_a_task_connects_leaves_no_connection() -> None:
    """Whatever step of its way a call has come to."""

    async def main(url: str, turns: int) -> list[object]:
        api = AsyncChannelImages(url, token=TOKEN)
        call = asyncio.create_task(api.channel(5).image(1))
        for _ in range(turns):
            await asyncio.sleep(0)
        await api.close()
        with contextlib.suppress(ClientUnusable):
            await call
        return pooled(api)

    with RawServer([http(200)]) as raw:
        assert [run(main(raw.url, turns)) for turns in range(60)] == [[]] * 60
