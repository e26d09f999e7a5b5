"""The check, beside stock schemathesis: CPU time and requests on a healthy server, and who sees which of the mock's bugs.

Stock schemathesis is its command line with one worker, default settings and every check that accuses no healthy server of
this API: without `negative_data_rejection`, `positive_data_acceptance` and `unsupported_method`. It gets the contract, the
URL, the token and the channel, as ours does.

Of the mock's hundreds of bugs, one of each family of rules was drawn by lot, once and for all. A bug is found if the run
says that the server is at fault; a run that could not judge it is no find.
"""

import functools
import json
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import frozen
from benchmarks.measuring import CONTRACT, TOKEN, Measurement, NotMeasured, Server, Took, in_turns, mock, process

TOO_STRICT = "negative_data_rejection,positive_data_acceptance,unsupported_method"
CONFIG = """
[parameters]
"path.channel_id" = 5
"""
OTHER_TOKEN = "mock-other"
BUGS = (
    *("decimal-id-500", "cache-ignores-page", "wrong-token-403", "next-ends-early"),
    *("seller-false-ignored", "missing-is-null", "pending-drops-row", "unknown-channel-400"),
)
IMAGES_WITH_BUG = 120
AT_ONCE = 2
"""Bugs that are looked for side by side: to find them is no question of time."""


def measure() -> Iterator[Measurement]:
    with mock() as healthy:
        judges = {
            "ours": functools.partial(ours, healthy, "--probe-writes"),
            "schemathesis": functools.partial(schemathesis, healthy),
            "ours, quick": functools.partial(ours, healthy, "--quick"),
        }
        done = in_turns(judges, 2)
    for name, verdicts in done.items():
        if any(each.is_found for each in verdicts):
            raise NotMeasured(f"{name} finds fault with the healthy mock")
    cpu = {name: [each.took.cpu for each in verdicts] for name, verdicts in done.items()}
    yield Measurement("check.cpu", "CPU time of a run", "s", cpu)
    requests = {name: [each.requests for each in verdicts] for name, verdicts in done.items()}
    yield Measurement("check.requests", "Requests of a run", "requests", requests)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(finders, BUGS))
    counts = {judge: [sum(each[judge] for each in found)] for judge in ("ours", "schemathesis")}
    title = f"Of {len(BUGS)} servers with a bug each, those that are found: {', '.join(BUGS)}"
    yield Measurement("check.bugs", title, "bugs", counts, is_more_better=True)


def finders(bug: str) -> dict[str, bool]:
    """Who finds the bug."""
    with mock("--images", str(IMAGES_WITH_BUG), "--bug", bug) as server:
        stock = schemathesis(server).is_found
        server.fetch("/_mock/reset", {})
        return {"ours": ours(server, "--probe-writes").is_found, "schemathesis": stock}


@frozen
class Verdict:
    is_found: bool
    """Whether the server is said to be at fault."""
    requests: int
    took: Took


def ours(server: Server, *options: str) -> Verdict:
    """Our command."""
    with tempfile.TemporaryDirectory() as report:
        took = process(
            *(sys.executable, "-m", "channel_images", "check", server.url, "--channel", "5", "--channel", "6"),
            *(*options, "--report", report),
            codes=(0, 1, 2),
            environment={"CHANNEL_IMAGES_TOKEN": TOKEN, "CHANNEL_IMAGES_OTHER_TOKEN": OTHER_TOKEN},
        )
        told = json.loads((Path(report) / "report.json").read_text(encoding="utf-8"))
    return Verdict(took.code == 1, told["requests"], took)


def schemathesis(server: Server) -> Verdict:
    """Stock schemathesis. 1 is its exit code for failures; anything above is an error of its own."""
    before = asked(server)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
        took = process(
            *(Path(sysconfig.get_path("scripts")) / "schemathesis", "run", CONTRACT, "--url", server.url),
            *("--workers", "1", "--seed", "0", "--exclude-checks", TOO_STRICT, "--no-color"),
            *("--header", f"Authorization: Token {TOKEN}"),
            codes=(0, 1),
            cwd=Path(folder),
        )
    return Verdict(took.code == 1, asked(server) - before, took)


def asked(server: Server) -> int:
    """How many requests the server has received."""
    status, told = server.fetch("/_mock/requests")
    return len(told["requests"]) + told["dropped"] if status == 200 else 0
