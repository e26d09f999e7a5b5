"""The log: a line a request."""

import json
import re
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from channel_images.mock import MockServer

LIST = "/api/v1/channel/5/product_images/"
REPORTS = "/api/v1/channel/5/batch_requests/"


def logged(requests: Callable[[MockServer, httpx.Client], object], **options: Any) -> list[str]:
    """The lines that some requests leave, but for their time and their milliseconds."""
    lines: list[str] = []
    with (
        MockServer(log=lines.append, **options) as server,
        httpx.Client(base_url=server.url, headers={"Authorization": f"Token {server.token}"}) as client,
    ):
        requests(server, client)
    return [re.sub(r"^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} (.*) [0-9]+ ms ", r"\1 ", line) for line in lines]


@pytest.mark.parametrize(
    ("method", "target", "line"),
    [
        ("GET", f"{LIST}?limit=2&page=3", f"GET {LIST}?limit=2&page=3 200 2 rows"),
        ("GET", f"{LIST}inserts/?limit=1", f"GET {LIST}inserts/?limit=1 200 1 row"),
        ("GET", "/api/v1/channel/7/product_images/", "GET /api/v1/channel/7/product_images/ 200 0 rows"),
        ("GET", REPORTS, f"GET {REPORTS} 200 0 rows"),
        ("GET", "/api/v1/content_types/", "GET /api/v1/content_types/ 200 "),
        ("POST", REPORTS, f"POST {REPORTS} 201 "),
        ("GET", "/api/v1/channel/99/product_images/", "GET /api/v1/channel/99/product_images/ 404 23 bytes"),
        ("GET", "/_mock/faults", "GET /_mock/faults 200 13 bytes"),
        ("GET", "/no%0Aline%C3%BC?x=%00", "GET /no%0Aline%C3%BC?x=%00 404 23 bytes"),
        ("GET", f"{LIST}?key=mock-token", f"GET {LIST}?key=*** 200 10 rows"),
        ("GET", f"{LIST}?key=%6Dock-token", f"GET {LIST}?key=*** 200 10 rows"),
    ],
)
def test_a_request_is_a_line(method: str, target: str, line: str) -> None:
    lines = logged(lambda _server, client: client.request(method, target))
    assert len(lines) == 1
    assert lines[0].startswith(line)


def test_no_token_is_in_it() -> None:
    def ask(server: MockServer, client: httpx.Client) -> None:
        client.get("/_mock/requests", params={"a": "s3cret"}, headers={"Authorization": "Token 4dmin"})
        client.get("/x-4dmin/", params={"b": "4dmin"})

    lines = logged(ask, token="s3cret", admin_token="4dmin")
    assert len(lines) == 2
    assert not re.search("s3cret|4dmin", " ".join(lines))


def test_what_went_wrong_is_said() -> None:
    def ask(server: MockServer, client: httpx.Client) -> None:
        client.get(LIST)
        with pytest.raises(httpx.ReadError):
            client.get(f"{LIST}inserts/")
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(f"{LIST}updates/")
        client.get(f"{LIST}1/", headers={"Prefer": "code=404"})
        client.get(f"{LIST}1/")

    faults = ["503:first=1", "latency:seconds=0:first=1", "reset:skip=1:first=1", "truncate:skip=2:first=1"]
    assert [re.sub(r"[0-9]+ (bytes|rows)", r"\1", line) for line in logged(ask, faults=faults)] == [
        f"GET {LIST} 503 bytes [503:first=1, latency:seconds=0:first=1]",
        f"GET {LIST}inserts/ - bytes [reset:skip=1:first=1]",
        f"GET {LIST}updates/ 200 rows [truncate:skip=2:first=1]",
        f"GET {LIST}1/ 404 bytes [Prefer: code=404]",
        f"GET {LIST}1/ 200 bytes",
    ]


def test_the_journal_says_what_went_wrong_too() -> None:
    with MockServer(faults=["503:first=1"]) as server:
        headers = {"Authorization": f"Token {server.token}"}
        for prefer in ({}, {"Prefer": "code=503"}, {}):
            httpx.get(server.url + LIST, headers={**headers, **prefer})
        told = httpx.get(f"{server.url}/_mock/requests", headers=headers).json()["requests"]
    seen = [("503:first=1",), ("Prefer: code=503",), ()]
    assert [request.faults for request in server.requests] == seen
    assert [each["faults"] for each in told] == json.loads(json.dumps(seen))


def test_what_is_no_text_is_a_line_too() -> None:
    def ask(server: MockServer, _client: httpx.Client) -> None:
        place = urlsplit(server.url)
        with socket.create_connection((place.hostname, place.port)) as connection:
            connection.sendall(b"GET /a\xff\x1b[2J?\xc3\xbc HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            while connection.recv(4096):
                pass

    lines = logged(ask)
    assert all(line.isascii() and line.isprintable() for line in lines)


def test_without_it_nothing_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with MockServer() as server:
        httpx.get(server.url + LIST)
    assert capfd.readouterr() == ("", "")


def test_requests_without_a_socket_are_lines_too() -> None:
    lines: list[str] = []
    with (
        MockServer(log=lines.append) as server,
        httpx.Client(transport=server.transport, base_url=server.url) as client,
    ):
        client.get(f"{LIST}?limit=1")
    assert [line[13:].split() for line in lines] == [["GET", f"{LIST}?limit=1", "401", *lines[0].split()[4:]]]
