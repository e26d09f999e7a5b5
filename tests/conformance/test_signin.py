"""Signing in for a token, and how it is refused: in one line that holds no password."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from channel_images.conformance import Target
from channel_images.conformance.asking.signin import SignInFailed, sign_in
from channel_images.mock import MockServer

PASSWORD = "sesame-7"


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[str]:
    """The URL of a server that answers every POST with the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/prefix"
        finally:
            server.shutdown()
            thread.join()


def test_the_mock_gives_its_token(healthy_mock: MockServer) -> None:
    assert sign_in(Target(healthy_mock.url, 5), "mock", "mock") == healthy_mock.token
    with pytest.raises(SignInFailed, match="refuses the user name or the password"):
        sign_in(Target(healthy_mock.url, 5), "mock", "mock ")


@pytest.mark.parametrize(
    ("status", "body", "headers", "words"),
    [
        (400, json.dumps({"password": [f"{PASSWORD} is wrong"]}).encode(), {}, "refuses the user name or the password (400"),
        (403, b"", {}, "refuses the user name or the password (403"),
        (403, b'{"detail": "CSRF Failed:\\nCSRF token missing."}', {}, "/login/ answers 403: CSRF Failed: CSRF token missing."),
        (403, json.dumps({"detail": f"{PASSWORD}: locked"}).encode(), {}, ": locked"),
        (403, b'{"detail": {}}', {}, "refuses the user name or the password (403"),
        (404, b"<h1>Not Found</h1>", {}, "there is no sign-in at http"),
        (302, b"", {"Location": f"https://u:{PASSWORD}@host.example/login/?{PASSWORD}"}, "leads on to https://host.example (302)"),
        (301, b"", {"Location": "/other/"}, "leads on to another path"),
        (429, b"", {"Retry-After": "60"}, "answers 429"),
        (500, f"{PASSWORD}\nTraceback".encode(), {}, "answers 500"),
        (200, b"<html>", {}, "without a key"),
        (200, b"[]", {}, "without a key"),
        (200, b'{"key": null}', {}, "without a key"),
        (200, b'{"key": "two words"}', {}, "without a key"),
        (200, b'{"key": "a\\r\\nb"}', {}, "without a key"),
        (200, b"[" * 90_000, {}, "without a key"),
        (200, b'{"key": "' + b"x" * 200_000 + b'"}', {}, "without a key"),
        (200, b"not gzip", {"Content-Encoding": "gzip"}, "what can't be read"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_line_without_the_password(
    status: int, body: bytes, headers: dict[str, str], words: str
) -> None:
    with answering(status, body, **headers) as url, pytest.raises(SignInFailed) as refused:
        sign_in(Target(url, 5), "me", PASSWORD, sleep=lambda _: None)
    assert words in str(refused.value)
    assert PASSWORD not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_nothing_that_answers() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(SignInFailed, match=f"nothing answers at {url}/api/v1/auth/login/: "):
            sign_in(Target(url, 5), "me", PASSWORD)


def test_a_server_that_is_too_slow() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Target(f"http://127.0.0.1:{silent.getsockname()[1]}", 5, timeout=0.1)
        with pytest.raises(SignInFailed, match=r"no answer within 0\.1 s"):
            sign_in(target, "me", PASSWORD)
