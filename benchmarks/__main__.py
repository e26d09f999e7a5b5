"""Measures the parts against their peers, and says of each claim of the README and of docs/ by how much it holds.

    python -m benchmarks [PART ...] [--report FOLDER]        PART: decode, listing, mock, check, export, import
    python -m benchmarks --docs FOLDER                       write the tables of docs/benchmarks.md from that report

Writes bench.json and bench.html into the folder, `report` unless you name one. Exits 0 if every claim of the parts holds,
1 if one does not, and 2 if one could not be measured.
"""

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import asdict, field, frozen
from benchmarks import check, claims, decode, export, importing, listing, mock, page
from benchmarks.measuring import ROOT, Measurement, NotMeasured

PARTS: Mapping[str, Callable[[], Iterator[Measurement]]] = {
    "decode": decode.measure,
    "listing": listing.measure,
    "mock": mock.measure,
    "check": check.measure,
    "export": export.measure,
    "import": importing.measure,
}
FIGURES = "<!-- figures: begin -->", "<!-- figures: end -->"


@frozen
class Run:
    """What was measured, and what was left out and why, by part."""

    measurements: dict[str, Measurement] = field(factory=dict)
    seconds: dict[str, float] = field(factory=dict)
    left_out: dict[str, str] = field(factory=dict)


def main(
    arguments: Sequence[str] | None = None, parts: Mapping[str, Callable[[], Iterator[Measurement]]] = PARTS
) -> int:
    """Measure, write the report, and say which claims hold; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=argparse.SUPPRESS)
    parser.add_argument("--report", type=Path, default=ROOT / "report", help=argparse.SUPPRESS)
    parser.add_argument("--docs", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.parts if name not in parts]:
        parser.error(f"no part is named {unknown[0]}; there are {', '.join(parts)}")
    if options.docs:
        return write_docs(options.report / "bench.json")
    chosen = {name: parts[name] for name in options.parts or parts}
    load_before = os.getloadavg()[0]
    run = measured(chosen)
    verdicts = [claims.judge(claim, run.measurements) for claim in claims.load() if claim.part in chosen]
    report = told(run, verdicts, load_before)
    options.report.mkdir(parents=True, exist_ok=True)
    (options.report / "bench.json").write_text(
        json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (options.report / "bench.html").write_text(page.html(report), encoding="utf-8")
    print("\n".join(page.verdict_lines(report)), f"\n{options.report / 'bench.html'}")
    return exit_code(verdicts)


def measured(parts: Mapping[str, Callable[[], Iterator[Measurement]]]) -> Run:
    """Measure one part after the other. What cannot be measured is left out, with the rest of its part."""
    run = Run()
    for part, measure in parts.items():
        began = time.perf_counter()
        try:
            for measurement in measure():
                run.measurements[measurement.name] = measurement
                print("\n".join(page.measurement_lines(page.summary(measurement))), flush=True)
        except NotMeasured as reason:
            run.left_out[part] = str(reason)
            print(f"left out of {part}: {reason}", file=sys.stderr)
        run.seconds[part] = round(time.perf_counter() - began, 1)
    return run


def told(run: Run, verdicts: Sequence[claims.Verdict], load_before: float) -> page.Json:
    """The report, as it is written to bench.json."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "python": platform.python_version(),
            "system": platform.platform(terse=True),
            "cores": os.cpu_count(),
            "load": [round(load_before, 1), round(os.getloadavg()[0], 1)],
        },
        "seconds": run.seconds,
        "left_out": run.left_out,
        "claims": [
            {**asdict(verdict, filter=lambda each, _: each.name != "claim"), **asdict(verdict.claim)}
            | {"subject": verdict.claim.subject, "limit": verdict.claim.limit}
            for verdict in verdicts
        ],
        "measurements": [page.summary(each) for each in run.measurements.values()],
    }


def exit_code(verdicts: Sequence[claims.Verdict]) -> int:
    """1 if a claim does not hold, 2 if one was not measured, else 0."""
    if any(verdict.holds is False for verdict in verdicts):
        return 1
    return 2 if any(verdict.holds is None for verdict in verdicts) else 0


def write_docs(report: Path) -> int:
    """Put the figures of a report into docs/benchmarks.md; the exit code."""
    if not report.exists():
        print(f"there is no {report}; run `make bench` first", file=sys.stderr)
        return 2
    docs = ROOT / "docs" / "benchmarks.md"
    before, _, rest = docs.read_text(encoding="utf-8").partition(FIGURES[0])
    after = rest.partition(FIGURES[1])[2]
    figures = "\n".join(page.markdown(json.loads(report.read_text(encoding="utf-8"))))
    docs.write_text(f"{before}{FIGURES[0]}\n{figures}\n{FIGURES[1]}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    # So that the servers are stopped by a signal, too.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
