"""`make verify`: what URL and CHANNEL hold reaches the check as it is, and is no command of make's or the shell's."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"
SHOW = '#!/bin/sh\nfor argument; do printf "%s\\n" "$argument"; done\n'
HOSTILE = [
    "$(shell touch pwned)",
    "$(touch pwned)",
    "$$(touch pwned)",
    "`touch pwned`",
    '";touch pwned;"',
    "';touch pwned;'",
    "\\';touch pwned;\\'",
    "x;touch pwned",
    "x&touch pwned",
    "|touch pwned",
    "#",
    "$HOME",
    "*",
    "--help",
    "https://host/$(error no)",
    "https://host/ü?a=b&c=d",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A clone that is set up, and whose command shows its arguments, one a line."""
    shutil.copy(MAKEFILE, tmp_path)
    (tmp_path / "requirements.lock").touch()
    (tmp_path / "pyproject.toml").touch()
    command = tmp_path / ".venv" / "bin" / "channel-images"
    command.parent.mkdir(parents=True)
    command.write_text(SHOW)
    command.chmod(0o755)
    (tmp_path / ".venv" / ".ready").touch()
    return tmp_path


def verify(folder: Path, **variables: str) -> list[list[str]]:
    """The arguments of the check, with the variables in the environment, and on the command line of make."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    shown = []
    for options, environment in (([], variables), ([f"{name}={value}" for name, value in variables.items()], {})):
        done = subprocess.run(
            ["make", "verify", *options],
            cwd=folder,
            env={**clean, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        shown.append(done.stdout.splitlines())
    return shown


@pytest.mark.parametrize("url", HOSTILE)
def test_a_url_is_one_argument(folder: Path, url: str) -> None:
    expected = ["check", "--channel", "5", "--report", "report", "--", url]
    assert verify(folder, URL=url) == [expected, expected]
    assert not (folder / "pwned").exists()


@pytest.mark.parametrize("channel", HOSTILE)
def test_channels_are_words(folder: Path, channel: str) -> None:
    words = [part for word in f"5 {channel}  6".split() for part in ("--channel", word)]
    expected = ["check", *words, "--report", "report", "--", "https://host"]
    assert verify(folder, URL="https://host", CHANNEL=f"5 {channel}  6") == [expected, expected]
    assert not (folder / "pwned").exists()
