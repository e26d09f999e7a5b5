"""Reads lists and images: from answers to rows, and from pages to lists."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeGuard
from urllib.parse import parse_qsl, urljoin, urlsplit

from attrs import frozen

from channel_images.conformance.asking.operations import MAX_ID, Operation, key_filter, noun
from channel_images.conformance.asking.parsing import NotJson, parsed
from channel_images.conformance.asking.standing import Session
from channel_images.conformance.asking.wire import Answer, Params, origin
from channel_images.contract import resolve
from channel_images.resource import Filter, resource

Row = Mapping[str, Any]
Filters = tuple[tuple[str, str], ...]

ABSENT = frozenset({404, 410})
"""What says that there is no such thing."""
INVALID = frozenset({400, 422})
"""What refuses a value. 422 is not documented, which is a fault of its own; it means the same."""
MOST_REDIRECTS = 3


class NotExercised(Exception):
    """There is nothing to try the rule on; the message says what is missing."""


class Unreadable(Exception):
    """An answer that holds no rows where rows were asked for."""

    def __init__(self, answer: Answer, why: str) -> None:
        super().__init__(f"{answer.request.target}: {why}")
        self.answer = answer
        self.why = why


@frozen
class Page:
    """One page of a list."""

    answer: Answer
    rows: tuple[Row, ...]
    count: int | None = None
    next: str | None = None
    previous: str | None = None
    is_enveloped: bool = False

    @property
    def pks(self) -> tuple[int, ...]:
        return tuple(row[resource().key] for row in self.rows)


def body(answer: Answer) -> Any:
    """The JSON of a 200. Raises `Unreadable` for another status, and for a body that is not JSON."""
    if answer.status != 200:
        raise Unreadable(answer, answer.describe())
    try:
        return parsed(answer.body)
    except NotJson:
        raise Unreadable(answer, f"{answer.describe()}, not JSON") from None


def page(answer: Answer) -> Page:
    """The page in an answer, in an envelope or bare. Raises `Unreadable` if it holds no list of rows with a key."""
    document = body(answer)
    is_enveloped = isinstance(document, dict)
    rows = document.get("results") if is_enveloped else document
    if not isinstance(rows, list):
        raise Unreadable(answer, "200 without a list of rows")
    if not all(isinstance(row, dict) and type(row.get(resource().key)) is int for row in rows):
        raise Unreadable(answer, f"a row without a {resource().key}")
    if not is_enveloped:
        return Page(answer, tuple(rows))
    count = document.get("count")
    return Page(
        answer,
        tuple(rows),
        count if type(count) is int and 0 <= count <= MAX_ID else None,
        _link(document.get("next")),
        _link(document.get("previous")),
        is_enveloped=True,
    )


def _link(value: object) -> str | None:
    return value if isinstance(value, str) else None


def single(answer: Answer) -> Row:
    """The row in the answer of a retrieval. Raises `Unreadable` if there is none."""
    document = body(answer)
    if not isinstance(document, dict) or type(document.get(resource().key)) is not int:
        raise Unreadable(answer, f"200 without {noun(article=True)}")
    return document


def rows(answer: Answer) -> Page:
    """The rows in an answer: those of a page, or a single one. Raises `Unreadable` if there are none."""
    try:
        return page(answer)
    except Unreadable:
        return Page(answer, (single(answer),))


def paged(number: int | str | None = None, limit: int | str | None = None) -> Params:
    """The parameters for a page and its size; what is `None` is left out."""
    given = (("page", number), ("size", limit))
    return tuple((resource().roles[role], str(value)) for role, value in given if value is not None)


@frozen
class ListOf:
    """A list of a channel: an operation with filters."""

    operation: Operation
    channel: int
    filters: Filters = ()

    @property
    def path(self) -> str:
        return self.operation.path_for(self.channel)

    def params(self, number: int | str, limit: int | str | None) -> Params:
        """The parameters of one page; without a `limit`, the server's own is meant."""
        return (*self.filters, *paged(number, limit))

    def answer(self, session: Session, number: int | str, limit: int | str | None, *, fresh: bool = False) -> Answer:
        """The answer to one page."""
        return session.get(self.path, self.params(number, limit), fresh=fresh)

    def page(self, session: Session, number: int, limit: int | None, *, fresh: bool = False) -> Page:
        """One page. Raises `Unreadable`."""
        return page(self.answer(session, number, limit, fresh=fresh))

    def pages(self, session: Session, limit: int | None, most: int) -> Iterator[Page]:
        """The pages from the first to the last that holds rows, or to one that repeats a page before it.

        What the server says about the end (`count`, `next`) is not relied on. Ends after `most` pages. Raises
        `Unreadable`; a 404 (or 410) after the first page, or where nothing is listed, is the end.
        """
        before: set[tuple[int, ...]] = set()
        for number in range(1, most + 1):
            answer = self.answer(session, number, limit)
            if answer.status in ABSENT and (number > 1 or self.filters or not self.operation.is_enveloped):
                return
            current = page(answer)
            if number > 1 and (not current.rows or current.pks in before):
                return
            yield current
            if not current.rows:
                return
            before.add(current.pks)


def follow(session: Session, link: str, at: Answer) -> Answer | None:
    """The answer to a `next` or `previous` of a page; `None` if it leads to another resource.

    Another scheme, host or path prefix is a proxy's doing: the request goes to the server under test all the same, and
    never anywhere else. The closing slash may be missing where the server, or a redirect of its own, makes up for it.

    Args:
        session: the session.
        link: the link, absolute or relative to the page.
        at: the answer that holds the page.

    Raises:
        ValueError: the link is not a URL.
    """
    path = at.request.path
    parts = urlsplit(urljoin(at.url, link))
    if parts.scheme.lower() not in ("http", "https") or not link.strip():
        raise ValueError(f"{link!r} is not a URL of the web")
    if not parts.path.rstrip("/").endswith(path.rstrip("/")):
        return None
    ending = "/" if parts.path.endswith("/") else ""
    answer = session.get(path.rstrip("/") + ending, parse_qsl(parts.query, keep_blank_values=True))
    for _ in range(MOST_REDIRECTS):
        led = urlsplit(redirected(answer) or "")
        if not led.path.endswith(path):
            break
        answer = session.get(path, parse_qsl(led.query, keep_blank_values=True))
    return answer


def redirected(answer: Answer) -> str | None:
    """Where an answer redirects to, within its own origin; `None` if it does not."""
    location = answer.headers.get("location")
    if not 300 <= answer.status < 400 or location is None:
        return None
    try:
        led = urljoin(answer.url, location)
        return led if origin(led) == origin(answer.url) else None
    except ValueError:
        return None


def documented(row: Row) -> dict[str, object]:
    """The documented fields of a row in a comparable form: one left out is null, a date-time is an instant."""
    return {name: _comparable(name, row.get(name)) for name in resource().fields}


@cache
def _date_fields() -> frozenset[str]:
    fields = resource().fields.items()
    return frozenset(name for name, schema in fields if resolve(schema).get("format") == "date-time")


def _comparable(name: str, value: object) -> object:
    if name in _date_fields() and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else value
        except (ValueError, OverflowError):
            return value
    # True == 1 in Python, but not in JSON.
    return (type(value).__name__, value) if isinstance(value, bool) else value


Value = bool | int | float | str
"""What a filter compares with."""
MOST_DIGITS = 15
"""Of a number that a float holds exactly enough to ask for it."""
MOST_LETTERS = 100
"""Of a text that is asked for."""


def asked_for(by: Filter, row: Row) -> Value | None:
    """The value by which a filter finds a row; `None` if the row has none that the filter can take."""
    value = row.get(by.field)
    return value if can_take(by, value) else None


def can_take(by: Filter, value: object) -> TypeGuard[Value]:
    """Whether a filter takes a value, as the contract has it, and a query can say it exactly."""
    if by.values and not by.is_extensible and value not in by.values:
        return False
    match by.type, value:
        case kind, bool():
            return kind == "boolean"
        case "string", str():
            is_plain = value.isprintable() and 0 < len(value.strip()) == len(value) <= MOST_LETTERS
            return is_plain and not (by.several and "," in value)
        case ("integer" | "number", int()):
            pass
        case "number", float() if math.isfinite(value) and len(Decimal(repr(value)).as_tuple().digits) <= MOST_DIGITS:
            pass
        case _:
            return False
    least, most = by.schema.get("minimum", -MAX_ID - 1), by.schema.get("maximum", MAX_ID)
    return bool(least <= value <= most)


def written(value: Value) -> str:
    """A value as a query has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{Decimal(repr(value)).normalize():f}" if isinstance(value, float) else str(value)


def joined(values: Sequence[Value]) -> str:
    """Several values as the contract writes them: one parameter, with commas."""
    return ",".join(map(written, values))


def keyed(*keys: int) -> Filters:
    """The filter that leaves the rows with some keys; none where the contract has no filter that takes them."""
    by = key_filter()
    return ((by.name, joined(keys)),) if by is not None and (by.several or len(keys) == 1) else ()


def differences(one: Row, other: Row) -> list[str]:
    """The documented fields in which two rows differ."""
    left, right = documented(one), documented(other)
    return [name for name in left if left[name] != right[name]]
