"""Runs `channel-images images`: lists the images of a channel."""

import typer

from channel_images.choices import What
from channel_images.cli.connection import ChannelArgument, Connection, open_client, required_channel
from channel_images.cli.errors import exit_codes
from channel_images.cli.filters import Filters
from channel_images.cli.listing import DetailedOption, Paging, print_listing
from channel_images.cli.options import with_groups
from channel_images.cli.output import Output


@with_groups
def images(
    context: typer.Context,
    channel: ChannelArgument = None,
    *,
    filters: Filters,
    detailed: DetailedOption = False,
    output: Output,
    paging: Paging,
    connection: Connection,
) -> None:
    """List the images of a channel.

    Example: channel-images images 5 --product 123 --fields pk,width,height
    """
    number = required_channel(context, channel)
    what = What.DETAILED if detailed else What.IMAGES
    chosen = filters.chosen(what)
    with exit_codes(), open_client(context, connection) as api:
        print_listing(api, number, what, paging, output, chosen)
