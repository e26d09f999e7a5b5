"""Recorded traffic that is judged: what browsers, proxies and our own runs have recorded, and what is no recording at all."""

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from attrs import evolve
from hypothesis import given, settings, strategies as st
from tests.conformance.tiny import KEY, Reply, Tiny, reply, row

from channel_images.conformance import Options, Report, Target, Verdict, check
from channel_images.conformance.asking.recording import read_recording
from channel_images.conformance.asking.wire import Request
from channel_images.conformance.files import BadFile
from channel_images.conformance.har import writing
from channel_images.conformance.recorded import judge_recording
from channel_images.mock import MockServer
from channel_images.mock.churn import Churn

SHOP = "https://shop.example:8443/prefix"
LIST = "/api/v1/channel/5/product_images/"
PAGES = tuple(f"{LIST}?limit=50&page={number}" for number in (1, 2, 3))
BEGAN = datetime(2026, 1, 31, 12, tzinfo=UTC)
Entry = dict[str, Any]


def entry(target: str, answer: Reply, *, at: float = 0.0, base: str = SHOP) -> Entry:
    """A request as a browser records it over HTTP/2."""
    status, headers, body = answer
    named = [{"name": name.lower(), "value": value} for name, value in headers.items()]
    return {
        "startedDateTime": (BEGAN + timedelta(seconds=at)).isoformat(),
        "time": 12.5,
        "request": {
            "method": "GET",
            "url": base + target,
            "headers": [
                {"name": ":authority", "value": "shop.example:8443"},
                {"name": "authorization", "value": f"Token {KEY}"},
            ],
        },
        "response": {
            "status": status,
            "headers": named,
            "content": {"size": len(body), "mimeType": "application/json", "text": body.decode()},
        },
    }


def browsed(server: Tiny, *targets: str, apart: float = 0.2) -> list[Entry]:
    """What a browser records that asks a server for some paths, one after the other."""
    entries = []
    for number, target in enumerate(targets):
        path, _, query = target.partition("?")
        answer = server.handle(Request(path, tuple(parse_qsl(query))), f"Token {KEY}")
        entries.append(entry(target, answer, at=number * apart))
    return entries


def written(path: Path, entries: Sequence[Any]) -> Path:
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    return path


def judged(path: Path, entries: Sequence[Any], url: str | None = None) -> Report:
    return judge_recording(read_recording(written(path / "traffic.har", entries), url), Options())


def verdicts(report: Report) -> dict[tuple[str, str], Verdict]:
    return {(result.rule, result.operation): result.verdict for result in report.results}


def violated(report: Report) -> set[tuple[str, str]]:
    return {(result.rule, result.reason) for result in report.violations()}


# What others recorded


def test_a_healthy_list_that_was_read_page_by_page_conforms(tmp_path: Path) -> None:
    report = judged(tmp_path, browsed(Tiny(), *PAGES))
    assert (report.url, report.channels, report.verdict) == (SHOP, (5,), "conforms")
    assert report.requests == 0
    assert report.recorded == "3 of 3 recorded answers, from 2026-01-31 12:00:00 to 2026-01-31 12:00:00 UTC"
    held = {rule for (rule, _), verdict in verdicts(report).items() if verdict is Verdict.PASS}
    assert {"schema.response", "paging.partition", "paging.size", "paging.count", "paging.links"} <= held
    reasons = {result.rule: result.reason for result in report.having(Verdict.NOT_EXERCISED)}
    assert "is not recorded" in reasons["identity.retrieve"]
    assert "is not recorded" in reasons["auth.required"]


class Repeating(Tiny):
    """Its second page begins with the last row of the first."""

    def cut(self, channel: int, which: str, params: Mapping[str, str], rows: Sequence[Any], *place: int) -> Reply:
        shifted = rows if place[0] == 1 else [rows[0], *rows]
        return super().cut(channel, which, params, shifted[: len(rows)], *place)


class Miscounting(Tiny):
    def cut(self, channel: int, which: str, params: Mapping[str, str], rows: Sequence[Any], *place: int) -> Reply:
        status, headers, body = super().cut(channel, which, params, rows, *place)
        return status, headers, body.replace(b'"count": 137', b'"count": 140')


class OtherRow(Tiny):
    """A retrieval has another width than the list."""

    def retrieve(self, channel: int, pk: int) -> Reply:
        return reply(200, row(pk, width=1))


class Deaf(Tiny):
    """It does not filter."""

    def rows(self, channel: int, which: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        return super().rows(channel, which, {})


class Overlapping(Tiny):
    """The updates are the inserts, too."""

    def rows(self, channel: int, which: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        return super().rows(channel, "inserts" if which == "updates" else which, params)


class Foreign(Tiny):
    """A pending row that no list has."""

    def rows(self, channel: int, which: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        return super().rows(channel, which, params) + [row(900)] * (which == "inserts")


PENDING = (f"{LIST}inserts/?page=1&limit=100", f"{LIST}updates/?page=1&limit=100")
FAULTS: dict[str, tuple[type[Tiny], tuple[str, ...], str, str]] = {
    "twice": (Repeating, PAGES, "paging.partition", "a row is on two pages, or twice on one"),
    "count": (Miscounting, PAGES, "paging.count", "count is not the number of rows"),
    "row": (OtherRow, (*PAGES, f"{LIST}7/"), "identity.retrieve", "the retrieved image is not the listed row"),
    "filter": (Deaf, (f"{LIST}?id__in=3,9",), "filter.sound", "id__in returns rows that it should not"),
    "product": (Deaf, (f"{LIST}?product=104",), "filter.sound", "product returns rows that it should not"),
    "both": (Overlapping, PENDING, "pending.disjoint", "an image is to insert and to update"),
    "foreign": (Foreign, (*PAGES, PENDING[0]), "pending.subset", "a pending row is not in the full list"),
}


@pytest.mark.parametrize(("server", "targets", "rule", "relation"), FAULTS.values(), ids=FAULTS)
def test_a_fault_that_was_recorded_is_told(
    server: type[Tiny], targets: tuple[str, ...], rule: str, relation: str, tmp_path: Path
) -> None:
    healthy = judged(tmp_path, browsed(Tiny(), *targets))
    assert not healthy.violations()
    report = judged(tmp_path, browsed(server(), *targets))
    assert (rule, relation) in violated(report)
    evidence = next(each.evidence for each in report.violations() if each.rule == rule)
    assert evidence
    assert evidence.requests
    assert all("Token $TOKEN" in line and SHOP in line for line in evidence.requests)


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ("filter", "product")])
def test_answers_that_are_far_apart_accuse_nobody(name: str, tmp_path: Path) -> None:
    server, targets, rule, relation = FAULTS[name]
    report = judged(tmp_path, browsed(server(), *targets, apart=60))
    assert not {each.rule for each in report.violations()} & {rule}
    reasons = [each.reason for each in report.having(Verdict.UNSTABLE) if each.rule == rule]
    assert any(relation in reason and "the data may have changed" in reason for reason in reasons)


def test_data_that_moved_accuses_nobody(tmp_path: Path) -> None:
    before, after = Tiny(), Tiny()
    after.channels[5].insert(0, row(900))
    entries = browsed(before, PAGES[0]) + browsed(after, *PAGES[1:], PAGES[0])
    for number, each in enumerate(entries):
        each["startedDateTime"] = (BEGAN + timedelta(seconds=number * 0.1)).isoformat()
    report = judged(tmp_path, entries)
    assert not report.violations()
    assert report.having(Verdict.UNSTABLE)


def test_what_a_browser_writes_is_not_judged_and_may_move_the_data(tmp_path: Path) -> None:
    entries = browsed(Repeating(), *PAGES)
    write = entry(f"{LIST}7/", reply(200, row(7)), at=0.3)
    write["request"]["method"] = "PATCH"
    created = entry(LIST, reply(201, row(901)), at=0.3)
    created["request"]["method"] = "POST"
    report = judged(tmp_path, [*entries, write, created])
    assert not report.violations()
    assert any("PATCH" in result.reason for result in report.having(Verdict.UNSTABLE))


def test_answers_without_a_time_accuse_nobody(tmp_path: Path) -> None:
    entries = browsed(Repeating(), *PAGES)
    for each in entries:
        del each["startedDateTime"]
    report = judged(tmp_path, entries)
    assert ("paging.partition", "listProductImages") in {
        (each.rule, each.operation) for each in report.having(Verdict.UNSTABLE)
    }
    assert not report.violations()


def test_a_single_answer_needs_no_other(tmp_path: Path) -> None:
    entries = browsed(Tiny(), *PAGES)
    entries.append(entry(f"{LIST}?limit=50&page=4", (500, {"content-type": "text/html"}, b"<h1>Error</h1>"), at=1))
    entries.append(entry(f"{LIST}?limit=20", reply(200, {"count": 1, "results": [{"width": "x"}]}), at=2))
    rules = {rule for rule, _ in violated(judged(tmp_path, entries))}
    assert {"schema.no-server-error", "schema.identifiable", "schema.response"} <= rules


# What stands between, and how recorders differ


def html(status: int = 200, **headers: str) -> Reply:
    return status, {"content-type": "text/html", **headers}, b"<html><title>Sign in</title></html>"


def cut(answer: Entry) -> None:
    content = answer["response"]["content"]
    content["text"] = content["text"][:100]


def dropped(answer: Entry) -> None:
    del answer["response"]["content"]["text"]


def gone(answer: Entry) -> None:
    answer["response"] |= {"status": 0, "content": {"size": 0}}


def cached(answer: Entry) -> None:
    answer["_fromCache"] = "disk"
    answer["response"]["content"] |= {"text": "[]", "size": 2}


def brotli(answer: Entry) -> None:
    answer["response"]["headers"].append({"name": "Content-Encoding", "value": "br"})
    answer["response"]["content"] |= {"encoding": "base64", "text": b64encode(b"\x8b\xff\x00").decode(), "size": 3}


def not_base64(answer: Entry) -> None:
    answer["response"]["content"]["encoding"] = "base64"


@pytest.mark.parametrize("spoil", [cut, dropped, gone, cached, brotli, not_base64], ids=lambda each: each.__name__)
def test_what_a_recorder_left_out_accuses_nobody(spoil: Any, tmp_path: Path) -> None:
    entries = browsed(Tiny(), *PAGES)
    spoil(entries[1])
    assert not judged(tmp_path, entries).violations()


def test_bodies_in_base64_and_packed_are_read(tmp_path: Path) -> None:
    entries = browsed(Repeating(), *PAGES)
    for each in entries:
        content = each["response"]["content"]
        packed = gzip.compress(content["text"].encode())
        each["response"]["headers"].append({"name": "content-encoding", "value": "gzip"})
        content |= {"text": b64encode(packed).decode(), "encoding": "base64"}
    assert "paging.partition" in {rule for rule, _ in violated(judged(tmp_path, entries))}


@pytest.mark.parametrize(
    "answer",
    [html(), html(302, location="https://sso.example/login"), reply(401, {"detail": "Expired."})],
    ids=["page", "sign-on", "expired"],
)
def test_what_comes_from_elsewhere_accuses_nobody(answer: Reply, tmp_path: Path) -> None:
    after_all = entry(f"{LIST}?limit=50&page=2", answer, at=1)
    assert not judged(tmp_path, [*browsed(Tiny(), PAGES[0]), after_all]).violations()
    report = judged(tmp_path, [after_all])
    assert report.verdict == "not judged"
    assert "this API's" in report.not_judged


def test_an_absence_of_a_proxy_is_a_warning(tmp_path: Path) -> None:
    absent = entry(PAGES[1], html(502), at=-1)
    report = judged(tmp_path, [absent, *browsed(Tiny(), *PAGES)])
    assert [(each.rule, each.severity) for each in report.violations()] == [("schema.no-server-error", "warning")]
    assert report.verdict == "conforms"


def test_other_hosts_beside_it_are_passed_over(tmp_path: Path) -> None:
    others = [entry("/fonts.css", html(), base="https://cdn.example"), entry("/about/", html())]
    report = judged(tmp_path, [*others, *browsed(Tiny(), *PAGES)])
    assert report.verdict == "conforms"
    assert report.recorded.startswith("4 of 5 recorded answers")


def test_of_several_servers_one_has_to_be_named(tmp_path: Path) -> None:
    entries = browsed(Tiny(), *PAGES)
    twins = [evolve_url(each, "https://test.example") for each in entries]
    with pytest.raises(BadFile, match=rf"requests to 2 servers; give the URL of one of them: {SHOP}, https://test.ex"):
        judged(tmp_path, entries + twins)
    assert judged(tmp_path, entries + twins, "https://test.example").url == "https://test.example"
    with pytest.raises(BadFile, match=r"to https://none\.example; there are some to"):
        judged(tmp_path, entries + twins, "https://none.example")


def evolve_url(each: Entry, base: str) -> Entry:
    return {**each, "request": {**each["request"], "url": each["request"]["url"].replace(SHOP, base)}}


def test_no_secret_of_a_recording_is_shown(tmp_path: Path) -> None:
    secrets = ("c00kie-of-a-session", "query-token-4711", KEY, "hunter2hunter2")
    targets = [f"{LIST}?id__in=3,9&token=query-token-4711"]
    entries = browsed(Deaf(), *targets)
    for each in entries:
        each["request"]["headers"].append({"name": "cookie", "value": "sessionid=c00kie-of-a-session"})
        each["request"]["url"] = each["request"]["url"].replace("https://", "https://me:hunter2hunter2@")
        for secret in secrets:
            text = each["response"]["content"]["text"].replace('"count"', f'"{secret}": 1, "count"')
            each["response"]["content"] |= {"text": text, "size": len(text)}
    report = judged(tmp_path, entries)
    assert report.violations()
    text = json.dumps(report.as_json())
    assert not [secret for secret in secrets if secret in text]


# What is no recording


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a HAR"),
        (b"nonsense", "not a HAR"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "cannot be read as JSON"),
        (b"9" * 5_000, "cannot be read as JSON"),
        (b"[]", r"no list log\.entries"),
        (b'{"log": {"entries": {}}}', r"no list log\.entries"),
        (b'{"log": {"entries": []}}', "none of its 0 requests is one of the contract's"),
        (b'{"log": {"entries": [1]}}', "entry 1 of log.entries has no request"),
        (b'{"log": {"entries": [{"request": {"method": "GET", "url": "x"}}]}}', "has no response with a status"),
        (gzip.compress(b"{}" * 1000, mtime=0)[:-9], "not whole"),
        (gzip.compress(b"{}", mtime=0), r"no list log\.entries"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(content: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "traffic.har"
    file.write_bytes(content)
    with pytest.raises(BadFile, match=words) as refusal:
        read_recording(file)
    assert str(refusal.value).startswith(str(file))
    assert "\n" not in str(refusal.value)


def test_a_recording_of_another_api_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="none of its 1 requests is one of the contract's"):
        judged(tmp_path, [entry("/api/v2/orders/", reply(200, []))])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def spoiled(draw: st.DrawFn) -> Any:
    """A recording of which some parts are something else."""
    entries = browsed(Tiny(), PAGES[0], f"{LIST}7/", PENDING[0])
    document: Any = {"log": {"version": "1.2", "entries": entries}}
    for _ in range(draw(st.integers(1, 3))):
        place = document
        for _ in range(draw(st.integers(0, 6))):
            steps = list(place) if isinstance(place, dict) else list(range(len(place)))
            inner = [step for step in steps if isinstance(place[step], dict | list) and place[step]]
            if not inner:
                break
            place = place[draw(st.sampled_from(inner))]
        steps = list(place) if isinstance(place, dict) else list(range(len(place)))
        place[draw(st.sampled_from(steps))] = draw(ANYTHING)
        if not document.get("log"):
            break
    return document


@settings(max_examples=60, deadline=None)
@given(document=spoiled() | ANYTHING)
def test_any_json_is_refused_in_one_line_or_judged(document: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "any.har"
    file.write_text(json.dumps(document))
    refused, reasons = "", list[str]()
    try:
        reasons = [each.reason for each in judge_recording(read_recording(file), Options()).results]
    except BadFile as refusal:
        refused = str(refusal)
    assert "\n" not in refused
    assert not [reason for reason in reasons if "could not be judged" in reason]


# What our own runs recorded


def run(server: MockServer, path: Path, *rules: str) -> Report:
    options = Options(rules=frozenset(rules) or None, schemathesis=False, probe_writes=True)
    with writing(path, {"channels": [5, 6], "seed": 0, "quick": False}) as har:
        return check(Target(server.url, 5, (6,), server.token), evolve(options, har=har))


RULES = ("paging.partition", "paging.links", "filter.multi", "identity.retrieve", "pending.subset", "auth.required")


def test_a_recorded_run_is_judged_as_the_run_was(tmp_path: Path) -> None:
    file = tmp_path / "run.har"
    with MockServer(images=60) as server:
        live = run(server, file)
    again = judge_recording(read_recording(file), Options())
    assert again.channels == live.channels
    differing = verdicts(again).items() ^ verdicts(live).items()
    assert {rule for (rule, _), _ in differing} == {"protocol.head-options"}
    assert again.coverage == live.coverage


def test_what_is_required_and_was_not_recorded_is_lacking(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path / "one.har", browsed(Tiny(), *PAGES)))
    assert judge_recording(recording, Options()).verdict == "conforms"
    assert judge_recording(recording, Options(required=("pending",))).verdict == "incomplete"
    with pytest.raises(ValueError, match="no family pendings"):
        judge_recording(recording, Options(required=("pendings",)))


@pytest.mark.parametrize(("bug", "rule"), [("count-of-page", "paging.count"), ("open-retrieval", "auth.required")])
def test_a_recorded_run_shows_the_fault_of_the_run(bug: str, rule: str, tmp_path: Path) -> None:
    with MockServer(images=60, bugs=[bug]) as server:
        live = run(server, tmp_path / "run.har", rule)
    again = judge_recording(read_recording(tmp_path / "run.har"), Options(rules=frozenset({rule})))
    assert violated(live)
    assert violated(again) == violated(live)


def test_a_recorded_run_over_moving_data_accuses_nobody(tmp_path: Path) -> None:
    churn = Churn(adds=1, removes=1, modifies=3, sends=1)
    with MockServer(images=60, churn=churn) as server:
        run(server, tmp_path / "run.har", *RULES)
    report = judge_recording(read_recording(tmp_path / "run.har"), Options(rules=frozenset(RULES)))
    assert not report.violations()
    assert report.having(Verdict.UNSTABLE)
