"""What was seen of the contract: the statuses, the kinds of value, the kinds of row that a run met."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conformance.test_contracts import renamed
from tests.conformance.tiny import DETAILED, FULL, INSERTS, RETRIEVE, row

from channel_images.conformance import Options, Target, check
from channel_images.conformance.asking.operations import Operation
from channel_images.conformance.asking.wire import Answer, Request
from channel_images.conformance.judging.oracle import route
from channel_images.conformance.results import Seen
from channel_images.conformance.seen import Coverage
from channel_images.contract import contract_text, load_contract, use_contract
from channel_images.mock import MockServer

ROWS = [row(7)]


def heard(
    *answers: tuple[Operation, Mapping[str, str], int, object], channel: int = 5, pk: int = 7, **request: Any
) -> list[Seen]:
    """What was seen of answers: each an operation, its parameters, a status and a document."""
    coverage = Coverage((5, 6))
    for operation, params, status, document in answers:
        asked = Request(operation.path_for(channel, pk), tuple(params.items()), **request)
        url = f"http://tiny.example{asked.target}"
        answer = Answer(asked, url, status, httpx.Headers(), json.dumps(document).encode())
        found, values = route(asked)
        assert found == operation
        coverage.hear(operation, values, answer)
    return list(coverage.seen())


def kinds(seen: Sequence[Seen], subject: str, name: str = "", operation: Operation | None = None) -> set[str]:
    """The kinds that were seen."""
    identity = operation.id if operation else ""
    return {
        each.kind
        for each in seen
        if each.seen and (each.subject, each.name, each.operation) == (subject, name, identity)
    }


def hint(seen: Sequence[Seen], subject: str, name: str, kind: str, operation: Operation | None = None) -> str:
    """What would show a kind that was not seen."""
    identity = operation.id if operation else ""
    (found,) = [
        each.hint
        for each in seen
        if (each.subject, each.name, each.kind, each.operation) == (subject, name, kind, identity)
    ]
    return found


def page(*rows: Mapping[str, Any]) -> dict[str, Any]:
    return {"count": len(rows), "next": None, "previous": None, "results": list(rows)}


def test_nothing_was_seen_before_anything_was_asked() -> None:
    seen = heard()
    assert seen
    assert not [each for each in seen if each.seen or not each.hint]
    assert hint(seen, "field", "hash", "null") == "no image of channel 5 was read"


def test_each_documented_status_of_each_operation_is_listed_once() -> None:
    listed = [(each.operation, each.kind) for each in heard() if each.subject == "status"]
    documented = [
        (item["get"]["operationId"], status)
        for item in load_contract()["paths"].values()
        for status in item["get"]["responses"]
    ]
    assert sorted(listed) == sorted(documented)


def test_a_status_is_seen_of_its_operation_alone() -> None:
    seen = heard((FULL, {}, 404, {}), (RETRIEVE, {}, 200, row(7)))
    assert kinds(seen, "status", operation=FULL) == {"404"}
    assert kinds(seen, "status", operation=RETRIEVE) == {"200"}
    assert kinds(seen, "status", operation=DETAILED) == set()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("403", "no 403: give --other-token"),
        ("404", "no 404: nothing was asked for that does not exist"),
        ("500", "no 500: the server did not fail, as it should be"),
    ],
)
def test_what_would_show_a_status(status: str, words: str) -> None:
    assert hint(heard(), "status", "", status, FULL) == words


@pytest.mark.parametrize(
    ("params", "status", "rows", "name", "expected"),
    [
        ({}, 200, ROWS, "product", {"absent"}),
        ({}, 400, [], "product", set()),
        ({"product": "107"}, 200, ROWS, "product", {"a value that occurs"}),
        ({"product": "999"}, 200, [], "product", {"a value that does not occur"}),
        ({"product": "999"}, 400, [], "product", {"a value that does not occur"}),
        ({"product": "word"}, 400, [], "product", set()),
        ({"product": "9" * 19}, 400, [], "product", set()),
        ({"product": "999", "page": "2"}, 200, [], "product", set()),
        ({"product": "107", "id__in": "1"}, 200, [], "product", set()),
        ({"id__in": "7"}, 200, ROWS, "id__in", {"a value that occurs"}),
        ({"id__in": "7,8"}, 200, ROWS, "id__in", {"several values"}),
        ({"id__in": "7,7"}, 200, ROWS, "id__in", {"a value that occurs"}),
        ({"id__in": "7,x"}, 400, [], "id__in", set()),
        ({"id__in": "998,999"}, 200, [], "id__in", {"a value that does not occur"}),
        ({"is_seller_product": "true"}, 200, ROWS, "is_seller_product", {"true"}),
        ({"is_seller_product": "true"}, 200, [], "is_seller_product", set()),
        ({"is_seller_product": "maybe"}, 200, ROWS, "is_seller_product", set()),
        ({"product_type": "3"}, 200, ROWS, "product_type", {"3"}),
        ({"product_type": "0,3"}, 200, ROWS, "product_type", {"several values"}),
        ({"product_type": "77"}, 200, ROWS, "product_type", set()),
        ({"page": "1"}, 200, ROWS, "page", {"a value that occurs"}),
        ({"page": "9"}, 404, [], "page", {"a value that does not occur"}),
        ({"page": "0"}, 404, [], "page", set()),
        ({"limit": "10"}, 200, ROWS, "limit", {"a value"}),
    ],
)
def test_the_kinds_of_value_of_a_parameter(
    params: dict[str, str], status: int, rows: list[dict[str, Any]], name: str, expected: set[str]
) -> None:
    document = page(*rows) if status == 200 else {"detail": "no"}
    assert kinds(heard((FULL, params, status, document)), "parameter", name, FULL) - {"absent"} == expected - {"absent"}
    assert ("absent" in kinds(heard((FULL, params, status, document)), "parameter", name, FULL)) == (
        "absent" in expected
    )


@pytest.mark.parametrize(
    ("channel", "status", "scope", "key"),
    [
        (5, 200, {"a value that occurs"}, {"a value that occurs"}),
        (5, 404, set(), {"a value that does not occur"}),
        (6, 404, set(), set()),
        (77, 404, {"a value that does not occur"}, set()),
        (77, 403, {"a value that does not occur"}, set()),
    ],
)
def test_the_kinds_of_value_in_a_path(channel: int, status: int, scope: set[str], key: set[str]) -> None:
    seen = heard((RETRIEVE, {}, status, row(7) if status == 200 else {"detail": "no"}), channel=channel)
    assert kinds(seen, "parameter", "channel_id", RETRIEVE) == scope
    assert kinds(seen, "parameter", "id", RETRIEVE) == key


@pytest.mark.parametrize(
    ("params", "kind", "words"),
    [
        ({}, "true", "no request had is_seller_product=true"),
        ({"is_seller_product": "true"}, "true", "no image of channel 5 is found by is_seller_product=true"),
        ({"is_seller_product": "true"}, "absent", "no request without is_seller_product was answered with 200"),
    ],
)
def test_what_would_show_a_kind_of_value(params: dict[str, str], kind: str, words: str) -> None:
    assert hint(heard((FULL, params, 200, page())), "parameter", "is_seller_product", kind, FULL) == words


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"hash": None}, "hash", {"null"}),
        ({"hash": ""}, "hash", {"empty text"}),
        ({"hash": "ab"}, "hash", {"a value"}),
        ({"source": "unified"}, "source", {"unified"}),
        ({"source": "another"}, "source", set()),
        ({"source": None}, "source", {"null"}),
        ({"is_active": True}, "is_active", {"true"}),
        ({"is_active": False}, "is_active", {"false"}),
        ({"height": 0}, "height", {"a value"}),
    ],
)
@pytest.mark.parametrize("operation", [FULL, INSERTS, RETRIEVE])
def test_the_kinds_of_value_of_a_field(
    operation: Operation, fields: dict[str, Any], name: str, expected: set[str]
) -> None:
    one = row(7, **fields)
    document = {FULL: page(one), INSERTS: [one], RETRIEVE: one}[operation]
    assert kinds(heard((operation, {}, 200, document)), "field", name) == expected


def test_a_field_that_is_left_out() -> None:
    short = {name: value for name, value in row(7).items() if name != "hash"}
    seen = heard((FULL, {}, 200, page(short)))
    assert kinds(seen, "field", "hash") == {"absent"}
    assert hint(seen, "field", "source", "absent") == "no image of channel 5 leaves source out"


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("hash", "null", "no image of channel 5 has a null hash"),
        ("hash", "empty text", "no image of channel 5 has an empty hash"),
        ("source", "seller_center", "no image of channel 5 has source seller_center"),
        ("is_active", "true", "no image of channel 5 has is_active true"),
    ],
)
def test_what_would_show_a_kind_of_row(name: str, kind: str, words: str) -> None:
    assert hint(heard((FULL, {}, 200, page(row(7)))), "field", name, kind) == words


@pytest.mark.parametrize("request_", [{"channel": 6}, {"credentials": "wrong"}, {"method": "HEAD"}])
def test_rows_of_another_channel_or_another_user_do_not_count(request_: dict[str, Any]) -> None:
    seen = heard((FULL, {}, 200, page(row(7, hash=None))), **request_)
    assert kinds(seen, "field", "hash") == set()


@pytest.mark.parametrize("document", [None, 3, "text", [3], {"results": 3}, {"results": [None]}, {"count": 1}])
def test_any_document_is_taken_note_of(document: object) -> None:
    assert kinds(heard((FULL, {}, 200, document)), "status", operation=FULL) == {"200"}


# Runs


def test_a_run_says_what_it_saw_and_sends_nothing_for_it() -> None:
    with MockServer(images=60) as server:
        report = check(Target(server.url, 5, (6,), server.token), Options(quick=True, required=("paging",)))
        assert len(server.requests) == report.requests
    assert (report.verdict, report.required) == ("conforms", ("paging",))
    assert kinds(report.coverage, "status", operation=FULL) >= {"200", "401", "404"}
    assert kinds(report.coverage, "parameter", "is_seller_product", FULL) == {"true", "false", "absent"}
    assert kinds(report.coverage, "field", "is_active") == {"true", "false"}
    assert report.as_json()["coverage"][0] == {
        "subject": "status",
        "operation": "listProductImages",
        "name": "",
        "kind": "200",
        "seen": True,
        "hint": "",
    }


def test_an_answer_of_429_that_is_waited_for_was_seen() -> None:
    with MockServer(images=60, variants=["throttled"]) as server:
        options = Options(quick=True, sleep=lambda seconds: None)
        report = check(Target(server.url, 5, token=server.token), options)
    assert "429" in {each.kind for each in report.coverage if each.seen and each.subject == "status"}


def test_another_contract_is_told_by_its_names(tmp_path: Path) -> None:
    file = tmp_path / "openapi.yaml"
    file.write_text(renamed(contract_text()), encoding="utf-8")
    command = [sys.executable, "-m", __name__, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    names = set(json.loads(done.stdout))
    assert {"p", "per_page", "shop", "ref", "article", "number"} <= names
    assert not {"page", "limit", "channel_id", "product", "pk"} & names


if __name__ == "__main__":
    use_contract(Path(sys.argv[1]))
    sys.stdout.write(json.dumps([each.name for each in Coverage((5,)).seen()]))
