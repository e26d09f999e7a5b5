"""Makes each kind of fault: what its spec may say, and what it does to an answer."""

import gzip
import math
import re
import time
from collections.abc import Callable
from email.utils import formatdate
from random import Random
from typing import TypeAlias

from attrs import define, field, frozen

from channel_images.mock.beside import BESIDE
from channel_images.mock.faults.spec import MOST_SECONDS, Words, near, number
from channel_images.mock.http.answers import Answer, stated

_BODYLESS = {204, 205, 304}
_PROXYS = {502, 503, 504}
"""Statuses that a proxy in front answers by itself, in HTML, unless a fault says otherwise."""
_PIECE, _PAUSE = 64, 0.05
_MAX_SIGMA = 5
"""Beyond it one delay in a hundred is a million times the median."""
_SHOWN = re.compile(r"[\x20-\x7e]*")
_DATE = re.compile(r"date([+-][0-9]{1,9})?")


@frozen
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
    Kind(
        "operation=ID,ID",
        f"Only these operations. Also those beside the contract, which other faults leave alone: {', '.join(BESIDE)}.",
    ),
    Kind("skip=N", "Not the first N requests."),
    Kind("first=N", "Only the first N requests, counted after those skipped."),
    Kind("every=N", "Only every Nth request."),
    Kind("rate=P", "Only that share of the requests, chosen by the seed."),
)


@define
class Plan:
    """What is to go wrong with one request."""

    delay: float = 0.0
    instead: Answer | None = None
    edits: list[Callable[[Answer], None]] = field(factory=list)
    piece: int | None = None
    """The bytes that are sent at a time; `None`: all."""
    pause: float = 0.0
    cut: Callable[[int], int] | None = None
    """How much is sent of a body of that length; `None`: all of it."""
    ending: str | None = None
    """How the connection ends: `silence` before the answer begins, `reset` or `close` in the middle of it."""
    specs: tuple[str, ...] = ()
    """The faults that do all this, as they were written."""


Effect: TypeAlias = Callable[[Plan, Random], None]


def _status(words: Words) -> Effect:
    status = int(words.kind)
    if not 200 <= status <= 599 or status in _BODYLESS:
        raise words.bad(f"{status} is not a status that a fault can have", "take one from 200 to 599 that has a body")
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
        plan.instead = plan.instead or stated(status, _retry_after(wait), is_html=is_html)

    return effect


def _retry_after(text: str | None) -> str | None:
    if text is None or text == "none":
        return None
    date = _DATE.fullmatch(text)
    return formatdate(int(time.time()) + int(date[1] or "+1"), usegmt=True) if date else text


def _latency(words: Words) -> Effect:
    seconds, lognormal = words.seconds("seconds"), words.text("lognormal", "0.1,0.5")
    if (seconds is None) is (lognormal is None):
        raise words.bad("latency needs one of seconds and lognormal", "write latency:seconds=0.2")
    if lognormal is None:
        return lambda plan, _chance: _delay(plan, seconds or 0)
    median, sigma = map(number, lognormal.split(",")) if lognormal.count(",") == 1 else (math.nan, math.nan)
    if not (0 < median <= MOST_SECONDS and 0 <= sigma <= _MAX_SIGMA):
        raise words.bad(f"lognormal={lognormal} is not a median and a sigma", "write lognormal=0.1,0.5")
    return lambda plan, chance: _delay(plan, chance.lognormvariate(math.log(median), sigma))


def _delay(plan: Plan, seconds: float) -> None:
    plan.delay += seconds


def _ending(words: Words, ending: str) -> Effect:
    limit = words.count("bytes", None, least=0)

    def cut(length: int) -> int:
        """Half, or as much as was asked for, and never the whole."""
        return min(length // 2 if limit is None else limit, max(length - 1, 0))

    def effect(plan: Plan, _chance: Random) -> None:
        if plan.ending is None:
            plan.ending, plan.cut = ending, cut

    return effect


def _reset(words: Words) -> Effect:
    if words.flag("body"):
        return _ending(words, "reset")

    def effect(plan: Plan, _chance: Random) -> None:
        plan.ending = plan.ending or "silence"

    return effect


def _drip(words: Words) -> Effect:
    piece, seconds = words.count("bytes", _PIECE), words.seconds("seconds")

    def effect(plan: Plan, _chance: Random) -> None:
        if plan.piece is None:
            plan.piece, plan.pause = piece, _PAUSE if seconds is None else seconds

    return effect


def _garbage(words: Words) -> Effect:
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


def _content_type(words: Words) -> Effect:
    value, words.value = words.value, None
    if value is not None and not (value and _SHOWN.fullmatch(value)):
        raise words.bad("no such type can stand in a header", "write content-type=text/html")

    def edit(answer: Answer) -> None:
        answer.headers["content-type"] = value or "text/html"

    return lambda plan, _chance: plan.edits.append(edit)


_MAKERS: dict[str, Callable[[Words], Effect]] = {
    "latency": _latency,
    "reset": _reset,
    "truncate": lambda words: _ending(words, "close"),
    "drip": _drip,
    "garbage": _garbage,
    "content-type": _content_type,
}


def effect_of(words: Words) -> Effect:
    """What the fault that `words` describe does.

    Raises:
        BadFault: The spec describes no fault.
    """
    make = _status if re.fullmatch("[0-9]{3}", words.kind) else _MAKERS.get(words.kind)
    if make is None:
        raise words.bad(f"no kind {words.kind!r}", near(words.kind, [*_MAKERS, "429", "500", "503"]))
    return make(words)
