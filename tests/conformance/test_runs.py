"""What holds for a run as a whole: it repeats, it stays small, it ends well, and its evidence shows the fault again."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from attrs import evolve
from tests.conformance.near import Near
from tests.conformance.test_standing import Clock

from channel_images.conformance import Options, Report, Target, Verdict, check
from channel_images.mock import MockServer
from channel_images.mock.bugs import BUGS


def judge(server: MockServer, **options: Any) -> Report:
    return check(Near.to(server, token=server.token), Options(schemathesis=False, **options))


def test_the_same_seed_sends_the_same_requests() -> None:
    sent = []
    for _ in range(2):
        with MockServer(images=60) as server:
            judge(server, quick=True, seed=3)
            sent.append([(each.method, each.path, each.query) for each in server.requests])
    assert sent[0] == sent[1]


def test_another_seed_looks_elsewhere(healthy_mock: MockServer) -> None:
    sent = []
    for seed in (1, 2):
        healthy_mock.reset()
        judge(healthy_mock, quick=True, seed=seed)
        sent.append([(each.path, each.query) for each in healthy_mock.requests])
    assert sent[0] != sent[1]


def test_a_quick_run_is_small() -> None:
    with MockServer() as server:
        report = judge(server, quick=True)
    assert report.requests <= 200
    assert report.verdict == "conforms"


def test_the_number_of_requests_does_not_grow_with_the_channel() -> None:
    numbers = []
    for images in (5_000, 200_000):
        with MockServer(images=images) as server:
            report = judge(server, quick=True)
            assert report.verdict == "conforms", report.violations()
            numbers.append(report.requests)
    # The search for the end of an array, which has no count, takes a few more steps.
    assert numbers[1] <= numbers[0] * 1.5


@pytest.mark.parametrize(
    ("bug", "printed"),
    [
        ("count-one-short", r'{"count":59,"rows":60}'),
        ("pages-overlap", r"> \d+\n"),
        ("retrieve-unscoped", r"HTTP/1.1 200 OK"),
        ("order-by-limit", r"< \d+\n"),
        ("id-in-unscoped", r'{"pk":\d+,"product":'),
    ],
)
def test_the_lines_of_a_violation_show_it_when_they_are_pasted(bug: str, printed: str) -> None:
    rule = str(BUGS[bug].rule)
    if not all(map(shutil.which, ("bash", "curl", "jq"))):
        pytest.skip("no bash, curl and jq on the PATH")
    with MockServer(images=60, bugs=[bug]) as server:
        report = judge(server, rules=frozenset({rule}))
        violation = report.violations()[0]
        assert violation.evidence
        done = subprocess.run(
            ["bash", "-c", "\n".join(violation.evidence.requests)],
            env=os.environ | {"TOKEN": server.token},
            capture_output=True,
            text=True,
            check=False,
        )
        again = judge(server, rules=frozenset({rule}))
    assert re.search(printed, done.stdout), done.stdout
    assert done.stderr == ""
    assert [each.evidence for each in again.violations()] == [each.evidence for each in report.violations()]


def test_a_server_that_goes_away_half_way_is_not_judged_and_what_was_done_is_reported() -> None:
    server = MockServer(images=60)
    server.start()
    stopped: list[str] = []

    def step(name: str) -> None:
        if name.startswith("filter") and not stopped:
            stopped.append(name)
            server.stop()

    report = check(Target(server.url, 5, (6,), server.token), Options(schemathesis=False), step)
    assert stopped
    assert report.verdict == "not judged"
    assert "stopped answering half-way" in report.not_judged
    assert Verdict.PASS in {each.verdict for each in report.results if each.rule.startswith("paging.")}


def test_a_budget_of_requests_is_kept(healthy_mock: MockServer) -> None:
    report = judge(healthy_mock, max_requests=50)
    assert report.requests == 50
    assert "--max-requests" in report.not_judged


PARALLEL = frozenset({"paging.partition", "filter.sound"})


def test_the_time_of_a_run_is_kept(healthy_mock: MockServer) -> None:
    clock = Clock()
    target = Near.to(healthy_mock, token=healthy_mock.token)
    began = clock.now
    report = check(target, Options(schemathesis=False, max_seconds=120, rate=10, sleep=clock.sleep, clock=clock))
    assert clock.now - began < 120.1
    assert "--max-seconds" in report.not_judged
    assert 1_000 < report.requests <= 1_200  # ten a second, and none at once
    assert Verdict.PASS in {each.verdict for each in report.results if each.rule.startswith("paging.")}


def test_one_request_at_a_time_where_that_is_asked_for() -> None:
    with MockServer(images=60, bugs=["parallel-pages-mixed", "parallel-filters-mixed"]) as server:
        target = Target(server.url, 5, (6,), server.token)
        options = Options(schemathesis=False, rules=PARALLEL)
        reports = [check(target, evolve(options, at_once=number)) for number in (1, 2)]
    assert [{each.rule for each in report.violations()} for report in reports] == [set(), PARALLEL]


def test_no_wait_is_longer_than_what_is_left() -> None:
    clock = Clock()
    with MockServer(images=60, faults=["429:retry-after=100:skip=20"]) as server:
        options = Options(schemathesis=False, max_seconds=30, sleep=clock.sleep, clock=clock)
        report = check(Target(server.url, 5, token=server.token), options)
    assert clock.now < 30
    assert "--max-seconds" in report.not_judged


def test_a_slow_answer_is_given_up_when_the_time_is_over() -> None:
    with MockServer(images=60, faults=["latency:seconds=3600:skip=20"]) as server:
        options = Options(schemathesis=False, max_seconds=0.5)
        report = check(Target(server.url, 5, token=server.token, timeout=30), options)
    assert "--max-seconds" in report.not_judged


class Echo(BaseHTTPRequestHandler):
    """A server that shows what it was sent, in a body that is not what the contract says."""

    def do_GET(self) -> None:
        body = json.dumps({"count": self.headers.get("Authorization", ""), "results": []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_OPTIONS = do_GET

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_token_that_a_server_echoes_is_in_no_report(echo: str) -> None:
    report = check(Target(echo, 5, token="s3cret-t0ken"), Options(quick=True))
    assert report.verdict == "violates"
    text = json.dumps(report.as_json())
    assert "$TOKEN" in text
    assert "s3cret-t0ken" not in text


def test_schemathesis_keeps_to_the_rate_of_the_run() -> None:
    clock = Clock()
    with MockServer(images=60) as server:
        options = Options(rules=frozenset({"schema.response"}), max_examples=1, rate=10, sleep=clock.sleep, clock=clock)
        report = check(Near.to(server, token=server.token, others=()), options)
    assert report.requests > 300
    assert report.requests / clock.now < 10.1


def test_schemathesis_waits_as_long_as_the_server_asks_it_to() -> None:
    waits: list[float] = []
    clock = Clock()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.sleep(seconds)

    with MockServer(images=60, faults=["429:retry-after=7:every=100"]) as server:
        options = Options(rules=frozenset({"schema.response"}), max_examples=1, sleep=sleep, clock=clock)
        check(Near.to(server, token=server.token, others=()), options)
        turned_away = sum(request.status == 429 for request in server.requests)
    assert turned_away > 2
    assert waits.count(7.0) == turned_away
