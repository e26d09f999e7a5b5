"""Shows a report: as a page with charts, as lines for a terminal, and as tables for docs/benchmarks.md."""

import statistics
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.measuring import Measurement
from jinja2 import Environment, FileSystemLoader, StrictUndefined

Json = dict[str, Any]

WIDTH = 480
"""Of a chart, in its own units: a phone shows it a little smaller, and its letters can be read."""
ROW = 44
BAR = 12


def summary(measurement: Measurement) -> Json:
    """A measurement as it stands in the report. Ratios are to the first contender, ours."""
    medians = {name: statistics.median(values) for name, values in measurement.values.items()}
    ours = next(iter(medians.values()))
    return {
        "name": measurement.name,
        "title": measurement.title,
        "unit": measurement.unit,
        "is_more_better": measurement.is_more_better,
        "contenders": [
            {
                "name": name,
                "median": medians[name],
                "low": min(values),
                "high": max(values),
                "of_ours": medians[name] / ours if ours else None,
                "values": list(values),
            }
            for name, values in measurement.values.items()
        ],
    }


def html(report: Json) -> str:
    """The page, in one file."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "held": held, "measured": measured}
    charts = {each["name"]: bars(each) for part in report["parts"].values() for each in part["measurements"]}
    template = environment.get_template("page.html.jinja")
    return template.render(
        report=report, claims=by_text(report), outcome=outcome(report), charts=charts, width=WIDTH, row=ROW, bar=BAR
    )


def bars(measurement: Json) -> list[Json]:
    """Where the marks of a chart are: a bar up to the median, and a line from the lowest to the highest value."""
    most = max(each["high"] for each in measurement["contenders"]) or 1
    return [
        each
        | {
            "y": ROW * place,
            "is_ours": each["name"].startswith("ours") or place == 0,
            **{f"{mark}_x": round(each[mark] / most * (WIDTH - 2), 1) for mark in ("median", "low", "high")},
        }
        for place, each in enumerate(measurement["contenders"])
    ]


def measurement_lines(measurement: Json) -> Iterator[str]:
    """For a terminal."""
    unit = measurement["unit"]
    yield f"\n{measurement['name']}: {measurement['title']}, {unit}"
    for each in measurement["contenders"]:
        times = "" if each["of_ours"] is None else f"{each['of_ours']:8.2f} of ours"
        yield f"  {each['name']:32}{figure(each['median']):>10}  {spread(each):20}{times}"


def claim_lines(report: Json) -> Iterator[str]:
    """For a terminal: each claim, by how much it holds, and a summary."""
    yield "\nClaims, and by how much they hold:"
    for (where, text), bounds in by_text(report):
        yield f"\n  {where}: {text}"
        for claim in bounds:
            yield f"    {held(claim):16} {claim['subject']}: {claim['limit']}; {measured(claim)}"
    yield f"\n{outcome(report)}"


def outcome(report: Json) -> str:
    """How many of the bounds hold, in a sentence."""
    holds = [claim["holds"] for part in report["parts"].values() for claim in part["claims"]]
    failed, missing = holds.count(False), holds.count(None)
    parts = [f"{len(holds) - failed - missing} of {len(holds)} bounds hold"]
    parts += [f"{failed} missed"] if failed else []
    parts += [f"{missing} not measured"] if missing else []
    return f"{', '.join(parts)}; {minutes(report)} minutes"


def markdown(report: Json) -> Iterator[str]:
    """For docs/benchmarks.md."""
    machine = report["machine"]
    yield f"{machine['cores']} cores, {machine['system']}, Python {machine['python']}. {outcome(report)}."
    yield from ("", "| part | measured | seconds | load average |", "| --- | --- | --- | --- |")
    for name, part in report["parts"].items():
        yield f"| {name} | {part['when'][:10]} | {part['seconds']:.0f} | {part['load']} |"
    yield from ("", "| claim | limit | measured | holds by |", "| --- | --- | --- | --- |")
    for (where, text), bounds in by_text(report):
        first = f"[{where.removeprefix('docs/')}]({link(where)}): {text}"
        for claim in bounds:
            yield f"| {first} | {claim['subject']}: {claim['limit']} | {measured(claim)} | {held(claim)} |"
            first = ""
    yield from ("", "| what | contender | median | lowest to highest | of ours |", "| --- | --- | --- | --- | --- |")
    for each in (each for part in report["parts"].values() for each in part["measurements"]):
        first = f"{each['title']}{each['unit'] and ', '}{each['unit']}"
        for contender in each["contenders"]:
            times = "" if contender["of_ours"] is None else f"{contender['of_ours']:.2f}"
            yield f"| {first} | {contender['name']} | {figure(contender['median'])} | {spread(contender)} | {times} |"
            first = ""


def by_text(report: Json) -> list[tuple[tuple[str, str], list[Json]]]:
    """The bounds of each claim, by its page and its text."""
    every = (claim for part in report["parts"].values() for claim in part["claims"])
    claims = groupby(every, key=lambda claim: (claim["page"], plain(claim["text"])))
    return [(which, list(bounds)) for which, bounds in claims]


def minutes(report: Json) -> str:
    return f"{sum(part['seconds'] for part in report['parts'].values()) / 60:.1f}"


def link(page: str) -> str:
    """To a page, from docs/benchmarks.md."""
    return page.removeprefix("docs/") if page.startswith("docs/") else f"../{page}"


def held(claim: Json) -> str:
    """By how much a claim holds, in words."""
    if claim["holds"] is None:
        return "not measured"
    if claim["margin"] is None:
        return "holds exactly" if claim["holds"] else "does not hold"
    return f"holds by {claim['margin']:.0%}" if claim["holds"] else f"missed by {-claim['margin']:.0%}"


def measured(claim: Json) -> str:
    """The median, and the lowest and the highest in brackets if they differ."""
    if claim["measured"] is None:
        return ""
    median, range_ = figure(claim["measured"]), spread(claim)
    return median if median == range_ else f"{median} ({range_})"


def figure(value: float) -> str:
    """Three digits, but whole numbers whole: `0.123`, `12.3`, `12,345`."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def spread(values: Json) -> str:
    """From the lowest to the highest; only one figure if they are the same."""
    low, high = figure(values["low"]), figure(values["high"])
    return low if low == high else f"{low} to {high}"


def plain(markdown_text: str) -> str:
    """A sentence or a row of a table, without its marks and its command."""
    cells = markdown_text.strip("| ").split(" | ")
    return " · ".join(cell for cell in cells if not cell.startswith("`make bench")).replace("`", "")
