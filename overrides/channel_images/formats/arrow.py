"""Makes Arrow batches of images, with a type of its own for each column: for Parquet and for Spark."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from channel_images.exceptions import ExportError
from channel_images.formats.columns import CHANNEL, REST, Column, Kind, columns
from channel_images.formats.text import to_json
from channel_images_api.models import ProductImage
from channel_images_api.resource import RESOURCE, Resource

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_schema(*, dictionaries: bool = False, with_channel: bool = False, api: Resource = RESOURCE) -> "pa.Schema":
    """The Arrow schema of a table of rows.

    Args:
        dictionaries: Whether enums are dictionaries of strings, not strings.
        with_channel: Whether there is a column `channel_id` before the others.
        api: What the rows are.
    """
    import pyarrow as pa

    arrow = {
        Kind.INTEGER: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.STRING: pa.string(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.DATE: pa.date32(),
        Kind.DATE_TIME: pa.timestamp("us", tz="UTC"),
        Kind.ENUM: pa.dictionary(pa.int32(), pa.string()) if dictionaries else pa.string(),
        Kind.JSON: pa.string(),
    }
    fields = [pa.field(column.name, arrow[column.kind]) for column in columns(api)]
    lead = [pa.field(CHANNEL, pa.int64(), nullable=False)] * with_channel
    return pa.schema([*lead, *fields, pa.field(REST, pa.string())])


def to_batch(
    images: Sequence[ProductImage], *, channel: int | None = None, api: Resource = RESOURCE
) -> "pa.RecordBatch":
    """A table of rows as an Arrow batch.

    Args:
        images: The rows.
        channel: Their channel, where the table has a column for it.
        api: What the rows are.

    Raises:
        ExportError: A value does not fit its column, such as an integer of more than 64 bits.
    """
    import pyarrow as pa

    schema = arrow_schema(with_channel=channel is not None, api=api)
    arrays = [] if channel is None else [pa.repeat(pa.scalar(channel, pa.int64()), len(images))]
    arrays += [_array(images, column, schema.field(column.name).type, api) for column in columns(api)]
    rest = [to_json(more).decode() if (more := image.additional_properties) else None for image in images]
    arrays.append(pa.array(rest, pa.string()))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(images: Sequence[ProductImage], column: Column, kind: "pa.DataType", api: Resource) -> "pa.Array":
    import pyarrow as pa

    # Null and absent are both null here. Enums of the contract are strings or integers themselves, and are taken as such.
    unset = api.unset
    cells = [None if (value := getattr(image, column.attribute)) is unset else value for image in images]
    if column.kind is Kind.JSON:
        wire = [image.to_dict().get(column.name) for image in images]
        cells = [None if value is None else to_json(value).decode() for value in wire]
    try:
        return pa.array(cells, kind)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        for image, cell in zip(images, cells, strict=True):
            try:
                pa.scalar(cell, kind)
            except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
                raise ExportError(
                    f"{api.noun} {image.pk}: {column.name} does not fit its column of {kind}: {cell!r:.80}; NDJSON takes any value"
                ) from error
        raise
