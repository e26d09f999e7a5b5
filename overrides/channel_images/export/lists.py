"""Says which list of a channel an export reads, and how."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from channel_images.choices import What
from channel_images.exceptions import ExportError
from channel_images.listings.query import Query, build_query, check_id
from channel_images_api.resource import RESOURCE, Resource

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
    api: Resource = RESOURCE,
) -> Query:
    """The list of a channel that `what` names.

    Args:
        channel_id: The channel.
        what: Which of its lists.
        filters: As `Channel.images` takes them.
        page_size: Rows on a page.
        concurrency: Pages in flight at a time.
        consistent: Whether to prove that no image was lost.
        api: What the rows are.

    Raises:
        ExportError: Filters are given for a list that has none.
        TypeError, ValueError: An argument is none that a server takes.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    if given and what is not What.IMAGES:
        raise ExportError(f"the API filters only the plain list of images: {what} takes no {', '.join(given)}")
    paging: Any = {"page_size": page_size, "concurrency": concurrency, "consistent": consistent}
    return build_query(what, check_id("channel_id", channel_id), given, **paging, api=api)


def resource_of(package: str | None) -> Resource:
    """What an API is about, by the package that `generate.py` wrote from its contract; None is that of images.

    Raises:
        ExportError: There is no such package.
    """
    try:
        resource: Resource = RESOURCE if package is None else import_module(f"{package}.resource").RESOURCE
    except Exception as error:  # noqa: BLE001 - a package that somebody names can fail in any way
        raise ExportError(
            f"there is no package {package!r} of an API ({error}): name one that generate.py wrote, and put its folder on PYTHONPATH"
        ) from None
    return resource
