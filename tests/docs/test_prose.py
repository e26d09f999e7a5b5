"""docs/prose.py finds what it is for, and leaves plain English alone; docs/python-api.md lacks no public name."""

import runpy
from pathlib import Path

import pytest

import channel_images

DOCS = Path(__file__).parents[2] / "docs"
PROSE = runpy.run_path(str(DOCS / "prose.py"))


@pytest.mark.parametrize(
    "sentence",
    [
        "Who breaks off a listing waits for no request.",
        "Whoever reads it finds nothing.",
        "What was refused is pending again.",
        "Utilize the client.",
        "It is done in order to win.",
        "There are lists, the pages of which differ.",
        "Start the fake server.",
        "It is no file.",
        "word " * 36 + "end.",
        "- a point\n- Who reads it waits.",
    ],
)
def test_it_finds_in_a_page(sentence: str) -> None:
    assert len(list(PROSE["of_page"](f"# Page\n\n{sentence}\n"))) == 1


@pytest.mark.parametrize(
    "sentence",
    [
        "If you break off a listing, it stops at once.",
        "Who may sign in?",
        "There is no file.",
        "```sh\nUtilize " + "word " * 50 + "\n```",
        "| Who reads | it waits. |",
        "`utilize()` and [it](of-which).",
        "[What it sends](#sent) has the figures.",
    ],
)
def test_it_leaves_a_page_alone(sentence: str) -> None:
    assert list(PROSE["of_page"](f"# Page\n\n{sentence}\n")) == []


def test_it_finds_long_sentences_on_average() -> None:
    assert list(PROSE["of_page"]("a b c d e f g h i j k l m n o p q. " * 10)) != []


def test_it_reads_docstrings_help_and_messages() -> None:
    code = '''
def read(path):
    """Utilize the path that is given.

    Args:
        path: Whether the file is there.
    """
    raise ValueError(f"{path} is a thing that is no file")
'''
    assert [finding.partition(":")[0] for finding in PROSE["of_module"](code)] == ["3", "8"]


def test_the_python_api_has_every_public_name() -> None:
    page = (DOCS / "python-api.md").read_text(encoding="utf-8")
    assert [name for name in channel_images.__all__ if f":: {name}\n" not in page] == []
