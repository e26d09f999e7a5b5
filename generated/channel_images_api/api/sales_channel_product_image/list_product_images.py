# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from collections.abc import Callable, Iterable

import httpx

from ...client import Client
from ...models.error_detail import ErrorDetail
from ...models.field_errors import FieldErrors
from ...models.product_image_page import ProductImagePage
from ...models.product_type import ProductType
from ...types import (
    UNSET,
    Request,
    Response,
    Unset,
    build_request,
    build_response,
    encode_query,
    encode_segment,
    first_of,
    from_json,
)

_DECODERS: dict[int, Callable[[bytes], ErrorDetail | FieldErrors | ProductImagePage]] = {
    200: ProductImagePage.from_json,
    400: from_json(first_of(ErrorDetail.from_dict, FieldErrors.from_dict)),
    401: ErrorDetail.from_json,
    403: ErrorDetail.from_json,
    404: ErrorDetail.from_json,
    429: ErrorDetail.from_json,
    500: ErrorDetail.from_json,
}


def request(
    channel_id: int,
    *,
    page: int | Unset = UNSET,
    limit: int | Unset = UNSET,
    product: int | Unset = UNSET,
    product_pk_in: Iterable[int] | Unset = UNSET,
    id_in: Iterable[int] | Unset = UNSET,
    is_seller_product: bool | Unset = UNSET,
    product_type: Iterable[ProductType | int] | Unset = UNSET,
) -> Request:
    """The request that `sync_detailed` sends, for those who send it themselves.

    Raises:
        ValueError: An array is empty.
    """
    _path = f"/api/v1/channel/{encode_segment(channel_id)}/product_images/"
    _query = encode_query(
        {
            "page": page,
            "limit": limit,
            "product": product,
            "product__pk__in": product_pk_in,
            "id__in": id_in,
            "is_seller_product": is_seller_product,
            "product_type": product_type,
        }
    )
    return Request("GET", _path + _query)


def _build_response(
    *, client: Client, response: httpx.Response
) -> Response[ErrorDetail | FieldErrors | ProductImagePage]:
    return build_response(response, _DECODERS, raise_on_unexpected_status=client.raise_on_unexpected_status)


def sync_detailed(
    channel_id: int,
    *,
    client: Client,
    page: int | Unset = UNSET,
    limit: int | Unset = UNSET,
    product: int | Unset = UNSET,
    product_pk_in: Iterable[int] | Unset = UNSET,
    id_in: Iterable[int] | Unset = UNSET,
    is_seller_product: bool | Unset = UNSET,
    product_type: Iterable[ProductType | int] | Unset = UNSET,
) -> Response[ErrorDetail | FieldErrors | ProductImagePage]:
    """List a channel's product images.

    Pages through every image of the channel. The order is stable: the same at every `limit` and at every reading.
    Taken together, the pages hold each image exactly once. `count` is the number of images on all pages; with
    filters, of those that satisfy them. Several filters narrow the list together: an image is listed when it
    satisfies all of them. A channel that is unknown, or that the token may not see, is 404 or 403.

    Args:
        channel_id: The sales channel whose images are meant.
        page: The number of the page, counted from 1. A page past the end holds no rows, or is 404.
        limit: The number of rows on a page. A server may have a largest limit, of at least 10; it then treats any
            larger one as that, or refuses it with 400.
        product: Only the images of the product with this id.
        product_pk_in: Only the images of the products with these ids, comma-separated in one parameter:
            `product__pk__in=123,124`. Ids that match no product add nothing. A server may have a largest number of ids,
            of at least 10; it then refuses more with 400.
        id_in: Only the images with these `pk`, comma-separated in one parameter: `id__in=1,2,3`. Ids that match no
            image add nothing. A server may have a largest number of ids, of at least 10; it then refuses more with 400.
        is_seller_product: Only the images of products that belong to a seller (`true`), or of those that do not
            (`false`). Every image is on one of the two sides.
        product_type: Only the images of products of these types, comma-separated in one parameter:
            `product_type=0,2`. An image belongs to one type.

    Raises:
        errors.MalformedBody: The status is a success, and the body is not what the contract says.
        errors.UnexpectedStatus: The contract does not document the status, and the client's
            `raise_on_unexpected_status` is set.
        httpx.HTTPError: There was no whole response, in time.
    """
    built = build_request(
        client.get_httpx_client(),
        request(
            channel_id=channel_id,
            page=page,
            limit=limit,
            product=product,
            product_pk_in=product_pk_in,
            id_in=id_in,
            is_seller_product=is_seller_product,
            product_type=product_type,
        ),
    )
    response = client.get_httpx_client().send(built)
    return _build_response(client=client, response=response)


def sync(
    channel_id: int,
    *,
    client: Client,
    page: int | Unset = UNSET,
    limit: int | Unset = UNSET,
    product: int | Unset = UNSET,
    product_pk_in: Iterable[int] | Unset = UNSET,
    id_in: Iterable[int] | Unset = UNSET,
    is_seller_product: bool | Unset = UNSET,
    product_type: Iterable[ProductType | int] | Unset = UNSET,
) -> ErrorDetail | FieldErrors | ProductImagePage | None:
    """The `parsed` of `sync_detailed`."""
    return sync_detailed(
        channel_id=channel_id,
        client=client,
        page=page,
        limit=limit,
        product=product,
        product_pk_in=product_pk_in,
        id_in=id_in,
        is_seller_product=is_seller_product,
        product_type=product_type,
    ).parsed


async def asyncio_detailed(
    channel_id: int,
    *,
    client: Client,
    page: int | Unset = UNSET,
    limit: int | Unset = UNSET,
    product: int | Unset = UNSET,
    product_pk_in: Iterable[int] | Unset = UNSET,
    id_in: Iterable[int] | Unset = UNSET,
    is_seller_product: bool | Unset = UNSET,
    product_type: Iterable[ProductType | int] | Unset = UNSET,
) -> Response[ErrorDetail | FieldErrors | ProductImagePage]:
    """`sync_detailed`, asynchronously."""
    built = build_request(
        client.get_async_httpx_client(),
        request(
            channel_id=channel_id,
            page=page,
            limit=limit,
            product=product,
            product_pk_in=product_pk_in,
            id_in=id_in,
            is_seller_product=is_seller_product,
            product_type=product_type,
        ),
    )
    response = await client.get_async_httpx_client().send(built)
    return _build_response(client=client, response=response)


async def asyncio(
    channel_id: int,
    *,
    client: Client,
    page: int | Unset = UNSET,
    limit: int | Unset = UNSET,
    product: int | Unset = UNSET,
    product_pk_in: Iterable[int] | Unset = UNSET,
    id_in: Iterable[int] | Unset = UNSET,
    is_seller_product: bool | Unset = UNSET,
    product_type: Iterable[ProductType | int] | Unset = UNSET,
) -> ErrorDetail | FieldErrors | ProductImagePage | None:
    """`sync`, asynchronously."""
    response = await asyncio_detailed(
        channel_id=channel_id,
        client=client,
        page=page,
        limit=limit,
        product=product,
        product_pk_in=product_pk_in,
        id_in=id_in,
        is_seller_product=is_seller_product,
        product_type=product_type,
    )
    return response.parsed
