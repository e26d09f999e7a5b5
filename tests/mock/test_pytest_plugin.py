"""The pytest plugin, in the runs of somebody else: among them every example of docs/testing.md."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import trustme

from channel_images import pytest_plugin

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "testing.md"
NAME = "channel_images"


OTHERS = ("anyio", "hypothesispytest", "pytest_cov", "schemathesis", "xdist", "xdist.looponfail")
"""Plugins that are installed here for other tests. They cost a second of each run."""


def pytest_in(
    folder: Path, *, code: str = "", without: Sequence[str] = OTHERS, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A run of pytest in `folder`, as a process of its own; `code` runs before it."""
    # An installation from before the entry point was declared does not have it.
    plugin = [] if entry_points(group="pytest11", name=NAME) else ["-p", pytest_plugin.__name__]
    others = [option for name in ("cacheprovider", *without) for option in ("-p", f"no:{name}")]
    arguments = ["-q", "-W", "error", *others, *plugin]
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


def examples_in(folder: Path) -> list[str]:
    """The examples of the guide, which are written to the folder."""
    examples = re.findall(r"``python\n# (\S+\.py)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(examples) == GUIDE.read_text().count("``python")
    for name, code in examples:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(code)
    return [code for _, code in examples]


def test_the_guide_is_true(tmp_path: Path) -> None:
    examples = examples_in(tmp_path)
    done = pytest_in(tmp_path, without=())
    assert done.returncode == 0, done.stdout + done.stderr
    tests = sum(code.count("def test_") for code in examples)
    # One of them has four parameters.
    assert f"{tests + 3} passed" in done.stdout


def test_the_guides_annotations_are_right(tmp_path: Path) -> None:
    examples_in(tmp_path)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--explicit-package-bases",
        "--cache-dir",
        str(tmp_path / "cache"),
    ]
    files = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.py")]
    assert {Path(each).parent.name for each in files} == {"", "variant", "https"}
    done = subprocess.run(
        [*command, *files],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": f"{ROOT}/overrides:{ROOT}/generated"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_test_finds_the_first_state(tmp_path: Path) -> None:
    (tmp_path / "test_state.py").write_text(
        """
import asyncio

import pytest
from channel_images import ClientUnusable
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
    kept.append((mock.server, mock.client, mock.api, mock.async_api))
    assert mock.api is mock.api and mock.async_api is mock.async_api

def test_what_is_left():
    assert kept[0][0] is kept[1][0]
    for _, client, api, async_api in kept:
        assert client.get_httpx_client().is_closed
        with pytest.raises(ClientUnusable, match="is closed"):
            api.channel(5).image(1)
        with pytest.raises(ClientUnusable, match="is closed"):
            asyncio.run(async_api.channel(5).image(1))
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


SURROUNDINGS = """
import asyncio
import pytest
from channel_images_api.api.sales_channel_product_image import list_product_images

# What clients read when they are made, which is after this.
@pytest.fixture(autouse=True, params={surroundings}, ids=str)
def surroundings(channel_images_mock_server, request, monkeypatch):
    for name, value in request.param.items():
        monkeypatch.setenv(name, value)
"""
CLIENTS = """
def test_ours(channel_images_mock):
    assert channel_images_mock.api.channel(5).image(1).pk == 1
    assert asyncio.run(channel_images_mock.async_api.channel(5).image(1)).pk == 1

def test_generated(channel_images_mock):
    mock = channel_images_mock
    assert mock.url.startswith("{scheme}:")
    assert list_product_images.sync_detailed(6, client=mock.client).parsed.count == 23
    with mock.client.with_timeout(9) as patient:
        assert list_product_images.sync_detailed(6, client=patient).parsed.count == 23
    assert asyncio.run(list_product_images.asyncio_detailed(6, client=mock.async_client)).parsed.count == 23
"""


def test_its_clients_reach_the_server_whatever_the_environment_says(tmp_path: Path) -> None:
    surroundings = [
        {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": ".corp.example.com"},
        {"http_proxy": "http://user:p%40ss@127.0.0.1:9"},
        {"ALL_PROXY": "socks5h://127.0.0.1:9"},
        {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "::1,fd00::/8"},
        {"SSL_CERT_FILE": "missing.pem"},
    ]
    test = SURROUNDINGS.format(surroundings=surroundings) + CLIENTS.format(scheme="http")
    (tmp_path / "test_clients.py").write_text(test)
    done = pytest_in(tmp_path)
    assert "10 passed" in done.stdout, done.stdout + done.stderr


SECURE = """
import pytest
from channel_images.mock import MockServer

@pytest.fixture(scope="session")
def channel_images_mock_server():
    with MockServer(tls={tls}) as server:
        yield server
"""


def test_its_clients_trust_the_certificate_that_was_made(tmp_path: Path) -> None:
    surroundings = [{}, {"SSL_CERT_FILE": "missing.pem"}, {"HTTPS_PROXY": "http://127.0.0.1:9"}]
    (tmp_path / "conftest.py").write_text(SECURE.format(tls=True))
    test = SURROUNDINGS.format(surroundings=surroundings) + CLIENTS.format(scheme="https")
    (tmp_path / "test_clients.py").write_text(test)
    done = pytest_in(tmp_path)
    assert "6 passed" in done.stdout, done.stdout + done.stderr


def test_whom_to_trust_with_ones_own_certificate_says_the_environment(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "conftest.py").write_text(SECURE.format(tls='("own.pem", "own.pem")'))
    (tmp_path / "test_clients.py").write_text(SURROUNDINGS.format(surroundings=[{}]) + CLIENTS.format(scheme="https"))
    done = pytest_in(tmp_path, SSL_CERT_FILE=str(tmp_path / "ca.pem"), NO_PROXY="127.0.0.1")
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_environment_of_a_process(tmp_path: Path) -> None:
    (tmp_path / "test_environment.py").write_text(
        """
def test_it(channel_images_mock):
    mock = channel_images_mock
    expected = {
        "CHANNEL_IMAGES_URL": mock.url,
        "CHANNEL_IMAGES_TOKEN": mock.token,
        "NO_PROXY": ".corp.example.com,127.0.0.1",
        "no_proxy": ".corp.example.com,127.0.0.1",
    }
    assert mock.environ() == expected
    assert mock.environ(channel=7) == expected | {"CHANNEL_IMAGES_CHANNEL": "7"}

def test_no_test_waits(channel_images_mock):
    channel_images_mock.fault("503:first=6")
    assert channel_images_mock.api.channel(5).image(1).pk == 1
    assert [request.status for request in channel_images_mock.requests] == [503] * 6 + [200]
"""
    )
    done = pytest_in(tmp_path, NO_PROXY=".corp.example.com", no_proxy="", SSL_CERT_FILE="missing.pem")
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(channel_images_mock): ...")
    done = pytest_in(tmp_path, code="import sys; sys.modules['starlette'] = sys.modules['uvicorn'] = None")
    assert done.returncode == 1
    assert re.search(r"channel_images.mock needs \w+: pip install 'channel-images\[mock\]'", done.stdout)
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
    done = pytest_in(tmp_path)  # without the others, some of which load it themselves
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
