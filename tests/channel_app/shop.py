"""A marketplace on a port of its own: it takes images, refuses some, and answers at once or later."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Delivery = list[dict[str, Any]]


class Shop:
    """What the connector delivers to: `POST /images` answers at once, `POST /batches` when it is asked for the second time.

    As the framework wants it, an answer has one outcome per product. A test may change what is here at any time.
    """

    def __init__(self, images: Mapping[int, str]) -> None:
        self.images = dict(images)
        """The version that it has of each image."""
        self.refused: set[str] = set()
        """The SKUs of the products whose images it does not take."""
        self.outages = 0
        """How many of the next deliveries are answered with 500."""
        self.on_delivery: Callable[[list[int]], object] = lambda pks: None
        """Called with the pks of each delivery, before it is answered."""
        self._batches: dict[str, Delivery] = {}
        self._asked: set[str] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"shop": self}))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, delivery: Delivery) -> tuple[int, object]:
        """The status and the body for a request."""
        with self._lock:
            if method == "GET":
                return 200, self._outcomes_of(path.rpartition("/")[2])
            self.on_delivery([image["pk"] for image in delivery])
            if self.outages:
                self.outages -= 1
                return 500, {}
            if path == "/images":
                return 200, self._take(delivery)
            name = f"batch-{len(self._batches)}"
            self._batches[name] = delivery
            return 202, {"id": name}

    def _outcomes_of(self, batch: str) -> list[dict[str, object]]:
        if batch not in self._asked:
            self._asked.add(batch)
            return []
        return self._take(self._batches[batch])

    def _take(self, delivery: Delivery) -> list[dict[str, object]]:
        taken = [image for image in delivery if image["sku"] not in self.refused]
        self.images |= {image["pk"]: image["version"] for image in taken}
        return [
            {"sku": sku, "status": "FAIL", "message": "too dark"}
            if sku in self.refused
            else {"sku": sku, "status": "SUCCESS", "remote_id": f"shop-{sku}"}
            for sku in dict.fromkeys(image["sku"] for image in delivery)
        ]


class _Handler(BaseHTTPRequestHandler):
    shop: Shop

    def do_GET(self) -> None:
        self._answer([])

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, delivery: Delivery) -> None:
        status, body = self.shop.answer(self.command, self.path, delivery)
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""
