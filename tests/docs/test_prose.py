"""docs/prose.py finds what it is for, and leaves plain English alone; docs/python-api.md lacks no public name."""

import subprocess
import sys
from pathlib import Path

import pytest

import channel_images

DOCS = Path(__file__).parents[2] / "docs"


def read(tmp_path: Path, text: str) -> tuple[int, str]:
    page = DOCS.parent / "docs" / "prose.py"
    written = tmp_path / "page.md"
    written.write_text(text)
    done = subprocess.run([sys.executable, page, written], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "sentence",
    [
        "Who breaks off a listing waits for no request.",
        "Whoever reads it finds nothing.",
        "Utilize the client.",
        "It is done in order to win.",
        "There are lists, the pages of which differ.",
        "Start the fake server.",
        "word " * 41 + "end.",
        "- a point\n- Who reads it waits.",
    ],
)
def test_it_finds(tmp_path: Path, sentence: str) -> None:
    code, printed = read(tmp_path, f"# Page\n\n{sentence}\n")
    assert code == 1
    assert printed.count("\n") == 1
    assert "page.md: " in printed


@pytest.mark.parametrize(
    "sentence",
    [
        "If you break off a listing, it stops at once.",
        "Who may sign in?",
        "```sh\nUtilize " + "word " * 50 + "\n```",
        "| Who reads | it waits. |",
        "`utilize()` and [it](of-which).",
    ],
)
def test_it_leaves_alone(tmp_path: Path, sentence: str) -> None:
    assert read(tmp_path, f"# Page\n\n{sentence}\n") == (0, "")


def test_the_python_api_has_every_public_name() -> None:
    page = (DOCS / "python-api.md").read_text(encoding="utf-8")
    assert [name for name in channel_images.__all__ if f":: {name}\n" not in page] == []
