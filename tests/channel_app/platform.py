"""What the platform holds: a mock server's images and batches, as an operator sees them."""

import ssl
from types import TracebackType
from typing import Any, Self

import httpx
from tests.channel_app.worker import CHANNEL

from channel_images.mock import MockServer
from channel_images.mock.reporting.batches import BatchRequest


class Platform:
    """A channel of a mock server, over HTTPS."""

    def __init__(self, server: MockServer) -> None:
        self._server = server
        self._http = httpx.Client(
            base_url=f"{server.url}/api/v1/channel/{CHANNEL}/",
            headers={"Authorization": f"Token {server.token}"},
            verify=ssl.create_default_context(cafile=server.ca_file),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def rows(self) -> list[dict[str, Any]]:
        """Every image."""
        rows: list[dict[str, Any]] = self._get("product_images/")["results"]
        return rows

    def images(self) -> dict[int, str]:
        """The present version of every image, by its pk."""
        return {row["pk"]: row["modified_date"] for row in self.rows()}

    def pending(self, kind: str = "inserts_or_updates") -> set[int]:
        """The pks of a pending list."""
        return {row["pk"] for row in self._get(f"product_images/{kind}/")}

    def sent_before(self) -> dict[int, str]:
        """What a shop has in the beginning: the images that are not pending, and something older of those to update."""
        inserts, updates = self.pending("inserts"), self.pending("updates")
        return {pk: "older" if pk in updates else version for pk, version in self.images().items() if pk not in inserts}

    def batches(self, *statuses: str) -> list[BatchRequest]:
        """The batches of these statuses; of any, where none is given."""
        return [batch for batch in self._server.batches(CHANNEL) if batch.status in statuses or not statuses]

    def fail_batches(self, *statuses: str) -> int:
        """Fail the batches of these statuses, as an operator does after a connector has died; gives how many there were."""
        batches = self._get("batch_requests/", status=statuses)["results"]
        for batch in batches:
            self._http.patch(f"batch_requests/{batch['pk']}/", json={"status": "fail"}).raise_for_status()
        return len(batches)

    def _get(self, path: str, **params: object) -> Any:
        response = self._http.get(path, params={"limit": 1000, **params})  # type: ignore[dict-item]
        return response.raise_for_status().json()
