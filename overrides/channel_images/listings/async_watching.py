"""Takes pending images in batches, in tasks; see `channel_images.listings.watching`."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from channel_images.calls.answers import Answer
from channel_images.calls.sender import AsyncSender
from channel_images.exceptions import ConnectionFailed
from channel_images.listings import steps
from channel_images.listings.async_driver import run
from channel_images.listings.watching import GRACE, PASSING, Plan, Round
from channel_images.reporting.batch import AsyncBatch
from channel_images.reporting.batches import abatches
from channel_images_api.types import Request

T = TypeVar("T")


def afill(plan: Plan, reader: AsyncSender, reporter: AsyncSender, after: float = 0.0) -> AsyncGenerator[AsyncBatch]:
    """As `watching.fill`."""
    walk = plan.walk()
    drained = run(steps.drain(plan.query, walk, detailed=plan.detailed), reader, plan.query)
    return abatches(reader, reporter, plan.query.channel_id, drained, walk.give_back, plan.abandoned_after, after)


async def awatch(plan: Plan, sender: AsyncSender, every: float, stop: asyncio.Event) -> AsyncGenerator[AsyncBatch]:
    """As `watching.watch`."""
    number = 0
    reader, reporter = AsyncStoppable(sender, stop, 0.0), AsyncStoppable(sender, stop, GRACE)
    while not stop.is_set():
        number += 1
        this = Round(number, every)
        try:
            after = every if number > 1 else 0.0
            async with aclosing(afill(plan, reader, reporter, after)) as batches:
                async for batch in batches:
                    this.count(len(batch))
                    yield batch
                    if stop.is_set():
                        break
        except PASSING as failure:
            this.end(stop, failure)
        else:
            this.end(stop)


class AsyncStoppable:
    """A sender whose calls end when an event is set, or so many seconds later."""

    def __init__(self, sender: AsyncSender, stop: asyncio.Event, grace: float) -> None:
        self.base_url = sender.base_url
        self.open_batches = sender.open_batches
        self._sender = sender
        self._stop = stop
        self._grace = grace

    async def send(self, request: Request, decode: Callable[[bytes], T], *, after: float = 0.0) -> Answer[T]:
        """As `AsyncSender.send`."""
        sending = asyncio.ensure_future(self._sender.send(request, decode, after=after))
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((sending, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                await asyncio.wait((sending,), timeout=self._grace)
            if not sending.done():
                raise ConnectionFailed(f"{request.method} {self.base_url}{request.url}: stopped before the answer came")
            return await sending
        finally:
            for task in (sending, stopped):
                task.cancel()
            await asyncio.gather(sending, stopped, return_exceptions=True)
