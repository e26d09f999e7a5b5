"""A page in headless Chromium: the system's, since Playwright's own browsers are a download of their own."""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import lint_contract
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

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
    # What it does not object to is megabytes, which need not leave the page.
    violations = page.evaluate(
        "axe.run({rules: {'target-size': {enabled: true}}, resultTypes: ['violations']}).then(found => found.violations)"
    )
    return [f"{each['id']}: {each['help']}: {each['nodes'][0]['html']}" for each in violations]


@contextmanager
def chromium_page(url: str, *, scripts: bool = True) -> Iterator[Page]:
    """A page at ``url``, whose scripts run or not, with storage of its own that is gone afterwards.

    All tests of a process share one Chromium: to start it, and the driver of Playwright, costs more than most of them.
    """
    if not _kept:
        _kept.append(_Chromium(find_chromium()))
    with (
        _kept[0].at_work() as browser,
        browser.new_context(
            base_url=url, viewport={"width": 1280, "height": 900}, java_script_enabled=scripts
        ) as context,
    ):
        context.set_default_timeout(_TIMEOUT)
        yield context.new_page()


class _Chromium:
    """Chromium and the driver of Playwright, from the first test that needs them until ``end_chromium``.

    Playwright leaves an event loop running in this thread, in a greenlet of its own. ``asyncio.run`` of other tests would
    fail there, so Python is told of that loop only as long as a page is in use.
    """

    def __init__(self, executable: Path) -> None:
        self._hooks = sys.get_asyncgen_hooks()
        self._playwright = sync_playwright().start()
        self._loop = asyncio.get_running_loop()
        self._loops_hooks = sys.get_asyncgen_hooks()
        self._browser = self._playwright.chromium.launch(executable_path=executable, args=list(_FLAGS))

    @contextmanager
    def at_work(self) -> Iterator[Browser]:
        asyncio._set_running_loop(self._loop)
        sys.set_asyncgen_hooks(*self._loops_hooks)
        try:
            yield self._browser
        finally:
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*self._hooks)

    def end(self) -> None:
        with self.at_work():
            self._browser.close()
            self._playwright.stop()


_kept: list[_Chromium] = []


def end_chromium() -> None:
    """At the end of a run."""
    while _kept:
        _kept.pop().end()
