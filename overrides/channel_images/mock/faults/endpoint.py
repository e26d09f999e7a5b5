"""Stands in front of an endpoint, and lets happen to a request what its faults have planned."""

import asyncio
from collections import deque

from attrs import frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channel_images.mock.faults.faults import Faults
from channel_images.mock.faults.kinds import Plan
from channel_images.mock.http.answers import Answer
from channel_images.mock.http.call import Call
from channel_images.mock.http.delivery import deliver
from channel_images.mock.http.journal import notes_of
from channel_images.mock.http.protocol import EXTENSION, connection_of
from channel_images.mock.settings import MAX_BODY


@frozen(eq=False)
class FaultyEndpoint:
    """An endpoint with what can go wrong in front of it.

    A status and a reset take the request's place: nothing came of it. Whatever else strikes, strikes the answer to a
    request that was worked on: what a POST or PATCH has changed stays so, although its client may never hear of it.
    """

    operation: str
    """The operation's name, which the journal writes down too."""
    _endpoint: ASGIApp
    _faults: Faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        plan = self._faults.plan(self.operation) if self._faults else None
        if plan is None:
            await self._endpoint(scope, receive, send)
            return
        notes_of(scope).faults += plan.specs
        inbox = _Inbox(receive)
        answer = await self._answer(plan, scope, inbox)
        if plan.delay and not await self._faults.pause(plan.delay, inbox.until_gone()):
            connection_of(scope).close()
            return
        if answer is None:
            connection_of(scope).reset()
            return
        # The fault given first has the last word.
        for edit in reversed(plan.edits):
            edit(answer)
        await self._send(answer, plan, scope, inbox, send)

    async def _answer(self, plan: Plan, scope: Scope, receive: Receive) -> Answer | None:
        """What there is to send; `None` if the connection is reset instead."""
        if plan.ending == "silence":
            return None
        return deliver(Call(scope), plan.instead) if plan.instead else await self._taken(scope, receive)

    async def _taken(self, scope: Scope, receive: Receive) -> Answer:
        """The endpoint's own answer, taken before it is sent."""
        answer = Answer(500)

        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        await self._endpoint({**scope, "extensions": {EXTENSION: _Held(answer, scope)}}, receive, take)
        return answer

    async def _send(self, answer: Answer, plan: Plan, scope: Scope, inbox: "_Inbox", send: Send) -> None:
        await send(answer.start)
        end = len(answer.body) if plan.cut is None else plan.cut(len(answer.body))
        piece = plan.piece or max(end, 1)
        for start in range(0, end, piece):
            if start and plan.pause and not await self._faults.pause(plan.pause, inbox.until_gone()):
                connection_of(scope).close()
                return
            part = answer.body[start : min(start + piece, end)]
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if plan.ending == "reset":
            connection_of(scope).reset()
        elif plan.ending == "close" and end < len(answer.body):
            connection_of(scope).close()
        else:
            if answer.behind:
                connection_of(scope).write(answer.behind)
            await send({"type": "http.response.body", "body": b"", "more_body": False})


@frozen(eq=False)
class _Held:
    """The connection of an answer that is taken before it is sent: what goes behind the answer waits for it."""

    _answer: Answer
    _scope: Scope

    def write(self, data: bytes) -> None:
        self._answer.behind += data

    def reset(self) -> None:
        connection_of(self._scope).reset()

    def close(self) -> None:
        connection_of(self._scope).close()


class _Inbox:
    """What the client sends: an ASGI `receive` that can also be watched for the client's leaving.

    What comes meanwhile is kept for the endpoint.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: deque[Message] = deque()

    async def __call__(self) -> Message:
        return self._kept.popleft() if self._kept else await self._receive()

    async def until_gone(self) -> None:
        """Return when the client has closed the connection."""
        # Beyond what any endpoint reads, nothing is kept: who sends more is not watched.
        while sum(len(message.get("body", b"")) for message in self._kept) <= MAX_BODY:
            message = await self._receive()
            self._kept.append(message)
            if message["type"] == "http.disconnect":
                return
        await asyncio.Event().wait()
