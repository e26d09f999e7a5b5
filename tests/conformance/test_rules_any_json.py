"""Whatever a server answers, a rule judges it: none raises, and single answers are told."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx
import pytest
from attrs import define, field
from hypothesis import HealthCheck, given, settings, strategies as st
from tests.conformance.tiny import FULL, Reply, Tiny, reading, row, told

from channel_images.conformance.asking.parsing import NotJson, parsed, said
from channel_images.conformance.asking.reading import NotExercised, Unreadable, documented, page
from channel_images.conformance.asking.standing import is_of_api, may_come_from_elsewhere
from channel_images.conformance.asking.wire import Answer, Request
from channel_images.conformance.catalogue import CATALOGUE
from channel_images.conformance.judging.oracle import problems

ODD: list[Any] = [
    {}, [], {"id": 1}, [1, 2], None, "", "1", -1, 0, True, 1.5, 10**30, 2**63, "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00", "2022-13-45", "\ud83d", [[[]]], "http://[::1/x", "\x00", 1e308,
]  # fmt: skip
"""Values that no field has."""
FIELDS = list(row(1))
ENVELOPE = ["count", "next", "previous", "results"]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.sampled_from(ODD),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=6,
)


@define
class Odd(Tiny):
    """Answers with something odd in one place of every document."""

    name: str = "pk"
    """The field; empty for another one in each row."""
    value: Any = None
    every: int = 1
    """Of so many rows, one is odd."""
    channels: dict[int, list[dict[str, Any]]] = field(
        factory=lambda: {5: [row(pk) for pk in range(1, 38)], 6: [row(pk) for pk in range(5001, 5013)]}
    )

    def answer(self, request: Request, authorization: str | None) -> Reply:
        status, headers, body = Tiny.answer(self, request, authorization)
        if status != 200:
            return status, headers, body
        document = json.loads(body)
        rows = document if isinstance(document, list) else document.get("results", [document])
        if self.name in ENVELOPE and isinstance(document, dict) and "results" in document:
            document[self.name] = self.value
        else:
            for number, each in enumerate(rows[:: self.every]):
                each[self.name or FIELDS[1 + number % (len(FIELDS) - 1)]] = self.value
        return status, headers, json.dumps(document).encode()


def judged(server: Tiny) -> None:
    """Ask every rule; what escapes one fails the test."""
    survey = reading(server)
    for rule in CATALOGUE.values():
        for operation in rule.operations:
            with suppress(NotExercised, Unreadable):
                list(rule.check(survey, operation))


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_no_rule_raises_on_an_odd_value(value: Any) -> None:
    judged(Odd(name="", value=value))


@pytest.mark.parametrize("name", ["pk", *ENVELOPE])
@pytest.mark.parametrize("value", [{}, "\ud83d", -1, 10**30], ids=repr)
def test_no_rule_raises_where_rows_and_pages_cannot_be_told_apart(name: str, value: Any) -> None:
    judged(Odd(name=name, value=value, every=3))


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from([*FIELDS, *ENVELOPE]), value=anything, every=st.integers(1, 5))
def test_no_rule_raises_on_any_json_in_any_field(name: str, value: Any, every: int) -> None:
    judged(Odd(name=name, value=value, every=every))


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(link=st.text() | st.from_regex(r"(https?:)?//[^/]{0,8}/[^?]{0,5}(\?page=.{0,4})?", fullmatch=True))
def test_no_rule_raises_on_any_link(link: str) -> None:
    @define
    class Linking(Tiny):
        def link(self, channel: int, which: str, params: Mapping[str, str], limit: int, number: int) -> str:
            return link

    told(Linking(), "paging.links", FULL)


BODIES = [
    b"", b"null", b"[]", b"{}", b"1", b'"x"', b"[" * 300 + b"]" * 300, b"[" * 100_000, b'{"pk":' + b"9" * 5000 + b"}",
    b'{"pk": NaN}', b'{"pk": Infinity}', b'{"pk": 1} x', b"\xff\xfe", b'{"status": "\\ud83d"}', b'{"pk": 1e999}',
    "\ufeff{}".encode(), b'{"count": 1, "results": [' + b"[" * 150 + b"]" * 150 + b"]}", b'{"results": {"1": {"pk": 1}}}',
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
def test_no_rule_raises_on_an_odd_body(body: bytes) -> None:
    @define
    class Fixed(Tiny):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            status, headers, given = Tiny.answer(self, request, authorization)
            return status, headers, body if status == 200 and "page=2" in request.target else given

    judged(Fixed())


@pytest.mark.parametrize(
    "location", ["http://xn--a.example/x", "http://[::1/x", "//evil.example:99999/", "\x00", "", "http://tiny.example/"]
)
def test_no_rule_raises_on_an_odd_redirect(location: str) -> None:
    @define
    class Leading(Tiny):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            answer = Tiny.answer(self, request, authorization)
            return answer if request.path.endswith("/") else (302, {"location": location}, b"")

    judged(Leading())


@settings(max_examples=200)
@given(
    document=anything,
    status=st.sampled_from([200, 201, 204, 400, 401, 404, 410, 418, 500]),
    path=st.sampled_from(["", "1/"]),
)
def test_any_answer_is_judged_by_itself(document: Any, status: int, path: str) -> None:
    request = Request(f"/api/v1/channel/5/product_images/{path}")
    body = json.dumps(document).encode()
    headers = httpx.Headers({"content-type": "application/json"})
    for problem in problems(Answer(request, f"http://tiny.example{request.target}", status, headers, body)):
        assert problem.what
        assert problem.proof is None or problem.proof().lines
        problem.what.encode()


def test_what_is_no_character_is_told_and_read_as_a_question_mark() -> None:
    body = b'{"pk": 1, "status": "acti\\ud83dve"}'
    request = Request("/api/v1/channel/5/product_images/1/")
    headers = httpx.Headers({"content-type": "application/json"})
    found = list(problems(Answer(request, "http://tiny.example/", 200, headers, body)))
    assert [each.what for each in found] == ["a 200 with text that is no Unicode"]
    assert parsed(body) == {"pk": 1, "status": "acti?ve"}


@pytest.mark.parametrize("body", [b"[" * 102 + b"]" * 102, b"NaN", b"{", b"\xff", b"[" * 100_000])
def test_what_no_reader_takes_is_no_json(body: bytes) -> None:
    with pytest.raises(NotJson):
        parsed(body)


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'[{"pk": 1, "height": Infinity}]', [{"pk": 1, "height": float("inf")}]),
        ('[{"pk": 1}]'.encode("utf-16"), [{"pk": 1}]),
        (b'\xef\xbb\xbf[{"pk": 1}]', [{"pk": 1}]),
        (b"<html>", None),
    ],
)
def test_what_faulty_json_says_is_known_all_the_same(body: bytes, document: object) -> None:
    assert said(body) == document
    with pytest.raises(NotJson):
        parsed(body)


def test_an_answer_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[str] = []

    def loads(text: str, **options: Any) -> Any:
        bodies.append(text)
        return json.JSONDecoder(**options).decode(text)

    monkeypatch.setattr("channel_images.conformance.asking.parsing.json.loads", loads)
    body = json.dumps({"count": 1, "next": None, "previous": None, "results": [row(123_456)]}).encode()
    request = Request("/api/v1/channel/5/product_images/")
    headers = httpx.Headers({"content-type": "application/json"})
    answer = Answer(request, f"http://tiny.example{request.target}", 200, headers, body)
    assert is_of_api(FULL, answer)
    assert not may_come_from_elsewhere(answer)
    assert not list(problems(answer))
    assert page(answer).pks == (123_456,)
    assert bodies == [body.decode()]


def test_a_date_that_no_calendar_has_is_compared_as_text() -> None:
    assert documented({"modified_date": "0001-01-01T00:00:00+14:00"})["modified_date"] == "0001-01-01T00:00:00+14:00"
