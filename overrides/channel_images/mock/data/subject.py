"""Says what the mock tells apart in the contract's resource, beyond what the contract declares.

In this room a row is called an image, and what its rows are grouped by a product, whatever the contract calls them.
"""

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
    smallest: float | None
    largest: float | None

    @property
    def is_number(self) -> bool:
        """Whether it is a number, and no choice of some."""
        return bool(self.types) and self.types <= {"integer", "number"} and not self.values

    @property
    def is_id(self) -> bool:
        """Whether it is a whole number that is never negative nor null, such as an id."""
        return self.types == {"integer"} and self.is_number and not self.is_nullable and self.smallest == 0

    @property
    def is_measure(self) -> bool:
        """Whether it is a number that may be unknown, and any from 1 to `LARGEST_MEASURE`."""
        return (
            self.is_number
            and self.is_nullable
            and (self.smallest or 0) <= 1
            and (self.largest or LARGEST_MEASURE) >= LARGEST_MEASURE
        )


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
    noun: str
    """What a row is called, in a word."""
    title: str
    """What it is called in full, to begin a sentence with."""


@cache
def subject() -> Subject:
    """That of this process's contract.

    Raises:
        Undeclared: The mock cannot serve it.
    """
    found = {name: _field(name, schema) for name, schema in resource().fields.items()}
    attributes = tuple(sorted(resource().hidden, key=lambda each: each.type == "boolean"))
    words = re.findall("[A-Z][a-z0-9]*|[a-z0-9]+", resource().name)
    dates = tuple(each.name for each in found.values() if each.is_date and not each.is_nullable)
    read_only = (name for name in dates if found[name].is_read_only)
    return Subject(
        fields=found,
        group=_group(found, attributes),
        attributes=attributes,
        created=next((name for name in read_only if name != resource().version), resource().version),
        dates=dates,
        measures=tuple(each.name for each in found.values() if each.is_measure),
        noun=words[-1].lower(),
        title=" ".join(words).capitalize(),
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
        smallest=min((kind["minimum"] for kind in kinds if "minimum" in kind), default=None),
        largest=max((kind["maximum"] for kind in kinds if "maximum" in kind), default=None),
    )


def singular(one: Filter) -> str:
    """A filter in a word: without the name of the field that it says something of, as what rows do not show often has it."""
    if one.is_shown:
        is_plural = one.several and one.field != resource().key
        return _dashed(one.field if is_plural else one.name)
    said = [word for word in one.name.split("_") if word not in {"is", *one.field.split("_")}]
    return "-".join(said) or _dashed(one.name)


def word(one: Filter) -> str:
    """The same, in the plural where the filter takes several values: `types`. Of the key, its name is plural enough."""
    return singular(one) + "s" * (one.several and one.field != resource().key)


def _dashed(name: str) -> str:
    return re.sub("[^a-zA-Z0-9]+", "-", name).strip("-").lower()
