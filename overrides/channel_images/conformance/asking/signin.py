"""Signs in: a user name and a password for a token, as existing clients do it.

The password goes into the body of one request, and nowhere else: no message holds it, nor what the server said about it.
"""

import json
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
from attrs import evolve

from channel_images.calls.bodies import read_bounded
from channel_images.calls.outside import SIGN_IN
from channel_images.conformance.asking.cleaning import Cleaner
from channel_images.conformance.asking.target import Target
from channel_images.conformance.asking.wire import LONGEST_WAIT, PAUSE, PROXY_STATUSES, TRIES, wait_asked_for
from channel_images.exceptions import ConfigurationError, MalformedResponse

LOGIN_PATH = SIGN_IN.url
MOST_BYTES = 100_000
"""The longest answer that is read."""


class SignInFailed(ValueError):
    """No token came of it; the message says why in one line."""


def sign_in(target: Target, username: str, password: str, sleep: Callable[[float], None] = time.sleep) -> str:
    """The token that a server gives for a user name and a password.

    A server that turns the sign-in away for a while (429), a proxy that answers for it, and a broken connection are asked
    again. Raises `SignInFailed`.
    """
    try:
        return _sign_in(target, username, password, sleep)
    except (SignInFailed, ConfigurationError) as reason:
        # A server may send the password back.
        raise SignInFailed(Cleaner.of(evolve(target, password=password)).text(str(reason))) from None


def _sign_in(target: Target, username: str, password: str, sleep: Callable[[float], None]) -> str:
    url = target.url + LOGIN_PATH
    body = {"username": username, "password": password}
    with target.client() as client:
        for attempt in range(1, TRIES + 1):
            pause = PAUSE
            try:
                with target.stream(client, "POST", url, json=body) as response:
                    if response.status_code == 429:
                        pause = wait_asked_for(response.headers.get("retry-after"))
                    if not _may_pass(response.status_code) or pause > LONGEST_WAIT or attempt == TRIES:
                        return _token(response, url)
            except httpx.TransportError as error:
                if attempt == TRIES:
                    raise SignInFailed(_why(error, url, target.timeout)) from None
            except (httpx.DecodingError, httpx.InvalidURL, ValueError) as error:
                if isinstance(error, SignInFailed):
                    raise
                raise SignInFailed(f"cannot sign in: {url} answers what can't be read") from None
            sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _may_pass(status: int) -> bool:
    return status == 429 or status in PROXY_STATUSES


def _why(error: httpx.TransportError, url: str, timeout: float) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"cannot sign in: no answer within {timeout:g} s from {url}"
    return f"cannot sign in: nothing answers at {url}: {_flat(str(error))}"


def usable(token: str) -> bool:
    """Whether a header can carry a token."""
    return token.isascii() and token.isprintable() and " " not in token


def _token(response: httpx.Response, url: str) -> str:
    status = response.status_code
    if status == 403 and (reason := _said(response, "detail")):
        # A lock, a throttle or a missing CSRF token says nothing of the password.
        raise SignInFailed(f"cannot sign in: {url} answers 403: {_flat(reason)}")
    if status in (400, 401, 403):
        raise SignInFailed(f"cannot sign in: the server refuses the user name or the password ({status} from {url})")
    if response.is_redirect:
        # Not followed: a password goes where it was meant to go.
        there = urlsplit(response.headers.get("location", ""))
        host = f"{there.scheme}://{there.netloc.rpartition('@')[2]}" if there.netloc else "another path"
        raise SignInFailed(f"cannot sign in: {url} leads on to {_flat(host)} ({status}); give the URL that answers")
    if status in (404, 405):
        raise SignInFailed(f"cannot sign in: there is no sign-in at {url} ({status}); give a token")
    if not response.is_success:
        raise SignInFailed(f"cannot sign in: {url} answers {status}")
    token = _said(response, "key")
    if not token or not usable(token):
        raise SignInFailed(f"cannot sign in: {url} answers {status} without a key")
    return token


def _said(response: httpx.Response, name: str) -> str:
    """A text of an answer's JSON; empty if it has none of that name."""
    try:
        text = json.loads(read_bounded(response, MOST_BYTES))[name]
    except (ValueError, KeyError, TypeError, RecursionError, MalformedResponse):
        return ""
    return text if isinstance(text, str) else ""


def _flat(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:200]
