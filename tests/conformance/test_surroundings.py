"""Each of the surroundings does what it says, on a real socket."""

from collections.abc import Iterator

import httpx
import pytest
from tests.conformance.surroundings import (
    Front,
    Kind,
    Refusal,
    broken_connections,
    gateway_cookie,
    lockout,
    switch_to,
    throttle,
    token_lives,
)

from channel_images.mock import MockServer

LIST = "/api/v1/channel/5/product_images/"


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(images=20) as server:
        yield server


def ask(front: Front, token: str = "", path: str = LIST, method: str = "GET", cookie: str = "") -> httpx.Response:
    """One request on a connection, and with cookies, of its own."""
    headers = {"Authorization": f"Token {token}"} if token else {}
    return httpx.request(method, front.url + path, headers=headers | ({"Cookie": cookie} if cookie else {}))


def test_it_answers_as_the_server_but_for_its_own_address(server: MockServer) -> None:
    with switch_to(server, "html", after=1_000) as front:
        for path in (LIST, f"{LIST}1/", f"{LIST}?limit=2&page=%32", f"{LIST}8/", LIST[:-1]):
            direct = httpx.get(server.url + path, headers={"Authorization": f"Token {server.token}"})
            through = ask(front, server.token, path)
            assert through.status_code == direct.status_code
            assert through.text == direct.text.replace(server.url, front.url)
    assert (front.requests, front.own) == (5, {})


# The gateway's cookie


def test_a_gateway_takes_the_cookie_that_a_valid_token_got(server: MockServer) -> None:
    with gateway_cookie(server) as front:
        assert ask(front).status_code == 401
        assert "set-cookie" not in ask(front, "wrong").headers
        cookie = ask(front, server.token).headers["set-cookie"].partition(";")[0]
        for token in ("", "wrong", server.token):
            assert ask(front, token, cookie=f"other=1; {cookie}").status_code == 200
        assert ask(front, cookie="gw_session=forged").status_code == 401
        assert ask(front).status_code == 401


# The throttle


def test_a_throttle_refuses_what_is_too_much_for_a_second(server: MockServer) -> None:
    now = 0.0
    with throttle(server, per_second=3, clock=lambda: now) as front:

        def statuses(count: int) -> list[int]:
            return [ask(front, server.token).status_code for _ in range(count)]

        assert statuses(2) == [200, 200]
        now = 0.5
        assert statuses(3) == [200, 429, 429]
        assert ask(front, server.token).headers["retry-after"] == "1"
        now = 1.0
        assert statuses(3) == [200, 200, 429]
        now = 10.0
        assert statuses(4) == [200, 200, 200, 429]
    assert front.own == {429: 5}


# Connections that break


def test_every_so_many_connections_break(server: MockServer) -> None:
    with broken_connections(server, every=3) as front:
        for _ in range(2):
            assert [ask(front, server.token).status_code for _ in range(2)] == [200, 200]
            with pytest.raises(httpx.ReadError):
                ask(front, server.token)
    assert (front.requests, front.lost) == (6, 2)


def test_a_connection_ends_without_an_answer_or_amid_it(server: MockServer) -> None:
    with (
        broken_connections(server, every=1, how="close") as front,
        pytest.raises(httpx.RemoteProtocolError, match="without sending a response"),
    ):
        ask(front, server.token)
    with (
        broken_connections(server, every=1, how="truncate") as front,
        pytest.raises(httpx.RemoteProtocolError, match="received 12 bytes, expected 500"),
    ):
        ask(front, server.token)


# The token's life


def sign_in(front: Front, password: str = "mock") -> httpx.Response:
    body = {"username": "mock", "password": password}
    return httpx.post(f"{front.url}/api/v1/auth/login/", json=body)


def test_a_token_ends_and_a_sign_in_gives_another(server: MockServer) -> None:
    with token_lives(server, requests=3) as front:
        assert ask(front, "wrong").status_code == 401
        assert [ask(front, server.token).status_code for _ in range(4)] == [200, 200, 200, 401]
        assert sign_in(front, "wrong").status_code == 400
        refused = ask(front, server.token)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Token")
        keys = [sign_in(front).json()["key"] for _ in range(2)]
        assert len({server.token, *keys}) == 3
        # Only the newest is good.
        assert [ask(front, key).status_code for key in (server.token, *keys)] == [401, 401, 200]
        assert [ask(front, keys[1]).status_code for _ in range(3)] == [200, 200, 401]
    assert front.tokens == 3


def test_an_end_of_all_tokens_is_seen_at_the_second_path_of_signing_in_too(server: MockServer) -> None:
    with token_lives(server, requests=1) as front:
        path = "/api/v1/active_user/"
        assert [ask(front, server.token, path).status_code for _ in range(2)] == [200, 401]


# The lock


@pytest.mark.parametrize(
    ("status", "header"), [(403, None), (401, ("www-authenticate", "Token")), (429, ("retry-after", "3600"))]
)
def test_wrong_tokens_lock_everybody_out(server: MockServer, status: Refusal, header: tuple[str, str] | None) -> None:
    with lockout(server, after=3, status=status) as front:
        for _ in range(2):
            assert ask(front, "wrong").status_code == 401
            # No token is no guess.
            assert ask(front).status_code == 401
        assert ask(front, server.token).status_code == 200
        assert ask(front, "wrong").status_code == 401
        for token in ("wrong", "", server.token):
            answer = ask(front, token)
            assert answer.status_code == status
            assert header is None or answer.headers[header[0]] == header[1]
    assert front.own == {status: 3}


# Something else


@pytest.mark.parametrize(
    ("kind", "status", "header", "value"),
    [
        ("html", 200, "content-type", "text/html; charset=utf-8"),
        ("sso", 302, "location", f"https://sso.example.com/login?rd={LIST}"),
        ("https", 301, "location", f"https://HOST{LIST}"),
        ("502", 502, "content-type", "text/html; charset=utf-8"),
        ("maintenance", 503, "retry-after", "3600"),
        ("json", 200, "content-type", "application/json"),
    ],
)
def test_something_else_answers_from_a_request_on(
    server: MockServer, kind: Kind, status: int, header: str, value: str
) -> None:
    with switch_to(server, kind, after=2) as front:
        assert [ask(front, server.token).status_code for _ in range(2)] == [200, 200]
        for token, method in ((server.token, "GET"), ("", "GET"), (server.token, "HEAD"), (server.token, "POST")):
            answer = ask(front, token, method=method)
            assert answer.status_code == status
            assert answer.headers[header] == value.replace("HOST", front.url.removeprefix("http://"))
    assert front.own == {status: 4}


def test_something_else_answers_from_the_start(server: MockServer) -> None:
    with switch_to(server, "json") as front:
        assert ask(front, server.token).json()["service"] == "billing"
