# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

"""The errors of the endpoint functions, beside those of httpx."""

import reprlib

import httpx

_EXCERPT_LENGTH = 80


class UnexpectedStatus(Exception):
    """The status is not in the contract. Raised only by a client with `raise_on_unexpected_status`."""

    def __init__(self, status_code: int, content: bytes) -> None:
        super().__init__(status_code, content)
        self.status_code = status_code
        self.content = content

    def __str__(self) -> str:
        return f"the contract does not document status {self.status_code}: {_excerpt(self.content)}"


class MalformedBody(Exception):
    """The body of a successful response is not JSON, or not what the contract says.

    Attributes:
        expected: What the contract says, such as "an integer".
        value: What came instead: a part of the decoded body, or all of its bytes where they are not JSON.
        path: Where in the body, such as `results[3].width` or `[2].pk`; empty for the body as a whole.
        response: The response; None where `from_dict` or `from_json` was called directly.
    """

    response: httpx.Response | None = None
    _answer = ""

    def __init__(self, expected: str, value: object, path: str = "") -> None:
        super().__init__(expected, value, path)
        self.expected = expected
        self.value = value
        self.path = path

    def set_parent(self, parent: str) -> None:
        """Make the path, which is relative to an element, relative to what holds the element."""
        separator = "." if self.path and not self.path.startswith("[") else ""
        self.path = f"{parent}{separator}{self.path}"

    def set_response(self, response: httpx.Response) -> None:
        self.response = response
        try:
            url = response.request.url.copy_with(userinfo=b"")  # it may hold a password
            self._answer = f"{response.request.method} {url} answered {response.status_code}: "
        except RuntimeError:  # a response without its request: made by hand, or pickled before
            self._answer = f"status {response.status_code}: "

    def __str__(self) -> str:
        return f"{self._answer}{self.path or 'the body'} is not {self.expected}: {_excerpt(self.value)}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"  # not of the arguments: the value may be a whole body


def _excerpt(value: object) -> str:
    if isinstance(value, bytes):
        value = value[:_EXCERPT_LENGTH]
    try:
        text = _EXCERPT.repr(value)
    except ValueError:  # an integer with more digits than the interpreter prints
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _EXCERPT_LENGTH else f"{text[: _EXCERPT_LENGTH - 3]}..."


_EXCERPT = reprlib.Repr()  # bounded, so that a huge or deep value costs nothing
_EXCERPT.maxstring = _EXCERPT.maxother = _EXCERPT_LENGTH

__all__ = ["MalformedBody", "UnexpectedStatus"]
