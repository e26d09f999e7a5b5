"""Reads the contract, `openapi.yaml`: the one place where the API is described.

An installed package carries its copy as `channel_images/openapi.yaml`; an editable install reads the repository's, so
that a change of the contract is seen at once.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

NAME = "openapi.yaml"


_chosen: list[Path] = []


class ContractNotFound(RuntimeError):
    """The package carries no contract, and no repository is around it: the installation is broken."""


def _candidates() -> tuple[Traversable, ...]:
    """Where the contract may be, first choice first: in the package, then two folders above it, in the repository."""
    return (files("channel_images") / NAME, Path(__file__).parents[2] / NAME)


class NoYaml(ValueError):
    """The contract cannot be parsed; the message says at which line, and why."""


def use_contract(path: Path) -> None:
    """Read another contract in place of the package's own, in this process, from the beginning.

    Raises:
        RuntimeError: A contract was read already: what was made of it would contradict the other one.
    """
    if contract_text.cache_info().currsize:
        raise RuntimeError("a contract is already in use: choose another one before anything else")
    _chosen[:] = [path]


@cache
def contract_text() -> str:
    """The contract as it is written, YAML.

    Raises:
        ContractNotFound: It is nowhere to be found.
        OSError, UnicodeDecodeError: The one that `use_contract` names cannot be read.
    """
    return _chosen[0].read_text(encoding="utf-8") if _chosen else _own_text()


def _own_text() -> str:
    candidates = _candidates()
    for candidate in candidates:
        if candidate.is_file():
            return candidate.read_text(encoding="utf-8")
    places = " or ".join(str(candidate) for candidate in candidates)
    raise ContractNotFound(f"no {NAME} at {places}: install the package channel-images again")


@cache
def load_contract() -> Mapping[str, Any]:
    """The contract as a document, with its references as they are written.

    Every caller gets the same object: copy it before changing it. Raises `ContractNotFound`, and `NoYaml` if it is none.
    """
    return _parsed(contract_text())


def contract_name() -> str:
    """The title and the version of the contract. Raises `ContractNotFound`."""
    return "{title} {version}".format_map(load_contract()["info"])


@cache
def own_contract() -> Mapping[str, Any]:
    """The package's own contract, whichever one is in use. Raises `ContractNotFound`."""
    return _parsed(_own_text()) if _chosen else load_contract()


def _parsed(text: str) -> dict[str, Any]:
    import yaml

    # libyaml parses ten times faster; PyYAML is also distributed without it.
    loader: type[yaml.CSafeLoader | yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 - both loaders are safe ones
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1} " if mark else ""
        raise NoYaml(f"{place}is not YAML:  {getattr(error, 'problem', error)}") from error
    return document


def resolve(node: Mapping[str, Any], contract: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """What `node` refers to when it is a reference, with the keywords beside `$ref` laid over it; else `node`.

    Only the node itself is resolved, not what it contains. Raises `KeyError` for a reference that leads nowhere.
    `contract` is the document that the reference is in; by default that of this process.
    """
    if "$ref" not in node:
        return node
    document = load_contract() if contract is None else contract
    target: Any = document
    for key in node["$ref"].removeprefix("#/").split("/"):
        target = target[key.replace("~1", "/").replace("~0", "~")]
    beside = {key: value for key, value in node.items() if key != "$ref"}
    return {**resolve(target, document), **beside}


def standalone(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` as a document of its own, in which the contract's references lead somewhere: ready to be compiled."""
    return {**schema, "components": load_contract()["components"]}
