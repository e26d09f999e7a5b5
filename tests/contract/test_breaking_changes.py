"""What has changed in the contract is named in one line each, and the version has to say it."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lint_contract
import pytest
import yaml
from contract_changes import Step, changes

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "overrides" / "codegen" / "lint_contract.py"
# The last release, say, so that the tables outlive the next one.
RELEASED = yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))
RELEASED["info"]["version"] = "1.0.0"

P = "/api/v1/channel/{channel_id}/product_images/"
LIST, ONE = f"GET {P}", f"GET {P}{{id}}/"

Node = dict[str, Any]
Edit = Callable[[Node], object]


def get(contract: Node, suffix: str = "") -> Node:
    return contract["paths"][P + suffix]["get"]  # type: ignore[no-any-return] # YAML has no types


def parameter(contract: Node, name: str) -> Node:
    return contract["components"]["parameters"][name]  # type: ignore[no-any-return] # as above


def schema(contract: Node, name: str) -> Node:
    return contract["components"]["schemas"][name]  # type: ignore[no-any-return] # as above


def field(contract: Node, name: str) -> Node:
    return schema(contract, "ProductImage")["properties"][name]  # type: ignore[no-any-return] # as above


def refusal(contract: Node) -> list[Node]:
    response = contract["components"]["responses"]["BadRequest"]
    return response["content"]["application/json"]["schema"]["anyOf"]  # type: ignore[no-any-return] # as above


def rename_path(c: Node) -> None:
    c["paths"] = {path.replace("/inserts/", "/new/"): item for path, item in c["paths"].items()}


def rename_content(c: Node) -> None:
    for path in ("{id}/", "{id}/detailed/"):
        response = get(c, path)["responses"]["200"]
        response["content"] = {"application/problem+json": response["content"]["application/json"]}


def add_parameter(required: bool) -> Edit:
    added = {"name": "locale", "in": "query", "required": required, "schema": {"type": "string"}}
    return lambda c: get(c, "detailed/")["parameters"].append(added)


def rename_schema(c: Node) -> None:
    schemas = c["components"]["schemas"]
    schemas["Source"] = schemas.pop("ProductImageSource")
    field(c, "source")["anyOf"][0] = {"$ref": "#/components/schemas/Source"}


BREAKS: dict[str, tuple[Edit, list[str]]] = {
    "operation removed": (lambda c: c["paths"].pop(f"{P}updates/"), [f"contract: operation GET {P}updates/ removed"]),
    "path renamed": (rename_path, [f"contract: operation GET {P}inserts/ removed"]),
    "optional parameter removed": (
        lambda c: get(c)["parameters"].pop(1),
        [f"{LIST}: query parameter 'limit' removed"],
    ),
    "parameter became required": (
        lambda c: parameter(c, "Product").update(required=True),
        [f"{LIST}: query parameter 'product' became required"],
    ),
    "required parameter added": (
        add_parameter(required=True),
        [f"GET {P}detailed/: query parameter 'locale' added, and is required"],
    ),
    "parameter of the same name elsewhere": (
        lambda c: get(c, "{id}/").update(parameters=[{"name": "ID", "in": "header", "schema": {"type": "integer"}}]),
        [f"{ONE}: header parameter 'ID' has the name of another; generated clients rename the arguments of both"],
    ),
    "parameter's type changed": (
        lambda c: parameter(c, "IsSellerProduct")["schema"].update(type="string"),
        [f"{LIST}: query parameter 'is_seller_product': type changed from boolean to string"],
    ),
    "parameter's minimum raised": (
        lambda c: parameter(c, "Limit")["schema"].update(minimum=5),
        [f"{LIST}: query parameter 'limit': minimum raised from 1 to 5 (and in 4 more places)"],
    ),
    "parameter's maximum lowered": (
        lambda c: parameter(c, "Page")["schema"].update(maximum=1000),
        [(f"{LIST}: query parameter 'page': maximum lowered from 9223372036854775807 to 1000 (and in 4 more places)")],
    ),
    "parameter's new bound": (
        lambda c: parameter(c, "IdIn")["schema"].update(maxItems=100),
        [f"{LIST}: query parameter 'id__in': maxItems 100 added"],
    ),
    "parameter's default changed": (
        lambda c: parameter(c, "Limit")["schema"].update(default=20),
        [f"{LIST}: query parameter 'limit': default changed from 10 to 20 (and in 4 more places)"],
    ),
    "array repeated instead of joined": (
        lambda c: parameter(c, "IdIn").update(explode=True),
        [f"{LIST}: query parameter 'id__in': explode changed from false to true"],
    ),
    "array repeated by leaving explode out": (
        lambda c: parameter(c, "IdIn").pop("explode"),
        [f"{LIST}: query parameter 'id__in': explode changed from false to true"],
    ),
    "shared schema of parameters narrowed": (
        lambda c: schema(c, "Identifier").update(minimum=1),
        ["schema Identifier: minimum raised from 0 to 1"],
    ),
    "enum value of a parameter removed": (
        lambda c: schema(c, "ProductType")["enum"].remove(5),
        ["schema ProductType: enum value 5 removed"],
    ),
    "enum value renamed": (
        lambda c: schema(c, "ProductType")["x-enum-varnames"].__setitem__(0, "PLAIN"),
        ["schema ProductType: enum value 0 renamed from SIMPLE to PLAIN"],
    ),
    "enum value of a response removed": (
        lambda c: schema(c, "ProductImageStatus")["enum"].remove("disabled"),
        ["schema ProductImageStatus: enum value disabled removed"],
    ),
    "property removed": (
        lambda c: schema(c, "ProductImage")["properties"].pop("hash"),
        ["schema ProductImage: property 'hash' removed"],
    ),
    "property renamed": (
        lambda c: schema(c, "ProductImage")["properties"].update(
            rank=schema(c, "ProductImage")["properties"].pop("order")
        ),
        ["schema ProductImage: property 'order' removed"],
    ),
    "property's type changed": (
        lambda c: field(c, "object_id").update(type="string"),
        ["schema ProductImage: property 'object_id': type changed from integer to string"],
    ),
    "property became nullable": (
        lambda c: field(c, "order").update(type=["integer", "null"]),
        ["schema ProductImage: property 'order': became nullable"],
    ),
    "referenced property became nullable": (
        lambda c: field(c, "status").update(anyOf=[{"$ref": field(c, "status").pop("$ref")}, {"type": "null"}]),
        ["schema ProductImage: property 'status': became nullable"],
    ),
    "property's format changed": (
        lambda c: field(c, "created_date").update(format="date"),
        ["schema ProductImage: property 'created_date': format changed from date-time to date"],
    ),
    "property's lower bound gone": (
        lambda c: field(c, "width").pop("minimum"),
        ["schema ProductImage: property 'width': minimum 0 removed"],
    ),
    "property no longer required": (
        lambda c: schema(c, "ErrorDetail").pop("required"),
        ["schema ErrorDetail: property 'detail' is no longer required"],
    ),
    "rows of a list are something else": (
        lambda c: schema(c, "PendingProductImages").update(items={"type": "integer"}),
        [
            "schema PendingProductImages: items: type changed from object to integer",
            *(
                f"schema PendingProductImages: items: property '{name}' removed"
                for name in RELEASED["components"]["schemas"]["ProductImage"]["properties"]
            ),
            "components.schemas.PendingProductImages.items.x-resource: changed or removed",
        ],
    ),
    "schema renamed": (
        rename_schema,
        ["contract: class ProductImageSource removed"],
    ),
    "200 removed": (lambda c: get(c, "{id}/")["responses"].pop("200"), [f"{ONE}: response 200 removed"]),
    "404 removed": (lambda c: get(c, "{id}/")["responses"].pop("404"), [f"{ONE}: response 404 removed"]),
    "header removed": (
        lambda c: c["components"]["responses"]["TooManyRequests"].pop("headers"),
        [f"{LIST}: response 429: header retry-after removed (and in 6 more places)"],
    ),
    "content type changed": (
        rename_content,
        [f"{ONE}: response 200: content type application/json removed (and in 1 more place)"],
    ),
    "security scheme changed": (
        lambda c: c["components"]["securitySchemes"]["Token"].update(name="X-Token"),
        [f"{LIST}: definition of security scheme Token changed (and in 6 more places)"],
    ),
    "security scheme added to an operation": (
        lambda c: get(c, "{id}/").update(security=[{"Token": [], "Session": []}]),
        [f"{ONE}: security changed from Token to Token, Session"],
    ),
    "request body added": (
        lambda c: get(c).update(requestBody={"required": True, "content": {}}),
        [f"{LIST}: request body added, and is required"],
    ),
    "server removed": (lambda c: c["servers"].clear(), ["contract: server / removed"]),
    "further keys of a map are of another type": (
        lambda c: schema(c, "FieldErrors").update(additionalProperties={"type": "string"}),
        [
            "schema FieldErrors: additionalProperties: type changed from array to string",
            "schema FieldErrors: additionalProperties: the schema of its items changed",
        ],
    ),
    "further alternative in a response": (
        lambda c: refusal(c).append({"type": "string"}),
        [f"{LIST}: response 400: anyOf has 3 members, not 2 (and in 6 more places)"],
    ),
    "another keyword of a response": (
        lambda c: field(c, "created_date").update({"pattern": "Z$"}) or field(c, "created_date").pop("format"),
        ["schema ProductImage: property 'created_date': format changed from date-time to None"],
    ),
    "declared otherwise": (
        lambda c: parameter(c, "Product").update({"x-filter": {"field": "pk"}}),
        ["components.parameters.Product.x-filter: changed or removed"],
    ),
    "declared of more": (
        lambda c: get(c, "inserts/")["x-parts"].append("update"),
        [f"paths.{P}inserts/.get.x-parts: changed or removed"],
    ),
    "no longer declared": (
        lambda c: get(c, "detailed/").pop("x-detailed"),
        [f"paths.{P}detailed/.get.x-detailed: changed or removed"],
    ),
    "operationId changed": (
        lambda c: get(c, "{id}/").update(operationId="getImage"),
        [f"{ONE}: operationId changed from retrieveProductImage to getImage; generated clients are named after it"],
    ),
    "tag changed": (
        lambda c: get(c, "{id}/").update(tags=["Images"]),
        [f"{ONE}: tags changed from ['SalesChannelProductImage'] to ['Images']; generated clients are named after it"],
    ),
}

ADDITIONS: dict[str, tuple[Edit, list[str]]] = {
    "optional parameter added": (add_parameter(required=False), [f"GET {P}detailed/: query parameter 'locale' added"]),
    "parameter deprecated": (
        lambda c: parameter(c, "Product").update(deprecated=True),
        [f"{LIST}: query parameter 'product': deprecated"],
    ),
    "property added": (
        lambda c: schema(c, "ProductImage")["properties"].update(alt={"type": ["string", "null"]}),
        ["schema ProductImage: property 'alt' added"],
    ),
    "property deprecated": (
        lambda c: field(c, "source").update(deprecated=True),
        ["schema ProductImage: property 'source': deprecated"],
    ),
    "property became required": (
        lambda c: schema(c, "ProductImage").update(required=["pk"]),
        ["schema ProductImage: property 'pk' became required"],
    ),
    "operation added": (
        lambda c: c["paths"].update({f"{P}deletes/": {**c["paths"][P], "get": {**get(c), "operationId": "other"}}}),
        [f"contract: operation GET {P}deletes/ added"],
    ),
    "enum value added to a response": (
        lambda c: schema(c, "ProductImageSource")["enum"].append("imported"),
        ["schema ProductImageSource: enum value imported added"],
    ),
    "enum value added to a parameter": (
        lambda c: (
            schema(c, "ProductType")["enum"].append(6),
            schema(c, "ProductType")["x-enum-varnames"].append("SET"),
        ),
        ["schema ProductType: enum value 6 added"],
    ),
    "parameter's bound widened": (
        lambda c: parameter(c, "Limit")["schema"].update(minimum=0),
        [f"{LIST}: query parameter 'limit': minimum lowered from 1 to 0 (and in 4 more places)"],
    ),
    "property no longer nullable": (
        lambda c: field(c, "hash").update(type="string"),
        ["schema ProductImage: property 'hash': no longer nullable"],
    ),
    "property's bound narrowed": (
        lambda c: field(c, "width").update(minimum=1),
        ["schema ProductImage: property 'width': minimum raised from 0 to 1"],
    ),
    "response added": (
        lambda c: get(c)["responses"].update({"503": {"description": "Busy."}}),
        [f"{LIST}: response 503 added (and in 1 more place)"],
    ),
    "schema added": (
        lambda c: c["components"]["schemas"].update(Size={"type": "object"}),
        ["contract: class Size added"],
    ),
    "declared": (
        lambda c: parameter(c, "Product").update({"x-new": {"field": "product"}}),
        ["components.parameters.Product.x-new: added"],
    ),
    "another way to be let in": (
        lambda c: get(c).update(security=[{"Token": []}, {"Session": []}]),
        [f"{LIST}: security changed from Token to Token or Session"],
    ),
}

WORDS: dict[str, tuple[Edit, list[str]]] = {
    "description": (
        lambda c: field(c, "hash").update(description="In other words."),
        ["components.schemas.ProductImage.properties.hash.description: changed"],
    ),
    "title": (lambda c: c["info"].update(title="Images"), ["info.title: changed"]),
    "description of a tag": (
        lambda c: c["tags"][0].update(description="In other words."),
        ["tags.0.description: changed"],
    ),
    "example": (lambda c: parameter(c, "Page").update(example=2), ["components.parameters.Page.example: changed"]),
    "sentence of a rule": (
        lambda c: c["x-conformance"]["paging.count"].update(statement="In other words."),
        ["x-conformance.paging.count: changed"],
    ),
    "rule added": (
        lambda c: c["x-conformance"].update({"paging.new": {"statement": "New."}}),
        ["x-conformance.paging.new: added"],
    ),
    "link removed": (lambda c: get(c, "{id}/")["responses"]["200"].pop("links"), ["contract: changed"]),
    "parameter written out in place": (
        lambda c: get(c)["parameters"].__setitem__(0, parameter(c, "Page")),
        ["contract: changed"],
    ),
    "alternatives in another order": (
        lambda c: refusal(c).reverse(),
        ["contract: changed"],
    ),
}


def changed(edit: Edit, released: Node = RELEASED) -> Node:
    contract = copy.deepcopy(released)
    edit(contract)
    assert contract != released
    return contract


@pytest.mark.parametrize(("edit", "lines"), BREAKS.values(), ids=BREAKS)
def test_a_break_is_named(edit: Edit, lines: list[str]) -> None:
    assert [str(one) for one in changes(RELEASED, changed(edit)) if one.step is Step.MAJOR] == lines


@pytest.mark.parametrize(("edit", "lines"), ADDITIONS.values(), ids=ADDITIONS)
def test_an_addition_is_named_and_breaks_nothing(edit: Edit, lines: list[str]) -> None:
    found = changes(RELEASED, changed(edit))
    assert found[0].step is Step.MINOR
    assert [str(one) for one in found if one.step is Step.MINOR] == lines


@pytest.mark.parametrize(("edit", "lines"), WORDS.values(), ids=WORDS)
def test_other_words_are_named_and_no_more(edit: Edit, lines: list[str]) -> None:
    found = changes(RELEASED, changed(edit))
    assert found[0].step is Step.PATCH
    assert [str(one) for one in found] == lines


@pytest.mark.parametrize("edit", [edit for edit, _ in (BREAKS | ADDITIONS).values()], ids=[*BREAKS, *ADDITIONS])
def test_to_take_a_change_back_is_a_change_too(edit: Edit) -> None:
    assert changes(changed(edit), RELEASED)[0].step is not Step.PATCH


@pytest.mark.parametrize("declaration", [True, ["unified", "integration", "seller_center"]], ids=["flag", "values"])
def test_an_open_enum_may_grow_and_a_closed_one_may_not(declaration: object) -> None:
    def source(contract: Node) -> Node:
        return schema(contract, "ProductImageSource")

    closed = changed(lambda c: (source(c).pop("x-open-enum", None), source(c).pop("x-extensible-enum", None)))
    opened = changed(lambda c: source(c).update({"x-extensible-enum": declaration}), closed)
    line = "schema ProductImageSource: enum value imported added"
    for released, step, lines in (
        (closed, Step.MAJOR, [f"{line} to an enum that was not open"]),
        (opened, Step.MINOR, [line]),
    ):
        found = changes(released, changed(lambda c: source(c)["enum"].append("imported"), released))
        assert [(one.step, str(one)) for one in found] == [(step, one) for one in lines]
    # A reader of a closed enum need not take other values.
    assert [(one.step, one.what) for one in changes(closed, opened)][:1] == [(Step.MAJOR, "enum opened")]
    assert [(one.step, one.what) for one in changes(opened, closed)][:1] == [(Step.MINOR, "enum closed")]


def test_what_widens_for_requests_and_breaks_readers_is_a_break() -> None:
    both = changed(lambda c: field(c, "product").update({"$ref": "#/components/schemas/Identifier"}))
    for key in ("type", "format", "minimum", "maximum"):
        del field(both, "product")[key]
    found = changes(both, changed(lambda c: schema(c, "Identifier").update(minimum=-1), both))
    assert [(one.step, str(one)) for one in found] == [
        (Step.MAJOR, "schema Identifier: minimum lowered from 0 to -1"),
    ]


def test_a_schema_that_contains_itself_ends() -> None:
    released = copy.deepcopy(RELEASED)
    schema(released, "ErrorDetail")["properties"]["cause"] = {"$ref": "#/components/schemas/ErrorDetail"}
    assert changes(released, copy.deepcopy(released)) == []


# --- The command ------------------------------------------------------------------------------------------------------


def command(*arguments: str, script: Path = SCRIPT, path: str | None = None) -> tuple[int, list[str]]:
    env = os.environ if path is None else {**os.environ, "PATH": path}
    result = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, env=env, timeout=120, check=False
    )
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout.splitlines()


Lint = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def without_node(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Lint:
    """The command in this process, which saves a start of Python."""

    def lint(*arguments: str) -> tuple[int, list[str]]:
        monkeypatch.setenv("PATH", str(tmp_path))
        code = lint_contract.main([*arguments])
        return code, capsys.readouterr().out.splitlines()

    return lint


def written(folder: Path, text: str) -> str:
    file = folder / "changed.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_the_contract_is_clean_without_node(tmp_path: Path) -> None:
    assert command(path=str(tmp_path)) == (
        0,
        [
            "openapi.yaml: redocly left out: node is not installed",
            "openapi.yaml: valid OpenAPI, of a version that says what has changed",
        ],
    )


def test_node_can_be_required(tmp_path: Path) -> None:
    code, lines = command("--require-node", path=str(tmp_path))
    assert (code, lines) == (2, ["openapi.yaml: redocly left out: node is not installed"])


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(written(tmp_path_factory.mktemp("released"), json.dumps(RELEASED)))


def versioned(folder: Path, version: str, *edits: Edit) -> str:
    contract = copy.deepcopy(RELEASED)
    for edit in edits:
        edit(contract)
    contract["info"]["version"] = version
    return written(folder, json.dumps(contract))


MAJOR = (
    "operation removed",
    "required parameter added",
    "enum value of a parameter removed",
    "property renamed",
    "property's type changed",
    "404 removed",
    "operationId changed",
)
MINOR = ("optional parameter added", "operation added", "enum value added to a response", "property deprecated")
PATCH = ("description", "sentence of a rule", "link removed")


@pytest.mark.parametrize(
    ("edit", "lines", "kind", "too_low", "wanted"),
    [
        *((*BREAKS[name], "breaking", "1.9.9", "2.0.0") for name in MAJOR),
        *((*ADDITIONS[name], "addition", "1.0.9", "1.1.0") for name in MINOR),
        *((*WORDS[name], "words", "1.0.0", "1.0.1") for name in PATCH),
    ],
    ids=[*MAJOR, *MINOR, *PATCH],
)
def test_a_change_asks_for_a_version(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    release: Path,
    without_node: Lint,
    edit: Edit,
    lines: list[str],
    kind: str,
    too_low: str,
    wanted: str,
) -> None:
    monkeypatch.setattr(lint_contract, "undeclared", lambda _: [])  # an operation more or less is asked for its role
    left_out = "redocly left out: node is not installed"
    file = versioned(tmp_path, too_low, edit)
    asked = [f"info.version is {too_low}, and the last release 1.0.0; bump info.version to {wanted}"]
    asked += [f"{kind}: {line}" for line in lines]
    assert without_node("--contract", file, "--released", str(release)) == (
        1,
        [f"{file}: {line}" for line in (*asked, left_out)],
    )
    file = versioned(tmp_path, wanted, edit)
    clean = "valid OpenAPI, of a version that says what has changed"
    assert without_node("--contract", file, "--released", str(release)) == (
        0,
        [f"{file}: {left_out}", f"{file}: {clean}"],
    )


def test_a_version_below_the_release_is_refused(tmp_path: Path, release: Path, without_node: Lint) -> None:
    file = versioned(tmp_path, "0.9.0")
    code, lines = without_node("--contract", file, "--released", str(release))
    assert code == 1
    assert lines[0] == f"{file}: info.version is 0.9.0, and the last release 1.0.0; bump info.version to 1.0.0"


@pytest.mark.parametrize("version", ["1.1", "v2.0.0", "2.0.0-rc.1", ""])
def test_a_version_of_another_form_is_one_line(tmp_path: Path, without_node: Lint, version: str) -> None:
    file = versioned(tmp_path, version)
    expected = [f"{file}: info.version is '{version}'; write three numbers, as in 1.2.3"]
    assert without_node("--contract", file) == (2, expected)


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (
            lambda c: c["components"]["schemas"].pop("Identifier"),
            "$ref: #/components/schemas/Identifier leads nowhere in this file",
        ),
        (
            lambda c: c["components"].pop("headers"),
            "$ref: #/components/headers/WWWAuthenticate leads nowhere in this file",
        ),
        (
            lambda c: parameter(c, "Page").update(schema={"$ref": "other.yaml#/Page"}),
            "$ref: other.yaml#/Page leads nowhere in this file",
        ),
        (
            lambda c: c["components"]["parameters"].update(Page=None),
            'components.parameters.Page: null is not of type "object"',
        ),
        (lambda c: c.update(info=None), 'info: null is not of type "object"'),
        (lambda c: c.update(components=3), 'components: 3 is not of type "object"'),
        (
            lambda c: c["components"]["schemas"].update(Loop={"$ref": "#/components/schemas/Loop"}),
            "$ref: #/components/schemas/Loop leads nowhere in this file",
        ),
    ],
    ids=["reference", "header", "file", "nothing", "info", "components", "loop"],
)
def test_what_the_validator_cannot_read_is_one_line(tmp_path: Path, without_node: Lint, edit: Edit, line: str) -> None:
    file = written(tmp_path, json.dumps(changed(edit)))
    assert without_node("--released", file) == (2, [f"{file}: is not OpenAPI: {line}"])
    code, lines = without_node("--contract", file)
    assert (code, lines[0]) == (1, f"{file}: invalid: {line}")


def test_the_changes_are_a_page(tmp_path: Path, release: Path) -> None:
    edits = [BREAKS["property removed"][0], ADDITIONS["operation added"][0], WORDS["title"][0]]
    code, lines = command("--changes", "--contract", versioned(tmp_path, "2.0.0", *edits), "--released", str(release))
    assert code == 0
    assert "\n".join(lines).partition("## ")[2] == (
        "Breaking changes\n\n- `schema ProductImage`: property 'hash' removed\n\n"
        f"## Additions\n\n- `contract`: operation GET {P}deletes/ added\n\n"
        "## Words\n\n- `info.title`: changed"
    )


def test_the_command_names_what_is_not_openapi(tmp_path: Path) -> None:
    contract = copy.deepcopy(RELEASED)
    parameter(contract, "Limit")["in"] = "nowhere"
    file = written(tmp_path, yaml.safe_dump(contract, sort_keys=False))
    code, lines = command("--contract", file, path=str(tmp_path))
    assert code == 1
    assert lines[0].startswith(f"{file}: invalid: components.parameters.Limit")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("openapi: 3.1.1\ninfo: : {\n", ":2: is not YAML: mapping values are not allowed here"),
        ("openapi: 3.1.1\ninfo: {}\ninfo: {}\n", ":3: is not YAML: the key 'info' stands here twice"),
        (
            "openapi: 3.1.1\ninfo: \x07\n",
            ": is not YAML: unacceptable character #x0007: special characters are not allowed",
        ),
        ("just words\n", ": is not an OpenAPI document"),
        ("", ": is not an OpenAPI document"),
    ],
    ids=["syntax", "twice", "control character", "text", "empty"],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    file = written(tmp_path, text)
    assert command("--contract", file) == (2, [file + line])


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    file = str(tmp_path / "none.yaml")
    assert command("--released", file) == (2, [f"{file}: cannot be read: No such file or directory"])


def test_an_unknown_option_is_refused() -> None:
    assert command("--nonsense")[0] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
def test_npm_that_fails_is_one_line(tmp_path: Path) -> None:
    """As without a network, on a fresh clone."""
    codegen, tools = tmp_path / "overrides" / "codegen", tmp_path / "tools"
    codegen.mkdir(parents=True)
    tools.mkdir()
    for name in (
        "lint_contract.py",
        "contract_changes.py",
        "package.json",
        "package-lock.json",
        ".npmrc",
        "redocly.yaml",
    ):
        shutil.copy(SCRIPT.parent / name, codegen)
    for name, does in {"node": "echo v22.12.0", "npm": "echo 'npm error no network' >&2; exit 1"}.items():
        (tools / name).write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    files = ["--contract", str(ROOT / "openapi.yaml"), "--released", str(ROOT / "openapi.yaml")]
    for options, exit_code in (([], 0), (["--require-node"], 2)):
        code, lines = command(*files, *options, script=codegen / "lint_contract.py", path=str(tools))
        assert code == exit_code
        assert lines[0].endswith("redocly left out: npm ci failed: npm error no network")


@pytest.fixture(scope="module")
def redocly() -> None:
    try:
        lint_contract.install()
    except lint_contract.UnavailableError as reason:
        pytest.skip(f"redocly can't be run: {reason}")


@pytest.mark.usefixtures("redocly")
def test_redocly_finds_nothing() -> None:
    assert lint_contract.slips(ROOT / "openapi.yaml") == []


@pytest.mark.usefixtures("redocly")
@pytest.mark.parametrize(
    ("edits", "version", "lines"),
    [
        ([edit for edit, _ in ADDITIONS.values()], "1.1.0", []),
        ([edit for edit, _ in WORDS.values()], "1.0.1", []),
        (
            [BREAKS["property removed"][0]],
            "1.1.0",
            ["redocly: info.version is too low for a major change: Property `hash` of `ProductImage` was removed."],
        ),
    ],
    ids=["additions", "words", "break"],
)
def test_redocly_asks_for_no_other_version(
    tmp_path: Path, release: Path, edits: list[Edit], version: str, lines: list[str]
) -> None:
    assert lint_contract.doubts(Path(versioned(tmp_path, version, *edits)), release) == lines


@pytest.mark.usefixtures("redocly")
def test_what_the_score_lacks_has_its_reason(tmp_path: Path) -> None:
    file = lint_contract.bundle(ROOT / "openapi.yaml", tmp_path / "openapi.json")
    _, found = lint_contract.redocly("score", file, "--format", "json")
    lacking = {name for name, score in found["subscores"].items() if score < 1}
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == lacking
    assert f"{found['agentReadiness']:g} of 100" in text


@pytest.mark.usefixtures("redocly")
def test_redocly_finds_each_slip(tmp_path: Path) -> None:
    slips: dict[str, Edit] = {
        "rule/array-parameters-are-comma-separated": lambda c: parameter(c, "IdIn").update(explode=True),
        "array-parameter-serialization": lambda c: parameter(c, "ProductPkIn").pop("explode"),
        "parameter-description": lambda c: parameter(c, "Page").pop("description"),
        "response-contains-header": lambda c: c["components"]["responses"]["TooManyRequests"].pop("headers"),
        "no-unused-components": lambda c: c["components"]["schemas"].update(Other={"type": "string"}),
    }
    found = lint_contract.slips(Path(versioned(tmp_path, "1.0.0", *slips.values())))
    assert {line.rpartition("(")[2].removesuffix(")") for line in found} == slips.keys()
    # The headers that are taken away are used no longer, either.
    assert any("/schemas/Other:" in line for line in found)


def test_the_lock_names_no_host() -> None:
    """It installs from whichever registry the machine uses."""
    for name in ("package-lock.json", ".npmrc", "package.json"):
        assert "://" not in (SCRIPT.parent / name).read_text(encoding="utf-8")
