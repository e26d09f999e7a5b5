"""Sends what the steps of a listing ask for, in tasks where several pages are in flight."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, Self, TypeVar

from channel_images.calls.answers import Answer
from channel_images.calls.sender import AsyncSender
from channel_images.exceptions import RequestError, ResponseError
from channel_images.listings.driver import BasePrefetch
from channel_images.listings.query import Query
from channel_images.listings.steps import Ask, Outcome, Steps
from channel_images_api.types import Request

T = TypeVar("T")


async def run(steps: Steps[T], sender: AsyncSender, query: Query) -> AsyncGenerator[T]:
    """Send what the steps ask for, and hand out what they hand out."""
    outcome: Outcome | None = None
    async with AsyncPrefetch(sender, query) as prefetch:
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration:
                return
            outcome = None  # for the next page to have its memory
            if isinstance(step, Ask):
                try:
                    outcome = await prefetch.answer(step)
                except (RequestError, ResponseError) as error:
                    outcome = error
            else:
                yield step
            del step


class AsyncPrefetch(BasePrefetch[AsyncSender, "asyncio.Task[Answer[Any]]"]):
    """The requests that are under way, one task each."""

    def __init__(self, sender: AsyncSender, query: Query) -> None:
        super().__init__(sender, query)
        self._dropped: list[asyncio.Task[Answer[Any]]] = []

    async def answer(self, ask: Ask) -> Answer[Any]:
        """The answer that is needed."""
        if self._query.concurrency == 1:
            return await self._sender.send(ask.requests[0], self._decode(ask), after=ask.after)
        return await self._take(ask)

    def _begin(self, request: Request, decode: Callable[[bytes], Any], after: float) -> "asyncio.Task[Answer[Any]]":
        return asyncio.create_task(self._sender.send(request, decode, after=after))

    def _drop(self, in_flight: "asyncio.Task[Answer[Any]]") -> None:
        in_flight.cancel()
        self._dropped.append(in_flight)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        left = [*self._in_flight.values(), *self._dropped]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
