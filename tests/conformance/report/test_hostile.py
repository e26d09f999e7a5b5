"""What a server may send to those who read a report of it, and how little comes of it."""

import json
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page
from tests.browser import chromium_page
from tests.conformance.report.conftest import CURL, everything, evidence, report

from channel_images.conformance.report import (
    render_github,
    render_html,
    render_json,
    render_junit,
    render_text,
    write_report,
)
from channel_images.conformance.results import Latency, Report, Result, Verdict

MOST_BYTES = 300_000

HOSTILE = {
    "html": "</pre></dd></main><h1>The server conforms</h1><img src='http://evil.example/x.png' onerror=alert(1)>",
    "script": "<script>document.title='owned'</script><style>body{display:none}</style><link rel=stylesheet href=//evil.example>",
    "attribute": '"\' onmouseover="alert(1)" style="position:fixed" {{ 7*7 }} {% raw %}',
    "svg": "<svg onload=alert(1)><title>]]></title><desc>-->",
    "terminal": "\x1b[2J\x1b[H\x1b]0;owned\x07\x1b]8;;http://evil.example\x1b\\link\x9b31m\x08\x08\x7f\r\x0c\x0e",
    "nul": "before\x00after\x01\x02\ufffe\uffff\U0001fffe",
    "surrogates": "lone \ud800 and \udcff, paired the wrong way \udc00\ud800",
    "bidi": "\u202emrofnoc\u202c \u2066isolate\u2069 \u200e\u200f\u061c\ufeff\u200b\u2028\u2029\u00ad\U000e0041",
    "zalgo": "e" + "\u0301" * 2_000,
    "wide": "画" * 5_000,
    "github": "::error::x\n::set-output name=a::b\n##[add-mask]x\r\n::stop-commands::y\n%0A",
    "xml": "]]> &amp; &#0; <!DOCTYPE x [<!ENTITY a 'b'>]> <?php",
    "long": "<&\"'" * 2_500_000,
    "long without a space": "A" * 10_000_000,
    "many lines": "\n" * 10_000_000,
}

Render = Callable[[Report], str]


def hostile_report(text: str) -> Report:
    """A report in which a server's text is in every place that it can get into."""
    shows = evidence(text, (f"{CURL}'{text}'", f"{CURL}'{text[:300]}'"), (text, f"{text[:300]} and more"))
    return report(
        Result("paging.partition", "listProductImages", Verdict.VIOLATED, reason=text, evidence=shows, cause=text),
        Result("paging.count", "listProductImages", Verdict.UNSTABLE, reason=text),
        Result("paging.size", "listProductImages", Verdict.WAIVED, reason=text),
        Result("paging.order", "listProductImages", Verdict.NOT_EXERCISED, reason=text),
        Result("paging.links", "listProductImages", Verdict.PASS, reason=text),
        url=f"http://host/{text}",
        command=f"channel-images check '{text}'",
        versions={"channel-images": text},
        not_judged=text,
        latency={"listProductImages": Latency.of([0.004])},
    )


@pytest.fixture(params=HOSTILE)
def hostile(request: pytest.FixtureRequest) -> Report:
    return hostile_report(HOSTILE[request.param])


@pytest.mark.parametrize("render", [render_html, render_junit, render_text, render_github, render_json])
def test_no_view_holds_what_a_terminal_obeys_or_an_editor_hides(hostile: Report, render: Render) -> None:
    view = render(hostile)
    view.encode()
    unseen = {character for character in set(view) if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert unseen <= {"\n", "\t"}


@pytest.mark.parametrize(
    ("render", "most"), [(render_html, MOST_BYTES), (render_junit, 200_000), (render_github, 50_000)]
)
def test_no_view_grows_with_what_was_sent(hostile: Report, render: Render, most: int) -> None:
    assert len(render(hostile).encode()) < most


def test_the_terminal_still_shows_one_screen(hostile: Report) -> None:
    told = render_text(hostile).splitlines()
    assert len(told) < 24
    assert all(line.startswith(("✗", "    ", "…", "http://host/")) for line in told)


def test_every_line_for_github_is_a_command_of_ours(hostile: Report) -> None:
    told = render_github(hostile).split("\n")
    assert [line.partition(" title=")[0] for line in told] == ["::error", "::error"]


def test_junit_and_json_can_be_read(hostile: Report) -> None:
    root = ElementTree.fromstring(render_junit(hostile))
    assert len(list(root.iter("testcase"))) == 6
    document = json.loads(render_json(hostile))
    json.dumps(document, ensure_ascii=False).encode()


def test_json_keeps_a_text_as_it_was_sent() -> None:
    sent = HOSTILE["terminal"] + HOSTILE["bidi"] + HOSTILE["html"]
    assert json.loads(render_json(hostile_report(sent)))["results"][0]["reason"] == sent


def test_a_request_stays_one_that_can_be_pasted() -> None:
    shown = report(
        Result(
            "paging.links",
            "listProductImages",
            Verdict.VIOLATED,
            evidence=evidence(requests=(f"{CURL}'http://h/?a=\u202e\n\x00é'",)),
        )
    )
    assert "http://h/?a=%E2%80%AE%0A%00é" in render_html(shown)
    assert "http://h/?a=%E2%80%AE%0A%00é" in render_text(shown)


def test_half_a_request_is_never_shown() -> None:
    whole = f"{CURL}'http://h/?{'a' * 60_000}'"
    shown = report(Result("paging.links", "listProductImages", Verdict.VIOLATED, evidence=evidence(requests=(whole,))))
    for view in (render_html, render_text):
        assert "curl" not in view(shown).partition("This run")[0].replace("curl lines", "")
        assert "# a request of 60,0" in view(shown)
    assert json.loads(render_json(shown))["results"][0]["evidence"]["requests"] == [whole]


@pytest.mark.parametrize("name", HOSTILE)
def test_the_page_stays_small_when_everything_fails_in_several_ways(name: str) -> None:
    results = everything(Verdict.VIOLATED, HOSTILE[name][:100_000], times=4)
    idle = everything(Verdict.NOT_EXERCISED, HOSTILE[name][:100_000])
    assert len(render_html(report(*results, *idle)).encode()) < MOST_BYTES


def test_the_page_stays_small_when_there_are_very_many_small_violations() -> None:
    page = render_html(report(*everything(Verdict.VIOLATED, "x", times=40)))
    assert 100_000 < len(page.encode()) < MOST_BYTES
    assert "more in report.json" in page


@contextmanager
def rendered(written: Report, folder: Path) -> Iterator[tuple[Page, list[str]]]:
    """The page in Chromium, and the addresses that it asked for."""
    write_report(written, folder)
    address = (folder / "index.html").as_uri()
    with chromium_page(address) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        page.goto(address)
        yield page, asked


def test_in_a_browser_nothing_hostile_comes_alive(tmp_path: Path) -> None:
    text = "\n".join(value[:3_000] for value in HOSTILE.values())
    # Each text has a violation of its own: the page caps them, and none is to hide behind another.
    results = [
        Result(
            "schema.response",
            "listProductImages",
            Verdict.VIOLATED,
            reason=value,
            evidence=evidence(value, (value[:500],), (value[:500], f"{value[:300]} and more")),
        )
        for value in HOSTILE.values()
    ]
    written = report(*results, *hostile_report(text).results, not_judged=text)
    with rendered(written, tmp_path) as (page, asked):
        assert asked == [(tmp_path / "index.html").as_uri()]
        assert page.title().startswith("not judged")
        assert page.locator("h1").all_inner_texts() == ["The server could not be judged"]
        assert page.locator("img, link, iframe, object, [onerror], [onload], [onmouseover]").count() == 0
        assert page.locator("script, style").evaluate_all("all => all.map(each => each.localName)") == [
            "style",
            "script",
        ]
        assert page.locator("article").count() == len(HOSTILE) + 1
        assert page.locator("article").evaluate_all("all => Math.max(...all.map(each => each.clientHeight))") < 4_500
        assert "<script>document.title='owned'</script>" in page.locator("body").inner_text()


def test_in_a_browser_the_page_can_be_read_everywhere(mixed: Report, tmp_path: Path) -> None:
    written = report(*mixed.results, *everything(Verdict.PASS, "12 requests"), latency=mixed.latency)
    with rendered(written, tmp_path) as (page, _):
        for landmark in ("banner", "main", "contentinfo", "navigation"):
            assert page.get_by_role(landmark).count() == 1
        assert page.get_by_role("img", name="Latency per operation").is_visible()
        assert page.get_by_role("rowheader", name="paging.partition").is_visible()
        overflows = "document.documentElement.scrollWidth > innerWidth"
        for width in (1200, 360):
            page.set_viewport_size({"width": width, "height": 740})
            assert not page.evaluate(overflows)
        page.set_viewport_size({"width": 1200, "height": 740})
        matrix = page.locator(".matrix")
        assert matrix.evaluate("region => region.scrollWidth <= region.clientWidth")
        page.emulate_media(color_scheme="dark")
        assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(22, 23, 26)"
        page.emulate_media(media="print", color_scheme="dark")
        assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(255, 255, 255)"


def test_in_a_browser_a_click_selects_the_requests_whole(tmp_path: Path) -> None:
    requests = (f"{CURL}'http://host/?page=5&limit=7'", f"{CURL}'http://host/?page=6&limit=7'")
    written = report(
        Result("paging.partition", "listProductImages", Verdict.VIOLATED, evidence=evidence(requests=requests))
    )
    with rendered(written, tmp_path) as (page, _):
        page.locator("article pre").click()
        selected = str(page.evaluate("getSelection().toString()"))
        assert [line for line in selected.split("\n") if line] == list(requests)
