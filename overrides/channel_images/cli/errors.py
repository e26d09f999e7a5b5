"""Ends a command that cannot do what it was asked, with one line on stderr that says what, where and how to mend it.

Exit codes: 0; 1 for a negative answer; 2 for bad use, bad input or a server that cannot be reached; 130 after Ctrl-C, 143 after SIGTERM.
"""

import errno
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

import typer

from channel_images.exceptions import ChannelImagesError, IncompleteListing

_STOPS = {signal.SIGINT: "interrupted by Ctrl-C", signal.SIGTERM: "ended by SIGTERM"}
"""The signals that end a command in good order, and what it says then. It exits as a shell says that they end a process."""
_SHOW_CURSOR = "\x1b[?25h"
_PARAMETER = re.compile(r"\b(?:call_)?(timeout|token|username|password|proxy)=")


def say(message: str) -> None:
    """Print one line on stderr. A server's words may be in it: what is not a text of one line becomes a space or a `?`."""
    line = " ".join(message.split())
    line = "".join(character if character.isprintable() else "?" for character in line)
    line = line.replace("##[", "#?[")  # which GitHub's runner obeys wherever it stands in a log
    # Not by typer.echo, which writes past the progress bar that stands in for stderr.
    sys.stderr.write(f"channel-images: {line}\n")
    sys.stderr.flush()


def fail(message: str, code: int = 2) -> NoReturn:
    """End the command with `message` on stderr and an exit code: 2, where none is given."""
    say(message)
    raise typer.Exit(code)


@contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """Name the extra to install when an import inside the block finds its package missing."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("channel_images"):
            raise
        fail(f"this command needs {missing.name}: pip install 'channel-images[{name}]'")


@contextmanager
def exit_codes(*, grace: float = 1.0) -> Iterator[None]:
    """End the command with the exit code and the line that an error inside the block asks for.

    Args:
        grace: Seconds that the block has to clean up after Ctrl-C or SIGTERM, or when its output is no longer read. A
            request under way in a thread may take much longer, and nobody waits for it any more.
    """
    with _signals(grace):
        try:
            yield
            sys.stdout.flush()
        except IncompleteListing as error:
            fail(_in_options(error), 1)
        except ChannelImagesError as error:
            fail(_in_options(error))
        except BrokenPipeError:
            _end_within(grace, 0)
            _abandon_output()
            raise typer.Exit(0) from None
        except OSError as error:
            _abandon_output()
            fail(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error))


@contextmanager
def output_errors() -> Iterator[None]:
    """For what is printed outside of `exit_codes`: a pipe that is closed is no error, and a full disk is one line."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        _abandon_output()
        if error.errno == errno.ENOSPC:
            fail(str(error.strerror))
        raise typer.Exit(0) from None


def _in_options(error: ChannelImagesError) -> str:
    """The message, with the names of Python's parameters as those of the command line."""
    return _PARAMETER.sub(r"--\1", str(error))


@contextmanager
def _signals(grace: float) -> Iterator[None]:
    """Let a signal end the block, and the process soon after, whatever its threads are waiting for."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, threading.Timer]] = []

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        if came:  # by the second one
            _end_now(128 + number)
        came.append((number, _end_within(grace, 128 + number, _STOPS[signal.Signals(number)])))
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in _STOPS}
    try:
        yield
    except KeyboardInterrupt:
        number = came[0][0] if came else signal.SIGINT
        for _, timer in came:
            timer.cancel()
        _end_within(grace, 128 + number)  # now for the interpreter's own end
        fail(_STOPS[signal.Signals(number)], 128 + number)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_within(seconds: float, code: int, message: str = "") -> threading.Timer:
    """End the process after so many seconds, unless it has ended by then: its own end waits for all of its threads."""

    def end() -> None:
        if message:
            say(message)
        _end_now(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


def _end_now(code: int) -> NoReturn:
    """End the process without any cleaning up but that of a terminal, whose cursor a progress bar hides."""
    if sys.__stderr__ is not None and sys.__stderr__.isatty():
        with suppress(OSError):
            os.write(sys.__stderr__.fileno(), _SHOW_CURSOR.encode())
    os._exit(code)


def _abandon_output() -> None:
    """Nobody reads stdout, or its disk is full: keep the interpreter from flushing what is left, and complaining."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
