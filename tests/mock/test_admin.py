"""The admin API does over HTTP what `MockServer` does in Python."""

from typing import Any

import httpx
import pytest

from channel_images.mock import MockServer

CHANNEL = "/_mock/images/7"
LISTS = "/api/v1/channel/7/product_images/"


def pks(client: httpx.Client, suffix: str = "") -> list[int]:
    body = client.get(LISTS + suffix).json()
    return [row["pk"] for row in (body if isinstance(body, list) else body["results"])]


def test_an_image_goes_through_its_life(client: httpx.Client) -> None:
    added = client.post(CHANNEL, json={"pk": 80, "width": 640, "product_type": 3, "is_seller_product": True})
    assert added.status_code == 201
    assert (added.json()["pk"], added.json()["width"]) == (80, 640)
    assert pks(client, "inserts/") == pks(client, "?product_type=3&is_seller_product=true") == [80]
    assert client.post(f"{CHANNEL}/sent", json={"pks": [80]}).json() == {"sent": 1}
    assert pks(client, "inserts_or_updates/") == []
    modified = client.patch(f"{CHANNEL}/80", json={"width": 641})
    assert modified.json() == client.get(f"{LISTS}80/").json()
    assert pks(client, "updates/") == [80]
    assert client.delete(f"{CHANNEL}/80").status_code == 204
    assert pks(client) == []


def test_reset_undoes_everything(server: MockServer, client: httpx.Client) -> None:
    client.post(CHANNEL, json={})
    assert len(pks(client)) == 1
    assert client.post("/_mock/reset").status_code == 204
    assert server.requests == []
    assert pks(client) == []


def test_the_requests_received_are_listed(client: httpx.Client) -> None:
    client.get(LISTS, params={"limit": 3}, headers={"X-Mine": "1"})
    client.get("/nowhere")
    listed = client.get("/_mock/requests").json()["requests"]
    assert [(each["operation"], each["query"], each["status"]) for each in listed] == [
        ("listProductImages", "limit=3", 200),
        (None, "", 404),
    ]
    assert listed[0]["headers"]["x-mine"] == "1"
    assert "mock-token" not in str(listed)


@pytest.mark.parametrize(
    ("request_line", "body", "answer"),
    [
        (f"POST {CHANNEL}", {"colour": 1}, (400, {"colour": ["This field does not exist."]})),
        (f"POST {CHANNEL}", {"pk": "1"}, (400, {"pk": ["Enter a number."]})),
        (f"POST {CHANNEL}", {"pk": 1}, (400, {"pk": ["An image with this pk already exists."]})),
        (f"POST {CHANNEL}", {"channel": 5}, (400, {"channel": ["This field does not exist."]})),
        (f"POST {CHANNEL}", {"product_type": True}, (400, {"product_type": ["Enter a number."]})),
        (f"POST {CHANNEL}", {"is_seller_product": 1}, (400, {"is_seller_product": ["Must be a valid boolean."]})),
        ("POST /_mock/images/9", {}, (404, {"detail": "No channel 9."})),
        ("POST /_mock/images/x", {}, (404, {"detail": "Not found."})),
        (f"POST {CHANNEL}/sent", {"pks": [1]}, (404, {"detail": "No image 1 in this channel."})),
        (f"POST {CHANNEL}/sent", {"pks": 1}, (400, {"pks": ["Enter a list of numbers, or give versions instead."]})),
        (f"POST {CHANNEL}/sent", {}, (400, {"pks": ["Enter a list of numbers, or give versions instead."]})),
        (f"PATCH {CHANNEL}/1", {}, (404, {"detail": "No image 1 in this channel."})),
        (
            "PATCH /_mock/images/5/1",
            {"width": -1},
            (400, {"width": ["Ensure this value is greater than or equal to 0."]}),
        ),
        (f"DELETE {CHANNEL}/{2**70}", {}, (404, {"detail": f"No image {2**70} in this channel."})),
        (f"GET {CHANNEL}", {}, (405, {"detail": 'Method "GET" not allowed.'})),
    ],
)
def test_mistakes_are_explained(
    client: httpx.Client, request_line: str, body: dict[str, Any], answer: tuple[int, dict[str, Any]]
) -> None:
    method, path = request_line.split(" ")
    response = client.request(method, path, json=body)
    assert (response.status_code, response.json()) == answer


@pytest.mark.parametrize("path", [CHANNEL, f"{CHANNEL}/sent", f"{CHANNEL}/1", "/_mock/reset", "/_mock/requests"])
def test_it_needs_the_token(client: httpx.Client, path: str) -> None:
    assert client.post(path, json={}, headers={"Authorization": ""}).status_code == 401
