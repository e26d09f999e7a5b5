"""The bugs that no single answer shows: on the wire, off the routes, side by side, and from one request to the next."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
import pytest

from channel_images.mock import MockServer
from channel_images.mock.bugs import BUGS, cache, shared
from channel_images.mock.bugs.schema import LOST_EVERY
from channel_images.mock.operations import operations

LIST = "/api/v1/channel/5/product_images/"
PENDING = {name: f"{LIST}{name}/" for name in ("inserts", "updates", "inserts_or_updates")}
IMAGE = f"{LIST}1/"
PATHS = [operation.path.format(channel_id=5, id=1) for operation in operations().values()]


@contextmanager
def client(*bugs: str, token: bool = True, faults: tuple[str, ...] = ()) -> Iterator[tuple[MockServer, httpx.Client]]:
    with MockServer(images=120, bugs=bugs, faults=faults) as server:
        headers = {"Authorization": f"Token {server.token}"} if token else {}
        with httpx.Client(transport=server.transport, base_url=server.url, headers=headers) as asking:
            yield server, asking


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """The clock of the caches, which stands still until it is set."""
    now = 100.0

    def advance(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(cache, "clock", lambda: now)
    return advance


def pks(answer: httpx.Response) -> list[int]:
    document = answer.json()
    return [row["pk"] for row in (document["results"] if isinstance(document, dict) else document)]


# On the wire


def exchange(server: MockServer, *requests: str, headers: str = "") -> bytes:
    """All that comes for some requests at once, whatever its head announces; the last one closes the connection."""
    address = urlsplit(server.url)
    head = f"HTTP/1.1\r\nHost: mock\r\nAuthorization: Token {server.token}\r\n{headers}"
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        for request in requests:
            connection.sendall(
                f"{request} {head}{'Connection: close' if request is requests[-1] else 'X: y'}\r\n\r\n".encode()
            )
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received


def parted(received: bytes) -> tuple[int, bytes]:
    """The announced length of an answer, and all that came behind its head."""
    head, _, rest = received.partition(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(length.partition(b":")[2]), rest


@pytest.mark.parametrize("faults", [(), ("content-type=text/plain",)])
def test_bytes_come_behind_the_length(faults: tuple[str, ...]) -> None:
    with MockServer(images=1, bugs=["comment-behind-length"], faults=faults) as server:
        for path in PATHS:
            length, body = parted(exchange(server, f"GET {path}"))
            assert body[length:] == b"<!-- served by web-2 -->"


def test_bytes_come_behind_the_length_of_each_answer() -> None:
    with MockServer(images=1, bugs=["line-behind-length"]) as server:
        both = exchange(server, f"GET {PENDING['updates']}", f"GET {PENDING['updates']}")
        _, other = parted(exchange(server, f"GET {PENDING['inserts']}"))
    length, rest = parted(both)
    assert rest[length:].startswith(b"\r\nHTTP/1.1 200 OK\r\n")
    assert not other.endswith(b"\r\n")


def test_head_has_the_body_of_get() -> None:
    with MockServer(images=20, bugs=["head-with-body"]) as server:
        for path in PATHS:
            for headers in ("", "Accept-Encoding: gzip\r\n"):
                got, head = (parted(exchange(server, f"{how} {path}", headers=headers)) for how in ("GET", "HEAD"))
                assert head == got


def test_head_has_a_body_where_it_is_refused() -> None:
    with MockServer(images=20, bugs=["head-error-with-body"]) as server:
        length, body = parted(exchange(server, f"HEAD {LIST}8/"))
        assert parted(exchange(server, f"HEAD {LIST}"))[1] == b""
    assert body == b'{"detail":"Not found."}'
    assert length == len(body)


def test_one_connection_in_fifty_is_reset() -> None:
    with client("connection-lost") as (server, asking):
        answers: list[int | None] = []
        for _ in range(2 * LOST_EVERY):
            try:
                answers.append(asking.get(IMAGE).status_code)
            except httpx.ReadError:
                answers.append(None)
        statuses = [request.status for request in server.requests]
        assert asking.get(IMAGE).status_code == 200
    assert answers == ([200] * (LOST_EVERY - 1) + [None]) * 2 == statuses


def test_a_connection_is_reset_over_a_socket_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channel_images.mock.bugs.schema.LOST_EVERY", 1)
    with MockServer(images=1, bugs=["connection-lost"]) as server, pytest.raises(httpx.ReadError):
        httpx.get(server.url + LIST)


# Off the routes


@pytest.mark.parametrize(
    ("name", "failing", "usual"),
    [
        ("slashless-500", [LIST[:-1], IMAGE[:-1], f"{LIST}detailed"], [LIST, "/api/v2"]),
        ("slashless-detailed-500", [f"{LIST}detailed", f"{IMAGE}detailed"], [LIST[:-1], f"{LIST}detailed/"]),
        ("doubled-slash-500", [f"{LIST}/", LIST.replace("/5", "//5"), f"/{LIST}"], [LIST, f"{LIST}x/y/"]),
        ("upper-case-path-500", [LIST.upper(), LIST.replace("api", "API")], [LIST, f"{LIST}x/y/"]),
        ("format-suffix-500", [f"{LIST[:-1]}.json", "/api/v1/channel.json/"], [LIST, "/api/v2/"]),
    ],
)
def test_a_path_that_leads_nowhere_fails(name: str, failing: list[str], usual: list[str]) -> None:
    with client(name) as (server, asking), client() as (strict, other):
        for path in failing:
            assert other.get(f"{strict.url}{path}").status_code in {301, 404}
            assert asking.get(f"{server.url}{path}").status_code == 500
        for path in usual:
            assert asking.get(path).status_code == other.get(path).status_code < 500


# Side by side


@pytest.mark.parametrize(
    ("name", "paths", "others"),
    [
        ("parallel-retrievals-mixed", [IMAGE, f"{LIST}2/"], [f"{IMAGE}detailed/", f"{LIST}2/detailed/"]),
        ("parallel-details-mixed", [f"{IMAGE}detailed/", f"{LIST}2/detailed/"], [IMAGE, f"{LIST}2/"]),
        ("parallel-pages-mixed", [f"{LIST}?limit=5&page={page}" for page in (1, 2)], [IMAGE, f"{LIST}2/"]),
        ("parallel-sizes-mixed", [f"{LIST}?page=2&limit={size}" for size in (5, 3)], [IMAGE, f"{LIST}2/"]),
        ("parallel-pages-mixed", [f"{PENDING['updates']}?limit=5&page={page}" for page in (1, 2)], [LIST, IMAGE]),
    ],
)
def test_requests_at_the_same_time_get_each_others_answer(
    name: str, paths: list[str], others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "PAUSE", 0)

    async def together(server: MockServer, asked: list[str]) -> list[str]:
        headers = {"Authorization": f"Token {server.token}"}
        async with httpx.AsyncClient(transport=server.transport, base_url=server.url, headers=headers) as asking:
            return [answer.text for answer in await asyncio.gather(*map(asking.get, asked))]

    with client(name) as (server, asking):
        for asked in (paths, others):
            one_by_one = [asking.get(path).text for path in asked]
            assert one_by_one[0] != one_by_one[1]
            expected = one_by_one if asked is others else [one_by_one[1]] * 2
            assert asyncio.run(together(server, asked)) == expected


def test_a_parallel_request_is_answered_by_its_own_token_and_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "PAUSE", 0)

    async def statuses(server: MockServer) -> list[int]:
        async with httpx.AsyncClient(transport=server.transport, base_url=server.url) as asking:
            headers = {"Authorization": f"Token {server.token}"}
            answers = asking.get(IMAGE), asking.get(IMAGE, headers=headers), asking.delete(IMAGE, headers=headers)
            return [answer.status_code for answer in await asyncio.gather(*answers)]

    with client("parallel-retrievals-mixed") as (server, _):
        assert asyncio.run(statuses(server)) == [401, 200, 405]


# From one request to the next


def test_another_page_is_not_modified_by_its_etag() -> None:
    with client("etag-of-path") as (server, asking):
        for path in PATHS[:5]:
            first = asking.get(path, params={"limit": 5})
            conditional = {"if-none-match": first.headers["etag"]}
            assert asking.get(path, params={"limit": 5, "page": 2}, headers=conditional).status_code == 304
            server.modify(5, pks(first)[0], order=len(path))
            assert asking.get(path, params={"limit": 5}, headers=conditional).status_code == 304
            assert asking.get(path, params={"limit": 5}).json() != first.json()


def test_a_later_page_is_not_modified_since_the_first() -> None:
    with client("modified-by-first") as (server, asking):
        for path in PATHS[:5]:
            first = asking.get(path, params={"limit": 2})
            server.modify(5, pks(asking.get(path, params={"limit": 2, "page": 2}))[0], width=7)
            second = asking.get(path, params={"limit": 2, "page": 2})
            since, later = (answer.headers["last-modified"] for answer in (first, second))
            assert parsedate_to_datetime(later) > parsedate_to_datetime(since)
            for date, status in ((since, 304), ("Sat, 01 Jan 2000 00:00:00 GMT", 200), ("x", 200)):
                answer = asking.get(path, params={"limit": 2, "page": 2}, headers={"if-modified-since": date})
                assert answer.status_code == status


def test_another_limit_is_not_modified() -> None:
    with client("etag-of-page") as (_, asking):
        tag = asking.get(LIST).headers["etag"]
        for query, status in (("limit=3", 304), ("product_type=0", 304), ("page=2", 200)):
            assert asking.get(f"{LIST}?{query}", headers={"if-none-match": tag}).status_code == status


@pytest.mark.parametrize(
    ("name", "path", "query", "other"),
    [
        ("cache-ignores-query", f"{LIST}detailed/", "page=1&limit=3", "page=2&limit=4"),
        ("cache-ignores-page", PENDING["inserts"], "page=1&limit=3", "page=2&limit=3"),
        ("cache-ignores-limit", LIST, "page=1&limit=3", "page=1&limit=4"),
        ("cache-ignores-filters", LIST, "product_type=0", "product_type=1"),
    ],
)
def test_a_cache_gives_the_answer_to_another_query(
    name: str, path: str, query: str, other: str, clock: Callable[[float], None]
) -> None:
    with client(name) as (_, asking):
        first = asking.get(f"{path}?{query}").content
        clock(cache.SECONDS - 1)
        assert asking.get(f"{path}?{other}").content == first
        clock(1)
        assert asking.get(f"{path}?{other}").content != first


@pytest.mark.parametrize(
    ("name", "kept", "asked"),
    [("cache-ignores-token", PATHS, PATHS), ("cached-images-ignore-token", PATHS[5:], PATHS)],
)
def test_a_cache_asks_nobody_for_a_token(
    name: str, kept: list[str], asked: list[str], clock: Callable[[float], None]
) -> None:
    with client(name, token=False) as (server, asking):
        assert {asking.get(path).status_code for path in asked} == {401}
        answers = [asking.get(path, headers={"Authorization": f"Token {server.token}"}).text for path in asked]
        for path, text in zip(asked, answers, strict=True):
            answer = asking.get(path)
            assert (answer.status_code, answer.text == text) == ((200, True) if path in kept else (401, False))
        clock(cache.SECONDS)
        assert {asking.get(path).status_code for path in asked} == {401}


STALE = {"pending-cached": set(PENDING), "updates-cached": {"updates"}, "union-rows-cached": {"inserts_or_updates"}}


def test_bugs_that_show_only_while_the_data_changes_are_told() -> None:
    assert [name for name, bug in BUGS.items() if bug.needs_churn] == list(STALE)


@pytest.mark.parametrize("name", STALE)
def test_a_pending_list_is_as_it_was_five_seconds_ago(name: str, clock: Callable[[float], None]) -> None:
    with client(name) as (server, asking):
        before = {each: asking.get(path).json() for each, path in PENDING.items()}
        for rows in before.values():
            server.modify(5, rows[0]["pk"], width=7)
        clock(cache.SECONDS - 0.1)
        stale = {each for each, path in PENDING.items() if asking.get(path).json() == before[each]}
        assert stale == STALE[name]
        for rows in before.values():
            assert asking.get(f"{LIST}{rows[0]['pk']}/").json()["width"] == 7
        clock(0.1)
        assert not any(asking.get(path).json() == before[each] for each, path in PENDING.items())


@pytest.mark.parametrize(
    ("name", "read", "left"),
    [
        ("pending-read-is-sent", PENDING["inserts"], {"updates"}),
        ("pending-read-is-sent", PENDING["updates"], {"inserts"}),
        ("union-read-is-sent", PENDING["inserts_or_updates"], set()),
        ("union-read-is-sent", PENDING["inserts"], {"inserts", "updates"}),
        ("detailed-read-is-sent", f"{LIST}detailed/", set()),
        ("retrieved-is-sent", LIST, {"inserts", "updates"}),
    ],
)
def test_reading_takes_images_off_the_pending_lists(name: str, read: str, left: set[str]) -> None:
    with client(name) as (_, asking):
        asking.get(read, params={"limit": 200})
        # The union last: it may be what takes them away.
        held = {each for each in ("inserts", "updates") if asking.get(PENDING[each], params={"limit": 1}).json()}
    assert held == left


@pytest.mark.parametrize(("name", "more"), [("retrieved-is-sent", ""), ("detailed-read-is-sent", "detailed/")])
def test_retrieving_takes_an_image_off_the_pending_lists(name: str, more: str) -> None:
    with client(name) as (_, asking):
        first, *rest = pks(asking.get(PENDING["inserts"]))
        assert asking.get(f"{LIST}{first}/{more}").status_code == 200
        for each in ("inserts", "inserts_or_updates"):
            left = pks(asking.get(PENDING[each]))
            assert first not in left
            assert rest[0] in left
