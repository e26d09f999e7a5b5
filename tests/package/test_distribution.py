"""What users install: the wheel, alone, with the sources out of reach."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    "openapi.yaml",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "hatch_build.py",
    "generated",
    "overrides",
)


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command outside the checkout; its output, or the failure with all of it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=inherited | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, and the wheel built from it, made from a copy of the sources."""
    source = tmp_path_factory.mktemp("source")
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, source)
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source, cwd=out)
    shutil.rmtree(source)
    return out


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel, and sees this one's dependencies but not its sources."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    (wheel,) = dist.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    purelib = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    # A folder that a .pth names is on the path, but its own .pth files, the editable install's, are not read.
    (Path(purelib) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_the_wheel_holds_both_packages_the_contract_and_the_type_markers(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "channel_images/__init__.py",
        "channel_images/openapi.yaml",
        "channel_images/py.typed",
        "channel_images/conformance/report/index.html.jinja",
        "channel_images/conformance/report/page.css",
        "channel_images/conformance/report/page.js",
        *(f"channel_images/mock/docs/{name}" for name in ("docs.css", "docs.js", "index.html")),
        "channel_images_api/__init__.py",
        "channel_images_api/py.typed",
    } <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"channel_images", "channel_images_api"}


def test_the_sdist_holds_what_a_build_needs(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "openapi.yaml",
        "pyproject.toml",
        "LICENSE",
        "README.md",
        "generated/channel_images_api/py.typed",
        "overrides/channel_images/py.typed",
    } <= names
    assert not any("node_modules" in name for name in names)


@pytest.mark.parametrize("package", ["channel_images", "channel_images_api"])
def test_the_wheel_imports_with_the_sources_out_of_reach(installed: Path, package: str) -> None:
    place = run(installed, "-c", f"import {package}; print({package}.__file__)", cwd=installed.parent)
    assert Path(place.strip()).is_relative_to(installed.parents[1])


def test_the_contract_is_found_from_the_wheel(installed: Path) -> None:
    text = run(installed, "-m", "channel_images.cli", "spec", cwd=installed.parent, PYTHONUTF8="1")
    assert text == (ROOT / "openapi.yaml").read_text(encoding="utf-8")


def test_importing_the_package_pulls_in_no_extra(installed: Path) -> None:
    program = """
import sys
import httpx  # which imports rich for a command line of its own, where it is installed
before = set(sys.modules)
import channel_images, channel_images.export.run
heavy = {"typer", "rich", "starlette", "uvicorn", "jsonschema_rs", "yaml", "schemathesis", "jinja2", "pyarrow", "pyspark"}
print(sorted(heavy & (set(sys.modules) - before)))
"""
    assert run(installed, "-c", program, cwd=installed.parent).strip() == "[]"


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.lock")), ids=lambda path: path.name)
def test_a_lock_file_pins_every_package_by_hash_and_names_no_host(path: Path) -> None:
    lock = path.read_text()
    assert "://" not in lock
    pinned = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert pinned
    assert all("==" in line and line.endswith("\\") for line in pinned)
