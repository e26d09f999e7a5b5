"""Signing in: a user name and a password for a token, as existing clients do it.

The password goes into the body of one request, and nowhere else: no message holds it, nor what the server said about it.
"""

import json
from urllib.parse import urlsplit

import httpx

from channel_images.auth import SIGN_IN
from channel_images.conformance.target import Target

LOGIN_PATH = SIGN_IN["url"]
MOST_BYTES = 100_000
"""The longest answer that is read."""


class SignInFailed(ValueError):
    """No token came of it; the message says why in one line."""


def sign_in(target: Target, username: str, password: str) -> str:
    """The token that a server gives for a user name and a password.

    Raises ``SignInFailed``.
    """
    url = target.url + LOGIN_PATH
    try:
        with target.client() as client:
            body = {"username": username, "password": password}
            with client.stream("POST", url, json=body) as response:
                return _token(response, url)
    except httpx.TimeoutException:
        raise SignInFailed(f"cannot sign in: no answer within {target.timeout:g} s from {url}") from None
    except httpx.TransportError as error:
        raise SignInFailed(f"cannot sign in: nothing answers at {url}: {_flat(str(error))}") from None
    except httpx.DecodingError:
        raise SignInFailed(f"cannot sign in: {url} answers what can't be read") from None


def usable(token: str) -> bool:
    """Whether a header can carry a token."""
    return token.isascii() and token.isprintable() and " " not in token


def _token(response: httpx.Response, url: str) -> str:
    status = response.status_code
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
    try:
        document = json.loads(_read(response))
        token = document["key"]
    except (ValueError, KeyError, TypeError, RecursionError):
        token = None
    if not isinstance(token, str) or not token or not usable(token):
        raise SignInFailed(f"cannot sign in: {url} answers {status} without a key")
    return token


def _read(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            return b""
    return body


def _flat(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:200]
