# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

"""What models and endpoints share: UNSET, Request, Response, open enums, and how values go to and come from the wire."""

import datetime
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from contextlib import suppress
from enum import Enum, IntEnum, StrEnum
from typing import Any, Generic, Literal, NoReturn, Self, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx
from attrs import define, frozen

from .errors import MalformedBody, UnexpectedStatus

T = TypeVar("T")
E = TypeVar("E", bound=Enum)


class Unset:
    """The type of UNSET, which stands for what was not given: null is a value, UNSET is the lack of one."""

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"  # the global of this name, so that `is UNSET` holds after pickle, copy and deepcopy


UNSET: Unset = Unset()


@frozen
class Request:
    """A request for an operation, which is not sent yet.

    Attributes:
        method: Such as `GET`.
        url: The path of the contract with its query, encoded as it goes out, such as `/rows/5/?id__in=1,2`.
    """

    method: str
    url: str


@define
class Response(Generic[T]):
    """A response to an operation.

    Attributes:
        parsed: The body as the contract documents it for this status; None if the contract does not document the
            status, or where an error's body is not the documented one. `content` has the bytes in any case.
    """

    status_code: int
    content: bytes
    headers: MutableMapping[str, str]
    parsed: T | None


class OpenStrEnum(StrEnum):
    """Strings that a server may add to: a value that the contract does not list keeps its type and its text."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if type(value) is not str:
            return None  # which makes it a ValueError
        member = str.__new__(cls, value)
        member._name_, member._value_ = "UNKNOWN", value
        return member

    @property
    def is_known(self) -> bool:
        """Whether the contract lists the value."""
        return self._value_ in type(self)._value2member_map_


class OpenIntEnum(IntEnum):
    """Integers that a server may add to: a value that the contract does not list keeps its type and its number."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if type(value) is not int:
            return None  # which makes it a ValueError
        member = int.__new__(cls, value)
        member._name_, member._value_ = "UNKNOWN", value
        return member

    @property
    def is_known(self) -> bool:
        """Whether the contract lists the value."""
        return self._value_ in type(self)._value2member_map_


# Requests


def encode_query(parameters: Mapping[str, Any], *, exploded: Collection[str] = ()) -> str:
    """The query with its `?`; empty if nothing is given.

    Args:
        parameters: The values by name; None and UNSET are not sent. An array is one parameter with commas.
        exploded: The names of the arrays that go out as one parameter a value, under the same name.

    Raises:
        ValueError: An array is empty, a date-time has no time zone, or a number is not finite.
        TypeError: A value is none that a query has.
    """
    query = []
    for name, value in parameters.items():
        if value is None or value is UNSET:
            continue
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping)):
            texts = [_encode_scalar(item, name) for item in value]
            if not any(texts):
                raise ValueError(
                    f"{name} is empty: servers read an empty filter as no filter, and would list everything"
                )
            if name not in exploded:
                texts = [",".join(texts)]
        else:
            texts = [_encode_scalar(value, name)]
        query += [f"{quote(name, safe='')}={text}" for text in texts]
    return "?" + "&".join(query) if query else ""


def encode_segment(value: Any) -> str:
    """A value in the path.

    Raises:
        ValueError: It would lead to another path.
    """
    text = _encode_scalar(value, "a value in the path")
    if text in ("", ".", ".."):
        raise ValueError(f"{text!r} in the path would lead to another path")
    return text


def _encode_scalar(value: Any, name: str) -> str:
    value = value.value if isinstance(value, Enum) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime) and value.tzinfo is None:
        raise ValueError(f"{name} has no time zone: {value}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} is not a number that a query has: {value}")
    if isinstance(value, (datetime.date, UUID)):
        value = encode(value)
    if not isinstance(value, (str, int, float)):
        raise TypeError(f"{name} is no string, number or boolean: {value!r}")
    return quote(str(value), safe="")


def build_request(client: httpx.Client | httpx.AsyncClient, request: Request, **options: Any) -> httpx.Request:
    """The request as httpx sends it: with the defaults of an httpx client, and with the query as it is.

    Args:
        client: The httpx client. Where a parameter is in its `params` and in the query, that of the query is sent.
        request: The request.
        options: For `httpx.Client.build_request`, but no `params`.
    """
    built = client.build_request(request.method, request.url, **options)
    if client.params:  # httpx has put them in the place of the query
        query = request.url.partition("?")[2]
        given = httpx.QueryParams(query)
        defaults = httpx.QueryParams(
            [(name, value) for name, value in client.params.multi_items() if name not in given]
        )
        built.url = built.url.copy_with(query="&".join(filter(None, (str(defaults), query))).encode("ascii"))
    return built


# Responses


def build_response(
    response: httpx.Response, decoders: Mapping[int, Callable[[bytes], T]], *, raise_on_unexpected_status: bool
) -> Response[T]:
    """Decode the body by its status.

    Raises:
        MalformedBody: The status is a success, and the body is not what the contract says.
        UnexpectedStatus: The contract does not document the status, and `raise_on_unexpected_status` is set.
    """
    decode = decoders.get(response.status_code)
    if decode is None and raise_on_unexpected_status:
        raise UnexpectedStatus(response.status_code, response.content)
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=None if decode is None else _parse(response, decode),
    )


def _parse(response: httpx.Response, decode: Callable[[bytes], T]) -> T | None:
    try:
        return decode(response.content)
    except MalformedBody as error:
        if not response.is_success:
            return None  # the status says what went wrong; many an error's body comes from a proxy
        error.set_response(response)
        raise


def from_json(decode: Callable[[Any], T]) -> Callable[[bytes], T]:
    return lambda content: decode(load_json(content))


def load_json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedBody("JSON", content) from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is Python's, not JSON")


def first_of(*decoders: Callable[[Any], T]) -> Callable[[Any], T]:
    """Decode by the first decoder that takes the value."""

    def decode(value: Any) -> T:
        for decoder in decoders:
            with suppress(MalformedBody):
                return decoder(value)
        raise MalformedBody("any of the documented shapes", value)

    return decode


def list_of(decode_item: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    def decode(value: Any) -> list[T]:
        if not isinstance(value, list):
            raise MalformedBody("an array", value)
        items: list[T] = []
        try:
            for item in value:
                items.append(decode_item(item))
        except MalformedBody as error:
            error.set_parent(f"[{len(items)}]")
            raise
        return items

    return decode


def map_of(decode_item: Callable[[Any], T]) -> Callable[[Any], dict[str, T]]:
    def decode(value: Any) -> dict[str, T]:
        rest = decode_object(value)
        return {
            name: decode_field(item, name, decode_item, required=True, nullable=False) for name, item in rest.items()
        }

    return decode


def or_null(decode_value: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda value: None if value is None else decode_value(value)


def enum_of(enum: type[E]) -> Callable[[Any], E]:
    members = enum._value2member_map_
    kind = str if issubclass(enum, str) else int

    def decode(value: Any) -> E:
        if type(value) is float and kind is int and value.is_integer():
            value = int(value)  # 2.0 is an integer to JSON Schema
        if type(value) is kind or type(value) is enum:  # not bool: True equals 1
            member = members.get(value)  # what the call gives, too, in half the time
            return enum(value) if member is None else member  # type: ignore[return-value]  # of this enum
        raise MalformedBody(f"a {enum.__name__}", value)

    return decode


def constant(expected: Any) -> Callable[[Any], Any]:
    def decode(value: Any) -> Any:
        if value == expected and isinstance(value, bool) == isinstance(expected, bool):  # True equals 1
            return expected
        raise MalformedBody(repr(expected), value)

    return decode


# Each of these takes a JSON value.


def decode_any(value: Any) -> Any:
    if value is UNSET:
        raise MalformedBody("there", value)
    return value


def decode_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise MalformedBody("a string", value)


def decode_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise MalformedBody("a boolean", value)


def decode_integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)  # 12.0 is an integer to JSON Schema
    raise MalformedBody("an integer", value)


def decode_number(value: Any) -> float:
    """The number as it came: 1 stays an integer, and keeps all of its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isfinite(value):  # json reads 1e400 as infinite
        return value
    raise MalformedBody("a number that a double holds", value)


RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def decode_date_time(value: Any) -> datetime.datetime:
    # fromisoformat alone takes more than date-times with an offset. It cuts what a datetime cannot hold: nanoseconds.
    if isinstance(value, str) and RFC_3339.fullmatch(value):
        try:
            return datetime.datetime.fromisoformat(value.upper())
        except ValueError:  # no such day, hour or offset
            pass
    raise MalformedBody("a date-time with an offset", value)


def decode_date(value: Any) -> datetime.date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        with suppress(ValueError):
            return datetime.date.fromisoformat(value)
    raise MalformedBody("a date", value)


def decode_uuid(value: Any) -> UUID:
    if isinstance(value, str) and _UUID.fullmatch(value):
        return UUID(value)
    raise MalformedBody("a UUID", value)


def decode_field(
    value: Any, name: str, decode: Callable[[Any], Any], *, required: bool = False, nullable: bool = True
) -> Any:
    """A field of an object; UNSET if the object lacks it.

    Args:
        value: What came: a JSON value or UNSET.
        name: The field's name, for the path of an error.
        decode: What decodes the value.
        required: Whether it must be there.
        nullable: Whether null is kept.

    Raises:
        MalformedBody: The value is not what the contract says.
    """
    if (value is None and nullable) or (value is UNSET and not required):
        return value
    try:
        return decode(value)
    except MalformedBody as error:
        error.set_parent(name)
        raise


def decode_object(value: Any) -> dict[str, Any]:
    """A copy, for `from_dict` to take the fields out of."""
    if type(value) is not dict and not isinstance(value, Mapping):  # the second alone is ten times as slow
        raise MalformedBody("an object", value)
    return dict(value)


def encode(value: Any) -> Any:
    """The JSON form of a value."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            with suppress(OverflowError):  # the first and the last hours of all years have no form in UTC
                value = value.astimezone(datetime.UTC)
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {name: encode(item) for name, item in value.items()}
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value.to_dict() if hasattr(value, "to_dict") else value


__all__ = ["UNSET", "Request", "Response", "Unset"]
