"""The folder that `make test-httpx2` puts on the path does what it says."""

import os
import subprocess
import sys
from pathlib import Path

import httpcore
import httpx

HERE = Path(__file__).parent


def run(program: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_httpx_is_httpx2_where_the_folder_is_on_the_path() -> None:
    program = "import httpcore, httpx, httpx._config; print(httpx.__name__, httpcore.__name__, httpx._config.__name__)"
    assert run(program) == "httpx2 httpcore2 httpx2._config"
    is_on_the_path = str(HERE) in map(os.path.abspath, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    assert (httpx.__name__, httpcore.__name__) == (("httpx2", "httpcore2") if is_on_the_path else ("httpx", "httpcore"))


def test_the_clients_are_of_httpx2_too() -> None:
    program = "import channel_images.client.client as module; print(module.httpx.__name__)"
    assert run(program) == "httpx2"


def test_a_start_imports_neither() -> None:
    assert run("import sys; print({'httpx', 'httpx2'} & set(sys.modules))") == "set()"
