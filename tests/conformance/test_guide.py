"""docs/conformance.md: its examples, its tables and its links are true."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from channel_images.cli.app import load
from channel_images.conformance import Verdict
from channel_images.conformance.asking.expect import read_expectations
from channel_images.conformance.waivers import read_waivers
from channel_images.mock import MockServer

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "conformance.md"
TEXT = GUIDE.read_text(encoding="utf-8")
HOST = "https://staging.example.com"


def blocks(language: str) -> list[str]:
    return re.findall(rf"``{language}\n(.*?)``", TEXT, re.DOTALL)


def known_options() -> set[str]:
    command = load("check")
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")} - {"--help"}


def test_the_files_are_good(tmp_path: Path) -> None:
    files = {block.partition("\n")[0].removeprefix("# "): block for block in blocks("yaml")}
    for name in ("waivers.yaml", "expect.yaml"):
        (tmp_path / name).write_text(files[name])
    assert len(read_waivers(tmp_path / "waivers.yaml").entries) == 2
    known = read_expectations(tmp_path / "expect.yaml")
    assert (known.attributes["is_seller_product"], set(known.pending.values())) == (
        {12: True, 13: False},
        {"insert", "update", "none"},
    )
    steps = yaml.safe_load(files[".github/workflows/conformance.yaml"])["jobs"]["check"]["steps"]
    assert any("channel-images check" in step.get("run", "") for step in steps)


def test_each_option_is_told_and_exists() -> None:
    table = TEXT.partition("## Options")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(--[a-z-]+)", table)) == known_options()
    for line in (line for block in blocks("console") + blocks("yaml") for line in block.splitlines()):
        if "channel-images check" in line:
            given = [word for word in shlex.split(line, comments=True) if word.startswith("--")]
            assert set(given) <= known_options()


def test_each_verdict_is_told() -> None:
    assert set(re.findall(r"^\| `([a-z ]+)` \|", TEXT, re.MULTILINE)) >= set(Verdict)


def links() -> Iterator[str]:
    yield from re.findall(r"\]\(([^)#\s]+)", TEXT)


def test_the_links_lead_somewhere() -> None:
    assert any("waivers.schema.json" in link for link in links())
    for link in links():
        assert (GUIDE.parent / link).is_file(), link
    headings = {
        re.sub(r"[^a-z0-9-]", "", line.lower().replace(" ", "-"))
        for line in re.findall(r"^##+ (.*)$", TEXT, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings


def test_the_python_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    with MockServer(images=30, bugs=["count-one-short"]) as server:
        exec(code.replace(HOST, server.url).replace('"..."', repr(server.token)), {})
    assert capsys.readouterr().out.startswith(
        "violates\npaging.count listProductImages count is not the number of rows\n"
    )
