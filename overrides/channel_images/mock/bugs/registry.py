"""What a bug is, and the table that the bugs register themselves in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from channel_images.mock.behaviour import Behaviour
from channel_images.mock.http.answers import Answer, Refused
from channel_images.mock.http.call import Call
from channel_images.mock.parameters import Argument
from channel_images.mock.variants import html, name_of, summary_of

LIST = "listProductImages"
DETAILED_LIST = "listDetailedProductImages"
INSERTS = "listProductImageInserts"
UPDATES = "listProductImageUpdates"
UNION = "listProductImageInsertsOrUpdates"
RETRIEVE = "retrieveProductImage"
DETAILED_RETRIEVE = "retrieveDetailedProductImage"

FILTERS = ("product", "product__pk__in", "id__in", "is_seller_product", "product_type")
_PAGING = {"page", "limit"}


@dataclass(frozen=True, slots=True)
class Bug:
    """A violation of the contract."""

    name: str
    rule: str
    """The conformance rule that sees it; others may too."""
    summary: str
    """The mistake, in the words of a server's author."""
    behaviour: type[Behaviour]
    needs_churn: bool = False
    """Whether it shows only while the data changes."""


BUGS: dict[str, Bug] = {}
"""By name, in the order of the rules."""

Kind = TypeVar("Kind", bound=type[Behaviour])


def bug(rule: str, *, needs_churn: bool = False) -> Callable[[Kind], Kind]:
    """Put a behaviour into ``BUGS``, as one that ``rule`` sees. Its name is that of the class, its docstring says what
    is wrong."""

    def register(kind: Kind) -> Kind:
        name = name_of(kind)
        if name in BUGS:
            raise ValueError(f"there are two bugs {name}")
        BUGS[name] = Bug(name, rule, summary_of(kind), kind, needs_churn)
        return kind

    return register


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
