"""`Prefer: code=503`: a request asks for its own failure."""

from collections.abc import Callable
from http import HTTPStatus

import httpx
import pytest

from channel_images.mock import MockServer
from channel_images.mock.operations import operations

PathOf = Callable[..., str]
Judge = Callable[[str, httpx.Response], None]

REPORTS = [
    ("GET", "channel/5/batch_requests/"),
    ("POST", "channel/5/batch_requests/"),
    ("GET", "channel/5/integration_actions/"),
    ("POST", "channel/5/error_reports/"),
    ("POST", "channel/5/operational_events/"),
    ("GET", "channel/5/products/"),
    ("GET", "channels/5/"),
    ("GET", "content_types/"),
    ("GET", "active_user/"),
]


def preferred(client: httpx.Client, path: str, prefer: str) -> httpx.Response:
    return client.get(path, headers={"Prefer": prefer})


@pytest.mark.parametrize("operation", operations())
@pytest.mark.parametrize("code", [400, 401, 403, 404, 429, 500])
def test_each_operation_answers_the_errors_of_the_contract(
    client: httpx.Client, path_of: PathOf, judge: Judge, operation: str, code: int
) -> None:
    response = preferred(client, path_of(operation), f"code={code}")
    assert response.status_code == code
    judge(operation, response)
    assert response.headers["preference-applied"] == f"code={code}"
    assert response.headers.get("retry-after") == ("1" if code == 429 else None)
    assert client.get(path_of(operation)).status_code == 200


@pytest.mark.parametrize("code", [405, 410, 418, 451, 499, 502, 503, 504, 520, 599])
def test_other_errors_have_the_same_body(client: httpx.Client, path_of: PathOf, code: int) -> None:
    response = preferred(client, path_of("listProductImages"), f"code={code}")
    assert (response.status_code, response.headers["content-type"]) == (code, "application/json")
    assert list(response.json()) == ["detail"]
    if code in set(HTTPStatus):
        assert response.json() == {"detail": f"{HTTPStatus(code).phrase}."}


@pytest.mark.parametrize(("method", "path"), REPORTS)
def test_reports_do_too_and_nothing_comes_of_them(
    server: MockServer, client: httpx.Client, method: str, path: str
) -> None:
    response = client.request(method, f"/api/v1/{path}", headers={"Prefer": "code=503"})
    assert (response.status_code, response.json()) == (503, {"detail": "Service Unavailable."})
    assert [*server.batches(5), *server.error_reports(5), *server.operational_events(5)] == []
    assert server.requests[-1].faults == ("Prefer: code=503",)
    assert server.requests[-1].operation is not None


def test_only_with_a_token_and_not_for_the_mocks_own_paths(server: MockServer) -> None:
    with httpx.Client(base_url=server.url, headers={"Prefer": "code=503"}) as stranger:
        assert stranger.get("/api/v1/channel/5/product_images/").status_code == 401
        assert stranger.get("/api/v1/channel/5/batch_requests/").status_code == 401
        assert stranger.get("/").status_code == 200
        assert stranger.get("/openapi.yaml").status_code == 200
        assert stranger.get("/api/v1/nothing/").status_code == 404
        credentials = {"username": "mock", "password": "mock"}
        assert stranger.post("/api/v1/auth/login/", json=credentials).status_code == 200
        token = {"Authorization": f"Token {server.token}"}
        assert stranger.get("/_mock/faults", headers=token).status_code == 200
    assert [request.faults for request in server.requests] == [()] * 6


def test_neither_parameters_nor_ids_are_looked_at(client: httpx.Client, path_of: PathOf) -> None:
    assert preferred(client, path_of("listProductImages", 99) + "?limit=x", "code=503").status_code == 503


@pytest.mark.parametrize(
    ("prefer", "status"),
    [
        ("code=503", 503),
        ("Code = 503", 503),
        ('code="503"', 503),
        ("code=503;why=not", 503),
        ("code=503, code=404", 503),
        ("return=minimal, code=503", 503),
        ('note="code=404, code=400", code=503', 503),
        ("code=200", 200),
        ("", 200),
        ("return=minimal", 200),
        ("dynamic=true, example=first", 200),
        ("codes=503", 200),
        ("code", 200),
        (",,;=", 200),
        ('"unclosed, code=503', 200),
        ("code=", 400),
        ("code=abc", 400),
        ("code=5003", 400),
        ("code=50", 400),
        ("code=600", 400),
        ("code=302", 400),
        ("code=204", 400),
        ("code=-503", 400),
        ("code=503 504", 400),
        ("code=%35%30%33", 400),
    ],
)
def test_a_preference_is_read_as_rfc_7240_has_it(
    client: httpx.Client, path_of: PathOf, prefer: str, status: int
) -> None:
    response = preferred(client, path_of("listProductImages"), prefer)
    assert response.status_code == status
    if status == 400:
        assert "give a status from 400 to 599, or 200 for none." in response.json()["detail"]
        assert "preference-applied" not in response.headers


def test_several_headers_are_one(client: httpx.Client, path_of: PathOf) -> None:
    headers = [("Prefer", "return=minimal"), ("Prefer", "code=503"), ("Prefer", "code=404")]
    assert client.get(path_of("listProductImages"), headers=headers).status_code == 503


def test_a_fault_comes_first_and_variants_change_the_answer(path_of: PathOf) -> None:
    with MockServer(faults=["500:first=1"], variants=["problem-json"]) as server:
        headers = {"Authorization": f"Token {server.token}", "Prefer": "code=503"}
        first, second = (httpx.get(server.url + path_of("listProductImages"), headers=headers) for _ in range(2))
    assert first.status_code == 500
    assert (second.status_code, second.headers["content-type"]) == (503, "application/problem+json")
