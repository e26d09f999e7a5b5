"""`make generate`: the committed package is what the contract and the templates give, anywhere, and nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.warm import Warm

from tests.generated.contracts import contract, package, refusal

ROOT = Path(__file__).parents[2]
SCRIPT = "overrides/codegen/generate.py"
PACKAGE = "generated/channel_images_api"


def generate(checkout: Path, *options: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, checkout / SCRIPT, *options],
        cwd=cwd or checkout,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


Generate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def quickly(warm: Warm) -> Generate:
    """The same in a process that is a fork, which saves a start of Python."""

    def quickly(checkout: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(options, *warm.run(str(checkout / SCRIPT), options, os.environ, checkout))

    return quickly


def files(package: Path) -> dict[str, bytes]:
    return {
        path.relative_to(package).as_posix(): path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_committed_package_is_up_to_date() -> None:
    result = generate(ROOT, "--check")
    assert (result.returncode, result.stderr) == (0, "")


def test_check_names_each_file_that_drifted_and_changes_none(quickly: Generate, checkout: Path) -> None:
    package = checkout / PACKAGE
    with (package / "client.py").open("a") as file:
        file.write("# edited\n")
    (package / "models" / "left_over.py").touch()
    (package / "py.typed").unlink()
    before = files(package)
    result = quickly(checkout, "--check")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        f"{PACKAGE}/client.py: changed",
        f"{PACKAGE}/models/left_over.py: stale",
        f"{PACKAGE}/py.typed: missing",
        "run `make generate`",
    ]
    assert files(package) == before


def test_check_without_a_package_names_its_files(quickly: Generate, checkout: Path) -> None:
    (checkout / "generated").rename(checkout / "elsewhere")
    result = quickly(checkout, "--check")
    assert result.returncode == 1
    assert f"{PACKAGE}/__init__.py: missing" in result.stderr
    assert not (checkout / "generated").exists()


def test_byte_identical_from_any_folder_and_environment(checkout: Path, tmp_path: Path) -> None:
    # A surrounding ruff configuration, an ignore file, the order of sets, the locale: nothing of it may show.
    (tmp_path / "ruff.toml").write_text("line-length = 60\n[format]\nquote-style = 'single'\n")
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / ".git").mkdir()
    committed = files(ROOT / PACKAGE)
    for seed, cwd in (("1", tmp_path), ("2", checkout / "generated")):
        result = generate(checkout, cwd=cwd, PYTHONHASHSEED=seed, TMPDIR=str(tmp_path), LC_ALL="C", PATH="")
        assert (result.returncode, result.stderr) == (0, "")
        assert files(checkout / PACKAGE) == committed
    assert [path.name for path in (checkout / "generated").iterdir()] == ["channel_images_api"]


def test_no_stale_file_survives(quickly: Generate, checkout: Path) -> None:
    for name in ("stale.py", "models/stale.py", "api/old_tag/stale.py"):
        (checkout / PACKAGE / name).parent.mkdir(exist_ok=True)
        (checkout / PACKAGE / name).touch()
    assert quickly(checkout).returncode == 0
    assert files(checkout / PACKAGE) == files(ROOT / PACKAGE)


def test_a_field_added_to_the_contract_appears(quickly: Generate, checkout: Path) -> None:
    contract = checkout / "openapi.yaml"
    text = contract.read_text()
    assert text.count("        pk:\n") == 1
    contract.write_text(text.replace("        pk:\n", "        caption:\n          type: string\n        pk:\n"))
    assert quickly(checkout).returncode == 0
    assert "    caption: str | Unset = UNSET\n" in (checkout / PACKAGE / "models/product_image.py").read_text()


DECODE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from channel_images_api import decoding, models
body = {"row": 1, "model": "a", "rows": [{"pk": 1, "kind": 9}, {}], "zip": "2022-11-25T12:06:42Z", "list": None, "x": 2}
for _ in range(2):
    page = models.ProductImagePage.from_json(json.dumps(body).encode())
    assert page == models.ProductImagePage.from_dict(body), page
    assert type(page.rows[0].kind) is models.ProductType
assert decoding._decode_fast(models.ProductImagePage, json.dumps(body).encode(), many=False)
for detail in ({"detail": "no", "tags": ["a"]}, {"detail": "no", "errors": [{"a": ["b"]}]}):
    assert models.ErrorDetail.from_json(json.dumps(detail).encode()) == models.ErrorDetail.from_dict(detail)
try:
    models.ProductImagePage.from_json(b'{"row": null}')
except Exception as error:
    assert error.path == "row", error
"""


def test_models_of_another_contract_are_decoded_from_bytes(quickly: Generate, checkout: Path) -> None:
    # Names as the generated code has for itself, a required field, an integer enum, another list of models; and lists to
    # which there is no fast way.
    fields = [
        ("row", "type: integer"),
        ("model", "type: string"),
        ("zip", "type: string, format: date-time"),
        ("list", "type: boolean"),
        ("rows", "type: array, items: {$ref: '#/components/schemas/ProductImage'}"),
    ]
    added = "".join(f"        {name}: {{{schema}}}\n" for name, schema in fields)
    in_contract("        count:\n", f"{added}        count:\n")(checkout)
    in_contract("    ProductImagePage:\n", "    ProductImagePage:\n      required: [row]\n")(checkout)
    in_contract("        pk:\n", "        kind:\n          $ref: '#/components/schemas/ProductType'\n        pk:\n")(
        checkout
    )
    lists = "        tags: {type: array, items: {type: string}}\n"
    lists += "        errors: {type: array, items: {$ref: '#/components/schemas/FieldErrors'}}\n"
    in_contract("        detail:\n", f"{lists}        detail:\n")(checkout)
    result = quickly(checkout)
    assert (result.returncode, result.stderr) == (0, "")
    done = subprocess.run(
        [sys.executable, "-c", DECODE, checkout / "generated"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def in_contract(old: str, new: str) -> Callable[[Path], None]:
    return in_file("openapi.yaml", old, new)


def in_file(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(checkout: Path) -> None:
        path = checkout / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(in_file("pyproject.toml", '"ruff==', '"ruff==9'), "ruff 9", id="another ruff"),
        pytest.param(
            in_file("pyproject.toml", '"openapi-python-client==', '"openapi-python-client==9'),
            "openapi-python-client 9",
            id="another generator",
        ),
        pytest.param(lambda checkout: (checkout / "openapi.yaml").unlink(), "openapi.yaml", id="no contract"),
        pytest.param(in_contract("openapi: 3", "openapi: [3"), "ParserError", id="not YAML"),
        pytest.param(in_contract("openapi: 3", "openapi: 2"), "Failed to parse", id="not OpenAPI 3"),
        pytest.param(in_contract("'200':", "'2OO':"), "2OO", id="a warning of the generator"),
        pytest.param(
            in_contract("          type: [integer, 'null']", "          type: [integer, string]"),
            "schema ProductImage, property height: no template for the types integer, string",
            id="a type that the templates lack",
        ),
        pytest.param(in_contract("'200':", "'2XX':"), "no template for the response 2XX", id="a range of statuses"),
        pytest.param(
            in_contract("      in: query", "      in: header"), "no template for a parameter in header", id="a header"
        ),
        pytest.param(
            in_file("overrides/codegen/generator.yaml", "ruff check", "ruff chekc"), "ruff failed", id="a hook"
        ),
        pytest.param(
            in_file("overrides/codegen/templates/model.py.jinja", "{% for", "{% fro"),
            "TemplateSyntaxError",
            id="a template",
        ),
    ],
)
def test_what_cannot_be_generated_right_is_one_line_and_exit_2(quickly: Generate, checkout: Path, change: Callable[[Path], None], reason: str
) -> None:
    change(checkout)
    before = files(checkout / PACKAGE)
    result = quickly(checkout)
    assert result.returncode == 2, result.stderr
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert files(checkout / PACKAGE) == before


def test_every_file_says_how_it_is_made() -> None:
    for name, content in files(ROOT / PACKAGE).items():
        if name != "py.typed":
            assert content.startswith(b"# Generated from openapi.yaml by `make generate`"), name
        assert b"\r" not in content, name
        assert b" object at 0x" not in content, name  # a value that a template did not unwrap


def test_passes_mypy_strict(tmp_path: Path) -> None:
    result = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", ROOT / "pyproject.toml"),
            *("--cache-dir", tmp_path, ROOT / PACKAGE),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_has_no_unused_import_or_name() -> None:
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F"]
    result = subprocess.run([*ruff, ROOT / PACKAGE], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


# --- Other contracts ---------------------------------------------------------------------------------------------------


def other(folder: Path, document: dict[str, Any] | None = None) -> tuple[str, ...]:
    """The options for another contract, whose package goes into a folder that is not there yet."""
    source = folder / "stocks.json"
    source.write_text(json.dumps(contract({"stock": {"type": "number"}}) if document is None else document))
    return "--contract", str(source), "--package", str(folder / "new" / "stocks_api")


USE = """
import sys
sys.path.insert(0, sys.argv[1])
from stocks_api.models import RowPage
print(RowPage.from_json(b'{"results": [{"pk": 1, "stock": 1.5}]}').results[0].stock)
"""


def test_the_package_of_another_contract_is_written_and_checked(quickly: Generate, tmp_path: Path) -> None:
    options = other(tmp_path)
    package = tmp_path / "new" / "stocks_api"
    result = quickly(ROOT, *options, "--check")
    assert (result.returncode, result.stderr.splitlines()[0]) == (1, f"{package}/__init__.py: missing")
    result = quickly(ROOT, *options)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "stocks.json"]
    assert quickly(ROOT, *options, "--check").returncode == 0
    done = subprocess.run(
        [sys.executable, "-c", USE, package.parent], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("1.5\n", "")
    for content in files(package).values():
        assert content.startswith(b"# Generated from stocks.json by ") or not content
    other(tmp_path, contract({"stock": {"type": "integer"}}))
    result = quickly(ROOT, *options, "--check")
    assert (result.returncode, result.stderr) == (1, f"{package}/models/row.py: changed\nrun overrides/codegen/generate.py\n")
    assert quickly(ROOT, *options).returncode == 0
    assert quickly(ROOT, *options, "--check").returncode == 0


@pytest.mark.parametrize("checks", [(), ("--check",)])
@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "the contract: not an object"),
        (contract({"it": {"type": "null"}}), "schema Row, property it: no template for the types null"),
        ({**contract(), "components": {}}, "there is no #/components/schemas/RowPage"),
    ],
    ids=["a list", "a type", "no schemas"],
)
def test_a_contract_that_is_refused_leaves_nothing_behind(quickly: Generate, tmp_path: Path, document: Any, reason: str, checks: tuple[str, ...]
) -> None:
    result = quickly(ROOT, *other(tmp_path, document), *checks)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("generate: ")
    assert reason in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["stocks.json"]


@pytest.mark.parametrize("name", ["not-a-name", "class", "2x"])
def test_a_folder_that_no_package_can_be_imported_from_is_refused(quickly: Generate, tmp_path: Path, name: str) -> None:
    result = quickly(ROOT, *other(tmp_path)[:2], "--package", str(tmp_path / name))
    assert result.returncode == 2
    assert result.stderr == (
        f"generate: {tmp_path / name}: no package can be imported as {name!r}; name another folder\n"
    )


def test_a_folder_with_something_else_in_it_is_left_alone(quickly: Generate, tmp_path: Path) -> None:
    package = tmp_path / "new" / "stocks_api"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("# by hand\n")
    result = quickly(ROOT, *other(tmp_path))
    assert result.returncode == 2
    assert result.stderr == f"generate: {package}: it holds something that was not generated; name another folder\n"
    assert files(package) == {"__init__.py": b"# by hand\n"}


@pytest.mark.parametrize(
    ("scheme", "header", "value"),
    [
        ({"Token": {"type": "apiKey", "in": "header", "name": "Authorization"}}, "authorization", "Token abc"),
        ({"Key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"}}, "x-api-key", "abc"),
    ],
)
def test_a_client_signs_as_its_contract_says(
    server: Any, scheme: dict[str, Any], header: str, value: str
) -> None:
    document = contract()
    document["components"]["securitySchemes"] = scheme
    server.body = b'{"results": []}'
    with package(document) as load:
        with load("client").AuthenticatedClient(base_url=server.url, token="abc", verify_ssl=False) as client:
            load("api.default.list_rows").sync(client=client)
    assert server.received[-1][header] == value


@pytest.mark.parametrize(
    ("schemes", "line"),
    [
        ({}, "components.securitySchemes: no template for 0 schemes; one is used"),
        (
            {"Basic": {"type": "http", "scheme": "basic"}},
            "security scheme Basic: no template for other than an API key in a header",
        ),
    ],
)
def test_a_way_to_sign_that_the_templates_lack_is_refused(schemes: dict[str, Any], line: str) -> None:
    document = contract()
    document["components"]["securitySchemes"] = schemes
    assert refusal(document) == line
