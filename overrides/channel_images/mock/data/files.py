"""Loads images from files: the NDJSON that `channel-images export` writes, as it is or compressed (`.gz`)."""

import gzip
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from json import JSONDecodeError
from pathlib import Path
from typing import TypeAlias

from channel_images.mock.as_json import from_json, to_json
from channel_images.mock.data.fields import MAX_ID, checked_row, has_type
from channel_images.mock.data.loaded import Loaded, LoadedImage
from channel_images.mock.data.made import Row
from channel_images.mock.data.pattern import Traits, unknown
from channel_images.mock.data.subject import subject
from channel_images.resource import resource

Source: TypeAlias = str | os.PathLike[str]
"""A file, or, as text, the file of a channel: `5=images.ndjson`."""

_OF_CHANNEL = re.compile(r"([0-9]{1,19})=(.+)", re.DOTALL)
_CHANNEL = "channel_id"
_GZIP = b"\x1f\x8b"


class BadData(ValueError):
    """A file that cannot be loaded; the message says in one line where, and why."""


def load(sources: Iterable[Source]) -> dict[int, Loaded]:
    """The images of each channel.

    Rows of a file whose channel is not said name it in their field `channel_id`, as in an export of several channels.

    Raises:
        BadData: A file cannot be read, or a line of it is no image.
    """
    channels: dict[int, dict[int, LoadedImage]] = {}
    for source in sources:
        channel, path = _parse(source)
        if channel is not None:
            channels.setdefault(channel, {})
        images = 0
        for place, line in _lines(path):
            row = _row(place, line)
            home = _channel(place, row, channel, path)
            image = _image(place, row)
            if channels.setdefault(home, {}).setdefault(image.pk, image) is not image:
                raise BadData(f"{place}: image {image.pk} is in channel {home} already")
            images += 1
        if not images and channel is None:
            raise BadData(f"{path}: there is no image in it, and so no channel; say which it is of: {_example(path)}")
    return {channel: Loaded(images.values()) for channel, images in channels.items()}


def _parse(source: Source) -> tuple[int | None, Path]:
    named = _OF_CHANNEL.fullmatch(source) if isinstance(source, str) else None
    if named is None:
        return None, Path(source)
    channel = int(named[1])
    if channel > MAX_ID:
        raise BadData(f"{source}: the largest id of a channel is {MAX_ID}")
    # A shell leaves the ~ of 5=~/images.ndjson as it is.
    return channel, Path(os.path.expanduser(named[2]))  # noqa: PTH111 - which leaves the ~ of an unknown user alone


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """The lines of a file that are not blank, each with its place."""
    number = 0
    try:
        with path.open("rb") as file:
            packed = file.peek(len(_GZIP)).startswith(_GZIP)
            for number, line in enumerate(gzip.GzipFile(fileobj=file) if packed else file, 1):
                if content := line.strip():
                    yield f"{path}:{number}", content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadData(f"{path}:{number + 1}: the compressed file is damaged: {error}") from None
    except (OSError, ValueError) as error:  # a ValueError for a path with a NUL
        raise BadData(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def _row(place: str, line: bytes) -> dict[str, object]:
    try:
        row = from_json(line)
    except ValueError as error:
        # Not its own words, which count lines too.
        reason = f"{error.msg} at column {error.colno}" if isinstance(error, JSONDecodeError) else error
        raise BadData(f"{place}: not JSON: {reason}; the mock loads NDJSON, an image a line") from None
    if not isinstance(row, dict):
        raise BadData(f"{place}: not a JSON object; the mock loads NDJSON, an image a line")
    return row


def _channel(place: str, row: dict[str, object], said: int | None, path: Path) -> int:
    """The channel of a row: the one that is said or, taken out of the row, the one that it names."""
    value = row.get(_CHANNEL)
    if said is not None:
        if type(value) is int and value != said:
            raise BadData(f"{place}: it is of channel {value}; give {path} alone to load each channel that it names")
        return said
    row.pop(_CHANNEL, None)
    if value is None:
        raise BadData(f"{place}: there is no {_CHANNEL}; say which channel the file is of: {_example(path)}")
    if type(value) is not int or not 0 <= value <= MAX_ID:
        raise BadData(f"{place}: {_CHANNEL}: {value!r} is not the id of a channel")
    return value


def _example(path: Path) -> str:
    return f"5={path}"


def _image(place: str, row: Mapping[str, object]) -> LoadedImage:
    try:
        image = checked_row(row)
    except ValueError as invalid:  # `InvalidFields`, or the validator's own for what is nested too deep
        raise BadData(f"{place}: {invalid}") from None
    return LoadedImage(
        line=to_json(image),
        pk=image[resource().key],
        product=image[subject().group],
        traits=_traits(image),
        newest=max(image.get(date, "") for date in subject().dates),
    )


def _traits(image: Row) -> Traits:
    """What the product is, where a detailed row says so as the mock's own do; else what most are."""
    detail = image.get("product_detail")
    said = detail if isinstance(detail, dict) else {}
    return unknown() | {
        each.name: said[each.name] for each in subject().attributes if has_type(each, said.get(each.name))
    }
