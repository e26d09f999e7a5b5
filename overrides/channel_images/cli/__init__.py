"""The command line, ``channel-images``: one module a command.

Exit codes: 0, 1 for a negative answer (a server that does not conform), 2 for bad use, bad input or a server that
cannot be reached, 130 after Ctrl-C.
"""

import sys


def main() -> None:
    """Run the command line with the arguments of the process."""
    try:
        from channel_images.cli.app import app
    except ModuleNotFoundError as missing:
        if missing.name not in {"typer", "rich"}:
            raise
        sys.stderr.write("channel-images: the command line needs an extra: pip install 'channel-images[cli]'\n")
        sys.exit(2)
    app()
