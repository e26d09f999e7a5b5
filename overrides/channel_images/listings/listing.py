"""Lists of images, read page by page as they are iterated over, in threads where several pages are in flight."""

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

from attrs import evolve

from channel_images.calls.answers import Answer, Page
from channel_images.exceptions import ChannelImagesError, RequestError, ResponseError
from channel_images.listings.query import Query, decode_rows
from channel_images.walks.rows import Rows, keys_of
from channel_images.walks.seen import PkSet
from channel_images.walks.walk import FAR, Walk
from channel_images.window import Window
from channel_images_api.models import ProductImage

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from channel_images.client.client import ChannelImages

Fetch = Callable[[Window, threading.Event | None], Answer[Rows]]


class Listing:
    """Every image of a list, lazily: a request is sent when its page is needed.

    It may be iterated over again, which reads the list again.
    """

    def __init__(self, client: "ChannelImages", query: Query) -> None:
        self._client = client
        self._query = query

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of channel {self._query.channel_id} at {self._client.base_url}>"

    def __iter__(self) -> Iterator[ProductImage]:
        return chain.from_iterable(map(attrgetter("results"), self.pages()))

    def pages(self) -> Generator[Page]:
        """The same, page by page; an image that was on an earlier page too is left out of the later one.

        Raises:
            ChannelImagesError: As :mod:`channel_images.exceptions` draws them, at the place of the page in the list.
        """
        parts = self._query.parts()
        seen = PkSet() if len(parts) > 1 else None
        for part in parts:
            for page in drive(part.walk(), self._fetch(part), part.concurrency):
                yield page if seen is None else without_known(page, seen)
                del page

    def _parts(self) -> "Sequence[Listing]":
        """The listings that this one is made of: one, or several where the ids are more than a URL can carry."""
        return [type(self)(self._client, part) for part in self._query.parts()]

    def _pages_by(self, walk: Walk) -> Iterator[Page]:
        """The pages of one part, by a walk of the caller's, which can be one that was begun before."""
        return drive(walk, self._fetch(self._query), self._query.concurrency)

    def count(self) -> int:
        """How many images there are.

        One request where the server counts; else, as for pending lists, one for each page.
        """
        total = 0
        for part in self._query.parts():
            if not part.counts:
                total += self._counted(part)
                continue
            rows = self._fetch(part)(Window(1, 1), None).value
            total += self._counted(part) if rows.count is None else rows.count
        return total

    def _counted(self, part: Query) -> int:
        total = 0
        for page in drive(part.walk(), self._fetch(part), part.concurrency):
            if page.count is not None:
                return page.count
            total += len(page.results)
        return total

    def first(self) -> ProductImage | None:
        """The first image, in one request; None where there is none."""
        for part in self._query.parts():
            if images := self._fetch(part)(Window(1, 1), None).value.images:
                return images[0]
        return None

    def _fetch(self, part: Query) -> Fetch:
        return lambda window, stop: self._client.send(part.request(window), decode_rows, cancel=stop)


class PendingListing(Listing):
    """The images that are pending in a channel."""

    def drain(self, *, max_passes: int = 10, wait: float = 1.0) -> Generator[Sequence[ProductImage]]:
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
        from channel_images.walks.drain import Drain

        drain = Drain(self._query.limit, max_passes, wait)
        fetch = self._fetch(self._query)
        while not drain.done:
            (window,) = drain.upcoming()
            try:
                rows = fetch(window, None).value
            except ChannelImagesError as error:
                batch = drain.failed(window, error)
            else:
                batch = drain.feed(window, rows)
            if batch:
                yield batch
            if drain.pause:
                time.sleep(drain.pause)


def without_known(page: Page, seen: PkSet) -> Page:
    """The page without images that were in an earlier part of the list, and moved since, say to another product."""
    new = [image for image in page.results if type(image.pk) is not int or image.pk not in seen]
    for pk in keys_of(new):
        seen.add(pk)
    return evolve(page, value=new)


def page_of(
    window: Window, rows: Rows | None, images: Sequence[ProductImage], answer: Answer[Rows] | ResponseError
) -> Page | None:
    """The page for what a window brought; None for the page that no list has."""
    if window.number == FAR:
        return None
    return Page(
        images,
        answer.response,
        answer.retries,
        number=window.number,
        limit=window.limit,
        count=rows.count if rows is not None else None,
    )


def drive(walk: Walk, fetch: Fetch, concurrency: int) -> Iterator[Page]:
    with _Flight(fetch, concurrency) as flight:
        begun = False
        while not walk.done:
            page = flight.next_page(walk)
            if page is not None and (page.results or not begun):
                begun = True
                yield page
            del page  # for the next one to have its memory
        walk.check()


class _Flight:
    """The requests that are under way, one thread each."""

    _stop: threading.Event | None = None
    _threads: "ThreadPoolExecutor | None" = None

    def __init__(self, fetch: Fetch, concurrency: int) -> None:
        self._fetch = fetch
        self._concurrency = concurrency
        self._futures: dict[Window, Future[Answer[Rows]]] = {}
        if concurrency > 1:
            from concurrent.futures import ThreadPoolExecutor

            from channel_images.calls.deadlines import Stop

            self._stop = Stop()
            self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="channel_images")

    def next_page(self, walk: Walk) -> Page | None:
        """One step of a walk; None where it brought no page."""
        window, *foreseen = walk.upcoming(self._concurrency)
        try:
            answer = self._land(window, foreseen)
        except ResponseError as error:
            return page_of(window, None, walk.failed(window, error), error)
        except RequestError as error:
            walk.failed(window, error)
            return None
        return page_of(window, answer.value, walk.feed(window, answer.value), answer)

    def _land(self, window: Window, foreseen: Sequence[Window]) -> Answer[Rows]:
        """The answer for a window, while those that will be needed next are asked for."""
        if self._threads is None:
            return self._fetch(window, None)
        wanted = (window, *foreseen)
        for other in set(self._futures).difference(wanted):
            self._futures.pop(other).cancel()
        for one in wanted:
            if one not in self._futures:
                self._futures[one] = self._threads.submit(self._fetch, one, self._stop)
        return self._futures.pop(window).result()

    def __enter__(self) -> "_Flight":
        return self

    def __exit__(self, *_: object) -> None:
        if self._threads is not None and self._stop is not None:
            self._stop.set()  # ends the waits, those for the network too
            self._threads.shutdown(cancel_futures=True)
