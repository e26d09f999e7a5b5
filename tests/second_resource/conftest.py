"""A mock server of the second contract, in a process of its own: one process has one contract."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

CONTRACT = Path(__file__).parent / "openapi.yaml"
Serve = Callable[..., AbstractContextManager[httpx.Client]]


@contextmanager
def serving(*options: str) -> Iterator[httpx.Client]:
    """A client of a server that is started with these options."""
    command = [sys.executable, "-m", "channel_images.cli", "mock", "--contract", str(CONTRACT), "--port", "0", *options]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            word, _, url = process.stdout.readline().strip().partition(" ")
            assert word == "URL", process.communicate()
            headers = {"Authorization": "Token mock-token"}
            with httpx.Client(base_url=url.strip(), headers=headers, trust_env=False) as client:
                yield client
        finally:
            process.kill()


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Starts a server: `with serve("--bug", "stock-ignored") as client`."""
    return serving


@pytest.fixture(scope="session")
def stocks() -> Iterator[httpx.Client]:
    """A client of a server whose data no test changes: 300 stocks in channel 5, 23 in channel 6, none in channel 7."""
    with serving("--channel", "5=300", "--channel", "6=23", "--channel", "7=0") as client:
        yield client
