"""What the parts share: contenders that take turns, processes and what they take, the mock server, stock output."""

import atexit
import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from attrs import frozen

ROOT = Path(__file__).resolve().parents[1]
CONTRACT = ROOT / "openapi.yaml"
TOKEN = "mock-token"
HEADERS = {"Authorization": f"Token {TOKEN}"}
IMAGES = "/api/v1/channel/5/product_images/"
PATIENCE = 600.0
"""Seconds after which a process is ended."""

T = TypeVar("T")


class NotMeasured(Exception):
    """Why there is no figure, in one line."""


@frozen
class Measurement:
    """What each contender took or did in each round. The first contender is ours."""

    name: str
    """By which claims refer to it: `listing.cpu-1000`."""
    title: str
    unit: str
    """`ms`, `MB` ...; empty for a plain count."""
    values: Mapping[str, Sequence[float]]
    """By contender, a value for each round; round by round they were measured side by side."""
    is_more_better: bool = False


def in_turns(contenders: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """What each contender gives in each round.

    Every second round is in the opposite order, so that a machine that grows slower or faster wrongs nobody.
    """
    results: dict[str, list[T]] = {name: [] for name in contenders}
    for turn in range(rounds):
        names = list(contenders)
        for name in names if turn % 2 == 0 else reversed(names):
            results[name].append(contenders[name]())
    return results


@frozen
class Took:
    """What a process took from its start to its end, its own children included."""

    cpu: float
    """Seconds of the processor."""
    wall: float
    """Seconds."""
    memory: float
    """The most that was resident, in MB."""
    output: str
    code: int


def process(
    *command: str | Path, codes: Sequence[int] = (0,), cwd: Path = ROOT, environment: Mapping[str, str] | None = None
) -> Took:
    """Run a command to its end. Raises `NotMeasured` if it ends with none of the ``codes``."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        child = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **(environment or {})}, text=True, stdout=output, stderr=errors
        )
        patience = threading.Timer(PATIENCE, child.kill)
        patience.start()
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
        finally:
            patience.cancel()
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        said, complained = output.read(), errors.read()
    if child.returncode not in codes:
        lines = (complained or said).strip().splitlines() or ["it said nothing"]
        raise NotMeasured(f"{' '.join(map(str, command))[:120]} ended with {child.returncode}: {lines[-1]}")
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return Took(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / unit, said, child.returncode)


@frozen
class Server:
    """A server that runs."""

    url: str
    pid: int

    def fetch(self, path: str, body: object = None) -> tuple[int, Any]:
        """The status and the JSON of an answer, to a POST where there is a body. Raises `OSError` if nobody answers."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, HEADERS | {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read() or b"null")
        except HTTPError as error:
            with error:
                return error.code, None

    def cpu(self) -> float:
        """Seconds of the processor that it has taken, all of its threads."""
        return sum(map(int, self._proc("stat").rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """The most memory that it has held, in MB."""
        held = next(line for line in self._proc("status").splitlines() if line.startswith("VmHWM:"))
        return int(held.split()[1]) / 1024

    def _proc(self, name: str) -> str:
        try:
            return Path(f"/proc/{self.pid}/{name}").read_text(encoding="utf-8")
        except OSError as error:
            raise NotMeasured("what a server takes is read from /proc, which Linux has") from error


@contextlib.contextmanager
def server(*command: str | Path, url: str = "") -> Iterator[Server]:
    """A server, from its first answer on. Without ``url``, it prints a line that begins with `URL`."""
    began = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.DEVNULL if url else subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        if child.stdout:
            url = next((line.split()[1] for line in child.stdout if line.startswith("URL ")), "")
        running = Server(url, child.pid)
        while not (url and _answers(running)):
            if child.poll() is not None or time.perf_counter() - began > 60:
                raise NotMeasured(f"{' '.join(map(str, command))[:120]} does not answer")
            time.sleep(0.02)
        yield running
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout:
            child.stdout.close()


def _answers(running: Server) -> bool:
    with contextlib.suppress(OSError):
        return running.fetch(IMAGES)[0] == 200
    return False


def mock(*options: str) -> contextlib.AbstractContextManager[Server]:
    """Our mock server, by its command."""
    return server(sys.executable, "-m", "channel_images", "mock", "--port", "0", *options)


@functools.cache
def stock() -> str:
    """The folder of `stock_api`: what openapi-python-client writes from the contract by itself."""
    folder = tempfile.mkdtemp(prefix="channel-images-stock-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", "")])
    process(
        *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
        *("--path", CONTRACT, "--output-path", Path(folder) / "stock_api"),
        environment={"PATH": path},
    )
    return folder
