"""docs/rules.md is what the rules say of themselves."""

from pathlib import Path

from channel_images.conformance import catalogue


def test_the_catalogue_in_the_docs_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "rules.md"
    assert page.read_text(encoding="utf-8") == "\n".join(catalogue.lines()).rstrip() + "\n", "run `make docs`"
