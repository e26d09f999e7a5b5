"""Runs `channel-images inserts`, `updates` and `pending`: lists the images that a channel waits for."""

from collections.abc import Callable

import typer

from channel_images.choices import What
from channel_images.cli.connection import ChannelArgument, Connection, open_client, required_channel
from channel_images.cli.errors import exit_codes
from channel_images.cli.listing import Paging, print_listing
from channel_images.cli.options import with_groups
from channel_images.cli.output import Output


def _command(what: What, text: str) -> Callable[..., None]:
    """The command that prints one of the lists that take no filters."""

    def command(
        context: typer.Context,
        channel: ChannelArgument = None,
        *,
        output: Output,
        paging: Paging,
        connection: Connection,
    ) -> None:
        number = required_channel(context, channel)
        with exit_codes(), open_client(context, connection) as api:
            print_listing(api, number, what, paging, output, {})

    command.__doc__ = text
    return with_groups(command)


inserts = _command(
    What.INSERTS,
    """List the images that were never sent to a channel.

    Example: channel-images inserts 5 --format csv > inserts.csv
    """,
)
updates = _command(
    What.UPDATES,
    """List the images that were sent to a channel, and have changed since.

    Example: channel-images updates 5 --fields pk,modified_date
    """,
)
pending = _command(
    What.PENDING,
    """List the images that a channel waits for: those never sent, and those that have changed since.

    Example: channel-images pending 5 | wc -l
    """,
)
