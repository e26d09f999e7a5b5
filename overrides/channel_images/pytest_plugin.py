"""The pytest plugin gives the tests of a connector a mock server; `docs/testing.md` shows how to use it.

pytest loads this module in every run where the package is installed, so it imports nothing but pytest until a test uses
the fixture.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, TypedDict

import pytest

if TYPE_CHECKING:
    import ssl

    import httpx

    from channel_images import AsyncChannelImages, AuthenticatedClient, ChannelImages
    from channel_images.mock import MockServer, RecordedRequest
    from channel_images.mock.data.made import Row
    from channel_images.mock.data.versions import Sent


class _Connection(TypedDict, total=False):
    """How clients reach the server, for `httpx`."""

    trust_env: bool
    verify: "ssl.SSLContext"


@pytest.fixture(scope="session")
def channel_images_mock_server() -> "Iterator[MockServer]":
    """The server behind `channel_images_mock`, one for the session.

    Override it in a `conftest.py` to start another server, for example with a variant.
    """
    try:
        from channel_images.mock import MockServer
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("channel_images"):
            raise  # the installation is broken: the traceback says where
        pytest.fail(str(missing), pytrace=False)
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
    """A mock server as one test sees it: the type of `channel_images_mock`. What the test does to it is undone afterwards.

    Its clients reach the server whatever proxy the environment names, and trust it where it speaks HTTPS.
    """

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
    def api(self) -> "ChannelImages":
        """A client with the token, which never waits: it retries at once, up to six times. Closed after the test.

        If the server asks for a wait with `Retry-After`, the client does not retry: you get the error at once.
        """
        from channel_images import ChannelImages, Retries

        return ChannelImages(self.url, token=self.token, retries=Retries(max_wait=0), **self._connection)

    @cached_property
    def async_api(self) -> "AsyncChannelImages":
        """The same for asynchronous tests. It belongs to the event loop that uses it first. Closed after the test."""
        from channel_images import AsyncChannelImages, Retries

        retries = Retries(max_wait=0)
        return AsyncChannelImages(self.url, token=self.token, retries=retries, limits=_none_kept(), **self._connection)

    @cached_property
    def client(self) -> "AuthenticatedClient":
        """A generated client with the token, for synchronous calls. Closed after the test."""
        return self._client()

    @cached_property
    def async_client(self) -> "AuthenticatedClient":
        """A generated client with the token, for asynchronous calls. Closed after the test."""
        return self._client(limits=_none_kept())

    def _client(self, **options: object) -> "AuthenticatedClient":
        from channel_images import AuthenticatedClient

        arguments = {**self._connection, **options}
        return AuthenticatedClient(base_url=self.url, token=self.token, httpx_args=arguments)

    @property
    def _connection(self) -> "_Connection":
        import ssl

        ca_file = self.environ().get("SSL_CERT_FILE")
        if ca_file is None and self.url.startswith("https:"):
            return {}  # the certificate is somebody's own: the environment says whom to trust
        # The server is on this machine: whatever proxy the environment names would look for it on its own.
        connection: _Connection = {"trust_env": False}
        if ca_file is not None:
            connection["verify"] = ssl.create_default_context(cafile=ca_file)
        return connection

    def environ(self, channel: int | None = None) -> dict[str, str]:
        """The environment variables that a process of your connector needs, besides those of the test.

        They are the URL and the token, as `ChannelImages.from_env()` reads them; `channel`, if you give one; `NO_PROXY`;
        and, with `tls=True`, `SSL_CERT_FILE` and `REQUESTS_CA_BUNDLE`.
        """
        return self.server.environ(channel)

    def add(self, channel: int, *, pk: int | None = None, **fields: object) -> "Row":
        """Add an image, pending for insertion, and return it as the API shows it. Fields that you leave out are made up.

        `fields` may also describe a new product, by the names of the filters on it.
        """
        return self.server.add(channel, pk=pk, **fields)

    def modify(self, channel: int, pk: int, **fields: object) -> "Row":
        """Change fields of an image. If it had been sent, it is then pending for update."""
        return self.server.modify(channel, pk, **fields)

    def remove(self, channel: int, pk: int) -> None:
        """Take an image out of a channel."""
        self.server.remove(channel, pk)

    def mark_sent(self, channel: int, sent: "Sent") -> None:
        """Report images as sent: they leave the pending lists, or, if they were modified since, are updates.

        `sent` is an image or several, or versions by pk: `{17: image.modified_date}`. A pk alone means the present version.
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
        if "api" in self.__dict__:
            self.api.close()
        if "client" in self.__dict__:
            self.client.get_httpx_client().close()
        # In a thread, because a loop may be running in this one.
        with ThreadPoolExecutor(1) as thread:
            if "async_api" in self.__dict__:
                thread.submit(asyncio.run, self.async_api.close()).result()
            if "async_client" in self.__dict__:
                thread.submit(asyncio.run, self.async_client.get_async_httpx_client().aclose()).result()


def _none_kept() -> "httpx.Limits":
    """No idle connections: they would belong to the test's event loop, which ends before they could be closed here."""
    import httpx

    return httpx.Limits(max_keepalive_connections=0)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `--pyargs channel_images.conformance` (docs/conformance.md), here because this module loads early."""
    group = parser.getgroup("channel-images", "conformance check (--pyargs channel_images.conformance)")
    group.addoption("--channel-images-url", metavar="URL", help="judge the server with this base URL")
    group.addoption(
        "--channel-images-channel",
        metavar="N",
        type=int,
        action="append",
        help="examine this channel; further ones are for the rules about isolation",
    )
    group.addoption(
        "--channel-images-quick",
        action="store_true",
        help="try only how answers are related, on less data and without schemathesis",
    )
    group.addoption(
        "--channel-images-waivers",
        metavar="FILE",
        help="a file of known violations that do not count until a day that it names",
    )
    group.addoption("--channel-images-expect", metavar="FILE", help="known answers")
