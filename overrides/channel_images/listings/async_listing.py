"""Reads a list for `async for`, in tasks where several pages are in flight; see `channel_images.listings.listing`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Self, TypeVar

from channel_images.calls.answers import Answer, Page
from channel_images.calls.sender import AsyncSender
from channel_images.exceptions import RequestError, ResponseError
from channel_images.listings import steps
from channel_images.listings.listing import DEFAULT_SIZE, BaseListing, BasePendingListing, BasePrefetch, for_batches
from channel_images.listings.query import Query
from channel_images.listings.steps import Ask, Outcome, Steps
from channel_images.reporting.batch import AsyncBatch
from channel_images.reporting.batches import abatches
from channel_images.walks.drain import Drain
from channel_images.walks.rows import Rows
from channel_images_api.models import ProductImage
from channel_images_api.types import Request

T = TypeVar("T")


class AsyncListing(BaseListing[AsyncSender]):
    async def __aiter__(self) -> AsyncIterator[ProductImage]:
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                for image in page.results:
                    yield image
                del page

    def pages(self) -> AsyncGenerator[Page]:
        return run(steps.pages(self._query), self._sender, self._query)

    async def count(self) -> int:
        (total,) = [each async for each in run(steps.count(self._query), self._sender, self._query)]
        return total

    async def first(self) -> ProductImage | None:
        (image,) = [each async for each in run(steps.first(self._query), self._sender, self._query)]
        return image


class AsyncPendingListing(BasePendingListing, AsyncListing):
    def drain(self, *, max_passes: int = 10, wait: float = 1.0) -> AsyncGenerator[Sequence[ProductImage]]:
        return run(steps.drain(self._query, Drain(self._query.limit, max_passes, wait)), self._sender, self._query)

    def batches(self, size: int = DEFAULT_SIZE, *, abandoned_after: float = 0.0) -> AsyncGenerator[AsyncBatch]:
        query, walk = for_batches(self._query, size, abandoned_after)
        drained = run(steps.drain(query, walk), self._sender, query)
        return abatches(self._sender, query.channel_id, drained, walk.give_back, abandoned_after)


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


class AsyncPrefetch(BasePrefetch[AsyncSender, "asyncio.Task[Answer[Rows]]"]):
    """The requests that are under way, one task each."""

    def __init__(self, sender: AsyncSender, query: Query) -> None:
        super().__init__(sender, query)
        self._dropped: list[asyncio.Task[Answer[Rows]]] = []

    async def answer(self, ask: Ask) -> Answer[Rows]:
        """The answer that is needed."""
        if self._query.concurrency == 1:
            return await self._sender.send(ask.requests[0], self._query.decode, after=ask.after)
        return await self._take(ask)

    def _begin(self, request: Request, after: float) -> "asyncio.Task[Answer[Rows]]":
        return asyncio.create_task(self._sender.send(request, self._query.decode, after=after))

    def _drop(self, in_flight: "asyncio.Task[Answer[Rows]]") -> None:
        in_flight.cancel()
        self._dropped.append(in_flight)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        left = [*self._in_flight.values(), *self._dropped]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
