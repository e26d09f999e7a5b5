"""Batches of pending images, against the mock: nothing is lost, and nothing is reported that did not happen."""

import asyncio
import itertools
import logging
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest
from tests.wire import SURFACES, run

from channel_images import (
    AsyncChannelImages,
    BatchError,
    BatchStatus,
    ChannelImages,
    ChannelImagesError,
    ConfigurationError,
    FailedReason,
    ProductImage,
    Retries,
    ServerError,
)
from channel_images.mock import MockServer

CHANNEL = 7  # which is empty at first
AT_ONCE = Retries(max_wait=0)

Handle = Callable[[Any], object]


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


def work(
    surface: str, server: MockServer, handle: Handle, *, what: str = "inserts_or_updates", **options: Any
) -> list[Any]:
    """Iterate over batches by either client, and handle each in its `with` block; returns the batches."""
    client = {"token": server.token, "retries": options.pop("retries", AT_ONCE)}
    handled = []
    if surface == "sync":
        with ChannelImages(server.url, **client) as api:
            for batch in getattr(api.channel(CHANNEL), what)().batches(**options):
                handled.append(batch)
                with batch:
                    handle(batch)
        return handled

    async def in_tasks() -> None:
        async with AsyncChannelImages(server.url, **client) as api:
            async for batch in getattr(api.channel(CHANNEL), what)().batches(**options):
                handled.append(batch)
                async with batch:
                    done = handle(batch)
                    if asyncio.iscoroutine(done):
                        await done

    run(in_tasks())
    return handled


def remote(surface: str, server: MockServer, handle: Handle) -> list[Any]:
    """The same for the batches that a marketplace has."""
    handled: list[Any] = []
    if surface == "sync":
        with ChannelImages(server.url, token=server.token) as api:
            for batch in api.channel(CHANNEL).remote_batches():
                handled.append(batch)
                with batch:
                    handle(batch)
        return handled

    async def in_tasks() -> None:
        async with AsyncChannelImages(server.url, token=server.token) as api:
            async for batch in api.channel(CHANNEL).remote_batches():
                handled.append(batch)
                async with batch:
                    done = handle(batch)
                    if asyncio.iscoroutine(done):
                        await done

    run(in_tasks())
    return handled


def pending(server: MockServer) -> list[int]:
    with ChannelImages(server.url, token=server.token) as api:
        return [pk_of(image) for image in api.channel(CHANNEL).inserts_or_updates()]


def rows(server: MockServer, name: str, **params: Any) -> list[dict[str, Any]]:
    """What the platform lists: batch_requests, integration_actions."""
    with ChannelImages(server.url, token=server.token) as api:
        path = f"/api/v1/channel/{CHANNEL}/{name}/"
        listed: list[dict[str, Any]] = api.request("GET", path, params={"limit": 1000, **params}).json()["results"]
        return listed


def statuses(server: MockServer) -> list[str]:
    return [row["status"] for row in rows(server, "batch_requests")]


def pk_of(image: ProductImage) -> int:
    assert isinstance(image.pk, int)
    return image.pk


def add(server: MockServer, count: int) -> list[int]:
    return [server.add(CHANNEL)["pk"] for _ in range(count)]


def send_all(batch: Any) -> None:
    for image in batch:
        batch.sent(image, remote_id=f"shop-{image.pk}")


# The good way


def test_every_image_is_reported_with_its_version(surface: str, server: MockServer) -> None:
    pks = add(server, 5)

    batches = work(surface, server, send_all, size=2)

    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert [batch.status for batch in batches] == [BatchStatus.DONE] * 3
    assert pending(server) == []
    actions = rows(server, "integration_actions", content_type_name="productimage")
    with ChannelImages(server.url, token=server.token) as api:
        versions = {image.pk: image.modified_date for image in api.channel(CHANNEL).images()}
    assert {
        action["object_id"]: (action["remote_id"], datetime.fromisoformat(action["version_date"]), action["status"])
        for action in actions
    } == {pk: (f"shop-{pk}", versions[pk], "success") for pk in pks}


def test_what_is_asked_for(surface: str, server: MockServer) -> None:
    add(server, 3)

    work(surface, server, send_all, what="inserts")

    asked = [(request.method, request.path.split("/", 5)[5], request.status) for request in server.requests]
    (pk,) = (row["pk"] for row in rows(server, "batch_requests"))
    assert asked == [
        ("GET", "batch_requests/", 200),
        ("GET", "product_images/inserts/", 200),
        ("POST", "batch_requests/", 201),
        ("PATCH", f"batch_requests/{pk}/", 200),
        ("PATCH", f"batch_requests/{pk}/", 200),
        ("GET", "product_images/inserts/", 200),
    ]


def test_where_nothing_is_pending_no_batch_is_made(surface: str, server: MockServer) -> None:
    assert work(surface, server, send_all) == []
    assert statuses(server) == []


def test_nobody_else_gets_the_images_of_a_batch(surface: str, server: MockServer) -> None:
    pks = add(server, 3)
    seen = []

    def look(batch: Any) -> None:
        seen.append(pending(server))
        send_all(batch)

    work(surface, server, look, size=2)

    assert seen == [pks[2:], []]


def test_an_image_that_is_modified_meanwhile_comes_again_as_an_update(surface: str, server: MockServer) -> None:
    (pk,) = add(server, 1)
    widths = []

    def upload(batch: Any) -> None:
        (image,) = batch
        widths.append(image.width)
        if len(widths) == 1:
            server.modify(CHANNEL, pk, width=641)
        batch.sent(pk)

    assert len(work(surface, server, upload)) == 2
    assert widths == [1200 * 2 // 3, 641]
    assert pending(server) == []


# Refusals and errors


@pytest.mark.parametrize("reason", list(FailedReason))
def test_a_refused_image_is_pending_again(surface: str, server: MockServer, reason: FailedReason) -> None:
    pks = add(server, 5)

    def refuse(batch: Any) -> None:
        for image in batch:
            if image.pk in pks[1:4]:
                batch.failed(image, reason=str(reason))
            else:
                batch.sent(image)

    batches = work(surface, server, refuse, size=2)

    assert sorted(pk for batch in batches for pk in map(pk_of, batch)) == pks, "each came once"
    assert pending(server) == pks[1:4]
    (outcome,) = {row["failed_reason_type"] for each in rows(server, "batch_requests") for row in each["objects"]} - {
        None
    }
    assert outcome == reason
    assert len(work(surface, server, send_all, size=2)) == 2
    assert pending(server) == []


def test_an_error_fails_the_batch(surface: str, server: MockServer) -> None:
    pks = add(server, 3)

    def break_down(batch: Any) -> None:
        batch.sent(pks[0])
        raise OSError("the shop is closed")

    with pytest.raises(OSError, match="the shop is closed"):
        work(surface, server, break_down)

    assert statuses(server) == ["fail"]
    assert pending(server) == pks


def test_an_error_is_yours_although_the_batch_cannot_be_failed(surface: str, server: MockServer) -> None:
    pks = add(server, 3)

    def break_down(_batch: Any) -> None:
        server.fault("503:operation=batch_requests")
        raise OSError("the shop is closed")

    with pytest.raises(OSError, match="the shop is closed") as raised:
        work(surface, server, break_down, retries=Retries(attempts=1, max_wait=0))

    assert "could not be failed" in raised.value.__notes__[0]
    assert pending(server) == []
    server.clear_faults()
    work(surface, server, send_all)
    assert statuses(server) == ["fail", "done"]
    assert sorted(row["object_id"] for row in rows(server, "integration_actions", status="success")) == pks


def test_an_image_without_an_outcome_fails_the_batch(surface: str, server: MockServer) -> None:
    pks = add(server, 8)

    with pytest.raises(BatchError, match=r"7 of 8 images have no outcome \(pk .*, \.\.\.\)") as raised:
        work(surface, server, lambda batch: batch.sent(pks[3]))

    assert raised.value.pks == (*pks[:3], *pks[4:])
    assert statuses(server) == ["fail"]
    assert pending(server) == pks


def test_a_batch_can_be_given_up(surface: str, server: MockServer) -> None:
    pks = add(server, 4)

    def stop(batch: Any) -> None:
        batch.sent(pks[0])
        assert [image.pk for image in batch.remaining] == pks[1:]
        batch.release()

    assert len(work(surface, server, stop)) == 1
    assert pending(server) == pks[1:]


def test_a_batch_can_be_failed(surface: str, server: MockServer) -> None:
    pks = add(server, 2)

    (batch,) = work(surface, server, lambda batch: batch.fail())

    assert batch.status == BatchStatus.FAIL
    assert pending(server) == pks


def test_a_batch_that_somebody_else_ended_says_so(surface: str, server: MockServer) -> None:
    pks = add(server, 2)

    def interfere(batch: Any) -> None:
        send_all(batch)
        with ChannelImages(server.url, token=server.token) as other:
            path = f"/api/v1/channel/{CHANNEL}/batch_requests/{batch.pk}/"
            other.request("PATCH", path, json={"status": "fail"})

    with pytest.raises(BatchError, match="another run may have ended it"):
        work(surface, server, interfere)

    assert pending(server) == pks


@pytest.mark.parametrize("name", ["sent", "failed"])
def test_only_images_of_the_batch_have_outcomes(surface: str, server: MockServer, name: str) -> None:
    add(server, 1)

    with pytest.raises(ValueError, match="image 999999 is not in batch"):
        work(surface, server, lambda batch: getattr(batch, name)(999999))


def test_a_reason_is_one_of_three(surface: str, server: MockServer) -> None:
    (pk,) = add(server, 1)

    with pytest.raises(ValueError, match="tired"):
        work(surface, server, lambda batch: batch.failed(pk, reason="tired"))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"size": 0}, ValueError),
        ({"size": 2.5}, TypeError),
        ({"size": True}, TypeError),
        ({"abandoned_after": -1}, ConfigurationError),
        ({"abandoned_after": "soon"}, ConfigurationError),
    ],
)
def test_arguments_are_checked_before_anything_is_sent(
    server: MockServer, options: dict[str, Any], error: type[Exception]
) -> None:
    with ChannelImages(server.url, token=server.token) as api, pytest.raises(error):
        api.channel(CHANNEL).inserts().batches(**options)

    assert list(server.requests) == []


def test_a_batch_without_its_block_is_noticed(server: MockServer) -> None:
    pks = add(server, 3)
    with ChannelImages(server.url, token=server.token) as api:
        inserts = api.channel(CHANNEL).inserts()
        batches = inserts.batches(size=2)
        send_all(next(batches))
        with pytest.raises(BatchError, match="use each batch in a `with` block"):
            next(batches)

        for batch in inserts.batches(size=2):  # which finds it
            with batch:
                send_all(batch)

    assert statuses(server) == ["fail", "done", "done"]
    assert sorted(row["object_id"] for row in rows(server, "integration_actions", status="success")) == pks


# Several runs


def test_a_run_that_was_killed_loses_nothing(
    surface: str, server: MockServer, caplog: pytest.LogCaptureFixture
) -> None:
    pks = add(server, 3)
    with ChannelImages(server.url, token=server.token) as api:
        next(api.channel(CHANNEL).inserts().batches(size=2))  # and nothing more
    assert pending(server) == pks[2:]

    with caplog.at_level(logging.WARNING, "channel_images"):
        batches = work(surface, server, send_all, size=2)

    assert sorted(pk for batch in batches for pk in map(pk_of, batch)) == pks
    assert statuses(server) == ["fail", "done", "done"]
    assert "was left open" in caplog.text


@pytest.mark.parametrize(("ahead", "recovered"), [({}, True), ({"abandoned_after": 900}, False)])
def test_a_clock_that_is_ahead_hides_no_batch_that_was_left_open(
    surface: str, server: MockServer, monkeypatch: pytest.MonkeyPatch, ahead: dict[str, Any], recovered: bool
) -> None:
    pks = add(server, 2)
    monkeypatch.setattr("channel_images.mock.reporting.batch_requests.now", lambda: "2999-01-01T00:00:00.000000Z")
    with ChannelImages(server.url, token=server.token) as api:
        next(api.channel(CHANNEL).inserts().batches())  # and nothing more

    batches = work(surface, server, send_all, **ahead)

    assert [pk_of(image) for batch in batches for image in batch] == (pks if recovered else [])


def test_young_batches_can_be_left_to_others(surface: str, server: MockServer) -> None:
    pks = add(server, 3)
    with (
        ChannelImages(server.url, token=server.token) as other,
        next(other.channel(CHANNEL).inserts().batches(size=2)) as theirs,
    ):
        batches = work(surface, server, send_all, size=2, abandoned_after=900)
        send_all(theirs)

    assert [pk_of(image) for batch in batches for image in batch] == pks[2:]
    assert statuses(server) == ["done", "done"]
    assert pending(server) == []


@pytest.mark.parametrize("size", [1, 3, 100])
def test_clients_that_want_the_same_images_share_them(server: MockServer, size: int) -> None:
    """In lockstep, so that they read the same page before one of them takes it."""
    pks = add(server, 20)
    sent: list[int] = []

    def connector() -> None:
        with ChannelImages(server.url, token=server.token, retries=AT_ONCE) as api:
            for batch in api.channel(CHANNEL).inserts().batches(size=size, abandoned_after=900):
                with batch:
                    for image in batch:
                        sent.append(pk_of(image))
                        batch.sent(image)

    threads = [threading.Thread(target=connector) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(sent) == pks
    assert pending(server) == []


def test_threads_share_a_client(server: MockServer) -> None:
    pks = add(server, 30)
    sent: list[int] = []
    with ChannelImages(server.url, token=server.token, retries=AT_ONCE) as api:

        def connector() -> None:
            for batch in api.channel(CHANNEL).inserts().batches(size=4):
                with batch:
                    for image in batch:
                        sent.append(pk_of(image))
                        batch.sent(image)

        threads = [threading.Thread(target=connector) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(sent) == pks
    assert set(statuses(server)) <= {"done", "initialized"}


def test_tasks_share_a_client(server: MockServer) -> None:
    pks = add(server, 30)
    sent: list[int] = []

    async def connector(api: AsyncChannelImages) -> None:
        async for batch in api.channel(CHANNEL).inserts().batches(size=4):
            async with batch:
                for image in batch:
                    await asyncio.sleep(0)
                    sent.append(pk_of(image))
                    batch.sent(image)

    async def main() -> None:
        async with AsyncChannelImages(server.url, token=server.token, retries=AT_ONCE) as api:
            await asyncio.gather(*(connector(api) for _ in range(3)))

    run(main())

    assert sorted(sent) == pks


def test_a_cancelled_task_fails_its_batch(server: MockServer) -> None:
    pks = add(server, 3)

    async def main() -> None:
        async with AsyncChannelImages(server.url, token=server.token) as api:
            entered = asyncio.Event()

            async def connector() -> None:
                async for batch in api.channel(CHANNEL).inserts().batches():
                    async with batch:
                        entered.set()
                        await asyncio.Event().wait()

            task = asyncio.create_task(connector())
            await entered.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    run(main())

    assert statuses(server) == ["fail"]
    assert pending(server) == pks


def test_an_image_that_is_removed_before_it_is_taken_is_no_error(surface: str, server: MockServer) -> None:
    """The list is read, the image goes, and the platform refuses the batch."""
    pks = add(server, 4)
    server.fault("latency:seconds=0:operation=batch_requests")
    removed = iter([pks[1]])

    def remove(asked: Any) -> None:
        if asked.method == "POST":
            for pk in removed:
                server.remove(CHANNEL, pk)

    with ChannelImages(server.url, token=server.token, event_hooks={"request": [remove]}) as api:
        for batch in api.channel(CHANNEL).inserts().batches():
            with batch:
                send_all(batch)

    assert statuses(server) == ["done"], "the batch that was refused is the one that is used"
    assert sorted(row["object_id"] for row in rows(server, "integration_actions")) == [pks[0], *pks[2:]]


# Faults

LOST = ["reset:body", "truncate", "503", "502", "reset", "429"]


@pytest.mark.parametrize("spec", LOST)
@pytest.mark.parametrize("number", range(4))
def test_no_report_is_made_twice(surface: str, server: MockServer, spec: str, number: int) -> None:
    """One answer is lost: that about open batches, to the POST, to the commit, or to the outcomes."""
    pks = add(server, 3)
    server.fault(f"{spec}:first=1:skip={number}:operation=batch_requests")

    work(surface, server, send_all)

    assert statuses(server) == ["done"]
    assert pending(server) == []
    assert sorted(row["object_id"] for row in rows(server, "integration_actions", status="success")) == pks


def test_a_platform_that_stays_down_is_an_error_and_nothing_is_lost(surface: str, server: MockServer) -> None:
    pks = add(server, 3)

    def go_down(batch: Any) -> None:
        send_all(batch)
        server.fault("503:operation=batch_requests")

    with pytest.raises(ServerError):
        work(surface, server, go_down, retries=Retries(attempts=1, max_wait=0))

    server.clear_faults()
    work(surface, server, send_all)
    assert pending(server) == []
    assert sorted(row["object_id"] for row in rows(server, "integration_actions", status="success")) == pks


# Marketplaces that answer later


def hand_over(batch: Any) -> Any:
    return batch.sent_to_remote(f"job-{batch.pk}")


def test_a_marketplace_answers_in_a_later_run(surface: str, server: MockServer) -> None:
    pks = add(server, 4)
    work(surface, server, hand_over, size=2)
    assert statuses(server) == ["sent_to_remote", "sent_to_remote"]
    assert pending(server) == []

    assert work(surface, server, send_all) == [], "no later run takes them for left open"
    batches = remote(
        surface, server, lambda batch: batch.failed(pks[0]) if pks[0] in batch_pks(batch) else send_all(batch)
    )

    assert [batch.remote_batch_id for batch in batches] == [f"job-{batch.pk}" for batch in batches]
    assert statuses(server) == ["sent_to_remote", "done"], "one image of the first has no outcome"
    remote(surface, server, lambda batch: (batch.failed(pks[0]), batch.sent(pks[1], remote_id=5)))
    assert statuses(server) == ["done", "done"]
    assert pending(server) == pks[:1]


def batch_pks(batch: Any) -> Sequence[int]:
    return [pk_of(image) for image in batch]


def test_a_marketplace_that_is_not_done(surface: str, server: MockServer) -> None:
    add(server, 2)
    work(surface, server, hand_over)

    for _ in range(2):
        remote(surface, server, lambda batch: batch.ongoing())
        assert statuses(server) == ["ongoing"]

    remote(surface, server, send_all)
    assert statuses(server) == ["done"]


def test_an_error_leaves_a_batch_at_the_marketplace(surface: str, server: MockServer) -> None:
    add(server, 2)
    work(surface, server, hand_over)

    def break_down(batch: Any) -> None:
        send_all(batch)
        raise OSError("no answer")

    with pytest.raises(OSError, match="no answer"):
        remote(surface, server, break_down)

    assert statuses(server) == ["sent_to_remote"]


def test_a_marketplace_that_never_answers_can_be_given_up(surface: str, server: MockServer) -> None:
    pks = add(server, 2)
    work(surface, server, hand_over)

    remote(surface, server, lambda batch: batch.fail())

    assert statuses(server) == ["fail"]
    assert pending(server) == pks


def test_an_image_that_was_removed_needs_no_outcome(surface: str, server: MockServer) -> None:
    pks = add(server, 3)
    work(surface, server, hand_over)
    server.remove(CHANNEL, pks[1])
    server.modify(CHANNEL, pks[2], width=7)

    (batch,) = remote(surface, server, send_all)

    assert batch_pks(batch) == [pks[0], pks[2]]
    assert statuses(server) == ["done"]
    assert pending(server) == pks[2:], "the marketplace has the version of before"


# All at once


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_the_shop_has_every_image_at_its_last_version(surface: str, seed: int) -> None:
    rng = random.Random(seed)
    shop: dict[int, str] = {}
    refusing = True

    with MockServer(
        seed=seed,
        faults=[
            "503:rate=0.1:operation=batch_requests",
            "reset:body:rate=0.1:operation=batch_requests",
            "429:rate=0.05",
        ],
    ) as server:
        pks = add(server, 40)
        numbers = itertools.count()

        def upload(batch: Any) -> None:
            for image in batch:
                if refusing and rng.random() < 0.1:
                    batch.failed(image)
                    continue
                if refusing and rng.random() < 0.02:
                    raise OSError("the shop is closed")
                shop[pk_of(image)] = image.to_dict()["modified_date"]
                if refusing and rng.random() < 0.1:
                    server.modify(CHANNEL, rng.choice(pks), width=next(numbers) + 1)
                batch.sent(image)

        for attempt in range(30):
            refusing = attempt < 25
            try:
                work(surface, server, upload, size=7, retries=Retries(attempts=8, max_wait=0))
            except (OSError, ChannelImagesError):
                continue
        server.clear_faults()
        work(surface, server, upload)

        with ChannelImages(server.url, token=server.token) as api:
            assert shop == {image.pk: image.to_dict()["modified_date"] for image in api.channel(CHANNEL).images()}
        assert pending(server) == []
