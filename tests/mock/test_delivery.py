"""HEAD, compression and validators for caches, over a socket."""

import gzip
from collections.abc import Callable

import httpx
import pytest

from channel_images.mock import MockServer

PathOf = Callable[..., str]
FULL = "listProductImages"


def raw(response: httpx.Response) -> bytes:
    """The body as it was sent."""
    return b"".join(response.iter_raw())


@pytest.mark.parametrize("operation", [FULL, "listProductImageInserts", "retrieveProductImage"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_head_is_get_without_the_body(client: httpx.Client, path_of: PathOf, operation: str, encoding: str) -> None:
    headers = {"Accept-Encoding": encoding}
    get, head = (client.request(method, path_of(operation), headers=headers) for method in ("GET", "HEAD"))
    assert head.content == b""
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}
    assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("offer", "is_compressed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=1.000", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q = 0.000, *", False),
        ("deflate", False),
        ("", False),
    ],
)
def test_bodies_are_compressed_when_that_is_wanted(
    client: httpx.Client, path_of: PathOf, offer: str, is_compressed: bool
) -> None:
    plain = client.get(path_of(FULL)).content
    with client.stream("GET", path_of(FULL), headers={"Accept-Encoding": offer}) as response:
        body = raw(response)
    assert response.headers["vary"] == "Accept-Encoding"
    assert ("content-encoding" in response.headers) is is_compressed
    assert (gzip.decompress(body) if is_compressed else body) == plain
    assert len(body) == int(response.headers["content-length"])


def test_small_bodies_are_not_compressed(client: httpx.Client, path_of: PathOf) -> None:
    response = client.get(path_of(FULL, 7), headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("form", ["{tag}", "W/{strong}", '"other", {tag}', "*"])
def test_what_the_client_has_is_not_sent_again(client: httpx.Client, path_of: PathOf, encoding: str, form: str) -> None:
    tag = client.get(path_of(FULL), headers={"Accept-Encoding": encoding}).headers["etag"]
    named = form.format(tag=tag, strong=tag.removeprefix("W/"))
    response = client.get(path_of(FULL), headers={"Accept-Encoding": encoding, "If-None-Match": named})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"].removeprefix("W/") == tag.removeprefix("W/")


def test_another_content_is_sent(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    tag = client.get(path_of(FULL)).headers["etag"]
    server.modify(5, 1, width=1)
    response = client.get(path_of(FULL), headers={"If-None-Match": tag})
    assert response.status_code == 200
    assert response.headers["etag"] != tag


def test_errors_have_no_tag(client: httpx.Client, path_of: PathOf) -> None:
    response = client.get(path_of(FULL, 8), headers={"If-None-Match": "*"})
    assert response.status_code == 404
    assert "etag" not in response.headers


def test_long_errors_are_compressed_as_well(client: httpx.Client, path_of: PathOf) -> None:
    query = "&".join(f"{name}=x" for name in ("limit", "product", "product__pk__in", "id__in", "product_type"))
    plain, small = (
        client.get(f"{path_of(FULL)}?{query}&is_seller_product=x", headers={"Accept-Encoding": encoding})
        for encoding in ("identity", "gzip")
    )
    assert small.headers["content-encoding"] == "gzip"
    assert small.json() == plain.json()
