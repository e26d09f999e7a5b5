"""Decides who may ask, and for what: token authentication in the manner, and the words, of Django REST Framework."""

import hmac

from channel_images.mock.http.answers import unauthorized
from channel_images.mock.http.call import Call
from channel_images.mock.settings import Settings

_SCHEME = b"token"


def require_token(call: Call, *tokens: str) -> None:
    """Let a request pass that carries `Authorization: Token <one of the tokens>`; raise `Refused` with 401 for others."""
    parts = (call.header(b"authorization") or b"").split()
    if not parts or parts[0].lower() != _SCHEME:
        raise unauthorized("Authentication credentials were not provided.")
    if len(parts) == 1:
        raise unauthorized("Invalid token header. No credentials provided.")
    if len(parts) > 2:
        raise unauthorized("Invalid token header. Token string should not contain spaces.")
    if not any(carries(call, token) for token in tokens):
        raise unauthorized("Invalid token.")


def carries(call: Call, token: str) -> bool:
    """Whether a request has this token, in whatever scheme."""
    _, _, given = (call.header(b"authorization") or b"").partition(b" ")
    # On bytes, since compare_digest refuses texts that are not ASCII.
    return hmac.compare_digest(given.strip(), token.encode())


def may_see(call: Call, settings: Settings, channel: int) -> bool:
    """Whether a channel is one of the user's who asks."""
    return (channel in settings.channels) is not carries(call, settings.other_token)
