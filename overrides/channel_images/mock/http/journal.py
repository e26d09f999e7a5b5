"""Remembers the requests that a mock server received, for tests to look at."""

from collections import deque
from urllib.parse import parse_qsl

from attrs import field, frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channel_images.mock.settings import REQUESTS_KEPT_BYTES

ADMIN_PREFIX = "/_mock/"
_HEADER_BYTES = 130
"""What Python needs for a header besides its text."""


@frozen
class RecordedRequest:
    """One request and the status of its answer. Bodies are not kept, nor is the value of `Authorization`."""

    method: str
    path: str
    query_string: str
    """As it was sent."""
    operation: str | None
    """The operation of the contract; `None` for anything else."""
    status: int | None
    """`None` where no answer began."""
    raw_headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)

    @property
    def query(self) -> dict[str, str]:
        """The query parameters; of one that is repeated, the last."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.raw_headers}

    @property
    def memory(self) -> int:
        """The bytes that it takes, about."""
        texts = len(self.path) + len(self.query_string)
        return texts + sum(len(name) + len(value) + _HEADER_BYTES for name, value in self.raw_headers)


class Journal:
    """The newest requests, oldest first: at most `kept` of them, in about `kept_bytes`."""

    def __init__(self, kept: int, kept_bytes: int = REQUESTS_KEPT_BYTES) -> None:
        self._requests: deque[RecordedRequest] = deque()
        self._kept = kept
        self._kept_bytes = kept_bytes
        self._memory = 0
        self.dropped = 0
        """How many requests, older than these, are forgotten for want of room."""

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests, oldest first."""
        return list(self._requests)

    def clear(self) -> None:
        """Forget them all."""
        self._requests.clear()
        self._memory = self.dropped = 0

    def record(self, scope: Scope, status: int | None) -> None:
        """Remember a request after it was answered."""
        operation = getattr(scope.get("endpoint"), "operation", None)
        request = RecordedRequest(
            method=scope["method"],
            path=scope["path"],
            query_string=scope["query_string"].decode("latin-1"),
            operation=operation.id if operation else None,
            status=status,
            raw_headers=tuple(header for header in scope["headers"] if header[0] != b"authorization"),
        )
        self._requests.append(request)
        self._memory += request.memory
        while len(self._requests) > self._kept or self._memory > self._kept_bytes:
            self._memory -= self._requests.popleft().memory
            self.dropped += 1


@frozen(eq=False)
class JournalMiddleware:
    """Writes every request but those of the admin API into a journal."""

    _app: ASGIApp
    _journal: Journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(ADMIN_PREFIX):
            await self._app(scope, receive, send)
            return
        status: int | None = None

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Before the client sees the answer: a test that has it finds its request in the journal.
                self._journal.record(scope, status)
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            if status is None:
                self._journal.record(scope, status)
