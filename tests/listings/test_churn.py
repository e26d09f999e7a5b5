"""The client against the mock server while the mock's data changes: the consistent walk loses nothing, the plain one does."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from channel_images import ChannelImages, IncompleteListing
from channel_images.mock import Churn, MockServer
from channel_images.mock.data.channel import Query

SEEDS = range(50)
SOCKETS = range(0, 50, 10)
"""Seeds with a real socket between client and server."""
IMAGES = 300
CASES = [
    (seed, variant) for seed in SEEDS for variant in ("", "descending", "limit-clamped") if not variant or seed % 5 == 0
]


@contextmanager
def serving(seed: int, variant: str, churn: Churn, images: int = IMAGES) -> Iterator[tuple[MockServer, ChannelImages]]:
    """A mock server whose data changes before each list request, and a client of it."""
    with MockServer(images=images, seed=seed, variants=[variant] if variant else [], churn=churn) as server:
        transport = httpx.HTTPTransport() if seed in SOCKETS else server.transport
        with ChannelImages(server.url, token=server.token, transport=transport) as api:
            yield server, api


def listed(server: MockServer) -> set[int]:
    """The pks of channel 5 now; to look changes nothing. A pk that has left does not come back."""
    listing = server._store.listing(5, Query())
    return set(listing.slice(0, listing.count))


@pytest.mark.parametrize(("seed", "variant"), CASES)
def test_what_was_there_throughout_is_listed_once(seed: int, variant: str) -> None:
    with serving(seed, variant, Churn(adds=1, removes=2, modifies=1, sends=1, seed=seed)) as (server, api):
        for concurrency, limit in ((1, 100), (4, 40)):
            server.reset()
            before = listed(server)
            images = [
                image.pk for image in api.channel(5).images(consistent=True, page_size=limit, concurrency=concurrency)
            ]
            assert len(images) == len(set(images))
            assert before & listed(server) <= set(images)
            assert len(server.requests) < 2.5 * IMAGES / min(limit, 20 if variant == "limit-clamped" else limit) + 10
            changes = before ^ listed(server)
            assert len(changes) >= 2 * len(server.requests), "each request found other data"


def test_the_plain_walk_loses_images() -> None:
    lost = 0
    for seed in SEEDS[:10]:
        with serving(seed, "", Churn(adds=1, removes=2, seed=seed)) as (server, api):
            before = listed(server)
            images = {image.pk for image in api.channel(5).images(page_size=40)}
            lost += len(before & listed(server) - images)
    assert lost > 20


@pytest.mark.parametrize("seed", SEEDS[:10])
def test_windows_that_share_no_row_are_made_to(seed: int) -> None:
    """Twelve rows leave between two windows of 20, so that the walk has to step back."""
    with serving(seed, "", Churn(removes=12, seed=seed)) as (server, api):
        before = listed(server)
        images = [image.pk for image in api.channel(5).images(consistent=True, page_size=20)]
        assert len(images) == len(set(images))
        assert before & listed(server) <= set(images)


@pytest.mark.parametrize("seed", SEEDS[:5])
def test_changes_that_allow_no_proof_are_told(seed: int) -> None:
    """Pages of two rows cannot overlap, and no two passes are the same."""
    images: list[object] = []

    def read(api: ChannelImages) -> None:
        images.extend(image.pk for image in api.channel(5).images(consistent=True, page_size=2))

    with (
        serving(seed, "", Churn(adds=1, removes=1, seed=seed), images=30) as (_, api),
        pytest.raises(IncompleteListing, match="changed too fast") as raised,
    ):
        read(api)
    assert raised.value.windows
    assert raised.value.passes > 1
    assert len(images) == len(set(images))


@pytest.mark.parametrize("seed", SEEDS[:5])
def test_pending_work_is_drained_while_others_work_on_it(seed: int) -> None:
    with serving(seed, "", Churn(adds=1, sends=1, modifies=1, rate=0.3, seed=seed)) as (server, api):
        versions: set[tuple[object, object]] = set()
        for batch in api.channel(5).inserts().drain(wait=0):
            for image in batch:
                assert (image.pk, image.modified_date) not in versions
                versions.add((image.pk, image.modified_date))
                assert isinstance(image.pk, int)
                server.mark_sent(5, image.pk)
        assert versions
