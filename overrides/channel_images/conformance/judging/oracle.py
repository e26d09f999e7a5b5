"""Finds what is wrong with one answer, by itself: status, content type, body. The rules judge how answers are related.

schemathesis judges the answers to its own requests; this judges those to ours, which see far more rows.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache, partial
from typing import Any

import jsonschema_rs
from attrs import evolve, frozen

from channel_images.conformance.asking.operations import OPERATIONS, Operation
from channel_images.conformance.asking.parsing import NotJson, parsed
from channel_images.conformance.asking.wire import Answer, Request
from channel_images.conformance.judging.allowances import may_answer, with_open_enums
from channel_images.conformance.judging.proof import Proof, as_seen, at, by_status, by_type, leaks, part, unkeyed
from channel_images.conformance.judging.rule import Finding, violation
from channel_images.conformance.results import Result, Severity
from channel_images.contract import load_contract, resolve, standalone
from channel_images.resource import ENVELOPE, resource

RESPONSE = "schema.response"
IDENTIFIABLE = "schema.identifiable"
NO_SERVER_ERROR = "schema.no-server-error"

TRACEBACK = re.compile(
    rb"Traceback \(most recent call last\)|^\s+File &?(quot;|\")\S+\.py&?(quot;|\"), line \d+", re.MULTILINE
)
IN_TRACEBACKS = (b"Traceback", b".py")
"""One of these is in each; to look for a whole one takes long, and each body is looked through."""
JSON = "application/json"
HALF_A_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")
"""What may be half of a surrogate pair."""


@frozen
class Problem:
    """What is wrong with an answer."""

    rule: str
    operation: str
    what: str
    """The fault, in words that are the same for the same fault."""
    seen: str
    answer: Answer
    severity: Severity = Severity.ERROR
    proof: Callable[[], Proof] | None = None
    """Makes what shows it in a shell; `None` if the answer shows it as it is. Few of many problems are shown."""

    def violation(self) -> Result:
        """The result that shows it."""
        due = "an answer that the contract documents for this operation"
        proof = self.proof() if self.proof else None
        return violation(
            self.rule, self.operation, Finding(self.what, due, self.seen, (self.answer,), self.severity, proof=proof)
        )


def problems(answer: Answer) -> Iterator[Problem]:
    """What is wrong with an answer to a request for one of the contract's paths; nothing for other paths.

    Of a path that is one of the contract's in another spelling, nothing is expected but that it gives no server error.
    """
    operation, values = route(answer.request)
    if operation is not None:
        for rule, what, seen, severity, proof in (*_breakdowns(answer), *_faults(answer, operation, values)):
            yield Problem(rule, operation.id, what, seen, answer, severity, proof)
    elif (meant := meant_by(answer.request)) is not None:
        for rule, what, seen, severity, proof in _breakdowns(answer):
            yield Problem(rule, meant.id, what, seen, answer, severity, proof)


_Fault = tuple[str, str, str, Severity, Callable[[], Proof]]


def _breakdowns(answer: Answer) -> Iterator[_Fault]:
    if any(part in answer.body for part in IN_TRACEBACKS) and (leak := TRACEBACK.search(answer.body)):
        yield (
            NO_SERVER_ERROR,
            "a body leaks a traceback",
            answer.body[leak.start() :][:200].decode("utf-8", "replace"),
            Severity.ERROR,
            partial(leaks, answer),
        )
    if answer.is_server_error:
        yield NO_SERVER_ERROR, "a server error", answer.describe(), Severity.ERROR, partial(by_status, answer)


def _faults(answer: Answer, operation: Operation, values: tuple[str, ...]) -> Iterator[_Fault]:
    if answer.is_server_error or answer.unread:
        return
    content_type = answer.headers.get("content-type", "")
    if answer.request.method == "OPTIONS" or may_answer(
        answer.status,
        method=answer.request.method,
        url=answer.url,
        path_values=values,
        retry_after="retry-after" in answer.headers,
        body=answer.body,
        content_type=content_type,
    ):
        return
    documented = validators()[operation.id]
    if answer.status not in documented:
        what = f"status {answer.status} is not documented"
        yield RESPONSE, what, answer.describe(), Severity.ERROR, partial(by_status, answer)
        return
    if answer.request.method == "HEAD":
        return
    if content_type.partition(";")[0].strip().lower() != JSON:
        yield (
            RESPONSE,
            f"a {answer.status} that is not {JSON}",
            answer.describe(),
            Severity.ERROR,
            partial(by_type, answer),
        )
        return
    try:
        document = parsed(answer.body)
    except NotJson as error:
        what = f"a {answer.status} whose body is not JSON"
        yield RESPONSE, what, f"the parser says: {error}"[:200], Severity.ERROR, partial(as_seen, answer)
        return
    if half := _half_a_character(answer.body):
        what = f"a {answer.status} with text that is no Unicode"
        yield RESPONSE, what, half, Severity.ERROR, partial(as_seen, answer)
    if answer.status == 200 and operation.is_list and not operation.is_enveloped and isinstance(document, dict):
        yield (
            RESPONSE,
            "a page envelope where the contract has an array",
            f"an object with {', '.join(document)}"[:200],
            Severity.WARNING,
            partial(part, answer, "keys", 'type == "object"', ", ".join(document)),
        )
        document = document.get("results")
    yield from _schema_faults(answer, document, documented[answer.status])
    if answer.status == 200:
        yield from _identity_faults(answer, document, operation)


def _half_a_character(body: bytes) -> str:
    """Half of a surrogate pair in a body of JSON, with what is before it; empty if there is none."""
    if not HALF_A_CHARACTER.search(body):
        return ""
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        return json.dumps(error.object[max(0, error.start - 60) : error.end])
    return ""


def _schema_faults(answer: Answer, document: object, validator: jsonschema_rs.Draft202012Validator) -> Iterator[_Fault]:
    told: set[str] = set()
    for error in validator.iter_errors(document):
        # The same field of every row is one fault.
        place = re.sub(
            r"\[\d+\]",
            "[]",
            "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path),
        )
        what = f"a {answer.status} whose body{place} is not what the contract says"
        if what not in told:
            told.add(what)
            yield RESPONSE, what, error.message[:200], Severity.ERROR, partial(at, answer, error.instance_path)


def _identity_faults(answer: Answer, document: object, operation: Operation) -> Iterator[_Fault]:
    rows = document
    if operation.is_list and operation.is_enveloped and isinstance(document, dict):
        if lacking := [name for name in ENVELOPE if name not in document]:
            yield (
                IDENTIFIABLE,
                f"an envelope without {', '.join(lacking)}",
                f"it has {', '.join(document) or 'nothing'}"[:200],
                Severity.ERROR,
                partial(part, answer, "keys", f"{json.dumps(lacking)} - keys | length > 0", ", ".join(document)),
            )
        rows = document.get("results")
    for row in rows if isinstance(rows, list) else [rows]:
        if isinstance(row, dict) and resource().key not in row:
            yield (
                IDENTIFIABLE,
                f"a row without a {resource().key}",
                f"it has {', '.join(row) or 'nothing'}"[:200],
                Severity.ERROR,
                partial(unkeyed, answer),
            )
            return


def route(request: Request) -> tuple[Operation | None, tuple[str, ...]]:
    """The operation that a request is for, with the texts of its path parameters; `None` for another path."""
    return _routed(request.path.partition("?")[0])


@lru_cache(1_000)
def _routed(path: str) -> tuple[Operation | None, tuple[str, ...]]:
    found = [(operation, match.groups()) for operation, pattern in _patterns() if (match := pattern.fullmatch(path))]
    # `detailed` is a segment of one path and looks like an id to another: the fixed segment wins.
    return min(found, key=lambda route: len(route[1]), default=(None, ()))


def meant_by(request: Request) -> Operation | None:
    """The operation whose path a request has in another spelling: other case, doubled, missing or encoded slashes, or
    `.json` at the end; `None` if there is none."""
    path = re.sub(r"(/|%2[fF])+", "/", request.path.partition("?")[0]).lower().removesuffix("/").removesuffix(".json")
    return route(evolve(request, path=f"{path}/"))[0]


@cache
def _patterns() -> tuple[tuple[Operation, re.Pattern[str]], ...]:
    return tuple(
        (operation, re.compile(re.sub(r"\\\{\w+\\\}", "([^/]*)", re.escape(operation.path))))
        for operation in OPERATIONS
    )


@cache
def validators() -> Mapping[str, Mapping[int, jsonschema_rs.Draft202012Validator]]:
    """A validator for each operation and documented status."""
    compiled: dict[str, dict[int, jsonschema_rs.Draft202012Validator]] = {}
    for item in load_contract()["paths"].values():
        responses: Mapping[str, Any] = item["get"]["responses"]
        compiled[item["get"]["operationId"]] = {
            int(status): jsonschema_rs.Draft202012Validator(
                with_open_enums(standalone(resolve(response)["content"][JSON]["schema"])), validate_formats=True
            )
            for status, response in responses.items()
        }
    return compiled
