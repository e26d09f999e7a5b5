"""What the published framework does by itself, where the connector has to help."""

import subprocess

from tests.channel_app.platform import Platform
from tests.channel_app.shop import Shop
from tests.channel_app.worker import CHANNEL, PYTHON, UNCHANGED, Worker

from channel_images.mock import Faults, MockServer


def test_it_imports_a_name_that_no_published_omnisdk_has() -> None:
    done = subprocess.run([PYTHON, "-c", f"import {UNCHANGED}"], capture_output=True, text=True, check=False)

    assert "cannot import name 'ChannelOperationalEventEndpoint' from 'omnisdk.omnitron.endpoints'" in done.stderr


def test_each_batch_of_images_ends_in_fail_and_its_images_are_pending_again(
    server: MockServer, platform: Platform, shop: Shop
) -> None:
    inserts = platform.pending("inserts")
    with Worker(server, shop, omnitron=UNCHANGED) as worker:
        for _ in range(2):
            assert worker.run("insert_product_images", add_product_objects=True) is None

    assert set(shop.images) >= inserts
    assert [batch.status for batch in platform.batches()] == ["fail", "fail"]
    assert platform.pending("inserts") == inserts
    (*_, report) = server.error_reports(CHANNEL)
    assert str(report["raw_response"]).startswith("'list' object has no attribute 'pk'")


def test_a_batch_none_of_whose_products_was_sent_stays_open() -> None:
    """The mock's products were all sent, but for those without any image: these are removed right after the commit."""

    async def remove_all(_seconds: float) -> None:
        for pk in pks:
            server.remove(CHANNEL, pk)

    faults = Faults(["latency:seconds=1:skip=1:first=1:operation=batch_requests"], sleep=remove_all)
    with MockServer(images=0, tls=True, faults=faults) as server, Shop({}) as shop, Worker(server, shop) as worker:
        pks = [pk for pk in (server.add(CHANNEL)["pk"] for _ in range(3)) if isinstance(pk, int)]

        assert worker.run("insert_product_images", add_product_objects=True) is None

        assert shop.images == {}
        assert [batch.status for batch in server.batches(CHANNEL)] == ["commit"]
        assert {report["raw_response"] for report in server.error_reports(CHANNEL)} == {
            "channel_app-Product has not been sent"
        }


def test_a_batch_stays_open_where_the_shop_cannot_be_reached(server: MockServer, platform: Platform) -> None:
    with Shop({}) as shop:
        pass
    with Worker(server, shop) as worker:
        error = worker.run("insert_product_images", add_product_objects=True)

    assert error is not None
    assert error.startswith("ConnectionError")
    assert [batch.status for batch in platform.batches()] == ["commit"]


def test_a_batch_stays_open_where_it_cannot_be_ended(
    server: MockServer, worker: Worker, platform: Platform, shop: Shop
) -> None:
    server.fault("429:skip=2:operation=batch_requests")

    error = worker.run("insert_product_images", add_product_objects=True)

    assert error is not None
    assert error.startswith("HTTPError")
    assert [batch.status for batch in platform.batches()] == ["commit"]
    assert shop.images
