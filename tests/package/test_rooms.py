"""No import of the package climbs, and none goes round: ARCHITECTURE.md draws what this test holds.

An import inside a function, or for types alone, counts as any other.
"""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import channel_images

HERE = Path(channel_images.__file__).parent
GENERATED = HERE.parents[1] / "generated" / "channel_images_api"

FLOORS = (
    {"window", "choices", "contract"},
    {"exceptions", "resource"},
    {"settings"},
    {"walks", "calls"},
    {"reporting", "formats"},
    {"listings"},
    {"export"},
    {"client"},
    {"__init__", "spark", "mock", "conformance"},
    {"pytest_plugin", "cli"},
    {"__main__"},
)
"""The rooms from the ground up. One imports from floors below its own."""
ONLY = {
    "mock": {"contract", "resource"},
    "conformance": {"contract", "resource", "exceptions", "calls"},
    "reporting": {"exceptions", "calls", "walks"},
    "walks": {"window", "exceptions", "settings"},
}
"""Rooms that may not import everything that lies below."""
FILES = {path: ".".join(path.relative_to(HERE).with_suffix("").parts) for path in HERE.rglob("*.py")}


def imported(path: Path) -> Iterator[str]:
    """The files of ours that a file imports, as a dotted path in the package; a package is its `__init__`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            head, _, rest = name.partition(".")
            if head == "channel_images":
                yield next(file for file in candidates(rest) if file in FILES.values())


def candidates(name: str) -> Iterator[str]:
    """What `import name` can mean: a file, a package, or something in one of them."""
    parts = name.split(".") if name else []
    for length in range(len(parts), -1, -1):
        prefix = ".".join(parts[:length])
        yield from (prefix, f"{prefix}.__init__".lstrip("."))


def room(file: str) -> str:
    return file.partition(".")[0]


def test_every_room_has_its_floor() -> None:
    assert {room(file) for file in FILES.values()} == set().union(*FLOORS)


def test_no_import_climbs() -> None:
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    climbing = {
        f"{file} imports {other}"
        for path, file in FILES.items()
        for other in imported(path)
        if room(other) != room(file)
        and (floor[room(other)] >= floor[room(file)] or room(other) not in ONLY.get(room(file), floor))
    }
    assert climbing == set()


def test_no_import_goes_round() -> None:
    graph = {file: set(imported(path)) - {file} for path, file in FILES.items()}
    TopologicalSorter(graph).prepare()  # raises for a circle, and names it


def test_the_generated_package_imports_nothing_of_ours() -> None:
    assert not any("channel_images." in path.read_text(encoding="utf-8") for path in GENERATED.rglob("*.py"))


def test_the_doors_at_the_root_are_few() -> None:
    doors = {path.name for path in HERE.glob("*.py")}
    assert doors == {
        f"{name}.py"
        for name in (
            *(
                "__init__",
                "__main__",
                "contract",
                "resource",
                "exceptions",
                "settings",
                "window",
                "choices",
                "pytest_plugin",
            ),
            "spark",
        )
    }
