"""Takes the filters of the contract as options."""

import math
import re
from collections.abc import Callable
from typing import Annotated, Any

import typer
from attrs import field, frozen

from channel_images.choices import What
from channel_images.cli.connection import id_of
from channel_images.cli.errors import fail
from channel_images_api.filters import FILTERS, Filter


def _type_of(known: Filter) -> Any:
    """The type of an option, as Typer reads it."""
    text = re.split(r", comma-separated\b|[.:](?: |$)", known.description)[0]
    text = re.sub(r" \(`(?:true|false)`\)|`", "", text)
    if known.type == "boolean" and not known.several:
        return Annotated[bool | None, typer.Option(f"{_option(known)}/--no-{_option(known)[2:]}", help=f"{text}.")]
    choices = _choices(known)
    if choices:
        text += f": names, such as {choices[0]}, or numbers" if known.names else f": {', '.join(choices)}"
        metavar = known.name.rpartition("_")[2].upper()
    elif known.type == "integer":
        metavar = "PK" if known.field == "pk" else "ID"
    else:
        metavar = {"number": "NUMBER", "string": "TEXT", "boolean": "true|false"}[known.type]
    option = typer.Option(
        metavar=metavar + ",..." * known.several,
        autocompletion=_completion(choices) if choices else None,
        help=f"{text}.",
    )
    return Annotated[list[str] | None if known.several else str | None, option]


def _option(known: Filter) -> str:
    return f"--{known.name.replace('_', '-')}"


def _choices(known: Filter) -> list[str]:
    return [str(value).lower() if known.names else str(value) for value in known.names or known.values]


def _completion(choices: list[str]) -> Callable[[str], list[str]]:
    """What a shell offers: the values before the last comma, with one more."""

    def complete(incomplete: str) -> list[str]:
        given, comma, _ = incomplete.rpartition(",")
        return [f"{given}{comma}{choice}" for choice in choices]

    return complete


@frozen(these={name: field(default=None, type=_type_of(known)) for name, known in FILTERS.items()})
class Filters:
    """Which images: an option for each filter of the contract."""

    def chosen(self, what: What = What.IMAGES) -> dict[str, Any]:
        """Those that were given, as arguments for `Channel.images`.

        Args:
            what: The list that they are for.
        """
        filters = {name: _value(known, getattr(self, name)) for name, known in FILTERS.items()}
        given = {name: value for name, value in filters.items() if value is not None}
        if given and what is not What.IMAGES:
            option = _option(FILTERS[next(iter(given))])
            fail(f"{option} and the list `{what}` contradict each other: the API filters only the plain list of images")
        return given


def _value(known: Filter, given: Any) -> Any:
    """The value of an option; of one that takes several, with commas between them or one a time, an empty text has none."""
    if isinstance(given, list):  # Typer's value for an option that was not given is an empty one
        values = [_one(known, text.strip()) for each in given if each.strip() for text in each.split(",")]
        return values if given else None
    return _one(known, given) if isinstance(given, str) else given


def _one(known: Filter, text: str) -> Any:
    choices, option = _choices(known), _option(known)
    name = text.lower().replace("-", "_")
    is_number = text.isascii() and text.isdigit()
    is_refused = bool(choices) and not known.is_extensible and text not in map(str, known.values)
    if known.names and name in choices:
        return known.values[choices.index(name)]
    if is_refused or (known.names and not is_number):
        fail(f"{option} takes {', '.join(choices)}{', or a number' if known.names else ''}, not {text!r}")
    if known.type == "integer":
        return id_of(option, text, *["numbers with commas between them, such as 1,2"] * known.several)
    if known.type == "number":
        return _number(option, text)
    if not text or (known.type == "boolean" and name not in ("true", "false")):
        fail(f"{option} takes {'true or false' if known.type == 'boolean' else 'a text'}, not {text!r}")
    return name == "true" if known.type == "boolean" else text


def _number(option: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        fail(f"{option} takes a number, such as 1.5, not {text!r}")
    return number
