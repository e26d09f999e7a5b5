"""Has the seven operations as methods of a channel, for threads and for tasks."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator, Iterable
from typing import TYPE_CHECKING, Any, Generic, Literal, Never, TypedDict, TypeVar, Unpack, overload

from channel_images.calls.answers import Answer
from channel_images.calls.sender import AsyncSender, Sender
from channel_images.choices import What
from channel_images.listings.bodies import decode_image
from channel_images.listings.listing import KeyedListing, KeyedPendingListing, Listing, PendingListing
from channel_images.listings.missing import aretrieve, retrieve
from channel_images.listings.query import Query, build_query, check_id
from channel_images.reporting.batch import AsyncBatch, Batch
from channel_images.reporting.batches import aremote_batches, remote_batches
from channel_images.settings import refuse_arguments
from channel_images_api.models import ProductImage, ProductType

if TYPE_CHECKING:
    from pathlib import Path

    from channel_images.export import ExportOptions, ExportResult
    from channel_images.listings.async_listing import (
        AsyncKeyedListing,  # noqa: F401 - named in a text
        AsyncKeyedPendingListing,  # noqa: F401 - named in a text
        AsyncListing,
        AsyncPendingListing,
    )

SenderT = TypeVar("SenderT", bound=Sender | AsyncSender)
ListingT = TypeVar("ListingT")
KeyedListingT = TypeVar("KeyedListingT")
PendingListingT = TypeVar("PendingListingT")
KeyedPendingListingT = TypeVar("KeyedPendingListingT")

DEFAULT_PAGE_SIZE = 100
"""Rows on a page: what connectors ask for."""


class Operations(ABC, Generic[SenderT]):
    """What a channel does by one request, for threads and for tasks."""

    def __init__(self, client: SenderT, channel_id: int) -> None:
        self._client = client
        self._id = check_id("channel_id", channel_id)

    @property
    def id(self) -> int:
        """The number of the channel."""
        return self._id

    @abstractmethod
    def image(self, pk: int) -> Any:
        """One image.

        Args:
            pk: The `pk` of the image.

        Raises:
            ImageNotFound: The channel has no such image. One more request tells this from a missing channel or a wrong
                base URL.
        """

    @abstractmethod
    def image_detailed(self, pk: int) -> Any:
        """One image, as `image`; further fields that the server has are in `additional_properties`."""


class Paging(TypedDict, total=False):
    """How each list is read; see `Lists.images`."""

    page_size: int
    concurrency: int


class Filters(Paging, total=False):
    """Which images, and how the list is read; see `Lists.images`."""

    product: int | None
    product_pk_in: Iterable[int] | None
    id_in: Iterable[int] | None
    is_seller_product: bool | None
    product_type: Iterable[ProductType | int | str] | ProductType | int | str | None


class Lists(Operations[SenderT], Generic[SenderT, ListingT, KeyedListingT, PendingListingT, KeyedPendingListingT]):
    """The lists of a channel. Making a listing sends nothing.

    Type checkers know that each image of a consistent list has its `pk`.
    """

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} at {self._client.base_url}>"

    @overload
    def images(self, *, consistent: Literal[True], **options: Unpack[Filters]) -> KeyedListingT: ...
    @overload
    def images(self, *, consistent: bool = False, **options: Unpack[Filters]) -> ListingT: ...
    def images(
        self,
        *,
        product: int | None = None,
        product_pk_in: Iterable[int] | None = None,
        id_in: Iterable[int] | None = None,
        is_seller_product: bool | None = None,
        product_type: Iterable[ProductType | int | str] | ProductType | int | str | None = None,
        page_size: int = DEFAULT_PAGE_SIZE,
        concurrency: int = 1,
        consistent: bool = False,
        **refused: Never,
    ) -> ListingT | KeyedListingT:
        """The channel's images, or those that satisfy all of the filters.

        Args:
            product: Only the images of the product with this id.
            product_pk_in: Only the images of the products with these ids. An empty list gives no image.
            id_in: Only the images with these `pk`. An empty list gives no image. If a URL cannot hold them all, several
                requests are sent, and the images come in the order of those.
            is_seller_product: Only the images of products that belong to a seller, or of those that do not.
            product_type: Only the images of products of this type, or of these: members, numbers, or names such as
                `simple`.
            page_size: Rows on a page. If the server gives fewer rows, or refuses so many, the listing asks for fewer.
            concurrency: Pages in flight at a time. The images still come in the order of the list.
            consistent: Prove that you get each image that was there throughout, while the list changes; see
                `channel_images.walks.consistent`. It takes 6 % more requests at 1,000 rows a page, 15 % at 100.

        Raises:
            TypeError, ValueError: No server could take an argument.
        """
        refuse_arguments(refused)
        return self._listing(
            build_query(
                What.IMAGES,
                self.id,
                {
                    "product": product,
                    "product_pk_in": product_pk_in,
                    "id_in": id_in,
                    "is_seller_product": is_seller_product,
                    "product_type": product_type,
                },
                page_size=page_size,
                concurrency=concurrency,
                consistent=consistent,
            )
        )

    @overload
    def images_detailed(self, *, consistent: Literal[True], **options: Unpack[Paging]) -> KeyedListingT: ...
    @overload
    def images_detailed(self, *, consistent: bool = False, **options: Unpack[Paging]) -> ListingT: ...
    def images_detailed(
        self, *, page_size: int = DEFAULT_PAGE_SIZE, concurrency: int = 1, consistent: bool = False, **refused: Never
    ) -> ListingT | KeyedListingT:
        """The channel's images; further fields that the server has are in `additional_properties`.

        The arguments are those of `images`.
        """
        refuse_arguments(refused)
        return self._listing(self._query(What.DETAILED, page_size, concurrency, consistent))

    @overload
    def inserts(self, *, consistent: Literal[True], **options: Unpack[Paging]) -> KeyedPendingListingT: ...
    @overload
    def inserts(self, *, consistent: bool = False, **options: Unpack[Paging]) -> PendingListingT: ...
    def inserts(
        self, *, page_size: int = DEFAULT_PAGE_SIZE, concurrency: int = 1, consistent: bool = False, **refused: Never
    ) -> PendingListingT | KeyedPendingListingT:
        """The images that were never sent to the channel. The arguments are those of `images`."""
        refuse_arguments(refused)
        return self._pending_listing(self._query(What.INSERTS, page_size, concurrency, consistent))

    @overload
    def updates(self, *, consistent: Literal[True], **options: Unpack[Paging]) -> KeyedPendingListingT: ...
    @overload
    def updates(self, *, consistent: bool = False, **options: Unpack[Paging]) -> PendingListingT: ...
    def updates(
        self, *, page_size: int = DEFAULT_PAGE_SIZE, concurrency: int = 1, consistent: bool = False, **refused: Never
    ) -> PendingListingT | KeyedPendingListingT:
        """The images that were sent to the channel, and have changed since. The arguments are those of `images`."""
        refuse_arguments(refused)
        return self._pending_listing(self._query(What.UPDATES, page_size, concurrency, consistent))

    @overload
    def inserts_or_updates(self, *, consistent: Literal[True], **options: Unpack[Paging]) -> KeyedPendingListingT: ...
    @overload
    def inserts_or_updates(self, *, consistent: bool = False, **options: Unpack[Paging]) -> PendingListingT: ...
    def inserts_or_updates(
        self, *, page_size: int = DEFAULT_PAGE_SIZE, concurrency: int = 1, consistent: bool = False, **refused: Never
    ) -> PendingListingT | KeyedPendingListingT:
        """The images to insert and those to update. The arguments are those of `images`."""
        refuse_arguments(refused)
        return self._pending_listing(self._query(What.PENDING, page_size, concurrency, consistent))

    pending = inserts_or_updates
    """The same, by the name that the command line has."""

    @abstractmethod
    def remote_batches(self) -> Any:
        """The batches that were sent to a marketplace which has not answered yet, oldest first.

        Use each in a `with` block. If each image has an outcome when you leave the block, the batch is done; otherwise it
        stays open. If an image was removed from the channel meanwhile, it is no longer in the batch, and needs no outcome.

        Raises:
            ChannelImagesError: As `channel_images.exceptions` draws them.
        """

    def _query(self, what: What, page_size: int, concurrency: int, consistent: bool) -> Query:
        return build_query(what, self.id, page_size=page_size, concurrency=concurrency, consistent=consistent)

    @abstractmethod
    def _listing(self, query: Query) -> ListingT: ...

    @abstractmethod
    def _pending_listing(self, query: Query) -> PendingListingT: ...


class Channel(Lists[Sender, Listing, KeyedListing, PendingListing, KeyedPendingListing]):
    """A sales channel. Its number is all that it holds.

    Made by `ChannelImages.channel`.
    """

    def image(self, pk: int) -> ProductImage:
        return self.with_raw_response.image(pk).value

    def image_detailed(self, pk: int) -> ProductImage:
        return self.with_raw_response.image_detailed(pk).value

    def export(self, path: "Path | str", **options: "Unpack[ExportOptions]") -> "ExportResult":
        """Write every image of the channel to a file, with proof that none is lost.

        If a run is interrupted, the next one goes on from there. `AsyncChannel` has no such method, because it waits for
        the disk; use `asyncio.to_thread`.

        Args:
            path: The file. Its name decides the format: `.ndjson`, `.csv`, `.parquet`, `.ndjson.gz`, `.csv.gz`.
            options: As for `channel_images.export.Export`: `what`, `filters`, `page_size`, `concurrency`, ...

        Raises:
            ExportError: The file cannot be written as asked, or the disk is full.
            IncompleteListing: Images may be missing. With `on_doubt="keep"`, the rest is written instead, and the status
                is `unstable`.
            ChannelImagesError: The server cannot be read. The next run goes on with what was read.
        """
        from channel_images.export import Export

        return Export(self._client, [self.id], path, **options).run()

    def remote_batches(self) -> Generator[Batch]:
        return remote_batches(self._client, self.id, lambda pks: self.images(id_in=pks))

    @property
    def with_raw_response(self) -> "ChannelWithRawResponse":
        """The retrievals, with the HTTP answer beside the image. Pages have theirs without asking."""
        return ChannelWithRawResponse(self._client, self.id)

    def _listing(self, query: Query) -> Listing:
        return Listing(self._client, query)

    def _pending_listing(self, query: Query) -> PendingListing:
        return PendingListing(self._client, query)


class ChannelWithRawResponse(Operations[Sender]):
    """The retrievals of a channel, with the HTTP answer beside the image."""

    def image(self, pk: int) -> Answer[ProductImage]:
        return retrieve(self._client, decode_image, self.id, pk)

    def image_detailed(self, pk: int) -> Answer[ProductImage]:
        return retrieve(self._client, decode_image, self.id, pk, detailed=True)


class AsyncChannel(
    Lists[AsyncSender, "AsyncListing", "AsyncKeyedListing", "AsyncPendingListing", "AsyncKeyedPendingListing"]
):
    """A sales channel, for tasks. Its number is all that it holds.

    Made by `AsyncChannelImages.channel`.
    """

    async def image(self, pk: int) -> ProductImage:
        return (await self.with_raw_response.image(pk)).value

    async def image_detailed(self, pk: int) -> ProductImage:
        return (await self.with_raw_response.image_detailed(pk)).value

    def remote_batches(self) -> AsyncGenerator[AsyncBatch]:
        return aremote_batches(self._client, self.id, lambda pks: self.images(id_in=pks))

    @property
    def with_raw_response(self) -> "AsyncChannelWithRawResponse":
        """The retrievals, with the HTTP answer beside the image. Pages have theirs without asking."""
        return AsyncChannelWithRawResponse(self._client, self.id)

    def _listing(self, query: Query) -> "AsyncListing":
        from channel_images.listings.async_listing import AsyncListing  # not before: it imports asyncio

        return AsyncListing(self._client, query)

    def _pending_listing(self, query: Query) -> "AsyncPendingListing":
        from channel_images.listings.async_listing import AsyncPendingListing

        return AsyncPendingListing(self._client, query)


class AsyncChannelWithRawResponse(Operations[AsyncSender]):
    """The retrievals of a channel, with the HTTP answer beside the image."""

    async def image(self, pk: int) -> Answer[ProductImage]:
        return await aretrieve(self._client, decode_image, self.id, pk)

    async def image_detailed(self, pk: int) -> Answer[ProductImage]:
        return await aretrieve(self._client, decode_image, self.id, pk, detailed=True)
