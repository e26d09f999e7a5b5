"""Exports of several channels: none of them ends the others, and they are read side by side."""

import contextlib
import json
import os
import pickle
import re
import subprocess
import threading
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import invoke
from tests.export.conftest import pks_of, rows_of
from tests.export.shop import Shop, breaks_off, status

from channel_images import (
    ChannelImages,
    ChannelNotFound,
    ChannelsFailed,
    ConnectionFailed,
    NotAuthenticated,
    PermissionDenied,
    RequestError,
    Retries,
)
from channel_images.export import Export, ExportError, Progress, Status, may_pass
from channel_images.export.run import MOST_UNANSWERED
from channel_images.export.work import WorkFolder
from channel_images.mock import MockServer

MANY = range(1, 61)
GONE, FORBIDDEN, BROKEN = 17, 31, 45


class Stopped(Exception):
    pass


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop(dict.fromkeys(MANY, 20)) as shop:
        yield shop


@pytest.fixture
def api(shop: Shop) -> Iterator[ChannelImages]:
    with ChannelImages(shop.url, token="t", retries=Retries(attempts=0)) as api:
        yield api


def run(shop: Shop, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    rest = {name: value for name, value in os.environ.items() if not name.startswith(("CHANNEL_IMAGES_", "OMNITRON_"))}
    shop.asked.clear()
    command = ["export", *map(str, arguments), "--retries", "0"]
    with contextlib.chdir(folder):
        done = invoke(command, {**rest, "CHANNEL_IMAGES_URL": shop.url, "CHANNEL_IMAGES_TOKEN": "t"})
    return subprocess.CompletedProcess(command, *done)


def fail_three(shop: Shop) -> None:
    shop.fails = {GONE: status(404), FORBIDDEN: status(403), BROKEN: breaks_off}


def whole(folder: Path) -> set[int]:
    """The channels whose file is in a folder, each with all of its rows."""
    files = {int(file.parent.name.removeprefix("channel_id=")): file for file in folder.glob("*/images.*")}
    for channel, file in files.items():
        assert pks_of(file) == [channel * 1_000_000 + pk for pk in range(1, 21)]
    return set(files)


@pytest.mark.parametrize("concurrency", [1, 8])
def test_channels_that_fail_are_named_and_the_others_are_whole(shop: Shop, tmp_path: Path, concurrency: int) -> None:
    fail_three(shop)
    arguments = (*MANY, "out/", "--format", "ndjson", "--concurrency", concurrency)
    done = run(shop, tmp_path, *arguments)
    assert done.returncode == 1
    said = done.stderr.splitlines()
    named = [line for line in said if line.startswith("channel-images: channel ")]
    assert len(named) == 3
    for channel, reason in ((GONE, "404"), (FORBIDDEN, "answered 403"), (BROKEN, "")):
        assert any(line.startswith(f"channel-images: channel {channel}: ") and reason in line for line in named)
    assert any("partial: 1,140 images in" in line and "3 of 60 channels failed" in line for line in said)
    assert any("run the same command again to go on" in line for line in said)
    assert any(f"another run does not help channel {GONE}, {FORBIDDEN}: " in line for line in said)
    assert whole(tmp_path / "out") == {*MANY} - {GONE, FORBIDDEN, BROKEN}

    again = run(shop, tmp_path, *arguments)
    assert again.returncode == 1
    assert shop.asked_for() == {GONE, FORBIDDEN, BROKEN}

    del shop.fails[BROKEN]
    assert run(shop, tmp_path, *arguments).returncode == 1
    assert whole(tmp_path / "out") == {*MANY} - {GONE, FORBIDDEN}

    left = [channel for channel in MANY if channel not in (GONE, FORBIDDEN)]
    done = run(shop, tmp_path, *left, "out/", "--format", "ndjson")
    assert done.returncode == 0, done.stderr
    assert "complete: 1,160 images, begun by an earlier run, in" in done.stderr
    assert shop.asked == []
    assert not (tmp_path / "out/.export").exists()


def test_no_run_again_where_that_does_not_help(shop: Shop, tmp_path: Path) -> None:
    shop.fails = {2: status(404), 3: status(400)}
    done = run(shop, tmp_path, 1, 2, 3, "out/", "--json")
    assert done.returncode == 1
    assert "again" not in done.stderr
    assert "another run does not help channel 2, 3: mend the cause, or leave it out of the command" in done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == "partial"
    assert [(each["channel"], each["status"], bool(each["error"])) for each in result["channels"]] == [
        (1, "complete", False),
        (2, "failed", True),
        (3, "failed", True),
    ]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_run_again_where_that_can_help(shop: Shop, tmp_path: Path, code: int) -> None:
    shop.fails = {2: status(code)}
    done = run(shop, tmp_path, 1, 2, "out/")
    assert done.returncode == 1
    assert "run the same command again to go on: it reads only the missing channels" in done.stderr
    assert "another run does not help" not in done.stderr


@pytest.mark.parametrize("arguments", [(2, "x.csv"), (2, 3, "x.csv"), (2, 3, "out/")])
def test_where_no_channel_is_left_it_is_exit_2(shop: Shop, tmp_path: Path, arguments: tuple[object, ...]) -> None:
    shop.fails = {2: status(404), 3: status(403)}
    done = run(shop, tmp_path, *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.export"))
    assert not list(tmp_path.rglob("x.csv"))


@pytest.mark.parametrize("suffix", ["ndjson", "csv", "csv.gz", "parquet"])
def test_one_file_is_written_when_no_channel_is_missing(
    shop: Shop, api: ChannelImages, tmp_path: Path, suffix: str
) -> None:
    fail_three(shop)
    path = tmp_path / f"images.{suffix}"
    with pytest.raises(ChannelsFailed) as failed:
        Export(api, [*MANY], path, concurrency=4).run()
    assert {channel: type(error) for channel, error in failed.value.errors.items()} == {
        GONE: ChannelNotFound,
        FORBIDDEN: PermissionDenied,
        BROKEN: ConnectionFailed,
    }
    assert [may_pass(failed.value.errors[channel]) for channel in (GONE, FORBIDDEN, BROKEN)] == [False, False, True]
    assert not path.exists()
    shop.fails.clear()
    shop.asked.clear()
    left = [channel for channel in MANY if channel != FORBIDDEN]
    result = Export(api, left, path).run()
    assert (result.status, result.rows, result.resumed) == (Status.COMPLETE, 59 * 20, True)
    assert shop.asked_for() == {GONE, BROKEN}
    assert [int(row["channel_id"]) for row in rows_of(path)] == [channel for channel in left for _ in range(20)]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_another_channel_can_be_added(shop: Shop, api: ChannelImages, tmp_path: Path) -> None:
    shop.fails = {2: status(500)}
    with pytest.raises(ChannelsFailed):
        Export(api, [1, 2], f"{tmp_path}/").run()
    (tmp_path / "channel_id=3").mkdir()
    (tmp_path / "channel_id=3/images.parquet").write_text("precious")
    with pytest.raises(ExportError, match=r"channel_id=3/images\.parquet exists: remove it, or give --overwrite"):
        Export(api, [1, 3], tmp_path).run()
    assert Export(api, [1, 3], tmp_path, overwrite=True).run().rows == 40


def test_each_id_of_a_channel_is_looked_at(api: ChannelImages, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="channel_id takes integers from 0 to"):
        Export(api, [1, -1], f"{tmp_path}/")


def test_the_error_of_the_only_channel_is_raised_itself(shop: Shop, api: ChannelImages, tmp_path: Path) -> None:
    shop.fails = {2: status(403)}
    with pytest.raises(PermissionDenied):
        Export(api, [2], tmp_path / "images.csv").run()
    with pytest.raises(PermissionDenied):
        api.channel(2).export(tmp_path / "images.csv")
    assert list(tmp_path.iterdir()) == []


def test_the_same_export_can_be_run_again(shop: Shop, api: ChannelImages, tmp_path: Path) -> None:
    shop.fails = {2: breaks_off}
    said: list[Progress] = []
    export = Export(api, [1, 2], tmp_path / "images.csv", page_size=10, overwrite=True, on_progress=said.append)
    with pytest.raises(ChannelsFailed):
        export.run()
    shop.fails.clear()
    assert export.run().status is Status.COMPLETE
    assert (said[-1].rows, said[-1].new_rows, said[-1].fraction) == (40, 20, 1)
    shop.fails = {2: status(401)}
    with pytest.raises(NotAuthenticated):
        export.run()
    assert (export.result().status, export.result().rows) == (Status.PARTIAL, 20)


def test_what_failed_survives_pickling(shop: Shop, api: ChannelImages, tmp_path: Path) -> None:
    shop.fails = {2: status(403), 3: breaks_off}
    with pytest.raises(ChannelsFailed) as failed:
        Export(api, [1, 2, 3], f"{tmp_path}/").run()
    same = pickle.loads(pickle.dumps(failed.value))
    assert str(same) == str(failed.value)
    assert [*same.errors] == [2, 3]


def test_a_token_that_is_refused_ends_all(shop: Shop, api: ChannelImages, tmp_path: Path) -> None:
    shop.fails = dict.fromkeys(range(11, 61), status(401))
    with pytest.raises(NotAuthenticated):
        Export(api, [*MANY], f"{tmp_path}/").run()
    assert len(shop.asked) == 11
    shop.fails.clear()
    shop.asked.clear()
    assert Export(api, [*MANY], tmp_path).run().rows == 60 * 20
    assert shop.asked_for() == set(range(11, 61))


def test_a_server_that_is_down_ends_all(shop: Shop, api: ChannelImages, tmp_path: Path) -> None:
    shop.fails = dict.fromkeys(range(11, 61), breaks_off)
    export = Export(api, [*MANY], f"{tmp_path}/")
    for first in (1, 11):
        shop.asked.clear()
        with pytest.raises(RequestError):
            export.run()
        assert shop.asked_for() == set(range(first, 11 + MOST_UNANSWERED))
    shop.fails = dict.fromkeys(range(2, 61, 2), breaks_off)  # every other one: the server is there
    with pytest.raises(ChannelsFailed) as failed:
        Export(api, [*MANY], tmp_path).run()
    assert [*failed.value.errors] == [channel for channel in shop.fails if channel > 10]


# Side by side


@pytest.mark.parametrize("suffix", ["ndjson", "csv", "ndjson.gz", "csv.gz"])
def test_the_file_does_not_depend_on_how_many_are_read_at_a_time(
    shop: Shop, api: ChannelImages, tmp_path: Path, suffix: str
) -> None:
    shop.channels = {channel: channel * 7 % 60 for channel in range(1, 13)}
    files = {tmp_path / f"{concurrency}.{suffix}": concurrency for concurrency in (1, 3, 8, 100)}
    for path, concurrency in files.items():
        Export(api, [*shop.channels], path, page_size=10, concurrency=concurrency, checkpoint_seconds=0).run()
    assert len({path.read_bytes() for path in files}) == 1


def test_a_parquet_file_has_the_same_rows_however_many_are_read_at_a_time(
    shop: Shop, api: ChannelImages, tmp_path: Path
) -> None:
    shop.channels = {channel: channel * 7 % 60 for channel in MANY}
    one, many = tmp_path / "1.parquet", tmp_path / "8.parquet"
    for path, concurrency in ((one, 1), (many, 8)):
        Export(api, [*MANY], path, page_size=10, concurrency=concurrency).run()
    assert pq.read_table(one).equals(pq.read_table(many))


def test_requests_in_flight_are_spread_over_channels(shop: Shop, api: ChannelImages, tmp_path: Path) -> None:
    shop.channels = dict.fromkeys(range(1, 9), 60)
    shop.meet = meeting(4, range(1, 9))
    result = Export(api, range(1, 9), tmp_path / "images.csv", page_size=20, concurrency=4).run()
    assert result.rows == 480
    assert shop.most_in_flight == 4


@pytest.mark.parametrize("concurrency", [2, 4])
def test_the_last_channel_has_all_requests_in_flight(
    shop: Shop, api: ChannelImages, tmp_path: Path, concurrency: int
) -> None:
    last = concurrency
    shop.channels = dict.fromkeys(range(1, last), 20) | {last: 400}
    others_read, together = threading.Event(), threading.Event()
    met = meeting(concurrency, [last])

    def meet(channel: int) -> None:
        if channel == last:
            others_read.wait(timeout=30)
        if together.is_set():
            met(channel)

    def look(progress: Progress) -> None:
        if progress.channels_read == last - 1 and progress.channel == last:
            together.set()  # its one request is answered, and the next ones are sent at once
        elif progress.channels_read == last - 1:
            others_read.set()

    shop.meet = meet
    # Fewer pages than that may come at the end of the list: nobody waits there.
    path = tmp_path / "images.csv"
    export = Export(api, [*shop.channels], path, page_size=20, concurrency=concurrency, on_progress=look)
    assert export.run().rows == sum(shop.channels.values())
    assert shop.most_in_flight == concurrency


def test_no_page_is_asked_for_twice(shop: Shop, api: ChannelImages, tmp_path: Path) -> None:
    shop.channels = {1: 400}
    Export(api, [1], tmp_path / "images.csv", page_size=20, concurrency=4).run()
    targets = [asked.target for asked in shop.asked]
    assert len(targets) == len(set(targets))


def meeting(parties: int, channels: Container[int]) -> Callable[[int], None]:
    """Lets requests be answered when so many are in flight; once, since the last ones are fewer."""
    barrier = threading.Barrier(parties)
    arrived = threading.Semaphore(parties)

    def meet(channel: int) -> None:
        if channel in channels and arrived.acquire(blocking=False):
            barrier.wait(timeout=30)

    return meet


def test_progress_says_how_far_it_is(shop: Shop, api: ChannelImages, tmp_path: Path) -> None:
    said: list[Progress] = []
    Export(api, [1, 2, 3], tmp_path / "images.csv", page_size=10, on_progress=said.append).run()
    assert {progress.channels for progress in said} == {3}
    assert [progress.channels_read for progress in said] == sorted(progress.channels_read for progress in said)
    assert [progress.fraction for progress in said] == sorted(progress.fraction for progress in said)
    assert said[0].expected is None  # two channels have not begun
    assert (said[-1].rows, said[-1].expected) == (60, 60)
    assert all(progress.seconds_left is not None for progress in said)


def test_progress_says_how_long_it_takes(
    shop: Shop, api: ChannelImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page takes ten seconds, of a clock that stands still else."""
    seconds, said = 1_000.0, list[Progress]()
    shop.channels = {1: 40, 2: 40}

    def passing(channel: int) -> None:
        nonlocal seconds
        seconds += 10

    def look(progress: Progress) -> None:
        said.append(progress)
        if (progress.channels_read, progress.rows) in ((1, 40), (1, 50), (1, 58)):
            raise Stopped

    monkeypatch.setattr("channel_images.export.run.time", SimpleNamespace(monotonic=lambda: seconds))
    shop.meet = passing
    for rows, expected, fraction in ((40, None, 0.5), (50, 80, 0.625), (58, 80, 0.725)):
        export = Export(api, [1, 2], tmp_path / "images.csv", page_size=10, checkpoint_seconds=0, on_progress=look)
        with pytest.raises(Stopped):
            export.run()
        assert (said[-1].rows, said[-1].expected, said[-1].fraction) == (rows, expected, fraction)
        assert export.result().seconds == said[-1].seconds
    first, second = said[0], said[-2]
    assert (first.fraction, first.seconds, first.seconds_left) == (0.125, 10, 70)
    assert (second.fraction, second.seconds, second.seconds_left) == (0.625, 10, 30)  # of a run that began at 0.5


def test_progress_of_a_list_without_a_count(tmp_path: Path) -> None:
    said: list[Progress] = []
    with MockServer(images=230) as server, ChannelImages(server.url, token=server.token) as client:
        Export(client, [5], tmp_path / "images.csv", what="inserts", on_progress=said.append).run()
    assert {(each.expected, each.fraction, each.seconds_left) for each in said[:-1]} == {(None, 0, None)}
    assert (said[-1].expected, said[-1].fraction) == (said[-1].rows, 1)


@pytest.mark.parametrize(("seconds", "pages"), [(0, [1, 2, 3, 4, 5, 6]), (10, [1, 3, 5, 6]), (11, [1, 4, 6])])
def test_checkpoints_are_made_at_once_when_their_time_has_come_and_at_the_end(
    shop: Shop, api: ChannelImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, pages: list[int]
) -> None:
    """Each page takes five seconds."""
    path, now, page, kept = tmp_path / "images.csv", 1_000.0, 0, list[int]()
    shop.channels = {1: 40}

    def passing(channel: int) -> None:
        nonlocal now, page
        now, page = now + 5, page + 1

    save = WorkFolder.save

    def saving(work: WorkFolder, state: dict[str, Any]) -> None:
        kept.append(page)
        save(work, state)

    monkeypatch.setattr("channel_images.export.run.time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(WorkFolder, "save", saving)
    shop.meet = passing
    Export(api, [1], path, page_size=10, checkpoint_seconds=seconds).run()
    assert list(dict.fromkeys(kept)) == pages


# What a file says of itself


def test_parquet_says_what_it_is_of(shop: Shop, api: ChannelImages, tmp_path: Path) -> None:
    path = tmp_path / "images.parquet"
    Export(api, [1, 2], path).run()
    said = pq.read_metadata(path).metadata
    assert said[b"channel_images.server"] == shop.url.encode()
    assert said[b"channel_images.channels"] == b"1,2"
    assert said[b"channel_images.what"] == b"images"
    assert said[b"channel_images.filters"] == b"{}"
    assert said[b"channel_images.status"] == b"complete"
    assert said[b"channel_images.written"].endswith(b"Z")


# Details of pending images


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("suffix", ["ndjson", "parquet"])
def test_pending_images_with_their_details(tmp_path: Path, concurrency: int, suffix: str) -> None:
    path = tmp_path / f"images.{suffix}"
    with (
        MockServer(images=230, variants=["extra-fields"]) as server,
        ChannelImages(server.url, token=server.token) as client,
    ):
        channel = client.channel(5)
        options = {"what": "pending", "detailed": True, "page_size": 10, "concurrency": concurrency}
        result = Export(client, [5], path, **options).run()  # type: ignore[arg-type]
        asked = "".join("d" if "/detailed/" in request.path else "p" for request in server.requests)
        assert re.fullmatch("(pd+)+p+", asked), "no page is read while details are"
        pks = [image.pk for image in channel.inserts_or_updates(consistent=True)]
        assert pks_of(path) == pks
        assert result.rows == len(pks)
        detailed = channel.image_detailed(pks[0])
        if suffix == "ndjson":
            assert rows_of(path)[0] == json.loads(channel.with_raw_response.image_detailed(pks[0]).response.content)
        else:
            assert json.loads(rows_of(path)[0]["additional_properties"]) == detailed.additional_properties


def test_details_of_all_images_are_a_list(tmp_path: Path) -> None:
    with MockServer(images=230) as server, ChannelImages(server.url, token=server.token) as client:
        one, other = tmp_path / "one.ndjson", tmp_path / "other.ndjson"
        Export(client, [5], one, detailed=True).run()
        Export(client, [5], other, what="detailed").run()
        assert one.read_bytes() == other.read_bytes()


def test_an_image_that_is_gone_before_its_details_are_read(tmp_path: Path) -> None:
    with MockServer(images=230) as server, ChannelImages(server.url, token=server.token) as client:
        listed = [image.pk for image in client.channel(5).inserts()]
        server.fault("404:operation=retrieveDetailedProductImage:first=2")
        result = Export(client, [5], tmp_path / "images.ndjson", what="inserts", detailed=True).run()
        assert pks_of(tmp_path / "images.ndjson") == listed[2:]
        assert result.rows == len(listed) - 2


def test_a_channel_that_is_gone_before_its_details_are_read(tmp_path: Path) -> None:
    with MockServer(images=230) as server, ChannelImages(server.url, token=server.token) as client:
        server.fault("404:operation=retrieveDetailedProductImage,listProductImages")
        with pytest.raises(ChannelNotFound):
            Export(client, [5], tmp_path / "images.ndjson", what="inserts", detailed=True).run()
    assert list(tmp_path.iterdir()) == []
