"""What the published framework does by itself, where the connector has to help."""

import subprocess

from tests.channel_app.platform import Platform
from tests.channel_app.shop import Shop
from tests.channel_app.worker import PYTHON, UNCHANGED, Worker

from channel_images.mock import MockServer


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
    (*_, report) = server.error_reports(5)
    assert str(report["raw_response"]).startswith("'list' object has no attribute 'pk'")
