"""Bugs: violations of the contract to practise on, and to prove the conformance check with.

``BUGS`` holds at least one for each rule, in a module a family. A bug is a class below
:class:`~channel_images.mock.behaviour.Behaviour`, named after its class, that changes a step as a server's author would
get it wrong.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TypeVar

from channel_images.mock.behaviour import Behaviour, combined
from channel_images.mock.bugs.registry import BUGS, Bug
from channel_images.mock.variants import VARIANTS

# The order of the families is that of the rules in reports.
# isort: off
from channel_images.mock.bugs import schema, protocol, auth, paging, filters, identity, pending, isolation  # noqa: F401
# isort: on

__all__ = ("BUGS", "Bug", "behaviour")

Entry = TypeVar("Entry")


def behaviour(variants: Sequence[str] = (), bugs: Sequence[str] = ()) -> type[Behaviour]:
    """The behaviour of a server with these variants and bugs, by their names.

    Raises ``ValueError`` for a name that does not exist, which names those near to it, and for variants that contradict
    each other.
    """
    chosen = [_named(VARIANTS, "variant", name) for name in dict.fromkeys(variants)]
    for one in chosen:
        if others := sorted(one.excludes & set(variants)):
            raise ValueError(f"variant {one.name} contradicts {', '.join(others)}")
    # Bugs first: they spoil what the server would say with its variants.
    kinds = [_named(BUGS, "bug", name).behaviour for name in dict.fromkeys(bugs)] + [one.behaviour for one in chosen]
    # A variant that is part of another one says nothing of its own.
    return combined([kind for kind in kinds if not any(kind in other.__mro__[1:] for other in kinds)])


def _named(table: Mapping[str, Entry], kind: str, name: str) -> Entry:
    if name in table:
        return table[name]
    near = get_close_matches(name, table)
    raise ValueError(f"no {kind} {name}" + (f"; there is {' and '.join(near)}" if near else f"; see --list-{kind}s"))
