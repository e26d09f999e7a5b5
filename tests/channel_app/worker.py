"""Runs channel_app in a process and an environment of its own: the worker in `connector`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from tests.channel_app.shop import Shop

ROOT = Path(__file__).parents[2]
PYTHON = Path(sys.prefix) / "channel-app" / "bin" / "python"
CHANNEL = 5
CONNECTOR = "tests.channel_app.connector"
UNCHANGED = "channel_app.omnitron.integration"


class Server(Protocol):
    """A mock server that speaks TLS: a `MockServer`, or a process."""

    @property
    def url(self) -> str: ...
    @property
    def ca_file(self) -> str: ...


class Killed(Exception):
    """The worker's process has ended by SIGKILL."""


class Worker:
    """A process of the connector, between a mock server and a shop."""

    def __init__(
        self, server: Server, shop: Shop, *, omnitron: str = f"{CONNECTOR}.omnitron", kill_at: int = 0
    ) -> None:
        """Start it.

        Args:
            server: Where the images are.
            shop: Where they go.
            omnitron: The module with its `OmnitronIntegration`.
            kill_at: The process kills itself at this moment, of those before and after each of its requests; never at 0.
        """
        environ = {
            "PATH": os.environ["PATH"],
            "OMNITRON_URL": f"{server.url}/",
            "OMNITRON_USERNAME": "mock",
            "OMNITRON_PASSWORD": "mock",
            "OMNITRON_CHANNEL_ID": str(CHANNEL),
            "OMNITRON_MODULE": omnitron,
            "CHANNEL_MODULE": f"{CONNECTOR}.marketplace",
            "REQUESTS_CA_BUNDLE": server.ca_file,
            "CACHE_HOST": "127.0.0.1",
            "CACHE_DATABASE_INDEX": "0",
            "SHOP_URL": shop.url,
            "KILL_AT": str(kill_at),
        }
        self._process = subprocess.Popen(
            [PYTHON, "-m", f"{CONNECTOR}.worker"],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def run(self, task: str, **arguments: object) -> str | None:
        """Let it run a method of channel_app's `ImageService`; gives the error that it ended with.

        Raises:
            Killed: The process has killed itself meanwhile.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([task, arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            assert self._process.wait() == -9
            raise Killed
        error: str | None = json.loads(answer)
        return error
