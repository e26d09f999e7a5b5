"""The seven operations, as methods of a channel, for asyncio."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from channel_images.calls.answers import Answer
from channel_images.client.channel import DEFAULT_LIMIT, Operations
from channel_images.listings.async_listing import AsyncListing, AsyncPendingListing
from channel_images.listings.query import decode_image
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

if TYPE_CHECKING:
    from channel_images.client.async_client import AsyncChannelImages


class AsyncChannel(Operations):
    """A sales channel, for tasks. It has no state of its own but its number.

    Made by :meth:`AsyncChannelImages.channel`.
    """

    def __init__(self, client: "AsyncChannelImages", channel_id: int) -> None:
        super().__init__(channel_id)
        self._client = client

    def __repr__(self) -> str:
        return f"<AsyncChannel {self.id} at {self._client.base_url}>"

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
    ) -> AsyncListing:
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
        return AsyncListing(
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

    def images_detailed(
        self, *, limit: int = DEFAULT_LIMIT, concurrency: int = 1, consistent: bool = False
    ) -> AsyncListing:
        """The channel's images, each with what further fields the server has for it, in `additional_properties`.

        Args:
            limit: Rows on a page; see `images`.
            concurrency: Pages in flight at a time; see `images`.
            consistent: Prove that no image is lost; see `images`.
        """
        return AsyncListing(
            self._client,
            self._query(
                list_detailed_product_images, limit=limit, concurrency=concurrency, consistent=consistent, counts=True
            ),
        )

    def inserts(
        self, *, limit: int = DEFAULT_LIMIT, concurrency: int = 1, consistent: bool = False
    ) -> AsyncPendingListing:
        """The images that were never sent to the channel.

        Args:
            limit: Rows on a page; see `images`.
            concurrency: Pages in flight at a time; see `images`.
            consistent: Prove that no image is lost; see `images`.
        """
        return AsyncPendingListing(
            self._client,
            self._query(
                list_product_image_inserts, limit=limit, concurrency=concurrency, consistent=consistent, counts=False
            ),
        )

    def updates(
        self, *, limit: int = DEFAULT_LIMIT, concurrency: int = 1, consistent: bool = False
    ) -> AsyncPendingListing:
        """The images that were sent to the channel, and changed since.

        Args:
            limit: Rows on a page; see `images`.
            concurrency: Pages in flight at a time; see `images`.
            consistent: Prove that no image is lost; see `images`.
        """
        return AsyncPendingListing(
            self._client,
            self._query(
                list_product_image_updates, limit=limit, concurrency=concurrency, consistent=consistent, counts=False
            ),
        )

    def inserts_or_updates(
        self, *, limit: int = DEFAULT_LIMIT, concurrency: int = 1, consistent: bool = False
    ) -> AsyncPendingListing:
        """The images to insert and those to update.

        Args:
            limit: Rows on a page; see `images`.
            concurrency: Pages in flight at a time; see `images`.
            consistent: Prove that no image is lost; see `images`.
        """
        return AsyncPendingListing(
            self._client,
            self._query(
                list_product_image_inserts_or_updates,
                limit=limit,
                concurrency=concurrency,
                consistent=consistent,
                counts=False,
            ),
        )

    async def image(self, pk: int) -> ProductImage:
        """One image.

        Args:
            pk: Its `pk`.

        Raises:
            NotFound: The channel has no such image.
        """
        return (await self.with_raw_response.image(pk)).value

    async def image_detailed(self, pk: int) -> ProductImage:
        """One image, with what further fields the server has for it, in `additional_properties`.

        Args:
            pk: Its `pk`.

        Raises:
            NotFound: The channel has no such image.
        """
        return (await self.with_raw_response.image_detailed(pk)).value

    @property
    def with_raw_response(self) -> "AsyncChannelWithRawResponse":
        """The retrievals, with the HTTP answer beside the image. Pages have theirs without asking."""
        return AsyncChannelWithRawResponse(self._client, self.id)


class AsyncChannelWithRawResponse(Operations):
    """The retrievals of a channel, with the HTTP answer beside the image."""

    def __init__(self, client: "AsyncChannelImages", channel_id: int) -> None:
        super().__init__(channel_id)
        self._client = client

    async def image(self, pk: int) -> Answer[ProductImage]:
        """As `AsyncChannel.image`."""
        return await self._client.send(self._retrieval(retrieve_product_image, pk), decode_image)

    async def image_detailed(self, pk: int) -> Answer[ProductImage]:
        """As `AsyncChannel.image_detailed`."""
        return await self._client.send(self._retrieval(retrieve_detailed_product_image, pk), decode_image)
