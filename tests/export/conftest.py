"""A server with some hundred images, a client for it, and ways to read an export back."""

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from channel_images import ChannelImages, Retries
from channel_images.mock import MockServer

IMAGES = 640


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(images=IMAGES, variants=["extra-fields"]) as server:
        yield server


@pytest.fixture
def client(server: MockServer) -> Iterator[ChannelImages]:
    server.reset()
    with ChannelImages(server.url, token=server.token, retries=Retries(attempts=2, max_wait=0)) as client:
        yield client


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of an export, as dictionaries of whatever the format holds."""
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path, partitioning=None).to_pylist()
        return rows
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    if ".csv" in path.suffixes:
        return list(csv.DictReader(text.splitlines()))
    return [json.loads(line) for line in text.splitlines()]


def pks_of(path: Path) -> list[int]:
    """The `pk` of each row, in the order of the file."""
    return [int(row["pk"]) for row in rows_of(path)]
