"""Sphinx's settings for docs/site: the README, docs/ and the other pages of the repository, as one guide.

The sources are read where they stand, so their links are the same on the site, in a clone and on a code host. `make docs`
runs Sphinx with warnings as errors: a link or an anchor that leads nowhere ends it.
"""

from pathlib import Path

from sphinx.application import Sphinx

NAVIGATION = Path(__file__).with_name("navigation.md")

project = "channel-images"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "docs/design/*.md", "examples/connector/README.md"]
exclude_patterns = ["docs/navigation.md", "docs/site"]
templates_path: list[str] = []

html_theme = "furo"
html_title = "channel-images"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

myst_heading_anchors = 4
# Backticks in docstrings are code, as in Markdown.
default_role = "code"
napoleon_use_ivar = True
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"


def add_navigation(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Give the first page the tree of pages, which readers of the README elsewhere do not need."""
    if docname == root_doc:
        source[0] += NAVIGATION.read_text(encoding="utf-8")


def setup(app: Sphinx) -> None:
    """What Sphinx calls first."""
    app.connect("source-read", add_navigation)
