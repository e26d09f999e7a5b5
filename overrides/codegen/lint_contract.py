"""Lints openapi.yaml: valid OpenAPI 3.1, of a version that says what has changed, clean under redocly.

    python overrides/codegen/lint_contract.py [--require-node] [--contract FILE] [--released FILE]
    python overrides/codegen/lint_contract.py --changes    prints docs/contract-changes.md, and lints nothing

One line a problem. Exits 0 when there is none, 1 when there are, 2 when it could not be judged. redocly needs Node;
without it, a line says that it was left out (with --require-node that is exit 2).

tests/contract/released/openapi.yaml is the contract of the last release, and is replaced when a release is made.
What breaks its clients needs a new major version, an addition a minor one, and other words a patch. contract_changes.py
judges that, and knows the generated names; where Node is, redocly judges it a second time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from contract_changes import KINDS, Change, Node, Version, changes, least, page

from channel_images.contract import resolve
from channel_images.resource import Undeclared, declared

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NODE_NEEDED = (20, 19)


class UnreadableError(Exception):
    """A file that cannot be judged, in one line."""


class UnavailableError(Exception):
    """Why redocly cannot be run here, in one line."""


# --- Is it OpenAPI ----------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """PyYAML lets the last of two equal keys win, which hides a slip of the pen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key '{key.value}' stands here twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def shown(path: Path) -> str:
    """Short, and the same on every machine."""
    for base in (ROOT, Path.cwd()):
        if path.resolve().is_relative_to(base):
            return path.resolve().relative_to(base).as_posix()
    return str(path)


def load(path: Path) -> Node:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - it is a SafeLoader
    except OSError as error:
        raise UnreadableError(f"{shown(path)}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{shown(path)}: is not UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UnreadableError(f"{shown(path)}{line}: is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UnreadableError(f"{shown(path)}: is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(document, dict) or "openapi" not in document:
        raise UnreadableError(f"{shown(path)}: is not an OpenAPI document")
    return document


def lost(contract: Node, node: Any) -> Iterator[str]:
    """The references that lead nowhere. The validator looks at those to schemas, parameters and responses alone."""
    if isinstance(node, list):
        node = dict(enumerate(node))
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            try:
                resolve(node, contract)
            except (KeyError, TypeError, RecursionError):
                yield f"$ref: {node['$ref']} leads nowhere in this file"
        for child in node.values():
            yield from lost(contract, child)


def invalid(contract: Node) -> list[str]:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    if not str(contract["openapi"]).startswith("3.1."):
        return [f"openapi: {contract['openapi']} is not 3.1"]
    found = []
    try:
        for error in OpenAPIV31SpecValidator(contract).iter_errors():
            # The message may hold the whole object.
            message = str(error.message).splitlines()[0]
            found.append(f"{'.'.join(str(step) for step in error.path) or '(root)'}: {message[:200]}")
    except Exception:  # it stumbles over what it has found, or over a lost reference
        if not (found or any(lost(contract, contract))):
            raise
    return found or [*dict.fromkeys(lost(contract, contract))]


def undeclared(contract: Node) -> list[str]:
    """What the extensions of docs/contract.md say wrongly, or leave out: the first that is found."""
    try:
        declared(contract)
    except Undeclared as error:
        return [f"undeclared: {error}"]
    return []


# --- redocly ----------------------------------------------------------------------------------------------------------


def run(command: list[str], timeout: float) -> subprocess.CompletedProcess[str]:
    quiet = {
        "REDOCLY_TELEMETRY": "off",
        "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
        "REDOCLY_SUPPRESS_NOTIFICATIONS": "true",
    }
    try:
        return subprocess.run(  # noqa: S603 - our own commands, without a shell
            command, capture_output=True, text=True, timeout=timeout, cwd=ROOT, env={**os.environ, **quiet}, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{Path(command[0]).name} failed: {error}") from error


def install() -> list[str]:
    """The command that starts redocly; installs it where the lock file is newer than what is there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise UnavailableError(f"{'node' if node is None else 'npm'} is not installed")
    version = run([node, "--version"], 30).stdout.strip()
    number = re.match(r"v(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) < NODE_NEEDED:
        raise UnavailableError(f"node {version} is too old, {NODE_NEEDED[0]}.{NODE_NEEDED[1]} is needed")
    if not is_installed():
        install_packages(npm)
    return [node, str(HERE / "node_modules" / "@redocly" / "cli" / "bin" / "cli.js")]


def is_installed() -> bool:
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime


def install_packages(npm: str) -> None:
    """Install in another folder, then put it in place: runs at the same time, such as those of tests, meet no half of it."""
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".node_modules-") as name:
        folder = Path(name)
        for file in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / file, folder)
        # Without a network, npm's own patience is over a minute.
        patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
        result = run([npm, "ci", "--prefix", name, "--ignore-scripts", *patience], 300)
        if result.returncode:
            said = [line for line in result.stderr.splitlines() if line.strip()]
            raise UnavailableError(f"npm ci failed: {said[0].strip() if said else 'it says nothing'}")
        with contextlib.suppress(OSError):  # there is nothing to replace, or another run was faster
            if not is_installed():
                (HERE / "node_modules").rename(folder / "replaced")
        with contextlib.suppress(OSError):
            (folder / "node_modules").rename(HERE / "node_modules")


def redocly(*arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code of a subcommand, and what it answers in JSON."""
    result = run([*install(), *arguments, "--config", str(HERE / "redocly.yaml"), "--lint-config", "error"], 120)
    try:
        return result.returncode, json.loads(result.stdout)
    except ValueError as error:
        said = [line for line in (result.stderr + result.stdout).splitlines() if line.strip()]
        raise UnavailableError(f"redocly failed: {said[0].strip() if said else f'exit {result.returncode}'}") from error


def slips(contract: Path) -> list[str]:
    """What redocly's rules find."""
    code, found = redocly("lint", "--format", "json", str(contract.resolve()))
    lines: dict[str, None] = {}  # a component is linted once in each place that uses it
    for problem in found["problems"]:
        place = problem["location"][0].get("pointer", "") if problem["location"] else ""
        lines[f"redocly: {place}: {problem['message'].splitlines()[0]} ({problem['ruleId']})"] = None
    if code and not lines:
        raise UnavailableError(f"redocly failed: exit {code}")
    return list(lines)


def bundle(contract: Path, file: Path) -> str:
    """Writes the contract without YAML anchors: where two places share one, redocly's diff and score see the first."""
    _, bundled = redocly("bundle", "--ext", "json", str(contract.resolve()))
    file.write_text(json.dumps(bundled), encoding="utf-8")
    return str(file)


def doubts(contract: Path, released: Path) -> list[str]:
    """A line where redocly asks for a higher version than the contract has."""
    with tempfile.TemporaryDirectory() as folder:
        files = bundle(released, Path(folder) / "released.json"), bundle(contract, Path(folder) / "contract.json")
        code, found = redocly("diff", *files, "--check-version", "--fail-on", "none", "--format", "json")
    if not code:
        return []
    first = next(change for change in found["changes"] if change["impact"] == found["bump"])
    reason = first["verdicts"][0]["message"] if first["verdicts"] else f"{first['path']} was {first['kind']}"
    return [f"redocly: info.version is too low for a {found['bump']} change: {reason}"]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def version(path: Path, contract: Node) -> Version:
    written = contract["info"]["version"]
    found = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", written)
    if found is None:
        raise UnreadableError(f"{shown(path)}: info.version is '{written}'; write three numbers, as in 1.2.3")
    return int(found[1]), int(found[2]), int(found[3])


def too_low(now: Version, before: Version, found: list[Change]) -> list[str]:
    """Where the version does not say what has changed: a line with the one that does, and a line for each reason."""
    step = max((change.step for change in found), default=None)
    wanted = before if step is None else least(before, step)
    if now >= wanted:
        return []
    released, version_now, version_wanted = (".".join(map(str, one)) for one in (before, now, wanted))
    reasons = [f"{KINDS[step]}: {change}" for change in found if change.step is step] if step is not None else []
    return [
        f"info.version is {version_now}, and the last release {released}; bump info.version to {version_wanted}",
        *reasons,
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Lint the contract.", allow_abbrev=False)
    parser.add_argument("--contract", type=Path, default=ROOT / "openapi.yaml", metavar="FILE")
    parser.add_argument(
        "--released", type=Path, default=ROOT / "tests" / "contract" / "released" / "openapi.yaml", metavar="FILE"
    )
    parser.add_argument("--require-node", action="store_true", help="fail where redocly cannot be run")
    parser.add_argument("--changes", action="store_true", help="print what has changed since the release, in Markdown")
    options = parser.parse_args(arguments)

    name = shown(options.contract)
    try:
        contract, released = load(options.contract), load(options.released)
        if wrong := invalid(released):
            raise UnreadableError(f"{shown(options.released)}: is not OpenAPI: {wrong[0]}")
        problems = [f"invalid: {line}" for line in invalid(contract)]
        is_valid = not problems
        if is_valid:  # the comparison relies on the shape that the validator checked
            found = changes(released, contract)
            problems = too_low(version(options.contract, contract), version(options.released, released), found)
            problems += undeclared(contract)
    except UnreadableError as error:
        say(str(error))
        return 2
    if options.changes and is_valid:
        say("\n".join(page(released, contract)))
        return 0

    done, left_out = ["valid OpenAPI", "of a version that says what has changed"], ""
    try:
        problems += slips(options.contract)
        problems += doubts(options.contract, options.released) if is_valid else []
        done.append("redocly finds nothing")
    except UnavailableError as reason:
        left_out = f"redocly left out: {reason}"

    for problem in problems:
        say(f"{name}: {problem}")
    if left_out:
        say(f"{name}: {left_out}")
    if left_out and options.require_node:
        return 2
    if problems:
        return 1
    say(f"{name}: {', '.join(done)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
