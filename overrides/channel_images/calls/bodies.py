"""Reads the body of an answer: a step at a time, and no more of it than was agreed.

httpx undoes every content coding that a server names, one upon the other, all at once and without a limit: 1,116 bytes
in two codings are 1.2 GB. Here one coding is undone, and it is one of those that the client asks for.
"""

import zlib
from collections.abc import AsyncIterator, Callable, Iterator

import httpx

from channel_images.exceptions import MalformedResponse

CODINGS = "gzip, deflate"
"""The content codings that are undone, as `Accept-Encoding` asks for them."""
STEP = 1 << 20
"""Bytes; the most that is decoded between two checks."""
_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_OTHERS = frozenset(("br", "zstd", "compress", "x-compress", "dcb", "dcz"))
_OF_THE_BODY = frozenset((b"content-encoding", b"content-length", b"transfer-encoding"))


def read_bounded(
    response: httpx.Response, most: int, *, check: Callable[[], None] | None = None, option: str = ""
) -> bytes:
    """Read a response of a synchronous client. Its `content`, `text` and `json()` are then there as ever.

    Args:
        response: As `stream=True` gives it, not read yet.
        most: Bytes; how long the body may be, both as it comes and as it is decoded.
        check: Called after each arrival of data, and each step of decoding; raises what is to end the reading.
        option: What the error calls the limit, such as `max_body=`.

    Raises:
        MalformedResponse: The body is longer, or in a content coding that is not undone. The `response` of the error
            is without its body. Close the response itself.
        httpx.HTTPError: The body did not come as a whole, or cannot be decoded.
    """
    body = _Body(response, most, option)
    assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101 - what a synchronous client gives
    response.stream = _Steps(response.stream, body, check or _nothing)
    with body:
        return body.whole(response.read())


async def aread_bounded(response: httpx.Response, most: int, *, option: str = "") -> bytes:
    """The same for an asynchronous client: other tasks have their turn, and a cancellation its effect, after each step."""
    body = _Body(response, most, option)
    assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - what an asynchronous client gives
    response.stream = _AsyncSteps(response.stream, body)
    with body:
        return body.whole(await response.aread())


def with_content(
    response: httpx.Response,
    content: bytes,
    *,
    headers: list[tuple[bytes, bytes]] | None = None,
    extensions: dict[str, object] | None = None,
) -> httpx.Response:
    """A copy of a response with another body, and with other headers and extensions where some are given."""
    return httpx.Response(
        response.status_code,
        headers=[
            (name, value)
            for name, value in (response.headers.raw if headers is None else headers)
            if name.lower() not in _OF_THE_BODY
        ],
        content=content,
        request=response.request,
        extensions={**response.extensions, **(extensions or {})},
    )


class _Body:
    """What is made of a body while it comes; inside its `with`, httpx takes it for one that is not coded."""

    def __init__(self, response: httpx.Response, most: int, option: str) -> None:
        self._response = response
        self._most = most
        self._option = option
        self._received = self._decoded = 0
        self._headers = response.headers
        codings = [name.strip().lower() for name in self._headers.get_list("content-encoding", split_commas=True)]
        codings = [name for name in codings if name not in ("", "identity")]
        if len(codings) > 1:
            raise self._refusal(
                "the body is in several content codings, one on top of the other; the client decodes only one"
            )
        (self._coding,) = codings or [""]
        if self._coding in _OTHERS:
            raise self._refusal(f"the body is in the content coding {self._coding}; the client decodes {CODINGS}")
        window = _WINDOWS.get(self._coding)  # what is no coding at all, such as utf-8, is passed over
        self._inflate = None if window is None else zlib.decompressobj(window)

    def __enter__(self) -> None:
        if self._coding:
            self._response.headers = httpx.Headers(self._headers)
            del self._response.headers["content-encoding"]

    def __exit__(self, *_: object) -> None:
        self._response.headers = self._headers

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """What the next bytes come to, in steps.

        Raises:
            MalformedResponse: That is too long.
        """
        if self._coding == "deflate" and not self._received and chunk and chunk[0] & 0xF != zlib.DEFLATED:
            # Many servers leave out the head, which says 8 there. A block would only if its padding were not 0.
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._received += len(chunk)
        self._check_length(self._received)
        if self._inflate is None:
            yield chunk
            return
        while not self._inflate.eof:
            try:
                step = self._inflate.decompress(chunk, STEP)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from None
            self._decoded += len(step)
            self._check_length(self._decoded)
            yield step
            chunk = self._inflate.unconsumed_tail
            if not chunk and len(step) < STEP:
                return

    def whole(self, content: bytes) -> bytes:
        """The body; a transport may have read it beforehand.

        Raises:
            httpx.DecodingError: It ends in the middle of its content coding.
        """
        if self._inflate is not None and self._received and not self._inflate.eof:
            raise httpx.DecodingError("the body ends before its content coding does")
        self._check_length(len(content))
        # The stream refers to the response, and such a circle holds the body in memory until the next garbage collection.
        self._response.stream = httpx.ByteStream(content)
        return content

    def _check_length(self, length: int) -> None:
        if length > self._most:
            raise self._refusal(f"the body is longer than {self._option}{self._most} bytes")

    def _refusal(self, reason: str) -> MalformedResponse:
        return MalformedResponse(reason, response=with_content(self._response, b""))


class _Steps(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, body: _Body, check: Callable[[], None]) -> None:
        self._stream = stream
        self._body = body
        self._check = check

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            for step in self._body.decode(chunk):
                self._check()
                yield step
            self._check()

    def close(self) -> None:
        self._stream.close()


class _AsyncSteps(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, body: _Body) -> None:
        self._stream = stream
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        from asyncio import sleep  # not before it is asked for: it takes long to import

        async for chunk in self._stream:
            for step in self._body.decode(chunk):
                yield step
                if len(step) == STEP:
                    await sleep(0)

    async def aclose(self) -> None:
        await self._stream.aclose()


def _nothing() -> None:
    """No check."""
