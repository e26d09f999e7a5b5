"""The operations of the contract, as the check asks for them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from channel_images.contract import load_contract, resolve

MAX_ID = 2**63 - 1
"""The largest id that the contract allows."""
UNKNOWN_CHANNEL = 1_999_999_973
"""A channel that no server has come to, within 32 bits."""


@frozen
class Operation:
    """One operation of the contract."""

    id: str
    path: str
    """The path template, e.g. ``/api/v1/channel/{channel_id}/product_images/``."""
    is_list: bool
    is_enveloped: bool
    """Whether its rows come in a page envelope; the pending lists are bare arrays."""
    filters: frozenset[str]
    """Its query parameters other than ``page`` and ``limit``."""

    def path_for(self, channel: int | str, image: int | str = 1) -> str:
        """The path of a request."""
        return self.path.replace("{channel_id}", str(channel)).replace("{id}", str(image))


@cache
def operations() -> tuple[Operation, ...]:
    """The operations of the contract, in its order."""
    return tuple(_operation(path, item) for path, item in load_contract()["paths"].items())


def _operation(path: str, item: Mapping[str, Any]) -> Operation:
    operation = item["get"]
    parameters = [resolve(parameter) for parameter in operation.get("parameters", ())]
    query = frozenset(parameter["name"] for parameter in parameters if parameter["in"] == "query")
    schema = resolve(success_schema(operation))
    return Operation(
        operation["operationId"],
        path,
        is_list="page" in query,
        is_enveloped="results" in schema.get("properties", {}),
        filters=query - {"page", "limit"},
    )


def success_schema(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a 200's body, as it is written."""
    schema: Mapping[str, Any] = resolve(operation["responses"]["200"])["content"]["application/json"]["schema"]
    return schema


LISTS = tuple(operation for operation in operations() if operation.is_list)
ENVELOPED = tuple(operation for operation in LISTS if operation.is_enveloped)
PENDING = tuple(operation for operation in LISTS if not operation.is_enveloped)
RETRIEVALS = tuple(operation for operation in operations() if not operation.is_list)
(FULL,) = (operation for operation in LISTS if operation.filters)
(DETAILED,) = (operation for operation in ENVELOPED if operation is not FULL)
INSERTS, UPDATES, INSERTS_OR_UPDATES = PENDING
RETRIEVE, RETRIEVE_DETAILED = RETRIEVALS


@cache
def image_schema() -> Mapping[str, Any]:
    """The contract's schema of an image."""
    return resolve({"$ref": "#/components/schemas/ProductImage"})


@cache
def date_fields() -> frozenset[str]:
    """The documented fields of an image that are date-times."""
    return frozenset(
        name for name, schema in image_schema()["properties"].items() if resolve(schema).get("format") == "date-time"
    )


def product_types() -> tuple[int, ...]:
    """The product types that the contract names."""
    return tuple(resolve({"$ref": "#/components/schemas/ProductType"})["enum"])


@frozen
class Statement:
    """The sentence of the contract that a rule rests on."""

    text: str
    basis: str
    """``seed`` or ``inferred``, and from what."""


def statement(rule: str) -> Statement:
    """What the contract says for a rule. Raises ``KeyError`` for a rule that the contract does not state."""
    entry = load_contract()["x-conformance"][rule]
    return Statement(entry["statement"], f"{entry['basis']}: {entry['source']}")
