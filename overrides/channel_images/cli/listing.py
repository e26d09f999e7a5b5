"""Prints a list of a channel: what the commands for lists share, in options and in deeds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from attrs import evolve, frozen

from channel_images.choices import What
from channel_images.cli.output import Output, print_rows

if TYPE_CHECKING:
    from channel_images import ChannelImages
    from channel_images.formats.text import Row

DetailedOption = Annotated[
    bool, typer.Option("--detailed", help="Add further fields that the server has for an image.")
]
ConcurrencyOption = Annotated[int, typer.Option(min=1, metavar="N", help="Keep so many pages in flight.")]


@frozen
class Paging:
    """How a list is read; a test holds the default of `page_size` to the client's own."""

    rows: Annotated[
        int | None, typer.Option("--rows", "-n", min=1, metavar="N", help="End after so many rows.  [default: all]")
    ] = None
    page_size: Annotated[int, typer.Option(min=1, metavar="N", help="Ask for so many rows a page.")] = 100
    consistent: Annotated[
        bool,
        typer.Option("--consistent", help="Prove that no image was lost while the list changed; exit 1 if that fails."),
    ] = False
    concurrency: ConcurrencyOption = 1


def print_listing(
    api: "ChannelImages", channel: int, what: What, paging: Paging, output: Output, filters: Mapping[str, Any]
) -> None:
    """Print a list of a channel.

    Raises:
        ChannelImagesError: Reading it failed. What came before is printed.
    """
    from channel_images.export.lists import list_of
    from channel_images.listings.listing import Listing
    from channel_images.listings.sent import decode_sent_rows, sent_rows

    total = paging.rows
    query = list_of(
        channel,
        what,
        filters,
        page_size=paging.page_size if total is None else min(paging.page_size, total),
        concurrency=paging.concurrency,
        consistent=paging.consistent,
    )
    pages = Listing(api, evolve(query, decode=decode_sent_rows)).pages()
    print_rows(_at_most((sent_rows(page.results) for page in pages), total), output)


def _at_most(pages: "Iterable[Sequence[Row]]", total: int | None) -> "Iterator[Sequence[Row]]":
    """The pages up to so many rows. No page is asked for that is not needed."""
    for rows in pages:
        if total is None:
            yield rows
            continue
        yield rows[:total]
        total -= len(rows)
        if total <= 0:
            return
