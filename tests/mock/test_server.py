"""The server as an object: starting, stopping, in-process, in the foreground, and large."""

import asyncio
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest

from channel_images.mock import MockServer, PortInUse
from channel_images.mock.behaviour import Behaviour, combined
from channel_images.mock.http.answers import Answer
from channel_images.mock.http.call import Call
from channel_images.mock.http.journal import Journal
from channel_images.mock.operations import Operation
from channel_images.mock.settings import KEPT_BYTES, Settings

PathOf = Callable[..., str]
FULL = "listProductImages"


def headers(server: MockServer) -> dict[str, str]:
    return {"Authorization": f"Token {server.token}"}


def test_a_port_that_is_taken_is_named(server: MockServer) -> None:
    port = urlsplit(server.url).port
    assert port is not None
    with pytest.raises(PortInUse, match=f"cannot listen on 127.0.0.1:{port}"):
        MockServer(port=port).start()


def test_it_can_be_started_again(path_of: PathOf) -> None:
    server = MockServer(images=3)
    for _ in range(2):
        with server:
            assert httpx.get(server.url + path_of(FULL), headers=headers(server)).json()["count"] == 3
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.url
    server.stop()


def test_it_is_started_once(server: MockServer) -> None:
    with pytest.raises(RuntimeError, match="running already"):
        server.start()
    assert server.url in repr(server)
    assert "not running" in repr(MockServer())


def test_the_default_channels(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    assert server.channels == (5, 6, 7)
    assert [client.get(path_of(FULL, channel)).json()["count"] for channel in server.channels] == [1000, 23, 0]


def test_images_and_channels_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="give one of them"):
        MockServer(images=1, channels={5: 1})


def test_a_page_without_rows_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="max_limit"):
        Settings(max_limit=0)


def test_requests_are_remembered(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    client.get(path_of(FULL), params={"id__in": "1,2"})
    (request,) = server.requests
    assert (request.method, request.path, request.operation) == ("GET", path_of(FULL), FULL)
    assert (request.query, request.status) == ({"id__in": "1,2"}, 200)
    assert "authorization" not in request.headers
    assert request.headers["accept-encoding"] == "identity"


def test_only_the_newest_requests_are_remembered(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    for number in range(server.settings.requests_kept + 5):
        client.get(path_of("retrieveProductImage", pk=number))
    assert len(server.requests) == server.settings.requests_kept
    assert server.requests[0].path == path_of("retrieveProductImage", pk=5)


def test_large_requests_are_dropped_sooner(
    server: MockServer, client: httpx.Client, path_of: PathOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head of many short headers takes some thirty times its size in memory."""
    kept_bytes = KEPT_BYTES // 16
    monkeypatch.setattr(server._state.journal, "_kept_bytes", kept_bytes)
    many = {f"x{number:x}": "" for number in range(2_000)}
    sent = 0
    while len(server.requests) == sent:
        client.get(path_of(FULL), headers=many)
        sent += 1
        assert sent < 100
    assert sum(request.memory for request in server.requests) <= kept_bytes
    listed = client.get("/_mock/requests").json()
    assert (len(listed["requests"]), listed["dropped"]) == (sent - 1, 1)
    server.reset()
    assert client.get("/_mock/requests").json() == {"requests": [], "dropped": 0}


def test_a_request_larger_than_what_is_kept() -> None:
    journal = Journal(kept=2, kept_bytes=1_000)
    scope = {"method": "GET", "path": "/", "query_string": b"", "headers": [(b"a", b"b" * 300)]}
    for _ in range(3):
        journal.record(scope, 200)
    assert (len(journal.items), journal.dropped) == (2, 1)
    journal.record({**scope, "query_string": b"c" * 2_000}, 200)
    assert (len(journal.items), journal.dropped) == (0, 4)
    journal.record(scope, 200)
    assert len(journal.items) == 1


def test_changes_from_other_threads_fall_between_requests(
    server: MockServer, client: httpx.Client, path_of: PathOf
) -> None:
    def churn() -> None:
        for _ in range(200):
            server.remove(7, server.add(7)["pk"])

    thread = threading.Thread(target=churn)
    thread.start()
    while thread.is_alive():
        page = client.get(path_of(FULL, 7)).json()
        assert len(page["results"]) == page["count"]
    thread.join()


# In-process


def test_a_synchronous_client_needs_no_socket(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    with httpx.Client(transport=server.transport, base_url=server.url, headers=headers(server)) as direct:
        for accepted in ("gzip", "identity"):
            response = direct.get(path_of(FULL), headers={"Accept-Encoding": accepted})
            assert response.json() == client.get(path_of(FULL)).json()
        login = direct.post("/api/v1/auth/login/", json={"username": "mock", "password": "mock"})
        assert login.json() == {"key": server.token}


def test_an_asynchronous_client_needs_no_socket(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=server.transport, base_url=server.url, headers=headers(server)
        ) as direct:
            return await direct.get(path_of(FULL))

    assert asyncio.run(ask()).json() == client.get(path_of(FULL)).json()


# In the foreground

SERVE = """
import sys
from channel_images.mock import MockServer
server = MockServer(images=int(sys.argv[1]))
server.serve(lambda: print(server.url, flush=True))
"""


def foreground(images: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SERVE, str(images)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_serves_until_it_is_interrupted(path_of: PathOf) -> None:
    with foreground(30) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(url + path_of(FULL), headers={"Authorization": "Token mock-token"}).json()["count"] == 30
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


LARGE = """
import httpx
from channel_images.mock import MockServer
with MockServer(images=10_000_000) as server:
    with httpx.Client(base_url=server.url, headers={"Authorization": "Token mock-token"}) as client:
        path = "/api/v1/channel/5/product_images/"
        first = client.get(path).json()
        last = client.get(path, params={"limit": 1000, "page": 10_000}).json()
        assert first["count"] == last["count"] == 10_000_000
        assert len(last["results"]) == 1000 and last["next"] is None
        pk = last["results"][-1]["pk"]
        assert client.get(f"{path}{pk}/").json() == last["results"][-1]
        inserts = client.get(f"{path}inserts/", params={"limit": 1000, "page": 2_000}).json()
        assert len(inserts) == 1000
        server.mark_sent(5, [row["pk"] for row in inserts])
        assert not {row["pk"] for row in client.get(f"{path}inserts/", params={"limit": 1000, "page": 2_000}).json()} & {
            row["pk"] for row in inserts
        }
        filtered = client.get(path, params={"product_type": "0,2", "is_seller_product": "true", "page": 100_000}).json()
        assert len(filtered["results"]) == 10
# Not ru_maxrss, which a child inherits from the process that started it.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmHWM"].split()[0]) // 1024)
"""


def test_ten_million_images_need_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 150, "MiB"


# Other behaviours


class Teapot(Behaviour):
    """Changes the answer as a whole."""

    def respond(self, operation: Operation, call: Call) -> Answer:
        answer = super().respond(operation, call)
        answer.headers["x-teapot"] = "short"
        return answer


class Shouting(Behaviour):
    """Changes what a row looks like."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        return {**super().row(operation, channel, pk), "status": "ACTIVE"}


def test_behaviours_combine(path_of: PathOf) -> None:
    assert combined([]) is Behaviour
    with MockServer(behaviour=combined([Teapot, Shouting])) as server:
        response = httpx.get(server.url + path_of("retrieveProductImage"), headers=headers(server))
    assert response.headers["x-teapot"] == "short"
    assert response.json()["status"] == "ACTIVE"


def test_a_fault_of_the_mock_itself_is_the_contracts_500(
    path_of: PathOf, judge: Callable[[str, httpx.Response], None]
) -> None:
    class Broken(Behaviour):
        def list(self, operation: Operation, call: Call) -> Answer:
            raise RuntimeError("broken")

    with MockServer(behaviour=Broken) as server:
        response = httpx.get(server.url + path_of(FULL), headers=headers(server))
        judge(FULL, response)
        assert response.status_code == 500
        assert server.requests[-1].status is None


def test_nothing_of_it_is_taken_by_an_ipv4_wildcard(path_of: PathOf) -> None:
    with MockServer(host="0.0.0.0") as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert httpx.get(server.url + path_of(FULL), headers=headers(server)).status_code == 200


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6(path_of: PathOf) -> None:
    try:
        server = MockServer(host="::1")
        server.start()
    except PortInUse:
        pytest.skip("no IPv6 loopback here")
    try:
        assert server.url.startswith("http://[::1]:")
        assert httpx.get(server.url + path_of(FULL), headers=headers(server)).status_code == 200
    finally:
        server.stop()


# The thread's own error is what pytest would warn of.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_that_does_not_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise OSError("no more sockets")

    monkeypatch.setattr("uvicorn.Server.startup", fail)
    server = MockServer()
    with pytest.raises(RuntimeError, match="did not start"):
        server.start()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.url


def test_one_image_or_several_are_marked_as_sent(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    pks = [server.add(7)["pk"] for _ in range(3)]
    server.mark_sent(7, pks[0])
    assert [row["pk"] for row in client.get(path_of("listProductImageInserts", 7)).json()] == pks[1:]
    server.mark_sent(7, pks[1:])
    assert client.get(path_of("listProductImageInserts", 7)).json() == []
