"""The interactive reference at `/`: what is served, and the page at work in a browser."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import ConsoleMessage, Page
from tests.browser import REQUIRED, chromium_page, find_chromium

from channel_images.contract import contract_text
from channel_images.mock import MockServer
from channel_images.mock.docs_page import CONTRACT_PATH, DOCS_PATH, docs_endpoints
from channel_images.mock.operations import operations
from channel_images.mock.settings import Settings

TYPES = {
    DOCS_PATH: "text/html; charset=utf-8",
    CONTRACT_PATH: "application/yaml",
    "/_docs/docs.css": "text/css; charset=utf-8",
    "/_docs/docs.js": "text/javascript; charset=utf-8",
    "/_docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "/_docs/swagger-ui.css": "text/css; charset=utf-8",
    "/_docs/favicon-32x32.png": "image/png",
}


@pytest.fixture
def visitor(running: MockServer) -> Iterator[httpx.Client]:
    """A client without the token."""
    with httpx.Client(base_url=running.url, headers={"Accept-Encoding": "identity"}) as client:
        yield client


# What is served


@pytest.mark.parametrize(("path", "content_type"), TYPES.items())
def test_everything_is_served_without_the_token(visitor: httpx.Client, path: str, content_type: str) -> None:
    response = visitor.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == content_type
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.content


@pytest.mark.parametrize("path", TYPES)
def test_head_and_revalidation(visitor: httpx.Client, path: str) -> None:
    get, head = visitor.get(path), visitor.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}
    again = visitor.get(path, headers={"If-None-Match": get.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == get.headers["cache-control"]


def test_only_the_packages_assets_are_kept(visitor: httpx.Client) -> None:
    kept = {path for path in TYPES if "max-age" in visitor.head(path).headers["cache-control"]}
    assert kept == {"/_docs/swagger-ui-bundle.js", "/_docs/swagger-ui.css", "/_docs/favicon-32x32.png"}


@pytest.mark.parametrize("path", TYPES)
def test_other_methods_are_refused(visitor: httpx.Client, path: str) -> None:
    response = visitor.post(path, json={})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


def test_the_contract_is_served_as_it_is_written(visitor: httpx.Client) -> None:
    assert visitor.get(CONTRACT_PATH).text == contract_text()


def test_nothing_lies_under_the_contracts_paths() -> None:
    prefixes = {"/" + operation.path.split("/")[1] + "/" for operation in operations().values()}
    assert not [path for path in docs_endpoints(Settings()) if path.startswith(tuple(prefixes))]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../core.py",
        "..%2fcore.py",
        "..%2F..%2Fswagger_ui%2Fcore.py",
        "%2e%2e%2fcore.py",
        "..%5ccore.py",
        "%2fetc%2fpasswd",
        "swagger-ui.css%00",
        "%00",
        "%00.css",
        "%ff%fe",
        "swagger-ui.css/",
        "./swagger-ui.css%2f..%2findex.css",
        "SWAGGER-UI.CSS",
        "swagger-ui.css%20",
        "LICENSE",
        "index.css",
        "swagger-editor.js",
        "x" * 5_000,
    ],
)
def test_no_name_leads_elsewhere(running: MockServer, name: str) -> None:
    # Not by httpx, which resolves dots itself.
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc)
    with closing(connection):
        connection.request("GET", f"/_docs/{name}")
        response = connection.getresponse()
        body = response.read()
    assert response.status == 404
    assert b"import" not in body
    assert b"root:" not in body


@pytest.mark.parametrize(("token", "shown"), [("mock-token", True), ("a-secret-<b>", False)])
def test_only_the_published_token_is_shown(token: str, *, shown: bool) -> None:
    with MockServer(token=token) as server:
        page = httpx.get(server.url).text
    assert (token in page) is shown
    assert ("a space and its token" in page) is not shown


def test_the_page_names_the_channels() -> None:
    with MockServer(channels={9: 12_345}) as server:
        assert "Channels: 9 (12,345 images)." in httpx.get(server.url).text


def test_the_policy_lets_nothing_in_from_elsewhere(visitor: httpx.Client) -> None:
    policy = visitor.get(DOCS_PATH).headers["content-security-policy"]
    directives = dict(directive.split(maxsplit=1) for directive in policy.split("; "))
    assert directives["default-src"] == "'none'"
    assert {source for sources in directives.values() for source in sources.split()} == {
        "'none'",
        "'self'",
        "'unsafe-inline'",
        "data:",
    }
    assert directives["script-src"] == "'self'"


def test_the_assets_cost_the_start_nothing() -> None:
    program = (
        "import sys; from channel_images.mock.app import create_app; from channel_images.mock import docs_page;"
        "create_app(); assert 'swagger_ui' not in sys.modules; assert docs_page._packaged.cache_info().currsize == 0;"
        "docs_page._packaged('swagger-ui.css'); assert 'swagger_ui' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# The page at work


def open_reference(page: Page) -> None:
    page.goto(DOCS_PATH)
    page.locator(".opblock").first.wait_for()


def authorise(page: Page, value: str) -> None:
    page.get_by_role("button", name="Authorize").click()
    dialog = page.locator(".modal-ux")
    dialog.get_by_role("textbox").fill(value)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").last.click()


def execute(page: Page, operation_id: str) -> tuple[str, str]:
    """Try an operation out with what the form suggests; gives the status that the page shows, and the body."""
    block = page.locator(f"#operations-SalesChannelProductImage-{operation_id}")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    response = block.locator(".live-responses-table tr.response")
    status = response.locator(".response-col_status").inner_text()
    return status.split()[0], response.locator(".highlight-code code").inner_text()


def test_a_list_is_tried_out(running: MockServer) -> None:
    with chromium_page(running.url) as page:
        open_reference(page)
        token = page.locator("header code").inner_text()
        authorise(page, token)
        status, body = execute(page, "listProductImages")
    assert status == "200"
    shown = json.loads(body)
    assert shown["count"] == running.settings.channels[5]
    assert [row["pk"] for row in shown["results"][:3]] == [1, 2, 3]
    assert len(shown["results"]) == 10


def test_an_image_is_tried_out_and_refused_without_the_token(running: MockServer) -> None:
    with chromium_page(running.url) as page:
        open_reference(page)
        status, body = execute(page, "retrieveProductImage")
    assert status == "401"
    assert json.loads(body) == {"detail": "Authentication credentials were not provided."}


def test_the_page_loads_nothing_from_elsewhere(running: MockServer) -> None:
    requested: list[str] = []
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # Violations of the content security policy, and whatever could not be loaded.
        if message.type == "error":
            complaints.append(message.text)

    with chromium_page(running.url) as page:
        page.on("request", lambda request: requested.append(request.url))
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        open_reference(page)
        authorise(page, f"Token {running.token}")
        execute(page, "listProductImages")
        # Everything that is folded in, which may hold pictures and links of its own.
        for block in page.locator(".opblock:not(.is-open) .opblock-summary-control").all()[::-1]:
            block.click()
        page.wait_for_load_state("networkidle")
    assert complaints == []
    here = urlsplit(running.url).netloc
    elsewhere = [url for url in requested if urlsplit(url).scheme != "data" and urlsplit(url).netloc != here]
    assert elsewhere == []
    assert {urlsplit(url).path for url in requested if urlsplit(url).netloc == here} >= set(TYPES)


def test_a_missing_browser_skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium"):
        find_chromium()
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match=REQUIRED):
        find_chromium()
