"""The mock server, beside Prism on the same contract: requests for each second of CPU time, start, memory, answers.

Both validate requests. A load of 8 keep-alive connections asks each server in turn for things that differ from
request to request (another image, another page) and are the same for both. What counts is the CPU time that the server
took, all of its threads: what the load takes, or another process, is not in it.

Where a line says "of a million", the images asked for are more than the mock keeps rendered, so each is computed anew;
those of a thousand stay rendered once they were asked for. Prism runs as `prism mock` starts it, with its log going
nowhere, and once more without its log, since the mock writes none. Static answers the one example of the contract,
whatever is asked; dynamic makes up random rows.
"""

import asyncio
import contextlib
import functools
import itertools
import re
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.measuring import (
    CONTRACT,
    IMAGES,
    TOKEN,
    Measurement,
    NotMeasured,
    Server,
    in_turns,
    mock,
    process,
    server,
)

HERE = Path(__file__).resolve().parent
PRISM = HERE / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
CONNECTIONS = 8
ROUNDS = 5
ENOUGH = 0.5
"""Seconds of CPU that a server takes in a round, at least; the system counts them in hundredths."""
CHUNK = 50
"""Requests that are sent before one looks again."""
DEEP = 10_000
"""Pages of a million images, at a hundred each."""
HUGE = 10_000_000
QUESTIONS = ("page=100000&limit=100", "product_type=0&page=9&limit=100", "is_seller_product=true", "id__in=1,2")
"""Of a huge list: whatever the mock builds when it is asked for the first time."""


def measure() -> Iterator[Measurement]:
    with mock("--images", "1000") as thousand, mock("--images", "1000000") as million:
        yield from at_any_size()
        pages = {"ours, page 10,000": page_paths(DEEP, DEEP), "ours, page 1": page_paths(1, 1)}
        depths = {name: rate(million, paths) for name, paths in pages.items()}
        yield rates("mock.depth", "Pages of 100 rows of a million", depths)

        with prism() as static, prism("--verboseLevel", "silent") as silent, prism("--dynamic") as dynamic:
            yield from answers(dynamic)
            for each in (thousand, static, silent, dynamic):
                if each.fetch(f"{IMAGES}?limit=0")[0] != 400:
                    raise NotMeasured(f"{each.url} does not validate requests: it takes limit=0")
            few, many = image_paths(1_000, 1), image_paths(1_000_000, 50)
            ones = {
                "ours": rate(thousand, few),
                "Prism": rate(static, few),
                "ours, of a million": rate(million, many),
                "Prism, no log": rate(silent, few),
            }
            yield rates("mock.one", "One image of a thousand", ones)
            shallow = page_paths(1, 10)
            lists = {
                "ours": rate(thousand, shallow),
                "Prism, dynamic": rate(dynamic, shallow),
                "Prism": rate(static, shallow),
                "ours, of a million": rate(million, page_paths(1, DEEP)),
                "Prism, no log": rate(silent, shallow),
            }
            yield rates(
                "mock.list", "A page of 100 rows of a thousand; Prism's has one row, or a few if it is dynamic", lists
            )

        starts = {"ours": lambda: start(HUGE), "Prism": started_prism}
        yield Measurement("mock.start", "CPU time of the start, ours with ten million images", "s", in_turns(starts, 3))


def rates(name: str, title: str, contenders: Mapping[str, Callable[[], float]]) -> Measurement:
    """Requests for each second of CPU time, once all are warm: Node's compiler needs a second."""
    for warm_up in contenders.values():
        warm_up()
    return Measurement(name, title, "requests/CPU s", in_turns(contenders, ROUNDS), is_more_better=True)


def rate(of: Server, paths: Sequence[str]) -> Callable[[], float]:
    """Measures how many requests the server answers for each second of CPU time. Begins where it has ended before."""
    turning = itertools.cycle(paths)

    def measured() -> float:
        count, before = 0, of.cpu()
        while (taken := of.cpu() - before) < ENOUGH:
            asyncio.run(load(of.url, list(itertools.islice(turning, CHUNK))))
            count += CHUNK
        return count / taken

    return measured


def at_any_size() -> Iterator[Measurement]:
    """Start with ten million images and with ten, and memory with ten million."""
    starts = {
        f"ours, {HUGE:,} images": functools.partial(start, HUGE),
        "ours, 10 images": functools.partial(start, 10),
    }
    yield Measurement("mock.start-size", "CPU time of the start, by the number of images", "s", in_turns(starts, 3))
    yield Measurement("mock.memory", f"Memory with {HUGE:,} images", "MB", {"ours": [peak(HUGE)]})


def start(images: int) -> float:
    """Seconds of CPU until the first answer."""
    with mock("--images", str(images)) as ours:
        return ours.cpu()


def peak(images: int) -> float:
    """MB, at most, once it was asked for all sorts of things."""
    with mock("--images", str(images)) as ours:
        for question in QUESTIONS:
            ours.fetch(f"{IMAGES}?{question}")
        for pending in ("inserts", "updates", "inserts_or_updates"):
            ours.fetch(f"{IMAGES}{pending}/?page=10000&limit=100")
        asyncio.run(load(ours.url, page_paths(1, 300)))
        return ours.memory()


def answers(dynamic: Server) -> Iterator[Measurement]:
    """What either answers to the same three questions."""
    with mock("--images", "1000") as ours:
        both = {"ours": ours, "Prism, dynamic": dynamic}
        yield counted("mock.limit", "Rows in the answer to `?limit=100`", "rows", both, hundred)
        yield counted(
            "mock.ids", "Of images 1, 2 and 3, those in both answers to `?id__in=1,2,3`", "images", both, three
        )
        yield counted("mock.reports", "Of ten batches of reports, those that are taken", "batches", both, reported)


def counted(name: str, title: str, unit: str, both: Mapping[str, Server], ask: Callable[[Server], int]) -> Measurement:
    asked = {contender: functools.partial(ask, each) for contender, each in both.items()}
    return Measurement(name, title, unit, in_turns(asked, ROUNDS), is_more_better=True)


def hundred(of: Server) -> int:
    return len(of.fetch(f"{IMAGES}?limit=100")[1]["results"])


def three(of: Server) -> int:
    once, again = ({row["pk"] for row in of.fetch(f"{IMAGES}?id__in=1,2,3")[1]["results"]} for _ in range(2))
    return len(once & again & {1, 2, 3})


def reported(of: Server) -> int:
    batches = "/api/v1/channel/5/batch_requests/"
    return sum(of.fetch(batches, {"content_type": "productimage"})[0] == 201 for _ in range(10))


# Load


async def load(url: str, paths: Sequence[str]) -> None:
    """Ask for all of the paths over some connections. Raises `NotMeasured` if an answer is no success."""
    host = urlsplit(url)
    tail = f" HTTP/1.1\r\nHost: {host.netloc}\r\nAuthorization: Token {TOKEN}\r\n\r\n"
    waiting = iter(paths)

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        with contextlib.closing(writer):
            for path in waiting:
                writer.write(f"GET {path}{tail}".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = re.search(rb"\r\ncontent-length: *(\d+)", head)
                if not head.startswith(b"http/1.1 2") or length is None:
                    raise NotMeasured(f"{url}{path} is answered by {head.partition(chr(13).encode())[0].decode()}")
                await reader.readexactly(int(length[1]))

    async with asyncio.timeout(120):
        await asyncio.gather(*(client() for _ in range(CONNECTIONS)))


def image_paths(images: int, step: int) -> list[str]:
    """Every ``step``-th image. Of more than 16,384 in turn, the mock has none rendered when it is asked for again."""
    # Every eighth pk is missing (channel_images.mock.data.dataset).
    return [f"{IMAGES}{1 + index + index // 7}/" for index in range(0, images, step)]


def page_paths(first: int, last: int) -> list[str]:
    return [f"{IMAGES}?limit=100&page={page}" for page in range(first, last + 1)]


# Prism


def prism(*options: str) -> contextlib.AbstractContextManager[Server]:
    """Prism as it starts by itself, but for ``options``."""
    node = install_prism()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (node, PRISM, "mock", "--host", "127.0.0.1", "--port", str(port))
    return server(*command, *options, CONTRACT, url=f"http://127.0.0.1:{port}")


def started_prism() -> float:
    with prism() as static:
        return static.cpu()


@functools.cache
def install_prism() -> str:
    """Node's path; installs Prism by its lock file where it is not there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotMeasured("the peer, Prism, needs Node and npm")
    if not PRISM.exists():
        process(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=HERE)
    return node
