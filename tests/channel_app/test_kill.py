"""What becomes of a batch whose connector is killed with SIGKILL."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import NoReturn

import pytest
from tests.channel_app.editor import Editor
from tests.channel_app.flow import agree, run_tasks, settle
from tests.channel_app.platform import Platform
from tests.channel_app.shop import Shop
from tests.channel_app.worker import Killed, Worker

from channel_images.mock import MockServer

GUIDE = Path(__file__).parents[2] / "docs" / "migrating.md"
AFTER_THE_COMMIT = 10
"""It is the fifth request: signing in, the channel, a batch, the images, the commit."""


def test_images_of_a_batch_that_is_open_stay_hidden_until_an_operator_fails_it(
    server: MockServer, worker: Worker, platform: Platform, shop: Shop
) -> None:
    inserts = platform.pending("inserts")
    with Worker(server, shop, kill_at=AFTER_THE_COMMIT) as killed, pytest.raises(Killed):
        killed.run("insert_product_images", add_product_objects=True)
    (batch,) = platform.batches("commit")
    assert {taken.pk for taken in batch.objects} == inserts

    assert run_tasks(worker) == []
    assert not inserts & set(shop.images)
    assert platform.batches("commit") == [batch]

    assert platform.fail_batches("commit") == 1
    assert platform.pending("inserts") == inserts
    settle(worker, platform)
    assert agree(platform, shop)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_an_operator_may_take_the_lines_of_the_guide(server: MockServer, platform: Platform, shop: Shop) -> None:
    with Worker(server, shop, kill_at=AFTER_THE_COMMIT) as killed, pytest.raises(Killed):
        killed.run("insert_product_images", add_product_objects=True)
    (batch,) = platform.batches("commit")
    (script,) = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)

    done = subprocess.run(
        ["sh", "-ec", script.replace("curl ", "curl -sS --fail ").replace("/17/", f"/{batch.pk}/")],
        env={
            "PATH": os.environ["PATH"],
            "TOKEN": server.token,
            "OMNITRON_URL": f"{server.url}/",
            "CURL_CA_BUNDLE": server.ca_file,
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert batch.local_batch_id in done.stdout
    assert [batch.status for batch in platform.batches()] == ["fail"]


def run_on(worker: Worker, *, is_sync: bool) -> NoReturn:
    while True:
        run_tasks(worker, is_sync=is_sync)


@pytest.mark.parametrize("seed", range(6))
def test_no_image_is_lost_where_the_connector_is_killed(seed: int) -> None:
    """Three times, at any moment, with edits meanwhile; the operator comes now and then."""
    random = Random(seed)
    with MockServer(images=100, tls=True) as server, Platform(server) as platform:
        editor = Editor(server, random, sorted(platform.images()))
        with Shop(platform.sent_before()) as shop:
            shop.on_delivery = lambda _pks: editor.edit(2)
            for _ in range(3):
                kill_at, is_sync = random.randint(1, 90), random.choice([True, False])
                with Worker(server, shop, kill_at=kill_at) as worker, pytest.raises(Killed):
                    run_on(worker, is_sync=is_sync)
                editor.edit(10)
                if random.random() < 0.5:
                    platform.fail_batches("initialized", "commit")
            shop.on_delivery = lambda _pks: None
            with Worker(server, shop) as worker:
                settle(worker, platform, is_sync=random.choice([True, False]))
            assert agree(platform, shop)
