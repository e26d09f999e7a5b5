"""Tokens: how they are kept, and how one is had for a user name and a password."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from channel_images.exceptions import ConfigurationError, NotAuthenticated, StatusError
from channel_images_api.errors import MalformedBody

SIGN_IN_PATH = "/api/v1/auth/login/"
"""Not in the contract: from the same public reference, as `../shared/design/facts.md` has it."""


class Secret:
    """A text that no repr, log or traceback shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def token_secret(token: str) -> Secret:
    """The token, when it can stand in a header.

    Raises:
        ConfigurationError: It is empty, or holds what no header can.
    """
    if not isinstance(token, str) or not token:
        raise ConfigurationError("the token is empty")
    if not token.isascii() or not token.isprintable() or token != token.strip():
        raise ConfigurationError(
            "the token holds a line break, a space at an end, or a character that no header can hold"
        )
    return Secret(token)


def decode_key(content: bytes) -> Secret:
    """The token in the answer to a sign-in."""
    try:
        body: Any = json.loads(content)
    except ValueError as error:
        raise MalformedBody("JSON", content) from error
    key = body.get("key") if isinstance(body, dict) else None
    if not isinstance(key, str) or not key:
        raise MalformedBody("the token that a sign-in gives", None, "key")
    return token_secret(key)


class _TokenState:
    """What the tokens of both kinds of client keep: the token, and whether the credentials were refused."""

    def __init__(self, token: Secret | None) -> None:
        self._current = token
        self._refusal: StatusError | None = None

    def _other_than(self, refused: Secret | None) -> Secret | None:
        return self._current if self._current is not refused else None

    def _raise_if_refused(self) -> None:
        if self._refusal is not None:
            raise _refusal(self._refusal)

    def _remember(self, error: StatusError) -> NoReturn:
        """Keep a refusal: to ask again with the same credentials might lock the account."""
        if error.status_code not in (400, 401, 403):
            raise error
        self._refusal = error
        raise _refusal(error) from error


class Tokens(_TokenState):
    """The token of a client, and its renewal, which all threads share.

    Args:
        token: The token; None where it has yet to be had.
        sign_in: Has a token from the server.
    """

    def __init__(self, token: Secret | None, sign_in: Callable[[], Secret]) -> None:
        super().__init__(token)
        self.sign_in = sign_in
        self._lock = threading.Lock()

    def get(self, refused: Secret | None = None) -> Secret:
        """The token, or another one where the server refused `refused`.

        Raises:
            NotAuthenticated: The server refuses the credentials, now or before.
        """
        if (token := self._other_than(refused)) is None:
            with self._lock:
                if (token := self._other_than(refused)) is None:
                    self._raise_if_refused()
                    try:
                        token = self._current = self.sign_in()
                    except StatusError as error:
                        self._remember(error)
        return token


class AsyncTokens(_TokenState):
    """The same for tasks."""

    def __init__(self, token: Secret | None, sign_in: Callable[[], Awaitable[Secret]]) -> None:
        super().__init__(token)
        self.sign_in = sign_in
        self._lock = asyncio.Lock()

    async def get(self, refused: Secret | None = None) -> Secret:
        """The token, or another one where the server refused `refused`.

        Raises:
            NotAuthenticated: The server refuses the credentials, now or before.
        """
        if (token := self._other_than(refused)) is None:
            async with self._lock:
                if (token := self._other_than(refused)) is None:
                    self._raise_if_refused()
                    try:
                        token = self._current = await self.sign_in()
                    except StatusError as error:
                        self._remember(error)
        return token


def _refusal(error: StatusError) -> NotAuthenticated:
    """The error for credentials that the server does not take."""
    return NotAuthenticated(
        f"the server refuses to sign in with this user name and password: {error}",
        response=error.response,
        retries=error.retries,
    )
