"""Faults: what a client sees of them over a socket and in-process, when they strike, and how their specs are read."""

import asyncio
import gzip
import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given, strategies as st

from channel_images.mock import BadFault, Faults, MockServer
from channel_images.mock.app import create_app
from channel_images.mock.behaviour import Behaviour
from channel_images.mock.faults.faults import Fault
from channel_images.mock.faults.kinds import CONDITIONS, KINDS
from channel_images.mock.settings import MAX_BODY

PathOf = Callable[..., str]
FULL = "listProductImages"
IMAGE = "retrieveProductImage"


@pytest.fixture(params=["socket", "in-process"])
def either(request: pytest.FixtureRequest, server: MockServer) -> Iterator[httpx.Client]:
    """A client that goes through a socket, and one that does not: both see the same."""
    transport = server.transport if request.param == "in-process" else None
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Token {server.token}"}, transport=transport
    ) as client:
        yield client


class Clock:
    """A sleep that takes no time, and remembers."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


@contextmanager
def clocked(*specs: str, seed: int = 0) -> Iterator[tuple[httpx.Client, Clock, MockServer]]:
    clock = Clock()
    with (
        MockServer(images=50, faults=Faults(specs, seed=seed, sleep=clock)) as server,
        httpx.Client(base_url=server.url, headers={"Authorization": f"Token {server.token}"}) as client,
    ):
        yield client, clock, server


# Statuses


@pytest.mark.parametrize(
    ("spec", "status", "content_type", "words"),
    [
        ("429", 429, "application/json", '{"detail":"Request was throttled."}'),
        ("500", 500, "application/json", '{"detail":"A server error occurred."}'),
        ("500:html", 500, "text/html", "500 Internal Server Error"),
        ("502", 502, "text/html", "502 Bad Gateway"),
        ("503:html", 503, "text/html", "503 Service Unavailable"),
        ("504:json", 504, "application/json", '{"detail":"Gateway Timeout."}'),
        ("520", 520, "application/json", '{"detail":"Unknown Status."}'),
        ("200", 200, "application/json", '{"detail":"OK."}'),
    ],
)
def test_a_status_takes_the_place_of_the_answer(
    either: httpx.Client, server: MockServer, path_of: PathOf, spec: str, status: int, content_type: str, words: str
) -> None:
    server.fault(spec)
    response = either.get(path_of(FULL))
    assert (response.status_code, response.headers["content-type"]) == (status, content_type)
    assert words in response.text
    assert server.requests[-1].status == status
    assert either.head(path_of(FULL)).content == b""


def test_a_refusal_of_the_token_carries_its_challenge(
    client: httpx.Client, server: MockServer, path_of: PathOf
) -> None:
    server.fault("401")
    assert client.get(path_of(FULL)).headers["www-authenticate"] == "Token"


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("429", "1"),
        ("429:retry-after=2", "2"),
        ("429:retry-after=-1", "-1"),
        ("429:retry-after=soon", "soon"),
        ("429:retry-after=none", None),
        ("503:retry-after=9", "9"),
        ("503", None),
    ],
)
def test_retry_after(client: httpx.Client, server: MockServer, path_of: PathOf, spec: str, value: str | None) -> None:
    server.fault(spec)
    assert client.get(path_of(FULL)).headers.get("retry-after") == value


@pytest.mark.parametrize(("spec", "seconds"), [("date", 1), ("date+600", 600), ("date-600", -600)])
def test_retry_after_as_a_date(
    client: httpx.Client, server: MockServer, path_of: PathOf, spec: str, seconds: int
) -> None:
    before = datetime.now(UTC).timestamp()
    server.fault(f"429:retry-after={spec}")
    moment = parsedate_to_datetime(client.get(path_of(FULL)).headers["retry-after"]).timestamp()
    # A date has no fractions of a second.
    assert int(before) + seconds <= moment <= datetime.now(UTC).timestamp() + seconds


# Connections


def raw_answer(server: MockServer, path: str, requests: int = 1) -> tuple[bytes, OSError | None]:
    """All bytes that the server sends, and the error that the connection ends in.

    The request is sent as often as asked for, without waiting for answers.
    """
    parts = urlsplit(server.url)
    assert parts.hostname
    assert parts.port
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Token {server.token}\r\n\r\n"
    received = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(request.encode() * requests)
        while True:
            try:
                part = connection.recv(65_536)
            except OSError as error:
                return received, error
            if not part:
                return received, None
            received += part


def test_a_reset_is_one_of_tcp(server: MockServer, path_of: PathOf, caplog: pytest.LogCaptureFixture) -> None:
    server.fault("reset")
    received, error = raw_answer(server, path_of(FULL))
    assert received == b""
    assert isinstance(error, ConnectionResetError)
    assert server.requests[-1].status is None
    assert caplog.records == []


@pytest.mark.parametrize(("spec", "end"), [("reset:body", ConnectionResetError), ("truncate", type(None))])
@pytest.mark.parametrize("limit", ["", ":bytes=100", ":bytes=0", ":bytes=999999999"])
def test_a_body_is_cut_off(
    server: MockServer,
    client: httpx.Client,
    path_of: PathOf,
    caplog: pytest.LogCaptureFixture,
    spec: str,
    end: type,
    limit: str,
) -> None:
    whole = client.get(path_of(FULL)).content
    server.fault(spec + limit)
    received, error = raw_answer(server, path_of(FULL))
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(whole) in head
    expected = {"": len(whole) // 2, ":bytes=100": 100, ":bytes=0": 0}.get(limit, len(whole) - 1)
    assert body == whole[:expected]
    assert type(error) is end
    assert caplog.records == []


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ("reset", httpx.ReadError),
        ("reset:body", httpx.ReadError),
        ("truncate", httpx.RemoteProtocolError),
        ("truncate:bytes=0", httpx.RemoteProtocolError),
    ],
)
def test_httpx_raises_the_same_error_without_a_socket(
    either: httpx.Client, server: MockServer, path_of: PathOf, spec: str, error: type[Exception]
) -> None:
    server.fault(f"{spec}:first=1")
    with pytest.raises(error):
        either.get(path_of(FULL))
    assert either.get(path_of(FULL)).status_code == 200


def test_an_asynchronous_client_sees_it_too(server: MockServer, path_of: PathOf) -> None:
    received: list[bytes] = []

    async def ask() -> None:
        headers = {"Authorization": f"Token {server.token}"}
        async with (
            httpx.AsyncClient(transport=server.transport, base_url=server.url, headers=headers) as direct,
            direct.stream("GET", path_of(FULL)) as response,
        ):
            async for part in response.aiter_raw():
                received.append(part)  # noqa: PERF401 - what came before the error must not be lost with it

    server.fault("truncate:bytes=10")
    with pytest.raises(httpx.RemoteProtocolError):
        asyncio.run(ask())
    assert [len(part) for part in received] == [10]


def test_the_second_of_two_pipelined_requests_is_reset(server: MockServer, path_of: PathOf) -> None:
    server.fault("reset:skip=1")
    received, error = raw_answer(server, path_of(IMAGE), requests=2)
    assert isinstance(error, ConnectionResetError)
    assert received.count(b"HTTP/1.1 200") == 1


def test_answers_without_a_body_lose_nothing(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    server.fault("truncate")
    server.fault("garbage")
    assert client.head(path_of(FULL)).status_code == 200


def test_another_server_cannot_reset(path_of: PathOf) -> None:
    """A plain ASGI server gives no access to the connection, which the mock's author should learn."""
    app = create_app()

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mock") as direct:
            headers = {"Authorization": "Token mock-token"}
            await direct.post("/_mock/faults", json={"specs": ["reset"]}, headers=headers)
            await direct.get(path_of(FULL))

    with pytest.raises(RuntimeError, match="serve it with MockServer"):
        asyncio.run(ask())


# Bodies


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_garbage_is_no_json(either: httpx.Client, server: MockServer, path_of: PathOf, accepted: str) -> None:
    server.fault("garbage")
    response = either.get(path_of(FULL), headers={"Accept-Encoding": accepted})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError, match=r"codec|Expecting"):
        response.json()
    assert response.content != either.get(path_of(FULL)).content
    assert "etag" not in response.headers


def test_garbage_after_a_body(either: httpx.Client, server: MockServer, path_of: PathOf) -> None:
    whole = either.get(path_of(FULL)).content
    server.fault("garbage:tail")
    response = either.get(path_of(FULL), headers={"Accept-Encoding": "gzip"})
    assert response.content.startswith(whole)
    assert len(response.content) > len(whole)


def test_another_content_type(either: httpx.Client, server: MockServer, path_of: PathOf) -> None:
    server.fault("content-type", "content-type=text/plain")
    response = either.get(path_of(FULL))
    assert response.headers["content-type"] == "text/html"
    assert response.json()["count"] == 1000


def test_a_drip_takes_its_time_and_loses_nothing(path_of: PathOf) -> None:
    with clocked("drip:bytes=100:seconds=3:operation=retrieveProductImage") as (client, clock, _):
        whole = client.get(f"{path_of(FULL)}?limit=1").json()["results"][0]
        response = client.get(path_of(IMAGE), headers={"Accept-Encoding": "identity"})
        assert response.json() == whole
        assert clock.slept == [3.0] * ((len(response.content) - 1) // 100)


# Delays


def test_a_delay_of_a_number_of_seconds(path_of: PathOf) -> None:
    with clocked("latency:seconds=30", "latency:seconds=12.5", "500") as (client, clock, _):
        assert client.get(path_of(FULL)).status_code == 500
        assert clock.slept == [42.5]


def test_delays_as_in_a_network(path_of: PathOf) -> None:
    slept = []
    for _ in range(2):
        with clocked("latency:lognormal=0.1,0.5", seed=7) as (client, clock, _server):
            for _request in range(101):
                client.get(path_of(IMAGE))
        slept.append(clock.slept)
    assert slept[0] == slept[1]
    assert 0.07 < sorted(slept[0])[50] < 0.14
    assert len(set(slept[0])) == 101


def test_one_request_that_waits_keeps_nobody_else(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    server.fault("latency:seconds=3600:first=1")
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(httpx.get, server.url + path_of(FULL), timeout=30)
        while not server.faults.standings[0].struck:
            client.get("/_mock/faults")
        assert client.get(path_of(FULL)).status_code == 200
        assert not waiting.done()
        server.clear_faults()
        assert isinstance(waiting.exception(), httpx.RemoteProtocolError)


@pytest.mark.parametrize("how", ["clear", "reset", "stop"])
def test_nobody_is_kept_waiting_longer_than_the_fault_lasts(
    path_of: PathOf, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    server = MockServer()
    server.start()
    server.fault("latency:seconds=3600")
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(httpx.get, server.url + path_of(FULL), timeout=30)
        while not server.faults.standings[0].struck:
            httpx.get(f"{server.url}/nowhere")
        {"clear": server.clear_faults, "reset": server.reset, "stop": server.stop}[how]()
        assert isinstance(waiting.exception(), httpx.RemoteProtocolError)
    server.stop()
    assert caplog.records == []


def test_a_client_that_gives_up_is_forgotten(path_of: PathOf, caplog: pytest.LogCaptureFixture) -> None:
    for spec in ("latency:seconds=3600", "drip:seconds=3600:bytes=1"):
        with MockServer(faults=[spec]) as server, pytest.raises(httpx.ReadTimeout):
            httpx.get(server.url + path_of(FULL), headers={"Authorization": "Token mock-token"}, timeout=0.05)
    assert caplog.records == []


def test_a_timeout_counts_without_a_socket(server: MockServer, path_of: PathOf) -> None:
    server.fault("latency:seconds=3600")
    with (
        httpx.Client(transport=server.transport, base_url=server.url, timeout=0.01) as direct,
        pytest.raises(httpx.ReadTimeout),
    ):
        direct.get(path_of(FULL))


# Sign-in


def test_sign_in_is_left_alone_unless_it_is_named(server: MockServer, client: httpx.Client) -> None:
    server.fault("500")
    assert client.get("/api/v1/active_user/").status_code == 200
    assert client.get("/_mock/requests").status_code == 200
    assert client.get("/").status_code == 200
    server.fault("503:operation=login,active_user:first=1")
    assert client.get("/api/v1/active_user/").status_code == 503


def test_a_delayed_request_keeps_its_body() -> None:
    with clocked("latency:seconds=1:operation=login") as (client, clock, _):
        login = client.post("/api/v1/auth/login/", json={"username": "mock", "password": "mock"})
        assert login.json() == {"key": "mock-token"}
        large = client.post("/api/v1/auth/login/", json={"username": "x" * MAX_BODY})
        assert large.status_code == 413
        assert clock.slept == [1.0, 1.0]


# When they strike


def statuses(client: httpx.Client, path: str, requests: int) -> list[int]:
    return [client.get(path).status_code for _ in range(requests)]


@pytest.mark.parametrize(
    ("conditions", "struck"),
    [
        ("", "11111111"),
        (":first=3", "11100000"),
        (":skip=2", "00111111"),
        (":skip=2:first=1", "00100000"),
        (":every=3", "00100100"),
        (":every=2:first=4", "01010000"),
        (":skip=1:every=3", "00010010"),
        (":operation=retrieveProductImage", "00000000"),
        (":operation=retrieveProductImage,listProductImages", "11111111"),
        (":rate=1", "11111111"),
    ],
)
def test_conditions(server: MockServer, client: httpx.Client, path_of: PathOf, conditions: str, struck: str) -> None:
    server.fault(f"500{conditions}")
    assert statuses(client, path_of(FULL), 8) == [500 if each == "1" else 200 for each in struck]
    (standing,) = server.faults.standings
    assert standing.struck == struck.count("1")
    assert standing.requests == (8 if "1" in struck else 0)


def test_a_rate_is_a_share_and_a_function_of_the_seed(path_of: PathOf) -> None:
    runs = []
    for seed in (1, 1, 2):
        with clocked("500:rate=0.3", seed=seed) as (client, _, server):
            runs.append(statuses(client, path_of(IMAGE), 200))
            server.reset()
            assert statuses(client, path_of(IMAGE), 200) == runs[-1]
    assert runs[0] == runs[1] != runs[2]
    assert 40 <= runs[0].count(500) <= 80


def test_equal_faults_strike_independently(path_of: PathOf) -> None:
    with clocked("latency:seconds=1:rate=0.5", "latency:seconds=1:rate=0.5") as (client, clock, _):
        statuses(client, path_of(IMAGE), 100)
    assert set(clock.slept) == {1.0, 2.0}
    assert len(clock.slept) < 100


def test_faults_combine(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    server.fault("502", "500", "truncate", "content-type=text/plain", "drip:seconds=0", "drip:bytes=7", "reset:body")
    server.fault("reset")
    received, error = raw_answer(server, path_of(FULL))
    assert error is None, "the truncation, given first"
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 502 ")
    assert b"content-type: text/plain" in head
    assert b"</html>" not in body


def test_variants_and_bugs_are_no_behaviour_of_ones_own() -> None:
    class Mine(Behaviour):
        pass

    with pytest.raises(ValueError, match="give them, or one of your own"):
        MockServer(variants=["slow"], behaviour=Mine)


def test_reset_brings_back_those_of_the_beginning(path_of: PathOf) -> None:
    with clocked("500:first=1") as (client, _, server):
        assert statuses(client, path_of(IMAGE), 2) == [500, 200]
        server.fault("503:first=1")
        assert statuses(client, path_of(IMAGE), 2) == [503, 200]
        server.reset()
        assert statuses(client, path_of(IMAGE), 2) == [500, 200]
        server.clear_faults()
        server.fault("504")
        assert [each.fault.spec for each in server.faults.standings] == ["504"]


# The admin API


def test_faults_over_http(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    added = client.post("/_mock/faults", json={"specs": ["503:first=1", "latency:seconds=0"]})
    assert added.status_code == 201
    assert statuses(client, path_of(FULL), 2) == [503, 200]
    assert client.get("/_mock/faults").json() == {
        "faults": [
            {"spec": "503:first=1", "requests": 2, "struck": 1},
            {"spec": "latency:seconds=0", "requests": 2, "struck": 2},
        ]
    }
    assert client.delete("/_mock/faults").status_code == 204
    assert client.get("/_mock/faults").json() == {"faults": []}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"specs": ["500", "oops"]}, "no kind 'oops'"),
        ({"specs": "500"}, "Enter a list of texts."),
        ({}, "Enter a list of texts."),
    ],
)
def test_bad_faults_over_http(client: httpx.Client, body: object, message: str) -> None:
    refused = client.post("/_mock/faults", json=body)
    assert refused.status_code == 400
    assert message in refused.json()["specs"][0]
    assert client.get("/_mock/faults").json() == {"faults": []}
    assert client.get("/_mock/faults", headers={"Authorization": ""}).status_code == 401


# Specs


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "no kind ''; there is "),
        ("latancy:seconds=1", "no kind 'latancy'; there is latency"),
        ("99", "no kind '99'"),
        ("100", "100 is not a status that a fault can have; take one from 200 to 599 that has a body"),
        ("204", "204 is not a status"),
        ("429=2", "429 takes no value; write 429 alone, settings behind a colon"),
        ("429:retry=2", "429 has no setting 'retry'; it takes html, json, retry-after=, operation=, "),
        ("429:retry-after", "retry-after needs a value; write retry-after=2"),
        ("429:retry-after=2\r\nX: 1", "retry-after cannot stand in a header"),
        ("429:retry-after=soön", "retry-after cannot stand in a header"),
        ("500:html:json", "html and json contradict each other"),
        ("500:html=1", "html takes no value"),
        ("500:first=1:first=2", "'first' is given twice"),
        ("500:first=0", "first=0 is not a whole number of at least 1; write first=3"),
        ("500:every=x", "every=x is not a whole number"),
        ("500:rate=0", "rate=0 is not a share above 0 and up to 1; write rate=0.1"),
        ("500:rate=10%", "rate=10% is not a share"),
        ("500:rate=nan", "rate=nan is not a share"),
        ("500:operation=listProductImage", "no operation 'listProductImage'; there is listProductImages"),
        ("latency", "latency needs one of seconds and lognormal; write latency:seconds=0.2"),
        ("latency:seconds=1:lognormal=1,1", "latency needs one of"),
        ("latency:seconds=-1", "seconds=-1 is not a number of seconds"),
        ("latency:seconds=inf", "seconds=inf is not a number of seconds"),
        ("latency:lognormal=1", "lognormal=1 is not a median and a sigma"),
        ("latency:lognormal=0,1", "lognormal=0,1 is not a median and a sigma"),
        ("reset:bytes=1", "reset has no setting 'bytes'; it takes body, "),
        ("content-type=", "no such type can stand in a header"),
        ("content-type=a\nb", "no such type can stand in a header"),
    ],
)
def test_a_bad_spec_is_explained_in_one_line(spec: str, message: str) -> None:
    with pytest.raises(BadFault) as caught:
        MockServer(faults=[spec])
    assert message in str(caught.value)
    assert repr(spec) in str(caught.value)
    assert "\n" not in str(caught.value)


EXAMPLES = {
    "STATUS": "500",
    "STATUS:html": "500:html",
    "STATUS:retry-after=VALUE": "429:retry-after=date+5",
    "latency:seconds=S": "latency:seconds=0.2",
    "latency:lognormal=M,SIGMA": "latency:lognormal=0.1,0.5",
    "content-type=TYPE": "content-type=text/html",
}


@pytest.mark.parametrize("form", [kind.form for kind in KINDS])
def test_each_kind_that_is_listed_is_one(form: str) -> None:
    spec = EXAMPLES.get(form, form)
    assert Fault.parse(spec).spec == spec


def test_each_condition_that_is_listed_is_one() -> None:
    values = {"operation": "listProductImages,login", "rate": "0.5"}
    names = [condition.form.partition("=")[0] for condition in CONDITIONS]
    Fault.parse(":".join(["500", *(f"{name}={values.get(name, '2')}" for name in names)]))


@given(st.text() | st.from_regex(r"(500|429|drip|latency|reset|truncate)(:[a-z-]{1,8}(=[0-9.,a-z+-]{0,6})?){0,3}"))
def test_any_text_is_a_fault_or_explained(text: str) -> None:
    # Any other error than this one fails the test.
    with suppress(BadFault):
        assert Fault.parse(text).spec == text


def test_gzip_survives_where_the_body_is_whole(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    server.fault("drip:bytes=1000:seconds=0")
    with client.stream("GET", path_of(FULL), headers={"Accept-Encoding": "gzip"}) as response:
        raw = b"".join(response.iter_raw())
    assert json.loads(gzip.decompress(raw))["count"] == 1000
