"""Sends what the steps of a listing ask for, in threads where several pages are in flight."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from channel_images.calls.answers import Answer, Page
from channel_images.calls.sender import AsyncSender, Sender
from channel_images.exceptions import RequestError, ResponseError
from channel_images.listings import steps
from channel_images.listings.query import Query
from channel_images.listings.steps import Ask, Outcome, Steps
from channel_images.walks.walk import Walk
from channel_images_api.types import Request

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from channel_images.calls.deadlines import CancelToken

T = TypeVar("T")
SenderT = TypeVar("SenderT", bound=Sender | AsyncSender)
InFlightT = TypeVar("InFlightT")


def pages_by(sender: Sender, part: Query, walk: Walk) -> Generator[Page]:
    """The pages of one part of a list, by a walk of the caller's, which can be one that was begun before."""
    return run(steps.pages_by(walk, part), sender, part)


def run(steps: Steps[T], sender: Sender, query: Query) -> Generator[T]:
    """Send what the steps ask for, and hand out what they hand out."""
    outcome: Outcome | None = None
    with Prefetch(sender, query) as prefetch:
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration:
                return
            outcome = None  # for the next page to have its memory
            if isinstance(step, Ask):
                try:
                    outcome = prefetch.answer(step)
                except (RequestError, ResponseError) as error:
                    outcome = error
            else:
                yield step
            del step


class BasePrefetch(ABC, Generic[SenderT, InFlightT]):
    """The requests that are under way."""

    def __init__(self, sender: SenderT, query: Query) -> None:
        self._sender = sender
        self._query = query
        self._in_flight: dict[Request, InFlightT] = {}

    def _decode(self, ask: Ask) -> Callable[[bytes], Any]:
        return self._query.decode if ask.decode is None else ask.decode

    def _take(self, ask: Ask) -> InFlightT:
        """What the needed answer will come from, while those that are foreseen are asked for, and no others."""
        for other in set(self._in_flight).difference(ask.requests):
            self._drop(self._in_flight.pop(other))
        for request in ask.requests:
            if request not in self._in_flight:
                self._in_flight[request] = self._begin(request, self._decode(ask), ask.after)
        return self._in_flight.pop(ask.requests[0])

    @abstractmethod
    def _begin(self, request: Request, decode: Callable[[bytes], Any], after: float) -> InFlightT:
        """Send a request."""

    @abstractmethod
    def _drop(self, in_flight: InFlightT) -> None:
        """End what was begun, since nobody needs it any more."""


class Prefetch(BasePrefetch[Sender, "Future[Answer[Any]]"]):
    """The requests that are under way, one thread each; no thread where there is one at a time."""

    _threads: "ThreadPoolExecutor | None" = None
    _cancel: "CancelToken | None" = None

    def answer(self, ask: Ask) -> Answer[Any]:
        """The answer that is needed."""
        if self._query.concurrency == 1:
            return self._sender.send(ask.requests[0], self._decode(ask), after=ask.after)
        return self._take(ask).result()

    def _begin(self, request: Request, decode: Callable[[bytes], Any], after: float) -> "Future[Answer[Any]]":
        if self._threads is None:
            from concurrent.futures import ThreadPoolExecutor

            from channel_images.calls.deadlines import CancelToken

            self._cancel = CancelToken()
            self._threads = ThreadPoolExecutor(self._query.concurrency, thread_name_prefix="channel_images")
        return self._threads.submit(self._sender.send, request, decode, after=after, cancel=self._cancel)

    def _drop(self, in_flight: "Future[Answer[Any]]") -> None:
        in_flight.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._cancel is not None:
            self._cancel.set()  # ends the waits, those for the network too
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
