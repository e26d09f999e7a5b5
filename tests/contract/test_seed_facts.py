"""openapi.yaml says what the seed says: seed_facts.yaml, a test case a line.

The second half proves the first: whatever is changed or removed, the comparison reports it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

HERE = Path(__file__).parent
CONTRACT = yaml.safe_load((HERE.parents[1] / "openapi.yaml").read_text(encoding="utf-8"))
TABLE = yaml.safe_load((HERE / "seed_facts.yaml").read_text(encoding="utf-8"))

Node = dict[str, Any]


class Fact(NamedTuple):
    where: tuple[str, ...]
    value: Any

    def __str__(self) -> str:
        return f"{' > '.join(self.where)} = {self.value}"


class Place(NamedTuple):
    """Where a fact stands in the contract: `holder[key]`, and what is meant where there is no such key."""

    holder: Node
    key: str
    absent: Any = None


def facts(table: Node) -> Iterator[Fact]:
    """The table, flattened."""

    def flat(where: tuple[str, ...], node: Node) -> Iterator[Fact]:
        for key, value in node.items():
            if isinstance(value, dict):
                yield from flat((*where, str(key)), value)
            else:
                yield Fact((*where, str(key)), value)

    yield from flat((), table)
    for name, schema in table["schemas"].items():
        if len(schema.get("fields", [])) > 1:
            yield Fact(("schemas", name, "order of fields"), list(schema["fields"]))


def follow(contract: Node, node: Node) -> Node:
    """Past references, and past `anyOf: [something, null]`."""
    while True:
        alternatives = [one for one in node.get("anyOf", []) if one.get("type") != "null"]
        if "$ref" in node:
            target: Node = contract
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        elif len(alternatives) == 1:
            node = alternatives[0]
        else:
            return node


def operation(contract: Node, name: str) -> tuple[Node, Node]:
    method, path = name.split(" ")
    item = contract["paths"][path]
    return item, item[method.lower()]


def subject(contract: Node, where: tuple[str, ...]) -> Node:
    """The parameter, response or schema that the last word of `where` says something about."""
    match where:
        case ("operations", name, "parameters", parameter, _):
            item, verb = operation(contract, name)
            for one in (*item.get("parameters", []), *verb.get("parameters", [])):
                found = follow(contract, one)
                if f"{found['in']} {found['name']}" == parameter:
                    return found
            raise KeyError(parameter)
        case ("operations", name, "responses", status, _):
            return follow(contract, operation(contract, name)[1]["responses"][status])
        case ("operations", name, _):
            return operation(contract, name)[1]
        case ("security", name, _):
            return contract["components"]["securitySchemes"][name]  # type: ignore[no-any-return] # YAML has no types
        case ("schemas", name, "fields", field, _):
            return contract["components"]["schemas"][name]["properties"][field]  # type: ignore[no-any-return] # as above
        case (_, name, _):
            return contract["components"]["schemas"][name]  # type: ignore[no-any-return] # as above
    raise AssertionError(where)


def place(contract: Node, where: tuple[str, ...]) -> Place:
    found, word = subject(contract, where), where[-1]
    match where[0], word:
        case "operations", "tag":
            return Place(found, "tags")
        case "operations", "security":
            return Place(found if "security" in found else contract, "security")
        case "operations", "operationId" | "content":
            return Place(found, word)
        case "operations", "body":
            return Place(found["content"]["application/json"], "schema")
        case "operations", "header":
            return Place(found, "headers", {})
        case "operations", "required" | "example" | "style" | "explode":
            return Place(found, word, False if word == "required" else None)
        case "security", _:
            return Place(found, word)
        case _, "readOnly":
            return Place(found, word, False)
        case _, "nullable":
            return Place(found, "anyOf" if "anyOf" in found else "type")
        case _, "order of fields":
            return Place(found, "properties")
        case _, "required":
            return Place(found, word, [])
    schema = follow(contract, found["schema"] if where[0] == "operations" else found)
    match word:
        case "enum" if schema.get("type") == "array":
            return Place(follow(contract, schema["items"]), "enum")
        case "values" if where[0] == "schemas":
            return Place(schema, "additionalProperties")
        case "valueItems":
            return Place(schema["additionalProperties"], "items")
        case "values":
            return Place(schema, "enum")
        case "names":
            return Place(schema, "x-enum-varnames")
    return Place(schema, word)


def named(contract: Node, schema: Node) -> Any:
    """A schema in a word: the names of objects, the types of the rest."""
    if len(schema.get("anyOf", [])) > 1:
        return [named(contract, one) for one in schema["anyOf"]]
    target = follow(contract, schema)
    if "$ref" in schema and (target.get("type") == "object" or target.get("items", {}).get("$ref")):
        return schema["$ref"].rsplit("/", 1)[-1]
    return target.get("type")


def read(contract: Node, where: tuple[str, ...]) -> Any:
    holder, key, absent = place(contract, where)
    value, word = holder.get(key, absent), where[-1]
    if word == "nullable":
        return {"type": "null"} in value if key == "anyOf" else isinstance(value, list) and "null" in value
    if value is None:
        return None
    if word == "type" and isinstance(value, list):
        rest = [one for one in value if one != "null"]
        return rest[0] if len(rest) == 1 else rest
    if word in {"body", "items", "valueItems"} or (where[0], word) == ("schemas", "values"):
        return named(contract, value)
    if word == "security":
        return next(iter(value[0]), None) if len(value) == 1 else value
    if word == "tag":
        return value[0] if len(value) == 1 else value
    if word in {"content", "header"}:
        # Further ones are free.
        expected = (
            "application/json" if word == "content" else {"401": "WWW-Authenticate", "429": "Retry-After"}[where[3]]
        )
        return expected if expected in value else list(value)
    if word == "order of fields":
        known = TABLE["schemas"][where[1]]["fields"]
        return [field for field in value if field in known]
    return value


def differences(contract: Node) -> dict[tuple[str, ...], str]:
    found = {}
    for fact in facts(TABLE):
        try:
            seen = read(contract, fact.where)
        except (KeyError, TypeError) as error:
            found[fact.where] = f"{fact}: missing: {error}"
            continue
        # 1 == True in Python, and 5 == 5.0
        if type(seen) is not type(fact.value) or seen != fact.value:
            found[fact.where] = f"{fact}: the contract says {seen}"
    return found


FACTS = list(facts(TABLE))
each_fact = pytest.mark.parametrize("fact", FACTS, ids=str)


@pytest.fixture(scope="module")
def reported() -> dict[tuple[str, ...], str]:
    return differences(CONTRACT)


@each_fact
def test_the_contract_says_what_the_seed_says(fact: Fact, reported: dict[tuple[str, ...], str]) -> None:
    assert fact.where not in reported, reported[fact.where]


def test_the_table_holds_the_whole_page() -> None:
    parameters = [name for one in TABLE["operations"].values() for name in one["parameters"]]
    assert len(TABLE["operations"]) == 7
    assert len(parameters) == 7 + 2 + 5 * 2 + 5
    assert len(TABLE["schemas"]["ProductImage"]["fields"]) == 13
    assert len(TABLE["schemas"]["ProductImagePage"]["fields"]) == 3 + 1


# --- The comparison itself --------------------------------------------------------------------------------------------


def other(word: str, value: Any) -> Any:
    """Something else of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return f"other-{value}"
        case list() if word == "type":
            return ["object", *(one for one in value if one == "null")]
        case list() if word == "required":
            return ["other"]
        case list():
            return value[:-1]
        case None:
            return 7  # a default where there is none
        case dict() if word in {"content", "header"}:
            return {f"other-{key}": one for key, one in value.items()}
        case dict() if word == "order of fields":
            return dict(reversed(value.items()))
    return {"type": "null"}


def toggle_null(schema: Node) -> None:
    if "anyOf" in schema:
        schema["anyOf"].remove({"type": "null"})
    elif isinstance(schema.get("type"), list):
        schema["type"].remove("null")
    elif "$ref" in schema:
        schema["anyOf"] = [{"$ref": schema.pop("$ref")}, {"type": "null"}]
    else:
        schema["type"] = [schema["type"], "null"]


@each_fact
def test_a_changed_fact_is_reported(fact: Fact) -> None:
    contract = copy.deepcopy(CONTRACT)
    holder, key, absent = place(contract, fact.where)
    if fact.where[-1] == "nullable":
        toggle_null(subject(contract, fact.where))
    else:
        holder[key] = other(fact.where[-1], holder.get(key, absent))
    assert fact.where in differences(contract)


@pytest.mark.parametrize(
    "fact",
    # What is absent by right can't be removed; a type without null stays one when `type` goes.
    [one for one in FACTS if one.value not in (None, False, []) and one.where[-1] != "nullable"],
    ids=str,
)
def test_a_removed_fact_is_reported(fact: Fact) -> None:
    contract = copy.deepcopy(CONTRACT)
    holder, key, _ = place(contract, fact.where)
    del holder[key]
    assert fact.where in differences(contract)


def _wholes() -> Iterator[tuple[str, ...]]:
    """Operations, parameters, responses, schemas and fields, each as the start of the facts about it."""
    for fact in FACTS:
        for length in range(2, len(fact.where)):
            if fact.where[length - 1] not in {"parameters", "responses", "fields"}:
                yield fact.where[:length]


@pytest.mark.parametrize("whole", list(dict.fromkeys(_wholes())), ids=" > ".join)
def test_a_removed_operation_parameter_response_schema_or_field_is_reported(whole: tuple[str, ...]) -> None:
    contract = copy.deepcopy(CONTRACT)
    match whole:
        case ("operations", name):
            del contract["paths"][name.split(" ")[1]]
        case ("operations", name, "parameters", parameter):
            for holder in operation(contract, name):
                holder["parameters"] = [
                    one
                    for one in holder.get("parameters", [])
                    if "{in} {name}".format(**follow(contract, one)) != parameter
                ]
        case ("operations", name, "responses", status):
            del operation(contract, name)[1]["responses"][status]
        case ("security", name):
            del contract["components"]["securitySchemes"][name]
        case (_, name):
            del contract["components"]["schemas"][name]
        case (_, name, "fields", field):
            del contract["components"]["schemas"][name]["properties"][field]
    about = {fact.where for fact in FACTS if fact.where[: len(whole)] == whole}
    assert about <= differences(contract).keys()


def _add_field(contract: Node) -> None:
    contract["components"]["schemas"]["ProductImage"]["properties"]["alt_text"] = {"type": "string"}


def _add_field_in_front(contract: Node) -> None:
    schema = contract["components"]["schemas"]["ProductImage"]
    schema["properties"] = {"alt_text": {"type": "string"}, **schema["properties"]}


def _add_operation(contract: Node) -> None:
    contract["paths"]["/api/v2/"] = {"get": {"operationId": "other", "responses": {"200": {"description": "-"}}}}


def _add_parameter(contract: Node) -> None:
    for item in contract["paths"].values():
        item["parameters"].append({"name": "fields", "in": "query", "schema": {"type": "string"}})


def _add_response(contract: Node) -> None:
    for item in contract["paths"].values():
        item["get"]["responses"]["503"] = {"description": "-"}


def _add_bound(contract: Node) -> None:
    contract["components"]["parameters"]["Limit"]["schema"]["maximum"] = 100


def _change_words(contract: Node) -> None:
    for schema in contract["components"]["schemas"].values():
        schema["description"] = "In other words."


@pytest.mark.parametrize(
    "addition",
    [_add_field, _add_field_in_front, _add_operation, _add_parameter, _add_response, _add_bound, _change_words],
    ids=lambda one: one.__name__.strip("_"),
)
def test_what_the_seed_leaves_free_is_not_reported(addition: Callable[[Node], None]) -> None:
    contract = copy.deepcopy(CONTRACT)
    addition(contract)
    assert contract != CONTRACT
    assert differences(contract) == {}
