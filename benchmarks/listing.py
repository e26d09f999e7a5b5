"""Reading a list: by this client, by omnisdk, and by what openapi-python-client writes from the contract by itself.

Each reading happens in a process of its own, against the mock server in another one, on this machine's loopback, and reads
one page before the clock starts: imports, certificates and the connection are not part of it. What counts is CPU time.
Answers are not compressed: to undo it takes zlib as long for every reader.

omnisdk sleeps 10 seconds before each of its retries, and ours up to 60; where answers are faulty, neither does.
"""

import asyncio
import functools
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from http.client import HTTPConnection
from typing import Any

from attrs import asdict, evolve, frozen
from benchmarks.measuring import (
    HEADERS,
    TOKEN,
    Measurement,
    NotMeasured,
    Server,
    in_turns,
    mock,
    process,
    stock as stock_output,
)

ROUNDS = 4
SIZES = {1_000: 50_000, 100: 20_000}
"""Images that are read, by the rows of a page."""
LATENCY = 0.05
TIMEOUT = 0.5
"""Seconds that a reader of ours waits where answers are faulty."""
FAULTS = (
    *("500", "502", "503:retry-after=1", "504", "520", "408", "429", "429:retry-after=date"),
    *("latency:seconds=1", "reset", "reset:body", "truncate", "drip:bytes=4096:seconds=0.01"),
    *("garbage", "garbage:tail", "content-type"),
)
"""Every kind that passes: the statuses are those that mean "try again"."""
FAULTY = 40_000


def measure() -> Iterator[Measurement]:
    yield from questions()
    for limit, images in SIZES.items():
        with mock("--images", str(images)) as server:
            readers = ["ours", "omnisdk", "stock", "ours, consistent", "ours, async", "http.client, orjson"]
            done = readings(readers, ROUNDS, Task("", server.url, limit))
        for name, each in done.items():
            whole(name, each, images)
        title = f"{images:,} images in pages of {limit:,}"
        cpu = {name: [reading.cpu for reading in each] for name, each in done.items()}
        yield Measurement(f"listing.cpu-{limit}", f"CPU time: {title}", "s", cpu)
        if limit == 1_000:
            memory = {name: [reading.memory for reading in each] for name, each in done.items()}
            yield Measurement("listing.memory", f"Memory of the process: {title}", "MB", memory)

    with mock("--images", "4000", "--fault", f"latency:seconds={LATENCY}") as server:
        readers = ["ours, 8 in flight", "ours", "ours, async, 8 in flight", "ours, async"]
        done = readings(readers, 3, Task("", server.url, 50))
    wall = {name: [reading.wall for reading in each] for name, each in done.items()}
    yield Measurement("listing.in-flight", f"80 pages, each after {LATENCY * 1000:.0f} ms", "s", wall)

    step = 5 * len(FAULTS)
    faults = [f"{fault}:skip={5 * place}:every={step}" for place, fault in enumerate(FAULTS)]
    with mock("--images", str(FAULTY), *(word for fault in faults for word in ("--fault", fault))) as server:
        task = Task("", server.url, 100, faulty=True)
        readers = ["ours", "ours, consistent", "ours, async, 8 in flight", "omnisdk", "stock"]
        done = readings(readers, 1, task, server)
    once = {name: [reading.once for reading in each] for name, each in done.items()}
    title = f"Of {FAULTY:,} images, read once and no more: from page {step} on, every fifth answer is a fault, {len(FAULTS)} kinds"
    yield Measurement("listing.faults", title, "images", once, is_more_better=True)


# Two questions: what is pending, and which of the images 1, 2 and 3 are there

QUESTIONS = {
    "ours": """
from channel_images import ChannelImages
with ChannelImages(URL, token="mock-token") as api:
    channel = api.channel(5)
    print(len(list(channel.inserts())), len(list(channel.images(id_in=[1, 2, 3]))))
""",
    "omnisdk": """
from omnisdk.omnitron.client import OmnitronApiClient
from omnisdk.omnitron.endpoints import ChannelProductImageEndpoint
with OmnitronApiClient(URL + "/", "mock", "mock"):
    pending = ChannelProductImageEndpoint(channel_id=5)(path="inserts")
    rows = [*pending.list(), *(row for page in pending.iterator for row in page)]
    print(len(rows), len(ChannelProductImageEndpoint(channel_id=5).list(params={"id__in": [1, 2, 3]})))
""",
    "stock": """
from stock_api import AuthenticatedClient
from stock_api.api.sales_channel_product_image import list_product_image_inserts, list_product_images
with AuthenticatedClient(URL, "mock-token", prefix="Token") as client:
    pending = list_product_image_inserts.sync(5, client=client)
    print(len(pending), len(list_product_images.sync(5, client=client, id_in=[1, 2, 3]).results))
""",
}


def questions() -> Iterator[Measurement]:
    """How many images each gives, asked in its shortest way."""
    with mock() as server:

        def answer(code: str) -> list[int]:
            took = process(
                sys.executable, "-c", f"URL = {server.url!r}{code}", environment={"PYTHONPATH": stock_output()}
            )
            return [int(word) for word in took.output.split()]

        asked = in_turns({name: functools.partial(answer, code) for name, code in QUESTIONS.items()}, 1)
    for place, (name, title) in enumerate(
        [
            ("listing.pending", "Of 270 pending images, those that a list with the default page size gives"),
            ("listing.ids", "Of the images 1, 2 and 3, those that a filter by these ids gives"),
        ]
    ):
        counts = {reader: [each[place] for each in answers] for reader, answers in asked.items()}
        yield Measurement(name, title, "images", counts, is_more_better=True)


# Readers, each in a process of its own

IDENTITY = {"Accept-Encoding": "identity"}


@frozen
class Task:
    """What a reader is to do."""

    reader: str
    url: str
    limit: int
    faulty: bool = False
    """Whether answers are: nobody waits between tries then, and nothing is read before the clock starts."""


Images = Iterable[Iterable[Any]]


def patience(task: Task) -> dict[str, Any]:
    """How long clients of ours wait."""
    from channel_images import Retries

    return {"retries": Retries(max_wait=0), "timeout": TIMEOUT} if task.faulty else {}


def ours(task: Task, warm_up: Callable[[Any], None], **options: Any) -> Images:
    """As the README shows it."""
    from channel_images import ChannelImages

    with ChannelImages(task.url, token=TOKEN, headers=IDENTITY, **patience(task)) as api:
        listing = api.channel(5).images(page_size=task.limit, **options)
        warm_up(lambda: None if task.faulty else listing.first())
        yield listing


async def ours_async(task: Task, warm_up: Callable[[Any], None], **options: Any) -> list[int]:
    from channel_images import AsyncChannelImages

    async with AsyncChannelImages(task.url, token=TOKEN, headers=IDENTITY, **patience(task)) as api:
        listing = api.channel(5).images(page_size=task.limit, **options)
        first = None if task.faulty else await listing.first()
        warm_up(lambda: first)
        return [image.pk async for image in listing if isinstance(image.pk, int)]


def omnisdk(task: Task, warm_up: Callable[[Any], None]) -> Images:
    """As its own documentation shows it: the first page from `list`, the others from the iterator that it leaves."""
    from omnisdk.omnitron.client import OmnitronApiClient  # type: ignore[import-untyped]
    from omnisdk.omnitron.endpoints import ChannelProductImageEndpoint  # type: ignore[import-untyped]

    if task.faulty:
        time.sleep = lambda _seconds: None
    with OmnitronApiClient(f"{task.url}/", "mock", "mock") as client:
        client.session.headers.update(IDENTITY)
        endpoint = ChannelProductImageEndpoint(channel_id=5)
        warm_up(lambda: None if task.faulty else endpoint.list(params={"limit": 1}))
        yield endpoint.list(params={"limit": task.limit})
        yield from endpoint.iterator


def stock(task: Task, warm_up: Callable[[Any], None]) -> Images:
    """The loop over pages that every user of it writes."""
    from stock_api import AuthenticatedClient  # type: ignore[import-not-found]
    from stock_api.api.sales_channel_product_image import list_product_images  # type: ignore[import-not-found]

    with AuthenticatedClient(task.url, TOKEN, prefix="Token", headers=IDENTITY) as client:
        warm_up(lambda: None if task.faulty else list_product_images.sync_detailed(5, client=client, limit=1))
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
        connection.request("GET", path, headers=HEADERS | IDENTITY)
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
    "omnisdk": omnisdk,
    "stock": stock,
    "http.client, orjson": floor,
}
ASYNC: dict[str, dict[str, Any]] = {
    "ours, async": {},
    "ours, async, 8 in flight": {"concurrency": 8},
}


@frozen
class Reading:
    """What a reader did."""

    once: int
    """The images that it gave once, and no more."""
    ended: str
    """Empty at the end of the list, else the name of the error."""
    cpu: float
    wall: float
    """Seconds."""
    memory: float
    """The most that its process has held, in MB."""


def read(task: Task) -> Reading:
    """Do the task, in this process."""
    cpu = wall = 0.0

    def warm_up(step: Callable[[], Any]) -> None:
        nonlocal cpu, wall
        step()
        cpu, wall = time.process_time(), time.perf_counter()

    count, ended = 0, ""
    pks: list[int] = []
    try:
        if task.reader in ASYNC:
            pks = asyncio.run(ours_async(task, warm_up, **ASYNC[task.reader]))
            count = len(pks)
        else:
            for page in SYNC[task.reader](task, warm_up):
                for image in page:
                    count += 1
                    pk = image["pk"] if isinstance(image, dict) else image.pk
                    if task.faulty:
                        pks.append(pk)
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, its name is the result
        ended = type(error).__name__
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    again = len(pks) - len(set(pks))
    return Reading(count - 2 * again, ended, cpu, wall, held)


def readings(readers: Iterable[str], rounds: int, task: Task, server: Server | None = None) -> dict[str, list[Reading]]:
    """The task by each reader, in a process of its own; ``server`` counts its faults from the beginning each time."""

    def reading(reader: str) -> Reading:
        if server:
            server.fetch("/_mock/reset", {})
        words = json.dumps(asdict(evolve(task, reader=reader)))
        done = process(sys.executable, "-m", __name__, words, environment={"PYTHONPATH": stock_output()})
        return Reading(**json.loads(done.output))

    return in_turns({reader: functools.partial(reading, reader) for reader in readers}, rounds)


def whole(reader: str, each: Iterable[Reading], images: int) -> None:
    """Raise `NotMeasured` if a reading is not of every image."""
    for reading in each:
        if reading.ended or reading.once != images:
            raise NotMeasured(f"{reader} read {reading.once} images, {reading.ended or 'without an error'}")


if __name__ == "__main__":
    print(json.dumps(asdict(read(Task(**json.loads(sys.argv[1]))))))
