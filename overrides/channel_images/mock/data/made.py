"""Makes up what a schema allows, as a pure function of some noise: the same bytes on any machine and with any Python."""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeAlias
from uuid import UUID

from channel_images.contract import resolve
from channel_images.resource import resource

Row: TypeAlias = dict[str, Any]
"""The fields of an image, in the order of the contract."""
Schema: TypeAlias = Mapping[str, Any]

FIRST_CREATED = datetime(2022, 1, 1)
CREATED_WITHIN = 900 * 86_400 * 1_000_000
"""In microseconds; it ends before the store's clock begins."""

_FEW = 8
"""How many values a field has that a filter compares: few, so that each finds several rows."""
_SPAN = 10_000
_DEEPEST = 4
"""Levels of objects and arrays in which whatever need not be there still is."""
_BEYOND = {"pattern", "allOf", "not", "if", "multipleOf", "uniqueItems", "contains", "prefixItems", "patternProperties"}
"""Keywords that nothing is made up for: a schema with one of them has `examples` to choose from."""


def format_date(moment: datetime) -> str:
    """A UTC date-time as the API writes it, always with its six digits of microseconds."""
    return moment.isoformat(timespec="microseconds") + "Z"


def drawn(noise: bytes, label: object) -> bytes:
    """Other noise: 32 bytes."""
    return hashlib.blake2b(repr(label).encode(), digest_size=32, key=noise[:64]).digest()


def completed(known: Row, noise: bytes) -> Row:
    """A row with `known` values, and values made up for its other fields."""
    return {name: known[name] if name in known else _of_field(name, noise) for name in _fields()}


@cache
def _fields() -> tuple[str, ...]:
    return tuple(resource().fields)


def _of_field(name: str, noise: bytes) -> Any:
    if any(each.field == name for each in resource().filters.values()):
        return _one_of_few(name, noise[0] % _FEW)
    return made(resource().fields[name], drawn(noise, name))


@cache
def _one_of_few(name: str, number: int) -> Any:
    return made(resource().fields[name], drawn(name.encode(), number))


def alternatives(schema: Schema) -> list[Schema]:
    """What a schema allows, type by type: schemas of one type each. Where it names none, texts will do."""
    schema = resolve(schema)
    if several := [*schema.get("anyOf", ()), *schema.get("oneOf", ())]:
        return [kind for each in several for kind in alternatives(each)]
    said = schema.get("type", "string")
    return [{**schema, "type": each} for each in ([said] if isinstance(said, str) else said)]


def made(schema: Schema, noise: bytes, depth: int = 0) -> Any:
    """A value that the schema allows; one in eight is null where it may be."""
    number = int.from_bytes(noise[:8], "big")
    options = [each for each in alternatives(schema) if each["type"] != "null"]
    is_nullable = len(options) < len(alternatives(schema))
    if is_nullable and (number % 8 == 0 or not options or depth > _DEEPEST):
        return None
    chosen, number = options[number // 8 % len(options)], number // 64
    examples = chosen.get("examples") or resolve(schema).get("examples")
    if chosen.keys() & _BEYOND and examples:
        return examples[number % len(examples)]
    if values := [each for each in chosen.get("enum", ()) if each is not None]:
        return values[number % len(values)]
    return chosen["const"] if "const" in chosen else _MAKERS[chosen["type"]](chosen, drawn(noise, "value"), depth)


def _bounds(schema: Schema) -> tuple[int, int]:
    """The whole numbers to choose from."""
    lows = [-(-schema["minimum"] // 1)] if "minimum" in schema else []
    lows += [schema["exclusiveMinimum"] // 1 + 1] if "exclusiveMinimum" in schema else []
    highs = [schema["maximum"] // 1] if "maximum" in schema else []
    highs += [-(-schema["exclusiveMaximum"] // 1) - 1] if "exclusiveMaximum" in schema else []
    high = min(highs, default=None)
    # Near zero, where the schema allows it: bounds are often those of 64 bits.
    low = max(lows, default=0 if high is None or high >= 0 else high - _SPAN)
    low = max(low, min(-10, high) if high is not None else -10)
    return int(low), int(low + _SPAN if high is None else min(high, low + _SPAN))


def _integer(schema: Schema, noise: bytes, _depth: int) -> int:
    low, high = _bounds(schema)
    return low + int.from_bytes(noise[:8], "big") % max(1, high - low + 1)


def _number(schema: Schema, noise: bytes, depth: int) -> int | float:
    """Half of them whole, the others with a fraction that a float keeps exactly."""
    low, high = _bounds(schema)
    if high < low:  # no whole number lies between the bounds
        return float(schema.get("minimum", schema.get("exclusiveMinimum", 0)) + schema["maximum"]) / 2
    whole = _integer(schema, noise, depth)
    return whole + noise[8] % 4 / 4 if noise[9] % 2 and whole < high else whole


def _string(schema: Schema, noise: bytes, _depth: int) -> str:
    number = int.from_bytes(noise[:8], "big")
    moment = FIRST_CREATED + timedelta(microseconds=number % CREATED_WITHIN)
    word = noise[:8].hex()
    formats = {
        "date-time": format_date(moment),
        "date": moment.date().isoformat(),
        "time": moment.time().isoformat() + "Z",
        "uuid": str(UUID(bytes=noise[:16], version=4)),
        "uri": f"https://example.com/{word}",
        "email": f"{word}@example.com",
    }
    if schema.get("format") in formats:
        return formats[schema["format"]]
    return word.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]


def _array(schema: Schema, noise: bytes, depth: int) -> list[Any]:
    least = schema.get("minItems", 0)
    most = least if depth >= _DEEPEST else min(schema.get("maxItems", least + 2), least + 2)
    items = schema.get("items", {})
    return [made(items, drawn(noise, place), depth + 1) for place in range(least + noise[0] % (most - least + 1))]


def _object(schema: Schema, noise: bytes, depth: int) -> Row:
    fields = dict(schema.get("properties", {}))
    needed = schema.get("required", [])
    more = schema.get("additionalProperties", True)
    open_to = more if isinstance(more, Mapping) else {}
    fields |= {name: open_to for name in needed if name not in fields}
    if more is not False and depth < _DEEPEST:
        fields |= {f"more_{place}": open_to for place in range(noise[0] % 3)}
    shown = [name for name in fields if name in needed or depth < _DEEPEST]
    return {name: made(fields[name], drawn(noise, name), depth + 1) for name in shown}


_MAKERS: Mapping[str, Any] = {
    "integer": _integer,
    "number": _number,
    "boolean": lambda _schema, noise, _depth: noise[0] % 2 == 0,
    "string": _string,
    "array": _array,
    "object": _object,
}
