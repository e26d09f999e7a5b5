"""Contracts for the generator, and the packages that it makes of them, imported in this process."""

import importlib
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import generate
import openapi_python_client
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from subset import GenerationError

Node = dict[str, Any]

_numbers = itertools.count()


class _Compiled(BytecodeCache):
    """Templates are compiled once for a run: the generator makes an environment of its own for each contract."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


openapi_python_client.Environment = partial(Environment, bytecode_cache=_Compiled())  # type: ignore[assignment,attr-defined]


def contract(
    properties: Mapping[str, Any] | None = None,
    *,
    required: list[str] | None = None,
    schemas: Mapping[str, Any] | None = None,
    parameters: list[Node] | None = None,
    path: str = "/rows/",
) -> Node:
    """A contract of one list of rows, with these properties and these parameters."""
    row = {"type": "object", "properties": {"pk": {"type": "integer"}, **(properties or {})}, "required": required or []}
    page = {"type": "object", "properties": {"results": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}}}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/RowPage"}}}, "description": "x"}
    operation = {"operationId": "listRows", "parameters": parameters or [], "responses": {"200": body}}
    return {
        "openapi": "3.1.1",
        "info": {"title": "Rows", "version": "1.0.0"},
        "paths": {path: {"get": operation}},
        "components": {
            "securitySchemes": {"Token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
            "schemas": {"Row": row, "RowPage": page, **(schemas or {})},
        },
    }


def refusal(document: Node) -> str:
    """The line with which the generator refuses a contract; empty where it takes it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            generate.render(document, Path(folder) / "package", banner="# By a test.", formatted=False)
        except GenerationError as error:
            assert len(str(error).splitlines()) == 1, error
            return str(error)
    return ""


@contextmanager
def package(document: Node) -> Iterator[Any]:
    """A function that imports a module of the package of a contract."""
    name = f"generated_{next(_numbers)}"
    with tempfile.TemporaryDirectory() as folder:
        generate.render(document, Path(folder) / name, banner="# By a test.", formatted=False)
        sys.path.insert(0, folder)
        importlib.invalidate_caches()
        bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # nobody imports it again
        try:
            yield lambda module: importlib.import_module(f"{name}.{module}")
        finally:
            sys.dont_write_bytecode = bytecode
            sys.path.remove(folder)
            for module in [each for each in sys.modules if each.partition(".")[0] == name]:
                del sys.modules[module]


def exact(value: Any) -> Any:
    """A form in which equal means the same types, too, and in which 1 is not True."""
    if attrs.has(type(value)):
        return type(value).__name__, {each.name: exact(getattr(value, each.name)) for each in attrs.fields(type(value))}
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    return type(value).__name__, None if type(value).__name__ == "Unset" else repr(value)


def decodings(load: Any, model: Any, row: Node) -> list[Any]:
    """What each way of decoding makes of a row: by itself, in an array, in a page; before and after names were learned.

    Errors are given as path and expectation, without what leads to the row.
    """
    malformed = load("errors").MalformedBody
    page = load("models").RowPage
    one, many = json.dumps(row).encode(), json.dumps([row, row]).encode()
    in_page = json.dumps({"results": [row, row]}).encode()

    def outcome(decode: Any, body: Any, prefix: str) -> Any:
        try:
            decoded = decode(body)
        except malformed as error:
            assert error.path.startswith(prefix), error.path
            path = error.path.removeprefix(prefix)
            return path.removeprefix(".") if prefix else path, error.expected  # a field may be called "."
        if prefix:
            decoded = (decoded.results if attrs.has(type(decoded)) else decoded)[1]
        return exact(decoded), exact(decoded.to_dict())

    outcomes = [outcome(model.from_dict, row, "")]
    for _ in range(2):
        outcomes += [outcome(model.from_json, one, ""), outcome(model.list_from_json, many, "[0]")]
        if model is load("models").Row:
            outcomes.append(outcome(page.from_json, in_page, "results[0]"))
    return outcomes
