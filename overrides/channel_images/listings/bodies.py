"""Makes rows and images of the bodies of answers."""

import json
from array import array
from contextlib import suppress

from channel_images.walks.rows import Rows
from channel_images_api.errors import MalformedBody
from channel_images_api.models import ProductImage, ProductImagePage
from channel_images_api.types import UNSET

WIDEST = 70
"""Bits of a `pk`. The contract has 63, some services give out more; of 70, at most 1,024 integers share a hash."""


def decode_rows(content: bytes) -> Rows:
    """A page of a list: in the envelope, or as a bare array, whichever the contract says of the operation.

    Raises:
        MalformedBody: It is neither, or a `pk` is one that the contract does not have.
    """
    start = content.lstrip()[:1]
    if start not in (b"[", b"{"):
        start = _as_utf_8(content)[:1]
    if start == b"[":
        return with_checked_pks(Rows(ProductImage.list_from_json(content)), "")
    page = ProductImagePage.from_json(content)
    if not isinstance(page.results, list):
        raise MalformedBody("an array", None if page.results is UNSET else page.results, "results")
    rows = Rows(
        page.results,
        count=page.count if isinstance(page.count, int) and page.count >= 0 else None,
        more=None if page.next_ is UNSET else page.next_ is not None,
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


def decode_image(content: bytes) -> ProductImage:
    """One image.

    Raises:
        MalformedBody: It is none; without a `pk`, what came is no image.
    """
    image = ProductImage.from_json(content)
    if type(image.pk) is not int:
        raise MalformedBody("an integer", None, "pk")
    return image


def _as_utf_8(content: bytes) -> bytes:
    """JSON in any of its encodings; what is none stays as it is."""
    try:
        return content.decode(json.detect_encoding(content)).lstrip("\ufeff \t\r\n").encode()
    except UnicodeError:
        return content
