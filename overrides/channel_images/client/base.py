"""Holds what both clients share: their options, and whether they can be used. The subclasses send."""

import os
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Self, Unpack

import httpx
from attrs import define

from channel_images.calls.address import warn_of_plain_text
from channel_images.calls.call import Caller
from channel_images.calls.config import CallOptions, FrugalCookies, changed, read_options
from channel_images.calls.deadlines import CancelToken
from channel_images.exceptions import ClientUnusable
from channel_images.settings import log_as_told

if TYPE_CHECKING:
    import asyncio


@define
class Life:
    """What a client shares with those that `with_options` made of it.

    Attributes:
        is_closed: Whether it is closed.
        loop: The event loop that an asynchronous one belongs to.
    """

    is_closed: bool = False
    loop: "asyncio.AbstractEventLoop | None" = None


class BaseClient:
    """A server, and how the client speaks to it.

    Args:
        base_url: Where the paths of the contract begin.
        token: The API token.
        username: Or the credentials for one.
        password: These too.
        given: All further options.

    Attributes:
        open_batches: The `pk` of each batch of pending images that this client has open, by channel.
    """

    _base_url = "(not made)"
    _life = Life()  # of a client whose making failed
    _caller: Caller

    def __init__(
        self, base_url: str, token: str | None, username: str | None, password: str | None, given: Mapping[str, Any]
    ) -> None:
        log_as_told()
        self._options, self._secrets = read_options(base_url, token, username, password, given)
        self._base_url = self._options.base_url
        warn_of_plain_text(self._base_url, self._options.via, stacklevel=3)
        self._life = Life()
        self._closing = CancelToken()
        self._process = os.getpid()
        self.open_batches: Mapping[int, set[int]] = defaultdict(set)

    @property
    def base_url(self) -> str:
        """Where the paths of the contract begin, without a closing slash."""
        return self._base_url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._base_url}{' closed' if self._life.is_closed else ''}>"

    def with_options(self, **options: Unpack[CallOptions]) -> Self:
        """The same client with other options, for example for calls that take long.

        It shares the connections, the token and the rate limit. If you close one of the two, both are closed.

        Args:
            options: `timeout`, `call_timeout`, `max_body` and `retries` as for the class; `headers` are added to the
                client's own.

        Raises:
            ConfigurationError: An option makes no sense, or needs a client of its own.
        """
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._options = changed(self._options, self._secrets, options)
        other._caller = self._caller.with_options(other._options, other._check_usable)
        return other

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} cannot be pickled: it holds connections and a token. "
            f"Make one in each process, with {type(self).__name__}.from_env(), say"
        )

    def _caller_on(self, http: httpx.Client | httpx.AsyncClient) -> Caller:
        return Caller(self._options, self._secrets, http, self._check_usable)

    def _check_usable(self) -> None:
        if self._life.is_closed:
            raise ClientUnusable(f"this {type(self).__name__} is closed: make another one, or leave its `with` later")
        if os.getpid() != self._process:
            raise ClientUnusable(
                f"this {type(self).__name__} was made in another process, {self._process}: after a fork, make one anew"
            )


class FrugalClient(httpx.Client):
    """A `httpx.Client` with `FrugalCookies`."""

    @property  # type: ignore[misc]  # nobody sets them: they come with the options
    def cookies(self) -> httpx.Cookies:
        return FrugalCookies(super().cookies.jar)


class FrugalAsyncClient(httpx.AsyncClient):
    """A `httpx.AsyncClient` with `FrugalCookies`."""

    @property  # type: ignore[misc]  # nobody sets them: they come with the options
    def cookies(self) -> httpx.Cookies:
        return FrugalCookies(super().cookies.jar)
