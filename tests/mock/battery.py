"""Requests of every kind, put to two behaviours, to see which of them the two answer differently.

In-process and without a socket, so that hundreds of behaviours can be tried.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

from channel_images.mock.behaviour import Behaviour
from channel_images.mock.data.store import Store
from channel_images.mock.http.answers import Answer
from channel_images.mock.http.call import Call
from channel_images.mock.operations import Operation, operations
from channel_images.mock.settings import Settings

SETTINGS = Settings(channels={5: 120, 6: 23, 7: 0}, token="Mock-token")
LETTERS = dict(zip(operations(), "LDIUBRE", strict=True))
"""A letter for each operation: List, Detailed list, Inserts, Updates, Both, Retrieve, and, detailEd, the last one."""

ROWS = frozenset(
    {
        *("scheme word", "head", "delivery", "malformed", "spelling", "defaults", "page", "filter", "unknown value"),
        *("image", "later"),
    }
)
"""What requests are about that are answered with rows."""

_VALID = f"Token {SETTINGS.token}"
_ABSENT = 8
_FOREIGN = 100_000_001
"""An image of channel 6."""
_FOREIGN_PRODUCT = 100_000_123
"""And its product."""
_BOUNDS = (0, 2**31, 2**32, 2**53, 2**63 - 1)
"""Ids at the ends of what some type can hold, and not there."""
_UNREADABLE = ("abc", "-1", "1.0", "%20", "%00", str(2**63))
"""Texts that are no id."""


QUERIES: dict[str, tuple[str, ...]] = {
    "filter": (
        "product=123", "product=126", "product=136", "product__pk__in=123,126,124", "id__in=9,1,3,4", "id__in=1,2,3",
        "is_seller_product=true", "is_seller_product=false", "product_type=0", "product_type=3,0,1", "product_type=5",
        "product=126&id__in=1,2,3,4,5,6,7,9,10,11,12,13,14,15", "product__pk__in=123,124,125&product=124",
        "is_seller_product=true&product_type=0", "is_seller_product=false&id__in=1,2,3,4,5,6,7",
        f"id__in={','.join(map(str, range(1, 138)))}", "id__in=1,%203", "product__pk__in=123,%20126",
        "product_type=0,%203",
    ),
    "unknown value": (
        "product=0", "product=999999", "id__in=999999", "id__in=1,999999", "product_type=9", "product_type=1,9",
        f"id__in=1,{_FOREIGN}", f"product={_FOREIGN_PRODUCT}", f"id__in={2**32 + 1}", f"product={2**32 + 123}",
        f"product__pk__in={2**32 + 123}",
    ),
    "bad filter": (
        "product=abc", "product=", "product=1.9", "product=1%00", "product__pk__in=abc", "id__in=1,abc", "id__in=1,,3",
        "id__in=", "is_seller_product=maybe", "product=123abc", "product__pk__in=123abc", "id__in=1,3abc",
        "product_type=0abc",
    ),
}  # fmt: skip
"""What filters are asked, by what that is about."""


@dataclass(frozen=True)
class Asked:
    """One request, and what it is about."""

    about: str
    operation: Operation
    target: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: {"authorization": _VALID})

    def call(self) -> Call:
        return Call({**self._scope, "path_params": dict(self._path_parameters)})

    @cached_property
    def _scope(self) -> dict[str, Any]:
        parts = urlsplit(self.target)
        headers = {"host": "mock", **self.headers}
        return {
            "type": "http",
            "method": self.method,
            "scheme": "http",
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "server": ("mock", 80),
        }

    @cached_property
    def _path_parameters(self) -> dict[str, str]:
        parts = zip(self.operation.path.split("/"), urlsplit(self.target).path.split("/"), strict=True)
        return {template.strip("{}"): unquote(text) for template, text in parts if template.startswith("{")}


@cache
def battery() -> tuple[Asked, ...]:
    """Every request, and at the end the simplest of them once more: what was asked before should not show."""
    asked = [asked for operation in operations().values() for asked in _for(operation)]
    for operation in operations().values():
        path = operation.path.format(channel_id=5, id=1)
        asked += [Asked("later", operation, path), Asked("token", operation, path, headers={})]
    return tuple(asked)


def _for(operation: Operation) -> Iterator[Asked]:
    def path(channel: object = 5, pk: object = 1) -> str:
        return operation.path.format(channel_id=channel, id=pk)

    for value in (
        None, "Token wrong", "Token", SETTINGS.token, f"Bearer {SETTINGS.token}", _VALID[:-1], f"{_VALID}x",
        f"Token {SETTINGS.token.swapcase()}", f"{_VALID} x", "Token %", "Token x'", 'Token x"', "Token ' OR '1'='1",
    ):  # fmt: skip
        yield Asked("token", operation, path(), headers={} if value is None else {"authorization": value})
    yield Asked("scheme word", operation, path(), headers={"authorization": f"token {SETTINGS.token}"})
    for method, headers in (("HEAD", {}), ("GET", {"if-none-match": "*"})):
        yield Asked("token", operation, path(), method, headers)
    for query in ("token", "access_token", "api_key"):
        yield Asked("token", operation, f"{path()}?{query}={SETTINGS.token}", headers={})
    for name, value in (
        ("cookie", f"a=b; token={SETTINGS.token}"), ("cookie", f"auth_token={SETTINGS.token}"), ("host", "localhost:80"),
        ("x-forwarded-for", "127.0.0.1, 192.0.2.1"), ("x-real-ip", "::1"), ("forwarded", 'for="[::1]";proto=http'),
    ):  # fmt: skip
        yield Asked("token", operation, path(), headers={name: value})
    for target in (path(99), *(() if operation.is_list else (path(5, _ABSENT),))):
        yield Asked("token", operation, target, headers={})
    for method in ("HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"):
        yield Asked(method.lower() if method in {"HEAD", "OPTIONS"} else "write", operation, path(), method)
    yield Asked("delivery", operation, path(), headers={"authorization": _VALID, "accept-encoding": "gzip"})
    for channel in (99, 2**32 + 5, *_BOUNDS, *_UNREADABLE, "5abc", "5%20"):
        yield Asked("channel", operation, path(channel))
    yield Asked("spelling", operation, path("05"))
    yield Asked("malformed", operation, f"{path()}?x=%FF")
    yield Asked("malformed", operation, f"{path()}?x={'9' * 3000}")
    yield from _of_list(operation, path()) if operation.is_list else _of_image(operation, path)
    for target in (path(), f"{path()}?id__in=1", path(5, _ABSENT)):
        yield Asked("other user", operation, target, headers={"authorization": f"Token {SETTINGS.other_token}"})


def _of_list(operation: Operation, path: str) -> Iterator[Asked]:
    def page(about: str, query: str) -> Asked:
        return Asked(about, operation, f"{path}?{query}")

    yield Asked("defaults", operation, path)
    yield page("defaults", "page=2")
    yield page("defaults", "limit=10")
    for limit in (3, 4, 7, 10, 40, 60, 100, 120, 200):
        for number in (1, 2, 12):
            yield page("page", f"limit={limit}&page={number}")
    yield page("past", "limit=100&page=99")
    for query in ("page=0", "page=x", "page=last", "limit=0", "limit=x", "limit=2.9", f"page={2**62}"):
        yield page("bad page", query)
    if not _has_filters(operation):
        return
    for query in QUERIES["filter"]:
        for number, limit in ((1, 100), (1, 2), (2, 2)):
            yield page("filter", f"{query}&limit={limit}&page={number}")
    for about in ("unknown value", "bad filter"):
        for query in QUERIES[about]:
            yield page(about, query)


def _of_image(operation: Operation, path: Callable[..., str]) -> Iterator[Asked]:
    for pk in range(1, 64):
        if pk % _ABSENT:
            yield Asked("image", operation, path(5, pk))
    yield Asked("spelling", operation, path(5, "01"))
    for pk in (_ABSENT, 999_999, 2**32 + 1, *_BOUNDS):
        yield Asked("missing", operation, path(5, pk))
    yield Asked("foreign", operation, path(5, _FOREIGN))
    for text in (*_UNREADABLE, "1abc", "1%20"):
        yield Asked("bad id", operation, path(5, text))
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        yield Asked("write", operation, path(5, _ABSENT), method)


def _has_filters(operation: Operation) -> bool:
    return len(operation.query_parameters) > 2


def ask(behaviour: type[Behaviour]) -> list[tuple[Asked, Answer]]:
    """What a new server with this behaviour answers, request by request."""
    serving = behaviour(SETTINGS, Store(SETTINGS.seed, SETTINGS.channels))
    return [(asked, serving.respond(asked.operation, asked.call())) for asked in battery()]


@cache
def strict() -> list[tuple[Asked, Answer]]:
    """What the strict behaviour answers."""
    return ask(Behaviour)


def differing(behaviour: type[Behaviour]) -> dict[str, set[str]]:
    """The letters of the operations that answer otherwise than the strict ones, by what the requests are about."""
    found: dict[str, set[str]] = {}
    for (asked, answer), (_, usual) in zip(ask(behaviour), strict(), strict=True):
        if answer != usual:
            found.setdefault(asked.about, set()).add(LETTERS[asked.operation.id])
    return found


def behaviours_of(module: ModuleType) -> list[type[Behaviour]]:
    """The behaviours that a module makes, in their order; those with an underscore only help others."""
    return [
        kind
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, Behaviour)
        and kind.__module__ == module.__name__
        and name[0] != "_"
    ]
