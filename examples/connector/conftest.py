"""What the tests of both connectors need: a shop in this process, and the connector as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any, Self

import pytest

from channel_images.pytest_plugin import ChannelImagesMock
from shop import Shop, version

HERE = Path(__file__).parent
MOST = 1000
"""Lines of a log: a connector that has said so much will not say what is waited for."""


class Process:
    """A connector that runs.

    Args:
        script: Its file, in this folder.
        environ: Its environment.
    """

    def __init__(self, script: str, environ: Mapping[str, str]) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, HERE / script],
            stderr=subprocess.PIPE,
            text=True,
            env={
                **{name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "SSL_CERT_FILE") if name in os.environ},
                **environ,
            },
        )
        assert self._popen.stderr is not None
        self._lines = self._popen.stderr
        self.log: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._lines.close()
        self._popen.wait()

    def until(self, words: str) -> None:
        """Read its log until a line has these words; not for ever."""
        for line in islice(self._lines, MOST):
            self.log.append(line)
            if words in line:
                return
        pytest.fail(f"no line has {words!r}:\n{''.join(self.log)}", pytrace=False)

    def kill(self) -> None:
        """Kill it, as `kill -9` does."""
        self._popen.kill()

    def end(self, number: int | None = None) -> int:
        """Send it a signal, if one is given; read its log to the end, and return its exit code."""
        if number is not None:
            self._popen.send_signal(number)
        self.log.extend(islice(self._lines, MOST))
        if len(self.log) >= MOST:
            pytest.fail("it does not end", pytrace=False)
        return self._popen.wait()


class TestShop(Shop):
    """A shop that a test can watch, and that can have a bad day."""

    __test__ = False  # it is no test, whatever its name says

    def __init__(self) -> None:
        super().__init__()
        self.on_put: Callable[[int], int | None] = lambda pk: None
        """Gives the status that a PUT of an image is answered with instead of the shop's own."""

    def put(self, path: str, image: dict[str, Any]) -> tuple[int, str]:
        instead = self.on_put(image["pk"])
        return super().put(path, image) if instead is None else (instead, "not today")

    @property
    def versions(self) -> dict[int, datetime]:
        """The version that it has of each image."""
        return {image["pk"]: version(image) for image in self.images.values()}


@pytest.fixture
def shop() -> Iterator[TestShop]:
    with TestShop() as shop:
        thread = Thread(target=shop.serve_forever, args=[0.01])
        thread.start()
        yield shop
        shop.shutdown()
        thread.join()


@pytest.fixture(params=["connector.py", "async_connector.py"])
def script(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def environ(channel_images_mock: ChannelImagesMock, shop: TestShop) -> dict[str, str]:
    """The environment of a connector that works on channel 7, which is empty at first, without a pause between rounds."""
    return {**channel_images_mock.environ(channel=7), "SHOP_URL": shop.url, "POLL_SECONDS": "0"}
