"""Names variants and bugs by what the contract has: its filters, its fields, and what it calls a row.

A class says what it is about in braces in the first line of its docstring, such as `{keys}`, and finds the contract's name of
it by `about("keys")`. Where the contract has no such thing, there is no such variant or bug. The words are those of `words`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from channel_images.mock.data.made import Row
from channel_images.mock.data.subject import Field, singular, subject, word
from channel_images.resource import Filter, resource


def about(name: str) -> str:
    """The contract's name for what a variant or a bug is about, by its word."""
    return words()[name]


@cache
def words() -> Mapping[str, str]:
    """The contract's names by the words for them, without those of which it has none.

    Filters: `keys` takes several keys; `group` is on the field that groups rows, as an image's product does, and `groups`
    takes several values of it; `ids` is either of those with several; `side` is yes or no of a product, `kinds` takes several
    of a product's kinds, `kind` is a choice of some, of products or of rows.

    Fields: `state` is a choice, which may be `unusual`; `origin` is one that may be null, and may be `first`; `flag` is yes or
    no; `measure`, `other` and `last` measure; `blob` may be null, and is no number; `rank` counts; `object` is an id; `active`
    is what `is_active` finds, and `open` are choices that may have further values.
    """
    filters, fields = resource().filters.values(), subject().fields.values()
    key, group, measures = resource().key, subject().group, subject().measures
    on_group = [each for each in filters if each.is_shown and each.field == group != key]
    keys = [each.name for each in filters if each.field == key and each.several]
    groups = [each.name for each in on_group if each.several]
    hidden = subject().attributes
    states, origins = _choices(is_nullable=False), _choices(is_nullable=True)
    flags = [each.name for each in fields if each.types == {"boolean"}]
    unusual = [str(each.values[-1]) for each in states]
    usual = [str(each.values[0]) for each in states]
    found: dict[str, Iterable[str]] = {
        "keys": keys,
        "group": (each.name for each in on_group if not each.several),
        "groups": groups,
        "ids": groups + keys,
        "side": (each.name for each in hidden if each.type == "boolean"),
        "kinds": (each.name for each in hidden if each.several and each.values),
        "kind": (each.name for each in filters if each.values),
        "state": (each.name for each in states),
        "unusual": unusual,
        "origin": (each.name for each in origins),
        "first": (each.values[0] for each in origins),
        "flag": flags,
        "active": [each.removeprefix("is_") for each in flags] + usual,
        "measure": measures,
        "other": measures[1:],
        "last": measures[-1:],
        "blob": (each.name for each in fields if _is_blob(each)),
        "rank": (each.name for each in fields if each.is_number and not each.is_nullable and not each.is_id),
        "object": (each.name for each in fields if each.is_id and each.name not in {key, group}),
        "created": (each for each in (subject().created,) if each != resource().version),
        "open": [" or ".join(map(_an, open_enums()))] if open_enums() else [],
        "key": [key],
        "version": [resource().version],
        "product": [group],
        "image": [subject().noun],
        "an_image": [_an(subject().noun)],
        "An_image": [_an(subject().noun).capitalize()],
        "Image": [subject().noun.capitalize()],
    }
    return {name: first for name, each in found.items() if (first := next(iter(each), None)) is not None}


def is_active(row: Row) -> bool:
    """Whether a row is in use: by its flag or, where it has none, by its state."""
    if "flag" in words():
        return bool(row.get(about("flag")))
    return bool(row.get(about("state")) != about("unusual"))


@cache
def open_enums() -> tuple[str, ...]:
    """The texts that may have further values, but for those that a filter compares."""
    compared = {each.field for each in resource().filters.values()}
    texts = [each for each in subject().fields.values() if each.types == {"string"}]
    return tuple(each.name for each in texts if each.is_extensible and each.name not in compared)


def _choices(*, is_nullable: bool) -> list[Field]:
    """The texts that are one of several."""
    texts = [each for each in subject().fields.values() if each.types == {"string"} and len(each.values) > 1]
    return [each for each in texts if each.is_nullable is is_nullable]


def _is_blob(field: Field) -> bool:
    return field.is_nullable and not (field.values or field.is_date or field.types & {"integer", "number"})


def _an(noun: str) -> str:
    return f"an {noun}" if noun[0].lower() in "aeiou" else f"a {noun}"


@cache
def _parts() -> Mapping[str, str]:
    """What stands in a name for the words of a class: classes speak of images and products."""

    def of(name: str, form: Callable[[Filter], str]) -> str:
        return form(resource().filters[words()[name]]) if name in words() else name

    said = {
        "image": subject().noun,
        "images": f"{subject().noun}s",
        "product": of("group", singular),
        "products": of("groups", word),
        "keys": of("keys", word),
        "seller": of("side", singular),
        "kind": of("kind", singular),
        "kinds": of("kinds", word),
        "status": words().get("state", ""),
        "disabled": words().get("unusual", ""),
        "usual": next((str(each.values[0]) for each in _choices(is_nullable=False)), ""),
        "active": words().get("active", ""),
        "hash": words().get("blob", ""),
        "unified": words().get("first", ""),
    }
    return {name: re.sub("[^a-z0-9]+", "-", text.lower()).strip("-") for name, text in said.items()}


def exists(kind: type) -> bool:
    """Whether the contract has all that a variant or a bug is about."""
    return set(_NAMED.findall(_said(kind))) <= words().keys()


def name_of(kind: type, one: Filter | None = None) -> str:
    """`BadPaging400` as it is written on a command line: `bad-paging-400`.

    `one` is the filter that a bug is made for.
    """
    dashed = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])", "-", kind.__name__).lower()
    parts = {**_parts(), "filter": word(one)} if one else _parts()
    return "-".join(parts.get(part, part) for part in dashed.split("-"))


def summary_of(kind: type, one: Filter | None = None) -> str:
    """The first line of a class's docstring, without its full stop."""
    said: Mapping[str, Any] = {**words(), "filter": one.name} if one else words()
    return _NAMED.sub(lambda found: str(said[found[1]]), _said(kind)).removesuffix(".")


_NAMED = re.compile(r"\{(\w+)\}")


def _said(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]
