"""Answers in other shapes than are documented, and trips over input."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from channel_images.mock.as_json import to_json
from channel_images.mock.behaviour import Behaviour, Links
from channel_images.mock.bugs.common import (
    DETAILED_LIST,
    DETAILED_RETRIEVE,
    RETRIEVE,
    UPDATES,
    is_readable,
    per_filter,
    server_error,
)
from channel_images.mock.data.store import Store
from channel_images.mock.data.subject import subject
from channel_images.mock.http.answers import Answer, Refused
from channel_images.mock.http.call import Call
from channel_images.mock.naming import about
from channel_images.mock.operations import Operation, page_name, size_name
from channel_images.mock.parameters import Argument, Parameter, read_integer
from channel_images.mock.settings import Settings
from channel_images.resource import Filter, resource

LOST_EVERY = 50
"""Requests of which `connection-lost` answers all but one."""
_INT32 = 2**31


class _Repacked(Behaviour):
    """Changes page envelopes."""

    def repacked(self, operation: Operation, page: dict[str, Any]) -> dict[str, Any]:
        return page

    def page(self, operation: Operation, rows: Sequence[bytes], count: int, links: Links) -> bytes:
        body = super().page(operation, rows, count, links)
        return to_json(self.repacked(operation, json.loads(body))) if operation.is_enveloped else body


class ContentTypeHtml(Behaviour, rule="schema.response"):
    """The detailed list is JSON labelled as HTML."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if operation.meaning == DETAILED_LIST:
            answer.headers["content-type"] = "text/html; charset=utf-8"
        return answer


class SizeAsText(Behaviour, rule="schema.response"):
    """A serializer writes {measure} as a string."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, about("measure"): str(row[about("measure")])} if row.get(about("measure")) is not None else row


class IsActiveAsNumber(Behaviour, rule="schema.response"):
    """{flag} comes from the database as 0 or 1."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, about("flag"): int(row[about("flag")] is True)}


class StatusUpperCase(Behaviour, rule="schema.response"):
    """{state} is the name of the enum's member, in capitals."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, about("state"): str(row[about("state")]).upper()}


class HashNumericWhereNull(Behaviour, rule="schema.response"):
    """A missing {blob} is 0."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, about("blob"): row.get(about("blob")) or 0}


class DateWithoutZone(Behaviour, rule="schema.response"):
    """{created} is written without its time zone."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, about("created"): str(row[about("created")]).removesuffix("Z")}


class DateAsTimestamp(Behaviour, rule="schema.response"):
    """{version} is a number of seconds in the updates."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.meaning == UPDATES:
            row[about("version")] = int(datetime.fromisoformat(str(row[about("version")])).timestamp())
        return row


class ProductNested(Behaviour, rule="schema.response"):
    """The detailed retrieval shows product as an object, in place of its id."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, subject().group: {"pk": row[subject().group]}} if operation.meaning == DETAILED_RETRIEVE else row


class NanForNull(Behaviour, rule="schema.response"):
    """{last} went through pandas, and is NaN where it is null: not JSON."""

    def image(self, operation: Operation, channel: int, pk: int) -> bytes:
        field = to_json(about("last"))
        return super().image(operation, channel, pk).replace(field + b":null", field + b":NaN")


class CountAsText(_Repacked, rule="schema.response"):
    """count is a string."""

    def repacked(self, operation: Operation, page: dict[str, Any]) -> dict[str, Any]:
        page = super().repacked(operation, page)
        return {name: str(value) if name == "count" else value for name, value in page.items()}


class ResultsByPk(_Repacked, rule="schema.response"):
    """results is an object with a row for each pk."""

    def repacked(self, operation: Operation, page: dict[str, Any]) -> dict[str, Any]:
        page = super().repacked(operation, page)
        return {**page, "results": {str(row[about("key")]): row for row in page["results"]}}


class ImageInArray(Behaviour, rule="schema.response"):
    """The retrieval answers a list of one row."""

    def retrieve(self, operation: Operation, call: Call) -> Answer:
        answer = super().retrieve(operation, call)
        return Answer(200, b"[" + answer.body + b"]", answer.headers) if operation.meaning == RETRIEVE else answer


class EmptyIs204(Behaviour, rule="schema.response"):
    """A list without rows is 204 without a body."""

    def page(self, operation: Operation, rows: Sequence[bytes], count: int, links: Links) -> bytes:
        if not rows:
            raise Refused(Answer(204))
        return super().page(operation, rows, count, links)


class ErrorEnvelope(Behaviour, rule="schema.response"):
    """Refusals are wrapped by an exception handler: {"error": {"code": ..., "message": ...}}."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if 400 <= answer.status < 500:
            answer.body = to_json({"error": {"code": answer.status, "message": answer.body.decode("utf-8", "replace")}})
        return answer


class InvalidIs422(Behaviour, rule="schema.response"):
    """Bad parameters are 422, which nothing documents."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        answer.status = 422 if answer.status == 400 else answer.status
        return answer


class _Followed(Behaviour):
    """Sends more behind the JSON of an answer."""

    def more(self, operation: Operation) -> bytes:
        """What follows in the body."""
        return b""

    def behind(self, operation: Operation) -> bytes:
        """What follows the body, after its length was counted."""
        return b""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if answer.status == 200 and call.method == "GET":
            answer.body += self.more(operation)
            answer.behind += self.behind(operation)
        return answer


class CommentBehindJson(_Followed, rule="schema.response"):
    """A profiler writes its figures behind the JSON of the lists."""

    def more(self, operation: Operation) -> bytes:
        return super().more(operation) + (b"<!-- 12 ms, 3 queries -->" if operation.is_list else b"")


class SecondDocument(_Followed, rule="schema.response"):
    """The retrieval returns its answer and then falls through to the default one: two documents."""

    def more(self, operation: Operation) -> bytes:
        return super().more(operation) + (b'{"status":"ok"}' if operation.meaning == RETRIEVE else b"")


class NulBehindJson(_Followed, rule="schema.response"):
    """A buffer is sent with the zero byte at its end, on the detailed retrieval."""

    def more(self, operation: Operation) -> bytes:
        return super().more(operation) + (b"\0" if operation.meaning == DETAILED_RETRIEVE else b"")


class CommentBehindLength(_Followed, rule="schema.response"):
    """A middleware writes a comment behind every body, after the length was counted."""

    def behind(self, operation: Operation) -> bytes:
        return super().behind(operation) + b"<!-- served by web-2 -->"


class LineBehindLength(_Followed, rule="schema.response"):
    """The updates end in a line break that their length does not count."""

    def behind(self, operation: Operation) -> bytes:
        return super().behind(operation) + (b"\r\n" if operation.meaning == UPDATES else b"")


class IdForPk(Behaviour, rule="schema.identifiable"):
    """The updates call the {key} id."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return (
            {("id" if name == about("key") else name): value for name, value in row.items()}
            if operation.meaning == UPDATES
            else row
        )


class EnvelopeWithoutCount(_Repacked, rule="schema.identifiable"):
    """The detailed list has no count, to spare the database a query."""

    def repacked(self, operation: Operation, page: dict[str, Any]) -> dict[str, Any]:
        lost = "count" if operation.meaning == DETAILED_LIST else None
        return {name: value for name, value in super().repacked(operation, page).items() if name != lost}


class LinkLeftOut(_Repacked, rule="schema.identifiable"):
    """next and previous are left out, not null, where there is no such page."""

    def repacked(self, operation: Operation, page: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in super().repacked(operation, page).items() if value is not None}


class _Failing(Behaviour):
    """Fails for certain values of query parameters."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return False

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if self.fails(parameter, text):
            raise server_error()
        return super().decode(parameter, text)


class UnreadableProduct500(_Failing, rule="schema.no-server-error"):
    """int() of {group} is not guarded."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return super().fails(parameter, text) or (
            parameter.name == about("group") and not is_readable(parameter.read, text)
        )


class EmptyItem500(_Failing, rule="schema.no-server-error"):
    """An empty item of {keys} is not thought of."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return super().fails(parameter, text) or (parameter.name == about("keys") and "" in text.split(","))


class NulByte500(_Failing, rule="schema.no-server-error"):
    """A NUL byte reaches the database, which refuses it."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return super().fails(parameter, text) or "\0" in text


class PageZero500(_Failing, rule="schema.no-server-error"):
    """Page 0 is a negative OFFSET."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return super().fails(parameter, text) or (parameter.name == page_name() and text.strip() == "0")


class LimitZero500(_Failing, rule="schema.no-server-error"):
    """limit=0 divides by zero."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return super().fails(parameter, text) or (parameter.name == size_name() and text.strip() == "0")


class LargeId500(Behaviour, rule="schema.no-server-error"):
    """An id beyond 32 bits overflows the database's integer."""

    def image_id(self, operation: Operation, call: Call, channel: int) -> int:
        if self.path_argument(operation, call, "key") >= _INT32:
            raise server_error()
        return super().image_id(operation, call, channel)


class LargePage500(Behaviour, rule="schema.no-server-error"):
    """The OFFSET of a page far out overflows the database's integer."""

    def arguments(self, operation: Operation, call: Call) -> dict[str, Argument]:
        arguments = super().arguments(operation, call)
        page, limit = arguments.get(page_name()), arguments.get(size_name())
        if isinstance(page, int) and isinstance(limit, int) and page * limit >= 2**63:
            raise server_error()
        return arguments


class NoHash500(Behaviour, rule="schema.no-server-error"):
    """The detailed serializer takes it that {blob} is never null."""

    def rendered(self, operation: Operation, channel: int, pk: int) -> bytes:
        if operation.meaning.detailed and self.stored(channel, pk).get(about("blob")) is None:
            raise server_error()
        return super().rendered(operation, channel, pk)


class MissingImage500(Behaviour, rule="schema.no-server-error"):
    """.get() of a row that does not exist is not caught, on the detailed retrieval."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        if operation.meaning == DETAILED_RETRIEVE:
            raise server_error()
        return super().missing_image(operation, channel, pk)


class UnknownChannel500(Behaviour, rule="schema.no-server-error"):
    """.get() of a channel that does not exist is not caught."""

    def missing_channel(self, channel: int) -> int:
        raise server_error()


class TracebackInBody(Behaviour, rule="schema.no-server-error"):
    """The exception handler puts the traceback into the body of a 400."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if answer.status == 400:
            trace = 'Traceback (most recent call last):\n  File "/srv/app/views.py", line 42, in list\nValueError'
            answer.body = to_json({"detail": trace})
        return answer


class ConnectionLost(Behaviour, rule="schema.no-server-error"):
    """A worker is restarted while it works: one request in fifty ends in a reset connection."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, store)
        self._requests = 0

    def answer(self, operation: Operation, call: Call) -> Answer:
        self._requests += 1
        answer = super().answer(operation, call)
        answer.is_lost |= self._requests % LOST_EVERY == 0
        return answer


class Slashless500(Behaviour, rule="schema.no-server-error"):
    """The redirect to the path with its closing slash fails."""

    def redirect(self, call: Call, location: str) -> Answer:
        return server_error().answer


class SlashlessDetailed500(Behaviour, rule="schema.no-server-error"):
    """The redirect to the path with its closing slash fails for the detailed operations."""

    def redirect(self, call: Call, location: str) -> Answer:
        return server_error().answer if call.path.endswith("/detailed") else super().redirect(call, location)


class _FailingRoute(Behaviour):
    """Fails for certain paths that lead nowhere."""

    def stumbles(self, path: str) -> bool:
        return False

    def unrouted(self, call: Call) -> Answer:
        return server_error().answer if self.stumbles(call.path) else super().unrouted(call)


class DoubledSlash500(_FailingRoute, rule="schema.no-server-error"):
    """The router splits a path at its slashes, and fails where nothing is between two of them."""

    def stumbles(self, path: str) -> bool:
        return "//" in path or super().stumbles(path)


class UpperCasePath500(_FailingRoute, rule="schema.no-server-error"):
    """The router finds a path whatever its case, and the table of views does not: a KeyError."""

    def stumbles(self, path: str) -> bool:
        return path != path.lower() or super().stumbles(path)


class FormatSuffix500(_FailingRoute, rule="schema.no-server-error"):
    """Paths may end in .json, for which no renderer is set up."""

    def stumbles(self, path: str) -> bool:
        return path.rstrip("/").endswith(".json") or super().stumbles(path)


class _FailingPath(Behaviour):
    """Fails for certain values of the path's parameters."""

    def fails_at(self, role: str, text: str) -> bool:
        return False

    def path_argument(self, operation: Operation, call: Call, role: str) -> int:
        if self.fails_at(role, call.path_parameter(resource().roles[role])):
            raise server_error()
        return super().path_argument(operation, call, role)


def _number(text: str) -> int:
    """The value of a text of ASCII digits alone; -1 for any other."""
    return read_integer(text) if text.isascii() and text.isdigit() else -1


class ChannelBeyondInt32(_FailingPath, rule="schema.no-server-error"):
    """A channel from 2147483648 on overflows a signed column of 32 bits: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "scope" and _number(text) >= 2**31) or super().fails_at(role, text)


class IdBeyondUint32(_FailingPath, rule="schema.no-server-error"):
    """An id from 4294967296 on overflows an unsigned column of 32 bits: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "key" and _number(text) >= 2**32) or super().fails_at(role, text)


class ChannelBeyondDouble(_FailingPath, rule="schema.no-server-error"):
    """A channel from 9007199254740992 on is no exact number in JavaScript, and an assertion fails: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "scope" and _number(text) >= 2**53) or super().fails_at(role, text)


class LargestId500(_FailingPath, rule="schema.no-server-error"):
    """One is added to an id before the look-up, and the largest, 9223372036854775807, overflows: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "key" and _number(text) == 2**63 - 1) or super().fails_at(role, text)


class IdBeyondInt64(_FailingPath, rule="schema.no-server-error"):
    """An id of more than 64 bits reaches the database, which refuses it: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "key" and _number(text) >= 2**63) or super().fails_at(role, text)


class ChannelBeyondInt64(_FailingPath, rule="schema.no-server-error"):
    """A channel of more than 64 bits reaches the database, which refuses it: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "scope" and _number(text) >= 2**63) or super().fails_at(role, text)


class ZeroId500(_FailingPath, rule="schema.no-server-error"):
    """Row 0 is falsy, and the view goes on without a row: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "key" and _number(text) == 0) or super().fails_at(role, text)


class ZeroChannel500(_FailingPath, rule="schema.no-server-error"):
    """Channel 0 is falsy, and the view goes on without a channel: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "scope" and _number(text) == 0) or super().fails_at(role, text)


class NegativeChannel500(_FailingPath, rule="schema.no-server-error"):
    """The route takes a sign, and the channel's id is unsigned: -1 is 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "scope" and text.startswith("-")) or super().fails_at(role, text)


class DecimalId500(_FailingPath, rule="schema.no-server-error"):
    """The route takes a decimal, and int() of 1.0 is not guarded: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "key" and "." in text) or super().fails_at(role, text)


class LeadingZeroChannel500(_FailingPath, rule="schema.no-server-error"):
    """A channel is looked up by its text in a table of numbers, and 05 is not in it: a KeyError."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "scope" and text.startswith("0") and text != "0") or super().fails_at(role, text)


class SpacedId500(_FailingPath, rule="schema.no-server-error"):
    """A space in an id breaks the cache's key: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "key" and " " in text) or super().fails_at(role, text)


class NulInId500(_FailingPath, rule="schema.no-server-error"):
    """A NUL byte in an id reaches the database, which refuses it: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "key" and "\0" in text) or super().fails_at(role, text)


class NulInChannel500(_FailingPath, rule="schema.no-server-error"):
    """A NUL byte in a channel reaches the database, which refuses it: 500."""

    def fails_at(self, role: str, text: str) -> bool:
        return (role == "scope" and "\0" in text) or super().fails_at(role, text)


class WordIsNoFilter(Behaviour, rule="schema.rejects-invalid"):
    """A word for {group} is no filter."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if parameter.name == about("group") and not is_readable(parameter.read, text):
            return None
        return super().decode(parameter, text)


class WordMatchesNothing(Behaviour, rule="schema.rejects-invalid"):
    """A word for {ids} is compared as text, and matches nothing."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if parameter.name == about("ids") and not is_readable(parameter.read, text):
            return [-1]
        return super().decode(parameter, text)


class WordInListSkipped(Behaviour, rule="schema.rejects-invalid"):
    """{keys}=1,abc is {keys}=1."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if parameter.name == about("keys"):
            text = ",".join(item for item in text.split(",") if is_readable(parameter.read_item, item)) or "0"
        return super().decode(parameter, text)


class WordIsFirstImage(Behaviour, rule="schema.rejects-invalid"):
    """An id that is not a number finds the channel's first row."""

    def image_id(self, operation: Operation, call: Call, channel: int) -> int:
        if not call.path_parameter(resource().roles["key"]).isalpha():
            return super().image_id(operation, call, channel)
        listing = self.listing(operation, channel, self.query(operation, {}))
        return next(iter(listing.slice(0, 1)), 0) or self.missing_image(operation, channel, 0)


class WordIsChannel(Behaviour, rule="schema.rejects-invalid"):
    """A channel that is not a number is the first one."""

    def path_argument(self, operation: Operation, call: Call, role: str) -> int:
        if role == "scope" and call.path_parameter(resource().roles[role]).isalpha():
            return self.store.channels[0]
        return super().path_argument(operation, call, role)


_BEGINNING = re.compile(r"^(\s*[0-9]+)[^0-9.\s].*")
"""A whole number with something else behind it."""


def _parsed(text: str) -> str:
    """The number that a text begins with, as JavaScript's parseInt reads it."""
    return _BEGINNING.sub(r"\1", text)


@per_filter(lambda each: each.type == "integer")
def parsed_int(one: Filter) -> type[Behaviour]:
    class FilterParsedInt(Behaviour, rule="schema.rejects-invalid"):
        """parseInt reads {filter}: 12abc is 12."""

        def decode(self, parameter: Parameter, text: str) -> Argument | None:
            if parameter.name == one.name:
                text = ",".join(map(_parsed, text.split(",")))
            return super().decode(parameter, text)

    return FilterParsedInt


class _ParsedPath(Behaviour):
    """Reads the number that an id in the path begins with."""

    def parses(self, role: str) -> bool:
        return False

    def path_argument(self, operation: Operation, call: Call, role: str) -> int:
        if self.parses(role):
            name, texts = resource().roles[role], call.scope["path_params"]
            call = Call({**call.scope, "path_params": {**texts, name: _parsed(texts[name])}})
        return super().path_argument(operation, call, role)


class IdParsedInt(_ParsedPath, rule="schema.rejects-invalid"):
    """parseInt reads the id in the path: 12abc is row 12."""

    def parses(self, role: str) -> bool:
        return role == "key" or super().parses(role)


class ChannelParsedInt(_ParsedPath, rule="schema.rejects-invalid"):
    """parseInt reads the channel in the path: 5abc is channel 5."""

    def parses(self, role: str) -> bool:
        return role == "scope" or super().parses(role)
