"""Reads what the contract declares beyond schemas: its resource, the key, the filters, and which list holds what.

The words are those of `docs/contract.md`: `x-resource`, `x-role`, `x-filter`, `x-parts`, `x-detailed`, `x-extensible-enum`.
Here alone they are read. `make lint` reads them too, so its messages are those of `declared`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any

from attrs import frozen

from channel_images.contract import load_contract, resolve

ROLES = ("scope", "key", "page", "size")
"""What a parameter may be: the channel in the path, the key of a row in the path, the number of a page, its size."""
PARTS = ("insert", "update")
"""What a channel may wait for: rows that were never sent, and rows that have changed since they were sent."""
TYPES = ("integer", "number", "string", "boolean")
"""Of the values of a filter."""
ENVELOPE = ("count", "next", "previous", "results")
"""The fields of a page that is an object, as Django REST Framework names them."""
EXTENSIBLE = "x-extensible-enum"

Node = Mapping[str, Any]
Meaning = tuple[bool, bool, frozenset[str]]


class Undeclared(ValueError):
    """The contract does not say what is needed, or says it in a way that cannot be; the message says where, and how to mend it."""


class Shape(Enum):
    """How an operation answers."""

    ONE = "one"
    """A row."""
    PAGE = "page"
    """Rows in a page envelope."""
    ARRAY = "array"
    """Rows in a bare array."""


@frozen(eq=False)
class Filter:
    """A query parameter that leaves some of the rows.

    Attributes:
        name: The parameter's name.
        field: The field of a row that the filter is about.
        is_shown: Whether it compares the field itself. If not, it asks for an attribute of what the field refers to: all
            rows with the same value of the field have the same attribute, and none of them shows it.
        several: Whether it takes several values, and leaves the rows of each.
        schema: What the contract says of a value.
        type: The type of a value, one of `TYPES`.
        values: The values that the contract lists; empty if it lists none.
        is_extensible: Whether there may be values that it does not list.
        names: The names of the listed values, where these are numbers (`x-enum-varnames`).
    """

    name: str
    field: str
    is_shown: bool
    several: bool
    schema: Node
    type: str
    values: tuple[Any, ...]
    is_extensible: bool
    names: tuple[str, ...]


@frozen(eq=False)
class Operation:
    """An operation of the contract.

    Attributes:
        id: Its `operationId`.
        path: The template of its path.
        node: What the contract says of it.
        parameters: Its parameters, resolved: those of the path first.
        shape: How it answers.
        is_detailed: Whether rows may have further fields: the details.
        parts: What the rows of a list wait for, of `PARTS`; empty if it holds all rows.
    """

    id: str
    path: str
    node: Node
    parameters: tuple[Node, ...]
    shape: Shape
    is_detailed: bool
    parts: frozenset[str]

    @property
    def is_list(self) -> bool:
        """Whether it answers with rows, not with one."""
        return self.shape is not Shape.ONE

    @property
    def meaning(self) -> Meaning:
        """What tells it apart from the others: whether it is a list, whether it is detailed, and its parts."""
        return self.is_list, self.is_detailed, self.parts


@frozen(eq=False)
class Resource:
    """What the contract is about.

    Attributes:
        name: The name of the schema of a row.
        schema: That schema.
        key: The field that identifies a row.
        version: The date-time that grows with each change of a row.
        roles: The name of the parameter for each of `ROLES`.
        filters: The filters, by the names of their parameters. What another parameter does is not said anywhere.
        operations: All of them, in the order of the contract.
    """

    name: str
    schema: Node
    key: str
    version: str
    roles: Mapping[str, str]
    filters: Mapping[str, Filter]
    operations: tuple[Operation, ...]

    @property
    def fields(self) -> Mapping[str, Node]:
        """The documented fields of a row, by name."""
        fields: Mapping[str, Node] = self.schema["properties"]
        return fields

    @property
    def noun(self) -> str:
        """What a row is called in a sentence: the last word of its schema's name, `image` where that is `ProductImage`."""
        words: list[str] = re.findall("[A-Z]?[a-z]+|[A-Z]+", self.name)
        return (words or ["row"])[-1].lower()

    @property
    def hidden(self) -> tuple[Filter, ...]:
        """The filters on attributes that rows do not show."""
        return tuple(each for each in self.filters.values() if not each.is_shown)

    def operation(self, *, is_list: bool, is_detailed: bool = False, parts: Iterable[str] = ()) -> Operation:
        """The one operation with this meaning."""
        return next(each for each in self.operations if each.meaning == (is_list, is_detailed, frozenset(parts)))


@cache
def resource() -> Resource:
    """The resource of the contract that this process uses.

    Raises:
        Undeclared: The contract does not declare it.
    """
    return declared(load_contract())


def declared(contract: Node) -> Resource:
    """What a contract declares.

    Raises:
        Undeclared: Something is missing or contradicts itself.
    """
    name, schema = _schema(contract)
    said = schema["x-resource"]
    if not isinstance(said, Mapping) or said.keys() != {"key", "version"}:
        raise Undeclared(f"{name}: x-resource has a key and a version, each the name of a field")
    for word, wanted in (("key", "integer"), ("version", "date-time")):
        field = resolve(schema.get("properties", {}).get(said[word], {}), contract)
        if wanted not in (field.get("type"), field.get("format")):
            raise Undeclared(
                f"{name}: x-resource has the {word} {said[word]!r}, which must be a field of type {wanted}"
            )
    operations = tuple(_operations(contract, name))
    _hold(operations)
    roles: dict[str, str] = {}
    filters: dict[str, Filter] = {}
    for operation in operations:
        roles |= _roles(operation, roles)
        filters |= {
            each["name"]: _filter(contract, schema, operation, each)
            for each in operation.parameters
            if "x-filter" in each
        }
    resource = Resource(name, schema, said["key"], said["version"], roles, filters, operations)
    whole = resource.operation(is_list=True)
    if whole.shape is not Shape.PAGE or not filters.keys() <= {each["name"] for each in whole.parameters}:
        raise Undeclared(f"{whole.id}: the list of all rows comes in pages, and has all filters")
    return resource


def is_extensible(schema: Node) -> bool:
    """Whether an enum may have values that the contract does not list."""
    return EXTENSIBLE in schema


def _schema(contract: Node) -> tuple[str, Node]:
    schemas = contract.get("components", {}).get("schemas", {})
    for name, schema in schemas.items():
        if EXTENSIBLE in schema and schema[EXTENSIBLE] != schema.get("enum"):
            raise Undeclared(f"{name}: {EXTENSIBLE} repeats the values of enum: write one as an anchor of the other")
    found = [name for name, schema in schemas.items() if "x-resource" in schema]
    if len(found) != 1:
        have = " and ".join(found) or "none"
        raise Undeclared(f"one schema has x-resource, the rows that the lists hold: {have} in components.schemas")
    return found[0], schemas[found[0]]


def _operations(contract: Node, row: str) -> Iterator[Operation]:
    for path, item in contract.get("paths", {}).items():
        node = item.get("get")
        if node is None or len(item.keys() - {"parameters", "summary", "description", "servers"}) > 1:
            raise Undeclared(f"{path}: an operation is a GET, and there is no other on its path")
        name, parts, is_detailed = node.get("operationId"), node.get("x-parts"), node.get("x-detailed", False)
        if not name:
            raise Undeclared(f"{path}: the operation has no operationId")
        if "x-parts" in node and (not isinstance(parts, list) or not parts or not set(parts) <= set(PARTS)):
            raise Undeclared(
                f"{name}: x-parts is a list of {' and '.join(PARTS)}, or of one of them; leave it out where a list holds all rows"
            )
        if not isinstance(is_detailed, bool):
            raise Undeclared(f"{name}: x-detailed is true, or left out")
        parameters = tuple(
            resolve(each, contract) for each in (*item.get("parameters", ()), *node.get("parameters", ()))
        )
        yield Operation(
            name, path, node, parameters, _shape(contract, name, node, row), is_detailed, frozenset(parts or ())
        )


def _shape(contract: Node, operation: str, node: Node, row: str) -> Shape:
    answer = resolve(node.get("responses", {}).get("200", {}), contract)
    body = answer.get("content", {}).get("application/json", {}).get("schema", {})
    reference = f"#/components/schemas/{row}"
    if body.get("$ref") == reference:
        return Shape.ONE
    body = resolve(body, contract)
    if body.get("type") == "array" and body.get("items", {}).get("$ref") == reference:
        return Shape.ARRAY
    fields = body.get("properties", {})
    if set(fields) >= set(ENVELOPE) and resolve(fields["results"], contract).get("items", {}).get("$ref") == reference:
        return Shape.PAGE
    raise Undeclared(
        f"{operation}: the 200 is a {row}, an array of them, or a page with {', '.join(ENVELOPE)}; one contract has one resource"
    )


def _hold(operations: Sequence[Operation]) -> None:
    """Hold the operations to each other: each meaning once, and all of them there."""
    missing = {(True, False, frozenset(parts)) for parts in ((), PARTS[:1], PARTS[1:], PARTS)}
    missing |= {(True, True, frozenset()), (False, False, frozenset()), (False, True, frozenset())}
    for each in operations:
        if each.meaning not in missing:
            raise Undeclared(f"{each.id}: {_SEVEN}, each of them once")
        missing.remove(each.meaning)
    if missing:
        raise Undeclared(f"{_SEVEN}: {len(missing)} missing")


_SEVEN = "the operations are a list and a retrieval, plain and with x-detailed, and lists with x-parts of insert, of update, of both"


def _roles(operation: Operation, known: Mapping[str, str]) -> dict[str, str]:
    """The names of an operation's parameters by their roles, which are the same for all operations."""
    found: dict[str, str] = {}
    for each in operation.parameters:
        where, role = f"{operation.id}: the parameter {each['name']}", each.get("x-role")
        if role is None:
            continue
        if "x-filter" in each:
            raise Undeclared(f"{where} has x-role and x-filter: it is one or the other")
        if role not in ROLES or (each["in"] == "path") != (role in ("scope", "key")):
            raise Undeclared(f"{where}: x-role is scope or key in the path, page or size in the query, not {role!r}")
        if role in found or known.get(role, each["name"]) != each["name"]:
            raise Undeclared(f"{where}: {found.get(role) or known[role]} is the {role} already")
        found[role] = each["name"]
    wanted = {"scope", "page", "size"} if operation.is_list else {"scope", "key"}
    if found.keys() != wanted:
        raise Undeclared(
            f"{operation.id}: it needs a parameter for each x-role of {', '.join(sorted(wanted))}, and no other"
        )
    return found


def _filter(contract: Node, row: Node, operation: Operation, node: Node) -> Filter:
    said, where = node["x-filter"], f"{operation.id}: the parameter {node['name']}"
    if not isinstance(said, Mapping) or len(said) != 1 or not said.keys() <= {"field", "attribute-of"}:
        raise Undeclared(f"{where}: x-filter is {{field: NAME}}, or {{attribute-of: NAME}} of what rows do not show")
    ((relation, field),) = said.items()
    if field not in row["properties"]:
        raise Undeclared(f"{where}: x-filter names {field!r}, which is not a field of the rows")
    whole = resolve(node["schema"], contract)
    value = resolve(whole["items"], contract) if whole.get("type") == "array" else whole
    if value.get("type") not in TYPES:
        raise Undeclared(
            f"{where}: a value is of one of {', '.join(TYPES)}, or the parameter is an array of such values"
        )
    if whole is not value and node.get("explode", True):
        raise Undeclared(f"{where}: a filter with several values has commas between them: style: form, explode: false")
    return Filter(
        name=node["name"],
        field=field,
        is_shown=relation == "field",
        several=whole is not value,
        schema=value,
        type=value["type"],
        values=tuple(value.get("enum", ())),
        is_extensible=is_extensible(value),
        names=tuple(value.get("x-enum-varnames", ())),
    )
