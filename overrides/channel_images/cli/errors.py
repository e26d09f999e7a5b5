"""Ends a command that cannot do what it was asked, with one line on stderr that says what, where and how to mend it.

Exit codes: 0; 1 for a negative answer; 2 for bad use, bad input or a server that cannot be reached; 130 after Ctrl-C.
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

_PARAMETER = re.compile(r"\b(?:call_)?(timeout|token|username|password|proxy)=")


def say(message: str) -> None:
    """Print one line on stderr. A server's words may be in it: what is no text of one line becomes a space or a `?`."""
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
        fail(f"this command needs {missing.name}, of an extra: pip install 'channel-images[{name}]'")


@contextmanager
def exit_codes(interrupted: str = "interrupted by Ctrl-C", *, grace: float = 1.0) -> Iterator[None]:
    """End the command with the exit code and the line that an error inside the block asks for.

    Args:
        interrupted: What to say after Ctrl-C.
        grace: Seconds that the block has to clean up after Ctrl-C, or when its output is no longer read. A request
            under way in a thread may take much longer, and nobody waits for it any more.
    """
    with _ctrl_c(interrupted, grace):
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
def _ctrl_c(message: str, grace: float) -> Iterator[None]:
    """Let Ctrl-C end the block, and the process soon after, whatever its threads are waiting for."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    watch: list[threading.Timer] = []

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        if watch:  # by the second Ctrl-C
            os._exit(130)
        watch.append(_end_within(grace, 130, message))
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        for timer in watch:
            timer.cancel()
        _end_within(grace, 130)  # now for the interpreter's own end
        fail(message, 130)
    finally:
        signal.signal(signal.SIGINT, before)


def _end_within(seconds: float, code: int, message: str = "") -> threading.Timer:
    """End the process after so many seconds, unless it has ended by then: its own end waits for all of its threads."""

    def end() -> None:
        if message:
            say(message)
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


def _abandon_output() -> None:
    """Nobody reads stdout, or its disk is full: keep the interpreter from flushing what is left, and complaining."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
