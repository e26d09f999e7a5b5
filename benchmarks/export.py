"""Exports: memory and rate at three sizes, and what Parquet costs beside reading alone.

    python benchmarks/export.py [--images N] [--rounds N]

A mock server in a process of its own serves the images. An export is the command `channel-images export`, and what
counts is the whole process, from its start to its end: its time, and the peak of its resident set. Reading alone is a
process too, which iterates over `images(consistent=True)` with pages of the same size and drops what it gets; it and the Parquet
export take turns, and their ratio is that of the medians.

Then 100 small channels are exported into a folder, from a server that takes 100 ms for an answer: with one request in
flight, and with eight.

Prints a table. Exits 0 when every target is met, 1 when one is missed.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

TOKEN = "mock-token"
MEMORY = 150
"""MB, at any size."""
RATIO = 1.4
SIZES = (10_000, 100_000, 1_000_000)
FORMATS = ("ndjson", "csv", "parquet")

CHANNELS = 100
LATENCY = 0.1
IN_FLIGHT = 8
SPREAD = 3.0
"""How many times as fast the channels are read with `IN_FLIGHT` requests in flight, the start of the process too."""

SLOW_SERVER = f"""
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


@contextmanager
def server(*arguments: str) -> Iterator[str]:
    """The URL of a mock server that Python runs with these arguments."""
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            for line in process.stdout or ():
                if found := re.match(r"URL\s+(\S+)", line):
                    yield found[1]
                    break
        finally:
            process.terminate()


def serving(images: int) -> AbstractContextManager[str]:
    """The URL of a mock server with that many images."""
    return server("-m", "channel_images", "mock", "--port", "0", "--images", str(images))


@dataclass
class Figures:
    """Wall time in seconds, and the peak of the resident set in MB, of a process from its start to its end."""

    seconds: float
    mb: float


def measure(url: str, *command: str) -> Figures:
    """What a Python process took."""
    environment = {**os.environ, "CHANNEL_IMAGES_URL": url, "CHANNEL_IMAGES_TOKEN": TOKEN}
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return Figures(time.perf_counter() - started, usage.ru_maxrss / 1024)


def export(url: str, path: Path) -> Figures:
    """What `channel-images export` took."""
    return measure(url, "-m", "channel_images", "export", "5", str(path), "--quiet")


def export_channels(url: str, folder: Path, in_flight: int) -> Figures:
    """What it took with all of the small channels."""
    channels = map(str, range(1, CHANNELS + 1))
    options = ("--format", "ndjson", "--concurrency", str(in_flight), "--quiet")
    return measure(url, "-m", "channel_images", "export", *channels, f"{folder}/", *options)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=SIZES[-1], help="the largest size")
    parser.add_argument("--rounds", type=int, default=3, help="of reading alone and Parquet, at the largest size")
    options = parser.parse_args()
    sizes = [size for size in SIZES if size < options.images] + [options.images]
    missed = []
    print(f"{'format':10} {'images':>10} {'seconds':>8} {'images/s':>10} {'MB':>6} {'file, MB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            with serving(size) as url:
                for name in FORMATS:
                    path = Path(folder) / f"images-{size}.{name}"
                    figures = export(url, path)
                    rate, mb = size / figures.seconds, path.stat().st_size / 2**20
                    print(
                        f"{name:10} {size:10,} {figures.seconds:8.1f} {rate:10,.0f} {figures.mb:6.0f} {mb:9.1f}",
                        flush=True,
                    )
                    if figures.mb > MEMORY:
                        missed.append(f"{name} of {size:,} images took {figures.mb:.0f} MB, more than {MEMORY}")
                    path.unlink()
        with serving(options.images) as url:
            reading, writing = [], []
            for number in range(options.rounds):
                reading.append(measure(url, "-c", READING).seconds)
                writing.append(export(url, Path(folder) / f"round-{number}.parquet").seconds)
    ratio = statistics.median(writing) / statistics.median(reading)
    print(
        f"\nreading alone {statistics.median(reading):.1f} s, to Parquet {statistics.median(writing):.1f} s: {ratio:.2f} times (target {RATIO})"
    )
    if ratio > RATIO:
        missed.append(f"Parquet took {ratio:.2f} times as long as reading alone, more than {RATIO}")
    with tempfile.TemporaryDirectory() as folder, server("-c", SLOW_SERVER) as url:
        one = export_channels(url, Path(folder) / "one", 1).seconds
        many = export_channels(url, Path(folder) / "many", IN_FLIGHT).seconds
    print(
        f"{CHANNELS} channels, {LATENCY * 1000:.0f} ms an answer: one request in flight {one:.1f} s, {IN_FLIGHT} in flight {many:.1f} s: {one / many:.1f} times as fast (target {SPREAD})"
    )
    if one / many < SPREAD:
        missed.append(f"{IN_FLIGHT} requests in flight were {one / many:.1f} times as fast as one, not {SPREAD}")
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
