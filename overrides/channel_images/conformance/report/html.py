"""Writes `index.html`: the report for people, in one file that needs no script and no other host."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from attrs import define, frozen
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from channel_images.conformance.report.chart import chart, duration
from channel_images.conformance.report.summary import basis, by_rule, caveats, changed, following, met, plural, sentence
from channel_images.conformance.report.text import remainder, visible, visible_line, visible_request
from channel_images.conformance.results import Report, Result, Seen, Severity, Verdict

MAX_TEXT = 2_000
"""Bytes of a text that may quote what a server sent."""
MIN_TEXT = 400
"""So many it may have where a great many rules are violated."""
MAX_LINES = 40
"""Of one text: line breaks are small and tall."""
MAX_REASON = 400
MAX_REQUESTS = 6
BUDGET = 200_000
"""Bytes of all such texts together, escaped: what is left of 300 KB when matrix, chart and styles are drawn."""
FRAME = 700
"""Bytes of markup around the texts of one violation."""
RESERVE = 20_000
"""The part of it that violations leave to the reasons of what was not exercised."""

SYMBOLS = {
    Verdict.PASS: "✓",
    Verdict.VIOLATED: "✗",
    Verdict.UNSTABLE: "≈",
    Verdict.NOT_EXERCISED: "○",
    Verdict.WAIVED: "⊘",
}
GRAVITY = (Verdict.PASS, Verdict.NOT_EXERCISED, Verdict.WAIVED, Verdict.UNSTABLE, Verdict.VIOLATED)


@frozen
class Shown:
    """A violation as the page shows it."""

    operation: str
    severity: Severity
    relation: Markup
    expected: Markup
    seen: Markup
    requests: Sequence[Markup]
    following: Markup
    """What could not be judged beside it."""


@frozen
class Group:
    """The violations of one rule."""

    rule: str
    statement: Markup
    violations: Sequence[Shown]
    number: int
    """How many there are, shown or not."""


@frozen
class Cell:
    """A rule on an operation in the matrix."""

    symbol: str
    word: str
    style: str
    link: str = ""
    """The anchor of the violation, where the page shows it."""


@frozen
class Why:
    """What did not pass for one reason."""

    rule: str
    operations: Sequence[str]
    reason: Markup


def render_html(report: Report) -> str:
    """The page, as HTML text; everything that a server sent is escaped, made harmless and capped."""
    environment = Environment(
        loader=PackageLoader("channel_images.conformance.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"breakable": _breakable, "duration": duration, "plural": plural, "line": visible_line}
    room = _Room(BUDGET)
    about = {
        name: room.show(text, MAX_TEXT)
        for name, text in (
            ("url", report.url),
            ("contract", report.contract),
            ("not_judged", report.not_judged),
            ("command", report.command),
        )
    }
    groups = list(_groups(report, room))
    return environment.get_template("index.html.jinja").render(
        report=report,
        about=about,
        versions=room.show(", ".join(f"{name} {version}" for name, version in report.versions.items()), MAX_TEXT),
        sentence="could not be judged" if report.not_judged else sentence(report),
        caveats=[*basis(report), *caveats(report)],
        groups=groups,
        hidden={group.rule: more for group in groups if (more := group.number - len(group.violations))},
        families=_matrix(report, {group.rule for group in groups if group.violations}),
        operations=list(dict.fromkeys(result.operation for result in report.results)),
        tally={verdict: (SYMBOLS[verdict], len(results)) for verdict in Verdict if (results := report.having(verdict))},
        asides=[
            (title, verdict.replace(" ", "-"), reasons)
            for title, verdict in (
                ("Unstable", Verdict.UNSTABLE),
                ("Waived", Verdict.WAIVED),
                ("Not exercised", Verdict.NOT_EXERCISED),
            )
            if (reasons := list(_reasons(report.having(verdict), room)))
        ],
        chart=chart(report.latency),
        changed=report.change and changed(report.change),
        met=met(report),
        coverage=_coverage(report),
    )


@define
class _Room:
    """What is left of the page for texts that may quote what a server sent."""

    left: int

    def show(self, text: str, most: int) -> Markup:
        """The text, made harmless and escaped, in at most `most` bytes and what is left, and a note of what is not."""
        most = min(most, max(self.left, 0))
        # Escaped, a character takes one byte at least.
        whole = visible(text[:most], most)
        pieces: list[str] = []
        size = lines = 0
        for character in whole:
            piece = str(escape(character))
            size += len(piece.encode())
            lines += character == "\n"
            if size > most or lines == MAX_LINES:
                break
            pieces.append(piece)
        note = remainder(len(text), 0) if len(pieces) < len(whole) or len(text) > most else ""
        self.left -= size + len(note.encode())
        return Markup("".join(pieces)) + note  # noqa: S704  # escaped above

    def request(self, line: str, most: int) -> Markup:
        """A `curl` line, whole or not at all."""
        shown = escape(visible_request(line, min(most, max(self.left, 0))))
        self.left -= len(shown.encode())
        return shown


def _groups(report: Report, room: _Room) -> Iterator[Group]:
    """The violations by rule; where not all find room, the first of each rule goes before the second of any."""
    groups = by_rule(report.violations())
    shown: dict[str, list[Shown]] = {rule: [] for rule in groups}
    # Sized so that one violation of each rule finds room, with three texts and all its requests.
    share = (BUDGET - RESERVE) // ((3 + MAX_REQUESTS + 1) * max(len(groups), 1))
    most = max(MIN_TEXT, min(MAX_TEXT, share))
    for nth in zip_longest(*groups.values()):
        for result in nth:
            if result is not None and room.left > RESERVE:
                shown[result.rule].append(_shown(report, result, room, most))
                room.left -= FRAME
    for rule, results in groups.items():
        evidence = next((result.evidence for result in results if result.evidence), None)
        said = f"{evidence.statement} ({evidence.basis})" if evidence else ""
        yield Group(rule, room.show(said, MAX_TEXT), shown[rule], len(results))


def _shown(report: Report, result: Result, room: _Room, most: int) -> Shown:
    evidence = result.evidence
    if evidence is None:
        return Shown(
            result.operation, result.severity, room.show(result.reason, most), Markup(), Markup(), (), Markup()
        )
    return Shown(
        result.operation,
        result.severity,
        room.show(result.reason or evidence.relation, most),
        room.show(evidence.expected, most),
        room.show(evidence.seen, most),
        [room.request(request, most) for request in evidence.requests[:MAX_REQUESTS]],
        room.show(following(report, result), most),
    )


def _matrix(report: Report, linked: set[str]) -> dict[str, dict[str, dict[str, Cell]]]:
    """Family, rule and operation, with the gravest result of each."""
    results: dict[str, dict[str, dict[str, list[Result]]]] = {}
    for result in report.results:
        results.setdefault(result.family, {}).setdefault(result.rule, {}).setdefault(result.operation, []).append(
            result
        )
    return {
        family: {
            rule: {operation: _cell(found, rule in linked) for operation, found in row.items()}
            for rule, row in rows.items()
        }
        for family, rows in results.items()
    }


def _cell(results: Sequence[Result], is_linked: bool) -> Cell:
    gravest = max(results, key=lambda result: (GRAVITY.index(result.verdict), result.severity is Severity.ERROR))
    symbol, word, style = SYMBOLS[gravest.verdict], str(gravest.verdict), gravest.verdict.replace(" ", "-")
    if gravest.verdict is not Verdict.VIOLATED:
        return Cell(symbol, word, style)
    if gravest.severity is Severity.WARNING:
        symbol, word, style = "!", "warning", "warning"
    return Cell(symbol, word, style, f"rule-{gravest.rule}" if is_linked else "")


def _coverage(report: Report) -> dict[tuple[str, str], list[Seen]]:
    """What of the contract was seen or not, by operation and parameter, or by field."""
    rows: dict[tuple[str, str], list[Seen]] = {}
    for each in report.coverage:
        name = "statuses" if each.subject == "status" else each.name
        rows.setdefault((each.operation or "rows", name), []).append(each)
    return rows


def _reasons(results: Iterable[Result], room: _Room) -> Iterator[Why]:
    alike: dict[tuple[str, str], list[str]] = {}
    for result in results:
        alike.setdefault((result.rule, result.reason), []).append(result.operation)
    for (rule, reason), operations in alike.items():
        yield Why(rule, operations, room.show(reason, MAX_REASON))


def _breakable(name: str) -> Markup:
    """A name in camel case, or with dots, that a narrow column may break between its words."""
    return Markup("<wbr>").join(escape(word) for word in re.split(r"(?<=[a-z.])(?=[A-Z])|(?<=\.)", name))
