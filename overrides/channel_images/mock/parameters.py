"""Reads parameters as the contract describes them: text from a request decoded, and checked by compiled validators.

Messages are those of Django REST Framework and django-filter. All of it is built once, from the contract, at start-up.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import jsonschema_rs
from attrs import frozen

from channel_images.contract import resolve, standalone

Value: TypeAlias = int | float | Decimal | bool | str
Argument: TypeAlias = Value | list[Value]

NUMBER = "Enter a number."

# The messages of the keywords that the contract's parameters use, by keyword.
_MESSAGES = {
    "enum": "Select a valid choice. {instance} is not one of the available choices.",
    "maximum": "Ensure this value is less than or equal to {limit}.",
    "minimum": "Ensure this value is greater than or equal to {limit}.",
    "minItems": "This list may not be empty.",
}

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
# Not \d, which knows the digits of every script.
_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,32}(\.[0-9]{1,32})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
# No bound of the contract has more than 19 digits, so a number cut to this many fails as the whole number would. It
# also stays far below the length from which int() refuses to work.
_DIGITS_READ = 32


class Invalid(ValueError):
    """A text that a parameter does not accept; `messages` say why, for a person."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = messages


def read_integer(text: str) -> int:
    """A whole number in ASCII digits, with spaces around it at most.

    Raises:
        Invalid: The text is no such value.
    """
    stripped = text.strip(" \t")
    if not _INTEGER.fullmatch(stripped):
        raise Invalid(NUMBER)
    sign, digits = ("-", stripped[1:]) if stripped[0] == "-" else ("", stripped)
    return int(sign + (digits.lstrip("0") or "0")[:_DIGITS_READ])


def read_number(text: str) -> int | float | Decimal:
    """A number in ASCII digits, with spaces around it at most; a `Decimal` where a float would change it.

    Raises:
        Invalid: The text is no such value.
    """
    stripped = text.strip(" \t")
    if _INTEGER.fullmatch(stripped):
        return read_integer(stripped)
    if not _DECIMAL.fullmatch(stripped):
        raise Invalid(NUMBER)
    number, exact = float(stripped), Decimal(stripped)
    return number if Decimal(repr(number)) == exact else exact


def read_boolean(text: str) -> bool:
    """`true` or `false`, in any case, or 1 or 0, as django-filter reads them.

    Raises:
        Invalid: The text is no such value.
    """
    try:
        return _BOOLEANS[text.strip(" \t").lower()]
    except KeyError:
        raise Invalid("Must be a valid boolean.") from None


@frozen
class Parameter:
    """One parameter of an operation. To read a text that is no such value raises `Invalid`."""

    name: str
    location: str
    """`path` or `query`."""
    type: str
    """Of the value or, for a list, of its items: `integer`, `number`, `boolean` or `string`."""
    is_list: bool
    """Whether the text holds several values, separated by commas."""
    default: Argument | None
    validator: jsonschema_rs.Validator

    @classmethod
    def from_contract(cls, node: Mapping[str, Any]) -> "Parameter":
        """Build one from its description, which may be a reference.

        Raises:
            ValueError: The mock cannot serve what is described.
        """
        description = resolve(node)
        schema = resolve(description["schema"])
        is_list = schema["type"] == "array"
        if is_list and description.get("explode", description.get("style", "form") == "form"):
            raise ValueError(f"parameter {description['name']}: the mock reads lists that are separated by commas only")
        return cls(
            name=description["name"],
            location=description["in"],
            type=resolve(schema["items"])["type"] if is_list else schema["type"],
            is_list=is_list,
            default=schema.get("default"),
            validator=jsonschema_rs.validator_for(standalone(schema)),
        )

    def decode(self, text: str) -> Argument:
        """The value that `text` stands for."""
        value = self.read(text)
        self.check(value)
        return value

    def read(self, text: str) -> Argument:
        """The value that `text` stands for, whether the contract allows it or not."""
        if not self.is_list:
            return self.read_item(text)
        return [self.read_item(item) for item in text.split(",")] if text else []

    def read_item(self, text: str) -> Value:
        """One value: the parameter's own or, of a list, one item."""
        if self.type == "integer":
            return read_integer(text)
        if self.type == "number":
            return read_number(text)
        if self.type == "boolean":
            return read_boolean(text)
        return text

    def check(self, value: Argument) -> None:
        """Hold a value to the contract.

        Raises:
            Invalid: The contract does not allow it; there is a message for each thing that is wrong.
        """
        if not self.validator.is_valid(value):
            # A thousand bad items would say the same a thousand times.
            raise Invalid(*dict.fromkeys(map(message, self.validator.iter_errors(value))))


def message(error: jsonschema_rs.ValidationError) -> str:
    """What the service would say where a validator says `error`."""
    template = _MESSAGES.get(error.kind.name)
    return template.format(instance=error.instance, **error.kind.as_dict()) if template else error.message
