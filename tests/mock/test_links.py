"""What `next` and `previous` look like to the client."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from channel_images.mock import MockServer

PathOf = Callable[..., str]


@pytest.fixture(params=[False, True], ids=["direct", "proxied"])
def trusting(request: pytest.FixtureRequest) -> Iterator[tuple[bool, httpx.Client]]:
    trust_proxy: bool = request.param
    with MockServer(channels={5: 30}, trust_proxy=trust_proxy) as server:
        headers = {"Authorization": f"Token {server.token}"}
        with httpx.Client(base_url=server.url, headers=headers) as client:
            yield trust_proxy, client


def next_of(client: httpx.Client, path: str, **headers: str) -> str:
    link: str = client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}).json()[
        "next"
    ]
    return link


@pytest.mark.parametrize(
    ("query", "following"),
    [
        ("", "page=2"),
        ("limit=5&page=2&is_seller_product=false", "limit=5&page=3&is_seller_product=false"),
        ("page=1&limit=5", "page=2&limit=5"),
        ("product_type=0,1,2,3,4,5&limit=5", "product_type=0,1,2,3,4,5&limit=5&page=2"),
        ("product_type=0%2C1&limit=2", "product_type=0%2C1&limit=2&page=2"),
        ("page=7&x=1&page=2", "page=3&x=1"),
        ("p%61ge=2", "page=3"),
        ("q=a+b%20c&&limit=5", "q=a+b%20c&limit=5&page=2"),
        ("q=%C3%A4%FF&flag", "q=%C3%A4%FF&flag&page=2"),
    ],
)
def test_the_other_parameters_stay_as_they_were(
    client: httpx.Client, path_of: PathOf, query: str, following: str
) -> None:
    path = path_of("listProductImages")
    link = next_of(client, f"{path}?{query}")
    assert link == f"{str(client.base_url).rstrip('/')}{path}?{following}"


def test_page_one_has_no_page_parameter(client: httpx.Client, path_of: PathOf) -> None:
    path = path_of("listProductImages")
    base = str(client.base_url).rstrip("/")
    assert client.get(f"{path}?page=2").json()["previous"] == base + path
    assert client.get(f"{path}?page=2&limit=5").json()["previous"] == f"{base}{path}?limit=5"
    assert client.get(f"{path}?page=3").json()["previous"] == f"{base}{path}?page=2"


@pytest.mark.parametrize(
    ("forwarded", "origin"),
    [
        ({"x_forwarded_proto": "https", "x_forwarded_host": "shop.example.com"}, "https://shop.example.com"),
        ({"x_forwarded_proto": "HTTPS, http", "x_forwarded_host": "a.example:8443, b"}, "https://a.example:8443"),
        ({"x_forwarded_host": "shop.example.com"}, "http://shop.example.com"),
        ({"x_forwarded_proto": "gopher", "x_forwarded_host": "a b"}, None),
        ({}, None),
    ],
)
def test_a_proxy_is_believed_when_it_is_trusted(
    trusting: tuple[bool, httpx.Client], path_of: PathOf, forwarded: dict[str, str], origin: str | None
) -> None:
    trust_proxy, client = trusting
    link = next_of(client, path_of("listProductImages"), **forwarded)
    direct = str(client.base_url).rstrip("/")
    assert link.startswith((origin if trust_proxy and origin else direct) + "/api/v1/")


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("example.com", "http://example.com"),
        ("[::1]:80", "http://[::1]:80"),
        ('"><script>', None),
        ("a/b", None),
        ("a@b", None),
        ("", None),
    ],
)
def test_a_host_that_cannot_be_is_not_repeated(
    client: httpx.Client, path_of: PathOf, host: str, origin: str | None
) -> None:
    link = next_of(client, path_of("listProductImages"), host=host)
    assert link.startswith((origin or str(client.base_url).rstrip("/")) + "/api/v1/")
