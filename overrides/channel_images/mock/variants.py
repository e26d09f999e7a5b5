"""Lists what a healthy server may also do: variants, each a change to the strict behaviour.

A client has to cope with all of them, and a check must accuse none. A variant is a class below `Behaviour`, named
after its class; the first line of its docstring is its description (see `naming`).
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from enum import StrEnum
from functools import cache, lru_cache
from http import HTTPStatus
from random import Random
from urllib.parse import unquote_to_bytes, urlsplit, urlunsplit

from attrs import evolve, frozen

from channel_images.mock.as_json import Json, to_json
from channel_images.mock.behaviour import Behaviour, Links, Window
from channel_images.mock.data.channel import Query
from channel_images.mock.data.listing import Chosen, Listing
from channel_images.mock.data.store import Store
from channel_images.mock.http.answers import JSON_TYPE, Answer, Refused, bad_request, method_not_allowed, unauthorized
from channel_images.mock.http.call import Call
from channel_images.mock.naming import about, exists, name_of, open_enums, summary_of
from channel_images.mock.operations import Operation, page_name, size_name
from channel_images.mock.parameters import Argument, Invalid, Parameter
from channel_images.mock.settings import Settings
from channel_images.resource import resource

LARGEST_CLAMPED = 20
LARGEST_TAKEN = 50
"""The largest limits of `limit-clamped` and `limit-refused`."""
DELAY = 0.05
"""Seconds that `slow` takes for an answer."""
THROTTLED = 0.01
"""The share of requests that `throttled` puts off."""
BLIP_EVERY = 250
MOST_IDS = 50
"""Values of one filter that `many-ids-refused` takes."""
_FURTHER = ((3, "marketplace"), (5, "archived"))
"""Values of open enums, and which images have them."""
LONGEST_TARGET = 2_048
"""Characters of path and query that `html-400` reads."""


class Allowance(StrEnum):
    """What a server may do without being accused."""

    LIMITS = "Clamp a limit above its largest, or refuse it; refuse a filter with too many values."
    BAD_PAGING = "Answer a bad page or limit with 400, 404 or the default page; accept page=last."
    END = "Past the end: 404, or no rows."
    SHAPE = "Any stable order; further fields; null fields left out; further values of open enums."
    LENIENCE = "Ignore a boolean it cannot read; truncate decimals; skip empty items of a list."
    UNKNOWN = "Refuse, or match nothing for, enum values and foreign keys that do not exist."
    ROUTES = (
        "403 or 410 for a channel or an image that is not there; HTML for what matches no route or is no good request."
    )
    ERRORS = "Errors as application/problem+json."
    WRITES = "404 or 400 for writing to an image that does not exist."
    PROXIES = "Links with another scheme, host or prefix, or none; links that a redirect completes; the scheme word in any case, or in one."
    HTTP = "Throttling, slowness, compression, validators or none, 405 for HEAD."
    BLIP = "One 502, 503 or 504 that is gone when the request is sent again."
    ENVELOPE = "Pending lists inside the page envelope."


@frozen
class Variant:
    """A way in which a healthy server may differ."""

    name: str
    summary: str
    allowance: Allowance
    behaviour: type[Behaviour]
    excludes: frozenset[str]
    """The variants that contradict it."""


def html(status: int, title: str, **headers: str) -> Answer:
    """What a web server answers by itself, in front of the application."""
    body = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, body.encode(), {"content-type": "text/html; charset=utf-8", **names})


def every(listing: Listing) -> Sequence[int]:
    """All pks of a list."""
    return listing.slice(0, listing.count)


# Limits


class LimitClamped(Behaviour):
    """A limit above 20 is treated as 20."""

    def page_size(self, limit: int) -> int:
        return min(super().page_size(limit), LARGEST_CLAMPED)


class LimitRefused(Behaviour):
    """A limit above 50 is 400."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        value = super().decode(parameter, text)
        if parameter.name == size_name() and isinstance(value, int) and value > LARGEST_TAKEN:
            raise Invalid(f"Ensure this value is less than or equal to {LARGEST_TAKEN}.")
        return value


class ManyIdsRefused(Behaviour):
    """A filter with more than 50 values is 400."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if parameter.is_list and text.count(",") >= MOST_IDS:
            raise Invalid(f"Ensure this list has no more than {MOST_IDS} items.")
        return super().decode(parameter, text)


# Bad pages and limits


class BadPaging400(Behaviour):
    """A page that is no positive number is 400, like a bad limit."""

    def arguments(self, operation: Operation, call: Call) -> dict[str, Argument]:
        try:
            return super().arguments(operation, call)
        except Refused as refused:
            if refused.answer.status == 404:
                raise bad_request({page_name(): ["A valid integer is required."]}) from None
            raise


class BadPagingDefault(Behaviour):
    """A page or limit that is no positive number counts as none."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        try:
            return super().decode(parameter, text)
        except Invalid:
            if parameter.name in {page_name(), size_name()}:
                return None
            raise


class PageLast(Behaviour):
    """page=last is the last page."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        return text if parameter.name == page_name() and text == "last" else super().decode(parameter, text)

    def window(self, operation: Operation, arguments: Mapping[str, Argument], listing: Listing) -> Window:
        if arguments[page_name()] == "last":
            first = super().window(operation, {**arguments, page_name(): 1}, listing)
            arguments = {**arguments, page_name(): max(1, -(-listing.count // first.size))}
        return super().window(operation, arguments, listing)


# The end


class EmptyPastTheEnd(Behaviour):
    """A page past the end is 200 without rows."""

    def past_the_end(self, operation: Operation, window: Window, listing: Listing) -> Window:
        return window


# Order and fields


class Descending(Behaviour):
    """Lists come newest first, by descending {key}."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        return Reversed(super().listing(operation, channel, query))


@frozen(eq=False)
class Reversed:
    """A list from its end to its beginning."""

    _listing: Listing

    @property
    def count(self) -> int:
        return self._listing.count

    def slice(self, start: int, stop: int) -> Sequence[int]:
        count = self.count
        return self._listing.slice(max(0, count - stop), max(0, count - start))[::-1]


class ByModifiedDate(Behaviour):
    """Lists are ordered by {version}, then by {key}."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, store)
        self._date = lru_cache(100_000)(lambda channel, pk, _version: store.row(channel, pk)[resource().version])

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        def rank(pk: int) -> tuple[str, int]:
            return self._date(channel, pk, self.store.version(channel, pk)), pk

        return Chosen(sorted(every(super().listing(operation, channel, query)), key=rank))


class FilteredDescending(Behaviour):
    """Filtered lists come in another order than the full list."""

    def listing(self, operation: Operation, channel: int, query: Query) -> Listing:
        listing = super().listing(operation, channel, query)
        return listing if query == self.query(operation, {}) else Reversed(listing)


class ExtraFields(Behaviour):
    """Rows and envelopes carry fields that the contract does not name."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        return {"id": pk, **super().row(operation, channel, pk), "channels": [channel], "alt_text": None}

    def page(self, operation: Operation, rows: Sequence[bytes], count: int, links: Links) -> bytes:
        page = super().page(operation, rows, count, links)
        return b'{"on_this_page":' + to_json(len(rows)) + b"," + page[1:] if page.startswith(b"{") else page


class NullsLeftOut(Behaviour):
    """Fields that are null are left out of a row."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        return {name: value for name, value in super().row(operation, channel, pk).items() if value is not None}


class OpenEnums(Behaviour):
    """Some rows have values that the contract does not list, of {open} for one."""

    def row(self, operation: Operation, channel: int, pk: int) -> dict[str, object]:
        row = super().row(operation, channel, pk)
        for name, (every_so_many, value) in zip(open_enums(), _FURTHER, strict=False):
            if pk % every_so_many == 0:
                row[name] = value
        return row


# Lenience


class BooleansIgnored(Behaviour):
    """A boolean that cannot be read does not filter."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        try:
            return super().decode(parameter, text)
        except Invalid:
            if parameter.type == "boolean":
                return None
            raise


class DecimalsTruncated(Behaviour):
    """A decimal loses its fraction where a whole number belongs: {group}=1.9 is {group}=1."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        whole = re.sub(r"(?<![0-9.])(-?[0-9]+)\.[0-9]+(?![0-9.])", r"\1", text) if parameter.type == "integer" else text
        return super().decode(parameter, whole)


class EmptyItemsSkipped(Behaviour):
    """Empty items of a list are passed over, and a list without any other is no filter."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        if not parameter.is_list:
            return super().decode(parameter, text)
        items = [item for item in text.split(",") if item.strip()]
        return super().decode(parameter, ",".join(items)) if items else None


class Lenient(BooleansIgnored, DecimalsTruncated, EmptyItemsSkipped, PageLast, BadPagingDefault):
    """Whatever can be overlooked in a query is: as Django REST Framework does out of the box."""


# Values that do not exist


class UnknownProduct400(Behaviour):
    """A product that exists in no channel is 400 for {group}, as for a ModelChoiceFilter."""

    def query(self, operation: Operation, arguments: Mapping[str, Argument]) -> Query:
        product = arguments.get(about("group"))
        if isinstance(product, int) and all(self.store.traits(each, product) is None for each in self.store.channels):
            raise bad_request(
                {about("group"): ["Select a valid choice. That choice is not one of the available choices."]}
            )
        return super().query(operation, arguments)


class UnknownTypeEmpty(Behaviour):
    """A {kind} that the contract does not know matches nothing."""

    def decode(self, parameter: Parameter, text: str) -> Argument | None:
        try:
            return super().decode(parameter, text)
        except Invalid:
            if parameter.name == about("kind") and (value := parameter.read(text)):
                return value
            raise


# Routes and requests


class ForbiddenChannel(Behaviour):
    """A channel that does not exist is 403, as one that the token may not see."""

    def missing_channel(self, channel: int) -> int:
        raise _forbidden()

    def hidden_channel(self, operation: Operation, call: Call, channel: int) -> int:
        raise _forbidden()


class HiddenForbidden(Behaviour):
    """Another user's channel is 403, and one that does not exist is 404."""

    def hidden_channel(self, operation: Operation, call: Call, channel: int) -> int:
        raise _forbidden()


class ForbiddenImage(Behaviour):
    """A row that does not exist is 403, as one that the token may not see."""

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        raise _forbidden()


def _forbidden() -> Refused:
    return Refused(Answer.of_json({"detail": "You do not have permission to perform this action."}, 403))


class Gone(Behaviour):
    """A channel, a row or a page that does not exist is 410."""

    def missing_channel(self, channel: int) -> int:
        raise Refused(Answer.of_json({"detail": "Gone."}, 410))

    def hidden_channel(self, operation: Operation, call: Call, channel: int) -> int:
        return self.missing_channel(channel)

    def missing_image(self, operation: Operation, channel: int, pk: int) -> int:
        raise Refused(Answer.of_json({"detail": "Gone."}, 410))

    def past_the_end(self, operation: Operation, window: Window, listing: Listing) -> Window:
        raise Refused(Answer.of_json({"detail": "Gone."}, 410))


class Html404(Behaviour):
    """Paths and ids that match no route are 404 in HTML."""

    def path_argument(self, operation: Operation, call: Call, name: str) -> int:
        try:
            return super().path_argument(operation, call, name)
        except Refused:
            raise Refused(html(404, "Not Found")) from None

    def unrouted(self, call: Call) -> Answer:
        return html(404, "Not Found")


class Html400(Behaviour):
    """Requests with control bytes or bad UTF-8 are 400, over-long ones 414, both in HTML."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        target = f"{call.scope['raw_path'].decode('latin-1')}?{call.query_string}"
        raw = unquote_to_bytes(target)
        if len(target) > LONGEST_TARGET:
            return html(414, "Request-URI Too Large")
        if any(byte < 0x20 or byte == 0x7F for byte in raw) or "\ufffd" in raw.decode("utf-8", "replace"):
            return html(400, "Bad Request")
        return super().answer(operation, call)


# Errors


class ProblemJson(Behaviour):
    """Errors are application/problem+json, with type, title, status and detail."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        return _as_problem(super().answer(operation, call))

    def unrouted(self, call: Call) -> Answer:
        return _as_problem(super().unrouted(call))


def _as_problem(answer: Answer) -> Answer:
    if answer.status < 400 or answer.headers.get("content-type") != JSON_TYPE:
        return answer
    said = json.loads(answer.body)
    problem: dict[str, Json] = {
        "type": "about:blank",
        "title": HTTPStatus(answer.status).phrase,
        "status": answer.status,
    }
    more = said if "detail" in said else {"detail": "Invalid parameters.", "errors": said}
    headers = {**answer.headers, "content-type": "application/problem+json"}
    return Answer(answer.status, to_json({**problem, **more}), headers)


# Writes


class _WritesLookUp(Behaviour):
    """Looks an image up before a method other than GET is refused."""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        if not operation.is_list and call.method not in {"GET", "HEAD", "OPTIONS"}:
            self.written(operation, call)
        return super().dispatch(operation, call)

    def written(self, operation: Operation, call: Call) -> None:
        """Look the image up.

        Raises:
            Refused: The request is refused.
        """
        self.image_id(operation, call, self.channel(operation, call))


class WriteLooksUp(_WritesLookUp):
    """POST, PUT, PATCH and DELETE to a row that does not exist are 404, to others 405."""


class WriteLooksUp400(_WritesLookUp):
    """POST, PUT, PATCH and DELETE to a row that does not exist are 400, to others 405."""

    def written(self, operation: Operation, call: Call) -> None:
        try:
            super().written(operation, call)
        except Refused:
            raise bad_request({resource().roles["key"]: [f"{resource().noun.capitalize()} does not exist."]}) from None


# Proxies and credentials


class ProxyLinks(Behaviour):
    """next and previous have the scheme, host and path prefix of a proxy."""

    def link(self, call: Call, number: int) -> str:
        link = urlsplit(super().link(call, number))
        return urlunsplit(link._replace(scheme="https", netloc="shop.example.com", path=f"/omnitron{link.path}"))


class LinksFromRoot(Behaviour):
    """next and previous are paths from the root, without scheme and host."""

    def link(self, call: Call, number: int) -> str:
        return urlunsplit(urlsplit(super().link(call, number))._replace(scheme="", netloc=""))


class LinksWithoutSlash(Behaviour):
    """next and previous lack the closing slash of the path, which a redirect adds."""

    def link(self, call: Call, number: int) -> str:
        link = urlsplit(super().link(call, number))
        return urlunsplit(link._replace(path=link.path.rstrip("/")))


class SchemeWordExact(Behaviour):
    """Only the scheme word Token is taken, not token or TOKEN."""

    def authenticate(self, operation: Operation, call: Call) -> None:
        super().authenticate(operation, call)
        if not (call.header(b"authorization") or b"").strip().startswith(b"Token"):
            raise unauthorized("Authentication credentials were not provided.")


# HTTP


class Throttled(Behaviour):
    """One request in a hundred is 429, with Retry-After in seconds."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, store)
        self._chance = Random(settings.seed)  # noqa: S311 - to choose requests, not for secrets

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        if self._chance.random() < THROTTLED:
            words = "Request was throttled. Expected available in 1 second."
            return Answer.of_json({"detail": words}, 429, retry_after=self.retry_after())
        return super().dispatch(operation, call)

    def retry_after(self) -> str:
        """The value of the header."""
        return "1"


class ThrottledUntil(Throttled):
    """One request in a hundred is 429, with Retry-After as a date."""

    def retry_after(self) -> str:
        return formatdate(time.time() + 1, usegmt=True)


class Slow(Behaviour):
    """Every answer takes 50 ms longer, one after the other."""

    def respond(self, operation: Operation, call: Call) -> Answer:
        time.sleep(DELAY)
        return super().respond(operation, call)


class Plain(Behaviour):
    """No compression, no ETag and no 304."""

    def deliver(self, call: Call, answer: Answer) -> Answer:
        answer.headers["content-length"] = str(len(answer.body))
        if call.method == "HEAD":
            answer.body = b""
        return answer


class Head405(Behaviour):
    """HEAD is 405."""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        if call.method == "HEAD":
            raise method_not_allowed(call.method, "GET, OPTIONS")
        return super().dispatch(operation, call)


# A proxy's absence


class Blip(Behaviour):
    """Once in 250 requests, a 503 in HTML that is gone when the request is sent again."""

    def __init__(self, settings: Settings, store: Store) -> None:
        super().__init__(settings, store)
        self._requests = BLIP_EVERY // 2

    def answer(self, operation: Operation, call: Call) -> Answer:
        self._requests += 1
        if self._requests % BLIP_EVERY == 0:
            return html(503, "Service Temporarily Unavailable")
        return super().answer(operation, call)


# Envelopes


class EnvelopedPending(Behaviour):
    """The pending lists come in the page envelope."""

    def page(self, operation: Operation, rows: Sequence[bytes], count: int, links: Links) -> bytes:
        return super().page(evolve(operation, is_enveloped=True), rows, count, links)


_KINDS: tuple[tuple[Allowance, type[Behaviour], tuple[type[Behaviour], ...]], ...] = (
    (Allowance.LIMITS, LimitClamped, (LimitRefused,)),
    (Allowance.LIMITS, LimitRefused, (LimitClamped,)),
    (Allowance.LIMITS, ManyIdsRefused, ()),
    (Allowance.BAD_PAGING, BadPaging400, ()),
    (Allowance.BAD_PAGING, BadPagingDefault, (BadPaging400,)),
    (Allowance.BAD_PAGING, PageLast, ()),
    (Allowance.END, EmptyPastTheEnd, ()),
    (Allowance.SHAPE, Descending, (ByModifiedDate,)),
    (Allowance.SHAPE, ByModifiedDate, (Descending,)),
    (Allowance.SHAPE, FilteredDescending, (Descending, ByModifiedDate)),
    (Allowance.SHAPE, ExtraFields, ()),
    (Allowance.SHAPE, NullsLeftOut, ()),
    (Allowance.SHAPE, OpenEnums, ()),
    (Allowance.LENIENCE, BooleansIgnored, ()),
    (Allowance.LENIENCE, DecimalsTruncated, ()),
    (Allowance.LENIENCE, EmptyItemsSkipped, ()),
    (Allowance.LENIENCE, Lenient, (BadPaging400,)),
    (Allowance.UNKNOWN, UnknownProduct400, ()),
    (Allowance.UNKNOWN, UnknownTypeEmpty, ()),
    (Allowance.ROUTES, ForbiddenChannel, ()),
    (Allowance.ROUTES, HiddenForbidden, ()),
    (Allowance.ROUTES, ForbiddenImage, ()),
    (Allowance.ROUTES, Gone, (ForbiddenChannel, HiddenForbidden, ForbiddenImage, EmptyPastTheEnd)),
    (Allowance.ROUTES, Html404, ()),
    (Allowance.ROUTES, Html400, ()),
    (Allowance.ERRORS, ProblemJson, ()),
    (Allowance.WRITES, WriteLooksUp, ()),
    (Allowance.WRITES, WriteLooksUp400, (WriteLooksUp,)),
    (Allowance.PROXIES, ProxyLinks, ()),
    (Allowance.PROXIES, LinksFromRoot, ()),
    (Allowance.PROXIES, LinksWithoutSlash, ()),
    (Allowance.PROXIES, SchemeWordExact, ()),
    (Allowance.HTTP, Throttled, ()),
    (Allowance.HTTP, ThrottledUntil, ()),
    (Allowance.HTTP, Slow, ()),
    (Allowance.HTTP, Plain, ()),
    (Allowance.HTTP, Head405, ()),
    (Allowance.BLIP, Blip, ()),
    (Allowance.ENVELOPE, EnvelopedPending, ()),
)
"""What allows a variant, and those that contradict it; in the order of `Allowance`."""

VARIANTS: Mapping[str, Variant]
"""By name, in the order of `Allowance`; made when they are first asked for, from what the contract has."""


@cache
def _variants() -> Mapping[str, Variant]:
    return {
        name_of(kind): Variant(name_of(kind), summary_of(kind), allowance, kind, frozenset(map(name_of, excluded)))
        for allowance, kind, excluded in _KINDS
        if exists(kind)
    }


def __getattr__(name: str) -> Mapping[str, Variant]:
    if name == "VARIANTS":
        return _variants()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
