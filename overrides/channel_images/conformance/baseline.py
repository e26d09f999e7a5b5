"""Says what has changed since a baseline: the report of an earlier run, or of a run on another server.

Violations are the same where rule, operation, relation and status are, as in a waiver. One that is waived is there all the
same. What a run could not judge is not fixed.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
from attrs import frozen

from channel_images.conformance.files import BadFile, packaged_schema, read_bytes
from channel_images.conformance.results import Change, Latency, Named, Pace, Report, Result, Verdict
from channel_images.contract import contract_name

QUICK = "--quick"
MOST_BYTES = 100_000_000
"""The largest report that is read."""
JUDGED = frozenset({Verdict.PASS, Verdict.VIOLATED, Verdict.WAIVED})
FOUND = frozenset({Verdict.VIOLATED, Verdict.WAIVED})
HARMLESS = frozenset(
    f"--{name}"
    for name in ("seed", "fail-on", "require", "baseline", "against", "waivers", "expect", "channel", "contract")
)
"""Options that change what counts, or that are compared otherwise."""


@frozen
class Baseline:
    """What a run is compared with."""

    name: str
    """The file, or the URL of the server."""
    started: str
    contract: str
    channels: tuple[int, ...]
    command: str
    found: frozenset[Named]
    judged: frozenset[tuple[str, str]]
    """The rules on operations that came to a verdict."""
    latency: Mapping[str, Latency]

    @classmethod
    def of(cls, report: Report) -> "Baseline":
        """That of a run on another server."""
        return cls(
            report.url,
            report.started,
            report.contract,
            tuple(report.channels),
            report.command,
            frozenset(_found(report.results)),
            frozenset(_judged(report.results)),
            report.latency,
        )

    def change(self, report: Report) -> Change:
        """What has changed since, in the order of the report."""
        found = list(dict.fromkeys(_found(report.results)))
        before, now = _options(self.command), _options(report.command)
        # A quick run does not look everywhere: what it does not find may be there.
        judged = set() if QUICK in now - before else set(_judged(report.results))
        gone = sorted(self.found.difference(found), key=str)
        return Change(
            self.name,
            self.started,
            new=[each for each in found if each not in self.found],
            fixed=[each for each in gone if (each.rule, each.operation) in judged],
            unchanged=[each for each in found if each in self.found],
            unknown=[each for each in gone if (each.rule, each.operation) not in judged],
            latency={
                operation: Pace(self.latency[operation], now)
                for operation, now in report.latency.items()
                if operation in self.latency
            },
            notes=list(self._notes(report)),
        )

    def _notes(self, report: Report) -> Iterator[str]:
        if self.contract != report.contract:
            yield f"the contract was {self.contract}, and is {report.contract}"
        if self.channels != tuple(report.channels):
            channels = [", ".join(map(str, each)) for each in (self.channels, report.channels)]
            yield f"the channel was {channels[0]}, and is {channels[1]}"
        if self.command and report.command:
            before, now = _options(self.command), _options(report.command)
            if lost := " ".join(sorted(before - now)):
                yield f"the baseline had {lost}, and this run has not"
            if added := " ".join(sorted(now - before)):
                yield f"this run has {added}, and the baseline had not"
        if unjudged := {(each.rule, each.operation) for each in _found(report.results)} - self.judged:
            yield f"the baseline could not judge {len(unjudged)} of what is violated: what is new there may be old"


def read_baseline(path: Path) -> Baseline:
    """The baseline of a `report.json`, of this version or an earlier one.

    Raises `BadFile`, a `ValueError` whose message is one line, if it is none, of a run that could not be judged, or
    of another contract.
    """
    raw = read_bytes(path, MOST_BYTES)
    try:
        document: dict[str, Any] = json.loads(raw)
        jsonschema_rs.validator_for(packaged_schema("report")).validate(document)
    except jsonschema_rs.ValidationError as error:
        where = "/".join(map(str, error.instance_path))
        raise BadFile(path, None, f"no report.json of channel-images check: {where} {error.message[:200]}") from None
    except (ValueError, RecursionError) as error:
        raise BadFile(path, None, f"no report.json of channel-images check: {str(error)[:200]}") from None
    if document["not_judged"]:
        raise BadFile(path, None, f"of a run that could not be judged: {document['not_judged'][:200]}")
    if _title(document["contract"]) != _title(contract_name()):
        raise BadFile(path, None, f"of another contract: {document['contract']}, not {contract_name()}")
    results = document["results"]
    return Baseline(
        str(path),
        document["started"],
        document["contract"],
        tuple(document["channels"]),
        document["command"],
        frozenset(_name(each) for each in results if each["verdict"] in FOUND),
        frozenset((each["rule"], each["operation"]) for each in results if each["verdict"] in JUDGED),
        {
            operation: Latency(timed["count"], timed["median"], timed["p95"], timed["max"])
            for operation, timed in document["latency"].items()
        },
    )


def _name(result: Mapping[str, Any]) -> Named:
    evidence = result["evidence"] or {"relation": result["reason"], "status": None}
    return Named(result["rule"], result["operation"], evidence["relation"], evidence["status"])


def _found(results: Iterable[Result]) -> Iterator[Named]:
    return (result.name for result in results if result.verdict in FOUND)


def _judged(results: Iterable[Result]) -> Iterator[tuple[str, str]]:
    return ((result.rule, result.operation) for result in results if result.verdict in JUDGED)


def _title(contract: str) -> str:
    """The title of a contract, without its version."""
    return contract.rpartition(" ")[0]


def _options(command: str) -> frozenset[str]:
    """The options of a command that say what may be found; without those that are harmless."""
    return frozenset(word for word in re.findall(r"(?<!\S)--\S+", command) if word.partition("=")[0] not in HARMLESS)
