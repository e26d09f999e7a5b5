# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

import datetime
from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..decoding import Field, decode_date_times, decode_many, decode_one, register
from ..models.product_image_source import ProductImageSource
from ..models.product_image_status import ProductImageStatus
from ..types import (
    UNSET,
    Unset,
    decode_boolean,
    decode_date_time,
    decode_field,
    decode_integer,
    decode_object,
    decode_string,
    encode,
    enum_of,
)

_decode_source = enum_of(ProductImageSource)
_decode_status = enum_of(ProductImageStatus)


@define
class ProductImage:
    """An image of a product, as a sales channel or an internal listing displays it.

    A field that the server left out is UNSET. One that it sent as null is None, whatever its type here says.

    Attributes:
        pk: Identifies the image. Read-only.
        product: The id of the product that the image shows.
        source: Where the image came from; null where that is not known.
        modified_date: The time of the last change to the image, in UTC with microseconds.
        created_date: The time at which the image came into being, in UTC with microseconds. Read-only.
        height: The height in pixels; null where it was not measured.
        width: The width in pixels; null where it was not measured.
        hash_: A hash of the image's content, for finding duplicates and new versions; null where there is none.
        status: Whether an image is in use. A server may add values.
        is_active: Whether the image should be used at present.
        order: The rank of the image among the images of the same product, lowest first; it has no unit.
        object_id: The id of the object that the image is attached to.
        content_type: The model name of the object that the image is attached to.
        additional_properties: The fields that the contract does not name, as they came. `product_image["name"]`
            reads one.
    """

    pk: int | Unset = UNSET
    product: int | Unset = UNSET
    source: None | ProductImageSource | Unset = UNSET
    modified_date: datetime.datetime | Unset = UNSET
    created_date: datetime.datetime | Unset = UNSET
    height: int | None | Unset = UNSET
    width: int | None | Unset = UNSET
    hash_: None | str | Unset = UNSET
    status: ProductImageStatus | Unset = UNSET
    is_active: bool | Unset = UNSET
    order: int | Unset = UNSET
    object_id: int | Unset = UNSET
    content_type: str | Unset = UNSET
    additional_properties: dict[str, Any] = field(init=False, factory=dict)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        rest = decode_object(src_dict)
        model = cls(
            value if type(value := rest.pop("pk", UNSET)) is int else decode_field(value, "pk", decode_integer),
            value
            if type(value := rest.pop("product", UNSET)) is int
            else decode_field(value, "product", decode_integer),
            decode_field(rest.pop("source", UNSET), "source", _decode_source),
            decode_field(rest.pop("modified_date", UNSET), "modified_date", decode_date_time),
            decode_field(rest.pop("created_date", UNSET), "created_date", decode_date_time),
            value if type(value := rest.pop("height", UNSET)) is int else decode_field(value, "height", decode_integer),
            value if type(value := rest.pop("width", UNSET)) is int else decode_field(value, "width", decode_integer),
            value if type(value := rest.pop("hash", UNSET)) is str else decode_field(value, "hash", decode_string),
            decode_field(rest.pop("status", UNSET), "status", _decode_status),
            value
            if type(value := rest.pop("is_active", UNSET)) is bool
            else decode_field(value, "is_active", decode_boolean),
            value if type(value := rest.pop("order", UNSET)) is int else decode_field(value, "order", decode_integer),
            value
            if type(value := rest.pop("object_id", UNSET)) is int
            else decode_field(value, "object_id", decode_integer),
            value
            if type(value := rest.pop("content_type", UNSET)) is str
            else decode_field(value, "content_type", decode_string),
        )
        if rest:
            model.additional_properties = dict(rest)  # a copy takes less memory: it has no room for the fields above
        return model

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """`from_dict` of the bytes of a JSON object, but faster.

        Raises:
            errors.MalformedBody: They are none, or not what the contract says.
        """
        return decode_one(cls, content)

    @classmethod
    def list_from_json(cls, content: bytes) -> list[Self]:
        """`from_dict` of each element of a JSON array, from its bytes, but faster.

        Raises:
            errors.MalformedBody: They are none, or not what the contract says.
        """
        return decode_many(cls, content)

    def to_dict(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "pk": self.pk,
            "product": self.product,
            "source": encode(self.source),
            "modified_date": encode(self.modified_date),
            "created_date": encode(self.created_date),
            "height": self.height,
            "width": self.width,
            "hash": self.hash_,
            "status": encode(self.status),
            "is_active": self.is_active,
            "order": self.order,
            "object_id": self.object_id,
            "content_type": self.content_type,
        }
        known = {name: value for name, value in fields.items() if value is not UNSET}
        return known | self.additional_properties | known  # known fields come first, and win

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties)

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties


def _fill(_models: list[Any], _rows: list[Any]) -> None:
    _last_hash_: Any = None
    _last_content_type: Any = None
    for _model, _row, _read_modified_date, _read_created_date in zip(
        _models,
        _rows,
        decode_date_times([_row.modified_date for _row in _rows]),
        decode_date_times([_row.created_date for _row in _rows]),
    ):
        _model.pk = _row.pk
        _model.product = _row.product
        _model.source = _row.source
        _model.modified_date = _read_modified_date
        _model.created_date = _read_created_date
        _model.height = _row.height
        _model.width = _row.width
        if _row.hash_ != _last_hash_:
            _last_hash_ = _row.hash_
        _model.hash_ = _last_hash_
        _model.status = _row.status
        _model.is_active = _row.is_active
        _model.order = _row.order
        _model.object_id = _row.object_id
        if _row.content_type != _last_content_type:
            _last_content_type = _row.content_type
        _model.content_type = _last_content_type


register(
    ProductImage,
    _fill,
    Field("pk", "pk", int),
    Field("product", "product", int),
    Field("source", "source", ProductImageSource),
    Field("modified_date", "modified_date", str),
    Field("created_date", "created_date", str),
    Field("height", "height", int),
    Field("width", "width", int),
    Field("hash_", "hash", str),
    Field("status", "status", ProductImageStatus),
    Field("is_active", "is_active", bool),
    Field("order", "order", int),
    Field("object_id", "object_id", int),
    Field("content_type", "content_type", str),
)
