"""What the options are, and what becomes of them before Spark runs anything."""

import inspect
import pickle
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql.types import DataType, IntegerType, LongType, StringType, StructType

from channel_images import ChannelImages, ConfigurationError, NotAuthenticated, ProductType
from channel_images.client.channel import Channel
from channel_images.mock import MockServer
from channel_images.spark import _FILTERS, ChannelImagesDataSource, ImagesPartition, _Options, _parser_of
from channel_images_api.filters import Filter

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def token(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANNEL_IMAGES_TOKEN", server.token)
    monkeypatch.delenv("CHANNEL_IMAGES_URL", raising=False)
    monkeypatch.delenv("OMNITRON_URL", raising=False)


def parsed(**options: str) -> _Options:
    return _Options.parse({"url": "http://127.0.0.1:1", "channels": "5", **options})


def partitions(server: MockServer, **options: object) -> Sequence[ImagesPartition]:
    texts = {"url": server.url, "channels": "5", **options}
    source = ChannelImagesDataSource({name: str(value) for name, value in texts.items()})
    return source.reader(source.schema()).partitions()


def test_every_filter_of_the_client_is_an_option_of_the_same_name() -> None:
    parameters = inspect.signature(Channel.images).parameters
    assert set(_FILTERS) == set(parameters) - {"self", "page_size", "concurrency", "consistent", "refused"}


@pytest.mark.parametrize(
    ("kind", "several", "names", "text", "value"),
    [
        ("number", False, (), "-2.5", -2.5),
        ("number", True, (), "1, 2.5", [1, 2.5]),
        ("number", False, (), "nan", "a number"),
        ("string", True, (), "kg, qty", ["kg", "qty"]),
        ("string", True, (), "kg,", "a text"),
        ("integer", False, ("ONE",), "one", 7),
        ("integer", False, ("ONE",), "7", 7),
        ("integer", False, ("ONE",), "two", "a level, by number or by name (one)"),
        ("integer", True, (), "1,x", "integers, such as 1,2"),
    ],
)
def test_a_filter_of_any_kind_is_read(kind: str, several: bool, names: tuple[str, ...], text: str, value: Any) -> None:
    read = _parser_of(Filter("a_level", "level", "", kind, several, (7,) * len(names), names, is_extensible=True))
    if isinstance(value, str):
        with pytest.raises(ValueError, match=f"^{re.escape(value)}$"):
            read(text)
    else:
        assert read(text) == value


def test_the_options_are_read_as_what_they_are() -> None:
    options = _Options.parse(
        {
            "url": "https://host/prefix",
            "channels": "5, 6",
            "what": "Images",
            "product": "12",
            "product_pk_in": "1,2",
            "id_in": " 3 ",
            "is_seller_product": "False",
            "product_type": "simple,2,99",
            "pageSize": "500",
            "partitionrows": "2000",  # Spark hands over names in lower case
            "RATE": "2.5",
            "maxTasks": "8",
            "timeout": "60",
            "retries": "0",
        }
    )
    assert (options.url, options.channels, options.what) == ("https://host/prefix", [5, 6], "images")
    assert options.filters == {
        "product": 12,
        "product_pk_in": [1, 2],
        "id_in": [3],
        "is_seller_product": False,
        "product_type": [ProductType.SIMPLE, ProductType.BUNDLE, ProductType(99)],
    }
    assert (options.page_size, options.partition_rows, options.rate, options.max_tasks) == (500, 2_000, 2.5, 8)
    assert options.client == {"timeout": 60.0, "retries": 0}


def test_one_channel_can_be_given_as_such() -> None:
    assert _Options.parse({"url": "http://127.0.0.1:1", "channel": "5"}).channels == [5]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("channels", ""),
        ("channels", "5;6"),
        ("channels", "5,6,5"),
        ("channels", "-5"),
        ("what", "everything"),
        ("product", "12,13"),
        ("product", "9223372036854775808"),
        ("product_pk_in", ""),
        ("id_in", "1,,2"),
        ("is_seller_product", "1"),
        ("product_type", "shirt"),
        ("pageSize", "0"),
        ("partitionRows", "many"),
        ("rate", "0"),
        ("rate", "nan"),
        ("rate", "inf"),
        ("maxTasks", "0"),
        ("timeout", "-1"),
        ("retries", "1.5"),
        ("url", " "),
        ("tokenFile", "token"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_that_names_the_option(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^the option {name} takes [^\n]*, not '{text}'$"):
        parsed(**{name: text})


@pytest.mark.parametrize("name", ["token", "TOKEN", "username", "password"])
def test_a_secret_is_refused_without_being_shown(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"give the option tokenFile, or set CHANNEL_IMAGES_TOKEN") as refusal:
        parsed(**{name: "s3cr3t"})
    assert "s3cr3t" not in str(refusal.value)


def test_the_token_can_come_from_a_file_and_is_read_when_it_is_needed(
    server: MockServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHANNEL_IMAGES_TOKEN", "wrong")
    path = tmp_path / "token"
    source = ChannelImagesDataSource({"url": server.url, "channels": "5", "tokenFile": str(path)})
    reader = source.reader(source.schema())
    path.write_text(f"{server.token}\n")
    assert reader.partitions()
    assert server.token.encode() not in pickle.dumps(reader)
    path.write_text("another")
    with pytest.raises(NotAuthenticated):
        reader.partitions()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "holds no token"),
        (b" \n", "holds no token"),
        (b"s3cret s3cret", "holds no token"),
        (b"s3cret\ns3cret\n", "holds no token"),
        (b"s3cret\xff", "holds no token"),
        (b"s3cret\x00", "holds no token"),
        (b"s3cret" * 5_000, "holds no token"),
    ],
)
def test_a_file_without_a_token_is_refused_and_not_shown(
    server: MockServer, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"^the token file {path} {complaint}[^\n]*$") as refusal:
        partitions(server, tokenFile=path)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "http://127.0.0.1:1"}, "the option channels is missing"),
        ({"channels": "5"}, "no server: give the option url, or set CHANNEL_IMAGES_URL"),
        (
            {"url": "http://127.0.0.1:1", "channels": "5", "path": "x"},
            "there is no option path; there are url, channels,",
        ),
        ({"url": "http://127.0.0.1:1", "channels": "5", "channel": "6"}, "channel and channels contradict each other"),
    ],
)
def test_options_that_are_missing_or_unknown_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        _Options.parse(options)


def test_the_server_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNITRON_URL", "http://127.0.0.1:2")
    assert _Options.parse({"channels": "5"}).url == "http://127.0.0.1:2"
    assert parsed().url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("column", "kind", "nullable", "message"),
    [
        ("nope", StringType(), True, "the schema has a column nope; there are channel_id, pk, "),
        ("height", IntegerType(), True, "the schema has height as int; it is bigint: read it as that, and cast it"),
        ("created_date", StringType(), True, "the schema has created_date as string; it is timestamp"),
        ("height", LongType(), False, "the schema has height as not null"),
    ],
)
def test_a_schema_that_the_rows_do_not_fit_is_refused(
    column: str, kind: DataType, nullable: bool, message: str
) -> None:
    source = ChannelImagesDataSource({"url": "http://127.0.0.1:1", "channels": "5"})
    with pytest.raises(ConfigurationError, match=message):
        source.reader(StructType().add("pk", LongType()).add(column, kind, nullable))


def test_partitions_are_ranges_of_pages_and_the_last_of_a_channel_is_open_ended(server: MockServer) -> None:
    ranges = [
        (part.value.channel, part.value.first, part.value.last)
        for part in partitions(server, channels="5,6,7", pageSize=100, partitionRows=1_000)
    ]
    assert ranges == [(5, 1, 10), (5, 11, 20), (5, 21, None), (6, 1, None), (7, 1, None)]


@pytest.mark.parametrize(("tasks", "share"), [(None, 4.0), (2, 6.0), (100, 4.0)])
def test_the_rate_is_divided_among_the_tasks_that_run_at_a_time(
    server: MockServer, tasks: int | None, share: float
) -> None:
    options: dict[str, Any] = {"pageSize": 100, "partitionRows": 1_000, "rate": 12}
    if tasks is not None:
        options["maxTasks"] = tasks
    assert [part.rate for part in partitions(server, **options)] == [share] * 3


def test_a_task_keeps_to_its_share_from_its_first_request_on(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ChannelImagesDataSource({"url": server.url, "channels": "6", "rate": "1000", "maxTasks": "1"})
    reader = source.reader(source.schema())
    (part,) = reader.partitions()
    waits: list[float] = []
    rates: list[object] = []

    class Client(ChannelImages):
        def __init__(self, *args: Any, rate_limit: float | None, **options: Any) -> None:
            rates.append(rate_limit)
            super().__init__(*args, rate_limit=rate_limit, **options)

    monkeypatch.setattr("channel_images.spark.time", SimpleNamespace(sleep=waits.append))
    monkeypatch.setattr("channel_images.spark.ChannelImages", Client)

    assert sum(batch.num_rows for batch in reader.read(part)) == 40
    assert (waits, rates) == ([1 / 1_000], [1_000])


def test_small_pages_are_put_together(server: MockServer) -> None:
    source = ChannelImagesDataSource({"url": server.url, "channels": "5", "pageSize": "100"})
    reader = source.reader(source.schema())
    batches = [batch for part in reader.partitions() for batch in reader.read(part)]
    assert [batch.num_rows for batch in batches] == [2_300]


def test_the_token_does_not_travel(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANNEL_IMAGES_TOKEN", "s3cr3t-token")
    source = ChannelImagesDataSource({"url": server.url, "channels": "5"})
    assert b"s3cr3t" not in pickle.dumps((source, source.reader(source.schema())))


def test_without_a_token_the_variable_is_named(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHANNEL_IMAGES_TOKEN")
    with pytest.raises(ConfigurationError, match="set CHANNEL_IMAGES_TOKEN"):
        partitions(server)


def test_a_user_name_and_a_password_do_as_well(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHANNEL_IMAGES_TOKEN")
    monkeypatch.setenv("CHANNEL_IMAGES_USERNAME", "mock")
    monkeypatch.setenv("CHANNEL_IMAGES_PASSWORD", "mock")
    assert len(partitions(server)) == 1


def test_without_pyspark_the_extra_is_named() -> None:
    program = "import sys; sys.modules['pyspark'] = None; import channel_images.spark"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last == ("ModuleNotFoundError: channel_images.spark needs PySpark 4: pip install 'channel-images[spark]'")


def test_the_lock_file_adds_pyspark_and_changes_nothing() -> None:
    def pinned(name: str) -> dict[str, str]:
        lines = (ROOT / name).read_text().splitlines()
        pins = [line for line in lines if line and not line.startswith((" ", "#"))]
        assert all(line.endswith("\\") for line in pins)  # hashes follow
        return {pin.partition("==")[0]: pin.partition("==")[2].split()[0] for pin in pins}

    assert "://" not in (ROOT / "requirements-spark.lock").read_text()
    assert set(pinned("requirements-spark.lock").items()) - set(pinned("requirements.lock").items()) == {
        ("pyspark", pinned("requirements-spark.lock")["pyspark"]),
        ("py4j", pinned("requirements-spark.lock")["py4j"]),
    }
