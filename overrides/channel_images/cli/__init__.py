"""Runs the command line, `channel-images`: one module a command.

Data goes to stdout, everything else to stderr. Exit codes: 0; 1 for a negative answer (a server that does not conform,
an image that does not exist); 2 for bad use, bad input or a server that cannot be reached; 130 after Ctrl-C.
"""

import os
import sys


def main() -> None:
    """Run the command line with the arguments of the process."""
    # Closed by the caller (`>&-`): what is printed goes nowhere, and no connection gets the stream's number.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - likewise
    try:
        try:
            from channel_images.cli.app import app
        except ModuleNotFoundError as missing:
            if missing.name not in {"typer", "rich"}:
                raise
            sys.stderr.write("channel-images: the command line needs an extra: pip install 'channel-images[cli]'\n")
            sys.exit(2)
        app(prog_name="channel-images")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        # Under `python -m`, CPython remembers that Ctrl-C ended code given as a string (imports make classes that way),
        # and ends by SIGINT in place of the exit code. Such code that runs to its end makes it forget.
        exec("")  # noqa: S102 - nothing in it
