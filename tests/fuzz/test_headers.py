"""Headers of answers, and bodies in content codings."""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
from hypothesis import example, strategies as st
from tests.fuzz.strategies import ANY_TEXT, NUMBERS, TEXTS, fuzz, spoiled

from channel_images.calls.address import origin, redirect_target
from channel_images.calls.bodies import read_bounded
from channel_images.calls.retries import Budget, Retries, retry_after
from channel_images.conformance.asking.wire import wait_asked_for
from channel_images.exceptions import MalformedResponse, request_id

DATES = st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
WRITTEN_DATES = st.one_of(
    DATES.map(lambda date: format_datetime(date, usegmt=True)),
    DATES.map(lambda date: date.strftime("%A, %d-%b-%y %H:%M:%S GMT")),
    DATES.map(lambda date: date.strftime("%a %b %e %H:%M:%S %Y")),
    DATES.map(lambda date: format_datetime(date.astimezone())),
)
VALUES = st.one_of(
    WRITTEN_DATES.map(str.encode).flatmap(spoiled),
    st.integers(-10, 10**6).map(lambda seconds: str(seconds).encode()).flatmap(spoiled),
    NUMBERS.map(lambda number: number.text.encode()),
    TEXTS.map(lambda text: text.encode(errors="surrogatepass")),
    st.binary(max_size=30),
)
"""Values as they come over the wire: bytes."""


@fuzz(100, seconds=st.integers(0, 10**30), zeros=st.integers(0, 5_000))
def test_seconds_are_read(seconds: int, zeros: int) -> None:
    assert retry_after(f" {'0' * zeros}{seconds}\t") == float(seconds)


@fuzz(100, date=DATES, form=st.sampled_from(["%a, %d %b %Y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]))
def test_dates_are_read(date: datetime, form: str) -> None:
    before = datetime.now(UTC)
    seconds = retry_after(
        date.strftime(form).replace(" 0", "  ") if "%e" in form else format_datetime(date, usegmt=True)
    )
    assert seconds is not None
    zero = timedelta()
    assert max(zero, date - datetime.now(UTC)).total_seconds() <= seconds <= max(zero, date - before).total_seconds()


@fuzz(250, value=VALUES)
def test_any_value_is_a_wait_or_none(value: bytes) -> None:
    headers = httpx.Headers([(b"Retry-After", value)])
    seconds = retry_after(headers["Retry-After"])
    assert seconds is None or seconds >= 0
    assert wait_asked_for(headers["Retry-After"]) == (1.0 if seconds is None else seconds) or seconds  # dates go on
    text = value.decode(headers.encoding).strip()
    if text.isascii() and text.isdigit():
        assert seconds == float(text)
    elif not re.search(r"[A-Za-z]{3}", text):  # a month
        assert seconds is None
    budget = Budget(Retries(max_wait=60, seconds=300))
    wait = budget.wait_after(httpx.Response(503, headers=headers))
    assert wait is None if (seconds or 0) > 60 else wait is not None and 0 <= wait <= 60


BASE = "https://host:8443/prefix/api/"
PLACES = st.one_of(
    st.sampled_from(
        ["?page=2", "/x", "//other/x", BASE, "https://user:pw@other/x", "http://[::1]:80/", "http://xn--nxasmq6b/"]
    )
    .map(str.encode)
    .flatmap(spoiled),
    VALUES,
)


@fuzz(150, place=PLACES)
def test_any_location_is_a_url_without_a_password_or_none(place: bytes) -> None:
    location = httpx.Headers([(b"Location", place)])["Location"]
    target = redirect_target(httpx.URL(BASE), location)
    if target is not None:
        assert not target.userinfo
        assert origin(httpx.URL(str(target))) == origin(target)


@fuzz(50, value=VALUES)
def test_any_id_of_a_request_is_a_text_or_none(value: bytes) -> None:
    named = request_id(httpx.Headers([(b"X-Request-Id", value)]))
    assert named is None or isinstance(named, str)


# Codings

MOST = 5_000
REQUEST = httpx.Request("GET", "https://host/")


def raw_deflate(content: bytes) -> bytes:
    return zlib.compress(content, wbits=-zlib.MAX_WBITS)


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "Deflate": raw_deflate, "identity": bytes, "utf-8": bytes,
}  # fmt: skip
CONTENTS = st.one_of(
    st.binary(max_size=200),
    st.binary(min_size=1, max_size=3).map(lambda piece: piece * 2_000),
    st.just(b"[" * 8_000),
)


def response(coding: str, body: bytes, cuts: list[int]) -> httpx.Response:
    """An answer whose body comes in pieces."""

    def pieces() -> Iterator[bytes]:
        places = sorted({min(cut, len(body)) for cut in cuts})
        for start, end in zip([0, *places], [*places, len(body)], strict=True):
            yield body[start:end]

    return answered(coding.encode(), pieces())


def answered(coding: bytes, content: Iterator[bytes]) -> httpx.Response:
    return httpx.Response(200, headers=[(b"Content-Encoding", coding)], content=content, request=REQUEST)


@example(coding="Deflate", content=b"a row", cuts=[1])
@fuzz(150, coding=st.sampled_from(sorted(CODINGS)), content=CONTENTS, cuts=st.lists(st.integers(0, 300), max_size=4))
def test_a_body_is_decoded_as_it_was_coded_or_is_too_long(coding: str, content: bytes, cuts: list[int]) -> None:
    whole = response(coding, CODINGS[coding](content), cuts)
    try:
        assert read_bounded(whole, MOST) == content == whole.content
    except MalformedResponse as error:
        assert "longer than" in str(error)
        assert len(content) > MOST


def spoiled_of(content: bytes) -> st.SearchStrategy[tuple[bytes, str, bytes]]:
    """Bytes with a coding that has a checksum, and what came of them on the way."""
    return st.sampled_from(["gzip", "deflate"]).flatmap(
        lambda coding: spoiled(CODINGS[coding](content)).map(lambda body: (content, coding, body))
    )


@fuzz(200, case=st.binary(max_size=200).flatmap(spoiled_of))
def test_a_body_that_was_damaged_is_no_other_body(case: tuple[bytes, str, bytes]) -> None:
    content, coding, body = case
    with suppress(MalformedResponse, httpx.DecodingError):
        assert read_bounded(response(coding, body, []), MOST) == (content if body else b"")


@fuzz(100, coding=TEXTS | ANY_TEXT | st.sampled_from(["gzip, gzip", "br", "gzip,,", "identity,gzip"]), body=st.binary())
def test_any_name_of_a_coding_is_passed_over_or_refused(coding: str, body: bytes) -> None:
    try:
        content = read_bounded(answered(coding.encode(errors="surrogatepass"), iter([body])), MOST)
    except (MalformedResponse, httpx.DecodingError):
        return
    assert content == body or re.search("gzip|deflate", coding.lower())
