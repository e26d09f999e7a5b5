"""Views of a report: ``report.json`` is the source, the others render it."""

import json
import os
import tempfile
from pathlib import Path

from channel_images.conformance.report.html import render_html
from channel_images.conformance.results import Report

__all__ = ("render_html", "write_report")


def write_report(report: Report, folder: Path) -> None:
    """Write ``report.json`` and ``index.html`` into ``folder``, which is made where it is missing.

    Each file appears whole or not at all. Raises ``OSError`` where the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "report.json", json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n")
    _write(folder / "index.html", render_html(report))


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
