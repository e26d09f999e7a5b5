"""A small server of the API within the test's process, for the rules: a test changes what it answers, and asks one rule.

It is written without the mock: what the mock and the check have in common, a shared mistake say, it has not.
"""

import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import httpx
from attrs import define, evolve, field

from channel_images.conformance.asking.operations import OPERATIONS, Operation
from channel_images.conformance.asking.reading import NotExercised, Unreadable
from channel_images.conformance.asking.standing import Session, Standing
from channel_images.conformance.asking.survey import Survey
from channel_images.conformance.asking.target import TOKEN, Target
from channel_images.conformance.asking.wire import VALID, Answer, Credentials, Request, Wire
from channel_images.conformance.catalogue import CATALOGUE, RULES
from channel_images.conformance.judging.judge import Judge
from channel_images.conformance.judging.oracle import Problem, problems
from channel_images.conformance.judging.rule import Finding
from channel_images.conformance.results import Result, Verdict
from channel_images.conformance.run import READS_FIRST

KEY = "tok-0123456789abcdef"
PATH = re.compile(
    r"/api/v1/channel/(\d{1,19})/product_images/(?:(detailed|inserts|updates|inserts_or_updates)/|(\d{1,19})/(?:detailed/)?)?"
)
NOT_FOUND = {"detail": "Not found."}
PENDING = {"inserts": (0,), "updates": (1,), "inserts_or_updates": (0, 1)}
"""By list, the remainders of a pk by 3 that it holds."""

Reply = tuple[int, Mapping[str, str], bytes]


def row(pk: int, **fields: Any) -> dict[str, Any]:
    """An image of product 100 + pk % 40."""
    return {
        "pk": pk,
        "product": 100 + pk % 40,
        "source": ("unified", "integration", None)[pk % 3],
        "modified_date": f"2022-11-25T12:06:{pk % 60:02d}.954200Z",
        "created_date": f"2022-11-25T12:05:{pk % 60:02d}.117003Z",
        "height": 100 + pk,
        "width": 200 + pk,
        "hash": f"{pk:032x}",
        "status": ("active", "disabled")[pk % 2],
        "is_active": pk % 2 == 0,
        "order": pk % 4,
        "object_id": 100 + pk % 40,
        "content_type": "product",
        **fields,
    }


def reply(status: int, document: object, **headers: str) -> Reply:
    """An answer of JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"content-type": "application/json", **named}, json.dumps(document).encode()


@define
class Tiny:
    """A healthy server. A test overrides a method, or an attribute."""

    channels: dict[int, list[dict[str, Any]]] = field(
        factory=lambda: {5: [row(pk) for pk in range(1, 138)], 6: [row(pk) for pk in range(5001, 5013)]}
    )
    largest: int = 100
    """The largest limit; a larger one is cut down to it."""
    requests: list[Request] = field(factory=list)

    def handle(self, request: Request, authorization: str | None) -> Reply:
        """The answer to any request."""
        self.requests.append(request)
        return self.answer(request, authorization)

    def answer(self, request: Request, authorization: str | None) -> Reply:
        path, _, query = request.path.partition("?")
        params = dict(request.params) | dict(parse_qsl(query, keep_blank_values=True, errors="replace"))
        if authorization != f"Token {KEY}":
            return reply(401, {"detail": "Invalid token."}, WWW_Authenticate="Token")
        match = PATH.fullmatch(unquote(path))
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            return reply(405, {"detail": "Method not allowed."})
        if match is None or int(match[1]) not in self.channels:
            return reply(404, NOT_FOUND)
        if match[3]:
            return self.retrieve(int(match[1]), int(match[3]))
        return self.page(int(match[1]), match[2] or "", params)

    def retrieve(self, channel: int, pk: int) -> Reply:
        found = [each for each in self.channels[channel] if each["pk"] == pk]
        return reply(200, found[0]) if found else reply(404, NOT_FOUND)

    def rows(self, channel: int, which: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        """The rows of a list. Raises `ValueError` for a filter that cannot be read."""
        rows = self.channels[channel]
        if which in PENDING:
            return [each for each in rows if each["pk"] % 3 in PENDING[which]]
        if which:
            return rows
        for name, text in params.items():
            if name in ("product", "product__pk__in", "id__in"):
                wanted = self.integers(name, text)
                rows = [each for each in rows if each["pk" if name == "id__in" else "product"] in wanted]
            elif name == "product_type":
                wanted = self.integers(name, text)
                rows = [each for each in rows if each["product"] % 6 in wanted]
            elif name == "is_seller_product" and text in ("true", "false"):
                rows = [each for each in rows if (each["product"] % 3 == 0) == (text == "true")]
        return rows

    def integers(self, name: str, text: str) -> set[int]:
        """The values of a filter. Raises `ValueError`."""
        if not re.fullmatch(r"\d{1,19}" if name == "product" else r"\d{1,19}(,\d{1,19})*", text):
            raise ValueError(name)
        return {int(each) for each in text.split(",")}

    def page(self, channel: int, which: str, params: Mapping[str, str]) -> Reply:
        numbers = {name: params.get(name, default) for name, default in (("page", "1"), ("limit", "10"))}
        if not all(re.fullmatch(r"0*[1-9]\d{0,18}", text) for text in numbers.values()):
            return reply(404, {"detail": "Invalid page."})
        try:
            rows = self.rows(channel, which, params)
        except ValueError as error:
            return reply(400, {str(error): ["Enter a number."]})
        return self.cut(channel, which, params, rows, int(numbers["page"]), int(numbers["limit"]))

    def cut(
        self, channel: int, which: str, params: Mapping[str, str], rows: Sequence[Any], number: int, limit: int
    ) -> Reply:
        """One page of rows."""
        limit = min(limit, self.largest)
        last = max(1, -(-len(rows) // limit))
        if number > last:
            return reply(404, {"detail": "Invalid page."})
        part = rows[(number - 1) * limit : number * limit]
        if which in PENDING:
            return reply(200, part)
        return reply(
            200,
            {
                "count": len(rows),
                "next": self.link(channel, which, params, limit, number + 1) if number < last else None,
                "previous": self.link(channel, which, params, limit, number - 1) if number > 1 else None,
                "results": part,
            },
        )

    def link(self, channel: int, which: str, params: Mapping[str, str], limit: int, number: int) -> str:
        path = f"/api/v1/channel/{channel}/product_images/{f'{which}/' if which else ''}"
        return f"http://tiny.example{path}?{urlencode({**params, 'limit': limit, 'page': number}, errors='replace')}"


@define
class Within(Session):
    """A session whose requests go to a `Tiny`, without a network."""

    server: Tiny = field(kw_only=True)
    found: list[Problem] = field(factory=list, kw_only=True)
    """What is wrong with single answers."""

    def again(self) -> "Within":
        return evolve(self, answers={}, touched=None)

    def _asked(self, request: Request, credentials: Credentials | None, *, apart: bool = False) -> Answer:
        sender = credentials or Credentials(VALID, f"Token {KEY}", f"Token {TOKEN}")
        self.wire.requests += 1
        self.standing.wrong_tokens += sender is credentials and bool(sender.header)
        status, headers, body = self.server.handle(request, sender.header)
        if request.method == "HEAD":
            body = b""
        url = f"http://tiny.example{request.target}"
        answer = Answer(request, url, status, httpx.Headers(dict(headers)), body, sender=sender)
        self.found.extend(problems(answer))
        return answer

    def together(self, requests: Sequence[Request]) -> list[Answer]:
        return [self._asked(request, None) for request in requests]

    def bare(self, path: str, *, method: str = "GET") -> tuple[Answer, bytes]:
        return self._asked(Request(path, method=method), None), b""

    def assure(self) -> None:
        pass


def reading(server: Tiny, **options: Any) -> Survey:
    """A first reading of a server, which nothing has been asked yet."""
    wire = Wire(Target("http://tiny.example", 5, token=KEY))
    return Survey(Within(wire, Standing(wire), server=server), 5, **{"others": (6,), "probe_writes": True, **options})


def ask(server: Tiny, rule: str, operation: Operation | None = None, **options: Any) -> list[Finding]:
    """What a rule finds on one operation, or on all of them, in one reading."""
    survey = reading(server, **options)
    findings: list[Finding] = []
    for each in CATALOGUE[rule].operations if operation is None else [operation]:
        try:
            findings += CATALOGUE[rule].check(survey, each)
        except (NotExercised, Unreadable):
            continue
    return findings


def told(server: Tiny, rule: str, operation: Operation | None = None, **options: Any) -> set[str]:
    """The relations that a rule finds violated, in one reading."""
    return {finding.relation for finding in ask(server, rule, operation, **options)}


def faults(server: Tiny, **options: Any) -> list[tuple[str, str, str, str]]:
    """All that the check accuses a server of: rule, operation, what is wrong, and what was seen."""
    survey = reading(server, **options)
    judge = Judge(survey, RULES)
    # As a run has it: what looks at pending rows comes first, what sends wrong tokens last.
    rules = sorted(RULES, key=lambda rule: (rule.family == "auth", rule.id != READS_FIRST))
    for _, family in groupby(rules, key=lambda rule: rule.family == "auth"):
        judge.judge(family)
        judge.confirm()
    session = survey.session
    assert isinstance(session, Within)
    violations = [each for each in judge.results() if each.verdict is Verdict.VIOLATED]
    own = [(each.rule, each.operation, each.reason, _seen(each)) for each in violations]
    return own + sorted({(each.rule, each.operation, each.what, each.seen) for each in session.found})


def _seen(result: Result) -> str:
    return result.evidence.seen if result.evidence else ""


FULL, DETAILED, INSERTS, UPDATES, UNION, RETRIEVE, RETRIEVE_DETAILED = OPERATIONS
