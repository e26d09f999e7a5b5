"""Writes a report for its readers: `report.json` is the source, the other views render it.

May import `results` and `files`. Start with `write_report`, below.
"""

from pathlib import Path

from channel_images.conformance.files import write_atomically
from channel_images.conformance.report.document import render_json
from channel_images.conformance.report.github import render_github
from channel_images.conformance.report.html import render_html
from channel_images.conformance.report.junit import render_junit
from channel_images.conformance.report.replay import render_replay
from channel_images.conformance.report.terminal import render_text
from channel_images.conformance.results import Report

__all__ = (
    "render_github",
    "render_html",
    "render_json",
    "render_junit",
    "render_replay",
    "render_text",
    "write_report",
)


def write_report(report: Report, folder: Path) -> None:
    """Write `report.json`, `index.html`, `junit.xml` and `replay.sh` into `folder`, which is made where it is missing.

    Each file appears whole or not at all, and takes the place of a link of its name. Raises `OSError` if the
    folder can't be written.
    """
    # All are rendered before one is written: all are of the same run.
    views = {
        "report.json": render_json(report),
        "index.html": render_html(report),
        "junit.xml": render_junit(report),
        "replay.sh": render_replay(report),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in views.items():
        write_atomically(folder / name, text, follow_links=False)
