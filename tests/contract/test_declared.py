"""What a contract declares beyond schemas: read right, and refused with a message that helps where it cannot be."""

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from channel_images.resource import Resource, Shape, Undeclared, declared

ROOT = Path(__file__).parents[2]
CONTRACT: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))
STOCKS: dict[str, Any] = yaml.safe_load((ROOT / "tests/second_resource/openapi.yaml").read_text(encoding="utf-8"))
LIST = "/api/v1/channel/{channel_id}/product_images/"


def edited(edit: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    contract = copy.deepcopy(CONTRACT)
    edit(contract)
    return contract


def test_the_images() -> None:
    images = declared(CONTRACT)
    assert (images.name, images.key, images.version) == ("ProductImage", "pk", "modified_date")
    assert images.roles == {"scope": "channel_id", "key": "id", "page": "page", "size": "limit"}
    assert {each.name: (each.field, each.is_shown, each.several, each.type) for each in images.filters.values()} == {
        "product": ("product", True, False, "integer"),
        "product__pk__in": ("product", True, True, "integer"),
        "id__in": ("pk", True, True, "integer"),
        "is_seller_product": ("product", False, False, "boolean"),
        "product_type": ("product", False, True, "integer"),
    }
    assert [each.name for each in images.hidden] == ["is_seller_product", "product_type"]
    kinds = images.filters["product_type"]
    assert (kinds.values[:2], kinds.names[:2], kinds.is_extensible) == ((0, 1), ("SIMPLE", "PRODUCT_META"), True)


def test_the_stocks() -> None:
    stocks = declared(STOCKS)
    assert {each.name: (each.field, each.several, each.type) for each in stocks.filters.values()} == {
        "product": ("product", False, "integer"),
        "stock": ("stock", False, "number"),
        "unit_type": ("unit_type", False, "string"),
        "stock_list": ("stock_list", False, "integer"),
        "pk__in": ("pk", True, "integer"),
    }
    assert stocks.hidden == ()


@pytest.mark.parametrize("contract", [CONTRACT, STOCKS], ids=["images", "stocks"])
def test_operations_are_found_by_what_they_mean(contract: dict[str, Any]) -> None:
    found: Resource = declared(contract)
    lists = next(iter(contract["paths"]))
    assert [
        (each.path.removeprefix(lists), each.shape, each.is_detailed, set(each.parts)) for each in found.operations
    ] == [
        ("", Shape.PAGE, False, set()),
        ("detailed/", Shape.PAGE, True, set()),
        ("inserts/", Shape.ARRAY, False, {"insert"}),
        ("updates/", Shape.ARRAY, False, {"update"}),
        ("inserts_or_updates/", Shape.ARRAY, False, {"insert", "update"}),
        ("{id}/", Shape.ONE, False, set()),
        ("{id}/detailed/", Shape.ONE, True, set()),
    ]
    pending = found.operation(is_list=True, parts=["update", "insert"])
    assert pending.id.endswith("InsertsOrUpdates")
    assert found.operation(is_list=False, is_detailed=True).id.startswith("retrieveDetailed")


def schema(contract: dict[str, Any]) -> Any:
    return contract["components"]["schemas"]["ProductImage"]


def parameter(contract: dict[str, Any], name: str) -> Any:
    return contract["components"]["parameters"][name]


def operation(contract: dict[str, Any], end: str = "") -> Any:
    return contract["paths"][LIST + end]["get"]


def add_a_sibling(contract: dict[str, Any]) -> None:
    """What a contributor does first: the other resource's paths in the same file."""
    contract["paths"].update(STOCKS["paths"])
    for kind in ("schemas", "parameters", "responses", "examples"):
        contract["components"][kind] = {**STOCKS["components"][kind], **contract["components"][kind]}


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no resource": (lambda c: schema(c).pop("x-resource"), "one schema has x-resource"),
    "a sibling resource": (add_a_sibling, "ProductStock and ProductImage|ProductImage and ProductStock"),
    "a resource without a version": (lambda c: schema(c)["x-resource"].pop("version"), "a key and a version"),
    "a resource that is true": (lambda c: schema(c).update({"x-resource": True}), "a key and a version"),
    "a key that is no field": (
        lambda c: schema(c)["x-resource"].update(key="id"),
        "ProductImage: x-resource has the key 'id', which must be a field of type integer",
    ),
    "a key that is a text": (
        lambda c: schema(c)["x-resource"].update(key="hash"),
        "which must be a field of type integer",
    ),
    "a version that is no date": (
        lambda c: schema(c)["x-resource"].update(version="order"),
        "must be a field of type date-time",
    ),
    "an enum that differs": (
        lambda c: c["components"]["schemas"]["ProductType"].update({"x-extensible-enum": [0]}),
        "ProductType: x-extensible-enum repeats the values of enum",
    ),
    "a filter on no field": (
        lambda c: parameter(c, "IdIn").update({"x-filter": {"field": "id"}}),
        "listProductImages: the parameter id__in: x-filter names 'id', which is not a field of the rows",
    ),
    "a filter of another word": (lambda c: parameter(c, "IdIn").update({"x-filter": {"of": "pk"}}), "x-filter is"),
    "a filter that is a text": (lambda c: parameter(c, "IdIn").update({"x-filter": "pk"}), "x-filter is"),
    "a filter with a role": (lambda c: parameter(c, "IdIn").update({"x-role": "key"}), "x-role and x-filter"),
    "a filter of objects": (
        lambda c: parameter(c, "Product").update(schema={"type": "object"}),
        "a value is of one of integer, number, string, boolean",
    ),
    "an exploded filter": (lambda c: parameter(c, "IdIn").update(explode=True), "explode: false"),
    "a role that does not exist": (lambda c: parameter(c, "Limit").update({"x-role": "limit"}), "not 'limit'"),
    "a role in the wrong place": (lambda c: parameter(c, "Limit").update({"x-role": "scope"}), "not 'scope'"),
    "a role twice": (lambda c: parameter(c, "Limit").update({"x-role": "page"}), "page is the page already"),
    "a list without a size": (
        lambda c: operation(c, "inserts/")["parameters"].pop(),
        "listProductImageInserts: it needs a parameter for each x-role of page, scope, size",
    ),
    "a part that does not exist": (lambda c: operation(c).update({"x-parts": ["delete"]}), "x-parts is a list of"),
    "no part": (lambda c: operation(c).update({"x-parts": []}), "leave it out where a list holds all rows"),
    "details of a word": (lambda c: operation(c).update({"x-detailed": "yes"}), "x-detailed is true, or left out"),
    "two of the same meaning": (
        lambda c: operation(c, "updates/").update({"x-parts": ["insert"]}),
        "listProductImageUpdates: the operations are",
    ),
    "one operation less": (
        lambda c: c["paths"].pop(LIST + "updates/"),
        "the operations are a list and a retrieval.*: 1 missing",
    ),
    "parts and details": (
        lambda c: operation(c, "updates/").update({"x-detailed": True}),
        "listProductImageUpdates: the operations are .*each of them once",
    ),
    "a POST": (lambda c: c["paths"][LIST].update(post={}), "an operation is a GET"),
    "rows of another schema": (
        lambda c: operation(c, "{id}/")["responses"]["200"]["content"]["application/json"].update(
            schema={"$ref": "#/components/schemas/ErrorDetail"}
        ),
        "retrieveProductImage: the 200 is a ProductImage",
    ),
    "a plain list without the filters": (
        lambda c: (
            operation(c)["parameters"].pop(),
            operation(c, "detailed/")["parameters"].append({"$ref": "#/components/parameters/ProductType"}),
        ),
        "listProductImages: the list of all rows comes in pages, and has all filters",
    ),
}


@pytest.mark.parametrize(("edit", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_in_one_line(edit: Callable[[dict[str, Any]], object], message: str) -> None:
    with pytest.raises(Undeclared, match=message) as refused:
        declared(edited(edit))
    assert "\n" not in str(refused.value)


def test_a_parameter_of_which_nothing_is_said_is_no_filter() -> None:
    ordering = {"name": "ordering", "in": "query", "schema": {"type": "string"}}
    contract = edited(lambda c: operation(c)["parameters"].append(ordering))
    assert declared(contract).filters.keys() == declared(CONTRACT).filters.keys()


def test_lint_says_so(tmp_path: Path) -> None:
    file = tmp_path / "openapi.yaml"
    file.write_text(yaml.safe_dump(edited(lambda c: schema(c)["x-resource"].update(key="id"))), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "overrides/codegen/lint_contract.py", "--contract", file],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "undeclared: ProductImage: x-resource has the key 'id'" in done.stdout


# What the declarations are for: no other file names a filter of the contract.


TYPED = ("client/channel.py",)
"""Where the keyword filters have names and types, for editors and type checkers."""


def test_no_other_file_names_a_filter() -> None:
    images = declared(CONTRACT)
    wire = [name for name in images.filters if "_" in name]  # `product` is a word, and a field too
    words = "|".join(sorted({*wire, *(name.replace("__", "_") for name in wire)}, key=len, reverse=True))
    package = ROOT / "overrides" / "channel_images"
    naming = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.suffix in {".py", ".json", ".yaml", ".html", ".css", ".js"}
        and re.search(rf"\b({words})\b", path.read_text(encoding="utf-8"))
    }
    assert naming == set(TYPED)
