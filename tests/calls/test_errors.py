"""What a new user meets when something is wrong: one readable error."""

import inspect
import pickle
import socket
from typing import Any

import httpx
import pytest
from tests.wire import SURFACES, RawServer, get_image, http

from channel_images import (
    BadRequest,
    ChannelImages,
    ChannelImagesError,
    ChannelNotFound,
    ConfigurationError,
    ConnectionFailed,
    MalformedResponse,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestError,
    ResponseError,
    Retries,
    ServerError,
    StatusError,
    exceptions,
)
from channel_images.mock import MockServer

HTML = b"<!doctype html><html><body>Welcome</body></html>"


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def caught(surface: str, url: str, **options: Any) -> ChannelImagesError:
    with pytest.raises(ChannelImagesError) as raised:
        get_image(surface, url, retries=Retries(attempts=2, max_wait=0), **options)
    assert "\n" not in str(raised.value)
    return raised.value


def test_a_wrong_token(surface: str, healthy_mock: MockServer) -> None:
    error = caught(surface, healthy_mock.url, token="wrong")
    assert isinstance(error, NotAuthenticated)
    assert str(error).endswith("answered 401 Unauthorized: Invalid token. The token is wrong or has expired")


@pytest.mark.parametrize("charset", ["hex", "base64", "zlib", "rot13", "undefined", "idna", "punycode", "none-such"])
def test_a_page_in_a_charset_that_is_none(surface: str, charset: str) -> None:
    with RawServer([http(404, HTML, f"Content-Type: text/html; charset={charset}")]) as server:
        error = caught(surface, server.url, token="t")
    assert isinstance(error, NotFound)
    assert "answered 404" in str(error)


def test_half_of_a_surrogate_pair_can_be_printed(surface: str) -> None:
    with RawServer([http(400, b'{"detail": "\\ud800"}')]) as server:
        error = caught(surface, server.url, token="t")
    assert "\\ud800" in str(error.args[0].encode())


def test_a_wrong_channel(surface: str) -> None:
    with MockServer(channels={6: 1}) as server:
        error = caught(surface, server.url, token=server.token)
    assert isinstance(error, ChannelNotFound)
    said = f"GET {server_url(error)} answered 404 Not Found: Not found."
    assert str(error) == f"there is no channel 5, or not for this token: {said}"
    assert "/channel/5/" in str(error)


def server_url(error: ResponseError) -> str:
    return str(error.response.url)


@pytest.mark.parametrize("code", [socket.EAI_NONAME, socket.EAI_NODATA])
def test_a_wrong_host(surface: str, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def unknown(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(code, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = caught(surface, "https://no-such-host.example")
    assert isinstance(error, ConnectionFailed)
    assert "there is no such host" in str(error)
    assert error.retries == 0


def test_a_wrong_port(surface: str) -> None:
    with RawServer([None]) as server:
        url = server.url
    error = caught(surface, url)
    assert isinstance(error, ConnectionFailed)
    assert "(after 2 retries)" in str(error)
    assert url in error.url


@pytest.mark.parametrize(
    ("body", "kind"),
    [(HTML, "text/html"), (b"Welcome", "text/html"), (HTML, "text/plain"), (b" \n" + HTML, "text/plain")],
)
def test_a_server_that_answers_html(surface: str, body: bytes, kind: str) -> None:
    with RawServer([http(200, body, f"Content-Type: {kind}")]) as server:
        error = caught(surface, server.url)
    assert isinstance(error, MalformedResponse)
    assert f"An HTML page came: is {server.url} the base URL of the API?" in str(error)


def test_a_wrong_path(surface: str) -> None:
    with RawServer([http(404, HTML, "Content-Type: text/html")]) as server:
        error = caught(surface, f"{server.url}/wrong")
    assert str(error).endswith(f"an HTML page. Is {server.url}/wrong the base URL of the API?")


STATUSES = {
    400: BadRequest,
    401: NotAuthenticated,
    403: PermissionDenied,
    404: ChannelNotFound,
    410: ChannelNotFound,
    405: StatusError,
    429: RateLimited,
    500: ServerError,
    520: ServerError,
    201: StatusError,
    302: StatusError,
}


@pytest.mark.parametrize("status", STATUSES)
def test_statuses_have_their_errors(surface: str, status: int) -> None:
    body = {"product": ["Enter a number."], "detail": "No."} if status == 400 else {"detail": "No."}
    with RawServer([http(status, body, "X-Request-ID: r-1")]) as server:
        error = caught(surface, server.url)
    assert type(error) is STATUSES[status]
    assert isinstance(error, StatusError)
    assert (error.status_code, error.request_id, error.detail, error.body) == (status, "r-1", "No.", body)
    assert error.response.json() == body
    if isinstance(error, BadRequest):
        assert error.fields == {"product": ["Enter a number."]}
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.retries, again.status_code, again.body) == (str(error), error.retries, status, body)


def test_the_tree_is_the_one_that_is_drawn() -> None:
    drawn = inspect.getdoc(exceptions) or ""
    kinds = [
        kind
        for _, kind in inspect.getmembers(exceptions, inspect.isclass)
        if issubclass(kind, ChannelImagesError) and kind.__module__ == exceptions.__name__
    ]
    lines = drawn.splitlines()
    for kind in kinds:
        (line,) = [number for number, line in enumerate(lines) if kind.__name__ in line.split()]
        depth = lines[line].index(kind.__name__)
        above = next((lines[n] for n in range(line - 1, -1, -1) if lines[n].strip() and _depth(lines[n]) < depth), "")
        if kind is not ChannelImagesError:
            assert kind.__base__ is not None
            assert kind.__mro__[1].__name__ in above.split()


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" │├└─"))


def test_every_error_survives_a_pickle() -> None:
    for kind in (RequestError, ConnectionFailed, exceptions.Timeout):
        error = pickle.loads(pickle.dumps(kind("words", url="https://host", retries=3)))
        assert (str(error), error.url, error.retries) == ("words", "https://host", 3)
    incomplete = pickle.loads(pickle.dumps(exceptions.IncompleteListing("words", passes=4)))
    assert (str(incomplete), incomplete.passes, incomplete.windows) == ("words", 4, ())
    stalled = pickle.loads(pickle.dumps(exceptions.DrainStalled("words", pks=[1], passes=2)))
    assert (stalled.pks, stalled.passes) == ((1,), 2)


@pytest.mark.parametrize(("prefix", "is_asked"), [("/api/v1", True), ("/shop/api/v1", True), ("/shop", False)])
def test_a_base_url_that_repeats_the_path_is_asked_about(prefix: str, is_asked: bool) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json={"detail": "Not found."})

    with (
        ChannelImages(f"https://host.example{prefix}", token="secret", transport=httpx.MockTransport(answer)) as api,
        pytest.raises(NotFound) as raised,
    ):
        api.channel(5).image(1)
    asks = str(raised.value).endswith(f"Is https://host.example{prefix} the base URL of the API?")
    assert asks is is_asked


def test_a_proxy_that_does_not_answer_is_named() -> None:
    proxy = "http://me:pw@127.0.0.1:1"
    with (
        ChannelImages("https://host.example", token="secret", proxy=proxy, retries=0) as api,
        pytest.raises(ConnectionFailed, match=r"through the proxy http://127\.0\.0\.1:1\)"),
    ):
        api.channel(5).image(1)
    with pytest.raises(ConfigurationError, match="proxy= takes a URL"):
        ChannelImages("https://host.example", token="secret", proxy="http://host:port")
