"""docs/export.md: its examples run, and print what they are said to print, but for what takes how long."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from channel_images.cli.app import load
from channel_images.mock import MockServer

GUIDE = Path(__file__).parents[2] / "docs" / "export.md"
SCRIPTS = Path(sys.executable).parent
EXAMPLE = re.compile(r"^\$ (?P<command>.+)\n(?P<output>(?:(?!```|\$ ).*\n)*)", re.MULTILINE)


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer() as server:
        yield server


def environment(server: MockServer) -> dict[str, str]:
    return {**os.environ, **server.environ(), "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}


def timeless(text: str) -> str:
    return re.sub(r"in [\d.]+ s", "in S s", text)


def test_the_commands_print_what_they_are_said_to(server: MockServer, tmp_path: Path) -> None:
    examples = EXAMPLE.findall(GUIDE.read_text())
    assert len(examples) == 3
    for command, output in examples:
        done = subprocess.run(
            ["sh", "-c", command],
            env=environment(server),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        said = (done.stderr + done.stdout).replace(server.url, "http://127.0.0.1:8000")
        assert timeless(said) == timeless(output)


def test_the_code_runs(server: MockServer, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    said = [
        subprocess.run(
            [sys.executable, "-c", block],
            env=environment(server),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for block in blocks
    ]
    assert said[0] == "complete 1000\n"
    assert re.fullmatch(r"404 there is no channel 404, .* leave it out\n", said[1])


def test_it_names_every_option_of_its_own() -> None:
    text = GUIDE.read_text()
    others = {option for parameter in load("images").params for option in parameter.opts} | {"--help"}
    own = {parameter.opts[0] for parameter in load("export").params if parameter.opts[0].startswith("--")}
    assert {option for option in own - others if f"`{option}" not in text and option not in text} == set()
