"""What a verdict may say where something stands around the server: gateways, sign-on pages, quotas, tokens that end."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from attrs import define
from tests.conformance.near import Near
from tests.conformance.surroundings import (
    Front,
    Kind,
    Refusal,
    broken_connections,
    gateway_cookie,
    lockout,
    switch_to,
    throttle,
    token_lives,
)

from channel_images.conformance import Options, Report, Severity, Target, Verdict, check
from channel_images.mock import MockServer

KINDS: tuple[Kind, ...] = ("html", "sso", "https", "502", "maintenance", "json")


@define
class Clock:
    """Time that passes when somebody waits, and a little whenever it is asked for."""

    now: float = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def judge(server: str | MockServer | Front, token: str, clock: Clock | None = None, **options: Any) -> Report:
    """What is found of a server: over sockets where its URL is given, and without where it is given itself."""
    time = clock or Clock()
    known = options.pop("target", {})
    target = (
        Target(server, 5, (6,), token, **known) if isinstance(server, str) else Near.to(server, token=token, **known)
    )
    return check(target, Options(sleep=time.sleep, clock=time, **options))


def violations(report: Report) -> list[tuple[str, str, str]]:
    return [(each.rule, each.operation, each.reason) for each in report.violations()]


# What answers is not this API


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"quick": True}, {"rules": frozenset({"auth.required"})}], ids=str)
def test_what_is_not_this_api_is_not_judged(healthy_mock: MockServer, kind: Kind, options: dict[str, Any]) -> None:
    with switch_to(healthy_mock, kind) as front:
        report = judge(front, healthy_mock.token, **options)
    assert (report.verdict, list(report.results)) == ("not judged", [])
    assert report.not_judged.startswith(f"nothing at {front.url} answers as this API: all 7 operations answer ")
    assert "\n" not in report.not_judged
    assert front.requests <= 14


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("html", "200 text/html titled 'Shop admin'"),
        ("sso", "302 text/html, which leads to https://sso.example.com"),
        ("https", "; give https://127.0.0.1:"),
        ("502", "502 text/html titled 'Bad Gateway'"),
        ("maintenance", "503 text/html with Retry-After 3600"),
        ("json", "200 application/json with status, service, version"),
    ],
)
def test_it_is_said_what_answers_instead(healthy_mock: MockServer, kind: Kind, words: str) -> None:
    with switch_to(healthy_mock, kind) as front:
        assert words in judge(front, healthy_mock.token).not_judged


@pytest.mark.parametrize(
    ("kind", "after", "options"),
    [
        *((kind, after, {"quick": True}) for kind in KINDS for after in (7, 40, 100)),
        # While rules read, while schemathesis sends, and while wrong tokens are sent.
        *(
            (kind, after, options)
            for kind in ("html", "json")
            for after, options in (
                (700, {"schemathesis": False}),
                (1_500, {"max_examples": 3}),
                (1_500, {"schemathesis": False}),
            )
        ),
    ],
    ids=str,
)
def test_from_some_request_on_something_else_answers(
    healthy_mock: MockServer, kind: Kind, after: int, options: dict[str, Any]
) -> None:
    with switch_to(healthy_mock, kind, after=after) as front:
        report = judge(front, healthy_mock.token, **options)
    assert report.verdict == "not judged"
    assert f"nothing at {front.url} answers as this API" in report.not_judged
    assert "from request " in report.not_judged
    assert violations(report) == []
    # What was found before something else answered is kept.
    assert after < 700 or Verdict.PASS in {result.verdict for result in report.results}


@contextmanager
def serving(answer: Callable[[str], tuple[int, str, bytes]], headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """A server whose answers depend on the path alone."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content_type, body = answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_OPTIONS = do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        # Its end is looked for so often.
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


IMAGE = {"pk": 1, "product": 2, "status": "active"}


@pytest.mark.parametrize(
    ("document", "is_judged"),
    [
        ({"count": 1, "next": None, "previous": None, "results": [IMAGE]}, True),
        ({"results": []}, True),
        ([IMAGE], True),
        (IMAGE, True),
        ({"results": {"1": IMAGE}}, True),
        ([], True),  # a pending list may be empty
        ([{"id": 1, "title": "x"}], False),
        ({"items": [{"id": 1}]}, False),
        ({"detail": "Not found."}, False),
        ("up", False),
        (None, False),
        (7, False),
    ],
)
def test_rows_or_an_image_however_faulty_are_judged(document: object, is_judged: bool) -> None:
    with serving(lambda _: (200, "application/json", json.dumps(document).encode())) as url:
        report = judge(url, "x", quick=True)
    assert (report.verdict != "not judged") is is_judged, report.not_judged


def test_a_server_error_on_all_operations_is_not_judged_and_one_on_a_few_is() -> None:
    def few(path: str) -> tuple[int, str, bytes]:
        if path.partition("?")[0].endswith("/product_images/"):
            return 500, "application/json", b'{"detail": "A server error occurred."}'
        return 200, "application/json", b"[]" if path.partition("?")[0].count("/") == 7 else json.dumps(IMAGE).encode()

    with serving(few) as url:
        report = judge(url, "x", quick=True)
        assert ("schema.no-server-error", "listProductImages", "a server error") in violations(report)
    with serving(lambda _: (500, "application/json", b'{"detail": "A server error occurred."}')) as url:
        assert "all 7 operations answer 500" in judge(url, "x").not_judged


# Nothing was exercised


@pytest.mark.parametrize(
    ("rule", "words"),
    [("isolation.retrieve", "needs a second --channel"), ("protocol.read-only", "needs --probe-writes")],
)
def test_a_run_that_exercised_nothing_has_no_verdict(healthy_mock: MockServer, rule: str, words: str) -> None:
    target = Target(healthy_mock.url, 5, token=healthy_mock.token)
    report = check(target, Options(rules=frozenset({rule})))
    assert report.not_judged == f"nothing was exercised: {words}"


def test_a_family_of_which_nothing_was_exercised_is_named_with_the_reason(healthy_mock: MockServer) -> None:
    report = check(Target(healthy_mock.url, 7, token=healthy_mock.token), Options(quick=True))
    assert report.verdict == "conforms"
    assert "channel 7" in report.idle_families()["filter"]
    assert report.as_json()["not_exercised"] == report.idle_families()


# The caller's own standing


@pytest.mark.parametrize("requests", [60, 150])
def test_a_token_that_ends_is_renewed_where_there_are_credentials(healthy_mock: MockServer, requests: int) -> None:
    known = {"username": "mock", "password": "mock"}
    with token_lives(healthy_mock, requests=requests) as front:
        report = judge(front, healthy_mock.token, quick=True, target=known)
        assert report.verdict == "conforms", (report.not_judged, violations(report))
        assert front.tokens > 1
    with token_lives(healthy_mock, requests=requests) as front:
        report = judge(front, healthy_mock.token, quick=True)
    assert "the token was refused from request " in report.not_judged
    assert violations(report) == []


def test_a_token_that_lasts_for_no_time_ends_the_run(healthy_mock: MockServer) -> None:
    with token_lives(healthy_mock, requests=10) as front:
        report = judge(front, healthy_mock.token, quick=True, target={"username": "mock", "password": "mock"})
    assert report.not_judged == "a token lasts for fewer than 20 requests"


def test_a_sign_in_that_fails_later_ends_the_run_and_shows_no_password(healthy_mock: MockServer) -> None:
    known = {"username": "mock", "password": "no-longer-valid"}
    with token_lives(healthy_mock, requests=60) as front:
        report = judge(front, healthy_mock.token, quick=True, target=known)
    assert "the token was refused from request " in report.not_judged
    assert "the server refuses the user name or the password" in report.not_judged
    assert "no-longer-valid" not in json.dumps(report.as_json())


@pytest.mark.parametrize("status", [401, 403, 429])
@pytest.mark.parametrize("after", [1, 5, 20])
def test_a_lock_out_is_no_violation_and_no_pass(healthy_mock: MockServer, status: Refusal, after: int) -> None:
    with lockout(healthy_mock, after=after, status=status) as front:
        report = judge(front, healthy_mock.token, rules=frozenset({"auth.required", "auth.challenge"}))
        assert report.verdict == "not judged"
        assert violations(report) == []
        refused = front.own[status]
    if status != 429:
        assert f"({after} were sent;" in report.not_judged
    # None more once the refusal spreads.
    assert refused <= 8


def test_all_else_is_judged_before_wrong_tokens_are_sent(healthy_mock: MockServer) -> None:
    with MockServer(images=60, bugs=["count-one-short"]) as server, lockout(server, after=1) as front:
        report = judge(front, server.token, schemathesis=False)
    assert report.verdict == "not judged"
    assert "paging.count" in {rule for rule, _, _ in violations(report)}


# What proves nothing


def test_a_throttle_is_kept_to_and_changes_no_verdict() -> None:
    clock = Clock()
    with MockServer(images=60, bugs=["no-hash-500"]) as server, throttle(server, per_second=12, clock=clock) as front:
        report = judge(front, server.token, clock, schemathesis=False)
        turned_away = front.own[429]
        assert violations(report) == violations(judge(server, server.token, schemathesis=False))
    assert "schema.no-server-error" in {rule for rule, _, _ in violations(report)}
    assert turned_away <= 40


@pytest.mark.parametrize("how", ["reset", "close", "truncate"])
def test_a_connection_that_breaks_is_told_however_it_does(healthy_mock: MockServer, how: Any) -> None:
    with broken_connections(healthy_mock, every=2, how=how) as front:
        rules = frozenset({"paging.count", "schema.no-server-error"})
        report = judge(front.url, healthy_mock.token, rules=rules, schemathesis=False)
    assert {(each.rule, each.reason) for each in report.violations()} == {
        ("schema.no-server-error", "connections break again and again")
    }
    assert Verdict.PASS in {each.verdict for each in report.results if each.rule == "paging.count"}


def test_one_broken_connection_in_a_hundred_is_a_warning(healthy_mock: MockServer) -> None:
    with broken_connections(healthy_mock, every=100) as front:
        report = judge(front, healthy_mock.token, schemathesis=False)
    assert report.verdict == "conforms", violations(report)
    assert front.lost > 10
    assert {each.severity for each in report.violations()} == {Severity.WARNING}


def test_one_broken_connection_in_fifty_is_a_violation(healthy_mock: MockServer) -> None:
    with broken_connections(healthy_mock, every=50) as front:
        report = judge(front, healthy_mock.token, schemathesis=False)
    (found,) = report.violations(Severity.ERROR)
    assert (found.rule, found.reason) == ("schema.no-server-error", "connections break again and again")


def test_a_gateway_that_gives_a_cookie_to_one_identity_lets_no_other_in(healthy_mock: MockServer) -> None:
    with gateway_cookie(healthy_mock) as front:
        report = judge(front.url, healthy_mock.token, rules=frozenset({"auth.required", "auth.challenge"}))
    assert report.verdict == "conforms", violations(report)


def test_no_netrc_and_no_proxy_of_the_environment_is_used(
    healthy_mock: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1\n login robot\n password netrc-pw\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    healthy_mock.reset()
    rules = frozenset({"auth.required", "schema.response"})
    report = judge(healthy_mock.url, healthy_mock.token, rules=rules, max_examples=1)
    assert report.verdict == "conforms", (report.not_judged, violations(report))
    sent = {
        value
        for each in healthy_mock.requests
        for name, value in each.headers.items()
        if name.lower() == "authorization"
    }
    assert not [value for value in sent if value.startswith("Basic")]
