# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

"""What models and endpoints share: UNSET, Request, Response, open enums, and how values go to and come from the wire."""

import datetime
import json
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from enum import Enum, IntEnum, StrEnum
from typing import Any, Generic, Literal, NoReturn, Self, TypeVar
from urllib.parse import quote

import httpx
from attrs import define, frozen

from .errors import MalformedBody, UnexpectedStatus

T = TypeVar("T")


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
        url: The path of the contract with its query, encoded as it goes out: `/api/v1/channel/5/product_images/?id__in=1,2`.
    """

    method: str
    url: str


@define
class Response(Generic[T]):
    """A response to an operation.

    Attributes:
        parsed: The body as the contract documents it for this status; None where the contract does not document the
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


def encode_query(parameters: Mapping[str, Any]) -> str:
    """The query with its `?`; empty where nothing is given. An array is one parameter with commas, as the contract says.

    Raises:
        ValueError: An array is empty.
    """
    query = []
    for name, value in parameters.items():
        if value is None or value is UNSET:
            continue
        is_array = isinstance(value, Iterable) and not isinstance(value, str)
        text = ",".join(map(_encode_scalar, value)) if is_array else _encode_scalar(value)
        if is_array and not text:
            raise ValueError(f"{name} is empty: servers read an empty filter as no filter, and would list everything")
        query.append(f"{quote(name, safe='')}={text}")
    return "?" + "&".join(query) if query else ""


def _encode_scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return quote(str(value.value if isinstance(value, Enum) else value), safe="")


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


def list_of(decode_item: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    return lambda value: decode_list(value, "", decode_item)


def first_of(*decoders: Callable[[Any], T]) -> Callable[[Any], T]:
    """Decode by the first decoder that takes the value."""

    def decode(value: Any) -> T:
        for decoder in decoders:
            with suppress(MalformedBody):
                return decoder(value)
        raise MalformedBody("any of the documented shapes", value)

    return decode


# Each of these takes a JSON value, or UNSET where there was none, and the path to name in an error. A field that is not
# required may lack its value; null is kept for it too, whatever the contract says, so that it costs no row.


def decode_string(value: Any, path: str, *, required: bool = False) -> Any:
    return value if isinstance(value, str) else _decode_absence(value, path, "a string", required)


def decode_boolean(value: Any, path: str, *, required: bool = False) -> Any:
    return value if isinstance(value, bool) else _decode_absence(value, path, "a boolean", required)


def decode_integer(value: Any, path: str, *, required: bool = False) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)  # 12.0 is an integer to JSON Schema
    return _decode_absence(value, path, "an integer", required)


RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


def decode_date_time(value: Any, path: str, *, required: bool = False) -> Any:
    # fromisoformat alone takes more than date-times with an offset. It cuts what a datetime cannot hold: nanoseconds.
    if isinstance(value, str) and RFC_3339.fullmatch(value):
        try:
            return datetime.datetime.fromisoformat(value.upper())
        except ValueError:  # no such day, hour or offset
            pass
    return _decode_absence(value, path, "a date-time with an offset", required)


def decode_enum(value: Any, path: str, enum: type[Enum], *, required: bool = False) -> Any:
    if type(value) in (str, int, enum):  # not bool: True equals 1
        if (member := enum._value2member_map_.get(value)) is not None:
            return member  # what the call below would give, in half the time
        try:
            return enum(value)
        except ValueError:
            pass
    return _decode_absence(value, path, f"a {enum.__name__}", required)


def decode_list(value: Any, path: str, decode_item: Callable[[Any], T]) -> list[T]:
    if not isinstance(value, list):
        raise MalformedBody("an array", value, path)
    items: list[T] = []
    try:
        for item in value:
            items.append(decode_item(item))
    except MalformedBody as error:
        error.set_parent(f"{path}[{len(items)}]")
        raise
    return items


def decode_object(value: Any) -> dict[str, Any]:
    """A copy, for `from_dict` to take the fields out of."""
    if type(value) is not dict and not isinstance(value, Mapping):  # the second alone is ten times as slow
        raise MalformedBody("an object", value)
    return dict(value)


def _decode_absence(value: Any, path: str, expected: str, required: bool) -> Any:
    if required or not (value is None or value is UNSET):
        raise MalformedBody(expected, value, path)
    return value


def encode(value: Any) -> Any:
    """The JSON form of a field."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            with suppress(OverflowError):  # the first and the last hours of all years have no form in UTC
                value = value.astimezone(datetime.UTC)
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return [item.to_dict() for item in value]
    return value


__all__ = ["UNSET", "Request", "Response", "Unset"]
