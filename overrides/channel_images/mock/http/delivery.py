"""Gets an answer ready to be sent: validators for caches, compression, and answers without a body."""

import gzip
import hashlib
import re

from channel_images.mock.http.answers import Answer
from channel_images.mock.http.call import Call

_WORTH_COMPRESSING = 200
"""Bytes; Django compresses nothing shorter."""
# The fastest level: half the size of the body already, for a fifth of the time.
_LEVEL = 1
_NONE = re.compile(rb"q\s*=\s*0(\.0*)?")


def deliver(call: Call, answer: Answer) -> Answer:
    """`answer` as the request's headers ask for it: 304, compressed, or without its body for `HEAD`.

    An `etag` that it brings stays as it is.
    """
    answer.headers["vary"] = "Accept-Encoding"
    is_success = answer.status == 200 and call.method in {"GET", "HEAD"}
    if is_success:
        tag = answer.headers.get("etag") or f'"{hashlib.blake2b(answer.body, digest_size=16).hexdigest()}"'
        answer.headers["etag"] = tag
        if _matches(call.header(b"if-none-match"), tag):
            kept = {name: value for name, value in answer.headers.items() if name != "content-type"}
            return Answer(304, b"", kept)
    if len(answer.body) >= _WORTH_COMPRESSING and _accepts_gzip(call.header(b"accept-encoding")):
        answer.body = gzip.compress(answer.body, _LEVEL, mtime=0)
        answer.headers["content-encoding"] = "gzip"
        if is_success:
            # The bytes differ from those of the plain body: the tag is good for comparing contents only.
            answer.headers["etag"] = f"W/{answer.headers['etag']}"
    answer.headers["content-length"] = str(len(answer.body))
    if call.method == "HEAD":
        answer.body = b""
    return answer


def _matches(header: bytes | None, tag: str) -> bool:
    """Whether `If-None-Match` names `tag`, compared as weak tags are (RFC 9110, section 13.1.2)."""
    if header is None:
        return False
    named = {each.strip().removeprefix(b"W/") for each in header.split(b",")}
    return b"*" in named or tag.encode() in named


def _accepts_gzip(header: bytes | None) -> bool:
    """Whether `Accept-Encoding` names gzip without forbidding it by a quality of zero."""
    if header is None:
        return False
    offers: dict[bytes, bytes] = {}
    for offer in header.lower().split(b","):
        coding, _, quality = offer.partition(b";")
        offers[coding.strip()] = quality.strip()
    quality_of_gzip = offers.get(b"gzip", offers.get(b"*"))
    return quality_of_gzip is not None and not _NONE.fullmatch(quality_of_gzip)
