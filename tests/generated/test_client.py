"""The client keeps its secrets to itself, does not wait for ever, and is not changed by what is derived from it."""

import asyncio
from typing import Any

import httpx
import pytest

Package = Any  # a class of conftest.py, which tests cannot import

SECRET = "s3cr3t"


def client(api: Package, **options: Any) -> Any:
    return api.client.AuthenticatedClient(**{"base_url": "https://host", "token": SECRET, **options})


@pytest.mark.repairs(raises=AssertionError)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"headers": {"X-Api-Key": SECRET}},
        {"cookies": {"session": SECRET}},
        {"httpx_args": {"proxy": f"http://user:{SECRET}@proxy"}},
        {"base_url": f"https://user:{SECRET}@host/prefix"},
        {"base_url": f"https://{SECRET}@host"},
        {"base_url": f"https://user:{SECRET}@{SECRET}@host"},
    ],
    ids=["token", "header", "cookie", "proxy", "password", "user", "at-sign"],
)
def test_the_repr_shows_no_secret(api: Package, options: dict[str, Any]) -> None:
    made = client(api, **options)
    assert SECRET not in repr(made)
    assert "host" in repr(made)


@pytest.mark.repairs(raises=AssertionError)
def test_a_connected_client_keeps_the_token_in_one_place(api: Package) -> None:
    with client(api, headers={"X-Trace": "1"}) as made:
        assert made._headers == {"X-Trace": "1"}
        assert SECRET not in repr(made)
        assert SECRET not in repr(made.get_httpx_client().headers)


@pytest.mark.repairs(raises=AssertionError)
def test_the_default_timeout_is_finite(api: Package) -> None:
    made = client(api)
    with made:
        timeout = made.get_httpx_client().timeout

    async def timeout_of_async() -> httpx.Timeout:
        async with made:
            found: httpx.Timeout = made.get_async_httpx_client().timeout
            return found

    assert timeout == asyncio.run(timeout_of_async())
    assert None not in timeout.as_dict().values()
    assert timeout == api.client.DEFAULT_TIMEOUT


@pytest.mark.repairs(raises=AssertionError)
def test_derived_clients_leave_the_old_one_alone(api: Package) -> None:
    with client(api, headers={"A": "1"}) as made:
        old = made.get_httpx_client()
        before = (dict(old.headers), dict(old.cookies), old.timeout)
        derived = made.with_headers({"B": "2"}).with_cookies({"c": "3"}).with_timeout(httpx.Timeout(1.0))
        assert (dict(old.headers), dict(old.cookies), old.timeout) == before
        with derived:
            new = derived.get_httpx_client()
            assert new is not old
            assert (new.headers["A"], new.headers["B"], new.cookies["c"]) == ("1", "2", "3")
            assert new.timeout == httpx.Timeout(1.0)
            assert new.headers["Authorization"].endswith(f" {SECRET}")


@pytest.mark.repairs(raises=AssertionError)
def test_the_prefix_is_the_contract_s(api: Package) -> None:
    with client(api) as made:
        assert made.get_httpx_client().headers["Authorization"] == f"Token {SECRET}"
    with client(api, prefix="", auth_header_name="X-Key") as made:
        assert made.get_httpx_client().headers["X-Key"] == SECRET


def test_a_client_of_the_caller_s_is_used_as_it_is(ours: Package) -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=[])

    made = client(ours)
    with httpx.Client(base_url="https://other", transport=httpx.MockTransport(respond)) as given:
        assert made.set_httpx_client(given).get_httpx_client() is given
        assert ours.operation("list_product_image_inserts").sync(5, client=made) == []

    async def send() -> None:
        async with httpx.AsyncClient(base_url="https://other", transport=httpx.MockTransport(respond)) as given:
            assert made.set_async_httpx_client(given).get_async_httpx_client() is given
            assert await ours.operation("list_product_image_inserts").asyncio(5, client=made) == []

    asyncio.run(send())
