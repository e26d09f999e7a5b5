"""How images are written: as NDJSON, CSV or Parquet.

A sink makes bytes that are appended to a spool, one chunk after the other, so that an interrupted export goes on where
its last checkpoint was: the spool is cut there. In the end the spool is the file, or the file is made from it.
"""

import csv
import gzip
import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from channel_images.calls.answers import Page
from channel_images.exceptions import ExportError
from channel_images.formats.columns import (
    CHANNEL,
    REST,
    Column,
    Kind,
    columns,
    rest,
    to_json,
    to_utf8,
    values,
    without_formula,
)
from channel_images.formats.rows import Row, page_rows
from channel_images_api.models import ProductImage

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet"}
"""The formats by the suffix of a file; `.gz` behind it compresses NDJSON and CSV."""
_ROW_GROUP = 65_536


class Sink(ABC):
    """A format.

    Args:
        with_channel: Whether rows say which channel they are of.
    """

    suffix: str

    def __init__(self, *, with_channel: bool) -> None:
        self._with_channel = with_channel

    def begin(self) -> bytes:
        """What stands before the first row."""
        return b""

    @abstractmethod
    def encode(self, pages: Sequence[Page], channel: int) -> bytes:
        """The bytes of the rows of some pages."""

    def finish(self, spool: Path) -> Path:
        """Make the file from the whole spool, beside it, where the spool is not the file itself."""
        return spool


class NdjsonSink(Sink):
    """A JSON object a line: the fields as the server sent them, those it left out left out."""

    suffix = ".ndjson"

    def encode(self, pages: Sequence[Page], channel: int) -> bytes:
        rows: Iterator[Row] = (row for page in pages for row in page_rows(page))
        if self._with_channel:
            rows = ({CHANNEL: channel, **row} for row in rows)
        return b"".join(to_json(row) + b"\n" for row in rows)


class CsvSink(Sink):
    """RFC 4180: a line of names, then a line a row, as the server sent it. Null and absent are both empty.

    Args:
        with_channel: Whether rows say which channel they are of.
        escape_formulas: Whether text that a spreadsheet would calculate gets an apostrophe before it.
    """

    suffix = ".csv"

    def __init__(self, *, with_channel: bool, escape_formulas: bool = False) -> None:
        super().__init__(with_channel=with_channel)
        self._escape_formulas = escape_formulas

    def begin(self) -> bytes:
        names = [CHANNEL] * self._with_channel + [column.name for column in columns()] + [REST]
        return _csv([names])

    def encode(self, pages: Sequence[Page], channel: int) -> bytes:
        names = [column.name for column in columns()]
        known = frozenset(names)
        lead = [channel] * self._with_channel
        return _csv(
            [*lead, *(self._cell(row.get(name)) for name in names), _rest(row, known)]
            for page in pages
            for row in page_rows(page)
        )

    def _cell(self, value: Any) -> Any:
        if isinstance(value, str):
            return without_formula(value) if self._escape_formulas else value
        if isinstance(value, bool):
            return "true" if value else "false"
        return to_json(value).decode() if isinstance(value, Mapping | list) else value


class GzipSink(Sink):
    """Another sink's bytes, compressed; each chunk is a member of its own, as gzip allows."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(with_channel=False)
        self._sink = sink
        self.suffix = f"{sink.suffix}.gz"

    def begin(self) -> bytes:
        return _gzip(self._sink.begin())

    def encode(self, pages: Sequence[Page], channel: int) -> bytes:
        return _gzip(self._sink.encode(pages, channel))


class ParquetSink(Sink):
    """A column for each field of the contract; date-times in UTC with microseconds, enums as dictionaries.

    A Parquet file cannot be continued, so the spool is a sequence of Arrow streams, from which it is made.
    """

    suffix = ".parquet"

    def encode(self, pages: Sequence[Page], channel: int) -> bytes:
        import pyarrow as pa

        images = [image for page in pages for image in page.results]
        batch = to_batch(images, channel=channel if self._with_channel else None)
        buffer = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(buffer, batch.schema, options=options) as stream:
            stream.write_batch(batch)
        return buffer.getvalue()

    def finish(self, spool: Path) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = arrow_schema(dictionaries=True, with_channel=self._with_channel)
        file = spool.with_suffix(self.suffix)
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            waiting: list[pa.RecordBatch] = []
            for batch in _batches(spool):
                waiting.append(batch)
                if sum(map(len, waiting)) >= _ROW_GROUP:
                    writer.write_table(pa.Table.from_batches(waiting).cast(schema))
                    waiting = []
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting).cast(schema))
        return file


def sink_for(name: str, *, compressed: bool, with_channel: bool, escape_formulas: bool = False) -> Sink:
    """The sink of a format.

    Raises:
        ExportError: There is no such format, it is not compressed, it has no formulas, or it needs a package that is
            not installed.
    """
    if escape_formulas and name != "csv":
        raise ExportError(f"--escape-formulas (escape_formulas=True) is for CSV, not for {name}")
    if name == "parquet":
        try:
            import pyarrow  # noqa: F401
        except ModuleNotFoundError:
            raise ExportError("Parquet needs pyarrow, of an extra: pip install 'channel-images[parquet]'") from None
        if compressed:
            raise ExportError("Parquet is compressed in itself: leave out .gz")
        return ParquetSink(with_channel=with_channel)
    sink = (
        NdjsonSink(with_channel=with_channel)
        if name == "ndjson"
        else CsvSink(with_channel=with_channel, escape_formulas=escape_formulas)
    )
    return GzipSink(sink) if compressed else sink


def format_of(path: Path) -> tuple[str, bool]:
    """The format of a file, by its name, and whether it is compressed.

    Raises:
        ExportError: The name does not tell.
    """
    compressed = path.suffix == ".gz"
    suffix = path.with_suffix("").suffix if compressed else path.suffix
    if suffix not in FORMATS:
        raise ExportError(
            f"{path.name} does not tell the format: let it end in {', '.join(FORMATS)}, .ndjson.gz or .csv.gz, or in a "
            "slash for a folder of files"
        )
    return FORMATS[suffix], compressed


def arrow_schema(*, dictionaries: bool = False, with_channel: bool = False) -> "pa.Schema":
    """The Arrow schema of a table of images.

    Args:
        dictionaries: Whether enums are dictionaries of strings, not strings.
        with_channel: Whether there is a column `channel_id` before the others.
    """
    import pyarrow as pa

    arrow = {
        Kind.INTEGER: pa.int64(),
        Kind.STRING: pa.string(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.DATE_TIME: pa.timestamp("us", tz="UTC"),
        Kind.ENUM: pa.dictionary(pa.int32(), pa.string()) if dictionaries else pa.string(),
    }
    fields = [pa.field(column.name, arrow[column.kind]) for column in columns()]
    lead = [pa.field(CHANNEL, pa.int64(), nullable=False)] * with_channel
    return pa.schema([*lead, *fields, pa.field(REST, pa.string())])


def to_batch(images: Sequence[ProductImage], *, channel: int | None = None) -> "pa.RecordBatch":
    """A table of images as an Arrow batch.

    Args:
        images: The rows.
        channel: Their channel, where the table has a column for it.

    Raises:
        ExportError: A value does not fit its column, such as an integer of more than 64 bits.
    """
    import pyarrow as pa

    schema = arrow_schema(with_channel=channel is not None)
    arrays = [] if channel is None else [pa.repeat(pa.scalar(channel, pa.int64()), len(images))]
    arrays += [_array(images, column, schema.field(column.name).type) for column in columns()]
    arrays.append(pa.array(rest(images), pa.string()))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(images: Sequence[ProductImage], column: Column, kind: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    cells = values(images, column)
    try:
        return pa.array(cells, kind)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        for image, cell in zip(images, cells, strict=True):
            try:
                pa.scalar(cell, kind)
            except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
                raise ExportError(
                    f"image {image.pk}: {column.name} does not fit its column of {kind}: {error}; NDJSON takes any value"
                ) from error
        raise


def _batches(spool: Path) -> Iterator["pa.RecordBatch"]:
    import pyarrow as pa

    size = spool.stat().st_size
    with pa.OSFile(str(spool)) as file:
        while file.tell() < size:
            with pa.ipc.open_stream(file) as stream:
                yield from stream


def _csv(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return to_utf8(text.getvalue())


def _rest(row: Row, known: frozenset[str]) -> str:
    more = {name: value for name, value in row.items() if name not in known}
    return to_json(more).decode() if more else ""


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=6, mtime=0) if content else b""
