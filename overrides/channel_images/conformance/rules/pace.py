"""Judges how long the server takes, where the user says how long it may."""

from collections.abc import Iterator
from itertools import cycle, islice

from attrs import evolve

from channel_images.conformance.asking.operations import Operation, default_limit
from channel_images.conformance.asking.reading import NotExercised, paged
from channel_images.conformance.asking.survey import Survey
from channel_images.conformance.asking.wire import Answer
from channel_images.conformance.judging.rule import Finding, Pattern, rule
from channel_images.conformance.results import Latency

ANSWERS = 20
"""Answers that are timed: of so many, one may be late."""
MOST_PAGES = 5
"""Pages of a list that they are asked for."""


@rule("protocol.response-time", Pattern.SUBSET)
def response_time(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Of 20 answers that are asked for one after the other, 19 come within `--max-response-time`."""
    limit = survey.max_response_time
    if limit is None:
        raise NotExercised("needs --max-response-time")
    survey.spare(operation)
    answers = [answer for answer in _asked(survey, operation) if answer.status == 200]
    if len(answers) < ANSWERS:
        raise NotExercised(f"{len(answers)} of {ANSWERS} answers were 200")
    pace = Latency.of(answer.seconds for answer in answers)
    if pace.p95 > limit:
        slow = min((answer for answer in answers if answer.seconds >= pace.p95), key=lambda answer: answer.seconds)
        yield Finding(
            "the server takes longer to answer than it may",
            f"95 of 100 answers within {limit:g} s",
            f"{pace.p95:.3g} s, and a median of {pace.median:.3g} s, in {len(answers)} answers",
            (evolve(slow, is_timed=True),),
        )


def _asked(survey: Survey, operation: Operation) -> Iterator[Answer]:
    """The answers to requests as a client sends them: the first pages of a list, or rows of the channel."""
    if operation.is_list:
        last = -(-survey.known(operation).total // default_limit())
        asked = [(operation.path_for(survey.channel), paged(number)) for number in range(1, min(last, MOST_PAGES) + 1)]
        asked = asked or [(operation.path_for(survey.channel), ())]
    else:
        asked = [(operation.path_for(survey.channel, pk), ()) for pk in survey.sample(ANSWERS)]
    for path, params in islice(cycle(asked), ANSWERS):
        yield survey.session.get(path, params, fresh=True)
