"""The part of OpenAPI that the templates cover: a contract is rewritten to it, or refused where it goes beyond.

openapi-python-client drops what it does not know, without a word: the style of a parameter, what stands beside a `$ref`,
a `const` beside `type: boolean`, a third type. So the contract is read here first, in its own words. What comes out says
each thing in one form that the generator reads right:

- a nullable schema is `anyOf: [schema, {type: 'null'}]`;
- an object that becomes a dictionary is marked, since the generator knows only objects with classes;
- parameters and responses stand where they are used;
- there are no defaults, which neither models nor requests use.
"""

import re
from typing import Any, NoReturn

Node = dict[str, Any]

_ANNOTATIONS = frozenset(
    {
        "title",
        "description",
        "default",
        "example",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "externalDocs",
        "xml",
        "$comment",
    }
)
# Models are checked for types alone: what they hold is the server's to say.
_LIMITS = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
    }
)
_SHAPES = frozenset(
    {
        "$ref",
        "allOf",
        "anyOf",
        "oneOf",
        "enum",
        "const",
        "type",
        "format",
        "properties",
        "required",
        "additionalProperties",
        "items",
    }
)
_TYPES: dict[str, type | tuple[type, ...]] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_NULL = {"type": "null"}

# Marks an object without properties that is written in place.
DICTIONARY = "x-dictionary"
_REF = "#/components/schemas/"
# As OpenAPI wants the names of components. In others, the generator takes a part for the whole.
_COMPONENT = re.compile(r"[A-Za-z0-9._-]+")
_PATH = re.compile(r"(/|[A-Za-z0-9._~!$&'()*+,;=:@%-]|\{[A-Za-z_-][A-Za-z0-9_-]*\})+")


class GenerationError(Exception):
    """The package cannot be generated; the message says why, in one line."""


def rewrite(contract: Node) -> Node:
    """The contract in the forms that the generator reads right. It leaves its argument as it is.

    Raises:
        GenerationError: It goes beyond what the templates cover; names the place and, where there is one, a way around.
    """
    return _Contract(contract).rewrite()


def _refuse(where: str, what: str) -> NoReturn:
    raise GenerationError(f"{where}: {what}")


def _mapping(value: Any, where: str) -> Node:
    if not isinstance(value, dict):
        _refuse(where, "not an object")
    for key in value:
        if not isinstance(key, str):
            _refuse(where, f"the name {key!r} is not a string to YAML; write it in quotes")
    return value


class _Contract:
    def __init__(self, contract: Node) -> None:
        self._contract = _mapping(contract, "the contract")
        self._components: Node = _mapping(contract.get("components", {}), "components")
        self._schemas: Node = _mapping(self._components.get("schemas", {}), "components.schemas")
        self._references: dict[str, list[str]] = {}
        self._referred: list[str] = []  # by the component that is rewritten

    def rewrite(self) -> Node:
        for name in self._schemas:
            if not _COMPONENT.fullmatch(name):
                _refuse(f"schema {name}", "its name has other characters than A-Z a-z 0-9 . _ -")
        schemas = {name: self._component(name, schema) for name, schema in self._schemas.items()}
        self._refuse_circles()
        paths = _mapping(self._contract.get("paths", {}), "paths")
        return {
            **self._contract,
            "paths": {path: self._path(path, item) for path, item in paths.items() if not path.startswith("x-")},
            "components": {"schemas": schemas},
        }

    # --- Schemas ------------------------------------------------------------------------------------------------------

    def _component(self, name: str, schema: Any) -> Node:
        where = f"schema {name}"
        self._referred = []
        plain = self._schema(schema, where, name)
        if "$ref" in plain:
            _refuse(where, "no template for a second name of a schema; refer to the first one")
        self._references[name] = self._referred
        plain.pop(DICTIONARY, None)  # what has a name gets a class
        return plain

    def _refuse_circles(self) -> None:
        done: set[str] = set()

        def follow(name: str, way: tuple[str, ...]) -> None:
            if name in way:
                circle = " -> ".join([*way[way.index(name) :], name])
                _refuse(f"schema {name}", f"no template for schemas that refer to each other in a circle: {circle}")
            if name not in done:
                for reference in self._references[name]:
                    follow(reference, (*way, name))
                done.add(name)

        for name in self._references:
            follow(name, ())

    def _schema(self, schema: Any, where: str, name: str, *, is_body: bool = False) -> Node:
        """Rewrite a schema; `name` is the one from which the generator makes that of a class."""
        schema = _check_keywords(schema, where)
        notes = {key: value for key, value in schema.items() if key in ("title", "description", "x-enum-varnames")}
        shape = {key: value for key, value in schema.items() if key in _SHAPES}
        for union in ("anyOf", "oneOf"):
            if union in shape:
                return notes | self._union(shape, union, where, name, is_body=is_body)
        if "$ref" in shape or "allOf" in shape:
            return self._reference(shape, where)
        nullable, kind = _split_type(shape, where)
        if "const" in shape:
            return notes | _check_const(shape, kind, where)
        if "enum" in shape:
            nullable, plain = _check_enum(schema, kind, nullable=nullable, where=where)
        else:
            plain = self._typed(shape, kind, where, name)
        if not nullable:
            return notes | plain
        # The title makes the name of a class what it would be without null.
        return {**notes, "anyOf": [{"title": name, **notes, **plain}, _NULL]}

    def _typed(self, shape: Node, kind: str | None, where: str, name: str) -> Node:
        if kind is None:
            for keyword in sorted(shape):
                _refuse(where, f"{keyword} without a type; write the type")
            return {}
        if kind == "object":
            return self._object(shape, where)
        if kind == "array":
            if "items" not in shape:
                _refuse(where, "an array without items; write items: {} for any value")
            return {"type": "array", "items": self._schema(shape["items"], f"{where}, items", f"{name}_item")}
        if (kind, shape.get("format")) == ("string", "binary"):
            _refuse(where, "no template for the format binary; leave the format out to get a string")
        return {"type": kind, **({"format": shape["format"]} if "format" in shape else {})}

    def _union(self, shape: Node, union: str, where: str, name: str, *, is_body: bool) -> Node:
        if beside := sorted(shape.keys() - {union}):
            _refuse(where, f"no template for {beside[0]} beside {union}")
        members = shape[union]
        if not isinstance(members, list):
            _refuse(where, f"{union} is no list")
        others = [member for member in members if member != _NULL]
        if len(others) == 1 and len(members) - len(others) <= 1:
            plain = self._schema(others[0], where, name)
            if len(members) == 1 or "anyOf" in plain:
                return plain
            return {"anyOf": [{"title": name, **plain} if "$ref" not in plain else plain, _NULL]}
        if is_body and len(others) == len(members) > 1:
            return {"anyOf": [self._schema(member, f"{where}, {union}", name) for member in members]}
        _refuse(where, f"no template for {union} of several types; leave it out to get any value")

    def _reference(self, shape: Node, where: str) -> Node:
        keyword = "$ref" if "$ref" in shape else "allOf"
        if beside := sorted(shape.keys() - {keyword}):
            _refuse(where, f"no template for {beside[0]} beside {keyword}; write it out as one schema")
        if keyword == "allOf":
            if not (isinstance(shape["allOf"], list) and [*map(_is_reference, shape["allOf"])] == [True]):
                _refuse(where, "no template for allOf other than of one $ref; write it out as one schema")
            shape = shape["allOf"][0]
        reference = shape["$ref"]
        if not (isinstance(reference, str) and reference.removeprefix(_REF) in self._schemas and _REF in reference):
            _refuse(where, f"there is no {reference}")
        self._referred.append(reference.removeprefix(_REF))
        return {"$ref": reference}

    def _object(self, shape: Node, where: str) -> Node:
        properties = _mapping(shape.get("properties", {}), where)
        required = shape.get("required", [])
        for name in required:
            if name not in properties:
                _refuse(where, f"{name!r} is required, but is no property")
        plain: Node = {"type": "object"}
        if properties:
            plain["properties"] = {
                name: self._schema(schema, f"{where}, property {name}", name) for name, schema in properties.items()
            }
            plain["required"] = list(required)
        else:
            plain[DICTIONARY] = True
        extra = shape.get("additionalProperties", True)
        if extra is False:
            _refuse(where, "no template for additionalProperties: false; leave it out, and what is unknown is kept")
        if extra is not True:
            extra = self._schema(extra, f"{where}, additional properties", "AdditionalProperty")
            if extra and not any(extra.values()):  # the generator takes a const of 0, "" or false for no schema at all
                extra["description"] = where
        return plain | ({"additionalProperties": extra} if extra not in (True, {}) else {})

    # --- Operations ---------------------------------------------------------------------------------------------------

    def _path(self, path: str, item: Any) -> Node:
        item = _mapping(item, f"path {path}")
        if not _PATH.fullmatch(path):
            _refuse(f"path {path}", "it has a character that no path of a URL has, or a brace without its pair")
        for keyword in ("$ref", "servers"):
            if keyword in item:
                _refuse(f"path {path}", f"no template for {keyword} of a path")
        shared = self._parameters(item, f"path {path}")
        return {
            method: self._operation(item[method], shared, f"{method.upper()} {path}")
            for method in _METHODS
            if method in item
        }

    def _operation(self, operation: Any, shared: list[Node], where: str) -> Node:
        operation = _mapping(operation, where)
        for keyword in ("requestBody", "servers", "callbacks"):
            if keyword in operation:
                _refuse(where, f"no template for {keyword}")
        parameters = self._parameters(operation, where)
        named = {(parameter["name"], parameter["in"]) for parameter in parameters}
        parameters += [parameter for parameter in shared if (parameter["name"], parameter["in"]) not in named]
        responses = _mapping(operation.get("responses", {}), f"{where}, responses")
        if not responses:
            _refuse(where, "it has no responses")
        return {
            **operation,
            "parameters": parameters,
            "responses": {status: self._response(str(status), each, where) for status, each in responses.items()},
        }

    def _component_in(self, section: str, value: Any, where: str) -> Node:
        node = _mapping(value, where)
        if "$ref" not in node:
            return node
        components = self._components.get(section, {})
        prefix = f"#/components/{section}/"
        found: Any = components.get(str(node["$ref"]).removeprefix(prefix)) if prefix in str(node["$ref"]) else None
        if not isinstance(found, dict) or "$ref" in found:
            _refuse(where, f"there is no {node['$ref']}")
        return _mapping(found, where)

    def _parameters(self, node: Node, where: str) -> list[Node]:
        parameters = node.get("parameters", [])
        if not isinstance(parameters, list):
            _refuse(where, "parameters is no list")
        return [self._parameter(self._component_in("parameters", each, where), where) for each in parameters]

    def _parameter(self, parameter: Node, where: str) -> Node:
        name, place = parameter.get("name"), parameter.get("in")
        if not isinstance(name, str) or not name:
            _refuse(where, f"a parameter has no name that is a string: {name!r}")
        where = f"{where}, parameter {name}"
        if place not in ("path", "query"):
            _refuse(where, f"no template for a parameter in {place}; set it as a default of the client")
        if "schema" not in parameter:
            _refuse(where, "no template for a parameter without a schema")
        style = "form" if place == "query" else "simple"
        if (found := parameter.get("style", style)) != style:
            _refuse(where, f"no template for the style {found}; the style {style} goes out")
        if parameter.get("allowReserved"):
            _refuse(where, "no template for allowReserved")
        if place == "path" and parameter.get("required") is not True:
            _refuse(where, "a parameter in the path is required; say so")
        schema = _without_null(self._schema(parameter["schema"], where, name))
        shape = self._resolved(schema)
        if shape.get("type") == "array" and place == "query":
            schema = shape
            shape = self._resolved(shape["items"])
        if not ({"enum", "const"} & shape.keys() or shape.get("type") in _TYPES):
            _refuse(where, f"no template for {_describe(shape)} in a {place}; a string, number or boolean goes out")
        return {**parameter, "schema": schema}

    def _resolved(self, plain: Node) -> Node:
        if "$ref" not in plain:
            return plain
        name = plain["$ref"].removeprefix(_REF)
        return self._schema(self._schemas[name], f"schema {name}", name)

    def _response(self, status: str, response: Any, where: str) -> Node:
        if not re.fullmatch(r"[1-5]\d\d", status):
            _refuse(where, f"no template for the response {status}; write each status, in quotes")
        where = f"{where}, response {status}"
        response = self._component_in("responses", response, where)
        content = _mapping(response.get("content", {}), where)
        if [*content] != ["application/json"]:
            found = ", ".join(content) or "no body"
            _refuse(where, f"no template for {found}; one body of application/json is read")
        body = _mapping(content["application/json"], where)
        if "schema" not in body:
            _refuse(where, "its body has no schema")
        schema = self._schema(body["schema"], where, f"response_{status}", is_body=True)
        return {
            "description": response.get("description", ""),
            "content": {"application/json": {"schema": schema}},
        }


def _check_keywords(schema: Any, where: str) -> Node:
    if isinstance(schema, bool):
        _refuse(where, f"no template for the schema {str(schema).lower()}; write {{}} for any value")
    keywords = _mapping(schema, where)
    for keyword in keywords:
        if keyword == "nullable":
            _refuse(where, "`nullable` is of OpenAPI 3.0; write type: [string, 'null']")
        if keyword not in _ANNOTATIONS | _LIMITS | _SHAPES and not keyword.startswith("x-"):
            _refuse(where, f"no template for the keyword {keyword}")
    return keywords


def _is_reference(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.keys() == {"$ref"}


def _split_type(shape: Node, where: str) -> tuple[bool, str | None]:
    """Whether the type takes null, and the one type beside it; None if there is no type."""
    kinds = shape.get("type")
    if kinds is None:
        return False, None
    kinds = kinds if isinstance(kinds, list) else [kinds]
    for kind in kinds:
        if kind not in (*_TYPES, "object", "array", "null"):
            _refuse(where, f"there is no type {kind!r}" + ("; write 'null' in quotes" if kind is None else ""))
    others = [kind for kind in kinds if kind != "null"]
    if len(others) != 1 or len(kinds) > 2:
        _refuse(where, f"no template for the types {', '.join(kinds)}; leave the type out to get any value")
    return "null" in kinds, others[0]


def _is(value: Any, kind: str | None) -> bool:
    if kind is None:
        return True
    allowed = _TYPES.get(kind, ())
    return isinstance(value, allowed) and (kind == "boolean" or not isinstance(value, bool))


def _check_const(shape: Node, kind: str | None, where: str) -> Node:
    value = shape["const"]
    if "enum" in shape:
        _refuse(where, "enum and const; write one of them")
    if not isinstance(value, str | int):
        _refuse(where, f"no template for the const {value!r}; a string, an integer or a boolean is read")
    if not _is(value, kind):
        _refuse(where, f"the const {value!r} is not of the type {kind}")
    return {"const": value}


def _check_enum(schema: Node, kind: str | None, *, nullable: bool, where: str) -> tuple[bool, Node]:
    """Whether null is a value, and the enum of the others."""
    values = schema["enum"]
    if not isinstance(values, list):
        _refuse(where, "enum is no list")
    others = [value for value in values if value is not None]
    if {type(value) for value in others} not in ({str}, {int}):
        _refuse(where, "no template for an enum of other values than strings, or integers; leave the enum out")
    for value in others:
        if not _is(value, kind):
            _refuse(where, f"the value {value!r} is not of the type {kind}")
        if others.count(value) > 1:
            _refuse(where, f"the value {value!r} stands in the enum twice")
    if None in values and kind is not None and not nullable:
        _refuse(where, f"null stands in the enum, but not in the type; write type: [{kind}, 'null']")
    names = schema.get("x-enum-varnames")
    if names is not None and (not isinstance(names, list) or len(names) != len(others)):
        _refuse(where, f"x-enum-varnames does not name each of the {len(others)} values")
    return None in values, {"type": "string" if isinstance(others[0], str) else "integer", "enum": others}


def _without_null(plain: Node) -> Node:
    """A parameter that is null is not sent."""
    members = [member for member in plain.get("anyOf", ()) if member != _NULL]
    return members[0] if members else plain


def _describe(plain: Node) -> str:
    if "anyOf" in plain:
        return "a nullable schema"
    kind = plain.get("type")
    return {"array": "an array", "object": "an object", None: "any value"}.get(kind, str(kind))
