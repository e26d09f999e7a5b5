"""Reads one request, as far as the mock looks at it."""

from functools import cached_property
from urllib.parse import parse_qsl

from attrs import define, field
from starlette.types import Scope

from channel_images.mock.http.answers import malformed

_MAX_FIELDS = 1_000
"""How many query parameters are read: Django's limit."""


@define(slots=False)
class Call:
    """A request without its body. Everything is read when it is asked for."""

    scope: Scope = field(repr=False)

    @property
    def method(self) -> str:
        """In upper case, as clients send it."""
        method: str = self.scope["method"]
        return method

    @property
    def path(self) -> str:
        """The path with its escapes resolved."""
        path: str = self.scope["path"]
        return path

    @property
    def query_string(self) -> str:
        """What follows the question mark, as it was sent, byte for byte a character."""
        query: bytes = self.scope["query_string"]
        return query.decode("latin-1")

    def header(self, name: bytes) -> bytes | None:
        """The value of a header by its lower-case name; several of one name are joined by commas, as HTTP has it."""
        headers: list[tuple[bytes, bytes]] = self.scope["headers"]
        values = [value for key, value in headers if key == name]
        return b",".join(values) if values else None

    def path_parameter(self, name: str) -> str:
        """The text that stands in the path where the contract has `{name}`."""
        text: str = self.scope["path_params"][name]
        return text

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters; of one that is repeated, the last, as Django has it.

        Raises:
            Refused: The request is refused.
        """
        return dict(self._pairs)

    def values(self, name: str) -> list[str]:
        """All values of a query parameter that may be repeated.

        Raises:
            Refused: The request is refused.
        """
        return [value for key, value in self._pairs if key == name]

    @cached_property
    def _pairs(self) -> list[tuple[str, str]]:
        # Escapes that are not UTF-8 become replacement characters, and fail where a number or a word is expected.
        query: bytes = self.scope["query_string"]
        try:
            return parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
        except ValueError:
            raise malformed("Too many query parameters.") from None
