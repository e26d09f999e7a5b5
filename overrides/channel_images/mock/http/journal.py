"""Remembers the requests that a mock server received, for tests to look at."""

from urllib.parse import parse_qsl

from attrs import define, field, frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channel_images.mock.bounded import Bounded

ADMIN_PREFIX = "/_mock/"
_HEADER_BYTES = 130
"""What Python needs for a header besides its text."""


@define
class Notes:
    """What is found out about a request while it is worked on."""

    rows: int | None = None
    """Of a list: how many it has on this page."""
    faults: list[str] = field(factory=list)
    """What went wrong with it on purpose."""


def notes_of(scope: Scope) -> Notes:
    """The notes of a request: the same object for everybody through whose hands it goes."""
    notes: Notes = scope.setdefault("channel_images.notes", Notes())
    return notes


@frozen
class RecordedRequest:
    """One request and the status of its answer. Bodies are not kept, nor is the value of `Authorization`."""

    method: str
    path: str
    query_string: str
    """As it was sent."""
    operation: str | None
    """The operation of the contract, or the name of one beside it, such as `batch_requests`; `None` for anything else."""
    status: int | None
    """`None` where no answer began."""
    faults: tuple[str, ...]
    """What went wrong with it on purpose: the specs of the faults that struck it, and `Prefer: code=503` of its own."""
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


class Journal(Bounded[RecordedRequest]):
    """The newest requests."""

    def record(self, scope: Scope, status: int | None) -> None:
        """Remember a request after it was answered."""
        request = RecordedRequest(
            method=scope["method"],
            path=scope["path"],
            query_string=scope["query_string"].decode("latin-1"),
            operation=getattr(scope.get("endpoint"), "operation", None),
            status=status,
            faults=tuple(notes_of(scope).faults),
            raw_headers=tuple(header for header in scope["headers"] if header[0] != b"authorization"),
        )
        self.append(request, request.memory)


@frozen(eq=False)
class JournalMiddleware:
    """Writes every request but those of the admin API into a journal."""

    _app: ASGIApp
    _journal: Journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(ADMIN_PREFIX):
            await self._app(scope, receive, send)
            return
        notes_of(scope)  # before anybody makes a copy of the scope
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
