"""Two packages under the same tests: ours, and what openapi-python-client writes without our templates.

A test marked `repairs(raises=...)` runs against both: it must pass on ours, and fail on stock with that exception. So no test can
claim a repair that stock output does not need.
"""

import asyncio
import importlib
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.warm import Warm

ROOT = Path(__file__).parents[2]
TAG = "sales_channel_product_image"

IMAGE = {
    "pk": 1,
    "product": 123,
    "source": "unified",
    "modified_date": "2022-11-25T12:06:42.954200Z",
    "created_date": "2022-11-25T12:06:41.117003Z",
    "height": 1200,
    "width": 800,
    "hash": "9b2cf535f27731c974343645a3985328",
    "status": "active",
    "is_active": True,
    "order": 0,
    "object_id": 123,
    "content_type": "product",
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "repairs(raises): has to fail on stock output, with this exception")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "api" not in metafunc.fixturenames:
        return
    packages = ["ours", "stock"] if metafunc.definition.get_closest_marker("repairs") else ["ours"]
    metafunc.parametrize("api", packages, indirect=True)


# In place of `xfail`, which writes a traceback for each: a third of these tests' time.
@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    marker = pyfuncitem.get_closest_marker("repairs")
    if marker and pyfuncitem.callspec.params["api"] == "stock":
        with pytest.raises(marker.kwargs["raises"]):
            yield
        return True
    return (yield)


@dataclass
class Package:
    """A generated package."""

    name: str

    def module(self, path: str) -> Any:
        return importlib.import_module(f"{self.name}.{path}")

    def operation(self, name: str) -> Any:
        return self.module(f"api.{TAG}.{name}")

    @property
    def models(self) -> Any:
        return self.module("models")

    @property
    def types(self) -> Any:
        return self.module("types")

    @property
    def errors(self) -> Any:
        return self.module("errors")

    @property
    def client(self) -> Any:
        return self.module("client")

    def send(self, base_url: str, operation: str, *, mode: str = "sync", **arguments: Any) -> Any:
        """The detailed response of an operation, without a token."""
        module = self.operation(operation)
        # verify_ssl: loading certificates, which plain HTTP has no use for, is most of a test's time.
        client = self.client.Client(base_url=base_url, verify_ssl=False, **arguments.pop("client_options", {}))
        arguments = {"channel_id": 5, **({"id": 1} if operation.startswith("retrieve") else {}), **arguments}
        if mode == "sync":
            with client:
                return module.sync_detailed(client=client, **arguments)

        async def send() -> Any:
            async with client:
                return await module.asyncio_detailed(client=client, **arguments)

        return asyncio.run(send())


@pytest.fixture(scope="session")
def ours() -> Package:
    return Package("channel_images_api")


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Package]:
    folder = tmp_path_factory.mktemp("stock")
    scripts = sysconfig.get_path("scripts")
    subprocess.run(
        [
            sys.executable,
            *("-m", "openapi_python_client", "generate", "--meta", "none"),
            *("--path", ROOT / "openapi.yaml", "--output-path", folder / "stock_api"),
        ],
        cwd=folder,
        env={**os.environ, "PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")])},
        check=True,
        capture_output=True,
    )
    sys.path.insert(0, str(folder))
    yield Package("stock_api")
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def api(request: pytest.FixtureRequest) -> Package:
    package: Package = request.getfixturevalue(request.param)
    return package


@pytest.fixture(scope="session")
def image() -> Mapping[str, Any]:
    """The contract's example, with every field."""
    return IMAGE


@dataclass
class Server:
    """A server on loopback that gives one answer to every request, and keeps the requests."""

    url: str
    status: int = 200
    body: bytes = b"[]"
    headers: dict[str, str] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)
    received: list[dict[str, str]] = field(default_factory=list)

    @property
    def query(self) -> str:
        """The query of the last request, as it was on the wire."""
        return urlsplit(self.targets[-1]).query


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.targets.append(self.path)
            state.received.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state = Server(f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """Runs the generator, each time in a process that is a fork."""
    process = Warm("attr", "jinja2", "openapi_python_client.parser.openapi", "yaml")
    yield process
    process.end()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the generator reads and writes, in a folder of its own, to be changed at will."""
    folder = tmp_path / "checkout"
    ignore = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("overrides/codegen", "generated"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("openapi.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    return folder
