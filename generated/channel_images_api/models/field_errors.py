# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..decoding import decode_many, decode_one
from ..types import (
    decode_object,
    decode_string,
    encode,
    list_of,
    map_of,
)


@define
class FieldErrors:
    """What is wrong with each parameter that was refused, by its name."""

    additional_properties: dict[str, list[str]] = field(init=False, factory=dict)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        rest = decode_object(src_dict)
        model = cls()
        if rest:
            model.additional_properties = map_of(list_of(decode_string))(rest)
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
        fields: dict[str, Any] = encode(self.additional_properties)
        return fields

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties)

    def __getitem__(self, key: str) -> list[str]:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: list[str]) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
