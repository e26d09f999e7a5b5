"""A Spark session, and a mock server for it. These tests run when they are asked for by name: `make test-spark`."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import is_asked_for

from channel_images.mock import MockServer
from channel_images.mock.settings import DEFAULT_TOKEN

Read = Callable[..., Any]
"""A DataFrame of the mock's images, for some options."""


def pytest_configure(config: pytest.Config) -> None:
    if is_asked_for(Path(__file__).parent, config) and importlib.util.find_spec("pyspark") is None:
        raise pytest.UsageError("tests/spark needs PySpark: `make test-spark` installs it and runs them")


_QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@contextmanager
def _session(master: str, folder: Path, *, home: Path) -> Iterator[Any]:
    """A session whose processes find the token in their environment, and nothing else of ours.

    The Java process hands its own environment on to the executors that it starts.
    """
    from pyspark.sql import SparkSession

    from channel_images.spark import ChannelImagesDataSource

    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("CHANNEL_IMAGES_", "OMNITRON_")):
                patch.delenv(name)
        patch.setenv("CHANNEL_IMAGES_TOKEN", DEFAULT_TOKEN)
        patch.setenv("SPARK_HOME", str(home))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        settings = {
            "spark.ui.enabled": "false",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.local.dir": str(folder / "local"),
            "spark.log.level": "ERROR",
            "spark.sql.shuffle.partitions": "2",  # of 200, for some thousand rows
            "spark.ui.showConsoleProgress": "false",
            # A Java process lives for seconds here: what its second compiler takes is not won back.
            "spark.driver.extraJavaOptions": _QUICK,
            "spark.executor.extraJavaOptions": _QUICK,
            # Not the machine's own, whatever that is.
            "spark.sql.session.timeZone": "Asia/Tokyo",
        }
        builder = SparkSession.builder.master(master)
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        try:
            session.dataSource.register(ChannelImagesDataSource)
            yield session
        finally:
            session.stop()


@pytest.fixture(scope="session")
def spark_session(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., AbstractContextManager[Any]]:
    """Begins a session, for a master, in a folder."""
    import pyspark

    # A local cluster writes its executors' logs and files into Spark's home: a home of our own, in place of .venv.
    home = tmp_path_factory.mktemp("spark-home")
    for entry in Path(pyspark.__file__).parent.iterdir():
        (home / entry.name).symlink_to(entry)
    return partial(_session, home=home)


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """A server with two channels that have images, and one that has none."""
    with MockServer(channels={5: 2_300, 6: 40, 7: 0}) as server:
        yield server


@pytest.fixture
def read(spark: Any, server: MockServer) -> Read:
    server.reset()

    def read(*, schema: str | None = None, **options: object) -> Any:
        reader = spark.read.format("channel_images").option("url", server.url).options(**options)
        return (reader if schema is None else reader.schema(schema)).load()

    return read
