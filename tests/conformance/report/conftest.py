"""Reports that no server had to be asked for."""

import pytest

from channel_images.conformance.catalogue import CATALOGUE
from channel_images.conformance.results import Evidence, Latency, Report, Result, Severity, Verdict

CURL = 'curl -gsSi -H "Authorization: Token $TOKEN" '
"""What the requests of evidence begin with."""


def report(*results: Result, **fields: object) -> Report:
    """A report of a run with these results."""
    defaults: dict[str, object] = {
        "url": "http://127.0.0.1:8000",
        "channels": (5, 6),
        "seed": 7,
        "versions": {"channel-images": "0.1.0", "schemathesis": "4.32.5"},
        "started": "2026-11-03T12:00:00+00:00",
        "seconds": 1.5,
        "requests": 1234,
        "command": "channel-images check http://127.0.0.1:8000 --channel=5 --seed=7",
    }
    return Report(results=results, **(defaults | fields))  # type: ignore[arg-type]  # checked by those who use it


def evidence(
    text: str = "pk 41 on pages 5 and 6",
    requests: tuple[str, ...] = (f"{CURL}'http://host/?page=5'",),
    bodies: tuple[str, ...] = (),
) -> Evidence:
    return Evidence(text, "At any limit, each row once.", "inferred: from paging", text, text, requests, bodies=bodies)


def violation(
    rule: str = "paging.partition",
    operation: str = "listProductImages",
    severity: Severity = Severity.ERROR,
    text: str = "a row comes twice",
) -> Result:
    return Result(rule, operation, Verdict.VIOLATED, severity, text, evidence(text))


def everything(verdict: Verdict, text: str, times: int = 1) -> list[Result]:
    """A result, or several, for each rule and operation of the catalogue."""
    bodies = (text, f"{text[:300]} and more", text[:300])
    shows = evidence(text, (f"{CURL}'{text[:500]}'",) * 6, bodies) if verdict is Verdict.VIOLATED else None
    return [
        Result(rule.id, operation.id, verdict, reason=text, evidence=shows)
        for rule in CATALOGUE.values()
        for operation in rule.operations
        for _ in range(times)
    ]


@pytest.fixture
def mixed() -> Report:
    """A report in which every verdict occurs."""
    return report(
        Result("schema.response", "listProductImages", Verdict.PASS, reason="12 requests"),
        violation(),
        violation("paging.partition", "listDetailedProductImages", text="a row is missing"),
        violation("auth.challenge", severity=Severity.WARNING, text="no WWW-Authenticate"),
        Result("paging.order", "listProductImages", Verdict.UNSTABLE, reason="the data changed"),
        Result("paging.links", "listProductImages", Verdict.WAIVED, reason="until 2026-12-31: ticket 123"),
        Result("pending.union", "listProductImageInsertsOrUpdates", Verdict.NOT_EXERCISED, reason="no pending images"),
        latency={"listProductImages": Latency.of([0.004, 0.005, 2.5]), "retrieveProductImage": Latency.of([0.0])},
    )
