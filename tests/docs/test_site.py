"""The docs site: it is built without a warning, and works from disk, in light and dark, on a phone and a desktop."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.browser import chromium_page, find_chromium

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, without redocly's page."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "-c", "docs", "-d", folder / "cache", ".", folder / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # A link or an anchor that leads nowhere is a warning.
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "site"


def test_every_page_is_in_the_navigation(site: Path) -> None:
    first = (site / "README.html").read_text(encoding="utf-8")
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert len(pages) > 20
    assert {page for page in pages if f'href="{page}"' not in first} <= {
        "README.html",
        "py-modindex.html",
        "genindex.html",
    }


def test_the_python_api_shows_docstrings(site: Path) -> None:
    text = (site / "docs" / "python-api.html").read_text(encoding="utf-8")
    for name in ("ChannelImages", "Retries", "ProductImage", "ImageNotFound", "MockServer"):
        assert f".{name}" in text
    assert "The largest number of retries of one request" in text


def test_it_searches_from_disk(site: Path) -> None:
    find_chromium()
    with chromium_page("") as page:
        page.goto((site / "search.html").as_uri() + "?q=Retries")
        page.wait_for_selector("#search-results li a")
        assert any(
            "sdk.html" in (link.get_attribute("href") or "") for link in page.query_selector_all("#search-results a")
        )


@pytest.mark.parametrize("width", [390, 1300])
def test_pages_fit_and_ask_no_other_host(site: Path, width: int) -> None:
    find_chromium()
    with chromium_page("") as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.set_viewport_size({"width": width, "height": 900})
        shades = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for name in ("README.html", "docs/sdk.html", "docs/python-api.html", "docs/mock.html"):
                page.goto((site / name).as_uri())
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            shades.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert shades[0] != shades[1]
        assert [url for url in asked if not url.startswith("file:")] == []
