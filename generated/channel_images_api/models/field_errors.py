# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from collections.abc import Mapping
from functools import partial
from typing import Any, Self

from attrs import define, field

from ..types import decode_list, decode_object, decode_string


@define
class FieldErrors:
    """What is wrong with each parameter that was refused, by its name."""

    additional_properties: dict[str, list[str]] = field(init=False, factory=dict)

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        d = decode_object(src_dict)
        model = cls()
        model.additional_properties = {
            name: decode_list(value, name, partial(decode_string, path="", required=True)) for name, value in d.items()
        }
        return model

    def to_dict(self) -> dict[str, Any]:
        return dict(self.additional_properties)

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
