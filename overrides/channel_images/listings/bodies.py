"""Makes rows and images of the bodies of answers."""

import json
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from channel_images.walks.rows import Rows
from channel_images_api.errors import MalformedBody
from channel_images_api.models import ProductImage
from channel_images_api.resource import RESOURCE, Resource

T = TypeVar("T")

WIDEST = 70
"""Bits of a `pk`. The contract has 63, some services give out more; of 70, at most 1,024 integers share a hash."""


def decoder_of(api: Resource, decode: Callable[[bytes, Resource], T]) -> Callable[[bytes], T]:
    """One of the functions below for the rows of an API, whose package has an error of its own for what is malformed."""

    def decoded(content: bytes) -> T:
        try:
            return decode(content, api)
        except api.malformed as error:
            if isinstance(error, MalformedBody):
                raise
            raise MalformedBody(error.expected, error.value, error.path) from None

    return decoded


def decode_rows(content: bytes, api: Resource = RESOURCE) -> Rows:
    """A page of a list: in the envelope, or as a bare array, whichever the contract says of the operation.

    Raises:
        MalformedBody: It is neither, or a `pk` is one that the contract does not have.
    """
    start = content.lstrip()[:1]
    if start not in (b"[", b"{"):
        start = _as_utf_8(content)[:1]
    if start == b"[":
        return with_checked_pks(Rows(api.row.list_from_json(content)), "")
    page = api.page.from_json(content)
    if not isinstance(page.results, list):
        raise MalformedBody("an array", None if page.results is api.unset else page.results, "results")
    rows = Rows(
        page.results,
        count=page.count if isinstance(page.count, int) and page.count >= 0 else None,
        more=None if page.next_ is api.unset else page.next_ is not None,
    )
    return with_checked_pks(rows, "results")


def with_checked_pks(rows: Rows, path: str) -> Rows:
    """The rows, when no `pk` is too wide: of those any number can have one hash, and a set takes hours for them.

    Raises:
        MalformedBody: A `pk` has more than `WIDEST` bits.
    """
    with suppress(OverflowError):
        array("q", rows.pks)
        return rows
    for number, image in enumerate(rows.images):
        if isinstance(image.pk, int) and image.pk.bit_length() > WIDEST:
            raise MalformedBody(f"an integer of at most {WIDEST} bits", image.pk, f"{path}[{number}].pk")
    return rows


def decode_image(content: bytes, api: Resource = RESOURCE) -> ProductImage:
    """One image.

    Raises:
        MalformedBody: It is none; without a `pk`, what came is no image.
    """
    image = api.row.from_json(content)
    if type(image.pk) is not int:
        raise MalformedBody("an integer", None, api.key)
    return image


def _as_utf_8(content: bytes) -> bytes:
    """JSON in any of its encodings; what is none stays as it is."""
    try:
        return content.decode(json.detect_encoding(content)).lstrip("\ufeff \t\r\n").encode()
    except UnicodeError:
        return content
