"""Decoding: from the bytes of a page of 1,000 images to models, and what the models hold.

Stock is what openapi-python-client writes without our templates. The others read the same bytes by the shortest way that
they have: omnisdk by its models, pydantic with unknown fields allowed, `msgspec.Struct` (which drops unknown fields), and
`orjson.loads`, which gives dictionaries.

Time is CPU time of one process. Before each cell, `gc.collect()`; each page of a cell is decoded from bytes of its own,
and one field of each row is read. Ours has read a page of the kind before, as a process that reads a list has from its
second page on. Memory is what the resident set of a fresh process grows by while it decodes pages and keeps all their
images.
"""

import functools
import gc
import importlib
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.measuring import Measurement, in_turns, process, stock

ROWS = 1_000
PAGES = 6
"""Pages of a cell: several, so that the collector's work is spread as in a long list."""
ROUNDS = 15
HELD = 100_000
"""Images that are held at once."""

# Decodes a page, and reads the `pk` of each of its rows.
Peer = Callable[[bytes], None]


def measure() -> Iterator[Measurement]:
    # By itself, for the sake of what is measured later: a process begins with as much memory as the one that starts it.
    known, unknown = json.loads(process(sys.executable, "-m", __name__, environment={"PYTHONPATH": stock()}).output)
    title = "A page of 1,000 images"
    yield Measurement("decode.page", title, "ms", known)
    title = f"{title}, with two fields in each that the contract does not know"
    yield Measurement("decode.unknown", title, "ms", unknown)
    holding = {peer: functools.partial(bytes_held, peer) for peer in ("ours", "stock")}
    yield Measurement("decode.held", f"An image in memory, {HELD:,} of them", "bytes", in_turns(holding, 2))


# Pages


def page(number: int, *, unknown: bool) -> bytes:
    """The bytes of a page, the same in every run, compact as Django REST Framework writes them."""
    chance = random.Random(number)
    begin = datetime(2022, 11, 25, tzinfo=UTC)
    rows = []
    for pk in range(number * ROWS + 10_000, (number + 1) * ROWS + 10_000):
        created = begin + timedelta(microseconds=chance.randrange(10**13))
        row: dict[str, Any] = {
            "pk": pk,
            "product": pk // 4 + 1_000,
            "source": chance.choice(["unified", "integration", "seller_center", None]),
            "modified_date": date(created + timedelta(microseconds=chance.randrange(10**12))),
            "created_date": date(created),
            "height": chance.choice([None, *range(600, 2_000, 100)]),
            "width": chance.choice([None, *range(600, 2_000, 100)]),
            "hash": f"{chance.getrandbits(128):032x}",
            "status": chance.choice(["active", "active", "disabled"]),
            "is_active": chance.random() < 0.9,
            "order": pk % 4,
            "object_id": pk // 4 + 1_000,
            "content_type": "product",
        }
        if unknown:
            row |= {"image": f"https://cdn.example.com/media/{pk}.jpg", "is_main": pk % 4 == 0}
        rows.append(row)
    url = "https://omnitron.example.com/api/v1/channel/5/product_images/?limit=1000&page="
    body = {"count": 10**6, "next": f"{url}{number + 2}", "previous": f"{url}{number}", "results": rows}
    return json.dumps(body, separators=(",", ":")).encode()


def date(instant: datetime) -> str:
    """As the service writes it."""
    return instant.isoformat(timespec="microseconds").replace("+00:00", "Z")


# Peers


def rows_of(name: str) -> Callable[[bytes], list[Any]]:
    """The images of a page, by stock or by ours."""
    if name == "ours":
        from channel_images_api.models import ProductImagePage

        return lambda content: ProductImagePage.from_json(content).results or []
    stock_page = importlib.import_module("stock_api.models").ProductImagePage
    return lambda content: list(stock_page.from_dict(json.loads(content)).results)


def peers() -> dict[str, Peer]:
    """All that are compared, by name."""
    import msgspec
    import orjson
    import pydantic
    from omnisdk.omnitron import models as omnisdk  # type: ignore[import-untyped]  # it ships no types

    optional_text, optional_number = str | None, int | None
    fields: dict[str, Any] = {
        "pk": int,
        "product": int,
        "source": optional_text,
        "modified_date": datetime,
        "created_date": datetime,
        "height": optional_number,
        "width": optional_number,
        "hash": optional_text,
        "status": str,
        "is_active": bool,
        "order": int,
        "object_id": int,
        "content_type": str,
    }
    create: Any = pydantic.create_model
    define: Any = msgspec.defstruct
    allowed = pydantic.ConfigDict(extra="allow")
    image = create("Image", __config__=allowed, **{name: (kind, ...) for name, kind in fields.items()})
    listing = create("Page", __config__=allowed, results=(list[image], ...))  # type: ignore[valid-type]  # a value
    struct = define("Image", list(fields.items()))
    decoder: Any = msgspec.json.Decoder(define("Page", [("results", list[struct])]))  # type: ignore[valid-type]  # a value

    def by_attribute(decode: Callable[[bytes], Any]) -> Peer:
        def read(content: bytes) -> None:
            for row in decode(content):
                row.pk  # noqa: B018  # reading is what is measured

        return read

    def by_key(content: bytes) -> None:
        for row in orjson.loads(content)["results"]:
            row["pk"]

    return {
        "ours": by_attribute(rows_of("ours")),
        "stock": by_attribute(rows_of("stock")),
        "omnisdk": by_attribute(lambda c: [omnisdk.ProductImage(**row) for row in json.loads(c)["results"]]),
        "pydantic": by_attribute(lambda c: listing.model_validate_json(c).results),
        "msgspec.Struct": by_attribute(lambda c: decoder.decode(c).results),
        "orjson.loads": by_key,
    }


# Cells


def timed(*, unknown: bool) -> dict[str, list[float]]:
    """Milliseconds of CPU a page, by each peer in each round."""
    contents = [page(number, unknown=unknown) for number in range(PAGES)]
    readers = peers()
    for read in readers.values():
        read(contents[0])
    cells = {peer: functools.partial(cell, read, contents) for peer, read in readers.items()}
    return in_turns(cells, ROUNDS)


def cell(read: Peer, contents: list[bytes]) -> float:
    """Milliseconds of CPU a page."""
    gc.collect()
    fresh = [bytes(bytearray(content)) for content in contents]
    began = time.process_time()
    for content in fresh:
        read(content)
    return (time.process_time() - began) / len(fresh) * 1000


def bytes_held(name: str) -> float:
    """What a process of its own grows by, for each image that it keeps."""
    return float(process(sys.executable, "-m", __name__, name, environment={"PYTHONPATH": stock()}).output)


def hold(name: str) -> float:
    """The same, in this process."""
    rows = rows_of(name)
    rows(page(0, unknown=False))
    gc.collect()
    before = resident()
    held: list[Any] = []
    number = 0
    while len(held) < HELD:
        held += rows(page(number, unknown=False))
        number += 1
    gc.collect()
    return (resident() - before) / len(held)


def resident() -> int:
    """The resident set of this process, in bytes."""
    if Path("/proc/self/statm").exists():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return int(process("ps", "-o", "rss=", "-p", str(os.getpid())).output) * 1024


if __name__ == "__main__":
    print(hold(sys.argv[1]) if sys.argv[1:] else json.dumps([timed(unknown=False), timed(unknown=True)]))
