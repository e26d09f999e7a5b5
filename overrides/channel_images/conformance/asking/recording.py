"""Reads recorded traffic (HAR 1.2), and answers from it in a server's place.

Browsers, mitmproxy and others write HAR in ways of their own: bodies that are cut or left out, names of headers in lower
case, no token. What cannot be known of an answer is not made up: it is `unread`, and nothing is said of it.
"""

import json
import re
import zlib
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from attrs import define, evolve, field, frozen

from channel_images.calls.secrets import Secret
from channel_images.conformance.asking.cleaning import Cleaner
from channel_images.conformance.asking.operations import OPERATIONS
from channel_images.conformance.asking.reading import NotExercised
from channel_images.conformance.asking.target import OTHER_TOKEN, TOKEN, Target
from channel_images.conformance.asking.wire import (
    MOST_BYTES,
    OTHER,
    PROXY_STATUSES,
    VALID,
    Answer,
    Credentials,
    Request,
    Wire,
)
from channel_images.conformance.files import BadFile, read_bytes
from channel_images.resource import resource

CREATOR = "channel-images"
"""Who wrote the recordings of our own runs."""
OWN_HEADER = "asked for by a rule"
"""The comment on a header that a rule sent, in a recording of our own."""
NOBODY = "no token"
"""Who sends a request without a token, in a recording where others have one."""
MOST_FILE = 256_000_000
"""Bytes of a recording, unpacked."""
SHORTEST_SECRET = 8
"""Characters of a word of a private header above which it is kept out of what is shown."""
SECRET_NAMES = frozenset(
    {"token", "access_token", "auth_token", "key", "api_key", "apikey", "password", "authorization"}
)
"""Parameters of a query that hold secrets."""
MOST_TARGET = 120
"""Characters of a path and a query that a reason shows."""
MOST_BASES = 5
"""Base URLs that a refusal names."""


class NotRecorded(NotExercised):
    """A request that the recording does not have; the message names it."""


@frozen
class Recording:
    """What was recorded of one server."""

    url: str
    """The base URL, without a closing slash."""
    channels: tuple[int, ...]
    """The channels that were asked for, that with the most requests first."""
    answers: tuple[Answer, ...]
    """In the order in which they were asked for."""
    total: int
    """The requests of the file, of whatever server."""
    cleaner: Cleaner = field(repr=False)
    """Knows the secrets that are in the recording."""
    seed: int = 0
    """What repeats the same questions, where it is of a run of ours."""
    is_of_run: bool = False
    """Whether it is of a run of ours, which asked the rules' own questions."""
    quick: bool = True
    """Whether to ask little: what others recorded does not have the questions of a run."""

    @property
    def target(self) -> Target:
        # No token is known, and none is sent: rules make up wrong ones from it.
        has_other = any(answer.sender.name == OTHER for answer in self.answers)
        other_token = OTHER_TOKEN if has_other else ""
        return Target(self.url, self.channels[0], self.channels[1:], token=TOKEN, other_token=other_token)


# From a file


@frozen
class _Entry:
    """One request of the file, with its answer."""

    began: datetime | None
    seconds: float
    method: str
    url: str
    sent: tuple[tuple[str, str], ...]
    """The headers of the request, with names in lower case."""
    own: tuple[tuple[str, str], ...]
    """Those that a rule of ours sent."""
    sender: str
    """Who sent it, where the recording says so."""
    status: int
    headers: httpx.Headers
    body: bytes
    unread: str
    broke: str
    """Why there was no answer, where the recording says so."""

    @property
    def authorization(self) -> str:
        return dict(self.sent).get("authorization", "")


def read_recording(path: Path, url: str | None = None, channels: Sequence[int] = ()) -> Recording:
    """Read a HAR file, packed with gzip or not.

    Args:
        path: the file.
        url: the base URL of the server to judge; `None` if the recording has requests to one alone.
        channels: the channels to judge; by default those that were asked for.

    Raises:
        BadFile: it is no HAR, or has no request that is one of the contract's, or those of several servers.
    """
    log = _log(path)
    try:
        entries = [_entry(number, raw) for number, raw in enumerate(log["entries"], 1)]
    except ValueError as error:
        raise BadFile(path, None, str(error)) from None
    base = _base(path, entries, url)
    below = [entry for entry in entries if entry.url.startswith(f"{base}/")]
    about = _about(log)
    asked = channels or about.get("channels") or _channels(entry.url.removeprefix(base) for entry in below)
    if not asked:
        raise BadFile(path, None, f"no request to {base} names a {resource().roles['scope']} by its number")
    # Those without a time keep their place.
    below.sort(key=lambda entry: entry.began or datetime.max.replace(tzinfo=UTC))
    target = Target(base, asked[0], tuple(asked[1:]))
    valid = _valid(below)
    answers = tuple(_answer(entry, target, _sender(entry, valid, is_ours=bool(about))) for entry in below)
    return Recording(
        base,
        (target.channel, *target.others),
        answers,
        len(entries),
        Cleaner(() if about else tuple(map(Secret, _secrets(below)))),
        is_of_run=bool(about),
        seed=about.get("seed", 0),
        quick=about.get("quick", True),
    )


def _log(path: Path) -> dict[str, Any]:
    """The log of a file, whose entries are a list. Raises `BadFile`."""
    raw = read_bytes(path, MOST_FILE)
    try:
        if raw[:2] == b"\x1f\x8b":
            raw = _unpacked(raw, MOST_FILE)
    except zlib.error:
        raise BadFile(path, None, "packed with gzip, and not whole") from None
    if len(raw) > MOST_FILE:
        raise BadFile(path, None, f"larger than {MOST_FILE:,} bytes")
    try:
        document = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadFile(path, None, "not a HAR:  it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadFile(path, error.lineno, f"not a HAR:  {error.msg}") from None
    except (ValueError, RecursionError):  # a number that is too long, or too many brackets
        raise BadFile(path, None, "not a HAR:  it cannot be read as JSON") from None
    match document:
        case {"log": {"entries": list()} as log}:
            return dict(log)
    raise BadFile(path, None, "not a HAR:  it has no list log.entries")


def _unpacked(data: bytes, most: int) -> bytes:
    """What gzip has packed, at most a byte more than `most`. Raises `zlib.error`."""
    reader = zlib.decompressobj(wbits=31)
    unpacked = reader.decompress(data, most + 1)
    if not reader.eof and len(unpacked) <= most:
        raise zlib.error
    return unpacked


def _entry(number: int, raw: Any) -> _Entry:
    """Raises `ValueError` if it is not an entry of a HAR."""
    match raw:
        case {
            "request": {"method": str(method), "url": str(url)} as request,
            "response": {"status": int(status)} as response,
        } if not isinstance(status, bool) and 0 <= status < 1000:
            pass
        case {"request": {"method": str(), "url": str()}}:
            raise ValueError(f"entry {number} of log.entries has no response with a status")
        case _:
            raise ValueError(f"entry {number} of log.entries has no request with a method and a URL")
    milliseconds = raw.get("time")
    is_time = isinstance(milliseconds, int | float) and 0 <= milliseconds < 1e9
    sent = [header for header in _headers(request) if not header[0].startswith(":")]
    headers = httpx.Headers(
        [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value, _ in _headers(response)]
    )
    body, unread = _body(response, headers, method)
    # What a browser had already says nothing of the server.
    is_cached = bool(raw.get("_fromCache") or response.get("_fetchedViaServiceWorker"))
    comment = request.get("comment")
    return _Entry(
        _moment(raw.get("startedDateTime")),
        milliseconds / 1000 if is_time else 0.0,
        method.upper(),
        _plain(url),
        tuple((name.lower(), value) for name, value, _ in sent),
        tuple((name, value) for name, value, said in sent if said == OWN_HEADER),
        comment if isinstance(comment, str) else "",
        0 if is_cached else status,
        headers,
        body,
        unread,
        str(response.get("comment", "")),
    )


def _plain(url: str) -> str:
    """A URL without a user name, a password and a fragment; nothing if it is none."""
    try:
        parts = urlsplit(url)
        default = {"http": 80, "https": 443}.get(parts.scheme)
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        port = f":{parts.port}" if parts.port not in (None, default) else ""
    except ValueError:
        return ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{host}{port}{parts.path}{query}" if host else ""


def _headers(message: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Names, values and comments."""
    headers = message.get("headers")
    for header in headers if isinstance(headers, list) else ():
        match header:
            case {"name": str(name), "value": str(value)}:
                yield name, value, str(header.get("comment", ""))


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment.astimezone(UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _body(response: Mapping[str, Any], headers: httpx.Headers, method: str) -> tuple[bytes, str]:
    """The body of an answer, and why it is not known; the reason is empty where it is."""
    content = response.get("content")
    content = content if isinstance(content, dict) else {}
    text, size = content.get("text"), content.get("size")
    size = size if isinstance(size, int) else -1
    if not isinstance(text, str):
        is_empty = size == 0 or method == "HEAD" or response["status"] in (204, 304)
        return b"", "" if is_empty else "the body was not recorded"
    try:
        body = b64decode(text, validate=True) if content.get("encoding") == "base64" else text.encode()
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding == "gzip" and body[:2] == b"\x1f\x8b":
            body = _unpacked(body, MOST_BYTES)
        elif coding not in ("identity", "") and content.get("encoding") == "base64":
            body.decode()
    except (ValueError, zlib.error):
        return b"", "the body was not recorded as it was"
    length = headers.get("content-length", "")
    whole = max(size, int(length) if coding in ("identity", "") and length.isdecimal() and len(length) < 12 else 0)
    if method != "HEAD" and whole > len(body) and response["status"] != 304:
        return b"", f"{len(body):,} of {whole:,} bytes were recorded"
    return (body, "") if len(body) <= MOST_BYTES else (b"", f"the body is longer than {MOST_BYTES:,} bytes")


# Whose requests those are


def _operation_paths() -> list[re.Pattern[str]]:
    return [
        re.compile(r"(?P<base>.*?)" + re.sub(r"\\\{\w+\\\}", r"(\\d+)", re.escape(each.path))) for each in OPERATIONS
    ]


def _base(path: Path, entries: Sequence[_Entry], url: str | None) -> str:
    """The base URL of the server to judge. Raises `BadFile`."""
    patterns = _operation_paths()
    found: Counter[str] = Counter()
    for entry in entries:
        matches = (pattern.fullmatch(entry.url.partition("?")[0]) for pattern in patterns)
        found.update({match["base"] for match in matches if match})
    several = ", ".join(base for base, _ in found.most_common(MOST_BASES))
    if url is not None:
        if url in found:
            return url
        there = f"; there are some to {several}" if several else ""
        raise BadFile(path, None, f"none of its {len(entries)} requests is one of the contract's to {url}{there}")
    if not found:
        raise BadFile(path, None, f"none of its {len(entries)} requests is one of the contract's")
    if len(found) > 1:
        raise BadFile(path, None, f"requests to {len(found)} servers; give the URL of one of them: {several}")
    return next(iter(found))


def _channels(targets: Iterator[str]) -> tuple[int, ...]:
    """The channels of requests for operations, the one with the most first."""
    scope = resource().roles["scope"]
    patterns = [
        re.compile(re.sub(r"\\\{\w+\\\}", r"\\d+", re.escape(each.path).replace(rf"\{{{scope}\}}", r"(\d{1,18})")))
        for each in OPERATIONS
    ]
    found = Counter(
        int(match[1])
        for target in targets
        if (match := next(filter(None, (each.fullmatch(target.partition("?")[0]) for each in patterns)), None))
    )
    return tuple(channel for channel, _ in found.most_common())


def _about(log: Mapping[str, Any]) -> dict[str, Any]:
    """What a recording of our own says of its run; nothing for others'."""
    match log:
        case {"creator": {"name": "channel-images"}, "comment": str(comment)}:
            try:
                said = json.loads(comment)
            except (ValueError, RecursionError):
                return {}
            match said:
                case {"seed": int(seed), "quick": bool(quick), "channels": [int(), *_] as channels}:
                    return {"seed": seed, "quick": quick, "channels": [each for each in channels if type(each) is int]}
    return {}


def _valid(entries: Sequence[_Entry]) -> str:
    """The value of `Authorization` that most requests have; nothing if none has any."""
    found = Counter(entry.authorization for entry in entries if entry.authorization)
    return max(found, key=lambda value: found[value], default="")


def _sender(entry: _Entry, valid: str, *, is_ours: bool) -> Credentials:
    """Who sent a request. A token itself is not kept."""
    if is_ours and entry.sender:
        return Credentials(entry.sender, shown=dict(entry.sent).get("authorization"))
    if is_ours or entry.authorization == valid or "cookie" in dict(entry.sent):
        return Credentials(VALID, shown=f"Token {TOKEN}")
    return Credentials("another token", shown="Token $ANOTHER_TOKEN") if entry.authorization else Credentials(NOBODY)


def _secrets(entries: Sequence[_Entry]) -> list[str]:
    """What nobody should see of a recording: tokens, cookies, and what else is private in it."""
    found: dict[str, None] = {}
    for entry in entries:
        for name, value in entry.sent:
            if "auth" in name or "cookie" in name or "token" in name or "key" in name or "secret" in name:
                found.update(dict.fromkeys([value, *re.findall(r"[^\s;,=]+=*(?=[\s;,]|$)", value)]))
        for name, value in parse_qsl(urlsplit(entry.url).query):
            if name.lower() in SECRET_NAMES:
                found[value] = None
    return [text for text in found if len(text) >= SHORTEST_SECRET and TOKEN not in text and "<" not in text]


def _answer(entry: _Entry, target: Target, sender: Credentials) -> Answer:
    path, _, query = entry.url.removeprefix(target.url).partition("?")
    request = Request(path + (f"?{query}" if query else ""), (), entry.method, sender.name, entry.own)
    return Answer(
        request,
        entry.url,
        entry.status,
        entry.headers,
        entry.body,
        entry.seconds,
        # Browsers have 0 for what they broke off themselves.
        broke="" if entry.status else entry.broke or "no answer was recorded",
        sender=sender,
        unread=entry.unread,
        target=target,
        began=entry.began,
    )


# In a server's place

Key = tuple[str, str, tuple[tuple[str, str], ...], str, tuple[tuple[str, str], ...]]


def key(request: Request) -> Key:
    """What two requests have in common that ask for the same: parameters may come in another order."""
    path, _, query = request.target.partition("?")
    params = sorted(parse_qsl(query, keep_blank_values=True, errors="surrogateescape"), key=lambda pair: pair[0])
    return request.method, path, tuple(params), request.credentials, request.headers


@define
class RecordedWire(Wire):
    """Answers each request with what was recorded for it, in the order in which that was asked for.

    Raises `NotRecorded` for a request that was not recorded, or not as often.
    """

    answers: Sequence[Answer] = ()
    recorded: dict[Key, list[Answer]] = field(init=False, factory=dict)
    """What was recorded for each request."""
    _given: Counter[Key] = field(init=False, factory=Counter)
    """How many of those were given, or passed over."""
    _asked: set[Request] = field(init=False, factory=set)
    _now: datetime | None = field(init=False, default=None)
    """When the last of those was recorded that the rule at work was given."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        for answer in self.answers:
            # The others say nothing of the data: nothing came, the server was busy, or a browser had it already.
            if not answer.broke and answer.status != 429 and (answer.status != 304 or answer.request.headers):
                self.recorded.setdefault(key(answer.request), []).append(answer)

    def begin(self) -> None:
        """Begin with another rule: what it asks for again follows on its own requests alone."""
        self._now = None

    def has(self, request: Request) -> bool:
        """Whether a request was recorded."""
        return self._place(request) in self.recorded

    def send(self, request: Request, sender: Credentials, *, apart: bool = False, tries: int = 1) -> Answer:
        place = self._place(request)
        if apart and place in self._given:
            # The evidence is what was recorded: it shows itself.
            return evolve(self.recorded[place][self._given[place] - 1], request=request)
        answer = self._following(place, request, self._now)
        self._now = max(filter(None, (self._now, answer.began)), default=None)
        return answer

    def send_together(self, requests: Sequence[Request], sender: Credentials) -> list[Answer]:
        now = self._now
        return [self._following(self._place(request), request, now) for request in requests]

    def send_bare(self, request: Request, sender: Credentials) -> tuple[Answer, bytes]:
        self.send(request, sender)
        raise NotRecorded("a recording does not have the bytes behind an answer")

    def _following(self, place: Key, request: Request, now: datetime | None) -> Answer:
        """The next answer that was recorded for a request: what is asked for again was recorded after all before it.

        A rule may ask for the same in another spelling, such as that of a link; that is no second time.
        """
        found = self.recorded.get(place, [])
        is_new, given = request not in self._asked, self._given[place]
        self._asked.add(request)
        for number in range(given, len(found)):
            answer = found[number]
            is_late = given == 0 or not now or not answer.began or answer.began >= now
            if is_late and (number + 1 == len(found) or answer.status not in PROXY_STATUSES):
                self._given[place] = number + 1
                return evolve(answer, request=request)
        if is_new and given:
            return evolve(found[given - 1], request=request)
        raise NotRecorded(f"{_named(request)} is not recorded{' again' if found else ''}")

    def _place(self, request: Request) -> Key:
        """The key of a request; of the first page also where its number was left out."""
        place = key(request)
        _, path, params, *_ = place
        first = (resource().roles["page"], "1")
        if place in self.recorded or first not in params:
            return place
        without = key(evolve(request, path=path, params=tuple(pair for pair in params if pair != first)))
        return without if without in self.recorded else place


def _named(request: Request) -> str:
    """A request in a few words."""
    target = request.target if len(request.target) <= MOST_TARGET else f"{request.target[:MOST_TARGET]}…"
    sender = "" if request.credentials == VALID else f" with {request.credentials}"
    headers = "".join(f" and {name}" for name, _ in request.headers)
    return f"{request.method} {target}{sender}{headers}"
