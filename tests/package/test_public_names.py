"""The public names: what `from channel_images import ...` gives, and what it costs."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import channel_images

SOURCE = Path(str(channel_images.__file__))


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_all_names_what_the_module_gives_to_type_checkers_and_at_run_time() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [(alias, node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert all(alias.asname == alias.name for alias, _ in imports)  # else type checkers take it for private
    typed = {(alias.name, module) for alias, module in imports}
    assert {name for name, _ in typed} == set(channel_images.__all__)
    assert typed == set(channel_images._MODULE_OF.items())


@pytest.mark.parametrize("name", channel_images.__all__)
def test_every_name_is_that_of_its_module(name: str) -> None:
    home = importlib.import_module(channel_images._MODULE_OF[name])
    assert getattr(channel_images, name) is getattr(home, name)
    assert name in dir(channel_images)


def test_no_other_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        channel_images.Nothing  # noqa: B018 # type: ignore[attr-defined] # what is not there


def test_importing_the_package_imports_nothing_else() -> None:
    assert run(
        "import sys, channel_images; print('httpx' in sys.modules, 'channel_images.client.client' in sys.modules)"
    ) == ("False False")


def test_the_synchronous_client_imports_nothing_that_only_sending_or_asyncio_needs() -> None:
    program = (
        "import sys, httpx; before = set(sys.modules); from channel_images import ChannelImages; "
        "heavy = {'asyncio', 'concurrent.futures', 'importlib.metadata', 'anyio'}; "
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    assert run(program) == "[]"
