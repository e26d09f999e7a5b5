"""Writes what docs/ derives from the code, and the static site in docs/site: the API reference and the guide.

    python docs/build.py            docs/rules.md, docs/contract-changes.md, docs/site
    python docs/build.py --check    exit 1 where one of the two is not current

The reference is redocly's, and needs Node; without it, a line says that it was left out.
"""

import os
import shutil
import subprocess
import sys
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from channel_images.conformance import catalogue

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
SITE = DOCS / "site"
CODEGEN = ROOT / "overrides" / "codegen"
SCHEMAS = ROOT / "overrides" / "channel_images" / "conformance" / "schemas"
EXAMPLE = ROOT / "examples" / "connector"
PAGES = [
    ROOT / "README.md",
    *sorted(DOCS.glob("*.md")),
    EXAMPLE / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
]

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 50rem; margin: 0 auto; padding: 1.5rem; }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1rem; padding-bottom: 1rem; border-bottom: 1px solid #8886; }
pre { background: #8881; padding: .8rem; overflow-x: auto; border-radius: .3rem; font-size: .88rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top; }
"""


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
    has_reference = write_reference()
    for schema in SCHEMAS.glob("*.json"):
        shutil.copy(schema, SITE)
    for source in EXAMPLE.glob("*.py"):
        shutil.copy(source, SITE)
    for page in PAGES:
        (SITE / html_name(page)).write_text(render(page, has_reference), encoding="utf-8")
    sys.stdout.write(f"{SITE.relative_to(ROOT)}/index.html: {len(PAGES)} pages\n")
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


def html_name(page: Path) -> str:
    """The file of a page in the site; the README is its start."""
    if page.parent == EXAMPLE:
        return "example.html"
    return "index.html" if page.name == "README.md" else f"{page.stem.lower()}.html"


def render(page: Path, has_reference: bool) -> str:
    """A page of the guide, with links to the others."""
    body = MarkdownIt("commonmark").enable("table").render(page.read_text(encoding="utf-8"))
    for other in PAGES:
        path = other.relative_to(ROOT).as_posix()
        for link in (*([other.name] if other.parent == page.parent else []), path, f"../{path}", f"../../{path}"):
            body = body.replace(f'href="{link}', f'href="{html_name(other)}')
    body = body.replace('href="../overrides/channel_images/conformance/schemas/', 'href="')
    links = [(html_name(other), title(other)) for other in PAGES]
    if has_reference:
        links.insert(1, ("api.html", "API reference"))
    navigation = " ".join(f'<a href="{name}">{escape(text)}</a>' for name, text in links)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title(page))}</title><style>{STYLE}</style></head>"
        f'<body><nav aria-label="Pages">{navigation}</nav><main>{body}</main></body></html>\n'
    )


def title(page: Path) -> str:
    """The first heading of a page."""
    return page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")


if __name__ == "__main__":
    sys.exit(main())
