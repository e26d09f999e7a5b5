"""Serves the bugs of several families: the operations by their ids, and ways to change arguments and answers."""

from collections.abc import Mapping
from typing import TypeAlias

from channel_images.mock.behaviour import Behaviour
from channel_images.mock.http.answers import Answer, Refused
from channel_images.mock.http.call import Call
from channel_images.mock.parameters import Argument
from channel_images.mock.variants import html

LIST = "listProductImages"
DETAILED_LIST = "listDetailedProductImages"
INSERTS = "listProductImageInserts"
UPDATES = "listProductImageUpdates"
UNION = "listProductImageInsertsOrUpdates"
RETRIEVE = "retrieveProductImage"
DETAILED_RETRIEVE = "retrieveDetailedProductImage"

FILTERS = ("product", "product__pk__in", "id__in", "is_seller_product", "product_type")
_PAGING = {"page", "limit"}


Family: TypeAlias = dict[str, tuple[type[Behaviour], ...]]
"""The bugs of one module by the conformance rule that sees them; others may too. In the contract's order of rules."""


def filters(arguments: Mapping[str, Argument]) -> dict[str, Argument]:
    """The arguments that narrow a list."""
    return {name: value for name, value in arguments.items() if name not in _PAGING}


def without(arguments: Mapping[str, Argument], *names: str) -> dict[str, Argument]:
    """The arguments but for some."""
    return {name: value for name, value in arguments.items() if name not in names}


def without_parameters(call: Call, *names: str) -> Call:
    """The request as if it had not given some parameters."""
    parts = [part for part in call.query_string.split("&") if part.partition("=")[0] not in names]
    return Call({**call.scope, "query_string": "&".join(parts).encode("latin-1")})


def server_error() -> Refused:
    """What Django says where the application raised an exception."""
    return Refused(html(500, "Server Error (500)"))


def json_error(status: int, detail: str) -> Refused:
    """A refusal in JSON."""
    return Refused(Answer.of_json({"detail": detail}, status))
