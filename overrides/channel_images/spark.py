"""Reads the images of any number of channels into a Spark DataFrame, on all executors at once::

    from channel_images.spark import ChannelImagesDataSource

    spark.dataSource.register(ChannelImagesDataSource)
    images = spark.read.format("channel_images").option("channels", "5,6").load()

The driver asks each channel for its size and divides the lists into ranges of pages; each task reads one range. If a task
fails, Spark runs it again from its first page, and takes the rows of only one attempt. The token comes from a file,
or from the environment of the driver and of the executors: options would show it.

`docs/scale.md` has the options, and says how to choose the size of partitions and the rate.
"""

import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from channel_images.client.client import ChannelImages
from channel_images.exceptions import ConfigurationError
from channel_images.export import Partition, What, plan, read
from channel_images.export.lists import EXPORT_PAGE_SIZE
from channel_images.export.plan import PARTITION_ROWS
from channel_images.formats.arrow import arrow_schema, to_batch
from channel_images.settings import TOKEN_VARIABLES, URL_VARIABLES, Settings, first_set
from channel_images_api.filters import FILTERS, Filter
from channel_images_api.models import ProductImage

try:
    from pyspark import __version__ as _spark_version
    from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
    from pyspark.sql.types import StructType
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "channel_images.spark needs PySpark 4: pip install 'channel-images[spark]'", name=error.name
    ) from None

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ("ChannelImagesDataSource",)

_BATCH_ROWS = 4_000
"""Rows that make a batch; small pages are put together."""
_PLANNED_AT_A_TIME = 8
"""Channels that the planning asks at a time, where `maxTasks` does not say."""
_SECRETS = ("token", "username", "password")
_TOKEN_BYTES = 10_000
"""More than a token has; what else a file may be is not read whole."""


@frozen
class _Options:
    """The options of a read, checked.

    Attributes:
        url: The base URL.
        channels: The channels, each once.
        what: Which of their lists.
        filters: As `Channel.images` takes them.
        page_size: Rows on a page.
        partition_rows: About how many rows a partition has.
        rate: Requests a second, of all tasks together; None for no limit.
        max_tasks: How many tasks run at a time at most; None for all of them.
        token_file: The file with the token, on every machine; None for the environment.
        client: Further options of the client.
    """

    url: str
    channels: Sequence[int]
    what: What = What.IMAGES
    filters: Mapping[str, Any] = field(factory=dict)
    page_size: int = EXPORT_PAGE_SIZE
    partition_rows: int = PARTITION_ROWS
    rate: float | None = None
    max_tasks: int | None = None
    token_file: Path | None = None
    client: Mapping[str, Any] = field(factory=dict)

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> "_Options":
        """Check the options as Spark hands them over: text, by names in lower case.

        Raises:
            ConfigurationError: One of them is unknown or makes no sense, or one is missing.
        """
        names = {name.lower(): name for name in _PARSERS}
        found: dict[str, Any] = {}
        for key, text in given.items():
            if key.lower() in _SECRETS:
                raise ConfigurationError(
                    f"the option {key} is refused, because options are not secret: give the option tokenFile, or set "
                    f"{TOKEN_VARIABLES[0]} in the environment of the driver and of the executors"
                )
            name = names.get(key.lower())
            if key.lower() == "limit":
                raise ConfigurationError(
                    "there is no option limit: pageSize is the rows of a page, and DataFrame.limit() ends after so many"
                )
            if name is None:
                raise ConfigurationError(f"there is no option {key}; there are {', '.join(_PARSERS)}")
            try:
                found[name] = _PARSERS[name](text.strip())
            except ValueError as error:
                raise ConfigurationError(f"the option {name} takes {error}, not {text!r}") from None
        if "channel" in found and "channels" in found:
            raise ConfigurationError("the options channel and channels contradict each other: give one of them")
        channels = found.get("channel", found.get("channels"))
        if channels is None:
            raise ConfigurationError("the option channels is missing: the channels to read, such as 5,6")
        url = found.get("url") or first_set(URL_VARIABLES, os.environ)
        if url is None:
            raise ConfigurationError(f"no server: give the option url, or set {URL_VARIABLES[0]} for the driver")
        own = ("what", "pageSize", "partitionRows", "rate", "maxTasks", "tokenFile")
        return cls(
            url,
            channels,
            filters={name: found[name] for name in _FILTERS if name in found},
            client={name: found[name] for name in ("timeout", "retries") if name in found},
            **{re.sub("[A-Z]", r"_\g<0>", name).lower(): found[name] for name in own if name in found},
        )

    def connect(self, rate: float | None) -> ChannelImages:
        """A client for the server, with the token of the file, or what this process's environment has.

        Raises:
            ConfigurationError: There is no token, or the file cannot be read.
        """
        environment = {**os.environ, URL_VARIABLES[0]: self.url}
        if self.token_file is not None:
            environment[TOKEN_VARIABLES[0]] = _token_in(self.token_file)
        settings = Settings.from_env(environment)
        return ChannelImages(
            settings.url,
            token=settings.token,
            username=settings.username,
            password=settings.password,
            rate_limit=rate,
            application=f"spark/{_spark_version}",
            **self.client,
        )


class ChannelImagesDataSource(DataSource):
    """The format `channel_images`, with a row for each image.

    The columns are `channel_id`, the fields of the contract, with date-times as timestamps and enums as strings, and
    `additional_properties`, a JSON object of all further fields. Your schema may have some of them, in any order.

    Args:
        options: The options of the reader; see `docs/scale.md`.

    Raises:
        ConfigurationError: An option is unknown or makes no sense, or one is missing.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        super().__init__(dict(options))
        self._options = _Options.parse(options)

    @classmethod
    def name(cls) -> str:
        """What the format is called."""
        return "channel_images"

    def schema(self) -> StructType:
        """All of the columns."""
        return from_arrow_schema(arrow_schema(with_channel=True))

    def reader(self, schema: StructType) -> "ChannelImagesReader":
        """A reader of the columns of `schema`.

        Raises:
            ConfigurationError: There is no such column, or it is of another type, or can be null.
        """
        known = {column.name: column for column in self.schema()}
        for column in schema:
            if column.name not in known:
                raise ConfigurationError(f"the schema has a column {column.name}; there are {', '.join(known)}")
            kind = known[column.name].dataType
            if column.dataType != kind:
                raise ConfigurationError(
                    f"the schema has {column.name} as {column.dataType.simpleString()}; it is "
                    f"{kind.simpleString()}: read it as that, and cast it afterwards"
                )
            if known[column.name].nullable and not column.nullable:
                raise ConfigurationError(f"the schema has {column.name} as not null; a server may leave it out")
        return ChannelImagesReader(self._options, schema)


class ImagesPartition(InputPartition):
    """What one task reads.

    Args:
        value: The range of pages.
        rate: Requests a second, for this task; None for no limit.
    """

    def __init__(self, value: Partition, rate: float | None) -> None:
        super().__init__(value)
        self.rate = rate


class ChannelImagesReader(DataSourceReader):
    """Plans the partitions on the driver, and reads them in the tasks, to which it travels without a token."""

    def __init__(self, options: _Options, schema: StructType) -> None:
        self._options = options
        self._schema = schema

    def partitions(self) -> Sequence[InputPartition]:
        """The partitions of all channels, each with its share of the rate."""
        options = self._options
        with options.connect(options.rate) as client:
            parts = plan(
                client,
                options.channels,
                what=options.what,
                filters=options.filters,
                page_size=options.page_size,
                partition_rows=options.partition_rows,
                concurrency=options.max_tasks or _PLANNED_AT_A_TIME,
            )
        at_a_time = min(len(parts), options.max_tasks or len(parts))
        return [ImagesPartition(part, options.rate and options.rate / at_a_time) for part in parts]

    def read(self, partition: InputPartition) -> "Iterator[pa.RecordBatch]":
        """The rows of a partition, in batches."""
        if not isinstance(partition, ImagesPartition):  # Spark's own stand-in where there is no partition
            return
        if partition.rate is not None:
            # The client sends its first request at once. One task after the other, that would be one too many each.
            time.sleep(1 / partition.rate)
        with self._options.connect(partition.rate) as client:
            waiting: list[ProductImage] = []
            for page in read(client, partition.value):
                waiting += page.results
                if len(waiting) >= _BATCH_ROWS:
                    yield self._batch(waiting, partition.value.channel)
                    waiting = []
            if waiting:
                yield self._batch(waiting, partition.value.channel)

    def _batch(self, images: Sequence[ProductImage], channel: int) -> "pa.RecordBatch":
        import pyarrow as pa

        batch = to_batch(images, channel=channel)
        schema = to_arrow_schema(self._schema, timezone="UTC")
        return pa.RecordBatch.from_arrays([batch.column(name) for name in schema.names], schema=schema)


def _token_in(path: Path) -> str:
    """The token, which is all that the file holds but for blanks around it."""
    try:
        with path.open("rb") as file:
            content = file.read(_TOKEN_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"the token file {path} cannot be read: {error.strerror}") from None
    token = content.decode("ascii", "replace").strip()
    if not token or len(content) > _TOKEN_BYTES or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            f"the token file {path} holds no token: it has to be one word of ASCII, and nothing else"
        )
    return token


def _path(text: str) -> Path:
    if not Path(text).is_absolute():
        raise ValueError("an absolute path, the same on every machine")
    return Path(text)


def _text(text: str) -> str:
    if not text:
        raise ValueError("a text")
    return text


def _integer(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**63:
        raise ValueError("an integer")
    return int(text)


def _integers(text: str) -> Sequence[int]:
    try:
        return [_integer(part.strip()) for part in text.split(",")]
    except ValueError:
        raise ValueError("integers, such as 1,2") from None


def _channels(text: str) -> Sequence[int]:
    channels = _integers(text)
    if len(set(channels)) < len(channels):
        raise ValueError("channels, such as 5,6, none of them twice")
    return channels


def _positive(text: str) -> int:
    if _integer(text) < 1:
        raise ValueError("an integer from 1 on")
    return int(text)


def _number(text: str) -> float:
    number = float(text) if text.isascii() and text[:1].isdigit() else math.nan
    if not 0 < number < math.inf:
        raise ValueError("a number above 0")
    return number


def _finite(text: str) -> float:
    with suppress(ValueError):
        if math.isfinite(number := float(text)):
            return number
    raise ValueError("a number")


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return text.lower() == "true"


def _what(text: str) -> What:
    if text.lower() not in list(What):
        raise ValueError(f"one of {', '.join(What)}")
    return What(text.lower())


_READERS: Any = {"integer": _integer, "number": _finite, "string": _text, "boolean": _boolean}


def _parser_of(known: Filter) -> Callable[[str], Any]:
    """What reads the option of a filter."""
    named = dict(zip(map(str.lower, known.names), known.values, strict=True))
    what = "integers, such as 1,2" if known.several and known.type == "integer" else None
    if named:
        what = f"{known.name.replace('_', ' ')}{'s' * known.several}, by number or by name ({', '.join(named)})"

    def one(text: str) -> Any:
        return named[text.lower()] if text.lower() in named else _READERS[known.type](text)

    def read(text: str) -> Any:
        try:
            return [one(part.strip()) for part in text.split(",")] if known.several else one(text)
        except ValueError as error:
            raise ValueError(what or str(error)) from None

    return read


_FILTERS = {name: _parser_of(known) for name, known in FILTERS.items()}
"""The filters of `Channel.images`, by their names there."""
_PARSERS: dict[str, Callable[[str], Any]] = {
    "url": _text,
    "channels": _channels,
    "channel": lambda text: [_integer(text)],
    "what": _what,
    **_FILTERS,
    "pageSize": _positive,
    "partitionRows": _positive,
    "rate": _number,
    "maxTasks": _positive,
    "tokenFile": _path,
    "timeout": _number,
    "retries": _integer,
}
"""All options. The functions raise a `ValueError` that says what the option takes."""
