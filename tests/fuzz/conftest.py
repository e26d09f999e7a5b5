"""Bounds what a case may take, and counts the cases of `make fuzz`."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fuzz.strategies import ROUND, Cases

STATM = Path("/proc/self/statm")
ROOM = 600 << 20
"""Bytes that a test may ask for beyond what its process has. A number in an input must not decide how much is taken."""


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    if not STATM.exists():  # not Linux
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(STATM.read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ROUND:
        terminalreporter.write_line(f"{Cases.count} cases")
