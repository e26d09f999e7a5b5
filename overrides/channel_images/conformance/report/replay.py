"""Writes `replay.sh`, which asks a server again for each violation and says whether it still shows."""

import re
from importlib.resources import files
from shlex import quote

from channel_images.conformance.asking.operations import FULL
from channel_images.conformance.report.text import visible_line
from channel_images.conformance.results import Report

MOST_WHAT = 200
"""Characters of the name of a violation."""


def render_replay(report: Report) -> str:
    """The script, as text. What a server sent is quoted, and no token is in it."""
    violations = []
    for number, violation in enumerate(report.violations(), 1):
        evidence = violation.evidence
        test = _below(report.url, evidence.test) if evidence else ""
        name = visible_line(str(violation.name), MOST_WHAT)
        body = f"{{\n  {test}\n}}" if test else "{ return 2; }"
        violations.append(f"shows_{number}() {body}\nviolation {number} {quote(name)}\n")
    template = (files("channel_images.conformance.report") / "replay.sh").read_text(encoding="utf-8")
    text = {
        "URL": quote(report.url),
        "PATH": FULL.path_for(report.channels[0]),
        "VIOLATIONS": "\n".join(violations).rstrip() or "echo 'the report has no violation'",
    }
    return re.sub("@(URL|PATH|VIOLATIONS)@", lambda match: text[match[1]], template)


def _below(base: str, test: str) -> str:
    """The test for whatever server the script is told: the base URL of each request is a variable."""
    url = re.escape(base)
    test = re.sub(rf"'{url}(?=[/?'])", '"$URL"\'', test)
    test = re.sub(rf'"{url}(?=[/?"])', '"$URL', test)
    return re.sub(rf"(?<=\s){url}(?=[/?\s)])", '"$URL"', test)
