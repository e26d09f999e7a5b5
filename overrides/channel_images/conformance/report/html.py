"""``index.html``: the report for people, in one file that needs no script and no other host."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from channel_images.conformance.results import Report, Result, Verdict

MAX_TEXT = 2_000
"""Characters of anything that a server sent which the page shows."""

SYMBOLS = {
    Verdict.PASS: "✓",
    Verdict.VIOLATED: "✗",
    Verdict.UNSTABLE: "~",
    Verdict.NOT_EXERCISED: "○",
    Verdict.WAIVED: "w",
}


def render_html(report: Report) -> str:
    """The page, as HTML text; everything that a server sent is escaped and capped."""
    environment = Environment(
        loader=PackageLoader("channel_images.conformance.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cap"] = _cap
    return environment.get_template("index.html.jinja").render(
        report=report,
        matrix=_matrix(report),
        operations=list(dict.fromkeys(result.operation for result in report.results)),
        unexercised=[result for result in report.results if result.verdict is Verdict.NOT_EXERCISED],
        symbols=SYMBOLS,
    )


def _matrix(report: Report) -> dict[str, dict[str, Result]]:
    """Rule by operation, with the gravest result of each."""
    gravity = [Verdict.PASS, Verdict.NOT_EXERCISED, Verdict.WAIVED, Verdict.UNSTABLE, Verdict.VIOLATED]
    cells: dict[str, dict[str, Result]] = {}
    for result in report.results:
        row = cells.setdefault(result.rule, {})
        if result.operation not in row or gravity.index(result.verdict) > gravity.index(row[result.operation].verdict):
            row[result.operation] = result
    return cells


def _cap(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text):,} characters)"
