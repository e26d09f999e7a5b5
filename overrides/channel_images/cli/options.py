"""Adds groups of options that commands share to a command; a group is declared once, as an attrs class.

    @frozen
    class Paging:
        limit: Annotated[int, typer.Option(min=1, help="Rows on a page.")] = 100

    @with_groups
    def images(channel: ChannelArgument = None, *, paging: Paging) -> None: ...

The command then has the option `--limit`, and is called with a `Paging`.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar

import attrs

T = TypeVar("T")


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of its groups in their place. Each parameter that is an attrs class is a group."""
    parameters = inspect.signature(command).parameters.values()
    options = [
        option
        for parameter in parameters
        for option in (options_of(parameter.annotation) if attrs.has(parameter.annotation) else [parameter])
    ]

    @wraps(command)
    def taking_options(**given: Any) -> None:
        groups = {each.name: each.annotation for each in parameters if attrs.has(each.annotation)}
        made = {name: _made_of(group, given) for name, group in groups.items()}
        command(**given, **made)

    signature = inspect.Signature([option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options])
    taking_options.__signature__ = signature  # type: ignore[attr-defined]  # what Typer reads
    taking_options.__annotations__ = {option.name: option.annotation for option in options}
    return taking_options


def options_of(group: type[Any]) -> Iterator[inspect.Parameter]:
    """The options of a group, with those of the groups in it."""
    for field in attrs.fields(group):
        if attrs.has(field.type):
            yield from options_of(field.type)
        else:
            yield inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type
            )


def _made_of(group: type[T], given: dict[str, Any]) -> T:
    """The group with its values, which leave `given`."""
    fields = attrs.fields(group)  # type: ignore[arg-type]  # an attrs class
    return group(
        **{each.name: _made_of(each.type, given) if attrs.has(each.type) else given.pop(each.name) for each in fields}
    )
