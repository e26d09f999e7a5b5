"""Draws the pictures of the README from a real run: docs/pictures/{terminal.svg,report.png}, each light and dark.

    python docs/pictures.py

The check judges a mock server with one bug. Needs Chromium; `make docs` takes the pictures as they are committed.
"""

import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path
from typing import Literal

from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, DIMMED_MONOKAI, TerminalTheme
from rich.text import Text

from channel_images.mock import MockServer

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
sys.path += [str(ROOT), str(ROOT / "overrides" / "codegen")]

BUG = "union-without-updates"
COLUMNS = 96
THEMES: dict[Literal["light", "dark"], TerminalTheme] = {"light": DEFAULT_TERMINAL_THEME, "dark": DIMMED_MONOKAI}


def main() -> None:
    """Run the check, and draw what it prints and what it writes."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        with MockServer(bugs=[BUG]) as server:
            command = ["channel-images", "check", server.url, "--channel", "5", "--quick"]
            done = subprocess.run(  # noqa: S603 - our own command
                [str(Path(sys.executable).with_name(command[0])), *command[1:], "--report", folder],
                env={"CHANNEL_IMAGES_TOKEN": server.token, "COLUMNS": str(COLUMNS), "FORCE_COLOR": "1"},
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
        shown = done.stdout.replace(f"{folder}/", "report/")
        draw_terminal(f"$ {' '.join(command)}\n{shown}".rstrip())
        draw_page(Path(folder) / "index.html")


def draw_terminal(text: str) -> None:
    """What a terminal shows, as SVG."""
    for name, theme in THEMES.items():
        console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
        console.print(Text.from_ansi(text))
        svg = console.export_svg(title="", theme=theme, unique_id="terminal")
        # rich names a font of another host; a picture asks nobody.
        svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code", "monospace")
        (PICTURES / f"terminal-{name}.svg").write_text(svg, encoding="utf-8")


def draw_page(page: Path) -> None:
    """The top of the report's page, as PNG."""
    from tests.browser import find_chromium

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        for scheme in THEMES:
            tab = browser.new_page(viewport={"width": 1000, "height": 720}, color_scheme=scheme)
            tab.goto(page.as_uri())
            tab.screenshot(path=PICTURES / f"report-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    main()
