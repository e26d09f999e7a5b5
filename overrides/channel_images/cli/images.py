"""``channel-images images``: the images of a channel."""

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
from channel_images.cli.errors import exit_codes, fail
from channel_images.cli.filters import (
    IdInOption,
    IsSellerProductOption,
    ProductOption,
    ProductPkInOption,
    ProductTypeOption,
    chosen_filters,
)
from channel_images.cli.listing import (
    DEFAULT_LIMIT,
    ConcurrencyOption,
    ConsistentOption,
    DetailedOption,
    LimitOption,
    LimitTotalOption,
    print_listing,
)
from channel_images.cli.output import EscapeFormulasOption, FieldsOption, FormatOption


def images(
    context: typer.Context,
    channel: ChannelArgument = None,
    product: ProductOption = None,
    product_pk_in: ProductPkInOption = None,
    id_in: IdInOption = None,
    is_seller_product: IsSellerProductOption = None,
    product_type: ProductTypeOption = None,
    detailed: DetailedOption = False,
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
    """List the images of a channel.

    Example: channel-images images 5 --product 123 --fields pk,width,height
    """
    number = required_channel(context, channel)
    filters = chosen_filters(context)
    if detailed and filters:
        fail(
            f"--detailed and --{next(iter(filters)).replace('_', '-')} contradict each other: the API has no such filter"
        )
    with exit_codes(), open_client(context) as api:
        of = api.channel(number)
        print_listing(context, (of.images_detailed if detailed else of.images), **filters)
