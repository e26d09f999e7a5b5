"""Writes the summary that ends a run in a terminal."""

import unicodedata
from collections.abc import Iterable, Sequence

from channel_images.conformance.report.chart import duration
from channel_images.conformance.report.summary import (
    basis,
    by_cause,
    caveats,
    changed,
    following,
    met,
    plural,
    sentence,
    unmet,
)
from channel_images.conformance.report.text import visible_line, visible_request
from channel_images.conformance.results import Change, Pace, Report, Result, Severity, Verdict

MAX_REQUEST = 4_000
"""Characters of a `curl` line; a longer one is in the report alone."""
EVIDENCE = "the evidence of "
MOST_OTHERS = 4
"""Other relations of a cause that are told in the terminal, a line each."""
SHORT = 16
"""Lines of a terminal below which there is no room for what the verdict rests on."""


def render_text(report: Report, width: int = 100, height: int = 24, where: str = "") -> str:
    """The summary: what has changed, violations by cause, as much of their evidence as a screen holds, what was seen of the
    contract, and the verdict as the last line.

    Args:
        report: what to tell.
        width: columns of the terminal.
        height: lines of the terminal; the summary takes at most all but one, which the prompt needs.
        where: the path of the report, for the last line.

    Returns:
        Lines without a line break at the end. Nothing that a server sent can move the cursor, change a colour or
        reorder a line.
    """
    first = [_cut(line, width) for line in _change(report.change, height // 3 if height >= SHORT else 1)]
    last = [_cut(line, width) for line in _coverage(report)] if height >= SHORT else []
    last.append(_verdict(report, where, basis(report) if height >= SHORT else []))
    groups = [*by_cause(report.violations()).values(), *_by_reason(report.lacking())]
    room = max(height - 1 - sum(_height(line, width) for line in (*first, *last)), 2)
    heads = [_cut(_head(results), width) for results in groups]
    # What is left out is told in a line of its own, which a narrow terminal wraps.
    told = _height(_more(len(report.results), where, EVIDENCE), width)
    if len(heads) > room:
        shown = max(room - told, 1)
        left = sum(len(results) for results in groups[shown:])
        return "\n".join([*first, *heads[:shown], _more(left, where), *last])
    details = [_details(report, results, width) for results in groups]
    # Each cause has its line; what room is left goes to the evidence of the first ones.
    room -= len(heads)
    everything = sum(_height(line, width) for block in details for lines in block for line in lines)
    if everything > room:
        room -= told
    # The first block of each cause goes before the second of any.
    fitting: set[tuple[int, int]] = set()
    for nth in range(max(map(len, details), default=0)):
        for number, block in enumerate(details):
            if nth < len(block) and (needed := sum(_height(line, width) for line in block[nth])) <= room:
                fitting.add((number, nth))
                room -= needed
    lines: list[str] = []
    for number, (head, block) in enumerate(zip(heads, details, strict=True)):
        lines.append(head)
        lines += [line for nth, evidence in enumerate(block) if (number, nth) in fitting for line in evidence]
    left = sum(map(len, details)) - len(fitting)
    if left:
        lines.append(_more(left, where, EVIDENCE))
    return "\n".join([*first, *lines, *last])


def _change(change: Change | None, most: int) -> list[str]:
    """What has changed since the baseline, in at most so many lines."""
    if change is None:
        return []
    lines = [f"  ! {note}" for note in change.notes]
    for word, names in (("new", change.new), ("fixed", change.fixed), ("not judged", change.unknown)):
        lines += [f"  {word}: {name}" for name in names]
    lines += [f"  {operation}: {_pace(pace)}" for operation, pace in change.latency.items()]
    if len(lines) >= most > 1:
        lines[most - 2 :] = [f"  … and {len(lines) - most + 2} lines more in the report"]
    return [changed(change), *lines][:most]


def _pace(pace: Pace) -> str:
    figures = (
        ("median", pace.now.median, pace.before.median, pace.median_ratio),
        ("p95", pace.now.p95, pace.before.p95, pace.p95_ratio),
    )
    return " · ".join(
        f"{name} {duration(now)}, was {duration(before)}" + (f" ({ratio:g} times)" if ratio is not None else "")
        for name, now, before, ratio in figures
    )


def _coverage(report: Report) -> list[str]:
    """What of the contract was seen, and what was not."""
    if not report.coverage:
        return []
    return [met(report), *(f"  not seen: {', '.join(lacking)}" for lacking in [unmet(report)] if lacking)]


def _verdict(report: Report, where: str, rests_on: Sequence[str]) -> str:
    parts = [
        f"{visible_line(report.url, 200)} {sentence(report)}",
        *rests_on,
        *caveats(report),
        report.recorded or f"{plural(report.requests, 'request')} in {report.seconds} s",
    ]
    return " · ".join([*parts, where] if where else parts)


def _more(number: int, where: str, what: str = "") -> str:
    return f"… and {what}{number:,} more in the report" + ("" if where else " (--report DIR writes it)")


def _head(results: Sequence[Result]) -> str:
    first = results[0]
    if first.verdict is Verdict.NOT_EXERCISED:
        every = ", ".join(result.operation for result in results)
        return f"○ {first.rule} · not exercised, and --require asks for it · {first.reason[:1000]} · {every}"
    mark = "✗" if first.severity is Severity.ERROR else "!"
    operations = list(dict.fromkeys(result.operation for result in results))
    over = operations[0] if len(operations) == 1 else f"{operations[0]} and {len(operations) - 1} more"
    warning = "" if first.severity is Severity.ERROR else " · warning"
    return f"{mark} {first.rule} · {over}{warning} · {(first.cause or first.reason)[:1000]}"


def _by_reason(results: Sequence[Result]) -> Iterable[list[Result]]:
    """Results by rule and reason: all that their line says is the same."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.rule, result.reason), []).append(result)
    return groups.values()


def _details(report: Report, results: Sequence[Result], width: int) -> list[list[str]]:
    """The lines of a group, in blocks that are shown or left out as a whole: an example with its evidence, and the others;
    what was not exercised has none."""
    if results[0].verdict is Verdict.NOT_EXERCISED:
        return []
    alike: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        alike.setdefault((result.rule, result.reason), []).append(result)
    (first, *same), *others = alike.values()
    blocks = [_evidence(report, first, width)]
    if same:
        blocks[0].append(_cut(f"    and the same on {_operations(same)}", width))
    if not first.cause:
        return blocks + [
            [_cut(f"  {those[0].operation} · {those[0].reason[:1000]}", width), *_evidence(report, those[0], width)]
            + [_cut(f"    and the same on {_operations(those[1:])}", width)] * bool(those[1:])
            for those in others
        ]
    told = [f"    also {those[0].rule} · {those[0].reason[:1000]} · {_named(those)}" for those in others[:MOST_OTHERS]]
    if more := sum(map(len, others[MOST_OTHERS:])):
        told.append(f"    and {plural(more, 'violation')} more of this cause in the report")
    return [*blocks, [_cut(line, width) for line in told]] if told else blocks


def _evidence(report: Report, result: Result, width: int) -> list[str]:
    # Under the name of a cause, what is broken here is not said yet.
    lines = [_cut(f"    broken: {result.reason[:1000]}", width)] if result.cause not in ("", result.reason) else []
    if evidence := result.evidence:
        lines += [_cut(f"    contract ({evidence.basis.partition(':')[0][:100]}): {evidence.statement[:1000]}", width)]
        lines += [_cut(f"    expected: {evidence.expected[:1000]}", width)]
        lines += [_cut(f"    seen: {evidence.seen[:1000]}", width)]
        # Not cut: half a request is another one.
        lines += [f"    {visible_request(request, MAX_REQUEST)}" for request in evidence.requests]
    if others := following(report, result):
        lines.append(_cut(f"    {others}", width))
    return lines


def _operations(results: Sequence[Result]) -> str:
    """How many operations, and which."""
    names = list(dict.fromkeys(result.operation for result in results))
    return f"{plural(len(names), 'other operation')}: {', '.join(names)}"


def _named(results: Sequence[Result]) -> str:
    names = list(dict.fromkeys(result.operation for result in results))
    return names[0] if len(names) == 1 else plural(len(names), "operation")


def _cut(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    text = visible_line(line, 4 * width)
    if _columns(indent + text) <= width:
        return indent + text
    kept = len(indent)
    for position, character in enumerate(text):
        kept += _columns(character)
        if kept >= width:
            return f"{indent}{text[:position]}…"
    return indent + text


def _height(line: str, width: int) -> int:
    return max(1, -(-_columns(line) // width))


def _columns(text: str) -> int:
    """How many columns a terminal gives the text: two for wide East Asian characters and emoji."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
