"""Tokens: how they are kept, and how one is had for a user name and a password."""

import copy
import json
import re
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, NoReturn

from channel_images.exceptions import ChannelImagesError, ConfigurationError, NotAuthenticated, StatusError
from channel_images_api.errors import MalformedBody

SIGN_IN = {"method": "post", "url": "/api/v1/auth/login/"}
"""The request, without its body, as the generated client describes requests. It is not in the contract, but in the
public reference that the contract was made from."""
_HIDDEN = b"<secret>"
_LEAST_HIDDEN = 4


class Secret:
    """A text that no repr, log or traceback shows."""

    __slots__ = ("_pattern", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._pattern: re.Pattern[bytes] | None = None

    def reveal(self) -> str:
        return self._text

    def hidden_in(self, content: bytes) -> bytes:
        """The content without the text; with it, where that is so short that it would be found by chance."""
        if len(self._text) < _LEAST_HIDDEN:
            return content
        if self._pattern is None:
            self._pattern = re.compile(b"|".join(_spellings(self._text)), re.IGNORECASE)
        return self._pattern.sub(_HIDDEN, content)

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
        raise ConfigurationError("the token is empty, or no text")
    if not fits_header(token):
        raise ConfigurationError(
            "the token holds a line break, a space at an end, or a character that no header can hold"
        )
    return Secret(token)


def credential_secret(name: str, text: str | None) -> Secret:
    """A user name or a password, when it can stand in a request.

    Raises:
        ConfigurationError: It is missing, or holds what no text can.
    """
    if text is None or text == "":
        raise ConfigurationError("give token=, or both username= and password= to sign in")
    if not isinstance(text, str) or any("\ud800" <= character <= "\udfff" for character in text):
        raise ConfigurationError(f"{name} is no text in Unicode")
    return Secret(text)


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


def hide(text: str, secrets: Iterable[Secret | None]) -> str:
    """The text, which a server may have had a part in, without the secrets that the server knows too."""
    return hide_in_bytes(text.encode(errors="surrogatepass"), secrets).decode(errors="surrogatepass")


def hide_in_bytes(content: bytes, secrets: Iterable[Secret | None]) -> bytes:
    """The same for a body."""
    known = {secret for secret in secrets if secret is not None}
    for secret in sorted(known, key=lambda secret: len(secret.reveal()), reverse=True):
        content = secret.hidden_in(content)
    return content


def _spellings(text: str) -> Iterator[bytes]:
    """Patterns of a text: with escapes of JSON, Python, URLs and HTML, one upon the other too; and inside of base64.

    Each repetition has an end, so that no text of a server takes long to search.
    """
    yield b"".join(map(_spelled, re.findall(r"\s+|\\+|[^\s\\]", text)))
    data = text.encode()
    for before in range(3):  # bytes, which move those of the text to others of the characters
        coded = b64encode(bytes(before) + data)[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        if len(coded) > _LEAST_HIDDEN:
            yield re.sub(rb"[+/]", rb"(?:\\\\{0,8}[+/_-]|%2[bf])", coded) + rb"[\w+/-]*={0,2}"


def _spelled(part: str) -> bytes:
    """The pattern of a character, or of one that is repeated: white space, or backslashes, which others begin with too."""
    length = len(part)
    if part.isspace():  # what is put on one line has a single space for any number of them
        ways = [rb"\s|\+|\\{1,8}[nrtfv]", *map(_escaped, sorted(set(part)))]
        return b"(?>" + b"|".join(ways) + b"){1,%d}" % length
    if part[0] == "\\":
        return rb"(?:\\{%d,%d}|(?:%b){%d})" % (length, 8 * length, _escaped("\\"), length)
    return rb"(?:\\{0,8}" + re.escape(part.encode()) + b"|" + _escaped(part) + b")"


def _escaped(character: str) -> bytes:
    code, data, wide = ord(character), character.encode(), character.encode("utf-16-be")
    ways = [
        b"".join(rb"\\{1,8}u" + wide[at : at + 2].hex().encode() for at in range(0, len(wide), 2)),
        b"".join(rb"(?:%%(?:25){0,8}|\\{1,8}x)%02x" % byte for byte in data),
        rb"&(?:amp;){0,8}#(?:0{0,8}%d|x0{0,8}%x);" % (code, code),
    ]
    if 128 <= code < 256:  # in Latin-1, or as Python shows it
        ways += [re.escape(bytes([code])), rb"\\{1,8}x%02x" % code]
    if not character.isalnum():
        from html.entities import html5  # a large table

        ways += [rb"&(?:amp;){0,8}" + name.encode() for name, named in html5.items() if named == character]
    return b"|".join(ways)


def fits_header(text: str) -> bool:
    """Whether the text can be the value of a header."""
    return text.isascii() and text.isprintable() and text == text.strip()


class _TokenState:
    """What the tokens of both kinds of client keep: the token, and how the last sign-in failed."""

    def __init__(self, token: Secret | None) -> None:
        self.current = token
        self.before = token  # the one before that, which a server may still speak of
        self._refusal: StatusError | None = None
        self._failure: ChannelImagesError | None = None

    def _other_than(self, refused: Secret | None) -> Secret | None:
        return self.current if self.current is not refused else None

    def _raise_known(self, failure_before: ChannelImagesError | None) -> None:
        """Spare a sign-in that was refused before, or that failed for somebody else while this one waited."""
        if self._refusal is not None:
            raise _refusal(self._refusal)
        if self._failure is not None and self._failure is not failure_before:
            raise copy.copy(self._failure)

    def _remember(self, error: ChannelImagesError, *, is_abandoned: bool = False) -> NoReturn:
        """Keep a refusal: to ask again with the same credentials might lock the account."""
        if isinstance(error, StatusError) and error.status_code in (400, 401, 403):
            self._refusal = error
            raise _refusal(error) from error
        if not is_abandoned:  # which says nothing to those who still wait
            self._failure = copy.copy(error)  # without the traceback, which would keep what its frames hold
        raise error


class Tokens(_TokenState):
    """The token of a client, and its renewal, which all threads share.

    Args:
        token: The token; None where it has yet to be had.
        sign_in: Has a token from the server; ends its waits when the event is set.
    """

    def __init__(self, token: Secret | None, sign_in: Callable[[threading.Event | None], Secret]) -> None:
        super().__init__(token)
        self._sign_in = sign_in
        self._lock = threading.Lock()

    def get(self, *, refused: Secret | None = None, stop: threading.Event | None = None) -> Secret:
        """The token, or another one where the server refused `refused`.

        Raises:
            NotAuthenticated: The server refuses the credentials, now or before.
            ChannelImagesError: The sign-in failed otherwise.
        """
        if (token := self._other_than(refused)) is None:
            failure = self._failure
            with self._lock:
                if (token := self._other_than(refused)) is None:
                    self._raise_known(failure)
                    try:
                        self.before, token = self.current, self._sign_in(stop)
                        self.current = token
                    except ChannelImagesError as error:
                        self._remember(error, is_abandoned=stop is not None and stop.is_set())
        return token


class AsyncTokens(_TokenState):
    """The same for tasks."""

    def __init__(self, token: Secret | None, sign_in: Callable[[], Awaitable[Secret]]) -> None:
        import asyncio

        super().__init__(token)
        self._sign_in = sign_in
        self._lock = asyncio.Lock()

    async def get(self, *, refused: Secret | None = None) -> Secret:
        """The token, or another one where the server refused `refused`.

        Raises:
            NotAuthenticated: The server refuses the credentials, now or before.
            ChannelImagesError: The sign-in failed otherwise.
        """
        if (token := self._other_than(refused)) is None:
            failure = self._failure
            async with self._lock:
                if (token := self._other_than(refused)) is None:
                    self._raise_known(failure)
                    try:
                        self.before, token = self.current, await self._sign_in()
                        self.current = token
                    except ChannelImagesError as error:
                        self._remember(error)
        return token


def _refusal(error: StatusError) -> NotAuthenticated:
    """The error for credentials that the server does not take."""
    return NotAuthenticated(
        f"the server refuses to sign in with this user name and password: {error}",
        response=error.response,
        retries=error.retries,
    )
