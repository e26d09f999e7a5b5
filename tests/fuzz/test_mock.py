"""What a mock server is given: faults, files of images, requests."""

import gzip
import json
import math
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

import pytest
from hypothesis import example, strategies as st
from tests.fuzz.strategies import ANY_TEXT, NUMBERS, TEXTS, documents, fuzz, hold_to_one_line, spoiled

from channel_images.mock import MockServer
from channel_images.mock.data.dataset import Dataset
from channel_images.mock.data.fields import read_date
from channel_images.mock.data.files import BadData, load
from channel_images.mock.faults.faults import Faults
from channel_images.mock.faults.spec import BadFault
from channel_images.mock.http.answers import Answer
from channel_images.mock.operations import operations

# Faults

KINDS = [
    "503",
    "429",
    "200",
    "204",
    "599",
    "600",
    "latency",
    "reset",
    "truncate",
    "drip",
    "garbage",
    "content-type",
    "x",
    "",
]
NAMES = [
    "html",
    "json",
    "retry-after",
    "seconds",
    "lognormal",
    "body",
    "bytes",
    "tail",
    "operation",
    "skip",
    "first",
    "every",
    "rate",
    "x",
]
SETTINGS = st.one_of(
    NUMBERS.map(lambda number: number.text),
    st.sampled_from(["date", "date+30", "date-999999999", "none", "0.2", "1e308", "1e-308", "0.1,0.5", "1e307,5", "nan,0", "1,inf"]),
    st.sampled_from(["listProductImages", "login", "listProductImages,login", "text/html; charset=utf-8", "a\r\nX-Injected: 1"]),
    TEXTS,
    ANY_TEXT,
)  # fmt: skip
PARTS = st.sampled_from(NAMES) | st.tuples(st.sampled_from(NAMES), SETTINGS).map("=".join)
SPECS = st.tuples(
    st.sampled_from(KINDS) | st.tuples(st.sampled_from(KINDS), SETTINGS).map("=".join), st.lists(PARTS, max_size=3)
).map(lambda spec: ":".join([spec[0], *spec[1]]))


@example(spec="latency:lognormal=1e307,5")
@fuzz(400, spec=SPECS)
def test_any_fault_is_refused_in_one_line_or_strikes(spec: str) -> None:
    try:
        faults = Faults([spec])
    except BadFault as error:
        hold_to_one_line(error, spec)
        assert str(error).startswith(f"fault {spec!r}: ")
        return
    for number in range(20):
        plan = faults.plan("listProductImages")
        if plan is None:
            continue
        assert plan.specs == (spec,)
        assert 0 <= plan.delay < math.inf
        assert 0 <= plan.pause < math.inf
        answer = plan.instead or Answer(200, b"[" * number, {"content-type": "application/json"})
        assert plan.cut is None or not number or 0 <= plan.cut(number) < number
        for edit in plan.edits:
            edit(answer)
        for name, value in answer.start["headers"]:
            assert re.fullmatch(rb"[\x20-\x7e]*", value), name


# Files of images

ROWS: list[dict[str, Any]] = [{**Dataset(0, 5, 3).row(index)} for index in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stock")


def lines(rows: list[bytes]) -> bytes:
    return b"\n".join(row.replace(b"\n", b" ") for row in rows)


STOCK = st.lists(
    documents(ROWS[0], most=2) | documents({**ROWS[1], "channel_id": 5}, most=2), min_size=1, max_size=3
).map(lines)


@example(content=b'{"pk": %b}' % (b"[" * 500 + b"]" * 500), packed=False)
@example(
    content=b'{"pk": 1, "product": 1, "modified_date": "2026-01-31T00:00:00Z", "x": 1e99999999999999999999}',
    packed=False,
)
@fuzz(150, content=STOCK, packed=st.booleans())
def test_images_are_what_the_lines_of_a_file_say(folder: Path, content: bytes, packed: bool) -> None:
    file = folder / ("stock.ndjson.gz" if packed else "stock.ndjson")
    file.write_bytes(gzip.compress(content, 1, mtime=0) if packed else content)
    try:
        loaded = load([f"5={file}"])[5]
    except BadData as error:
        assert str(file) in str(error)
        hold_to_one_line(error)
        return
    said = {}
    for line in content.split(b"\n"):
        if line.strip():
            row = json.loads(line, parse_float=Decimal)
            said[row["pk"]] = row
    assert loaded.images == len(said)
    for index in range(loaded.images):
        row = loaded.row(index)
        expected = said[row["pk"]]
        assert row.keys() == expected.keys()
        for name, value in row.items():
            date = read_date(expected[name]) if name.endswith("_date") else None
            assert value == (date or expected[name])


@fuzz(75, content=st.binary(max_size=400).flatmap(lambda content: spoiled(gzip.compress(content, mtime=0))))
def test_a_file_that_was_damaged_is_refused_in_one_line(folder: Path, content: bytes) -> None:
    (folder / "damaged.gz").write_bytes(content)
    with suppress(BadData):
        try:
            load([f"5={folder / 'damaged.gz'}"])
        except BadData as error:
            hold_to_one_line(error)
            raise


# Requests


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(images=50) as server:
        yield server


@pytest.fixture(scope="module")
def caller(server: MockServer) -> "Caller":
    return Caller(server)


class Caller:
    """Sends requests byte for byte, each by a connection of its own, and reads what comes until the server has closed it."""

    def __init__(self, server: MockServer) -> None:
        parts = urlsplit(server.url)
        self.server, self.address = server, (parts.hostname, parts.port)

    def send(self, message: bytes) -> bytes:
        with socket.create_connection(self.address, timeout=30) as connection:
            with suppress(OSError):  # it may have closed already; what it said can still be read
                connection.sendall(message)
                connection.shutdown(socket.SHUT_WR)
            received = b""
            with suppress(ConnectionResetError):
                while part := connection.recv(65_536):
                    received += part
            return received

    def request(self, method: bytes, target: bytes, body: bytes = b"", *headers: bytes) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        head = [method + b" " + target + b" HTTP/1.1", b"Host: mock", b"Authorization: Token mock-token", *headers]
        head += [b"Content-Length: %d" % len(body), b"Connection: close", b"", b""]
        received = self.send(b"\r\n".join(head) + body)
        head_, _, content = received.partition(b"\r\n\r\n")
        return int(head_.split(b" ", 2)[1]), json.loads(content) if content else None


TARGETS = [operation.path.format(channel_id=5, id=1) for operation in operations().values()]
WHOLE = b"GET /api/v1/channel/5/product_images/?limit=2&page=1 HTTP/1.1\r\nHost: mock\r\nAuthorization: Token mock-token\r\nPrefer: code=503\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
LOGIN = b'POST /api/v1/auth/login/ HTTP/1.1\r\nHost: mock\r\nContent-Type: application/json\r\nContent-Length: 42\r\nConnection: close\r\n\r\n{"username": "mock", "password": "secret"}'


@fuzz(150, message=spoiled(WHOLE, most=4) | spoiled(LOGIN, most=4) | st.binary(max_size=200))
def test_any_bytes_get_an_answer_that_is_no_fault_of_the_server(caller: Caller, message: bytes) -> None:
    received = caller.send(message)
    if received:
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", received)
        assert status
        assert int(status[1]) < 500 or b"preference-applied" in received
    assert caller.request(b"GET", TARGETS[0].encode())[0] == 200


VALUES = st.one_of(
    NUMBERS.map(lambda number: number.text.encode()),
    TEXTS.map(lambda text: text.encode(errors="surrogatepass")),
    st.lists(st.integers(-1, 60), max_size=5).map(lambda pks: ",".join(map(str, pks)).encode()),
    st.binary(max_size=10),
)
PARAMETERS = sorted({each.name for operation in operations().values() for each in operation.query_parameters})


@fuzz(
    100,
    target=st.sampled_from(TARGETS),
    query=st.lists(st.tuples(st.sampled_from(PARAMETERS), VALUES), max_size=4),
    prefer=st.none() | VALUES.map(lambda value: b"code=" + value.translate(None, bytes([*range(32), 127]))),
)
def test_any_query_is_answered_or_refused_by_name(
    caller: Caller, target: str, query: list[tuple[str, bytes]], prefer: bytes | None
) -> None:
    pairs = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in query)
    headers = () if prefer is None else (b"Prefer: " + prefer,)
    status, said = caller.request(b"GET", f"{target}?{pairs}".encode(), b"", *headers)
    assert status in (200, 400, 404) or prefer is not None
    if status == 400 and prefer is None:
        assert said.keys() <= {*PARAMETERS, "detail"}
        assert said.keys() & {name for name, _ in query} or "detail" in said


ADMIN = {
    "/_mock/images/5": {
        "width": 640,
        "status": "active",
        "pk": None,
        "created_date": "2026-01-31T12:00:00Z",
        "product_type": 1,
    },
    "/_mock/images/5/1": {"width": 640, "hash": None, "modified_date": "2026-01-31T12:00:00Z"},
    "/_mock/images/5/sent": {"versions": {"1": "2026-01-31T12:00:00Z"}},
    "/_mock/faults": {"specs": ["429:first=1", "latency:seconds=0"]},
    "/api/v1/auth/login/": {"username": "mock", "password": "mock"},
    "/api/v1/channel/5/batch_requests/": {"channel": 5, "content_type": "productimage"},
}
CALLS = st.sampled_from(sorted(ADMIN)).flatmap(
    lambda path: st.tuples(st.just(path), documents(ADMIN[path]) | documents({"pks": [1, 2]}))
)


@example(call=("/_mock/images/5", b'{"hash": %b}' % (b"[" * 500 + b"]" * 500)), kind=b"application/json")
@fuzz(
    150,
    call=CALLS,
    kind=st.sampled_from(
        [b"application/json"] * 6 + [b"text/plain", b"application/json; charset=utf-16", b"\xff", b""]
    ),
)
def test_any_body_is_taken_or_refused(caller: Caller, call: tuple[str, bytes], kind: bytes) -> None:
    path, body = call
    method = b"PATCH" if path.endswith("/1") else b"POST"
    status, _ = caller.request(method, path.encode(), body, b"Content-Type: " + kind)
    assert status in (200, 201, 400, 401, 404, 413, 415)
    caller.server.clear_faults()
    status, page = caller.request(b"GET", b"/api/v1/channel/5/product_images/?limit=100")
    assert status == 200
    assert page["count"] == len(page["results"])
    caller.server.reset()
