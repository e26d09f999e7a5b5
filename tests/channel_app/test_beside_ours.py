"""channel_app beside this package's client: the requests of both, and what one leaves to the other."""

import re
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.channel_app.flow import agree
from tests.channel_app.platform import Platform
from tests.channel_app.shop import Shop
from tests.channel_app.test_kill import AFTER_THE_COMMIT, GUIDE
from tests.channel_app.worker import CHANNEL, Killed, Worker

from channel_images import ChannelImages
from channel_images.mock import MockServer

ROW = re.compile(r"^\| `(GET|POST|PATCH) (\S+)` \| (.*) \|$", re.MULTILINE)
Requests = Counter[str]


def upload(api: ChannelImages, shop: Shop) -> None:
    """Work off the inserts with our client."""
    for batch in api.channel(CHANNEL).inserts().batches(size=100):
        with batch:
            for image in batch:
                row = image.to_dict()
                shop.images[row["pk"]] = row["modified_date"]
                batch.sent(image, remote_id=f"shop-{image.pk}")


@contextmanager
def client(server: MockServer) -> Iterator[ChannelImages]:
    trusted = ssl.create_default_context(cafile=server.ca_file)
    with ChannelImages(server.url, username="mock", password="mock", verify=trusted) as api:
        yield api


@contextmanager
def hundred_inserts() -> Iterator[MockServer]:
    """A channel with one full batch, each image of a product of its own."""
    with MockServer(images=0, tls=True) as server:
        for _ in range(100):
            server.add(CHANNEL)
        yield server


def counted(server: MockServer, start: int = 0) -> Requests:
    paths = (re.sub(r"(batch_requests)/\d+", r"\1/{pk}", request.path) for request in server.requests[start:])
    methods = (request.method for request in server.requests[start:])
    return Counter(f"{method} {path.removeprefix('/api/v1/')}" for method, path in zip(methods, paths, strict=True))


def of_channel_app() -> Iterator[Requests]:
    with hundred_inserts() as server, Shop({}) as shop, Worker(server, shop) as worker:
        for _ in range(2):
            start = len(server.requests)
            assert worker.run("insert_product_images", add_product_objects=True) is None
            yield counted(server, start)
        assert len(shop.images) == 100


def of_ours() -> Iterator[Requests]:
    with hundred_inserts() as server, Shop({}) as shop, client(server) as api:
        for _ in range(2):
            start = len(server.requests)
            upload(api, shop)
            yield counted(server, start)
        assert len(shop.images) == 100


def test_the_guide_shows_the_requests_of_both() -> None:
    shown: list[Requests] = [Counter() for _ in range(4)]
    for method, path, cells in ROW.findall(GUIDE.read_text(encoding="utf-8")):
        for requests, cell in zip(shown, cells.split(" | "), strict=True):
            requests[f"{method} {path}"] = int(cell or 0)

    assert shown == [*of_channel_app(), *of_ours()]
    totals = " | ".join(f"{requests.total()}" for requests in shown)
    assert f"| together | {totals} |" in GUIDE.read_text(encoding="utf-8")


def test_our_client_works_off_what_channel_app_has_left_open(
    server: MockServer, platform: Platform, shop: Shop
) -> None:
    inserts = platform.pending("inserts")
    with Worker(server, shop, kill_at=AFTER_THE_COMMIT) as killed, pytest.raises(Killed):
        killed.run("insert_product_images", add_product_objects=True)
    assert not platform.pending("inserts")

    with client(server) as api:
        upload(api, shop)

    assert inserts <= set(shop.images)
    assert [batch.status for batch in platform.batches()] == ["fail", "done"]


def test_channel_app_goes_on_where_our_client_has_ended(
    server: MockServer, worker: Worker, platform: Platform, shop: Shop
) -> None:
    with client(server) as api:
        upload(api, shop)

    assert worker.run("update_product_images", add_product_objects=True) is None
    assert agree(platform, shop)
