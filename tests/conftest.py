"""Fixtures that more than one folder uses, and what holds for every run."""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from channel_images.mock import MockServer

# How long an example takes says something about the machine, nothing about the code. No database: a run leaves nothing
# for the next one.
settings.register_profile("channel-images", deadline=None, database=None)
settings.register_profile("thorough", settings.get_profile("channel-images"), max_examples=3000)
settings.load_profile("channel-images")
# Its tables of Unicode cost seconds: they are made once for all workers, and for the processes that tests start.
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(Path(__file__).parents[1] / ".hypothesis")
# A client reads the certificates that it trusts, 20 ms for all that a machine has. Few tests speak TLS, and those name theirs.
os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("authority.pem"))

APART = {Path(__file__).parent / name: name for name in ("spark", "channel_app")}
"""Folders whose tests run when they are asked for by name, since they need more than `make test` sets up."""


def pytest_collection_finish() -> None:
    """What was collected stays until the end: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    if browser := sys.modules.get("tests.browser"):
        browser.end_chromium()


def is_asked_for(folder: Path, config: pytest.Config) -> bool:
    """Whether a run is of this folder, or of something in it."""
    return any(path.is_relative_to(folder) for path in _asked_for(config))


def _asked_for(config: pytest.Config) -> list[Path]:
    return [(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if collection_path in APART and not is_asked_for(collection_path, config) else None


# Here, since a run in several processes loads no conftest of a folder in the one that writes the summary.
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    config = terminalreporter.config
    for folder, name in APART.items():
        if any(folder.is_relative_to(path) for path in _asked_for(config)) and not is_asked_for(folder, config):
            terminalreporter.write_line(f"tests/{name} was left out: `make test-{name.replace('_', '-')}` runs it")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """With ``-n auto``, as in ``make test``: two more than there are cores, since many tests wait."""
    return (os.cpu_count() or 1) + 2


@pytest.fixture(scope="session")
def healthy_mock() -> Iterator[MockServer]:
    """A mock server on a real socket that nobody changes."""
    with MockServer(images=120) as server:
        yield server
