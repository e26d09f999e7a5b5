"""Faults that other frameworks and gateways bring with them, each told by its rule."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise, permutations
from typing import Any

import pytest
from attrs import define, field
from tests.conformance.tiny import (
    DETAILED,
    FULL,
    INSERTS,
    KEY,
    NOT_FOUND,
    PENDING,
    RETRIEVE,
    RETRIEVE_DETAILED,
    UNION,
    UPDATES,
    Reply,
    Tiny,
    Within,
    ask,
    faults,
    reading,
    reply,
    row,
    told,
)

from channel_images.conformance.asking.standing import Session
from channel_images.conformance.asking.wire import AT_ONCE, Answer, Request


def test_a_healthy_server_is_accused_of_nothing() -> None:
    assert not faults(Tiny())


# Numbers


def leading(text: str) -> int:
    """As JavaScript's parseInt reads it. Raises `ValueError`."""
    if not (match := re.match(r"\s*\d+", text)):
        raise ValueError(text)
    return int(match[0])


@define
class ParsesInt(Tiny):
    """Reads numbers up to what is none."""

    def integers(self, name: str, text: str) -> set[int]:
        try:
            return {leading(each) for each in text.split(",")}
        except ValueError:
            raise ValueError(name) from None

    def answer(self, request: Request, authorization: str | None) -> Reply:
        path = re.sub(r"/(\d+)[a-z]+(?=/)", r"/\1", request.path)
        return Tiny.answer(self, Request(path, request.params, request.method), authorization)


def test_a_number_with_a_word_behind_it_is_no_number() -> None:
    assert told(ParsesInt(), "schema.rejects-invalid", FULL) == {
        f"a number with a word behind it for {what} is not refused"
        for what in ("product", "product__pk__in", "id__in", "product_type", "the channel")
    }
    assert "a number with a word behind it for the id is not refused" in told(
        ParsesInt(), "schema.rejects-invalid", RETRIEVE
    )


@define
class Wraps(Tiny):
    """Reads integers into fewer bits."""

    bits: int = 32

    def integers(self, name: str, text: str) -> set[int]:
        return {each % 2**self.bits for each in Tiny.integers(self, name, text)}

    def answer(self, request: Request, authorization: str | None) -> Reply:
        path = re.sub(r"/(\d+)(?=/)", lambda match: f"/{int(match[1]) % 2**self.bits}", request.path)
        return Tiny.answer(self, Request(path, request.params, request.method), authorization)


@pytest.mark.parametrize("bits", [31, 32, 48])
def test_ids_that_wrap_are_told(bits: int) -> None:
    server = Wraps(bits=bits)
    relation = "an id that does not exist is taken for another one, cut down to fewer bits"
    assert relation in told(server, "identity.missing", RETRIEVE)
    assert relation in told(server, "identity.missing", RETRIEVE_DETAILED)
    assert told(server, "filter.sound") == {
        f"{name} returns rows for a value that does not exist" for name in ("id__in", "product", "product__pk__in")
    }


@pytest.mark.parametrize(
    "read",
    [
        lambda text: {int(each) for each in text.split(",") if each.isdigit()},
        lambda text: {int(text.split(",")[0])},
        lambda text: {int(each) for each in text.split(",")} if " " not in text else set(),
    ],
)
def test_a_space_after_a_comma_loses_no_value(read: Callable[[str], set[int]]) -> None:
    @define
    class Spaced(Tiny):
        def integers(self, name: str, text: str) -> set[int]:
            return read(text) if " " in text else Tiny.integers(self, name, text)

    assert {f"a space after the comma of {name} loses or adds rows" for name in ("id__in", "product__pk__in")} <= told(
        Spaced(), "filter.multi"
    )


def test_a_space_after_a_comma_may_be_overlooked() -> None:
    @define
    class Lenient(Tiny):
        def integers(self, name: str, text: str) -> set[int]:
            return Tiny.integers(self, name, text.replace(" ", ""))

    assert not ask(Lenient(), "filter.multi")


FILTERS = ["id__in", "product", "product__pk__in", "product_type", "is_seller_product"]


@pytest.mark.parametrize(("kept", "dropped"), [*permutations(FILTERS, 2)])
def test_a_filter_that_is_dropped_beside_another_one_is_told(kept: str, dropped: str) -> None:
    @define
    class Dropping(Tiny):
        def rows(self, channel: int, which: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
            left = {name: text for name, text in params.items() if name != dropped or kept not in params}
            return Tiny.rows(self, channel, which, left)

    relation = f"{' and '.join(sorted((kept, dropped)))} together are not the intersection"
    assert relation in told(Dropping(), "filter.and")


# Pages


def test_page_0_of_an_envelope_is_no_page_of_its_own() -> None:
    @define
    class FromZero(Tiny):
        def page(self, channel: int, which: str, params: Mapping[str, str]) -> Reply:
            number = int(params.get("page") or 0) if params.get("page", "0").isdigit() else 0
            return Tiny.page(self, channel, which, {**params, "page": str(number + 1)})

    assert "page 0 holds rows that no other page holds" in told(FromZero(), "paging.defaults", FULL)


@pytest.mark.parametrize("page", ["1", "2"])
def test_page_0_may_be_the_first_page_or_one_that_is_there(page: str) -> None:
    @define
    class Zeroth(Tiny):
        def page(self, channel: int, which: str, params: Mapping[str, str]) -> Reply:
            zeroth = {"page": page} if params.get("page") == "0" else {}
            return Tiny.page(self, channel, which, {**params, **zeroth})

    assert not ask(Zeroth(), "paging.defaults")


# Tokens


@define
class Lax(Tiny):
    """Takes what is no token for one."""

    takes: Callable[[Request, str | None], bool] = field(default=lambda request, authorization: False)

    def answer(self, request: Request, authorization: str | None) -> Reply:
        taken = self.takes(request, authorization)
        return Tiny.answer(self, request, f"Token {KEY}" if taken else authorization)


LAX: dict[str, tuple[Callable[[Request, str | None], bool], str]] = {
    "query": (
        lambda request, _: ("token", "$TOKEN") in request.params,
        "a request with the token in the query, and not in Authorization, is answered",
    ),
    "access_token": (
        lambda request, _: ("access_token", "$TOKEN") in request.params,
        "a request with the token in the query, and not in Authorization, is answered",
    ),
    "cookie": (
        lambda request, _: "auth_token=$TOKEN" in dict(request.headers).get("Cookie", ""),
        "a request with the token in a cookie, and not in Authorization, is answered",
    ),
    "single quote": (lambda _, header: "'" in (header or ""), "GET with a single quote is answered"),
    "double quote": (lambda _, header: '"' in (header or ""), "GET with a double quote is answered"),
    "forwarded for": (
        lambda request, _: dict(request.headers).get("X-Forwarded-For") == "127.0.0.1",
        "a request with no token that claims to come from loopback is answered",
    ),
    "real ip": (
        lambda request, _: dict(request.headers).get("X-Real-IP") == "127.0.0.1",
        "a request with no token that claims to come from loopback is answered",
    ),
    "forwarded": (
        lambda request, _: "127.0.0.1" in dict(request.headers).get("Forwarded", ""),
        "a request with no token that claims to come from loopback is answered",
    ),
    "host": (
        lambda request, _: dict(request.headers).get("Host") == "localhost",
        "a request with no token that asks for the host localhost is answered",
    ),
}


@pytest.mark.parametrize("name", LAX)
def test_what_is_no_valid_token_in_authorization_is_refused(name: str) -> None:
    takes, relation = LAX[name]
    assert relation in told(Lax(takes=takes), "auth.required", FULL)


@define
class Betraying(Tiny):
    """Looks for the channel and the image before it asks for the token."""

    def answer(self, request: Request, authorization: str | None) -> Reply:
        answer = Tiny.answer(self, request, f"Token {KEY}")
        return answer if answer[0] == 404 else Tiny.answer(self, request, authorization)


def test_what_exists_is_not_betrayed_without_a_token() -> None:
    assert told(Betraying(), "auth.required", FULL) == {
        "a channel that does not exist is looked for before the token is asked for"
    }
    assert "an image that does not exist is looked for before the token is asked for" in told(
        Betraying(), "auth.required", RETRIEVE
    )


def test_a_cache_that_ignores_the_token_is_shown_with_what_fills_it() -> None:
    @define
    class Cached(Tiny):
        kept: dict[tuple[str, tuple[tuple[str, str], ...]], Reply] = field(factory=dict)

        def answer(self, request: Request, authorization: str | None) -> Reply:
            key = request.path, request.params
            if authorization is None and key in self.kept and request.method == "GET":
                return self.kept.pop(key)
            answer = Tiny.answer(self, request, authorization)
            if answer[0] == 200:
                self.kept[key] = answer
            return answer

    (finding,) = [each for each in ask(Cached(), "auth.required", RETRIEVE) if not each.answers[-1].request.headers]
    assert [answer.request.credentials for answer in finding.answers] == ["valid", "no token"]
    assert len({answer.request.target for answer in finding.answers}) == 1


def test_few_wrong_tokens_are_sent_and_the_valid_one_is_asked_for_after_each() -> None:
    asked: list[str] = []

    @define
    class Counted(Within):
        def _asked(self, request: Request, credentials: Any, *, apart: bool = False) -> Answer:
            if credentials is not None and credentials.header:
                asked.append("wrong")
            return Within._asked(self, request, credentials, apart=apart)

        def assure(self) -> None:
            asked.append("assured")

    survey = reading(Tiny())
    session = survey.session
    survey.session = Counted(session.wire, session.standing, server=Tiny())
    from channel_images.conformance.catalogue import CATALOGUE

    for operation in CATALOGUE["auth.required"].operations:
        list(CATALOGUE["auth.required"].check(survey, operation))
        list(CATALOGUE["auth.challenge"].check(survey, operation))
    assert asked.count("wrong") <= 45
    assert "wrong wrong" not in " ".join(asked)


# Caches


@define
class Tagged(Tiny):
    """Gives validators, and 304 for those that it was given."""

    tag: Callable[[Request, bytes], str] = field(default=lambda request, body: f'"{hash(body)}"')
    modified: Callable[[Request], datetime | None] = field(default=lambda request: None)
    takes_any_date: bool = False

    def answer(self, request: Request, authorization: str | None) -> Reply:
        status, headers, body = Tiny.answer(self, request, authorization)
        if status != 200:
            return status, headers, body
        sent, tag, moment = dict(request.headers), self.tag(request, body), self.modified(request)
        dates = {"last-modified": format_datetime(moment, usegmt=True)} if moment else {}
        asked = sent.get("If-Modified-Since")
        if sent.get("If-None-Match") == tag or (
            asked and moment and (self.takes_any_date or asked == dates["last-modified"])
        ):
            return 304, {"etag": tag}, b""
        return status, {**headers, "etag": tag, **dates}, body


def test_validators_of_what_was_asked_for_are_no_fault() -> None:
    assert not ask(Tagged(), "protocol.caching")
    release = datetime(2025, 6, 2, tzinfo=UTC)
    assert not ask(Tagged(modified=lambda request: release), "protocol.caching")


@pytest.mark.parametrize("operation", [FULL, DETAILED, INSERTS, RETRIEVE])
def test_an_etag_that_ignores_the_query_or_the_image_is_told(operation: Any) -> None:
    server = Tagged(tag=lambda request, body: f'"{request.path.split("product_images")[0]}"')
    assert told(server, "protocol.caching", operation) == {"the ETag of one URL gives 304 for another"}


def test_an_etag_that_ignores_filters_alone_is_told() -> None:
    server = Tagged(tag=lambda request, body: str([each for each in request.params if each[0] in ("page", "limit")]))
    assert told(server, "protocol.caching", FULL) == {"the ETag of one URL gives 304 for another"}


def test_a_date_of_another_page_that_gives_304_is_told() -> None:
    def moment(request: Request) -> datetime:
        return datetime(2025, 6, 2, tzinfo=UTC) + timedelta(days=int(dict(request.params).get("page", "1")))

    server = Tagged(modified=moment, takes_any_date=True)
    assert told(server, "protocol.caching", FULL) == {"the Last-Modified of one URL gives 304 for another"}


@pytest.mark.parametrize("ignored", [("page",), ("limit",), ("id__in",), ("page", "limit", "id__in")])
def test_a_cache_that_ignores_parameters_is_told_from_a_server_that_does(ignored: tuple[str, ...]) -> None:
    @define
    class Cached(Tiny):
        last: tuple[object, Reply] | None = None

        def answer(self, request: Request, authorization: str | None) -> Reply:
            key = request.path, [each for each in request.params if each[0] not in ignored]
            answer = Tiny.answer(self, request, authorization)
            if self.last is not None and self.last[0] == key:
                return self.last[1]
            self.last = key, answer
            return answer

    @define
    class Ignoring(Tiny):
        def page(self, channel: int, which: str, params: Mapping[str, str]) -> Reply:
            return Tiny.page(self, channel, which, {k: v for k, v in params.items() if k not in ignored})

    relation = "a request is answered with what was answered to another one before it"
    assert relation in told(Cached(), "protocol.caching", FULL)
    assert not told(Ignoring(), "protocol.caching", FULL)


# What a GET leaves behind


@define
class Pending(Tiny):
    """Knows which images are pending."""

    channels: dict[int, list[dict[str, Any]]] = field(
        factory=lambda: {5: [row(pk) for pk in range(1, 301)], 6: [row(9001)]}
    )
    sent: set[int] = field(factory=set)

    def rows(self, channel: int, which: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        rows = Tiny.rows(self, channel, which, params)
        return [each for each in rows if each["pk"] not in self.sent] if which in PENDING else rows


@pytest.mark.parametrize("taking", ["inserts", "updates", "inserts_or_updates"])
def test_a_list_that_takes_what_it_shows_for_sent_is_told(taking: str) -> None:
    @define
    class Taking(Pending):
        def cut(
            self, channel: int, which: str, params: Mapping[str, str], rows: Sequence[Any], number: int, limit: int
        ) -> Reply:
            answer = Tiny.cut(self, channel, which, params, rows, number, limit)
            if which == taking and answer[0] == 200:
                self.sent |= {each["pk"] for each in json.loads(answer[2])}
            return answer

    found = faults(Taking())
    assert ("protocol.safe", "reading a page takes its rows from the list") in {
        (rule, what) for rule, _, what, _ in found
    }


@pytest.mark.parametrize("operation", [RETRIEVE, RETRIEVE_DETAILED, FULL])
def test_an_image_that_counts_as_sent_once_it_is_read_is_told(operation: Any) -> None:
    @define
    class Taking(Pending):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            answer = Tiny.answer(self, request, authorization)
            if answer[0] == 200 and operation is FULL and "id__in" in dict(request.params):
                self.sent |= {each["pk"] for each in json.loads(answer[2])["results"]}
            elif (
                answer[0] == 200
                and re.fullmatch(operation.path_for(5, r"(\d+)"), request.path)
                and operation is not FULL
            ):
                self.sent.add(json.loads(answer[2])["pk"])
            return answer

    assert told(Taking(), "protocol.safe", operation) >= {"reading an image takes it from listProductImageInserts"}


def test_an_image_that_every_retrieval_changes_is_told() -> None:
    @define
    class Counting(Tiny):
        read: int = 0

        def retrieve(self, channel: int, pk: int) -> Reply:
            self.read += 1
            status, headers, body = Tiny.retrieve(self, channel, pk)
            return (reply(200, json.loads(body) | {"order": self.read})) if status == 200 else (status, headers, body)

    assert told(Counting(), "protocol.safe", RETRIEVE) == {"retrieving an image changes it"}


@pytest.mark.parametrize("each_time", [1, 2, 3, 7])
@pytest.mark.parametrize("from_the_front", [True, False])
def test_work_that_others_do_is_not_taken_for_a_list_that_takes(each_time: int, from_the_front: bool) -> None:
    @define
    class Worked(Pending):
        def page(self, channel: int, which: str, params: Mapping[str, str]) -> Reply:
            left = [each["pk"] for each in self.rows(5, "inserts_or_updates", {})]
            self.sent |= set(left[:each_time] if from_the_front else left[:: max(1, len(left) // each_time)])
            return Tiny.page(self, channel, which, params)

    server = Worked(channels={5: [row(pk) for pk in range(1, 1200)], 6: [row(9001)]})
    assert not ask(server, "protocol.safe")


# State that one request leaves for the next


@define
class Mixing(Within):
    """Answers each of several requests that are under way with the answer to the one before it."""

    def together(self, requests: Sequence[Request]) -> list[Answer]:
        assert len(requests) > 1
        answers = [self._asked(request, None) for request in requests]
        return [
            Answer(answer.request, answer.url, other.status, other.headers, other.body)
            for answer, other in zip(answers, answers[-1:] + answers[:-1], strict=True)
        ]


@pytest.mark.parametrize(
    ("rule", "operation", "relation"),
    [
        ("identity.retrieve", RETRIEVE, "an image is another one when several are asked for at the same time"),
        ("identity.detailed", RETRIEVE_DETAILED, "an image is another one when several are asked for at the same time"),
        ("paging.partition", FULL, "a page is another one when several are asked for at the same time"),
        ("filter.sound", FULL, "a filtered list is another one when several are asked for at the same time"),
    ],
)
@pytest.mark.parametrize("at_once", [1, 2, AT_ONCE])
def test_answers_that_are_mixed_up_are_told(rule: str, operation: Any, relation: str, at_once: int) -> None:
    from channel_images.conformance.catalogue import CATALOGUE

    survey = reading(Tiny())
    survey.session = Mixing(survey.session.wire, survey.session.standing, server=Tiny())
    survey.session.wire.at_once = at_once
    findings = list(CATALOGUE[rule].check(survey, operation))
    assert {finding.relation for finding in findings} == ({relation} if at_once > 1 else set())
    assert all(finding.together and finding.is_proven for finding in findings)


# A pending list that lags behind


@pytest.mark.parametrize("operation", [INSERTS, UPDATES, UNION])
def test_a_pending_list_that_lags_behind_is_proven_while_data_moves(operation: Any) -> None:
    @define
    class Lagging(Tiny):
        turn: int = 0
        kept: dict[str, Reply] = field(factory=dict)

        def page(self, channel: int, which: str, params: Mapping[str, str]) -> Reply:
            self.turn += 1
            if self.turn % 4 == 0:
                self.channels[5][self.turn % 137]["width"] += 1
            if which in PENDING:
                return self.kept.setdefault(f"{channel} {which} {params}", Tiny.page(self, channel, which, params))
            return Tiny.page(self, channel, which, params)

    findings = ask(Lagging(), "pending.subset", operation)
    assert "a pending row differs from the same row of the full list" in {
        finding.relation for finding in findings if finding.is_proven
    }


def test_data_that_moves_proves_nothing_against_lists_that_are_up_to_date() -> None:
    @define
    class Moving(Tiny):
        turn: int = 0

        def page(self, channel: int, which: str, params: Mapping[str, str]) -> Reply:
            self.turn += 1
            self.channels[5][self.turn * 7 % 137]["width"] += 1
            return Tiny.page(self, channel, which, params)

    assert not [finding for finding in ask(Moving(), "pending.subset") if finding.is_proven]


# Writes


def test_a_list_that_answers_any_method_is_told() -> None:
    @define
    class AnyMethod(Tiny):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            method = "GET" if request.path.endswith("product_images/") else request.method
            return Tiny.answer(self, Request(request.path, request.params, method), authorization)

    server = AnyMethod()
    assert {f"{method} with a body that is not JSON is not refused" for method in ("POST", "PUT", "PATCH")} <= told(
        server, "protocol.read-only", FULL
    )
    existing = [each for each in server.requests if "/channel/5/" in each.path]
    assert all(each.method != "DELETE" for each in existing)
    assert all(each.body == b"{" for each in existing if each.method not in ("GET", "HEAD", "OPTIONS"))


@pytest.mark.parametrize("status", [404, 400, 410])
def test_a_server_may_look_for_the_image_before_it_looks_at_the_method(status: int) -> None:
    @define
    class Looking(Tiny):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            there = re.fullmatch(r".*/product_images/\d{15,}/(detailed/)?", request.path)
            return reply(status, NOT_FOUND) if there else Tiny.answer(self, request, authorization)

    assert not ask(Looking(), "protocol.read-only")


def test_methods_that_look_for_an_image_where_others_are_refused_are_told() -> None:
    @define
    class Editing(Tiny):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            if request.method in ("PUT", "PATCH", "DELETE") and re.search(r"/product_images/\d", request.path):
                return reply(404, NOT_FOUND)
            return Tiny.answer(self, request, authorization)

    assert told(Editing(), "protocol.read-only", RETRIEVE) == {
        f"{method} is not refused" for method in ("PUT", "PATCH", "DELETE")
    }


# Paths


@pytest.mark.parametrize("spelling", ["/product_images$", "//", "[A-Z]{3}", r"\.json"])
def test_a_spelling_of_a_path_that_fails_is_told(spelling: str) -> None:
    @define
    class Failing(Tiny):
        def answer(self, request: Request, authorization: str | None) -> Reply:
            if re.search(spelling, request.path):
                return reply(500, {"detail": "?"})
            return Tiny.answer(self, request, authorization)

    assert ("schema.no-server-error", FULL.id, "a server error") in {each[:3] for each in faults(Failing())}


VALUES = ["0", "-1", str(2**31 - 1), str(2**31), str(2**32), str(2**53), str(2**63 - 1), str(2**63), str(2**64), "01",
          "1.0", "1e3", "+1", "%20", "%00", "%D9%A1"]  # fmt: skip


def test_a_value_of_a_path_that_fails_is_told() -> None:
    @define
    class Failing(Tiny):
        failed: set[tuple[str, str]] = field(factory=set)

        def answer(self, request: Request, authorization: str | None) -> Reply:
            steps = request.path.split("/")
            asked = {pair for pair in pairwise(steps) if pair[0] in ("channel", "product_images") and pair[1] in VALUES}
            self.failed |= asked
            return reply(500, {"detail": "?"}) if asked else Tiny.answer(self, request, authorization)

    server = Failing()
    survey = reading(server)
    from channel_images.conformance.catalogue import CATALOGUE

    for operation in CATALOGUE["schema.no-server-error"].operations:
        list(CATALOGUE["schema.no-server-error"].check(survey, operation))
    session: Session = survey.session
    assert isinstance(session, Within)
    assert {each.what for each in session.found} == {"a server error"}
    assert server.failed == {(which, value) for which in ("channel", "product_images") for value in VALUES}
