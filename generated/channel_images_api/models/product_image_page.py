# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..decoding import Field, build_models, decode_many, decode_one, register
from ..models.product_image import ProductImage
from ..types import UNSET, Unset, decode_integer, decode_list, decode_object, decode_string, encode


@define
class ProductImagePage:
    """One page of a list, and the way to its neighbours.

    A field that the server left out is UNSET. One that it sent as null is None, whatever its type here says.

    Attributes:
        count: The number of rows on all pages together.
        next_: The URL of the next page, with the other parameters kept; null on the last page.
        previous: The URL of the previous page, with the other parameters kept; null on the first page.
        results: The rows of this page, at most `limit` of them.
        additional_properties: The fields that the contract does not name, as they came. `image["name"]` reads one.
    """

    count: int | Unset = UNSET
    next_: None | str | Unset = UNSET
    previous: None | str | Unset = UNSET
    results: list[ProductImage] | Unset = UNSET
    additional_properties: dict[str, Any] = field(init=False, factory=dict)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = decode_object(src_dict)
        if type(count := d.pop("count", UNSET)) is not int:
            count = decode_integer(count, "count")
        if type(next_ := d.pop("next", UNSET)) is not str:
            next_ = decode_string(next_, "next")
        if type(previous := d.pop("previous", UNSET)) is not str:
            previous = decode_string(previous, "previous")
        if (results := d.pop("results", UNSET)) is not UNSET:
            results = decode_list(results, "results", ProductImage.from_dict)
        model = cls(count, next_, previous, results)
        if d:
            model.additional_properties = dict(d)  # a copy takes less memory: it has no room for the fields above
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
    next_: Any = None
    previous: Any = None
    for _model, _row in zip(_models, _rows):
        _model.count = _row.count
        if _row.next_ != next_:
            next_ = _row.next_
        _model.next_ = next_
        if _row.previous != previous:
            previous = _row.previous
        _model.previous = previous
        _model.results = UNSET if _row.results is UNSET else build_models(ProductImage, _row.results)


register(
    ProductImagePage,
    _fill,
    Field("count", "count", int),
    Field("next_", "next", str),
    Field("previous", "previous", str),
    Field("results", "results", [ProductImage]),
)
