# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from collections.abc import Callable

import httpx

from ...client import Client
from ...models.error_detail import ErrorDetail
from ...models.field_errors import FieldErrors
from ...models.product_image_page import ProductImagePage
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
) -> Request:
    """The request that `sync_detailed` sends, for those who send it themselves."""
    _path = f"/api/v1/channel/{encode_segment(channel_id)}/product_images/detailed/"
    _query = encode_query(
        {
            "page": page,
            "limit": limit,
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
) -> Response[ErrorDetail | FieldErrors | ProductImagePage]:
    """List a channel's product images with details.

    Pages through the same images as the plain list, in number and in every documented field. Each may carry further
    fields: the details, which this contract leaves open.

    Args:
        channel_id: The sales channel whose images are meant.
        page: The number of the page, counted from 1. A page past the end holds no rows, or is 404.
        limit: The number of rows on a page. A server may have a largest limit, of at least 10; it then treats any
            larger one as that, or refuses it with 400.

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
) -> ErrorDetail | FieldErrors | ProductImagePage | None:
    """The `parsed` of `sync_detailed`."""
    return sync_detailed(
        channel_id=channel_id,
        client=client,
        page=page,
        limit=limit,
    ).parsed


async def asyncio_detailed(
    channel_id: int,
    *,
    client: Client,
    page: int | Unset = UNSET,
    limit: int | Unset = UNSET,
) -> Response[ErrorDetail | FieldErrors | ProductImagePage]:
    """`sync_detailed`, asynchronously."""
    built = build_request(
        client.get_async_httpx_client(),
        request(
            channel_id=channel_id,
            page=page,
            limit=limit,
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
) -> ErrorDetail | FieldErrors | ProductImagePage | None:
    """`sync`, asynchronously."""
    response = await asyncio_detailed(
        channel_id=channel_id,
        client=client,
        page=page,
        limit=limit,
    )
    return response.parsed
