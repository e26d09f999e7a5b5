"""Each room of the check imports those below it alone: what asks knows nothing of what judges."""

import ast
from pathlib import Path

import channel_images.conformance

ROOT = Path(channel_images.conformance.__file__).parent
FLOORS = (
    {"results", "files"},
    {"asking", "baseline"},
    {"judging", "har", "seen", "causes"},
    {"rules"},
    {"catalogue"},
    {"waivers", "report"},
    {"run"},
    {"pytest_suite", "recorded"},
    {"test_conformance"},
)
"""From the ground up; those of one floor do not import each other."""
SDK = {"calls", "contract", "exceptions", "resource"}
"""What the check may import of the rest of the package."""


def imports(file: Path) -> set[str]:
    """What a file imports of ours, such as `calls.address.is_loopback`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{each.name}" for each in node.names}
    return {name.removeprefix("channel_images.") for name in found if name.startswith("channel_images.")}


def test_no_import_of_the_check_climbs() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    climbing = []
    for file in ROOT.rglob("*.py"):
        room = file.relative_to(ROOT).with_suffix("").parts[0]
        if room == "__init__":
            continue  # the face of the package
        for name in imports(file):
            package, *inside = name.split(".")
            other = inside[0] if package == "conformance" else ""
            is_below = floor.get(other, len(FLOORS)) < floor[room]
            if other != room and not is_below and package not in SDK:
                climbing.append(f"{file.relative_to(ROOT)} imports {name}")
    assert not climbing
