"""Describes requests that lie outside of the contract: the sign-in, reports, and whatever else the platform offers."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import httpx
from attrs import field, frozen

from channel_images_api.types import Request

T = TypeVar("T")
Scalar: TypeAlias = str | int | float | bool | None
Params: TypeAlias = Mapping[str, Scalar | Sequence[Scalar]]

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
"""Those that change nothing: RFC 9110, 9.2.1."""
METHODS = SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}


@frozen(eq=False)
class Look(Generic[T]):
    """How to see whether a request has arrived whose answer was lost.

    Attributes:
        request: Looks at what the request was to change.
        decode: Makes what the lost answer would have said of the body; None if the request has not arrived.
    """

    request: Request
    decode: Callable[[bytes], T | None]


@frozen
class OutsideRequest(Request):
    """A request that the contract does not describe. Any status from 200 to 299 is a success.

    Attributes:
        content: The body, which is JSON; None if there is none.
        look: For a request that changes something. With it, one that may have arrived is looked for before it is sent
            again; without it, such a request is not sent again.
    """

    content: bytes | None = None
    look: Look[Any] | None = field(default=None, eq=False)


SIGN_IN = OutsideRequest("POST", "/api/v1/auth/login/")
"""It is in the public reference that the contract was made from. The credentials are added when it is sent."""


def outside_request(
    method: str, path: str, *, params: Params | None = None, json: object = None, look: Look[Any] | None = None
) -> OutsideRequest:
    """Check and encode a request.

    Args:
        method: Such as `POST`.
        path: Below the base URL, such as `/api/v1/channels/5/`; it may have a query.
        params: For the query; a list is sent as one parameter for each value.
        json: The body.
        look: See `OutsideRequest`.

    Raises:
        TypeError: `json` is not what JSON can express.
        ValueError: The method or the path is none.
    """
    if not isinstance(method, str) or method.upper() not in METHODS:
        raise ValueError(f"method is one of {', '.join(sorted(METHODS))}, not {method!r}")
    if not isinstance(path, str) or not path.startswith("/") or path.startswith("//") or "#" in path:
        raise ValueError(f"path begins with one / and lies below the base URL, such as /api/v1/channels/5/: {path!r}")
    url = str(path)
    if params:
        url += f"{'&' if '?' in path else '?'}{httpx.QueryParams(dict(params))}"
    return OutsideRequest(method.upper(), url, content=None if json is None else _encode(json), look=look)


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def is_safe(request: Request) -> bool:
    """Whether a request may be sent twice: it changes nothing, or is the sign-in, whose second token does no harm."""
    return request.method in SAFE_METHODS or request is SIGN_IN


def is_success(request: Request, status: int) -> bool:
    """Whether a status is what a request is answered with when all is well: 200 by the contract."""
    return status in (range(200, 300) if isinstance(request, OutsideRequest) else (200,))
