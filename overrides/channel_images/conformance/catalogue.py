"""Lists the rules, in the order of the reports, and writes the page that describes them."""

from collections.abc import Iterator, Mapping
from itertools import groupby

from channel_images.conformance.asking.operations import OPERATIONS
from channel_images.conformance.judging.rule import Rule
from channel_images.conformance.rules import (
    auth,
    filters,
    identity,
    isolation,
    other_user,
    pace,
    paging,
    pending,
    protocol,
    schema,
)

RULES: tuple[Rule, ...] = (
    schema.response,
    schema.identifiable,
    schema.no_server_error,
    schema.rejects_invalid,
    protocol.safe,
    protocol.caching,
    protocol.read_only,
    protocol.head_options,
    protocol.redirect,
    pace.response_time,
    auth.required,
    auth.challenge,
    paging.partition,
    paging.size,
    paging.order,
    paging.count,
    paging.links,
    paging.past_the_end,
    paging.defaults,
    filters.sound,
    filters.complete,
    filters.multi,
    filters.partition,
    filters.both,
    filters.with_paging,
    identity.retrieve,
    identity.detailed_list,
    identity.detailed,
    identity.missing,
    pending.disjoint,
    pending.union,
    pending.subset,
    pending.paging,
    isolation.retrieve,
    isolation.lists,
    isolation.unknown_channel,
    other_user.lists,
    other_user.retrieve,
    other_user.existence,
)
CATALOGUE: Mapping[str, Rule] = {rule.id: rule for rule in RULES}

HEAD = """# Rules

These are the rules of `channel-images check`, by family. `make docs` writes this page from the rules themselves.

Each rule begins with the sentence of the contract that a server must keep. *basis* says whether the API's reference page states
that sentence, or from what we inferred it. *looks at* says what the rule compares, and *pattern* how those answers must be related.
"""


def lines() -> Iterator[str]:
    """The lines of docs/rules.md, which `make docs` writes."""
    yield HEAD
    for family, rules in groupby(RULES, lambda rule: rule.family):
        yield f"## {family}\n"
        for rule in rules:
            yield from _section(rule)


def _section(rule: Rule) -> Iterator[str]:
    names = ", ".join(f"`{operation.id}`" for operation in rule.operations)
    over = "all seven operations" if rule.operations == OPERATIONS else names
    yield f"### `{rule.id}`\n"
    yield f"{rule.statement.text}\n"
    yield f"- looks at: {rule.summary}"
    yield f"- pattern: {rule.pattern}"
    yield f"- over: {over}"
    yield f"- basis: {rule.statement.basis}\n"
