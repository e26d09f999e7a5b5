"""What is imported is declared where it is needed, and the floors of what is declared are those that `make test-lowest` runs."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SCRIPTS = {path.stem for place in ("examples/*", "overrides/codegen") for path in ROOT.glob(f"{place}/*.py")}
# Scripts of one folder import each other.
NO_PACKAGES = {"channel_images", "channel_images_api", "tests", "benchmarks", *SCRIPTS, *sys.stdlib_module_names}
DISTRIBUTIONS = packages_distributions()
REQUIREMENT = re.compile(r"([\w.-]+)(?:\[([\w,-]+)\])?([^;]*)")
ROOM = Path("overrides/channel_images")

# Each of these extras has to bring what is imported there; what is nowhere here is for everybody.
NEEDED = {
    **{f"{ROOM}/{name}": ["parquet"] for name in ("export", "formats")},
    f"{ROOM}/cli": ["cli"],
    f"{ROOM}/mock": ["mock"],
    f"{ROOM}/conformance": ["conformance"],
    f"{ROOM}/contract.py": ["mock", "conformance"],
    f"{ROOM}/spark.py": ["spark"],
    "overrides/codegen": ["dev"],
    "tests": ["dev"],
    "examples": ["dev"],
    "benchmarks": ["dev"],
}
THERE_ALREADY = {
    f"{ROOM}/pytest_plugin.py": {"pytest"},
    "tests/spark": {"pyspark"},
    "benchmarks": {"pyspark", "stock-api"},
    "tests/channel_app": {"channel-app", "fakeredis"},
}
# uvicorn takes the first two where they are there, and the page of the mock reads the files of the third.
NOT_IMPORTED = {"httptools", "uvloop", "swagger-ui-py"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(extra: str) -> dict[str, str]:
    """The packages that everybody has, or that an extra brings, each with its versions."""
    found: dict[str, str] = {}
    for line in [*PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] if extra else ())]:
        match = REQUIREMENT.match(line)
        assert match is not None
        name, extras, versions = match.groups()
        if name == PROJECT["name"]:
            for other in extras.split(","):
                found |= declared(other)
        else:
            found[canonical(name)] = versions.strip()
    return found


def imported(file: Path) -> set[str]:
    """The packages that a file imports."""
    return {canonical(DISTRIBUTIONS.get(module, [module])[0]) for module in set(_modules(file)) - NO_PACKAGES}


def _modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("folder", ["generated", "overrides", "tests", "examples", "benchmarks"])
def test_what_is_imported_is_declared(folder: str) -> None:
    for file in (ROOT / folder).rglob("*.py"):
        place = file.relative_to(ROOT)
        there = {name for where, names in THERE_ALREADY.items() if place.is_relative_to(where) for name in names}
        extras = [extra for where, extras in NEEDED.items() if place.is_relative_to(where) for extra in extras]
        for extra in extras or [""]:
            assert imported(file) - there - set(declared(extra)) == set(), f"{place}, with the extra {extra!r}"


def test_what_is_declared_is_imported() -> None:
    files = [file for folder in ("generated", "overrides") for file in (ROOT / folder).rglob("*.py")]
    assert set(declared("all")) - set().union(*map(imported, files)) == NOT_IMPORTED


def test_the_floors_are_the_versions_that_are_tested() -> None:
    lock = (ROOT / "requirements-lowest.lock").read_text(encoding="utf-8")
    tested = dict(re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE))
    for name, versions in declared("all").items():
        floor = re.match(r"[>=]=([\d.]+)", versions)
        assert floor is not None, name
        assert _numbers(tested[name]) == _numbers(floor[1]), name


def _numbers(version: str) -> list[int]:
    numbers = [int(number) for number in version.split(".")]
    while numbers[-1] == 0:
        numbers.pop()
    return numbers
