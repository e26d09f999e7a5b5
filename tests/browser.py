"""A page in headless Chromium: the system's, since Playwright's own browsers are a download of their own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

REQUIRED = "CHANNEL_IMAGES_REQUIRE_BROWSER"
"""Set to 1 where a missing browser is an error: in CI, whose runs skip nothing."""

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
    if found:
        return Path(found)
    reason = "no Chromium on the PATH (Debian's package chromium)"
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{reason}, and {REQUIRED}=1")
    pytest.skip(reason)


@contextmanager
def chromium_page(url: str) -> Iterator[Page]:
    """A page at ``url``, in a browser of its own that is gone afterwards.

    Playwright keeps an event loop running in this thread meanwhile: no fixture that outlives a test may hold the page,
    or ``asyncio.run`` would fail in the tests that follow.
    """
    executable = find_chromium()
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=list(_FLAGS)) as browser,
    ):
        page = browser.new_page(base_url=url, viewport={"width": 1280, "height": 900})
        page.set_default_timeout(_TIMEOUT)
        yield page
