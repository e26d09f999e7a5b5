# Generated from openapi.yaml by `make generate`, which overwrites every change. Do not edit.

from collections.abc import Callable

import httpx

from ...client import Client
from ...models.error_detail import ErrorDetail
from ...models.field_errors import FieldErrors
from ...models.product_image import ProductImage
from ...types import (
    Request,
    Response,
    build_request,
    build_response,
    encode_segment,
    first_of,
    from_json,
)

_DECODERS: dict[int, Callable[[bytes], ErrorDetail | FieldErrors | ProductImage]] = {
    200: ProductImage.from_json,
    400: from_json(first_of(ErrorDetail.from_dict, FieldErrors.from_dict)),
    401: ErrorDetail.from_json,
    403: ErrorDetail.from_json,
    404: ErrorDetail.from_json,
    429: ErrorDetail.from_json,
    500: ErrorDetail.from_json,
}


def request(
    channel_id: int,
    id: int,
) -> Request:
    """The request that `sync_detailed` sends, for those who send it themselves."""
    return Request("GET", f"/api/v1/channel/{encode_segment(channel_id)}/product_images/{encode_segment(id)}/detailed/")


def _build_response(*, client: Client, response: httpx.Response) -> Response[ErrorDetail | FieldErrors | ProductImage]:
    return build_response(response, _DECODERS, raise_on_unexpected_status=client.raise_on_unexpected_status)


def sync_detailed(
    channel_id: int,
    id: int,
    *,
    client: Client,
) -> Response[ErrorDetail | FieldErrors | ProductImage]:
    """Retrieve one image of a channel with its details.

    One image of the channel, equal in every documented field to the plain retrieval and to both lists. It may carry
    further fields: the details, which this contract leaves open. An image that does not exist, or that belongs to
    another channel only, is 404 (or 403).

    Args:
        channel_id: The sales channel whose images are meant.
        id: The `pk` of an image.

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
            id=id,
        ),
    )
    response = client.get_httpx_client().send(built)
    return _build_response(client=client, response=response)


def sync(
    channel_id: int,
    id: int,
    *,
    client: Client,
) -> ErrorDetail | FieldErrors | ProductImage | None:
    """The `parsed` of `sync_detailed`."""
    return sync_detailed(
        channel_id=channel_id,
        id=id,
        client=client,
    ).parsed


async def asyncio_detailed(
    channel_id: int,
    id: int,
    *,
    client: Client,
) -> Response[ErrorDetail | FieldErrors | ProductImage]:
    """`sync_detailed`, asynchronously."""
    built = build_request(
        client.get_async_httpx_client(),
        request(
            channel_id=channel_id,
            id=id,
        ),
    )
    response = await client.get_async_httpx_client().send(built)
    return _build_response(client=client, response=response)


async def asyncio(
    channel_id: int,
    id: int,
    *,
    client: Client,
) -> ErrorDetail | FieldErrors | ProductImage | None:
    """`sync`, asynchronously."""
    response = await asyncio_detailed(
        channel_id=channel_id,
        id=id,
        client=client,
    )
    return response.parsed
