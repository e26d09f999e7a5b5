"""`kill -9` at points that a seed chooses, with edits, refusals and faults meanwhile: nothing is lost, nothing is made up.

Each point is the Nth request that the platform or the shop gets from a run. The request is lost, or it is carried out and
nobody hears the answer. Ten points for each connector, in two stories; `CONNECTOR_KILLS=50` has fifty, in ten.
"""

import os
import random
import signal
from collections.abc import Iterator
from datetime import datetime
from threading import Lock

import pytest
from attrs import define, field, frozen
from starlette.types import ASGIApp, Receive, Scope, Send

from channel_images import ChannelImages
from channel_images.mock import MockServer
from conftest import Process, TestShop

IMAGES = 24
KILLS = 5  # in one story
STORIES = int(os.environ.get("CONNECTOR_KILLS", "10")) // KILLS
FAULTS = (
    "503:retry-after=0:every=9:operation=batch_requests",
    "429:retry-after=0:every=5:operation=listProductImageInsertsOrUpdates",
    "reset:every=17:operation=batch_requests",
    "reset:body:every=13:operation=batch_requests",
)


@define
class Executioner:
    """Kills a run at its Nth request to one side."""

    victim: Process | None = None
    side: str = ""
    left: int = 0
    is_lost: bool = False
    _lock: Lock = field(factory=Lock)

    def run(self, script: str, environ: dict[str, str], side: str, at: int, *, is_lost: bool) -> int:
        """Let a connector run until it is killed; returns its exit code."""
        with self._lock:  # no request is before the count
            self.victim, self.side, self.left, self.is_lost = Process(script, environ), side, at, is_lost
        with self.victim:
            return self.victim.end()

    def sees(self, side: str) -> bool:
        """Note a request; returns whether it is lost."""
        with self._lock:
            if self.victim is None or side != self.side:
                return False
            self.left -= 1
            if self.left == 0:
                self.victim.kill()
            # What comes after it is of a process that is dead.
            return self.is_lost and self.left <= 0


@frozen
class Watched:
    """The platform, watched by the executioner."""

    app: ASGIApp
    executioner: Executioner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.executioner.sees("platform"):
            await send({"type": "http.response.start", "status": 503})
            await send({"type": "http.response.body"})
        else:
            await self.app(scope, receive, send)


@pytest.fixture
def executioner() -> Executioner:
    return Executioner()


@pytest.fixture
def server(executioner: Executioner) -> Iterator[MockServer]:
    server = MockServer()
    server.app.add_middleware(Watched, executioner=executioner)
    with server:
        yield server


@pytest.mark.parametrize("seed", range(STORIES))
def test_no_kill_loses_an_image(
    script: str, seed: int, server: MockServer, shop: TestShop, executioner: Executioner
) -> None:
    chance = random.Random(seed)
    pks = [server.add(7, width=640)["pk"] for _ in range(IMAGES)]
    refusals = dict.fromkeys(chance.sample(pks, 4), 2)
    edits = chance.choices(pks, k=3 * KILLS)
    server.fault(*FAULTS)

    def on_put(pk: int) -> int | None:
        if executioner.sees("shop"):
            return 503
        if edits and chance.random() < 0.3:
            server.modify(7, chance.choice([pk, edits.pop()]), width=641)  # this one, while it is uploaded, or another
        if refusals.get(pk):
            refusals[pk] -= 1
            return 422
        return None

    shop.on_put = on_put
    environ = {**server.environ(channel=7), "SHOP_URL": shop.url, "POLL_SECONDS": "0"}
    for _ in range(KILLS):
        for pk in chance.sample(pks, IMAGES // 2):
            server.modify(7, pk, width=642)  # so that there is work
        side = chance.choice(["platform", "shop"])
        at = chance.randint(1, 10 if side == "platform" else IMAGES // 2)
        assert executioner.run(script, environ, side, at, is_lost=chance.random() < 0.5) == -signal.SIGKILL
    executioner.victim = None
    server.clear_faults()
    with Process(script, environ) as connector:
        connector.until(": 0 images in 0 batches")
        assert connector.end(signal.SIGTERM) == 0

    with ChannelImages(server.url, token=server.token) as api:
        versions = {image.pk: image.modified_date for image in api.channel(7).images(page_size=1000)}
        assert list(api.channel(7).inserts_or_updates()) == []
    assert shop.versions == versions
    actions = server.integration_actions(7)
    assert {each.status for each in actions} == {"success"}
    assert {each.object_id: datetime.fromisoformat(each.version_date or "") for each in actions} == versions
    assert {batch.status for batch in server.batches(7)} == {"done", "fail"}
