"""Exports to files: CPU time beside reading alone and beside the loops that people write, memory, and many channels.

An export is the command `channel-images export`, and what counts is its whole process, from its start to its end. So it is
with the peers. Reading alone iterates over `images(consistent=True)`, which is how an export reads, and drops what it gets.
The loops read with omnisdk or with stock output, once and without a look at what has changed meanwhile.
"""

import functools
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measuring import TOKEN, Measurement, Took, in_turns, mock, process, server, stock

ROUNDS = 3
IMAGES = 50_000
MANY = 500_000
PEERS = {"parquet": "reading alone", "csv": "omnisdk", "ndjson": "stock"}
CHANNELS = 60
LATENCY = 0.1
"""Seconds that a server of many small channels takes for an answer."""

MANY_CHANNELS = f"""
import signal
from channel_images.mock import MockServer

channels = dict.fromkeys(range(1, {CHANNELS} + 1), 200)
with MockServer(channels=channels, token="{TOKEN}", faults=["latency:seconds={LATENCY}"]) as server:
    print("URL", server.url, flush=True)
    signal.pause()
"""
READING = """
from channel_images import ChannelImages

with ChannelImages.from_env() as client:
    print(sum(1 for _ in client.channel(5).images(page_size=1_000, consistent=True)))
"""
OMNISDK_TO_CSV = """
import csv, itertools, os, sys
from omnisdk.omnitron.client import OmnitronApiClient
from omnisdk.omnitron.endpoints import ChannelProductImageEndpoint

with OmnitronApiClient(os.environ["CHANNEL_IMAGES_URL"] + "/", "mock", "mock") as client, open(sys.argv[1], "w") as file:
    endpoint = ChannelProductImageEndpoint(channel_id=5)
    pages = itertools.chain([endpoint.list(params={"limit": 1_000})], endpoint.iterator)
    writer = None
    for image in itertools.chain.from_iterable(pages):
        row = vars(image)
        if writer is None:
            writer = csv.DictWriter(file, row)
            writer.writeheader()
        writer.writerow(row)
"""
STOCK_TO_NDJSON = """
import json, os, sys
from stock_api import AuthenticatedClient
from stock_api.api.sales_channel_product_image import list_product_images

with (
    AuthenticatedClient(os.environ["CHANNEL_IMAGES_URL"], "mock-token", prefix="Token") as client,
    open(sys.argv[1], "w") as file,
):
    page = 1
    while page:
        answer = list_product_images.sync_detailed(5, client=client, page=page, limit=1_000)
        for image in answer.parsed.results:
            file.write(json.dumps(image.to_dict()) + "\\n")
        page = page + 1 if answer.parsed.next_ else None
"""


def measure() -> Iterator[Measurement]:
    with tempfile.TemporaryDirectory() as folder:
        with mock("--images", str(IMAGES)) as few:
            run = functools.partial(taken, few.url, Path(folder))
            contenders: dict[str, Callable[[], Took]] = {
                **{name: run(*export(name)) for name in PEERS},
                "reading alone": run("-c", READING),
                "omnisdk": run("-c", OMNISDK_TO_CSV, "{folder}/omnisdk.csv"),
                "stock": run("-c", STOCK_TO_NDJSON, "{folder}/stock.ndjson"),
            }
            done = in_turns(contenders, ROUNDS)
        for name, peer in PEERS.items():
            cpu = {"ours": [each.cpu for each in done[name]], peer: [each.cpu for each in done[peer]]}
            yield Measurement(f"export.{name}", f"CPU time: {IMAGES:,} images, {name}", "s", cpu)
        with mock("--images", str(MANY)) as many:
            most = taken(many.url, Path(folder), *export("parquet"))()
        memory = {f"ours, parquet, {MANY:,} images": [most.memory]}
        for name, results in done.items():
            memory[f"ours, {name}" if name in PEERS else name] = [each.memory for each in results]
        yield Measurement("export.memory", f"Memory of the process: {IMAGES:,} images, or as it says", "MB", memory)

        with server(sys.executable, "-c", MANY_CHANNELS) as slow:
            channels = {
                "ours, 8 in flight": taken(slow.url, Path(folder), *export_channels(8)),
                "ours": taken(slow.url, Path(folder), *export_channels(1)),
            }
            walls = {name: [each.wall for each in results] for name, results in in_turns(channels, 2).items()}
        yield Measurement("export.channels", f"{CHANNELS} channels, {LATENCY * 1000:.0f} ms an answer", "s", walls)


def export(name: str) -> tuple[str, ...]:
    return ("-m", "channel_images", "export", "5", f"{{folder}}/images.{name}", "--quiet")


def export_channels(in_flight: int) -> tuple[str, ...]:
    channels = map(str, range(1, CHANNELS + 1))
    options = ("--format", "ndjson", "--concurrency", str(in_flight), "--quiet")
    return ("-m", "channel_images", "export", *channels, "{folder}/", *options)


def taken(url: str, folder: Path, *command: str) -> Callable[[], Took]:
    """Measures a Python process, which writes into a new folder each time."""

    def measured() -> Took:
        environment = {"CHANNEL_IMAGES_URL": url, "CHANNEL_IMAGES_TOKEN": TOKEN, "PYTHONPATH": stock()}
        with tempfile.TemporaryDirectory(dir=folder) as own:
            words = [word.replace("{folder}", own) for word in command]
            return process(sys.executable, *words, environment=environment)

    return measured
