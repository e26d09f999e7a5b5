"""Servers to judge."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

DRF = Path(__file__).resolve().parents[1] / "drf" / "server.py"
DRF_TOKEN = "drf-token"

DrfServer = Callable[..., AbstractContextManager[str]]


@contextmanager
def drf_server(*faults: str) -> Iterator[str]:
    """The URL of the Django REST Framework server, with faults."""
    command = [sys.executable, str(DRF), *faults]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


@pytest.fixture(scope="session")
def drf() -> DrfServer:
    return drf_server
