"""The seven operations: every answer is as the contract documents it, and says what the real service would say."""

import re
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
import pytest

from channel_images.contract import load_contract
from channel_images.mock import MockServer
from channel_images.mock.operations import operations

Judge = Callable[[str, httpx.Response], None]
PathOf = Callable[..., str]

ALL = list(operations())
LISTS = [operation.id for operation in operations().values() if operation.is_list]
PENDING = [operation.id for operation in operations().values() if operation.meaning.pending]
RETRIEVALS = [operation.id for operation in operations().values() if not operation.is_list]
FULL = "listProductImages"
BIG = 2**63


def rows_of(response: httpx.Response) -> list[dict[str, Any]]:
    body = response.json()
    rows: list[dict[str, Any]] = body if isinstance(body, list) else body["results"]
    return rows


def test_every_operation_of_the_contract_is_served() -> None:
    documented = [item["get"]["operationId"] for item in load_contract()["paths"].values()]
    assert documented == ALL
    assert len(LISTS) == 5
    assert len(PENDING) == 3


# Lists


@pytest.mark.parametrize("operation", LISTS)
@pytest.mark.parametrize("limit", [1, 3, 10, 100, 1000])
def test_the_pages_hold_every_row_once(
    client: httpx.Client, judge: Judge, path_of: PathOf, operation: str, limit: int
) -> None:
    channel = 6 if limit < 100 else 5
    everything = rows_of(client.get(path_of(operation, channel), params={"limit": 1000}))
    seen: list[dict[str, Any]] = []
    for page in count(1):
        response = client.get(path_of(operation, channel), params={"limit": limit, "page": page})
        judge(operation, response)
        if response.status_code == 404:
            break
        assert len(rows_of(response)) == min(limit, len(everything) - len(seen))
        seen += rows_of(response)
    assert seen == everything
    assert [row["pk"] for row in seen] == sorted({row["pk"] for row in seen})
    assert response.json() == {"detail": "Invalid page."}


@pytest.mark.parametrize("operation", LISTS)
def test_an_empty_list_has_a_first_page(client: httpx.Client, judge: Judge, path_of: PathOf, operation: str) -> None:
    response = client.get(path_of(operation, 7))
    judge(operation, response)
    empty = [] if operation in PENDING else {"count": 0, "next": None, "previous": None, "results": []}
    assert response.json() == empty
    assert client.get(path_of(operation, 7), params={"page": 2}).status_code == 404


@pytest.mark.parametrize("operation", LISTS)
def test_the_defaults_are_the_contracts(client: httpx.Client, path_of: PathOf, operation: str) -> None:
    explicit = client.get(path_of(operation), params={"page": 1, "limit": 10})
    assert rows_of(client.get(path_of(operation))) == rows_of(explicit)
    assert len(rows_of(explicit)) == 10


def test_a_large_limit_is_treated_as_the_largest(path_of: PathOf) -> None:
    with MockServer(channels={5: 1500}) as server, _client(server) as client:
        for limit in (1001, 5000, BIG - 1):
            assert len(rows_of(client.get(path_of(FULL), params={"limit": limit}))) == 1000
            assert len(rows_of(client.get(path_of(FULL), params={"limit": limit, "page": 2}))) == 500


def _client(server: MockServer) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Token {server.token}"})


def test_the_links_lead_through_the_list_and_back(client: httpx.Client, path_of: PathOf) -> None:
    first = url = str(client.build_request("GET", path_of(FULL), params={"limit": 7, "product_type": "0,2"}).url)
    pages = []
    while url:
        page = client.get(url).json()
        pages.append(page)
        url = page["next"]
    assert len({page["count"] for page in pages}) == 1
    assert sum(len(page["results"]) for page in pages) == pages[0]["count"]
    back = len(pages) - 1
    while previous := pages[back]["previous"]:
        back -= 1
        assert client.get(previous).json() == pages[back]
    assert back == 0
    assert httpx.URL(pages[1]["previous"]) == httpx.URL(first)


@pytest.mark.parametrize("operation", PENDING)
def test_pending_lists_are_parts_of_the_full_list(client: httpx.Client, path_of: PathOf, operation: str) -> None:
    full = {row["pk"]: row for row in rows_of(client.get(path_of(FULL), params={"limit": 1000}))}
    pending = rows_of(client.get(path_of(operation), params={"limit": 1000}))
    assert pending
    assert all(full[row["pk"]] == row for row in pending)


def test_pending_work_is_inserts_and_updates(client: httpx.Client, path_of: PathOf) -> None:
    inserts, updates, both = (
        {row["pk"] for row in rows_of(client.get(path_of(operation), params={"limit": 1000}))} for operation in PENDING
    )
    assert not inserts & updates
    assert inserts | updates == both


# Filters


def everything(client: httpx.Client, path_of: PathOf) -> list[dict[str, Any]]:
    """The full list, each row with its product's details."""
    return rows_of(client.get(path_of("listDetailedProductImages"), params={"limit": 1000}))


@pytest.mark.parametrize(
    ("query", "satisfies"),
    [
        ("product=123", lambda row: row["product"] == 123),
        ("product=%20123%20", lambda row: row["product"] == 123),
        ("product=00123", lambda row: row["product"] == 123),
        ("product=999999", lambda _row: False),
        ("product__pk__in=130,123,999999", lambda row: row["product"] in {123, 130}),
        ("product=123&product__pk__in=123,124", lambda row: row["product"] == 123),
        ("product=123&product__pk__in=124", lambda _row: False),
        ("id__in=9,1,8,1,999999", lambda row: row["pk"] in {1, 9}),
        ("id__in=1%2C2", lambda row: row["pk"] in {1, 2}),
        ("id__in=1&id__in=2", lambda row: row["pk"] == 2),
        ("is_seller_product=true", lambda row: row["product_detail"]["is_seller_product"]),
        ("is_seller_product=False", lambda row: not row["product_detail"]["is_seller_product"]),
        ("product_type=0", lambda row: row["product_detail"]["product_type"] == 0),
        ("product_type=5,2", lambda row: row["product_detail"]["product_type"] in {2, 5}),
        (
            "product_type=0,1&is_seller_product=1",
            lambda row: row["product_detail"]["product_type"] < 2 and row["product_detail"]["is_seller_product"],
        ),
        (
            "id__in=1,2,3,4,5&is_seller_product=0",
            lambda row: row["pk"] <= 5 and not row["product_detail"]["is_seller_product"],
        ),
        ("colour=red&product", lambda _row: None),
    ],
)
def test_a_filter_gives_the_rows_that_satisfy_it(
    client: httpx.Client,
    judge: Judge,
    path_of: PathOf,
    query: str,
    satisfies: Callable[[dict[str, Any]], bool | None],
) -> None:
    response = client.get(f"{path_of(FULL)}?limit=1000&{query}")
    judge(FULL, response)
    if response.status_code == 400:  # "product" without a value
        assert response.json() == {"product": ["Enter a number."]}
        return
    expected = [row["pk"] for row in everything(client, path_of) if satisfies(row)]
    assert [row["pk"] for row in rows_of(response)] == expected
    assert response.json()["count"] == len(expected)


def test_a_thousand_ids(client: httpx.Client, path_of: PathOf) -> None:
    ids = ",".join(str(pk) for pk in range(1, 1001))
    response = client.get(path_of(FULL), params={"id__in": ids, "limit": 1000})
    assert response.json()["count"] == 875, "every eighth id is not there"


def test_filters_of_other_lists_are_passed_over(client: httpx.Client, path_of: PathOf) -> None:
    plain = client.get(path_of("listProductImageInserts"))
    assert client.get(path_of("listProductImageInserts"), params={"product": "x"}).json() == plain.json()


# Refusals

TOO_LARGE = f"Ensure this value is less than or equal to {BIG - 1}."


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("product=abc", {"product": ["Enter a number."]}),
        ("product=1.5", {"product": ["Enter a number."]}),
        ("product=%2B1", {"product": ["Enter a number."]}),
        ("product=%D9%A1", {"product": ["Enter a number."]}),
        ("product=%FF", {"product": ["Enter a number."]}),
        ("product=1%00", {"product": ["Enter a number."]}),
        ("product=-1", {"product": ["Ensure this value is greater than or equal to 0."]}),
        (f"product={BIG}", {"product": [TOO_LARGE]}),
        ("product=" + "9" * 10_000, {"product": [TOO_LARGE]}),
        ("id__in=", {"id__in": ["This list may not be empty."]}),
        ("id__in=1,,2", {"id__in": ["Enter a number."]}),
        ("id__in=[1,2]", {"id__in": ["Enter a number."]}),
        (f"id__in=1,{BIG},{BIG + 1}", {"id__in": [TOO_LARGE]}),
        ("product__pk__in=x", {"product__pk__in": ["Enter a number."]}),
        ("is_seller_product=maybe", {"is_seller_product": ["Must be a valid boolean."]}),
        ("is_seller_product=", {"is_seller_product": ["Must be a valid boolean."]}),
        ("product_type=7", {"product_type": ["Select a valid choice. 7 is not one of the available choices."]}),
        ("product_type=simple", {"product_type": ["Enter a number."]}),
        ("limit=0", {"limit": ["Ensure this value is greater than or equal to 1."]}),
        ("limit=ten", {"limit": ["Enter a number."]}),
        ("limit=x&product=y&page=z", {"limit": ["Enter a number."], "product": ["Enter a number."]}),
        ("&".join(f"a{number}=1" for number in range(1001)), {"detail": "Too many query parameters."}),
    ],
)
def test_bad_parameters_are_400_by_name(
    client: httpx.Client, judge: Judge, path_of: PathOf, query: str, errors: dict[str, Any]
) -> None:
    response = client.get(f"{path_of(FULL)}?{query}")
    judge(FULL, response)
    assert (response.status_code, response.json()) == (400, errors)


@pytest.mark.parametrize("operation", LISTS)
@pytest.mark.parametrize("page", ["0", "-1", "x", "", "1.0", "last", "101", str(BIG), "9" * 5000])
def test_a_bad_page_is_404(client: httpx.Client, judge: Judge, path_of: PathOf, operation: str, page: str) -> None:
    response = client.get(path_of(operation), params={"page": page})
    judge(operation, response)
    assert (response.status_code, response.json()) == (404, {"detail": "Invalid page."})


@pytest.mark.parametrize("operation", RETRIEVALS)
@pytest.mark.parametrize(
    "pk", ["8", "999999", "abc", "-1", "1.0", "%D9%A1", "1%00", "%201", str(BIG), "9" * 10_000, "100000001"]
)
def test_an_image_that_is_not_there_is_404(
    client: httpx.Client, judge: Judge, path_of: PathOf, operation: str, pk: str
) -> None:
    response = client.get(path_of(operation, pk=pk))
    judge(operation, response)
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize("channel", ["8", "0", "abc", "-5", "5.0", str(BIG), "5%00"])
def test_a_channel_that_is_not_there_is_404(
    client: httpx.Client, judge: Judge, path_of: PathOf, operation: str, channel: str
) -> None:
    response = client.get(path_of(operation, channel))
    judge(operation, response)
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods_are_405(client: httpx.Client, path_of: PathOf, operation: str, method: str) -> None:
    response = client.request(method, path_of(operation), content=b"{}")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"
    assert response.json() == {"detail": f'Method "{method}" not allowed.'}


# Retrievals


@pytest.mark.parametrize("operation", RETRIEVALS)
def test_a_retrieval_is_the_listed_row(client: httpx.Client, judge: Judge, path_of: PathOf, operation: str) -> None:
    listing = FULL if operation == "retrieveProductImage" else "listDetailedProductImages"
    for row in rows_of(client.get(path_of(listing), params={"limit": 50})):
        response = client.get(path_of(operation, pk=row["pk"]))
        judge(operation, response)
        assert response.json() == row


def test_details_are_added_to_the_documented_fields(client: httpx.Client, path_of: PathOf) -> None:
    plain = client.get(path_of("retrieveProductImage")).json()
    detailed = client.get(path_of("retrieveDetailedProductImage")).json()
    assert detailed.items() > plain.items()
    assert detailed["product_detail"]["pk"] == plain["product"]


def test_a_changed_image_is_shown_changed_everywhere(server: MockServer, client: httpx.Client, path_of: PathOf) -> None:
    client.get(path_of("retrieveProductImage"))
    changed = server.modify(5, 1, width=321)
    assert client.get(path_of("retrieveProductImage")).json() == changed
    assert rows_of(client.get(path_of(FULL)))[0] == changed
    assert rows_of(client.get(path_of("listDetailedProductImages")))[0].items() > changed.items()
    server.reset()
    assert client.get(path_of("retrieveProductImage")).json() != changed


# Beside them


def test_options_describe_the_operation(client: httpx.Client, path_of: PathOf) -> None:
    response = client.options(path_of(FULL))
    assert response.status_code == 200
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"
    assert response.json()["name"] == "List a channel's product images"


@pytest.mark.parametrize("operation", ALL)
def test_a_missing_slash_is_a_redirect_to_the_same_origin(
    client: httpx.Client, path_of: PathOf, operation: str
) -> None:
    response = client.get(path_of(operation).rstrip("/") + "?limit=2&q=%C3%A4%FF")
    assert response.status_code == 301
    assert response.headers["location"] == path_of(operation) + "?limit=2&q=%C3%A4%FF"


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "//evil.example/x",
        "/api/v1/channel/5/product_images/1/detailed/x/",
        "/%00",
        "/api/v1/channel/5%2F",
    ],
)
def test_other_paths_are_404(client: httpx.Client, path: str) -> None:
    response = client.get(httpx.URL(str(client.base_url).rstrip("/") + path))
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


def test_dates_are_in_utc_with_microseconds(client: httpx.Client, path_of: PathOf) -> None:
    for row in rows_of(client.get(path_of(FULL), params={"limit": 100})):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row["modified_date"])
