"""How a command refuses: one line that says what, where and how to mend it, and exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer


def fail(message: str) -> NoReturn:
    """End the command with ``message`` on stderr and exit code 2."""
    typer.echo(f"channel-images: {message}", err=True)
    raise typer.Exit(2)


@contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """Name the extra to install when an import inside the block finds its package missing."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("channel_images"):
            raise
        fail(f"this command needs {missing.name}, of an extra: pip install 'channel-images[{name}]'")
