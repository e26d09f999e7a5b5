"""Writes rows as the bytes of a file: NDJSON, CSV or Parquet.

A sink makes bytes that are appended to the spool of a channel, page after page, so that an interrupted export goes on
where its last checkpoint was: the spool is cut there. In the end a spool is the file, or the file is made from the spools.
"""

import gzip
import io
import itertools
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from channel_images.exceptions import ExportError
from channel_images.formats.arrow import arrow_schema, to_batch
from channel_images.formats.columns import CHANNEL
from channel_images.formats.text import Csv, ndjson
from channel_images.listings.bodies import decode_image, decode_rows, decoder_of
from channel_images.listings.sent import decode_sent_image, decode_sent_rows, sent_rows
from channel_images.walks.rows import Rows
from channel_images_api.models import ProductImage
from channel_images_api.resource import RESOURCE, Resource

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = {".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet"}
"""The formats by the suffix of a file; `.gz` behind it compresses NDJSON and CSV."""
_ROW_GROUP = 65_536


class Sink(ABC):
    """A format; it has the suffix of its files.

    Args:
        with_channel: Whether rows say which channel they are of.
        api: What the rows are.

    Attributes:
        decode: Decodes a page into the rows that `encode` takes.
        decode_one: Decodes one row into what `encode` takes.
    """

    suffix: str
    _decoders: tuple[Callable[[bytes, Resource], Rows], Callable[[bytes, Resource], ProductImage]]

    def __init__(self, *, with_channel: bool, api: Resource) -> None:
        self._with_channel = with_channel
        self._api = api
        rows, one = self._decoders
        self.decode, self.decode_one = decoder_of(api, rows), decoder_of(api, one)

    @abstractmethod
    def encode(self, images: Sequence[ProductImage], channel: int) -> bytes:
        """The bytes of some rows."""

    @abstractmethod
    def lead(self) -> bytes:
        """What stands before the rows in the spool of a channel."""

    @abstractmethod
    def finish(self, spools: Sequence[Path], file: Path, about: Mapping[str, str]) -> Path:
        """Make the file from whole spools.

        Args:
            spools: One for each channel, in the order of their rows.
            file: Where to.
            about: What the rows are of, for formats that say so.

        Returns:
            The file: `file`, or the spool where that is it already.
        """


class TextSink(Sink):
    """NDJSON or CSV, of rows as the server sent them; compressed, each page is a gzip member of its own.

    Args:
        lines: The writer of CSV; None for NDJSON.
        compressed: Whether it is.
        with_channel: Whether rows say which channel they are of.
        api: What the rows are.
    """

    _decoders = (decode_sent_rows, decode_sent_image)

    def __init__(self, lines: Csv | None, *, compressed: bool, with_channel: bool, api: Resource) -> None:
        super().__init__(with_channel=with_channel, api=api)
        self.suffix = (".ndjson" if lines is None else ".csv") + ".gz" * compressed
        self._csv = lines
        self._compressed = compressed

    def lead(self) -> bytes:
        return b"" if self._with_channel else self._header()

    def finish(self, spools: Sequence[Path], file: Path, about: Mapping[str, str]) -> Path:
        if not self._with_channel:  # one channel
            return spools[0]
        with file.open("wb") as target:
            target.write(self._header())
            for spool in spools:
                with spool.open("rb") as rows:
                    shutil.copyfileobj(rows, target)
        return file

    def encode(self, images: Sequence[ProductImage], channel: int) -> bytes:
        rows = sent_rows(images)
        if self._csv is not None:
            return self._packed(self._csv.lines(rows, *[channel] * self._with_channel))
        if self._with_channel:
            lead = {CHANNEL: channel}
            rows = [{**lead, **row, **lead} for row in rows]  # first, and whatever the server calls so
        return self._packed(ndjson(rows))

    def _header(self) -> bytes:
        return b"" if self._csv is None else self._packed(self._csv.header(*[CHANNEL] * self._with_channel))

    def _packed(self, content: bytes) -> bytes:
        return gzip.compress(content, compresslevel=6, mtime=0) if self._compressed else content


class ParquetSink(Sink):
    """A column for each field of the contract; date-times in UTC with microseconds, enums as dictionaries.

    A Parquet file cannot be continued, so a spool is a sequence of Arrow streams, from which it is made.
    """

    suffix = ".parquet"
    _decoders = (decode_rows, decode_image)

    def encode(self, images: Sequence[ProductImage], channel: int) -> bytes:
        import pyarrow as pa

        batch = to_batch(images, channel=channel if self._with_channel else None, api=self._api)
        buffer = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(buffer, batch.schema, options=options) as stream:
            stream.write_batch(batch)
        return buffer.getvalue()

    def lead(self) -> bytes:
        return b""

    def finish(self, spools: Sequence[Path], file: Path, about: Mapping[str, str]) -> Path:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = arrow_schema(dictionaries=True, with_channel=self._with_channel, api=self._api)
        schema = schema.with_metadata(dict(about))
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            waiting: list[pa.RecordBatch] = []
            for batch in itertools.chain.from_iterable(map(_batches, spools)):
                waiting.append(batch)
                if sum(map(len, waiting)) >= _ROW_GROUP:
                    writer.write_table(pa.Table.from_batches(waiting).cast(schema))
                    waiting = []
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting).cast(schema))
        return file


def sink_for(
    name: str, *, compressed: bool, with_channel: bool, escape_formulas: bool = False, api: Resource = RESOURCE
) -> Sink:
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
            raise ExportError("Parquet needs pyarrow: pip install 'channel-images[parquet]'") from None
        if compressed:
            raise ExportError("Parquet compresses by itself:  leave out .gz")
        return ParquetSink(with_channel=with_channel, api=api)
    lines = Csv(escape_formulas=escape_formulas, api=api) if name == "csv" else None
    return TextSink(lines, compressed=compressed, with_channel=with_channel, api=api)


def format_of(path: Path) -> tuple[str, bool]:
    """The format of a file, by its name, and whether it is compressed.

    Raises:
        ExportError: The name does not tell.
    """
    compressed = path.suffix == ".gz"
    suffix = path.with_suffix("").suffix if compressed else path.suffix
    if suffix not in FORMATS:
        raise ExportError(
            f"{path.name} does not tell the format: end it with {', '.join(FORMATS)}, .ndjson.gz or .csv.gz, or in a "
            "slash for a folder of files"
        )
    return FORMATS[suffix], compressed


def _batches(spool: Path) -> Iterator["pa.RecordBatch"]:
    import pyarrow as pa

    size = spool.stat().st_size
    with pa.OSFile(str(spool)) as file:
        while file.tell() < size:
            with pa.ipc.open_stream(file) as stream:
                yield from stream
