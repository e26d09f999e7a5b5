"""Both connectors, as processes, against the mock and a shop: rounds, refusals, signals, restarts, settings."""

import signal
from datetime import datetime
from threading import Event

import pytest

from channel_images import ChannelImages, ConfigurationError
from channel_images.pytest_plugin import ChannelImagesMock
from config import Config
from conftest import Process, TestShop
from shop import version

IDLE = ": 0 images in 0 batches"  # what a round without work says


def add(mock: ChannelImagesMock, count: int) -> dict[int, datetime]:
    """Add images to channel 7; returns the version of each."""
    return {row["pk"]: version(row) for row in (mock.add(7, width=640) for _ in range(count))}


def pending(mock: ChannelImagesMock) -> list[int]:
    return [image.pk for image in mock.api.channel(7).pending(consistent=True)]


# Rounds


def test_what_is_pending_is_in_the_shop_and_reported(
    script: str, environ: dict[str, str], channel_images_mock: ChannelImagesMock, shop: TestShop
) -> None:
    versions = add(channel_images_mock, 120)

    with Process(script, environ) as connector:
        connector.until("120 images in 2 batches")
        connector.until(IDLE)
        assert shop.versions == versions
        assert pending(channel_images_mock) == []
        pk = min(versions)
        versions[pk] = version(channel_images_mock.modify(7, pk, width=800))
        connector.until("1 image in 1 batch")
        assert connector.end(signal.SIGTERM) == 0

    assert shop.versions == versions
    assert pending(channel_images_mock) == []
    reported = {each.object_id: each.remote_id for each in channel_images_mock.server.integration_actions(7)}
    assert reported == {pk: f"images/{pk}" for pk in versions}


def test_what_the_shop_refuses_holds_up_nobody_and_is_tried_again(
    script: str, environ: dict[str, str], channel_images_mock: ChannelImagesMock, shop: TestShop
) -> None:
    versions = add(channel_images_mock, 3)
    small = channel_images_mock.add(7, width=100)["pk"]

    with Process(script, environ) as connector:
        connector.until(f"image {small} is refused: the shop wants 500 pixels, not 100")
        connector.until("4 images in 1 batch")
        connector.until("1 image in 1 batch")
        versions[small] = version(channel_images_mock.modify(7, small, width=500))
        connector.until(IDLE)
        assert connector.end(signal.SIGTERM) == 0

    assert shop.versions == versions
    assert pending(channel_images_mock) == []


def test_a_shop_that_fails_is_tried_again(
    script: str, environ: dict[str, str], channel_images_mock: ChannelImagesMock, shop: TestShop
) -> None:
    versions = add(channel_images_mock, 3)
    shop.on_put = lambda pk: 503

    with Process(script, environ) as connector:
        connector.until("is refused: not today")
        shop.on_put = lambda pk: None
        connector.until(IDLE)
        assert connector.end(signal.SIGTERM) == 0

    assert shop.versions == versions
    assert pending(channel_images_mock) == []


def test_a_shop_that_is_not_there_fails_the_batch(
    script: str, environ: dict[str, str], channel_images_mock: ChannelImagesMock, shop: TestShop
) -> None:
    versions = add(channel_images_mock, 3)
    shop.shutdown()
    shop.server_close()

    with Process(script, environ) as connector:
        connector.until("ERROR connector: batch 1, whose images come again: ")
        assert connector.end(signal.SIGTERM) == 0

    assert channel_images_mock.server.batches(7)[0].status == "fail"
    assert set(pending(channel_images_mock)) == set(versions)


def test_a_report_that_is_refused_is_made_again(
    script: str, environ: dict[str, str], channel_images_mock: ChannelImagesMock, shop: TestShop
) -> None:
    versions = add(channel_images_mock, 3)
    channel_images_mock.fault("403:first=1:skip=3:operation=batch_requests")

    with Process(script, environ) as connector:
        connector.until("ERROR connector: batch 1, whose images come again: ")
        connector.until(IDLE)
        assert connector.end(signal.SIGTERM) == 0

    assert shop.versions == versions
    assert pending(channel_images_mock) == []


def test_a_token_that_is_refused_ends_it(
    script: str, environ: dict[str, str], channel_images_mock: ChannelImagesMock
) -> None:
    with Process(script, {**environ, "CHANNEL_IMAGES_TOKEN": "another-token"}) as connector:
        assert connector.end() == 1
        assert connector.log[-1].startswith("connector: GET ")


# Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_wait_for_the_next_round(script: str, environ: dict[str, str], number: int) -> None:
    with Process(script, {**environ, "POLL_SECONDS": "3600"}) as connector:
        connector.until(IDLE)
        assert connector.end(number) == 0
        assert "Traceback" not in "".join(connector.log)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_breaks_off_an_upload_and_gives_back_what_is_not_in_the_shop(
    script: str, number: int, environ: dict[str, str], channel_images_mock: ChannelImagesMock, shop: TestShop
) -> None:
    versions = add(channel_images_mock, 40)
    held, reached, go_on = set(sorted(versions)[20:]), Event(), Event()

    def hold(pk: int) -> int | None:
        if pk in held:
            reached.set()
            go_on.wait(60)
            return 503
        return None

    shop.on_put = hold
    with Process(script, environ) as connector:
        assert reached.wait(60)
        assert connector.end(number) == 0
        assert "Traceback" not in "".join(connector.log)
    go_on.set()

    (batch,) = channel_images_mock.server.batches(7)
    assert batch.status == "done"
    waiting = set(pending(channel_images_mock))
    assert held <= waiting
    assert versions.keys() - shop.versions.keys() <= waiting < versions.keys()

    shop.on_put = lambda pk: None
    with Process(script, environ) as connector:  # a restart needs nothing
        connector.until(IDLE)
        assert connector.end(number) == 0
    assert shop.versions == versions


@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        ("latency:seconds=3600:operation=listProductImageInsertsOrUpdates", "reads"),
        ("latency:seconds=3600:operation=batch_requests:skip=1", "makes a batch"),
        ("latency:seconds=3600:operation=batch_requests:skip=2", "takes images"),
        ("latency:seconds=3600:operation=batch_requests:skip=3", "reports"),
        ("503:retry-after=50:operation=listProductImageInsertsOrUpdates", "waits to try again"),
    ],
    ids=lambda value: value.replace(" ", "-") if ":" not in value else "",
)
def test_a_signal_ends_what_the_platform_does_not_answer(
    script: str,
    fault: str,
    struck: str,
    environ: dict[str, str],
    channel_images_mock: ChannelImagesMock,
    shop: TestShop,
) -> None:
    versions = add(channel_images_mock, 3)
    channel_images_mock.fault(fault)

    with Process(script, environ) as connector:
        while not channel_images_mock.server.faults.standings[0].struck:
            channel_images_mock.api.channel(6).image(100_000_001)
        if struck == "waits to try again":
            connector.until("retry 1 of 6 in 50.00 s")
        assert connector.end(signal.SIGTERM) == 0
        assert "Traceback" not in "".join(connector.log)

    channel_images_mock.clear_faults()
    with Process(script, environ) as connector:
        connector.until(IDLE)
        assert connector.end(signal.SIGTERM) == 0
    assert shop.versions == versions
    assert pending(channel_images_mock) == []
    assert {batch.status for batch in channel_images_mock.server.batches(7)} <= {"done", "fail"}


# Settings

USUAL = {
    "CHANNEL_IMAGES_URL": "http://127.0.0.1:9",
    "CHANNEL_IMAGES_TOKEN": "x",
    "CHANNEL_IMAGES_CHANNEL": "7",
    "SHOP_URL": "http://127.0.0.1:9",
    "POLL_SECONDS": "0",
}


def connect() -> None:
    """Read the settings, as both connectors do."""
    Config.from_env()
    ChannelImages.from_env().close()


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("CHANNEL_IMAGES_URL", "", "no server: set CHANNEL_IMAGES_URL"),
        ("CHANNEL_IMAGES_URL", "ftp://host", "the base URL begins with https://"),
        ("CHANNEL_IMAGES_TOKEN", "", "no token: set CHANNEL_IMAGES_TOKEN"),
        ("CHANNEL_IMAGES_CHANNEL", "", "no channel: set CHANNEL_IMAGES_CHANNEL"),
        ("CHANNEL_IMAGES_CHANNEL", "five", "the channel in CHANNEL_IMAGES_CHANNEL is not a number"),
        ("SHOP_URL", "", "no shop: set SHOP_URL"),
        ("SHOP_URL", "shop.example.com", "no shop: set SHOP_URL"),
        ("SHOP_URL", "http://", "no shop: set SHOP_URL"),
        ("SHOP_URL", "http://shop.example.com:port", "no shop: set SHOP_URL"),
        ("POLL_SECONDS", "", "POLL_SECONDS is a whole number of seconds"),
        ("POLL_SECONDS", "-1", "POLL_SECONDS is a whole number of seconds"),
        ("POLL_SECONDS", "inf", "POLL_SECONDS is a whole number of seconds"),
        ("POLL_SECONDS", "1e9", "POLL_SECONDS is a whole number of seconds"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(
    variable: str, value: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, usual in USUAL.items():
        monkeypatch.setenv(name, usual)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=line):
        connect()


@pytest.mark.parametrize(("variable", "line"), [("CHANNEL_IMAGES_TOKEN", "no token: "), ("SHOP_URL", "no shop: ")])
def test_a_refusal_is_one_line(script: str, variable: str, line: str) -> None:
    with Process(script, {**USUAL, variable: ""}) as connector:
        assert connector.end() == 2
        (said,) = connector.log
    assert said.startswith(f"connector: {line}")
