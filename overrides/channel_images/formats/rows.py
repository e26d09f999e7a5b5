"""Images as the server sent them: what a command prints, and an export writes as text.

The models of the client hold the same values, and dates as Python's; here a date keeps the digits and the offset that
came, and a number whether it came as 12 or 12.0.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from channel_images import Answer, Page, ProductImage

Row = Mapping[str, Any]


def page_rows(page: "Page") -> Sequence[Row]:
    """The rows of a page."""
    from channel_images_api.types import UNSET  # not before there is a page: a command's help needs no httpx

    body = _body(page.response)
    sent = body.get("results") if isinstance(body, dict) else body
    rows: Sequence[Row] = sent if isinstance(sent, list) else []
    if [row.get("pk", UNSET) for row in rows] == [image.pk for image in page.results]:
        return rows
    # A page leaves out what an earlier one had, so its rows are found by their pk.
    by_pk = {row["pk"]: row for row in rows if "pk" in row}
    return [by_pk.get(image.pk) or image.to_dict() for image in page.results]


def image_row(answer: "Answer[ProductImage]") -> Row:
    """The row of one image."""
    body = _body(answer.response)
    return body if isinstance(body, dict) else answer.value.to_dict()


def _body(response: "httpx.Response") -> Any:
    # The client has decoded it before, so it is JSON, but for the answer of a page that came to nothing.
    return json.loads(response.content) if response.status_code == 200 else None
