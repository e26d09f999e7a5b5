"""Holds what an operation returned, with the HTTP answer beside it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

import httpx
from attrs import field, frozen

from channel_images.exceptions import request_id

if TYPE_CHECKING:  # the models take long to import
    from channel_images_api.models import ProductImage

T = TypeVar("T")


@frozen
class Answer(Generic[T]):
    """An answer to one request.

    Attributes:
        value: What the body says.
        response: The answer as httpx gives it; its request is without the token.
        retries: How many times the client sent the request again.
    """

    value: T
    response: httpx.Response = field(eq=False)
    retries: int = 0

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self.response.status_code

    @property
    def headers(self) -> httpx.Headers:
        """The headers of the answer."""
        return self.response.headers

    @property
    def request_id(self) -> str | None:
        """The id that the server gave the request; None if it sent none."""
        return request_id(self.headers)


@frozen
class Page(Answer[Sequence["ProductImage"]]):
    """A page of a list.

    Attributes:
        number: The number of the page, counted from 1, in pages of `limit` rows.
        limit: How many rows the client asked for; the server may give fewer.
        count: The number of rows on all pages together, as the server says; None if it does not say, as for the pending
            lists.
    """

    number: int = field(kw_only=True)
    limit: int = field(kw_only=True)
    count: int | None = field(default=None, kw_only=True)

    def __repr__(self) -> str:
        of = "" if self.count is None else f" of {self.count}"
        return f"<Page {self.number} of {self.limit} rows: {len(self.results)}{of} images>"

    @property
    def results(self) -> "Sequence[ProductImage]":
        """The images of the page."""
        return self.value
