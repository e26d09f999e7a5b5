"""Gives the tests of a connector a mock server: the pytest plugin.

pytest loads this module in every run where the package is installed, so it imports nothing but pytest until a test asks
for the fixture. How to use it is shown in `docs/testing.md`.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from channel_images import AuthenticatedClient
    from channel_images.mock import MockServer, RecordedRequest
    from channel_images.mock.data.dataset import Row
    from channel_images.mock.data.versions import Sent


@pytest.fixture(scope="session")
def channel_images_mock_server() -> "Iterator[MockServer]":
    """The server behind `channel_images_mock`, one for the session.

    Override it in a `conftest.py` for one that is started otherwise, with a variant, say.
    """
    try:
        from channel_images.mock import MockServer
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package == "channel_images":
            raise
        reason = f"channel_images_mock needs {package}, of an extra: pip install 'channel-images[mock]'"
        pytest.fail(reason, pytrace=False)
    with MockServer() as server:
        yield server


@pytest.fixture
def channel_images_mock(channel_images_mock_server: "MockServer") -> "Iterator[ChannelImagesMock]":
    """A mock server in its first state: channel 5 with 1,000 images, 6 with 23, 7 with none; nothing goes wrong."""
    mock = ChannelImagesMock(channel_images_mock_server)
    channel_images_mock_server.reset()
    yield mock
    mock.close()
    # Now, not before the next test: a request that a fault keeps waiting must not outlive its test.
    channel_images_mock_server.reset()


class ChannelImagesMock:
    """A mock server as one test sees it. What the test does to it is undone afterwards."""

    def __init__(self, server: "MockServer") -> None:
        self.server = server
        """The server itself, for what is not here."""

    def __repr__(self) -> str:
        return f"<ChannelImagesMock of {self.server!r}>"

    @property
    def url(self) -> str:
        """The base URL, without a closing slash."""
        return self.server.url

    @property
    def token(self) -> str:
        """The token that its requests need."""
        return self.server.token

    @cached_property
    def client(self) -> "AuthenticatedClient":
        """A generated client with the token, for synchronous calls. Closed after the test."""
        return self._client()

    @cached_property
    def async_client(self) -> "AuthenticatedClient":
        """A generated client with the token, for asynchronous calls. Closed after the test."""
        import httpx

        # Connections that stay open belong to the test's event loop, which ends before they could be closed here.
        return self._client(limits=httpx.Limits(max_keepalive_connections=0))

    def _client(self, **options: object) -> "AuthenticatedClient":
        from channel_images import AuthenticatedClient

        # The server is on this machine: whatever proxy the environment names would look for it on its own.
        return AuthenticatedClient(base_url=self.url, token=self.token, httpx_args={"trust_env": False, **options})

    def add(
        self,
        channel: int,
        *,
        pk: int | None = None,
        product_type: int | None = None,
        is_seller_product: bool | None = None,
        **fields: object,
    ) -> "Row":
        """Add an image, pending for insertion, and give it as the API shows it; what is not given is made up."""
        return self.server.add(channel, pk=pk, product_type=product_type, is_seller_product=is_seller_product, **fields)

    def modify(self, channel: int, pk: int, **fields: object) -> "Row":
        """Change fields of an image, which is pending for update afterwards if it had been sent."""
        return self.server.modify(channel, pk, **fields)

    def remove(self, channel: int, pk: int) -> None:
        """Take an image out of a channel."""
        self.server.remove(channel, pk)

    def mark_sent(self, channel: int, sent: "Sent") -> None:
        """Report images as sent: they leave the pending lists, or are updates where they were modified since.

        `sent` is an image or several, or versions by pk: `{17: image.modified_date}`. A pk alone is taken at the present
        version.
        """
        self.server.mark_sent(channel, sent)

    def fault(self, *specs: str) -> None:
        """Make something go wrong from the next request on, as in `fault("503:first=2")`."""
        self.server.fault(*specs)

    def clear_faults(self) -> None:
        """Let everything go well again."""
        self.server.clear_faults()

    @property
    def requests(self) -> "list[RecordedRequest]":
        """The requests of this test, oldest first."""
        return self.server.requests

    def close(self) -> None:
        """Close the clients that were used."""
        if "client" in self.__dict__:
            self.client.get_httpx_client().close()
        if "async_client" in self.__dict__:
            # In a thread, because a loop may be running in this one.
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, self.async_client.get_async_httpx_client().aclose()).result()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `--pyargs channel_images.conformance` (docs/conformance.md), here because this module loads early."""
    group = parser.getgroup("channel-images", "conformance check (--pyargs channel_images.conformance)")
    group.addoption("--channel-images-url", metavar="URL", help="judge the server with this base URL")
    group.addoption(
        "--channel-images-channel",
        metavar="N",
        type=int,
        action="append",
        help="examine this channel; further ones serve the isolation rules",
    )
    group.addoption("--channel-images-quick", action="store_true", help="relations alone, on smaller windows")
    group.addoption("--channel-images-waivers", metavar="FILE", help="violations that are known")
    group.addoption("--channel-images-expect", metavar="FILE", help="known answers")
