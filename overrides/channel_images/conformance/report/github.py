"""Writes `--format github`: violations as annotations of a GitHub Actions run."""

from itertools import zip_longest

from channel_images.conformance.report.summary import (
    basis,
    by_cause,
    by_rule,
    caveats,
    changed,
    following,
    plural,
    sentence,
)
from channel_images.conformance.report.text import evidence_text, visible_line
from channel_images.conformance.results import Report, Result

MAX_TEXT = 1_000
"""Characters of one text that may quote what a server sent."""
MAX_ANNOTATIONS = 10
"""GitHub shows so many errors, and so many warnings, for one step, and drops the rest without a word."""


def render_github(report: Report) -> str:
    """Workflow commands, one a line: an annotation for each violation, and the verdict as the last.

    Every line is a command, so that nothing which a server sent can be one.
    """
    groups = by_cause([*report.violations(), *report.lacking()]).values()
    # GitHub drops what is too much: the first of each cause goes before the second of any.
    told = [result for nth in zip_longest(*groups) for result in nth if result is not None]
    lines = []
    for level, results in (
        ("error", [result for result in told if report.counts(result)]),
        ("warning", [result for result in told if not report.counts(result)]),
    ):
        # The verdict of a run that fails is an error too, and must not be the one that is dropped.
        most = MAX_ANNOTATIONS - 1
        shown = results if len(results) <= most else results[: most - 1]
        lines += [_command(level, f"{result.rule} ({result.operation})", _message(report, result)) for result in shown]
        if more := results[len(shown) :]:
            rules = ", ".join(f"{rule} ({len(those)})" for rule, those in by_rule(more).items())
            lines.append(_command(level, f"{plural(len(more), level)} more", f"in the report: {rules}"))
    level = "notice" if report.verdict == "conforms" else "error"
    lines.append(_command(level, "channel-images check", _verdict(report)))
    return "\n".join(lines)


def _verdict(report: Report) -> str:
    told = [f"{visible_line(report.url, MAX_TEXT)} {sentence(report)}", *basis(report)]
    if report.change:
        told += [changed(report.change), *(visible_line(note, MAX_TEXT) for note in report.change.notes)]
    return " · ".join([*told, *caveats(report)])


def _message(report: Report, result: Result) -> str:
    told = evidence_text(result, MAX_TEXT) or visible_line(f"{result.verdict}: {result.reason}", MAX_TEXT)
    return "\n".join(filter(None, (told, following(report, result))))


def _command(level: str, title: str, message: str) -> str:
    escaped = _data(visible_line(title, MAX_TEXT)).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={escaped}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
