"""Judges what a user sees of a channel that is not theirs: nothing, and not even which ids exist in it.

Broken object-level authorisation cannot be seen with one token. The other user's may be any valid one that may not see the
channel.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from channel_images.conformance.asking.operations import FULL, LISTS, RETRIEVALS, Operation, key_filter, noun
from channel_images.conformance.asking.reading import (
    NotExercised,
    Unreadable,
    joined,
    rows,
)
from channel_images.conformance.asking.survey import Survey
from channel_images.conformance.asking.target import OTHER_TOKEN
from channel_images.conformance.asking.wire import OTHER, Answer, Credentials, Params
from channel_images.conformance.causes import SERVED, SHOWN
from channel_images.conformance.judging.proof import by_status, sized
from channel_images.conformance.judging.rule import Finding, Pattern, keys, rule
from channel_images.resource import resource

IDS = 2
"""Ids that exist to ask for, and ids that do not."""
MOST_TOLD = 80
"""Characters of a body that a finding quotes."""


def _other(survey: Survey) -> Credentials:
    """The other user. Raises `NotExercised` if there is none."""
    token = survey.session.wire.target.other_token
    if not token:
        raise NotExercised("needs --other-token")
    return Credentials(OTHER, f"Token {token}", f"Token {OTHER_TOKEN}")


def _asked_by(other: Credentials, survey: Survey, path: str, params: Params = ()) -> tuple[Answer, Answer]:
    """The answers to the first user, and right after it to the other one: what was kept for the first must not be shown."""
    return survey.session.get(path, params, fresh=True), survey.session.get(path, params, credentials=other)


def _check_taken(answers: Iterable[Answer]) -> None:
    """Raise `NotExercised` where the other user's token is refused whatever is asked."""
    if all(answer.status == 401 for answer in answers):
        raise NotExercised(
            "the token of the other user is refused (401): give a valid one that may not see the channel"
        )


def _filtered(survey: Survey, operation: Operation) -> Iterator[tuple[str, Params]]:
    """For each filter of a list, parameters that find rows of the channel."""
    for by in resource().filters.values():
        values = (list(survey.found_by(by)) if by.is_shown else list(by.values)) if by.name in operation.filters else []
        if values:
            yield by.name, ((by.name, joined(values[:1])),)


@rule("isolation.token.lists", Pattern.DISJOINT, LISTS)
def lists(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A user who may not see the channel is shown none of its rows in a list, with a filter or without."""
    other, path = _other(survey), operation.path_for(survey.channel)
    has_rows, answers = False, []
    for name, params in (("", ()), *_filtered(survey, operation)):
        own, answer = _asked_by(other, survey, path, params)
        answers.append(answer)
        shown = _shown(answer)
        has_rows = has_rows or bool(_shown(own) or shown)
        if shown:
            through = f" through the filter {name}" if name else ""
            yield Finding(
                f"{SHOWN}{through}",
                f"403, 404 or no rows for the other user in channel {survey.channel}",
                f"200 with {keys(shown)}",
                (answer,),
                proof=sized(answer, 0),
            )
            if not name:
                return  # what filters show follows from that
    _check_taken(answers)
    if not has_rows:
        raise NotExercised("the list has no rows that could be shown")


@rule("isolation.token.retrieve", Pattern.DISJOINT, RETRIEVALS)
def retrieve(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A user who may not see the channel is served none of its rows by their ids."""
    other, answers = _other(survey), []
    for pk in _existing(survey.sample(IDS)):
        _, answer = _asked_by(other, survey, operation.path_for(survey.channel, pk))
        answers.append(answer)
        if answer.status == 200:
            yield Finding(
                f"{SERVED} {noun(article=True)} of it",
                f"403 or 404 for the other user at {keys([pk])} of channel {survey.channel}",
                answer.describe(),
                (answer,),
                proof=by_status(answer),
            )
    _check_taken(answers)


@rule("isolation.token.existence", Pattern.EQUALITY, (FULL, *RETRIEVALS))
def existence(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A user who may not see the channel gets the same answer for an id that exists in it and for one that does not."""
    other = _other(survey)

    def told(pks: list[int]) -> list[Answer]:
        return [_asked_by(other, survey, *_asking_for(survey, operation, pk))[1] for pk in pks]

    # The largest, which no count or status is.
    existing, absent = sorted(_existing(survey.all_rows()))[-IDS:], survey.absent_pk(IDS)
    there, missing = told(existing), told(absent)
    _check_taken((*there, *missing))
    if any(map(_shown, there)):
        raise NotExercised("the other user is shown the rows themselves")
    texts = [
        {_without_key(answer, pk) for answer, pk in zip(answers, pks, strict=True)}
        for answers, pks in ((there, existing), (missing, absent))
    ]
    statuses = [{answer.status for answer in answers} for answers in (there, missing)]
    # Bodies that differ from answer to answer, by a number of the request say, tell nothing of the row.
    is_told = max(map(len, texts)) == 1 and texts[0] != texts[1]
    if statuses[0] != statuses[1] or is_told:
        yield Finding(
            "a user who may not see the channel learns which ids exist in it",
            f"the same answer for {keys(existing[:1])}, which the channel has, and for {keys(absent[:1])}, which it has not",
            f"{_quoted(there[0])}, and {_quoted(missing[0])}",
            (there[0], missing[0]),
        )


def _existing(pks: Iterable[int]) -> list[int]:
    """The ids of some rows of the channel. Raises `NotExercised` if there are none."""
    if not (found := list(pks)):
        raise NotExercised("the channel has no rows")
    return found


def _asking_for(survey: Survey, operation: Operation, pk: int) -> tuple[str, Params]:
    """The path and the parameters that ask for a row. Raises `NotExercised` if a list has no filter for that."""
    if not operation.is_list:
        return operation.path_for(survey.channel, pk), ()
    if (by := key_filter()) is None:
        raise NotExercised(f"no filter finds {noun(article=True)} by its {resource().key}")
    return operation.path_for(survey.channel), ((by.name, joined([pk])),)


def _shown(answer: Answer) -> Sequence[int]:
    """The ids of the rows that an answer shows, of a list or a single one."""
    try:
        return rows(answer).pks
    except Unreadable:
        return ()


def _without_key(answer: Answer, pk: int) -> str:
    """The body, as it is for whatever id."""
    return re.sub(rf"(?<!\d){pk}(?!\d)", "…", answer.body.decode("utf-8", "replace"))


def _quoted(answer: Answer) -> str:
    text = answer.body.decode("utf-8", "replace")
    return f"{answer.describe()} {text if len(text) <= MOST_TOLD else f'{text[:MOST_TOLD]}…'}"
