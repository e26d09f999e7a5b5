"""Makes errors of ours: for an answer that is no good, and for an attempt that brought none."""

import httpx

from channel_images.calls.address import REDIRECTS, origin, redirect_target, shown
from channel_images.calls.config import Options
from channel_images.calls.deadlines import DeadlinePassed
from channel_images.calls.failures import describe_failure
from channel_images.calls.outside import SAFE_METHODS
from channel_images.calls.retries import Retries, retry_after
from channel_images.calls.secrets import Secrets
from channel_images.exceptions import (
    ChannelImagesError,
    ConnectionFailed,
    MalformedResponse,
    RateLimited,
    ServerError,
    StatusError,
    Timeout,
    kind_of,
)
from channel_images_api.errors import MalformedBody

_WAITS: tuple[tuple[type[httpx.TimeoutException], str, str], ...] = (
    (httpx.ConnectTimeout, "connecting", "connect"),
    (httpx.PoolTimeout, "waiting for a free connection", "pool"),
    (httpx.WriteTimeout, "sending", "write"),
    (httpx.TimeoutException, "the answer", "read"),
)
_IN_DOUBT = "The request may have arrived all the same: look before you send it again"


def explain(
    failure: httpx.Response | Exception,
    request: httpx.Request,
    options: Options,
    secrets: Secrets,
    *,
    retries: int,
    in_doubt: bool,
) -> ChannelImagesError | None:
    """The error for what the last attempt came to; None for what is none of ours to explain.

    Args:
        failure: An answer that is no 200, read to its end; or an error of httpx, of the generated client or of ours.
        request: What was asked for.
        options: Those of the client.
        secrets: What no error shows.
        retries: How many times the request was sent again.
        in_doubt: Whether the server may have done what it was asked to, which must not be done twice.
    """
    error = _explain(failure, request, options, secrets, retries)
    if in_doubt and error is not None:
        error.args = (f"{error}. {_IN_DOUBT}",)
    return error


def _explain(
    failure: httpx.Response | Exception, request: httpx.Request, options: Options, secrets: Secrets, retries: int
) -> ChannelImagesError | None:
    if isinstance(failure, httpx.Response):
        return _status_error(failure, options, secrets, retries)
    after = _after(retries)
    where = f"{request.method} {shown(request.url)}"
    if isinstance(failure, MalformedBody):
        return _malformed(failure, options, secrets, retries)
    if isinstance(failure, MalformedResponse):
        secrets.scrub(failure.response)
        response = secrets.cleaned(failure.response)
        message = f"{where} answered {failure.status_code}: {failure}{after}{_answered_via(options)}"
        return MalformedResponse(message, response=response, retries=retries)
    if isinstance(failure, httpx.TimeoutException):
        what, option, seconds = _waited(failure, options)
        return Timeout(
            f"{where}: {what} took longer than {seconds:g} s{options.via}{after}; a longer {option}= may help",
            url=shown(request.url),
            retries=retries,
        )
    if isinstance(failure, httpx.RequestError):
        reason = secrets.hide(describe_failure(failure)) + options.via
        return ConnectionFailed(f"{where}: {reason}{after}", url=shown(request.url), retries=retries)
    return None


def _answered_via(options: Options) -> str:
    """The proxy that may have answered in the server's place; inside of TLS it cannot."""
    return options.via if options.base_url.startswith("http:") else ""


def _after(retries: int) -> str:
    return f" (after {retries} {'retry' if retries == 1 else 'retries'})" if retries else ""


def _status_error(response: httpx.Response, options: Options, secrets: Secrets, retries: int) -> StatusError:
    hint = response.extensions.pop("unread", "") or _hint(response, options, secrets)
    response = secrets.cleaned(response)
    error = kind_of(response.status_code)("", response=response, retries=retries)
    message = (
        f"{response.request.method} {response.url} answered {response.status_code} {response.reason_phrase}".rstrip()
    )
    if error.detail:
        message += f": {error.detail}"
    message = secrets.hide(message + _after(retries)).encode(errors="backslashreplace").decode()  # halves of surrogates
    message += _answered_via(options)
    error.args = (f"{message.rstrip('.')}. {hint}" if hint else message,)
    if isinstance(error, RateLimited | ServerError):
        error.retry_after = retry_after(response.headers.get("Retry-After"))
    return error


def _hint(response: httpx.Response, options: Options, secrets: Secrets) -> str:
    """What to do about it."""
    status, url = response.status_code, response.request.url
    if status == 401:
        return "" if options.credentials else "The token is wrong or has expired"
    if status in REDIRECTS:
        target = redirect_target(url, response.headers.get("location", ""))
        if target is None:
            return "It redirects to something that is not a URL"
        where = f"It redirects to {secrets.hide(shown(target))}"
        if origin(target) != origin(url):
            return f"{where}, another origin: the client does not follow, and keeps the token here"
        if response.request.method not in SAFE_METHODS:
            return f"{where}, and a {response.request.method} is not sent on"
        return "It redirects without end"
    if status == 404 and (
        "json" not in response.headers.get("content-type", "") or _repeats_itself(options.base_url, url)
    ):
        return f"Is {options.base_url} the base URL of the API?"
    return _hint_to_wait(response, options.retries)


def _hint_to_wait(response: httpx.Response, policy: Retries) -> str:
    asked = retry_after(response.headers.get("Retry-After"))
    if response.status_code in (408, 429, 503) and asked is not None and 0 < policy.max_wait < asked:
        return f"The server asks to wait {asked:,.0f} s, longer than max_wait={policy.max_wait:g}"
    return ""


def _repeats_itself(base_url: str, url: httpx.URL) -> bool:
    """Whether the base URL ends as the paths of the API begin, as where it was copied from one of them."""
    prefix = httpx.URL(base_url).path
    rest = url.path.removeprefix(prefix)
    words = prefix.strip("/").split("/")
    endings = ("/" + "/".join(words[first:]) + "/" for first in range(len(words)))
    return any(rest.startswith(ending) for ending in endings)


def _malformed(error: MalformedBody, options: Options, secrets: Secrets, retries: int) -> MalformedResponse:
    response, hint = error.response, ""
    if response is not None and _looks_like_html(response):
        hint = f". An HTML page came: is {options.base_url} the base URL of the API?"
    return MalformedResponse(
        secrets.hide(f"{error}{_after(retries)}") + _answered_via(options) + hint,
        path=error.path,
        value=error.value,
        response=response,
        retries=retries,
    )


def _looks_like_html(response: httpx.Response) -> bool:
    return "html" in response.headers.get("content-type", "") or response.content[:64].lstrip().startswith(b"<")


def _waited(error: httpx.TimeoutException, options: Options) -> tuple[str, str, float]:
    """What took too long, the option that says how long it may take, and its value."""
    if isinstance(error, DeadlinePassed):
        return error.deadline.what, error.deadline.option, error.deadline.seconds
    what, kind = next((what, kind) for error_type, what, kind in _WAITS if isinstance(error, error_type))
    limit = options.limits[kind]
    if limit.option == "call_timeout" and kind == "read":
        what = "the whole answer"
    return what, limit.option, limit.seconds
