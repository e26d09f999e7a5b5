"""Each variant changes what it says, and its answers are still those that the contract documents."""

import json
import time
from collections.abc import Callable, Set as AbstractSet
from email.utils import parsedate_to_datetime
from itertools import combinations

import httpx
import pytest
from attrs import evolve
from tests.mock.battery import LETTERS, ROWS, Asked, ask, battery, behaviours_of, differing, strict

from channel_images.mock import MockServer, variants
from channel_images.mock.bugs import behaviour
from channel_images.mock.http.answers import Answer
from channel_images.mock.operations import operations
from channel_images.mock.variants import BLIP_EVERY, VARIANTS, Allowance

Judge = Callable[[str, httpx.Response], None]

LISTED = ROWS - {"image"}
REFUSED = {"token", "other user", "channel", "missing", "foreign", "bad id", "past", "bad page", "bad filter"}

EXPECTED: dict[str, tuple[str, AbstractSet[str]]] = {
    "limit-clamped": ("LDIB", {"page", "filter"}),
    "limit-refused": ("LDIUB", {"page", "past", "filter"}),
    "many-ids-refused": ("L", {"filter"}),
    "bad-paging-400": ("LDIUB", {"bad page"}),
    "bad-paging-default": ("LDIUB", {"bad page"}),
    "page-last": ("LDIUB", {"bad page"}),
    "empty-past-the-end": ("LDIUB", {"page", "past", "bad page", "filter"}),
    "descending": ("LDIUB", LISTED - {"unknown value"}),
    "by-modified-date": ("LDIUB", LISTED - {"unknown value"}),
    "filtered-descending": ("L", {"filter"}),
    "extra-fields": ("LDIUBRE", ROWS),
    "nulls-left-out": ("LDIUBRE", ROWS),
    "open-enums": ("LDIUBRE", ROWS - {"unknown value"}),
    "booleans-ignored": ("L", {"bad filter"}),
    "decimals-truncated": ("LDIUB", {"bad page", "bad filter"}),
    "empty-items-skipped": ("L", {"bad filter"}),
    "lenient": ("LDIUB", {"bad page", "bad filter"}),
    "unknown-product-400": ("L", {"unknown value"}),
    "unknown-type-empty": ("L", {"unknown value"}),
    "forbidden-channel": ("LDIUBRE", {"channel", "other user"}),
    "hidden-forbidden": ("LDIUBRE", {"other user"}),
    "forbidden-image": ("RE", {"missing", "foreign"}),
    "gone": ("LDIUBRE", {"page", "past", "bad page", "filter", "channel", "missing", "foreign", "other user"}),
    "html-404": ("LDIUBRE", {"channel", "bad id"}),
    "html-400": ("LDIUBRE", {"malformed", "bad filter", "channel", "bad id"}),
    "problem-json": ("LDIUBRE", {*REFUSED, "page", "filter", "unknown value", "write"}),
    "write-looks-up": ("RE", {"write"}),
    "write-looks-up-400": ("RE", {"write"}),
    "proxy-links": ("LD", LISTED - {"unknown value"}),
    "links-from-root": ("LD", LISTED - {"unknown value"}),
    "links-without-slash": ("LD", LISTED - {"unknown value"}),
    "scheme-word-exact": ("LDIUBRE", {"scheme word"}),
    "plain": ("LDIUBRE", {asked.about for asked in battery()}),
    "head-405": ("LDIUBRE", {"head"}),
    "enveloped-pending": ("IUB", LISTED - {"filter", "unknown value"}),
}
"""The operations whose answers a variant changes, by their letters, and what the requests are about."""

BY_CHANCE = {"throttled", "throttled-until", "slow", "blip"}
"""Variants that change an answer now and then, or none: each has a test of its own."""

HTML = {"html-404", "html-400", "blip"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "DELAY", 0)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_variant_changes_the_answers_that_it_should(name: str) -> None:
    letters, about = EXPECTED[name]
    found = differing(VARIANTS[name].behaviour)
    assert {letter for each in found.values() for letter in each} == set(letters)
    assert found.keys() == about


def test_every_variant_is_in_the_tables_of_this_test() -> None:
    assert EXPECTED.keys() | BY_CHANCE == VARIANTS.keys()


def test_each_variant_is_written_down_once_and_in_order() -> None:
    assert [variant.behaviour for variant in VARIANTS.values()] == behaviours_of(variants)


def test_every_allowance_has_a_variant() -> None:
    assert list(dict.fromkeys(variant.allowance for variant in VARIANTS.values())) == list(Allowance)


def test_variants_say_what_they_do_in_a_line() -> None:
    for name, variant in VARIANTS.items():
        assert variant.name == name
        assert 10 < len(variant.summary) <= 120
        assert not variant.summary.endswith(".")
        assert variant.excludes <= VARIANTS.keys()


# The contract


def held(name: str, asked: Asked, answer: Answer, judge: Judge) -> None:
    if asked.method != "GET" or answer.status in {304, 429} or "content-encoding" in answer.headers:
        return
    if name in HTML and answer.headers["content-type"].startswith("text/html"):
        assert answer.status in {400, 404, 414, 503}
        return
    operation = asked.operation
    # What no contract documents, and is right all the same: held to it as what it stands for.
    if name == "gone" and answer.status == 410:
        answer = evolve(answer, status=404)
    if name == "problem-json" and answer.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert json.loads(answer.body).keys() >= {"type", "title", "status", "detail"}
        answer = evolve(answer, headers={**answer.headers, "content-type": "application/json"})
    if name == "open-enums":
        listed = answer.body.replace(b'"archived"', b'"active"').replace(b'"marketplace"', b'"unified"')
        answer = evolve(answer, body=listed)
    if name == "enveloped-pending" and operation.meaning.pending:
        operation = operations()["listProductImages"]
    judge(operation.id, httpx.Response(answer.status, headers=answer.headers, content=answer.body))


@pytest.mark.parametrize("name", VARIANTS)
def test_the_answers_of_a_variant_are_as_documented(name: str, judge: Judge) -> None:
    for asked, answer in ask(VARIANTS[name].behaviour):
        held(name, asked, answer, judge)


# What is not the same in each request


@pytest.mark.parametrize("name", ["throttled", "throttled-until"])
def test_some_requests_are_throttled(name: str) -> None:
    throttled = [answer for _, answer in ask(VARIANTS[name].behaviour) if answer.status == 429]
    assert 3 <= len(throttled) <= 20
    for answer in throttled:
        value = answer.headers["retry-after"]
        pause = float(value) if name == "throttled" else parsedate_to_datetime(value).timestamp() - time.time()
        assert -1 <= pause <= 1
    others = [
        (answer, usual)
        for (_, answer), (_, usual) in zip(ask(VARIANTS[name].behaviour), strict(), strict=True)
        if answer.status != 429
    ]
    assert all(answer == usual for answer, usual in others)


def test_a_blip_is_gone_when_the_request_is_sent_again() -> None:
    answers = ask(VARIANTS["blip"].behaviour)
    gone = [number for number, (_, answer) in enumerate(answers) if answer.status == 503]
    assert gone == list(range(BLIP_EVERY // 2 - 1, len(answers), BLIP_EVERY))
    assert len(gone) > 1
    for number, ((_, answer), (_, usual)) in enumerate(zip(answers, strict(), strict=True)):
        assert number in gone or answer == usual


def test_a_slow_server_answers_the_same_later(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(variants, "DELAY", 0.05)
    monkeypatch.setattr(time, "sleep", pauses.append)
    assert not differing(VARIANTS["slow"].behaviour)
    assert pauses == [0.05] * len(battery())


# What each means


def answer_to(name: str, query: str, letter: str = "L") -> Answer:
    return next(
        answer
        for asked, answer in ask(VARIANTS[name].behaviour)
        if LETTERS[asked.operation.id] == letter and asked.target.partition("?")[2] == query and asked.method == "GET"
    )


@pytest.mark.parametrize(
    ("name", "query", "status", "words"),
    [
        ("limit-clamped", "limit=100&page=2", 200, b"page=3"),
        ("limit-refused", "limit=60&page=1", 400, b"less than or equal to 50"),
        ("bad-paging-400", "page=x", 400, b'"page":["A valid integer is required."]'),
        ("bad-paging-default", "page=x", 200, b'"previous":null'),
        ("bad-paging-default", "limit=0", 200, b'"count":120'),
        (
            "page-last",
            "page=last",
            200,
            b'"next":null,"previous":"http://mock/api/v1/channel/5/product_images/?page=11"',
        ),
        ("page-last", "page=x", 404, b"Invalid page."),
        ("empty-past-the-end", "limit=100&page=99", 200, b'"results":[]'),
        ("booleans-ignored", "is_seller_product=maybe", 200, b'"count":120'),
        ("decimals-truncated", "limit=2.9", 200, b"page=2"),
        ("decimals-truncated", "product=1.9", 200, b'"count":0'),
        ("empty-items-skipped", "id__in=1,,3", 200, b'"count":2'),
        ("empty-items-skipped", "id__in=", 200, b'"count":120'),
        ("lenient", "page=last", 200, b'"next":null'),
        ("lenient", "page=0", 200, b'"previous":null'),
        ("lenient", "product=abc", 400, b"Enter a number."),
        ("unknown-product-400", "product=999999", 400, b"Select a valid choice."),
        ("unknown-type-empty", "product_type=9", 200, b'"count":0'),
    ],
)
def test_what_a_variant_answers(name: str, query: str, status: int, words: bytes) -> None:
    answer = answer_to(name, query)
    assert answer.status == status
    assert words in answer.body


def test_paths_that_lead_nowhere_are_html_too() -> None:
    with MockServer(images=1, behaviour=behaviour(["html-404"])) as server:
        answer = httpx.get(f"{server.url}/api/v2/")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


# Combined


@pytest.mark.parametrize(("one", "other"), list(combinations(VARIANTS, 2)))
def test_two_variants_work_together_or_contradict_each_other(one: str, other: str) -> None:
    if other in VARIANTS[one].excludes or one in VARIANTS[other].excludes:
        for names in ([one, other], [other, one]):
            with pytest.raises(ValueError, match="contradicts"):
                behaviour(names)
    else:
        behaviour([one, other])
        behaviour([other, one])


def test_many_variants_at_once_are_still_as_documented(judge: Judge) -> None:
    chosen = [
        "lenient",
        "limit-clamped",
        "descending",
        "extra-fields",
        "nulls-left-out",
        "empty-past-the-end",
        "plain",
        "proxy-links",
    ]
    for asked, answer in ask(behaviour(chosen)):
        held("", asked, answer, judge)


def test_an_unknown_variant_is_refused_with_those_near_to_it() -> None:
    with pytest.raises(ValueError, match="no variant enveloped-pendin; there is enveloped-pending"):
        behaviour(["enveloped-pendin"])
