"""Finds the command that a command line names, and says in one line what is wrong with one.

A command imports what is heavy inside its function, and help is plain text, so that `--help` and shell completion
stay quick.
"""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from channel_images.cli.errors import output_errors, say
from channel_images.cli.words import near, speak_plainly, what_is_wrong

COMMANDS = {
    "images": "List the images of a channel.",
    "inserts": "List the images that were never sent to a channel.",
    "updates": "List the images that have changed since a channel got them.",
    "pending": "List the images that a channel waits for: inserts and updates.",
    "count": "Count the images of a channel.",
    "image": "Show one image; exit 1 if there is none.",
    "export": "Write every image of one or more channels to a file.",
    "check": "Judge a server.",
    "mock": "Run a mock server that behaves like Omnitron.",
    "spec": "Print the contract.",
}
"""Each command, and what the list of commands says of it. Its module and its function have the same name."""
_MODULES = {"inserts": "pending", "updates": "pending"}
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

# Typer has it from click, or from a copy of its own, which is private.
_UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError")


class _Group(TyperGroup):
    """Loads a command when it is called, and says what is wrong with a command line in one line."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] in COMMANDS:
            self.commands[args[0]] = load(args[0])
        elif not args[0].startswith("-"):
            ctx.fail(f"there is no command {args[0]!r}{near(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with output_errors():  # options such as --help and --version print from here
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with output_errors():
            return super().invoke(ctx)

    def main(self, args: Any = None, prog_name: Any = None, *, standalone_mode: bool = True, **options: Any) -> Any:  # type: ignore[override]  # all are given by name
        try:
            result = super().main(args, prog_name, standalone_mode=False, **options)
        except _UsageError as error:
            if not standalone_mode:
                raise
            if type(error).__name__ == "NoArgsIsHelpError":
                error.show()
            else:
                say(what_is_wrong(error))
            raise SystemExit(error.exit_code) from None
        if standalone_mode:
            raise SystemExit(result if isinstance(result, int) else 0)
        return result


def load(name: str) -> Any:
    """The command of that name, with its options."""
    module = import_module(f"channel_images.cli.{_MODULES.get(name, name)}")
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_SETTINGS)
    alone.command(name)(getattr(module, name))
    return speak_plainly(typer.main.get_command(alone))


app = typer.Typer(
    name="channel-images",
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode=None,  # Rich takes as long to import as everything else together
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from channel_images import __version__

        typer.echo(f"channel-images {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Tools for the sales-channel product-image API.

    Example: channel-images images 5 --url https://host -n 10
    """


def _not_loaded() -> None:
    """Stands for a command in the list of commands."""


for _name, _summary in COMMANDS.items():
    app.command(_name, help=_summary)(_not_loaded)
