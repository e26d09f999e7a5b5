"""The command line as a user runs it: as a process, in a pipe or in a terminal."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import pytest
from tests.warm import Warm
from typer.testing import CliRunner

from channel_images.cli.app import app
from channel_images.mock import MockServer

COMMAND = [sys.executable, "-m", "channel_images.cli"]


class Done(NamedTuple):
    """What a process printed, and its exit code."""

    code: int
    out: str
    err: str = ""


class Run(Protocol):
    def __call__(self, *arguments: str, **environment: str) -> Done: ...


class Terminal(Protocol):
    def __call__(self, width: int, *arguments: str, **environment: str) -> Done: ...


def environment_for(server: MockServer | None, more: Mapping[str, str]) -> dict[str, str]:
    ours = ("CHANNEL_IMAGES_", "OMNITRON_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    settings = {"CHANNEL_IMAGES_URL": server.url, "CHANNEL_IMAGES_TOKEN": server.token} if server else {}
    return {**inherited, **settings, "TERM": "xterm-256color", **more}


def invoke(arguments: Sequence[str], environment: Mapping[str, str]) -> Done:
    """Run a command in this process, as if in a pipe: half a second less than a process of its own."""
    unset: dict[str, str | None] = dict.fromkeys(os.environ)
    done = CliRunner().invoke(app, arguments, prog_name="channel-images", env={**unset, **environment})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout_bytes.decode(), done.stderr)


@pytest.fixture(scope="session")
def shop() -> Iterator[MockServer]:
    """A mock server whose requests are looked at: `reset` it first."""
    with MockServer(images=230) as server:
        yield server


@pytest.fixture
def run(shop: MockServer) -> Run:
    """Run a command against `shop` in this process, as if in a pipe."""

    def run(*arguments: str, **environment: str) -> Done:
        return invoke(arguments, environment_for(shop, environment))

    return run


@pytest.fixture
def spawn(shop: MockServer) -> Run:
    """Run a command against `shop` in a process of its own, in a pipe."""

    def spawn(*arguments: str, **environment: str) -> Done:
        done = subprocess.run(
            [*COMMAND, *arguments],
            env=environment_for(shop, environment),
            capture_output=True,
            check=False,
            timeout=60,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return spawn


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Runs command lines, each in a process that is a fork. What is imported here reads no contract."""
    commands = (
        f"channel_images.cli.{name}" for name in ("app", "check", "image", "images", "mock", "table", "writers")
    )
    process = Warm(
        *commands,
        "channel_images.conformance.report",
        "channel_images.export.lists",
        "channel_images.mock.server",
        "channel_images.mock.bugs",
    )
    yield process
    process.end()


@pytest.fixture
def fork(warm: Warm) -> Run:
    """Run a command in a process that is a fork, in a pipe, against no server in particular."""

    def fork(*arguments: str, **environment: str) -> Done:
        return Done(*warm.run("channel_images.cli", arguments, environment_for(None, environment)))

    return fork


@pytest.fixture
def terminal(shop: MockServer, warm: Warm) -> Terminal:
    """Run a command against `shop` in a terminal of some width; its stderr is there too."""

    def terminal(width: int, *arguments: str, **environment: str) -> Done:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        warm.begin("channel_images.cli", arguments, environment_for(shop, environment), [theirs] * 3)
        os.close(theirs)
        shown = b""
        while part := _read(ours):
            shown += part
        os.close(ours)
        return Done(warm.code(), shown.decode().replace("\r\n", "\n"))

    return terminal


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux says so when the other end is closed
        return b""
