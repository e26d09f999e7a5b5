"""Files that a check is given: waivers, known answers, baselines."""

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, strategies as st
from tests.conformance.report.conftest import report, violation
from tests.fuzz.strategies import ANY_TEXT, SHALLOW, TEXTS, documents, encoded, fuzz, hold_to_one_line

from channel_images.conformance.asking.expect import read_expectations
from channel_images.conformance.baseline import read_baseline
from channel_images.conformance.catalogue import CATALOGUE
from channel_images.conformance.files import BadFile, load
from channel_images.conformance.report import render_json
from channel_images.conformance.results import Latency
from channel_images.conformance.waivers import Waiver, Waivers, read_waivers
from channel_images.contract import contract_name

WAIVERS: list[dict[str, Any]] = [
    {"rule": "paging.count", "relation": "count is wrong", "status": 200, "reason": "known: #12", "expires": "2026-01-31"},
    {"rule": "schema.response", "operation": "listProductImages", "relation": "an odd \u2028 one", "reason": "'tis", "expires": "2026-02-28"},
]  # fmt: skip
KNOWN = {
    "products": [{"product": 12, "is_seller_product": True, "product_type": 2}, {"product": 13, "product_type": 0}],
    "images": [{"pk": 101, "pending": "insert"}, {"pk": 102, "pending": "none"}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def read(reader: Callable[[Path], Any], file: Path, content: bytes) -> Any:
    """What a reader makes of a file; `None` where it is refused, in one line that names the file."""
    file.write_bytes(content)
    try:
        return reader(file)
    except BadFile as error:
        hold_to_one_line(error)
        assert str(error).startswith(str(file))
        assert not any("\ud800" <= letter <= "\udfff" or ord(letter) < 32 for letter in str(error))
        return None


@example(content=b"[1e5, 1.5e3, -2E-2]")
@example(content='["a\x85b", "a\x7fb", "\uffff"]'.encode())
@example(content=b'{"\\ud83d\\ude00": 1}')
@example(content=b'{"\\ud83d": 1}')
@example(content=b"[NaN]")
@example(content=b"[1e400]")
@fuzz(100, content=documents(WAIVERS, SHALLOW) | documents(KNOWN))
def test_a_json_file_says_what_json_says(folder: Path, content: bytes) -> None:
    document = read(lambda file: load(file, {}), folder / "any.json", content)
    if document is not None and document.data is not None:
        said = json.loads(content.decode("utf-8-sig"))
        assert repr(document.data) == repr(said)


def test_what_is_written_is_read(folder: Path) -> None:
    for suffix in ("json", "yaml"):
        file = folder / f"written.{suffix}"
        file.write_text(json.dumps(WAIVERS))
        waivers = read_waivers(file)
        waivers.write(file)
        assert read_waivers(file) == waivers
        assert len(waivers.entries) == 2


@example(content=json.dumps([{**WAIVERS[0], "expires": "0000-01-01"}]).encode())
@example(content=b'[{"rule": ' + b"[" * 500 + b"]" * 500 + b"}]")
@fuzz(100, content=documents(WAIVERS, SHALLOW))
def test_waivers_are_what_the_file_says(folder: Path, content: bytes) -> None:
    waivers = read(read_waivers, folder / "waivers.json", content)
    if waivers is not None and content.strip():
        said = json.loads(content.decode("utf-8-sig"))
        assert [each.as_json() for each in waivers.entries] == (said or [])


RELATIONS = (ANY_TEXT | TEXTS).filter(lambda text: text and not re.search("[\ud800-\udfff]", text))


@example(relation="\x85", reason="\u2028 a", day=date(1, 1, 1), status=None, suffix="yaml")
@example(relation="1e5", reason="1e5", day=date(1, 1, 1), status=None, suffix="yaml")
@fuzz(
    25,
    relation=RELATIONS,
    reason=RELATIONS,
    day=st.dates(),
    status=st.none() | st.integers(100, 599),
    suffix=st.sampled_from(["json", "yaml"]),
)
def test_waivers_come_back_from_their_file(
    folder: Path, relation: str, reason: str, day: date, status: int | None, suffix: str
) -> None:
    waivers = Waivers((Waiver("paging.count", relation, f"known {reason[:900]}", day, None, status, day, None),))
    waivers.write(folder / f"own.{suffix}")
    assert read_waivers(folder / f"own.{suffix}") == waivers


@fuzz(50, content=documents(KNOWN, SHALLOW))
def test_known_answers_are_what_the_file_says(folder: Path, content: bytes) -> None:
    known = read(read_expectations, folder / "known.json", content)
    if known is not None and content.strip():
        said = json.loads(content.decode("utf-8-sig"))
        assert known.pending == {each["pk"]: each["pending"] for each in said.get("images", [])}
        for name, values in known.attributes.items():
            assert values == {each["product"]: each[name] for each in said["products"] if name in each}


# YAML

YAML = [
    """\
# Known.
- rule: paging.count
  relation: count is wrong
  status: 200
  reason: >-
    known, and
    in work
  expires: 2026-01-31
- {rule: schema.response, relation: "odd", reason: 'so it is', expires: 2026-02-28}
""",
    """\
products:
  - product: 12
    is_seller_product: true
    product_type: 2
images:
  - {pk: 101, pending: insert}
  - pk: 102
    pending: none
""",
]
WORDS = st.sampled_from(
    [
        *("!!bool x", "!!timestamp x", '!!int ""', '!!float ""', "!!binary ü", "!!null x", "!!set {a, b}", "!!omap [a: 1]", "!x y", "! y"),
        *("&a b", "*a", "&a [*a]", "<<: {a: 1}", "? [a, b]", "? {a: 1}\n: b", "|\n  x", ">\n  y", "--- ", "...", "%YAML 9.9", "%TAG ! x"),
        *("1:1:1:1", "190:20:30", "0b", "0x_", "0o7", "010", ".inf", ".nan", "-.inf", "1e5", "1_0", "~", "yes", "=", "2026-99-99", "0000-01-01"),
        *('"\\ud800"', '"\\x00"', '"\\', "'", "{", "[", "]", "}", "a: b: c", "- - - 1", "\t- x", "@", "`", "#", ", ", ": ", "\r", "\x85", "\u2028"),
        *("[" * 1_000, "{a: " * 1_000, "- " * 2_000, "a" * 1_100 + ": 1", "? " * 1_000),
    ]
)  # fmt: skip


@st.composite
def yaml(draw: st.DrawFn, text: str) -> str:
    """A YAML text of which some words and lines are others."""
    for _ in range(draw(st.integers(0, 3))):
        lines = text.splitlines()
        number = draw(st.integers(0, len(lines) - 1))
        line, word = lines[number], draw(WORDS)
        name, colon, _ = line.partition(": ")
        edits = [f"{name}{colon}{word}", f"{word}{line}", f"{line}\n{line}", "", f"  {line}", line[2:], word]
        lines[number] = draw(st.sampled_from(edits))
        text = "\n".join(lines) + "\n"
    return text


@example(content=b"images: [{pk: 1, pending: !!bool x}]")
@example(content=b'images: [{pk: !!int "", pending: none}]')
@example(content=b"images: [{pk: 1, pending: !!timestamp x}]")
@fuzz(200, content=st.sampled_from(YAML).flatmap(yaml).flatmap(encoded) | st.binary(max_size=80))
def test_any_yaml_is_read_or_refused_in_one_line(folder: Path, content: bytes) -> None:
    waivers = read(read_waivers, folder / "waivers.yaml", content)
    known = read(read_expectations, folder / "known.yaml", content)
    if waivers is not None:
        assert all(each.rule in CATALOGUE and isinstance(each.expires, date) for each in waivers.entries)
    if known is not None:
        assert all(isinstance(key, int | str) for key in known.pending)


# Reports


REPORT = json.loads(
    render_json(report(violation(), latency={"listProductImages": Latency(1, 1, 1, 1)}, contract=contract_name()))
)


@fuzz(75, content=documents(REPORT))
def test_a_baseline_is_what_the_report_says(folder: Path, content: bytes) -> None:
    baseline = read(read_baseline, folder / "report.json", content)
    if baseline is not None:
        said = json.loads(content)
        assert (baseline.started, baseline.command, baseline.contract) == (
            said["started"],
            said["command"],
            contract_name(),
        )
        found = {each["rule"] for each in said["results"] if each["verdict"] in ("violated", "waived")}
        assert {each.rule for each in baseline.found} == found
        change = baseline.change(report(violation(), command="channel-images check --quick"))
        assert len([*change.new, *change.unchanged]) == 1
