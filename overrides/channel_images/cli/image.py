"""Runs `channel-images image`: shows one image."""

from typing import Annotated

import typer

from channel_images.cli.connection import Connection, id_of, open_client, required_channel
from channel_images.cli.errors import exit_codes, fail
from channel_images.cli.listing import DetailedOption
from channel_images.cli.options import with_groups
from channel_images.cli.output import Output, print_row
from channel_images.settings import CHANNEL_VARIABLES


@with_groups
def image(
    context: typer.Context,
    numbers: Annotated[
        list[str],
        typer.Argument(
            metavar="[CHANNEL] PK",
            help=f"The channel (or set {' or '.join(CHANNEL_VARIABLES)}), and the image's pk.",
        ),
    ],
    *,
    detailed: DetailedOption = False,
    output: Output,
    connection: Connection,
) -> None:
    """Show one image of a channel; exit 1 if there is no such image.

    Example: channel-images image 5 1 --fields pk,hash,status
    """
    *before, pk = numbers
    if len(before) > 1:
        fail("two numbers at most: the channel, and the image's pk")
    number = id_of("the pk", pk)
    channel = required_channel(context, before[0] if before else None)
    with exit_codes(), open_client(context, connection) as api:
        from channel_images import ImageNotFound, NotFound
        from channel_images.listings.missing import retrieve
        from channel_images.listings.sent import decode_sent_image, sent_rows

        try:
            found = retrieve(api, decode_sent_image, channel, number, detailed=detailed).value
        except NotFound as error:
            fail(str(error), 1 if isinstance(error, ImageNotFound) else 2)
        (row,) = sent_rows([found])
        print_row(row, output)
