"""Lints openapi.yaml: valid OpenAPI 3.1, nothing broken since the last release, clean under redocly.

    python overrides/codegen/lint_contract.py [--require-node] [--contract FILE] [--released FILE]

One line a problem. Exits 0 when there is none, 1 when there are, 2 when it could not be judged. redocly needs Node;
without it, a line says that it was left out (with --require-node that is exit 2).

tests/contract/released/openapi.yaml is the contract of the last release. It is replaced when a release is made, and
with a break that is meant: then in the same commit, so that whoever reviews it sees both.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from channel_images.resource import EXTENSIBLE, Undeclared, declared

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NODE_NEEDED = (20, 19)

Node = dict[str, Any]


class UnreadableError(Exception):
    """A file that cannot be judged, in one line."""


class UnavailableError(Exception):
    """Why redocly cannot be run here, in one line."""


# --- What breaks a client ---------------------------------------------------------------------------------------------
#
# One principle for schemas: what a client sends (SENT) may only be widened, what it reads (READ) may only be narrowed.
# Beyond the wire, the names that generated clients are made of (operationId, tag, schemas, enum members) stay.

SENT, READ = "sent", "read"

# Bounds, with the direction in which a new value narrows.
BOUNDS = {
    "minimum": "raised",
    "exclusiveMinimum": "raised",
    "minLength": "raised",
    "minItems": "raised",
    "minProperties": "raised",
    "maximum": "lowered",
    "exclusiveMaximum": "lowered",
    "maxLength": "lowered",
    "maxItems": "lowered",
    "maxProperties": "lowered",
}
OPPOSITE = {"raised": "lowered", "lowered": "raised"}
# Keywords that narrow by being there; another value is another set, which breaks either way.
RESTRICTIONS = ("format", "pattern", "const", "multipleOf", "uniqueItems")
# Beside a `$ref`, these say something about the place and leave the named schema as it is.
ANNOTATIONS = {"title", "summary", "description", "example", "examples", "readOnly", "writeOnly", "deprecated"}
METHODS = ("get", "head", "options", "post", "put", "patch", "delete", "trace")
ALL_TYPES = frozenset({"array", "boolean", "integer", "number", "object", "string"})
DEFAULT_STYLE = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}


class Change(NamedTuple):
    where: str
    what: str


class Shape(NamedTuple):
    """A schema with its references followed and its nullability set apart."""

    name: str | None
    nullable: bool
    schema: Node


def resolve(root: Node, node: Node) -> Node:
    while "$ref" in node:
        target: Any = root
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def shape(root: Node, schema: Node) -> Shape:
    name: str | None = None
    if "$ref" in schema:
        siblings = {key: value for key, value in schema.items() if key != "$ref"}
        if siblings.keys() <= ANNOTATIONS:
            name = schema["$ref"].rsplit("/", 1)[-1]
        schema = {**resolve(root, schema), **siblings}
    for keyword in ("anyOf", "oneOf"):
        members = schema.get(keyword, [])
        others = [member for member in members if member.get("type") != "null"]
        if len(others) == 1 and len(members) == 2:
            return shape(root, others[0])._replace(nullable=True)
    declared = schema.get("type")
    if isinstance(declared, list):
        rest = [one for one in declared if one != "null"]
        return Shape(name, "null" in declared, {**schema, "type": rest})
    return Shape(name, False, schema)


def types(schema: Node) -> frozenset[str]:
    declared = schema.get("type", ALL_TYPES)
    found = frozenset([declared] if isinstance(declared, str) else declared)
    return found | {"integer"} if "number" in found else found


def members(schema: Node) -> dict[Any, str]:
    """The values of an enum, each with the name that a generated client gives it."""
    values: list[Any] = schema.get("enum", [])
    names: list[Any] = schema.get("x-enum-varnames", values)
    return {value: str(name) for value, name in zip(values, names, strict=False)}


def parameters(root: Node, item: Node, operation: Node) -> dict[tuple[str, str], Node]:
    listed = [resolve(root, one) for one in (*item.get("parameters", []), *operation.get("parameters", []))]
    return {(one["in"], one["name"]): one for one in listed}


def serialisation(parameter: Node) -> tuple[str, bool]:
    style: str = parameter.get("style", DEFAULT_STYLE[parameter["in"]])
    return style, bool(parameter.get("explode", style == "form"))


def operations(root: Node) -> dict[str, tuple[Node, Node]]:
    found = {}
    for path, item in root.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                found[f"{method.upper()} {path}"] = (item, item[method])
    return found


def security(root: Node, operation: Node) -> list[Node]:
    """The ways to be let in, each with its schemes spelled out; none means that nothing is needed."""
    schemes = root.get("components", {}).get("securitySchemes", {})
    ways: list[Node] = (operation if "security" in operation else root).get("security") or []
    return [
        {
            name: ({k: v for k, v in schemes.get(name, {}).items() if k != "description"}, scopes)
            for name, scopes in way.items()
        }
        for way in ways
    ]


def listing(values: Any) -> str:
    return ", ".join(str(value) for value in values)


class Comparison:
    """One walk over two contracts; `changes` is what breaks the clients of the old one."""

    def __init__(self, old: Node, new: Node) -> None:
        self.old = old
        self.new = new
        self.changes: list[Change] = []
        # Schemas that many operations share are compared, and reported, once in each direction; ends recursion, too.
        self._seen: set[tuple[str | None, str | None, str]] = set()
        self._contract()

    def _report(self, where: str, *what: str) -> None:
        self.changes.append(Change(where, ": ".join(part for part in what if part)))

    def _contract(self) -> None:
        new_operations = operations(self.new)
        for where, old in operations(self.old).items():
            if where in new_operations:
                self._operation(where, old, new_operations[where])
            else:
                self._report(where, "operation removed")
        new_schemas = self.new.get("components", {}).get("schemas", {})
        for name, schema in self.old.get("components", {}).get("schemas", {}).items():
            # Only these become classes of a generated client.
            if name not in new_schemas and (schema.get("type") == "object" or "enum" in schema):
                self._report(f"schema {name}", "removed or renamed; generated clients import it by name")

    def _operation(self, where: str, old: tuple[Node, Node], new: tuple[Node, Node]) -> None:
        (old_item, old_operation), (new_item, new_operation) = old, new
        for key in ("operationId", "tags"):
            before, after = old_operation.get(key), new_operation.get(key)
            if before != after:
                self._report(where, f"{key} changed from {before} to {after}; generated clients are named after it")
        ways, new_ways = security(self.old, old_operation), security(self.new, new_operation)
        if new_ways and (not ways or any(way not in new_ways for way in ways)):
            before, after = (
                " or ".join(listing(way) or "none" for way in found) or "none" for found in (ways, new_ways)
            )
            changed = f"security changed from {before} to {after}"
            self._report(where, changed if before != after else f"definition of security scheme {before} changed")
        if new_operation.get("requestBody") and not old_operation.get("requestBody"):
            self._report(where, "request body added")
        self._parameters(
            where, parameters(self.old, old_item, old_operation), parameters(self.new, new_item, new_operation)
        )
        for status, response in old_operation.get("responses", {}).items():
            after = new_operation.get("responses", {}).get(status)
            if after is None:
                self._report(where, f"response {status} removed")
            else:
                self._response(where, f"response {status}", resolve(self.old, response), resolve(self.new, after))

    def _parameters(self, where: str, old: dict[tuple[str, str], Node], new: dict[tuple[str, str], Node]) -> None:
        for (place, name), before in old.items():
            label = f"{place} parameter '{name}'"
            after = new.get((place, name))
            if after is None:
                self._report(where, f"{label} removed")
                continue
            if after.get("required") and not before.get("required"):
                self._report(where, f"{label} became required")
            schema, new_schema = before.get("schema", {}), after.get("schema", {})
            if types(shape(self.old, schema).schema) & {"array", "object"}:
                for what, a, b in zip(("style", "explode"), serialisation(before), serialisation(after), strict=True):
                    if a != b:
                        self._report(where, label, f"{what} changed from {str(a).lower()} to {str(b).lower()}")
            self._schema(where, label, schema, new_schema, SENT)
        for (place, name), after in new.items():
            if (place, name) not in old and after.get("required"):
                self._report(where, f"required {place} parameter '{name}' added")

    def _response(self, where: str, label: str, old: Node, new: Node) -> None:
        headers = {name.lower(): header for name, header in new.get("headers", {}).items()}
        for name, header in old.get("headers", {}).items():
            if name.lower() not in headers:
                self._report(where, label, f"header {name} removed")
                continue
            before, after = resolve(self.old, header), resolve(self.new, headers[name.lower()])
            self._schema(where, f"{label}: header {name}", before.get("schema", {}), after.get("schema", {}), READ)
        for media, content in old.get("content", {}).items():
            if media not in new.get("content", {}):
                self._report(where, label, f"content type {media} removed")
                continue
            self._schema(where, label, content.get("schema", {}), new["content"][media].get("schema", {}), READ)

    def _schema(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        a, b = shape(self.old, old), shape(self.new, new)
        if direction == READ and b.nullable and not a.nullable:
            self._report(where, label, "became nullable")
        if direction == SENT and a.nullable and not b.nullable:
            self._report(where, label, "null is no longer accepted")
        if a.name or b.name:
            key = (a.name, b.name, direction)
            if key in self._seen:
                return
            self._seen.add(key)
            if a.name == b.name:
                where, label = f"schema {a.name}", ""
        for compare in (self._types, self._enums, self._keywords, self._properties, self._alternatives):
            compare(where, label, a.schema, b.schema, direction)

    def _types(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        before, after = types(old), types(new)
        if not (before <= after if direction == SENT else after <= before):
            names = [listing(sorted(found)) if found != ALL_TYPES else "any" for found in (before, after)]
            self._report(where, label, f"type changed from {names[0]} to {names[1]}")

    def _enums(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        before, after = members(old), members(new)
        if before and not after:
            self._report(where, label, "enum removed; generated clients import it")
            return
        if after and not before and direction == SENT:
            self._report(where, label, f"enum added, only {listing(after)} is accepted")
            return
        # From a response, too: programs name the member.
        gone = [value for value in before if value not in after]
        if gone:
            self._report(where, label, f"enum value {listing(gone)} removed")
        for value, name in before.items():
            if after.get(value, name) != name:
                self._report(where, label, f"enum value {value} renamed from {name} to {after[value]}")
        added = [value for value in after if before and value not in before]
        if added and direction == READ and EXTENSIBLE not in old and "x-open-enum" not in old:
            self._report(where, label, f"enum value {listing(added)} added to an enum that was not open")

    def _keywords(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        for keyword, narrows in BOUNDS.items():
            before, after = old.get(keyword), new.get(keyword)
            if before == after:
                continue
            if before is None or after is None:
                narrower, what = after is not None, f"{keyword} {before if after is None else after}"
                what += " removed" if after is None else " added"
            else:
                narrower = after > before if narrows == "raised" else after < before
                what = f"{keyword} {narrows if narrower else OPPOSITE[narrows]} from {before} to {after}"
            if narrower == (direction == SENT):
                self._report(where, label, what)
        for keyword in RESTRICTIONS:
            before, after = old.get(keyword), new.get(keyword)
            if before != after and (after if direction == SENT else before) is not None:
                self._report(where, label, f"{keyword} changed from {before} to {after}")
        if direction == SENT and "default" in old and new.get("default") != old["default"]:
            self._report(where, label, f"default changed from {old['default']} to {new.get('default')}")

    def _properties(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            if name in after:
                self._schema(
                    where, ": ".join(filter(None, (label, f"property '{name}'"))), schema, after[name], direction
                )
            else:
                self._report(where, label, f"property '{name}' removed")
        needed, new_needed = set(old.get("required", [])), set(new.get("required", []))
        for name in sorted(new_needed - needed if direction == SENT else needed - new_needed):
            self._report(
                where, label, f"property '{name}' {'became' if direction == SENT else 'is no longer'} required"
            )
        for keyword in ("items", "additionalProperties"):
            if isinstance(old.get(keyword), dict) and isinstance(new.get(keyword), dict):
                part = ": ".join(filter(None, (label, keyword)))
                self._schema(where, part, old[keyword], new[keyword], direction)
            elif isinstance(old.get(keyword), dict) and direction == READ:
                self._report(where, label, f"the schema of its {keyword} removed")

    def _alternatives(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        for keyword in ("anyOf", "oneOf", "allOf"):
            before, after = old.get(keyword, []), new.get(keyword, [])
            # More alternatives widen, more demands (allOf) narrow. Those of the same place are compared with each other.
            wider = len(after) < len(before) if keyword == "allOf" else len(after) > len(before)
            if len(before) != len(after) and wider == (direction == READ):
                self._report(where, label, f"{keyword} has {len(after)} members, not {len(before)}")
            for number, (a, b) in enumerate(zip(before, after, strict=False)):
                self._schema(where, ": ".join(filter(None, (label, f"{keyword} {number}"))), a, b, direction)


def breaking_changes(old: Node, new: Node) -> list[str]:
    """A line for each break; one that many operations share is said once."""
    places: dict[str, list[str]] = {}
    for change in Comparison(old, new).changes:
        places.setdefault(change.what, []).append(change.where)
    lines = []
    for what, where in places.items():
        others = len(where) - 1
        also = f" (and in {others} more operation{'s' if others > 1 else ''})" if others else ""
        lines.append(f"{where[0]}: {what}{also}")
    return lines


# --- Is it OpenAPI ----------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """PyYAML lets the last of two equal keys win, which hides a slip of the pen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key '{key.value}' stands here twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def shown(path: Path) -> str:
    """Short, and the same on every machine."""
    for base in (ROOT, Path.cwd()):
        if path.resolve().is_relative_to(base):
            return path.resolve().relative_to(base).as_posix()
    return str(path)


def load(path: Path) -> Node:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - it is a SafeLoader
    except OSError as error:
        raise UnreadableError(f"{shown(path)}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{shown(path)}: is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UnreadableError(f"{shown(path)}{line}: is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UnreadableError(f"{shown(path)}: is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(document, dict) or "openapi" not in document:
        raise UnreadableError(f"{shown(path)}: is not an OpenAPI document")
    return document


def invalid(contract: Node) -> Iterator[str]:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    if not str(contract["openapi"]).startswith("3.1."):
        yield f"openapi: {contract['openapi']} is not 3.1"
        return
    for error in OpenAPIV31SpecValidator(contract).iter_errors():
        # The message may hold the whole object.
        message = str(error.message).splitlines()[0]
        yield f"{'.'.join(str(step) for step in error.path) or '(root)'}: {message[:200]}"


def undeclared(contract: Node) -> list[str]:
    """What the extensions of docs/contract.md say wrongly, or leave out: the first that is found."""
    try:
        declared(contract)
    except Undeclared as error:
        return [f"undeclared: {error}"]
    return []


# --- redocly ----------------------------------------------------------------------------------------------------------


def run(command: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
    quiet = {
        "REDOCLY_TELEMETRY": "off",
        "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
        "REDOCLY_SUPPRESS_NOTIFICATIONS": "true",
    }
    try:
        return subprocess.run(  # noqa: S603 - our own commands, without a shell
            command, capture_output=True, text=True, timeout=timeout, cwd=ROOT, env={**os.environ, **quiet}, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{Path(command[0]).name} failed: {error}") from error


def install() -> list[str]:
    """The command that starts redocly; installs it where the lock file is newer than what is there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise UnavailableError(f"{'node' if node is None else 'npm'} is not installed")
    version = run([node, "--version"], 30).stdout.strip()
    number = re.match(r"v(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) < NODE_NEEDED:
        raise UnavailableError(f"node {version} is too old, {NODE_NEEDED[0]}.{NODE_NEEDED[1]} is needed")
    if not is_installed():
        install_packages(npm)
    return [node, str(HERE / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js")]


def is_installed() -> bool:
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime


def install_packages(npm: str) -> None:
    """Install in another folder, then put it in place: runs at the same time, such as those of tests, meet no half of it."""
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".node_modules-") as name:
        folder = Path(name)
        for file in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / file, folder)
        # Without a network, npm's own patience is over a minute.
        patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
        result = run([npm, "ci", "--prefix", name, "--ignore-scripts", *patience], 300)
        if result.returncode:
            said = [line for line in result.stderr.splitlines() if line.strip()]
            raise UnavailableError(f"npm ci failed: {said[0].strip() if said else 'it says nothing'}")
        with contextlib.suppress(OSError):  # there is nothing to replace, or another run was faster
            if not is_installed():
                (HERE / "node_modules").rename(folder / "replaced")
        with contextlib.suppress(OSError):
            (folder / "node_modules").rename(HERE / "node_modules")


def redocly(contract: Path) -> list[str]:
    config = str(HERE / "redocly.yaml")
    command = ["lint", "--config", config, "--lint-config", "error", "--format", "json", str(contract.resolve())]
    result = run([*install(), *command], 120)
    try:
        problems = json.loads(result.stdout)["problems"]
    except (ValueError, KeyError) as error:
        said = [line for line in (result.stderr + result.stdout).splitlines() if line.strip()]
        raise UnavailableError(f"redocly failed: {said[0].strip() if said else f'exit {result.returncode}'}") from error
    lines: dict[str, None] = {}  # a component is linted once in each place that uses it
    for problem in problems:
        place = problem["location"][0].get("pointer", "") if problem["location"] else ""
        lines[f"redocly: {place}: {problem['message'].splitlines()[0]} ({problem['ruleId']})"] = None
    if result.returncode and not lines:
        raise UnavailableError(f"redocly failed: exit {result.returncode}")
    return list(lines)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Lint the contract.", allow_abbrev=False)
    parser.add_argument("--contract", type=Path, default=ROOT / "openapi.yaml", metavar="FILE")
    parser.add_argument(
        "--released", type=Path, default=ROOT / "tests" / "contract" / "released" / "openapi.yaml", metavar="FILE"
    )
    parser.add_argument("--require-node", action="store_true", help="fail where redocly cannot be run")
    options = parser.parse_args(arguments)

    try:
        contract, released = load(options.contract), load(options.released)
    except UnreadableError as error:
        say(str(error))
        return 2

    problems = [f"invalid: {line}" for line in invalid(contract)]
    done = ["valid OpenAPI"]
    if not problems:  # the comparison relies on the shape that the validator checked
        problems += [f"breaking: {line}" for line in breaking_changes(released, contract)]
        done.append("nothing broken since the last release")
        problems += undeclared(contract)
    left_out = ""
    try:
        problems += redocly(options.contract)
        done.append("redocly finds nothing")
    except UnavailableError as reason:
        left_out = f"redocly left out: {reason}"

    name = shown(options.contract)
    for problem in problems:
        say(f"{name}: {problem}")
    if left_out:
        say(f"{name}: {left_out}")
    if left_out and options.require_node:
        return 2
    if problems:
        return 1
    say(f"{name}: {', '.join(done)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
