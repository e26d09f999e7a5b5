"""`channel-images export`, as a user sees it; what is in the files is tested in `tests/export`."""

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from tests.cli.conftest import invoke

from channel_images.cli.export import _in_words
from channel_images.export import Progress
from channel_images.mock import Churn, MockServer

COMMAND = [sys.executable, "-m", "channel_images"]

IMAGES = 640


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(images=IMAGES) as server:
        yield server


@pytest.fixture(autouse=True)
def undone(server: MockServer) -> Iterator[None]:
    yield
    server.reset()


def run(server: MockServer, folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Export in this process, as if in a pipe."""
    with contextlib.chdir(folder):
        return subprocess.CompletedProcess(
            arguments, *invoke(["export", *arguments], {**environment(server), **variables})
        )


def environment(server: MockServer) -> dict[str, str]:
    rest = {name: value for name, value in os.environ.items() if not name.startswith(("CHANNEL_IMAGES_", "OMNITRON_"))}
    return {**rest, "CHANNEL_IMAGES_URL": server.url, "CHANNEL_IMAGES_TOKEN": server.token}


def test_a_whole_export(server: MockServer, tmp_path: Path) -> None:
    done = run(server, tmp_path, "5", "images.ndjson", "--json")
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert (result["status"], result["rows"], result["files"]) == ("complete", IMAGES, ["images.ndjson"])
    assert re.fullmatch(r"channel-images: complete: 640 images in [\d.]+ s, 0 retries: images.ndjson\n", done.stderr)
    assert len((tmp_path / "images.ndjson").read_text().splitlines()) == IMAGES


def test_the_channel_can_come_from_the_environment(server: MockServer, tmp_path: Path) -> None:
    done = run(server, tmp_path, "images.csv", "--json", CHANNEL_IMAGES_CHANNEL="6")
    assert [channel["channel"] for channel in json.loads(done.stdout)["channels"]] == [6]


def test_filters_and_several_channels(server: MockServer, tmp_path: Path) -> None:
    done = run(server, tmp_path, "5", "6", "out/", "--format", "csv", "--product-type", "simple", "--json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out/channel_id=6/images.csv").exists()
    assert 0 < json.loads(done.stdout)["rows"] < IMAGES


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["images.csv"],
            "no channel: give its number, as in `channel-images export 5 FILE`, or set CHANNEL_IMAGES_CHANNEL",
        ),
        (
            ["five", "images.csv"],
            "the channel takes a number, and the file comes last, as in `channel-images export 5 6 FILE`, not 'five'",
        ),
        (["5", "images.xlsx"], "images.xlsx does not tell the format"),
        (["5", "5", "images.csv"], "a channel is given twice"),
        (["5", "images.csv", "--what", "inserts", "--product", "1"], "the API filters only the plain list of images"),
        (
            ["5", "images.csv", "--detailed", "--product", "1"],
            "--product and the list `detailed` contradict each other",
        ),
        (["5", "nowhere/images.csv"], "nowhere: there is no such folder"),
        (["9", "images.csv"], "answered 404 Not Found"),
        (["9", "images.csv", "--json"], "answered 404 Not Found"),
        (
            ["5", "images.csv", "--format", "parquet"],
            "the name images.csv says csv, and the format parquet is for a folder",
        ),
        (["5", "6", "folder"], "or in a slash for a folder of files"),
        (["5", "images.csv", "--token", "wrong"], "answered 401 Unauthorized"),
    ],
)
def test_what_is_refused_is_said_in_one_line(
    server: MockServer, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    done = run(server, tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_fails_leaves_something_to_go_on_with(server: MockServer, tmp_path: Path) -> None:
    server.fault("500:skip=5")
    done = run(server, tmp_path, "5", "images.csv", "--page-size", "50", "--retries", "0", "--json")
    assert done.returncode == 2
    result = json.loads(done.stdout)
    assert (result["status"], result["rows"] >= 200) == ("partial", True)
    server.clear_faults()
    again = run(server, tmp_path, "5", "images.csv", "--page-size", "50", "--json")
    assert json.loads(again.stdout)["rows"] == IMAGES
    assert "complete: 640 images, begun by an earlier run, in" in again.stderr


SIGNALS = [(signal.SIGINT, 130, "interrupted by Ctrl-C"), (signal.SIGTERM, 143, "ended by SIGTERM")]


@pytest.mark.parametrize(("number", "code", "words"), SIGNALS)
def test_a_signal_ends_it_and_what_was_read_is_kept(
    server: MockServer, tmp_path: Path, number: signal.Signals, code: int, words: str
) -> None:
    server.fault("latency:seconds=0.05")
    command = [*COMMAND, "export", "5", "6", "out/", "--page-size", "20", "--verbose", "--json"]
    with subprocess.Popen(
        command, env=environment(server), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        for _ in range(6):
            process.stderr.readline()  # one or two lines a request: it is under way
        process.send_signal(number)
        rest, result = process.stderr.read(), json.loads(process.stdout.read())
    assert process.returncode == code
    assert "Traceback" not in rest
    assert rest.splitlines()[-2:] == [
        "channel-images: run the same command again to go on",
        f"channel-images: {words}",
    ]
    assert result["status"] == "partial"
    assert result["rows"] >= 20
    server.clear_faults()
    again = json.loads(run(server, tmp_path, "5", "6", "out/", "--page-size", "20", "--json").stdout)
    assert (again["status"], again["rows"], again["resumed"]) == ("complete", IMAGES + 23, True)


@pytest.mark.parametrize(("number", "code", "words"), SIGNALS)
def test_a_signal_leaves_the_terminal_its_cursor(
    server: MockServer, tmp_path: Path, number: signal.Signals, code: int, words: str
) -> None:
    server.fault("latency:seconds=0.05")
    ours, theirs = pty.openpty()
    command = [*COMMAND, "export", "5", "6", "out/", "--page-size", "20"]
    env = {**environment(server), "TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while b"of 2 channels, " not in shown:
            shown += os.read(ours, 65_536)
        process.send_signal(number)
        while part := read(ours):
            shown += part
    os.close(ours)
    assert process.returncode == code
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
    assert words.encode() in shown


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux says so when the other end is closed
        return b""


def test_how_far_it_is_in_words() -> None:
    one = Progress(
        channel=5,
        channels=1,
        channels_read=0,
        rows=120_000,
        new_rows=100_000,
        expected=640_000,
        fraction=0.1875,
        retries=2,
        seconds=10.0,
        seconds_left=4_000.0,
    )
    assert _in_words(one) == "channel 5, 120,000 of 640,000 rows, 10,000/s, 2 retries, about 1 h 06 min left"
    many = evolve(one, channels=500, channels_read=131, expected=None, seconds_left=65.2)
    assert _in_words(many) == "131 of 500 channels, 120,000 rows, 10,000/s, 2 retries, about 1:05 min left"
    assert _in_words(evolve(many, seconds_left=None)).endswith(", 2 retries")


def test_a_list_that_changes_too_fast(tmp_path: Path) -> None:
    """Pages of one size, of a list that changes at every request: no two passes agree."""
    churn = Churn(adds=1, removes=1, rate=1.0, seed=1)
    with MockServer(images=100, bugs=["limit-ignored"], churn=churn) as server:
        done = run(server, tmp_path, "5", "images.ndjson", "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, result["status"]) == (1, "unstable")
    assert result["channels"][0]["doubts"]
    assert "channel 5: images may be missing before page" in done.stderr
    assert len((tmp_path / "images.ndjson").read_text().splitlines()) == result["rows"]
