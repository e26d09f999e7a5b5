"""One fault that shows in many places is told once."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.conformance.tiny import KEY, Reply, Tiny, reply
from tests.conformance.words import badly_worded

from channel_images.conformance import Options, Report, Target, check
from channel_images.conformance.asking.wire import Request
from channel_images.conformance.causes import with_causes
from channel_images.conformance.report import render_github, render_html, render_junit, render_text
from channel_images.conformance.results import Evidence, Result, Verdict


class Hasty(Tiny):
    """A server as one writes it in an afternoon: it asks for no token, its envelope has no count, and it gives numbers as
    text."""

    def answer(self, request: Request, authorization: str | None) -> Reply:
        return super().answer(request, f"Token {KEY}")

    def rows(self, channel: int, which: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        return [{**each, "height": str(each["height"])} for each in super().rows(channel, which, params)]

    def cut(
        self, channel: int, which: str, params: Mapping[str, str], rows: Sequence[Any], number: int, limit: int
    ) -> Reply:
        status, headers, body = super().cut(channel, which, params, rows, number, limit)
        if status == 200 and b'"count": ' in body:
            return status, headers, b'{"next"' + body.partition(b'"next"')[2]
        return status, headers, body

    def retrieve(self, channel: int, pk: int) -> Reply:
        found = [each for each in self.rows(channel, "", {}) if each["pk"] == pk]
        return reply(200, found[0]) if found else super().retrieve(channel, pk)


@contextmanager
def served(server: Tiny) -> Iterator[str]:
    """A `Tiny` at a URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            request = Request(self.path, method=self.command)
            status, headers, body = server.handle(request, self.headers.get("authorization"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_OPTIONS = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()


@pytest.fixture(scope="module")
def hasty() -> Report:
    with served(Hasty()) as url:
        return check(Target(url, 5, (6,), KEY), Options(schemathesis=False, sleep=lambda seconds: None))


def test_three_faults_of_a_server_are_three_causes(hasty: Report) -> None:
    causes = {
        "requests are answered without a valid token",
        "the envelope lacks count",
        "the field height is not what the contract says",
    }
    violations = hasty.violations()
    assert {each.cause for each in violations} == causes
    assert len(violations) > 50
    told = render_text(hasty, 120, 1_000)
    assert f"{len(violations)} violations of 3 causes" in told
    assert sum(line.startswith("✗") for line in told.splitlines()) == 3
    assert len(told.splitlines()) < 40
    for cause in causes:
        assert told.count(cause) == 1
        for view in (render_github, render_junit, render_html):
            assert cause in view(hasty)


def test_what_is_found_of_it_is_well_worded(hasty: Report) -> None:
    assert not badly_worded(hasty)


def found(rule: str, operation: str, relation: str, seen: str = "", follows_from: str = "") -> Result:
    if follows_from:
        return Result(rule, operation, Verdict.NOT_EXERCISED, reason=relation, follows_from=follows_from)
    evidence = Evidence(relation, "A sentence.", "inferred", "what is due", seen)
    return Result(rule, operation, Verdict.VIOLATED, reason=relation, evidence=evidence)


@pytest.mark.parametrize(
    ("results", "causes"),
    [
        pytest.param(
            [
                found(
                    "schema.response",
                    "a",
                    "a 200 whose body is not what the contract says",
                    '"next" is a required property',
                ),
                found("schema.identifiable", "a", "an envelope without next, previous"),
                found("pending.paging", "a", "paging.links: next is null where there is a page"),
                found("paging.links", "b", "next is null where there is a page"),
            ],
            ["the envelope lacks next, previous"] * 3 + ["next is null where there is a page"],
            id="an envelope that lacks fields, on one operation",
        ),
        pytest.param(
            [
                found("paging.order", "a", "the same request gives another order"),
                found("pending.paging", "b", "paging.order: the same request gives another order"),
                found("paging.links", "a", "cannot be judged", follows_from="paging.order · a"),
            ],
            ["the same request gives another order"] * 3,
            id="the same of another list, and what follows",
        ),
        pytest.param(
            [
                found("filter.sound", "a", "product returns rows that it should not"),
                found("filter.and", "a", "product and product_type together are not the intersection"),
                found("filter.and", "a", "id__in and product_type together are not the intersection"),
                found("filter.and", "a", "id__in and is_seller_product together are not the intersection"),
            ],
            ["the filter product does not give the rows that it should"] * 2
            + ["filters together are not the intersection"] * 2,
            id="a filter that is wrong by itself, and filters that are wrong together",
        ),
        pytest.param(
            [
                found("auth.required", "a", "GET with no token is answered"),
                found("auth.required", "a", "GET with a longer key is answered"),
                found("auth.required", "b", "GET with a longer key is answered"),
                found("auth.challenge", "c", "no token gets 403"),
                found("auth.challenge", "c", "a wrong token gets 403"),
            ],
            ["requests are answered without a valid token"] * 2
            + ["GET with a longer key is answered"]
            + ["a request without a valid token gets 403"] * 2,
            id="no token is asked for, or it is compared badly",
        ),
    ],
)
def test_a_cause_is_what_violations_have_in_common(results: list[Result], causes: list[str]) -> None:
    assert [each.cause for each in with_causes(results)] == causes
