"""Takes the filters of the contract as options."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from attrs import frozen

from channel_images.choices import What
from channel_images.cli.connection import id_of
from channel_images.cli.errors import fail

if TYPE_CHECKING:
    from channel_images import ProductType

T = TypeVar("T")


def _complete_product_types(incomplete: str) -> list[str]:
    """What a shell offers for `--product-type`."""
    from channel_images import ProductType

    given, comma, _ = incomplete.rpartition(",")
    return [f"{given}{comma}{kind.name.lower()}" for kind in ProductType]


@frozen
class Filters:
    """Which images."""

    product: Annotated[str | None, typer.Option(metavar="ID", help="Only the images of this product.")] = None
    product_pk_in: Annotated[
        list[str] | None, typer.Option(metavar="ID,...", help="Only the images of these products.")
    ] = None
    id_in: Annotated[list[str] | None, typer.Option(metavar="PK,...", help="Only these images.")] = None
    is_seller_product: Annotated[
        bool | None,
        typer.Option(
            "--is-seller-product/--no-is-seller-product",
            help="Only the images of products that belong to a seller, or of those that do not.",
        ),
    ] = None
    product_type: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE,...",
            autocompletion=_complete_product_types,
            help="Only the images of products of these types: names, such as simple, or numbers.",
        ),
    ] = None

    def chosen(self, what: What = What.IMAGES) -> dict[str, Any]:
        """Those that were given, as arguments for `Channel.images`.

        Args:
            what: The list that they are for.
        """
        filters = {
            "product": None if self.product is None else id_of("--product", self.product),
            "product_pk_in": _values("--product-pk-in", self.product_pk_in, _one_of_ids),
            "id_in": _values("--id-in", self.id_in, _one_of_ids),
            "is_seller_product": self.is_seller_product,
            "product_type": _values("--product-type", self.product_type, _product_type),
        }
        given = {name: value for name, value in filters.items() if value is not None}
        if given and what is not What.IMAGES:
            option = f"--{next(iter(given)).replace('_', '-')}"
            fail(
                f"{option} and the list `{what}` contradict each other: the API filters the plain list of images alone"
            )
        return given


def _values(option: str, given: Sequence[str] | None, convert: Callable[[str, str], T]) -> list[T] | None:
    """The values of an option that takes several, with commas between them or one a time. An empty text has none."""
    if not given:  # Typer's value for an option that was not given is an empty list
        return None
    return [convert(option, text.strip()) for each in given if each.strip() for text in each.split(",")]


def _one_of_ids(option: str, text: str) -> int:
    return id_of(option, text, "numbers with commas between them, such as 1,2")


def _product_type(option: str, text: str) -> "ProductType":
    from channel_images import ProductType

    if text.isascii() and text.isdigit():
        return ProductType(int(text))  # also one that the contract does not know yet
    try:
        return ProductType[text.upper().replace("-", "_")]
    except KeyError:
        names = ", ".join(kind.name.lower() for kind in ProductType)
        fail(f"{option} takes {names}, or a number: {text!r} is none")
