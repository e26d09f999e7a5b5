"""README.md: its commands run, one after the other, and print what they are said to print."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from channel_images.conformance.catalogue import RULES

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
EXAMPLE = re.compile(r"^\$ (?P<command>.+)\n(?P<output>(?:(?!```|\$ ).*\n)*)", re.MULTILINE)
SECONDS = re.compile(r"\d+\.\d s\b")

NOT_RUN = {
    "pip": "needs the package index; tests/package/test_distribution.py builds and installs the wheel",
    "make": "verifies and tests the repository itself, which .ci/run does",
}


class Reader:
    """Somebody who types the commands of the README, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CHANNEL_IMAGES_")}
        self._environment = inherited | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        self._servers: list[subprocess.Popen[str]] = []
        self._places: dict[str, str] = {}

    def type(self, command: str) -> str:
        """What a command prints, with the addresses that the README has."""
        if command.startswith("export "):
            self._environment |= dict(setting.split("=", 1) for setting in self._there(command).split()[1:])
            return ""
        if command.startswith("channel-images mock"):
            return self._start(command)
        done = subprocess.run(
            ["sh", "-c", self._there(command)],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        printed = done.stdout
        assert printed, done.stderr
        for written, real in self._places.items():
            printed = printed.replace(real, written)
        return printed

    def _start(self, command: str) -> str:
        written = f"http://127.0.0.1:{(re.findall(r'--port ([0-9]+)', command) or ['8000'])[0]}"
        words = re.sub(r" --port \d+", "", command).split()
        server = subprocess.Popen(
            [str(BIN / words[0]), *words[1:], "--port", "0"],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._servers.append(server)
        assert server.stdout is not None
        printed = ""
        while not printed.endswith("Ctrl-C ends it.\n"):
            line = server.stdout.readline()
            assert line, printed
            printed += line
        self._places[written] = printed.split()[1]
        return printed.replace(self._places[written], written)

    def _there(self, text: str) -> str:
        for written, real in self._places.items():
            text = text.replace(written, real)
        return text

    def write(self, code: str) -> None:
        """Save a program under the name that its first line gives."""
        name = code.partition("\n")[0].removeprefix("# ")
        (self._folder / name).write_text(self._there(code), encoding="utf-8")

    def leave(self) -> None:
        for server in self._servers:
            server.terminate()
            server.communicate(timeout=20)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.leave()


def test_the_examples_are_true(reader: Reader) -> None:
    # To write them anew: UPDATE_GUIDE=1 pytest tests/docs/test_readme.py
    def current(block: re.Match[str]) -> str:
        language, body = block["language"], block["body"]
        if language == "python":
            reader.write(body)
            return block[0]
        return f"```console\n{EXAMPLE.sub(answer, body)}```"

    def answer(example: re.Match[str]) -> str:
        if example["command"].split()[0] in NOT_RUN:
            return example[0]
        printed = reader.type(example["command"])
        # How long a run takes differs from run to run.
        same = SECONDS.sub("", printed) == SECONDS.sub("", example["output"])
        return example[0] if same else f"$ {example['command']}\n{printed}"

    text = re.sub(r"```(?P<language>console|python)\n(?P<body>.*?)```", current, TEXT, flags=re.DOTALL)
    if os.environ.get("UPDATE_GUIDE"):
        README.write_text(text, encoding="utf-8")
    assert README.read_text(encoding="utf-8") == text


def test_it_has_no_other_blocks() -> None:
    assert set(re.findall(r"^```(\S+)", TEXT, re.MULTILINE)) == {"console", "python"}


def test_it_counts_the_rules() -> None:
    assert f"which of {len(RULES)} [rules]" in TEXT
