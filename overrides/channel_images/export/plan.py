"""Divides channels into partitions that are read apart, by threads, processes or machines.

`plan` asks each channel for its size and cuts its list into ranges of pages. `read` reads one of them, anywhere. A
partition is plain data and can be pickled.

The last partition of a list has no end, because more rows may have come by the time it is read. The partitions are read at
different moments: rows that move across the border of two meanwhile are missing, or come twice. An export reads
with proof instead; see `channel_images.walks.consistent`.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from attrs import field, frozen

from channel_images.calls.answers import Page
from channel_images.calls.sender import Sender
from channel_images.choices import What
from channel_images.export.lists import EXPORT_PAGE_SIZE, list_of
from channel_images.listings.driver import pages_by
from channel_images.walks.plain import PlainWalk

PARTITION_ROWS = 100_000


@frozen
class Partition:
    """A part of a channel's list.

    Attributes:
        channel: The channel.
        what: Which of its lists.
        filters: The filters of the list, as `Channel.images` takes them.
        page_size: Rows on a page.
        first: The number of the first page.
        last: The number of the last page; None for all that follow.
    """

    channel: int
    what: What = What.IMAGES
    filters: Mapping[str, Any] = field(factory=dict)
    page_size: int = EXPORT_PAGE_SIZE
    first: int = 1
    last: int | None = None


def plan(
    client: Sender,
    channels: Iterable[int],
    *,
    what: What | str = What.IMAGES,
    filters: Mapping[str, Any] | None = None,
    page_size: int = EXPORT_PAGE_SIZE,
    partition_rows: int = PARTITION_ROWS,
    concurrency: int = 1,
) -> Sequence[Partition]:
    """Cut the lists of some channels into partitions. One request for each channel, or for each part of its ids.

    Args:
        client: Asks for the sizes.
        channels: The channels; none twice.
        what: Which of their lists.
        filters: As `Channel.images` takes them.
        page_size: Rows on a page. If the server gives fewer, the partitions have pages of that size.
        partition_rows: About how many rows a partition has.
        concurrency: Channels that are asked at a time.

    Returns:
        The partitions, in the order of the channels and of the lists. A list without a count, such as a pending list, is
        one partition.
    """
    what = What(what)

    def partitions_of(channel: int) -> list[Partition]:
        partitions: list[Partition] = []
        for part in list_of(channel, what, filters or {}, page_size=page_size).parts():
            walk = PlainWalk(page_size)
            page = next(pages_by(client, part, walk))
            size = len(page.results) if not walk.done and page.results else page.limit
            pages = max(1, partition_rows // size)
            last_page = -(-(page.count or 0) // size)
            firsts = range(1, max(2, last_page + 1), pages)
            partitions += [
                Partition(channel, what, part.filters, size, first, first + pages - 1 if first != firsts[-1] else None)
                for first in firsts
            ]
        return partitions

    with ThreadPoolExecutor(concurrency, thread_name_prefix="channel_images") as threads:
        return list(itertools.chain.from_iterable(threads.map(partitions_of, channels)))


def read(client: Sender, partition: Partition, *, concurrency: int = 1) -> Iterator[Page]:
    """The pages of a partition.

    Args:
        client: Sends the requests.
        partition: The partition.
        concurrency: Pages in flight at a time.
    """
    what, page_size = partition.what, partition.page_size
    wanted = list_of(partition.channel, what, partition.filters, page_size=page_size, concurrency=concurrency)
    for part in wanted.parts():  # one, as `plan` made it
        yield from pages_by(client, part, PlainWalk(page_size, first=partition.first, last=partition.last))
