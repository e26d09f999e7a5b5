"""Decides what is asked for to read a list, and what is handed out of it. It sends nothing and waits for nothing.

Each function here is a generator, as a call is one in `channel_images.calls.call`. It yields an `Ask`, and is sent the
answer, or the error that came in its place; whatever else it yields is handed out. `listing` has the driver for threads,
`async_listing` that for tasks.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar, cast

from attrs import evolve, frozen

from channel_images.calls.answers import Answer, Page
from channel_images.exceptions import NotFound, RequestError, ResponseError, no_channel
from channel_images.listings.bodies import decode_image
from channel_images.listings.query import Query
from channel_images.walks.drain import Drain
from channel_images.walks.keyed import KeyedImage
from channel_images.walks.plain import PlainWalk
from channel_images.walks.rows import Rows, keys_of
from channel_images.walks.seen import PkSet
from channel_images.walks.walk import FAR, Walk
from channel_images.window import Window
from channel_images_api.models import ProductImage
from channel_images_api.types import Request

T = TypeVar("T")


@frozen
class Ask:
    """What is to be sent.

    Attributes:
        requests: The one whose answer is needed, and then those that are foreseen.
        after: Seconds to wait before.
        decode: Makes the value of a body; None for that of the query, which makes rows.
    """

    requests: Sequence[Request]
    after: float = 0.0
    decode: Callable[[bytes], Any] | None = None


Outcome = Answer[Any] | RequestError | ResponseError
"""What is sent back for an `Ask`."""
Steps = Generator[Ask | T, Any, None]


def pages(query: Query) -> Steps[Page]:
    """Every page of a list; an image that was in an earlier part of it too is left out of the later one."""
    parts = query.parts()
    seen = PkSet() if len(parts) > 1 else None
    for part in parts:
        yield from pages_by(part.walk(), part, seen)


def pages_by(walk: Walk, part: Query, seen: PkSet | None = None) -> Steps[Page]:
    """The pages of one part of a list, by a walk, which can be one that was begun before."""
    begun = False
    while not walk.done:
        page = yield from _page(walk, part)
        if page is not None and (page.results or not begun):
            begun = True
            yield page if seen is None else _without_known(page, seen)
        del page  # for the next one to have its memory
    walk.check()


def count(query: Query) -> Steps[int]:
    """How many images there are: one number."""
    total = 0
    for part in query.parts():
        counted = None
        if part.counts:
            outcome: Outcome = yield Ask([part.request(Window(1, 1))])
            if isinstance(outcome, Exception):
                raise no_channel(outcome, part.channel_id) if isinstance(outcome, NotFound) else outcome
            counted = outcome.value.count
        total += (yield from _counted(part)) if counted is None else counted
    yield total


def _counted(part: Query) -> Generator[Ask, Any, int]:
    walk, total = part.walk(), 0
    while not walk.done:
        page = yield from _page(walk, part)
        if page is not None and page.count is not None:
            return page.count
        total += len(page.results) if page is not None else 0
        del page
    walk.check()
    return total


def first(query: Query) -> Steps[ProductImage | None]:
    """The first image, or None if there is none: one or the other."""
    for part in query.parts():
        walk = PlainWalk(1, last=1)
        while not walk.done:
            page = yield from _page(walk, part)
            if page is not None and page.results:
                yield page.results[0]
                return
        walk.check()
    yield None


def drain(query: Query, walk: Drain, *, detailed: bool) -> Steps[Sequence[KeyedImage]]:
    """Batches of pending images, until the walk is done."""
    pages = evolve(query, concurrency=1) if detailed else query  # else details and pages push each other out
    while not walk.done:
        page = yield from _page(walk, pages, after=walk.pause)
        images = page.results if page is not None else ()
        del page
        if detailed and images:
            images = yield from _details(query, images)
        if images:
            yield cast("Sequence[KeyedImage]", images)  # the walk takes no others


def _details(query: Query, images: Sequence[ProductImage]) -> Generator[Ask, Any, Sequence[ProductImage]]:
    """The images with their details; those that are gone meanwhile are left out."""
    requests = [
        query.api.retrieve_detailed(query.channel_id, image.pk) for image in images if isinstance(image.pk, int)
    ]
    found: list[ProductImage] = []
    for place in range(len(requests)):
        outcome: Outcome = yield Ask(requests[place : place + query.concurrency], decode=decode_image)
        if isinstance(outcome, Answer):
            found.append(outcome.value)
        elif not isinstance(outcome, NotFound):
            raise outcome
    return found


def _page(walk: Walk | Drain, part: Query, after: float = 0.0) -> Generator[Ask, Any, Page | None]:
    """One step of a walk; None if it brought no page."""
    window, *foreseen = walk.upcoming(part.concurrency)
    outcome: Outcome = yield Ask([part.request(each) for each in (window, *foreseen)], after)
    if isinstance(outcome, RequestError):
        walk.failed(window, outcome)
        return None
    if isinstance(outcome, NotFound) and window.number == 1:
        raise no_channel(outcome, part.channel_id)
    if isinstance(outcome, ResponseError):
        return _page_of(window, walk.failed(window, outcome), outcome)
    return _page_of(window, walk.feed(window, outcome.value), outcome, outcome.value.count)


def _page_of(
    window: Window, images: Sequence[ProductImage], answer: Answer[Rows] | ResponseError, count: int | None = None
) -> Page | None:
    if window.number == FAR:  # the page that no list has
        return None
    return Page(images, answer.response, answer.retries, number=window.number, limit=window.limit, count=count)


def _without_known(page: Page, seen: PkSet) -> Page:
    """The page without images that were in an earlier part of the list, and moved since, say to another product."""
    new = [image for image in page.results if type(image.pk) is not int or image.pk not in seen]
    for pk in keys_of(new):
        seen.add(pk)
    return evolve(page, value=new)
