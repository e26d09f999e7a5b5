# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

"""Decodes bytes to models, in one of two ways that give the same models.

The fast way: msgspec reads the bytes into rows of its own, which refuse any field that they were not told of, and the
model's `fill` moves them into models. The exact way: json and `from_dict`. What the fast way refuses, or might read
otherwise, goes the exact way, which gives the models or says what is malformed. The unknown fields that it met are
learned, so that the fast way takes the next body that has them.
"""

import datetime
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from .errors import MalformedBody
from .types import RFC_3339, UNSET, list_of, load_json

# msgspec is imported at the first use: at the top it would be a tenth of the time that `import channel_images_api` takes.

# Of unknown fields per model: each costs time in every row, and a server that makes up names must not fill the memory.
MAX_LEARNED = 32
_MAX_LENGTH = 100


class Model(Protocol):
    """What this module needs of a model."""

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self: ...


M = TypeVar("M", bound=Model)
S = TypeVar("S", bound=Model)


class Field(NamedTuple):
    """A field as it is on the wire: `type` is what msgspec reads (str for a date-time), or `[model]` for an array of models."""

    attribute: str
    name: str
    type: Any
    required: bool = False
    nullable: bool = True


class _FastWay:
    def __init__(self, fill: Callable[[list[Any], list[Any]], None], fields: tuple[Field, ...]) -> None:
        self.fill = fill
        self.fields = fields
        self.learned: tuple[str, ...] = ()


_ways: dict[type[Any], _FastWay] = {}
_decoders: dict[tuple[type[Any], bool], Any] = {}  # msgspec's, for what is learned at present
_lock = threading.Lock()  # held to learn, and to make a decoder of what is learned


def register(model: type[Any], fill: Callable[[list[Any], list[Any]], None], *fields: Field) -> None:
    """Open the fast way to a model, if there is one to all of its fields.

    A subclass of it, whose `from_dict` may be another, goes the exact way.
    """
    if all(
        _is_learnable(field.name) and (not isinstance(field.type, list) or field.type[0] in _ways) for field in fields
    ):
        _ways[model] = _FastWay(fill, fields)
        model.additional_properties = _made_at_first_use(model.additional_properties)


def decode_one(model: type[M], content: bytes) -> M:
    """The model whose object the bytes are."""
    if (models := _decode_fast(model, content, many=False)) is not None:
        return models[0]
    decoded = model.from_dict(load_json(content))
    _learn(model, [decoded])
    return decoded


def decode_many(model: type[M], content: bytes) -> list[M]:
    """The models whose array the bytes are."""
    if (models := _decode_fast(model, content, many=True)) is not None:
        return models
    models = list_of(model.from_dict)(load_json(content))
    _learn(model, models)
    return models


def _decode_fast(model: type[M], content: bytes, *, many: bool) -> list[M] | None:
    if model not in _ways:
        return None
    import msgspec

    try:
        rows = (_decoders.get((model, many)) or _make_decoder(model, many)).decode(content)
        return build_models(model, rows if many else [rows])
    except (msgspec.MsgspecError, MalformedBody, ValueError, RecursionError):
        return None


def decode_parsed(model: type[M], made: type[S], parsed: list[Any]) -> list[S]:
    """The fast way from objects that a caller has parsed, and keeps.

    Args:
        model: What they are.
        made: What is made of them: the model, or a subclass of it.
        parsed: The objects.

    Raises:
        ValueError: They have to go the exact way.
    """
    import msgspec

    rows = (_decoders.get((model, True)) or _make_decoder(model, True)).type
    try:
        return build_models(model, msgspec.convert(parsed, rows), made)
    except (msgspec.MsgspecError, MalformedBody) as error:
        raise ValueError(str(error)) from None


def _learn(model: type[Any], models: Iterable[Any]) -> None:
    """Have the next decoders take the unknown fields of models that had to go the exact way."""
    if (way := _ways.get(model)) is None:
        return
    seen = dict.fromkeys(name for each in models for name in each.additional_properties if _is_learnable(name))
    with _lock:
        learned = tuple(dict.fromkeys([*way.learned, *seen]))
        if len(way.learned) < len(learned) <= MAX_LEARNED:
            way.learned = learned
            _decoders.clear()
    for field in way.fields:
        if isinstance(field.type, list):
            # Absent lists are UNSET, which is false, as null is.
            _learn(field.type[0], [inner for each in models for inner in getattr(each, field.attribute) or ()])


def _is_learnable(name: str) -> bool:
    # msgspec takes no control characters, quotes or backslashes in names, nor halves of surrogate pairs.
    return len(name) <= _MAX_LENGTH and name.isprintable() and not {'"', "\\"} & {*name}


def _make_decoder(model: type[Any], many: bool) -> Any:
    import msgspec

    with _lock:
        row = _row_type(model)
        kind = list[row] if many else row  # type: ignore[valid-type]  # a value
        decoder = _decoders[model, many] = msgspec.json.Decoder(kind)
    return decoder


def _row_type(model: type[Any]) -> Any:
    import msgspec

    way = _ways[model]
    fields: list[tuple[str, Any, Any]] = []
    for attribute, name, kind, required, nullable in way.fields:
        if isinstance(kind, list):
            kind = list[_row_type(kind[0])]  # type: ignore[misc]  # a value
        if nullable:
            kind = kind | None
        absent = msgspec.field(name=name) if required else msgspec.field(name=name, default=UNSET)
        fields.append((attribute, kind, absent))
    for number, name in enumerate(way.learned):
        fields.append((f"_{number}", Any, msgspec.field(name=name, default=UNSET)))
    return msgspec.defstruct(model.__name__, fields, forbid_unknown_fields=True, gc=False)


def build_models(model: type[M], rows: list[Any], made: type[S] | None = None) -> list[Any]:
    """Models of rows, or what is `made` in their place: instances of a subclass.

    Raises:
        MalformedBody, ValueError: The rows have to go the exact way.
    """
    # Without __init__, which takes longer than all that happens to a model here.
    models: list[Any] = list(map(object.__new__, repeat(made or model, len(rows))))
    if rows:
        _ways[model].fill(models, rows)
        _add_unknown(models, rows, len(_ways[model].fields))
    return models


def _add_unknown(models: list[Any], rows: list[Any], known: int) -> None:
    # What was learned when the rows' type was made: more may be learned meanwhile.
    row = type(rows[0])
    columns = {
        name: list(map(attrgetter(attribute), rows))
        for name, attribute in zip(row.__struct_encode_fields__[known:], row.__struct_fields__[known:])
    }
    gaps = {name: column.count(UNSET) for name, column in columns.items()}
    complete: dict[str, Any] = {name: None for name in columns if not gaps[name]}
    partial = [name for name in columns if 0 < gaps[name] < len(rows)]
    if not complete and not partial:
        return
    # A column at a time, which is twice as fast as a row at a time.
    added = [complete.copy() for _ in models]
    for name in complete:
        for fields, value in zip(added, columns[name]):
            fields[name] = value
    for name in partial:
        for fields, value in zip(added, columns[name]):
            if value is not UNSET:
                fields[name] = value
    for model, fields in zip(models, added):
        if fields:
            model.additional_properties = fields


def _made_at_first_use(slot: Any) -> property:
    """Takes the place of a slot: makes a dictionary when somebody first asks for it.

    Most models need none, and one takes 64 bytes. A `__getattr__` would do the same, and make reading of every other
    attribute ten times slower.
    """

    def get(model: Any) -> dict[str, Any]:
        try:
            made: dict[str, Any] = slot.__get__(model)
        except AttributeError:
            with _lock:  # two threads must not get two
                try:
                    made = slot.__get__(model)
                except AttributeError:
                    made = {}
                    slot.__set__(model, made)
        return made

    return property(get, slot.__set__, slot.__delete__)


_ZEROS = str.maketrans("123456789", "000000000")
_LENGTH = len("2022-11-25T12:06:42.954200Z")


def decode_date_times(values: list[Any]) -> list[Any]:
    """What `decode_date_time` makes of each.

    Raises:
        ValueError: One is no date-time, or written as only the exact way reads it.
    """
    texts = values
    try:
        lines = "\n".join(texts)
    except TypeError:  # some are absent or null
        texts = [value for value in values if isinstance(value, str)]
        if not texts:
            return values
        lines = "\n".join(texts)
    count = len(texts)
    if (
        texts is values
        and len(lines) == (_LENGTH + 1) * count - 1
        and lines[_LENGTH - 1 :: _LENGTH + 1] == "Z" * count
        and lines[_LENGTH :: _LENGTH + 1] == "\n" * (count - 1)
    ):
        # What ends in Z and has no room for nanoseconds, msgspec reads as the exact way does, and in half the time.
        import msgspec

        return msgspec.convert(texts, list[datetime.datetime])
    # With every digit a zero, most rows are alike, and one is looked at for all.
    lines = lines.translate(_ZEROS)
    form = lines.partition("\n")[0]
    forms: Iterable[str] = {form} if lines + "\n" == f"{form}\n" * count else set(lines.split("\n"))
    if not all(map(RFC_3339.fullmatch, forms)):
        raise ValueError("not an RFC 3339 date-time")
    decode = datetime.datetime.fromisoformat
    if texts is values:
        return list(map(decode, values))
    return [decode(value) if isinstance(value, str) else value for value in values]
