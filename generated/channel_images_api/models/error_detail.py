# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, decode_object, decode_string


@define
class ErrorDetail:
    """Why a request was refused, in one sentence.

    Attributes:
        detail: The reason, for a person to read.
        additional_properties: The fields that the contract does not name, as they came. `image["name"]` reads one.
    """

    detail: str
    additional_properties: dict[str, Any] = field(init=False, factory=dict)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = decode_object(src_dict)
        if type(detail := d.pop("detail", UNSET)) is not str:
            detail = decode_string(detail, "detail", required=True)
        model = cls(detail)
        model.additional_properties = d
        return model

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
