"""What is sent again, how often, and after which waits."""

import asyncio
import datetime
import gzip
import itertools
import logging
import pickle
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from types import SimpleNamespace

import h2.exceptions
import httpx
import pytest
from tests.wire import IMAGE, SURFACES, TOKEN, RawServer, get_image, http, pooled, reset, run

from channel_images import (
    AsyncChannelImages,
    ChannelImages,
    ConfigurationError,
    ConnectionFailed,
    MalformedResponse,
    RateLimited,
    Retries,
    ServerError,
    StatusError,
    Timeout,
)
from channel_images.calls.deadlines import CancelToken
from channel_images.calls.retries import RateLimit, is_worth_repeating_status

AT_ONCE = Retries(max_wait=0)
HTML = b"<!doctype html><html><body>Bad gateway</body></html>"

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits, which do not happen, and jitter that always takes the longest."""
    waited: list[float] = []
    really_sleep, really_sleep_async = time.sleep, asyncio.sleep
    here = threading.get_ident()  # servers of other tests sleep in threads of their own

    def sleep(seconds: float) -> None:
        if threading.get_ident() == here:
            waited.append(seconds)
        else:
            really_sleep(seconds)

    async def asleep(seconds: float) -> None:
        if threading.get_ident() == here:
            waited.append(seconds)
            seconds = 0
        await really_sleep_async(seconds)

    monkeypatch.setattr(CancelToken, "wait", lambda _stop, seconds: sleep(seconds))
    monkeypatch.setattr(asyncio, "sleep", asleep)
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    return waited


def answering(*outcomes: httpx.Response | Exception) -> httpx.MockTransport:
    """A transport that gives one outcome after the other, and stays with the last."""
    left = itertools.chain(outcomes, itertools.repeat(outcomes[-1]))

    def handle(_request: httpx.Request) -> httpx.Response:
        outcome = next(left)
        if isinstance(outcome, Exception):
            raise outcome
        return httpx.Response(outcome.status_code, headers=outcome.headers, content=outcome.content)

    return httpx.MockTransport(handle)


GOOD = httpx.Response(200, content=IMAGE)


# Which outcomes


RETRIED = {408, 429, *range(500, 600)} - {501}


@pytest.mark.parametrize("status", [*range(201, 209), *range(400, 430), *range(500, 530), 598, 599])
def test_statuses(surface: str, status: int) -> None:
    transport = answering(httpx.Response(status), GOOD)
    if status in RETRIED:
        assert get_image(surface, "https://host", transport=transport, retries=AT_ONCE).retries == 1
    else:
        with pytest.raises(StatusError) as caught:
            get_image(surface, "https://host", transport=transport, retries=AT_ONCE)
        assert (caught.value.status_code, caught.value.retries) == (status, 0)


BROKEN = {
    "nothing before the head": None,
    "reset before the head": reset,
    "half a head": lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "no HTTP": lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "truncated": lambda connection: connection.sendall(http(200, IMAGE[:-4], length=len(IMAGE))),
    "truncated, in chunks": lambda connection: connection.sendall(
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"pk"\r\n'
    ),
    "truncated, and the length too": http(200, IMAGE[:-4]),
    "empty": http(200, b""),
    "white space": http(200, b" \n"),
    "HTML": http(200, HTML, "Content-Type: text/html"),
    "HTML that is called JSON": http(200, HTML),
    "a byte order mark of UTF-16 alone": http(200, b"\xff\xfe"),
    "no UTF-8": http(200, b'{"pk": 1, "hash": "\xff"}'),
    "NaN": http(200, b'{"pk": NaN}'),
    "a second value": http(200, IMAGE + IMAGE),
    "too deep": http(200, b"[" * 100_000),
    "gzip in name only": http(200, IMAGE, "Content-Encoding: gzip"),
    "gzip cut off": http(200, gzip.compress(IMAGE)[:12], "Content-Encoding: gzip"),
    "gzip with a bad check": http(200, gzip.compress(IMAGE)[:-8] + b"\0" * 8, "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_answers_are_asked_for_again(surface: str, kind: str) -> None:
    with RawServer([BROKEN[kind], BROKEN[kind], http(200)]) as server:
        answer = get_image(surface, server.url, retries=AT_ONCE)
    assert (answer.value.pk, answer.retries, len(server.asked)) == (1, 2, 3)


@pytest.mark.parametrize("kind", BROKEN)
def test_answers_that_stay_broken_are_one_error_of_ours(surface: str, kind: str) -> None:
    with RawServer([BROKEN[kind]]) as server, pytest.raises((ConnectionFailed, MalformedResponse)) as caught:
        get_image(surface, server.url, retries=Retries(attempts=2, max_wait=0))
    assert isinstance(caught.value, ConnectionFailed | MalformedResponse)
    assert caught.value.retries == 2
    assert len(server.asked) == 3
    assert "after 2 retries" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"null", b"[]", b'"text"', b"{}", b'{"detail": "no"}', b'{"pk": "one"}', b'{"pk": 1, "width": {}}']
)
def test_json_that_is_no_image_is_not_asked_for_again(surface: str, body: bytes) -> None:
    with RawServer([http(200, body)]) as server, pytest.raises(MalformedResponse) as caught:
        get_image(surface, server.url, retries=AT_ONCE)
    assert len(server.asked) == 1
    assert caught.value.retries == 0
    assert caught.value.response.content == body


def caused(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


TRANSIENT = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("connect"),
    httpx.ReadTimeout("read"),
    httpx.WriteTimeout("write"),
    httpx.PoolTimeout("pool"),
    httpx.ReadError("reset"),
    httpx.WriteError("pipe"),
    httpx.CloseError("close"),
    httpx.RemoteProtocolError("no HTTP"),
    httpx.ProxyError("502 Bad Gateway"),
    httpx.DecodingError("gzip"),
    caused(httpx.ConnectError("later"), socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")),
    caused(httpx.ConnectError("eof"), tls_error("UNEXPECTED_EOF_WHILE_READING")),
    caused(httpx.ConnectError("no reason"), ssl.SSLError(1, "as aiohttp's, which has none")),
    caused(httpx.LocalProtocolError("Max outbound streams is 8, 8 open"), h2.exceptions.TooManyStreamsError()),
    h2.exceptions.ProtocolError("as httpcore lets it through"),
]
PERMANENT = [
    httpx.UnsupportedProtocol("gopher"),
    httpx.LocalProtocolError("illegal header"),
    caused(httpx.ConnectError("certificate"), ssl.SSLCertVerificationError(1, "CERTIFICATE_VERIFY_FAILED")),
    caused(httpx.ConnectError("name"), socket.gaierror(socket.EAI_NONAME, "Name or service not known")),
    caused(httpx.ConnectError("name"), caused(OSError("x"), socket.gaierror(socket.EAI_NODATA, "No address"))),
    caused(httpx.ConnectError("tls"), tls_error("WRONG_VERSION_NUMBER")),
]


@pytest.mark.parametrize("error", TRANSIENT, ids=repr)
def test_transient_errors_are_retried(surface: str, error: Exception) -> None:
    assert get_image(surface, "https://host", transport=answering(error, GOOD), retries=AT_ONCE).retries == 1


@pytest.mark.parametrize("error", PERMANENT, ids=repr)
def test_permanent_errors_are_not(surface: str, error: Exception) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        get_image(surface, "https://host", transport=answering(error, GOOD), retries=AT_ONCE)
    assert caught.value.retries == 0
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [error for error in TRANSIENT if isinstance(error, httpx.NetworkError)], ids=repr)
def test_a_transient_error_that_stays_is_told_in_its_own_words(surface: str, error: Exception) -> None:
    """It is not called one of the permanent ones, although it is of their kind."""
    with pytest.raises(ConnectionFailed) as caught:
        get_image(surface, "https://host", transport=answering(error), retries=0)
    assert str(caught.value).endswith(f"/product_images/1/: {error}")


def test_what_a_hook_raises_is_passed_on(surface: str) -> None:
    transport = answering(ZeroDivisionError("in a hook"), GOOD)
    with pytest.raises(ZeroDivisionError):
        get_image(surface, "https://host", transport=transport, retries=AT_ONCE)


# How long


def date(seconds: float) -> str:
    """A date that lies so many seconds ahead, as HTTP writes it."""
    return format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds), usegmt=True)


BACKOFF = 0.5  # the first wait with the longest jitter
RETRY_AFTER: dict[str, tuple[str, float]] = {
    "seconds": ("7", 7),
    "zero is no wish": ("0", BACKOFF),
    "leading zeros": ("007", 7),
    "spaces": (" 7 ", 7),
    "as much as the longest wait": ("60", 60),
    "negative": ("-5", BACKOFF),
    "plus": ("+5", BACKOFF),
    "a fraction": ("1.5", BACKOFF),
    "an exponent": ("1e3", BACKOFF),
    "digits of another script": ("\xb2", BACKOFF),
    "words": ("soon", BACKOFF),
    "empty": ("", BACKOFF),
    "two of them": ("5, 6", BACKOFF),
    "a date in the past": (date(-100), BACKOFF),
    "a date of RFC 850": ("Sunday, 06-Nov-94 08:49:37 GMT", BACKOFF),
    "a date of asctime": ("Sun Nov  6 08:49:37 1994", BACKOFF),
    "a day that no month has": ("Wed, 32 Oct 2099 07:28:00 GMT", BACKOFF),
    "a year beyond every calendar": ("Wed, 21 Oct 99999999999999999999 07:28:00 GMT", BACKOFF),
    "an hour beyond every clock": ("Wed, 21 Oct 2099 99999999999999999999:28:00 GMT", BACKOFF),
    "a zone beyond the world": ("Wed, 21 Oct 2099 07:28:00 +9999", BACKOFF),
    "the first year": ("Mon, 01 Jan 0001 00:00:00 +2359", BACKOFF),
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("kind", RETRY_AFTER)
def test_retry_after(surface: str, waits: list[float], kind: str, status: int) -> None:
    text, wanted = RETRY_AFTER[kind]
    transport = answering(httpx.Response(status, headers=[(b"Retry-After", text.encode("latin-1"))]), GOOD)
    assert get_image(surface, "https://host", transport=transport).retries == 1
    assert waits == [wanted]


BEYOND = {
    "more than the longest wait": ("3600", 3_600),
    "more digits than any number has": ("9" * 400, float("inf")),
    "more digits than Python reads": ("9" * 5_000, float("inf")),
    "a date far ahead": (date(100_000), 100_000),
    "a date of asctime far ahead": ("Sun Nov  6 08:49:37 2094", None),
    "the last year": ("Fri, 31 Dec 9999 23:59:59 -2359", None),
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("kind", BEYOND)
def test_a_retry_after_beyond_the_longest_wait_is_an_error_at_once(
    surface: str, waits: list[float], kind: str, status: int
) -> None:
    text, seconds = BEYOND[kind]
    transport = answering(httpx.Response(status, headers={"Retry-After": text}), GOOD)
    with pytest.raises(RateLimited if status == 429 else ServerError, match="longer than max_wait=60") as caught:
        get_image(surface, "https://host", transport=transport)
    error = caught.value
    assert isinstance(error, RateLimited | ServerError)
    assert (error.retries, waits) == (0, [])
    assert error.retry_after is not None
    assert error.retry_after == pytest.approx(seconds, abs=3_600) if seconds else error.retry_after > 1e9


@pytest.mark.parametrize(("max_wait", "is_longer"), [(0, False), (0.5, True), (6.5, True), (7, False), (8, False)])
@pytest.mark.parametrize("status", [408, 429, 503])
def test_an_error_says_that_the_server_asks_to_wait_longer_than_the_longest_wait(
    surface: str, status: int, max_wait: float, is_longer: bool
) -> None:
    """With 0 nothing is waited for, so that it is no matter of how long."""
    transport = answering(httpx.Response(status, headers={"Retry-After": "7"}))
    with pytest.raises(StatusError) as caught:
        get_image(surface, "https://host", transport=transport, retries=Retries(attempts=0, max_wait=max_wait))
    hint = f". The server asks to wait 7 s, longer than max_wait={max_wait:g}"
    assert str(caught.value).endswith(hint) is is_longer


@pytest.mark.parametrize(
    ("header", "seconds"), [({}, None), ({"Retry-After": "soon"}, None), ({"Retry-After": "7"}, 7)]
)
def test_the_error_says_how_long_the_server_asks_to_wait(
    surface: str, waits: list[float], header: dict[str, str], seconds: float | None
) -> None:
    with pytest.raises(RateLimited) as caught:
        get_image(surface, "https://host", transport=answering(httpx.Response(429, headers=header)), retries=1)
    assert (caught.value.retry_after, caught.value.retries, len(waits)) == (seconds, 1, 1)
    assert pickle.loads(pickle.dumps(caught.value)).retry_after == seconds


def test_retry_after_as_a_date_ahead(surface: str, waits: list[float]) -> None:
    transport = answering(httpx.Response(503, headers={"Retry-After": date(30)}), GOOD)
    get_image(surface, "https://host", transport=transport)
    assert 28 <= waits[0] <= 30


def test_a_date_without_a_zone_is_nothing_to_complain_of(
    surface: str, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    transport = answering(httpx.Response(503, headers={"Retry-After": "Sun Nov  6 08:49:37 2094"}), GOOD)
    get_image(surface, "https://host", transport=transport, retries=Retries(seconds=1e12, max_wait=1e11))
    assert waits[0] > 1e9
    assert {record.name for record in caplog.records if record.levelno >= logging.WARNING} == {"channel_images"}


def test_retry_after_is_not_cut_below_the_longest_wait(surface: str, waits: list[float]) -> None:
    transport = answering(httpx.Response(503, headers={"Retry-After": "500"}), GOOD)
    get_image(surface, "https://host", transport=transport, retries=Retries(seconds=10_000, max_wait=600))
    assert waits == [500]


def test_waits_double_up_to_the_longest(surface: str, waits: list[float]) -> None:
    retries = Retries(attempts=7, max_wait=10)
    with pytest.raises(ServerError):
        get_image(surface, "https://host", transport=answering(httpx.Response(500)), retries=retries)
    assert waits == [0.5, 1, 2, 4, 8, 10, 10]


def test_the_jitter_is_full_even_at_the_longest_wait(
    monkeypatch: pytest.MonkeyPatch, surface: str, waits: list[float]
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: low + (high - low) / 4)
    retries = Retries(attempts=7, max_wait=10)
    with pytest.raises(ServerError):
        get_image(surface, "https://host", transport=answering(httpx.Response(500)), retries=retries)
    assert waits == [wait / 4 for wait in (0.5, 1, 2, 4, 8, 10, 10)]


def test_more_retries_than_a_float_has_doublings(surface: str, waits: list[float]) -> None:
    retries = Retries(attempts=1_100, seconds=1e9)
    with pytest.raises(ServerError) as caught:
        get_image(surface, "https://host", transport=answering(httpx.Response(500)), retries=retries)
    assert caught.value.retries == 1_100
    assert max(waits) == 60


# How often


@pytest.mark.parametrize("attempts", [0, 1, 6])
def test_the_budget_in_attempts(surface: str, attempts: int) -> None:
    with RawServer([http(503, b"", "X-Request-Id: r-7")]) as server, pytest.raises(ServerError) as caught:
        get_image(surface, server.url, retries=Retries(attempts=attempts, max_wait=0))
    error = caught.value
    assert (error.retries, len(server.asked)) == (attempts, attempts + 1)
    assert (error.status_code, error.request_id, error.headers["x-request-id"]) == (503, "r-7", "r-7")


def test_a_number_is_the_number_of_retries(surface: str, waits: list[float]) -> None:
    with pytest.raises(ServerError) as caught:
        get_image(surface, "https://host", transport=answering(httpx.Response(500)), retries=2)
    assert caught.value.retries == len(waits) == 2


@pytest.mark.parametrize("kind", ["status", "body", "error"])
def test_a_wait_beyond_the_budget_is_not_begun(surface: str, waits: list[float], kind: str) -> None:
    outcome: dict[str, httpx.Response | Exception] = {
        "status": httpx.Response(429, headers={"Retry-After": "30"}),
        "body": httpx.Response(200, content=HTML),
        "error": httpx.ConnectError("refused"),
    }
    wanted = {"status": RateLimited, "body": MalformedResponse, "error": ConnectionFailed}[kind]
    retries = Retries(seconds=10, backoff=20)
    with pytest.raises(wanted) as caught:
        get_image(surface, "https://host", transport=answering(outcome[kind]), retries=retries)
    assert getattr(caught.value, "retries") == 0  # noqa: B009 - the three share no class that has it
    assert waits == []


def test_the_budget_in_seconds_counts_the_requests(
    surface: str, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    clock = SimpleNamespace(monotonic=lambda: now, sleep=time.sleep)  # not the one that the loop and the sockets use
    monkeypatch.setattr("channel_images.calls.retries.time", clock)

    def slow(_request: httpx.Request) -> httpx.Response:
        nonlocal now
        now += 4
        return httpx.Response(500)

    with pytest.raises(ServerError) as caught:
        get_image(
            surface, "https://host", transport=httpx.MockTransport(slow), retries=Retries(seconds=10, backoff=0.1)
        )
    assert caught.value.retries == len(waits) == 2  # 4, 8 and 12 seconds: the third wait would begin too late


def test_answers_tell_their_retries(surface: str) -> None:
    with RawServer([http(500), reset, http(200, b""), http(200, IMAGE, "X-Request-Id: r-9")]) as server:
        answer = get_image(surface, server.url, retries=AT_ONCE)
    assert (answer.retries, answer.request_id, answer.status_code) == (3, "r-9", 200)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Retries(attempts=-1),
        lambda: Retries(attempts=1.5),  # type: ignore[arg-type] # users who don't type-check are users too
        lambda: Retries(attempts=True),
        lambda: Retries(seconds=0),
        lambda: Retries(seconds=float("nan")),
        lambda: Retries(backoff=-1),
        lambda: Retries(max_wait="60"),  # type: ignore[arg-type] # as above
        lambda: ChannelImages("https://host", token=TOKEN, retries=-1),
        lambda: ChannelImages("https://host", token=TOKEN, retries=None),  # type: ignore[arg-type] # as above
        lambda: ChannelImages("https://host", token=TOKEN, retries="3"),  # type: ignore[arg-type] # as above
        lambda: ChannelImages("https://host", token=TOKEN, timeout=0),
        lambda: ChannelImages("https://host", token=TOKEN, timeout="5"),  # type: ignore[arg-type] # as above
        lambda: ChannelImages("https://host", token=TOKEN, call_timeout=-1),
        lambda: ChannelImages("https://host", token=TOKEN, call_timeout=float("nan")),
        lambda: ChannelImages("https://host", token=TOKEN, rate_limit=0),
        lambda: ChannelImages("https://host", token=TOKEN, rate_limit=float("nan")),
        lambda: ChannelImages("https://host", token=TOKEN, application="my\nconnector"),
    ],
)
def test_settings_that_make_no_sense(make: object) -> None:
    assert callable(make)
    with pytest.raises(ConfigurationError):
        make()


# What is left behind


@pytest.mark.parametrize("kind", BROKEN)
def test_failed_attempts_leave_no_connection_busy(kind: str) -> None:
    def check(connections: list[object]) -> None:
        assert all(connection.is_idle() or connection.is_closed() for connection in connections)  # type: ignore[attr-defined] # httpcore's
        assert len(connections) <= 1

    with RawServer([BROKEN[kind]] * 3 + [http(200)]) as server:
        with ChannelImages(server.url, token=TOKEN, retries=AT_ONCE) as api:
            api.channel(5).image(1)
            check(pooled(api))

        async def get() -> None:
            async with AsyncChannelImages(server.url, token=TOKEN, retries=AT_ONCE) as api:
                await api.channel(5).image(1)
                check(pooled(api))

        run(get())


def test_statuses_are_retried_on_the_same_connection(surface: str) -> None:
    with RawServer([http(500), http(502, HTML), http(429), http(200)]) as server:
        get_image(surface, server.url, retries=AT_ONCE)
    assert server.connections == 1


# What is said


def test_a_line_for_each_request_and_each_retry(
    surface: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, "channel_images")
    clock = SimpleNamespace(perf_counter=itertools.count(7).__next__, monotonic=time.monotonic)
    monkeypatch.setattr("channel_images.calls.call.time", clock)
    with RawServer([http(503), reset, http(200)]) as server:
        get_image(surface, server.url, retries=AT_ONCE)
        url = f"{server.url}/api/v1/channel/5/product_images/1/"
    said = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "channel_images"]
    assert [level for level, _ in said] == ["DEBUG", "INFO", "DEBUG", "INFO", "DEBUG"]
    debug = [text for level, text in said if level == "DEBUG"]
    info = [text for level, text in said if level == "INFO"]
    assert all(text.startswith(f"GET {url}: ") and text.endswith(", in 1000.0 ms") for text in debug)
    assert [text.partition(":")[0] for text in info] == ["retry 1 of 6 in 0.00 s", "retry 2 of 6 in 0.00 s"]
    assert "503" in info[0]
    assert all(url in text for text in info)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (httpx.Response(503), "the server answered 503 Service Unavailable"),
        (httpx.Response(599), "the server answered 599"),
        (httpx.Response(200, content=HTML), "the server answered 200, and the body is not JSON"),
        (httpx.ReadError("reset by peer"), "reset by peer"),
        (httpx.ReadError(""), "ReadError"),
    ],
    ids=repr,
)
def test_the_line_of_a_retry_says_why(
    surface: str, caplog: pytest.LogCaptureFixture, outcome: httpx.Response | Exception, said: str
) -> None:
    caplog.set_level(logging.INFO, "channel_images")
    get_image(surface, "https://host", transport=answering(outcome, GOOD), retries=AT_ONCE)
    (record,) = [record for record in caplog.records if record.name == "channel_images"]
    assert record.getMessage().endswith(f"/product_images/1/: {said}")


def test_no_line_at_info_without_retries(surface: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "channel_images")
    with RawServer([http(200)]) as server:
        get_image(surface, server.url)
    assert not [record for record in caplog.records if record.name == "channel_images"]


# How fast


def test_the_rate_is_shared_and_even(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("channel_images.calls.retries.time.monotonic", lambda: now)
    rate = RateLimit(4)
    assert [rate.reserve() for _ in range(4)] == [100, 100.25, 100.5, 100.75]
    now = 110.0
    assert [rate.reserve() for _ in range(2)] == [110, 110.25]


def test_places_that_are_given_back_are_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("channel_images.calls.retries.time.monotonic", lambda: now)
    rate = RateLimit(1)
    places = [rate.reserve() for _ in range(6)]
    for place in reversed(places[2:5]):
        rate.give_back(place)
    now = 102.5
    assert [rate.reserve() for _ in range(3)] == [103, 104, 106]  # 102 is over


def test_retries_and_redirects_count_for_the_rate(surface: str, waits: list[float]) -> None:
    redirect = http(301, b"", "Location: /api/v1/channel/5/product_images/1/?again")
    with RawServer([http(500), redirect, http(200)]) as server:
        get_image(surface, server.url, retries=AT_ONCE, rate_limit=0.1)
    paced = [wait for wait in waits if wait > 0]
    assert len(paced) == 2
    assert 9 < paced[0] <= 10
    assert 19 < paced[1] <= 20  # nothing was waited for: the places lie ten seconds apart


def test_waits_for_ones_turn_are_not_counted_for_the_budget(surface: str, waits: list[float]) -> None:
    with RawServer([http(500), http(200)]) as server:
        answer = get_image(surface, server.url, retries=Retries(seconds=5, max_wait=0), rate_limit=0.1)
    assert answer.retries == 1


# How long an answer may take


def drip(connection: socket.socket) -> None:
    head, _, body = http(200, b" " * 100_000 + IMAGE).partition(b"\r\n\r\n")
    connection.sendall(head + b"\r\n\r\n")
    for offset in range(0, len(body), 10):
        connection.sendall(body[offset : offset + 10])
        time.sleep(0.01)  # the server's, to outlast the client: what is tested ends long before


def dripping(start: bytes, part: bytes) -> Callable[[socket.socket], None]:
    """An answer that begins with `start`, and goes on with `part` for longer than any client here waits."""

    def send(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(3_000):
            connection.sendall(part)
            time.sleep(0.01)  # as above

    return send


HEADS = {
    "a header": dripping(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    "informational answers": dripping(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "a chunk extension": dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a"),
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_that_drips_ends_with_the_call_timeout(surface: str, kind: str) -> None:
    with RawServer([HEADS[kind]]) as server, pytest.raises(Timeout) as caught:
        get_image(surface, server.url, retries=Retries(attempts=1, max_wait=0), call_timeout=0.5)
    said = "the whole answer took longer than 0.5 s (after 1 retry); a longer call_timeout= may help"
    assert said in str(caught.value)
    assert len(server.asked) == 2


def test_the_budget_in_seconds_ends_an_attempt(surface: str, silence: RawServer) -> None:
    with pytest.raises(Timeout) as caught:
        get_image(surface, silence.url, retries=Retries(seconds=0.2))
    assert "the request with its retries took longer than 0.2 s; a longer seconds= may help" in str(caught.value)


def wait_for_the_end(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.fixture
def silence() -> Iterator[RawServer]:
    with RawServer([wait_for_the_end]) as server:
        yield server


def test_a_body_that_drips_ends_with_the_call_timeout(surface: str) -> None:
    with RawServer([drip]) as server, pytest.raises(Timeout) as caught:
        get_image(surface, server.url, retries=0, call_timeout=0.1)
    assert "the whole answer took longer than 0.1 s; a longer call_timeout= may help" in str(caught.value)


def test_silence_ends_with_the_timeout(surface: str, silence: RawServer) -> None:
    with pytest.raises(Timeout) as caught:
        get_image(surface, silence.url, retries=1, timeout=httpx.Timeout(0.1, connect=10))
    assert "the answer took longer than 0.1 s (after 1 retry); a longer timeout= may help" in str(caught.value)
    assert len(silence.asked) == 2


def test_silence_ends_with_the_call_timeout_when_that_is_less(surface: str, silence: RawServer) -> None:
    with pytest.raises(Timeout) as caught:
        get_image(surface, silence.url, retries=0, timeout=None, call_timeout=0.1)
    assert "the whole answer took longer than 0.1 s; a longer call_timeout= may help" in str(caught.value)


WAITS: dict[type[httpx.TimeoutException], tuple[str, str]] = {
    httpx.ConnectTimeout: ("connect", "connecting"),
    httpx.PoolTimeout: ("pool", "waiting for a free connection"),
    httpx.WriteTimeout: ("write", "sending"),
    httpx.ReadTimeout: ("read", "the answer"),
}


@pytest.mark.parametrize(
    ("seconds", "option"), [(4, "timeout"), (5, "call_timeout"), (6, "call_timeout"), (None, "call_timeout")]
)
@pytest.mark.parametrize("kind", WAITS)
def test_a_timeout_names_what_took_so_long_and_the_option_that_ended_it(
    surface: str, kind: type[httpx.TimeoutException], seconds: float | None, option: str
) -> None:
    name, what = WAITS[kind]
    what = "the whole answer" if (name, option) == ("read", "call_timeout") else what
    timeout = httpx.Timeout(**{"connect": 1, "read": 1, "write": 1, "pool": 1, name: seconds})
    with pytest.raises(
        Timeout, match=f": {what} took longer than {min(seconds or 5, 5)} s; a longer {option}= may help"
    ):
        get_image(surface, "https://host", transport=answering(kind("")), retries=0, timeout=timeout, call_timeout=5)


def test_a_dripping_answer_is_asked_for_again(surface: str) -> None:
    with RawServer([drip, http(200)]) as server:
        assert get_image(surface, server.url, retries=AT_ONCE, call_timeout=0.2).retries == 1


@pytest.mark.parametrize("never", [None, float("inf")])
def test_no_timeouts_at_all(surface: str, never: float | None) -> None:
    with RawServer([http(200)]) as server:
        assert get_image(surface, server.url, timeout=never, call_timeout=never).value.pk == 1


def test_every_default_is_finite() -> None:
    with ChannelImages("https://host", token=TOKEN) as api:
        assert all(seconds is not None and seconds <= 120 for seconds in api._options.timeouts.values())
        assert (api._options.call_timeout, api._options.max_body) == (120, 32 << 20)


def test_the_statuses_that_are_worth_another_attempt() -> None:
    worth = {status for status in range(400, 601) if is_worth_repeating_status(status)}
    assert worth == {408, 429, *range(500, 600)} - {501}
