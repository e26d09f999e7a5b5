"""Partitions: together they are the list, each row once, whoever reads them, in whatever order."""

import pickle
import random
from collections.abc import Mapping
from typing import Any

import pytest
from tests.export.conftest import IMAGES

from channel_images import ChannelImages, NotFound, Retries
from channel_images.export import ExportError, Partition, What, plan, read
from channel_images.mock import MockServer


def pks(client: ChannelImages, partitions: list[Partition]) -> list[object]:
    return [image.pk for partition in partitions for page in read(client, partition) for image in page.results]


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("partition_rows", [1, 50, 100, 250, 10_000])
@pytest.mark.parametrize("limit", [30, 100, 1_000])
def test_each_row_is_in_one_partition(client: ChannelImages, limit: int, partition_rows: int, concurrency: int) -> None:
    partitions = list(plan(client, [5, 6, 7], page_size=limit, partition_rows=partition_rows, concurrency=concurrency))
    expected = [image.pk for channel in (5, 6, 7) for image in client.channel(channel).images()]
    assert pks(client, partitions) == expected
    random.Random(1).shuffle(partitions)
    assert sorted(map(str, pks(client, partitions))) == sorted(map(str, expected))


def test_the_last_partition_of_a_channel_is_open_ended(client: ChannelImages, server: MockServer) -> None:
    partitions = list(plan(client, [5], page_size=100, partition_rows=200))
    assert [(part.first, part.last) for part in partitions] == [(1, 2), (3, 4), (5, 6), (7, None)]
    added = [server.add(5)["pk"] for _ in range(150)]
    assert pks(client, partitions[-1:])[-150:] == added


def test_partitions_are_plain_data(client: ChannelImages) -> None:
    partitions = plan(client, [5], filters={"id_in": range(5)})
    assert pickle.loads(pickle.dumps(partitions)) == partitions


def test_a_server_that_clamps() -> None:
    with (
        MockServer(images=130, variants=["limit-clamped"]) as server,
        ChannelImages(server.url, token=server.token) as api,
    ):
        partitions = list(plan(api, [5], partition_rows=40))
        assert {part.page_size for part in partitions} == {20}
        assert len(partitions) == 4
        assert len(set(pks(api, partitions))) == 130


@pytest.mark.parametrize("what", list(What))
def test_lists_without_a_count_are_one_partition(client: ChannelImages, what: What) -> None:
    partitions = list(plan(client, [5], what=what, page_size=50, partition_rows=100))
    assert (len(partitions) == 1) is (what not in (What.IMAGES, What.DETAILED))
    assert len(set(pks(client, partitions))) == len(pks(client, partitions)) > 0


@pytest.mark.parametrize(
    ("filters", "some"),
    [
        ({"product": 123}, True),
        ({"id_in": range(1, 2_000)}, True),
        ({"id_in": []}, False),
        ({"product_type": [0, 2]}, True),
    ],
)
def test_filters(client: ChannelImages, filters: Mapping[str, Any], some: bool) -> None:
    found = pks(client, list(plan(client, [5], filters=filters, page_size=100, partition_rows=100)))
    assert found == [image.pk for image in client.channel(5).images(**filters)]
    assert bool(found) is some


def test_what_cannot_be_planned(client: ChannelImages) -> None:
    with pytest.raises(ExportError, match="the API filters only the plain list of images: inserts takes no product"):
        plan(client, [5], what="inserts", filters={"product": 1})
    with pytest.raises(NotFound):
        plan(client, [5, 9], concurrency=2)


def test_a_page_that_is_too_large_in_the_middle_of_a_partition(server: MockServer) -> None:
    """It is asked for in smaller ones, and the neighbours' rows stay theirs."""
    with ChannelImages(server.url, token=server.token, retries=Retries(attempts=0)) as api:
        partitions = list(plan(api, [5], page_size=200, partition_rows=200))
        server.fault("504:first=1")
        assert len(pks(api, partitions)) == IMAGES
    server.reset()
