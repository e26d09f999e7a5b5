"""Dividing channels into partitions that are read apart, by threads, processes or machines.

Nothing here knows by which: :func:`plan` asks each channel for its size and cuts its list into ranges of pages, and
:func:`read` reads one of them, wherever it is. A partition is plain data and can be pickled.

The last partition of a list is open-ended, since more rows may have come by the time it is read. The lists are not read
in one moment: rows that move across the border of two partitions meanwhile are missing, or come twice. An export reads
with proof instead; see :mod:`channel_images.walks.consistent`.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from channel_images.choices import What
from channel_images.exceptions import ExportError
from channel_images.walks.plain import PlainWalk

if TYPE_CHECKING:
    from channel_images.calls.answers import Page
    from channel_images.client.channel import Channel
    from channel_images.client.client import ChannelImages
    from channel_images.listings.listing import Listing

EXPORT_LIMIT = 1_000
"""Rows on a page; a server that clamps or refuses it gives less."""
PARTITION_ROWS = 100_000


@frozen
class Partition:
    """A part of a channel's list.

    Attributes:
        channel: The channel.
        what: Which of its lists.
        filters: The filters of the list, as `Channel.images` takes them.
        limit: Rows on a page.
        first: The number of the first page.
        last: The number of the last page; None for all that follow.
    """

    channel: int
    what: What = What.IMAGES
    filters: Mapping[str, Any] = field(factory=dict)
    limit: int = EXPORT_LIMIT
    first: int = 1
    last: int | None = None


def list_of(
    channel: "Channel",
    what: What,
    filters: Mapping[str, Any],
    *,
    limit: int = EXPORT_LIMIT,
    concurrency: int = 1,
    consistent: bool = False,
) -> "Listing":
    """The listing of a channel that `what` names.

    Raises:
        ExportError: Filters are given for a list that has none.
    """
    paging: dict[str, Any] = {"limit": limit, "concurrency": concurrency, "consistent": consistent}
    if what is What.IMAGES:
        return channel.images(**filters, **paging)
    if filters:
        raise ExportError(f"the API filters the plain list of images alone: {what} takes no {', '.join(filters)}")
    methods = {
        What.DETAILED: channel.images_detailed,
        What.INSERTS: channel.inserts,
        What.UPDATES: channel.updates,
        What.PENDING: channel.inserts_or_updates,
    }
    return methods[what](**paging)


def plan(
    client: "ChannelImages",
    channels: Iterable[int],
    *,
    what: What | str = What.IMAGES,
    filters: Mapping[str, Any] | None = None,
    limit: int = EXPORT_LIMIT,
    partition_rows: int = PARTITION_ROWS,
    concurrency: int = 1,
) -> Sequence[Partition]:
    """Cut the lists of some channels into partitions. One request for each channel, or for each part of its ids.

    Args:
        client: Asks for the sizes.
        channels: The channels; none twice.
        what: Which of their lists.
        filters: As `Channel.images` takes them.
        limit: Rows on a page. Where a server gives less, the partitions are in pages of what it gives.
        partition_rows: About how many rows a partition has.
        concurrency: Channels that are asked at a time.

    Returns:
        The partitions in the order of the channels and of the lists. A list without a count, as the pending ones, is
        one partition.
    """
    what = What(what)

    def partitions_of(channel: int) -> list[Partition]:
        partitions: list[Partition] = []
        for part in list_of(client.channel(channel), what, filters or {}, limit=limit)._parts():
            walk = PlainWalk(limit)
            page = next(part._pages_by(walk))
            size = len(page.results) if not walk.done and page.results else page.limit
            filtered = part._query.filters
            pages = max(1, partition_rows // size)
            last_page = -(-(page.count or 0) // size)
            firsts = range(1, max(2, last_page + 1), pages)
            partitions += [
                Partition(channel, what, filtered, size, first, first + pages - 1 if first != firsts[-1] else None)
                for first in firsts
            ]
        return partitions

    with ThreadPoolExecutor(concurrency, thread_name_prefix="channel_images") as threads:
        return list(itertools.chain.from_iterable(threads.map(partitions_of, channels)))


def read(client: "ChannelImages", partition: Partition, *, concurrency: int = 1) -> Iterator["Page"]:
    """The pages of a partition.

    Args:
        client: Sends the requests.
        partition: The partition.
        concurrency: Pages in flight at a time.
    """
    listing = list_of(
        client.channel(partition.channel),
        partition.what,
        partition.filters,
        limit=partition.limit,
        concurrency=concurrency,
    )
    for part in listing._parts():  # one, as `plan` made it
        yield from part._pages_by(PlainWalk(partition.limit, first=partition.first, last=partition.last))
