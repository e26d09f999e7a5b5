"""Files that people give to a check: read whole, held to a JSON schema, and refused with the line that is wrong."""

import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
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

Pointer = Sequence[str | int]


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
    """Plain data, as JSON has it: dates stay text. ``None`` where the file is empty."""
    _root: yaml.Node | None = field(repr=False)

    def line(self, pointer: Pointer) -> int:
        """The line of a part of the data, from 1; of what is around it where it is missing."""
        return _line(self._root, pointer)

    def bad(self, pointer: Pointer, what: str) -> BadFile:
        """The refusal of a part of the data."""
        return BadFile(self.path, self.line(pointer), what)


def load(path: Path, schema: str) -> Document:
    """Read a YAML or JSON file that obeys the packaged schema of that name.

    Raises ``BadFile``.
    """
    text = _text(path)
    try:
        said = json.loads(text) if _is_json(path) and text.strip() else None
        root = _compose(path, text)
        data = _plain(root) if said is None else said
    except json.JSONDecodeError as error:
        raise BadFile(path, error.lineno, f"no JSON: {error.msg}") from None
    except BadFile:
        raise
    except ValueError:  # Python reads no integer of more than 4,300 digits
        raise BadFile(path, None, "holds a number that is too long") from None
    except RecursionError:
        raise BadFile(path, None, "nested too deep") from None
    document = Document(path, data, root)
    if data is not None:
        errors = [
            (document.line(error.instance_path), _words(error, schema))
            for error in _validator(schema).iter_errors(data)
        ]
        for line, what in sorted(errors)[:1]:
            raise BadFile(path, line, what)
    return document


@cache
def schema_text(name: str) -> str:
    """The text of a packaged JSON schema: ``waivers`` or ``expect``."""
    return (files("channel_images.conformance") / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")


def or_near(word: str, known: Sequence[str]) -> str:
    """The end of a sentence that refuses ``word``: what was meant, or what there is."""
    near = get_close_matches(word, known, n=1)
    rest = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return f"did you mean {near[0]}?" if near else f"there is {', '.join(known[:MOST_NAMED])}{rest}"


def write_atomically(path: Path, text: str, *, follow_links: bool = True) -> None:
    """Write a file that appears whole or not at all, with the permissions it had, or those that the umask leaves.

    ``follow_links`` says whether to write where a link leads, as for a file that a user named, or to replace the link,
    as for one that the user did not. Raises ``OSError``.
    """
    if follow_links:
        path = path.resolve()
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if path.is_file() and not path.is_symlink():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


# Reading


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadFile(path, None, f"cannot be read: {error.strerror}") from None
    if len(raw) > MOST_BYTES:
        raise BadFile(path, None, f"larger than {MOST_BYTES:,} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(path, raw.count(b"\n", 0, error.start) + 1, "not UTF-8") from None


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json"


class _Composer(yaml.SafeLoader):
    """YAML without what these files have no use for: a date is text, and nothing refers to something else."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - a table of PyYAML, without its dates
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark: yaml.Mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # so PyYAML's stubs have it
            raise yaml.composer.ComposerError(None, None, "references (*name) have no use here", mark)
        return super().compose_node(parent, index)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Leave ``<<`` a key like any other."""


def _compose(path: Path, text: str) -> yaml.Node | None:
    if _is_json(path):
        # JSON may be indented with tabs, which YAML refuses; inside a string neither has them.
        text = text.replace("\t", " ")
    loader = None
    try:
        loader = _Composer(text)
        root = loader.get_single_node()
        if root is not None:
            _refuse(path, root)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadFile(path, line, f"a character that no text has: #x{ord(text[error.position]):02x}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(filter(None, (error.context, error.problem)))
        raise BadFile(path, mark.line + 1 if mark else None, what) from None
    finally:
        if loader is not None:
            loader.dispose()
    return root


def _refuse(path: Path, root: yaml.Node) -> None:
    """A key that is there twice, of which YAML would forget the first, and half of a character."""
    for node in _nodes(root):
        if isinstance(node, yaml.ScalarNode):
            try:
                node.value = _joined(node.value)
            except UnicodeDecodeError:
                raise BadFile(path, node.start_mark.line + 1, "half of a surrogate pair") from None
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            name = str(key.value)
            if name in seen:
                raise BadFile(path, key.start_mark.line + 1, f"{name!r} is there twice")
            seen.add(name)


def _joined(text: str) -> str:
    """The text with the surrogate pairs that an escape spelt out made one character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


def _nodes(root: yaml.Node) -> Iterator[yaml.Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, yaml.MappingNode):
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _plain(node: yaml.Node | None) -> Any:
    """The data of a node; the keys of its mappings are text, as in JSON."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    if node is None:
        return None
    if ":" in node.value:  # text, and no number to the base of 60, over a long one of which YAML 1.1 takes very long
        return node.value
    constructor = yaml.constructor.SafeConstructor()
    try:
        value = constructor.construct_document(node)
    except (yaml.MarkedYAMLError, ValueError):
        return node.value
    is_json = isinstance(value, str | int | None) or (isinstance(value, float) and math.isfinite(value))
    return value if is_json else node.value


def _line(root: yaml.Node | None, pointer: Pointer) -> int:
    node, line = root, root.start_mark.line + 1 if root else 1
    for step in pointer:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if str(key.value) == step), None)
            if found is None:
                break
            # Where the key is, not where its value begins: a block begins on the line after.
            node, line = found[1], found[0].start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


# Judging


@cache
def _validator(name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(json.loads(schema_text(name)), validate_formats=True)


def _words(error: jsonschema_rs.ValidationError, schema: str) -> str:
    """What a violation of a schema says, in words of the file."""
    kind: Any = error.kind
    at: Any = json.loads(schema_text(schema))
    for step in error.schema_path[:-1]:
        at = at[step]
    where = next((f"{step}: " for step in reversed(error.instance_path) if isinstance(step, str)), "")
    match kind.name:
        case "required":
            return f"{where}{kind.property!r} is missing"
        case "additionalProperties":
            known = list(at["properties"])
            return f"{where}unknown {kind.unexpected[0]!r}; {or_near(kind.unexpected[0], known)}"
        case "format" if kind.format == "date":
            return f"{where}{_short(error.instance)} is no date like 2026-01-31"
        case "minProperties":
            return f"{where}says nothing: give at least one of {', '.join(list(at['properties'])[1:])}"
    return where + _short(error.message)


def _short(value: object, most: int = 100) -> str:
    text = re.sub(r"\s+", " ", str(value))
    return text if len(text) <= most else f"{text[:most]}…"
