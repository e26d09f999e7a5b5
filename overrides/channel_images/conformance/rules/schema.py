"""Sends what shows each answer as it is by itself.

`schema.response`, `schema.identifiable` and `schema.no-server-error` judge every answer of the run, to our requests
(`judging.oracle`) and to those of schemathesis (`judging.fuzz`); the functions here send what these two leave out.
"""

from collections.abc import Iterator

from channel_images.conformance.asking.operations import (
    FULL,
    LISTS,
    MAX_ID,
    OPERATIONS,
    RETRIEVE,
    UNKNOWN_CHANNEL,
    Operation,
    key_filter,
)
from channel_images.conformance.asking.reading import NotExercised, page, written
from channel_images.conformance.asking.survey import Survey
from channel_images.conformance.judging.oracle import IDENTIFIABLE, NO_SERVER_ERROR, RESPONSE
from channel_images.conformance.judging.proof import by_status, followed, sized
from channel_images.conformance.judging.rule import Finding, Pattern, keys, rule
from channel_images.resource import Filter, resource

WORD = "abc"

HOSTILE = (
    "", " ", "0", "-1", "1.5", "1e3", "+1", "0x10", "NaN", "null", "None", "[]", "{}", "'", '"', "1;2", "1,,2", ",", "%",
    "\x00", "1\x00", "\ud83d", "\u0661", "\uff19", "a" * 300, "9" * 19, "9" * 20, "9" * 400, str(MAX_ID), str(MAX_ID + 1),
    str(-MAX_ID - 2), "true", "../", "<script>", "1 OR 1=1", "\u202e1", "\r\nX: y",
)  # fmt: skip
"""What forms, typing errors and attackers send."""
MANY = ",".join(map(str, range(1, 301)))
"""More values than some servers take in one filter."""
IDS = (
    "0", "-1", "1.5", "1.0", "01", "1e3", "+1", "%20", "%00", "%FF", "%D9%A1", "a" * 300, "9" * 400,
    *(str(bound + step) for bound in (2**31, 2**63) for step in (-1, 0, 1)), str(2**32), str(2**53), str(2**64),
)  # fmt: skip
"""Ids at, near and beyond each bound, and what looks like one, escaped."""


@rule(RESPONSE, Pattern.EQUALITY)
def response(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Every answer of the run has a documented status, content type and body, and nothing follows it."""
    survey.spare(operation)
    path = operation.path_for(survey.channel, survey.some_pk())
    survey.session.get(path)
    if survey.quick:
        return
    answer, surplus = survey.session.bare(path)
    if surplus:
        yield Finding(
            "bytes follow the end of an answer",
            "the body, and the end of the connection",
            f"{len(surplus)} byte{'' if len(surplus) == 1 else 's'} behind the body: {surplus[:60]!r}",
            (answer,),
            proof=followed(answer),
        )


@rule(IDENTIFIABLE, Pattern.COMPLETE)
def identifiable(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Every row of the run has its key, every envelope its four fields."""
    survey.spare(operation)
    survey.session.get(operation.path_for(survey.channel, survey.some_pk()))
    yield from ()


@rule(NO_SERVER_ERROR, Pattern.COMPLETE)
def no_server_error(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Hostile values for each parameter, other spellings of the path, and all other answers of the run give no 5xx, no
    broken connection and no traceback."""
    pk = survey.some_pk()
    path = operation.path_for(survey.channel, pk)
    for spelled in () if survey.quick else _spellings(path, survey.channel):
        survey.session.get(spelled)
    survey.spare(operation)
    roles = resource().roles
    for name in sorted(operation.filters | ({roles["page"], roles["size"]} if operation.is_list else set())):
        if survey.quick:
            continue
        for value in _hostile(operation, name):
            survey.session.get(path, _bounded(survey, name, value))
        if operation is FULL:
            survey.session.get(path, [(name, "1"), (name, "2")])
            survey.session.get(f"{path}?{name}=%FF%FE")
    if not survey.quick:
        for text in _share(operation):
            survey.session.get(operation.path_for(text, pk))
        for text in IDS if operation is RETRIEVE else () if operation.is_list else IDS[::2]:
            survey.session.get(operation.path_for(survey.channel, text))
        survey.session.get(operation.path_for(UNKNOWN_CHANNEL, pk))
        for absent in [] if operation.is_list else survey.absent_pk(1):
            survey.session.get(operation.path_for(survey.channel, absent))
    yield from ()


def _spellings(path: str, channel: int) -> tuple[str, ...]:
    """A path as people and programs misspell it."""
    bare = path.rstrip("/")
    return bare, f"{path}/", path.replace(f"/{channel}/", f"/{channel}//", 1), path.upper(), f"{bare}.json"


def _hostile(operation: Operation, name: str) -> tuple[str, ...]:
    """The hostile values that a parameter meets. The lists share their pagination: the full list tries it in earnest."""
    roles = resource().roles
    if operation is not FULL:
        return HOSTILE[::9]
    if name == roles["size"]:
        return HOSTILE[::2]
    # One of each kind meets all of them: the others are read much as it is.
    kinds = {(each.several, each.type): each.name for each in reversed(_of_numbers())}
    values = HOSTILE if name in (roles["page"], *kinds.values()) else HOSTILE[::3]
    return (*values, MANY) if name in (each.name for each in _of_numbers() if each.several) else values


def _of_numbers() -> list[Filter]:
    """The filters that take any number, that on the key first."""
    found = [each for each in resource().filters.values() if each.type in ("integer", "number") and not each.values]
    return sorted(found, key=lambda each: each is not key_filter())


def _bounded(survey: Survey, name: str, value: str) -> list[tuple[str, str]]:
    """A hostile value as it can be sent without drawing a whole catalogue: a limit that may be read as a large one, or as
    none, is sent for a page behind the end."""
    roles = resource().roles
    behind = [(roles["page"], "2")] if name == roles["size"] and not survey.affordable(MAX_ID) else []
    return [*behind, (name, value)]


def _share(operation: Operation) -> tuple[str, ...]:
    """The ids that an operation tries as its channel: one tries all, the others share them."""
    return IDS if operation is FULL else IDS[OPERATIONS.index(operation) % 3 :: 3]


@rule("schema.rejects-invalid", Pattern.DIFFERENCE)
def rejects_invalid(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A word, or a number with a word behind it, for a filter by numbers, for the channel and for the id gets a 4xx."""
    pk = survey.some_pk()
    asked: list[tuple[str, str, list[tuple[str, str]]]] = []
    for by in _of_numbers():
        name, number = by.name, written(next(iter(survey.found_by(by) if by.is_shown else ()), 1))
        texts = {
            "a word": WORD,
            "a word in a list": f"{number},{WORD}",
            "a number with a word behind it": f"{number}{WORD}",
        }
        if not by.several:
            del texts["a word in a list"]
        if name in operation.filters:
            tried = list(texts.items())[: 1 if survey.quick else 3]
            asked += [
                (f"{what} for {name}", operation.path_for(survey.channel), [(name, text)]) for what, text in tried
            ]
    if not survey.quick:
        asked.append(("a word for the channel", operation.path_for(WORD, pk), []))
        asked.append(
            ("a number with a word behind it for the channel", operation.path_for(f"{survey.channel}{WORD}", pk), [])
        )
    if operation not in LISTS:
        asked.append(("a word for the id", operation.path_for(survey.channel, WORD), []))
        if not survey.quick:
            path = operation.path_for(survey.channel, f"{pk}{WORD}")
            asked.append(("a number with a word behind it for the id", path, []))
    if not asked:
        raise NotExercised("left out by --quick")
    for what, path, params in asked:
        answer = survey.session.get(path, params)
        if not 400 <= answer.status < 500:
            yield Finding(
                f"{what} is not refused",
                "a 4xx",
                f"{answer.request.target}: {answer.describe()}",
                (answer,),
                proof=by_status(answer),
            )
    if operation is FULL and not survey.quick:
        for by in resource().filters.values():
            yield from _listed_values(survey, by)


def _listed_values(survey: Survey, by: Filter) -> Iterator[Finding]:
    """A listed value with a word behind it: like any that does not exist, it is refused or matches nothing."""
    what = "a number" if by.type in ("integer", "number") else "a listed value"
    for value in by.values:
        answer = survey.session.get(FULL.path_for(survey.channel), [(by.name, f"{written(value)}{WORD}")])
        if answer.status == 200 and page(answer).rows:
            yield Finding(
                f"{what} with a word behind it for {by.name} is not refused",
                "a 4xx, or no rows",
                f"{answer.request.target}: {keys(page(answer).pks)}",
                (answer,),
                proof=sized(answer, 0),
            )
            return
