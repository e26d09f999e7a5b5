"""The lines of evidence, and `replay.sh`: what a report says is seen again in a shell, and not on a server that is mended.

All bugs of the mock take some minutes: `python -m tests.conformance.test_replay` prints those that do not replay.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from attrs import evolve, frozen
from tests.conformance import test_matrix
from tests.conformance.test_causes import served
from tests.conformance.test_matrix import BUSY, IMAGES, LARGE, LONGEST, NEED_LARGE, RULES, in_no_time
from tests.conformance.tiny import KEY, Reply, Tiny

from channel_images.conformance import Options, Report, Target, check
from channel_images.conformance.asking.wire import Request
from channel_images.conformance.report import write_report
from channel_images.mock import MockServer
from channel_images.mock.bugs import BUGS
from channel_images.mock.bugs.shared import Shared

NEEDED = ("bash", "curl", "jq")
pytestmark = pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason=f"not all of {NEEDED} are on the PATH")


@frozen
class Replayed:
    """What became of the violations of a bug's own rule."""

    shown: int
    """How many show on the same server."""
    gone: int
    """How many are gone on a server without the bug."""
    total: int


def judge(
    server: MockServer, rules: frozenset[str] | None, *, quick: bool = False, over_sockets: bool = False
) -> Report:
    with in_no_time() as clock:
        options = Options(
            rules=rules, quick=quick, probe_writes=True, schemathesis=False, max_response_time=LONGEST, clock=clock
        )
        return test_matrix.judge(server, options, over_sockets=over_sockets)


def replay(folder: Path, server: MockServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "CHANNEL_IMAGES_URL": server.url,
        "CHANNEL_IMAGES_TOKEN": server.token,
        "CHANNEL_IMAGES_OTHER_TOKEN": server.other_token,
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(
        ["bash", str(folder / "replay.sh"), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def of_rule(output: str, rule: str) -> list[str]:
    """The verdicts of a rule's violations."""
    return [line[:11].strip() for line in output.splitlines() if f"  {rule} · " in line]


def replayed(name: str, folder: Path) -> Replayed:
    """A bug is found, replayed where it is, and replayed on a healthy server."""
    rule, bug = RULES[name], BUGS[name]
    churn = BUSY if bug.needs_churn else False
    images = LARGE if name in NEED_LARGE else IMAGES
    with (
        MockServer(images=images, bugs=[name], churn=churn) as server,
        MockServer(images=images, churn=churn) as healthy,
    ):
        # Rules about single answers also look at what the others ask for.
        for rules, quick in ((frozenset({rule}), False), (None, True), (None, False)):
            report = judge(server, rules, quick=quick, over_sockets=issubclass(bug.behaviour, Shared))
            own = [each for each in report.violations() if each.rule == rule]
            if own:
                break
        write_report(evolve(report, results=own), folder)
        there, elsewhere = (of_rule(replay(folder, each).stdout, rule) for each in (server, healthy))
    return Replayed(there.count("shows"), elsewhere.count("gone"), len(own))


SAMPLE = (
    "content-type-html", "size-as-text", "nan-for-null", "envelope-without-count", "id-for-pk", "missing-image-500",
    "open-retrieval", "no-challenge", "pages-overlap", "random-order",
    "next-on-last-page", "parallel-pages-mixed",
    "union-without-updates", "list-hides-disabled", "cache-ignores-page", "pending-read-is-sent",
    "detailed-zero-for-null", "retrieves-neighbour", "product-ignored", "id-in-last", "seller-ignored",
    "filters-or", "links-lose-filters", "redirect-elsewhere", "other-user-lists", "other-user-learns-by-count",
    "details-slow", "connection-lost", "retrieved-is-sent", "large-limit-is-default", "partial-page-dropped",
    "detailed-cut-off", "pending-drops-row", "pending-limit-ignored", "head-error-with-body",
)  # fmt: skip
"""Bugs that show in every kind of way; none whose lines are those of another but for what they ask for."""


@pytest.mark.parametrize("name", SAMPLE)
def test_a_bug_is_replayed_and_is_gone_where_it_is_mended(name: str, tmp_path: Path) -> None:
    found = replayed(name, tmp_path)
    assert found.total
    assert found == Replayed(found.total, found.total, found.total), (tmp_path / "replay.sh").read_text()


HOSTILE = "x'$(touch owned)`touch owned`\";touch owned;\n}\ntouch owned\n#"


class Hostile(Tiny):
    """A server whose links and values would be commands, if a shell read them."""

    def handle(self, request: Request, authorization: str | None) -> Reply:
        status, headers, body = super().handle(request, authorization)
        try:
            document = json.loads(body)
        except ValueError:
            return status, headers, body
        if isinstance(document, dict) and "results" in document:
            path = request.path.partition("?")[0]
            document |= {"next": f"http://host{path}?page=1&x={HOSTILE}", "previous": f"http://[{HOSTILE}", HOSTILE: 1}
            document["results"] = [{**row, "height": HOSTILE} for row in document["results"]]
        return status, headers, json.dumps(document).encode()


def test_what_a_server_sent_is_no_command(tmp_path: Path) -> None:
    with served(Hostile()) as url:
        found = check(Target(url, 5, token=KEY), Options(schemathesis=False, quick=True))
        write_report(found, tmp_path)
        script = tmp_path / "replay.sh"
        assert "touch owned" in script.read_text()
        assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
        lines = [line for each in found.violations() if each.evidence for line in each.evidence.requests]
        for command in (f"bash {script.name}", "\n".join(lines)):
            subprocess.run(
                ["bash", "-c", command],
                env={**os.environ, "CHANNEL_IMAGES_TOKEN": KEY, "TOKEN": KEY},
                cwd=tmp_path,
                capture_output=True,
                check=False,
            )
    assert len(lines) > 10
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"CHANNEL_IMAGES_TOKEN": ""}, "set CHANNEL_IMAGES_TOKEN"),
        ({"CHANNEL_IMAGES_TOKEN": "wrong"}, "the token in CHANNEL_IMAGES_TOKEN is refused"),
        ({"CHANNEL_IMAGES_URL": "http://127.0.0.1:9"}, "nothing answers at http://127.0.0.1:9"),
        ({"PATH": "/nowhere"}, "curl is not installed"),
    ],
)
def test_what_cannot_be_told_is_one_line_and_exit_2(environment: dict[str, str], words: str, tmp_path: Path) -> None:
    with MockServer(images=3) as server:
        write_report(judge(server, frozenset({"paging.count"})), tmp_path)
        done = subprocess.run(
            [shutil.which("bash") or "bash", str(tmp_path / "replay.sh")],
            env={**os.environ, "CHANNEL_IMAGES_TOKEN": server.token, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"replay.sh: {words}\n"


def test_some_violations_alone_are_replayed(tmp_path: Path) -> None:
    with MockServer(images=30, bugs=["count-of-page"]) as server:
        write_report(judge(server, frozenset({"paging.count", "paging.size"})), tmp_path)
        every, some, none = (
            replay(tmp_path, server, *arguments) for arguments in ((), ("Detailed",), ("paging.size",))
        )
    assert every.stdout.endswith("2 show, 0 gone, 0 cannot tell\n")
    assert some.stdout.endswith("1 show, 0 gone, 0 cannot tell\n")
    assert (none.stdout, none.returncode) == ("0 show, 0 gone, 0 cannot tell\n", 0)


def lines() -> Iterator[str]:
    """A line for each bug that does not replay, and the sum."""
    whole = 0
    for name in RULES:
        with TemporaryDirectory() as folder:
            found = replayed(name, Path(folder))
        is_whole = found.shown == found.gone == found.total > 0
        whole += is_whole
        if not is_whole:
            yield f"{name:34} {RULES[name]:26} {found.total} violations, {found.shown} shown, {found.gone} gone"
    yield f"{whole} of {len(RULES)} bugs: all violations of their rule show, and are gone on a healthy server"


if __name__ == "__main__":
    for line in lines():
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
