"""docs/cli.md: its examples print what they are said to print, and it lacks no command and no option of a list."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Run, Terminal, environment_for

from channel_images.cli.app import COMMANDS
from channel_images.mock import MockServer

GUIDE = Path(__file__).parents[2] / "docs" / "cli.md"
SCRIPT = Path(sys.executable).with_name("channel-images")
WRITTEN = "http://127.0.0.1:8000"
_EXAMPLE = re.compile(r"^\$ (?P<command>.+)\n(?P<output>(?:(?!```|\$ ).*\n)*)", re.MULTILINE)


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer() as server:
        yield server


def printed(command: str, server: MockServer, terminal: Terminal) -> str:
    settings = environment_for(server, {"PATH": f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}"})
    if re.fullmatch(r"channel-images images [^|>;]*", command):
        return terminal(80, *command.split()[1:], **settings, NO_COLOR="1").out
    done = subprocess.run(["sh", "-c", command], env=settings, capture_output=True, text=True, check=False, timeout=60)
    return done.stderr + done.stdout


def test_the_examples_are_true(server: MockServer, terminal: Terminal) -> None:
    # To write them anew: UPDATE_GUIDE=1 pytest tests/cli/test_cli_guide.py
    text = GUIDE.read_text()
    current = _EXAMPLE.sub(
        lambda example: (
            f"$ {example['command']}\n{printed(example['command'], server, terminal).replace(server.url, WRITTEN)}"
        ),
        text,
    )
    assert len(_EXAMPLE.findall(text)) > 5
    if os.environ.get("UPDATE_GUIDE"):
        GUIDE.write_text(current)
    assert GUIDE.read_text() == current


def test_it_names_every_command(run: Run) -> None:
    text = GUIDE.read_text()
    for command in COMMANDS:
        assert f"`channel-images {command}" in text
    for option in re.findall(r"^  (--[a-z-]+)", run("images", "--help").out, re.MULTILINE):
        assert f"`{option}" in text
