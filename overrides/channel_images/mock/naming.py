"""Names variants and bugs, and says what each is about in the contract: which of its filters, which of its fields.

The first line of a class's docstring says in braces what the class is about, such as `{keys}`; the class finds the contract's
name of it by `about("keys")`. Where the contract has no such thing, there is no such variant or bug. The names of classes
are those of images, whatever the contract calls its rows.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache

from channel_images.mock.data.subject import subject, word
from channel_images.resource import Filter, resource

_NAMED = re.compile(r"\{(\w+)\}")


def about(name: str) -> str:
    """The contract's name for what a variant or a bug is about, by its word."""
    return words()[name]


@cache
def words() -> Mapping[str, str]:
    """The contract's names by the words for them, without those of which it has none.

    Filters: `keys` takes several keys; `group` is on the field that groups rows, as an image's product does, and `groups`
    takes several values of it; `ids` is either of those with several; `side` is yes or no of a product, `kinds` takes several
    of a product's kinds, `kind` is a choice of some, of products or of rows.

    Fields: `state` is a choice, which may be `unusual`; `origin` is one that may be null; `flag` is yes or no; `measure`,
    `other` and `last` measure; `blob` may be null, and is not a number; `rank` counts; `object` is an id; `open` may have values
    that are not listed.
    """
    filters, fields = resource().filters.values(), subject().fields.values()
    key, group, measures = resource().key, subject().group, subject().measures
    keys = [each.name for each in filters if each.field == key and each.several]
    groups = {several: [each.name for each in _on(group) if each.several is several] for several in (False, True)}
    choices = [each for each in fields if each.types == {"string"} and len(each.values) > 1]
    states = [each for each in choices if not each.is_nullable]
    numbers = [each for each in fields if each.is_number and not each.is_nullable and each.name not in {key, group}]
    found: dict[str, Iterable[str]] = {
        "key": [key],
        "version": [resource().version],
        "keys": keys,
        "group": groups[False],
        "groups": groups[True],
        "ids": groups[True] + keys,
        "side": (each.name for each in subject().attributes if each.type == "boolean"),
        "kinds": (each.name for each in subject().attributes if each.several and each.values),
        "kind": (each.name for each in filters if each.values),
        "state": (each.name for each in states),
        "unusual": (each.values[-1] for each in states),
        "origin": (each.name for each in choices if each.is_nullable),
        "flag": (each.name for each in fields if each.types == {"boolean"}),
        "measure": measures,
        "other": measures[1:],
        "last": measures[-1:],
        "blob": (each.name for each in fields if each.is_blob),
        "rank": (each.name for each in numbers if not each.is_id),
        "object": (each.name for each in numbers if each.is_id),
        "created": (each for each in (subject().created,) if each != resource().version),
        "open": open_enums(),
    }
    return {name: first for name, each in found.items() if (first := next(iter(each), None)) is not None}


def _on(group: str) -> list[Filter]:
    """The filters that compare the field by which rows are grouped; none where nothing but the key groups them."""
    shown = [each for each in resource().filters.values() if each.is_shown]
    return [each for each in shown if each.field == group != resource().key]


@cache
def open_enums() -> tuple[str, ...]:
    """The texts that may have further values, but for those that a filter compares."""
    compared = {each.field for each in resource().filters.values()}
    fields = subject().fields.values()
    return tuple(
        each.name for each in fields if each.types == {"string"} and each.is_extensible and each.name not in compared
    )


def exists(kind: type) -> bool:
    """Whether the contract has all that a variant or a bug is about."""
    return set(_NAMED.findall(_said(kind))) <= words().keys()


def name_of(kind: type, one: Filter | None = None) -> str:
    """`BadPaging400` as it is written on a command line: `bad-paging-400`.

    `one` is the filter that a bug is made for: of it, `FilterIgnored` is `products-ignored`.
    """
    dashed = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])", "-", kind.__name__).lower()
    return word(one) + dashed.removeprefix("filter") if one else dashed


def summary_of(kind: type, one: Filter | None = None) -> str:
    """The first line of a class's docstring, without its full stop."""
    said = {**words(), "filter": one.name} if one else words()
    return _NAMED.sub(lambda found: said[found[1]], _said(kind)).removesuffix(".")


def _said(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]
