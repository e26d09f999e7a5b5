"""What a listing asks its sender for, and what it makes of the answers. Most senders here are no clients."""

import asyncio
import threading
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from attrs import define, field
from tests.wire import SURFACES, TOKEN, Asked, RawServer, Reply, http, prefetching_threads, run

from channel_images import (
    Answer,
    AsyncChannel,
    AsyncChannelImages,
    Channel,
    ChannelImages,
    ClientUnusable,
    DrainStalled,
    IncompleteListing,
)
from channel_images.choices import What
from channel_images.listings import steps
from channel_images.listings.query import build_query
from channel_images.walks.drain import Drain
from channel_images_api.types import Request

T = TypeVar("T")
Body = Callable[[int, int], object]
"""The body of an answer, by the number and the limit of the page."""

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@define
class FakeSender:
    """Answers with `body`, and keeps what it was asked for: page, limit, and the seconds to wait before."""

    body: Body
    base_url: str = "https://host"
    asked: list[tuple[int, int, float]] = field(factory=list)
    open_batches: Mapping[int, set[int]] = {}

    def send(
        self, request: Request, decode: Callable[[bytes], T], *, after: float = 0.0, cancel: object = None
    ) -> Answer[T]:
        query = parse_qs(urlsplit(request.url).query)
        page, limit = int(query["page"][0]), int(query["limit"][0])
        self.asked.append((page, limit, after))
        response = httpx.Response(200, json=self.body(page, limit))
        return Answer(decode(response.content), response)


@define
class FakeAsyncSender:
    """The same for tasks."""

    sender: FakeSender
    base_url: str = "https://host"
    open_batches: Mapping[int, set[int]] = {}

    async def send(self, request: Request, decode: Callable[[bytes], T], *, after: float = 0.0) -> Answer[T]:
        return self.sender.send(request, decode, after=after)


def read(surface: str, sender: FakeSender, call: Callable[[Any], Any]) -> Any:
    """What a call of a channel gives, or the list of what it hands out."""
    if surface == "sync":
        made = call(Channel(sender, 5))
        return list(made) if isinstance(made, Generator) else made

    async def in_tasks() -> Any:
        made = call(AsyncChannel(FakeAsyncSender(sender), 5))
        return await made if asyncio.iscoroutine(made) else [each async for each in made]

    return run(in_tasks())


def pending(images: int) -> Body:
    """A pending list that stays as it is."""
    return lambda page, limit: [{"pk": pk + 1} for pk in range(images)[(page - 1) * limit : page * limit]]


# Drains


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_drain_leaves_its_waits_to_the_sender(surface: str, concurrency: int) -> None:
    sender = FakeSender(pending(3))
    with pytest.raises(DrainStalled):
        read(surface, sender, lambda channel: channel.inserts(limit=10, concurrency=concurrency).drain(max_passes=4))
    waits = [(page, after) for page, _, after in sender.asked if after]
    assert waits == [(1, 1.0), (1, 2.0), (1, 4.0), (1, 8.0)]


def test_a_drain_reads_ahead_behind_the_front_only() -> None:
    """What is at the front leaves the list with the batch, and what is read ahead of it would be of no use."""
    sender, asked_for = FakeSender(pending(100)), []
    handed_out: list[object] = []
    query = build_query(What.INSERTS, 5, limit=20, concurrency=4, consistent=False)
    drain = steps.drain(query, Drain(query.limit, 10, 1.0))
    step = next(drain)
    while len(handed_out) < 100:
        if isinstance(step, steps.Ask):
            answer = sender.send(step.requests[0], query.decode)
            asked_for.append((sender.asked[-1][0], len(step.requests)))
            step = drain.send(answer)
        else:
            handed_out += [image.pk for image in step]
            step = next(drain)
    assert sorted(map(str, handed_out)) == sorted(map(str, range(1, 101)))
    assert {requests for page, requests in asked_for if page == 1} == {1}
    assert {requests for page, requests in asked_for if page > 1} == {4}


@pytest.mark.parametrize("concurrency", [1, 8])
def test_closing_the_client_ends_the_wait_of_a_drain(surface: str, concurrency: int) -> None:
    is_stalled = threading.Event()

    def reply(asked: Asked) -> Reply:
        if "/inserts/" not in asked.target:
            return http(200, {"pk": 1})
        if asked.number == 1:  # once more, after the batch: it is pending still
            is_stalled.set()
        return http(200, {"count": 1, "next": None, "results": [{"pk": 1}]})

    def drain(api: ChannelImages) -> None:
        with pytest.raises(ClientUnusable, match="closed"):
            for _batch in api.channel(5).inserts(concurrency=concurrency).drain(max_passes=10_000, wait=30):
                pass
        ended.append("sync")

    async def drain_in_a_task(api: AsyncChannelImages) -> None:
        with pytest.raises(ClientUnusable, match="closed"):
            async for _batch in api.channel(5).inserts(concurrency=concurrency).drain(max_passes=10_000, wait=30):
                pass
        ended.append("async")

    async def in_tasks(url: str) -> None:
        async with AsyncChannelImages(url, token=TOKEN) as api:
            task = asyncio.create_task(drain_in_a_task(api))
            while not is_stalled.is_set():  # noqa: ASYNC110 - it is a thread's
                await asyncio.sleep(0)
            await api.channel(5).image(1)
            await api.close()
            async with asyncio.timeout(20):
                await task
        await asyncio.sleep(0)  # for the connections to be closed
        assert asyncio.all_tasks() == {asyncio.current_task()}

    ended: list[str] = []
    with RawServer(reply) as server:
        if surface == "sync":
            with ChannelImages(server.url, token=TOKEN) as api:
                thread = threading.Thread(target=drain, args=(api,))
                thread.start()
                assert is_stalled.wait(30)
                api.channel(5).image(1)
                api.close()
                thread.join(20)
        else:
            run(in_tasks(server.url))
    assert ended == [surface]
    assert not list(prefetching_threads())


# No list ends silently


def test_an_end_of_iteration_in_a_hook_is_no_end_of_the_list(surface: str) -> None:
    def stop(page: int, _limit: int) -> object:
        if page == 3:
            raise StopIteration
        return {"count": 30, "next": "x", "results": [{"pk": page}]}

    for concurrency in (1, 4):
        with pytest.raises(RuntimeError, match="StopIteration"):
            read(surface, FakeSender(stop), lambda channel: channel.images(limit=1, concurrency=concurrency).pages())  # noqa: B023 - called at once


@pytest.mark.parametrize("read_by", ["pages", "first"])
def test_a_front_that_is_counted_and_not_given_is_an_error(surface: str, read_by: str) -> None:
    sender = FakeSender(lambda _page, _limit: {"count": 7, "next": "x", "results": []})
    with pytest.raises(IncompleteListing, match="counts 7 images"):
        read(surface, sender, lambda channel: getattr(channel.images(), read_by)())


@pytest.mark.parametrize("read_by", ["pages", "count"])
def test_a_doubt_is_an_error_for_whoever_reads_all_pages(surface: str, read_by: str) -> None:
    """Each pass finds another image, as in a list that changes faster than it is read."""
    sender = FakeSender(lambda page, _limit: [{"pk": len(sender.asked)}] if page == 1 else [])
    with pytest.raises(IncompleteListing, match="images may be missing"):
        read(surface, sender, lambda channel: getattr(channel.inserts(limit=1, consistent=True), read_by)())


@pytest.mark.parametrize("images", [0, 30])
@pytest.mark.parametrize("read_by", ["pages", "count", "first"])
def test_a_next_page_that_is_promised_and_not_given_is_an_error(surface: str, read_by: str, images: int) -> None:
    """Where the server counts nothing, as with cursors."""
    sender = FakeSender(lambda page, limit: {"next": "x", "results": pending(images)(page, limit)})
    if read_by == "first" and images:
        assert read(surface, sender, lambda channel: channel.images().first()).pk == 1
        return
    with pytest.raises(IncompleteListing):
        read(surface, sender, lambda channel: getattr(channel.images(limit=10), read_by)())


@pytest.mark.parametrize(
    ("body", "first"),
    [
        ({"count": 0, "next": None, "results": []}, None),
        ([], None),
        ({"count": 4, "next": "x", "results": [{"pk": 3}]}, 3),
        ({"count": 4, "next": None, "results": [{"pk": 3}, {"pk": 5}]}, 3),
        ([{"pk": 3}], 3),
        ({"results": [{}]}, "no pk"),
    ],
)
def test_the_first_image_is_one_request(surface: str, body: object, first: object) -> None:
    sender = FakeSender(lambda _page, _limit: body)
    image = read(surface, sender, lambda channel: channel.images(concurrency=8).first())
    assert (image and (image.pk or "no pk")) == first
    assert sender.asked == [(1, 1, 0.0)]
