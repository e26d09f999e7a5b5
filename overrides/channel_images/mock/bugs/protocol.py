"""Changes what is read by reading it, and gets caches, methods and closing slashes wrong."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate

from channel_images.mock.behaviour import Behaviour
from channel_images.mock.bugs.cache import Cached, target
from channel_images.mock.bugs.common import (
    DETAILED_LIST,
    DETAILED_RETRIEVE,
    LIST,
    RETRIEVE,
    UNION,
    server_error,
    without_parameters,
)
from channel_images.mock.http.answers import Answer, bad_request
from channel_images.mock.http.call import Call
from channel_images.mock.operations import Operation, page_name, size_name
from channel_images.resource import resource


class _Sends(Behaviour):
    """Takes for sent what was read."""

    def sends(self, operation: Operation) -> bool:
        return False

    def rendered(self, operation: Operation, channel: int, pk: int) -> bytes:
        image = super().rendered(operation, channel, pk)
        if self.sends(operation) and self.store.has(channel, pk):
            self.store.mark_sent(channel, {pk: None})
        return image


class PendingReadIsSent(_Sends, rule="protocol.safe"):
    """A pending list takes the rows that it has listed for sent."""

    def sends(self, operation: Operation) -> bool:
        return operation.meaning.pending is not None or super().sends(operation)


class UnionReadIsSent(_Sends, rule="protocol.safe"):
    """inserts_or_updates takes the rows that it has listed for sent; inserts and updates do not."""

    def sends(self, operation: Operation) -> bool:
        return operation.meaning == UNION or super().sends(operation)


class RetrievedIsSent(_Sends, rule="protocol.safe"):
    """A row that was retrieved counts as sent."""

    def sends(self, operation: Operation) -> bool:
        return operation.meaning == RETRIEVE or super().sends(operation)


class DetailedReadIsSent(_Sends, rule="protocol.safe"):
    """A row that was read with its details counts as sent."""

    def sends(self, operation: Operation) -> bool:
        return operation.meaning.detailed or super().sends(operation)


class EtagOfPath(Behaviour, rule="protocol.caching"):
    """The ETag of a list is made of its path: no other query, and no change, is ever noticed."""

    def list(self, operation: Operation, call: Call) -> Answer:
        answer = super().list(operation, call)
        answer.headers["etag"] = f'"{call.path}"'
        return answer


class EtagOfPage(Behaviour, rule="protocol.caching"):
    """The ETag of the full list is made of its page number: limit and filters make no difference."""

    def list(self, operation: Operation, call: Call) -> Answer:
        answer = super().list(operation, call)
        if operation.meaning == LIST:
            answer.headers["etag"] = f'"page-{self.arguments(operation, call)[page_name()]}"'
        return answer


def _modified(answer: Answer) -> list[datetime]:
    """The dates of the rows in an answer, in their order and to the second."""
    found = re.findall(rf'"{resource().version}":"([0-9-]{{10}}T[0-9:]{{8}})', answer.body.decode())
    return [datetime.fromisoformat(date) for date in found]


class ModifiedByFirst(Behaviour, rule="protocol.caching"):
    """If-Modified-Since is compared with the first row of the list, whatever page is asked for."""

    def list(self, operation: Operation, call: Call) -> Answer:
        answer = super().list(operation, call)
        first = _modified(super().list(operation, without_parameters(call, page_name(), *resource().filters)))[:1]
        since = parsedate((call.header(b"if-modified-since") or b"").decode("latin-1"))
        if since and first and since[:6] >= first[0].timetuple()[:6]:
            return Answer(304)
        if dates := _modified(answer):
            answer.headers["last-modified"] = format_datetime(max(dates).replace(tzinfo=UTC), usegmt=True)
        return answer


class CacheIgnoresQuery(Cached, rule="protocol.caching"):
    """A cache keeps the pages of the detailed list for five seconds by its path, without the query."""

    def key(self, operation: Operation, call: Call) -> str | None:
        return call.path if operation.meaning == DETAILED_LIST else super().key(operation, call)


class CacheIgnoresPage(Cached, rule="protocol.caching"):
    """A cache keeps pages of the pending lists for five seconds, and leaves page out of its key."""

    def key(self, operation: Operation, call: Call) -> str | None:
        is_kept = operation.meaning.pending
        return target(without_parameters(call, page_name())) if is_kept else super().key(operation, call)


class CacheIgnoresLimit(Cached, rule="protocol.caching"):
    """A cache keeps the pages of lists for five seconds, and leaves limit out of its key."""

    def key(self, operation: Operation, call: Call) -> str | None:
        return target(without_parameters(call, size_name())) if operation.is_list else super().key(operation, call)


class CacheIgnoresFilters(Cached, rule="protocol.caching"):
    """A cache keeps the pages of the full list for five seconds by page and limit, without the filters."""

    def key(self, operation: Operation, call: Call) -> str | None:
        is_kept = operation.meaning == LIST
        return target(without_parameters(call, *resource().filters)) if is_kept else super().key(operation, call)


class ListCreates(Behaviour, rule="protocol.read-only"):
    """The view of the list is a ListCreateAPIView: POST asks for the fields of a new row."""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        if call.method == "POST" and operation.is_list:
            raise bad_request({"product": ["This field is required."]})
        return super().dispatch(operation, call)


class ImageDeletes(Behaviour, rule="protocol.read-only"):
    """The view of a row is a RetrieveUpdateDestroyAPIView: PUT, PATCH and DELETE look for the row."""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        if call.method in {"PUT", "PATCH", "DELETE"} and not operation.is_list:
            self.image_id(operation, call, self.channel(operation, call))
            return Answer(204)
        return super().dispatch(operation, call)


class MethodIgnored(Behaviour, rule="protocol.read-only"):
    """The detailed retrieval answers any method as it answers GET."""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        if operation.meaning == DETAILED_RETRIEVE and call.method != "OPTIONS":
            return self.retrieve(operation, call)
        return super().dispatch(operation, call)


class ListAnswersPost(Behaviour, rule="protocol.read-only"):
    """The lists take a POST for a search, and answer it with the list."""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        is_search = call.method == "POST" and operation.is_list
        return self.list(operation, call) if is_search else super().dispatch(operation, call)


class Head500(Behaviour, rule="protocol.head-options"):
    """A view does not know HEAD, and fails."""

    def dispatch(self, operation: Operation, call: Call) -> Answer:
        if call.method == "HEAD" and operation.meaning == DETAILED_LIST:
            raise server_error()
        return super().dispatch(operation, call)


class _HeadWithBody(Behaviour):
    """Answers HEAD as it answers GET, body and all."""

    def sends_body(self, call: Call, answer: Answer) -> bool:
        return False

    def deliver(self, call: Call, answer: Answer) -> Answer:
        if call.method != "HEAD" or not self.sends_body(call, answer):
            return super().deliver(call, answer)
        answer = super().deliver(Call({**call.scope, "method": "GET"}), answer)
        # A server of HTTP takes no body for HEAD from the application: it has to go past it.
        answer.body, answer.behind = b"", answer.body
        return answer


class HeadWithBody(_HeadWithBody, rule="protocol.head-options"):
    """HEAD is answered with a body."""

    def sends_body(self, call: Call, answer: Answer) -> bool:
        return True


class HeadErrorWithBody(_HeadWithBody, rule="protocol.head-options"):
    """HEAD has a body where it is refused: the exception handler does not look at the method."""

    def sends_body(self, call: Call, answer: Answer) -> bool:
        return answer.status >= 400 or super().sends_body(call, answer)


class Options500(Behaviour, rule="protocol.head-options"):
    """OPTIONS fails while it describes the serializer."""

    def options(self, operation: Operation) -> Answer:
        if operation.meaning.pending:
            raise server_error()
        return super().options(operation)


class RedirectElsewhere(Behaviour, rule="protocol.redirect"):
    """A path without its slash is redirected to the canonical host, with the token."""

    def redirect(self, call: Call, location: str) -> Answer:
        return Answer(301, headers={"location": f"https://www.example.com{location}"})


# How long it takes

SLOW = 0.2
"""Seconds."""
sleep: Callable[[float], None] = time.sleep
"""How to take them, for a test that has a clock of its own."""


class _Slow(Behaviour):
    """Takes its time for some operations."""

    def is_slow(self, operation: Operation) -> bool:
        return False

    def answer(self, operation: Operation, call: Call) -> Answer:
        if self.is_slow(operation):
            sleep(SLOW)
        return super().answer(operation, call)


class DetailsSlow(_Slow, rule="protocol.response-time"):
    """The detailed list asks the database once for each row: 200 ms a page."""

    def is_slow(self, operation: Operation) -> bool:
        return operation.meaning == DETAILED_LIST or super().is_slow(operation)


class RetrievalSlow(_Slow, rule="protocol.response-time"):
    """The retrieval reads the whole table to find a row: 200 ms."""

    def is_slow(self, operation: Operation) -> bool:
        return operation.meaning == RETRIEVE or super().is_slow(operation)
