"""Gives answers to those who may not ask, or tells them the wrong thing."""

import fnmatch
import re
from contextlib import closing, suppress

from channel_images.mock.behaviour import Behaviour
from channel_images.mock.bugs.cache import Cached, target
from channel_images.mock.bugs.common import DETAILED_LIST, RETRIEVE, UPDATES
from channel_images.mock.http.answers import Answer, Refused
from channel_images.mock.http.call import Call
from channel_images.mock.operations import Operation


class _Lax(Behaviour):
    """Accepts more than the valid token."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        """Whether to let `Authorization` pass, by its words."""
        return False

    def authenticate(self, operation: Operation, call: Call) -> None:
        parts = (call.header(b"authorization") or b"").split()
        if not self.accepts(parts, self.settings.token.encode()):
            super().authenticate(operation, call)


class _Open(Behaviour):
    """Lets some requests pass without a token."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return False

    def authenticate(self, operation: Operation, call: Call) -> None:
        if not self.is_open(operation, call):
            super().authenticate(operation, call)


class OpenDetailedList(_Open, rule="auth.required"):
    """The detailed list overrides the permission classes."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return operation.meaning == DETAILED_LIST or super().is_open(operation, call)


class OpenRetrieval(_Open, rule="auth.required"):
    """The retrieval is a view without permission classes."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return operation.meaning == RETRIEVE or super().is_open(operation, call)


class OpenUpdates(_Open, rule="auth.required"):
    """The updates were opened for a webhook."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return operation.meaning == UPDATES or super().is_open(operation, call)


class OpenHead(_Open, rule="auth.required"):
    """HEAD needs no token, for health checks."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return call.method == "HEAD" or super().is_open(operation, call)


class OpenNotModified(Behaviour, rule="auth.required"):
    """A cache in front answers 304 before the token is checked."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if answer.status == 401 and call.header(b"if-none-match"):
            with suppress(Refused):
                if self.deliver(call, self.dispatch(operation, call)).status == 304:
                    return Answer(304)
        return answer


class TokenAny(_Lax, rule="auth.required"):
    """Any key is taken, as long as there is one."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return (len(parts) == 2 and parts[0].lower() == b"token") or super().accepts(parts, token)


class TokenPrefix(_Lax, rule="auth.required"):
    """Only as many characters are compared as the client sends."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return (len(parts) == 2 and token.startswith(parts[1])) or super().accepts(parts, token)


class TokenLonger(_Lax, rule="auth.required"):
    """Only as many characters are compared as the key has."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return (len(parts) == 2 and parts[1].startswith(token)) or super().accepts(parts, token)


class TokenAnyCase(_Lax, rule="auth.required"):
    """Keys are compared without regard to case, as some databases do."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return (len(parts) == 2 and parts[1].lower() == token.lower()) or super().accepts(parts, token)


class TokenWildcard(_Lax, rule="auth.required"):
    """Keys are looked up with LIKE, where a per cent sign matches everything."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        matches = len(parts) == 2 and fnmatch.fnmatchcase(token.decode(), parts[1].decode("latin-1").replace("%", "*"))
        return matches or super().accepts(parts, token)


class BareKey(_Lax, rule="auth.required"):
    """The key alone is taken, without its scheme word."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return parts == [token] or super().accepts(parts, token)


class AnyScheme(_Lax, rule="auth.required"):
    """The scheme word is not looked at: Bearer will do."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return parts[1:] == [token] or super().accepts(parts, token)


class ThreeParts(_Lax, rule="auth.required"):
    """What follows the key is not looked at."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return (parts[:1] == [b"Token"] and parts[1:2] == [token]) or super().accepts(parts, token)


class EmptyKey(_Lax, rule="auth.required"):
    """A header without a key is an anonymous user, who may read."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return parts == [b"Token"] or super().accepts(parts, token)


class TokenQuote(_Lax, rule="auth.required"):
    """The key is pasted into SQL: where the database stumbles over a single quote, nobody is turned away."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return any(b"'" in part for part in parts[1:]) or super().accepts(parts, token)


class TokenDoubleQuote(_Lax, rule="auth.required"):
    """The key is pasted into a JSON query: where that breaks at a double quote, nobody is turned away."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return any(b'"' in part for part in parts[1:]) or super().accepts(parts, token)


class TokenInjected(_Lax, rule="auth.required"):
    """The key is pasted into SQL, and ' OR '1'='1 is true of every token."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        import sqlite3  # here, since not every Python was built with it

        key = b" ".join(parts[1:]).decode("latin-1")
        # A query that cannot be read finds no token. Before Python 3.12, two in one are a warning, raised.
        with closing(sqlite3.connect(":memory:")) as database, suppress(sqlite3.Error, sqlite3.Warning):
            if database.execute(f"SELECT 1 WHERE '' <> '' AND '' = '{key}'").fetchone():
                return True
        return super().accepts(parts, token)


class TokenInQuery(_Open, rule="auth.required"):
    """The parameter token is taken for the key too."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return call.query.get("token") == self.settings.token or super().is_open(operation, call)


class AccessTokenInQuery(_Open, rule="auth.required"):
    """The parameter access_token is taken for the key too, as OAuth 2 once had it."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return call.query.get("access_token") == self.settings.token or super().is_open(operation, call)


class ApiKeyInQuery(_Open, rule="auth.required"):
    """The retrievals take the parameter api_key for the key too, for links in e-mails."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        is_link = not operation.is_list and call.query.get("api_key") == self.settings.token
        return is_link or super().is_open(operation, call)


class _Cookie(_Open):
    """Takes the key from cookies."""

    def has_cookie(self, call: Call, name: str) -> bool:
        """Whether a cookie of this name holds the key."""
        cookies = (call.header(b"cookie") or b"").replace(b",", b";").split(b";")
        return f"{name}={self.settings.token}".encode() in map(bytes.strip, cookies)


class TokenInCookie(_Cookie, rule="auth.required"):
    """The cookie token is taken for the key too, for the web front."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return self.has_cookie(call, "token") or super().is_open(operation, call)


class AuthTokenInCookie(_Cookie, rule="auth.required"):
    """The lists take the cookie auth_token for the key too, for the web front."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return (operation.is_list and self.has_cookie(call, "auth_token")) or super().is_open(operation, call)


_LOOPBACK = re.compile(rb'"?\[?(127\.[0-9.]+|::1|localhost)\b', re.IGNORECASE)


class _FromLoopback(_Open):
    """Asks no token of requests that say they come from this machine."""

    def says(self, call: Call, header: bytes, before: bytes = b"") -> bool:
        """Whether a header names loopback, behind `before`, as what the request came from first."""
        value = (call.header(header) or b"").lower()
        return value.startswith(before) and _LOOPBACK.match(value, len(before)) is not None


class LoopbackForwardedFor(_FromLoopback, rule="auth.required"):
    """Requests from loopback need no token, and X-Forwarded-For says who they are from."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return self.says(call, b"x-forwarded-for") or super().is_open(operation, call)


class LoopbackRealIp(_FromLoopback, rule="auth.required"):
    """Requests from loopback need no token, and X-Real-IP says who they are from."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return self.says(call, b"x-real-ip") or super().is_open(operation, call)


class LoopbackForwarded(_FromLoopback, rule="auth.required"):
    """Requests from loopback need no token, and Forwarded says who they are from."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return self.says(call, b"forwarded", b"for=") or super().is_open(operation, call)


class LocalhostHost(_FromLoopback, rule="auth.required"):
    """Requests to the host localhost need no token, as those of a developer."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return (call.header(b"host") or b"").partition(b":")[0] == b"localhost" or super().is_open(operation, call)


class UnknownChannelBeforeToken(Behaviour, rule="auth.required"):
    """The channel is looked up before the token: 404 tells anybody which channels do not exist."""

    def authenticate(self, operation: Operation, call: Call) -> None:
        self.channel(operation, call)
        super().authenticate(operation, call)


class UpdatesChannelBeforeToken(Behaviour, rule="auth.required"):
    """The view of the updates looks its channel up in initial(), before the token."""

    def authenticate(self, operation: Operation, call: Call) -> None:
        if operation.meaning == UPDATES:
            self.channel(operation, call)
        super().authenticate(operation, call)


class UnknownImageBeforeToken(Behaviour, rule="auth.required"):
    """The row is looked up before the token: 404 tells anybody which rows do not exist."""

    def authenticate(self, operation: Operation, call: Call) -> None:
        if not operation.is_list and (channel := self.path_argument(operation, call, "scope")) in self.store:
            self.image_id(operation, call, channel)
        super().authenticate(operation, call)


class CacheIgnoresToken(Cached, _Open, rule="auth.required"):
    """A cache keeps every answer for five seconds by its URL, and checks no token."""

    def user(self, call: Call) -> str:
        return ""

    def key(self, operation: Operation, call: Call) -> str | None:
        return target(call)

    def is_open(self, operation: Operation, call: Call) -> bool:
        return (call.method, target(call), "") in self.answers or super().is_open(operation, call)


class CachedImagesIgnoreToken(Cached, _Open, rule="auth.required"):
    """A cache keeps the rows that were retrieved for five seconds by their URL, and checks no token."""

    def user(self, call: Call) -> str:
        return ""

    def key(self, operation: Operation, call: Call) -> str | None:
        return super().key(operation, call) if operation.is_list else target(call)

    def is_open(self, operation: Operation, call: Call) -> bool:
        is_kept = not operation.is_list and (call.method, target(call), "") in self.answers
        return is_kept or super().is_open(operation, call)


class ForbiddenWithoutToken(Behaviour, rule="auth.challenge"):
    """SessionAuthentication comes first in the settings: a request without a valid token gets 403."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if answer.status == 401:
            answer.status = 403
            answer.headers.pop("www-authenticate", None)
        return answer


class WrongToken403(Behaviour, rule="auth.challenge"):
    """A missing token is 401, a wrong one 403."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if answer.status == 401 and call.header(b"authorization"):
            answer.status = 403
        return answer


class NoChallenge(Behaviour, rule="auth.challenge"):
    """401 comes without WWW-Authenticate."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        answer.headers.pop("www-authenticate", None)
        return answer
