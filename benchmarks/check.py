"""The check's figures: time and requests against stock schemathesis, and who sees which of the mock's bugs.

    python benchmarks/check.py [--bugs one|all|none]

Both judge the same mock on this machine's loopback in the same run. Stock schemathesis is its command line with one
worker, default settings and every check that accuses no healthy server of this API: without `negative_data_rejection`,
`positive_data_acceptance` and `unsupported_method`. It gets the contract, the URL, the token and the channel, as ours
does. `--bugs one` (the default) takes one bug of each rule, `--bugs all` all of them, which takes an hour.

Prints tables. Exits 0 when every target is met, 1 when one is missed.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from channel_images.conformance import Options, Report, Target, check
from channel_images.mock import MockServer
from channel_images.mock.bugs import BUGS

CONTRACT = Path(__file__).resolve().parents[1] / "openapi.yaml"
TOO_STRICT = "negative_data_rejection,positive_data_acceptance,unsupported_method"
IMAGES_WITH_BUG = 120
CONFIG = """
[parameters]
"path.channel_id" = 5
"""


def main() -> int:
    """Measure, print, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bugs", choices=["one", "all", "none"], default="one")
    chosen = parser.parse_args().bugs
    is_met = cost()
    if chosen != "none":
        # The check does not look at reporting: no rule sees what is wrong there.
        rules = {name: bug.rule for name, bug in BUGS.items() if bug.rule}
        if chosen == "one":
            last = {rule: name for name, rule in rules.items()}
            rules = {name: rule for rule, name in last.items()}
        is_met &= detection(rules)
    return 0 if is_met else 1


def cost() -> bool:
    """Time and requests on the mock as it starts."""
    with MockServer() as server:
        stock_seconds, stock_found, stock_requests = stock(server)
        full, quick = judged(server, Options(probe_writes=True)), judged(server, Options(quick=True))
    healthy = not stock_found and full.verdict == quick.verdict == "conforms"
    rows = [
        ("full: time, of stock schemathesis'", full.seconds / stock_seconds, 1.5),
        ("full: requests", full.requests, 2_500),
        ("quick: seconds", quick.seconds, 3),
        ("quick: requests", quick.requests, 200),
    ]
    print(f"stock schemathesis: {stock_requests} requests in {stock_seconds:.1f} s; full check: {full.seconds} s")
    print(f"{'':44}{'measured':>10}{'at most':>10}")
    for label, value, target in rows:
        print(f"{label:44}{value:>10.4g}{target:>10}  {'ok' if value <= target else 'missed'}")
    print(f"neither accuses the healthy mock: {'ok' if healthy else 'missed'}\n")
    return healthy and all(value <= target for _, value, target in rows)


def detection(rules: dict[str, str]) -> bool:
    """Who sees which of the bugs, each with its rule, by family."""
    total: Counter[str] = Counter()
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    requests: Counter[str] = Counter()
    for name, rule in rules.items():
        family = rule.partition(".")[0]
        total[family] += 1
        with MockServer(images=IMAGES_WITH_BUG, bugs=[name]) as server:
            _, is_found, sent = stock(server)
            report = judged(server, Options(probe_writes=True))
        # A run that could not be judged is no find.
        seen["stock"][family] += is_found
        seen["ours"][family] += report.verdict == "violates"
        requests.update(stock=sent, ours=report.requests)
        print(
            f"  {name:34} {rule:26} stock {'sees it' if is_found else 'silent':8}  ours {report.verdict}",
            flush=True,
        )
    print(f"\n{'family':12}{'bugs':>6}{'stock':>8}{'ours':>8}")
    for family, count in total.items():
        print(f"{family:12}{count:>6}{seen['stock'][family]:>8}{seen['ours'][family]:>8}")
    ours, stocks, bugs = seen["ours"].total(), seen["stock"].total(), total.total()
    print(f"{'all':12}{bugs:>6}{stocks:>8}{ours:>8}   ({stocks / bugs:.0%} and {ours / bugs:.0%})")
    print(f"requests a bug: stock {requests['stock'] / bugs:.0f}, ours {requests['ours'] / bugs:.0f}")
    return ours == bugs


def judged(server: MockServer, options: Options) -> Report:
    """Our verdict."""
    return check(Target(server.url, 5, (6,), server.token), options)


def stock(server: MockServer) -> tuple[float, bool, int]:
    """Seconds, whether it found anything, and the number of requests of stock schemathesis."""
    before = len(server.requests)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "schemathesis.toml").write_text(CONFIG)
        command = ["schemathesis", "run", str(CONTRACT), "--url", server.url, "--workers", "1", "--seed", "0"]
        command += ["--exclude-checks", TOO_STRICT, "--header", f"Authorization: Token {server.token}", "--no-color"]
        began = time.perf_counter()
        done = subprocess.run(
            [str(Path(sys.executable).parent / command[0]), *command[1:]],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    # 1 is its word for failures; anything above is an error of its own.
    if done.returncode > 1:
        raise SystemExit(f"schemathesis could not run:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - began, done.returncode == 1, _requests(done.stdout) or len(server.requests) - before


def _requests(output: str) -> int:
    """The number of test cases that its summary names."""
    for line in output.splitlines():
        words = line.split()
        if "generated," in words or ("generated" in line and "cases" in line.lower()):
            digits = [word for word in words if word.isdigit()]
            if digits:
                return int(digits[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
