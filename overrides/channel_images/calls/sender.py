"""Says what a listing needs of a client: that it sends a request."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

from channel_images.calls.answers import Answer
from channel_images_api.types import Request

if TYPE_CHECKING:
    from channel_images.calls.deadlines import CancelToken

T = TypeVar("T")


class Sender(Protocol):
    """What sends requests, from any thread. A client is one.

    Attributes:
        open_batches: The `pk` of each batch that it has open, by channel.
    """

    open_batches: Mapping[int, set[int]]

    @property
    def base_url(self) -> str:
        """Where the paths of the contract begin, without a closing slash."""

    def send(
        self,
        request: Request,
        decode: Callable[[bytes], T],
        *,
        after: float = 0.0,
        cancel: "CancelToken | None" = None,
    ) -> Answer[T]:
        """Send a request, with whatever retries it takes.

        Args:
            request: The request.
            decode: Makes the value of the body of a success.
            after: Seconds to wait before; closing the client ends the wait.
            cancel: Ends the waits and the network of the calls that have it.

        Raises:
            ChannelImagesError: As `channel_images.exceptions` draws them.
        """


class EndedSender:
    """A sender whose calls all end when a token is set.

    Args:
        sender: Sends the requests.
        ended: Ends them.
    """

    def __init__(self, sender: Sender, ended: "CancelToken") -> None:
        self.base_url = sender.base_url
        self.open_batches = sender.open_batches
        self.ended = ended
        self._sender = sender

    def send(
        self,
        request: Request,
        decode: Callable[[bytes], T],
        *,
        after: float = 0.0,
        cancel: "CancelToken | None" = None,
    ) -> Answer[T]:
        """As `Sender.send`."""
        if cancel is not None:
            self.ended.include(cancel)
        return self._sender.send(request, decode, after=after, cancel=cancel or self.ended)


class AsyncSender(Protocol):
    """What sends requests, from any task; see `Sender`."""

    open_batches: Mapping[int, set[int]]

    @property
    def base_url(self) -> str:
        """Where the paths of the contract begin, without a closing slash."""

    async def send(self, request: Request, decode: Callable[[bytes], T], *, after: float = 0.0) -> Answer[T]:
        """Send a request; see `Sender.send`. Cancelling the task cancels it."""
