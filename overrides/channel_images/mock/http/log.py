"""Says a line for each request, once it has been answered."""

from collections.abc import Callable, Collection
from datetime import datetime
from time import perf_counter
from urllib.parse import unquote

from attrs import frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channel_images.mock.http.journal import notes_of


@frozen(eq=False)
class LoggedApp:
    """An application with its log: the time, the request, the status, how long it took, what was sent, what went wrong.

    12:06:42.954 GET /api/v1/channel/5/product_images/?limit=2 200 3 ms 2 rows
    12:06:43.101 GET /api/v1/channel/5/product_images/?limit=2 503 1 ms 158 bytes [503:first=1]
    """

    _app: ASGIApp
    _write: Callable[[str], object]
    _secrets: Collection[str]
    """What no line shows, wherever in the request it stands."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, sent = "-", 0

        async def note(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = str(message["status"])
            sent += len(message.get("body", b""))
            await send(message)

        notes = notes_of(scope)  # before anybody makes a copy of the scope
        came, began = datetime.now(), perf_counter()
        try:
            await self._app(scope, receive, note)
        finally:
            took = round((perf_counter() - began) * 1000)
            size = _counted(sent, "byte") if notes.rows is None else _counted(notes.rows, "row")
            faults = f" [{', '.join(notes.faults)}]" if notes.faults else ""
            self._write(
                f"{came:%H:%M:%S}.{came.microsecond // 1000:03} {self._asked(scope)} {status} {took} ms {size}{faults}"
            )

    def _asked(self, scope: Scope) -> str:
        """The method, and the path with its query as they were sent."""
        query = scope["query_string"].decode("latin-1")
        asked = f"{scope['method']} {scope['raw_path'].decode('latin-1')}{'?' * bool(query)}{query}"
        for secret in self._secrets:
            if secret in unquote(asked):
                asked = unquote(asked).replace(secret, "***")
        # One line, whatever was sent.
        return "".join(character if character.isascii() and character.isprintable() else "?" for character in asked)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
