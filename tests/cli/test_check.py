"""``channel-images check`` and ``spec`` as a user runs them: processes, with their output and exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from channel_images.mock import MockServer

SETTINGS = ("CHANNEL_IMAGES_", "OMNITRON_")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    return subprocess.run(
        [sys.executable, "-m", "channel_images.cli", *arguments],
        env=inherited | {"NO_COLOR": "1", "COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_server_that_conforms(healthy_mock: MockServer, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    arguments = (healthy_mock.url, "--channel", "5", "--channel", "6", "--report", str(folder))
    done = run("check", *arguments, CHANNEL_IMAGES_TOKEN=healthy_mock.token)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "conforms" in done.stdout.splitlines()[-1]
    report = json.loads((folder / "report.json").read_text())
    assert (report["verdict"], report["url"], report["channels"]) == ("conforms", healthy_mock.url, [5, 6])
    assert {"rule", "family", "operation", "severity", "verdict", "reason", "evidence"} <= report["results"][0].keys()
    assert "The server conforms" in (folder / "index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--channel", "5", "--token", "wrong"], {}, "the token was refused"),
        (["--channel", "99", "--token", "mock-token"], {}, "all 7 operations answer 404"),
        (["--channel", "5"], {}, "no token was given (--token, CHANNEL_IMAGES_TOKEN)"),
        (["--channel", "5", "--token", "two words"], {}, "the token holds a space"),
        (["--channel", "5", "--token", "x", "--header", "nonsense"], {}, "--header takes NAME:VALUE"),
        ([], {"CHANNEL_IMAGES_TOKEN": "x"}, "--channel"),
        (["--channel", "five"], {}, "'five' is not a valid int"),
    ],
)
def test_what_cannot_be_judged_is_one_line_and_exit_2(
    healthy_mock: MockServer, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    done = run("check", healthy_mock.url, *arguments, **environment)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:8000", "begins with http:// or https://"),
        ("http://", "begins with http:// or https://"),
        ("http://user:secret@host", "holds a password"),
        ("http://[bad", "is no URL"),
    ],
)
def test_a_bad_url_is_refused_and_shows_no_password(url: str, words: str) -> None:
    done = run("check", url, "--channel", "5", "--token", "x")
    assert done.returncode == 2
    assert words in done.stderr
    assert "secret" not in done.stderr


def test_url_token_and_channel_come_from_the_environment(healthy_mock: MockServer) -> None:
    settings = {
        "OMNITRON_URL": healthy_mock.url,
        "OMNITRON_CHANNEL_ID": "5",
        "CHANNEL_IMAGES_TOKEN": healthy_mock.token,
    }
    done = run("check", "--rule", "paging.count", **settings)
    assert done.returncode == 0, done.stderr


def test_the_contract_is_printed_as_it_is_written() -> None:
    done = run("spec")
    assert (done.returncode, done.stdout) == (0, Path("openapi.yaml").read_text(encoding="utf-8"))


def test_the_version() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("channel-images ")
