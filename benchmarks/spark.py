"""How fast Spark reads the mock server on this machine, and what its Python workers need for it.

    make test-spark                          once, for PySpark
    .venv/bin/python benchmarks/spark.py

The peer is the client of this package in one thread, in the same run. The target is that a job keeps to the rate that
it is given. `docs/scale.md` reckons with what this prints.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROWS = 100_000
LIMIT = 1_000
SIZES = (1_000, 5_000, 25_000, 50_000)
RATE = 20.0
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def mock() -> Iterator[str]:
    command = [sys.executable, "-m", "channel_images.cli", "mock", "--port", "0", "--images", str(ROWS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield next(line.split()[1] for line in server.stdout if line.startswith("URL"))
        finally:
            server.terminate()


def workers() -> list[Path]:
    """The Python workers of the Spark that this process has started."""
    parents = {
        int(stat.parent.name): int(stat.read_text().rpartition(")")[2].split()[1])
        for stat in Path("/proc").glob("[0-9]*/stat")
    }

    def is_ours(pid: int) -> bool:
        return pid == os.getpid() or (pid in parents and is_ours(parents[pid]))

    return [
        Path("/proc") / str(pid)
        for pid in parents
        if is_ours(pid) and "pyspark.daemon" in (Path("/proc") / str(pid) / "cmdline").read_text()
    ]


def cpu_seconds() -> float:
    ticks = 0
    for worker in workers():
        ticks += sum(map(int, (worker / "stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / TICKS


def peak_mebibytes() -> float:
    return max(int(re.findall(r"VmHWM:\s+(\d+)", (worker / "status").read_text())[0]) for worker in workers()) / 1024


def by_client(url: str) -> float:
    program = f"""
import time
from channel_images import ChannelImages
with ChannelImages({url!r}, token="mock-token") as api:
    started = time.perf_counter()
    assert sum(len(page.results) for page in api.channel(5).images(page_size={LIMIT}).pages()) == {ROWS}
    print(time.perf_counter() - started)
"""
    return float(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout)


def by_spark(read: Any, **options: object) -> tuple[float, float]:
    """Seconds, and seconds of the processor in Python workers."""
    cpu, started = cpu_seconds(), time.perf_counter()
    read.options(**options).load().write.format("noop").mode("overwrite").save()
    return time.perf_counter() - started, cpu_seconds() - cpu


def main() -> int:
    if find_spec("pyspark") is None or not Path("/proc").exists():
        print("benchmarks/spark.py was left out: it needs Linux, and PySpark, which `make test-spark` installs")
        return 0
    from pyspark.sql import SparkSession

    from channel_images.spark import ChannelImagesDataSource

    os.environ |= {
        "CHANNEL_IMAGES_TOKEN": "mock-token",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.ui.showConsoleProgress", "false").config("spark.log.level", "ERROR").getOrCreate()
    spark.dataSource.register(ChannelImagesDataSource)
    with mock() as url:
        read = spark.read.format("channel_images").option("url", url).option("channels", 5).option("pageSize", LIMIT)
        by_spark(read, partitionRows=SIZES[-1])  # starts the workers, and has the server make its images
        print(f"{ROWS:,} rows, {LIMIT:,} on a page; local[2]; load average {os.getloadavg()[0]:.1f}\n")
        print("                                 seconds     rows/s   worker CPU per million rows")
        seconds = by_client(url)
        print(f"the client, one thread          {seconds:8.1f}   {ROWS / seconds:8,.0f}")
        for size in SIZES:
            seconds, cpu = by_spark(read, partitionRows=size)
            name = f"Spark, {ROWS // size} partitions of {size:,}"
            print(f"{name:32}{seconds:8.1f}   {ROWS / seconds:8,.0f}   {cpu / ROWS * 1e6:8.1f} s")
        print(f"\nmemory of a worker, at most      {peak_mebibytes():8.0f} MiB")
        seconds, _ = by_spark(read, partitionRows=SIZES[0] * 10, rate=RATE, maxTasks=2)
        rate = (1 + ROWS // LIMIT) / seconds
        is_kept = rate <= RATE
        print(
            f"rate={RATE:g}                          {rate:8.1f} requests/s   target <= {RATE:g}  {'ok' if is_kept else 'MISSED'}"
        )
    spark.stop()
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
