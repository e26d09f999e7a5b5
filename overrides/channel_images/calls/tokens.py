"""Knows the token of a client, and which sign-ins were refused."""

import copy
import json
import re
import threading
from collections.abc import Generator
from typing import Any, NoReturn, TypeGuard, TypeVar

from channel_images.calls.secrets import Secret, fits_header
from channel_images.exceptions import ChannelImagesError, NotAuthenticated, PermissionDenied, StatusError
from channel_images_api.errors import MalformedBody

Y = TypeVar("Y")

_NOT_THE_PASSWORD = re.compile(rb"csrf|throttl|\block|too many|attempts", re.IGNORECASE)
"""Why a sign-in is forbidden, but for a password that is wrong."""
_SEARCHED = 20_000  # bytes
_MOST_REMEMBERED = 16


def decode_key(content: bytes) -> Secret:
    """The token in the answer to a sign-in. What is no such answer may hold a token all the same: no error shows it."""
    body: Any = None
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        is_json = False
    else:
        is_json = True
    key = body.get("key") if isinstance(body, dict) else None
    content, body = b"", None  # not for tracebacks that show variables
    if not is_json:
        raise MalformedBody("JSON", b"<not shown>")
    if not isinstance(key, str) or not key or not fits_header(key):
        key = None
        raise MalformedBody("the token that a sign-in gives", None, "key")
    return Secret(key)


class Tokens:
    """The token that all calls of a client share. One renewal runs at a time: the driver of the call holds a lock.

    Args:
        token: The token; None if it has yet to be had.

    Attributes:
        current: The token.
        failure: How the last sign-in failed, but for a refusal.
    """

    def __init__(self, token: Secret | None) -> None:
        self.current = token
        self.failure: ChannelImagesError | None = None
        self._refusal: StatusError | None = None
        self._forbidden: set[tuple[str, str]] = set()  # of which channel the server said what to a token that was new

    def other_than(self, refused: Secret | None) -> Secret | None:
        """The token, where it is another one."""
        return self.current if self.current is not refused else None

    def renew(
        self,
        refused: Secret | None,
        failure_before: ChannelImagesError | None,
        sign_in: Generator[Y, Any, Secret],
        cancel: threading.Event,
    ) -> Generator[Y, Any, Secret]:
        """Sign in, unless another call has done so meanwhile.

        Args:
            refused: The token that the server refused; None if there is none yet.
            failure_before: The `failure` of the time before the wait for the lock.
            sign_in: Has a token from the server.
            cancel: Says that it failed since this call was cancelled, which says nothing to those who still wait.

        Raises:
            NotAuthenticated: The server refuses the credentials, now or before.
            ChannelImagesError: The sign-in failed otherwise, for this call or for another one while this one waited.
        """
        if (token := self.other_than(refused)) is not None:
            return token
        if self._refusal is not None:
            raise _refusal(self._refusal)
        if self.failure is not None and self.failure is not failure_before:
            raise copy.copy(self.failure)
        try:
            self.current = yield from sign_in
        except ChannelImagesError as error:
            self._remember(error, cancel)
        return self.current

    def _remember(self, error: ChannelImagesError, cancel: threading.Event) -> NoReturn:
        """Keep a refusal: to ask again with the same credentials might lock the account."""
        if _is_refusal(error):
            self._refusal = error
            raise _refusal(error) from error
        if not cancel.is_set():
            self.failure = copy.copy(error)  # without the traceback, which would keep what its frames hold
        raise error

    def may_have_expired(self, error: StatusError, *, is_new: bool) -> bool:
        """Whether an answer may be about the token, so that a new one may help.

        A server whose first way of signing in is not the token says 403 of one that has expired (Django REST framework
        does). What it says of a channel to a new token as well is not about tokens.

        Args:
            error: The answer.
            is_new: Whether the token was had for this very request.
        """
        if not isinstance(error, PermissionDenied):
            return True
        said = _channel_in(error.response.request.url.path), error.detail
        if is_new:
            if len(self._forbidden) >= _MOST_REMEMBERED:
                self._forbidden.clear()
            self._forbidden.add(said)
        return said not in self._forbidden


def _channel_in(path: str) -> str:
    """The path up to its first number, which is that of the channel."""
    found = re.match(r".*?/\d+(?=/)", path)
    return found[0] if found else path


def _is_refusal(error: ChannelImagesError) -> TypeGuard[StatusError]:
    """Whether the server says that the user name or the password is wrong."""
    return (
        isinstance(error, StatusError)
        and error.status_code in (400, 401, 403)
        and not _NOT_THE_PASSWORD.search(error.response.content[:_SEARCHED])
        and "retry-after" not in error.headers
    )


def _refusal(error: StatusError) -> NotAuthenticated:
    """The error for credentials that the server does not take."""
    return NotAuthenticated(
        f"the server refuses to sign in with this user name and password: {error}",
        response=error.response,
        retries=error.retries,
    )
