"""Says what the mock says: answers, and refusals in the words of Django REST Framework."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from attrs import define, field
from starlette.types import Message

from channel_images.mock.as_json import Json, to_json

JSON_TYPE = "application/json"


@define
class Answer:
    """A response before it is sent: a variant or a bug may change any part of it."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(factory=dict)
    """With lower-case names. `content-length` is added when the answer is sent."""
    behind: bytes = b""
    """Bytes on the wire behind the body, which no header announces: those of a bug."""
    rows: int | None = None
    """How many rows of a list it has, for the log."""
    is_lost: bool = False
    """Whether the connection is reset in the answer's place."""

    @classmethod
    def of_json(cls, value: Json, status: int = 200, **headers: str) -> "Answer":
        """An answer whose body is JSON; an underscore in a header's name stands for a hyphen."""
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, to_json(value), {"content-type": JSON_TYPE, **names})

    @property
    def start(self) -> Message:
        """The ASGI message that the answer begins with."""
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        return {"type": "http.response.start", "status": self.status, "headers": headers}


def stated(status: int, wait: str | None = None, *, is_html: bool = False) -> Answer:
    """What a server says with a status and nothing else; `wait` is its `Retry-After`."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown Status"
    if is_html:
        body = f"<html><head><title>{status} {phrase}</title></head><body><h1>{status} {phrase}</h1></body></html>\n"
        answer = Answer(status, body.encode(), {"content-type": "text/html"})
    else:
        answer = Answer.of_json({"detail": _DETAILS.get(status, f"{phrase}.")}, status)
    if status == 401:
        answer.headers["www-authenticate"] = "Token"
    if wait is not None:
        answer.headers["retry-after"] = wait
    return answer


_DETAILS = {
    401: "Invalid token.",
    403: "You do not have permission to perform this action.",
    404: "Not found.",
    429: "Request was throttled.",
    500: "A server error occurred.",
}


class Refused(Exception):
    """Raised anywhere while a request is worked on: `answer` is what the client gets."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def unauthorized(detail: str) -> Refused:
    """401 with the challenge that RFC 9110 asks for."""
    return Refused(Answer.of_json({"detail": detail}, 401, www_authenticate="Token"))


def bad_request(errors: Mapping[str, Sequence[str]]) -> Refused:
    """400 with what is wrong, by the name of the parameter or field."""
    return Refused(Answer.of_json(errors, 400))


def malformed(detail: str) -> Refused:
    """400 for a request that cannot be read at all."""
    return Refused(Answer.of_json({"detail": detail}, 400))


def not_found(detail: str = "Not found.") -> Refused:
    """404."""
    return Refused(Answer.of_json({"detail": detail}, 404))


def method_not_allowed(method: str, allow: str) -> Refused:
    """405; `allow` lists the methods that are."""
    return Refused(Answer.of_json({"detail": f'Method "{method}" not allowed.'}, 405, allow=allow))
