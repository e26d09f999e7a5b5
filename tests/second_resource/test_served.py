"""The mock serves a contract that its code knows nothing of, with all that it can do."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml
from tests.second_resource.conftest import CONTRACT, Serve

from channel_images.contract import resolve
from channel_images.mock.bugs import BUGS
from channel_images.mock.variants import VARIANTS
from channel_images.resource import declared

DOCUMENT: Any = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
RESOURCE = declared(DOCUMENT)
LISTS = [each for each in RESOURCE.operations if each.is_list]
HIDDEN = {"filter.partition"} | {"types-last", "types-together", "types-spaced-lost", "types-parsed-int"}
HIDDEN |= {"seller-beats-type", "filter-join-repeats"}
"""Rules and bugs of images that are about what rows do not show: stocks have nothing of the kind."""


def validator(operation: str) -> jsonschema_rs.Validator:
    node = next(each.node for each in RESOURCE.operations if each.id == operation)
    schema = resolve(node["responses"]["200"], DOCUMENT)["content"]["application/json"]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]}, validate_formats=True)


VALIDATORS = {each.id: validator(each.id) for each in RESOURCE.operations}


def rows(client: httpx.Client, path: str, **parameters: object) -> list[dict[str, Any]]:
    """All rows of a list of channel 5."""
    asked: Mapping[str, Any] = {"limit": 1000, **parameters}
    answer = client.get(path.format(channel_id=5), params=asked)
    assert answer.status_code == 200, answer.text
    page = answer.json()
    return page if isinstance(page, list) else page["results"]


@pytest.fixture(scope="module")
def every(stocks: httpx.Client) -> list[dict[str, Any]]:
    """All stocks of channel 5."""
    return rows(stocks, RESOURCE.operation(is_list=True).path)


@pytest.fixture(scope="module")
def served() -> dict[str, Any]:
    """The bugs and the variants (see `served`)."""
    command = [sys.executable, "-m", "tests.second_resource.served"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("operation", RESOURCE.operations, ids=lambda each: each.id)
def test_each_operation_answers_as_the_contract_says(stocks: httpx.Client, operation: Any) -> None:
    for channel, pk in ((5, 1), (6, 100_000_001)):
        for query in ("", "?page=2&limit=2"):
            answer = stocks.get(operation.path.format(channel_id=channel, id=pk) + query)
            assert answer.status_code == 200
            VALIDATORS[operation.id].validate(answer.json())
    assert stocks.get(operation.path.format(channel_id=8, id=1)).status_code == 404
    assert httpx.get(str(stocks.base_url) + operation.path.format(channel_id=5, id=1)).status_code == 401


def test_rows_have_what_their_schema_allows(every: list[dict[str, Any]]) -> None:
    values = {name: [each[name] for each in every] for name in RESOURCE.fields}
    assert {each is None for each in values["sold_quantity_unreported"]} == {True, False}
    assert {each is None for each in values["extra_field"]} == {True, False}
    assert {type(each) for each in values["stock"]} == {int, float}
    assert set(values["unit_type"]) == {"qty", "kg"}
    assert all(
        created <= changed for created, changed in zip(values["created_date"], values["modified_date"], strict=True)
    )


def test_the_lists_are_those_that_are_declared(stocks: httpx.Client, every: list[dict[str, Any]]) -> None:
    found = {(each.is_detailed, each.parts): [row["pk"] for row in rows(stocks, each.path)] for each in LISTS}
    inserts, updates = (found[False, frozenset({part})] for part in ("insert", "update"))
    assert inserts
    assert updates
    assert found[False, frozenset({"insert", "update"})] == sorted(inserts + updates)
    assert found[True, frozenset()] == [row["pk"] for row in every]
    detailed = rows(stocks, RESOURCE.operation(is_list=True, is_detailed=True).path)
    assert [{name: row[name] for name in RESOURCE.fields} for row in detailed] == every


def test_filters_find_what_looking_at_each_row_finds(stocks: httpx.Client, every: list[dict[str, Any]]) -> None:
    asked: dict[str, tuple[str, Callable[[dict[str, Any]], bool]]] = {
        "product": ("126", lambda row: row["product"] == 126),
        "stock": (f"{every[0]['stock']:.3f}", lambda row: row["stock"] == every[0]["stock"]),
        "unit_type": ("kg", lambda row: row["unit_type"] == "kg"),
        "stock_list": (str(every[0]["stock_list"]), lambda row: row["stock_list"] == every[0]["stock_list"]),
        "pk__in": ("1,2,3,4,5,6,7,9", lambda row: row["pk"] < 10),
    }
    assert asked.keys() == RESOURCE.filters.keys()
    path = RESOURCE.operation(is_list=True).path
    for names in (chosen for size in range(1, 6) for chosen in combinations(asked, size)):
        wanted = [row for row in every if all(asked[name][1](row) for name in names)]
        assert rows(stocks, path, **{name: asked[name][0] for name in names}) == wanted
        assert wanted or len(names) > 1
    by_two = rows(stocks, path, unit_type="kg", limit=2, page=2)
    assert by_two == [row for row in every if row["unit_type"] == "kg"][2:4]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("stock=much", {"stock": ["Enter a number."]}),
        ("stock=nan", {"stock": ["Enter a number."]}),
        ("stock=1e13", {"stock": ["Ensure this value is less than or equal to 1000000000000."]}),
        ("unit_type=", {"unit_type": ["Select a valid choice.  is not one of the available choices."]}),
        ("pk__in=1,x", {"pk__in": ["Enter a number."]}),
    ],
)
def test_a_bad_filter_is_refused(stocks: httpx.Client, query: str, errors: dict[str, list[str]]) -> None:
    answer = stocks.get(f"{RESOURCE.operation(is_list=True).path.format(channel_id=5)}?{query}")
    assert (answer.status_code, answer.json()) == (400, errors)


def test_a_stock_goes_through_its_life(serve: Serve) -> None:
    path = RESOURCE.operation(is_list=True).path
    inserts, updates = (RESOURCE.operation(is_list=True, parts=[part]).path for part in ("insert", "update"))
    with serve("--channel", "5=0") as client:
        fields = {"pk": 80, "stock": 2.5, "unit_type": "kg", "extra_field": {"shelf": ["A", 4]}}
        added = client.post("/_mock/images/5", json=fields)
        assert added.status_code == 201, added.text
        assert rows(client, path, stock=2.5) == rows(client, inserts) == [added.json()]
        assert fields.items() <= added.json().items()
        VALIDATORS["retrieveProductStock"].validate(added.json())
        assert client.post("/_mock/images/5/sent", json={"pks": [80]}).status_code == 200
        assert rows(client, inserts) == rows(client, updates) == []
        changed = client.patch("/_mock/images/5/80", json={"stock": 3, "sold_quantity_unreported": None}).json()
        assert rows(client, updates) == rows(client, path, stock="3.0") == [changed]
        assert rows(client, path, stock=2.5) == []
        refused = client.post("/_mock/images/5", json={"unit_type": "miles", "product_type": 1, "stock": "2"})
        assert refused.status_code == 400
        assert refused.json().keys() == {"unit_type", "product_type", "stock"}


def test_data_changes_while_it_is_read_and_requests_fail(serve: Serve) -> None:
    path = RESOURCE.operation(is_list=True).path
    with serve("--churn-spec", "adds=2:removes=1:modifies=3:sends=1", "--fault", "503:first=1") as client:
        assert client.get(path.format(channel_id=5)).status_code == 503
        seen = []
        for each in LISTS * 4:
            answer = client.get(each.path.format(channel_id=5) + "?limit=1000")
            VALIDATORS[each.id].validate(answer.json())
            seen.append(answer.content)
        assert len(set(seen)) == len(seen)


def test_work_comes_by_itself(serve: Serve) -> None:
    with serve("--arrivals", "50/s", "--edits", "50/s", "--channel", "5=0") as client:
        found: list[dict[str, Any]] = []
        while not found:
            found = rows(client, RESOURCE.operation(is_list=True).path)
    VALIDATORS["retrieveProductStock"].validate(found[0])


def test_stocks_are_loaded_from_a_file(serve: Serve, every: list[dict[str, Any]], tmp_path: Path) -> None:
    path, file = RESOURCE.operation(is_list=True).path, tmp_path / "stocks.ndjson"
    file.write_text("".join(json.dumps(row) + "\n" for row in every[:40]), encoding="utf-8")
    with serve("--data", f"5={file}") as client:
        assert rows(client, path) == every[:40]
        assert rows(client, path, unit_type="kg") == [row for row in every[:40] if row["unit_type"] == "kg"]


def test_the_page_shows_this_contract(stocks: httpx.Client) -> None:
    assert stocks.get("/openapi.yaml").text == CONTRACT.read_text(encoding="utf-8")
    page, shown = stocks.get("/").text, stocks.get("/_docs/reference.json").json()
    assert "Sales Channel Product Stocks" in page
    assert "5 (300 stocks)" in page
    assert set(shown["paths"]) > set(DOCUMENT["paths"])
    example = shown["paths"]["/_mock/images/{channel}"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert example == {"pk": 80, "sold_quantity_unreported": 640}


def test_a_batch_takes_stocks(serve: Serve) -> None:
    with serve("--channel", "5=30") as client:
        first, *_ = rows(client, RESOURCE.operation(is_list=True, parts=["insert"]).path)
        batch = client.post("/api/v1/channel/5/batch_requests/", json={"content_type": "productstock"}).json()["pk"]
        objects = [{"pk": first["pk"], "version_date": first["modified_date"]}]
        body = {"status": "commit", "objects": objects}
        assert client.patch(f"/api/v1/channel/5/batch_requests/{batch}/", json=body).status_code == 200
        assert first not in rows(client, RESOURCE.operation(is_list=True, parts=["insert"]).path)


# Variants and bugs


def test_the_strict_server_answers_as_the_contract_says(served: dict[str, Any]) -> None:
    assert served["strict"] == []


def test_each_variant_answers_as_the_contract_says(served: dict[str, Any]) -> None:
    refused = {name for name, targets in served["variants"].items() if targets}
    assert refused == {"enveloped-pending"}  # what the contract's schema does not allow, and its rules do


def test_there_are_the_variants_of_images_that_stocks_can_have(served: dict[str, Any]) -> None:
    # Of stocks, the one open enum is compared by a filter.
    assert [*served["variants"]] == [name for name in VARIANTS if name != "open-enums"]


def test_there_are_the_bugs_of_images_that_stocks_can_have(served: dict[str, Any]) -> None:
    ours = {name for name, bug in BUGS.items() if not {name, bug.rule} & HIDDEN}
    assert len(served["bugs"]) >= 0.9 * len(ours)
    assert {rule for rule, _ in served["bugs"].values()} == {bug.rule for bug in BUGS.values()} - HIDDEN
    assert {f"{name}-ignored" for name in ("product", "stock", "unit-type", "stock-list", "pk-in")} <= served[
        "bugs"
    ].keys()


def test_bugs_say_what_is_wrong_with_stocks(served: dict[str, Any]) -> None:
    for _, summary in served["bugs"].values():
        assert 10 < len(summary) <= 120
        assert not {"image", "images", "id__in", "product__pk__in", "height", "status"} & set(summary.split())
