# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..decoding import Field, build_models, decode_many, decode_one, register
from ..models.product_image import ProductImage
from ..types import UNSET, Unset, decode_field, decode_integer, decode_object, decode_string, encode, list_of

_decode_results = list_of(ProductImage.from_dict)


@define
class ProductImagePage:
    """One page of a list, and the way to its neighbours.

    A field that the server left out is UNSET. One that it sent as null is None, whatever its type here says.

    Attributes:
        count: The number of rows on all pages together.
        next_: The URL of the next page, with the other parameters kept; null on the last page.
        previous: The URL of the previous page, with the other parameters kept; null on the first page.
        results: The rows of this page, at most `limit` of them.
        additional_properties: The fields that the contract does not name, as they came.
            `product_image_page["name"]` reads one.
    """

    count: int | Unset = UNSET
    next_: None | str | Unset = UNSET
    previous: None | str | Unset = UNSET
    results: list[ProductImage] | Unset = UNSET
    additional_properties: dict[str, Any] = field(init=False, factory=dict)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        rest = decode_object(src_dict)
        model = cls(
            value if type(value := rest.pop("count", UNSET)) is int else decode_field(value, "count", decode_integer),
            value if type(value := rest.pop("next", UNSET)) is str else decode_field(value, "next", decode_string),
            value
            if type(value := rest.pop("previous", UNSET)) is str
            else decode_field(value, "previous", decode_string),
            decode_field(rest.pop("results", UNSET), "results", _decode_results, nullable=False),
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
            "count": self.count,
            "next": self.next_,
            "previous": self.previous,
            "results": encode(self.results),
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
    _last_next_: Any = None
    _last_previous: Any = None
    for _model, _row in zip(_models, _rows):
        _model.count = _row.count
        if _row.next_ != _last_next_:
            _last_next_ = _row.next_
        _model.next_ = _last_next_
        if _row.previous != _last_previous:
            _last_previous = _row.previous
        _model.previous = _last_previous
        _model.results = build_models(ProductImage, _row.results) if _row.results else _row.results


register(
    ProductImagePage,
    _fill,
    Field("count", "count", int),
    Field("next_", "next", str),
    Field("previous", "previous", str),
    Field("results", "results", [ProductImage], nullable=False),
)
