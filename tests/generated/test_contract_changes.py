"""A contract gains a property or a parameter: the code that is generated is right, or one line says what is missing."""

import datetime
import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import generate
import jsonschema_rs
import pytest

from tests.generated.contracts import contract, decodings, exact, package, refusal

STATUS = {"type": "string", "enum": ["active", "disabled"]}
PART = {"type": "object", "properties": {"url": {"type": "string"}, "size": {"type": "integer"}}, "required": ["size"]}
SCHEMAS = {"Status": STATUS, "Part": PART, "Named": {"type": "object", "additionalProperties": {"type": "integer"}}}
STRING, INTEGER, NULL = {"type": "string"}, {"type": "integer"}, {"type": "null"}
REF = {"$ref": "#/components/schemas/Status"}
DATE_TIME = {"type": "string", "format": "date-time"}
INSTANT = "2022-11-25T12:06:42.954200Z"

# The schema of a property; values that come back as they came; others that are malformed, with the path behind the name.
FIELDS: dict[str, tuple[Any, list[Any], list[tuple[Any, str]]]] = {
    "nullable enum": ({"type": ["string", "null"], "enum": ["a", "b", None]}, ["a", None], [(1, "")]),
    "enum with null, without a type": ({"enum": ["a", None]}, ["a", None], [(1, "")]),
    "enum with an empty member": ({"type": "string", "enum": ["", "hot"]}, ["", "hot"], [(1, "")]),
    "enum with members like methods": ({"enum": ["title", "mro", "name", "value"]}, ["title", "mro"], [(True, "")]),
    "enum with odd texts": ({"enum": ['a"b', "c\\d", "e\u200df", "g\nh", "{{ x }}"]}, ['a"b', "e\u200df", "g\nh"], []),
    "enum in another alphabet": ({"enum": ["\u00e9t\u00e9", "\u65e5\u672c", "\ufb01"]}, ["\u00e9t\u00e9", "\ufb01"], []),
    "enum of integers": ({"type": "integer", "enum": [-1, 0, 1]}, [-1, 0], [("0", ""), (True, ""), (0.5, "")]),
    "enum of integers among numbers": ({"type": "number", "enum": [1, 2]}, [1, 2.0], [(1.5, "")]),
    "enum with names": ({"enum": ["a-b", "a_b"], "x-enum-varnames": ["DASH", "LINE"]}, ["a-b", "a_b"], []),
    "const": ({"const": "v1"}, ["v1"], [("v2", ""), (1, "")]),
    "const with odd letters": ({"const": 'a"\\\u200d\n'}, ['a"\\\u200d\n'], [("", "")]),
    "const of a boolean": ({"type": "boolean", "const": True}, [True], [(False, ""), (1, "")]),
    "const of an integer": ({"type": "integer", "const": 1}, [1], [(True, ""), ("1", "")]),
    "const of 0": ({"const": 0}, [0], [(False, ""), (1, "")]),
    "map of constants of 0": ({"type": "object", "additionalProperties": {"const": 0}}, [{"a": 0}], [({"a": 1}, "a")]),
    "map of empty constants": ({"type": "object", "additionalProperties": {"const": ""}}, [{"a": ""}], [({"a": None}, "a")]),
    "array of constants of false": ({"type": "array", "items": {"const": False}}, [[False]], [([0], "[0]")]),
    "object": (PART, [{"url": "u", "size": 1}, {"size": 1, "more": [1]}], [({}, "size"), ({"size": "x"}, "size"), (1, "")]),
    "nullable object": ({**PART, "type": ["object", "null"]}, [{"size": 1}, None], [({"size": None}, "size"), ([], "")]),
    "object by name": ({"$ref": "#/components/schemas/Part"}, [{"size": 2}], [({"size": 1, "url": 1}, "url")]),
    "map by name": ({"$ref": "#/components/schemas/Named"}, [{}, {"a": 1}], [({"a": "x"}, "a")]),
    "open object": ({"type": "object"}, [{}, {"a": [1, {"b": None}], "c": 1.5}], [([], ""), ("x", "")]),
    "open object, said": ({"type": "object", "additionalProperties": True}, [{"a": None}], [([], "")]),
    "nullable open object": ({"type": ["object", "null"]}, [{"a": 1}, None], [(False, "")]),
    "map of integers": ({"type": "object", "additionalProperties": INTEGER}, [{"a": 1}], [({"a": "x"}, "a")]),
    "map of objects": (
        {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Part"}},
        [{"a": {"size": 1}, "b": {"size": 2, "url": "u"}}],
        [({"a": {"size": 1}, "b": {}}, "b.size")],
    ),
    "map of nullable arrays": (
        {"type": "object", "additionalProperties": {"type": ["array", "null"], "items": INTEGER}},
        [{"a": [1], "b": None}],
        [({"a": [1, None]}, "a[1]")],
    ),
    "object in an object": (
        {"type": "object", "properties": {"inner": {"type": "object", "properties": {"deep": DATE_TIME}}}},
        [{"inner": {"deep": INSTANT}}],
        [({"inner": {"deep": "x"}}, "inner.deep")],
    ),
    "array of strings": ({"type": "array", "items": STRING}, [["a"], []], [([1], "[0]"), ("a", ""), ({}, "")]),
    "nullable array": ({"type": ["array", "null"], "items": STRING}, [["a"], None], [(["a", None], "[1]")]),
    "array of nullable strings": ({"type": "array", "items": {"type": ["string", "null"]}}, [["a", None]], [([1], "[0]")]),
    "array of enums": ({"type": "array", "items": REF}, [["active"], []], [(["active", 1], "[1]")]),
    "array of nullable enums": (
        {"type": "array", "items": {"type": ["string", "null"], "enum": ["x", None]}},
        [["x", None]],
        [([2], "[0]")],
    ),
    "array of date-times": ({"type": "array", "items": DATE_TIME}, [[INSTANT]], [([INSTANT, "x"], "[1]")]),
    "array of dates": ({"type": "array", "items": {"type": "string", "format": "date"}}, [["2022-11-25"]], [(["x"], "[0]")]),
    "array of objects": (
        {"type": "array", "items": PART},
        [[{"size": 1}], []],
        [([{"size": 1}, {"size": 1, "url": 2}], "[1].url"), (None, "")],
    ),
    "nullable array of objects": ({"type": ["array", "null"], "items": PART}, [[{"size": 1}], None], [([None], "[0]")]),
    "array of nullable objects": (
        {"type": "array", "items": {"anyOf": [{"$ref": "#/components/schemas/Part"}, NULL]}},
        [[None, {"size": 1}]],
        [([None, {}], "[1].size")],
    ),
    "nullable array of nullable enums": (
        {"type": ["array", "null"], "items": {"type": ["string", "null"], "enum": ["a", None]}},
        [["a", None], None],
        [([1], "[0]")],
    ),
    "nullable const with a line in it": ({"anyOf": [{"const": "a | b"}, NULL]}, ["a | b", None], [("a", "")]),
    "array of open objects": ({"type": "array", "items": {"type": "object"}}, [[{"a": 1}, {}]], [([1], "[0]")]),
    "array of arrays": (
        {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
        [[[1], [1.5, 2]]],
        [([[1], [True]], "[1][0]")],
    ),
    "array of anything": ({"type": "array", "items": {}}, [[1, "x", None, [2], {"a": 3}]], [({}, "")]),
    "number": ({"type": "number"}, [1.5, 1, 0, -0.0, 1e300, 10**40], [("1", ""), (True, ""), ([], "")]),
    "decimal in a string": ({"type": "string", "format": "decimal"}, ["1.50"], [(1.5, "")]),
    "date": ({"type": "string", "format": "date"}, ["2022-11-25"], [("20221125", ""), ("2022-02-30", ""), (INSTANT, "")]),
    "uuid": (
        {"type": "string", "format": "uuid"},
        ["7f3e2f0a-6a53-4a8e-9d0e-1f3b8a0d0c11"],
        [("7f3e2f0a6a534a8e9d0e1f3b8a0d0c11", ""), ("{7f3e2f0a-6a53-4a8e-9d0e-1f3b8a0d0c11}", ""), (1, "")],
    ),
    "date-time": (DATE_TIME, [INSTANT, "2022-11-25T12:06:42Z"], [("2022-11-25", ""), (1, "")]),
    "nullable date-time": ({**DATE_TIME, "type": ["string", "null"]}, [INSTANT, None], [("x", "")]),
    "nullable number": ({"anyOf": [{"type": "number"}, NULL]}, [1.5, None], [("x", "")]),
    "nullable reference": ({"oneOf": [REF, NULL]}, ["active", None], [(1, "")]),
    "one of allOf": ({"allOf": [REF], "description": "x"}, ["active"], [(1, "")]),
    "one of anyOf": ({"anyOf": [INTEGER]}, [1], [("x", "")]),
    "one type in a list": ({"type": ["boolean"]}, [True], [(1, "")]),
    "with a default": ({"type": "boolean", "default": True}, [True, False], [(0, "")]),
    "with a default of another type": ({"type": "integer", "default": "x"}, [1], [("x", "")]),
    "anything": ({}, [1, "x", None, [1], {"a": 1}, 1.5, True], []),
    "anything, described": ({"description": "x", "examples": [1]}, [None, {"a": [1.5]}], []),
    "limits, which are the server's": ({"type": "integer", "minimum": 1, "maximum": 3}, [2], [("x", "")]),
    "odd words": ({"type": "string", "description": 'a """ b \\N{DASH} \\ {0} {{ x }} {% raw %} "'}, ["x"], []),
    "odd words of an enum": ({"enum": ["a"], "description": 'a """ \\N{DASH} "'}, ["a"], []),
}


@pytest.mark.parametrize("is_required", [False, True], ids=["", "required"])
@pytest.mark.parametrize("name", FIELDS)
def test_a_property_of_this_kind_is_read_and_written_alike_in_every_way(name: str, is_required: bool) -> None:
    schema, values, wrong = FIELDS[name]
    document = contract({"it": schema}, required=["it"] if is_required else [], schemas=SCHEMAS)
    validator = jsonschema_rs.validator_for(
        {"$ref": "#/components/schemas/Row", "components": document["components"]}, validate_formats=True
    )
    with package(document) as load:
        model = load("models").Row
        for value in values:
            row = {"pk": 1, "it": value}
            assert validator.is_valid(row), value
            decoded = decodings(load, model, row)
            back = json.dumps(model.from_dict(row).to_dict(), sort_keys=True)
            assert back == json.dumps({"it": int(value) if name in INTEGRAL else value, "pk": 1}, sort_keys=True)
            assert [each for each in decoded if each != decoded[0]] == []
        for value, path in wrong:
            row = {"pk": 1, "it": value}
            assert not validator.is_valid(row), value
            where = f"it{path}" if not path or path.startswith("[") else f"it.{path}"
            assert {each[0] for each in decodings(load, model, row)} == {where}, value


# 2.0 is an integer to JSON Schema, and is written as one.
INTEGRAL = ("enum of integers among numbers",)


@pytest.mark.parametrize("name", FIELDS)
def test_a_required_property_that_is_not_there_is_malformed(name: str) -> None:
    with package(contract({"it": FIELDS[name][0]}, required=["it"], schemas=SCHEMAS)) as load:
        assert {each[0] for each in decodings(load, load("models").Row, {"pk": 1})} == {"it"}


@pytest.mark.parametrize("name", FIELDS)
def test_null_costs_no_row_but_an_array_is_never_null_unless_it_may_be(name: str) -> None:
    schema = FIELDS[name][0]
    with package(contract({"it": schema}, schemas=SCHEMAS)) as load:
        outcomes = decodings(load, load("models").Row, {"it": None})
    kept = schema.get("type") != "array"
    assert all((each[0] != "it") == kept for each in outcomes)


def test_a_default_is_neither_set_nor_sent() -> None:
    parameter = {"name": "q", "in": "query", "schema": {"type": "integer", "default": 1}}
    with package(contract({"flag": {"type": "boolean", "default": True}}, parameters=[parameter])) as load:
        assert load("models").Row().to_dict() == {}
        assert load("api.default.list_rows").request().url == "/rows/"


def test_an_object_without_properties_is_a_dictionary_where_it_stands_and_a_class_where_it_has_a_name() -> None:
    properties = {"open": {"type": "object"}, "named": {"$ref": "#/components/schemas/Named"}}
    with package(contract(properties, schemas=SCHEMAS)) as load:
        row = load("models").Row.from_dict({"open": {"a": 1}, "named": {"a": 1}})
        assert row.open_ == {"a": 1}
        assert type(row.named).__name__ == "Named"
        assert row.named["a"] == 1
        assert sorted(load("models").__all__) == ["Named", "Part", "Row", "RowPage", "Status"]


# --- Parameters -------------------------------------------------------------------------------------------------------

EAST = datetime.timezone(datetime.timedelta(hours=3))
UUID = uuid.UUID("7f3e2f0a-6a53-4a8e-9d0e-1f3b8a0d0c11")
LIST_OF_STRINGS = {"type": "array", "items": STRING}

# A schema, more of the parameter, a value, and the query behind the question mark.
QUERIES: dict[str, tuple[Any, dict[str, Any], Any, str]] = {
    "string": (STRING, {}, "a b&c+d%\u00e9", "q=a%20b%26c%2Bd%25%C3%A9"),
    "empty string": (STRING, {}, "", "q="),
    "date-time": (DATE_TIME, {}, datetime.datetime(2022, 11, 25, 12, tzinfo=EAST), "q=2022-11-25T09%3A00%3A00Z"),
    "date": ({"type": "string", "format": "date"}, {}, datetime.date(2022, 11, 25), "q=2022-11-25"),
    "uuid": ({"type": "string", "format": "uuid"}, {}, UUID, f"q={UUID}"),
    "number": ({"type": "number"}, {}, 1e300, "q=1e%2B300"),
    "number that is an integer": ({"type": "number"}, {}, 1, "q=1"),
    "true": ({"type": "boolean"}, {}, True, "q=true"),
    "false": ({"type": "boolean"}, {}, False, "q=false"),
    "enum": (REF, {}, "active", "q=active"),
    "const": ({"const": "x"}, {}, "x", "q=x"),
    "null is not sent": ({"type": ["string", "null"]}, {}, None, ""),
    "nullable": ({"type": ["integer", "null"]}, {}, 1, "q=1"),
    "array with commas": (LIST_OF_STRINGS, {"explode": False}, ["a,b", "c"], "q=a%2Cb,c"),
    "array without a comma": (LIST_OF_STRINGS, {"style": "form", "explode": False}, ["a"], "q=a"),
    "array, exploded": (LIST_OF_STRINGS, {"explode": True}, ["a,b", "c"], "q=a%2Cb&q=c"),
    "array, exploded since nothing else is said": (LIST_OF_STRINGS, {}, ["a", "b"], "q=a&q=b"),
    "array of enums": ({"type": "array", "items": REF}, {"explode": False}, ["active", "new"], "q=active,new"),
    "array of integers": ({"type": "array", "items": INTEGER}, {}, (1, 2), "q=1&q=2"),
    "array of dates": (
        {"type": "array", "items": DATE_TIME},
        {"explode": False},
        [datetime.datetime(2022, 11, 25, tzinfo=datetime.UTC)] * 2,
        "q=2022-11-25T00%3A00%3A00Z,2022-11-25T00%3A00%3A00Z",
    ),
    "array by name": ({"$ref": "#/components/schemas/Codes"}, {"explode": False}, [1, 2], "q=1,2"),
    "required": (STRING, {"required": True}, "a", "q=a"),
}
CODES = {"Codes": {"type": "array", "items": INTEGER}}


@pytest.mark.parametrize("name", QUERIES)
def test_a_parameter_goes_out_as_the_contract_says(name: str) -> None:
    schema, more, value, query = QUERIES[name]
    parameter = {"name": "q", "in": "query", "schema": schema, **more}
    with package(contract(parameters=[parameter], schemas=SCHEMAS | CODES)) as load:
        url = load("api.default.list_rows").request(q=value).url
    assert url == ("/rows/?" + query if query else "/rows/")


def test_a_required_parameter_has_no_default() -> None:
    parameter = {"name": "q", "in": "query", "required": True, "schema": STRING}
    with package(contract(parameters=[parameter])) as load:
        with pytest.raises(TypeError, match="required keyword-only argument: 'q'"):
            load("api.default.list_rows").request()


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (datetime.datetime(2022, 11, 25), "q has no time zone"),
        (float("nan"), "q is not a number that a query has"),
        (float("inf"), "q is not a number that a query has"),
        ({"gte": 1}, "q is no string, number or boolean"),
        (b"a", "q is no string, number or boolean"),
        ([[1]], "q is no string, number or boolean"),
        ([], "q is empty"),
    ],
    ids=repr,
)
def test_what_no_query_holds_is_refused_before_it_is_sent(value: Any, error: str) -> None:
    with package(contract(parameters=[{"name": "q", "in": "query", "schema": STRING}])) as load:
        with pytest.raises((ValueError, TypeError), match=error):
            load("api.default.list_rows").request(q=value)


@pytest.mark.parametrize(
    ("schema", "value", "segment"),
    [
        (STRING, "a/b?c#d%", "a%2Fb%3Fc%23d%25"),
        (INTEGER, 5, "5"),
        ({"type": "boolean"}, True, "true"),
        (REF, "active", "active"),
        ({"type": "string", "format": "date"}, datetime.date(2022, 11, 25), "2022-11-25"),
        ({"type": "string", "format": "uuid"}, UUID, str(UUID)),
    ],
)
def test_a_value_in_the_path_stays_in_its_segment(schema: Any, value: Any, segment: str) -> None:
    parameter = {"name": "row-id", "in": "path", "required": True, "schema": schema}
    with package(contract(parameters=[parameter], path="/rows/{row-id}/x/", schemas=SCHEMAS)) as load:
        assert load("api.default.list_rows").request(value).url == f"/rows/{segment}/x/"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_value_that_would_lead_to_another_path_is_refused(value: str) -> None:
    parameter = {"name": "id", "in": "path", "required": True, "schema": STRING}
    with package(contract(parameters=[parameter], path="/rows/{id}/")) as load:
        with pytest.raises(ValueError, match="would lead to another path"):
            load("api.default.list_rows").request(value)


# --- Refused ----------------------------------------------------------------------------------------------------------

REFUSED_FIELDS: dict[str, tuple[Any, str]] = {
    "an enum of numbers": (
        {"type": "number", "enum": [1, 1.5]},
        "no template for an enum of other values than strings, or integers; leave the enum out",
    ),
    "an enum of two types": (
        {"enum": [1, "a"]},
        "no template for an enum of other values than strings, or integers; leave the enum out",
    ),
    "an enum of booleans": (
        {"type": "boolean", "enum": [True]},
        "no template for an enum of other values than strings, or integers; leave the enum out",
    ),
    "an enum of null": (
        {"enum": [None]},
        "no template for an enum of other values than strings, or integers; leave the enum out",
    ),
    "an enum of another type": ({"type": "string", "enum": [1]}, "the value 1 is not of the type string"),
    "an enum with a value twice": ({"enum": ["a", "a"]}, "the value 'a' stands in the enum twice"),
    "null in an enum that is not nullable": (
        {"type": "string", "enum": ["a", None]},
        "null stands in the enum, but not in the type; write type: [string, 'null']",
    ),
    "an enum with names for some": (
        {"enum": ["a", "b"], "x-enum-varnames": ["A"]},
        "x-enum-varnames does not name each of the 2 values",
    ),
    "enum and const": ({"enum": ["a"], "const": "a"}, "enum and const; write one of them"),
    "a const of a number": ({"const": 1.5}, "no template for the const 1.5; a string, an integer or a boolean is read"),
    "a const of null": ({"const": None}, "no template for the const None; a string, an integer or a boolean is read"),
    "a const of another type": ({"type": "string", "const": 1}, "the const 1 is not of the type string"),
    "binary": (
        {"type": "string", "format": "binary"},
        "no template for the format binary; leave the format out to get a string",
    ),
    "several types": (
        {"type": ["integer", "string"]},
        "no template for the types integer, string; leave the type out to get any value",
    ),
    "null alone": ({"type": "null"}, "no template for the types null; leave the type out to get any value"),
    "no type that there is": ({"type": "float"}, "there is no type 'float'"),
    "null without quotes": ({"type": ["string", None]}, "there is no type None; write 'null' in quotes"),
    "anyOf of several": (
        {"anyOf": [INTEGER, STRING]},
        "no template for anyOf of several types; leave it out to get any value",
    ),
    "something beside anyOf": ({"anyOf": [INTEGER, NULL], "type": "integer"}, "no template for type beside anyOf"),
    "allOf of several": (
        {"allOf": [{"$ref": "#/components/schemas/Part"}, {"$ref": "#/components/schemas/Named"}]},
        "no template for allOf other than of one $ref; write it out as one schema",
    ),
    "something beside a reference": (
        {**REF, "enum": ["active"]},
        "no template for enum beside $ref; write it out as one schema",
    ),
    "a reference to nothing": ({"$ref": "#/components/schemas/Nothing"}, "there is no #/components/schemas/Nothing"),
    "a reference to a file": ({"$ref": "other.yaml#/Row"}, "there is no other.yaml#/Row"),
    "a closed object": (
        {"type": "object", "additionalProperties": False},
        "no template for additionalProperties: false; leave it out, and what is unknown is kept",
    ),
    "a required property that is none": (
        {"type": "object", "properties": {"a": {}}, "required": ["b"]},
        "'b' is required, but is no property",
    ),
    "properties without a type": ({"properties": {"a": {}}}, "properties without a type; write the type"),
    "a format without a type": ({"format": "date"}, "format without a type; write the type"),
    "an array without items": ({"type": "array"}, "an array without items; write items: {} for any value"),
    "true as a schema": (True, "no template for the schema true; write {} for any value"),
    "nullable": ({"type": "string", "nullable": True}, "`nullable` is of OpenAPI 3.0; write type: [string, 'null']"),
    "another keyword": ({"not": {"type": "string"}}, "no template for the keyword not"),
    "a tuple": ({"type": "array", "prefixItems": [{}], "items": {}}, "no template for the keyword prefixItems"),
    "a name that is no string": ({"type": "object", "properties": {1: {}}}, "the name 1 is not a string to YAML; write it in quotes"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_FIELDS)
def test_a_property_that_the_templates_lack_is_refused_with_its_place(name: str) -> None:
    schema, reason = REFUSED_FIELDS[name]
    assert refusal(contract({"it": schema}, schemas=SCHEMAS)) == f"schema Row, property it: {reason}"
    nested = {"type": "array", "items": {"type": "object", "properties": {"deep": schema}}}
    where = "schema Row, property it, items, property deep"
    assert refusal(contract({"it": nested}, schemas=SCHEMAS)) == f"{where}: {reason}"


HEADER = {"name": "X-Shop", "in": "header", "schema": STRING}
REFUSED_PARAMETERS: dict[str, tuple[Any, str]] = {
    "header": (HEADER, "no template for a parameter in header; set it as a default of the client"),
    "cookie": ({**HEADER, "in": "cookie"}, "no template for a parameter in cookie; set it as a default of the client"),
    "deepObject": (
        {"style": "deepObject", "schema": {"type": "object", "properties": {"gte": INTEGER}}},
        "no template for the style deepObject; the style form goes out",
    ),
    "spaceDelimited": (
        {"style": "spaceDelimited", "schema": LIST_OF_STRINGS},
        "no template for the style spaceDelimited; the style form goes out",
    ),
    "pipeDelimited": (
        {"style": "pipeDelimited", "schema": LIST_OF_STRINGS},
        "no template for the style pipeDelimited; the style form goes out",
    ),
    "allowReserved": ({"schema": STRING, "allowReserved": True}, "no template for allowReserved"),
    "content": (
        {"content": {"application/json": {"schema": STRING}}},
        "no template for a parameter without a schema",
    ),
    "object": (
        {"schema": {"type": "object"}},
        "no template for an object in a query; a string, number or boolean goes out",
    ),
    "anything": ({"schema": {}}, "no template for any value in a query; a string, number or boolean goes out"),
    "array of arrays": (
        {"schema": {"type": "array", "items": LIST_OF_STRINGS}},
        "no template for an array in a query; a string, number or boolean goes out",
    ),
    "array of nullable strings": (
        {"schema": {"type": "array", "items": {"type": ["string", "null"]}}},
        "no template for a nullable schema in a query; a string, number or boolean goes out",
    ),
    "binary": (
        {"schema": {"type": "string", "format": "binary"}},
        "no template for the format binary; leave the format out to get a string",
    ),
}


@pytest.mark.parametrize("name", REFUSED_PARAMETERS)
def test_a_parameter_that_the_templates_lack_is_refused_with_its_place(name: str) -> None:
    parameter, reason = REFUSED_PARAMETERS[name]
    parameter = {"name": "it", "in": "query", **parameter}
    assert refusal(contract(parameters=[parameter])) == f"GET /rows/, parameter {parameter['name']}: {reason}"


def changed(**changes: Any) -> dict[str, Any]:
    """A contract whose operation has these changes."""
    document = contract()
    document["paths"]["/rows/"]["get"].update(changes)
    return document


def with_schemas(**schemas: Any) -> dict[str, Any]:
    return contract(schemas=schemas)


BODY = {"application/json": {"schema": STRING}}


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ([], "the contract: not an object"),
        (changed(requestBody={"content": BODY}), "GET /rows/: no template for requestBody"),
        (changed(servers=[{"url": "/"}]), "GET /rows/: no template for servers"),
        (changed(responses={}), "GET /rows/: it has no responses"),
        (
            changed(responses={"default": {"description": "x"}}),
            "GET /rows/: no template for the response default; write each status, in quotes",
        ),
        (
            changed(responses={"204": {"description": "x"}}),
            "GET /rows/, response 204: no template for no body; one body of application/json is read",
        ),
        (
            changed(responses={"200": {"description": "x", "content": {"text/csv": {"schema": STRING}}}}),
            "GET /rows/, response 200: no template for text/csv; one body of application/json is read",
        ),
        (
            changed(responses={"200": {"description": "x", "content": {**BODY, "text/csv": {"schema": STRING}}}}),
            "GET /rows/, response 200: no template for application/json, text/csv; one body of application/json is read",
        ),
        (
            changed(parameters=[{"name": "id", "in": "path", "schema": STRING}]),
            "GET /rows/, parameter id: a parameter in the path is required; say so",
        ),
        (
            contract(path="/rows/{it/"),
            "path /rows/{it/: it has a character that no path of a URL has, or a brace without its pair",
        ),
        (
            with_schemas(A={"type": "object", "properties": {"b": {"$ref": "#/components/schemas/B"}}},
                         B={"type": "array", "items": {"$ref": "#/components/schemas/A"}}),
            "schema A: no template for schemas that refer to each other in a circle: A -> B -> A",
        ),
        (
            with_schemas(A={"$ref": "#/components/schemas/Row"}),
            "schema A: no template for a second name of a schema; refer to the first one",
        ),
        (with_schemas(**{"A/B": STRING}), "schema A/B: its name has other characters than A-Z a-z 0-9 . _ -"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_contract_that_the_templates_lack_is_refused_in_one_line(document: Any, line: str) -> None:
    assert refusal(document) == line


# --- Types ------------------------------------------------------------------------------------------------------------


def test_what_is_generated_passes_mypy_strictly(tmp_path: Path) -> None:
    # One package of all kinds, since mypy takes seconds to start.
    fields = {f"field_{number}": schema for number, (schema, _, _) in enumerate(FIELDS.values())}
    queries = [
        {"name": f"q{number}", "in": "query", "schema": schema, **more}
        for number, (schema, more, _, _) in enumerate(QUERIES.values())
    ]
    schemas = SCHEMAS | CODES | {"Strict": {"type": "object", "properties": fields, "required": [*fields]}}
    document = contract(fields, schemas=schemas, parameters=queries)
    operation = document["paths"]["/rows/"]["get"]
    for number, schema in enumerate(fields.values()):
        body = {"description": "x", "content": {"application/json": {"schema": schema}}}
        operation["responses"][str(201 + number)] = body
    source = tmp_path / "contract.json"
    source.write_text(json.dumps(document))
    target = generate.generate(source, tmp_path / "every_kind")
    run = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--config-file", "", str(target)]
    result = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout


def test_equal_values_of_other_types_are_told_apart() -> None:
    assert exact(1) != exact(True)
    assert exact(1) != exact(1.0)
