"""Signing in as existing clients do."""

from typing import Any

import httpx
import pytest

from channel_images.mock import MockServer
from channel_images.mock.settings import MAX_BODY

LOGIN = "/api/v1/auth/login/"
GOOD = {"username": "mock", "password": "mock"}
ADMIN = [
    ("POST", "/_mock/images/5"),
    ("PATCH", "/_mock/images/5/1"),
    ("DELETE", "/_mock/images/5/1"),
    ("POST", "/_mock/images/5/sent"),
    ("POST", "/_mock/reset"),
    ("GET", "/_mock/requests"),
    ("GET", "/_mock/faults"),
    ("POST", "/_mock/faults"),
    ("DELETE", "/_mock/faults"),
]


def test_a_name_and_a_password_are_exchanged_for_the_token(client: httpx.Client) -> None:
    response = client.post(LOGIN, json=GOOD, headers={"Authorization": ""})
    assert (response.status_code, response.json()) == (200, {"key": "mock-token"})


def test_it_never_gives_the_admin_token() -> None:
    with (
        MockServer(username="me", password="pässword", admin_token="4dmin") as server,
        httpx.Client(base_url=server.url) as client,
    ):
        assert client.post(LOGIN, json=GOOD).status_code == 400
        token = client.post(LOGIN, json={"username": "me", "password": "pässword"}).json()["key"]
        assert token == server.token
        users, admins = ({"Authorization": f"Token {each}"} for each in (token, "4dmin"))
        assert client.get("/api/v1/active_user/", headers=users).json()["username"] == "me"
        for method, path in ADMIN:
            assert client.request(method, path, json={}, headers=users).status_code == 401
            assert client.request(method, path, json={}, headers=admins).status_code != 401
        assert client.get("/api/v1/active_user/", headers=admins).status_code == 401


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"username": ["This field is required."], "password": ["This field is required."]}),
        ({"username": "mock"}, {"password": ["This field is required."]}),
        ({"username": "mock", "password": None}, {"password": ["This field may not be null."]}),
        ({"username": ["mock"], "password": "mock"}, {"username": ["Not a valid string."]}),
        ({**GOOD, "password": "x"}, {"non_field_errors": ["Unable to log in with provided credentials."]}),
        ({**GOOD, "username": "ü\ud800"}, {"non_field_errors": ["Unable to log in with provided credentials."]}),
        ([], {"detail": "Expected a JSON object."}),
    ],
)
def test_anything_else_is_400(client: httpx.Client, body: object, errors: dict[str, Any]) -> None:
    import json

    response = client.post(LOGIN, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()) == (400, errors)


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 60_000, b"1" * 5_000, b'{"username": NaN'])
def test_bad_json_is_400(client: httpx.Client, body: bytes) -> None:
    response = client.post(LOGIN, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["detail"].startswith("JSON parse error")


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_body_beyond_the_bound_is_413(client: httpx.Client, is_chunked: bool) -> None:
    body = b" " * (MAX_BODY + 1)
    content = iter([body[:9], body[9:]]) if is_chunked else body
    response = client.post(LOGIN, content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 413


def test_another_content_type_is_415(client: httpx.Client) -> None:
    response = client.post(LOGIN, content=b"<x/>", headers={"Content-Type": "text/xml"})
    assert (response.status_code, response.json()) == (415, {"detail": 'Unsupported media type "text/xml" in request.'})


@pytest.mark.parametrize(("method", "status"), [("GET", 405), ("PUT", 405), ("OPTIONS", 200)])
def test_other_methods(client: httpx.Client, method: str, status: int) -> None:
    response = client.request(method, LOGIN)
    assert response.status_code == status
    assert response.headers["allow"] == "POST, OPTIONS"


def test_the_active_user_is_shown_to_the_token(client: httpx.Client) -> None:
    path = "/api/v1/active_user/"
    assert client.get(path).json()["username"] == "mock"
    assert client.head(path).status_code == 200
    assert client.get(path, headers={"Authorization": "Token x"}).status_code == 401
