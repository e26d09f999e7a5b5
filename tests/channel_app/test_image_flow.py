"""channel_app works a channel off: inserts and updates, at once or with a shop that answers later."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import pytest
from attrs import frozen
from tests.channel_app.flow import agree, run_tasks, work_off
from tests.channel_app.platform import Platform
from tests.channel_app.shop import Shop
from tests.channel_app.worker import CHANNEL, Worker

from channel_images.mock import MockServer

TIMES = pytest.mark.parametrize("is_sync", [True, False], ids=["at-once", "later"])


@TIMES
def test_it_runs_until_nothing_is_pending(
    is_sync: bool, server: MockServer, worker: Worker, platform: Platform, shop: Shop
) -> None:
    """More inserts than a batch holds, and updates."""
    for _ in range(150):
        server.add(CHANNEL)
    assert len(platform.pending("inserts")) > 200
    assert platform.pending("updates")

    assert work_off(worker, platform, is_sync=is_sync) == []

    assert agree(platform, shop)
    assert {batch.status for batch in platform.batches()} == {"done"}
    assert [report for report in server.error_reports(CHANNEL) if not report["is_ok"]] == []


def test_a_batch_waits_for_a_shop_that_answers_later(worker: Worker, platform: Platform, shop: Shop) -> None:
    inserts = platform.pending("inserts")

    assert worker.run("insert_product_images", is_sync=False, add_product_objects=True) is None
    (batch,) = platform.batches("sent_to_remote")
    assert batch.remote_batch_id == "batch-0"
    assert not platform.pending("inserts") & inserts

    assert worker.run("get_image_batch_requests") is None
    assert platform.batches("sent_to_remote") == [batch]
    assert worker.run("get_image_batch_requests") is None
    (batch,) = platform.batches("done")
    assert {taken.pk for taken in batch.objects if str(taken.remote_id).startswith("shop-SKU-")} == inserts


@TIMES
def test_images_that_the_shop_refuses_are_pending_again(
    is_sync: bool, server: MockServer, worker: Worker, platform: Platform, shop: Shop
) -> None:
    inserts = platform.pending("inserts")
    refused = {row["pk"] for row in platform.rows() if row["pk"] in inserts and row["product"] % 3 == 0}
    assert refused
    assert refused < inserts
    shop.refused = {f"SKU-{row['product']}" for row in platform.rows() if row["pk"] in refused}

    for _ in range(2):
        assert run_tasks(worker, is_sync=is_sync) == []

    assert platform.pending("inserts") == refused
    actions = {action.object_id: action.status for action in server.integration_actions(CHANNEL)}
    assert {pk for pk in inserts if actions[pk] == "error"} == refused
    shop.refused.clear()
    assert work_off(worker, platform, is_sync=is_sync) == []
    assert agree(platform, shop)


@TIMES
def test_a_delivery_that_the_shop_fails_is_made_again(
    is_sync: bool, worker: Worker, platform: Platform, shop: Shop
) -> None:
    pending = platform.pending()
    shop.outages = 2

    assert run_tasks(worker, is_sync=is_sync) == []
    assert platform.pending() == pending
    assert [batch.status for batch in platform.batches()] == ["done", "done"]

    assert work_off(worker, platform, is_sync=is_sync) == []
    assert agree(platform, shop)


def test_a_batch_that_fails_gives_its_images_back(
    server: MockServer, worker: Worker, platform: Platform, shop: Shop
) -> None:
    """omnisdk does not repeat a request that was answered with 429, and channel_app fails the batch."""
    inserts = platform.pending("inserts")
    server.fault("429:first=1:operation=listProductImages")

    assert worker.run("insert_product_images", add_product_objects=True) is None

    assert [batch.status for batch in platform.batches()] == ["fail"]
    assert platform.pending("inserts") == inserts
    assert work_off(worker, platform) == []
    assert agree(platform, shop)


def test_a_token_that_expires_is_renewed_within_a_batch(
    server: MockServer, worker: Worker, platform: Platform, shop: Shop
) -> None:
    for skip in (0, 1, 2):  # a batch is made, taken, ended
        server.fault(f"401:skip={skip}:first=1:operation=batch_requests")
        assert worker.run("insert_product_images", add_product_objects=True) is None
        server.clear_faults()

    assert [request.status for request in server.requests if request.operation == "login"] == [200] * 4
    assert work_off(worker, platform) == []
    assert agree(platform, shop)


@frozen
class Process:
    """The mock as a command, and what it has printed."""

    url: str
    ca_file: str


@contextmanager
def command() -> Iterator[Process]:
    arguments = [sys.executable, "-m", "channel_images.cli", "mock", "--tls", "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = dict(line.split(maxsplit=1) for line in islice(process.stdout, 2))
        try:
            yield Process(printed["URL"].strip(), printed["CA"].strip())
        finally:
            process.terminate()
            process.communicate()


def test_the_mock_may_be_a_process_of_its_own() -> None:
    with command() as mock, Shop({}) as shop, Worker(mock, shop) as worker:
        assert worker.run("insert_product_images", add_product_objects=True) is None

    assert len(shop.images) == 100
