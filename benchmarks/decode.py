"""Decoding: from the bytes of a page of 1,000 images to models, against the peers; and what a million images take.

    python benchmarks/decode.py [--rounds N] [--images N] [--no-memory]

Stock is what openapi-python-client writes without our templates, generated anew from the contract into a temporary
folder. The others read the same bytes by the shortest way they have: omnisdk by its models, pydantic with unknown
fields allowed, `msgspec.Struct` (which drops unknown fields), and `orjson.loads`, which gives dictionaries.

Time is CPU time of this process, the least of the rounds. The peers take turns in every round. Before each cell,
`gc.collect()`; each page of a cell is decoded from bytes of its own, and one field of each row is read. Ours has read
a page of the kind before, as a process that reads a list has from its second page on.

Memory is what the resident set of a fresh process grows by while it decodes pages and keeps all their images.

Prints tables. Exits 0 when every target is met, 1 when one is missed.
"""

import argparse
import gc
import importlib
import json
import os
import platform
import random
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

CONTRACT = Path(__file__).resolve().parents[1] / "openapi.yaml"
ROWS = 1_000
PAGES = 6
"""Pages of a cell: several, so that the collector's work is spread as in a long list."""


class Kind(NamedTuple):
    """A kind of page, with how many times as fast as stock it is to be decoded, at least, and as an aim."""

    label: str
    unknown: bool
    target: float
    aim: float


KINDS = (
    Kind("the contract's fields", unknown=False, target=4.0, aim=6.0),
    Kind("two unknown fields more in each row", unknown=True, target=2.2, aim=3.5),
)
MEMORY_TARGET = 0.55

# Decodes a page, and reads the `pk` of each of its rows.
Peer = Callable[[bytes], None]


def main() -> int:
    """Measure, print, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--images", type=int, default=1_000_000, help="how many to hold (default: a million)")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--hold", choices=["stock", "ours"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hold:
        print(bytes_per_image(options.hold, options.images))
        return 0
    with stock_on_path() as folder:
        is_met = True
        for kind in KINDS:
            is_met &= speed(kind, options.rounds)
        if not options.no_memory:
            is_met &= memory(folder, options.images)
    return 0 if is_met else 1


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


@contextmanager
def stock_on_path() -> Iterator[str]:
    """`stock_api`, importable; gives the folder that it is in."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
                *("--path", str(CONTRACT), "--output-path", f"{folder}/stock_api"),
            ],
            env={**os.environ, "PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])},
            check=True,
            capture_output=True,
        )
        sys.path.insert(0, folder)
        yield folder
        sys.path.remove(folder)


def rows_of(name: str) -> Callable[[bytes], list[Any]]:
    """The images of a page, by stock or by ours."""
    if name == "ours":
        from channel_images_api.models import ProductImagePage

        return lambda content: ProductImagePage.from_json(content).results or []
    stock = importlib.import_module("stock_api.models").ProductImagePage
    return lambda content: list(stock.from_dict(json.loads(content)).results)


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
        "stock": by_attribute(rows_of("stock")),
        "ours": by_attribute(rows_of("ours")),
        "omnisdk": by_attribute(lambda c: [omnisdk.ProductImage(**row) for row in json.loads(c)["results"]]),
        "pydantic": by_attribute(lambda c: listing.model_validate_json(c).results),
        "msgspec.Struct": by_attribute(lambda c: decoder.decode(c).results),
        "orjson.loads": by_key,
    }


# Cells


def speed(kind: Kind, rounds: int) -> bool:
    """CPU time of a page by every peer."""
    contents = [page(number, unknown=kind.unknown) for number in range(PAGES)]
    readers = peers()
    for read in readers.values():
        read(contents[0])
    least = dict.fromkeys(readers, float("inf"))
    for _ in range(rounds):
        for name, read in readers.items():
            least[name] = min(least[name], cell(read, contents))
    ratio = least["stock"] / least["ours"]
    is_met = ratio >= kind.target
    print(f"a page of {ROWS:,} images, {kind.label} ({len(contents[0]):,} bytes); Python {platform.python_version()}")
    print(f"{'':20}{'CPU time':>12}{'times as fast as stock':>26}")
    for name, seconds in least.items():
        verdict = ""
        if name == "ours":
            verdict = f"   >= {kind.target} {'ok' if is_met else 'missed'}; aim {kind.aim}"
        print(f"{name:20}{seconds * 1000:>9.2f} ms{least['stock'] / seconds:>26.2f}{verdict}")
    print()
    return is_met


def cell(read: Peer, contents: list[bytes]) -> float:
    """Seconds of CPU a page."""
    gc.collect()
    fresh = [bytes(bytearray(content)) for content in contents]
    began = time.process_time()
    for content in fresh:
        read(content)
    return (time.process_time() - began) / len(fresh)


def memory(folder: str, images: int) -> bool:
    """Bytes an image, by stock and by ours."""
    taken = {}
    for name in ("stock", "ours"):
        done = subprocess.run(
            [sys.executable, __file__, "--hold", name, "--images", str(images)],
            env={**os.environ, "PYTHONPATH": folder},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        taken[name] = float(done.stdout)
    ratio = taken["ours"] / taken["stock"]
    is_met = ratio <= MEMORY_TARGET
    print(f"{images:,} images held, growth of the resident set")
    for name, size in taken.items():
        print(f"{name:20}{size:>6.0f} bytes an image")
    print(f"{'ours / stock':20}{ratio:>6.2f}   <= {MEMORY_TARGET} {'ok' if is_met else 'missed'}")
    return is_met


def bytes_per_image(name: str, images: int) -> float:
    """What this process grows by, for each image that it keeps."""
    rows = rows_of(name)
    rows(page(0, unknown=False))
    gc.collect()
    before = resident()
    held: list[Any] = []
    number = 0
    while len(held) < images:
        held += rows(page(number, unknown=False))
        number += 1
    gc.collect()
    return (resident() - before) / len(held)


def resident() -> int:
    """The resident set of this process, in bytes."""
    if Path("/proc/self/statm").exists():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    pages = subprocess.run(["ps", "-o", "rss=", "-p", str(os.getpid())], check=True, capture_output=True, text=True)
    return int(pages.stdout) * 1024


if __name__ == "__main__":
    sys.exit(main())
