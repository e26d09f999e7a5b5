"""Fuzzes without end, for `make fuzz`: round upon round, each from a new seed, until a case fails or Ctrl-C comes."""

import os
import re
import secrets
import subprocess
import sys
import time
from pathlib import Path

ROUND = 5
"""How many times the cases of `make test` are in a round."""
STUCK = 600
"""Seconds after which a test says where it hangs."""


def main() -> int:
    begun, cases, rounds = time.monotonic(), 0, 0
    try:
        while True:
            seed = secrets.randbelow(2**32)
            command = ["-m", "pytest", "tests/fuzz", "-q", "-x", f"--hypothesis-seed={seed}"]
            done = subprocess.run(
                [sys.executable, *command, "-p", "no:cacheprovider", "-o", f"faulthandler_timeout={STUCK}"],
                cwd=Path(__file__).parents[2],
                env={**os.environ, "FUZZ_ROUND": str(ROUND)},
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
            cases += sum(map(int, re.findall(r"^([0-9]+) cases$", done.stdout, re.MULTILINE)))
            if done.returncode:
                say(done.stdout)
                say(f"failed after {cases:,} cases; again: FUZZ_ROUND={ROUND} python {' '.join(command)}")
                return 1
            rounds += 1
            say(
                f"round {rounds}, seed {seed}: {cases:,} cases, {60 * cases / (time.monotonic() - begun):,.0f} a minute"
            )
    except KeyboardInterrupt:
        minutes = (time.monotonic() - begun) / 60
        say(f"\nended by Ctrl-C: {cases:,} cases, whole rounds: {rounds}, minutes: {minutes:,.1f}, none failed")
        return 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
