"""Schema: what each answer is by itself.

``schema.response``, ``schema.identifiable`` and ``schema.no-server-error`` judge every answer of the run, to our requests
(:mod:`channel_images.conformance.oracle`) and to those of schemathesis (:mod:`channel_images.conformance.fuzz`); the
functions here send what these two leave out.
"""

from collections.abc import Iterator

from channel_images.conformance.operations import FULL, LISTS, MAX_ID, Operation
from channel_images.conformance.oracle import IDENTIFIABLE, NO_SERVER_ERROR, RESPONSE
from channel_images.conformance.rule import Finding, NotExercised, Pattern, rule
from channel_images.conformance.survey import Survey

WORD = "abc"
UNKNOWN_CHANNEL = 1_999_999_973

HOSTILE = (
    "", " ", "0", "-1", "1.5", "1e3", "+1", "0x10", "NaN", "null", "None", "[]", "{}", "'", '"', "1;2", "1,,2", ",", "%",
    "\x00", "1\x00", "\ud83d", "\u0661", "\uff19", "a" * 300, "9" * 19, "9" * 20, "9" * 400, str(MAX_ID), str(MAX_ID + 1),
    str(-MAX_ID - 2), "true", "../", "<script>", "1 OR 1=1", "\u202e1", "\r\nX: y",
)  # fmt: skip
"""What forms, typing errors and attackers send."""


@rule(RESPONSE, Pattern.EQUALITY)
def response(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Every answer of the run has a documented status, content type and body."""
    survey.session.get(operation.path_for(survey.channel, survey.some_pk()))
    yield from ()


@rule(IDENTIFIABLE, Pattern.COMPLETE)
def identifiable(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Every row of the run has its pk, every envelope its four fields."""
    survey.session.get(operation.path_for(survey.channel, survey.some_pk()))
    yield from ()


@rule(NO_SERVER_ERROR, Pattern.COMPLETE)
def no_server_error(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Hostile values for each parameter, and all other answers of the run, give no 5xx, no broken connection and no
    traceback."""
    # The lists share their pagination: the full list meets every value, the others a few.
    values = () if survey.quick else HOSTILE if operation is FULL else HOSTILE[::4]
    path = operation.path_for(survey.channel, survey.some_pk())
    for name in sorted(operation.filters | ({"page", "limit"} if operation.is_list else set())):
        for value in values:
            survey.session.get(path, [(name, value)])
        if not survey.quick:
            survey.session.get(path, [(name, "1"), (name, "2")])
            survey.session.get(f"{path}?{name}=%FF%FE")
    if not operation.is_list and not survey.quick:
        for text in (
            "0",
            "-1",
            "1.5",
            str(2**31),
            str(MAX_ID),
            str(MAX_ID + 1),
            "9" * 400,
            "%00",
            "%FF",
            "%D9%A1",
            "a" * 300,
        ):
            survey.session.get(operation.path_for(survey.channel, text))
    if not survey.quick:
        survey.session.get(operation.path_for(UNKNOWN_CHANNEL, survey.some_pk()))
        for pk in [] if operation.is_list else survey.absent_pk(1):
            survey.session.get(operation.path_for(survey.channel, pk))
    if operation is FULL and not survey.quick:
        for name in ("id__in", "product__pk__in"):
            survey.session.get(path, [(name, ",".join(str(number) for number in range(1, 301)))])
    yield from ()


@rule("schema.rejects-invalid", Pattern.DIFFERENCE)
def rejects_invalid(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A word for an integer filter, for the channel and for the image's id gets a 4xx."""
    asked = [(f"{name}={text}", operation.path_for(survey.channel), [(name, text)])
             for name in sorted(operation.filters & {"product", "product__pk__in", "id__in"})
             for text in ((WORD,) if name == "product" or survey.quick else (WORD, f"1,{WORD}"))]  # fmt: skip
    if not survey.quick:
        asked.append((f"channel {WORD}", operation.path_for(WORD, survey.some_pk()), []))
    if operation not in LISTS:
        asked.append((f"id {WORD}", operation.path_for(survey.channel, WORD), []))
    if not asked:
        raise NotExercised("left out by --quick")
    for what, path, params in asked:
        answer = survey.session.get(path, params)
        if not 400 <= answer.status < 500:
            yield Finding(f"{what} is not refused", "a 4xx", answer.describe(), (answer,))
