"""Reading on a cluster: two executors, which are processes of their own, one of which dies half-way."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from channel_images import ChannelImages
from channel_images.mock import MockServer

Read = Callable[..., Any]
IMAGES = 6_000
PAGES = 60
PART = 15
"""Pages of a partition."""


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(channels={5: IMAGES, 6: 40}) as server:
        yield server


@pytest.fixture(scope="module")
def pks(server: MockServer) -> list[int]:
    """Of channel 5, in the order of the list."""
    with ChannelImages(server.url, token=server.token) as client:
        return [image.pk for image in client.channel(5).images(page_size=1_000) if isinstance(image.pk, int)]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory, spark_session: Callable[..., Any]) -> Iterator[Any]:
    with spark_session("local-cluster[2,1,1024]", tmp_path_factory.mktemp("spark")) as session:
        yield session


def parents() -> dict[int, int]:
    """The parent of each process of this machine."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
    return found


def command_line(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    children = [child for child, parent in parents().items() if parent == pid]
    return [*children, *(other for child in children for other in descendants(child))]


def executors() -> list[int]:
    """Those of this test run, which are grandchildren of this process."""
    return [pid for pid in descendants(os.getpid()) if "CoarseGrainedExecutorBackend" in command_line(pid)]


def kill_an_executor() -> None:
    os.kill(executors()[0], signal.SIGKILL)


def kill_the_python_workers_of_an_executor() -> None:
    of_executor = descendants(executors()[0])
    living = parents()
    # The first one is the daemon, from which the workers are forked.
    workers = [pid for pid in of_executor if living.get(pid) in of_executor]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)


def in_the_middle(server: MockServer) -> int:
    """How many partitions are begun, and have a third of their pages to go."""
    asked = Counter((int(request.query["page"]) - 1) // PART for request in server.requests)
    return sum(3 <= pages <= 2 * PART // 3 for pages in asked.values())


def test_executors_are_processes_of_their_own_and_every_row_is_there_once(read: Read, pks: list[int]) -> None:
    rows = read(channels="5,6", pageSize=100, partitionRows=1_500).select("channel_id", "pk").collect()
    assert sorted(row.pk for row in rows if row.channel_id == 5) == pks
    assert len({row.pk for row in rows if row.channel_id == 6}) == 40
    assert len(rows) == IMAGES + 40
    assert len(executors()) == 2


def test_no_command_line_shows_the_token(read: Read, server: MockServer, tmp_path: Path) -> None:
    """Neither that of the environment, nor that of a file, which counts more."""
    with MockServer(channels={5: 40}, token="token-of-a-file") as other:
        path = tmp_path / "token"
        path.touch(mode=0o600)
        path.write_text(f"{other.token}\n")
        assert read(channels=6).count() == read(channels=5, url=other.url, tokenFile=path).count() == 40
        processes = [os.getpid(), *descendants(os.getpid())]
        assert len(executors()) == 2
        shown = " ".join(map(command_line, processes))
    assert "CoarseGrainedExecutorBackend" in shown
    assert server.token not in shown
    assert other.token not in shown


@pytest.mark.parametrize("kill", [kill_the_python_workers_of_an_executor, kill_an_executor])
def test_a_process_that_is_killed_half_way_costs_no_row_and_repeats_none(
    read: Read, server: MockServer, pks: list[int], tmp_path: Path, kill: Callable[[], None]
) -> None:
    server.fault("latency:seconds=0.3")
    frame = read(channels=5, pageSize=100, partitionRows=PART * 100)
    failures: list[BaseException] = []

    def write() -> None:
        try:
            frame.write.parquet(str(tmp_path / "images"))
        except BaseException as error:
            failures.append(error)
            raise

    writing = threading.Thread(target=write)
    writing.start()
    while in_the_middle(server) < 2:  # a partition of each executor
        assert writing.is_alive(), failures
        writing.join(0.05)
    kill()
    server.clear_faults()  # what is read from now on need not take long
    writing.join()

    assert not failures
    assert sorted(pq.read_table(tmp_path / "images")["pk"].to_pylist()) == pks
    asked = Counter(request.query["page"] for request in server.requests)
    del asked["1"]  # which the plan asks for too
    assert len(asked) == PAGES - 1
    assert max(asked.values()) > 1  # what had been read of a partition was read again
