"""Names what can go wrong, as one tree::

    ChannelImagesError
    ├── ConfigurationError     a setting is missing or makes no sense; also a ValueError
    ├── ClientUnusable         the client is closed, or was made in another process; also a RuntimeError
    ├── RequestError           there was no whole answer
    │   ├── ConnectionFailed
    │   └── Timeout
    ├── ResponseError          there was an answer, and it cannot be used
    │   ├── StatusError        its status is not 200
    │   │   ├── BadRequest         400
    │   │   ├── NotAuthenticated   401
    │   │   ├── PermissionDenied   403
    │   │   ├── NotFound           404, 410: also if the base URL is not that of the API
    │   │   │   ├── ImageNotFound      the channel has no such image
    │   │   │   └── ChannelNotFound    there is no such channel
    │   │   ├── RateLimited        429
    │   │   └── ServerError        5xx
    │   └── MalformedResponse  its body is not what the contract says
    ├── ListingError           the answers do not add up
    │   ├── IncompleteListing  the list changed while it was read, and rows may be missing
    │   └── DrainStalled       pending images were handed out, and stay pending
    ├── BatchError             a batch of pending images cannot be ended as asked
    └── ExportError            an export cannot be written as asked
        └── ChannelsFailed         some of its channels could not be read

None of them shows a token or a password, and neither does its cause (`__cause__`).
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the command line reads settings, and refuses bad ones, before it needs httpx
    import httpx

    from channel_images.window import Window

_REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray")
_EXCERPT = 200


def request_id(headers: Mapping[str, str]) -> str | None:
    """The id that the server, or a proxy before it, gave the request; None if it sent none."""
    return next((headers[name] for name in _REQUEST_ID_HEADERS if name in headers), None)


class ChannelImagesError(Exception):
    """Every error of this package."""


class ConfigurationError(ChannelImagesError, ValueError):
    """A setting is missing or makes no sense. The message names it and says how to mend it."""


class ClientUnusable(ChannelImagesError, RuntimeError):
    """The client is closed, or was carried into another process."""


class RequestError(ChannelImagesError):
    """There was no whole answer, after all retries.

    Attributes:
        url: The URL of the request.
        retries: How many times the client sent the request again.
    """

    def __init__(self, message: str, *, url: str = "", retries: int = 0) -> None:
        super().__init__(message)
        self.url = url
        self.retries = retries


class ConnectionFailed(RequestError):
    """The server could not be reached, or broke the connection off."""


class Timeout(RequestError):
    """The answer, or a part of it, took longer than the client waits."""


class ResponseError(ChannelImagesError):
    """An answer came, and it cannot be used.

    Attributes:
        response: The answer as httpx gives it; its request is without the token.
        retries: How many times the client sent the request again.
    """

    response: "httpx.Response"

    def __init__(self, message: str, *, response: "httpx.Response | None" = None, retries: int = 0) -> None:
        super().__init__(message)
        if response is not None:  # None only while pickle builds the error, and sets the attributes afterwards
            self.response = response
        self.retries = retries

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self.response.status_code

    @property
    def headers(self) -> "httpx.Headers":
        """The headers of the answer."""
        return self.response.headers

    @property
    def request_id(self) -> str | None:
        """The id that the server gave the request; None if it sent none."""
        return request_id(self.headers)


class StatusError(ResponseError):
    """The status is not 200."""

    @property
    def body(self) -> Any:
        """The body: decoded if it is JSON, otherwise as text."""
        return _body(self.response)

    @property
    def detail(self) -> str:
        """What the server says about it, in one line; empty if it says nothing."""
        return _detail(self.body)


class BadRequest(StatusError):
    """400: the server refuses a parameter."""

    @property
    def fields(self) -> dict[str, list[str]]:
        """The messages about each parameter, by its name on the wire; empty if the server names none."""
        if not isinstance(self.body, dict):
            return {}
        return {
            name: [str(message) for message in messages]
            for name, messages in self.body.items()
            if isinstance(messages, list)
        }


class NotAuthenticated(StatusError):
    """401: the token, or the password, is missing or not valid."""


class PermissionDenied(StatusError):
    """403: the token is valid, but not for this channel."""


class NotFound(StatusError):
    """404, or 410. For an image or a list, it is one of the two below, unless something else than the API answered."""


class ImageNotFound(NotFound):
    """The channel exists, and has no such image."""


class ChannelNotFound(NotFound):
    """There is no such channel, or not for this token."""


class RateLimited(StatusError):
    """429: too many requests, after the last retry, or for longer than `Retries.max_wait`.

    Attributes:
        retry_after: Seconds that the server asks to wait; None if it does not say, or says it in no readable form.
    """

    retry_after: float | None = None


class ServerError(StatusError):
    """5xx: the server failed, after the last retry, or for longer than `Retries.max_wait`.

    Attributes:
        retry_after: Seconds that the server asks to wait; None if it does not say, or says it in no readable form.
    """

    retry_after: float | None = None


_BY_STATUS: dict[int, type[StatusError]] = {
    400: BadRequest,
    401: NotAuthenticated,
    403: PermissionDenied,
    404: NotFound,
    410: NotFound,
    429: RateLimited,
}


def kind_of(status: int) -> type[StatusError]:
    """The error for a status that is not 200."""
    return _BY_STATUS.get(status, ServerError if status >= 500 else StatusError)


def no_channel(error: NotFound, channel_id: int) -> NotFound:
    """The error for what the server says of a channel. Where no JSON came, it was not the API that answered."""
    if not isinstance(error.body, dict):
        return error
    message = f"there is no channel {channel_id}, or not for this token: {error}"
    return ChannelNotFound(message, response=error.response, retries=error.retries)


class MalformedResponse(ResponseError):
    """A 200 whose body contradicts the contract, is not JSON, is too long, or has a coding that the client did not ask for.

    Attributes:
        path: Where in the body, such as `results[3].width`; empty for the whole body.
        value: What is there: a part of the decoded body, or all of its bytes if they are not JSON. None for a body that
            the client refused; `response` does not have it either.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str = "",
        value: object = None,
        response: "httpx.Response | None" = None,
        retries: int = 0,
    ) -> None:
        super().__init__(message, response=response, retries=retries)
        self.path = path
        self.value = value


class ListingError(ChannelImagesError):
    """Each answer was good, but together they do not add up."""


class IncompleteListing(ListingError):
    """The list changed while it was read: images that were there throughout may be missing.

    Attributes:
        windows: The windows in doubt: rows may be missing just before the first row of each.
        passes: How many times the list was read.
    """

    def __init__(self, message: str, *, windows: Sequence["Window"] = (), passes: int = 1) -> None:
        super().__init__(message)
        self.windows = tuple(windows)
        self.passes = passes


class DrainStalled(ListingError):
    """You got images, and the server still lists them as pending.

    Attributes:
        pks: The `pk` of each such image.
        passes: How many full passes in a row showed no progress.
    """

    def __init__(self, message: str, *, pks: Sequence[int] = (), passes: int = 0) -> None:
        super().__init__(message)
        self.pks = tuple(pks)
        self.passes = passes


class BatchError(ChannelImagesError):
    """A batch of pending images cannot be taken or ended as asked. Its images are pending again, now or after the next run.

    Attributes:
        pks: The `pk` of each of these images.
    """

    def __init__(self, message: str, *, pks: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.pks = tuple(pks)


class ExportError(ChannelImagesError):
    """An export cannot be written as asked. The message says why, and how to mend it."""


class ChannelsFailed(ExportError):
    """Some channels of an export could not be read. The others were.

    Attributes:
        errors: The error of each channel that failed.
    """

    def __init__(self, errors: Mapping[int, ChannelImagesError]) -> None:
        super().__init__("; ".join(f"channel {channel}: {error}" for channel, error in errors.items()))
        self.errors = dict(errors)

    def __reduce__(self) -> tuple[type["ChannelsFailed"], tuple[Mapping[int, ChannelImagesError]]]:
        return type(self), (self.errors,)


def _body(response: "httpx.Response") -> Any:
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        pass
    try:
        return response.text
    except Exception:  # noqa: BLE001 - a charset that Python knows, and that is none of texts: hex, rot13
        return response.content.decode(errors="replace")


def _detail(body: Any) -> str:
    if isinstance(body, dict) and isinstance(body.get("detail"), str):
        text = body["detail"]
    elif isinstance(body, dict):
        text = "; ".join(f"{name}: {_joined(messages)}" for name, messages in body.items())
    elif isinstance(body, str) and "<" in body:
        text = "an HTML page" if "<html" in body.lower() or "<!doctype" in body.lower() else body
    else:
        text = body if isinstance(body, str) else ""
    text = " ".join(text.split())
    return text if len(text) <= _EXCERPT else f"{text[: _EXCERPT - 3]}..."


def _joined(messages: Any) -> str:
    return " ".join(map(str, messages)) if isinstance(messages, list) else str(messages)
