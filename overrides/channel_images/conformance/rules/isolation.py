"""Judges isolation: a channel shows its own rows alone."""

from collections.abc import Iterator

from channel_images.conformance.asking.operations import (
    FULL,
    LISTS,
    RETRIEVALS,
    UNKNOWN_CHANNEL,
    Operation,
    noun,
)
from channel_images.conformance.asking.reading import (
    ABSENT,
    INVALID,
    NotExercised,
    Unreadable,
    asked_for,
    differences,
    joined,
    single,
)
from channel_images.conformance.asking.survey import Sample, Survey, Whole, answers_of, beginnings
from channel_images.conformance.judging.proof import by_status, counted, holds, placed
from channel_images.conformance.judging.rule import Finding, Pattern, apart, count_told, keys, row_count, rule
from channel_images.conformance.rules.paging import ORDER
from channel_images.resource import resource

REFUSALS = frozenset({403, 404, 410})
OTHER_LIMIT = 9
"""Rows a page, at a limit that no other rule asks with."""


def _exclusive(survey: Survey, most: int) -> list[tuple[int, int, int]]:
    """Pks that one channel lists and another doesn't: triples of (pk, channel that lists it, channel that lacks it)."""
    if not survey.others:
        raise NotExercised("needs a second --channel")
    triples: list[tuple[int, int, int]] = []
    for other in survey.others:
        here, there = survey.full(), survey.full(other)
        for lister, lacker in ((here, there), (there, here)):
            if isinstance(lacker, Sample):
                continue
            only = [pk for pk in lister.by_pk if pk not in lacker.by_pk]
            chosen = survey.random("exclusive", lister.of).sample(only, k=min(len(only), most))
            triples += [(pk, lister.of.channel, lacker.of.channel) for pk in chosen]
    if not triples:
        raise NotExercised("the channels list the same rows")
    return triples


@rule("isolation.retrieve", Pattern.DIFFERENCE, RETRIEVALS, rests_on=[ORDER])
def retrieve(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A pk that one channel lists and the other doesn't is 404 or 403 in the other, and the listed row in the one."""
    for pk, lister, lacker in _exclusive(survey, 1 if survey.quick else 4):
        # The lister first: what was cached for it must not be shown to the other.
        listed = survey.session.get(operation.path_for(lister, pk))
        answer = survey.session.get(operation.path_for(lacker, pk))
        if answer.status not in REFUSALS:
            yield Finding(
                f"{noun(article=True)} of another channel is served",
                f"404 or 403 for {keys([pk])} in channel {lacker}, which does not list it",
                answer.describe(),
                (listed, answer),
                proof=by_status(listed, answer),
            )
        row = survey.all_rows(lister)[pk]
        if listed.status in ABSENT or (listed.status == 200 and differences(row, single(listed))):
            yield Finding(
                f"a channel does not serve {noun(article=True)} that it lists",
                f"{keys([pk])} as channel {lister} lists it",
                listed.describe(),
                (listed,),
            )


@rule("isolation.lists", Pattern.SUBSET, LISTS, rests_on=[ORDER])
def lists(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """No list of a channel holds rows that its own full list lacks, and no filter reaches into another channel."""
    tried = False
    for channel in (survey.channel, *survey.others):
        full = survey.full(channel)
        if channel != survey.channel and not survey.quick:
            yield from _is_its_own(survey, survey.known(operation, channel=channel))
        if operation is not FULL and isinstance(full, Whole):
            known = survey.known(operation, channel=channel)
            tried = tried or bool(known.total)
            if foreign := sorted(set(known.seen) - set(full.pks)):
                yield Finding(
                    "a list holds rows that the channel's full list lacks",
                    f"rows of the full list of channel {channel}",
                    f"{keys(foreign)} too",
                    beginnings(known, full),
                    proof=holds(foreign, *answers_of(known)),
                )
    if operation is FULL:
        yield from _through_filters(survey)
    elif not tried:
        raise NotExercised("the lists are empty, or too long to be compared whole")


def _is_its_own(survey: Survey, known: Whole | Sample) -> Iterator[Finding]:
    """Whether another channel's list is that channel's at a limit that the examined one was not asked with, and as long
    as it says: what was cached for one channel must not answer for another."""
    if isinstance(known, Whole) and known.count is not None and known.count != len(known.rows):
        yield Finding(
            "another channel's count is not the number of its rows",
            f"{row_count(len(known.rows))} in channel {known.of.channel}",
            count_told(known.count),
            beginnings(known),
            proof=counted(*answers_of(known)),
        )
    if known.total and known.size >= OTHER_LIMIT and survey.takes(known.of, OTHER_LIMIT):
        first = known.of.page(survey.session, 1, OTHER_LIMIT)
        if first.pks != known.expected(0, OTHER_LIMIT):
            due, got = apart(known.expected(0, OTHER_LIMIT) or (), first.pks)
            yield Finding(
                "another channel's list begins otherwise at another limit",
                f"{due} in channel {known.of.channel} at limit {OTHER_LIMIT}",
                got,
                (first.answer, *beginnings(known)),
                proof=placed(first.answer, 0, OTHER_LIMIT, answers_of(known)[:1]),
            )


def _through_filters(survey: Survey) -> Iterator[Finding]:
    """Ask one channel for what another one lists, by one filter for each field."""
    by_field = {each.field: each for each in reversed(tuple(resource().filters.values())) if each.is_shown}
    for pk, lister, channel in _exclusive(survey, 1 if survey.quick else 2):
        for by in by_field.values():
            value = asked_for(by, survey.all_rows(lister)[pk])
            if value is None:
                continue
            try:
                known = survey.known(FULL, ((by.name, joined([value])),), channel)
            except Unreadable as error:
                if error.answer.status in INVALID | REFUSALS:
                    continue
                raise
            full = survey.full(channel)
            if isinstance(full, Whole) and (foreign := sorted(set(known.seen) - set(full.pks))):
                yield Finding(
                    f"the filter {by.name} reaches into another channel",
                    f"rows of the full list of channel {channel}",
                    f"{keys(foreign)} too",
                    beginnings(known),
                    proof=holds(foreign, *answers_of(known)),
                )


@rule("isolation.unknown-channel", Pattern.DIFFERENCE)
def unknown_channel(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A channel that does not exist is 404 or 403."""
    used = {survey.channel, *survey.others}
    numbers = [number for number in (UNKNOWN_CHANNEL, max(used) + 1_000_003) if number not in used and number < 2**31]
    for channel in numbers[: 1 if survey.quick else 2]:
        answer = survey.session.get(operation.path_for(channel, survey.some_pk()))
        if answer.status not in REFUSALS:
            yield Finding(
                "a channel that does not exist is served",
                f"404 or 403 for channel {channel}",
                answer.describe(),
                (answer,),
                proof=by_status(answer),
            )
    if not survey.quick:
        # What is there once an id is cut down to 32 bits; what is as long as that may match no route.
        answer = survey.session.get(operation.path_for(survey.channel + 2**32, survey.some_pk()))
        if answer.status < 400 and not answer.broke:
            yield Finding(
                "a channel that does not exist is taken for another one, cut down to 32 bits",
                f"404 or 403 for channel {survey.channel + 2**32}",
                answer.describe(),
                (answer,),
                proof=by_status(answer),
            )
