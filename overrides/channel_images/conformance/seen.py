"""Keeps account of what of the contract a run has met: the statuses, the kinds of value, the kinds of row.

All of it is taken from answers that the run hears anyway. What was not met is not tested, whatever the verdict says.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import define, field, frozen

from channel_images import resource as contract
from channel_images.conformance.asking.operations import OPERATIONS, Operation, noun
from channel_images.conformance.asking.parsing import said
from channel_images.conformance.asking.wire import VALID, Answer
from channel_images.conformance.results import Seen
from channel_images.contract import resolve
from channel_images.resource import resource

ABSENT, NULL, EMPTY, VALUE = "absent", "null", "empty text", "a value"
OCCURS, MISSING, SEVERAL = "a value that occurs", "a value that does not occur", "several values"
BOOLEANS = ("true", "false")
REFUSED = frozenset({403, 404, 410})
"""What says that a channel or a row does not exist, or is not to be seen."""
WITHOUT_ROWS = frozenset({200, 400, 404, 410, 422})
"""What says, without rows, that nothing has a value."""
HINTS = {
    400: "the server refused no value that it was sent",
    401: "the rules of the family auth were left out",
    403: "give --other-token",
    404: "nothing was asked for that does not exist",
    429: "the run met no limit of requests; a higher --rate may",
}


@define
class Coverage:
    """What a run has met so far.

    Args:
        channels: the examined channel, then the others.
    """

    channels: Sequence[int]
    _statuses: set[tuple[str, int]] = field(init=False, factory=set)
    _values: dict[tuple[str, str], set[str]] = field(init=False, factory=lambda: defaultdict(set))
    """By operation and parameter, the kinds of value."""
    _asked: set[tuple[str, str, str]] = field(init=False, factory=set)
    """The values of parameters that were asked for, with rows or without."""
    _unmet: dict["_Field", set[str]] = field(init=False)
    """By field, the kinds that no row has had."""
    _has_rows: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        fields = [_field(name, schema) for name, schema in resource().fields.items()]
        self._unmet = {each: set(each.kinds) for each in fields}

    def hear(self, operation: Operation, path_values: Sequence[str], answer: Answer) -> None:
        """Take note of an answer to a request for an operation, with the texts of the parameters in its path."""
        if answer.request.method != "GET" or answer.broke:
            return
        self._statuses.add((operation.id, answer.status))
        if answer.request.credentials != VALID:
            return
        rows = _rows(answer)
        given = dict(parse_qsl(urlsplit(answer.url).query, keep_blank_values=True))
        given |= zip(re.findall(r"\{(\w+)\}", operation.path), path_values, strict=True)
        self._hear_values(operation, given, answer.status, has_rows=bool(rows))
        if given.get(resource().roles["scope"]) == str(self.channels[0]):
            self._has_rows |= bool(rows)
            self._hear_rows(rows)

    def _hear_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        names = {each.name for each in self._unmet}
        is_complete = all(row.keys() >= names for row in rows)
        for each, unmet in self._unmet.items():
            # Most fields are never absent: their rows need no second look.
            if unmet - {ABSENT} or (unmet and not is_complete):
                for row in rows:
                    unmet.discard(each.kind_in(row))

    def _hear_values(self, operation: Operation, given: Mapping[str, str], status: int, *, has_rows: bool) -> None:
        roles = resource().roles
        filters = [name for name in given if name in operation.filters]
        is_ours = given.get(roles["scope"]) == str(self.channels[0])
        is_first = given.get(roles["page"], "1") == "1"
        is_empty = status in WITHOUT_ROWS and not has_rows
        for each in _parameters(operation):
            kinds, text = self._values[operation.id, each.name], given.get(each.name)
            if text is None:
                kinds |= {ABSENT} if status == 200 else set()
                continue
            values = each.values(text)
            if not values:
                continue
            own = set(values) & set(each.kinds)
            self._asked |= {(operation.id, each.name, value) for value in own}
            if has_rows:
                kinds |= {SEVERAL} if len(values) > 1 else {VALUE, OCCURS, *own}
            if each.name == roles["scope"]:
                is_missing = status in REFUSED and text not in map(str, self.channels)
            elif each.name == roles["key"]:
                is_missing = status in REFUSED and is_ours
            elif each.name == roles["page"]:
                is_missing = is_empty and is_ours and not filters
            else:
                # Beside another filter, or on a later page, that may be the reason.
                is_missing = is_empty and is_ours and filters == [each.name] and is_first
            kinds |= {MISSING} if is_missing else set()

    def seen(self) -> Iterator[Seen]:
        """All that the contract tells of, in its order: statuses, parameters, fields."""
        for operation in OPERATIONS:
            for status in sorted(map(int, _declared(operation).node["responses"])):
                is_seen = (operation.id, status) in self._statuses
                yield Seen("status", operation.id, "", str(status), is_seen, "" if is_seen else _lacking(status))
        for operation in OPERATIONS:
            for each in _parameters(operation):
                for kind in each.kinds:
                    is_seen = kind in self._values[operation.id, each.name]
                    hint = "" if is_seen else self._without(operation, each.name, kind)
                    yield Seen("parameter", operation.id, each.name, kind, is_seen, hint)
        for one, unmet in self._unmet.items():
            for kind in one.kinds:
                hint = self._no_row(one.name, kind) if kind in unmet else ""
                yield Seen("field", "", one.name, kind, kind not in unmet, hint)

    def _without(self, operation: Operation, name: str, kind: str) -> str:
        """What would show a kind of value."""
        match kind:
            case "absent":
                return f"no request without {name} was answered with 200"
            case "several values":
                return f"no request with several values of {name} was answered with rows"
            case "a value" | "a value that occurs":
                return f"no request with {name} was answered with rows"
            case "a value that does not occur":
                return f"no request asked for a {name} that does not exist"
        if (operation.id, name, kind) in self._asked:
            return f"no {noun()} of channel {self.channels[0]} is found by {name}={kind}"
        return f"no request had {name}={kind}"

    def _no_row(self, name: str, kind: str) -> str:
        """What would show a kind of row."""
        which = f"{noun()} of channel {self.channels[0]}"
        if not self._has_rows:
            return f"no {which} was read"
        words = {NULL: f"has a null {name}", ABSENT: f"leaves {name} out", EMPTY: f"has an empty {name}"}
        words[VALUE] = f"has a {name}"
        return f"no {which} {words.get(kind, f'has {name} {kind}')}"


def _lacking(status: int) -> str:
    """What would show a status."""
    if status >= 500:
        return f"no {status}: the server did not fail, as it should be"
    return f"no {status}: {HINTS.get(status, 'no answer had this status')}"


# What the contract tells of


@frozen
class _Field:
    """A field of a row."""

    name: str
    kinds: tuple[str, ...]
    is_listed: bool
    """Whether its values are listed, as those of an enum or a boolean are."""

    def kind_in(self, row: Mapping[str, Any]) -> str:
        """The kind of value that a row has in it."""
        if self.name not in row:
            return ABSENT
        value = row[self.name]
        if value is None:
            return NULL
        if self.is_listed:
            return _written(value)
        return EMPTY if value == "" else VALUE


@frozen
class _Parameter:
    """A parameter of an operation."""

    name: str
    kinds: tuple[str, ...]
    schema: Mapping[str, Any]
    """Of one value."""
    several: bool

    def values(self, text: str) -> tuple[str, ...]:
        """The different values in a text; none where one of them is not what the contract says."""
        values = tuple(dict.fromkeys(text.split(",") if self.several else [text]))
        return values if all(map(self._fits, values)) else ()

    def _fits(self, text: str) -> bool:
        if listed := _listed(self.schema):
            return text in listed
        match self.schema.get("type"):
            case "integer":
                return re.fullmatch(r"-?[0-9]{1,19}", text) is not None and self._is_within(int(text))
            case "number":
                return re.fullmatch(r"-?[0-9]{1,19}(\.[0-9]{1,19})?", text) is not None and self._is_within(float(text))
        return text != ""

    def _is_within(self, number: float) -> bool:
        least, most = self.schema.get("minimum", number), self.schema.get("maximum", number)
        return bool(least <= number <= most)


def _field(name: str, schema: Mapping[str, Any]) -> _Field:
    parts = list(_parts(schema))
    listed = tuple(dict.fromkeys(value for part in parts for value in _listed(part)))
    kinds = [*(listed or (VALUE,))]
    if not listed and any("string" in _types(part) and "format" not in part for part in parts):
        kinds.append(EMPTY)
    if any("null" in _types(part) or None in part.get("enum", ()) for part in parts):
        kinds.append(NULL)
    if name != resource().key and name not in resource().schema.get("required", ()):
        kinds.append(ABSENT)
    return _Field(name, tuple(kinds), bool(listed))


@cache
def _parameters(operation: Operation) -> tuple[_Parameter, ...]:
    return tuple(_parameter(node) for node in _declared(operation).parameters if node["in"] in ("path", "query"))


def _parameter(node: Mapping[str, Any]) -> _Parameter:
    whole = resolve(node["schema"])
    several = whole.get("type") == "array"
    schema = resolve(whole.get("items", {})) if several else whole
    is_looked_for = node["in"] == "path" or node.get("x-role") == "page" or "x-filter" in node
    kinds = [*(_listed(schema) or ((OCCURS, MISSING) if is_looked_for else (VALUE,)))]
    kinds += [SEVERAL] * several + [ABSENT] * (node["in"] == "query" and not node.get("required", False))
    return _Parameter(node["name"], tuple(kinds), schema, several)


def _declared(operation: Operation) -> contract.Operation:
    return next(each for each in resource().operations if each.id == operation.id)


def _parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schemas that a value may obey, one or the other."""
    whole = resolve(schema)
    choices = [*whole.get("anyOf", ()), *whole.get("oneOf", ())]
    for choice in choices:
        yield from _parts(choice)
    if not choices:
        yield whole


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)


def _listed(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The values that a schema lists, as they are written; none where it lists none."""
    if "boolean" in _types(schema):
        return BOOLEANS
    values = [schema["const"]] if "const" in schema else schema.get("enum", ())
    return tuple(_written(value) for value in values if value is not None)


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# What an answer holds


def _rows(answer: Answer) -> Sequence[Mapping[str, Any]]:
    """The rows of a 200, whatever it holds them in."""
    if answer.status != 200:
        return ()
    document = said(answer.body)
    rows = document.get("results", [document]) if isinstance(document, dict) else document
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else ()
