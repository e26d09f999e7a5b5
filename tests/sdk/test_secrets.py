"""The token and the password are in no repr, log, error, traceback or pickle."""

import html
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from rich.console import Console
from rich.traceback import Traceback
from tests.sdk.wire import SURFACES, RawServer, Reply, http, reset, run

from channel_images import AsyncChannelImages, ChannelImages, ChannelImagesError, Retries, Settings
from channel_images.auth import Secret
from channel_images.retries import causes

TOKEN = "tok-5ecret-0f-the-cl1ent"
PASSWORD = "pa55word-0f-the-user"
RENEWED = TOKEN  # what a sign-in gives
SECRETS = (TOKEN, PASSWORD)
ONCE_MORE = Retries(attempts=1, max_wait=0)
HTML = f"<html>Authorization: Token {TOKEN}</html>".encode()


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["token", "sign-in"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"token": TOKEN} if request.param == "token" else {"username": "user", "password": PASSWORD}


def assert_clean(text: str, where: str, secrets: tuple[str, ...] = SECRETS) -> None:
    for secret in secrets:
        assert secret not in text, f"{where}: {text}"


def attempt(surface: str, url: str, options: dict[str, Any]) -> ChannelImagesError:
    """The error of a call, in frames whose variables hold no secret of their own."""
    made = (ChannelImages if surface == "sync" else AsyncChannelImages)(url, **options)
    del options
    if isinstance(made, ChannelImages):
        with made, pytest.raises(ChannelImagesError) as caught:
            made.channel(5).image(1)
        return caught.value

    async def call() -> ChannelImagesError:
        async with made:
            with pytest.raises(ChannelImagesError) as caught:
                await made.channel(5).image(1)
            return caught.value

    return run(call())


def half_a_head(connection: Any) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")


LOGIN_ANSWERS: dict[str, Reply] = {
    "good": http(200, {"key": RENEWED}),
    "cut off": http(200, f'{{"key": "{RENEWED}'.encode()),
    "garbage behind": http(200, f'{{"key": "{RENEWED}"}}'.encode() + b"\xff"),
    "created": http(201, {"key": RENEWED}),
    "another name": http(200, {"token": RENEWED}),
    "with a line break": http(200, {"key": RENEWED + "\n"}),
    "refused with an echo": http(400, {"password": [f"{PASSWORD} is wrong"]}),
    "refused with a page": http(403, b"<html>", "Content-Type: text/html"),
    "redirected": http(307, b"", "Location: https://evil.example/"),
    "redirected with an echo": http(307, b"", f"Location: https://evil.example/?p={PASSWORD}"),
    "failed with an echo": http(500, {"detail": f"{PASSWORD} is wrong"}),
    "reset": reset,
    "half a head": half_a_head,
}
ANSWERS: dict[str, Reply] = {
    "refused": http(401, {"detail": "Invalid token."}),
    "refused with an echo": http(401, {"detail": f"No such token: {TOKEN} {RENEWED}"}),
    "refused with an echo by field": http(400, {TOKEN: [f"Token {RENEWED}"]}),
    "text with an echo": http(400, f"Bad header: Token {TOKEN} {RENEWED}".encode(), "Content-Type: text/plain"),
    "a page with an echo": http(200, HTML, "Content-Type: text/html"),
    "text that is no JSON, with an echo": http(200, f"Token {TOKEN} {RENEWED}".encode()),
    "a row with an echo": http(200, {"pk": f"Token {TOKEN} {RENEWED}"}),
    "an echo that is cut off": http(400, {"detail": "x" * 165 + f" Token {TOKEN}"}),
    "a page with an echo that is cut off": http(200, f"<html>{'z' * 40}Token {TOKEN}</html>".encode()),
    "headers with an echo": http(400, {"detail": "No."}, f"X-Token: {TOKEN}", f"X-Request-Id: {TOKEN}"),
    "failed": http(503),
    "redirected": http(302, b"", "Location: https://evil.example/"),
    "redirected without end": http(302, b"", "Location: ?again"),
    "redirected to no URL": http(302, b"", "Location: javascript:alert(1)"),
    "closed": None,
    "reset": reset,
    "half a head": half_a_head,
}


def inspect(error: ChannelImagesError, secrets: tuple[str, ...] = SECRETS) -> None:
    """Look into every corner of an error."""
    assert_clean(f"{error} {error!r} {vars(error)}", "error", secrets)
    for cause in causes(error):
        assert_clean(f"{cause} {getattr(cause, 'doc', '')!r}", "cause", secrets)
        request = getattr(cause, "_request", None)
        if request is not None:
            assert_clean(f"{request.headers.raw} {request.content}", "request of a cause", secrets)
    response = getattr(error, "response", None)
    if response is not None:
        assert_clean(
            f"{response.request.headers.raw} {response.request.content} {response.extensions}", "request", secrets
        )
        assert_clean(f"{response.content!r} {response.headers.raw} {response.reason_phrase}", "answer", secrets)
        assert response.next_request is None
    assert_clean(pickle.dumps(error).decode("latin-1"), "pickle", secrets)
    if not isinstance(error.__cause__, httpx.InvalidURL):  # the repr of a URL that is none fails in httpx
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert_clean("".join(shown.format()), "traceback", secrets)


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Everything that anybody logs, httpx and httpcore included."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "httpx_retries", "channel_images", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    # httpcore logs the headers of every answer, with what a server echoes in them.
    return lambda: "\n".join(
        f"{record.getMessage()} {record.args!r} {record.exc_text}"
        for record in caplog.records
        if "receive_response_headers.complete" not in record.getMessage()
    )


@pytest.mark.parametrize("kind", ANSWERS)
def test_answers(surface: str, options: dict[str, Any], kind: str, logs: Callable[[], str]) -> None:
    login = http(200, {"key": RENEWED})
    with RawServer(lambda asked: login if asked.method == "POST" else ANSWERS[kind]) as server:
        error = attempt(surface, server.url, options | {"retries": ONCE_MORE})
    inspect(error)
    assert_clean(logs(), "log")


@pytest.mark.parametrize("kind", [kind for kind in LOGIN_ANSWERS if kind != "good"])
def test_sign_ins(surface: str, kind: str, logs: Callable[[], str]) -> None:
    with RawServer([LOGIN_ANSWERS[kind]]) as server:
        error = attempt(surface, server.url, {"username": "user", "password": PASSWORD, "retries": ONCE_MORE})
    inspect(error)
    assert_clean(logs(), "log")


ODD = 'p"a\\ss  w\u00f6rd & <SECRET>+/=~'
SPELLINGS: dict[str, Callable[[str], Reply]] = {
    "as it is": lambda secret: http(400, {"detail": f"bad {secret}"}),
    "in a list": lambda secret: http(400, {"password": [{"given": secret}]}),
    "as JSON in a text": lambda secret: http(400, json.dumps({"p": secret}).encode(), "Content-Type: text/plain"),
    "as JSON in JSON": lambda secret: http(400, {"detail": json.dumps(secret, ensure_ascii=False)}),
    "in a page": lambda secret: http(400, html.escape(secret).encode(), "Content-Type: text/html; charset=utf-8"),
    "in a redirect": lambda secret: http(302, b"", f"Location: http://evil.example/?t={quote(secret, safe='')}"),
    "in a form": lambda secret: http(400, urlencode({"p": secret}).lower().encode(), "Content-Type: text/plain"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_in_whatever_spelling(surface: str, spelling: str) -> None:
    with RawServer([SPELLINGS[spelling](ODD)]) as server:
        error = attempt(surface, server.url, {"username": "user", "password": ODD, "retries": 0})
    spellings = (
        ODD,
        " ".join(ODD.split()),
        repr(ODD)[1:-1],
        json.dumps(ODD)[1:-1],
        html.escape(ODD),
        quote(ODD, safe=""),
    )
    inspect(error, spellings)


def test_a_client_that_could_not_be_made_can_be_shown() -> None:
    for client in (ChannelImages, AsyncChannelImages):
        with pytest.raises(ChannelImagesError) as caught:
            client("ftp://host", token=TOKEN)
        traceback.TracebackException.from_exception(caught.value, capture_locals=True)


def test_tracebacks_as_rich_shows_them(options: dict[str, Any]) -> None:
    with RawServer(lambda asked: http(200, {"key": RENEWED}) if asked.method == "POST" else reset) as server:
        error = attempt("sync", server.url, options | {"retries": 0})
    page = io.StringIO()
    Console(file=page, width=300).print(
        Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True)
    )
    assert_clean(page.getvalue(), "rich traceback")


def test_no_connection_at_all(surface: str, options: dict[str, Any], logs: Callable[[], str]) -> None:
    with RawServer([None]) as server:
        url = server.url
    error = attempt(surface, url, options | {"retries": ONCE_MORE})
    inspect(error)
    assert_clean(logs(), "log")


def test_a_broken_connection_behind_a_redirect(surface: str, options: dict[str, Any]) -> None:
    """The request that follows a redirect is another one than the first."""

    def reply(asked: Any) -> Reply:
        if asked.method == "POST":
            return http(200, {"key": RENEWED})
        return None if "again" in asked.target else http(302, b"", "Location: ?again")

    with RawServer(reply) as server:
        inspect(attempt(surface, server.url, options | {"retries": ONCE_MORE}))


def objects(api: ChannelImages | AsyncChannelImages) -> Iterator[object]:
    channel = api.channel(5)
    yield from (api, channel, channel.images(), channel.inserts(), channel.with_raw_response)
    yield from (api._http, api._tokens, api._given_token, api._credentials, api._sender, api._retry, vars(api))
    yield from (vars(api._tokens), api._http.headers, vars(api._retry))


@pytest.mark.parametrize("client", [ChannelImages, AsyncChannelImages])
def test_reprs(client: Any, options: dict[str, Any]) -> None:
    for thing in objects(client("https://host", **options)):
        assert_clean(f"{thing!r} {thing!s}", type(thing).__name__)


def test_good_answers_keep_no_token(options: dict[str, Any], logs: Callable[[], str]) -> None:
    login = http(200, {"key": RENEWED})
    with RawServer(lambda asked: login if asked.method == "POST" else http(200)) as server:
        with ChannelImages(server.url, **options) as api:
            answer = api.channel(5).with_raw_response.image(1)

        async def get() -> Any:
            async with AsyncChannelImages(server.url, **options) as api:
                return await api.channel(5).with_raw_response.image(1)

        for each in (answer, run(get())):
            assert "authorization" not in each.response.request.headers
            assert_clean(f"{each!r} {each.response.extensions!r} {each.response.request.extensions!r}", "answer")
            assert_clean(pickle.dumps(each.response).decode("latin-1"), "pickle")
    assert_clean(logs(), "log")


def test_settings_show_neither() -> None:
    settings = Settings.from_env({"CHANNEL_IMAGES_URL": "https://h", "CHANNEL_IMAGES_TOKEN": TOKEN})
    assert_clean(f"{settings!r} {settings}", "settings")
    settings = Settings.from_env(
        {"OMNITRON_URL": "https://h", "OMNITRON_USERNAME": "user", "OMNITRON_PASSWORD": PASSWORD}
    )
    assert_clean(f"{settings!r} {settings}", "settings")


def test_a_secret_is_not_pickled_or_shown() -> None:
    secret = Secret(TOKEN)
    assert_clean(f"{secret!r} {secret!s}", "secret")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
