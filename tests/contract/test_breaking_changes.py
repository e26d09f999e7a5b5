"""lint_contract.py: what breaks a client of the last release is named in one line, what doesn't is let through."""

from __future__ import annotations

import copy
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "overrides" / "codegen" / "lint_contract.py"
RELEASED = yaml.safe_load((Path(__file__).parent / "released" / "openapi.yaml").read_text(encoding="utf-8"))

P = "/api/v1/channel/{channel_id}/product_images/"
LIST, ONE = f"GET {P}", f"GET {P}{{id}}/"

Node = dict[str, Any]
Edit = Callable[[Node], object]


@pytest.fixture(scope="module")
def lint() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lint_contract", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def get(contract: Node, suffix: str = "") -> Node:
    return contract["paths"][P + suffix]["get"]  # type: ignore[no-any-return] # YAML has no types


def parameter(contract: Node, name: str) -> Node:
    return contract["components"]["parameters"][name]  # type: ignore[no-any-return] # as above


def schema(contract: Node, name: str) -> Node:
    return contract["components"]["schemas"][name]  # type: ignore[no-any-return] # as above


def field(contract: Node, name: str) -> Node:
    return schema(contract, "ProductImage")["properties"][name]  # type: ignore[no-any-return] # as above


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
    "operation removed": (lambda c: c["paths"].pop(f"{P}updates/"), [f"GET {P}updates/: operation removed"]),
    "path renamed": (rename_path, [f"GET {P}inserts/: operation removed"]),
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
        [f"GET {P}detailed/: required query parameter 'locale' added"],
    ),
    "parameter's type changed": (
        lambda c: parameter(c, "IsSellerProduct")["schema"].update(type="string"),
        [f"{LIST}: query parameter 'is_seller_product': type changed from boolean to string"],
    ),
    "parameter's minimum raised": (
        lambda c: parameter(c, "Limit")["schema"].update(minimum=5),
        [f"{LIST}: query parameter 'limit': minimum raised from 1 to 5 (and in 4 more operations)"],
    ),
    "parameter's maximum lowered": (
        lambda c: parameter(c, "Page")["schema"].update(maximum=1000),
        [
            (
                f"{LIST}: query parameter 'page': maximum lowered from 9223372036854775807 to 1000"
                " (and in 4 more operations)"
            )
        ],
    ),
    "parameter's new bound": (
        lambda c: parameter(c, "IdIn")["schema"].update(maxItems=100),
        [f"{LIST}: query parameter 'id__in': maxItems 100 added"],
    ),
    "parameter's default changed": (
        lambda c: parameter(c, "Limit")["schema"].update(default=20),
        [f"{LIST}: query parameter 'limit': default changed from 10 to 20 (and in 4 more operations)"],
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
        ],
    ),
    "schema renamed": (
        rename_schema,
        ["schema ProductImageSource: removed or renamed; generated clients import it by name"],
    ),
    "200 removed": (lambda c: get(c, "{id}/")["responses"].pop("200"), [f"{ONE}: response 200 removed"]),
    "404 removed": (lambda c: get(c, "{id}/")["responses"].pop("404"), [f"{ONE}: response 404 removed"]),
    "header removed": (
        lambda c: c["components"]["responses"]["TooManyRequests"].pop("headers"),
        [f"{LIST}: response 429: header Retry-After removed (and in 6 more operations)"],
    ),
    "content type changed": (
        rename_content,
        [f"{ONE}: response 200: content type application/json removed (and in 1 more operation)"],
    ),
    "security scheme changed": (
        lambda c: c["components"]["securitySchemes"]["Token"].update(name="X-Token"),
        [f"{LIST}: definition of security scheme Token changed (and in 6 more operations)"],
    ),
    "security scheme added to an operation": (
        lambda c: get(c, "{id}/").update(security=[{"Token": [], "Session": []}]),
        [f"{ONE}: security changed from Token to Token, Session"],
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

HARMLESS: dict[str, Edit] = {
    "optional parameter added": add_parameter(required=False),
    "property added": lambda c: schema(c, "ProductImage")["properties"].update(alt={"type": ["string", "null"]}),
    "operation added": lambda c: c["paths"].update({f"{P}deletes/": {"get": {**get(c), "operationId": "other"}}}),
    "description changed": lambda c: field(c, "hash").update(description="In other words."),
    "enum value added to a response": lambda c: schema(c, "ProductImageSource")["enum"].append("imported"),
    "enum value added to a parameter": lambda c: (
        schema(c, "ProductType")["enum"].append(6),
        schema(c, "ProductType")["x-enum-varnames"].append("SET"),
    ),
    "parameter's bound widened": lambda c: parameter(c, "Limit")["schema"].update(minimum=0),
    "property no longer nullable": lambda c: field(c, "hash").update(type="string"),
    "property's bound narrowed": lambda c: field(c, "width").update(minimum=1),
    "response added": lambda c: get(c)["responses"].update({"503": {"description": "Busy."}}),
    "another way to be let in": lambda c: get(c).update(security=[{"Token": []}, {"Session": []}]),
    "parameter written out in place": lambda c: get(c)["parameters"].__setitem__(0, parameter(c, "Page")),
}


@pytest.mark.parametrize(("edit", "lines"), BREAKS.values(), ids=BREAKS)
def test_a_break_is_named(lint: ModuleType, edit: Edit, lines: list[str]) -> None:
    contract = copy.deepcopy(RELEASED)
    edit(contract)
    assert lint.breaking_changes(RELEASED, contract) == lines


@pytest.mark.parametrize("edit", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_change_is_let_through(lint: ModuleType, edit: Edit) -> None:
    contract = copy.deepcopy(RELEASED)
    edit(contract)
    assert contract != RELEASED
    assert lint.breaking_changes(RELEASED, contract) == []


def test_an_enum_that_is_not_open_may_not_grow_in_a_response(lint: ModuleType) -> None:
    released, contract = copy.deepcopy(RELEASED), copy.deepcopy(RELEASED)
    del schema(released, "ProductImageSource")["x-open-enum"]
    schema(contract, "ProductImageSource")["enum"].append("imported")
    assert lint.breaking_changes(released, contract) == [
        "schema ProductImageSource: enum value imported added to an enum that was not open"
    ]


def test_a_schema_that_contains_itself_ends(lint: ModuleType) -> None:
    released = copy.deepcopy(RELEASED)
    schema(released, "ErrorDetail")["properties"]["cause"] = {"$ref": "#/components/schemas/ErrorDetail"}
    assert lint.breaking_changes(released, copy.deepcopy(released)) == []


# --- The command ------------------------------------------------------------------------------------------------------


def command(*arguments: str, script: Path = SCRIPT, path: str | None = None) -> tuple[int, list[str]]:
    env = os.environ if path is None else {**os.environ, "PATH": path}
    result = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, env=env, timeout=120, check=False
    )
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout.splitlines()


def written(folder: Path, text: str) -> str:
    file = folder / "changed.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_the_contract_is_clean_without_node(tmp_path: Path) -> None:
    assert command(path=str(tmp_path)) == (
        0,
        [
            "openapi.yaml: redocly left out: node is not installed",
            "openapi.yaml: valid OpenAPI, nothing broken since the last release",
        ],
    )


def test_node_can_be_required(tmp_path: Path) -> None:
    code, lines = command("--require-node", path=str(tmp_path))
    assert (code, lines) == (2, ["openapi.yaml: redocly left out: node is not installed"])


def test_the_command_names_a_break(tmp_path: Path) -> None:
    contract = copy.deepcopy(RELEASED)
    get(contract)["parameters"].pop(1)
    file = written(tmp_path, yaml.safe_dump(contract, sort_keys=False))
    code, lines = command("--contract", file, path=str(tmp_path))
    assert code == 1
    assert lines[0] == f"{file}: breaking: {LIST}: query parameter 'limit' removed"


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
    for name in ("lint_contract.py", "package.json", "package-lock.json", ".npmrc", "redocly.yaml"):
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
def redocly(lint: ModuleType) -> Callable[[Path], list[str]]:
    try:
        lint.install()
    except lint.UnavailableError as reason:
        pytest.skip(f"redocly can't be run: {reason}")
    return lint.redocly  # type: ignore[no-any-return] # the script is loaded by its path


def test_redocly_finds_nothing(redocly: Callable[[Path], list[str]]) -> None:
    assert redocly(ROOT / "openapi.yaml") == []


@pytest.mark.parametrize(
    ("edit", "rule"),
    [
        (lambda c: parameter(c, "IdIn").update(explode=True), "rule/array-parameters-are-comma-separated"),
        (lambda c: parameter(c, "IdIn").pop("explode"), "array-parameter-serialization"),
        (lambda c: parameter(c, "Page").pop("description"), "parameter-description"),
        (lambda c: c["components"]["responses"]["TooManyRequests"].pop("headers"), "response-contains-header"),
        (lambda c: c["components"]["schemas"].update(Other={"type": "string"}), "no-unused-components"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_redocly_finds_a_slip(redocly: Callable[[Path], list[str]], tmp_path: Path, edit: Edit, rule: str) -> None:
    contract = copy.deepcopy(RELEASED)
    edit(contract)
    file = written(tmp_path, yaml.safe_dump(contract, sort_keys=False))
    assert any(line.endswith(f"({rule})") for line in redocly(Path(file)))


def test_the_lock_names_no_host() -> None:
    """It installs from whichever registry the machine uses."""
    for name in ("package-lock.json", ".npmrc", "package.json"):
        assert "://" not in (SCRIPT.parent / name).read_text(encoding="utf-8")
