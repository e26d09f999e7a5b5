"""The rooms of the mock import what their docstrings say, and nothing happens when one is imported."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from channel_images import mock

HERE = Path(mock.__file__).parent
NAME = mock.__name__

MAY_IMPORT = {
    "data": {"channel_images.contract", "channel_images.resource", f"{NAME}.as_json", f"{NAME}.parameters"},
    "http": {f"{NAME}.as_json", f"{NAME}.bounded", f"{NAME}.settings"},
    "reporting": {
        "channel_images.resource",
        *(
            f"{NAME}.{each}"
            for each in ("as_json", "beside", "bounded", "data", "endpoints", "http", "operations", "parameters")
        ),
        f"{NAME}.settings",
    },
    "faults": {"channel_images.resource", f"{NAME}.beside", f"{NAME}.http", f"{NAME}.operations", f"{NAME}.settings"},
}
"""By room, what of ours it imports besides itself."""


def imported(folder: Path) -> set[str]:
    """The modules of ours that the files below a folder import, in functions and for types too."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and node.level]
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
    return {name for name in names if name.startswith("channel_images")}


def is_below(name: str, roots: set[str]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


@pytest.mark.parametrize(("room", "others"), MAY_IMPORT.items())
def test_a_room_imports_what_it_may(room: str, others: set[str]) -> None:
    assert {name for name in imported(HERE / room) if not is_below(name, {f"{NAME}.{room}", *others})} == set()


def test_the_mock_imports_the_contract_and_nothing_else_of_ours() -> None:
    assert {name for name in imported(HERE) if not is_below(name, {NAME})} == {
        "channel_images.contract",
        "channel_images.resource",
    }


def test_an_import_reads_no_contract() -> None:
    modules = ("bugs", "docs_page", "operations", "server", "http.transport", "faults.kinds")
    program = (
        f"import {', '.join(f'{NAME}.{each}' for each in modules)}; from channel_images import contract;"
        "assert contract.contract_text.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "jsonschema_rs"])
@pytest.mark.parametrize("module", [NAME, f"{NAME}.bugs"])
def test_without_the_extra_an_import_names_it(module: str, missing: str) -> None:
    program = f"import sys; sys.modules['{missing}'] = None; import {module}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip().splitlines()[-1] == (
        f"ModuleNotFoundError: channel_images.mock needs {missing}: pip install 'channel-images[mock]'"
    )


def test_without_the_extra_the_command_names_it() -> None:
    program = "import sys; sys.modules['starlette'] = None; from channel_images.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program, "mock"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("channel-images: this command needs starlette: pip install 'channel-images[mock]'\n")
