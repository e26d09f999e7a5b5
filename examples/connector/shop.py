"""A shop to try the connectors with: PUT /images/17 keeps an image, if it is the newest, and refuses one that is too small."""

import json
import sys
import threading
from collections.abc import Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LEAST = 500
"""Pixels: the shop takes no image that is narrower."""


class Shop(ThreadingHTTPServer):
    """The images that the shop has, by their paths. It listens on this machine only.

    Args:
        port: Where; 0 takes a free one.
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.images: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def put(self, path: str, image: dict[str, Any]) -> tuple[int, str]:
        """Take an image: the status, and what is said to it. An older version changes nothing."""
        if (image.get("width") or LEAST) < LEAST:
            return 422, f"the shop wants {LEAST} pixels, not {image['width']}"
        with self.lock:
            known = self.images.get(path)
            if known is None or version(known) < version(image):
                self.images[path] = image
        return 200, "new" if known is None else "known"


def version(image: Mapping[str, Any]) -> datetime:
    """Which version an image is of. As texts, these cannot be compared: some have microseconds."""
    return datetime.fromisoformat(image["modified_date"])


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP for the shop."""

    protocol_version = "HTTP/1.1"  # which keeps connections
    wbufsize = -1  # an answer goes out as a whole
    server: Shop

    def do_PUT(self) -> None:
        image = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, words = self.server.put(self.path, image)
        self.send_response(status)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words.encode())


if __name__ == "__main__":
    with Shop(int(sys.argv[1])) as shop:
        shop.serve_forever()
