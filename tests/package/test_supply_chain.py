"""What others' code may do where it is fetched: run as reviewed, with few rights, and not while it is installed."""

import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())


def test_actions_are_pinned_by_digest_and_may_only_read() -> None:
    assert WORKFLOWS
    for path in [*WORKFLOWS, ROOT / "action.yml"]:
        text = path.read_text()
        uses = [each for each in re.findall(r"uses: (.*)", text) if each.split()[0] != "./"]
        assert uses
        assert [each for each in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        assert [name for name, job in workflow["jobs"].items() if "permissions" in job] == (
            ["publish"] if path.name == "release.yml" else []
        )


def test_the_job_that_publishes_runs_no_code_of_the_repository() -> None:
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]["publish"]
    assert job["permissions"] == {"id-token": "write"}
    assert [step["uses"].partition("@")[0] for step in job["steps"]] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]


def test_npm_runs_no_scripts_of_what_it_installs() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    calls = []
    for path in map(ROOT.joinpath, listed.split("\0")):
        if path.is_file() and path.suffix in {".py", ".md", ".yml", ".json", ""} and "tests" not in path.parts:
            text = path.read_text(encoding="utf-8")
            calls += re.findall(r'\bnpm, "(?:ci|install|i)".*|.*\bnpm (?:ci|install|i)\b(?! failed).*', text)
    assert len(calls) >= 2  # the linter of the contract, and a peer of the benchmarks
    assert [call for call in calls if "--ignore-scripts" not in call] == []
