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
    product_types,
)
from channel_images.conformance.asking.reading import NotExercised, page
from channel_images.conformance.asking.survey import Survey
from channel_images.conformance.judging.oracle import IDENTIFIABLE, NO_SERVER_ERROR, RESPONSE
from channel_images.conformance.judging.rule import Finding, Pattern, few, rule

WORD = "abc"

HOSTILE = (
    "", " ", "0", "-1", "1.5", "1e3", "+1", "0x10", "NaN", "null", "None", "[]", "{}", "'", '"', "1;2", "1,,2", ",", "%",
    "\x00", "1\x00", "\ud83d", "\u0661", "\uff19", "a" * 300, "9" * 19, "9" * 20, "9" * 400, str(MAX_ID), str(MAX_ID + 1),
    str(-MAX_ID - 2), "true", "../", "<script>", "1 OR 1=1", "\u202e1", "\r\nX: y",
)  # fmt: skip
"""What forms, typing errors and attackers send."""
READ_ALONE = frozenset({"page", "product", "id__in"})
"""Parameters of the full list that meet every hostile value: the others are read much as one of them, and meet fewer."""
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
            f"{len(surplus)} bytes behind the body: {surplus[:60]!r}",
            (answer,),
        )


@rule(IDENTIFIABLE, Pattern.COMPLETE)
def identifiable(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Every row of the run has its pk, every envelope its four fields."""
    survey.spare(operation)
    survey.session.get(operation.path_for(survey.channel, survey.some_pk()))
    yield from ()


@rule(NO_SERVER_ERROR, Pattern.COMPLETE)
def no_server_error(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """Hostile values for each parameter, other spellings of the path, and all other answers of the run give no 5xx, no
    broken connection and no traceback."""
    pk = survey.some_pk()
    path = operation.path_for(survey.channel, pk)
    for spelled in () if survey.quick else _spellings(path):
        survey.session.get(spelled)
    survey.spare(operation)
    for name in sorted(operation.filters | ({"page", "limit"} if operation.is_list else set())):
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
    if operation is FULL and not survey.quick:
        for name in ("id__in", "product__pk__in"):
            survey.session.get(path, [(name, ",".join(str(number) for number in range(1, 301)))])
    yield from ()


def _spellings(path: str) -> tuple[str, ...]:
    """A path as people and programs misspell it."""
    bare = path.rstrip("/")
    return bare, f"{path}/", path.replace("/product_images", "//product_images"), path.upper(), f"{bare}.json"


def _hostile(operation: Operation, name: str) -> tuple[str, ...]:
    """The hostile values that a parameter meets. The lists share their pagination: the full list tries it in earnest."""
    if operation is FULL:
        return HOSTILE if name in READ_ALONE else HOSTILE[::2] if name == "limit" else HOSTILE[::3]
    return HOSTILE[::9]


def _bounded(survey: Survey, name: str, value: str) -> list[tuple[str, str]]:
    """A hostile value as it can be sent without drawing a whole catalogue: a limit that may be read as a large one, or as
    none, is sent for a page behind the end."""
    behind = [("page", "2")] if name == "limit" and not survey.affordable(MAX_ID) else []
    return [*behind, (name, value)]


def _share(operation: Operation) -> tuple[str, ...]:
    """The ids that an operation tries as its channel: one tries all, the others share them."""
    return IDS if operation is FULL else IDS[OPERATIONS.index(operation) % 3 :: 3]


@rule("schema.rejects-invalid", Pattern.DIFFERENCE)
def rejects_invalid(survey: Survey, operation: Operation) -> Iterator[Finding]:
    """A word, or a number with a word behind it, for an integer filter, for the channel and for the image's id gets a 4xx."""
    pk = survey.some_pk()
    product = next(iter(survey.products()), 1)
    asked: list[tuple[str, str, list[tuple[str, str]]]] = []
    for name, number in (("product", product), ("product__pk__in", product), ("id__in", pk)):
        texts = {
            "a word": WORD,
            "a word in a list": f"{number},{WORD}",
            "a number with a word behind it": f"{number}{WORD}",
        }
        if name == "product":
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
            yield Finding(f"{what} is not refused", "a 4xx", f"{answer.request.target}: {answer.describe()}", (answer,))
    if operation is FULL and not survey.quick:
        yield from _types(survey)


def _types(survey: Survey) -> Iterator[Finding]:
    """A product type with a word behind it: like any type that does not exist, it is refused or matches nothing."""
    for number in product_types():
        answer = survey.session.get(FULL.path_for(survey.channel), [("product_type", f"{number}{WORD}")])
        if answer.status == 200 and page(answer).rows:
            yield Finding(
                "a number with a word behind it for product_type is not refused",
                "a 4xx, or no rows",
                f"{answer.request.target}: pk {few(page(answer).pks)}",
                (answer,),
            )
            return
