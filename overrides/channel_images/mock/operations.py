"""Finds the contract's operations, and says what each means for the data set."""

from collections.abc import Mapping
from functools import cache

from attrs import frozen

from channel_images.mock.data.pattern import Pending
from channel_images.mock.parameters import Parameter
from channel_images.resource import Operation as Declared, Shape, resource


@frozen
class Meaning:
    """What an operation is for."""

    is_list: bool
    detailed: bool = False
    """Whether rows show their details."""
    pending: frozenset[Pending] | None = None
    """The states of the images that the list holds; `None`: of all."""


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
    is_enveloped: bool
    """Of a list: whether its rows come in a page envelope, not as a bare array."""

    @property
    def is_list(self) -> bool:
        """Whether it answers with rows, not with one."""
        return self.meaning.is_list

    @classmethod
    def of(cls, declared: Declared) -> "Operation":
        """The operation as the mock answers it.

        Raises:
            ValueError: The mock cannot serve a parameter of it.
        """
        parameters = [Parameter.from_contract(each) for each in declared.parameters]
        if odd := [each.name for each in parameters if each.location == "path" and not each.name.isidentifier()]:
            raise ValueError(f"{declared.id}: the mock's routes know no parameter {odd[0]!r}: name it in letters and _")
        return cls(
            id=declared.id,
            path=declared.path,
            summary=declared.node.get("summary", ""),
            description=declared.node.get("description", ""),
            path_parameters=tuple(each for each in parameters if each.location == "path"),
            query_parameters=tuple(each for each in parameters if each.location == "query"),
            meaning=Meaning(declared.is_list, declared.is_detailed, frozenset(map(Pending, declared.parts)) or None),
            is_enveloped=declared.shape is Shape.PAGE,
        )


@cache
def operations() -> Mapping[str, Operation]:
    """Find all operations, by their ids, when they are first asked for.

    They are in an order in which a fixed path, such as `inserts/`, comes before the open `{id}/`.

    Raises:
        ContractNotFound: The installation carries no contract.
        ValueError: The mock cannot serve the contract.
    """
    declared = sorted(resource().operations, key=lambda each: not each.is_list)
    return {each.id: Operation.of(each) for each in declared}


def page_name() -> str:
    """What the contract calls the number of a page."""
    return resource().roles["page"]


def size_name() -> str:
    """What the contract calls the size of a page."""
    return resource().roles["size"]
