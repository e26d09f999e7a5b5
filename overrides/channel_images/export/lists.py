"""Says which list of a channel an export reads, and how."""

from collections.abc import Mapping
from typing import Any

from channel_images.choices import What
from channel_images.exceptions import ExportError
from channel_images.listings.query import Query, build_query, check_id

EXPORT_PAGE_SIZE = 1_000
"""Rows on a page; a server that clamps or refuses it gives less."""


def list_of(
    channel_id: int,
    what: What,
    filters: Mapping[str, Any],
    *,
    page_size: int = EXPORT_PAGE_SIZE,
    concurrency: int = 1,
    consistent: bool = False,
) -> Query:
    """The list of a channel that `what` names.

    Args:
        channel_id: The channel.
        what: Which of its lists.
        filters: As `Channel.images` takes them.
        page_size: Rows on a page.
        concurrency: Pages in flight at a time.
        consistent: Whether to prove that no image was lost.

    Raises:
        ExportError: Filters are given for a list that has none.
        TypeError, ValueError: An argument is none that a server takes.
    """
    if filters and what is not What.IMAGES:
        raise ExportError(f"the API filters the plain list of images alone: {what} takes no {', '.join(filters)}")
    channel_id = check_id("channel_id", channel_id)
    return build_query(what, channel_id, page_size=page_size, concurrency=concurrency, consistent=consistent, **filters)
