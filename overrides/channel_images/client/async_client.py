"""Sends requests from tasks: the asynchronous client, and the driver of its calls."""

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

import httpx

from channel_images.calls.address import akeep_location
from channel_images.calls.answers import Answer
from channel_images.calls.bodies import aread_bounded
from channel_images.calls.call import Pause, Send, Step, Steps
from channel_images.calls.config import AsyncClientOptions, with_hook
from channel_images.calls.deadlines import DeadlinePassed
from channel_images.calls.outside import Params, outside_request
from channel_images.client.base import BaseClient, FrugalAsyncClient
from channel_images.exceptions import ClientUnusable
from channel_images.settings import Settings
from channel_images_api.types import Request

if TYPE_CHECKING:
    from anyio import CancelScope

    from channel_images.client.channel import AsyncChannel

T = TypeVar("T")

_LONGEST_CLOSING = 5.0  # seconds, for a transport that does not heed a cancellation


class AsyncChannelImages(BaseClient):
    """A client for the API, for asyncio. Tasks may share it; after a fork, make a new one.

    Leave it with `async with`, or close it::

        async with AsyncChannelImages("https://host", token="...") as api:
            async for image in api.channel(5).images():
                print(image.pk)

    It takes the arguments of `ChannelImages`, and further options of `httpx.AsyncClient`.

    Raises:
        ConfigurationError: An argument makes no sense.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        username: str | None = None,
        password: str | None = None,
        **options: Unpack[AsyncClientOptions],
    ) -> None:
        super().__init__(base_url, token, username, password, options)
        self._http = FrugalAsyncClient(**with_hook(self._options.httpx, akeep_location))
        self._caller = self._caller_on(self._http)
        self._renewing = asyncio.Lock()
        self._sleepers: set[asyncio.Task[None]] = set()
        self._transfers: dict[asyncio.Task[httpx.Response | DeadlinePassed], CancelScope] = {}

    @classmethod
    def from_env(cls, **options: Unpack[AsyncClientOptions]) -> Self:
        """As `ChannelImages.from_env`."""
        return cls(**Settings.from_env().arguments, **options)

    def channel(self, channel_id: int) -> "AsyncChannel":
        """As `ChannelImages.channel`."""
        from channel_images.client.channel import AsyncChannel  # not before: it takes long to import

        return AsyncChannel(self, channel_id)

    async def request(
        self, method: str, path: str, *, params: Params | None = None, json: object = None
    ) -> httpx.Response:
        """As `ChannelImages.request`."""
        return (await self.send(outside_request(method, path, params=params, json=json), bytes)).response

    async def send(self, request: Request, decode: Callable[[bytes], T], *, after: float = 0.0) -> Answer[T]:
        """As `ChannelImages.send`. To cancel it, cancel the task."""
        self._check_usable()
        self._check_loop()
        return await self._drive(self._caller.call(request, decode, after=after, cancel=self._closing))

    async def close(self) -> None:
        """As `ChannelImages.close`."""
        self._life.is_closed = True
        if self._life.loop is None or self._life.loop is _running_loop():
            self._closing.set()
            for sleeper in self._sleepers:
                sleeper.cancel()
            for scope in self._transfers.values():
                scope.cancel()
            if self._transfers:  # a connection that is made meanwhile would stay open
                await asyncio.wait(self._transfers, timeout=_LONGEST_CLOSING)
            await self._http.aclose()
        else:
            with suppress(RuntimeError):  # of the loop that the connections belong to, when it is closed
                await self._http.aclose()

    async def __aenter__(self) -> Self:
        self._check_usable()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _check_loop(self) -> None:
        """Refuse a second event loop: the connections, and the lock for the token, belong to the first."""
        loop = _running_loop()
        if loop is None:
            raise ClientUnusable(
                f"{type(self).__name__} needs asyncio: it was used without a running event loop of that"
            )
        if self._life.loop is None:
            self._life.loop = loop
        elif self._life.loop is not loop:
            raise ClientUnusable(
                f"this {type(self).__name__} was used in another event loop: make one inside each asyncio.run()"
            )

    async def _drive(self, steps: Steps[T]) -> T:
        with closing(steps):
            outcome: object = None
            try:
                while True:
                    outcome = await self._do(steps.send(outcome))
            except StopIteration as end:
                value: T = end.value
                return value

    async def _do(self, step: Step) -> object:
        if isinstance(step, Pause):
            await self._sleep(step.seconds)
            return None
        try:
            if isinstance(step, Send):
                return await self._transfer(step)
            async with self._renewing:
                return await self._drive(self._caller.renew(step, self._closing))
        except Exception as error:  # noqa: BLE001 - the call says what becomes of it
            return error

    async def _sleep(self, seconds: float) -> None:
        """Sleep, until the client is closed."""
        sleeper = asyncio.ensure_future(asyncio.sleep(0 if self._closing.is_set() else seconds))
        self._sleepers.add(sleeper)
        try:
            await asyncio.wait([sleeper])
        finally:
            self._sleepers.discard(sleeper)
            sleeper.cancel()

    async def _transfer(self, step: Send) -> httpx.Response | DeadlinePassed:
        """Send, until the deadline, or until the task is cancelled or the client closed.

        httpcore gives connections back behind the shields of anyio, which hold against a scope of anyio, and not against
        the cancellation of a task, nor against `asyncio.timeout`, which is that: the pool would then hold connections for
        ever that nobody uses. So the transfer has a task of its own, and what cancels it is a scope.
        """
        import anyio

        scope = anyio.CancelScope(deadline=anyio.current_time() + step.deadline.left)

        async def transfer() -> httpx.Response | DeadlinePassed:
            with scope:
                return await self._receive(step)
            return DeadlinePassed(step.deadline)

        task = asyncio.create_task(transfer())
        self._transfers[task] = scope
        task.add_done_callback(self._transfers.pop)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            scope.cancel()
            while not task.done():
                with suppress(asyncio.CancelledError):  # once more: it ends soon
                    await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # nobody asks for it any more
            raise

    async def _receive(self, step: Send) -> httpx.Response:
        response = await self._http.send(step.request, stream=True, follow_redirects=False)
        try:
            most, option = self._caller.room_for(response)
            await aread_bounded(response, most, option=option)
        except BaseException:
            await response.aclose()
            raise
        return response


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
