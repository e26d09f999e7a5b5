"""The mock server's figures: against Prism on the same contract, deep in a long list, and with ten million images.

    python benchmarks/mock.py [--load wrk|python] [--seconds S] [--rounds N]

Everything is measured in one run on this machine's loopback, and what counts are ratios: rates differ from machine to
machine, but both servers of a ratio had the same one. They take turns, round by round, each warmed up before, under the
same load of 8 connections: wrk's where it is installed, else an equal one of Python's. Servers listen on free ports and
are stopped however the run ends.

What the load asks for differs from request to request (another image, another page), the same for both servers. Where a
line says "of a million", the images asked for are more than the mock keeps rendered, so each is computed anew; the
thousand images that it starts with stay rendered once they were asked for.

The peer of the targets is Prism as `prism mock` starts it, with its log going nowhere. Its log costs it half its speed,
so the table shows, without a target, how the mock compares when that is switched off. Nor is there a target where every
image is computed anew.

Prints a table. Exits 0 when every target is met, 1 when one is missed, 2 when it could not be measured.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

HERE = Path(__file__).resolve().parent
CONTRACT = HERE.parent / "openapi.yaml"
PRISM = HERE / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"

CONNECTIONS = 8
WARM_UP = 1
"""Seconds: Node's compiler needs about one."""
TOKEN = "mock-token"
IMAGES = "/api/v1/channel/5/product_images/"
HUNDREDTHS = 10_000
"""Pages of a million images, at a hundred each."""
PATIENCE = 30.0
"""Seconds that a server may take to start, or to answer."""


class NotMeasured(Exception):
    """Why there is no figure, in one line."""


# Servers


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    name: str
    url: str
    started_in: float
    """Seconds from its start to its first answer."""
    process: "subprocess.Popen[str]"


def fetch(url: str, path: str) -> tuple[int, bytes]:
    """One request with the token; the status and the body. Raises ``OSError`` where nobody answers."""
    request = Request(url + path, headers={"Authorization": f"Token {TOKEN}"})
    try:
        with urlopen(request, timeout=PATIENCE) as response:
            return response.status, response.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


@contextlib.contextmanager
def running(name: str, command: Sequence[str], url: str | None = None) -> Iterator[Server]:
    """The server that ``command`` starts, once it answers; ``url`` is where, else it prints a line that says so."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, text=True, stdout=subprocess.PIPE if url is None else subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        if url is None:
            url = printed_url(process)
        while True:
            with contextlib.suppress(URLError, ConnectionError):
                if fetch(url, IMAGES)[0] == 200:
                    break
            if process.poll() is not None or time.perf_counter() - begun > PATIENCE:
                raise NotMeasured(f"{name} does not answer at {url}")
            time.sleep(0.02)
        yield Server(name, url, time.perf_counter() - begun, process)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def printed_url(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    for line in process.stdout:
        if line.startswith("URL "):
            return line.split()[1]
    raise NotMeasured("the mock server did not start: `channel-images mock` says why")


def mock(images: int) -> contextlib.AbstractContextManager[Server]:
    command = [sys.executable, "-m", "channel_images.cli", "mock", "--port", "0", "--images", str(images)]
    return running(f"mock, {images:,} images", command)


def prism(node: str, *options: str) -> contextlib.AbstractContextManager[Server]:
    """Prism as it starts by itself, but for ``options``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [node, str(PRISM), "mock", "--host", "127.0.0.1", "--port", str(port)]
    return running("Prism", [*command, *options, str(CONTRACT)], f"http://127.0.0.1:{port}")


def install_prism() -> tuple[str, str]:
    """Node's path and Prism's version; installs Prism by its lock file where it is not there."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotMeasured("the peer, Prism, needs Node and npm")
    if not PRISM.exists():
        print("installing Prism from benchmarks/package-lock.json ...", file=sys.stderr)
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts"], cwd=HERE, capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if "error" in line]
            raise NotMeasured(f"npm ci failed in benchmarks: {said[0] if said else f'exit {done.returncode}'}")
    package = json.loads((PRISM.parent.parent / "package.json").read_text(encoding="utf-8"))
    return node, package["version"]


# Loads


class Load(Protocol):
    """Asks a server for paths in turn, over and over, through ``CONNECTIONS``; gives the answers per second."""

    def __call__(self, url: str, paths: Sequence[str], seconds: int) -> float: ...


_WRK_SCRIPT = """\
local requests, number = {}, 0
function init(args)
  for path in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", path) end
end
function request()
  number = number % #requests + 1
  return requests[number]
end
"""


class Wrk:
    """wrk, in one thread: the other core is the server's."""

    def __init__(self, wrk: str, folder: Path) -> None:
        self._wrk = wrk
        self._folder = folder
        self._script = folder / "requests.lua"
        self._script.write_text(_WRK_SCRIPT, encoding="utf-8")

    def __call__(self, url: str, paths: Sequence[str], seconds: int) -> float:
        listed = self._folder / "paths"
        listed.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
        options = [
            *("--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"),
            *("--header", f"Authorization: Token {TOKEN}", "--script", str(self._script)),
        ]
        done = subprocess.run(
            [self._wrk, *options, url, "--", str(listed)],
            capture_output=True,
            text=True,
            timeout=seconds + PATIENCE,
            check=False,
        )
        rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
        failures = re.search(r"Non-2xx.*|Socket errors.*", done.stdout)
        if done.returncode or rate is None or failures:
            raise NotMeasured(f"wrk on {url}{paths[0]}: {failures[0] if failures else done.stderr.strip()}")
        return float(rate[1])


def python_load(url: str, paths: Sequence[str], seconds: int) -> float:
    """The same in Python, for machines without wrk. It takes more of the processor itself, so rates are lower by it."""
    return asyncio.run(_python_load(url, paths, seconds))


async def _python_load(url: str, paths: Sequence[str], seconds: int) -> float:
    host = urlsplit(url)
    tail = f" HTTP/1.1\r\nHost: {host.netloc}\r\nAuthorization: Token {TOKEN}\r\n\r\n"
    requests = [f"GET {path}{tail}".encode() for path in paths]
    answered, number, over = 0, 0, False

    async def client() -> None:
        nonlocal answered, number
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        with contextlib.closing(writer):
            while not over:
                writer.write(requests[number % len(requests)])
                number += 1
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = re.search(rb"\r\ncontent-length: *(\d+)", head)
                if not head.startswith(b"http/1.1 2") or length is None:
                    raise NotMeasured(f"{url} answers {head.partition(chr(13).encode())[0].decode()}")
                await reader.readexactly(int(length[1]))
                answered += 1

    begun = time.perf_counter()
    clients = [asyncio.create_task(client()) for _ in range(CONNECTIONS)]
    done, _ = await asyncio.wait(clients, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    elapsed, over = time.perf_counter() - begun, True
    counted = answered
    for each in done:
        each.result()
    await asyncio.wait_for(asyncio.gather(*clients), PATIENCE)
    return counted / elapsed


# Cells


@dataclass(frozen=True)
class Side:
    """One side of a ratio: a server, and what it is asked for."""

    server: Server
    paths: Sequence[str] = field(repr=False)


def rates(load: Load, sides: Sequence[Side], *, seconds: int, rounds: int) -> list[float]:
    """The median rate of each side; the sides take turns."""
    for side in sides:
        load(side.server.url, side.paths, WARM_UP)
    measured: list[list[float]] = [[] for _ in sides]
    for turn in range(rounds):
        # In alternating order, so that a machine that grows slower wrongs nobody.
        order = range(len(sides)) if turn % 2 == 0 else reversed(range(len(sides)))
        for number in order:
            measured[number].append(load(sides[number].server.url, sides[number].paths, seconds))
    return [statistics.median(each) for each in measured]


@dataclass
class Table:
    """The lines printed so far, and whether every target was met."""

    all_met: bool = True

    def header(self) -> None:
        print(f"{'':44}  {'mock':>9}  {'peer':>9}  {'ratio':>6}  {'target':>8}")

    def line(self, what: str, ours: str, theirs: str, ratio: str, target: str, *, met: bool | None) -> None:
        """``met`` is ``None`` where nothing was aimed at."""
        self.all_met &= met is not False
        verdict = {True: "ok", False: "MISSED", None: ""}[met]
        print(f"{what:44}  {ours:>9}  {theirs:>9}  {ratio:>6}  {target:>8}  {verdict}".rstrip(), flush=True)

    def times_faster(self, what: str, ours: float, theirs: float, target: float | None = None) -> None:
        ratio = ours / theirs
        met = None if target is None else ratio >= target
        aim = "" if target is None else f">= {target:g}"
        self.line(what, f"{ours:,.0f}/s", f"{theirs:,.0f}/s", f"{ratio:.2f}", aim, met=met)

    def below(self, what: str, measured: float, unit: str, target: float) -> None:
        self.line(what, f"{measured:.2f} {unit}", "", "", f"< {target:g} {unit}", met=measured < target)


def image_paths(images: int, step: int) -> list[str]:
    """Every ``step``-th image. Of more than 16,384 in turn, the mock has none rendered when it is asked for again."""
    # Every eighth pk is missing (channel_images.mock.data.dataset).
    return [f"{IMAGES}{1 + index + index // 7}/" for index in range(0, images, step)]


def page_paths(first: int, last: int) -> list[str]:
    return [f"{IMAGES}?limit=100&page={page}" for page in range(first, last + 1)]


def hold(server: Server, *, rows: bool) -> None:
    """See that the server does what is measured: validate requests and, where ``rows``, answer a hundred of them."""
    status, _ = fetch(server.url, f"{IMAGES}?limit=0")
    if status != 400:
        raise NotMeasured(f"{server.name} does not validate requests: limit=0 is answered by {status}")
    if rows:
        for path in (page_paths(1, 1)[0], page_paths(10, 10)[0]):
            images = json.loads(fetch(server.url, path)[1])["results"]
            if len({image["pk"] for image in images}) != 100 or len(images[0]) != 13:
                raise NotMeasured(f"{server.name} does not answer 100 rows to {path}")


def measure(load: Load, node: str, seconds: int, rounds: int) -> bool:
    """Print the table. True when every target is met."""
    table = Table()
    table.header()
    with mock(1_000) as thousand, mock(1_000_000) as million:
        hold(thousand, rows=True)
        hold(million, rows=True)
        with (
            prism(node) as static,
            prism(node, "--verboseLevel", "silent") as silent,
            prism(node, "--dynamic") as dynamic,
        ):
            for peer in (static, silent, dynamic):
                hold(peer, rows=False)

            few, many = image_paths(1_000, 1), image_paths(1_000_000, 50)
            sides = [Side(thousand, few), Side(million, many), Side(static, few), Side(silent, few)]
            ours, anew, logging, log_off = rates(load, sides, seconds=seconds, rounds=rounds)
            table.times_faster("one image of a thousand / Prism static", ours, logging, 5)
            table.times_faster("one image of a thousand / the same, log off", ours, log_off)
            table.times_faster("one image of a million / Prism static", anew, logging)

            pages, all_pages = page_paths(1, 10), page_paths(1, HUNDREDTHS)
            sides = [Side(thousand, pages), Side(million, all_pages)]
            sides += [Side(peer, pages) for peer in (static, silent, dynamic)]
            ours, anew, logging, log_off, generated = rates(load, sides, seconds=seconds, rounds=rounds)
            table.times_faster("100 rows of a thousand / Prism dynamic", ours, generated, 3)
            table.times_faster("100 rows of a thousand / Prism static", ours, logging, 1)
            table.times_faster("100 rows of a thousand / the same, log off", ours, log_off)
            table.times_faster("100 rows of a million / Prism dynamic", anew, generated)
            table.times_faster("100 rows of a million / Prism static", anew, logging)

        first, last = page_paths(1, 1), page_paths(HUNDREDTHS, HUNDREDTHS)
        fast, slow = rates(load, [Side(million, first), Side(million, last)], seconds=seconds, rounds=rounds)
        cost = fast / slow
        table.line(
            "cost: page 10,000 of a million / page 1",
            f"{slow:,.0f}/s",
            f"{fast:,.0f}/s",
            f"{cost:.2f}",
            "<= 1.2",
            met=cost <= 1.2,
        )

    with mock(10_000_000) as huge:
        share = huge.started_in / static.started_in
        table.line(
            "start with 10,000,000 images / Prism static",
            f"{huge.started_in:.2f} s",
            f"{static.started_in:.2f} s",
            f"{share:.2f}",
            "<= 0.5",
            met=share <= 0.5,
        )
        # Whatever it builds when it is asked for the first time, and its caches, filled.
        for query in (
            "page=100000&limit=100",
            "product_type=0&page=9&limit=100",
            "is_seller_product=true",
            "id__in=1,2",
        ):
            fetch(huge.url, f"{IMAGES}?{query}")
        for pending in ("inserts", "updates", "inserts_or_updates"):
            fetch(huge.url, f"{IMAGES}{pending}/?page=10000&limit=100")
        load(huge.url, page_paths(50_000, 60_000), WARM_UP)
        table.below("memory with 10,000,000 images, at most", peak_memory(huge.process.pid), "MB", 150)
    return table.all_met


def peak_memory(pid: int) -> float:
    """The most memory that a process has held, in MB; where the system does not tell, what it holds now."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        kilobytes = re.search(r"VmHWM:\s+(\d+) kB", status)
        found = kilobytes[1] if kilobytes else ""
    except OSError:
        ps = ["ps", "-o", "rss=", "-p", str(pid)]
        found = subprocess.run(ps, capture_output=True, text=True, timeout=PATIENCE, check=False).stdout.strip()
    if not found:
        raise NotMeasured("this system does not tell how much memory a process has")
    return int(found) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the mock server against its targets.", allow_abbrev=False)
    parser.add_argument("--load", choices=["wrk", "python"], help="default: wrk where it is installed")
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement (default: 2)")
    parser.add_argument("--rounds", type=int, default=3, help="of measurements, whose median counts (default: 3)")
    options = parser.parse_args()

    # So that the servers are stopped by a signal, too.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    wrk = shutil.which("wrk")
    try:
        if options.load == "wrk" and wrk is None:
            raise NotMeasured("wrk is not on the PATH (Debian's package wrk)")
        node, version = install_prism()
        with tempfile.TemporaryDirectory() as folder:
            load: Load = Wrk(wrk, Path(folder)) if wrk and options.load != "python" else python_load
            by = "wrk" if isinstance(load, Wrk) else "Python"
            print(
                f"{CONNECTIONS} connections by {by}, {options.rounds} rounds of {options.seconds} s; Prism {version}; "
                f"Python {platform.python_version()}; {os.cpu_count()} cores\n"
            )
            return 0 if measure(load, node, options.seconds, options.rounds) else 1
    except NotMeasured as reason:
        print(f"benchmarks/mock.py: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
