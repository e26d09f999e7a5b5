"""Decides who may ask: token authentication in the manner, and the words, of Django REST Framework."""

import hmac

from channel_images.mock.http.answers import unauthorized
from channel_images.mock.http.call import Call

_SCHEME = b"token"


def require_token(call: Call, token: str) -> None:
    """Let a request pass that carries `Authorization: Token <token>`; raise `Refused` with 401 for any other."""
    parts = (call.header(b"authorization") or b"").split()
    if not parts or parts[0].lower() != _SCHEME:
        raise unauthorized("Authentication credentials were not provided.")
    if len(parts) == 1:
        raise unauthorized("Invalid token header. No credentials provided.")
    if len(parts) > 2:
        raise unauthorized("Invalid token header. Token string should not contain spaces.")
    # On bytes, since compare_digest refuses texts that are not ASCII.
    if not hmac.compare_digest(parts[1], token.encode()):
        raise unauthorized("Invalid token.")
