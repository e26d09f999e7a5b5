"""Reads files that people give to a check: each is held to a JSON schema, or refused with the line that is wrong."""

import json
import math
import re
import secrets
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml
from attrs import field, frozen

MOST_BYTES = 250_000
"""The largest file that is read, which takes some seconds if it is nothing but brackets; a waiver takes some 150."""
MOST_NAMED = 8
"""Words that a refusal offers."""
MOST_SHOWN = 200
"""Characters of a refusal, which may quote the file."""

EXPONENTS = (
    "tag:yaml.org,2002:float",
    re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?[eE][-+]?[0-9]+$"),
    list("-0123456789"),
)
"""What YAML has to be told of numbers: 1e5 is one in JSON, and a text in YAML 1.1."""

Pointer = tuple[str | int, ...]


class BadFile(ValueError):
    """A file that can't be used: the message, one line, names it, the line and what is wrong there."""

    def __init__(self, path: Path, line: int | None, what: str) -> None:
        place = str(path) if line is None else f"{path}, line {line}"
        # Nothing that a file holds ends the line or is obeyed by a terminal.
        shown = "".join(letter if letter.isprintable() else " " for letter in f"{place}: {what}")
        super().__init__(" ".join(shown.split()))


@frozen
class Document:
    """What a file says, and where it says it."""

    path: Path
    data: Any
    """Plain data, as JSON has it: dates stay text. `None` where the file is empty."""
    _lines: Mapping[Pointer, int] = field(repr=False)

    def line(self, pointer: Pointer) -> int:
        """The line of a part of the data, from 1; of what is around it where it is missing."""
        while pointer and pointer not in self._lines:
            pointer = pointer[:-1]
        return self._lines.get(pointer, 1)

    def bad(self, pointer: Pointer, what: str) -> BadFile:
        """The refusal of a part of the data."""
        return BadFile(self.path, self.line(pointer), what)


def read_bytes(path: Path, most: int) -> bytes:
    """What is in a file of at most so many bytes. Raises `BadFile`."""
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise BadFile(path, None, f"cannot be read: {error.strerror}") from None
    if len(raw) > most:
        raise BadFile(path, None, f"larger than {most:,} bytes")
    return raw


def load(path: Path, schema: dict[str, Any]) -> Document:
    """Read a YAML or JSON file that obeys a JSON schema. Raises `BadFile`."""
    raw = read_bytes(path, MOST_BYTES)
    lines: dict[Pointer, int] = {}
    try:
        text = raw.decode("utf-8-sig")
        if path.suffix.lower() == ".json" and text.strip():
            json.loads(text, parse_float=_finite, parse_constant=_finite)
            text = _as_yaml(text)
        loader = _Loader(text)
        root = loader.get_single_node()
        document = Document(path, None if root is None else loader.plain(root, (), lines), lines)
    except UnicodeDecodeError as error:
        raise BadFile(path, raw.count(b"\n", 0, error.start) + 1, "not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadFile(path, error.lineno, f"not JSON: {error.msg}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadFile(path, line, f"a character that no text has: #x{ord(text[error.position]):02x}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(filter(None, (error.context, error.problem)))
        raise BadFile(path, mark.line + 1 if mark else None, what) from None
    except ValueError:  # of `_finite`; and Python reads no integer of more than 4,300 digits
        raise BadFile(path, None, "holds a number that is too long, or none that JSON knows") from None
    except RecursionError:
        raise BadFile(path, None, "nested too deep") from None
    if document.data is not None:
        validator = jsonschema_rs.validator_for(schema, validate_formats=True)
        try:
            errors = list(validator.iter_errors(document.data))
        except ValueError:  # the validator's, which takes fewer levels than the parsers
            raise BadFile(path, None, "nested too deep") from None
        wrong = [(document.line(tuple(error.instance_path)), _words(error, schema)) for error in errors]
        if wrong:
            raise BadFile(path, *min(wrong))
    return document


def packaged_schema(name: str) -> dict[str, Any]:
    """A packaged JSON schema: `waivers` or `report`."""
    schemas = files("channel_images.conformance") / "schemas"
    schema: dict[str, Any] = json.loads((schemas / f"{name}.schema.json").read_text(encoding="utf-8"))
    return schema


def or_near(word: str, known: Sequence[str]) -> str:
    """The end of a sentence that refuses `word`: what was meant, or what there is."""
    near = get_close_matches(word, known, n=1)
    rest = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return f"did you mean {near[0]}?" if near else f"there is {', '.join(known[:MOST_NAMED])}{rest}"


def write_atomically(path: Path, text: str, *, follow_links: bool = True) -> None:
    """Write a file that appears whole or not at all, with the permissions it had, or those that the umask leaves.

    `follow_links` says whether to write where a link leads, as for a file that a user named, or to replace the link,
    as for one that the user did not. Raises `OSError`.
    """
    if follow_links:
        path = path.resolve()
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if path.is_file() and not path.is_symlink():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _finite(number: str) -> float:
    if not math.isfinite(value := float(number)):
        raise ValueError(number)
    return value


def _as_yaml(text: str) -> str:
    """JSON as YAML that says the same. Outside of strings it is ASCII, in which YAML indents with no tabs; in strings YAML
    takes some characters for the end of a line, and others not at all, unless they are escaped."""
    return re.sub(r"[^\x00-\x7e]+", _escaped, text.replace("\t", " "))


def _escaped(letters: re.Match[str]) -> str:
    return re.sub("....", r"\\u\g<0>", letters[0].encode("utf-16-be").hex())


class _Loader(yaml.SafeLoader):
    """Reads the YAML that says what JSON can say: nothing refers to something else, or names a type; a date is text."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # so PyYAML's stubs have it
        if isinstance(event, yaml.AliasEvent):
            raise _wrong(event, "references (*name) have no use here")
        if getattr(event, "tag", None) is not None:
            raise _wrong(event, "types (!!name) have no use here")
        return super().compose_node(parent, index)

    def plain(self, node: yaml.Node, at: Pointer, lines: dict[Pointer, int]) -> Any:
        """The data of a node, with the line of each of its parts put into `lines`."""
        lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(value, (*at, index), lines) for index, value in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        said: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong(key, "a name is a text")
            name = _characters(key)
            if name in said:
                raise _wrong(key, f"{name!r} is there twice")
            # Where the key is, not where its value begins: a block begins on the line after.
            lines[*at, name] = key.start_mark.line + 1
            said[name] = self.plain(value, (*at, name), lines)
        return said

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        node.value = _characters(node)
        if ":" in node.value:  # no number to the base of 60, over a long one of which YAML 1.1 takes very long
            return node.value
        try:
            value = self.construct_object(node)
        except (yaml.MarkedYAMLError, ValueError):
            return node.value
        is_json = isinstance(value, str | int | None) or (isinstance(value, float) and math.isfinite(value))
        return value if is_json else node.value


_Loader.add_implicit_resolver(*EXPONENTS)


def _characters(node: yaml.ScalarNode) -> str:
    """The text of a node, in which an escape may spell a surrogate pair out."""
    try:
        return str(node.value).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise _wrong(node, "half of a surrogate pair") from None


def _wrong(at: Any, what: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=what, problem_mark=at.start_mark)


def _words(error: jsonschema_rs.ValidationError, schema: dict[str, Any]) -> str:
    """What a violation of a schema says, in words of the file."""
    kind: Any = error.kind
    broken: Any = schema
    for step in error.schema_path[:-1]:
        broken = broken[step]
    match kind.name:
        case "required":
            what = f"{kind.property!r} is missing"
        case "additionalProperties":
            what = f"unknown {kind.unexpected[0]!r}; {or_near(kind.unexpected[0], list(broken['properties']))}"
        case "format" if kind.format == "date":
            what = f"{error.instance} is not a date like 2026-01-31"
        case "minProperties":
            what = f"says nothing: give at least one of {', '.join(list(broken['properties'])[1:])}"
        case _:
            what = error.message
    where = next((f"{step}: " for step in reversed(error.instance_path) if isinstance(step, str)), "")
    return where + (what if len(what) <= MOST_SHOWN else f"{what[:MOST_SHOWN]}…")
