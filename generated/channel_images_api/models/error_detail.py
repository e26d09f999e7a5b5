# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..decoding import Field, decode_many, decode_one, register
from ..types import UNSET, decode_field, decode_object, decode_string


@define
class ErrorDetail:
    """Why a request was refused, in one sentence.

    Attributes:
        detail: The reason, for a person to read.
        additional_properties: The fields that the contract does not name, as they came. `error_detail["name"]`
            reads one.
    """

    detail: str
    additional_properties: dict[str, Any] = field(init=False, factory=dict)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        rest = decode_object(src_dict)
        model = cls(
            value
            if type(value := rest.pop("detail", UNSET)) is str
            else decode_field(value, "detail", decode_string, required=True, nullable=False),
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
            "detail": self.detail,
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
    _last_detail: Any = None
    for _model, _row in zip(_models, _rows):
        if _row.detail != _last_detail:
            _last_detail = _row.detail
        _model.detail = _last_detail


register(
    ErrorDetail,
    _fill,
    Field("detail", "detail", str, required=True, nullable=False),
)
