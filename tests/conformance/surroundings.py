"""What stands around a real server: a gateway, a throttle, connections that break, tokens that end, and the like.

Each is a context manager that puts one in front of a running mock server, on a port of its own, and gives a `Front`:

    with MockServer() as server, throttle(server, per_second=12) as front:
        check(Target(front.url, 5, (6,), server.token), Options())
        assert front.own[429]
"""

import json
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

from attrs import Factory, define, field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channel_images.mock.as_json import to_json
from channel_images.mock.beside import LOGIN_PATH
from channel_images.mock.http.answers import JSON_TYPE, Answer
from channel_images.mock.http.protocol import connection_of
from channel_images.mock.server import Listening
from channel_images.mock.variants import html


@define(eq=False)
class Front:
    """One of the surroundings, with what it did: read it once the requests are over."""

    url: str = ""
    app: ASGIApp = field(init=False)
    """What it serves, for a target that is asked without a socket."""
    token: str = ""
    """The token that opens the server behind it."""
    requests: int = 0
    """All that came, sign-ins too."""
    own: Counter[int] = Factory(Counter)
    """The statuses of the answers that it gave itself, in the server's place."""
    lost: int = 0
    """The connections that it broke."""
    tokens: int = 1
    """The tokens that it has given out, the first one included."""

    async def send(self, answer: Answer, send: Send) -> None:
        """Answer in the server's place."""
        self.own[answer.status] += 1
        headers = {**answer.headers, "content-length": str(len(answer.body))}
        await send({"type": "http.response.start", "status": answer.status, "headers": _encoded(headers)})
        await send({"type": "http.response.body", "body": answer.body})


class Server(Protocol):
    """What one of the surroundings can stand in front of: a running mock server, or another of the surroundings."""

    @property
    def app(self) -> ASGIApp: ...
    @property
    def token(self) -> str: ...


Handler = Callable[[Front, Scope, Receive, Send], Awaitable[None]]


@contextmanager
def _in_front(server: Server, handle: Handler) -> Iterator[Front]:
    front = Front(token=server.token)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        front.requests += 1
        await handle(front, scope, receive, send)

    front.app = app
    with _serving(app) as front.url:
        yield front


@contextmanager
def _serving(app: ASGIApp) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = Listening(app, bound, "127.0.0.1")
        thread = threading.Thread(target=server.serve_bound, daemon=True)
        thread.start()
        try:
            # It listens already: a request that comes before the thread is ready waits for it.
            yield server.url
        finally:
            server.end()
            thread.join()


# Requests and answers


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _header(scope: Scope, name: bytes) -> str:
    return ", ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def _token(scope: Scope) -> str:
    """The key that a request carries; nothing where it carries none."""
    scheme, _, key = _header(scope, b"authorization").partition(" ")
    return key.strip() if scheme.lower() == "token" else ""


def _with_token(scope: Scope, token: str) -> Scope:
    """The request with another key."""
    others = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
    return {**scope, "headers": [*others, (b"authorization", f"Token {token}".encode())]}


def _detail(status: int, detail: str, **headers: str) -> Answer:
    return Answer.of_json({"detail": detail}, status, **headers)


# The surroundings

_SESSION = "gw_session=valid"


def gateway_cookie(server: Server) -> AbstractContextManager[Front]:
    """A gateway with sessions: an answer to a valid token sets a cookie, and either will do from then on."""

    async def handle(front: Front, scope: Scope, receive: Receive, send: Send) -> None:
        async def set_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                cookie = (b"set-cookie", f"{_SESSION}; Path=/; HttpOnly".encode())
                message = {**message, "headers": [*message["headers"], cookie]}
            await send(message)

        has_session = _SESSION in _header(scope, b"cookie").split("; ")
        await server.app(_with_token(scope, server.token) if has_session else scope, receive, set_cookie)

    return _in_front(server, handle)


def throttle(
    server: Server, *, per_second: int = 12, clock: Callable[[], float] = time.monotonic
) -> AbstractContextManager[Front]:
    """A throttle: beyond so many requests in any second, 429 with `Retry-After: 1`. `clock` tells the seconds."""
    passed: deque[float] = deque()

    async def handle(front: Front, scope: Scope, receive: Receive, send: Send) -> None:
        now = clock()
        while passed and now - passed[0] >= 1:
            passed.popleft()
        if len(passed) >= per_second:
            words = "Request was throttled. Expected available in 1 second."
            await front.send(_detail(429, words, retry_after="1"), send)
        else:
            passed.append(now)
            await server.app(scope, receive, send)

    return _in_front(server, handle)


def broken_connections(
    server: Server, *, every: int = 100, how: Literal["reset", "close", "truncate"] = "reset"
) -> AbstractContextManager[Front]:
    """A worker that is restarted: every so many requests, one gets a reset, an end without an answer, or half of one."""

    async def handle(front: Front, scope: Scope, receive: Receive, send: Send) -> None:
        if front.requests % every:
            await server.app(scope, receive, send)
            return
        front.lost += 1
        if how == "reset":
            connection_of(scope).reset()
            return
        if how == "truncate":
            headers = _encoded({"content-type": JSON_TYPE, "content-length": "500"})
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"count": 13', "more_body": True})
        connection_of(scope).close()

    return _in_front(server, handle)


def token_lives(server: Server, *, requests: int = 700) -> AbstractContextManager[Front]:
    """Tokens that end: after so many requests 401, until a sign-in gives the next one. The first is the server's own."""
    current, uses = server.token, 0

    async def handle(front: Front, scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal uses
        if scope["path"] == LOGIN_PATH:
            await sign_in(front, scope, receive, send)
        elif _token(scope) not in {current, server.token}:
            await server.app(scope, receive, send)
        elif _token(scope) != current or uses >= requests:
            await front.send(_detail(401, "Token has expired.", www_authenticate="Token"), send)
        else:
            uses += 1
            await server.app(_with_token(scope, server.token), receive, send)

    async def sign_in(front: Front, scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal current, uses
        taken: list[Message] = []

        async def take(message: Message) -> None:
            taken.append(message)

        await server.app(scope, receive, take)
        start, end = taken
        if start["status"] == 200:
            front.tokens += 1
            current, uses = f"{server.token}-{front.tokens}", 0
            end["body"] = to_json({**json.loads(end["body"]), "key": current})
            kept = [(name, value) for name, value in start["headers"] if name not in {b"content-length", b"etag"}]
            start["headers"] = [*kept, (b"content-length", str(len(end["body"])).encode())]
        for message in taken:
            await send(message)

    return _in_front(server, handle)


Refusal = Literal[401, 403, 429]


def lockout(server: Server, *, after: int = 20, status: Refusal = 403) -> AbstractContextManager[Front]:
    """A guard against guessing: once so many wrong tokens came, every request is refused, with the right one too."""
    refusals = {
        401: _detail(401, "Invalid token.", www_authenticate="Token"),
        403: _detail(403, "Your address has been blocked."),
        429: _detail(429, "Too many failed attempts. Expected available in 3600 seconds.", retry_after="3600"),
    }
    wrong = 0

    async def handle(front: Front, scope: Scope, receive: Receive, send: Send) -> None:
        async def count(message: Message) -> None:
            nonlocal wrong
            wrong += message.get("status") == 401 and bool(_header(scope, b"authorization"))
            await send(message)

        if wrong >= after:
            await front.send(refusals[status], send)
        else:
            await server.app(scope, receive, count)

    return _in_front(server, handle)


Kind = Literal["html", "sso", "https", "502", "maintenance", "json"]

_PAGE = b"<!doctype html><html><head><title>Shop admin</title></head><body><div id=root></div></body></html>"


def _instead(kind: Kind, scope: Scope) -> Answer:
    page, path = {"content-type": "text/html; charset=utf-8"}, scope["raw_path"].decode("latin-1")
    match kind:
        case "html":
            return Answer(200, _PAGE, page)
        case "sso":
            return Answer(302, _PAGE, {**page, "location": f"https://sso.example.com/login?rd={path}"})
        case "https":
            return Answer(301, _PAGE, {**page, "location": f"https://{_header(scope, b'host')}{path}"})
        case "502":
            return html(502, "Bad Gateway")
        case "maintenance":
            return html(503, "Down for maintenance", retry_after="3600")
        case "json":
            return Answer.of_json({"status": "ok", "service": "billing", "version": "2.4.1"})


def switch_to(server: Server, kind: Kind, *, after: int = 0) -> AbstractContextManager[Front]:
    """Something else answers once so many requests were answered: a web front, a sign-on page, a gateway, another API."""

    async def handle(front: Front, scope: Scope, receive: Receive, send: Send) -> None:
        if front.requests > after:
            await front.send(_instead(kind, scope), send)
        else:
            await server.app(scope, receive, send)

    return _in_front(server, handle)
