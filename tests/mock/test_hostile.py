"""Nothing that a client sends breaks the server: no 5xx, no lost connection, no traceback; and it answers afterwards."""

import contextlib
import gc
import itertools
import json
import select
import socket
from collections.abc import Callable, Iterator
from urllib.parse import quote_from_bytes, urlsplit

import httpx
import pytest
from hypothesis import example, given, strategies as st

from channel_images.mock import MockServer
from channel_images.mock.operations import operations
from channel_images.mock.settings import MAX_HEAD

PathOf = Callable[..., str]

PARAMETERS = sorted({parameter.name for operation in operations().values() for parameter in operation.query_parameters})
PATHS = [operation.path for operation in operations().values()]


def connected(server: MockServer, *, receives: int | None = None) -> socket.socket:
    """A connection, whose side of it takes no more than some bytes unread."""
    address = urlsplit(server.url)
    client = socket.socket()
    if receives is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    client.settimeout(10)
    client.connect((address.hostname, address.port))
    return client


def exchange(server: MockServer, message: bytes, *, is_complete: bool = True) -> bytes:
    """What the server sends until it closes the connection; after an incomplete message, nothing more is to come."""
    with connected(server) as connection:
        with contextlib.suppress(OSError):  # it may have closed already; what it said can still be read
            connection.sendall(message)
            if not is_complete:
                connection.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(ConnectionResetError):  # it closed while bytes were under way to it
            while part := connection.recv(65536):
                received += part
        return received


def request(target: bytes, *headers: bytes, method: bytes = b"GET") -> bytes:
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: mock", b"Authorization: Token mock-token", *headers]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""])


LIST = b"/api/v1/channel/5/product_images/"


@pytest.mark.parametrize(
    "target",
    [
        LIST + b"?product=%00",
        LIST + b"?%00=%00",
        LIST + b"?product=" + b"9" * 10_000,
        LIST + b"?page=" + b"9" * 10_000,
        LIST + b"?limit=" + b"9" * 10_000,
        LIST + b"?id__in=" + b",".join(b"%d" % pk for pk in range(1000)),
        LIST + b"?id__in=" + b"," * 10_000,
        LIST + b"?id__in=" + b"1" * 30_000,
        LIST + b"?page=1&page=2&page=x&limit=1&limit=",
        LIST + b"?product=%ff%fe",
        LIST + b"?%ff=%ff&limit=1",
        LIST + b"?" + b"&" * 50_000,
        LIST + b"?" + b"a&" * 20_000,
        LIST + b"?product=%",
        LIST + b"?product=%zz",
        LIST + b"??=&=&",
        LIST + b"%ff/",
        LIST + b"%00/",
        LIST + b"%0d%0aX-Injected:%201/",
        LIST + b"1/detailed%0d%0aX-Injected:%201",
        LIST + b"../../../../etc/passwd",
        LIST + b"..%2f..%2fetc%2fpasswd/",
        LIST + b"9" * 10_000 + b"/",
        b"/api/v1/channel/" + b"9" * 10_000 + b"/product_images/",
        b"//api/v1/channel/5/product_images/",
        b"http://elsewhere.example/api/v1/channel/5/product_images/",
        b"/api/v1/auth/login/",
        b"/_mock/images/x/y",
        b"/" + b"a" * 50_000,
        b"*",
        b"/\xff",
    ],
    ids=lambda target: target[:50].decode("latin-1"),
)
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS", b"POST"])
def test_hostile_targets(server: MockServer, target: bytes, method: bytes) -> None:
    answer = exchange(server, request(target, method=method))
    assert answer.startswith(b"HTTP/1.1 ")
    assert int(answer[9:12]) < 500
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-injected" not in head.lower()
    assert b"Traceback" not in body
    if b"content-type: application/json" in head and method != b"HEAD":
        json.loads(body)


@pytest.mark.parametrize(
    "message",
    [
        b"GET\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET " + LIST + b" HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET " + LIST + b" HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET " + LIST + b" HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /api/v1/auth/login/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
    ids=lambda message: message[:40].decode("latin-1"),
)
def test_messages_that_are_no_http_are_400(server: MockServer, message: bytes) -> None:
    assert exchange(server, message, is_complete=False)[9:12] == b"400"


@pytest.mark.parametrize("filler", [b"a", b"a: b\r\n"], ids=["one-line", "many-lines"])
def test_a_head_without_end_is_431(server: MockServer, filler: bytes) -> None:
    # One byte beyond the bound and no more: bytes that arrive after the close would destroy the answer.
    head = (b"GET / HTTP/1.1\r\nX-Filler: " + filler * MAX_HEAD)[: MAX_HEAD + 1]
    assert exchange(server, head).startswith(b"HTTP/1.1 431 ")


def test_a_head_that_ends_too_soon_is_dropped(server: MockServer) -> None:
    assert exchange(server, b"GET / HTTP/1.1\r\nX-Filler: ", is_complete=False) == b""


# Clients that do not go on


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockServer]:
    """A server that waits for a client no longer than it must."""
    monkeypatch.setattr("channel_images.mock.http.protocol.PATIENCE", 0.2)
    with MockServer() as server:
        yield server


KEPT = request(LIST).replace(b"Connection: close", b"Connection: keep-alive")
LOGIN = request(b"/api/v1/auth/login/", b"Content-Type: application/json", method=b"POST")


@pytest.mark.parametrize(
    ("message", "answers"),
    [
        (b"", 0),
        (b"G", 0),
        (b"GET / HTTP/1.1\r\nX-Filler: ", 0),
        (KEPT + b"GET / HTTP", 1),
        (KEPT + KEPT[:-2], 1),
        (LOGIN.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n{"), 0),
        (LOGIN.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"), 0),
        # Answered without a look at the body.
        (request(LIST, b"Content-Length: 9").replace(b"Connection: close", b"Connection: keep-alive"), 1),
    ],
    ids=["nothing", "a-letter", "half-a-head", "a-second-line", "a-second-head", "body", "chunks", "ignored-body"],
)
def test_a_client_that_sends_no_more_is_dropped(impatient: MockServer, message: bytes, answers: int) -> None:
    # With none of it the connection would stay open, and reading from it time out.
    assert exchange(impatient, message).count(b"HTTP/1.1 ") == answers


def test_a_client_that_sends_a_byte_now_and_then_is_dropped(impatient: MockServer) -> None:
    with connected(impatient) as client:
        client.settimeout(0.05)
        for byte in itertools.chain(b"GET / HTTP/1.1\r\nX-Filler: ", itertools.repeat(ord("a"), 1_000)):
            try:
                client.sendall(bytes([byte]))
                assert client.recv(1) == b""
                break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("it was never dropped")


def test_a_client_that_does_not_read_is_dropped(impatient: MockServer) -> None:
    """Its system takes the first answers for it; the others are in ours."""
    with connected(impatient, receives=4_096) as client:
        client.sendall(request(LIST + b"?limit=1000").replace(b"close", b"keep-alive") * 40)
        ended = select.poll()
        ended.register(client, select.POLLERR | select.POLLHUP)
        assert ended.poll(30_000)


def test_what_a_request_took_is_given_back_at_once(server: MockServer) -> None:
    """Left to the garbage collector, the heads of a thousand requests of 64 KB take some hundred megabytes."""
    message = request(LIST, method=b"HEAD").replace(b"Connection: close", b"Connection: keep-alive")
    with connected(server) as client:
        gc.collect()
        gc.disable()
        try:
            for _ in range(200):
                client.sendall(message)
                answer = b""
                while not answer.endswith(b"\r\n\r\n"):
                    answer += client.recv(65_536)
            assert gc.collect() < 50
        finally:
            gc.enable()


def test_a_client_that_reads_slowly_is_served(impatient: MockServer) -> None:
    with connected(impatient, receives=4_096) as client:
        client.sendall(request(LIST + b"?limit=1000", b"Accept-Encoding: identity"))
        answer = b""
        while part := client.recv(1_000):
            answer += part
    body = answer.partition(b"\r\n\r\n")[2]
    assert len(json.loads(body)["results"]) == 1_000


def test_a_slow_answer_is_no_fault_of_the_client(impatient: MockServer) -> None:
    impatient.fault("latency:seconds=0.5")
    assert exchange(impatient, request(LIST)).startswith(b"HTTP/1.1 200")


def test_requests_of_one_connection_are_bounded_each_on_its_own(server: MockServer) -> None:
    filler = b"X-Filler: " + b"a" * (MAX_HEAD // 3)
    pipelined = request(LIST, filler).replace(b"Connection: close", b"Connection: keep-alive")
    answer = exchange(server, pipelined * 5 + request(LIST))
    assert answer.count(b"HTTP/1.1 200") == 6


def test_no_host_is_needed(server: MockServer) -> None:
    answer = exchange(server, b"GET " + LIST + b" HTTP/1.0\r\nAuthorization: Token mock-token\r\n\r\n")
    assert f'"next":"{server.url}/api/v1/'.encode() in answer


@given(data=st.data(), values=st.dictionaries(st.sampled_from(PARAMETERS), st.binary(max_size=40), max_size=4))
@example(data=None, values={"id__in": b"1,\xc2\xb2"})
def test_any_bytes_as_values(
    running: MockServer, connection: httpx.Client, data: st.DataObject | None, values: dict[str, bytes]
) -> None:
    template = data.draw(st.sampled_from(PATHS)) if data else PATHS[0]
    segment = data.draw(st.one_of(st.just(b"5"), st.binary(min_size=1, max_size=20))) if data else b"5"
    path = template.format(channel_id=quote_from_bytes(segment, safe=""), id=quote_from_bytes(segment, safe=""))
    query = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in values.items())
    response = connection.get(f"{running.url}{path}?{query}")
    assert response.status_code in {200, 400, 404}
    response.json()


@given(
    values=st.dictionaries(
        st.sampled_from(PARAMETERS), st.from_regex(r"-?[0-9]{1,25}(,[0-9]{1,25}){0,3}", fullmatch=True)
    )
)
def test_any_numbers_as_values(connection: httpx.Client, path_of: PathOf, values: dict[str, str]) -> None:
    for operation in operations().values():
        if operation.is_list:
            assert connection.get(path_of(operation.id), params=values).status_code in {200, 400, 404}
