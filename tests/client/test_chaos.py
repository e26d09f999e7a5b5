"""Four hundred pages through a network in which every fifth answer goes wrong."""

from collections.abc import Iterator

import pytest
from tests.wire import SURFACES, list_pks

from channel_images import Retries
from channel_images.mock import MockServer

PAGES = 400
LIMIT = 10
KINDS = (
    "408",
    "429:retry-after=0",
    "429:retry-after=date-30",
    "500",
    "500:html",
    "502",
    "503:retry-after=soon",
    "504",
    "520:html",
    "527",
    "599",
    "200:html",
    "latency:seconds=5",
    "reset",
    "reset:body",
    "truncate",
    "truncate:bytes=0",
    "drip:seconds=5",
    "garbage",
    "garbage:tail",
)
"""Each strikes in its turn; what takes time outlasts the client's patience."""
RETRIES = Retries(attempts=20, max_wait=0)


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(channels={5: PAGES * LIMIT}) as server:
        yield server


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("surface", SURFACES)
def test_every_image_comes_once(surface: str, concurrency: int, server: MockServer) -> None:
    server.reset()
    every = 5 * len(KINDS)
    server.fault(*(f"{kind}:every={every}:skip={5 * turn}" for turn, kind in enumerate(KINDS)))
    pks = list_pks(
        surface, server.url, limit=LIMIT, concurrency=concurrency, token=server.token, retries=RETRIES, timeout=0.1
    )
    assert len(pks) == PAGES * LIMIT
    assert len(set(pks)) == PAGES * LIMIT
    assert all(standing.struck for standing in server.faults.standings)
