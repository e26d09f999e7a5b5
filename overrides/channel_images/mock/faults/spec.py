"""Reads the spec of a fault, word by word, and says in one line what is wrong with it."""

import math
import re
from collections.abc import Iterable
from difflib import get_close_matches

from channel_images.mock.beside import BESIDE
from channel_images.mock.operations import operations
from channel_images.resource import resource

MOST_SECONDS = 1e9
"""Some thirty years, for ever in practice; such numbers can be added and multiplied."""


class BadFault(ValueError):
    """A spec that describes no fault; the message says in one line what is wrong, and what would be right."""


class Words:
    """The parts of a spec, which are taken out one by one. Each way to take one raises `BadFault` where it is wrong."""

    def __init__(self, spec: str) -> None:
        self.spec = spec
        first, *rest = spec.split(":")
        self.kind, equals, value = first.partition("=")
        self.value = value if equals else None
        """What is written behind the kind itself."""
        self._rest: dict[str, str | None] = {}
        self._asked: list[str] = []
        for part in rest:
            name, equals, text = part.partition("=")
            if name in self._rest:
                raise self.bad(f"{name!r} is given twice", "give it once")
            self._rest[name] = text if equals else None

    def bad(self, what: str, mend: str) -> BadFault:
        text = f"fault {self.spec!r}: {what}; {mend}"
        return BadFault("".join(letter if letter.isprintable() else "?" for letter in text))

    def flag(self, name: str) -> bool:
        """Whether the bare word `name` is there.

        Raises:
            BadFault: It has a value.
        """
        self._asked.append(name)
        if name not in self._rest:
            return False
        if self._rest.pop(name) is not None:
            raise self.bad(f"{name} takes no value", f"write {name} alone")
        return True

    def text(self, name: str, example: str) -> str | None:
        """The value of a setting, `None` if it is not given.

        Raises:
            BadFault: It is empty.
        """
        self._asked.append(f"{name}=")
        if name not in self._rest:
            return None
        value = self._rest.pop(name)
        if not value:
            raise self.bad(f"{name} needs a value", f"write {name}={example}")
        return value

    def count(self, name: str, default: int | None, *, least: int = 1) -> int:
        """A whole number; `None` stays `None`."""
        text = self.text(name, "3")
        if text is None:
            return default  # type: ignore[return-value] # the caller's own default, whatever it is
        if not re.fullmatch("[0-9]{1,9}", text) or int(text) < least:
            raise self.bad(f"{name}={text} is not a whole number of at least {least}", f"write {name}=3")
        return int(text)

    def share(self, name: str) -> float:
        """A number above 0 and up to 1."""
        text = self.text(name, "0.1")
        value = 1.0 if text is None else number(text)
        if not 0 < value <= 1:
            raise self.bad(f"{name}={text} is not a share above 0 and up to 1", f"write {name}=0.1")
        return value

    def seconds(self, name: str) -> float | None:
        """A duration, if it is given."""
        text = self.text(name, "0.2")
        if text is not None and not 0 <= number(text) <= MOST_SECONDS:
            raise self.bad(f"{name}={text} is not a number of seconds", f"write {name}=0.2")
        return None if text is None else float(text)

    def operations(self) -> frozenset[str] | None:
        """The operations that are named, if any."""
        text = self.text("operation", resource().operation(is_list=True).id)
        if text is None:
            return None
        known = [*operations(), *BESIDE]
        for name in text.split(","):
            if name not in known:
                raise self.bad(f"no operation {name!r}", near(name, known))
        return frozenset(text.split(","))

    def end(self) -> None:
        """Raise `BadFault` for words that nobody asked for."""
        for name in self._rest:
            raise self.bad(f"{self.kind} has no setting {name!r}", f"it takes {', '.join(self._asked)}")
        if self.value is not None:
            raise self.bad(f"{self.kind} takes no value", f"write {self.kind} alone, settings behind a colon")


def number(text: str) -> float:
    """The number, or NaN, which lies in no interval."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def near(name: str, known: Iterable[str]) -> str:
    names = list(known)
    return f"there is {', '.join(get_close_matches(name, names, cutoff=0.5) or names)}"
