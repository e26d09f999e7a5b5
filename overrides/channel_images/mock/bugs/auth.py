"""Auth: who gets an answer, and what the others are told."""

import fnmatch
from contextlib import suppress

from channel_images.mock.answers import Answer, Refused
from channel_images.mock.behaviour import Behaviour
from channel_images.mock.bugs.registry import DETAILED_LIST, RETRIEVE, UPDATES, bug
from channel_images.mock.call import Call
from channel_images.mock.operations import Operation


class _Lax(Behaviour):
    """Accepts more than the valid token."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        """Whether to let ``Authorization`` pass, by its words."""
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


# auth.required


@bug("auth.required")
class OpenDetailedList(_Open):
    """The detailed list overrides the permission classes."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return operation.id == DETAILED_LIST or super().is_open(operation, call)


@bug("auth.required")
class OpenRetrieval(_Open):
    """The retrieval is a view without permission classes."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return operation.id == RETRIEVE or super().is_open(operation, call)


@bug("auth.required")
class OpenUpdates(_Open):
    """The updates were opened for a webhook."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return operation.id == UPDATES or super().is_open(operation, call)


@bug("auth.required")
class OpenHead(_Open):
    """HEAD needs no token, for health checks."""

    def is_open(self, operation: Operation, call: Call) -> bool:
        return call.method == "HEAD" or super().is_open(operation, call)


@bug("auth.required")
class OpenNotModified(Behaviour):
    """A cache in front answers 304 before anybody looks at the token."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if answer.status == 401 and call.header(b"if-none-match"):
            with suppress(Refused):
                if self.deliver(call, self.dispatch(operation, call)).status == 304:
                    return Answer(304)
        return answer


@bug("auth.required")
class TokenAny(_Lax):
    """Any key is taken, as long as there is one."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return (len(parts) == 2 and parts[0].lower() == b"token") or super().accepts(parts, token)


@bug("auth.required")
class TokenPrefix(_Lax):
    """Only as many characters are compared as the client sends."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return (len(parts) == 2 and token.startswith(parts[1])) or super().accepts(parts, token)


@bug("auth.required")
class TokenLonger(_Lax):
    """Only as many characters are compared as the key has."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return (len(parts) == 2 and parts[1].startswith(token)) or super().accepts(parts, token)


@bug("auth.required")
class TokenAnyCase(_Lax):
    """Keys are compared without regard to case, as some databases do."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return (len(parts) == 2 and parts[1].lower() == token.lower()) or super().accepts(parts, token)


@bug("auth.required")
class TokenWildcard(_Lax):
    """Keys are looked up with LIKE, where a per cent sign matches everything."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        matches = len(parts) == 2 and fnmatch.fnmatchcase(token.decode(), parts[1].decode("latin-1").replace("%", "*"))
        return matches or super().accepts(parts, token)


@bug("auth.required")
class BareKey(_Lax):
    """The key alone is taken, without its scheme word."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return parts == [token] or super().accepts(parts, token)


@bug("auth.required")
class AnyScheme(_Lax):
    """The scheme word is not looked at: Bearer will do."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return parts[1:] == [token] or super().accepts(parts, token)


@bug("auth.required")
class ThreeParts(_Lax):
    """What follows the key is not looked at."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return (parts[:1] == [b"Token"] and parts[1:2] == [token]) or super().accepts(parts, token)


@bug("auth.required")
class EmptyKey(_Lax):
    """A header without a key is an anonymous user, who may read."""

    def accepts(self, parts: list[bytes], token: bytes) -> bool:
        return parts == [b"Token"] or super().accepts(parts, token)


# auth.challenge


@bug("auth.challenge")
class ForbiddenWithoutToken(Behaviour):
    """SessionAuthentication comes first in the settings: whoever has no valid token gets 403."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if answer.status == 401:
            answer.status = 403
            answer.headers.pop("www-authenticate", None)
        return answer


@bug("auth.challenge")
class WrongToken403(Behaviour):
    """A missing token is 401, a wrong one 403."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        if answer.status == 401 and call.header(b"authorization"):
            answer.status = 403
        return answer


@bug("auth.challenge")
class NoChallenge(Behaviour):
    """401 comes without WWW-Authenticate."""

    def answer(self, operation: Operation, call: Call) -> Answer:
        answer = super().answer(operation, call)
        answer.headers.pop("www-authenticate", None)
        return answer
