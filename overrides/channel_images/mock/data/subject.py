"""Says what the mock tells apart in the contract's resource, beyond what the contract declares.

In this room a row is called an image, and what its rows are grouped by a product, whatever the contract calls them.
"""

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from channel_images.contract import resolve
from channel_images.mock.data.made import alternatives
from channel_images.resource import Filter, Undeclared, is_extensible, resource

LARGEST_MEASURE = 10_000


@frozen
class Field:
    """What a field of a row may be."""

    name: str
    types: frozenset[str]
    """JSON's types, but for `null`."""
    is_nullable: bool
    is_read_only: bool
    is_date: bool
    values: tuple[Any, ...]
    """Those that are listed, but for `null`; none where it is no enum."""
    is_extensible: bool
    smallest: float
    largest: float

    @property
    def is_number(self) -> bool:
        """Whether it is a number, and no choice of some."""
        return bool(self.types) and self.types <= {"integer", "number"} and not self.values

    @property
    def is_id(self) -> bool:
        """Whether it is a whole number that is never negative, such as an id."""
        return self.types == {"integer"} and self.smallest == 0

    @property
    def is_measure(self) -> bool:
        """Whether it is a number that may be unknown, and any from 1 to `LARGEST_MEASURE`."""
        return self.is_number and self.is_nullable and self.smallest <= 1 and self.largest >= LARGEST_MEASURE

    @property
    def is_blob(self) -> bool:
        """Whether it may be unknown, and is not a number, date nor choice."""
        return self.is_nullable and not (self.is_number or self.is_date or self.values)


@frozen(eq=False)
class Subject:
    """The fields and filters with a part to play."""

    fields: Mapping[str, Field]
    """All fields, by name."""
    group: str
    """The field that groups rows, as an image's product does; the key where there is none."""
    attributes: tuple[Filter, ...]
    """The filters on attributes that rows do not show: what a product is comes first, then what is yes or no of it."""
    created: str
    """When a row came into being: a date that nobody can write; where there is none, its version."""
    dates: tuple[str, ...]
    """The dates that are never null."""
    measures: tuple[str, ...]
    """The numbers that measure it, and may be unknown."""


@cache
def subject() -> Subject:
    """That of this process's contract.

    Raises:
        Undeclared: The mock cannot serve it.
    """
    found = {name: _field(name, schema) for name, schema in resource().fields.items()}
    attributes = tuple(sorted(resource().hidden, key=lambda each: each.type == "boolean"))
    dates = tuple(each.name for each in found.values() if each.is_date and not each.is_nullable)
    read_only = (name for name in dates if found[name].is_read_only)
    return Subject(
        fields=found,
        group=_group(found, attributes),
        attributes=attributes,
        created=next((name for name in read_only if name != resource().version), resource().version),
        dates=dates,
        measures=tuple(each.name for each in found.values() if each.is_measure),
    )


def _group(fields: Mapping[str, Field], attributes: tuple[Filter, ...]) -> str:
    named = {each.field for each in attributes}
    if len(named) > 1 or any(fields[name].types != {"integer"} for name in named):
        raise Undeclared(f"x-filter: attribute-of {' and '.join(sorted(named))}: the mock knows one field, an integer")
    shown = (each.field for each in resource().filters.values() if each.field != resource().key)
    numbers = (name for name in shown if fields[name].types == {"integer"} and not fields[name].values)
    return next(iter((*named, *numbers)), resource().key)


def _field(name: str, schema: Mapping[str, Any]) -> Field:
    kinds = alternatives(schema)
    types = {kind["type"] for kind in kinds}
    values = dict.fromkeys(each for kind in kinds for each in kind.get("enum", ()) if each is not None)
    return Field(
        name=name,
        types=frozenset(types - {"null"}),
        is_nullable="null" in types,
        is_read_only=resolve(schema).get("readOnly", False),
        is_date=any(kind.get("format") == "date-time" for kind in kinds),
        values=tuple(values),
        is_extensible=any(map(is_extensible, kinds)),
        smallest=min(kind.get("minimum", -math.inf) for kind in kinds),
        largest=max(kind.get("maximum", math.inf) for kind in kinds),
    )


def singular(one: Filter) -> str:
    """A filter in a word, without its field where it is on what rows do not show: `product`, `id-in`, `seller`, `type`."""
    said = _spoken(one.field if one.is_shown and one.several and one.field != resource().key else one.name)
    return "-".join([each for each in said if one.is_shown or each not in {"is", *_spoken(one.field)}] or said)


def word(one: Filter) -> str:
    """The same, in the plural where the filter takes several values: `products`, `types`. Of keys, its name is plural enough."""
    return singular(one) + "s" * (one.several and one.field != resource().key)


def _spoken(name: str) -> list[str]:
    return re.findall("[a-z0-9]+", name.lower())
