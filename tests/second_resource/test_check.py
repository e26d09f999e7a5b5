"""The check judges the second resource by its contract: each rule finds a bug of the mock, and no variant is accused.

One process has one contract. So the matrix runs in processes of its own: this file, run as a program.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from channel_images.conformance.catalogue import CATALOGUE
from channel_images.contract import use_contract

CONTRACT = Path(__file__).with_name("openapi.yaml")
ROOT = CONTRACT.parents[2]
COMMAND = [sys.executable, "-m", "channel_images"]
HIDDEN = {"filter.partition"}
"""The rules about what rows do not show: this contract has no filter for that."""


def matrix(asked: str) -> dict[str, Any]:
    """What is found, by bug or by group of variants, in a process that has the contract."""
    from tests.conformance import test_matrix as ours

    if asked == "variants":
        # How much is asked changes nothing here: what the contract names is asked for at least once.
        groups = [(names, ours.with_variants(names, quick=True)) for names in ours.groups()]
        return {
            " ".join(names): [ours.violations(report), sorted(ours.expected_warnings(names))]
            for names, report in groups
        }
    # One for each rule: whether a rule finds the others too is a question to its code, which the first contract answers.
    bugs = {rule: name for name, rule in reversed(ours.RULES.items())}
    return {name: {"rule": rule, "found": ours.violations(ours.with_bug(name))} for rule, name in bugs.items()}


def run(asked: str) -> dict[str, Any]:
    """The same, from a process of its own."""
    command = [sys.executable, "-m", __name__, asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_each_rule_reports_a_bug() -> None:
    found = run("bugs")
    assert {each["rule"] for each in found.values()} == set(CATALOGUE) - HIDDEN
    missed = {name: each for name, each in found.items() if each["rule"] not in {rule for rule, *_ in each["found"]}}
    assert missed == {}


def test_no_variant_is_accused() -> None:
    for names, (found, expected) in run("variants").items():
        assert {rule for rule, *_ in found} == set(expected), (names, found)


@contextmanager
def served(*options: str) -> Iterator[str]:
    """The URL of a mock that serves the contract."""
    command = [*COMMAND, "mock", "--contract", str(CONTRACT), "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        try:
            found = next(match for line in process.stdout if (match := re.search(r"http://127\.0\.0\.1:\d+", line)))
            yield found[0]
        finally:
            process.terminate()


def check(url: str, folder: Path, *options: str) -> dict[str, Any]:
    """The report of the command."""
    channels = ["--channel", "5", "--channel", "6", "--probe-writes", "--token", "mock-token"]
    command = [*COMMAND, "check", url, *channels, *options, "--contract", str(CONTRACT), "--report", str(folder)]
    subprocess.run(command, capture_output=True, check=False)
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


def test_a_healthy_server_conforms_and_all_rules_that_apply_are_tried(tmp_path: Path) -> None:
    with served("--images", "120") as url:
        report = check(url, tmp_path, "--other-token", "mock-other")
    assert (report["verdict"], report["contract"]) == ("conforms", "Sales Channel Product Stocks 1.0.0")
    idle = {each["rule"]: each["reason"] for each in report["results"] if each["verdict"] == "not exercised"}
    assert idle == dict.fromkeys(HIDDEN, "the contract has no filter on what rows do not show")
    assert {each["verdict"] for each in report["results"]} == {"pass", "not exercised"}


def test_a_violation_is_told_in_the_words_of_the_resource_and_by_our_own_sentence(tmp_path: Path) -> None:
    with served("--images", "120", "--bug", "image-deletes") as url:
        report = check(url, tmp_path, "--rule", "protocol.read-only")
    violations = [each for each in report["results"] if each["verdict"] == "violated"]
    assert {each["operation"] for each in violations} == {"retrieveProductStock", "retrieveDetailedProductStock"}
    assert "For a row that does not exist" in violations[0]["evidence"]["statement"]


if __name__ == "__main__":
    use_contract(CONTRACT)
    sys.stdout.write(json.dumps(matrix(sys.argv[1])))
