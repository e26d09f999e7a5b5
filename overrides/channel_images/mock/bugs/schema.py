"""Schema: answers that are not shaped as documented, and input that the server trips over."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from channel_images.mock.answers import Answer, Refused, to_json
from channel_images.mock.behaviour import Behaviour, Links
from channel_images.mock.bugs.registry import (
    DETAILED_LIST,
    DETAILED_RETRIEVE,
    RETRIEVE,
    UPDATES,
    bug,
    server_error,
)
from channel_images.mock.call import Call
from channel_images.mock.operations import Operation
from channel_images.mock.parameters import Argument, Invalid, Parameter

_INT32 = 2**31


class _Repacked(Behaviour):
    """Changes page envelopes."""

    def repacked(self, operation: Operation, page: dict[str, Any]) -> dict[str, Any]:
        return page

    def page(self, operation: Operation, rows: Sequence[bytes], count: int, links: Links) -> bytes:
        body = super().page(operation, rows, count, links)
        return to_json(self.repacked(operation, json.loads(body))) if operation.is_enveloped else body


# schema.response


@bug("schema.response")
class ContentTypeHtml(Behaviour):
    """The detailed list is JSON labelled as HTML."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if operation.id == DETAILED_LIST:
            answer.headers["content-type"] = "text/html; charset=utf-8"
        return answer


@bug("schema.response")
class SizeAsText(Behaviour):
    """A serializer writes height as a string."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "height": str(row["height"])} if row.get("height") is not None else row


@bug("schema.response")
class IsActiveAsNumber(Behaviour):
    """is_active comes from the database as 0 or 1."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "is_active": int(row["is_active"] is True)}


@bug("schema.response")
class StatusUpperCase(Behaviour):
    """status is the name of the enum's member, in capitals."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "status": str(row["status"]).upper()}


@bug("schema.response")
class HashNumericWhereNull(Behaviour):
    """A missing hash is 0."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "hash": row.get("hash") or 0}


@bug("schema.response")
class DateWithoutZone(Behaviour):
    """created_date is written without its time zone."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "created_date": str(row["created_date"]).removesuffix("Z")}


@bug("schema.response")
class DateAsTimestamp(Behaviour):
    """modified_date is a number of seconds in the updates."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        if operation.id == UPDATES:
            row["modified_date"] = int(datetime.fromisoformat(str(row["modified_date"])).timestamp())
        return row


@bug("schema.response")
class ProductNested(Behaviour):
    """The detailed retrieval shows the product as an object, in place of its id."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return {**row, "product": {"pk": row["product"]}} if operation.id == DETAILED_RETRIEVE else row


@bug("schema.response")
class NanForNull(Behaviour):
    """A width that is null went through pandas, and is NaN: not JSON."""

    def image(self, operation: Operation, channel: int, pk: int) -> bytes:
        return super().image(operation, channel, pk).replace(b'"width":null', b'"width":NaN')


@bug("schema.response")
class CountAsText(_Repacked):
    """count is a string."""

    def repacked(self, operation: Operation, page: dict[str, Any]) -> dict[str, Any]:
        page = super().repacked(operation, page)
        return {name: str(value) if name == "count" else value for name, value in page.items()}


@bug("schema.response")
class ResultsByPk(_Repacked):
    """results is an object with a row for each pk."""

    def repacked(self, operation: Operation, page: dict[str, Any]) -> dict[str, Any]:
        page = super().repacked(operation, page)
        return {**page, "results": {str(row["pk"]): row for row in page["results"]}}


@bug("schema.response")
class ImageInArray(Behaviour):
    """The retrieval answers a list of one image."""

    def retrieve(self, operation: Operation, call: Call) -> Answer:
        answer = super().retrieve(operation, call)
        return Answer(200, b"[" + answer.body + b"]", answer.headers) if operation.id == RETRIEVE else answer


@bug("schema.response")
class EmptyIs204(Behaviour):
    """A list without rows is 204 without a body."""

    def page(self, operation: Operation, rows: Sequence[bytes], count: int, links: Links) -> bytes:
        if not rows:
            raise Refused(Answer(204))
        return super().page(operation, rows, count, links)


@bug("schema.response")
class ErrorEnvelope(Behaviour):
    """Refusals are wrapped by an exception handler: {"error": {"code": ..., "message": ...}}."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if 400 <= answer.status < 500:
            answer.body = to_json({"error": {"code": answer.status, "message": answer.body.decode("utf-8", "replace")}})
        return answer


@bug("schema.response")
class InvalidIs422(Behaviour):
    """Bad parameters are 422, which nothing documents."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        answer.status = 422 if answer.status == 400 else answer.status
        return answer


# schema.identifiable


@bug("schema.identifiable")
class IdForPk(Behaviour):
    """The updates call the pk id."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        return (
            {("id" if name == "pk" else name): value for name, value in row.items()} if operation.id == UPDATES else row
        )


@bug("schema.identifiable")
class EnvelopeWithoutCount(_Repacked):
    """The detailed list has no count, to spare the database a query."""

    def repacked(self, operation: Operation, page: dict[str, Any]) -> dict[str, Any]:
        lost = "count" if operation.id == DETAILED_LIST else None
        return {name: value for name, value in super().repacked(operation, page).items() if name != lost}


@bug("schema.identifiable")
class LinkLeftOut(_Repacked):
    """next and previous are left out, not null, where there is no such page."""

    def repacked(self, operation: Operation, page: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in super().repacked(operation, page).items() if value is not None}


# schema.no-server-error


class _Failing(Behaviour):
    """Fails for certain values of query parameters."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return False

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if self.fails(parameter, text):
            raise server_error()
        return super().decode(parameter, text)


def _is_readable(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except Invalid:
        return False
    return True


@bug("schema.no-server-error")
class UnreadableProduct500(_Failing):
    """int() of product is not guarded."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return super().fails(parameter, text) or (
            parameter.name == "product" and not _is_readable(parameter.read, text)
        )


@bug("schema.no-server-error")
class EmptyItem500(_Failing):
    """An empty item of id__in is not thought of."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return super().fails(parameter, text) or (parameter.name == "id__in" and "" in text.split(","))


@bug("schema.no-server-error")
class NulByte500(_Failing):
    """A NUL byte reaches the database, which refuses it."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return super().fails(parameter, text) or "\0" in text


@bug("schema.no-server-error")
class PageZero500(_Failing):
    """Page 0 is a negative OFFSET."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return super().fails(parameter, text) or (parameter.name == "page" and text.strip() == "0")


@bug("schema.no-server-error")
class LimitZero500(_Failing):
    """limit=0 divides by zero."""

    def fails(self, parameter: Parameter, text: str) -> bool:
        return super().fails(parameter, text) or (parameter.name == "limit" and text.strip() == "0")


@bug("schema.no-server-error")
class LargeId500(Behaviour):
    """An id beyond 32 bits overflows the database's integer."""

    def image_id(self, operation: Operation, call: Call, channel: int) -> int:
        if self.path_argument(operation, call, "id") >= _INT32:
            raise server_error()
        return super().image_id(operation, call, channel)


@bug("schema.no-server-error")
class LargePage500(Behaviour):
    """The OFFSET of a page far out overflows the database's integer."""

    def arguments(self, operation: Operation, call: Call) -> dict[str, Argument]:
        arguments = super().arguments(operation, call)
        page, limit = arguments.get("page"), arguments.get("limit")
        if isinstance(page, int) and isinstance(limit, int) and page * limit >= 2**63:
            raise server_error()
        return arguments


@bug("schema.no-server-error")
class NoHash500(Behaviour):
    """The detailed serializer takes it that every image has a hash."""

    def rendered(self, operation: Operation, channel: int, pk: int) -> bytes:
        if operation.meaning.detailed and self.stored(channel, pk)["hash"] is None:
            raise server_error()
        return super().rendered(operation, channel, pk)


@bug("schema.no-server-error")
class MissingImage500(Behaviour):
    """.get() of an image that does not exist is not caught, on the detailed retrieval."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        if operation.id == DETAILED_RETRIEVE:
            raise server_error()
        return super().missing_image(operation, channel, pk)


@bug("schema.no-server-error")
class UnknownChannel500(Behaviour):
    """.get() of a channel that does not exist is not caught."""

    def missing_channel(self, channel: int) -> int:
        raise server_error()


@bug("schema.no-server-error")
class TracebackInBody(Behaviour):
    """The exception handler puts the traceback into the body of a 400."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if answer.status == 400:
            trace = 'Traceback (most recent call last):\n  File "/srv/app/views.py", line 42, in list\nValueError'
            answer.body = to_json({"detail": trace})
        return answer


# schema.rejects-invalid


@bug("schema.rejects-invalid")
class WordIsNoFilter(Behaviour):
    """A word for product is no filter."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if parameter.name == "product" and not _is_readable(parameter.read, text):
            return None
        return super().decode(parameter, text)


@bug("schema.rejects-invalid")
class WordMatchesNothing(Behaviour):
    """A word for product__pk__in is compared as text, and matches nothing."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if parameter.name == "product__pk__in" and not _is_readable(parameter.read, text):
            return [-1]
        return super().decode(parameter, text)


@bug("schema.rejects-invalid")
class WordInListSkipped(Behaviour):
    """id__in=1,abc is id__in=1."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if parameter.name == "id__in":
            text = ",".join(item for item in text.split(",") if _is_readable(parameter.read_item, item)) or "0"
        return super().decode(parameter, text)


@bug("schema.rejects-invalid")
class WordIsFirstImage(Behaviour):
    """An id that is no number finds the channel's first image."""

    def image_id(self, operation: Operation, call: Call, channel: int) -> int:
        if not call.path_parameter("id").isalpha():
            return super().image_id(operation, call, channel)
        listing = self.listing(operation, channel, self.query(operation, {}))
        return next(iter(listing.slice(0, 1)), 0) or self.missing_image(operation, channel, 0)


@bug("schema.rejects-invalid")
class WordIsChannel(Behaviour):
    """A channel that is no number is the first one."""

    def path_argument(self, operation: Operation, call: Call, name: str) -> int:
        if name == "channel_id" and call.path_parameter(name).isalpha():
            return self.store.channels[0]
        return super().path_argument(operation, call, name)
