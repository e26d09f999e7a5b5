"""Everything of a release but its publication: `make release-check`, or for one that is tagged
`make release-check TAG=v1.2.3 REPOSITORY=https://host/owner/name`.

Writes `dist/`, the sdist and the wheel that are to be published. Exit code 1, and one line, where something is not as it
has to be.
"""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
LOCK = ROOT / "requirements-tools.lock"


class NotReady(Exception):
    """Why this must not be published."""


def need(condition: object, why: str) -> None:
    if not condition:
        raise NotReady(why)


def check_versions(root: Path, tag: str, repository: str) -> str:
    """The version of the package, which the changelog has to begin with.

    Args:
        root: the checkout.
        tag: the tag of the release; empty where there is none yet. Then the changelog may say "unreleased", the
            repository may have no address, and the contract may differ from the one in `tests/contract/released/`.
        repository: where the tag is, for `[project.urls]` and the links of README: see hatch_build.py.

    Raises:
        NotReady: tag, package, changelog and contract do not say the same.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version: str = project["version"]
    heading = re.search(r"^## (\S+) \((.*)\)$", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    if heading is None:
        raise NotReady("CHANGELOG.md: no heading such as '## 1.2.3 (2026-01-31)'")
    need(heading[1] == version, f"CHANGELOG.md begins with {heading[1]}, and pyproject.toml has version {version}")
    if tag:
        need(
            tag == f"v{version}",
            f"the tag is {tag}, and pyproject.toml has version {version}: the tag has to be v{version}",
        )
        need(
            re.fullmatch(r"\d{4}-\d\d-\d\d", heading[2]),
            f"CHANGELOG.md: {version} is '{heading[2]}'; put the date of the release there",
        )
        need(repository, "say where this repository is, so that users find it: REPOSITORY=https://host/owner/name")
        released = root / "tests" / "contract" / "released" / "openapi.yaml"
        need(
            released.read_bytes() == (root / "openapi.yaml").read_bytes(),
            "openapi.yaml is not the contract in tests/contract/released/: copy it there, then `make docs`",
        )
    return version


def build(source: Path, out: Path) -> dict[str, str]:
    """Build the sdist, and the wheel from it; the hash of each."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())}


def check_build(version: str) -> Path:
    """Write `dist/`, and build it a second time from the sdist, elsewhere; the wheel.

    Raises:
        NotReady: the two differ, or the metadata is not valid.
    """
    for old in DIST.glob("*"):
        old.unlink()
    names = {"wheel": f"channel_images-{version}-py3-none-any.whl", "sdist": f"channel_images-{version}.tar.gz"}
    first = build(ROOT, DIST)
    need(set(first) == set(names.values()), f"dist/ holds {', '.join(first)}")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(DIST / names["sdist"]) as archive:
            archive.extractall(folder, filter="data")
        (source,) = Path(folder).iterdir()
        second = build(source, Path(folder) / "dist")
    for name, digest in first.items():
        need(second[name] == digest, f"{name} is not reproducible: a second build has other bytes")
        print(f"{digest}  dist/{name}")
    wheel = DIST / names["wheel"]
    with zipfile.ZipFile(wheel) as archive_of_wheel:
        text = archive_of_wheel.read(f"channel_images-{version}.dist-info/METADATA")
    metadata = Metadata.from_email(text, validate=True)
    for label, url in (metadata.project_urls or {}).items():
        print(f"{label:14}{url}")
    return wheel


def check_installed(wheel: Path, version: str) -> None:
    """Install the wheel as the Dockerfile does, and let its check judge its mock, without a home and a folder to write to.

    Raises:
        NotReady: a command failed, or it is of another version.
    """
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "venv", folder, cwd=Path(folder))
        python = Path(folder) / "bin" / "python"
        pip = (python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps")
        run(*pip, "--require-hashes", "-r", LOCK, cwd=Path(folder))
        run(*pip, "--no-index", wheel, cwd=Path(folder))
        run(python, "-m", "pip", "check", "--disable-pip-version-check", cwd=Path(folder))
        command = Path(folder) / "bin" / "channel-images"
        shown = run(command, "--version", cwd=Path("/"))
        need(
            shown == f"channel-images {version}\n",
            f"the wheel says {shown!r}, and pyproject.toml has version {version}",
        )
        with subprocess.Popen(
            [command, "mock", "--port", "0"],
            cwd="/",
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as mock:
            try:
                url = next(mock.stdout or iter(()), "").removeprefix("URL").strip()
                need(url, f"the mock of the wheel does not start: {'' if url else mock.communicate()[1]}")
                said = run(command, "check", url, "--channel", "5", "--channel", "6", "--quick", cwd=Path("/"))
                print(said.splitlines()[-1])
            finally:
                mock.terminate()


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command that must not fail; its output.

    Raises:
        NotReady: it failed; the message has its output.
    """
    done = subprocess.run(
        command, cwd=cwd, env=_environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    need(done.returncode == 0, f"{' '.join(map(str, command))} ended with exit code {done.returncode}:\n{done.stdout}")
    return done.stdout


def _environment() -> dict[str, str]:
    # Nothing of the sources is found by way of the environment, and there is no home.
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CHANNEL_IMAGES_", "COV_"))
    }
    return kept | {"HOME": os.devnull, "CHANNEL_IMAGES_TOKEN": "mock-token"}


def main(tag: str = "", repository: str = "") -> int:
    try:
        version = check_versions(ROOT, tag, repository)
        check_installed(check_build(version), version)
    except NotReady as error:
        print(f"release-check: {error}", file=sys.stderr)
        return 1
    print(
        f"channel-images {version} can be released"
        + ("" if tag else f": make release-check TAG=v{version} REPOSITORY=https://host/owner/name, then the tag")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
