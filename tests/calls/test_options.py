"""What httpx can do, the clients can: proxies, certificates, mounts, HTTP/2, other transports."""

import asyncio
import contextlib
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import h2.config
import h2.connection
import h2.events
import h2.settings
import httpx
import httpx_aiohttp
import pytest
from tests.wire import IMAGE, SURFACES, TOKEN, Asked, RawServer, Reply, get_image, http, list_pks, reset, run

from channel_images import (
    Answer,
    AsyncChannelImages,
    ChannelImages,
    ConfigurationError,
    ConnectionFailed,
    ProductImage,
    Retries,
    Timeout,
)
from channel_images.calls.failures import causes
from channel_images.calls.network import BoundedBackend, _pools
from channel_images.mock import MockServer

AT_ONCE = Retries(max_wait=0)

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_certificate_that_does_not_verify_is_not_tried_again(surface: str, tls: RawServer) -> None:
    with pytest.raises(ConnectionFailed, match="the server's certificate does not verify") as caught:
        get_image(surface, tls.url, retries=AT_ONCE)
    assert caught.value.retries == 0
    assert (tls.connections, tls.asked) == (1, [])


def test_a_ca_of_ones_own(surface: str, tls: RawServer, certificate: Path) -> None:
    context = ssl.create_default_context(cafile=certificate)
    for verify in (str(certificate), context, False):
        assert get_image(surface, tls.url, verify=verify).value.pk == 1


def test_a_certificate_of_ones_own(surface: str, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    with RawServer([http(200)], context=context) as server:
        key = str(certificate.with_name("key.pem"))
        for cert in (str(certificate), (str(certificate), key), (str(certificate), key, "unused")):
            assert get_image(surface, server.url, verify=str(certificate), cert=cert).value.pk == 1
        with pytest.raises(ConnectionFailed):
            get_image(surface, server.url, verify=str(certificate), retries=0)


@pytest.mark.parametrize("options", [{"verify": "/nowhere.pem"}, {"verify": __file__}, {"cert": "/nowhere.pem"}])
@pytest.mark.parametrize("client", [ChannelImages, AsyncChannelImages])
def test_certificates_that_cannot_be_read(client: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="no certificates that can be read"):
        client("https://host", token=TOKEN, **options)


def test_https_to_a_server_without_tls(surface: str) -> None:
    with MockServer(images=1) as server, pytest.raises(ConnectionFailed, match="does not speak TLS") as caught:
        get_image(surface, server.url.replace("http:", "https:"), retries=AT_ONCE)
    assert caught.value.retries == 0


# Proxies and mounts


@pytest.fixture
def proxy() -> Iterator[RawServer]:
    """A proxy that answers for every host."""
    with RawServer([http(200)]) as server:
        yield server


def test_a_proxy(surface: str, proxy: RawServer) -> None:
    with pytest.warns(UserWarning, match="plain text"):
        assert get_image(surface, "http://far.example", proxy=proxy.url).value.pk == 1
    assert proxy.asked[0].target == "http://far.example/api/v1/channel/5/product_images/1/"


def test_a_proxy_for_https_gets_no_token(surface: str) -> None:
    with RawServer([http(502)]) as proxy, pytest.raises(ConnectionFailed, match="502"):
        get_image(surface, "https://far.example", proxy=proxy.url, retries=0)
    assert (proxy.asked[0].method, proxy.asked[0].target) == ("CONNECT", "far.example:443")
    assert "authorization" not in proxy.asked[0].headers


def test_a_proxy_of_the_environment(surface: str, proxy: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.warns(UserWarning, match="plain text"):
        assert get_image(surface, "http://far.example").value.pk == 1
    with pytest.raises(ConnectionFailed):
        get_image(surface, "http://127.0.0.1:9", trust_env=False, retries=0)


def test_mounts(surface: str) -> None:
    used: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        used.append(request.url.host)
        return httpx.Response(503) if len(used) == 1 else httpx.Response(200, content=IMAGE)

    mounts = {"all://far.example": httpx.MockTransport(handle)}
    assert get_image(surface, "https://far.example", mounts=mounts, retries=AT_ONCE).retries == 1
    assert used == ["far.example"] * 2


# Requests


def test_headers_params_and_cookies_go_with_every_request(surface: str) -> None:
    with RawServer([http(200, {"count": 0, "next": None, "previous": None, "results": []})]) as server:
        options: dict[str, Any] = {
            "headers": {"X-Team": "a", "User-Agent": "mine"},
            "params": {"tenant": "7"},
            "cookies": {"c": "1"},
        }
        assert list_pks(surface, server.url, **options) == []
    (asked,) = server.asked
    assert asked.headers["x-team"] == "a"
    assert asked.headers["user-agent"] == "mine"
    assert asked.headers["cookie"] == "c=1"
    query = asked.target.partition("?")[2].split("&")
    assert sorted(query) == ["limit=10", "page=1", "tenant=7"]


def test_params_of_the_client_do_not_replace_those_of_a_list(surface: str) -> None:
    with MockServer(images=30, variants=["lenient"]) as server:
        pks = list_pks(surface, server.url, token=server.token, params={"tenant": "7"})
    assert len(set(pks)) == len(pks) == 30


def test_cookies_that_the_server_sets_come_back(surface: str) -> None:
    with RawServer([http(503, b"", "Set-Cookie: route=b; Path=/"), http(200)]) as server:
        assert two_images(surface, server.url) == 1
    assert server.asked[-1].headers["cookie"] == "route=b"
    assert server.asked[-1].headers["authorization"] == f"Token {TOKEN}"


def two_images(surface: str, url: str) -> int:
    """A second image with the same client, after a first that takes a retry."""
    if surface == "sync":
        with ChannelImages(url, token=TOKEN, retries=AT_ONCE) as api:
            api.channel(5).image(1)
            return int(api.channel(5).with_raw_response.image(1).value.pk or 0)

    async def main() -> int:
        async with AsyncChannelImages(url, token=TOKEN, retries=AT_ONCE) as api:
            await api.channel(5).image(1)
            return int((await api.channel(5).with_raw_response.image(1)).value.pk or 0)

    return run(main())


def test_the_application_names_itself_first(surface: str) -> None:
    with RawServer([http(200)]) as server:
        get_image(surface, server.url, application="my-connector/1.2")
    assert server.asked[0].headers["user-agent"].startswith("my-connector/1.2 channel-images/")


@pytest.mark.parametrize("prefix", ["/a", "/a/", "/a/b//", "/%7Etenant"])
def test_a_path_prefix(surface: str, prefix: str) -> None:
    def reply(asked: Asked) -> Reply:
        inside = asked.target.startswith(f"{prefix.rstrip('/')}/api/v1/channel/5/product_images/")
        envelope = {"count": 1, "next": None, "previous": None, "results": [{"pk": 1}]}
        return http(200, envelope) if inside else http(404, b"<html>", "Content-Type: text/html")

    with RawServer(reply) as server:
        assert list_pks(surface, server.url + prefix) == [1]


def test_event_hooks(surface: str) -> None:
    seen: list[object] = []

    async def later(thing: httpx.Request | httpx.Response) -> None:
        seen.append(type(thing))

    hook = (lambda thing: seen.append(type(thing))) if surface == "sync" else later
    with RawServer([http(503), http(200)]) as server:
        get_image(surface, server.url, retries=AT_ONCE, event_hooks={"request": [hook], "response": [hook]})
    assert seen == [httpx.Request, httpx.Response] * 2


def test_a_hook_that_raises_for_the_status_is_the_callers(surface: str) -> None:
    async def later(response: httpx.Response) -> None:
        response.raise_for_status()

    hook = httpx.Response.raise_for_status if surface == "sync" else later
    with RawServer([http(404, {"detail": "Not found."})]) as server, pytest.raises(httpx.HTTPStatusError) as caught:
        get_image(surface, server.url, event_hooks={"response": [hook]})
    assert "authorization" not in caught.value.request.headers


# Other ways to send


def test_http_2_through_an_upstream_that_speaks_it(surface: str, tls: RawServer, certificate: Path) -> None:
    """h2 is offered; a server that does not take it is spoken to in HTTP/1.1."""
    answer = get_image(surface, tls.url, verify=str(certificate), http2=True)
    assert answer.response.http_version == "HTTP/1.1"


class Http2Server(RawServer):
    """A server of HTTP/2 that answers a request for page 1, or for an image, and never one for another page."""

    def __init__(self, certificate: Path, *, max_streams: int = 100) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.set_alpn_protocols(["h2"])
        super().__init__([], context=context)
        self.reached = threading.Event()
        self._max_streams = max_streams

    def _serve(self, connection: socket.socket) -> None:
        assert self._context is not None
        with contextlib.suppress(OSError), self._context.wrap_socket(connection, server_side=True) as tls:
            state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
            limits = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self._max_streams}
            state.local_settings = h2.settings.Settings(client=False, initial_values=limits)
            state.initiate_connection()
            tls.sendall(state.data_to_send())
            while received := tls.recv(65536):
                for event in state.receive_data(received):
                    if isinstance(event, h2.events.RequestReceived):
                        self._answer(state, event)
                tls.sendall(state.data_to_send())

    def _answer(self, state: h2.connection.H2Connection, event: h2.events.RequestReceived) -> None:
        path = dict(event.headers)[b":path"].decode()
        if "page=" in path and "page=1&" not in path:
            self.reached.set()
            return
        envelope = {"count": 30, "next": "x", "results": [{"pk": row} for row in range(10)]}
        state.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/json")])
        body = json.dumps(envelope if "page=" in path else {"pk": 1}).encode()
        state.send_data(event.stream_id, body, end_stream=True)


def test_a_connection_of_http_2_whose_streams_are_used_up_is_replaced(certificate: Path) -> None:
    async def main() -> None:
        async with AsyncChannelImages(
            server.url, token=TOKEN, http2=True, verify=str(certificate), retries=AT_ONCE
        ) as api:
            for _ in range(6):
                async with contextlib.aclosing(api.channel(5).images(page_size=10, concurrency=2).pages()) as pages:
                    await anext(pages)
                    server.reached.clear()
                    waiting = asyncio.ensure_future(anext(pages))
                    await asyncio.to_thread(server.reached.wait, 30)
                    waiting.cancel()
                    await asyncio.wait([waiting])
                assert (await api.channel(5).image(1)).pk == 1

    with Http2Server(certificate, max_streams=4) as server:
        run(main())
    assert 1 < server.connections < 6


def test_the_call_timeout_ends_a_call_over_http_2(surface: str, certificate: Path) -> None:
    with (
        Http2Server(certificate) as server,
        pytest.raises(Timeout, match=r"longer than 0\.3 s; a longer call_timeout="),
    ):
        list_pks(surface, server.url, http2=True, verify=str(certificate), retries=0, call_timeout=0.3)


# What the synchronous client puts under httpx's own transports


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"proxy": "http://127.0.0.1:9"},
        {"mounts": {"all://": httpx.HTTPTransport()}},
        {"transport": httpx.HTTPTransport()},
    ],
    ids=["plain", "proxy", "mounts", "transport"],
)
def test_the_private_names_of_httpx_and_httpcore_are_where_they_are_looked_for(options: dict[str, Any]) -> None:
    """Else the call timeout would not hold for a head that drips, and nothing would end early."""
    with ChannelImages("https://host", token=TOKEN, **options) as api:
        pools = list(_pools(api._http))
        assert len(pools) == 1 + ("mounts" in options) + (options.get("proxy") is not None)
        for pool in pools:
            assert isinstance(pool._network_backend, BoundedBackend)
            assert not isinstance(pool._network_backend._backend, BoundedBackend)
        assert hasattr(pools[0], "_connections")
    with ChannelImages("https://host", token=TOKEN, **options) as again:
        assert not any(isinstance(pool._network_backend._backend, BoundedBackend) for pool in _pools(again._http))


def test_the_call_timeout_and_an_early_end_hold_over_tls_and_through_a_tunnel(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    reached = threading.Event()

    def drip(connection: socket.socket) -> None:
        reached.set()
        with contextlib.suppress(OSError):
            for _ in range(3_000):
                connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                time.sleep(0.01)  # the server's, to outlast the client

    def reply(asked: Asked) -> Reply:
        page = int(asked.target.partition("page=")[2].partition("&")[0])
        rows = [{"pk": page * 10 + row} for row in range(10)]
        return http(200, {"count": 300, "next": "x", "results": rows}) if page < 3 else drip

    def tunnel(asked: Asked) -> Reply:
        return lambda connection: pipe(connection, server.port)

    with RawServer(reply, context=context) as server, RawServer(tunnel) as proxy:
        ways: list[dict[str, Any]] = [{}, {"proxy": proxy.url}]
        for options in ways:
            reached.clear()
            started = time.monotonic()
            with ChannelImages(
                server.url, token=TOKEN, verify=str(certificate), retries=0, call_timeout=60, **options
            ) as api:
                pages = api.channel(5).images(page_size=10, concurrency=8).pages()
                next(pages)
                next(pages)
                assert reached.wait(30)
                pages.close()
            assert time.monotonic() - started < 20
            with pytest.raises(Timeout, match="call_timeout"):
                list_pks("sync", server.url, verify=str(certificate), retries=0, call_timeout=0.5, **options)
        assert proxy.asked


def pipe(connection: socket.socket, port: int) -> None:
    """What a proxy does after CONNECT."""
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    with socket.create_connection(("127.0.0.1", port)) as there:
        both = {connection: there, there: connection}
        while True:
            for ready in select.select(list(both), [], [])[0]:
                if not (data := ready.recv(65536)):
                    return
                both[ready].sendall(data)


# aiohttp


AIOHTTP_BREAKS: dict[str, tuple[Reply, type[httpx.RequestError]]] = {
    "a length that is none": (http(200, IMAGE, "Content-Length: abc"), httpx.RemoteProtocolError),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n", httpx.RemoteProtocolError),
    "truncated": (lambda connection: connection.sendall(http(200, IMAGE, length=999)), httpx.ReadError),
    "nothing": (None, httpx.ReadError),
    "reset": (reset, httpx.ReadError),
}


async def get_with_aiohttp(url: str, **options: Any) -> Answer[ProductImage]:
    transport = httpx_aiohttp.AiohttpTransport(**options)
    async with AsyncChannelImages(url, token=TOKEN, retries=AT_ONCE, transport=transport) as api:
        return await api.channel(5).with_raw_response.image(1)


@pytest.mark.parametrize("kind", AIOHTTP_BREAKS)
def test_what_aiohttp_raises_is_retried_and_shows_no_token(kind: str) -> None:
    broken, cause = AIOHTTP_BREAKS[kind]
    with RawServer([broken, broken, http(200)]) as server:  # the second for aiohttp, which has retries of its own
        assert run(get_with_aiohttp(server.url)).retries in (1, 2)
    with RawServer([broken]) as server, pytest.raises(ConnectionFailed) as caught:
        run(get_with_aiohttp(server.url))
    assert caught.value.retries == 6
    assert isinstance(caught.value.__cause__, cause)
    for error in causes(caught.value):
        assert TOKEN not in repr(error) + str(error) + repr(vars(error))
    assert "\n" not in str(caught.value)


def test_aiohttp_has_no_timeout_where_there_is_no_connection(tls: RawServer) -> None:
    with pytest.raises(ConnectionFailed, match=r"Cannot connect.*after 6 retries"):
        run(get_with_aiohttp("http://127.0.0.1:9"))
    with pytest.raises(ConnectionFailed, match="the server's certificate does not verify") as caught:
        run(get_with_aiohttp(tls.url))
    assert caught.value.retries == 0
    with MockServer(images=1) as server, pytest.raises(ConnectionFailed, match="does not speak TLS") as caught:
        run(get_with_aiohttp(server.url.replace("http:", "https:")))
    assert caught.value.retries == 0


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (anyio.EndOfStream(), "the connection was closed"),
        (anyio.ClosedResourceError(), "the connection was closed"),
        (anyio.BrokenResourceError("broken pipe"), "broken pipe"),
    ],
)
def test_what_anyio_raises_is_retried(error: Exception, said: str) -> None:
    left = [error]

    def handle(_request: httpx.Request) -> httpx.Response:
        if left:
            raise left.pop()
        return httpx.Response(200, content=IMAGE)

    transport = httpx.MockTransport(handle)
    with pytest.raises(ConnectionFailed, match=f": {said}$"):
        get_image("async", "https://host", transport=transport, retries=0)
    left.append(error)
    assert get_image("async", "https://host", transport=transport, retries=AT_ONCE).retries == 1


def test_aiohttp_carries_the_asynchronous_client() -> None:
    async def main() -> tuple[int, int]:
        transport = httpx_aiohttp.AiohttpTransport()
        async with AsyncChannelImages(server.url, token=server.token, transport=transport, retries=AT_ONCE) as api:
            listing = api.channel(5).images(page_size=10, concurrency=8)
            return len([image async for image in listing]), (await api.channel(5).with_raw_response.image(1)).retries

    with MockServer(images=200) as server:
        server.fault("503:skip=30:first=1", "reset:skip=10:first=1", "truncate:skip=12:first=1")
        count, _ = run(main())
    assert count == 200


def test_the_mocks_own_transport(surface: str) -> None:
    with MockServer(images=30) as server:
        server.fault("503:first=2", "truncate:skip=3:first=1")
        pks = list_pks(surface, "http://localhost", token=server.token, transport=server.transport, retries=AT_ONCE)
    assert len(pks) == 30
