"""Says in words of our own what an option takes, and what is wrong with a command line."""

import difflib
import math
import os
import re
from collections.abc import Iterable
from copy import copy
from typing import Any

import typer

_METAVARS = (("int", "N"), ("float", "NUMBER"), ("file", "FILE"), ("dir", "FOLDER"), ("path", "FILE"), ("str", "TEXT"))
"""By the beginning of what the type is called."""


def speak_plainly(command: Any) -> Any:
    """The command, with options whose help and errors name no types of Python's or of the parser's."""
    for parameter in command.params:
        kind = parameter.type = copy(parameter.type)  # one of a kind may serve many
        if hasattr(kind, "min"):
            kind._describe_range = lambda kind=kind: _range(kind)
        kind.convert = _converter(kind.convert, kind)
        if parameter.metavar is None and not hasattr(kind, "choices"):
            parameter.metavar = next((name for start, name in _METAVARS if kind.name.startswith(start)), None)
    return command


def _converter(convert: Any, kind: Any) -> Any:
    def converted(value: Any, parameter: Any, context: Any) -> Any:
        try:
            made = convert(value, parameter, context)
        except typer.BadParameter:
            made = None
        if made is None or (isinstance(made, float) and not math.isfinite(made)):
            message = f"{_name(parameter, context)} takes {_taken(kind)}, not {value!r}"
            raise typer.BadParameter(message, context, parameter)
        return made

    return converted


def _name(parameter: Any, context: Any) -> str:
    """What the value came by: the option, or the variable."""
    source = context.get_parameter_source(parameter.name)
    if source is not None and source.name == "ENVIRONMENT":
        names = [parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar
        return next(name for name in names if os.environ.get(name))
    return str(parameter.opts[0])


def _taken(kind: Any) -> str:
    """What a value may be."""
    if hasattr(kind, "choices"):
        return _either(map(str, kind.choices))
    if hasattr(kind, "file_okay"):
        what = "a file" if not kind.dir_okay else "a folder" if not kind.file_okay else "a file or a folder"
        return f"{what} that exists" if kind.exists else what
    number = "a whole number" if kind.name.startswith("int") else "a number"
    return f"{number} {_range(kind, 'of ')}".rstrip()


def _range(kind: Any, of: str = "") -> str:
    if kind.min is not None and kind.max is not None:
        return f"from {kind.min} to {kind.max}"
    return "" if kind.min is None else f"{of}{kind.min} or more"


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def what_is_wrong(error: Any) -> str:
    """A usage error of the parser in one line."""
    context, kind = error.ctx, type(error).__name__
    command: Any = context.command if context else None
    see = f" (see {context.command_path} --help)" if context else ""
    if kind == "NoSuchOption":
        options = [option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)]
        if error.option_name in ("--limit", "--limit-total") and "--page-size" in options:
            end = "-n (--rows) ends a list after so many" if "--rows" in options else "an export has every row"
            return f"there is no {error.option_name}: --page-size is the number of rows on a page, and {end}"
        return f"there is no option {error.option_name}{near(error.option_name, options)}{see}"
    if kind == "BadOptionUsage":
        return f"{error.option_name} takes {'a' if 'requires' in error.message else 'no'} value{see}"
    if kind == "MissingParameter":
        example = re.search("Example: (.*)", command.help or "")
        return f"{error.param.metavar} is missing" + (f", as in `{example[1]}`" if example else "") + see
    message = str(error.message).rstrip(".")
    if kind == "BadParameter":
        return message
    if found := re.fullmatch(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", message):
        return f"too many arguments: {found[1]}{see}"
    return f"{message}{see}"


def near(word: str, known: Iterable[str]) -> str:
    """A question for whoever may have meant one of these words; empty if none is alike."""
    alike = difflib.get_close_matches(word, list(known), 1, cutoff=0.75)
    return f"; is it {alike[0]}?" if alike else ""
