"""The interactive reference at `/`: what is served, and the page at work in a browser."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from openapi_spec_validator import validate
from playwright.sync_api import ConsoleMessage, Page
from tests.browser import REQUIRED, chromium_page, find_chromium

from channel_images.contract import contract_text, load_contract
from channel_images.mock import MockServer
from channel_images.mock.admin import Admin
from channel_images.mock.beside import OPERATIONS
from channel_images.mock.docs_page import CONTRACT_PATH, DOCS_PATH, REFERENCE_PATH, docs_endpoints, reference
from channel_images.mock.http.journal import ADMIN_PREFIX
from channel_images.mock.operations import operations
from channel_images.mock.settings import Settings
from channel_images.mock.state import State

TYPES = {
    DOCS_PATH: "text/html; charset=utf-8",
    CONTRACT_PATH: "application/yaml",
    REFERENCE_PATH: "application/json",
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


# What is shown beside the contract


def beside() -> dict[str, Any]:
    """The paths of the reference that are not the contract's."""
    paths: dict[str, Any] = json.loads(reference(Settings()))["paths"]
    return {path: item for path, item in paths.items() if path not in load_contract()["paths"]}


def test_the_reference_is_the_contract_and_more() -> None:
    document = json.loads(reference(Settings()))
    assert list(document["paths"])[: len(operations())] == [each.path for each in operations().values()]
    assert document["components"]["schemas"] == load_contract()["components"]["schemas"]
    assert "0 simple, 1 product meta, 2 bundle" in document["components"]["parameters"]["ProductType"]["description"]
    names = [tag["name"] for tag in document["tags"]]
    assert names == ["SalesChannelProductImage", "Reporting", "Sign-in", "Admin"]
    validate(document)


def test_all_that_is_served_beside_the_contract_is_shown(client: httpx.Client) -> None:
    admin = Admin(State.begin(Settings())).endpoints(lambda _call: None)
    assert {path for path in beside() if path.startswith(ADMIN_PREFIX)} == set(admin)
    assert {path for path in beside() if not path.startswith(ADMIN_PREFIX)} == set(OPERATIONS)
    for path, item in beside().items():
        where = path.format(channel_id=5, channel=5, pk=1)
        allowed = client.options(where).headers["allow"].split(", ")
        assert {method.upper() for method in item if method != "parameters"} == set(allowed) - {"HEAD", "OPTIONS"}


def test_each_example_is_taken(client: httpx.Client) -> None:
    taken = []
    for path, item in beside().items():
        for method, operation in item.items():
            if method not in {"post", "patch"}:
                continue
            where = path.format(channel_id=5, channel=7, pk=1 if "batch" in path else 80)
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            examples = [each["value"] for each in content.get("examples", {}).values()]
            for example in examples or [content.get("example", {})]:
                response = client.request(method, where, json=example)
                assert str(response.status_code) in operation["responses"], response.text
                taken.append(response)
    assert len(taken) == 12


def test_an_admin_token_has_a_field_of_its_own() -> None:
    for settings, scheme in ((Settings(), None), (Settings(admin_token="4dmin"), [{"AdminToken": []}])):
        document = json.loads(reference(settings))
        assert "4dmin" not in json.dumps(document)
        assert ("AdminToken" in document["components"]["securitySchemes"]) is (scheme is not None)
        for path in beside():
            shown = [each.get("security") for each in document["paths"][path].values() if isinstance(each, dict)]
            if path.startswith(ADMIN_PREFIX):
                assert shown == [scheme] * len(shown)
            else:
                assert [{"AdminToken": []}] not in shown


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
    assert (f'data-token="Token {token}"' in page) is shown
    assert ("a space and its token" in page) is not shown


def test_the_page_names_the_channels() -> None:
    with MockServer(channels={9: 12_345}) as server:
        assert "Channels: 9 (12,345 images)." in httpx.get(server.url).text
    with MockServer(channels=dict.fromkeys(range(23), 1)) as server:
        assert "18 (1 images), 19 (1 images), and 3 more." in httpx.get(server.url).text


def test_the_page_names_the_product_types(visitor: httpx.Client) -> None:
    types = "0 simple, 1 product meta, 2 bundle, 3 grouped, 4 miscellaneous, 5 offer"
    assert f"Product types: {types}." in visitor.get(DOCS_PATH).text


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


def execute(page: Page, operation_id: str, tag: str = "SalesChannelProductImage") -> tuple[str, str]:
    """Try an operation out with what the form suggests; gives the status that the page shows, and the body."""
    block = page.locator(f"#operations-{tag}-{operation_id}")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    response = block.locator(".live-responses-table tr.response")
    status = response.locator(".response-col_status").inner_text()
    return status.split()[0], response.locator(".highlight-code code").inner_text()


def test_a_list_is_tried_out(running: MockServer) -> None:
    with chromium_page(running.url) as page:
        open_reference(page)
        status, body = execute(page, "listProductImages")
    assert status == "200"
    shown = json.loads(body)
    assert shown["count"] == running.settings.channels[5]
    assert [row["pk"] for row in shown["results"][:3]] == [1, 2, 3]
    assert len(shown["results"]) == 10


def test_a_token_that_was_chosen_is_asked_for() -> None:
    with MockServer(token="s3cret") as server, chromium_page(server.url) as page:
        open_reference(page)
        status, body = execute(page, "retrieveProductImage")
        assert status == "401"
        assert json.loads(body) == {"detail": "Authentication credentials were not provided."}
        page.reload()
        open_reference(page)
        authorise(page, "Token s3cret")
        assert execute(page, "retrieveProductImage")[0] == "200"


def test_reports_and_the_admin_api_are_tried_out(server: MockServer) -> None:
    with chromium_page(server.url) as page:
        open_reference(page)
        status, body = execute(page, "post_api_v1_channel__channel_id__batch_requests_", "Reporting")
        assert (status, json.loads(body)["status"]) == ("201", "initialized")
        status, body = execute(page, "post__mock_images__channel_", "Admin")
        assert (status, json.loads(body)["pk"]) == ("201", 80)
    assert len(server.batches(5)) == 1


@pytest.mark.parametrize("width", [390, 1300])
def test_nothing_is_wider_than_the_window(running: MockServer, width: int) -> None:
    with chromium_page(running.url) as page:
        page.set_viewport_size({"width": width, "height": 900})
        open_reference(page)
        execute(page, "listProductImages")
        assert page.evaluate("document.documentElement.scrollWidth") == width


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
        execute(page, "listProductImages")
        # Everything that is folded in, which may hold pictures and links of its own.
        page.locator(".opblock:not(.is-open) .opblock-summary-control").evaluate_all(
            "blocks => blocks.forEach(block => block.click())"
        )
        page.wait_for_load_state("networkidle")
    assert complaints == []
    here = urlsplit(running.url).netloc
    elsewhere = [url for url in requested if urlsplit(url).scheme != "data" and urlsplit(url).netloc != here]
    assert elsewhere == []
    assert {urlsplit(url).path for url in requested if urlsplit(url).netloc == here} == {*TYPES} - {CONTRACT_PATH} | {
        "/api/v1/channel/5/product_images/"
    }


def test_a_missing_browser_skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(REQUIRED, raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium"):
        find_chromium()
    monkeypatch.setenv(REQUIRED, "1")
    with pytest.raises(pytest.fail.Exception, match=REQUIRED):
        find_chromium()
