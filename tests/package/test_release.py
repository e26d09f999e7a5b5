"""What a release consists of, and what cannot be built where these tests run: the image, the action, the workflow."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import channel_images
from channel_images.cli.app import COMMANDS, load
from channel_images.mock import MockServer

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
CI = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
REPOSITORY = "https://host.example/owner/name"
POLICY = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")


def options(command: str) -> set[str]:
    return {option for parameter in load(command).params for option in parameter.opts}


@pytest.fixture(scope="module")
def release_check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release_check", ROOT / ".ci" / "release_check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose tag v1.2.3 can be released."""
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3 (2026-01-31)\n\n## 1.2.2 (2025-12-01)\n")
    released = tmp_path / "tests" / "contract" / "released"
    released.mkdir(parents=True)
    for folder in (tmp_path, released):
        (folder / "openapi.yaml").write_text("info: {version: 1.0.0}\n")
    return tmp_path


@pytest.mark.parametrize("tag", ["v1.2.3", ""])
def test_a_release_whose_versions_agree(release_check: ModuleType, checkout: Path, tag: str) -> None:
    assert release_check.check_versions(checkout, tag, tag and REPOSITORY) == "1.2.3"


@pytest.mark.parametrize(
    ("tag", "file", "old", "new", "message"),
    [
        ("v1.2.4", "pyproject.toml", "", "", r"the tag is v1\.2\.4, .* has to be v1\.2\.3"),
        ("1.2.3", "pyproject.toml", "", "", r"the tag is 1\.2\.3, .* has to be v1\.2\.3"),
        ("v1.2.3", "pyproject.toml", "1.2.3", "1.3.0", r"CHANGELOG\.md begins with 1\.2\.3, .* version 1\.3\.0"),
        ("", "pyproject.toml", "1.2.3", "1.3.0", r"CHANGELOG\.md begins with 1\.2\.3, .* version 1\.3\.0"),
        ("v1.2.3", "CHANGELOG.md", "2026-01-31", "unreleased", r"put the date of the release"),
        ("v1.2.3", "CHANGELOG.md", "##", "#", r"no heading such as"),
        ("v1.2.3", "openapi.yaml", "1.0.0", "1.1.0", r"tests/contract/released/: copy it there"),
    ],
)
def test_a_release_whose_versions_differ(
    release_check: ModuleType, checkout: Path, tag: str, file: str, old: str, new: str, message: str
) -> None:
    path = checkout / file
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(release_check.NotReady, match=message):
        release_check.check_versions(checkout, tag, REPOSITORY)


def test_what_is_published_says_where_it_is_from(release_check: ModuleType, checkout: Path) -> None:
    with pytest.raises(release_check.NotReady, match="REPOSITORY=https://host/owner/name"):
        release_check.check_versions(checkout, "v1.2.3", "")


def test_before_the_tag_the_changelog_may_say_unreleased(release_check: ModuleType, checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text("## 1.2.3 (unreleased)\n")
    assert release_check.check_versions(checkout, "", "") == "1.2.3"


def test_the_version_is_that_of_the_project() -> None:
    assert channel_images.__version__ == PROJECT["version"]


def test_every_python_that_is_declared_is_tested() -> None:
    declared = {name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)}
    tested = {each["python"] for each in CI["jobs"]["pythons"]["strategy"]["matrix"]["include"]}
    assert tested == declared
    assert PROJECT["requires-python"] == f">={min(declared)}"


def test_the_policy_lists_the_public_names() -> None:
    rows = POLICY.partition("| topic | names |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"`(\w+)`", rows)) == sorted(channel_images.__all__)


def test_the_tools_are_installed_in_the_versions_that_the_tests_run_with() -> None:
    pins = [
        set(re.findall(r"^[\w.-]+==[\w.]+", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))
        for lock in ("requirements-tools.lock", "requirements.lock")
    ]
    assert pins[0]
    assert pins[0] <= pins[1]


def test_the_image_runs_the_command_of_the_wheel_and_not_as_root() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert 'ENTRYPOINT ["/opt/channel-images/bin/channel-images"]' in last
    assert "channel-images" in PROJECT["scripts"]
    for base in re.findall(r"^FROM python:(\S+)-slim", DOCKERFILE, re.MULTILINE):
        assert f"Programming Language :: Python :: {base.partition('@')[0]}" in PROJECT["classifiers"]
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)[0].split():
        assert f"!{source}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_of_the_example_can_write_nothing_and_has_options_that_exist(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"]
    assert service["init"]
    assert service["cap_drop"] == ["ALL"]
    command, *arguments = service["command"]
    assert command in COMMANDS
    assert {each for each in arguments if each.startswith("--")} <= options(command)
    taken = {variable for parameter in load(command).params for variable in _variables(parameter)}
    assert set(service["environment"]) <= taken


def _variables(parameter: Any) -> list[str]:
    names = parameter.envvar or []
    return [names] if isinstance(names, str) else list(names)


def test_the_action_names_options_that_exist() -> None:
    script = next(step for step in ACTION["runs"]["steps"] if step.get("name") == "check")["run"]
    used = set(re.findall(r"(--[a-z-]+)\b", script + ACTION["inputs"]["options"]["description"]))
    assert used
    assert used <= options("check")


def act(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the script of the action's check, with the installed command in the place of the one that the action installs."""
    step = next(step for step in ACTION["runs"]["steps"] if step.get("name") == "check")
    given = {name: value.get("default", "") for name, value in ACTION["inputs"].items()} | inputs
    command = folder / "channel-images" / "bin" / "channel-images"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m channel_images "$@"\n')
    command.chmod(0o755)
    environment = {name: given[re.sub(r"\$\{\{ inputs\.(\w+) }}", r"\1", value)] for name, value in step["env"].items()}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder,
        env={**os.environ, **environment, "RUNNER_TEMP": str(folder), "CHANNEL_IMAGES_TOKEN": "mock-token"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_action_judges_a_server_and_writes_the_report(tmp_path: Path) -> None:
    with MockServer() as mock:
        done = act(tmp_path, url=mock.url, channel="5 6", options="--quick --seed 1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ACTION["inputs"]["report"]["default"] / "report.json").is_file()


def test_the_action_fails_and_annotates_where_a_server_breaks_the_contract(tmp_path: Path) -> None:
    with MockServer(bugs=["status-upper-case"]) as mock:
        done = act(tmp_path, url=mock.url, channel="5", options="--quick")
    assert done.returncode == 1, done.stderr
    assert "::error" in done.stdout


@pytest.mark.parametrize("name", ["url", "channel", "options", "report"])
def test_the_action_runs_nothing_that_its_inputs_hold(tmp_path: Path, name: str) -> None:
    inputs = {"url": "http://127.0.0.1:9", "channel": "5", name: "$(touch pwned);`touch pwned`"}
    act(tmp_path, **inputs)
    assert not (tmp_path / "pwned").exists()
