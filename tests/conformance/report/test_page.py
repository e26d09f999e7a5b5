"""The page at work in a browser: its filter, its links, its print, and what axe says of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import evolve
from playwright.sync_api import Page
from tests.browser import axe_findings, axe_source, chromium_page
from tests.conformance.report.conftest import everything, evidence, report, violation

from channel_images.conformance.report import write_report
from channel_images.conformance.report.html import anchor
from channel_images.conformance.results import Report, Result, Verdict

WIDTHS = (390, 1300)


@contextmanager
def opened(written: Report, folder: Path, fragment: str = "", *, scripts: bool = True) -> Iterator[Page]:
    """The page, which is to ask for nothing but itself, and to be refused nothing by its own policy."""
    write_report(written, folder)
    address = (folder / "index.html").as_uri()
    asked: list[str] = []
    said: list[str] = []
    with chromium_page(address, scripts=scripts) as page:
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(address + fragment)
        yield page
        assert set(asked) == {address}
        assert said == []


def fragment(page: Page) -> str:
    return str(page.evaluate("location.hash")).removeprefix("#")


def violations(page: Page) -> list[str]:
    """The headings of the violations that are to be seen."""
    return page.locator("article:visible h4").all_inner_texts()


def rules(page: Page) -> list[str]:
    """The rules of the rows that are to be seen in the matrix."""
    return page.locator(".matrix tbody tr:visible th").all_inner_texts()


ALL = ["✗ listProductImages", "✗ listDetailedProductImages", "! listProductImages · warning"]
WARNING = ALL[2:]


def test_the_filter_shows_what_is_of_a_verdict_and_a_family(mixed: Report, tmp_path: Path) -> None:
    with opened(mixed, tmp_path) as page:
        assert violations(page) == ALL
        assert page.get_by_role("status").inner_text() == "All is shown."
        page.get_by_label("2 violated").check()
        assert violations(page) == ALL[:2]
        assert rules(page) == ["paging.partition"]
        assert not page.locator("#unstable").is_visible()
        assert fragment(page) == "verdict=violated"
        page.get_by_label("1 warning").check()
        page.get_by_label("auth", exact=True).check()
        assert violations(page) == WARNING
        assert fragment(page) == "family=auth&verdict=violated,warning"
        assert page.get_by_role("status").inner_text() == "You see 1 of 3 violations and 1 of 6 rules."
        page.get_by_label("1 warning").uncheck()
        assert page.get_by_role("status").inner_text() == "You see 0 of 3 violations and 0 of 6 rules."
        assert not page.locator("#violations").is_visible()
        assert page.locator("#latency").is_visible()
        page.get_by_role("button", name="Show all").click()
        assert violations(page) == ALL
        assert fragment(page) == ""
        assert not page.get_by_role("button", name="Show all").is_visible()


def test_the_filter_is_worked_with_keys(mixed: Report, tmp_path: Path) -> None:
    with opened(mixed, tmp_path) as page:
        for _ in range(2):
            page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert fragment(page) == "verdict=warning"
        assert violations(page) == WARNING
        for _ in range(4 + 4 + 1):  # the other verdicts, the families, the button
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert violations(page) == ALL
        assert page.evaluate("document.activeElement.localName") == "input"


def test_the_fragment_brings_the_filter(mixed: Report, tmp_path: Path) -> None:
    shown = {
        "#family=auth": WARNING,
        "#verdict=warning,unstable": WARNING,
        "#family=auth&verdict=violated": [],
        "#family=unknown&verdict=": ALL,
        "#family=%E0%A4%A&=&verdict": ALL,
        "#nothing-of-this-name": ALL,
        "#": ALL,
    }
    with opened(mixed, tmp_path) as page:
        address = page.url
        for start, expected in shown.items():
            page.goto(address + start)
            page.reload()
            assert (start, violations(page)) == (start, expected)


def test_back_brings_the_filter_of_before(mixed: Report, tmp_path: Path) -> None:
    with opened(mixed, tmp_path, "#family=auth") as page:
        page.get_by_role("link", name="Rules by operation").click()
        assert fragment(page) == "family=auth&at=matrix"
        assert rules(page) == ["auth.challenge"]
        page.get_by_label("auth", exact=True).uncheck()
        page.go_back()
        assert fragment(page) == "family=auth"
        assert violations(page) == WARNING


@pytest.mark.parametrize("scripts", [True, False])
def test_a_violation_has_a_link_to_share(scripts: bool, tmp_path: Path) -> None:
    written = report(*(violation(f"paging.{number}") for number in range(20)))
    place = anchor(written.results[15].name)
    with opened(written, tmp_path, f"#{place}", scripts=scripts) as page:
        article = page.locator("article", has=page.locator(f"a[href='#{place}']"))
        assert article.evaluate("each => Math.abs(each.getBoundingClientRect().top) < innerHeight / 2")
        assert article.evaluate("each => getComputedStyle(each).outlineStyle") == "solid"
        assert fragment(page) == place


def test_a_link_to_what_the_filter_hides_ends_the_filter(mixed: Report, tmp_path: Path) -> None:
    place = anchor(mixed.results[1].name)
    with opened(mixed, tmp_path, f"#family=auth&at={place}") as page:
        assert violations(page) == ALL
        assert fragment(page) == place


def test_the_link_of_a_violation_is_the_same_in_another_report() -> None:
    first = violation()
    assert first.evidence is not None
    later = evolve(first, reason="in other words", evidence=evolve(first.evidence, seen="pk 42", bodies=("{}",)))
    assert anchor(later.name) == anchor(first.name)
    others = [
        violation("paging.count"),
        violation(operation="retrieveProductImage"),
        violation(text="a row is missing"),
    ]
    assert len({anchor(each.name) for each in (first, *others)}) == 4


def test_two_violations_of_one_name_have_a_link_each(tmp_path: Path) -> None:
    place = anchor(violation().name)
    with opened(report(violation(), violation()), tmp_path) as page:
        assert page.locator("article").evaluate_all("all => all.map(each => each.id)") == [place, f"{place}-2"]


def test_without_a_script_all_is_shown_and_nothing_can_be_pressed(mixed: Report, tmp_path: Path) -> None:
    with opened(mixed, tmp_path, "#family=auth", scripts=False) as page:
        assert violations(page) == ALL
        assert page.locator("input:visible, button:visible, .scripted:visible").count() == 0
        assert page.get_by_text("2 violated").is_visible()


def test_a_print_has_all_and_nothing_to_press(mixed: Report, tmp_path: Path) -> None:
    with opened(mixed, tmp_path, "#family=auth") as page:
        page.emulate_media(media="print")
        assert violations(page) == ALL
        assert len(rules(page)) == 6
        assert (
            page.locator("input:visible, button:visible, nav:visible, .scripted:visible, .head a:visible").count() == 0
        )
        assert page.get_by_text("2 violated").is_visible()


def test_the_page_runs_no_other_script_and_no_other_style(mixed: Report, tmp_path: Path) -> None:
    write_report(mixed, tmp_path)
    page_file = tmp_path / "index.html"
    foreign = (
        "<script>document.title = 'owned'</script><style>h1 { display: none }</style><h1 onclick='document.title = 1'>"
    )
    page_file.write_text(page_file.read_text().replace("<header>", f"{foreign}<header>"))
    with chromium_page(page_file.as_uri()) as page:
        page.goto(page_file.as_uri())
        page.locator("h1").last.click()
        assert page.title().startswith("violates")
        assert page.locator("h1").last.is_visible()


def test_violations_of_one_cause_stand_together(tmp_path: Path) -> None:
    cause = "Heights are written as text."
    alike = [
        evolve(violation("schema.response", text="height is text"), cause=cause),
        violation("paging.count"),
        evolve(violation("identity.retrieve", "retrieveProductImage", text="another height"), cause=cause),
    ]
    with opened(report(*alike), tmp_path) as page:
        assert page.locator("h3").all_inner_texts() == [cause, "paging.count"]
        assert violations(page) == [
            "✗ schema.response · listProductImages",
            "✗ identity.retrieve · retrieveProductImage",
            "✗ listProductImages",
        ]


def many(mixed: Report) -> Report:
    """Every part of the page, with all that a violation can have."""
    bodies = ('{"count": 120, "next": null}', '{"count": 119, "next": null}')
    shows = evidence(requests=("curl 'http://host/?page=1'", "curl 'http://host/?page=2'"), bodies=bodies)
    compared = Result("paging.count", "listProductImages", Verdict.VIOLATED, evidence=shows, cause="The count is late.")
    return evolve(mixed, results=(compared, *mixed.results, *everything(Verdict.VIOLATED, "a row comes twice")[:10]))


def none(mixed: Report) -> Report:
    return evolve(mixed, results=everything(Verdict.PASS, "12 requests"))


def not_judged(mixed: Report) -> Report:
    return evolve(mixed, results=(), latency={}, not_judged="nothing answers at http://127.0.0.1:8000")


@pytest.mark.parametrize("make", [many, none, not_judged])
def test_axe_finds_nothing(make: object, mixed: Report, tmp_path: Path) -> None:
    assert callable(make)
    source = axe_source()
    with opened(make(mixed), tmp_path) as page:
        page.evaluate(source)
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": 900})
                assert axe_findings(page) == []
                assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
