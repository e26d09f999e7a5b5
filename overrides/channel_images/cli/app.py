"""The Typer application that the commands belong to.

A command imports what is heavy inside its function, so that ``--help`` and shell completion stay quick.
"""

from importlib.metadata import version
from typing import Annotated

import typer

from channel_images.cli.check import check
from channel_images.cli.mock import mock
from channel_images.cli.spec import spec

app = typer.Typer(
    name="channel-images",
    help="Tools for the sales-channel product-image API.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"channel-images {version('channel-images')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Tools for the sales-channel product-image API."""


app.command()(check)
app.command()(mock)
app.command()(spec)
