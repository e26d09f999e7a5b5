"""The catalogue of the rules as a page: ``python -m channel_images.conformance.catalogue`` prints docs/rules.md."""

import sys
from collections.abc import Iterator
from itertools import groupby

import channel_images.conformance.rules  # noqa: F401 - fills the catalogue
from channel_images.conformance.asking.operations import operations
from channel_images.conformance.judging.rule import CATALOGUE, Rule

HEAD = """# Rules

What `channel-images check` establishes, by family. `make docs` writes this page from the rules themselves.

Each rule names the sentence of the contract that it holds a server to, and where that sentence is from: *seed*, the
API's reference states it, or *inferred*, and from what. The pattern says how the answers that the rule compares are
related.
"""


def lines() -> Iterator[str]:
    """The page, line by line."""
    yield HEAD
    for family, rules in groupby(CATALOGUE.values(), lambda rule: rule.family):
        yield f"## {family}\n"
        for rule in rules:
            yield from _section(rule)


def _section(rule: Rule) -> Iterator[str]:
    names = [operation.id for operation in rule.operations]
    over = "all seven operations" if len(names) == len(operations()) else ", ".join(f"`{name}`" for name in names)
    yield f"### `{rule.id}`\n"
    yield f"{rule.statement.text}\n"
    yield f"- looks at: {rule.summary}"
    yield f"- pattern: {rule.pattern}"
    yield f"- over: {over}"
    yield f"- basis: {rule.statement.basis}\n"


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()).rstrip() + "\n")
