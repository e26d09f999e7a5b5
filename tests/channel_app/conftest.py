"""A mock server, a shop with what was sent to it before, and a platform's view of both.

These tests run when they are asked for by name: `make test-channel-app`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.channel_app.platform import Platform
from tests.channel_app.shop import Shop
from tests.channel_app.worker import PYTHON, Worker
from tests.conftest import is_asked_for

from channel_images.mock import MockServer


def pytest_configure(config: pytest.Config) -> None:
    if is_asked_for(Path(__file__).parent, config) and not PYTHON.exists():
        raise pytest.UsageError(
            "tests/channel_app needs channel_app: `make test-channel-app` installs it and runs them"
        )


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(images=300, tls=True) as server:
        yield server


@pytest.fixture
def platform(server: MockServer) -> Iterator[Platform]:
    with Platform(server) as platform:
        yield platform


@pytest.fixture
def shop(platform: Platform) -> Iterator[Shop]:
    with Shop(platform.sent_before()) as shop:
        yield shop


@pytest.fixture
def worker(server: MockServer, shop: Shop) -> Iterator[Worker]:
    with Worker(server, shop) as worker:
        yield worker
