"""``channel-images image``: one image."""

from typing import Annotated

import typer

from channel_images.cli.connection import (
    CaFileOption,
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
    checked_id,
    open_client,
    required_channel,
)
from channel_images.cli.errors import exit_codes, fail
from channel_images.cli.listing import DetailedOption
from channel_images.cli.output import EscapeFormulasOption, FieldsOption, FormatOption, print_row
from channel_images.formats.rows import image_row
from channel_images.settings import CHANNEL_VARIABLES


def image(
    context: typer.Context,
    numbers: Annotated[
        list[int],
        typer.Argument(
            metavar="[CHANNEL] PK",
            help=f"The channel, or what {' or '.join(CHANNEL_VARIABLES)} says; and the image's pk.",
        ),
    ],
    detailed: DetailedOption = False,
    chosen: FormatOption = None,
    fields: FieldsOption = None,
    escape_formulas: EscapeFormulasOption = False,
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
    """Show one image of a channel; exit 1 when there is no such image.

    Example: channel-images image 5 1 --fields pk,hash,status
    """
    *before, pk = numbers
    if len(before) > 1:
        fail("two numbers at most: the channel, and the image's pk")
    channel = required_channel(context, before[0] if before else None)
    checked_id("the pk", pk)
    with exit_codes(), open_client(context) as api:
        from channel_images import NotFound

        try:
            of = api.channel(channel).with_raw_response
            answer = of.image_detailed(pk) if detailed else of.image(pk)
        except NotFound as error:
            # Another 404 is no answer of the API: the URL is wrong.
            fail(str(error), 1 if isinstance(error.body, dict) else 2)
        print_row(image_row(answer), chosen, fields, escape_formulas=escape_formulas)
