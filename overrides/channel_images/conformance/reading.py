"""Reading lists and images: from answers to rows, and from pages to lists."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen

from channel_images.conformance.operations import Operation, date_fields, image_schema
from channel_images.conformance.wire import Answer, Params, Session

Row = Mapping[str, Any]
Filters = tuple[tuple[str, str], ...]


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
        return tuple(row["pk"] for row in self.rows)


def body(answer: Answer) -> Any:
    """The JSON of a 200. Raises ``Unreadable`` for another status, and for a body that is not JSON."""
    if answer.status != 200:
        raise Unreadable(answer, answer.describe())
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Unreadable(answer, f"{answer.describe()}, not JSON") from None


def page(answer: Answer) -> Page:
    """The page in an answer, in an envelope or bare. Raises ``Unreadable`` where it holds no list of rows with a pk."""
    document = body(answer)
    is_enveloped = isinstance(document, dict)
    rows = document.get("results") if is_enveloped else document
    if not isinstance(rows, list):
        raise Unreadable(answer, "200 without a list of rows")
    if not all(isinstance(row, dict) and type(row.get("pk")) is int for row in rows):
        raise Unreadable(answer, "a row without a pk")
    if not is_enveloped:
        return Page(answer, tuple(rows))
    count = document.get("count")
    return Page(
        answer,
        tuple(rows),
        count if type(count) is int else None,
        _link(document.get("next")),
        _link(document.get("previous")),
        is_enveloped=True,
    )


def _link(value: object) -> str | None:
    return value if isinstance(value, str) else None


def image(answer: Answer) -> Row:
    """The image in an answer. Raises ``Unreadable`` where there is none."""
    document = body(answer)
    if not isinstance(document, dict) or type(document.get("pk")) is not int:
        raise Unreadable(answer, "200 without an image")
    return document


@frozen
class ListOf:
    """A list of a channel: an operation with filters."""

    operation: Operation
    channel: int
    filters: Filters = ()

    @property
    def path(self) -> str:
        return self.operation.path_for(self.channel)

    def answer(self, session: Session, number: int | str, limit: int | str, *, fresh: bool = False) -> Answer:
        """The answer to one page."""
        params: Params = (*self.filters, ("page", str(number)), ("limit", str(limit)))
        return session.get(self.path, params, fresh=fresh)

    def page(self, session: Session, number: int, limit: int, *, fresh: bool = False) -> Page:
        """One page. Raises ``Unreadable``."""
        return page(self.answer(session, number, limit, fresh=fresh))

    def pages(self, session: Session, limit: int, most: int) -> Iterator[Page]:
        """The pages from the first to the last that holds rows, or to one that repeats a page before it.

        What the server says about the end (``count``, ``next``) is not relied on. Ends after ``most`` pages. Raises
        ``Unreadable``; a 404 after the first page, or where nothing is listed, is the end.
        """
        before: set[tuple[int, ...]] = set()
        for number in range(1, most + 1):
            answer = self.answer(session, number, limit)
            if answer.status == 404 and (number > 1 or self.filters or not self.operation.is_enveloped):
                return
            current = page(answer)
            if number > 1 and (not current.rows or current.pks in before):
                return
            yield current
            if not current.rows:
                return
            before.add(current.pks)


def follow(session: Session, link: str, path: str) -> Answer | None:
    """The answer to a ``next`` or ``previous``; ``None`` where it leads to another resource.

    Another scheme, host or path prefix is a proxy's doing: the request goes to the server under test all the same, and
    never anywhere else.
    """
    parts = urlsplit(link)
    if not parts.path.endswith(path) and parts.path:
        return None
    return session.get(path, parse_qsl(parts.query, keep_blank_values=True))


def documented(row: Row) -> dict[str, object]:
    """The documented fields of a row in a comparable form: one left out is null, a date-time is an instant."""
    return {name: _comparable(name, row.get(name)) for name in image_schema()["properties"]}


def _comparable(name: str, value: object) -> object:
    if name in date_fields() and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return moment.astimezone(UTC) if moment.tzinfo else value
    # True == 1 in Python, but not in JSON.
    return (type(value).__name__, value) if isinstance(value, bool) else value


def differences(one: Row, other: Row) -> list[str]:
    """The documented fields in which two rows differ."""
    left, right = documented(one), documented(other)
    return [name for name in left if left[name] != right[name]]
