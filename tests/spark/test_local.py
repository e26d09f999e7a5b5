"""Reading on one machine: Spark's own process, with two Python workers."""

import datetime
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from channel_images import ChannelImages
from channel_images.formats.arrow import arrow_schema, to_batch
from channel_images.mock import MockServer

Read = Callable[..., Any]
SCHEMA = arrow_schema(with_channel=True)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory, spark_session: Callable[..., Any]) -> Iterator[Any]:
    with spark_session("local[2]", tmp_path_factory.mktemp("spark")) as session:
        yield session


@pytest.fixture
def client(server: MockServer) -> Iterator[ChannelImages]:
    with ChannelImages(server.url, token=server.token) as client:
        yield client


def in_order(frame: Any) -> pa.Table:
    """The rows of a DataFrame, with date-times in UTC."""
    return frame.orderBy("channel_id", "pk").toArrow().cast(SCHEMA).combine_chunks()


def pks(frame: Any) -> list[int]:
    return sorted(row.pk for row in frame.select("pk").collect())


def test_every_row_of_every_channel_is_there_once_and_as_the_client_reads_it(read: Read, client: ChannelImages) -> None:
    frame = read(channels="5,6,7", pageSize=100, partitionRows=500)

    expected = [to_batch(list(client.channel(channel).images(page_size=1_000)), channel=channel) for channel in (5, 6)]
    assert frame.rdd.getNumPartitions() == 5 + 1 + 1
    assert in_order(frame).equals(pa.Table.from_batches(expected).combine_chunks())


def test_date_times_are_the_same_instants_in_any_session_time_zone(
    read: Read, client: ChannelImages, spark: Any
) -> None:
    image = client.channel(6).images().first()
    assert image is not None
    assert isinstance(image.created_date, datetime.datetime)
    zone = spark.conf.get("spark.sql.session.timeZone")
    assert zone == "Asia/Tokyo"

    (row,) = (
        read(channels=6)
        .where(f"pk = {image.pk}")
        .selectExpr("unix_micros(created_date) AS micros", "date_format(created_date, 'yyyy-MM-dd HH:mm') AS shown")
        .collect()
    )

    since = image.created_date - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert row.micros == since // datetime.timedelta(microseconds=1)
    assert row.shown == (image.created_date + datetime.timedelta(hours=9)).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("what", "method"),
    [
        ("detailed", "images_detailed"),
        ("inserts", "inserts"),
        ("updates", "updates"),
        ("pending", "inserts_or_updates"),
    ],
)
def test_each_list_can_be_read(read: Read, client: ChannelImages, what: str, method: str) -> None:
    expected = [image.pk for image in getattr(client.channel(5), method)(page_size=1_000)]
    assert len(expected) > 10
    assert pks(read(channels=5, what=what, pageSize=100, partitionRows=500)) == expected


def test_filters_are_the_servers_own(read: Read, client: ChannelImages) -> None:
    expected = [
        image.pk for image in client.channel(5).images(product_type=[0, 1], is_seller_product=False, page_size=1_000)
    ]
    assert 10 < len(expected) < 2_300
    frame = read(channels=5, product_type="simple,1", is_seller_product="false", pageSize=100, partitionRows=500)
    assert pks(frame) == expected


def test_more_ids_than_a_url_carries_are_several_partitions(read: Read, client: ChannelImages) -> None:
    ids = [image.pk for image in client.channel(5).images(page_size=1_000)][:1_000]
    frame = read(channels=5, id_in=",".join(map(str, ids)))
    assert frame.rdd.getNumPartitions() > 1
    assert pks(frame) == ids


def test_a_schema_chooses_columns_and_their_order(read: Read) -> None:
    frame = read(schema="status string, pk bigint, created_date timestamp, channel_id bigint", channels=6)
    assert frame.columns == ["status", "pk", "created_date", "channel_id"]
    assert {row.channel_id for row in frame.collect()} == {6}
    assert frame.where("status IN ('active', 'disabled')").count() == 40


def test_no_row_matches(read: Read) -> None:
    assert read(channels=5, id_in="999999999").count() == 0


def test_pages_smaller_than_asked_for_and_fields_that_nobody_knows(read: Read) -> None:
    with MockServer(channels={5: 130}, variants=["limit-clamped", "extra-fields"]) as server:
        frame = read(url=server.url, channels=5, partitionRows=60)
        assert frame.rdd.getNumPartitions() == 3
        assert len(set(pks(frame))) == 130
        assert frame.where("additional_properties LIKE '{%}'").count() == 130


def test_written_to_parquet_every_row_is_there_once(read: Read, tmp_path: Path) -> None:
    read(channels="5,6", pageSize=100, partitionRows=500).write.parquet(str(tmp_path / "images"))
    table = pq.read_table(tmp_path / "images")
    assert table.num_rows == 2_340
    assert len(set(table["pk"].to_pylist())) == 2_340


def test_a_refusal_reaches_the_user_with_its_reason(read: Read) -> None:
    with pytest.raises(Exception, match="ConfigurationError: there is no option chanels; there are url, channels, "):
        read(chanels=5)
    with pytest.raises(Exception, match="the API filters only the plain list of images: inserts takes no product"):
        read(channels=5, what="inserts", product=1).count()
    with pytest.raises(Exception, match="the schema has height as int; it is bigint"):
        read(channels=5, schema="height int").count()


def test_an_unknown_channel_is_said_to_be_so(read: Read) -> None:
    with pytest.raises(Exception, match="404"):
        read(channels=99).count()


def test_the_example_of_the_guide_runs(spark: Any, server: MockServer, tmp_path: Path) -> None:
    server.reset()
    (tmp_path / "token").write_text(server.token)
    guide = Path(__file__).parents[2] / "docs" / "scale.md"
    (code,) = re.findall(r"```python\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    for written, real in (
        ("https://host", server.url),
        ("/etc/channel-images/token", str(tmp_path / "token")),
        ('write.parquet("images")', f'write.parquet("{tmp_path}/images")'),
    ):
        assert written in code
        code = code.replace(written, real)
    exec(code, {"spark": spark})
    assert spark.read.parquet(f"{tmp_path}/images").count() == 2_340
