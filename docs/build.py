"""Writes what docs/ derives from the code, and the site in docs/site: the guide, the HTTP API and the Python API.

    python docs/build.py            docs/rules.md, docs/contract-changes.md, docs/site
    python docs/build.py --check    exit 1 where one of the two pages is not current

The reference of the HTTP API is redocly's, and needs Node; without it, a line says that it was left out.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from channel_images.conformance import catalogue

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
SITE = DOCS / "site"
CACHE = SITE / ".doctrees"
CODEGEN = ROOT / "overrides" / "codegen"


def main() -> int:
    """Do what the arguments ask for; the exit code."""
    derived = {
        DOCS / "rules.md": "\n".join(catalogue.lines()).rstrip() + "\n",
        DOCS / "contract-changes.md": contract_changes(),
    }
    if sys.argv[1:] == ["--check"]:
        old = [page for page, text in derived.items() if not page.exists() or page.read_text(encoding="utf-8") != text]
        for page in old:
            sys.stderr.write(f"{page.relative_to(ROOT)}: not current; run `make docs`\n")
        return 1 if old else 0
    if sys.argv[1:]:
        sys.stderr.write("docs/build.py takes --check or nothing\n")
        return 2
    for page, text in derived.items():
        page.write_text(text, encoding="utf-8")
    shutil.rmtree(SITE, ignore_errors=True)
    SITE.mkdir()
    tags = ["-t", "http_api"] if write_reference() else []
    # A warning is an error: it is a link or an anchor that leads nowhere, or a name that is not there.
    done = subprocess.run(  # noqa: S603 - Sphinx, on files of this repository
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", *tags, "-c", DOCS, "-d", CACHE, ROOT, SITE],
        check=False,
    )
    if done.returncode:
        return 1
    # Of HTML such as <picture>, Sphinx copies nothing.
    shutil.copytree(DOCS / "pictures", SITE / "docs" / "pictures")
    (SITE / "index.html").write_text('<meta charset="utf-8"><meta http-equiv="refresh" content="0; url=README.html">\n')
    sys.stdout.write(f"{SITE.relative_to(ROOT)}/index.html\n")
    return 0


def contract_changes() -> str:
    """What has changed in the contract since its last release, in Markdown."""
    result = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, CODEGEN / "lint_contract.py", "--changes"], capture_output=True, encoding="utf-8", check=False
    )
    if result.returncode:
        sys.exit(result.stdout.rstrip())
    return result.stdout


def write_reference() -> bool:
    """The API reference, by redocly; whether it could be made."""
    redocly = CODEGEN / "node_modules" / ".bin" / "redocly"
    if not redocly.exists():
        sys.stdout.write(
            "docs/site: the API reference is left out, for want of redocly (`make lint` installs it where Node is)\n"
        )
        return False
    # Without its bundle inlined, the page is blank where no other host can be reached.
    subprocess.run(  # noqa: S603 - the pinned redocly, on files of this repository
        [redocly, "build-docs", ROOT / "openapi.yaml", "--inlineBundle", "--output", SITE / "api.html"],
        check=True,
        cwd=CODEGEN,
        env=os.environ | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return True


if __name__ == "__main__":
    sys.exit(main())
