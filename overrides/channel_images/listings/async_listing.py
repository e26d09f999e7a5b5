"""Lists of images for `async for`, in tasks where several pages are in flight; see :mod:`channel_images.listings.listing`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from channel_images.calls.answers import Answer, Page
from channel_images.exceptions import ChannelImagesError, RequestError, ResponseError
from channel_images.listings.listing import page_of, without_known
from channel_images.listings.query import Query, decode_rows
from channel_images.walks.drain import Drain
from channel_images.walks.rows import Rows
from channel_images.walks.seen import PkSet
from channel_images.walks.walk import Walk
from channel_images.window import Window
from channel_images_api.models import ProductImage

if TYPE_CHECKING:
    from channel_images.client.async_client import AsyncChannelImages

Fetch = Callable[[Window], Coroutine[Any, Any, Answer[Rows]]]


class AsyncListing:
    """Every image of a list, lazily: a request is sent when its page is needed.

    It may be iterated over again, which reads the list again.
    """

    def __init__(self, client: "AsyncChannelImages", query: Query) -> None:
        self._client = client
        self._query = query

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of channel {self._query.channel_id} at {self._client.base_url}>"

    async def __aiter__(self) -> AsyncIterator[ProductImage]:
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                for image in page.results:
                    yield image
                del page

    async def pages(self) -> AsyncGenerator[Page]:
        """The same, page by page; an image that was on an earlier page too is left out of the later one.

        Raises:
            ChannelImagesError: As :mod:`channel_images.exceptions` draws them, at the place of the page in the list.
        """
        parts = self._query.parts()
        seen = PkSet() if len(parts) > 1 else None
        for part in parts:
            async with aclosing(_drive(part.walk(), self._fetch(part), part.concurrency)) as pages:
                async for page in pages:
                    yield page if seen is None else without_known(page, seen)
                    del page

    async def count(self) -> int:
        """How many images there are.

        One request where the server counts; else, as for pending lists, one for each page.
        """
        total = 0
        for part in self._query.parts():
            if not part.counts:
                total += await self._counted(part)
                continue
            rows = (await self._fetch(part)(Window(1, 1))).value
            total += await self._counted(part) if rows.count is None else rows.count
        return total

    async def _counted(self, part: Query) -> int:
        total = 0
        async with aclosing(_drive(part.walk(), self._fetch(part), part.concurrency)) as pages:
            async for page in pages:
                if page.count is not None:
                    return page.count
                total += len(page.results)
        return total

    async def first(self) -> ProductImage | None:
        """The first image, in one request; None where there is none."""
        for part in self._query.parts():
            if images := (await self._fetch(part)(Window(1, 1))).value.images:
                return images[0]
        return None

    def _fetch(self, part: Query) -> Fetch:
        return lambda window: self._client.send(part.request(window), decode_rows)


class AsyncPendingListing(AsyncListing):
    """The images that are pending in a channel."""

    async def drain(self, *, max_passes: int = 10, wait: float = 1.0) -> AsyncGenerator[Sequence[ProductImage]]:
        """Batches of images, until nothing is pending.

        Report the images of a batch as sent, by whatever call the platform has for it, and take the next one. An image
        is handed out again only when its `modified_date` has risen, or it had left the list and came back.

        Args:
            max_passes: How many passes through the list in a row may find nothing new, and nothing gone either.
            wait: Seconds before such a pass is repeated; each time twice as long, at most 30.

        Raises:
            DrainStalled: After so many passes, images that were handed out are pending still.
            IncompleteListing: Images have no `pk`, so that nobody could say which were handed out.
        """
        drain = Drain(self._query.limit, max_passes, wait)
        fetch = self._fetch(self._query)
        while not drain.done:
            (window,) = drain.upcoming()
            try:
                rows = (await fetch(window)).value
            except ChannelImagesError as error:
                batch = drain.failed(window, error)
            else:
                batch = drain.feed(window, rows)
            if batch:
                yield batch
            if drain.pause:
                await asyncio.sleep(drain.pause)


async def _drive(walk: Walk, fetch: Fetch, concurrency: int) -> AsyncGenerator[Page]:
    async with _Flight(fetch, concurrency) as flight:
        begun = False
        while not walk.done:
            page = await flight.next_page(walk)
            if page is not None and (page.results or not begun):
                begun = True
                yield page
            del page  # for the next one to have its memory
        walk.check()


class _Flight:
    """The requests that are under way, one task each."""

    def __init__(self, fetch: Fetch, concurrency: int) -> None:
        self._fetch = fetch
        self._concurrency = concurrency
        self._tasks: dict[Window, asyncio.Task[Answer[Rows]]] = {}
        self._dropped: set[asyncio.Task[Answer[Rows]]] = set()

    async def next_page(self, walk: Walk) -> Page | None:
        """One step of a walk; None where it brought no page."""
        window, *foreseen = walk.upcoming(self._concurrency)
        try:
            answer = await self._land(window, foreseen)
        except ResponseError as error:
            return page_of(window, None, walk.failed(window, error), error)
        except RequestError as error:
            walk.failed(window, error)
            return None
        return page_of(window, answer.value, walk.feed(window, answer.value), answer)

    async def _land(self, window: Window, foreseen: Sequence[Window]) -> Answer[Rows]:
        """The answer for a window, while those that will be needed next are asked for."""
        if self._concurrency == 1:
            return await self._fetch(window)
        wanted = (window, *foreseen)
        for other in set(self._tasks).difference(wanted):
            task = self._tasks.pop(other)
            task.cancel()
            self._dropped.add(task)
        for one in wanted:
            if one not in self._tasks:
                self._tasks[one] = asyncio.create_task(self._fetch(one))
        try:
            return await self._tasks[window]
        finally:
            del self._tasks[window]

    async def __aenter__(self) -> "_Flight":
        return self

    async def __aexit__(self, *_: object) -> None:
        left = [*self._tasks.values(), *self._dropped]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
