"""Makes one exchange of HTTP/1.1 over a socket of its own, to see the bytes that a client passes over.

A client reads an answer up to its end and no further. What comes behind it is taken for the next answer, where the
connection is used again.
"""

import socket
import time
from collections.abc import Iterable
from contextlib import closing
from urllib.parse import urlsplit

from attrs import frozen

from channel_images.conformance.asking.target import Target

LINGER = 2.0
"""Seconds to wait for the end of a connection that was asked to close."""
MOST = 4_000_000
"""Bytes that are read."""


class NoAnswer(Exception):
    """There was no whole answer; the message says why."""


@frozen
class Bare:
    """An answer, and what came behind it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    surplus: bytes
    """The bytes between the end of the answer and the end of the connection."""


def exchange(target: Target, url: str, method: str, headers: Iterable[tuple[str, str]]) -> Bare:
    """Ask for `url` and read until the server ends the connection.

    Args:
        target: how to reach the server; its own headers are sent too. No proxy is used.
        url: what to ask for, escaped.
        method: `GET` or `HEAD`.
        headers: further headers.

    Raises:
        NoAnswer: the connection broke, or what came is not an answer of HTTP/1.1.
    """
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    sent = [
        ("Host", parts.netloc.rpartition("@")[2]), ("Accept", "*/*"), ("Accept-Encoding", "identity"),
        ("Connection", "close"), *target.headers.items(), *headers,
    ]  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in sent)
    try:
        received = _received(
            target,
            f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1"),
            parts.hostname or "",
            parts.port or (443 if parts.scheme == "https" else 80),
        )
        return _read(received, method)
    except (OSError, ValueError) as error:
        raise NoAnswer(str(error) or type(error).__name__) from None


def _received(target: Target, request: bytes, host: str, port: int) -> bytes:
    """All that comes, up to the end of the connection or of our patience."""
    received = bytearray()
    with closing(_connected(target, host, port)) as connection:
        connection.sendall(request)
        until = time.monotonic() + target.timeout
        while len(received) < MOST:
            # A whole answer may take the timeout; what comes behind it has less time.
            pause = LINGER if received else until - time.monotonic()
            connection.settimeout(max(0.01, min(pause, until - time.monotonic())))
            try:
                data = connection.recv(65_536)
            except TimeoutError:
                break
            if not data:
                break
            received += data
    return bytes(received)


def _connected(target: Target, host: str, port: int) -> socket.socket:
    connection = socket.create_connection((host, port), target.timeout)
    if not target.url.startswith("https:"):
        return connection
    try:
        return target.tls().wrap_socket(connection, server_hostname=host)
    except OSError:
        connection.close()
        raise


def _read(received: bytes, method: str) -> Bare:
    """An answer as it came. Raises `ValueError` if it is none, or not whole."""
    status = 100
    while status < 200:  # what comes before the answer
        head, end, received = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if not end or not version.startswith("HTTP/1."):
            raise ValueError("no answer of HTTP/1.1")
        status = int(rest[:3])
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    named = {name.lower(): value.lower() for name, value in headers}
    if method == "HEAD" or status in (204, 304):
        body, surplus = b"", received
    elif named.get("transfer-encoding") == "chunked":
        body, surplus = _unchunked(received)
    elif "content-length" in named:
        length = int(named["content-length"])
        body, surplus = received[:length], received[length:]
        if len(body) < length:
            raise ValueError("the body is not whole")
    else:
        body, surplus = received, b""
    return Bare(status, headers, body, surplus)


def _unchunked(received: bytes) -> tuple[bytes, bytes]:
    """A body in chunks, and what comes behind its last one. Raises `ValueError` if it is not whole."""
    body = bytearray()
    while True:
        line, end, received = received.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        if not end or len(received) < size:
            raise ValueError("the body is not whole")
        if size == 0:
            break
        body += received[:size]
        received = received[size:].removeprefix(b"\r\n")
    while line := (parts := received.partition(b"\r\n"))[0]:  # trailers
        if b":" not in line:
            break
        received = parts[2]
    return bytes(body), received.removeprefix(b"\r\n")
