"""Identity: that one image is the same wherever it is read."""

from collections.abc import Iterator
from contextlib import suppress

from channel_images.conformance.operations import DETAILED, FULL, RETRIEVALS, RETRIEVE, RETRIEVE_DETAILED, Operation
from channel_images.conformance.reading import ListOf, Row, Unreadable, differences, image
from channel_images.conformance.rule import Finding, NotExercised, Pattern, few, rule, shown
from channel_images.conformance.survey import Survey
from channel_images.conformance.wire import Answer


def _sample(survey: Survey) -> list[int]:
    pks = survey.sample(5 if survey.quick else 30)
    if not pks:
        raise NotExercised(f"channel {survey.channel} lists no row")
    return pks


def _differing(name: str, left: Row, right: Row, fields: list[str]) -> str:
    return "; ".join(
        f"{field}: {shown(left.get(field))} {name}, {shown(right.get(field))} here" for field in fields[:3]
    )


def _retrieved(survey: Survey, operation: Operation, pk: int) -> tuple[Answer, Row]:
    answer = survey.session.get(operation.path_for(survey.channel, pk))
    return answer, image(answer)


@rule("identity.retrieve", Pattern.EQUALITY, [RETRIEVE])
def retrieve(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """The retrieval of a listed pk is the listed row, field for field."""
    rows = survey.all_rows()
    for pk in _sample(survey):
        answer, row = _retrieved(survey, operation, pk)
        if fields := differences(rows[pk], row):
            yield Finding(
                "the retrieved image is not the listed row",
                f"pk {pk} as the list has it",
                _differing("in the list", rows[pk], row, fields),
                (answer, _listing(survey, pk)),
            )


def _listing(survey: Survey, pk: int) -> Answer:
    return ListOf(FULL, survey.channel, (("id__in", str(pk)),)).answer(survey.session, 1, 10)


@rule("identity.detailed-list", Pattern.EQUALITY, [DETAILED])
def detailed_list(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """The detailed list has the same pks as the list, in number and in the documented fields."""
    full, detailed = survey.full(), survey.known(operation)
    shown = tuple(known.pages[0].answer for known in (full, detailed) if known.pages)
    if full.total != detailed.total:
        yield Finding(
            "the detailed list has another number of rows", f"{full.total} rows", f"{detailed.total} rows", shown
        )
    if full.is_whole and detailed.is_whole:
        missing, extra = sorted(set(full.pks) - set(detailed.pks)), sorted(set(detailed.pks) - set(full.pks))
        if missing or extra:
            yield Finding(
                "the detailed list has other rows",
                "the pks of the full list",
                f"missing pk {few(missing)}; too many pk {few(extra)}",
                shown,
            )
    rows, differing = full.by_pk, []
    for pk, row in detailed.by_pk.items():
        if pk in rows and (fields := differences(rows[pk], row)):
            differing.append((pk, fields))
    if differing:
        pk, fields = differing[0]
        yield Finding(
            "a row of the detailed list differs in a documented field",
            f"pk {pk} as the full list has it",
            f"{_differing('in the full list', rows[pk], detailed.by_pk[pk], fields)}; so pk {few([pk for pk, _ in differing])}",
            shown,
        )
    if not full.total and not detailed.total:
        raise NotExercised(f"channel {survey.channel} lists no row")


@rule("identity.detailed", Pattern.EQUALITY, [RETRIEVE_DETAILED])
def detailed(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """The detailed retrieval agrees with the plain one and with both lists."""
    listed = {"in the list": survey.all_rows()}
    with suppress(Unreadable):
        listed["in the detailed list"] = survey.known(DETAILED).by_pk
    for pk in _sample(survey):
        answer, row = _retrieved(survey, operation, pk)
        plain = survey.session.get(RETRIEVE.path_for(survey.channel, pk))
        others = {name: rows[pk] for name, rows in listed.items() if pk in rows}
        with suppress(Unreadable):
            others["in the plain retrieval"] = image(plain)
        for name, other in others.items():
            if fields := differences(other, row):
                yield Finding(
                    f"the detailed image differs from the one {name}",
                    f"pk {pk} as {name}",
                    _differing(name, other, row, fields),
                    (answer, plain),
                )


@rule("identity.missing", Pattern.DIFFERENCE, RETRIEVALS)
def missing(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """An id that does not exist, far away or in a gap of the lists, is 404 with a JSON body."""
    for number, pk in enumerate(survey.absent_pk(1 if survey.quick else 20)):
        answer = survey.session.get(operation.path_for(survey.channel, pk))
        is_json = answer.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
        if number > 1 and answer.status == 403:
            continue  # a gap in the list may be an image of a channel that the token may not see
        if answer.status != 404:
            yield Finding("an id that does not exist is not 404", f"404 for pk {pk}", answer.describe(), (answer,))
        elif not is_json:
            yield Finding(
                "the 404 for an id that does not exist is not JSON", "application/json", answer.describe(), (answer,)
            )
