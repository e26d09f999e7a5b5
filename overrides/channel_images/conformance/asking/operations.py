"""Finds the operations of the contract by their `operationId`, when something is asked of them."""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

from attrs import frozen

from channel_images.contract import load_contract, resolve

MAX_ID = 2**63 - 1
"""The largest id that the contract allows."""
UNKNOWN_CHANNEL = 1_999_999_973
"""A channel that no server has come to, within 32 bits."""


@frozen
class Operation:
    """One operation of the contract, by its `operationId`. What the contract says of it is read when it is asked for."""

    id: str

    @cached_property
    def path(self) -> str:
        """The path template, e.g. `/api/v1/channel/{channel_id}/product_images/`."""
        return _said(self.id)[0]

    @cached_property
    def is_enveloped(self) -> bool:
        """Whether its rows come in a page envelope; the pending lists are bare arrays."""
        body = resolve(_said(self.id)[1]["responses"]["200"])["content"]["application/json"]["schema"]
        return "results" in resolve(body).get("properties", {})

    @property
    def is_list(self) -> bool:
        return "page" in self._query

    @property
    def filters(self) -> frozenset[str]:
        """Its query parameters other than `page` and `limit`."""
        return self._query - {"page", "limit"}

    @cached_property
    def _query(self) -> frozenset[str]:
        parameters = map(resolve, _said(self.id)[1].get("parameters", ()))
        return frozenset(parameter["name"] for parameter in parameters if parameter["in"] == "query")

    def path_for(self, channel: int | str, image: int | str = 1) -> str:
        """The path of a request."""
        return self.path.replace("{channel_id}", str(channel)).replace("{id}", str(image))


@cache
def _said(operation: str) -> tuple[str, Mapping[str, Any]]:
    """The path of an operation, and what the contract says of it."""
    return next(
        (path, item["get"])
        for path, item in load_contract()["paths"].items()
        if item["get"]["operationId"] == operation
    )


FULL = Operation("listProductImages")
DETAILED = Operation("listDetailedProductImages")
INSERTS = Operation("listProductImageInserts")
UPDATES = Operation("listProductImageUpdates")
INSERTS_OR_UPDATES = Operation("listProductImageInsertsOrUpdates")
RETRIEVE = Operation("retrieveProductImage")
RETRIEVE_DETAILED = Operation("retrieveDetailedProductImage")

ENVELOPED = (FULL, DETAILED)
PENDING = (INSERTS, UPDATES, INSERTS_OR_UPDATES)
LISTS = (*ENVELOPED, *PENDING)
RETRIEVALS = (RETRIEVE, RETRIEVE_DETAILED)
OPERATIONS = (*LISTS, *RETRIEVALS)
"""All of them, in the order of the contract."""


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
    """`seed` or `inferred`, and from what."""


def statement(rule: str) -> Statement:
    """What the contract says for a rule. Raises `KeyError` for a rule that the contract does not state."""
    entry = load_contract()["x-conformance"][rule]
    return Statement(entry["statement"], f"{entry['basis']}: {entry['source']}")
