"""Decodes a page once, into images that keep the row they were made of: for those who write rows as the server sent them.

In a row, a date keeps the digits and the offset that came, and a number its digits, whether it came as 12 or 12.0.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from attrs import evolve, field, make_class

from channel_images.listings.bodies import decode_image, decode_rows, with_checked_pks
from channel_images.walks.rows import Rows
from channel_images_api.models import ProductImage
from channel_images_api.resource import RESOURCE, Resource

_SENT = "_sent"


@cache
def _keeping(api: Resource) -> type[Any]:
    """The model of a row with one more field, for the JSON object that it came as: a number with a fraction is a `Decimal`."""
    return make_class(f"Sent{api.row.__name__}", {_SENT: field(init=False, factory=dict)}, bases=(api.row,), slots=True)


class _Envelope(msgspec.Struct):
    results: list[dict[str, Any]]
    count: int | None = None
    next: str | msgspec.UnsetType | None = msgspec.UNSET


def _number(text: str) -> Decimal | float:
    try:
        return Decimal(text)
    except ArithmeticError:  # of an exponent that no number has
        return float(text)


_page = msgspec.json.Decoder(_Envelope | list[dict[str, Any]], float_hook=_number)
_object = msgspec.json.Decoder(dict[str, Any], float_hook=_number)
_REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)
"""What is raised where a body is malformed, in another encoding than UTF-8, or written as only `json` reads it."""


def decode_sent_rows(content: bytes, api: Resource = RESOURCE) -> Rows:
    """What `decode_rows` gives of a page, of images that keep their rows; see `sent_rows`.

    Raises:
        MalformedBody: As `decode_rows` does.
    """
    try:
        page = _page.decode(content)
        images = _fast(page if isinstance(page, list) else page.results, api)
    except _REFUSED:
        rows = decode_rows(content, api)
        return evolve(rows, images=_exact(rows.images, json.loads(content, parse_float=_number), api))
    if isinstance(page, list):
        return with_checked_pks(Rows(images), "")
    rows = Rows(
        images,
        count=page.count if page.count is not None and page.count >= 0 else None,
        more=None if page.next is msgspec.UNSET else page.next is not None,
    )
    return with_checked_pks(rows, "results")


def decode_sent_image(content: bytes, api: Resource = RESOURCE) -> ProductImage:
    """What `decode_image` gives of one image, with its row.

    Raises:
        MalformedBody: As `decode_image` does.
    """
    try:
        (image,) = _fast([_object.decode(content)], api)
    except _REFUSED:
        (image,) = _exact([decode_image(content, api)], [json.loads(content, parse_float=_number)], api)
    if type(image.pk) is not int:
        decode_image(content, api)  # which says so
    return image


def sent_rows(images: Iterable[ProductImage]) -> list[Mapping[str, Any]]:
    """The row of each image; of one that kept none, what the model makes of it."""
    return [getattr(image, _SENT, None) or image.to_dict() for image in images]


def _fast(sent: list[dict[str, Any]], api: Resource) -> list[ProductImage]:
    return _kept(api.decode_parsed(api.row, _keeping(api), sent), sent)


def _exact(images: Sequence[ProductImage], body: Any, api: Resource) -> list[ProductImage]:
    made = [_keeping(api).from_dict(image.to_dict()) for image in images]
    return _kept(made, body if isinstance(body, list) else body["results"])


def _kept(images: list[ProductImage], sent: Iterable[Mapping[str, Any]]) -> list[ProductImage]:
    for image, row in zip(images, sent, strict=True):
        setattr(image, _SENT, row)
    return images
