"""The seven operations, as methods of a channel."""

from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any, Unpack

from channel_images.calls.answers import Answer
from channel_images.listings.listing import Listing, PendingListing
from channel_images.listings.query import Query, build_query, check_id, decode_image
from channel_images_api.api.sales_channel_product_image import (
    list_detailed_product_images,
    list_product_image_inserts,
    list_product_image_inserts_or_updates,
    list_product_image_updates,
    list_product_images,
    retrieve_detailed_product_image,
    retrieve_product_image,
)
from channel_images_api.models import ProductImage, ProductType
from channel_images_api.types import Request

if TYPE_CHECKING:
    from pathlib import Path

    from channel_images.client.async_channel import AsyncChannel
    from channel_images.client.client import ChannelImages
    from channel_images.export import ExportOptions, ExportResult

__all__ = ("AsyncChannel", "Channel", "ChannelWithRawResponse")

DEFAULT_LIMIT = 100
"""Rows on a page: what connectors ask for."""


class Operations:
    """The requests of a channel, as the generated client describes them."""

    def __init__(self, channel_id: int) -> None:
        self._id = check_id("channel_id", channel_id)

    @property
    def id(self) -> int:
        """The number of the channel."""
        return self._id

    def _query(self, operation: ModuleType, **arguments: Any) -> Query:
        return build_query(operation.request, self.id, **arguments)

    def _retrieval(self, operation: ModuleType, pk: int) -> Request:
        request: Request = operation.request(self.id, check_id("pk", pk))
        return request


class Channel(Operations):
    """A sales channel. It has no state of its own but its number.

    Made by :meth:`ChannelImages.channel`.
    """

    def __init__(self, client: "ChannelImages", channel_id: int) -> None:
        super().__init__(channel_id)
        self._client = client

    def __repr__(self) -> str:
        return f"<Channel {self.id} at {self._client.base_url}>"

    def images(
        self,
        *,
        product: int | None = None,
        product_pk_in: Iterable[int] | None = None,
        id_in: Iterable[int] | None = None,
        is_seller_product: bool | None = None,
        product_type: Iterable[ProductType | int] | ProductType | None = None,
        limit: int = DEFAULT_LIMIT,
        concurrency: int = 1,
        consistent: bool = False,
    ) -> Listing:
        """The channel's images, or those that satisfy all of the filters.

        Args:
            product: Only the images of the product with this id.
            product_pk_in: Only the images of the products with these ids. Without any id there is no image.
            id_in: Only the images with these `pk`. Without any there is no image. More than a URL can carry go into
                several requests, and the images then come in the order of those.
            is_seller_product: Only the images of products that belong to a seller, or of those that do not.
            product_type: Only the images of products of these types.
            limit: Rows on a page. A server may give less, and may refuse what it finds too much; less is asked for then.
            concurrency: Pages in flight at a time. The order stays that of the list.
            consistent: Prove that each image which was there throughout is handed out, while the list changes; see
                :mod:`channel_images.walks.consistent`. It takes 6 % more requests at 1,000 rows a page, 16 % at 100.

        Raises:
            TypeError, ValueError: An argument is none that a server takes.
        """
        return Listing(
            self._client,
            self._query(
                list_product_images,
                limit=limit,
                concurrency=concurrency,
                consistent=consistent,
                counts=True,
                product=product,
                product_pk_in=product_pk_in,
                id_in=id_in,
                is_seller_product=is_seller_product,
                product_type=product_type,
            ),
        )

    def images_detailed(self, *, limit: int = DEFAULT_LIMIT, concurrency: int = 1, consistent: bool = False) -> Listing:
        """The channel's images, each with what further fields the server has for it, in `additional_properties`.

        Args:
            limit: Rows on a page; see `images`.
            concurrency: Pages in flight at a time; see `images`.
            consistent: Prove that no image is lost; see `images`.
        """
        return Listing(
            self._client,
            self._query(
                list_detailed_product_images, limit=limit, concurrency=concurrency, consistent=consistent, counts=True
            ),
        )

    def inserts(self, *, limit: int = DEFAULT_LIMIT, concurrency: int = 1, consistent: bool = False) -> PendingListing:
        """The images that were never sent to the channel.

        Args:
            limit: Rows on a page; see `images`.
            concurrency: Pages in flight at a time; see `images`.
            consistent: Prove that no image is lost; see `images`.
        """
        return PendingListing(
            self._client,
            self._query(
                list_product_image_inserts, limit=limit, concurrency=concurrency, consistent=consistent, counts=False
            ),
        )

    def updates(self, *, limit: int = DEFAULT_LIMIT, concurrency: int = 1, consistent: bool = False) -> PendingListing:
        """The images that were sent to the channel, and changed since.

        Args:
            limit: Rows on a page; see `images`.
            concurrency: Pages in flight at a time; see `images`.
            consistent: Prove that no image is lost; see `images`.
        """
        return PendingListing(
            self._client,
            self._query(
                list_product_image_updates, limit=limit, concurrency=concurrency, consistent=consistent, counts=False
            ),
        )

    def inserts_or_updates(
        self, *, limit: int = DEFAULT_LIMIT, concurrency: int = 1, consistent: bool = False
    ) -> PendingListing:
        """The images to insert and those to update.

        Args:
            limit: Rows on a page; see `images`.
            concurrency: Pages in flight at a time; see `images`.
            consistent: Prove that no image is lost; see `images`.
        """
        return PendingListing(
            self._client,
            self._query(
                list_product_image_inserts_or_updates,
                limit=limit,
                concurrency=concurrency,
                consistent=consistent,
                counts=False,
            ),
        )

    def image(self, pk: int) -> ProductImage:
        """One image.

        Args:
            pk: Its `pk`.

        Raises:
            NotFound: The channel has no such image.
        """
        return self.with_raw_response.image(pk).value

    def image_detailed(self, pk: int) -> ProductImage:
        """One image, with what further fields the server has for it, in `additional_properties`.

        Args:
            pk: Its `pk`.

        Raises:
            NotFound: The channel has no such image.
        """
        return self.with_raw_response.image_detailed(pk).value

    def export(self, path: "Path | str", **options: "Unpack[ExportOptions]") -> "ExportResult":
        """Write every image of the channel to a file, with proof that none is lost; a run that broke off is continued.

        There is no such method for tasks: it waits for the disk. `asyncio.to_thread` runs it beside them.

        Args:
            path: The file, whose name tells the format: `.ndjson`, `.csv`, `.parquet`, `.ndjson.gz`, `.csv.gz`.
            options: As for :class:`channel_images.export.Export`: `what`, `filters`, `limit`, `concurrency`, ...

        Raises:
            ExportError: It cannot be written as asked, or the disk is full.
            ChannelImagesError: The server cannot be read. What was read is kept, for the next run.
        """
        from channel_images.export import Export

        return Export(self._client, [self.id], path, **options).run()

    @property
    def with_raw_response(self) -> "ChannelWithRawResponse":
        """The retrievals, with the HTTP answer beside the image. Pages have theirs without asking."""
        return ChannelWithRawResponse(self._client, self.id)


class ChannelWithRawResponse(Operations):
    """The retrievals of a channel, with the HTTP answer beside the image."""

    def __init__(self, client: "ChannelImages", channel_id: int) -> None:
        super().__init__(channel_id)
        self._client = client

    def image(self, pk: int) -> Answer[ProductImage]:
        """As `Channel.image`."""
        return self._client.send(self._retrieval(retrieve_product_image, pk), decode_image)

    def image_detailed(self, pk: int) -> Answer[ProductImage]:
        """As `Channel.image_detailed`."""
        return self._client.send(self._retrieval(retrieve_detailed_product_image, pk), decode_image)


def __getattr__(name: str) -> object:
    if name != "AsyncChannel":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from channel_images.client.async_channel import AsyncChannel  # not before it is asked for: it imports asyncio

    return AsyncChannel
