"""What openapi.yaml promises of itself: words and examples everywhere, links, and a sentence for each rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

CONTRACT = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text(encoding="utf-8"))
COMPONENTS = CONTRACT["components"]
OPERATIONS = {item["get"]["operationId"]: (path, item["get"]) for path, item in CONTRACT["paths"].items()}
LISTS = [name for name in OPERATIONS if name.startswith("list")]
ANNOTATED = ("description", "examples")

# The rules of the conformance check, which quotes these sentences.
RULES = {
    "schema": "response identifiable no-server-error rejects-invalid",
    "protocol": "safe caching read-only head-options redirect response-time",
    "auth": "required challenge",
    "paging": "partition size order count links past-the-end defaults",
    "filter": "sound complete multi partition and with-paging",
    "identity": "retrieve detailed-list detailed missing",
    "pending": "disjoint union subset paging",
    "isolation": "retrieve lists unknown-channel token.lists token.retrieve token.existence",
}
RULE_IDS = [f"{family}.{rule}" for family, rules in RULES.items() for rule in rules.split()]

Node = dict[str, Any]


def follow(node: Node) -> Node:
    while "$ref" in node:
        target: Node = CONTRACT
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def schemas() -> Iterator[tuple[str, Node]]:
    """Every schema of the contract by its place, references as they stand."""

    def walk(where: str, node: Any) -> Iterator[tuple[str, Node]]:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in {"schema", "items", "additionalProperties"} and isinstance(value, dict):
                    yield f"{where}/{key}", value
                if key in {"properties", "schemas"}:
                    yield from ((f"{where}/{key}/{name}", one) for name, one in value.items())
                if key not in {"examples", "example"}:
                    yield from walk(f"{where}/{key}", value)

    yield from walk("#", COMPONENTS)


def examples() -> Iterator[tuple[str, Node, Any]]:
    """Every example with the schema that it is an example of."""
    for where, schema in schemas():
        yield from ((where, schema, value) for value in schema.get("examples", []))
    for kind in ("parameters", "headers"):
        for name, one in COMPONENTS[kind].items():
            yield f"#/{kind}/{name}", one["schema"], one["example"]
    for name, operation in ((name, operation) for name, (_, operation) in OPERATIONS.items()):
        for status, response in operation["responses"].items():
            content = follow(response)["content"]["application/json"]
            for title, example in content["examples"].items():
                yield f"{name}/{status}/{title}", content["schema"], follow(example)["value"]


@pytest.mark.parametrize(("where", "schema", "value"), [pytest.param(*one, id=one[0]) for one in examples()])
def test_examples_are_what_their_schema_allows(where: str, schema: Node, value: Any) -> None:
    jsonschema_rs.Draft202012Validator({"allOf": [schema], "components": COMPONENTS}, validate_formats=True).validate(
        value
    )


def test_the_test_of_the_examples_can_fail() -> None:
    where, schema, value = next(one for one in examples() if one[0] == "retrieveProductImage/200/image")
    with pytest.raises(jsonschema_rs.ValidationError):
        test_examples_are_what_their_schema_allows(where, schema, {**value, "modified_date": "yesterday"})


@pytest.mark.parametrize("kind", ["parameters", "headers"])
def test_parameters_and_headers_have_a_description_and_an_example(kind: str) -> None:
    lacking = [name for name, one in COMPONENTS[kind].items() if not one.get("description") or "example" not in one]
    assert lacking == []


def test_properties_have_a_description_and_an_example() -> None:
    lacking = [
        f"{where}: {word}"
        for where, schema in schemas()
        if "/properties/" in where.rsplit("/schemas/", 1)[-1] and not where.endswith("/items")
        for word in ANNOTATED
        if not schema.get(word)
    ]
    assert lacking == []


def test_named_schemas_have_a_description() -> None:
    assert [name for name, schema in COMPONENTS["schemas"].items() if not schema.get("description")] == []


def test_sizes_say_their_unit() -> None:
    fields = COMPONENTS["schemas"]["ProductImage"]["properties"]
    assert all("pixels" in fields[name]["description"] for name in ("height", "width"))
    assert all("UTC" in fields[name]["description"] for name in ("modified_date", "created_date"))
    assert "seconds" in COMPONENTS["headers"]["RetryAfter"]["description"]


def test_integers_keep_within_64_bits() -> None:
    """A schema without bounds makes a generator of requests send what no server can store."""
    unbounded = [
        where
        for where, schema in schemas()
        if "integer" in (schema.get("type"), *(schema["type"] if isinstance(schema.get("type"), list) else ()))
        and "enum" not in schema
        and not (schema.get("minimum", -(2**64)) >= -(2**63) and schema.get("maximum", 2**64) < 2**63)
    ]
    assert unbounded == []


def test_objects_stay_open_to_more_fields() -> None:
    assert [where for where, schema in schemas() if schema.get("additionalProperties") is False] == []


def test_array_parameters_are_comma_separated() -> None:
    """Repeated parameters (`explode: true`) make a Django server honour the last value only."""
    arrays = [one for one in COMPONENTS["parameters"].values() if follow(one["schema"]).get("type") == "array"]
    assert [one["name"] for one in arrays] == ["product__pk__in", "id__in", "product_type"]
    assert [(one["in"], one["style"], one["explode"]) for one in arrays] == [("query", "form", False)] * 3
    used = [one for _, operation in OPERATIONS.values() for one in operation.get("parameters", [])]
    assert all("$ref" in one for one in used), "a parameter outside components escapes this test"


@pytest.mark.parametrize("name", LISTS)
def test_links_lead_from_every_list_to_both_retrievals(name: str) -> None:
    """Without them, stateful testing only ever asks for ids that don't exist."""
    response = OPERATIONS[name][1]["responses"]["200"]
    [content] = response["content"].values()
    row = "/0/pk" if follow(content["schema"])["type"] == "array" else "/results/0/pk"
    assert {link["operationId"] for link in response["links"].values()} == {
        "retrieveProductImage",
        "retrieveDetailedProductImage",
    }
    for link in response["links"].values():
        assert link["parameters"] == {"channel_id": "$request.path.channel_id", "id": f"$response.body#{row}"}
        pointed = follow(next(iter(content["examples"].values())))["value"]
        for step in row.strip("/").split("/"):
            pointed = pointed[int(step) if step.isdigit() else step]
        assert pointed == 1


def test_each_conformance_rule_has_its_sentence() -> None:
    assert list(CONTRACT["x-conformance"]) == RULE_IDS


@pytest.mark.parametrize("rule", RULE_IDS)
def test_a_sentence_says_where_it_comes_from(rule: str) -> None:
    entry = CONTRACT["x-conformance"][rule]
    assert list(entry) == ["statement", "basis", "source"]
    assert entry["basis"] in {"seed", "inferred"}
    assert entry["statement"].endswith(".")
    assert entry["source"]
