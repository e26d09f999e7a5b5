"""Another contract of the kind: what it names otherwise is asked for by its names, and what it lacks is not tried.

One process has one contract. So each of these is judged in a process of its own. This file, run as a program, forks
them: to import what they need takes longer than to judge.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from attrs import define, evolve
from tests.conformance.tiny import FULL, INSERTS, PENDING, Reply, Tiny, faults, reading, row, told

from channel_images.conformance.asking.reading import NotExercised
from channel_images.conformance.asking.wire import Request
from channel_images.conformance.catalogue import RULES
from channel_images.contract import contract_text, use_contract

# Contracts

NAMES = {"pk": "number", "page": "p", "limit": "per_page", "channel_id": "shop", "id": "ref", "product": "article"}
WORDS = re.compile(rf"\b({'|'.join(NAMES)})\b")
BACK = {new: old for old, new in NAMES.items()}
NEW_WORDS = re.compile(rf"\b({'|'.join(BACK)})\b")


def renamed(text: str) -> str:
    """Other names for the key, for a field and its filter, for the page and its size, and in the path."""
    return WORDS.sub(lambda match: NAMES[match[1]], text).replace("x-role: p\n", "x-role: page\n")


def without(*filters: str) -> Callable[[str], str]:
    """A change that leaves filters out."""

    def change(text: str) -> str:
        document = yaml.safe_load(text)
        for item in document["paths"].values():
            parameters = item["get"].get("parameters", [])
            parameters[:] = [each for each in parameters if each["$ref"].rpartition("/")[2] not in filters]
        return json.dumps(document)

    return change


def swapped(text: str) -> str:
    """Pending lists in the envelope, and a detailed list that is an array."""
    document = yaml.safe_load(text)
    lists = {item["get"]["operationId"]: item["get"] for item in document["paths"].values()}
    page, array = lists[FULL.id]["responses"], lists[INSERTS.id]["responses"]
    for node in lists.values():
        if "x-parts" in node:
            node["responses"] = page
        elif node["responses"] is page and "x-detailed" in node:
            node["responses"] = array
    return json.dumps(document)


# Servers


@define
class Renamed(Tiny):
    """Has the other names."""

    def answer(self, request: Request, authorization: str | None) -> Reply:
        path = NEW_WORDS.sub(lambda match: BACK[match[1]], request.path)
        params = tuple((BACK.get(name, name), value) for name, value in request.params)
        status, headers, body = Tiny.answer(self, evolve(request, path=path, params=params), authorization)
        return status, headers, WORDS.sub(lambda match: NAMES[match[1]], body.decode()).encode()


@define
class Ignoring(Renamed):
    """Does not filter by product."""

    def rows(self, channel: int, which: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        return Renamed.rows(self, channel, which, {name: text for name, text in params.items() if name != "product"})


@define
class Swapped(Tiny):
    """Has pending lists in the envelope, and a detailed list that is an array."""

    def cut(
        self, channel: int, which: str, params: Mapping[str, str], rows: Sequence[Any], number: int, limit: int
    ) -> Reply:
        status, headers, body = Tiny.cut(self, channel, which.strip("s"), params, rows, number, limit)
        if which in PENDING:
            body = body.replace(f"/{which.strip('s')}/?".encode(), f"/{which}/?".encode())
        elif which and status == 200:
            body = json.dumps(json.loads(body)["results"]).encode()
        return status, headers, body


@define
class Longer(Tiny):
    """Gives 25 rows where nobody says how many."""

    def page(self, channel: int, which: str, params: Mapping[str, str]) -> Reply:
        return Tiny.page(self, channel, which, {"limit": "25", **params})


NO_FILTER = {"filter.sound", "filter.complete", "filter.multi", "filter.partition", "filter.and", "filter.with-paging"}

CONTRACTS: dict[str, tuple[Callable[[str], str], type[Tiny], set[str]]] = {
    "no filters": (without("Product", "ProductPkIn", "IdIn", "IsSellerProduct", "ProductType"), Tiny, NO_FILTER),
    "no filter on keys": (without("IdIn"), Tiny, set()),
    "one filter": (
        without("ProductPkIn", "IdIn", "IsSellerProduct", "ProductType"),
        Tiny,
        {"filter.multi", "filter.partition", "filter.and"},
    ),
    "attributes alone": (without("Product", "ProductPkIn", "IdIn"), Tiny, {"filter.complete"}),
    "other names": (renamed, Renamed, set()),
    "other envelopes": (swapped, Swapped, set()),
    "another default": (lambda text: text.replace("default: 10\n", "default: 25\n"), Longer, set()),
}
"""By name: the change to our contract, a healthy server of it, and the rules about filters that are not tried."""


def judge(name: str) -> dict[str, Any]:
    """What is found of servers of a contract, in a process that has it."""
    server = CONTRACTS[name][1]
    long = {5: [row(pk, product=1000 + pk % 100) for pk in range(1, 4001)], 6: [row(9001)]}
    idle = set()
    for rule in RULES:
        try:
            list(rule.check(reading(server(), quick=True), FULL)) if rule.family == "filter" else None
        except NotExercised:
            idle.add(rule.id)
    return {
        "faults": [*faults(server()), *faults(server(channels=long), quick=True)],
        "idle": sorted(idle),
        "ignoring": sorted(told(Ignoring(), "filter.sound")) if server is Renamed else [],
    }


@pytest.fixture(scope="module")
def forks() -> Iterator[subprocess.Popen[str]]:
    """The program, which judges a contract for each line that it reads."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        yield process


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_healthy_server_is_accused_of_nothing_and_what_is_not_there_is_not_tried(
    name: str, forks: subprocess.Popen[str], tmp_path: Path
) -> None:
    change, _, idle = CONTRACTS[name]
    file = tmp_path / "openapi.yaml"
    file.write_text(change(contract_text()), encoding="utf-8")
    assert forks.stdin
    assert forks.stdout
    forks.stdin.write(json.dumps([name, str(file)]) + "\n")
    forks.stdin.flush()
    found = json.loads(forks.stdout.readline())
    assert found["faults"] == []
    assert set(found["idle"]) == idle
    if name == "other names":
        assert "article returns rows that it should not" in found["ignoring"]


if __name__ == "__main__":
    for line in sys.stdin:
        contract, path = json.loads(line)
        if not (child := os.fork()):
            use_contract(Path(path))
            sys.stdout.write(json.dumps(judge(contract)) + "\n")
            sys.exit()
        if os.waitpid(child, 0)[1]:
            sys.exit(f"{contract}: could not be judged")
