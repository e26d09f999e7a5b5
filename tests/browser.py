"""A page in headless Chromium: the system's, since Playwright's own browsers are a download of their own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import lint_contract
import pytest
from playwright.sync_api import Page, sync_playwright

REQUIRED = "CHANNEL_IMAGES_REQUIRE_BROWSER"
"""Set to 1 where a missing browser, or a missing npm, is an error: in CI, whose runs skip nothing."""

# Root, as which CI runs, needs --no-sandbox; the rest keeps Chromium from calling its makers' hosts.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_TIMEOUT = 15_000
"""Milliseconds that a page may take for anything."""


def find_chromium() -> Path:
    """Where Chromium is. Skips the test where there is none, or fails it where ``REQUIRED`` says so."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        _give_up("no Chromium on the PATH (Debian's package chromium)")
    return Path(found)


def _give_up(reason: str) -> NoReturn:
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{reason}, and {REQUIRED}=1")
    pytest.skip(reason)


def axe_source() -> str:
    """The script of axe-core. Skips the test where npm cannot install it, or fails it where ``REQUIRED`` says so."""
    try:
        lint_contract.install()
    except lint_contract.UnavailableError as reason:
        _give_up(f"no axe-core: {reason}")
    return (lint_contract.HERE / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def axe_findings(page: Page) -> list[str]:
    """What axe finds on the page as it stands, by all of its rules: a line for each, with its first element."""
    found = page.evaluate("axe.run({rules: {'target-size': {enabled: true}}})")
    return [f"{each['id']}: {each['help']}: {each['nodes'][0]['html']}" for each in found["violations"]]


@contextmanager
def chromium_page(url: str, *, scripts: bool = True) -> Iterator[Page]:
    """A page at ``url``, whose scripts run or not, in a browser of its own that is gone afterwards.

    Playwright keeps an event loop running in this thread meanwhile: no fixture that outlives a test may hold the page,
    or ``asyncio.run`` would fail in the tests that follow.
    """
    executable = find_chromium()
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=list(_FLAGS)) as browser,
    ):
        page = browser.new_page(base_url=url, viewport={"width": 1280, "height": 900}, java_script_enabled=scripts)
        page.set_default_timeout(_TIMEOUT)
        yield page
