"""``channel-images inserts``, ``updates`` and ``pending``: the images that a channel waits for."""

from collections.abc import Callable

import typer

from channel_images.cli.connection import (
    CaFileOption,
    ChannelArgument,
    HeaderOption,
    PasswordOption,
    ProxyOption,
    RateOption,
    RetriesOption,
    TimeoutOption,
    TokenOption,
    UrlOption,
    UsernameOption,
    VerboseOption,
    open_client,
    required_channel,
)
from channel_images.cli.errors import exit_codes
from channel_images.cli.listing import (
    DEFAULT_LIMIT,
    ConcurrencyOption,
    ConsistentOption,
    LimitOption,
    LimitTotalOption,
    print_listing,
)
from channel_images.cli.output import EscapeFormulasOption, FieldsOption, FormatOption


def _command(method: str, text: str) -> Callable[..., None]:
    """The command that prints the list of a method of `Channel`."""

    def command(
        context: typer.Context,
        channel: ChannelArgument = None,
        chosen: FormatOption = None,
        fields: FieldsOption = None,
        escape_formulas: EscapeFormulasOption = False,
        limit: LimitOption = DEFAULT_LIMIT,
        limit_total: LimitTotalOption = None,
        consistent: ConsistentOption = False,
        concurrency: ConcurrencyOption = 1,
        url: UrlOption = None,
        token: TokenOption = None,
        username: UsernameOption = None,
        password: PasswordOption = None,
        header: HeaderOption = None,
        timeout: TimeoutOption = None,
        ca_file: CaFileOption = None,
        proxy: ProxyOption = None,
        rate: RateOption = None,
        retries: RetriesOption = None,
        verbose: VerboseOption = False,
    ) -> None:
        number = required_channel(context, channel)
        with exit_codes(), open_client(context) as api:
            print_listing(context, getattr(api.channel(number), method))

    command.__doc__ = text
    return command


inserts = _command(
    "inserts",
    """List the images that were never sent to a channel.

    Example: channel-images inserts 5 --format csv > inserts.csv
    """,
)
updates = _command(
    "updates",
    """List the images that were sent to a channel, and changed since.

    Example: channel-images updates 5 --fields pk,modified_date
    """,
)
pending = _command(
    "inserts_or_updates",
    """List the images that a channel waits for: those never sent, and those that changed since.

    Example: channel-images pending 5 | wc -l
    """,
)
