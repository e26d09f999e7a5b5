"""Finds the operations of the contract by what they mean, when something is asked of them."""

from functools import cache, cached_property

from attrs import frozen

from channel_images import resource as contract
from channel_images.contract import load_contract, own_contract, resolve
from channel_images.resource import Filter, Shape, resource

MAX_ID = 2**63 - 1
"""The largest id that there is, in 64 bits."""
UNKNOWN_CHANNEL = 1_999_999_973
"""A channel that no server has come to, within 32 bits."""


@frozen
class Operation:
    """One operation of the contract, by its meaning. What the contract says of it is read when it is asked for."""

    is_list: bool
    is_detailed: bool = False
    parts: frozenset[str] = frozenset()
    """What the rows of a list wait for; empty if it holds all rows."""

    def __repr__(self) -> str:
        # Random numbers are drawn by it, and have to be the same in every process.
        return f"Operation(id={self.id!r})"

    @cached_property
    def _declared(self) -> contract.Operation:
        return resource().operation(is_list=self.is_list, is_detailed=self.is_detailed, parts=self.parts)

    @property
    def id(self) -> str:
        """Its `operationId`."""
        return self._declared.id

    @property
    def path(self) -> str:
        """The path template."""
        return self._declared.path

    @property
    def is_enveloped(self) -> bool:
        """Whether its rows come in a page envelope, not in a bare array."""
        return self._declared.shape is Shape.PAGE

    @cached_property
    def filters(self) -> frozenset[str]:
        """Its query parameters other than those for the page and its size."""
        return frozenset(resource().filters) & {parameter["name"] for parameter in self._declared.parameters}

    def path_for(self, channel: int | str, key: int | str = 1) -> str:
        """The path of a request."""
        roles = resource().roles
        return self.path.replace(f"{{{roles['scope']}}}", str(channel)).replace(f"{{{roles['key']}}}", str(key))


FULL = Operation(is_list=True)
DETAILED = Operation(is_list=True, is_detailed=True)
INSERTS = Operation(is_list=True, parts=frozenset({"insert"}))
UPDATES = Operation(is_list=True, parts=frozenset({"update"}))
INSERTS_OR_UPDATES = Operation(is_list=True, parts=INSERTS.parts | UPDATES.parts)
RETRIEVE = Operation(is_list=False)
RETRIEVE_DETAILED = Operation(is_list=False, is_detailed=True)

EVERYTHING = (FULL, DETAILED)
"""The lists of all rows."""
PENDING = (INSERTS, UPDATES, INSERTS_OR_UPDATES)
LISTS = (*EVERYTHING, *PENDING)
RETRIEVALS = (RETRIEVE, RETRIEVE_DETAILED)
OPERATIONS = (*LISTS, *RETRIEVALS)
"""All of them."""


@cache
def default_limit() -> int:
    """The rows of a page whose size is left out."""
    name = resource().roles["size"]
    parameter = next(each for each in resource().operation(is_list=True).parameters if each["name"] == name)
    limit: int = resolve(parameter["schema"]).get("default", 10)
    return limit


@cache
def key_filter() -> Filter | None:
    """The filter on the key of a row, that which takes several keys before another; `None` if there is none."""
    found = [each for each in resource().filters.values() if each.is_shown and each.field == resource().key]
    return min(found, key=lambda each: not each.several, default=None)


@cache
def noun(*, article: bool = False) -> str:
    """What a row is called in a sentence, with or without its article."""
    word = resource().noun
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}" if article else word


BASES = {
    "seed": "stated by the API's reference page",
    "inferred": "inferred from the API's reference page",
}
"""What the contract's words for the basis of a sentence mean."""


@frozen
class Statement:
    """The sentence of the contract that a rule rests on."""

    text: str
    basis: str
    """Whether the API's reference page states the sentence, or it was inferred from that page, and what the page says."""


def statement(rule: str) -> Statement:
    """What the contract says for a rule, or our own where that says nothing. Raises `KeyError` for an unknown rule."""
    entry = load_contract().get("x-conformance", {}).get(rule) or own_contract()["x-conformance"][rule]
    return Statement(entry["statement"], f"{BASES[entry['basis']]}: {entry['source']}")
