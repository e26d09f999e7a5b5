"""Each bug changes what it says, and nothing else; each rule has one; any of them can be combined."""

from itertools import pairwise

import httpx
import pytest
from attrs import evolve
from tests.mock.battery import LETTERS, ROWS, SETTINGS, ask, battery, differing, strict

from channel_images.contract import load_contract
from channel_images.mock import MockServer
from channel_images.mock.behaviour import Behaviour
from channel_images.mock.bugs import BUGS, behaviour, cache, protocol
from channel_images.mock.data.store import Store

RULES = list(load_contract()["x-conformance"])
RULED = {name: bug.rule for name, bug in BUGS.items() if bug.rule}
PAGES = ROWS | {"past", "bad page"}
FILTERED = frozenset({"filter", "unknown value"})
MISSING = {"missing", "foreign", "bad id"}
EVERYTHING = {asked.about for asked in battery()}

ABOUT = {
    "schema.response": EVERYTHING,
    "schema.identifiable": ROWS,
    "schema.no-server-error": EVERYTHING,
    "schema.rejects-invalid": {"bad filter", "bad id", "channel"},
    "protocol.read-only": {"write"},
    "protocol.head-options": {"head", "options", "token"},
    "protocol.caching": PAGES | {"bad filter"},
    "protocol.safe": ROWS,
    "auth.required": {"token", "write", "other user"},
    "auth.challenge": {"token"},
    "identity.missing": MISSING,
    "isolation.retrieve": {"foreign"},
    "isolation.unknown-channel": {"channel"},
    **dict.fromkeys((rule for rule in RULES if rule.startswith(("paging.", "pending."))), PAGES),
    **dict.fromkeys((rule for rule in RULES if rule.startswith("filter.")), FILTERED),
    **dict.fromkeys((rule for rule in RULES if rule.startswith("isolation.token.")), frozenset({"other user"})),
    **dict.fromkeys(("identity.retrieve", "identity.detailed-list", "identity.detailed", "isolation.lists"), ROWS),
}
"""What the requests may be about that a bug for a rule changes the answers to."""

TOUCHED = {
    "L": """empty-is-204 unreadable-product-500 empty-item-500 nul-byte-500 word-is-no-filter word-matches-nothing
        word-in-list-skipped product-parsed-int id-in-parsed-int products-parsed-int types-parsed-int etag-of-page
        cache-ignores-filters product-ignored products-ignored id-in-ignored product-zero-ignored
        unknown-product-ignored unknown-ids-ignored unknown-type-ignored product-from-there id-in-wraps-at-32-bits
        product-wraps-at-32-bits products-wrap-at-32-bits product-first-image filters-active-only
        filters-lose-unmeasured product-by-object id-in-last id-in-first id-in-range id-in-truncated id-in-ascending
        id-in-all-or-nothing products-last products-second-lost types-last types-together id-in-spaced-lost
        products-spaced-lost types-spaced-lost seller-ignored seller-false-ignored seller-text-is-true
        seller-false-skips-null seller-by-image type-zero-ignored type-ignored type-at-most type-by-first-image
        filters-or last-filter-wins products-beat-product seller-beats-type count-ignores-filters links-lose-filters
        filter-lost-after-page-1 filtered-unpaged filtered-after-paging filtered-unordered filter-join-repeats
        list-hides-disabled id-in-unscoped product-unscoped other-user-lists other-user-filters list-cached-for-all
        other-user-learns-by-count""",
    "D": """content-type-html envelope-without-count head-500 cache-ignores-query open-detailed-list
        count-of-all-channels links-to-plain-list first-page-repeats unpaged-by-default detailed-loses-inactive
        detailed-cut-off detailed-by-product detailed-zero-for-null detailed-milliseconds detailed-active-always
        detailed-list-unscoped other-user-lists-detailed""",
    "I": "inserts-pages-from-zero inserts-hold-disabled-updates pending-overlaps inserts-unscoped other-user-pending",
    "U": """date-as-timestamp line-behind-length id-for-pk open-updates updates-channel-before-token
        updates-hold-inserts updates-as-sent pending-unordered updates-unscoped""",
    "B": "union-without-updates union-with-sent union-active-only union-repeats",
    "R": """image-in-array second-document open-retrieval retrieves-neighbour retrieves-seconds retrieves-local-time
        retrieves-stale retrieves-unified-for-null missing-is-nearest retrieve-unscoped other-user-retrieves""",
    "E": """product-nested nul-behind-json missing-image-500 method-ignored sizes-swapped rank-from-one
        object-is-product blank-for-null missing-is-html detailed-retrieve-unscoped
        other-user-retrieves-detailed""",
    "RE": """large-id-500 id-beyond-uint-32 largest-id-500 id-beyond-int-64 zero-id-500 decimal-id-500 spaced-id-500
        nul-in-id-500 word-is-first-image id-parsed-int image-deletes api-key-in-query unknown-image-before-token
        cached-images-ignore-token missing-is-empty missing-is-null missing-is-400 id-wraps-at-32-bits
        other-user-learns-by-status other-user-learns-by-message""",
    "DE": "no-hash-500",
    "LD": """count-as-text results-by-pk link-left-out last-row-of-page-dropped pages-overlap page-counted-from-zero
        partial-page-dropped full-last-page-dropped limit-ignored one-row-too-many random-order page-shuffled
        order-by-limit later-pages-reversed count-of-page count-one-short count-capped count-drifts next-on-last-page
        next-ends-early next-on-full-page next-is-same-page next-is-page-2 previous-null-on-page-2
        previous-on-first-page previous-is-next links-lose-limit last-page-repeats""",
    "LDB": "row-lost-between-chunks",
    "IUB": """options-500 cache-ignores-page pending-read-is-sent union-read-is-sent retrieved-is-sent
        detailed-read-is-sent pending-default-1 pending-pages-from-zero pending-zero-for-null pending-page-ignored
        pending-limit-ignored pending-unpaged pending-drops-row pending-last-page-repeats""",
    "LDIUB": """invalid-is-422 comment-behind-json page-zero-500 limit-zero-500 large-page-500 traceback-in-body
        list-creates list-answers-post etag-of-path modified-by-first cache-ignores-limit auth-token-in-cookie
        largest-limit-5 small-limit-raised limit-from-choices large-limit-is-default ties-unordered default-limit-20
        last-page-by-default unknown-channel-empty""",
    "LDIUBRE": """size-as-text is-active-as-number status-upper-case hash-numeric-where-null date-without-zone
        nan-for-null error-envelope comment-behind-length unknown-channel-500 connection-lost channel-beyond-int-32
        channel-beyond-double channel-beyond-int-64 zero-channel-500 negative-channel-500 leading-zero-channel-500
        nul-in-channel-500 word-is-channel channel-parsed-int head-with-body head-error-with-body open-head
        open-not-modified token-any token-prefix token-longer token-any-case token-wildcard bare-key any-scheme
        three-parts empty-key token-quote token-double-quote token-injected token-in-query access-token-in-query
        token-in-cookie loopback-forwarded-for loopback-real-ip loopback-forwarded localhost-host
        unknown-channel-before-token cache-ignores-token forbidden-without-token wrong-token-403 no-challenge
        unknown-channel-is-first unknown-channel-400 unknown-channel-no-content channel-wraps-at-32-bits""",
    "": """slashless-500 slashless-detailed-500 doubled-slash-500 upper-case-path-500 format-suffix-500
        redirect-elsewhere details-slow retrieval-slow parallel-filters-mixed parallel-pages-mixed
        parallel-sizes-mixed parallel-retrievals-mixed parallel-details-mixed pending-cached
        updates-cached union-rows-cached""",
}
"""The operations whose answers a bug changes, by their letters."""

LETTERS_OF = {name: letters for letters, names in TOUCHED.items() for name in names.split()}


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "clock", lambda: 0.0)


@pytest.fixture(autouse=True)
def _slow_answers_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "sleep", lambda seconds: None)


@pytest.mark.parametrize(("name", "rule"), RULED.items())
def test_a_bug_changes_the_answers_that_it_should(name: str, rule: str) -> None:
    found = differing(BUGS[name].behaviour)
    assert {letter for letters in found.values() for letter in letters} == set(LETTERS_OF[name])
    assert found.keys() <= ABOUT.get(rule, set())


@pytest.mark.parametrize("name", [name for name in BUGS if name not in RULED])
def test_a_bug_that_no_rule_sees_changes_no_answer_of_the_contracts_operations(name: str) -> None:
    assert differing(BUGS[name].behaviour) == {}


def test_every_bug_that_a_rule_sees_is_in_the_table_of_this_test() -> None:
    assert LETTERS_OF.keys() == RULED.keys()
    assert sum(len(names.split()) for names in TOUCHED.values()) == len(RULED)


def test_every_rule_has_a_bug_and_they_are_in_the_rules_order() -> None:
    assert list(dict.fromkeys(RULED.values())) == RULES
    assert list(BUGS)[: len(RULED)] == list(RULED)


def test_bugs_say_what_is_wrong_in_a_line() -> None:
    for name, bug in BUGS.items():
        assert bug.name == name
        assert name.replace("-", "").isalnum()
        assert 10 < len(bug.summary) <= 120
        assert not bug.summary.endswith(".")
    assert len({bug.summary for bug in BUGS.values()}) == len(BUGS)


def test_a_redirect_leads_elsewhere() -> None:
    call = battery()[0].call()
    usual, elsewhere = (
        kind(SETTINGS, Store(0, {})).redirect(call, "/a/?b=1")
        for kind in (Behaviour, behaviour([], ["redirect-elsewhere"]))
    )
    assert usual.headers["location"] == "/a/?b=1"
    assert evolve(elsewhere, headers={}) == evolve(usual, headers={})
    assert elsewhere.headers["location"] == "https://www.example.com/a/?b=1"


def test_a_redirect_leads_elsewhere_over_http_too() -> None:
    with MockServer(images=1, behaviour=behaviour([], ["redirect-elsewhere"])) as server:
        answer = httpx.get(f"{server.url}/api/v1/channel/5/product_images?page=1")
    assert answer.headers["location"] == "https://www.example.com/api/v1/channel/5/product_images/?page=1"


def test_bugs_are_the_same_in_every_run() -> None:
    kind = behaviour([], ["random-order", "page-shuffled"])
    assert ask(kind) == ask(kind)


# Combined


def test_nothing_chosen_is_the_strict_behaviour() -> None:
    assert behaviour() is Behaviour


def test_all_bugs_can_be_had_at_once_in_any_order() -> None:
    names = list(BUGS)
    for chosen in (names[::-1], sorted(names)):
        behaviour([], chosen)
    ask(behaviour([], names))


# Neighbours are the likeliest to share a step.
@pytest.mark.parametrize(("one", "other"), list(pairwise(RULED))[::3])
def test_two_bugs_touch_what_each_does(one: str, other: str) -> None:
    found = {letter for letters in differing(behaviour([], [one, other])).values() for letter in letters}
    assert found <= set(LETTERS_OF[one]) | set(LETTERS_OF[other])
    assert found or not LETTERS_OF[one]


def test_bugs_of_different_steps_show_side_by_side() -> None:
    kind = behaviour(
        ["proxy-links", "extra-fields"], ["count-one-short", "links-lose-limit", "token-any", "detailed-cut-off"]
    )
    answers = {
        asked.target + str(asked.headers): answer for asked, answer in ask(kind) if asked.about in {"page", "token"}
    }
    page = next(answer for target, answer in answers.items() if "/product_images/?limit=10&page=2{" in target)
    assert b'"count":119,"next":"https://shop.example.com/omnitron/' in page.body
    assert b"limit=" not in page.body
    assert b'"channels":[5]' in page.body
    detailed = next(answer for target, answer in answers.items() if "/detailed/?limit=200&page=1{" in target)
    assert (detailed.body.count(b'"pk":') // 2, b'"count":99' in detailed.body) == (100, True)
    assert all(answer.status == 200 for target, answer in answers.items() if "Token wrong" in target)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("count-of-pge", "no bug count-of-pge; there is count-of-page"),
        ("CountOfPage", "no bug CountOfPage"),
        ("xyz", "no bug xyz; see --list-bugs"),
    ],
)
def test_an_unknown_bug_is_refused_with_those_near_to_it(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        behaviour([], ["token-any", name])


def test_the_battery_meets_every_kind_of_answer() -> None:
    assert {answer.status for _, answer in strict()} == {200, 400, 401, 404, 405}
    assert len({asked.operation.id for asked in battery()}) == len(LETTERS)
