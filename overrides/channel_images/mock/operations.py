"""Finds the contract's operations, and says what each means for the data set."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from channel_images.contract import load_contract, resolve
from channel_images.mock.data.pattern import Pending
from channel_images.mock.parameters import Parameter


@frozen
class Meaning:
    """What the schema of an answer cannot say."""

    detailed: bool = False
    """Whether rows show their details."""
    pending: frozenset[Pending] | None = None
    """The states of the images that the list holds; `None`: of all."""


_MEANINGS = {
    "listProductImages": Meaning(),
    "listDetailedProductImages": Meaning(detailed=True),
    "listProductImageInserts": Meaning(pending=frozenset({Pending.INSERT})),
    "listProductImageUpdates": Meaning(pending=frozenset({Pending.UPDATE})),
    "listProductImageInsertsOrUpdates": Meaning(pending=frozenset({Pending.INSERT, Pending.UPDATE})),
    "retrieveProductImage": Meaning(),
    "retrieveDetailedProductImage": Meaning(detailed=True),
}


@frozen(eq=False)
class Operation:
    """One operation of the contract."""

    id: str
    path: str
    """The template, such as `/api/v1/channel/{channel_id}/product_images/`."""
    summary: str
    description: str
    path_parameters: tuple[Parameter, ...]
    query_parameters: tuple[Parameter, ...]
    meaning: Meaning
    is_list: bool
    is_enveloped: bool
    """Of a list: whether its rows come in a page envelope, not as a bare array."""

    @classmethod
    def from_contract(cls, path: str, item: Mapping[str, Any]) -> "Operation":
        """Build the operation behind `path`.

        Raises:
            ValueError: It is no GET, or the mock knows no meaning of it.
        """
        if "get" not in item:
            raise ValueError(f"the contract's {path} has no GET, and the mock answers nothing else")
        node = item["get"]
        meaning = _MEANINGS.get(node["operationId"])
        if meaning is None:
            raise ValueError(f"the contract's {node['operationId']} is unknown to the mock: give it a meaning")
        nodes = (*item.get("parameters", ()), *node.get("parameters", ()))
        parameters = [Parameter.from_contract(each) for each in nodes]
        body = resolve(resolve(node["responses"]["200"])["content"]["application/json"]["schema"])
        is_enveloped = "results" in body.get("properties", ())
        return cls(
            id=node["operationId"],
            path=path,
            summary=node["summary"],
            description=node["description"],
            path_parameters=tuple(each for each in parameters if each.location == "path"),
            query_parameters=tuple(each for each in parameters if each.location == "query"),
            meaning=meaning,
            is_list=is_enveloped or body["type"] == "array",
            is_enveloped=is_enveloped,
        )


@cache
def operations() -> Mapping[str, Operation]:
    """Find all operations, by their ids, when they are first asked for.

    They are in the contract's order, which puts the fixed path `inserts/` before the open `{id}/`.

    Raises:
        ContractNotFound: The installation carries no contract.
        ValueError: The mock cannot serve the contract.
    """
    found = [Operation.from_contract(path, item) for path, item in load_contract()["paths"].items()]
    return {operation.id: operation for operation in found}
