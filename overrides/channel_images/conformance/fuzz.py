"""The schema layer: schemathesis sends requests of every kind, and its checks judge the answers.

Its engine's event stream is not public API, so the version is pinned and this module is the only one that knows it.
Off are the checks that accuse healthy servers (``negative_data_rejection``, ``positive_data_acceptance``; the rule
``schema.rejects-invalid`` takes their place), those whose requests are not harmless (``unsupported_method``; the rule
``protocol.read-only``), and those that our own rules replace (``ignored_auth``; ``auth.required``).
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import schemathesis
from attrs import frozen
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.engine import StopReason, events, from_schema
from schemathesis.generation.case import Case

from channel_images.conformance.allowances import may_answer
from channel_images.conformance.operations import operations
from channel_images.conformance.oracle import NO_SERVER_ERROR, RESPONSE
from channel_images.conformance.target import Target
from channel_images.conformance.wire import ServerGone
from channel_images.contract import load_contract

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
EXCERPT = 300
"""Characters of a server's error page that are evidence enough."""
PHASES = ("examples", "coverage", "fuzzing", "stateful")


@frozen
class Finding:
    """An answer that a check of schemathesis refuses."""

    operation: str
    rule: str
    title: str
    message: str
    url: str
    method: str
    status: int | None
    """The status of the answer; ``None`` where the connection broke."""


class EngineFailed(Exception):
    """schemathesis could not run; the message says why."""


@frozen
class Fuzzed:
    """What one run of schemathesis did."""

    findings: list[Finding]
    cases: Mapping[str, int]
    """The number of requests by operation."""


def fuzz(
    target: Target, *, seed: int, max_examples: int, rate: float | None, on_phase: Callable[[str], None]
) -> Fuzzed:
    """Send requests of every phase to every operation of one channel.

    Args:
        target: the server; requests go to ``target.channel``, so that they meet rows.
        seed: repeats the same requests (with one worker, which is what this uses).
        max_examples: the number of cases for each operation in the fuzzing and stateful phases.
        rate: requests a second; ``None`` for no limit.
        on_phase: called with the name of each phase as it begins.

    Raises:
        ServerGone: the server stopped answering before the end.
        EngineFailed: schemathesis met an error of its own.
    """
    schema = schemathesis.openapi.from_dict(
        deepcopy(dict(load_contract())), config=_config(target, seed, max_examples, rate)
    )
    schema.hook("filter_failure")(_is_violation)
    findings: dict[tuple[str, str, str], Finding] = {}
    cases: dict[str, int] = {}
    for event in from_schema(schema).execute():
        if isinstance(event, events.PhaseStarted) and event.phase.name.value in PHASES:
            on_phase(event.phase.name.value)
        elif isinstance(event, events.ScenarioFinished):
            for case_id in event.recorder.interactions:
                node = event.recorder.cases.get(case_id)
                if node is not None:
                    operation = _operation_id(node.value)
                    cases[operation] = cases.get(operation, 0) + 1
            for finding in _findings(event):
                key = (finding.operation, finding.rule, finding.title)
                # Of the same fault the shortest request is the best evidence.
                if key not in findings or len(finding.url) < len(findings[key].url):
                    findings[key] = finding
        elif isinstance(event, events.NonFatalError):
            if not event.related_to_operation:
                raise EngineFailed(str(event.value))
            findings.setdefault((event.label, NO_SERVER_ERROR, event.info.title), _broken_connection(event))
        elif isinstance(event, events.FatalError):
            raise EngineFailed(str(event.exception)) from event.exception
        elif isinstance(event, events.EngineFinished) and event.stop_reason is StopReason.SERVER_UNAVAILABLE:
            raise ServerGone
    return Fuzzed(list(findings.values()), cases)


def _config(target: Target, seed: int, max_examples: int, rate: float | None) -> SchemathesisConfig:
    checks: dict[str, Any] = {"enabled": False} | {name: {"enabled": True} for name in CHECKS}
    headers = dict(target.headers)
    if target.token:
        headers["Authorization"] = f"Token {target.token}"
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "base-url": target.url,
            "headers": headers,
            "workers": 1,
            "continue-on-failure": True,
            "request-timeout": target.timeout,
            "tls-verify": target.verify,
            "parameters": {"path.channel_id": target.channel},
            "checks": checks,
            "cache": {"enabled": False},
            "generation": {"database": "none"},
            "phases": {
                "coverage": {"unexpected-methods": []},
                "fuzzing": {"generation": {"max-examples": max_examples}},
                "stateful": {"generation": {"max-examples": max_examples}},
            },
        }
        | ({"proxy": target.proxy} if target.proxy else {})
        # schemathesis counts whole requests in a unit of time.
        | ({"rate-limit": f"{max(1, round(rate * 60))}/m"} if rate else {})
    )


def _is_violation(context: object, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Whether a failure counts: it does not where the answer is one that a server may give."""
    return not may_answer(
        response.status_code,
        method=case.method,
        url=str(response.request.url),
        path_values=list((case.path_parameters or {}).values()),
        retry_after="retry-after" in response.headers,
        body=response.content,
    )


def _findings(event: events.ScenarioFinished) -> Iterator[Finding]:
    recorder = event.recorder
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            failure = check.failure_info.failure
            interaction = recorder.interactions.get(failure.case_id or case_id) or recorder.interactions[case_id]
            response = interaction.response
            # A 5xx is one fault, however many checks it fails.
            is_server_error = response is not None and response.status_code >= 500
            yield Finding(
                operation=_operation_id(recorder.cases[case_id].value),
                rule=NO_SERVER_ERROR if is_server_error else RESPONSE,
                title="Server error" if is_server_error else failure.title,
                message=response.text[:EXCERPT] if response is not None and is_server_error else failure.message,
                url=interaction.request.uri,
                method=interaction.request.method,
                status=response.status_code if response else None,
            )


def _broken_connection(event: events.NonFatalError) -> Finding:
    """An operation that could not be tried further; the label is its method and path."""
    method, _, path = event.label.partition(" ")
    operation = next((each.id for each in operations() if each.path == path), event.label)
    request = getattr(event.value, "request", None)
    return Finding(
        operation=operation,
        rule=NO_SERVER_ERROR,
        title=event.info.title,
        message=event.info.message,
        url=str(getattr(request, "url", "") or ""),
        method=method,
        status=None,
    )


def _operation_id(case: Case[Any]) -> str:
    return str(case.operation.definition.raw["operationId"])
