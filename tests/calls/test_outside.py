"""Requests outside of the contract: what is sent, what is a success, and when one is sent again."""

import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.wire import SURFACES, TOKEN, Asked, RawServer, Reply, http, reset, run

from channel_images import (
    AsyncChannelImages,
    BadRequest,
    ChannelImages,
    ChannelImagesError,
    ConnectionFailed,
    MalformedResponse,
    NotAuthenticated,
    Retries,
    ServerError,
    StatusError,
    Timeout,
)
from channel_images.calls.outside import Look, outside_request

AT_ONCE = Retries(max_wait=0)
PATH = "/api/v1/channel/5/error_reports/"


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def send(surface: str, url: str, method: str, path: str = PATH, **options: Any) -> httpx.Response:
    """What `api.request` gives, by either client; `params` and `json` are its own, the rest is the client's."""
    own = {name: options.pop(name) for name in ("params", "json") if name in options}
    options = {"retries": AT_ONCE, **({} if "username" in options else {"token": TOKEN}), **options}
    if surface == "sync":
        with ChannelImages(url, **options) as api:
            return api.request(method, path, **own)

    async def sent() -> httpx.Response:
        async with AsyncChannelImages(url, **options) as api:
            return await api.request(method, path, **own)

    return run(sent())


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_status_of_the_two_hundreds_is_a_success(surface: str, status: int) -> None:
    with RawServer([http(status, b"" if status == 204 else b'{"pk": 7}')]) as server:
        answer = send(surface, server.url, "POST", json={"message": "ä"})

    (asked,) = server.asked
    assert answer.status_code == status
    assert (asked.method, asked.target) == ("POST", PATH)
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["authorization"] == f"Token {TOKEN}"
    assert json.loads(asked.body) == {"message": "ä"}
    assert "authorization" not in answer.request.headers


def test_parameters_are_encoded_and_repeated(surface: str) -> None:
    with RawServer([http(200, [])]) as server:
        send(surface, server.url + "/prefix", "get", "/api/v1/products/?a=1", params={"b": [1, "x y"], "c": True})

    assert server.asked[0].target == "/prefix/api/v1/products/?a=1&b=1&b=x+y&c=true"
    assert "content-type" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("GET", "https://elsewhere.example.com/", None, ValueError),
        ("GET", "//elsewhere.example.com/", None, ValueError),
        ("GET", "api/v1/", None, ValueError),
        ("GET", "", None, ValueError),
        ("GET", "/api/#part", None, ValueError),
        ("FETCH", PATH, None, ValueError),
        ("", PATH, None, ValueError),
        ("POST", PATH, {1, 2}, TypeError),
        ("POST", PATH, float("nan"), ValueError),
    ],
)
def test_what_is_no_request_is_refused(
    surface: str, method: str, path: str, body: object, error: type[Exception]
) -> None:
    with RawServer([http(200)]) as server, pytest.raises(error):
        send(surface, server.url, method, path, json=body)

    assert server.asked == []


def broken_off(connection: socket.socket) -> None:
    connection.sendall(http(201, b'{"pk"', length=100))


def no_answer(connection: socket.socket) -> None:
    connection.recv(1)


FAILURES: list[tuple[str, Reply, type[ChannelImagesError]]] = [
    ("500", http(500), ServerError),
    ("502 of a proxy", http(502, b"<html>", "Content-Type: text/html"), ServerError),
    ("408", http(408), StatusError),
    ("reset", reset, ConnectionFailed),
    ("closed", None, ConnectionFailed),
    ("broken off", broken_off, ConnectionFailed),
]


@pytest.mark.parametrize(("reply", "error"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_what_may_have_arrived_is_not_sent_twice(
    surface: str, method: str, reply: Reply, error: type[ChannelImagesError]
) -> None:
    with RawServer([reply, http(201)]) as server, pytest.raises(error, match="look before you send it again"):
        send(surface, server.url, method, json={})

    assert len(server.asked) == 1


@pytest.mark.parametrize("reply", [case[1] for case in FAILURES], ids=[case[0] for case in FAILURES])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_is_sent_again(surface: str, method: str, reply: Reply) -> None:
    if method == "HEAD" and isinstance(reply, bytes):
        reply = reply.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    if method == "HEAD" and reply is broken_off:
        reply = reset  # there is no body that could break off
    with RawServer([reply, http(200, b"")]) as server:
        assert send(surface, server.url, method).status_code == 200

    assert len(server.asked) == 2


def test_what_was_refused_for_now_is_sent_again(surface: str) -> None:
    with RawServer([http(429), http(201)]) as server:
        assert send(surface, server.url, "POST", json={}).status_code == 201

    assert [asked.method for asked in server.asked] == ["POST", "POST"]


@pytest.mark.parametrize("status", [400, 407, 409, 429, 499])
def test_there_is_no_doubt_where_it_was_refused(surface: str, status: int) -> None:
    with RawServer([http(status)]) as server, pytest.raises(StatusError) as refused:
        send(surface, server.url, "POST", json={})

    assert "look before" not in str(refused.value)


def test_a_connection_that_cannot_be_made_is_tried_again(surface: str) -> None:
    with RawServer([http(200)]) as server:
        url = server.url
    with pytest.raises(ConnectionFailed, match="after 2 retries") as failed:
        send(surface, url, "POST", json={}, retries=Retries(attempts=2, max_wait=0))

    assert "look before" not in str(failed.value)


def test_a_timeout_is_in_doubt(surface: str) -> None:
    with RawServer([no_answer]) as server:
        with pytest.raises(Timeout, match="look before you send it again"):
            send(surface, server.url, "POST", json={}, timeout=0.2)
        assert len(server.asked) == 1


def test_a_token_that_has_expired_is_renewed(surface: str) -> None:
    def reply(asked: Asked) -> Reply:
        if asked.target.endswith("/login/"):
            return http(200, {"key": f"token-{asked.number}"})
        return http(201) if asked.headers["authorization"] == "Token token-2" else http(401, {"detail": "expired"})

    with RawServer(reply) as server:
        assert send(surface, server.url, "POST", json=[1], username="u-name", password="p-word").status_code == 201

    assert [asked.target.split("/")[-2] for asked in server.asked] == ["login", "error_reports"] * 2
    assert [asked.body for asked in server.asked if asked.target == PATH] == [b"[1]", b"[1]"]


@pytest.mark.parametrize(("status", "error"), [(400, BadRequest), (401, NotAuthenticated), (307, StatusError)])
def test_errors_are_those_of_the_tree(surface: str, status: int, error: type[ChannelImagesError]) -> None:
    body = {"detail": f"you said {TOKEN}"}
    with RawServer([http(status, body, "Location: /elsewhere/")]) as server, pytest.raises(error) as raised:
        send(surface, server.url, "POST", json={})

    assert TOKEN not in str(raised.value)
    assert len(server.asked) == 1


def test_a_session_is_not_sent_with_what_changes_something(surface: str) -> None:
    """A server that finds one wants a CSRF token, and refuses."""
    with RawServer([http(200, b"{}", "Set-Cookie: sessionid=abcdefgh; Path=/")]) as server:

        async def both() -> None:
            async with AsyncChannelImages(server.url, token=TOKEN) as api:
                await api.request("GET", PATH)
                await api.request("POST", PATH)

        if surface == "async":
            run(both())
        else:
            with ChannelImages(server.url, token=TOKEN) as api:
                api.request("GET", PATH)
                api.request("POST", PATH)

    assert "cookie" not in server.asked[1].headers


def test_an_answer_that_is_too_long_is_refused(surface: str) -> None:
    with RawServer([http(201, b" " * 2_000)]) as server, pytest.raises(MalformedResponse, match=r"answered 201.*1000"):
        send(surface, server.url, "POST", json={}, max_body=1_000)


# A look


@pytest.fixture
def state() -> list[str]:
    return []


def send_with_look(surface: str, url: str) -> str:
    request = outside_request(
        "POST",
        "/things/",
        json={},
        look=Look(outside_request("GET", "/things/"), lambda content: "found" if b"made" in content else None),
    )

    async def sent() -> str:
        async with AsyncChannelImages(url, token=TOKEN, retries=AT_ONCE) as api:
            return (await api.send(request, lambda content: "made")).value

    if surface == "async":
        return run(sent())
    with ChannelImages(url, token=TOKEN, retries=AT_ONCE) as api:
        return api.send(request, lambda content: "made").value


def things(state: list[str], *ways: Callable[[list[str]], Reply]) -> Callable[[Asked], Reply]:
    """A server that makes a thing for each POST: `ways` say how, and what it answers."""
    left = iter(ways)

    def reply(asked: Asked) -> Reply:
        return http(200, state) if asked.method == "GET" else next(left)(state)

    return reply


def made(reply: Reply = http(201)) -> Callable[[list[str]], Reply]:  # noqa: B008 - never changed
    def make(state: list[str]) -> Reply:
        state.append("made")
        return reply

    return make


def lost(reply: Reply) -> Callable[[list[str]], Reply]:
    return lambda _state: reply


@pytest.mark.parametrize("reply", [case[1] for case in FAILURES], ids=[case[0] for case in FAILURES])
@pytest.mark.parametrize("arrives", [True, False])
def test_it_is_looked_for_before_it_is_sent_again(surface: str, state: list[str], reply: Reply, arrives: bool) -> None:
    first = made(reply) if arrives else lost(reply)
    with RawServer(things(state, first, made())) as server:
        assert send_with_look(surface, server.url) == ("found" if arrives else "made")

    assert state == ["made"]
    assert [asked.method for asked in server.asked] == (["POST", "GET"] if arrives else ["POST", "GET", "POST"])


def test_one_that_was_refused_is_not_looked_for(surface: str, state: list[str]) -> None:
    with RawServer(things(state, lost(http(429)), made())) as server:
        assert send_with_look(surface, server.url) == "made"

    assert [asked.method for asked in server.asked] == ["POST", "POST"]


@pytest.mark.parametrize("failure", [http(403), reset], ids=["403", "reset"])
def test_only_a_refusal_that_tells_of_an_earlier_one_is_looked_into(
    surface: str, state: list[str], failure: Reply
) -> None:
    with (
        RawServer(things(state, lost(http(429)), lost(failure), lost(http(403)))) as server,
        pytest.raises(StatusError, match="403"),
    ):
        send_with_look(surface, server.url)

    assert [asked.method for asked in server.asked] == ["POST", "POST"] + ["GET", "POST"] * (failure is reset)


@pytest.mark.parametrize("status", [400, 409])
def test_one_that_arrives_late_is_found_when_the_next_is_refused(surface: str, state: list[str], status: int) -> None:
    """The server takes its time for the first, and does it after the look; so the second one makes no sense."""
    with RawServer(things(state, lost(reset), made(http(status)))) as server:
        assert send_with_look(surface, server.url) == "found"

    assert state == ["made"]
    assert [asked.method for asked in server.asked] == ["POST", "GET", "POST", "GET"]


def test_one_that_is_refused_at_once_is_not_looked_for(surface: str, state: list[str]) -> None:
    with RawServer(things(state, lost(http(400)))) as server, pytest.raises(BadRequest):
        send_with_look(surface, server.url)

    assert [asked.method for asked in server.asked] == ["POST"]


def test_a_look_that_fails_ends_it(surface: str) -> None:
    with RawServer([http(503), http(404)]) as server, pytest.raises(StatusError, match="404"):
        send_with_look(surface, server.url)

    assert [asked.method for asked in server.asked] == ["POST", "GET"]
