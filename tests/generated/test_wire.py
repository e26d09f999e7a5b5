"""What goes out on a real socket, and that every status and body comes back."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from channel_images_api.types import UNSET, Request, build_request, encode_query

# Package and Server are classes of conftest.py, which tests cannot import.
Package = Any
Server = Any

LISTS = (
    "list_product_images",
    "list_detailed_product_images",
    "list_product_image_inserts",
    "list_product_image_updates",
    "list_product_image_inserts_or_updates",
)
ENVELOPES = LISTS[:2]
RETRIEVALS = ("retrieve_product_image", "retrieve_detailed_product_image")
DETAIL_STATUSES = (401, 403, 404, 429, 500)

both_modes = pytest.mark.parametrize("mode", ["sync", "asyncio"])


def page(*rows: object) -> bytes:
    return json.dumps({"count": len(rows), "next": None, "previous": None, "results": rows}).encode()


# Requests


@both_modes
@pytest.mark.repairs(raises=AssertionError)
def test_arrays_are_one_comma_separated_parameter(api: Package, server: Server, mode: str) -> None:
    server.body = page()
    api.send(server.url, "list_product_images", mode=mode, id_in=[1, 2, 3], product_pk_in=[123, 124])
    assert server.targets == ["/api/v1/channel/5/product_images/?product__pk__in=123,124&id__in=1,2,3"]


@pytest.mark.repairs(raises=AssertionError)
def test_product_types_are_one_comma_separated_parameter(api: Package, server: Server) -> None:
    server.body = page()
    product_type = api.models.ProductType
    api.send(server.url, "list_product_images", product_type=[product_type.SIMPLE, product_type.BUNDLE])
    assert server.query == "product_type=0,2"


@pytest.mark.repairs(raises=(ValueError, AttributeError))
def test_enum_members_and_plain_values_mix(api: Package, server: Server) -> None:
    server.body = page()
    product_type = api.models.ProductType
    api.send(server.url, "list_product_images", product_type=(0, product_type(99), product_type.OFFER))
    assert server.query == "product_type=0,99,5"


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("a,b", "a%2Cb"),
        ("a&b=c", "a%26b%3Dc"),
        ("a b+c", "a%20b%2Bc"),
        ("#/?%", "%23%2F%3F%25"),
        ("é\r\n", "%C3%A9%0D%0A"),
        (["a,b", "c"], "a%2Cb,c"),
    ],
)
def test_all_but_the_commas_of_an_array_is_encoded(server: Server, value: Any, sent: str) -> None:
    query = encode_query({"q": value, "none": None, "unset": UNSET})
    assert query == f"?q={sent}"
    with httpx.Client(base_url=server.url) as client:
        client.send(build_request(client, Request("GET", f"/search/{query}")))
    assert server.targets == [f"/search/{query}"]


@both_modes
@pytest.mark.parametrize("prefix", ["", "/", "/prefix", "/pre/fix/"])
def test_the_path_of_the_contract_comes_behind_that_of_the_base_url(
    ours: Package, server: Server, mode: str, prefix: str
) -> None:
    server.body = page()
    ours.send(server.url + prefix, "list_product_images", mode=mode, id_in=[1, 2])
    assert server.targets == [f"{prefix.rstrip('/')}/api/v1/channel/5/product_images/?id__in=1,2"]


@both_modes
@pytest.mark.parametrize(
    ("defaults", "query"),
    [
        ({"key": "a,b"}, "key=a%2Cb&page=2&id__in=1,2"),
        ({"page": "9", "key": ["1", "2"]}, "key=1&key=2&page=2&id__in=1,2"),
        ({"page": "9"}, "page=2&id__in=1,2"),
    ],
)
def test_parameters_of_the_httpx_client_are_defaults(
    ours: Package, server: Server, mode: str, defaults: dict[str, Any], query: str
) -> None:
    server.body = page()
    options = {"httpx_args": {"params": defaults}}
    ours.send(server.url, "list_product_images", mode=mode, page=2, id_in=[1, 2], client_options=options)
    assert server.query == query
    ours.send(server.url, "retrieve_product_image", mode=mode, client_options=options)
    assert server.query == str(httpx.QueryParams(defaults))


@pytest.mark.parametrize("operation", [*LISTS, *RETRIEVALS])
def test_a_request_is_public_and_is_what_is_sent(ours: Package, server: Server, operation: str) -> None:
    is_list = operation in LISTS
    arguments = {"page": 2, "limit": 7} if is_list else {"id": 8}
    request = ours.operation(operation).request(5, **arguments)
    assert type(request) is Request
    assert request.method == "GET"
    server.body = page() if operation in ENVELOPES else b"[]" if is_list else b'{"pk": 8}'
    ours.send(server.url, operation, **arguments)
    assert server.targets == [request.url]


@pytest.mark.repairs(raises=pytest.fail.Exception)
@pytest.mark.parametrize(("argument", "name"), [("id_in", "id__in"), ("product_pk_in", "product__pk__in")])
def test_an_empty_array_is_refused_before_it_lists_everything(
    api: Package, server: Server, argument: str, name: str
) -> None:
    server.body = page()
    with pytest.raises(ValueError, match=f"^{name} is empty: "):
        api.send(server.url, "list_product_images", **{argument: []})
    assert server.targets == []


@pytest.mark.parametrize("value", [True, False])
def test_booleans_are_lower_case(api: Package, server: Server, value: bool) -> None:
    server.body = page()
    api.send(server.url, "list_product_images", is_seller_product=value)
    assert server.query == f"is_seller_product={str(value).lower()}"


@pytest.mark.repairs(raises=AssertionError)
@pytest.mark.parametrize("operation", LISTS)
def test_what_is_not_given_is_not_sent(api: Package, server: Server, operation: str) -> None:
    server.body = page() if operation in ENVELOPES else b"[]"
    api.send(server.url, operation)
    assert server.query == ""


@pytest.mark.parametrize("operation", LISTS)
def test_page_and_limit_are_sent_when_given(api: Package, server: Server, operation: str) -> None:
    server.body = page() if operation in ENVELOPES else b"[]"
    api.send(server.url, operation, page=3, limit=100)
    assert server.query == "page=3&limit=100"


def test_every_array_parameter_of_the_contract_is_comma_separated() -> None:
    # The templates join all arrays: the generator drops `style` and `explode`, so they cannot look.
    contract = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text())
    arrays = [
        parameter
        for parameter in contract["components"]["parameters"].values()
        if parameter["schema"].get("type") == "array"
    ]
    assert len(arrays) == 3
    assert {(parameter["style"], parameter["explode"]) for parameter in arrays} == {("form", False)}


@pytest.mark.repairs(raises=AssertionError)
def test_a_client_with_a_token_signs_as_the_contract_says(api: Package, server: Server) -> None:
    server.body = page()
    client = api.client.AuthenticatedClient(base_url=server.url, token="abc", headers={"authorization": "other"})
    with client:
        api.operation("list_product_images").sync_detailed(5, client=client)
    assert server.received[-1]["authorization"] == "Token abc"


def test_the_short_functions_give_the_parsed_body(api: Package, server: Server, image: Mapping[str, Any]) -> None:
    server.body = json.dumps(image).encode()
    module = api.operation("retrieve_product_image")
    client = api.client.Client(base_url=server.url)
    with client:
        assert module.sync(5, 1, client=client).pk == 1

    async def retrieve() -> Any:
        async with client:
            return await module.asyncio(5, 1, client=client)

    assert asyncio.run(retrieve()).pk == 1
    assert server.targets == ["/api/v1/channel/5/product_images/1/"] * 2


# Statuses


@both_modes
@pytest.mark.repairs(raises=ValueError)
@pytest.mark.parametrize("status", [520, 599])
def test_a_status_of_no_standard_comes_back(api: Package, server: Server, mode: str, status: int) -> None:
    server.status, server.body = status, b"<html>unknown error</html>"
    response = api.send(server.url, "list_product_images", mode=mode)
    assert (response.status_code, response.parsed, response.content) == (status, None, server.body)
    assert type(response.status_code) is int


@both_modes
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (204, b""),
        (301, b""),
        (302, b""),
        (304, b""),
        (405, b'{"detail":"no"}'),
        (502, b"<html>"),
        (503, b""),
        (504, b"\xff"),
    ],
)
def test_an_undocumented_status_comes_back(api: Package, server: Server, mode: str, status: int, body: bytes) -> None:
    server.status, server.body = status, body
    response = api.send(server.url, "list_product_image_inserts", mode=mode)
    assert (response.status_code, response.parsed, response.content) == (status, None, body)


@pytest.mark.repairs(raises=AssertionError)
def test_an_undocumented_status_raises_where_that_is_asked_for(api: Package, server: Server) -> None:
    server.status, server.body = 502, b"<html>\n" + b"x" * 10_000
    with pytest.raises(api.errors.UnexpectedStatus) as caught:
        api.send(server.url, "list_product_images", client_options={"raise_on_unexpected_status": True})
    assert caught.value.status_code == 502
    assert caught.value.content == server.body
    message = str(caught.value)
    assert "502" in message
    assert "\n" not in message
    assert len(message) < 200


@both_modes
@pytest.mark.repairs(raises=(ValueError, TypeError, AttributeError, KeyError, RecursionError, AssertionError))
@pytest.mark.parametrize("status", [400, *DETAIL_STATUSES])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b'"text"',
        b"[]",
        b"null",
        b'{"detail": 5}',
        b'{"detail":',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_an_error_with_another_body_keeps_its_content(
    api: Package, server: Server, mode: str, status: int, body: bytes
) -> None:
    server.status, server.body = status, body
    response = api.send(server.url, "list_product_images", mode=mode)
    assert (response.status_code, response.parsed, response.content) == (status, None, body)


@pytest.mark.parametrize("operation", [*LISTS, *RETRIEVALS])
@pytest.mark.parametrize("status", [400, *DETAIL_STATUSES])
def test_an_error_as_documented_is_parsed(api: Package, server: Server, operation: str, status: int) -> None:
    server.status, server.body = status, b'{"detail": "Not found.", "code": 7}'
    server.headers = {"Retry-After": "30"}
    response = api.send(server.url, operation)
    assert isinstance(response.parsed, api.models.ErrorDetail)
    assert response.parsed.detail == "Not found."
    assert response.parsed["code"] == 7
    assert response.headers["retry-after"] == "30"


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ({"detail": "text"}, "ErrorDetail"),
        ({"detail": "text", "product": ["Enter a number."]}, "ErrorDetail"),
        ({"product": ["Enter a number."], "page": ["A", "B"]}, "FieldErrors"),
        ({"detail": ["Enter a number."]}, "FieldErrors"),
        ({"product": "Enter a number."}, "NoneType"),
        ({"product": [1]}, "NoneType"),
        ({"product": [None]}, "NoneType"),
        ({"detail": None}, "NoneType"),
        (["text"], "NoneType"),
    ],
)
def test_bad_requests_have_two_documented_shapes(api: Package, server: Server, body: object, shape: str) -> None:
    server.status, server.body = 400, json.dumps(body).encode()
    response = api.send(server.url, "list_product_images")
    assert type(response.parsed).__name__ == shape
    if response.parsed is not None:
        assert response.parsed.to_dict() == body


# Bodies of a success


@both_modes
@pytest.mark.repairs(raises=(ValueError, TypeError, AttributeError, RecursionError, pytest.fail.Exception))
@pytest.mark.parametrize("operation", ["list_product_images", "list_product_image_inserts", "retrieve_product_image"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Sign in</html>",
        b'{"count": 1, "results": [',
        b'{"count": 1} trailing',
        b'{"count": "\xff"}',
        b"NaN",
        b'{"pk": NaN, "count": NaN}',
        b'[{"pk": -Infinity}]',
        b'{"pk": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"null",
        b"5",
        b'"text"',
        b"true",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_success_with_another_body_is_malformed(
    api: Package, server: Server, mode: str, operation: str, body: bytes
) -> None:
    server.body = body
    error = getattr(api.errors, "MalformedBody", NotImplementedError)
    with pytest.raises(error) as caught:
        api.send(server.url, operation, mode=mode)
    assert caught.value.path == ""
    assert caught.value.response.status_code == 200
    assert caught.value.response.content == body
    message = str(caught.value)
    assert message.startswith(f"GET {server.url}/api/v1/channel/5/product_images/")
    assert " answered 200: the body is not " in message
    assert "\n" not in message
    assert len(message) < 300


@pytest.mark.repairs(raises=(ValueError, TypeError, AttributeError, pytest.fail.Exception))
@pytest.mark.parametrize(
    ("operation", "body", "path"),
    [
        ("list_product_images", {"count": 1, "results": None}, "results"),
        ("list_product_images", {"count": 1, "results": {}}, "results"),
        ("list_product_images", {"count": 1, "results": "text"}, "results"),
        ("list_product_images", {"count": "many", "results": []}, "count"),
        ("list_product_images", {"next": 5, "results": []}, "next"),
        ("list_product_images", {"results": [{}, None]}, "results[1]"),
        ("list_product_images", {"results": [{}, 7]}, "results[1]"),
        ("list_product_images", {"results": [{}, {}, {}, {"width": "wide"}]}, "results[3].width"),
        ("list_product_images", [], ""),
        ("list_product_image_inserts", {"results": []}, ""),
        ("list_product_image_inserts", [[]], "[0]"),
        ("list_product_image_inserts", [{}, {}, {"pk": "x"}], "[2].pk"),
        ("retrieve_product_image", {"is_active": 1}, "is_active"),
        ("retrieve_product_image", {"status": 5}, "status"),
        ("retrieve_product_image", {"created_date": "2022-11-25"}, "created_date"),
        ("retrieve_product_image", [], ""),
    ],
)
def test_the_path_leads_to_what_is_wrong(api: Package, server: Server, operation: str, body: object, path: str) -> None:
    server.body = json.dumps(body).encode()
    with pytest.raises(getattr(api.errors, "MalformedBody", NotImplementedError)) as caught:
        api.send(server.url, operation)
    assert caught.value.path == path
    assert caught.value.response.content == server.body
    assert f"answered 200: {path or 'the body'} is not a" in str(caught.value)
