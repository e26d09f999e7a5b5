"""Measures the parts against their peers, and says of each claim of the README and of docs/ by how much it holds.

    python -m benchmarks [PART ...] [--report FOLDER]        PART: decode, listing, mock, check, export, import
    python -m benchmarks --docs [--report FOLDER]            write the tables of docs/benchmarks.md from that report

Writes bench.json and bench.html into the folder, `report` unless you name one. If you name parts, what it has of the others
stays in them. Exits 0 if every claim of the parts holds, 1 if one does not, and 2 if one could not be measured.
"""

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import asdict
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
    report = earlier(options.report / "bench.json", parts) if options.parts else {"machine": machine(), "parts": {}}
    holds: list[bool | None] = []
    for name, measure in chosen.items():
        part = report["parts"][name] = measured(name, measure)
        holds += [claim["holds"] for claim in part["claims"]]
    report["parts"] = {name: report["parts"][name] for name in parts if name in report["parts"]}
    options.report.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    (options.report / "bench.json").write_text(f"{text}\n", encoding="utf-8")
    (options.report / "bench.html").write_text(page.html(report), encoding="utf-8")
    print("\n".join(page.claim_lines(report)), f"\n{options.report / 'bench.html'}")
    return 1 if False in holds else 2 if None in holds else 0


def machine() -> page.Json:
    return {"python": platform.python_version(), "system": platform.platform(terse=True), "cores": os.cpu_count()}


def earlier(file: Path, parts: Container[str]) -> page.Json:
    """The report that is there, for the parts that are not measured now: of the same machine, or none."""
    none = {"machine": machine(), "parts": {}}
    if not file.exists():
        return none
    report: page.Json = json.loads(file.read_text(encoding="utf-8"))
    return report if report["machine"] == none["machine"] and all(name in parts for name in report["parts"]) else none


def measured(part: str, measure: Callable[[], Iterator[Measurement]]) -> page.Json:
    """A part of the report. What cannot be measured is left out, with the rest of the part."""
    when, began, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    measurements: dict[str, Measurement] = {}
    left_out = ""
    try:
        for measurement in measure():
            measurements[measurement.name] = measurement
            print("\n".join(page.measurement_lines(page.summary(measurement))), flush=True)
    except NotMeasured as reason:
        left_out = str(reason)
        print(f"left out of {part}: {reason}", file=sys.stderr)
    return {
        "when": when.isoformat(timespec="minutes"),
        "seconds": round(time.perf_counter() - began, 1),
        "load": round((load + os.getloadavg()[0]) / 2, 1),
        "left_out": left_out,
        "claims": [judged(claim, measurements) for claim in claims.load() if claim.part == part],
        "measurements": [page.summary(each) for each in measurements.values()],
    }


def judged(claim: claims.Claim, measurements: Mapping[str, Measurement]) -> page.Json:
    """A claim as it stands in the report, with what became of it."""
    verdict = asdict(claims.judge(claim, measurements), filter=lambda field, _: field.name != "claim")
    return {**asdict(claim), "subject": claim.subject, "limit": claim.limit, **verdict}


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
