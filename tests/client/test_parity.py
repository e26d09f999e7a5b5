"""The two surfaces are one, and the filters are those of the contract."""

import inspect
import re
import typing
from collections.abc import Iterable
from typing import Any

import pytest

from channel_images import (
    AsyncBatch,
    AsyncChannel,
    AsyncChannelImages,
    AsyncListing,
    AsyncPendingListing,
    Batch,
    Channel,
    ChannelImages,
    Listing,
    PendingListing,
    ProductType,
)
from channel_images.calls.config import AsyncClientOptions, ClientOptions, SyncClientOptions
from channel_images.client import channel
from channel_images.contract import load_contract, resolve

PAIRS = [
    (ChannelImages, AsyncChannelImages),
    (Channel, AsyncChannel),
    (channel.ChannelWithRawResponse, channel.AsyncChannelWithRawResponse),
    (Listing, AsyncListing),
    (PendingListing, AsyncPendingListing),
    (Batch, AsyncBatch),
]
SPECIAL = {"__aenter__": "__enter__", "__aexit__": "__exit__", "__aiter__": "__iter__"}
OURS = {"__enter__", "__exit__", "__iter__", "__init__", "__repr__"}
WORDS = [
    (r"channel_images\.(client|listings|reporting)\.(async_)?(client|listing|channel|batch)\.", ""),
    (r"\bAsyncGenerator\b", "Generator"),
    (r"\b(asyncio\.locks|threading)\.Event\b", "Event"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\bSync(?=HttpxOptions|ClientOptions)", ""),
    (r"httpx\.(Async|Base)Transport|httpx\.AsyncBaseTransport", "httpx.BaseTransport"),
    (r"\basync with\b", "with"),
    (r"\basync for\b", "for"),
]
ONLY_SYNC = {"export"}  # waits for the disk, which asyncio cannot
ONLY_ASYNC_WORDS = [(r", for (asyncio|tasks)\.", "."), (r"\btasks\b", "threads"), (r"Tasks\b", "Threads")]


def plain(text: str) -> str:
    for pattern, word in WORDS + ONLY_ASYNC_WORDS:
        text = re.sub(pattern, word, text)
    return text.replace(", as of when data arrives", "")


def members(kind: type) -> dict[str, Any]:
    """The public members, by the names that the synchronous class has for them."""
    found: dict[str, Any] = {}
    for each in reversed(kind.__mro__[:-1]):
        for own_name, member in vars(each).items():
            name = SPECIAL.get(own_name, own_name)
            if not name.startswith("_") or name in OURS:
                found[name] = member
    return found


def function_of(member: Any) -> Any:
    if isinstance(member, classmethod):
        return member.__func__
    return member.fget if isinstance(member, property) else member


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_members_signatures_and_docstrings(one: type, other: type) -> None:
    ours, theirs = members(one), members(other)
    assert set(ours) - ONLY_SYNC == set(theirs)
    for name in theirs:
        assert type(ours[name]) is type(theirs[name]), name
        member, twin = function_of(ours[name]), function_of(theirs[name])
        if callable(member) and name != "send":  # which takes a token to cancel it, where a task needs none
            assert plain(str(inspect.signature(member))) == plain(str(inspect.signature(twin))), name
        docs = inspect.getdoc(twin) or ""
        if not docs.startswith(f"As `{one.__name__}.{name}`."):
            assert plain(inspect.getdoc(member) or "") == plain(docs), name


def test_options() -> None:
    assert set(SyncClientOptions.__annotations__) == set(AsyncClientOptions.__annotations__)
    described = set(
        re.findall(r"^ *(\w+): ", (inspect.getdoc(ChannelImages) or "").partition("Args:")[2], re.MULTILINE)
    )
    assert set(ClientOptions.__annotations__) <= described
    for client in (ChannelImages, AsyncChannelImages):
        named = set(inspect.signature(client.__init__).parameters) - {"self", "base_url", "options"}
        assert named == {"token", "username", "password"}
    assert "arguments of `ChannelImages`" in (inspect.getdoc(AsyncChannelImages) or "")


# The filters of the contract


METHODS = {
    "images": "listProductImages",
    "images_detailed": "listDetailedProductImages",
    "inserts": "listProductImageInserts",
    "updates": "listProductImageUpdates",
    "inserts_or_updates": "listProductImageInsertsOrUpdates",
    "pending": "listProductImageInsertsOrUpdates",
    "image": "retrieveProductImage",
    "image_detailed": "retrieveDetailedProductImage",
}
OURS_ALONE = {"concurrency": int, "consistent": bool}
HANDLED = {"page"}  # what a listing is for
NAMES = {"limit": "page_size", "product__pk__in": "product_pk_in", "id__in": "id_in", "id": "pk"}


def type_of(schema: dict[str, Any]) -> object:
    schema = dict(resolve(schema))
    if schema["type"] == "array":
        items = dict(resolve(schema["items"]))
        return (
            Iterable[ProductType | int | str] | ProductType | int | str
            if "enum" in items or "x-enum-varnames" in items
            else Iterable[int]
        )
    return {"integer": int, "boolean": bool, "string": str}[schema["type"]]


@pytest.mark.parametrize("kind", [Channel, AsyncChannel])
@pytest.mark.parametrize("method", METHODS)
def test_filters_are_those_of_the_contract(kind: type, method: str) -> None:
    path_item = next(
        item for item in load_contract()["paths"].values() if item["get"]["operationId"] == METHODS[method]
    )
    parameters = [resolve(each) for each in [*path_item.get("parameters", ()), *path_item["get"].get("parameters", ())]]
    wanted = {
        NAMES.get(each["name"], each["name"]): each
        for each in parameters
        if each["name"] not in {*HANDLED, "channel_id"}
    }
    function = getattr(kind, method)
    signature = inspect.signature(function)
    given = {name: each for name, each in signature.parameters.items() if name not in {"self", "refused", *OURS_ALONE}}
    assert set(given) == set(wanted)
    hints = typing.get_type_hints(function, vars(inspect.getmodule(function)) | {"AsyncListing": AsyncListing})
    for name, each in wanted.items():
        expected: Any = type_of(each["schema"])
        is_filter = each["in"] == "query" and name != "page_size"
        assert hints[name] == (expected | None if is_filter else expected), name
        if is_filter:
            assert given[name].default is None
        assert (given[name].kind is inspect.Parameter.KEYWORD_ONLY) is (each["in"] == "query")
    for name, expected in OURS_ALONE.items():
        assert name not in signature.parameters or hints[name] is expected


def test_every_operation_has_its_method() -> None:
    operations = {item["get"]["operationId"] for item in load_contract()["paths"].values()}
    assert set(METHODS.values()) == operations
