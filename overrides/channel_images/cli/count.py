"""Runs `channel-images count`: counts the images of a channel."""

from typing import Annotated

import typer

from channel_images.choices import What
from channel_images.cli.connection import ChannelArgument, Connection, open_client, required_channel
from channel_images.cli.errors import exit_codes
from channel_images.cli.filters import Filters
from channel_images.cli.options import with_groups


@with_groups
def count(
    context: typer.Context,
    channel: ChannelArgument = None,
    *,
    what: Annotated[What, typer.Option(help="The list to count.")] = What.IMAGES,
    filters: Filters,
    connection: Connection,
) -> None:
    """Count the images of a channel. It takes one request; a list of pending images takes one for each page.

    Example: channel-images count 5 --what pending
    """
    number = required_channel(context, channel)
    chosen = filters.chosen(what)
    with exit_codes(), open_client(context, connection) as api:
        from channel_images.export.lists import list_of
        from channel_images.listings.listing import Listing

        typer.echo(Listing(api, list_of(number, what, chosen)).count())
