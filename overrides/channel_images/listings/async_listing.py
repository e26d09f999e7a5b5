"""Reads a list for `async for`, in tasks where several pages are in flight; see `channel_images.listings.listing`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from channel_images.calls.answers import Page
from channel_images.calls.sender import AsyncSender
from channel_images.listings import steps
from channel_images.listings.async_driver import run
from channel_images.listings.async_watching import afill, awatch
from channel_images.listings.listing import BaseListing, BasePendingListing
from channel_images.listings.watching import Plan
from channel_images.reporting.batch import AsyncBatch
from channel_images.walks.drain import Drain
from channel_images.walks.keyed import KeyedImage
from channel_images_api.models import ProductImage


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


class AsyncPendingListing(
    BasePendingListing[AsyncSender, AsyncGenerator[Sequence[KeyedImage]], AsyncGenerator[AsyncBatch], asyncio.Event],
    AsyncListing,
):
    def _drain(self, walk: Drain, detailed: bool) -> AsyncGenerator[Sequence[KeyedImage]]:
        return run(steps.drain(self._query, walk, detailed=detailed), self._sender, self._query)

    def _fill(self, plan: Plan) -> AsyncGenerator[AsyncBatch]:
        return afill(plan, self._sender, self._sender)

    def _watch(self, plan: Plan, every: float, stop: asyncio.Event | None) -> AsyncGenerator[AsyncBatch]:
        return awatch(plan, self._sender, every, asyncio.Event() if stop is None else stop)


if TYPE_CHECKING:

    class AsyncKeyedListing(AsyncListing):
        """A consistent list: each image has its `pk`."""

        def __aiter__(self) -> AsyncIterator[KeyedImage]: ...

    class AsyncKeyedPendingListing(AsyncPendingListing):
        """A consistent list of pending images: each image has its `pk`."""

        def __aiter__(self) -> AsyncIterator[KeyedImage]: ...

else:
    AsyncKeyedListing, AsyncKeyedPendingListing = AsyncListing, AsyncPendingListing
