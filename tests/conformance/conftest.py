"""Servers to judge."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DRF = Path(__file__).resolve().parents[1] / "drf" / "server.py"
DRF_TOKEN = "drf-token"


@pytest.fixture(scope="session")
def drf() -> Iterator[str]:
    """The URL of the Django REST Framework server; below it, at the name of a fault, is one with that fault."""
    with subprocess.Popen(
        [sys.executable, str(DRF)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
