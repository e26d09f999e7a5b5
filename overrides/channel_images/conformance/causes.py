"""Says of each violation what causes it, in words that all violations of one cause share.

One fault shows in many places: on each operation, and by several rules. Whoever mends it wants to read of it once.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, frozen

from channel_images.conformance.results import Result, Verdict
from channel_images.resource import resource

OPEN = "requests are answered without a valid token"
ROWS_OF_ANOTHER = ("isolation.token.lists", "isolation.token.retrieve")
ASKS_WITHOUT = "GET with no token is answered"
"""The relation that is violated where nobody looks at the token at all."""
SHOWN = "a user who may not see the channel is shown its rows"
SERVED = "a user who may not see the channel is served"
"""How the relations of a list and of a retrieval begin that another user sees."""
SEES_ALL = (
    "the other user is served every operation: that user may see the channel after all, or the server does not look at "
    "whose channel it is"
)
OF_PAGING = re.compile(r"^paging\.[a-z-]+: ")
"""What the rules for filtered and pending lists put before a relation of paging."""
LACKED = re.compile(r'^"(.+)" is a required property$')
"""What the validator says of a field that is missing."""
PLACE = re.compile(r"^a (\d{3}) whose body(.*) is not what the contract says$")
TOGETHER = "together are not the intersection"
ENVELOPE_WITHOUT = "an envelope without "


@frozen
class _Known:
    """What the violations together tell of an operation's faults."""

    unguarded: frozenset[str]
    """The operations that answer without a token."""
    sees_all: bool
    """Whether the other user is shown rows wherever there are any."""
    lacking: Mapping[str, Sequence[str]]
    """By operation, the fields that its envelope lacks."""
    filters: Sequence[str]
    """The filters that are wrong by themselves."""


def with_causes(results: Iterable[Result]) -> list[Result]:
    """The same results, with its cause on each violation, waived ones too, and on each result that follows from one."""
    results = list(results)
    violated = [result for result in results if result.verdict in (Verdict.VIOLATED, Verdict.WAIVED)]
    known = _Known(
        frozenset(each.operation for each in violated if _relation(each) == ASKS_WITHOUT),
        _sees_all(results),
        _lacking_fields(violated),
        _wrong_filters(violated),
    )
    causes: dict[str, str] = {}
    for each in violated:
        causes.setdefault(f"{each.rule} · {each.operation}", _cause(each, known))
    return [
        evolve(each, cause=_cause(each, known))
        if each.verdict in (Verdict.VIOLATED, Verdict.WAIVED)
        else evolve(each, cause=causes.get(each.follows_from, ""))
        for each in results
    ]


def _cause(result: Result, known: _Known) -> str:
    relation = _relation(result)
    if result.rule.startswith(("auth.required", "isolation.token.")) and result.operation in known.unguarded:
        return OPEN
    if known.sees_all and relation.startswith((SHOWN, SERVED)):
        return SEES_ALL
    if result.rule == "auth.challenge":
        return f"a request without a valid token gets {relation.partition(' gets ')[2]}"
    lacking = known.lacking.get(result.operation, ())
    if relation.startswith(ENVELOPE_WITHOUT) or relation.partition(" ")[0] in lacking or _lacked(result) in lacking:
        return f"the envelope lacks {', '.join(lacking)}"
    if result.family == "filter" and (wrong := [name for name in _named(relation) if name in known.filters]):
        return f"the filter {wrong[0]} does not give the rows that it should"
    if relation.endswith(TOGETHER):
        return f"filters {TOGETHER}"
    return _of_the_schema(result) or relation


def _of_the_schema(result: Result) -> str:
    """The fault of one field, wherever in an answer that is; empty if it is not a fault of a field."""
    if lacked := _lacked(result):
        return f"answers lack the field {lacked}"
    if place := PLACE.match(_relation(result)):
        field = place[2].replace("[]", "").rpartition(".")[2]
        return f"the field {field} is not what the contract says" if field and field != "results" else ""
    return ""


def _lacked(result: Result) -> str:
    """The field that an answer lacks, as the validator tells; empty if it lacks none."""
    found = LACKED.match(result.evidence.seen) if result.evidence and PLACE.match(result.evidence.relation) else None
    return found[1] if found else ""


def _sees_all(results: Iterable[Result]) -> bool:
    """Whether each list that has rows shows them to the other user without a filter, and each retrieval serves them."""
    tried: dict[tuple[str, str], list[str]] = {}
    for each in results:
        if each.rule in ROWS_OF_ANOTHER and each.verdict is not Verdict.NOT_EXERCISED:
            tried.setdefault((each.rule, each.operation), []).append(_relation(each))
    return bool(tried) and all(
        any(relation == SHOWN or relation.startswith(SERVED) for relation in relations) for relations in tried.values()
    )


def _lacking_fields(violated: Iterable[Result]) -> dict[str, list[str]]:
    """By operation, the fields that some envelope of it lacks."""
    lacking: dict[str, list[str]] = {}
    for each in violated:
        if (relation := _relation(each)).startswith(ENVELOPE_WITHOUT):
            known = lacking.setdefault(each.operation, [])
            known += [name for name in relation.removeprefix(ENVELOPE_WITHOUT).split(", ") if name not in known]
    return lacking


def _relation(result: Result) -> str:
    return OF_PAGING.sub("", result.evidence.relation if result.evidence else result.reason)


def _wrong_filters(violated: Iterable[Result]) -> list[str]:
    """The filters that a relation of its own accuses: what one of them spoils, spoils each pair that it is in."""
    names = [_named(_relation(each)) for each in violated if each.family == "filter"]
    return list(dict.fromkeys(named[0] for named in names if len(named) == 1))


def _named(relation: str) -> list[str]:
    """The filters that a relation names."""
    return [name for name in resource().filters if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", relation)]
