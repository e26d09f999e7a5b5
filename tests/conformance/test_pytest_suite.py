"""The check as tests in somebody else's suite: runs of pytest, as processes of their own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.mock.test_pytest_plugin import OTHERS

from channel_images.conformance import pytest_suite
from channel_images.mock import MockServer

SUITE = ("--pyargs", "channel_images.conformance")
# An installation from before the entry point was declared does not have it.
PLUGIN = [] if entry_points(group="pytest11", name="channel_images") else ["-p", "channel_images.pytest_plugin"]
NOWHERE = ["--channel-images-url", "http://127.0.0.1:1", "--channel-images-channel", "5"]
WITHOUT = [option for name in OTHERS for option in ("-p", f"no:{name}")]
"""For all runs but one, which shows that the other plugins are no trouble."""


def pytest_in(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "CHANNEL_IMAGES_", "OMNITRON_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "-rs", *PLUGIN, *arguments],
        cwd=folder,
        env=inherited | {"COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def options(server: MockServer) -> tuple[str, ...]:
    return ("--channel-images-url", server.url, "--channel-images-channel", "5", "--channel-images-quick")


@pytest.fixture(scope="module")
def miscounting() -> Iterator[MockServer]:
    with MockServer(images=60, bugs=["count-one-short"]) as server:
        yield server


def test_a_test_for_each_rule_and_operation(healthy_mock: MockServer, tmp_path: Path) -> None:
    arguments = (*options(healthy_mock), "--channel-images-channel", "6", "-v", *SUITE)
    done = pytest_in(tmp_path, *arguments, CHANNEL_IMAGES_TOKEN=healthy_mock.token)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_rule[paging.count[listProductImages]] PASSED" in done.stdout
    assert re.search(r"SKIPPED \[\d+\] .*: not exercised: needs --probe-writes", done.stdout)
    assert "failed" not in done.stdout


def test_a_failure_shows_the_evidence_and_the_check_runs_once(miscounting: MockServer, tmp_path: Path) -> None:
    miscounting.reset()
    done = pytest_in(
        tmp_path, *WITHOUT, *options(miscounting), *SUITE, "-k", "paging.count", CHANNEL_IMAGES_TOKEN=miscounting.token
    )
    assert done.returncode == 1, done.stdout + done.stderr
    for words in (
        "test_rule[paging.count[listProductImages]]",
        "relation: count is not the number of rows",
        "contract: `count` is the number of rows",
        "expected: 60",
        "seen: count 59",
        'curl -gsS --path-as-is --compressed -H "Authorization: Token $TOKEN"',
        "2 failed",
    ):
        assert words in done.stdout
    assert "Traceback" not in done.stdout
    assert miscounting.token not in done.stdout + done.stderr
    # Only what paging.count needs, and nothing twice but what was violated.
    assert len(miscounting.requests) < 60


def test_a_waived_violation_is_an_expected_failure_and_a_warning_is_one_of_pytest(tmp_path: Path) -> None:
    (tmp_path / "waivers.yaml").write_text(
        "- {rule: paging.count, relation: count is not the number of rows, reason: known, expires: 2999-12-31}\n"
    )
    with MockServer(images=60, variants=["enveloped-pending"], bugs=["count-one-short"]) as server:
        arguments = (*options(server), "--channel-images-waivers", "waivers.yaml", *SUITE, "-W", "default")
        asked = ("-k", "paging.count or schema.response")
        done = pytest_in(tmp_path, *WITHOUT, *arguments, *asked, CHANNEL_IMAGES_TOKEN=server.token)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 xfailed" in done.stdout
    assert "ConformanceWarning: schema.response · listProductImageInserts" in done.stdout


def test_without_a_server_they_skip_with_one_reason(tmp_path: Path) -> None:
    done = pytest_in(tmp_path, *WITHOUT, "--pyargs", "channel_images", CHANNEL_IMAGES_URL="http://127.0.0.1:1")
    assert done.returncode == 0, done.stdout + done.stderr
    (reason,) = re.findall(r"^SKIPPED .*$", done.stdout, re.MULTILINE)
    assert reason.endswith("no server to judge: --channel-images-url is not given")


def test_a_name_and_a_password_do_as_well(healthy_mock: MockServer, tmp_path: Path) -> None:
    arguments = (*options(healthy_mock), *SUITE, "-k", "paging.defaults")
    done = pytest_in(tmp_path, *WITHOUT, *arguments, OMNITRON_USERNAME="mock", OMNITRON_PASSWORD="mock")
    assert done.returncode == 0, done.stdout + done.stderr
    done = pytest_in(tmp_path, *WITHOUT, *arguments, OMNITRON_USERNAME="mock", OMNITRON_PASSWORD="sesame-7")
    assert done.returncode == 1
    assert "cannot sign in: the server refuses" in done.stdout
    assert "sesame-7" not in done.stdout + done.stderr


def test_another_user_is_of_the_environment_too(tmp_path: Path) -> None:
    with MockServer(images=30, bugs=["other-user-retrieves"]) as server:
        arguments = (*options(server), *SUITE, "-k", "isolation.token.retrieve")
        first = {"CHANNEL_IMAGES_TOKEN": server.token}
        other = {"CHANNEL_IMAGES_OTHER_USERNAME": "mock-other", "CHANNEL_IMAGES_OTHER_PASSWORD": "mock-other"}
        done = pytest_in(tmp_path, *WITHOUT, *arguments, **first, **other)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "is served an image of it" in done.stdout
        assert "1 failed, 1 passed" in done.stdout
        done = pytest_in(tmp_path, *WITHOUT, *arguments, **first, CHANNEL_IMAGES_OTHER_TOKEN=server.token)
    assert "the other user's token is that of the first one" in done.stdout
    assert server.token not in done.stdout + done.stderr


def test_what_cannot_be_judged_fails_in_one_line(tmp_path: Path) -> None:
    done = pytest_in(tmp_path, *WITHOUT, *NOWHERE, *SUITE, "-k", "paging.defaults", CHANNEL_IMAGES_TOKEN="x")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "could not be judged: nothing" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "localhost"}, "'localhost' is not the URL of a server"),
        ({"channel": []}, "--channel-images-channel is missing"),
        ({"expect": "none.yaml"}, "none.yaml: cannot be read"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    given: dict[str, object], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CHANNEL_IMAGES_CHANNEL", "OMNITRON_CHANNEL_ID"):
        monkeypatch.delenv(name, raising=False)
    usual = {"url": "http://127.0.0.1:1", "channel": [5], "waivers": None, "expect": None, "quick": False}
    known = {f"channel_images_{name}": value for name, value in {**usual, **given}.items()}
    config: Any = SimpleNamespace(getoption=known.__getitem__)
    with pytest.raises(ValueError, match=words) as refusal:
        pytest_suite.run(config, ["paging.defaults"])
    assert "\n" not in str(refusal.value)
