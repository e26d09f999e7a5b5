"""benchmarks/claims.toml and the pages: each claim stands where it is said to stand, and no figure is without a claim."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from benchmarks import __main__ as runner, check, claims, page

from channel_images.mock.bugs import BUGS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CLAIMS = claims.load()


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.measurement}-{claim.subject}")
def test_it_stands_on_its_page_with_its_bound(claim: claims.Claim) -> None:
    assert flat(claim.text) in flat((ROOT / claim.page).read_text(encoding="utf-8"))
    assert f"{claim.bound:,g}" in claim.text
    assert claim.part in runner.PARTS


def test_each_row_of_the_readme_is_a_claim() -> None:
    comparison = README.partition("## What people use today")[2].partition("\n## ")[0]
    rows = [line for line in comparison.splitlines() if line.startswith("|") and not re.match(r"\| (---|for )", line)]

    claimed = {claim.text: f"`make bench PART={claim.part}` |" for claim in CLAIMS if claim.page == "README.md"}

    assert rows == list(claimed)
    assert all(row.endswith(command) for row, command in claimed.items())


def test_the_readme_names_the_versions_that_are_measured() -> None:
    for package in ("omnisdk", "openapi-python-client", "schemathesis"):
        assert re.search(rf"{package}`? {re.escape(version(package))}\b", README)
    prism = json.loads((ROOT / "benchmarks" / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert f"Prism {prism['@stoplight/prism-cli']}" in README


def test_the_docs_have_the_claims_with_their_limits() -> None:
    # To write them anew: make bench && .venv/bin/python -m benchmarks --docs
    table = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for claim in CLAIMS:
        assert f": {page.plain(claim.text)} |" in table
        assert f"| {claim.subject}: {claim.limit} |" in table


def test_the_bugs_are_of_all_families() -> None:
    families = {rule.partition(".")[0] for bug in BUGS.values() if (rule := bug.rule)}

    assert sorted(str(BUGS[name].rule).partition(".")[0] for name in check.BUGS) == sorted(families)


@pytest.mark.parametrize("kinds", ["", ", at_least = 1, at_most = 2"], ids=["none", "two"])
def test_a_bound_has_one_kind(kinds: str, tmp_path: Path) -> None:
    file = tmp_path / "claims.toml"
    file.write_text(
        f'[[claim]]\npage = "README.md"\ntext = "so fast"\nmeasurement = "a.b"\nbounds = [{{ of = "ours"{kinds} }}]\n'
    )

    with pytest.raises(ValueError, match="'so fast' needs one of at_least, at_most, equals"):
        claims.load(file)
