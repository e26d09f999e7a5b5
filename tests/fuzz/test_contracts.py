"""A contract that a person gives: `--contract`."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from pathlib import Path

import pytest
import typer
import yaml
from hypothesis import strategies as st
from tests.fuzz.strategies import SHALLOW, documents, fuzz, hold_to_one_line, spoiled

from channel_images import contract
from channel_images.cli.contract import use
from channel_images.mock.operations import Operation
from channel_images.resource import Shape, resource

OWN = (Path(__file__).parents[2] / "openapi.yaml").read_bytes()
DOCUMENT = yaml.safe_load(OWN)
BOMB = "a: &a [x, x]\n" + "".join(
    f"b{n}: &b{n} [*{'a' if not n else f'b{n - 1}'}, *{'a' if not n else f'b{n - 1}'}]\n" for n in range(60)
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("contracts") / "openapi.yaml"
    contract._chosen.clear()
    forget()


def forget() -> None:
    """As in a new process: no contract is in use, and nothing is kept that was made of one."""
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "channel_images"]
    for each in [value for module in modules for value in vars(module).values()]:
        if hasattr(each, "cache_clear"):
            each.cache_clear()


def used(file: Path, content: bytes, read: Callable[[], object]) -> bool:
    """Whether a contract can be used; if not, the command ends with 2 and one line that names the file."""
    file.write_bytes(content)
    forget()
    said = io.StringIO()
    with redirect_stderr(said):
        try:
            use(file, read)
        except typer.Exit as end:
            assert end.exit_code == 2
            hold_to_one_line(said.getvalue())
            assert str(file) in said.getvalue()
            return False
    assert not said.getvalue()
    return True


CONTRACTS = documents(DOCUMENT, SHALLOW, most=4) | spoiled(OWN, most=4) | st.just(BOMB.encode() + OWN)


def operations() -> list[Operation]:
    """What the mock makes of a contract."""
    return [Operation.of(each) for each in resource().operations]


@fuzz(30, content=CONTRACTS)
def test_any_contract_is_used_or_refused_in_one_line(file: Path, content: bytes) -> None:
    if used(file, content, operations):
        assert len(resource().operations) == 7
        assert resource().operation(is_list=True).shape is Shape.PAGE
        assert {resource().key, resource().version} <= resource().fields.keys()
        assert all(each.field in resource().fields for each in resource().filters.values())
