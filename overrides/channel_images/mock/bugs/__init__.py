"""Holds violations of the contract to practise on, and to prove the conformance check with.

A bug is a class below `Behaviour` that changes a step as a server's author would get it wrong. Its name is that of the
class, its docstring says what is wrong, and what it needs of the contract (see `naming`). It says which rule sees it;
bugs of `reporting` have none. `BUGS` has all of them, at least one for each rule: what is no bug begins with an underscore.
Start with `protocol`, a short family. This room imports `behaviour`, `variants`, and what they stand on.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import ModuleType
from typing import TypeVar

from attrs import frozen

from channel_images.mock import variants as healthy
from channel_images.mock.behaviour import Behaviour, combined
from channel_images.mock.bugs import auth, filters, identity, isolation, paging, pending, protocol, reporting, schema
from channel_images.mock.bugs.common import PerFilter
from channel_images.mock.naming import exists, name_of, summary_of
from channel_images.resource import Filter, resource

__all__ = ("BUGS", "FAMILIES", "Bug", "behaviour")

FAMILIES = (schema, protocol, auth, paging, filters, identity, pending, isolation, reporting)
"""In the order of the contract's rules, which is that of reports; last that which no rule sees."""

Entry = TypeVar("Entry")


@frozen
class Bug:
    """A violation of the contract, or of what is known of reporting."""

    name: str
    rule: str | None
    """The conformance rule that sees it; others may too. `None` for reporting, which is not in the contract."""
    summary: str
    """The mistake, in the words of a server's author."""
    behaviour: type[Behaviour]
    needs_churn: bool
    """Whether it shows only while the data changes."""


BUGS: Mapping[str, Bug]
"""By name, in the order of the rules; last those that no rule sees. Made when they are first asked for, from what the
contract has."""


@functools.cache  # there is a module `cache` in this room
def _bugs() -> Mapping[str, Bug]:
    return {bug.name: bug for family in FAMILIES for bug in _of(family)}


def _of(family: ModuleType) -> Iterator[Bug]:
    """The bugs of a family that the contract can have, in the order in which they are written."""
    for name, kind in vars(family).items():
        if isinstance(kind, PerFilter):
            for one in filter(kind.has, resource().filters.values()):
                yield _bug(kind.make(one), one)
        elif isinstance(kind, type) and kind.__module__ == family.__name__ and name[0] != "_" and exists(kind):
            yield _bug(kind)


def _bug(kind: type[Behaviour], one: Filter | None = None) -> Bug:
    return Bug(name_of(kind, one), kind.rule, summary_of(kind, one), kind, kind in pending.NEED_CHURN)


def __getattr__(name: str) -> Mapping[str, Bug]:
    if name == "BUGS":
        return _bugs()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def behaviour(variants: Sequence[str] = (), bugs: Sequence[str] = ()) -> type[Behaviour]:
    """The behaviour of a server with these variants and bugs, by their names.

    Raises:
        ValueError: A name does not exist, and the message has those near to it; or variants contradict each other.
    """
    chosen = [_named(healthy.VARIANTS, "variant", name) for name in dict.fromkeys(variants)]
    for one in chosen:
        if others := sorted(one.excludes & set(variants)):
            raise ValueError(f"variant {one.name} contradicts {', '.join(others)}")
    # Bugs first: they spoil what the server would say with its variants.
    kinds = [_named(_bugs(), "bug", name).behaviour for name in dict.fromkeys(bugs)] + [one.behaviour for one in chosen]
    # A variant that is part of another one says nothing of its own.
    return combined([kind for kind in kinds if not any(kind in other.__mro__[1:] for other in kinds)])


def _named(table: Mapping[str, Entry], kind: str, name: str) -> Entry:
    if name in table:
        return table[name]
    near = get_close_matches(name, table)
    raise ValueError(f"no {kind} {name}" + (f"; there is {' and '.join(near)}" if near else f"; see --list-{kind}s"))
