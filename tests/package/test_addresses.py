"""What a build says of where this repository is: its links in the metadata, and those of README on a package index."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://host.example/owner/name"
README = (ROOT / "README.md").read_text(encoding="utf-8")
TARGET = re.compile(r'(?:\]\(|(?:src|srcset)=")([^)"\s]+)')


def built(monkeypatch: pytest.MonkeyPatch, repository: str) -> dict[str, Any]:
    """What the build adds to the table `project`."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("RELEASE_REPOSITORY", repository)
    project: dict[str, Any] = {"version": "1.2.3"}
    module.Addresses(str(ROOT), {}).update(project)
    return project


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_release_links_to_its_tag(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    project = built(monkeypatch, REPOSITORY + ending)
    assert project["urls"] == {
        "Repository": REPOSITORY,
        "Documentation": f"{REPOSITORY}/tree/v1.2.3/docs",
        "Changelog": f"{REPOSITORY}/blob/v1.2.3/CHANGELOG.md",
        "Issues": f"{REPOSITORY}/issues",
    }
    targets = TARGET.findall(project["readme"]["text"])
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    # Each is where README's own is.
    relative = [re.sub(rf"{re.escape(REPOSITORY)}/(blob|raw)/v1\.2\.3/", "", target) for target in targets]
    assert relative == TARGET.findall(README)


def test_a_build_that_knows_no_address_has_no_link_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    project = built(monkeypatch, "")
    assert project["urls"] == {}
    text = project["readme"]["text"]
    assert [target for target in TARGET.findall(text) if not target.startswith(("https://", "#"))] == []
    assert "<" not in re.sub(r"```.*?```", "", text, flags=re.DOTALL)  # no picture


@pytest.mark.parametrize(
    "address", ["owner/name", "http://host.example/owner/name", "https://host.example", "https://h/a b"]
)
def test_what_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    with pytest.raises(ValueError, match="has to be such as https://host/owner/name"):
        built(monkeypatch, address)
