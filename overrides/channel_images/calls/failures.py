"""Says of a failure what it is, whether another attempt may end better, and in which words to tell it."""

import socket
import ssl
from collections.abc import Iterator

import httpx

from channel_images_api.errors import MalformedBody

ABANDONED = "nobody waits for the answer any more"
_WORTH_IT = (
    httpx.TimeoutException,
    httpx.NetworkError,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.DecodingError,
)
_NO_SUCH_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")


def is_worth_repeating(error: Exception) -> bool:
    """Whether another attempt may end better than with this error."""
    if isinstance(error, MalformedBody):
        return is_no_json(error)
    return (isinstance(error, _WORTH_IT) or is_of_http2(error)) and not is_permanent(error)


def is_refusal(outcome: httpx.Response | Exception) -> bool:
    """Whether a server says that what it was asked to do does not fit its state."""
    return isinstance(outcome, httpx.Response) and outcome.status_code in (400, 409)


def may_have_arrived(outcome: httpx.Response | Exception) -> bool:
    """Whether a server may have done what it was asked to, although this came of it."""
    if isinstance(outcome, httpx.Response):
        return outcome.status_code == 408 or outcome.status_code >= 500
    return not isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def is_of_http2(error: Exception) -> bool:
    """Whether a connection of HTTP/2 came into disorder, which another one need not do.

    httpcore calls it a `LocalProtocolError` too when the fault is the server's. Over HTTP/1.1 that is one of the request.
    """
    return isinstance(error, httpx.HTTPError) and any(is_of_package(cause, "h2") for cause in causes(error))


def is_of_package(error: BaseException, name: str) -> bool:
    """Whether a package defines this kind of error, which need not be installed."""
    return type(error).__module__.partition(".")[0] == name


def is_no_json(error: MalformedBody) -> bool:
    """Whether the body could not be read at all, as happens when a transfer fails, or a proxy answers."""
    return not error.path and isinstance(error.value, bytes)


def is_permanent(error: BaseException) -> bool:
    """Whether the same will happen at every attempt: there is no such host, or it cannot be trusted or spoken to."""
    return any(
        isinstance(cause, ssl.SSLCertVerificationError)
        or (isinstance(cause, socket.gaierror) and cause.errno in _NO_SUCH_HOST)
        or (isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None) in _NOT_TLS)
        for cause in causes(error)
    )


def describe_failure(error: BaseException) -> str:
    """Why there was no answer, in words that a person can act on."""
    text = str(error) or type(error).__name__
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the server's certificate does not verify: {text}"
        if isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None) in _NOT_TLS:
            return f"the server does not speak TLS there: is it http:// or another port? ({text})"
        if isinstance(cause, socket.gaierror) and cause.errno in _NO_SUCH_HOST:
            return f"there is no such host ({text})"
    return text


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that led to it."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        error_or_none = left.pop()
        if error_or_none is not None and id(error_or_none) not in seen:
            seen.add(id(error_or_none))
            yield error_or_none
            left += (error_or_none.__context__, error_or_none.__cause__)


def describe(failure: httpx.Response | Exception) -> str:
    """What happened, in a few words."""
    if isinstance(failure, httpx.Response):
        return f"the server answered {failure.status_code} {failure.reason_phrase}".rstrip()
    if isinstance(failure, MalformedBody):  # whose own words show a part of the body
        assert failure.response is not None  # noqa: S101 - a call sets it
        return f"the server answered {failure.response.status_code}, and the body is not {failure.expected}"
    return str(failure) or type(failure).__name__


def as_httpx(error: Exception, request: httpx.Request) -> Exception:
    """The error that httpx has for what a transport lets through, or calls a timeout and is none."""
    import anyio

    # httpcore lets those of TLS through that come after the handshake, and over HTTP/2 those of writing.
    if isinstance(error, ssl.SSLError | anyio.EndOfStream | anyio.ClosedResourceError | anyio.BrokenResourceError):
        failure: httpx.RequestError = httpx.ReadError(str(error) or "the connection was closed", request=request)
        failure.__cause__ = error
        return failure
    inner = error.__cause__ if isinstance(error, httpx.RequestError) else error
    if inner is not None and is_of_package(inner, "aiohttp"):
        return _as_httpx_of_aiohttp(error, inner, request)
    if isinstance(error, httpx.TimeoutException) and isinstance(inner, OSError) and not isinstance(inner, TimeoutError):
        failure = httpx.ConnectError(str(inner), request=request)
        failure.__cause__ = inner
        return failure
    return error


def _as_httpx_of_aiohttp(error: Exception, inner: BaseException, request: httpx.Request) -> httpx.RequestError:
    """The same for aiohttp. Its errors are left behind: they hold the request, or the password of a proxy."""
    status = getattr(inner, "status", None)
    if status is not None:  # of an answer that cannot be read, whose text has a URL
        text = f"{status}, {getattr(inner, 'message', '')}"
        kind: type[httpx.RequestError] = httpx.RemoteProtocolError
    else:
        text = str(inner) or type(inner).__name__
        kind = httpx.ReadError
    reason = getattr(inner, "os_error", None) or getattr(inner, "certificate_error", None)
    if isinstance(reason, OSError | ValueError):
        kind = httpx.ConnectError
    elif isinstance(inner, TimeoutError):
        kind = type(error) if isinstance(error, httpx.TimeoutException) else httpx.ReadTimeout
    elif isinstance(error, httpx.RequestError) and not isinstance(error, httpx.TimeoutException):
        kind = type(error)
    failure = kind(" ".join(text.split()), request=request)
    failure.__cause__ = reason
    return failure
