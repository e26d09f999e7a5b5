"""What others' code may do where it is fetched: run as reviewed, with few rights, and not while it is installed."""

import re
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())


def test_actions_are_pinned_by_digest_and_may_only_read() -> None:
    assert WORKFLOWS
    for path in WORKFLOWS:
        text = path.read_text()
        uses = re.findall(r"uses: (.*)", text)
        assert uses
        assert [each for each in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {"contents": "read"}
        assert all("permissions" not in job for job in workflow["jobs"].values())


def test_npm_runs_no_scripts_of_what_it_installs() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    calls = []
    for path in map(ROOT.joinpath, listed.split("\0")):
        if path.is_file() and path.suffix in {".py", ".md", ".yml", ".json", ""} and "tests" not in path.parts:
            text = path.read_text(encoding="utf-8")
            calls += re.findall(r"\[npm, .*|.*\bnpm (?:ci|install|i)\b(?! failed).*", text)
    assert len(calls) >= 3
    assert [call for call in calls if "--ignore-scripts" not in call] == []
