"""Serves the contract's operations, and the mock's own JSON endpoints, by ASGI."""

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import frozen
from starlette.types import Receive, Scope, Send

from channel_images.mock.as_json import Json
from channel_images.mock.behaviour import Behaviour
from channel_images.mock.http.answers import Answer, Refused, malformed, method_not_allowed
from channel_images.mock.http.call import Call
from channel_images.mock.http.delivery import deliver
from channel_images.mock.http.journal import notes_of
from channel_images.mock.http.protocol import connection_of
from channel_images.mock.operations import Operation
from channel_images.mock.settings import MAX_BODY

Body: TypeAlias = dict[str, Json]
Handler: TypeAlias = Callable[[Call, Body], Answer]


@frozen(eq=False)
class OperationEndpoint:
    """One operation of the contract, as a behaviour answers it. The body of a request is not looked at."""

    operation: Operation
    _behaviour: Behaviour

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = await self._behaviour.arrive(self.operation, Call(scope))
        await send_answer(call, self._behaviour.respond(self.operation, call), send)


class JsonEndpoint:
    """Handlers by method. Those of `POST` and `PATCH` get the body, a JSON object; the others an empty one."""

    def __init__(self, handlers: Mapping[str, Handler], *, guard: Callable[[Call], None] | None = None) -> None:
        """`guard` raises `Refused` for a request that may not pass; without it everybody may."""
        self._handlers = dict(handlers)
        if "GET" in handlers:
            self._handlers["HEAD"] = handlers["GET"]
        self._guard = guard
        self._allow = ", ".join([*self._handlers, "OPTIONS"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope)
        try:
            answer = await self._answer(call, receive)
        except Refused as refused:
            answer = refused.answer
        answer.headers.setdefault("allow", self._allow)
        await send_answer(call, deliver(call, answer), send)

    async def _answer(self, call: Call, receive: Receive) -> Answer:
        if self._guard is not None:
            self._guard(call)
        if call.method == "OPTIONS":
            return Answer.of_json({})
        handler = self._handlers.get(call.method)
        if handler is None:
            raise method_not_allowed(call.method, self._allow)
        return handler(call, await read_object(call, receive) if call.method in {"POST", "PATCH"} else {})


async def send_answer(call: Call, answer: Answer, send: Send) -> None:
    """Send an answer that is ready for delivery."""
    notes_of(call.scope).rows = answer.rows
    if answer.is_lost:
        connection_of(call.scope).reset()
        return
    await send(answer.start)
    await send({"type": "http.response.body", "body": answer.body, "more_body": bool(answer.behind)})
    if answer.behind:
        # Before the answer is said to be complete: the connection may be closed then.
        connection_of(call.scope).write(answer.behind)
        await send({"type": "http.response.body"})


async def read_object(call: Call, receive: Receive) -> Body:
    """The JSON object in the body; no body is an empty one.

    Raises:
        Refused: With 413, it is longer than `MAX_BODY` bytes; with 415, it is of another type; with 400, it is not JSON.
    """
    body = await _read_body(receive)
    if not body:
        return {}
    content_type = (call.header(b"content-type") or b"").partition(b";")[0].strip().lower()
    if content_type != b"application/json":
        named = content_type.decode("latin-1")
        raise Refused(Answer.of_json({"detail": f'Unsupported media type "{named}" in request.'}, 415))
    try:
        value = json.loads(body)
    # Nesting without end exhausts the parser's stack before it is an error of syntax.
    except (ValueError, RecursionError) as error:
        raise malformed(f"JSON parse error - {error}") from None
    if not isinstance(value, dict):
        raise malformed("Expected a JSON object.")
    return value


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise malformed("The request ended before its body did.")
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise Refused(Answer.of_json({"detail": f"The body is longer than {MAX_BODY} bytes."}, 413))
        if not message.get("more_body", False):
            return bytes(body)
