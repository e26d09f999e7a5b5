"""channel_app on bad days: failed requests, answers that are lost, edits meanwhile."""

from random import Random

import pytest
from tests.channel_app.editor import Editor
from tests.channel_app.flow import agree, settle, work_off
from tests.channel_app.platform import Platform
from tests.channel_app.shop import Shop
from tests.channel_app.worker import CHANNEL, Worker

from channel_images.mock import Faults, MockServer
from channel_images.mock.beside import BESIDE
from channel_images.mock.operations import operations

FAULTS = ("503:first=2", "429:first=1", "reset:first=2", "reset:body:first=1", "truncate:first=1", "garbage:first=1")
PLACES = (
    *(f"operation={name}" for name in BESIDE if name != "active_user"),
    "operation=listProductImageInserts",
    "operation=listProductImageUpdates",
    "operation=listProductImages",
    # A batch is made, its images are taken, it is ended: each of them.
    "skip=4:operation=batch_requests",
    "skip=9:operation=batch_requests",
    "skip=14:operation=batch_requests",
    # When a batch is ended.
    "skip=5:operation=integration_actions",
    "skip=6:operation=integration_actions",
    "skip=7:operation=products",
    "skip=8:operation=products",
)
TIMES = pytest.mark.parametrize("is_sync", [True, False], ids=["at-once", "later"])


@TIMES
@pytest.mark.parametrize("fault", FAULTS)
def test_no_image_is_lost_where_requests_fail(
    fault: str, is_sync: bool, server: MockServer, worker: Worker, platform: Platform, shop: Shop
) -> None:
    """Where the answer is lost, the request was worked on: omnisdk sends it again, and mostly that is refused."""
    server.fault("401:skip=1:first=1:operation=channels", *(f"{fault}:{place}" for place in PLACES))

    while any(not standing.struck for standing in server.faults.standings):
        server.add(CHANNEL)
        work_off(worker, platform, is_sync=is_sync)

    server.clear_faults()
    settle(worker, platform)
    assert agree(platform, shop)


@TIMES
@pytest.mark.parametrize("seed", range(3))
def test_no_edit_is_lost_at_any_request(seed: int, is_sync: bool) -> None:
    """Each edit falls between two requests of a batch: after one was worked on, before its answer is there."""
    random, edits = Random(seed), 60

    async def edit_now_and_then(_seconds: float) -> None:
        nonlocal edits
        if edits and random.random() < 0.3:
            edits -= 1
            editor.edit(1)

    everywhere = ",".join([*operations(), *BESIDE])
    faults = Faults([f"latency:seconds=1:operation={everywhere}"], sleep=edit_now_and_then)
    with MockServer(images=100, tls=True, faults=faults) as server, Platform(server) as platform:
        editor = Editor(server, random, sorted(platform.images()))
        with Shop(platform.sent_before()) as shop, Worker(server, shop) as worker:
            while edits:
                work_off(worker, platform, is_sync=is_sync)
            settle(worker, platform, is_sync=is_sync)
            assert agree(platform, shop)
