"""Bytes that a client passes over are seen: those behind an answer, and a body of what has none."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from channel_images.conformance.asking.raw import Bare, NoAnswer, exchange
from channel_images.conformance.asking.target import Target


@contextmanager
def serving(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """The URL of a server that gives one answer and ends the connection, and what it was sent."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(65_536))
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        thread.join()


def asked(answer: bytes, method: str = "GET") -> Bare:
    with serving(answer) as (url, _):
        return exchange(Target(url, 5), f"{url}/a/", method, [])


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("method", "answer", "body", "surplus"),
    [
        ("GET", HEAD + b"Content-Length: 2\r\n\r\n{}", b"{}", b""),
        ("GET", HEAD + b"Content-Length: 2\r\n\r\n{}<!-- -->", b"{}", b"<!-- -->"),
        ("GET", HEAD + b"Content-Length: 2\r\n\r\n{}\n", b"{}", b"\n"),
        ("GET", HEAD + b"\r\n{} to the end", b"{} to the end", b""),
        ("GET", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"{}", b""),
        (
            "GET",
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n",
            b"{}",
            b"",
        ),
        ("GET", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nmore", b"{}", b"more"),
        ("GET", b"HTTP/1.1 103 Early Hints\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\n{}", b"{}", b""),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", b"", b""),
        ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\n{}", b"", b"{}"),
        ("HEAD", HEAD + b"Content-Length: 2\r\n\r\n", b"", b""),
        ("HEAD", HEAD + b"Content-Length: 2\r\n\r\n{}", b"", b"{}"),
        ("HEAD", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"", b"2\r\n{}\r\n0\r\n\r\n"),
    ],
)
def test_an_answer_ends_where_its_head_says(method: str, answer: bytes, body: bytes, surplus: bytes) -> None:
    bare = asked(answer, method)
    assert (bare.body, bare.surplus) == (body, surplus)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        HEAD + b"Content-Length: 9\r\n\r\n{}",
        HEAD + b"Content-Length: many\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n{}",
    ],
)
def test_what_is_no_whole_answer_is_none(answer: bytes) -> None:
    with pytest.raises(NoAnswer):
        asked(answer)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(NoAnswer):
        exchange(Target(url, 5), f"{url}/", "GET", [])


def test_the_request_is_what_was_asked_for_and_nothing_else() -> None:
    with serving(HEAD + b"Content-Length: 0\r\n\r\n") as (url, heard):
        target = Target(url, 5, headers={"X-Api-Key": "k"})
        exchange(target, f"{url}/a/?b=1%2C2", "GET", [("Authorization", "Token t")])
    lines = heard[0].decode().split("\r\n")
    assert lines[0] == "GET /a/?b=1%2C2 HTTP/1.1"
    assert set(lines[1:-2]) == {
        f"Host: {url.removeprefix('http://')}",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
        "X-Api-Key: k",
        "Authorization: Token t",
    }


def test_an_endless_head_ends_with_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(listener: socket.socket) -> Callable[[], None]:
        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                released.wait()

        return serve

    monkeypatch.setattr("channel_images.conformance.asking.raw.LINGER", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=hang(listener))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(NoAnswer):
            exchange(Target(url, 5), f"{url}/", "GET", [])
        released.set()
        thread.join()
