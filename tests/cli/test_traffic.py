"""`channel-images check --har` and `--from-har` as a user runs them."""

import json
import signal
import subprocess
from pathlib import Path

import jsonschema_rs
import pytest
from tests.cli.conftest import COMMAND
from tests.cli.test_check import run, settings, spawn

from channel_images.conformance.files import packaged_schema
from channel_images.mock import MockServer

QUICK = ("--channel", "5", "--quick")


def test_a_run_is_written_and_judged_again_without_its_server(tmp_path: Path) -> None:
    file, folder = tmp_path / "run.har", tmp_path / "report"
    with MockServer(images=60, bugs=["count-of-page"]) as server:
        url = server.url
        done = run("check", server.url, *QUICK, "--har", str(file), CHANNEL_IMAGES_TOKEN=server.token)
    assert done.returncode == 1
    assert server.token not in file.read_text()
    # Neither a server nor a channel of the environment is meant.
    elsewhere = {"CHANNEL_IMAGES_URL": "https://elsewhere.example", "CHANNEL_IMAGES_CHANNEL": "9"}
    again = run("check", "--from-har", str(file), "--report", str(folder), **elsewhere)
    assert again.returncode == 1
    assert "\u2717 paging.count" in again.stdout
    assert "recorded answers, from 20" in again.stdout.splitlines()[-1]
    report = json.loads((folder / "report.json").read_text())
    assert (report["url"], report["requests"], report["channels"]) == (url, 0, [5])
    assert jsonschema_rs.is_valid(packaged_schema("report"), report)
    assert report["recorded"] in (folder / "index.html").read_text()
    assert f"--from-har={file}" in report["command"]


def test_what_is_written_is_of_the_server_that_is_judged(healthy_mock: MockServer, tmp_path: Path) -> None:
    file = tmp_path / "run.har"
    with MockServer(images=60) as other:
        arguments = (*QUICK, "--rule", "paging.defaults", "--har", str(file), "--against", other.url)
        done = run("check", healthy_mock.url, *arguments, CHANNEL_IMAGES_TOKEN=healthy_mock.token)
        assert done.returncode == 0, done.stderr
        urls = {entry["request"]["url"] for entry in json.loads(file.read_text())["log"]["entries"]}
    assert urls
    assert all(url.startswith(healthy_mock.url) for url in urls)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from-har", "none.har"], "none.har: cannot be read: No such file"),
        (["--from-har", "none.har", "--har", "other.har"], "--from-har sends nothing: give one of them"),
        (["https://user:pw@host", "--from-har", "none.har"], "give only the base URL"),
        (["--from-har", "{empty}"], "none of its 0 requests is one of the contract's"),
        (["http://127.0.0.1:9", "--channel", "5", "--har", "{folder}/none/run.har"], "run.har: No such file"),
        (["http://127.0.0.1:9", "--channel", "5", "--har", "{folder}"], "--har takes a file"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], words: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.har"
    empty.write_text('{"log": {"entries": []}}')
    done = run("check", *(each.format(empty=empty, folder=tmp_path) for each in arguments))
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_full_disk_is_one_line_and_leaves_no_file(healthy_mock: MockServer, tmp_path: Path) -> None:
    file = tmp_path / "run.har"
    command = ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", *COMMAND, "check", healthy_mock.url, *QUICK]
    # Python 3.11 leaves bytecode that is cut short, which no later process can import.
    environment = settings({"CHANNEL_IMAGES_TOKEN": healthy_mock.token, "PYTHONDONTWRITEBYTECODE": "1"})
    environment.pop("COVERAGE_PROCESS_CONFIG", None)  # its file would be too large as well
    done = subprocess.run([*command, "--har", str(file)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == f"channel-images: cannot write {file}: File too large"
    assert "conforms" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_run_that_is_ended_leaves_a_whole_file_or_none(
    healthy_mock: MockServer, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    file = tmp_path / "run.har"
    command = [*COMMAND, "check", healthy_mock.url, "--channel", "5", "--har", str(file)]
    environment = settings({"CHANNEL_IMAGES_TOKEN": healthy_mock.token})
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stderr
        next(line for line in run.stderr if "paging" in line)
        run.send_signal(number)
        run.stderr.read()
    assert run.returncode == code
    if number is signal.SIGINT:
        assert len(json.loads(file.read_text())["log"]["entries"]) > 50
    else:
        assert not list(tmp_path.iterdir())


def test_a_recording_needs_no_process_of_its_own(healthy_mock: MockServer, tmp_path: Path) -> None:
    file = tmp_path / "run.har"
    done = run("check", healthy_mock.url, *QUICK, "--har", str(file), CHANNEL_IMAGES_TOKEN=healthy_mock.token)
    assert done.returncode == 0
    assert spawn("check", "--from-har", str(file)).returncode == 0
