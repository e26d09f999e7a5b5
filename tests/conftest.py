"""Fixtures that more than one folder uses, and what holds for every run."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from channel_images.mock import MockServer

# How long an example takes says something about the machine, nothing about the code. No database: a run leaves nothing
# for the next one.
settings.register_profile("channel-images", deadline=None, database=None)
settings.load_profile("channel-images")
# What Hypothesis caches beside it, in the processes that tests start too, goes to no checkout.
_caches = tempfile.TemporaryDirectory(prefix="hypothesis-")
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = _caches.name


SPARK = Path(__file__).parent / "spark"


def pytest_unconfigure() -> None:
    _caches.cleanup()


def asked_for(config: pytest.Config) -> list[Path]:
    """The files and folders that a run is of."""
    return [(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args]


# Here, since a run in several processes loads no conftest of a folder in the one that writes the summary.
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    asked = asked_for(terminalreporter.config)
    if any(SPARK.is_relative_to(path) for path in asked) and not any(path.is_relative_to(SPARK) for path in asked):
        terminalreporter.write_line("tests/spark was left out: `make test-spark` runs it")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """With ``-n auto``, as in ``make test``: one more than there are cores, since many tests wait."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def healthy_mock() -> Iterator[MockServer]:
    """A mock server on a real socket that nobody changes."""
    with MockServer(images=120) as server:
        yield server
