"""What the check sends, how long it waits, how much it reads, and what it leaves alone."""

import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread

import hypothesis
import pytest
import schemathesis
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER
from tests.conformance.near import Near
from tests.conformance.test_standing import Clock, judge, serving, violations

from channel_images.conformance import Options, Target, Verdict, check
from channel_images.conformance.asking.target import curl_arguments
from channel_images.conformance.asking.wire import (
    MOST_BYTES,
    MOST_REQUESTS,
    Credentials,
    Request,
    TurnedAway,
    Wire,
    wait_asked_for,
)
from channel_images.conformance.catalogue import CATALOGUE
from channel_images.mock import MockServer

ANYBODY = Credentials("no token")
LIST = Request("/api/v1/channel/5/product_images/")


@contextmanager
def wire(url: str, timeout: float = 5.0, clock: Clock | None = None) -> Iterator[Wire]:
    time = clock or Clock()
    way = Wire(Target(url, 5, timeout=timeout), sleep=time.sleep, clock=time)
    try:
        yield way
    finally:
        way.close()


@contextmanager
def raw(*pieces: bytes) -> Iterator[str]:
    """A server that sends pieces to each connection, one behind the other without an end where the last is empty."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer(connection: socket.socket) -> None:
            with connection:
                connection.recv(65_536)
                try:
                    for piece in pieces:
                        connection.sendall(piece)
                    while not pieces[-1]:
                        connection.sendall(pieces[-2])
                except OSError:
                    pass

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                Thread(target=answer, args=(connection,), daemon=True).start()

        Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0001\r\n \r\n", b""),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n", b""),
        (HEAD, b"X-More: x\r\n", b""),
    ],
    ids=["body", "103", "head"],
)
@pytest.mark.parametrize("apart", [False, True])
def test_an_answer_without_an_end_is_broken_off(pieces: tuple[bytes, ...], apart: bool) -> None:
    with raw(*pieces) as url, wire(url, timeout=0.2) as way:
        answer = way.send(LIST, ANYBODY, apart=apart, tries=1)
    assert answer.broke


def test_a_body_is_read_up_to_a_bound() -> None:
    with serving(lambda _: (200, "application/json", b"[" + b" " * MOST_BYTES + b"]")) as url, wire(url) as way:
        answer = way.send(LIST, ANYBODY)
    assert answer.describe() == "200, of which the body is longer than 2000000 bytes"


def _always(body: bytes, path: str) -> tuple[int, str, bytes]:
    return 200, "application/json", body


def test_a_bomb_is_not_read() -> None:
    small = gzip.compress(bytes(100_000_000))
    for codings, body in (("gzip", small), ("gzip, gzip", gzip.compress(small)), ("br", b"x")):
        headers = {"Content-Encoding": codings}
        with serving(partial(_always, body), headers) as url, wire(url) as way:
            answer = way.send(LIST, ANYBODY)
        assert (answer.body, bool(answer.unread)) == (b"", True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3", 3), (" 07 ", 7), ("", 1), ("soon", 1), ("-5", 1), ("1e3", 1), ("9" * 400, float("inf")),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Fri, 31 Dec 9999 23:59:59 GMT", 252_000_000_000)],
)  # fmt: skip
def test_retry_after(value: str, seconds: float) -> None:
    assert wait_asked_for(value) == pytest.approx(seconds, rel=0.01)


@pytest.mark.parametrize(
    ("headers", "waited", "ends"),
    [
        ("Retry-After: 3600\r\n", 0, "asks to wait 3,600 s (Retry-After)"),
        ("Retry-After: 50\r\n", 100, "asks to wait 50 s (Retry-After)"),
        ("", 63, "goes on to answer so"),
    ],
)
def test_a_quota_that_is_spent_ends_the_run(headers: str, waited: float, ends: str) -> None:
    clock = Clock()
    head = f"HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n{headers}\r\n"
    with (
        raw(head.encode()) as url,
        wire(url, clock=clock) as way,
        pytest.raises(TurnedAway, match=r"answers 429") as end,
    ):
        way.send(LIST, ANYBODY)
    assert ends in str(end.value)
    assert clock.now == pytest.approx(waited, abs=2)


def test_a_token_in_a_request_is_sent_and_never_shown(healthy_mock: MockServer) -> None:
    target = Target(healthy_mock.url, 5, token=healthy_mock.token, headers={"X-Gateway-Key": "k3y"})
    way = Wire(target)
    healthy_mock.reset()
    request = Request(LIST.path, (("token", "$TOKEN"),), headers=(("Cookie", "token=$TOKEN"),))
    answer = way.send(request, ANYBODY)
    way.close()
    (sent,) = healthy_mock.requests
    assert sent.query == {"token": healthy_mock.token}
    assert healthy_mock.token in sent.headers["cookie"]
    assert healthy_mock.token not in answer.curl + answer.url + repr(answer)
    assert "k3y" not in answer.curl
    assert '-H "Cookie: token=$TOKEN" -H "X-Gateway-Key: $X_GATEWAY_KEY"' in answer.curl
    assert '?token=$TOKEN"' in answer.curl


def test_a_curl_line_with_a_token_quotes_what_a_shell_would_read() -> None:
    assert curl_arguments('http://host/?a="`\\&token=$TOKEN', authorization=None).endswith(
        '"http://host/?a=\\"\\`\\\\&token=$TOKEN"'
    )


# schemathesis


def test_hooks_auths_and_profiles_of_a_project_do_not_reach_the_check(healthy_mock: MockServer) -> None:
    @schemathesis.auth()
    class Auth:
        def get(self, case: object, context: object) -> str:
            raise AssertionError("asked for a token")

        def set(self, case: object, data: str, context: object) -> None:
            raise AssertionError("set a token")

    @schemathesis.hook
    def filter_query(context: object, query: object) -> bool:
        raise AssertionError("asked about a query")

    before = dict(GLOBAL_HOOK_DISPATCHER.get_all())
    hypothesis.settings.register_profile("a project's", max_examples=1, phases=[hypothesis.Phase.explicit])
    hypothesis.settings.load_profile("a project's")
    try:
        report = judge(healthy_mock, healthy_mock.token, rules=frozenset({"schema.response"}), max_examples=3)
        plain_requests = report.requests
    finally:
        hypothesis.settings.load_profile("channel-images")
        schemathesis.auths.unregister()
        after = dict(GLOBAL_HOOK_DISPATCHER.get_all())
        GLOBAL_HOOK_DISPATCHER.unregister_all()
    assert report.verdict == "conforms", (report.not_judged, violations(report))
    assert before == after
    again = judge(healthy_mock, healthy_mock.token, rules=frozenset({"schema.response"}), max_examples=3)
    assert again.requests == plain_requests


def test_an_engine_that_fails_is_no_violation(healthy_mock: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise TypeError("cannot make a test")

    monkeypatch.setattr("channel_images.conformance.judging.fuzz.create_test", broken)
    report = judge(healthy_mock.url, healthy_mock.token, rules=frozenset({"schema.response"}))
    assert report.not_judged == "schemathesis could not run: TypeError: cannot make a test"
    assert violations(report) == []


FUZZING = """
import sys
from channel_images.conformance import Options, Target, check
report = check(Target(sys.argv[1], 5, (), sys.argv[2]), Options(rules=frozenset({"schema.response"}), max_examples=1))
sys.exit(report.verdict != "conforms")
"""


def test_nothing_of_schemathesis_is_left_in_the_folder(healthy_mock: MockServer, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HYPOTHESIS_STORAGE_DIRECTORY"}
    command = [sys.executable, "-c", FUZZING, healthy_mock.url, healthy_mock.token]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert list(tmp_path.iterdir()) == []


# Bounds


@pytest.mark.parametrize(("bug", "is_fuzzed"), [("random-order", True), ("ties-unordered", False)])
def test_a_run_stays_small_and_tells_one_cause_once(bug: str, *, is_fuzzed: bool) -> None:
    with MockServer(images=120, bugs=[bug]) as server:
        report = check(Near.to(server, token=server.token), Options(schemathesis=is_fuzzed))
    assert report.requests <= MOST_REQUESTS
    assert report.verdict == "violates"
    assert {rule.partition(".")[0] for rule, _, _ in violations(report)} <= {"paging", "pending", "filter"}
    order = [each for each in report.violations() if each.rule == "paging.order"]
    assert order
    followers = [each for violation in order for each in report.consequences(violation)]
    assert {each.verdict for each in followers} == {Verdict.NOT_EXERCISED}
    assert json.dumps(report.as_json())
    assert len(report.violations()) <= 12, violations(report)


def test_on_data_that_changes_a_whole_run_says_so_and_accuses_nobody() -> None:
    with MockServer(images=120, churn=True) as server:
        report = check(Near.to(server, token=server.token), Options(max_examples=1))
    assert (report.verdict, report.not_judged, violations(report)) == ("conforms", "", [])
    assert Verdict.UNSTABLE in {each.verdict for each in report.results}
    pairs = {(each.rule, each.operation) for each in report.results}
    rules = [rule for rule in CATALOGUE.values() if Options().has_chosen(rule)]
    assert pairs == {(rule.id, operation.id) for rule in rules for operation in rule.operations}
    assert report.requests <= MOST_REQUESTS
