"""Compares two versions of the contract: what has changed, and which version the new one has to bear.

One principle for schemas: what a client sends (SENT) may only be widened, what it reads (READ) may only be narrowed.
Beyond the wire, the names that generated clients are made of (operationId, tag, schemas, enum members) stay, and so
does what is declared (docs/contract.md). What goes against that breaks clients. Any other difference of shape is an
addition, and the rest is words.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from attrs import frozen

from channel_images.contract import resolve
from channel_images.resource import EXTENSIBLE

Node = Mapping[str, Any]
Version = tuple[int, int, int]

SENT, READ = "sent", "read"

LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
# Compared as enums are.
ENUM_EXTENSIONS = {EXTENSIBLE, "x-open-enum", "x-enum-varnames"}
WORDING = {"title", "summary", "description", "example", "examples"}
# Beside a `$ref`, these say something about the place and leave the named schema as it is.
ANNOTATIONS = {*WORDING, "readOnly", "writeOnly", "deprecated"}
ALTERNATIVES = ("anyOf", "oneOf", "allOf")
PARTS = ("items", "additionalProperties")
OTHERS = ("type", "enum", "properties", "required", "default")
COMPARED = {*LOWER_BOUNDS, *UPPER_BOUNDS, *ANNOTATIONS, *ALTERNATIVES, *PARTS, *OTHERS}
METHODS = ("get", "head", "options", "post", "put", "patch", "delete", "trace")
ALL_TYPES = frozenset({"array", "boolean", "integer", "number", "object", "string"})


class Step(enum.IntEnum):
    """The part of the version that a change raises."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


KINDS = {Step.MAJOR: "breaking", Step.MINOR: "addition", Step.PATCH: "words"}
HEADINGS = {Step.MAJOR: "Breaking changes", Step.MINOR: "Additions", Step.PATCH: "Words"}


@frozen
class Change:
    """A difference, and the version step that it asks for."""

    where: str
    what: str
    step: Step

    def __str__(self) -> str:
        return joined(self.where, self.what)


class Shape(NamedTuple):
    """A schema with its references followed and its nullability set apart."""

    name: str | None
    nullable: bool
    schema: Node


def shape(root: Node, schema: Node | bool) -> Shape:
    if isinstance(schema, bool):
        return Shape(None, False, {} if schema else {"not": {}})
    name: str | None = None
    if "$ref" in schema:
        siblings = {key: value for key, value in schema.items() if key != "$ref"}
        if siblings.keys() <= ANNOTATIONS:
            name = schema["$ref"].rsplit("/", 1)[-1]
        schema = resolve(schema, root)
    for keyword in ("anyOf", "oneOf"):
        alternatives = schema.get(keyword, [])
        others = [one for one in alternatives if not isinstance(one, dict) or one.get("type") != "null"]
        if len(others) == 1 and len(alternatives) == 2:
            one = shape(root, others[0])
            siblings = {key: value for key, value in schema.items() if key != keyword}
            return Shape(one.name if siblings.keys() <= ANNOTATIONS else None, True, {**one.schema, **siblings})
    declared = schema.get("type")
    if isinstance(declared, list):
        rest = [one for one in declared if one != "null"]
        return Shape(name, "null" in declared, {**schema, "type": rest})
    return Shape(name, False, schema)


def types(schema: Node) -> frozenset[str]:
    declared = schema.get("type", ALL_TYPES)
    found = frozenset([declared] if isinstance(declared, str) else declared)
    return found | {"integer"} if "number" in found else found


def is_open(schema: Node) -> bool:
    """Whether a reader takes values that the enum does not list."""
    return EXTENSIBLE in schema or "x-open-enum" in schema  # which 1.0.0 has in its place


def members(schema: Node) -> dict[str, str]:
    """The values of an enum, each with the name that a generated client gives it."""
    values: list[Any] = schema.get("enum", [])
    return {str(value): str(name) for value, name in zip(values, schema.get("x-enum-varnames", values), strict=False)}


def operations(root: Node) -> dict[str, tuple[Node, Node]]:
    found = {}
    for path, item in root.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                found[f"{method.upper()} {path}"] = (item, item[method])
    return found


def inputs(root: Node, item: Node, operation: Node) -> dict[str, Node]:
    """What a request is made of: the parameters and the body."""
    listed = [resolve(one, root) for one in (*item.get("parameters", []), *operation.get("parameters", []))]
    found = {f"{one['in']} parameter '{one['name']}'": one for one in listed}
    if "requestBody" in operation:
        found["request body"] = resolve(operation["requestBody"], root)
    return found


def argument(one: Node) -> str:
    """What a generated client calls a parameter or the body, in any case."""
    return re.sub(r"\W", "_", one.get("name", "body")).lower()


def serialisation(parameter: Node) -> dict[str, str]:
    style: str = parameter.get("style", "form" if parameter["in"] in ("query", "cookie") else "simple")
    explode = bool(parameter.get("explode", style == "form"))
    reserved = bool(parameter.get("allowReserved"))
    return {"style": style, "explode": str(explode).lower(), "allowReserved": str(reserved).lower()}


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


def classes(root: Node) -> dict[str, Node]:
    """The schemas that become classes of a generated client."""
    schemas = root.get("components", {}).get("schemas", {})
    return {
        name: one
        for name, one in schemas.items()
        if isinstance(one, dict) and (one.get("type") == "object" or members(one))
    }


def listing(values: Any) -> str:
    return ", ".join(str(value) for value in values)


def joined(*labels: str) -> str:
    return ": ".join(filter(None, labels))


class Comparison:
    """One walk over two contracts; `found` is each place and what has changed there, with the step it asks for."""

    def __init__(self, old: Node, new: Node) -> None:
        self.old = old
        self.new = new
        self.found: dict[tuple[str, str], Step] = {}
        # Schemas that many operations share are compared once in each direction; this ends recursion, too.
        self._seen: set[tuple[str | None, str | None, str]] = set()
        self._contract()

    def _report(self, where: str, *what: str, breaks: bool = True) -> None:
        key, step = (where, joined(*what)), Step.MAJOR if breaks else Step.MINOR
        # A schema that is sent and read may be wider for the one and break the other.
        self.found[key] = max(step, self.found.get(key, step))

    def _shared(
        self, where: str, label: str, form: str, old: Node, new: Node, needed: Collection[str] = ()
    ) -> Iterator[tuple[str, Any, Any]]:
        """What both have; what one of them lacks is reported. To add what is `needed` breaks clients."""
        for name in {**old, **new}:
            if name not in new:
                self._report(where, label, f"{form.format(name)} removed")
            elif name not in old:
                required = ", and is required" if name in needed else ""
                self._report(where, label, f"{form.format(name)} added{required}", breaks=bool(required))
            else:
                yield form.format(name), old[name], new[name]

    def _contract(self) -> None:
        old_servers, new_servers = ({one["url"]: one for one in c.get("servers", [])} for c in (self.old, self.new))
        # What both have is compared where it is used.
        list(self._shared("contract", "", "server {}", old_servers, new_servers))
        list(self._shared("contract", "", "class {}", classes(self.old), classes(self.new)))
        for where, old, new in self._shared("contract", "", "operation {}", operations(self.old), operations(self.new)):
            self._operation(where.removeprefix("operation "), *old, *new)

    def _operation(self, where: str, old_item: Node, old: Node, new_item: Node, new: Node) -> None:
        for key in ("operationId", "tags"):
            if old.get(key) != new.get(key):
                what = f"{key} changed from {old.get(key)} to {new.get(key)}; generated clients are named after it"
                self._report(where, what)
        self._deprecated(where, "", old, new)
        self._security(where, security(self.old, old), security(self.new, new))
        self._inputs(where, inputs(self.old, old_item, old), inputs(self.new, new_item, new))
        responses = (old.get("responses", {}), new.get("responses", {}))
        for label, response, new_response in self._shared(where, "", "response {}", *responses):
            before, after = resolve(response, self.old), resolve(new_response, self.new)
            self._content(where, label, before, after, READ)
            headers = ({name.lower(): one for name, one in node.get("headers", {}).items()} for node in (before, after))
            for name, header, new_header in self._shared(where, label, "header {}", *headers):
                found = resolve(header, self.old), resolve(new_header, self.new)
                self._content(where, joined(label, name), *found, READ)

    def _deprecated(self, where: str, label: str, old: Node, new: Node) -> None:
        if bool(old.get("deprecated")) != bool(new.get("deprecated")):
            self._report(where, label, "deprecated" if new.get("deprecated") else "no longer deprecated", breaks=False)

    def _security(self, where: str, old: list[Node], new: list[Node]) -> None:
        if old == new:
            return
        before, after = (" or ".join(listing(way) or "none" for way in ways) or "none" for ways in (old, new))
        changed = f"security changed from {before} to {after}"
        self._report(
            where,
            changed if before != after else f"definition of security scheme {before} changed",
            breaks=bool(new) and (not old or any(way not in new for way in old)),
        )

    def _inputs(self, where: str, old: dict[str, Node], new: dict[str, Node]) -> None:
        taken = {argument(one) for label, one in old.items() if label in new}
        for label, one in new.items():
            if label not in old and argument(one) in taken:
                self._report(where, f"{label} has the name of another; generated clients rename the arguments of both")
        needed = [label for label, one in new.items() if one.get("required")]
        for label, before, after in self._shared(where, "", "{}", old, new, needed):
            if bool(before.get("required")) != (label in needed):
                became = "became" if label in needed else "is no longer"
                self._report(where, f"{label} {became} required", breaks=label in needed)
            self._deprecated(where, label, before, after)
            if types(shape(self.old, before.get("schema", {})).schema) & {"array", "object"} and "in" in before:
                spelled = serialisation(after)
                for key, value in serialisation(before).items():
                    if value != spelled[key]:
                        self._report(where, label, f"{key} changed from {value} to {spelled[key]}")
            self._content(where, label, before, after, SENT)

    def _content(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        """Compares the one schema of a parameter or a header, or those of a body, one for each content type."""
        self._schema(where, label, old.get("schema", {}), new.get("schema", {}), direction)
        media = (old.get("content", {}), new.get("content", {}))
        for _, before, after in self._shared(where, label, "content type {}", *media):
            self._schema(where, label, before.get("schema", {}), after.get("schema", {}), direction)

    def _schema(self, where: str, label: str, old: Node | bool, new: Node | bool, direction: str) -> None:
        a, b = shape(self.old, old), shape(self.new, new)
        self._deprecated(where, label, a.schema, b.schema)
        if a.nullable != b.nullable:
            what = "became nullable" if b.nullable else "no longer nullable"
            self._report(where, label, what, breaks=b.nullable == (direction == READ))
        if a.name or b.name:
            key = (a.name, b.name, direction)
            if key in self._seen:
                return
            self._seen.add(key)
            if a.name == b.name:
                where, label = f"schema {a.name}", ""
        for compare in (self._types, self._enums, self._bounds, self._keywords, self._properties, self._alternatives):
            compare(where, label, a.schema, b.schema, direction)

    def _types(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        before, after = types(old), types(new)
        if before != after:
            names = [listing(sorted(found)) if found != ALL_TYPES else "any" for found in (before, after)]
            breaks = not (before <= after if direction == SENT else after <= before)
            self._report(where, label, f"type changed from {names[0]} to {names[1]}", breaks=breaks)

    def _enums(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        before, after = members(old), members(new)
        if before and not after:
            self._report(where, label, "enum removed; generated clients import it")
        elif after and not before:
            self._report(where, label, f"enum of {listing(after)} added", breaks=direction == SENT)
        if not (before and after):
            return
        # From a response, too: programs name the member.
        gone = [value for value in before if value not in after]
        if gone:
            self._report(where, label, f"enum value {listing(gone)} removed")
        for value, name in before.items():
            if after.get(value, name) != name:
                self._report(where, label, f"enum value {value} renamed from {name} to {after[value]}")
        added = [value for value in after if value not in before]
        if added:
            is_unknown = direction == READ and not is_open(old)
            to_closed = " to an enum that was not open" if is_unknown else ""
            self._report(where, label, f"enum value {listing(added)} added{to_closed}", breaks=is_unknown)
        if is_open(old) != is_open(new):
            opened = is_open(new)
            self._report(where, label, f"enum {'opened' if opened else 'closed'}", breaks=opened == (direction == READ))

    def _bounds(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        for keyword in (*LOWER_BOUNDS, *UPPER_BOUNDS):
            before, after = old.get(keyword), new.get(keyword)
            if before == after:
                continue
            if before is None or after is None:
                is_narrower = before is None
                what = f"{after} added" if is_narrower else f"{before} removed"
            else:
                is_narrower = (after > before) == (keyword in LOWER_BOUNDS)
                what = f"{'raised' if after > before else 'lowered'} from {before} to {after}"
            self._report(where, label, f"{keyword} {what}", breaks=is_narrower == (direction == SENT))

    def _keywords(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        """Keywords that narrow by being there; another value is another set, which breaks either way."""
        defaults = {"default"} if direction == SENT else set()
        for keyword in sorted((old.keys() | new.keys()) - COMPARED | defaults):
            before, after = old.get(keyword), new.get(keyword)
            if before != after and not keyword.startswith("x-"):
                decisive = after if direction == SENT and keyword != "default" else before
                self._report(where, label, f"{keyword} changed from {before} to {after}", breaks=decisive is not None)

    def _properties(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        properties = (old.get("properties", {}), new.get("properties", {}))
        for name, before, after in self._shared(where, label, "property '{}'", *properties):
            self._schema(where, joined(label, name), before, after, direction)
        needed, new_needed = set(old.get("required", [])), set(new.get("required", []))
        for name in sorted(needed ^ new_needed):
            became = name in new_needed
            what = f"property '{name}' {'became' if became else 'is no longer'} required"
            self._report(where, label, what, breaks=became == (direction == SENT))
        for keyword in PARTS:
            part, new_part = old.get(keyword, True), new.get(keyword, True)
            if isinstance(part, dict) and isinstance(new_part, dict):
                self._schema(where, joined(label, keyword), part, new_part, direction)
            elif part != new_part:
                breaks = (new_part if direction == SENT else part) is not True
                self._report(where, label, f"the schema of its {keyword} changed", breaks=breaks)

    def _alternatives(self, where: str, label: str, old: Node, new: Node, direction: str) -> None:
        for keyword in ALTERNATIVES:
            before, after = old.get(keyword, []), new.get(keyword, [])
            if len(before) != len(after):
                # More alternatives widen, more demands (allOf) narrow.
                wider = len(after) < len(before) if keyword == "allOf" else len(after) > len(before)
                what = f"{keyword} has {len(after)} members, not {len(before)}"
                self._report(where, label, what, breaks=wider == (direction == READ))
            # Where only their order differs, nothing has changed.
            pairs = [(one, one) for one in before if one in after]
            pairs += zip((a for a in before if a not in after), (b for b in after if b not in before), strict=False)
            for a, b in pairs:
                self._schema(where, joined(label, f"{keyword} {before.index(a)}"), a, b, direction)


def places(roots: tuple[Node, Node], old: Any, new: Any, *place: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Where two documents differ, as deep as both go, and how."""
    if isinstance(old, list) and isinstance(new, list):
        old, new = dict(enumerate(old)), dict(enumerate(new))
    if isinstance(old, dict) and isinstance(new, dict):
        if ("$ref" in old) != ("$ref" in new):  # what was referred to is written out in place, or the other way round
            old, new = resolve(old, roots[0]), resolve(new, roots[1])
        for key in {**old, **new}:
            yield from places(roots, old.get(key), new.get(key), *place, str(key))
    elif old != new:
        yield place, "added" if old is None else "removed" if new is None else "changed"


def beyond_shapes(old: Node, new: Node) -> Iterator[Change]:
    """Declarations (`x-`): what is declared is promised. And words, which promise nothing that a program could notice."""
    for place, what in places((old, new), old, new):
        extension = next((number for number, step in enumerate(place) if step.startswith("x-")), None)
        if place[0] == "x-conformance":
            yield Change(".".join(place[:2]), what if len(place) <= 2 else "changed", Step.PATCH)
        elif extension is not None and place[extension] not in ENUM_EXTENSIONS:
            is_new = what == "added" and place[extension] == place[-1]
            where = ".".join(place[: extension + 1])
            yield Change(where, "added" if is_new else "changed or removed", Step.MINOR if is_new else Step.MAJOR)
        elif place[0] in ("info", "tags") or WORDING.intersection(place):
            yield Change(".".join(place), what, Step.PATCH)


def changes(old: Node, new: Node) -> list[Change]:
    """Every difference, what breaks clients first; one that many operations share is said once.

    A new `info.version` is none.
    """
    old, new = ({**one, "info": {**one["info"], "version": None}} for one in (old, new))
    places_of: dict[tuple[Step, str], list[str]] = {}
    for (where, what), step in Comparison(old, new).found.items():
        places_of.setdefault((step, what), []).append(where)
    found = []
    for (step, what), shared_by in places_of.items():
        others = len(shared_by) - 1
        also = f" (and in {others} more place{'s' if others > 1 else ''})" if others else ""
        found.append(Change(shared_by[0], what + also, step))
    found += dict.fromkeys(beyond_shapes(old, new))
    if not found and old != new:
        found.append(Change("contract", "changed", Step.PATCH))
    return sorted(found, key=lambda change: -change.step)


def least(released: Version, step: Step) -> Version:
    """The lowest version that may follow the released one."""
    major, minor, patch = released
    return ((major, minor, patch + 1), (major, minor + 1, 0), (major + 1, 0, 0))[step]


def page(old: Node, new: Node) -> Iterator[str]:
    """The lines of docs/contract-changes.md, which `make docs` writes."""
    before, after = old["info"]["version"], new["info"]["version"]
    yield "# Changes of the contract"
    yield ""
    yield f"`openapi.yaml` is version {after}. This is what has changed since the last release, {before}."
    yield "[CONTRIBUTING.md](../CONTRIBUTING.md#versions-of-the-contract) says which version a change asks for, and how a"
    yield "release is made. `make docs` writes this page."
    found = changes(old, new)
    for step, heading in HEADINGS.items():
        yield from ("", f"## {heading}", "")
        lines = [f"- `{change.where}`: {change.what}" for change in found if change.step is step]
        yield from lines or ["Nothing."]
