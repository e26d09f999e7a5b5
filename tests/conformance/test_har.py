"""The HAR file of a run: valid, whole or absent, and without a secret."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import pytest
from attrs import evolve

from channel_images.conformance import Options, Target, check
from channel_images.conformance.asking.wire import VALID, Answer, Credentials, Request, Wire
from channel_images.conformance.har import writing
from channel_images.mock import MockServer

ABOUT = {"channels": [5], "seed": 0, "quick": True}

TEXT, NUMBER = {"type": "string"}, {"type": "number"}


def an_object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


def several(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


PAIR = an_object("name value", name=TEXT, value=TEXT, comment=TEXT)
PAIRS = several(PAIR)
SHARED = {"httpVersion": TEXT, "cookies": PAIRS, "headers": PAIRS, "headersSize": NUMBER, "bodySize": NUMBER}
HAR = an_object(
    "log",
    log=an_object(
        "version creator entries",
        version={"const": "1.2"},
        creator=an_object("name version", name=TEXT, version=TEXT),
        comment=TEXT,
        entries=several(
            an_object(
                "startedDateTime time request response cache timings",
                startedDateTime={"type": "string", "format": "date-time"},
                time={"type": "number", "minimum": 0},
                request=an_object(
                    "method url httpVersion cookies headers queryString headersSize bodySize",
                    method=TEXT,
                    url={"type": "string", "format": "uri"},
                    queryString=PAIRS,
                    postData=an_object("mimeType text", mimeType=TEXT, text=TEXT),
                    **SHARED,
                ),
                response=an_object(
                    "status statusText httpVersion cookies headers content redirectURL headersSize bodySize",
                    status={"type": "integer"},
                    statusText=TEXT,
                    redirectURL=TEXT,
                    content=an_object(
                        "size mimeType", size=NUMBER, mimeType=TEXT, text=TEXT, encoding={"const": "base64"}
                    ),
                    **SHARED,
                ),
                cache={"type": "object"},
                timings=an_object("send wait receive", send=NUMBER, wait=NUMBER, receive=NUMBER),
                comment=TEXT,
            )
        ),
    ),
)
"""What HAR 1.2 asks for, from its specification."""


def read(path: Path) -> list[dict[str, Any]]:
    document = json.loads(path.read_text())
    errors = jsonschema_rs.validator_for(HAR, validate_formats=True).iter_errors(document)
    assert not [f"{error.instance_path}: {error.message[:200]}" for error in errors]
    return list(document["log"]["entries"])


def test_each_request_of_a_run_is_in_it_with_its_rule(healthy_mock: MockServer, tmp_path: Path) -> None:
    file = tmp_path / "run.har"
    with writing(file, ABOUT) as har:
        options = Options(har=har, max_examples=2, rules=frozenset({"schema.response", "paging.count"}))
        report = check(Target(healthy_mock.url, 5, token=healthy_mock.token), options)
        assert not file.exists()
    entries = read(file)
    assert len(entries) == report.requests
    rules = {entry["comment"] for entry in entries}
    assert {"first answers", "paging.count", "schema.response", "schemathesis: stateful"} <= rules
    assert all(entry["request"]["url"].startswith(healthy_mock.url) for entry in entries)
    texts = [entry["response"]["content"]["text"] for entry in entries if entry["response"]["status"] == 200]
    assert all(json.loads(text) is not None for text in texts)
    assert any(entry["time"] > 0 and entry["timings"]["wait"] == entry["time"] for entry in entries)
    assert healthy_mock.token not in file.read_text()


# Secrets

TOKEN, PASSWORD, KEY, SESSION, RENEWED = (
    "t0ken/with+signs=",
    'päss"wörd\\9',
    "gateway-key-77",
    "sess10n-cookie",
    "renewed-t0ken-2",
)
SECRETS = (TOKEN, PASSWORD, KEY, SESSION, RENEWED)


def echo(handler: BaseHTTPRequestHandler) -> None:
    """Sends back whatever it was sent, in every spelling."""
    told = {
        "you": dict(handler.headers.items()),
        "spelled": [spelling for secret in (TOKEN, PASSWORD, KEY, RENEWED) for spelling in spellings(secret)],
        "next": f"https://me:{SESSION}@host.example/?page=2",
    }
    body = json.dumps(told).encode()
    if "utf-16" in handler.path:
        body = json.dumps(told).encode("utf-16")
    handler.send_response(302)
    handler.send_header("Set-Cookie", f"id={SESSION}; HttpOnly")
    handler.send_header("Location", f"https://me:{SESSION}@host.example/?token={quote(TOKEN, safe='')}")
    handler.send_header("X-Echo", f"{handler.headers['Authorization']} {RENEWED}")
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def spellings(secret: str) -> list[str]:
    raw = secret.encode()
    return [secret, quote(secret, safe=""), json.dumps(secret), b64encode(raw).decode(), repr(secret), secret.upper()]


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            """Not on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_no_secret_is_in_it_wherever_a_server_puts_it(tmp_path: Path) -> None:
    file = tmp_path / "run.har"
    with serving(echo) as url, writing(file, ABOUT) as har:
        headers = {"X-Gateway-Key": KEY, "Authorization-Of-Gateway": f"Basic {KEY}"}
        wire = Wire(Target(url, 5, token=TOKEN, username="me", password=PASSWORD, headers=headers))
        wire.on_exchange = lambda answer: har.add(answer, "auth.required", {TOKEN, RENEWED})
        senders = (Credentials(VALID, f"Token {TOKEN}", "Token $TOKEN"), Credentials("the bare key", TOKEN, "$TOKEN"))
        for sender in senders:
            wire.send(Request("/list/", (("token", "$TOKEN"), ("page", "1"))), sender)
            wire.send(Request("/list/?utf-16", headers=(("Cookie", "id=$TOKEN"),)), sender)
        wire.close()
    text = file.read_text()
    entries = read(file)
    assert len(entries) == 4
    spelled = [spelling for secret in SECRETS for spelling in (*spellings(secret), json.dumps(secret)[1:-1])]
    assert not [each for each in spelled if each.lower() in text.lower()]
    assert entries[0]["request"]["url"].endswith("/list/?token=$TOKEN&page=1")
    assert {"name": "Authorization", "value": "Token $TOKEN"} in entries[0]["request"]["headers"]
    assert {"name": "X-Gateway-Key", "value": "<secret>"} in entries[0]["request"]["headers"]
    assert entries[2]["request"]["comment"] == "the bare key"


# Whole or absent


def an_answer(body: bytes = b"{}", **options: Any) -> Answer:
    request = Request("/api/", (("q", "a b\x7f<ü>"),))
    target = Target("http://127.0.0.1:1", 5)
    return Answer(request, target.url + request.target, 200, body=body, target=target, **options)


@pytest.mark.parametrize(
    "answer",
    [
        an_answer(b"\xff\xfe\x00"),
        evolve(an_answer(), status=0, broke="the connection was reset"),
        an_answer(b"", unread="the body is longer than 8,000,000 bytes"),
        evolve(an_answer(), request=Request("/api/", method="POST", body=b"{", headers=(("Content-Type", "a/b"),))),
        evolve(an_answer(), url='http://127.0.0.1:1/api/ \\<>"{}|^`ü[#]?%FF%zz'),
    ],
    ids=["bytes", "broken", "unread", "post", "odd-url"],
)
def test_any_answer_is_valid_har(answer: Answer, tmp_path: Path) -> None:
    with writing(tmp_path / "run.har", ABOUT) as har:
        har.add(answer, "", ())
    assert len(read(tmp_path / "run.har")) == 1


def test_a_run_without_a_request_is_valid_har(tmp_path: Path) -> None:
    with writing(tmp_path / "run.har", ABOUT):
        pass
    assert read(tmp_path / "run.har") == []


def test_an_interruption_leaves_what_there_was(tmp_path: Path) -> None:
    file = tmp_path / "run.har"

    def interrupted() -> None:
        with writing(file, ABOUT) as har:
            har.add(an_answer(), "", ())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(read(file)) == 1
    assert list(tmp_path.iterdir()) == [file]


def test_entries_go_to_disk_as_they_come(tmp_path: Path) -> None:
    with writing(tmp_path / "run.har", ABOUT) as har:
        before = har._file.tell()
        har.add(an_answer(b"x" * 100_000), "", ())
        assert har._file.tell() > before + 100_000
    assert re.search("x{100000}", (tmp_path / "run.har").read_text())
