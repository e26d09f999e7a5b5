"""The rules are a list that is written down, and docs/rules.md is what they say of themselves."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from channel_images.conformance import catalogue, rules
from channel_images.conformance.asking.operations import OPERATIONS
from channel_images.conformance.judging.rule import Rule
from channel_images.contract import load_contract


def test_the_catalogue_in_the_docs_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "rules.md"
    assert page.read_text(encoding="utf-8") == "\n".join(catalogue.lines()).rstrip() + "\n", "run `make docs`"


def test_every_rule_is_in_the_catalogue_once() -> None:
    modules = [import_module(f"{rules.__name__}.{each.name}") for each in iter_modules(rules.__path__)]
    written = {each.id for module in modules for each in vars(module).values() if isinstance(each, Rule)}
    assert sorted(rule.id for rule in catalogue.RULES) == sorted(written)


def test_the_operations_are_those_of_the_contract_in_its_order() -> None:
    said = {item["get"]["operationId"]: path for path, item in load_contract()["paths"].items()}
    assert [(operation.id, operation.path) for operation in OPERATIONS] == list(said.items())
    kinds = {operation.id: (operation.is_list, operation.is_enveloped) for operation in OPERATIONS}
    assert list(kinds.values()) == [(True, True)] * 2 + [(True, False)] * 3 + [(False, False)] * 2


def test_an_import_of_the_check_reads_no_contract() -> None:
    code = (
        "import channel_images.conformance, channel_images.conformance.catalogue\n"
        "from channel_images.contract import load_contract\n"
        "print(load_contract.cache_info().misses)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "0\n"
