"""The pytest plugin, in the runs of somebody else: among them every example of docs/testing.md."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from channel_images import pytest_plugin

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "testing.md"
NAME = "channel_images"


def pytest_in(folder: Path, *options: str, code: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """A run of pytest in `folder`, as a process of its own; `code` runs before it."""
    # An installation from before the entry point was declared does not have it.
    plugin = [] if entry_points(group="pytest11", name=NAME) else ["-p", pytest_plugin.__name__]
    arguments = ["-q", "-W", "error", "-p", "no:cacheprovider", *plugin, *options]
    return subprocess.run(
        [sys.executable, "-c", f"{code}\nimport pytest, sys; sys.exit(pytest.main({arguments!r}))"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | variables,
    )


def test_it_is_registered() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {NAME: pytest_plugin.__name__}


def test_the_guide_is_true(tmp_path: Path) -> None:
    examples = re.findall(r"``python\n# (\S+\.py)\n(.*?)``", GUIDE.read_text(), re.DOTALL)
    assert len(examples) == GUIDE.read_text().count("``python")
    for name, code in examples:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    done = pytest_in(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    tests = sum(code.count("def test_") for _, code in examples)
    # One of them has three parameters.
    assert f"{tests + 2} passed" in done.stdout


def test_each_test_finds_the_first_state(tmp_path: Path) -> None:
    (tmp_path / "test_state.py").write_text(
        """
import httpx
import pytest
from channel_images_api.api.sales_channel_product_image import list_product_images, retrieve_product_image

kept = []

@pytest.mark.parametrize("turn", [1, 2])
def test_state(channel_images_mock, turn):
    mock = channel_images_mock
    assert mock.requests == []
    assert list_product_images.sync_detailed(7, client=mock.client).parsed.count == 0
    image = mock.add(7, product_type=3, is_seller_product=True)
    assert mock.modify(7, image["pk"], width=9)["width"] == 9
    assert retrieve_product_image.sync_detailed(7, image["pk"], client=mock.client).parsed.width == 9
    mock.remove(7, image["pk"])
    mock.remove(5, 1)
    mock.fault("500")
    assert list_product_images.sync_detailed(7, client=mock.client).status_code == 500
    mock.clear_faults()
    mock.fault("500")
    assert mock.url in repr(mock) and mock.token not in repr(mock)
    kept.append((mock.server, mock.client))

def test_what_is_left():
    assert kept[0][0] is kept[1][0]
    assert all(client.get_httpx_client().is_closed for _, client in kept)
"""
    )
    done = pytest_in(tmp_path)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_a_request_that_waits_does_not_outlive_its_test(tmp_path: Path) -> None:
    (tmp_path / "test_waiting.py").write_text(
        """
import threading
import httpx

ended = threading.Event()

def ask(url):
    try:
        httpx.get(url + "/api/v1/channel/5/product_images/", timeout=60)
    except httpx.RemoteProtocolError:
        ended.set()

def test_it_waits(channel_images_mock):
    channel_images_mock.fault("latency:seconds=3600")
    threading.Thread(target=ask, args=[channel_images_mock.url]).start()
    while not channel_images_mock.server.faults.standings[0].struck:
        httpx.get(channel_images_mock.url)

def test_it_waits_no_more():
    assert ended.wait(30)
"""
    )
    done = pytest_in(tmp_path)
    assert "2 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": ".corp.example.com"},
        {"http_proxy": "http://user:p%40ss@127.0.0.1:9"},
        {"ALL_PROXY": "socks5h://127.0.0.1:9"},
        {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "::1,fd00::/8"},
        {"SSL_CERT_FILE": "missing.pem"},
    ],
    ids=str,
)
def test_its_clients_reach_the_server_whatever_the_environment_says(tmp_path: Path, variables: dict[str, str]) -> None:
    (tmp_path / "test_clients.py").write_text(
        """
import asyncio
from channel_images_api.api.sales_channel_product_image import list_product_images

def test_clients(channel_images_mock):
    mock = channel_images_mock
    assert list_product_images.sync_detailed(6, client=mock.client).parsed.count == 23
    assert list_product_images.sync_detailed(6, client=mock.client.with_timeout(9)).parsed.count == 23
    assert asyncio.run(list_product_images.asyncio_detailed(6, client=mock.async_client)).parsed.count == 23
"""
    )
    done = pytest_in(tmp_path, **variables)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(channel_images_mock): ...")
    done = pytest_in(tmp_path, code="import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = None")
    assert done.returncode == 1
    assert re.search(r"channel_images_mock needs \w+, of an extra: pip install 'channel-images\[mock\]'", done.stdout)
    assert "Traceback" not in done.stdout


def test_a_run_without_it_imports_no_server(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import sys

def test_it():
    assert "channel_images.pytest_plugin" in sys.modules
    heavy = {"starlette", "uvicorn", "jsonschema_rs", "yaml", "channel_images.mock"}
    assert not heavy & sys.modules.keys()
"""
    )
    # The plugins of others, which are installed here for other tests, load some of it themselves.
    done = pytest_in(tmp_path, "-p", "no:schemathesis", "-p", "no:hypothesispytest", "-p", "no:anyio")
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_imports_nothing_but_pytest() -> None:
    tree = ast.parse(Path(pytest_plugin.__file__).read_text())
    imported = {
        name.partition(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    }
    assert imported - set(sys.stdlib_module_names) == {"pytest"}
