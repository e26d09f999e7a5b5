"""A connector as simple as can be, over HTTP: what it asks for is what tests say."""

from collections.abc import Iterable, Mapping
from typing import Any

import httpx
from attrs import frozen

from channel_images.mock import MockServer
from channel_images.mock.data.made import Row

Batch = dict[str, Any]
PENDING = ("inserts", "updates", "inserts_or_updates")


@frozen
class Reporter:
    """Reports of one channel; `client` has the token, and the API's root as its base URL."""

    client: httpx.Client
    channel: int = 5

    def path(self, rest: str) -> str:
        return f"/api/v1/channel/{self.channel}/{rest}"

    def get(self, rest: str, **params: Any) -> Any:
        response = self.client.get(self.path(rest), params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def pending(self, name: str) -> list[Row]:
        """All of a pending list."""
        rows: list[Row] = self.get(f"product_images/{name}/", limit=1000)
        return rows

    def pks(self, name: str) -> list[int]:
        return [row["pk"] for row in self.pending(name)]

    def create(self, **body: Any) -> Batch:
        response = self.client.post(self.path("batch_requests/"), json=body)
        assert response.status_code == 201, response.text
        batch: Batch = response.json()
        return batch

    def patch(self, batch: Batch, **body: Any) -> httpx.Response:
        return self.client.patch(self.path(f"batch_requests/{batch['pk']}/"), json=body)

    def move(self, batch: Batch, status: str, **body: Any) -> Batch:
        """Move a batch on, which must be possible."""
        response = self.patch(batch, status=status, **body)
        assert response.status_code == 200, response.text
        moved: Batch = response.json()
        return moved

    def commit(self, rows: Iterable[Mapping[str, Any]]) -> Batch:
        """A batch that has taken these rows."""
        return self.move(self.create(), "commit", objects=taken(rows))

    def done(self, batch: Batch, *pks: int, failed: Iterable[int] = ()) -> Batch:
        objects = [{"pk": pk, "remote_id": f"shop-{pk}"} for pk in pks]
        objects += [{"pk": pk, "failed_reason_type": "remote"} for pk in failed]
        return self.move(batch, "done", objects=objects)

    def action(self, pk: int) -> dict[str, Any]:
        """What the platform keeps of an image."""
        found = self.get("integration_actions/", object_id=pk, content_type_name="productimage")["results"]
        assert len(found) == 1
        action: dict[str, Any] = found[0]
        return action


def taken(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows as a commit names them."""
    return [{"pk": row["pk"], "version_date": row["modified_date"], "content_type": "productimage"} for row in rows]


def connect(server: MockServer) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Token {server.token}"})
