"""Faults: what goes wrong between a client and a healthy service, on demand.

A fault is written as its kind, then its settings and the conditions under which it strikes, joined by colons::

    429:retry-after=2:first=3        503:rate=0.1:operation=listProductImages        latency:seconds=0.2

``KINDS`` and ``CONDITIONS`` describe all of them. Faults combine: delays add up, a status takes the place of the answer,
and what happens to the body or the connection happens to that. Of two that contradict each other, the one given first
counts.

Whether a fault strikes is a function of the seed and of how many requests it has met: the same requests in the same
order meet the same faults.
"""

import asyncio
import gzip
import math
import re
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from email.utils import formatdate
from http import HTTPStatus
from random import Random
from typing import TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channel_images.mock.connection import EXTENSION, connection_of
from channel_images.mock.http.answers import Answer
from channel_images.mock.http.call import Call
from channel_images.mock.http.delivery import deliver
from channel_images.mock.operations import operations
from channel_images.mock.settings import MAX_BODY

LOGIN = "login"
ACTIVE_USER = "active_user"
BESIDE = (LOGIN, ACTIVE_USER)
"""What faults leave alone unless they name it: the mock's sign-in, which is no operation of the contract."""

Sleep: TypeAlias = Callable[[float], Awaitable[object]]

_BODYLESS = {204, 205, 304}
_PROXYS = {502, 503, 504}
"""Statuses that a proxy in front answers by itself, in HTML, unless a fault says otherwise."""
_PIECE, _PAUSE = 64, 0.05
_MAX_SIGMA = 5
"""Beyond it one delay in a hundred is a million times the median."""
_SHOWN = re.compile(r"[\x20-\x7e]*")
_DATE = re.compile(r"date([+-][0-9]{1,9})?")


class BadFault(ValueError):
    """A spec that describes no fault; the message says in one line what is wrong, and what would be right."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault, as people read of it."""

    form: str
    """How it is written."""
    summary: str


KINDS = (
    Kind("STATUS", "An answer of that status (200 to 599) instead of the service's: HTML for 502 to 504, else JSON."),
    Kind("STATUS:html", "The same in HTML; STATUS:json in JSON."),
    Kind(
        "STATUS:retry-after=VALUE",
        "With Retry-After: seconds; date, date+30 or date-30; none; or any text. A 429 has 1 by itself.",
    ),
    Kind("latency:seconds=S", "The answer begins S seconds later."),
    Kind("latency:lognormal=M,SIGMA", "The delay varies as it does in a network: the median is M seconds."),
    Kind("reset", "A TCP reset before the first byte of the answer."),
    Kind("reset:body", "A TCP reset after the head and half the body; reset:body:bytes=N after N bytes of it."),
    Kind("truncate", "The connection ends in good order after half the body; truncate:bytes=N after N bytes."),
    Kind("drip", "The body comes 64 bytes at a time, every 0.05 seconds; drip:bytes=N:seconds=S."),
    Kind("garbage", "Random bytes in place of the body."),
    Kind("garbage:tail", "Random bytes after the body."),
    Kind("content-type=TYPE", "That content type; text/html where none is given."),
)
CONDITIONS = (
    Kind("operation=ID,ID", f"Only these operations. Also {' and '.join(BESIDE)}, which other faults leave alone."),
    Kind("skip=N", "Not the first N requests."),
    Kind("first=N", "Only the first N requests, counted after those skipped."),
    Kind("every=N", "Only every Nth request."),
    Kind("rate=P", "Only that share of the requests, chosen by the seed."),
)


@dataclass(slots=True)
class Plan:
    """What is to go wrong with one request."""

    delay: float = 0.0
    instead: Answer | None = None
    edits: list[Callable[[Answer], None]] = field(default_factory=list)
    piece: int | None = None
    """The bytes that are sent at a time; ``None``: all."""
    pause: float = 0.0
    cut: Callable[[int], int] | None = None
    """How much is sent of a body of that length; ``None``: all of it."""
    ending: str | None = None
    """How the connection ends: ``silence`` before the answer begins, ``reset`` or ``close`` in the middle of it."""


Effect: TypeAlias = Callable[[Plan, Random], None]


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """One fault, as its spec describes it."""

    spec: str
    effect: Effect
    operations: frozenset[str] | None
    skip: int
    first: int | None
    every: int
    rate: float

    @classmethod
    def parse(cls, spec: str) -> "Fault":
        """Read a spec. Raises ``BadFault``."""
        words = _Words(spec)
        make = _status if re.fullmatch("[0-9]{3}", words.kind) else _MAKERS.get(words.kind)
        if make is None:
            raise words.bad(f"no kind {words.kind!r}", _near(words.kind, [*_MAKERS, "429", "500", "503"]))
        effect = make(words)
        fault = cls(
            spec=spec,
            effect=effect,
            operations=words.operations(),
            skip=words.count("skip", 0, least=0),
            first=words.count("first", None),
            every=words.count("every", 1),
            rate=words.share("rate"),
        )
        words.end()
        return fault

    def concerns(self, operation: str) -> bool:
        """Whether requests of ``operation`` count for this fault."""
        return operation not in BESIDE if self.operations is None else operation in self.operations

    def strikes(self, number: int, chance: Random) -> bool:
        """Whether the fault strikes the request that is the ``number``-th it is concerned with, from 1."""
        number -= self.skip
        return (
            number > 0
            and (self.first is None or number <= self.first)
            and number % self.every == 0
            and (self.rate == 1 or chance.random() < self.rate)
        )


@dataclass(slots=True)
class Standing:
    """A fault at work."""

    fault: Fault
    key: str
    """What its chances depend on."""
    requests: int = 0
    """How many requests it has met, and how many of them it struck."""
    struck: int = 0


class Faults:
    """The faults of a mock server. Safe for threads."""

    def __init__(self, specs: Iterable[str] = (), *, seed: int = 0, sleep: Sleep = asyncio.sleep) -> None:
        """``sleep`` is what delays wait with: a test may pass one that only takes note. Raises ``BadFault``."""
        self._beginning = [Fault.parse(spec) for spec in specs]
        self._seed = seed
        self._sleep = sleep
        self._lock = threading.Lock()
        self._waiting: set[asyncio.Task[object]] = set()
        self.standings: tuple[Standing, ...] = ()
        self.restart()

    def __bool__(self) -> bool:
        return bool(self.standings)

    def add(self, *specs: str) -> None:
        """Add faults; all of them or, when one is bad, none. Raises ``BadFault``."""
        faults = [Fault.parse(spec) for spec in specs]
        with self._lock:
            self._append(faults)

    def clear(self) -> None:
        """Take all faults away, those of the beginning too, and let nobody wait any longer."""
        with self._lock:
            self.standings = ()
        self.release()

    def restart(self) -> None:
        """Go back to the faults of the beginning, which have met no request yet."""
        with self._lock:
            self.standings = ()
            self._append(self._beginning)
        self.release()

    def release(self) -> None:
        """End the connections that are kept waiting: the server stops, or the test whose fault it is has ended."""
        for task in tuple(self._waiting):
            task.get_loop().call_soon_threadsafe(task.cancel)

    def plan(self, operation: str) -> Plan | None:
        """What goes wrong with this request of ``operation``, ``None`` for nothing; the faults count it."""
        struck: list[tuple[Fault, Random]] = []
        with self._lock:
            for standing in self.standings:
                if not standing.fault.concerns(operation):
                    continue
                standing.requests += 1
                # A generator for each request: what one fault draws changes nothing for another one, or later.
                chance = Random(f"{standing.key}/{standing.requests}")  # noqa: S311 - not for secrets
                if standing.fault.strikes(standing.requests, chance):
                    standing.struck += 1
                    struck.append((standing.fault, chance))
        if not struck:
            return None
        plan = Plan()
        for fault, chance in struck:
            fault.effect(plan, chance)
        return plan

    async def pause(self, seconds: float, inbox: "_Inbox") -> bool:
        """Wait; whether there is still somebody to answer afterwards."""
        sleeping = asyncio.ensure_future(_result(self._sleep(seconds)))
        leaving = asyncio.ensure_future(inbox.until_gone())
        self._waiting.add(sleeping)
        try:
            await asyncio.wait({sleeping, leaving}, return_when=asyncio.FIRST_COMPLETED)
            return not leaving.done() and not sleeping.cancelled()
        finally:
            self._waiting.discard(sleeping)
            sleeping.cancel()
            leaving.cancel()
            # Until both have taken note, so that the message that `leaving` waits for is not lost on it.
            await asyncio.gather(sleeping, leaving, return_exceptions=True)

    def _append(self, faults: Iterable[Fault]) -> None:
        begin = len(self.standings)
        self.standings += tuple(
            Standing(fault, f"{self._seed}/{number}/{fault.spec}") for number, fault in enumerate(faults, begin)
        )


async def _result(waiting: Awaitable[object]) -> object:
    return await waiting


# At work


class FaultyEndpoint:
    """An endpoint with what can go wrong in front of it."""

    def __init__(self, name: str, endpoint: ASGIApp, faults: Faults) -> None:
        """``name`` is that of the operation."""
        self._name = name
        self._endpoint = endpoint
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        plan = self._faults.plan(self._name) if self._faults else None
        if plan is None:
            await self._endpoint(scope, receive, send)
            return
        inbox = _Inbox(receive)
        if plan.delay and not await self._faults.pause(plan.delay, inbox):
            connection_of(scope).close()
            return
        if plan.ending == "silence":
            connection_of(scope).reset()
            return
        call = Call(scope)
        answer = deliver(call, plan.instead) if plan.instead else await self._answer(scope, inbox)
        # The fault given first has the last word.
        for edit in reversed(plan.edits):
            edit(answer)
        await self._send(answer, plan, scope, inbox, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        """The endpoint's own answer, taken before it is sent."""
        answer = Answer(500)

        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        await self._endpoint({**scope, "extensions": {EXTENSION: _Held(answer, scope)}}, receive, take)
        return answer

    async def _send(self, answer: Answer, plan: Plan, scope: Scope, inbox: "_Inbox", send: Send) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        end = len(answer.body) if plan.cut is None else plan.cut(len(answer.body))
        piece = plan.piece or max(end, 1)
        for start in range(0, end, piece):
            if start and plan.pause and not await self._faults.pause(plan.pause, inbox):
                connection_of(scope).close()
                return
            part = answer.body[start : min(start + piece, end)]
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if plan.ending == "reset":
            connection_of(scope).reset()
        elif plan.ending == "close" and end < len(answer.body):
            connection_of(scope).close()
        else:
            if answer.behind:
                connection_of(scope).write(answer.behind)
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Held:
    """The connection of an answer that is taken before it is sent: what goes behind the answer waits for it."""

    def __init__(self, answer: Answer, scope: Scope) -> None:
        self._answer = answer
        self._scope = scope

    def write(self, data: bytes) -> None:
        self._answer.behind += data

    def reset(self) -> None:
        connection_of(self._scope).reset()

    def close(self) -> None:
        connection_of(self._scope).close()


class _Inbox:
    """What the client sends: an ASGI ``receive`` that can also be watched for the client's leaving.

    What comes meanwhile is kept for the endpoint.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: deque[Message] = deque()

    async def __call__(self) -> Message:
        return self._kept.popleft() if self._kept else await self._receive()

    async def until_gone(self) -> None:
        """Return when the client has closed the connection."""
        # Beyond what any endpoint reads, nothing is kept: who sends more is not watched.
        while sum(len(message.get("body", b"")) for message in self._kept) <= MAX_BODY:
            message = await self._receive()
            self._kept.append(message)
            if message["type"] == "http.disconnect":
                return
        await asyncio.Event().wait()


# Reading specs


class _Words:
    """The parts of a spec, which are taken out one by one."""

    def __init__(self, spec: str) -> None:
        self.spec = spec
        first, *rest = spec.split(":")
        self.kind, equals, value = first.partition("=")
        self.value = value if equals else None
        """What is written behind the kind itself."""
        self._rest: dict[str, str | None] = {}
        self._asked: list[str] = []
        for part in rest:
            name, equals, text = part.partition("=")
            if name in self._rest:
                raise self.bad(f"{name!r} is given twice", "give it once")
            self._rest[name] = text if equals else None

    def bad(self, what: str, mend: str) -> BadFault:
        return BadFault(f"fault {self.spec!r}: {what}; {mend}")

    def flag(self, name: str) -> bool:
        """Whether the bare word ``name`` is there. Raises ``BadFault`` where it has a value."""
        self._asked.append(name)
        if name not in self._rest:
            return False
        if self._rest.pop(name) is not None:
            raise self.bad(f"{name} takes no value", f"write {name} alone")
        return True

    def text(self, name: str, example: str) -> str | None:
        """The value of a setting, ``None`` where it is not given. Raises ``BadFault`` where it is empty."""
        self._asked.append(f"{name}=")
        if name not in self._rest:
            return None
        value = self._rest.pop(name)
        if not value:
            raise self.bad(f"{name} needs a value", f"write {name}={example}")
        return value

    def count(self, name: str, default: int | None, *, least: int = 1) -> int:
        """A whole number; ``None`` stays ``None``. Raises ``BadFault``."""
        text = self.text(name, "3")
        if text is None:
            return default  # type: ignore[return-value] # the caller's own default, whatever it is
        if not re.fullmatch("[0-9]{1,9}", text) or int(text) < least:
            raise self.bad(f"{name}={text} is no whole number of at least {least}", f"write {name}=3")
        return int(text)

    def share(self, name: str) -> float:
        """A number above 0 and up to 1. Raises ``BadFault``."""
        text = self.text(name, "0.1")
        value = 1.0 if text is None else _number(text)
        if not 0 < value <= 1:
            raise self.bad(f"{name}={text} is no share above 0 and up to 1", f"write {name}=0.1")
        return value

    def seconds(self, name: str) -> float | None:
        """A duration, if it is given. Raises ``BadFault``."""
        text = self.text(name, "0.2")
        if text is not None and not 0 <= _number(text) < math.inf:
            raise self.bad(f"{name}={text} is no number of seconds", f"write {name}=0.2")
        return None if text is None else float(text)

    def operations(self) -> frozenset[str] | None:
        """The operations that are named, if any. Raises ``BadFault``."""
        text = self.text("operation", "listProductImages")
        if text is None:
            return None
        known = [*(operation.id for operation in operations()), *BESIDE]
        for name in text.split(","):
            if name not in known:
                raise self.bad(f"no operation {name!r}", _near(name, known))
        return frozenset(text.split(","))

    def end(self) -> None:
        """Raise ``BadFault`` for words that nobody asked for."""
        for name in self._rest:
            raise self.bad(f"{self.kind} has no setting {name!r}", f"it takes {', '.join(self._asked)}")
        if self.value is not None:
            raise self.bad(f"{self.kind} takes no value", f"write {self.kind} alone, settings behind a colon")


def _number(text: str) -> float:
    """The number, or NaN, which lies in no interval."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _near(name: str, known: Iterable[str]) -> str:
    names = list(known)
    return f"there is {', '.join(get_close_matches(name, names, cutoff=0.5) or names)}"


# Kinds


def _status(words: _Words) -> Effect:
    status = int(words.kind)
    if not 200 <= status <= 599 or status in _BODYLESS:
        raise words.bad(f"{status} is no status that a fault can have", "take one from 200 to 599 that has a body")
    as_html, as_json = words.flag("html"), words.flag("json")
    if as_html and as_json:
        raise words.bad("html and json contradict each other", "give one of them")
    is_html = as_html or (status in _PROXYS and not as_json)
    wait = words.text("retry-after", "2")
    if wait is not None and not _SHOWN.fullmatch(wait):
        raise words.bad("retry-after cannot stand in a header", "write it in ASCII, as retry-after=2")
    if wait is None and status == 429:
        wait = "1"

    def effect(plan: Plan, _chance: Random) -> None:
        plan.instead = plan.instead or _stated(status, _retry_after(wait), is_html=is_html)

    return effect


def _stated(status: int, wait: str | None, *, is_html: bool) -> Answer:
    """What a server says with a status and nothing else."""
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown Status"
    if is_html:
        body = f"<html><head><title>{status} {phrase}</title></head><body><h1>{status} {phrase}</h1></body></html>\n"
        answer = Answer(status, body.encode(), {"content-type": "text/html"})
    else:
        answer = Answer.of_json({"detail": _DETAILS.get(status, f"{phrase}.")}, status)
    if status == 401:
        answer.headers["www-authenticate"] = "Token"
    if wait is not None:
        answer.headers["retry-after"] = wait
    return answer


_DETAILS = {
    401: "Invalid token.",
    403: "You do not have permission to perform this action.",
    404: "Not found.",
    429: "Request was throttled.",
    500: "A server error occurred.",
}


def _retry_after(text: str | None) -> str | None:
    if text is None or text == "none":
        return None
    date = _DATE.fullmatch(text)
    return formatdate(int(time.time()) + int(date[1] or "+1"), usegmt=True) if date else text


def _latency(words: _Words) -> Effect:
    seconds, lognormal = words.seconds("seconds"), words.text("lognormal", "0.1,0.5")
    if (seconds is None) is (lognormal is None):
        raise words.bad("latency needs one of seconds and lognormal", "write latency:seconds=0.2")
    if lognormal is None:
        return lambda plan, _chance: _delay(plan, seconds or 0)
    median, sigma = map(_number, lognormal.split(",")) if lognormal.count(",") == 1 else (math.nan, math.nan)
    if not (0 < median < math.inf and 0 <= sigma <= _MAX_SIGMA):
        raise words.bad(f"lognormal={lognormal} is no median and sigma", "write lognormal=0.1,0.5")
    return lambda plan, chance: _delay(plan, chance.lognormvariate(math.log(median), sigma))


def _delay(plan: Plan, seconds: float) -> None:
    plan.delay += seconds


def _ending(words: _Words, ending: str) -> Effect:
    limit = words.count("bytes", None, least=0)

    def cut(length: int) -> int:
        """Half, or as much as was asked for, and never the whole."""
        return min(length // 2 if limit is None else limit, max(length - 1, 0))

    def effect(plan: Plan, _chance: Random) -> None:
        if plan.ending is None:
            plan.ending, plan.cut = ending, cut

    return effect


def _reset(words: _Words) -> Effect:
    if words.flag("body"):
        return _ending(words, "reset")

    def effect(plan: Plan, _chance: Random) -> None:
        plan.ending = plan.ending or "silence"

    return effect


def _drip(words: _Words) -> Effect:
    piece, seconds = words.count("bytes", _PIECE), words.seconds("seconds")

    def effect(plan: Plan, _chance: Random) -> None:
        if plan.piece is None:
            plan.piece, plan.pause = piece, _PAUSE if seconds is None else seconds

    return effect


def _garbage(words: _Words) -> Effect:
    is_tail = words.flag("tail")

    def effect(plan: Plan, chance: Random) -> None:
        def edit(answer: Answer) -> None:
            if not answer.body:
                return
            if answer.headers.pop("content-encoding", None):
                answer.body = gzip.decompress(answer.body)
            # No UTF-8 text, and so no JSON, has a byte 255.
            noise = b"\xff" + chance.randbytes(len(answer.body) if not is_tail else 32)
            answer.body = answer.body + noise if is_tail else noise
            answer.headers["content-length"] = str(len(answer.body))
            answer.headers.pop("etag", None)

        plan.edits.append(edit)

    return effect


def _content_type(words: _Words) -> Effect:
    value, words.value = words.value, None
    if value is not None and not (value and _SHOWN.fullmatch(value)):
        raise words.bad("no such type can stand in a header", "write content-type=text/html")

    def edit(answer: Answer) -> None:
        answer.headers["content-type"] = value or "text/html"

    return lambda plan, _chance: plan.edits.append(edit)


_MAKERS: dict[str, Callable[[_Words], Effect]] = {
    "latency": _latency,
    "reset": _reset,
    "truncate": lambda words: _ending(words, "close"),
    "drip": _drip,
    "garbage": _garbage,
    "content-type": _content_type,
}
