"""The SDK's figures: what it costs to read a channel, against omnisdk and stock openapi-python-client output.

    python benchmarks/listing.py [--cpu] [--prefetch] [--chaos] [--memory] [--rounds N]

Without an option that names a part, all parts but `--memory` are measured; that one reads two million images.

--cpu       the processor time of the client, to read 200,000 images in pages of 1,000 and of 100
--prefetch  the time of a listing with 8 pages in flight against one, where each answer takes 50 ms
--chaos     2,000 pages with a fault on every fifth answer, of every kind in turn; and each kind by itself
--memory    the most memory that a process holds which reads a million images

Each reading happens in a process of its own, against the mock server in another one, on this machine's loopback, and reads
one page before the clock starts: imports, certificates and the connection are not part of it. Readers take turns, round by
round, and of each the least processor time counts, since whatever else the machine does can only add to it. Answers are
not compressed: to undo it takes zlib as long for every reader. The line "compressed" shows what that adds.

omnisdk sleeps 10 seconds before each of its retries, and ours up to 60; in `--chaos` neither does.

Prints tables. Exits 0 when every target is met, 1 when one is missed, 2 when it could not be measured.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "mock-token"
IMAGES = 200_000
HEADERS = {"Authorization": f"Token {TOKEN}"}
TIMEOUT = 0.5
"""Seconds that a reader of ours waits in `--chaos`."""
FAULTS = (
    *("500", "502", "503:retry-after=1", "504", "520", "408", "429", "429:retry-after=date"),
    *("latency:seconds=1", "reset", "reset:body", "truncate", "drip:bytes=4096:seconds=0.01"),
    *("garbage", "garbage:tail", "content-type"),
)
"""Every kind that passes: the statuses are those that mean "try again"."""
RIVALS = ("ours", "omnisdk", "stock")
PATIENCE = 900.0
"""Seconds that a reading may take."""


class NotMeasured(Exception):
    """Why there is no figure, in one line."""


# Readers, each in a process of its own


@dataclass(frozen=True)
class Task:
    """What a reader is to do."""

    reader: str
    url: str
    limit: int
    compressed: bool = False
    chaos: bool = False
    stock: str = ""
    """The folder of stock output."""

    @property
    def headers(self) -> dict[str, str]:
        """Further headers for every request."""
        return {} if self.compressed else {"Accept-Encoding": "identity"}


Images = Iterable[Iterable[Any]]


def patience(task: Task) -> dict[str, Any]:
    """How long clients of ours wait."""
    from channel_images import Retries

    return {"retries": Retries(max_wait=0), "timeout": TIMEOUT} if task.chaos else {}


def ours(task: Task, warm_up: Callable[[Any], None], **options: Any) -> Images:
    """As the README shows it."""
    from channel_images import ChannelImages

    with ChannelImages(task.url, token=TOKEN, headers=task.headers, **patience(task)) as api:
        listing = api.channel(5).images(page_size=task.limit, **options)
        warm_up(lambda: None if task.chaos else listing.first())
        yield listing


async def ours_async(task: Task, warm_up: Callable[[Any], None], *, aiohttp: bool = False, **options: Any) -> list[int]:
    from channel_images import AsyncChannelImages

    transport: dict[str, Any] = {}
    if aiohttp:
        from httpx_aiohttp import AiohttpTransport

        transport["transport"] = AiohttpTransport()
    async with AsyncChannelImages(task.url, token=TOKEN, headers=task.headers, **patience(task), **transport) as api:
        listing = api.channel(5).images(page_size=task.limit, **options)
        first = None if task.chaos else await listing.first()
        warm_up(lambda: first)
        return [image.pk async for image in listing if isinstance(image.pk, int)]


def omnisdk(task: Task, warm_up: Callable[[Any], None]) -> Images:
    """As its own documentation shows it: the first page from `list`, the others from the iterator that it leaves."""
    from omnisdk.omnitron.client import OmnitronApiClient  # type: ignore[import-untyped]
    from omnisdk.omnitron.endpoints import ChannelProductImageEndpoint  # type: ignore[import-untyped]

    if task.chaos:
        time.sleep = lambda _seconds: None
    with OmnitronApiClient(f"{task.url}/", "mock", "mock") as client:
        client.session.headers.update(task.headers)
        endpoint = ChannelProductImageEndpoint(channel_id=5)
        warm_up(lambda: None if task.chaos else endpoint.list(params={"limit": 1}))
        yield endpoint.list(params={"limit": task.limit})
        yield from endpoint.iterator


def stock(task: Task, warm_up: Callable[[Any], None]) -> Images:
    """The loop over pages that every user of it writes."""
    sys.path.insert(0, task.stock)
    from stock_api import AuthenticatedClient  # type: ignore[import-not-found]
    from stock_api.api.sales_channel_product_image import list_product_images  # type: ignore[import-not-found]

    with AuthenticatedClient(task.url, TOKEN, prefix="Token", headers=task.headers) as client:
        warm_up(lambda: None if task.chaos else list_product_images.sync_detailed(5, client=client, limit=1))
        page: int | None = 1
        while page:
            answer = list_product_images.sync_detailed(5, client=client, page=page, limit=task.limit)
            yield answer.parsed.results
            page = page + 1 if answer.parsed.next_ else None


def floor(task: Task, warm_up: Callable[[Any], None]) -> Images:
    """The least that Python can do: http.client, and orjson's dictionaries."""
    import orjson

    connection = HTTPConnection(task.url.removeprefix("http://"))

    def fetch(page: int, limit: int) -> Any:
        path = f"/api/v1/channel/5/product_images/?page={page}&limit={limit}"
        connection.request("GET", path, headers=HEADERS | task.headers)
        return orjson.loads(connection.getresponse().read())

    warm_up(lambda: fetch(1, 1))
    page = 1
    while page:
        body = fetch(page, task.limit)
        yield body["results"]
        page = page + 1 if body["next"] else 0


SYNC: dict[str, Callable[[Task, Callable[[Any], None]], Images]] = {
    "ours": ours,
    "ours, consistent": lambda task, warm_up: ours(task, warm_up, consistent=True),
    "ours, 8 in flight": lambda task, warm_up: ours(task, warm_up, concurrency=8),
    "ours, consistent, 8 in flight": lambda task, warm_up: ours(task, warm_up, concurrency=8, consistent=True),
    "omnisdk": omnisdk,
    "stock": stock,
    "http.client, orjson": floor,
}
ASYNC: dict[str, dict[str, Any]] = {
    "ours, async": {},
    "ours, async, 8 in flight": {"concurrency": 8},
    "ours, httpx-aiohttp": {"aiohttp": True},
    "ours, httpx-aiohttp, 8 in flight": {"aiohttp": True, "concurrency": 8},
}


@dataclass(frozen=True)
class Reading:
    """What a reader did."""

    images: int
    different: int
    """How many of them are not the same."""
    ended: str
    """`""` for the end of the list, else the name of the error."""
    cpu: float
    wall: float
    memory: float
    """The most that its process has held, in MB."""


def read(task: Task, *, remember: bool) -> Reading:
    """Do the task, in this process."""
    cpu = wall = 0.0

    def warm_up(step: Callable[[], Any]) -> None:
        nonlocal cpu, wall
        step()
        cpu, wall = time.process_time(), time.perf_counter()

    count, ended = 0, ""
    seen: set[int] = set()
    try:
        if task.reader in ASYNC:
            pks = asyncio.run(ours_async(task, warm_up, **ASYNC[task.reader]))
            count = len(pks)
            seen.update(pks)
        else:
            for page in SYNC[task.reader](task, warm_up):
                for image in page:
                    pk = image["pk"] if isinstance(image, dict) else image.pk
                    count += 1
                    if remember:
                        seen.add(pk)
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its name is the result
        ended = type(error).__name__
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    return Reading(count, len(seen) if remember or task.reader in ASYNC else count, ended, cpu, wall, held)


def reading(task: Task, *, remember: bool = False) -> Reading:
    """Do the task in a process of its own."""
    words = json.dumps([vars(task), remember])
    done = subprocess.run(
        [sys.executable, __file__, "--read", words], text=True, capture_output=True, timeout=PATIENCE, check=False
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
        raise NotMeasured(f"{task.reader}: {last[0]}")
    return Reading(**json.loads(done.stdout))


# The server, and stock output


@dataclass(frozen=True)
class Server:
    """A mock server that runs."""

    url: str

    def reset(self) -> None:
        """Begin anew: no requests so far, and its faults count from the beginning."""
        urlopen(Request(f"{self.url}/_mock/reset", method="POST", headers=HEADERS), timeout=30).close()


@contextlib.contextmanager
def mock(images: int, *faults: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "channel_images.cli", "mock", "--port", "0", "--images", str(images)]
    for fault in faults:
        command += ["--fault", fault]
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout
    try:
        for line in process.stdout:
            if line.startswith("URL "):
                yield Server(line.split()[1])
                break
        else:
            raise NotMeasured("the mock server did not start: `channel-images mock` says why")
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def generate_stock(folder: str) -> None:
    """What openapi-python-client writes from the contract by itself."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"]
    command += ["--path", str(ROOT / "openapi.yaml"), "--output-path", str(Path(folder) / "stock_api")]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotMeasured(f"stock output could not be generated: {done.stdout.strip()}")


# Parts


def requests_of(server: Server, limit: int, *, consistent: bool) -> int:
    """How many requests a listing of ours takes."""
    from channel_images import ChannelImages

    requests: list[Any] = []
    with ChannelImages(server.url, token=TOKEN, event_hooks={"request": [requests.append]}) as api:
        for _ in api.channel(5).images(page_size=limit, consistent=consistent):
            pass
    return len(requests)


def whole(task: Task) -> Reading:
    """A reading of every image."""
    result = reading(task)
    if result.ended or result.images != IMAGES:
        raise NotMeasured(f"{task.reader} read {result.images} images, {result.ended or 'without an error'}")
    return result


def target(what: str, value: float, aim: float, *, least: bool = False, unit: str = "") -> bool:
    met = value >= aim if least else value <= aim
    word = "at least" if least else "at most"
    print(f"{what:52} {value:8.3f}{unit:3} {word} {aim:.4g}{unit}  {'ok' if met else 'MISSED'}", flush=True)
    return met


def cpu(stock_folder: str, rounds: int) -> bool:
    """Processor time, readers against each other."""
    all_met = True
    with mock(IMAGES) as server:
        for limit, of_omnisdk, of_stock in ((1_000, 1 / 2, 1 / 3.3), (100, 1 / 1.5, 1 / 1.7)):
            print(f"\n{IMAGES:,} images in pages of {limit:,}", flush=True)
            measured: dict[str, list[Reading]] = collections.defaultdict(list)
            for turn in range(rounds):
                # Those with a target in every round, the others in the first.
                readers = list(RIVALS) if turn else [*SYNC, *ASYNC]
                for reader in readers if turn % 2 == 0 else readers[::-1]:
                    measured[reader].append(whole(Task(reader, server.url, limit, stock=stock_folder)))
            for reader in RIVALS:
                compressed = Task(reader, server.url, limit, compressed=True, stock=stock_folder)
                measured[f"{reader}, compressed"].append(whole(compressed))
            least = {reader: min(each.cpu for each in results) for reader, results in measured.items()}
            print(f"{'':36} {'CPU s':>7} {'of omnisdk':>11} {'of stock':>9} {'wall s':>7}")
            for reader, seconds in sorted(least.items(), key=lambda item: item[1]):
                wall = min(each.wall for each in measured[reader])
                shares = seconds / least["omnisdk"], seconds / least["stock"]
                print(f"{reader:36} {seconds:7.2f} {shares[0]:11.2f} {shares[1]:9.2f} {wall:7.2f}", flush=True)
            all_met &= target("CPU, of omnisdk's", least["ours"] / least["omnisdk"], of_omnisdk)
            all_met &= target("CPU, of stock's", least["ours"] / least["stock"], of_stock)
            plain, consistent = (requests_of(server, limit, consistent=wanted) for wanted in (False, True))
            dearer = measured["ours, consistent"][0].cpu / measured["ours"][0].cpu
            print(f"{'consistent of plain, CPU of the first round':52} {dearer:8.3f}")
            print(
                f"{f'consistent of plain, {consistent:,} requests of {plain:,}':52} {consistent / plain:8.3f}",
                flush=True,
            )
    return all_met


def prefetch(rounds: int) -> bool:
    """Eight pages in flight against one."""
    print("\n10,000 images in 200 pages, each answer after 50 ms", flush=True)
    all_met = True
    with mock(10_000, "latency:seconds=0.05") as server:
        pairs = [("ours", "ours, 8 in flight"), ("ours, async", "ours, async, 8 in flight")]
        pairs.append(("ours, httpx-aiohttp", "ours, httpx-aiohttp, 8 in flight"))
        for one, eight in pairs:
            walls = {
                reader: min(reading(Task(reader, server.url, 50)).wall for _ in range(rounds))
                for reader in (one, eight)
            }
            what = f"{one}: {walls[one]:.2f} s, 8 in flight {walls[eight]:.2f} s"
            all_met &= target(what, walls[one] / walls[eight], 6, least=True)
    return all_met


def chaos(stock_folder: str) -> bool:
    """Who gets through faults, and how the others end."""
    step = 5 * len(FAULTS)
    in_turn = [f"{fault}:skip={5 * place}:every={step}" for place, fault in enumerate(FAULTS)]
    all_met = True
    print(
        f"\n{IMAGES:,} images in 2,000 pages; from answer {step} on every fifth is faulty, {len(FAULTS)} kinds in turn"
    )
    print(f"{'':36} {'images':>9} {'twice':>7} {'s':>7}  ended with")
    with mock(IMAGES, *in_turn) as server:
        for reader in ("ours", "ours, consistent", "ours, 8 in flight", "ours, async, 8 in flight", "omnisdk", "stock"):
            server.reset()
            done = reading(Task(reader, server.url, 100, chaos=True, stock=stock_folder), remember=True)
            twice = done.images - done.different
            ended = done.ended or "the last page"
            print(f"{reader:36} {done.images:9,} {twice:7,} {done.wall:7.1f}  {ended}", flush=True)
            if reader.startswith("ours"):
                all_met &= (done.images, twice, done.ended) == (IMAGES, 0, "")

    print("\n300 images in 3 pages; the answer to the second is faulty once")
    print(f"{'fault':32}" + "".join(f"{reader:>28}" for reader in RIVALS))
    for fault in FAULTS:
        cells = []
        with mock(300, f"{fault}:skip=1:first=1") as server:
            for reader in RIVALS:
                server.reset()
                done = reading(Task(reader, server.url, 100, chaos=True, stock=stock_folder), remember=True)
                cells.append(done.ended or ("all" if done.different == 300 else f"{done.different} of 300, no error"))
        all_met &= cells[0] == "all"
        print(f"{fault:32}" + "".join(f"{cell:>28}" for cell in cells), flush=True)
    print(f"each image once, through every fault: {'ok' if all_met else 'MISSED'}")
    return all_met


def memory() -> bool:
    """A million images, lazily."""
    print("\n1,000,000 images in pages of 1,000, read one by one: the most memory of the process", flush=True)
    all_met = True
    with mock(1_000_000) as server:
        for reader in ("ours", "ours, consistent"):
            done = reading(Task(reader, server.url, 1_000))
            if done.images != 1_000_000:
                raise NotMeasured(f"{reader} read {done.images} images, {done.ended or 'without an error'}")
            all_met &= target(reader, done.memory, 100, unit=" MB")
    return all_met


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parts = ("cpu", "prefetch", "chaos", "memory")
    for part in parts:
        parser.add_argument(f"--{part}", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help="of readings that count (default: 5)")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        task, remember = json.loads(options.read)
        print(json.dumps(vars(read(Task(**task), remember=remember))))
        return 0

    # So that the servers are stopped by a signal, too.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    chosen: Sequence[str] = [part for part in parts if getattr(options, part)] or parts[:3]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {options.rounds} rounds")
    try:
        with tempfile.TemporaryDirectory() as folder:
            if "cpu" in chosen or "chaos" in chosen:
                generate_stock(folder)
            measure: dict[str, Callable[[], bool]] = {
                "cpu": lambda: cpu(folder, options.rounds),
                "prefetch": lambda: prefetch(min(options.rounds, 3)),
                "chaos": lambda: chaos(folder),
                "memory": memory,
            }
            met = [measure[part]() for part in chosen]
        return 0 if all(met) else 1
    except (NotMeasured, subprocess.TimeoutExpired, OSError) as reason:
        print(f"benchmarks/listing.py: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
