"""What the commands for lists share: their options, besides those of the connection, and what they do."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from channel_images.cli.errors import fail
from channel_images.cli.output import print_rows
from channel_images.formats.rows import Row, page_rows

if TYPE_CHECKING:
    from channel_images import Listing

LimitOption = Annotated[int, typer.Option(min=1, metavar="N", help="Rows on a page.")]
LimitTotalOption = Annotated[int | None, typer.Option(min=1, metavar="N", help="End after so many rows.")]
DetailedOption = Annotated[
    bool, typer.Option("--detailed", help="With what further fields the server has for an image.")
]
ConsistentOption = Annotated[
    bool, typer.Option("--consistent", help="Prove that no image is lost while the list changes, or exit with 1.")
]
ConcurrencyOption = Annotated[int, typer.Option(min=1, metavar="N", help="Pages in flight at a time.")]

DEFAULT_LIMIT = 100
"""Rows on a page; a test holds it to the client's own."""


def print_listing(context: typer.Context, listing_of: "Callable[..., Listing]", **filters: Any) -> None:
    """Print a list of a channel, as the options in the context say.

    Args:
        context: Of a command with the options above, and `FormatOption`, `FieldsOption` and `EscapeFormulasOption`.
        listing_of: A method of the client's channel.
        filters: Further arguments for it.

    Raises:
        ChannelImagesError: Reading it failed. What came before is printed.
    """
    given = context.params
    total = given["limit_total"]
    try:
        listing = listing_of(
            limit=given["limit"] if total is None else min(given["limit"], total),
            concurrency=given["concurrency"],
            consistent=given["consistent"],
            **filters,
        )
    except (TypeError, ValueError) as error:
        fail(str(error))
    print_rows(
        _at_most(map(page_rows, listing.pages()), total),
        given["chosen"],
        given["fields"],
        escape_formulas=given["escape_formulas"],
    )


def _at_most(pages: Iterable[Sequence[Row]], total: int | None) -> Iterator[Sequence[Row]]:
    """The pages up to so many rows. No page is asked for that is not needed."""
    for rows in pages:
        if total is None:
            yield rows
            continue
        yield rows[:total]
        total -= len(rows)
        if total <= 0:
            return
