"""Hides tokens, passwords and whatever else nobody should read: in texts, bodies, answers, requests and errors."""

import re
from base64 import b64encode
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NoReturn

import httpx

from channel_images.calls.bodies import with_content
from channel_images.calls.failures import causes
from channel_images.exceptions import ChannelImagesError, ConfigurationError
from channel_images_api.errors import MalformedBody

NOT_SHOWN = b"<not shown: a secret may be in it>"
_HIDDEN = b"<secret>"
_LEAST_HIDDEN = 4
_LEAST_OF_A_HEADER = 8  # characters of a value that is taken for a secret
_MAX_SEARCHED = 4 << 20  # bytes, at some 10 MB a second and secret
_HARMLESS_HEADERS = frozenset(("accept", "accept-encoding", "accept-language", "connection", "host", "user-agent"))
_WORD = re.compile(r"[^\s;,=]+")  # of a header's value


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
        raise TypeError("a secret cannot be pickled")


def token_secret(token: str) -> Secret:
    """The token, when it can stand in a header.

    Raises:
        ConfigurationError: It is empty, or holds what no header can.
    """
    if not isinstance(token, str) or not token:
        raise ConfigurationError("the token must be text, and not empty")
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
        raise ConfigurationError(f"{name} is not valid Unicode")
    return Secret(text)


class Secrets:
    """All that nobody should read of one client, and the one way to hide it.

    Args:
        given: The token, or the user name and the password.
    """

    def __init__(self, *given: Secret) -> None:
        self._given = list(given)
        self._signed: deque[Secret] = deque(maxlen=2)  # of the token before, a server may still speak
        self._private_headers = ["Authorization", "Cookie"]

    def add(self, *texts: str | None, least: int = _LEAST_OF_A_HEADER) -> None:
        """Hide these too, where they have at least so many characters."""
        self._given += [Secret(text) for text in dict.fromkeys(texts) if text and len(text) >= least]

    def add_header(self, name: str, value: str) -> None:
        """Hide the value of a header that goes with each request, and each word of it."""
        if name.lower() not in _HARMLESS_HEADERS:
            self._private_headers.append(name)
            self.add(value, *_WORD.findall(value))

    def add_token(self, token: Secret) -> None:
        """Hide a token that a sign-in gave."""
        self._signed.append(token)

    def hide(self, text: str) -> str:
        """The text without secrets."""
        return hide(text, self._all)

    @property
    def _all(self) -> tuple[Secret, ...]:
        return *self._given, *self._signed

    def cleaned(self, response: httpx.Response) -> httpx.Response:
        """The answer without secrets, where the server has put them into it.

        That to a sign-in which did not fail may hold a token that is not known yet: it is without its body.
        """
        secrets, request = self._all, response.request
        is_sign_in = request.method == "POST" and response.status_code < 400
        content = b"" if is_sign_in else self._cleaned_content(response)
        headers = [
            (hide_in_bytes(name, secrets), hide_in_bytes(value, secrets)) for name, value in response.headers.raw
        ]
        if content is NOT_SHOWN:
            headers = [(name, value) for name, value in headers if name.lower() != b"content-type"]
        reason, path = hide(response.reason_phrase, secrets), hide_in_bytes(request.url.raw_path, secrets)
        if (content, headers, reason, path) == (
            *(response.content, response.headers.raw, response.reason_phrase),
            request.url.raw_path,
        ):
            return response
        extensions: dict[str, object] = {"reason_phrase": reason.encode("ascii", "replace")}
        cleaned = with_content(response, content, headers=headers, extensions=extensions)
        if path != request.url.raw_path:
            url = request.url.copy_with(raw_path=path)
            cleaned.request = httpx.Request(request.method, url, headers=request.headers)
        with suppress(RuntimeError):  # of an answer that was not timed
            cleaned.elapsed = response.elapsed
        return cleaned

    def _cleaned_content(self, response: httpx.Response) -> bytes:
        if len(response.content) > _MAX_SEARCHED:
            return NOT_SHOWN
        secrets = self._all
        content = hide_in_bytes(response.content, secrets)
        if any(hide_in_bytes(text, secrets) != text for text in _other_texts(response, content)):
            return NOT_SHOWN
        return content

    def scrubbed(self, request: httpx.Request) -> httpx.Request:
        """The request as an answer or an error keeps it: without the token, the password, and the caller's headers."""
        for name in self._private_headers:
            with suppress(KeyError):
                del request.headers[name]
        if request.method == "GET":
            return request
        return httpx.Request(request.method, request.url, headers=request.headers)

    def scrub(self, response: httpx.Response) -> None:
        """The same for the request of an answer."""
        response.request = self.scrubbed(response.request)

    def clean_causes(self, error: BaseException) -> None:
        """Take secrets out of what an error of ours comes from: out of the words, and with the frames out of variables.

        A frame of httpx, of httpcore or of h11 holds the headers of the request, and with them the token, or the
        password of a proxy. An error of the caller's own hooks stays as it is.
        """
        is_callers = not isinstance(error, httpx.RequestError | MalformedBody | ChannelImagesError)
        for cause in causes(error):
            if isinstance(cause, httpx.HTTPError) and (request := getattr(cause, "_request", None)) is not None:
                cause.request = self.scrubbed(request)
            if is_callers:
                continue
            cause.__traceback__ = None
            if not isinstance(cause, MalformedBody | ChannelImagesError):
                cause.args = tuple(arg if isinstance(arg, int) else self.hide(str(arg)) for arg in cause.args)


def hide(text: str, secrets: Iterable[Secret]) -> str:
    """The text, which a server may have had a part in, without the secrets that the server knows too."""
    return hide_in_bytes(text.encode(errors="surrogatepass"), secrets).decode(errors="surrogatepass")


def hide_in_bytes(content: bytes, secrets: Iterable[Secret]) -> bytes:
    """The same for a body."""
    for secret in sorted(set(secrets), key=lambda secret: len(secret.reveal()), reverse=True):
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


def _other_texts(response: httpx.Response, content: bytes) -> Iterator[bytes]:
    """What a body says to those who do not take it for UTF-8."""
    if b"\0" in content:  # UTF-16, UTF-32
        yield content.replace(b"\0", b"")
    with suppress(Exception):  # a charset that Python knows, and that is none of texts: hex, rot13
        if (encoding := response.encoding or "utf-8").lower() not in ("utf-8", "utf8", "ascii", "us-ascii"):
            yield content.decode(encoding, "replace").encode(errors="replace")
