"""Makes up what a schema allows, as a pure function of some noise: the same bytes on any machine and with any Python.

Numbers within bounds, listed values, yes or no, date-times and plain texts are made up. Of arrays, objects and whatever says
more than that, the schema has `examples` to choose from (see `fields.check_made`).
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeAlias

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
_BEYOND = {"pattern", "const", "multipleOf", "exclusiveMinimum", "exclusiveMaximum", "allOf", "not", "if"}
"""Keywords that nothing is made up for."""


def format_date(moment: datetime) -> str:
    """A UTC date-time as the API writes it, always with its six digits of microseconds."""
    return moment.isoformat(timespec="microseconds") + "Z"


def drawn(noise: bytes, label: object) -> bytes:
    """Other noise: 32 bytes."""
    return hashlib.blake2b(repr(label).encode(), digest_size=32, key=noise[:64]).digest()


def completed(known: Row, noise: bytes) -> Row:
    """A row with `known` values, and values made up for its other fields."""
    return {name: known[name] if name in known else _of_field(name, noise) for name in resource().fields}


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


def made(schema: Schema, noise: bytes) -> Any:
    """A value that the schema allows; one in eight is null where it may be."""
    number = int.from_bytes(noise[:8], "big")
    options = [each for each in alternatives(schema) if each["type"] != "null"]
    if len(options) < len(alternatives(schema)) and (number % 8 == 0 or not options):
        return None
    chosen, number = options[number // 8 % len(options)], number // 64
    kind, noise = chosen["type"], drawn(noise, "value")
    examples = chosen.get("examples") or resolve(schema).get("examples")
    if values := [each for each in chosen.get("enum", ()) if each is not None]:
        return values[number % len(values)]
    has_form = kind == "string" and chosen.get("format") not in {None, "date-time"}
    if examples and (has_form or kind in {"array", "object"} or chosen.keys() & _BEYOND):
        return examples[number % len(examples)]
    match kind:
        case "integer":
            return _integer(chosen, noise)
        case "number":
            return _number(chosen, noise)
        case "boolean":
            return noise[0] % 2 == 0
        case "string":
            return _string(chosen, noise)
    return [] if kind == "array" else {}


def _bounds(schema: Schema) -> tuple[int, int]:
    """The whole numbers to choose from: near zero, where the schema allows it, since bounds are often those of 64 bits."""
    high = schema.get("maximum", math.inf)
    low = max(schema.get("minimum", 0 if high >= 0 else high - _SPAN), min(-10, high))
    return math.ceil(low), math.floor(min(high, math.ceil(low) + _SPAN))


def _integer(schema: Schema, noise: bytes) -> int:
    low, high = _bounds(schema)
    return low + int.from_bytes(noise[:8], "big") % max(1, high - low + 1)


def _number(schema: Schema, noise: bytes) -> int | float:
    """Half of them whole, the others with a fraction that a float keeps exactly."""
    whole = _integer(schema, noise)
    return whole + noise[8] % 4 / 4 if noise[9] % 2 and whole < _bounds(schema)[1] else whole


def _string(schema: Schema, noise: bytes) -> str:
    if schema.get("format") == "date-time":
        return format_date(FIRST_CREATED + timedelta(microseconds=int.from_bytes(noise[:8], "big") % CREATED_WITHIN))
    return noise[:8].hex().ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]
