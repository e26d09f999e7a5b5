"""Fixtures that more than one folder uses."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from channel_images.mock import MockServer

# How long an example takes says something about the machine, nothing about the code.
settings.register_profile("channel-images", deadline=None)
settings.load_profile("channel-images")


@pytest.fixture(scope="session")
def healthy_mock() -> Iterator[MockServer]:
    """A mock server on a real socket that nobody changes."""
    with MockServer(images=120) as server:
        yield server
