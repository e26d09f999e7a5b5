"""Sends requests from threads: the synchronous client, and the driver of its calls."""

import os
import threading
from collections.abc import Callable
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, Unpack

import httpx

from channel_images.calls.address import keep_location
from channel_images.calls.answers import Answer
from channel_images.calls.bodies import read_bounded
from channel_images.calls.call import Pause, Send, Step, Steps
from channel_images.calls.config import SyncClientOptions, with_hook
from channel_images.calls.deadlines import CancelToken
from channel_images.calls.outside import Params, outside_request
from channel_images.client.base import BaseClient, FrugalClient
from channel_images.settings import Settings
from channel_images_api.types import Request

if TYPE_CHECKING:
    from channel_images.client.channel import Channel

T = TypeVar("T")


class ChannelImages(BaseClient):
    """A client for the API. Threads may share it; after a fork, make a new one.

    Leave it with `with`, or close it::

        with ChannelImages("https://host", token="...") as api:
            for image in api.channel(5).images():
                print(image.pk)

    It retries failed requests as `Retries` says. The logger `channel_images` writes a line for each retry (INFO) and each
    request (DEBUG).

    Args:
        base_url: Where the paths of the contract begin, such as `https://host` or `https://host/prefix`.
        token: The API token.
        username: Sign in for a token at the first request, and again if the server refuses the token.
        password: The password to sign in with.
        timeout: Seconds to connect, and for each arrival of data, 10 and 30 by default; or an `httpx.Timeout`; None for
            no limit.
        call_timeout: Seconds for one request and its whole answer, 120 by default; None for no limit.
        max_body: The most bytes of an answer's body, as it comes and as it is decoded, 32 MiB by default. A longer body
            raises `MalformedResponse`.
        retries: How often and for how long to retry, a `Retries`; a number is the number of retries.
        rate_limit: Requests a second, over all threads; None for no limit.
        application: Name and version of your program, such as `my-connector/1.2`, for the User-Agent.
        options: Any other option of `httpx.Client`, such as `proxy`, `verify`, `mounts`, `http2` or `transport`.

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
        **options: Unpack[SyncClientOptions],
    ) -> None:
        from channel_images.calls.network import bound  # not before it is needed: it takes long to import

        super().__init__(base_url, token, username, password, options)
        self._http = FrugalClient(**with_hook(self._options.httpx, keep_location))
        bound(self._http)
        self._caller = self._caller_on(self._http)
        self._renewing = threading.Lock()

    @classmethod
    def from_env(cls, **options: Unpack[SyncClientOptions]) -> Self:
        """A client with the server, and the token or the credentials, that the environment names.

        It reads the variables of `Settings`, such as `CHANNEL_IMAGES_URL`.

        Args:
            options: As for the class.

        Raises:
            ConfigurationError: A variable is missing.
        """
        return cls(**Settings.from_env().arguments, **options)

    def channel(self, channel_id: int) -> "Channel":
        """The operations of a channel. This sends nothing.

        Args:
            channel_id: The number of the channel.
        """
        from channel_images.client.channel import Channel  # not before: it takes long to import

        return Channel(self, channel_id)

    def request(self, method: str, path: str, *, params: Params | None = None, json: object = None) -> httpx.Response:
        """Send any other request to the same platform, with this client's token, timeouts and rate limit.

        It retries a `GET`, `HEAD` or `OPTIONS` as `Retries` says. It retries any other request only if that certainly did
        not arrive: there was no connection, the server answered 429, or the token had expired.

        Args:
            method: The method, such as `POST`.
            path: The path below the base URL, such as `/api/v1/channels/5/`.
            params: The query. A list is sent as one parameter for each of its values.
            json: The body.

        Returns:
            The answer, whose status is from 200 to 299. Its request is without the token.

        Raises:
            ChannelImagesError: There was no answer, or its status is another one.
            TypeError, ValueError: The method or the path is not valid, or JSON cannot express `json`.
        """
        return self.send(outside_request(method, path, params=params, json=json), bytes).response

    def send(
        self,
        request: Request,
        decode: Callable[[bytes], T],
        *,
        after: float = 0.0,
        cancel: CancelToken | None = None,
    ) -> Answer[T]:
        """Send a request of the generated client, with retries.

        Args:
            request: The result of a `request` function of `channel_images_api`.
            decode: Makes the value from the body of a success.
            after: Seconds to wait first. Closing the client ends the wait.
            cancel: Ends the waits, those for the network too.

        Raises:
            ChannelImagesError: There was no answer, or it cannot be used.
        """
        self._check_usable()  # before a lock is taken, which another process may have left behind
        if cancel is None:
            cancel = self._closing
        else:
            self._closing.include(cancel)
        return self._drive(self._caller.call(request, decode, after=after, cancel=cancel), cancel)

    def close(self) -> None:
        """Close the connections, and end the calls that wait for them. You may close a client twice."""
        self._life.is_closed = True
        if os.getpid() == self._process:  # else locks may be held by threads that are not here
            self._closing.set()
        self._http.close()

    def __enter__(self) -> Self:
        self._check_usable()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _drive(self, steps: Steps[T], cancel: CancelToken) -> T:
        with closing(steps):
            outcome: object = None
            try:
                while True:
                    outcome = self._do(steps.send(outcome), cancel)
            except StopIteration as end:
                value: T = end.value
                return value

    def _do(self, step: Step, cancel: CancelToken) -> object:
        if isinstance(step, Pause):
            return cancel.wait(min(step.seconds, threading.TIMEOUT_MAX))
        try:
            if isinstance(step, Send):
                return self._transfer(step)
            with self._renewing:
                return self._drive(self._caller.renew(step, cancel), cancel)
        except Exception as error:  # noqa: BLE001 - the call says what becomes of it
            return error

    def _transfer(self, step: Send) -> httpx.Response:
        with step.deadline as deadline:
            response = self._http.send(step.request, stream=True, follow_redirects=False)
            try:
                most, option = self._caller.room_for(response)
                read_bounded(response, most, check=deadline.check, option=option)
            except BaseException:
                response.close()
                raise
        return response
