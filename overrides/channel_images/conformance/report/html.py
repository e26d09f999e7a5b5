"""Writes `index.html`: the report for people, in one file that needs no other host, and a script for its filter alone."""

import hashlib
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from itertools import zip_longest

from attrs import define, evolve, frozen
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from channel_images.conformance.report.answers import Piece, compare
from channel_images.conformance.report.chart import chart, duration
from channel_images.conformance.report.summary import (
    basis,
    by_cause,
    caveats,
    changed,
    following,
    met,
    plural,
    sentence,
)
from channel_images.conformance.report.text import remainder, visible, visible_line, visible_request
from channel_images.conformance.results import Named, Report, Result, Seen, Severity, Verdict

MAX_TEXT = 2_000
"""Bytes of a text that may quote what a server sent."""
MIN_TEXT = 400
"""So many it may have where a great many rules are violated."""
MAX_LINES = 40
"""Of one text: line breaks are small and tall."""
MAX_REASON = 400
MAX_REQUESTS = 6
MAX_BODY = 700
"""Characters of an answer."""
BUDGET = 200_000
"""Bytes of all such texts together, escaped: what is left of 300 KB when matrix, chart and styles are drawn."""
FRAME = 1_000
"""Bytes of markup around the texts of one violation."""
ANSWER_FRAME = 100
"""Those around an answer."""
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
class Mark:
    """How a verdict looks; a violation that is a warning has a mark of its own."""

    symbol: str
    word: str
    style: str
    """The class of its elements, and its name in the filter."""


@frozen
class Answer:
    """What the server answered to one of the requests of a violation."""

    request: int
    """Which of them, from 1 on."""
    text: Markup


@frozen
class Shown:
    """A violation as the page shows it."""

    rule: str
    operation: str
    name: str
    """Its operation, with its rule where the heading above does not say it."""
    anchor: str
    mark: Mark
    relation: Markup
    statement: Markup
    """The sentence of the contract, where the violations around it break others."""
    expected: Markup
    seen: Markup
    requests: Sequence[Markup]
    following: Markup
    """What could not be judged beside it."""
    answers: Sequence[Answer] = ()
    compared: str = ""
    """What a comparison of two answers says."""


@frozen
class Group:
    """The violations of one cause or, where that is not known, of one rule."""

    title: Markup
    anchor: str
    statement: Markup
    violations: Sequence[Shown]


@frozen
class Cell:
    """A rule on an operation in the matrix."""

    mark: Mark
    link: str = ""
    """The anchor of the violation, where the page shows it."""


@frozen
class Row:
    """A rule in the matrix, by operation."""

    cells: dict[str, Cell]
    styles: Sequence[str]
    """The marks of all its results; a cell has the gravest of its own."""


@frozen
class Why:
    """What did not pass for one reason."""

    rule: str
    family: str
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
    environment.filters |= {
        "breakable": _breakable,
        "duration": duration,
        "plural": plural,
        "line": visible_line,
        "anchor": anchor,
    }
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
    shown = [violation for group in groups for violation in group.violations]
    return environment.get_template("index.html.jinja").render(
        report=report,
        about=about,
        versions=room.show(", ".join(f"{name} {version}" for name, version in report.versions.items()), MAX_TEXT),
        sentence="could not be judged" if report.not_judged else sentence(report),
        caveats=[*basis(report), *caveats(report)],
        groups=groups,
        anchors={each.anchor for each in shown},
        hidden=Counter(result.rule for result in report.violations()) - Counter(each.rule for each in shown),
        families=_matrix(report, shown),
        operations=list(dict.fromkeys(result.operation for result in report.results)),
        tally=_tally(report),
        style=_beside("page.css"),
        script=_beside("page.js"),
        digest=_digest,
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

    def answers(self, bodies: Sequence[str]) -> tuple[Sequence[Answer], str]:
        """What the server answered, all of it or nothing, and what a comparison says where it is two answers."""
        texts = {number: _excerpt(body) for number, body in enumerate(bodies[:MAX_REQUESTS], 1) if body}
        compared = ""
        shown = [escape(text) for text in texts.values()]
        if len(texts) == 2:
            one, other = texts.values()
            if one == other:
                compared = "The two answers are the same, as far as they are shown."
            elif pieces := compare(one, other):
                compared = "What differs is marked."
                shown = [Markup().join(map(_marked, each)) for each in pieces]
            else:
                compared = "The two answers have little in common."
        needed = sum(len(text.encode()) + ANSWER_FRAME for text in shown)
        if needed > self.left - RESERVE:
            return (), ""
        self.left -= needed
        return [Answer(number, text) for number, text in zip(texts, shown, strict=True)], compared


def anchor(name: Named) -> str:
    """The anchor of a violation, which is the same in every report: made of its rule, its operation and its relation."""
    return _anchor(name.rule, name.operation, unlike=name.relation)


def _anchor(*names: str, unlike: str = "") -> str:
    """An anchor of names that can be read, and of a text that it is to tell apart from others."""
    told = [re.sub(r"[^A-Za-z0-9.]+", "-", name) for name in names]
    digest = hashlib.sha256(unlike.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return "-".join([*told, digest] if unlike else told)


def _groups(report: Report, room: _Room) -> Iterator[Group]:
    """The violations by cause or rule; where not all find room, the first of each goes before the second of any."""
    groups = by_cause(report.violations())
    statements = {title: {_statement(result) for result in results} - {""} for title, results in groups.items()}
    # Sized so that one violation of each group finds room, with three texts and all its requests.
    share = (BUDGET - RESERVE) // ((3 + MAX_REQUESTS + 1) * max(len(groups), 1))
    most = max(MIN_TEXT, min(MAX_TEXT, share))
    shown: dict[str, list[tuple[Shown, Sequence[str]]]] = {title: [] for title in groups}
    taken: Counter[str] = Counter()
    for nth in zip_longest(*groups.values()):
        for title, result in zip(groups, nth, strict=True):
            if result is not None and room.left > RESERVE:
                name = anchor(result.name)
                taken[name] += 1
                unique = name if taken[name] == 1 else f"{name}-{taken[name]}"
                each = _shown(report, result, unique, room, most, says=len(statements[title]) > 1)
                shown[title].append((each, result.evidence.bodies if result.evidence else ()))
                room.left -= FRAME
    for title, results in groups.items():
        # The answers come last: what a violation is, they only illustrate.
        violations = [_with_answers(each, bodies, room) for each, bodies in shown[title]]
        said = statements[title].pop() if len(statements[title]) == 1 else ""
        place = _anchor("cause", unlike=title) if results[0].cause else _anchor(f"rule-{title}")
        yield Group(room.show(title, MAX_TEXT), place, room.show(said, MAX_TEXT), violations)


def _statement(result: Result) -> str:
    return f"{result.evidence.statement} ({result.evidence.basis})" if result.evidence else ""


def _shown(report: Report, result: Result, place: str, room: _Room, most: int, *, says: bool) -> Shown:
    evidence = result.evidence
    return Shown(
        result.rule,
        result.operation,
        f"{result.rule} · {result.operation}" if result.cause else result.operation,
        place,
        _mark(result),
        room.show(result.reason or (evidence.relation if evidence else ""), most),
        room.show(_statement(result) if says else "", most),
        room.show(evidence.expected if evidence else "", most),
        room.show(evidence.seen if evidence else "", most),
        [room.request(request, most) for request in (evidence.requests if evidence else ())[:MAX_REQUESTS]],
        room.show(following(report, result), most),
    )


def _with_answers(shown: Shown, bodies: Sequence[str], room: _Room) -> Shown:
    answers, compared = room.answers(bodies)
    return evolve(shown, answers=answers, compared=compared)


def _excerpt(body: str) -> str:
    lines = visible(body, MAX_BODY).split("\n")
    return "\n".join(lines if len(lines) <= MAX_LINES else [*lines[:MAX_LINES], "…"])


def _marked(piece: Piece) -> Markup:
    return Markup("<mark>{}</mark>").format(piece.text) if piece.differs else escape(piece.text)


def _mark(result: Result) -> Mark:
    if result.verdict is Verdict.VIOLATED and result.severity is Severity.WARNING:
        return Mark("!", "warning", "warning")
    return Mark(SYMBOLS[result.verdict], str(result.verdict), result.verdict.replace(" ", "-"))


def _gravity(result: Result) -> tuple[int, bool]:
    return GRAVITY.index(result.verdict), result.severity is Severity.ERROR


def _tally(report: Report) -> dict[Mark, int]:
    """How many results have each mark, the gravest first."""
    return Counter(_mark(result) for result in sorted(report.results, key=_gravity, reverse=True))


def _matrix(report: Report, shown: Sequence[Shown]) -> dict[str, dict[str, Row]]:
    """The rows by family and rule. A violation that the page does not show has the link of another of its rule."""
    links = {each.rule: each.anchor for each in reversed(shown)}
    links |= {f"{each.rule} {each.operation}": each.anchor for each in reversed(shown)}
    results: dict[str, dict[str, dict[str, list[Result]]]] = {}
    for result in report.results:
        rules = results.setdefault(result.family, {})
        rules.setdefault(result.rule, {}).setdefault(result.operation, []).append(result)
    families: dict[str, dict[str, Row]] = {}
    for family, rules in results.items():
        for rule, operations in rules.items():
            cells = {}
            for operation, found in operations.items():
                gravest = max(found, key=_gravity)
                link = links.get(f"{rule} {operation}", links.get(rule, ""))
                cells[operation] = Cell(_mark(gravest), link if gravest.verdict is Verdict.VIOLATED else "")
            styles = dict.fromkeys(_mark(result).style for found in operations.values() for result in found)
            families.setdefault(family, {})[rule] = Row(cells, list(styles))
    return families


def _coverage(report: Report) -> dict[tuple[str, str], list[Seen]]:
    """What of the contract was seen or not, by operation and parameter, or by field."""
    rows: dict[tuple[str, str], list[Seen]] = {}
    for each in report.coverage:
        name = "statuses" if each.subject == "status" else each.name
        rows.setdefault((each.operation or "rows", name), []).append(each)
    return rows


def _reasons(results: Iterable[Result], room: _Room) -> Iterator[Why]:
    alike: dict[tuple[str, str, str], list[str]] = {}
    for result in results:
        alike.setdefault((result.rule, result.family, result.reason), []).append(result.operation)
    for (rule, family, reason), operations in alike.items():
        yield Why(rule, family, operations, room.show(reason, MAX_REASON))


def _breakable(name: str) -> Markup:
    """A name in camel case, or with dots, that a narrow column may break between its words."""
    return Markup("<wbr>").join(escape(word) for word in re.split(r"(?<=[a-z.])(?=[A-Z])|(?<=\.)", name))


def _beside(name: str) -> Markup:
    """A file of this package that goes into the page as it is."""
    text = (files("channel_images.conformance.report") / name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704  # our own


def _digest(text: str) -> str:
    """What the page's policy allows to run or to style: this text, and nothing that a server sent."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
