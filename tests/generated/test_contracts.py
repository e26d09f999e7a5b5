"""Contracts that Hypothesis writes: the generated code reads what JSON Schema takes, refuses the rest, and loses nothing."""

import json
import re
from contextlib import ExitStack
from typing import Any
from urllib.parse import unquote

import jsonschema_rs
from hypothesis import HealthCheck, Phase, event, given, note, settings
from hypothesis import strategies as st
from subset import GenerationError

from tests.generated.contracts import contract, decodings, package

Node = dict[str, Any]

# A package is generated for each example, so there are half as many as elsewhere. Nothing is explained: that takes minutes.
SETTINGS = settings(
    max_examples=settings().max_examples // 2, suppress_health_check=[*HealthCheck], phases=[Phase.generate, Phase.shrink]
)

# Why a contract may be refused here: its names. Whatever else it says is covered.
REFUSED = re.compile(r"both become|become the module|same python_name|same Python identifier|duplicate models|same name; give one a title|conflicting enums|every reader")

# --- Schemas ----------------------------------------------------------------------------------------------------------

ODD_NAMES = [
    *("from_dict", "to_dict", "from_json", "additional_properties", "additional_keys", "field", "value", "rest", "model"),
    *("self", "cls", "class", "None", "datetime", "UNSET", "Any", "Self", "any", "list", "type", "_row", "_rows", "_0"),
    *("row", "Row", "a-b", "a_b", "a b", "aB", "2x", "$", "", "\u00e9", "e\u0301", "\ufb01", "\u65e5", "\u00aas", "\u0130", "\n"),
    *('"', "\\", "'", "{x}", "{{ x }}", "a\u200db", "\U0001f600", "request", "client", "enum", "const", "default", "items"),
]  # fmt: skip
NAMES = st.sampled_from(ODD_NAMES) | st.text(max_size=4)
SCHEMA_NAMES = st.sampled_from(
    ["Any", "Field", "Unset", "Request", "Response", "Mapping", "Self", "Part", "class", "import", "None", "2x", "a-b", "X.Y"]
) | st.from_regex(r"[A-Za-z0-9._-]{1,4}", fullmatch=True)
TEXTS = st.sampled_from(["", "a", "A", "a-b", "title", "mro", "name", "2", "\u00e9", "\u200d", '"', "\\", "\n", "UNKNOWN"]) | st.text(
    max_size=3
)
WORDS = st.sampled_from(["", 'a """ b', 'ends in "', "ends in \\", "{{ x }}", "\\N{DASH} {0}", "a\nb", "x" * 200]) | st.text(max_size=8)

FORMATS = {
    "date-time": ["2022-11-25T12:06:42.954200Z", "2022-11-25T12:06:42Z", "0001-01-01T00:00:00Z"],
    "date": ["2022-11-25", "9999-12-31"],
    "uuid": ["7f3e2f0a-6a53-4a8e-9d0e-1f3b8a0d0c11", "00000000-0000-0000-0000-000000000000"],
    "decimal": ["1.50", "-0"],
    "uri": ["https://example.com/"],
}
SCALARS: st.SearchStrategy[Node] = st.one_of(
    st.sampled_from([{"type": kind} for kind in ("string", "integer", "number", "boolean")]),
    st.sampled_from([{"type": "string", "format": name} for name in FORMATS]),
)
ENUMS: st.SearchStrategy[Node] = st.one_of(
    st.lists(TEXTS, min_size=1, max_size=3, unique=True).map(lambda values: {"enum": values}),
    st.lists(st.integers(-2, 9), min_size=1, max_size=3, unique=True).map(lambda values: {"type": "integer", "enum": values}),
    st.lists(TEXTS, min_size=1, max_size=2, unique=True).map(
        lambda values: {"type": ["string", "null"], "enum": [*values, None]}
    ),
)
CONSTANTS: st.SearchStrategy[Node] = (TEXTS | st.integers() | st.booleans()).map(lambda value: {"const": value})


def nullable(schema: Node) -> Node:
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]} if schema and "enum" not in schema and "anyOf" not in schema else schema


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Node]) -> Node:
    properties = draw(st.dictionaries(NAMES, inner, min_size=1, max_size=4))
    required = draw(st.lists(st.sampled_from([*properties]), unique=True, max_size=2))
    return {"type": "object", "properties": properties, "required": required}


def schemas(references: list[str]) -> st.SearchStrategy[Node]:
    leaves = [SCALARS, ENUMS, CONSTANTS, st.just({}), st.just({"type": "object"})]
    if references:
        leaves.append(st.sampled_from(references).map(lambda name: {"$ref": f"#/components/schemas/{name}"}))
    described = st.builds(lambda schema, words: schema if "$ref" in schema else {**schema, "description": words}, st.one_of(leaves), WORDS)
    return st.recursive(
        st.one_of(*leaves, described),
        lambda inner: st.one_of(
            inner.map(nullable),
            inner.map(lambda items: {"type": "array", "items": items}),
            inner.map(lambda values: {"type": "object", "additionalProperties": values}),
            objects(inner),
        ),
        max_leaves=6,
    )


@st.composite
def contracts(draw: st.DrawFn) -> Node:
    """A contract of rows; what its schemas refer to are earlier ones, so that there is no circle."""
    components: Node = {}
    for name in draw(st.lists(SCHEMA_NAMES.filter(lambda name: name not in ("Row", "RowPage")), max_size=3, unique=True)):
        schema = draw(schemas([*components]))
        if "$ref" not in schema:
            components[name] = schema
    row = draw(objects(schemas([*components])))
    document = contract(row["properties"], required=row["required"], schemas=components)
    document["components"]["schemas"]["Row"]["description"] = draw(WORDS)
    return document


# --- What JSON Schema says of values ----------------------------------------------------------------------------------

SMALL = st.none() | st.booleans() | st.integers(-3, 2**64) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3)
JSON = st.recursive(
    SMALL, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=4
)


def values(schema: Node, components: Node, *, near: bool) -> st.SearchStrategy[Any]:
    """Values that a schema takes; near it, any value may stand in any place, and a field may be missing."""
    strategy = _values(schema, components, near=near)
    return strategy | JSON if near else strategy


def _values(schema: Node, components: Node, *, near: bool) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return values(components[schema["$ref"].rpartition("/")[2]], components, near=near)
    if "anyOf" in schema:
        return st.one_of([values(each, components, near=near) for each in schema["anyOf"]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if isinstance(kind, list):
        return st.none() | _values({**schema, "type": kind[0]}, components, near=near)
    if kind == "array":
        return st.lists(values(schema["items"], components, near=near), max_size=3)
    if kind == "object":
        fields = {name: values(each, components, near=near) for name, each in schema.get("properties", {}).items()}
        required = {} if near else {name: fields.pop(name) for name in schema.get("required", [])}
        known = st.fixed_dictionaries(required, optional=fields)
        extra = values(schema.get("additionalProperties", {}), components, near=near)
        more = st.dictionaries(st.sampled_from(["more", "odd", "_1"]) | NAMES, extra, max_size=2)
        return st.builds(lambda more, known: {k: v for k, v in more.items() if k not in schema.get("properties", {})} | known, more, known)
    return {
        "string": st.sampled_from(FORMATS[schema["format"]]) if "format" in schema else st.text(max_size=3),
        "integer": st.integers(-(2**65), 2**65) | st.sampled_from([0, 1, 2.0]),
        "number": st.integers(-(2**65), 2**65) | st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
        "null": st.none(),
        None: JSON,
    }[kind]  # fmt: skip


def relaxed(schema: Any, components: Node) -> Any:
    """What models take beyond the contract: further values of an enum, and null for a field that may be missing.

    But a field that is an array is null only where the contract says so.
    """
    if not isinstance(schema, dict) or "$ref" in schema or "const" in schema:
        return schema
    if "enum" in schema:
        null = ["null"] if None in schema["enum"] else []
        return {"type": ["string" if isinstance(schema["enum"][0], str) else "integer", *null]}
    more = {key: relaxed(schema[key], components) for key in ("items", "additionalProperties") if key in schema}
    if "anyOf" in schema:
        more["anyOf"] = [relaxed(each, components) for each in schema["anyOf"]]
    if "properties" in schema:
        more["properties"] = {
            name: relaxed(each, components)
            if name in schema.get("required", ()) or is_array(each, components)
            else {"anyOf": [relaxed(each, components), {"type": "null"}]}
            for name, each in schema["properties"].items()
        }
    return {**schema, **more}


def is_array(schema: Node, components: Node) -> bool:
    if "$ref" in schema:
        return is_array(components[schema["$ref"].rpartition("/")[2]], components)
    return schema.get("type") in ("array", ["array", "null"]) or any(is_array(each, components) for each in schema.get("anyOf", ()))


def plain(value: Any) -> Any:
    """A form in which 2 and 2.0 are one number, and 1 is not true."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return type(value).__name__, value


def entered(stack: ExitStack, document: Node) -> Any:
    """What imports the modules of a contract's package; None where the contract's names are refused."""
    note(json.dumps(document))
    try:
        return stack.enter_context(package(document))
    except GenerationError as error:
        assert REFUSED.search(str(error)), error
        event("refused")
        return None


# --- The tests --------------------------------------------------------------------------------------------------------


@SETTINGS
@given(document=contracts(), data=st.data())
def test_models_take_what_the_contract_takes_and_give_it_back(document: Node, data: st.DataObject) -> None:
    components = document["components"]["schemas"]
    loose = {name: relaxed(schema, components) for name, schema in components.items()}
    strict, takes = (
        jsonschema_rs.validator_for({"$ref": "#/components/schemas/Row", "components": {"schemas": each}}, validate_formats=True)
        for each in (components, loose)
    )
    with ExitStack() as stack:
        if (load := entered(stack, document)) is None:
            return
        model = load("models").Row
        for near in (False, True, True):
            row = data.draw(_values(components["Row"], components, near=near))
            note(repr(row))
            outcomes = decodings(load, model, row)
            assert [each for each in outcomes if each != outcomes[0]] == []
            if takes.is_valid(row):
                assert plain(model.from_dict(row).to_dict()) == plain(row)
            else:
                assert isinstance(outcomes[0][1], str), "taken"
            assert takes.is_valid(row) or not strict.is_valid(row)
            event("valid" if strict.is_valid(row) else "taken" if takes.is_valid(row) else "malformed")


# --- Parameters -------------------------------------------------------------------------------------------------------

QUERY_NAMES = NAMES.filter(bool)


@st.composite
def parameters(draw: st.DrawFn) -> Node:
    schema = draw(SCALARS | ENUMS.filter(lambda enum: None not in enum["enum"]))
    more: Node = {}
    if draw(st.booleans()):
        schema = {"type": "array", "items": schema}
        more = draw(st.sampled_from([{}, {"explode": True}, {"explode": False}, {"style": "form", "explode": False}]))
    return {"name": draw(QUERY_NAMES), "in": "query", "schema": schema, **more}


def spelled(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


@SETTINGS
@given(declared=st.lists(parameters(), max_size=4, unique_by=lambda each: each["name"]), data=st.data())
def test_parameters_arrive_as_they_were_given(declared: list[Node], data: st.DataObject) -> None:
    with ExitStack() as stack:
        if (load := entered(stack, contract(parameters=declared))) is None:
            return
        request = load("api.default.list_rows").request
        # Keyword arguments are in the order of the contract.
        arguments, expected = {}, []
        for argument, parameter in zip(request.__kwdefaults__ or {}, declared, strict=True):
            schema = parameter["schema"]
            item = _values(schema.get("items", schema), {}, near=False)
            value = data.draw(st.lists(item, min_size=1, max_size=3) if "items" in schema else item)
            texts = [spelled(each) for each in value] if "items" in schema else [spelled(value)]
            if "items" in schema and not any(texts):
                continue  # an array of empty texts is an empty one to a server, and refused
            arguments[argument] = value
            if parameter.get("explode", True):
                expected += [(parameter["name"], [text]) for text in texts]
            else:
                expected.append((parameter["name"], texts))
        query = request(**arguments).url.partition("?")[2]
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        assert [(unquote(name), [*map(unquote, value.split(","))]) for name, _, value in pairs] == expected
