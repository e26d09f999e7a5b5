"""Writes what was sent and answered as HAR 1.2, without secrets: for a ticket, and for `recorded` to judge again.

Entries go to disk as they come. The file is there once the run is over, whole, or not at all.
"""

import json
import re
import secrets
import shutil
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
from attrs import define, field

from channel_images.calls.secrets import Secrets
from channel_images.conformance.asking.cleaning import HARMLESS, Cleaner
from channel_images.conformance.asking.recording import CREATOR, OWN_HEADER
from channel_images.conformance.asking.target import Target
from channel_images.conformance.asking.wire import VALID, Answer

HIDDEN = "<secret>"
PRIVATE = frozenset({"authentication-info", "authorization", "cookie", "set-cookie", "set-cookie2"})
"""Headers of an answer that are secrets, whatever they hold."""
USERINFO = re.compile(rb"(?<=://)[^/?#\s\"'<>@\\]+@")
"""The user name and the password in a URL."""
URI = "!$%&'()*+,/:;=?@~"
"""What a path and a query may hold besides letters, digits and `-._`."""


@define(eq=False)
class Har:
    """A HAR file that is being written."""

    _file: IO[str]
    about: Mapping[str, Any]
    """What repeats the run: its channels, its seed and the like."""
    _entries: int = field(init=False, default=0)
    _failure: OSError | None = field(init=False, default=None)
    _cleaners: dict[frozenset[str], Secrets] = field(init=False, factory=dict)

    def add(self, answer: Answer, rule: str, tokens: Iterable[str]) -> None:
        """Add an answer with its request.

        Where the disk is full nothing is raised, and nothing is written any more: `writing` says so at the end.

        Args:
            answer: as the wire gave it.
            rule: what it was asked for, for people.
            tokens: every valid token so far.
        """
        if self._failure is None and answer.target is not None:
            self._write(json.dumps(_entry(answer, rule, self._secrets(answer.target, tokens))))

    def _secrets(self, target: Target, tokens: Iterable[str]) -> Secrets:
        known = frozenset(tokens)
        if known not in self._cleaners:
            cleaner = Secrets(*Cleaner.of(target, sorted(known)).secrets)
            for name, value in target.headers.items():
                if name.lower() not in HARMLESS:
                    cleaner.add_header(name, value)
            self._cleaners[known] = cleaner
        return self._cleaners[known]

    def _write(self, entry: str) -> None:
        try:
            if not self._entries:
                log = {
                    "version": "1.2",
                    "creator": {"name": CREATOR, "version": version("channel-images")},
                    "comment": json.dumps(dict(self.about)),
                }
                self._file.write(f'{{"log": {json.dumps(log)[:-1]}, "entries": [')
            self._file.write((",\n" if self._entries else "\n") + entry)
            self._entries += 1
        except OSError as error:
            self._failure = error

    def finish(self) -> None:
        """Write the end. Raises `OSError`, also for what could not be written before."""
        if self._failure is not None:
            raise self._failure
        self._file.write("\n]}}\n" if self._entries else json.dumps(EMPTY))
        self._file.flush()


EMPTY = {"log": {"version": "1.2", "creator": {"name": CREATOR, "version": version("channel-images")}, "entries": []}}


@contextmanager
def writing(path: Path, about: Mapping[str, Any]) -> Iterator[Har]:
    """A HAR file that is there, whole, once the block has ended in whatever way, and until then not at all.

    Raises `OSError` at the beginning or at the end if it cannot be written; a file of that name is then as it was.
    """
    path = path.resolve()
    # It has no name until it is whole: nothing is left of it, whatever ends the process.
    with TemporaryFile("w+", encoding="utf-8", newline="\n", dir=path.parent) as file:
        har = Har(file, about)
        try:
            yield har
        finally:
            try:
                har.finish()
                _keep(file, path)
            finally:
                with suppress(OSError):  # told already: what is left to write has no room
                    file.close()


def _keep(file: IO[str], path: Path) -> None:
    """Copy what was written to its place, at once."""
    file.seek(0)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as whole:
            shutil.copyfileobj(file, whole)
        if path.is_file():
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


# Entries


def _entry(answer: Answer, rule: str, private: Secrets) -> dict[str, Any]:
    milliseconds = round(answer.seconds * 1000, 3)
    return {
        "startedDateTime": (answer.began or datetime.now(UTC)).isoformat(timespec="milliseconds"),
        "time": milliseconds,
        "request": _request(answer, private),
        "response": _response(answer, private),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "comment": rule,
    }


def _request(answer: Answer, private: Secrets) -> dict[str, Any]:
    request, target = answer.request, answer.target
    url = _uri(private.hide(answer.url))
    headers = [
        _named(name, value if name.lower() in HARMLESS else HIDDEN)
        for name, value in (target.headers if target else {}).items()
    ]
    headers += [{**_named(name, private.hide(value)), "comment": OWN_HEADER} for name, value in request.headers]
    if answer.sender.shown is not None:
        headers.append(_named("Authorization", answer.sender.shown))
    entry: dict[str, Any] = {
        "method": request.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers,
        "queryString": [_named(*pair) for pair in parse_qsl(urlsplit(url).query, keep_blank_values=True)],
        "headersSize": -1,
        "bodySize": len(request.body or b""),
    }
    if request.body is not None:
        text = private.hide(request.body.decode("utf-8", "replace"))
        entry["postData"] = {"mimeType": dict(request.headers).get("Content-Type", ""), "text": text}
    if answer.sender.name != VALID:
        entry["comment"] = answer.sender.name
    return entry


def _response(answer: Answer, private: Secrets) -> dict[str, Any]:
    headers, body = _cleaned(answer, private)
    location = next((value for name, value in headers if name.lower() == "location"), "")
    content: dict[str, Any] = {"size": len(body), "mimeType": dict(headers).get("content-type", "")}
    if answer.unread:
        content |= {"size": -1, "comment": f"not read: {answer.unread}"}
    else:
        content |= _content(body)
    entry = {
        "status": answer.status,
        "statusText": httpx.codes.get_reason_phrase(answer.status),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [_named(*pair) for pair in headers],
        "content": content,
        "redirectURL": location,
        "headersSize": -1,
        "bodySize": -1,
    }
    return {**entry, "comment": private.hide(answer.broke)} if answer.broke else entry


def _content(body: bytes) -> dict[str, str]:
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"text": b64encode(body).decode(), "encoding": "base64"}


def _cleaned(answer: Answer, private: Secrets) -> tuple[list[tuple[str, str]], bytes]:
    """The headers and the body of an answer, without secrets. The body is decoded, whatever its headers say."""
    raw = [pair for pair in answer.headers.raw if pair[0].lower() != b"content-encoding"]
    coded = [(name, value) for name, value in answer.headers.multi_items() if name.lower() == "content-encoding"]
    response = private.cleaned(
        httpx.Response(
            answer.status,
            headers=raw,
            content=answer.body,
            request=httpx.Request(answer.request.method, "http://127.0.0.1/"),
        )
    )
    headers = [
        (name.decode("latin-1"), USERINFO.sub(b"", value).decode("utf-8", "replace"))
        for name, value in response.headers.raw
    ]
    shown = [(name, HIDDEN if name.lower() in PRIVATE else value) for name, value in (*headers, *coded)]
    return shown, USERINFO.sub(b"", response.content)


def _uri(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    escaped = quote(re.sub("%(?![0-9A-Fa-f]{2})", "%25", path), safe=URI, errors="replace")
    return f"{scheme}://{host}{slash}{escaped}"


def _named(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}
