"""The token and the password are in no repr, log, error, traceback or pickle."""

import base64
import html
import io
import json
import logging
import pickle
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from rich.console import Console
from rich.traceback import Traceback
from tests.wire import SURFACES, RawServer, Reply, http, reset, run

from channel_images import (
    AsyncChannelImages,
    ChannelImages,
    ChannelImagesError,
    ConfigurationError,
    Retries,
    Settings,
)
from channel_images.calls.failures import causes
from channel_images.calls.secrets import Secret

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
    "text that is not JSON, with an echo": http(200, f"Token {TOKEN} {RENEWED}".encode()),
    "a row with an echo": http(200, {"pk": f"Token {TOKEN} {RENEWED}"}),
    "an echo that is cut off": http(400, {"detail": "x" * 165 + f" Token {TOKEN}"}),
    "a page with an echo that is cut off": http(200, f"<html>{'z' * 40}Token {TOKEN}</html>".encode()),
    "headers with an echo": http(400, {"detail": "No."}, f"X-Token: {TOKEN}", f"X-Request-Id: {TOKEN}"),
    "failed": http(503),
    "redirected": http(302, b"", "Location: https://evil.example/"),
    "redirected without end": http(302, b"", "Location: ?again"),
    "redirected to no URL": http(302, b"", "Location: javascript:alert(1)"),
    "redirected to no URL, with an echo": http(302, b"", f"Location: http://[{TOKEN}/"),
    "redirected to a host that is none, with an echo": http(302, b"", f"Location: http://xn--{TOKEN}-\u00fc/"),
    "an echo in the status line": f"HTTP/1.1 2oo Token {TOKEN}\r\n\r\n".encode(),
    "an echo in the name of a header": http(400, b"{}", f"{TOKEN}: no"),
    "an echo in a header that is none": http(200, b"", f"Token {TOKEN}"),
    "an echo in the length of a body": http(200, b"", f"Content-Length: {TOKEN}"),
    "an echo in the length of a chunk": http(200, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    + f"{TOKEN}\r\n".encode(),
    "an echo in place of HTTP": f"Token {TOKEN}\r\n\r\n".encode(),
    "an echo in the coding": http(200, b"", f"Content-Encoding: gzip, {TOKEN}"),
    "an echo in the charset": http(400, b"x", f"Content-Type: text/plain; charset={TOKEN}"),
    "closed": None,
    "reset": reset,
    "half a head": half_a_head,
}


def inspect(error: ChannelImagesError, secrets: tuple[str, ...] = SECRETS) -> None:
    """Look into every corner of an error."""
    assert_clean(f"{error} {error!r} {vars(error)}", "error", secrets)
    for cause in causes(error):
        assert_clean(f"{cause} {cause!r} {cause.args} {getattr(cause, 'doc', '')!r}", "cause", secrets)
        request = getattr(cause, "_request", None)
        if request is not None:
            assert_clean(f"{request.headers.raw} {request.content}", "request of a cause", secrets)
    response = getattr(error, "response", None)
    if response is not None:
        assert_clean(
            f"{response.request.headers.raw} {response.request.content} {response.extensions}", "request", secrets
        )
        assert_clean(f"{response.content!r} {response.headers.raw} {response.reason_phrase}", "answer", secrets)
        assert_clean(f"{response.text} {response.text!r} {response.url}", "answer", secrets)
        assert response.next_request is None
    assert_clean(pickle.dumps(error).decode("latin-1"), "pickle", secrets)
    assert_clean("".join(traceback.format_exception(error)), "traceback", secrets)
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert_clean("".join(shown.format()), "traceback", secrets)
    assert_clean(f"{getattr(error, 'body', '')!r} {getattr(error, 'value', '')!r}", "body", secrets)


@pytest.fixture
def logs(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Everything that anybody logs, httpx and httpcore included."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "channel_images", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    # httpcore logs the headers of every answer, and any that it cannot read, with what a server echoes in them.
    return lambda: "\n".join(
        f"{record.getMessage()} {record.args!r} {record.exc_text}"
        for record in caplog.records
        if not re.search(r"receive_response_headers.complete|receive_response_\w+.failed", record.getMessage())
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


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04X}" for character in text)


def percent_encoded(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def basic(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def utf_7(text: str) -> bytes:
    """Every character in base64, as no encoder does it."""
    coded = base64.b64encode(text.encode("utf-16-be")).rstrip(b"=")
    return b"bad +" + coded + b"-"


SPELLINGS: dict[str, Callable[[str], Reply]] = {
    "as it is": lambda secret: http(400, {"detail": f"bad {secret}"}),
    "in a list": lambda secret: http(400, {"password": [{"given": secret}]}),
    "as JSON in a text": lambda secret: http(400, json.dumps({"p": secret}).encode(), "Content-Type: text/plain"),
    "as JSON in JSON": lambda secret: http(400, {"detail": json.dumps(secret, ensure_ascii=False)}),
    "in a page": lambda secret: http(400, html.escape(secret).encode(), "Content-Type: text/html; charset=utf-8"),
    "in a redirect": lambda secret: http(302, b"", f"Location: http://evil.example/?t={quote(secret, safe='')}"),
    "as JSON can write any character": lambda secret: http(400, f'{{"detail": "bad {escaped(secret)}"}}'.encode()),
    "as JSON can write any character in JSON": lambda secret: http(
        400, json.dumps({"detail": json.dumps(f"{escaped(secret)}")}).encode()
    ),
    "as Python shows it": lambda secret: http(400, {"detail": repr([secret, secret.encode()])}),
    "as a URL can write any character": lambda secret: http(400, {"detail": f"?q={percent_encoded(secret)}&x"}),
    "as a URL in a URL": lambda secret: http(400, {"detail": quote(quote(secret, safe=""), safe="")}),
    "as a page can write any character": lambda secret: http(
        400, "".join(f"&#{ord(character)};" for character in secret).encode(), "Content-Type: text/html"
    ),
    "as credentials of HTTP": lambda secret: http(400, {"detail": f"Basic {basic('user', secret)}"}),
    "as other credentials of HTTP": lambda secret: http(
        400, {"detail": f"Basic {basic('a', secret)}, {basic('', secret)}"}
    ),
    "in UTF-16": lambda secret: http(400, json.dumps({"p": secret}).encode("utf-16")),
    "in UTF-16 without a mark": lambda secret: http(
        400, f"bad {secret}".encode("utf-16-le"), "Content-Type: text/plain"
    ),
    "in UTF-32": lambda secret: http(400, json.dumps([secret], ensure_ascii=False).encode("utf-32-be")),
    "in UTF-7": lambda secret: http(400, utf_7(secret), "Content-Type: text/plain; charset=utf-7"),
    "in EBCDIC": lambda secret: http(400, f"bad {secret}".encode("cp037"), "Content-Type: text/plain; charset=cp037"),
    "in Latin-1": lambda secret: http(400, secret.encode("latin-1"), "Content-Type: text/plain; charset=latin-1"),
    "in capitals": lambda secret: http(400, {"detail": secret.replace("w", "W").replace("ss", "SS")}),
    "in a row": lambda secret: http(200, f'{{"pk": "bad {escaped(secret)}"}}'.encode()),
    "in a row, as a URL": lambda secret: http(200, {"pk": [{"given": percent_encoded(secret)}]}),
    "in a row in UTF-16": lambda secret: http(200, json.dumps({"pk": secret}).encode("utf-16")),
    "in a row in UTF-16 that is cut off": lambda secret: http(200, json.dumps({"pk": secret}).encode("utf-16")[:-2]),
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
        escaped(ODD),
        percent_encoded(ODD),
        basic("user", ODD)[8:-4],
        *(ODD.encode(coding).decode("latin-1") for coding in ("utf-16-le", "utf-32-be", "cp037", "latin-1")),
    )
    inspect(error, spellings)


@pytest.mark.parametrize("tail", [b'"}]', b'"'])
def test_a_body_too_long_to_be_searched_is_not_shown(surface: str, tail: bytes) -> None:
    """A row that is wrong is named all the same, and what is not JSON is sent for again."""
    content = b'[{"pk": 1}, {"pk": "' + TOKEN.encode() + b"x" * (5 << 20) + tail
    with RawServer([http(200, content)]) as server:
        error: Any = attempt(surface, server.url, {"token": TOKEN, "retries": ONCE_MORE})
        listed: Any = attempt_to_list(server.url)
    inspect(error)
    inspect(listed)
    assert error.response.content == listed.response.content == b"<not shown: a secret may be in it>"
    assert (listed.path, listed.retries) == (("[1].pk", 0) if tail == b'"}]' else ("", 1))


def attempt_to_list(url: str) -> ChannelImagesError:
    with ChannelImages(url, token=TOKEN, retries=ONCE_MORE) as api, pytest.raises(ChannelImagesError) as caught:
        list(api.channel(5).images())
    return caught.value


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


def test_an_answer_behind_a_redirect_with_an_echo(surface: str, options: dict[str, Any]) -> None:
    """The address that the last answer came from is then the server's choice."""

    def reply(asked: Any) -> Reply:
        if asked.method == "POST":
            return http(200, {"key": RENEWED})
        return http(404, {}) if TOKEN in asked.target else http(302, b"", f"Location: ?again={TOKEN}")

    with RawServer(reply) as server:
        error = attempt(surface, server.url, options)
    assert "again=" in str(error)
    inspect(error)


KEY = "k3y-0f-a-gateway"
NAME = "us3r-0f-the-shop"
GIVEN: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a header": ({"headers": {"X-Api-Key": KEY}}, (KEY,)),
    "a header of two words": ({"headers": [("Proxy-Authorization", f"Bearer {KEY}")]}, (KEY,)),
    "a cookie": ({"cookies": {"session": KEY}}, (KEY,)),
    "a cookie in a header": ({"headers": {"Cookie": f"a=1; session={KEY}"}}, (KEY,)),
    "a user name": ({"token": None, "username": NAME, "password": PASSWORD}, (NAME, PASSWORD)),
}


@pytest.mark.parametrize("kind", GIVEN)
def test_what_else_you_give_and_a_server_echoes(surface: str, kind: str, logs: Callable[[], str]) -> None:
    given, secrets = GIVEN[kind]
    echoes = " ".join([*secrets, *map(percent_encoded, secrets), basic(secrets[0], "x")])
    for reply in (
        http(400, {"detail": echoes}, f"X-Echo: {echoes}", f"Set-Cookie: s={secrets[0]}"),
        http(200, {"pk": [echoes]}),
        f"HTTP/1.1 2oo {echoes}\r\n\r\n".encode(),
        http(302, b"", f"Location: http://evil.example/{secrets[0].upper()}"),
    ):
        with RawServer([reply]) as server:
            error = attempt(surface, server.url, {"token": TOKEN, **given, "retries": ONCE_MORE})
        inspect(error, (*SECRETS, *secrets, *map(percent_encoded, secrets), basic(secrets[0], "x")[:-6]))
    del reply, given
    assert_clean(logs(), "log", secrets)


@pytest.mark.parametrize("value", ["k3y-0f-a-gateway\nX: y", "k3y-0f-a-gateway-\u00fc", 5])
def test_a_header_that_cannot_be_sent_is_not_shown(surface: str, value: Any) -> None:
    with RawServer([http(200)]) as server:
        try:
            error: BaseException = attempt(surface, server.url, {"token": TOKEN, "headers": {"X-Api-Key": value}})
        except ChannelImagesError as refused:
            error = refused
    del value
    assert_clean("".join(traceback.format_exception(error)), "traceback", (KEY,))
    assert all(KEY not in str(cause) for cause in causes(error))


PROXY_USER, PROXY_PASSWORD = "pr0xy-user", "pr0xy-pa55word"


@pytest.mark.filterwarnings("ignore:the token for 127.0.0.1 travels in plain text")
@pytest.mark.parametrize("host", ["https://far.example", "http://127.0.0.1:9"])
@pytest.mark.parametrize(
    "reply", [reset, http(407, b"", f"X: {basic(PROXY_USER, PROXY_PASSWORD)}"), b"Basic\r\n\r\n", None]
)
def test_a_proxy(surface: str, host: str, reply: Reply, logs: Callable[[], str]) -> None:
    """Its frames hold its password, and the token, in their variables."""
    secrets = (TOKEN, PROXY_PASSWORD, basic(PROXY_USER, PROXY_PASSWORD)[:-2])
    with RawServer([reply]) as server:
        proxy = server.url.replace("://", f"://{PROXY_USER}:{PROXY_PASSWORD}@")
        error = attempt(surface, host, {"token": TOKEN, "retries": 0, "proxy": proxy})
    assert server.asked
    assert server.asked[0].headers["proxy-authorization"] == f"Basic {basic(PROXY_USER, PROXY_PASSWORD)}"
    del proxy, server
    inspect(error, secrets)
    page = io.StringIO()
    Console(file=page, width=300).print(
        Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True)
    )
    assert_clean(page.getvalue(), "rich traceback", secrets)
    assert_clean(logs(), "log", secrets)


NO_PROXIES = [
    "pr0xy-user:pr0xy-pa55word@host:3128",
    "pr0xy-pa55word",
    "http://pr0xy-user:pr0xy-pa55word@",
    "http://pr0xy-user:pr0xy-pa55word@host:port",
    "http://pr0xy-user:pr0xy-pa55word@[::1",
    "http://pr0xy-user:pr0xy-pa55word@xn--\u00fc-:3128",
    "ftp://pr0xy-user:pr0xy-pa55word@host:3128",
    "//pr0xy-user:pr0xy-pa55word@host:3128",
    "http://pr0xy-user:pr0xy-\x01pa55word@host",
    "socks5://pr0xy-user:pr0xy-pa55word@host",
]


@pytest.mark.parametrize("client", [ChannelImages, AsyncChannelImages])
@pytest.mark.parametrize("given", NO_PROXIES)
def test_a_proxy_that_is_no_url_is_not_shown(client: Any, given: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^proxy= takes a ") as caught:
        client("https://host", token=TOKEN, proxy=given)
    error, parts = caught.value, ("pr0xy", "pa55word")
    del caught, given
    assert_clean(f"{error!r} {error.__context__} {error.__cause__}", "error", parts)
    assert "\n" not in str(error)


@pytest.mark.parametrize("client", [ChannelImages, AsyncChannelImages])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("given", [each for each in NO_PROXIES if "://" in each or "/" in each])
def test_nor_is_one_of_the_environment(client: Any, variable: str, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, given)
    with pytest.raises(ConfigurationError, match=f"^{variable.upper()} in the environment takes a ") as caught:
        client("https://host", token=TOKEN)
    error, parts = caught.value, ("pr0xy", "pa55word")
    del caught, given
    assert_clean(f"{error!r} {error.__context__} {error.__cause__}", "error", parts)
    client("https://host", token=TOKEN, trust_env=False)


def test_a_proxy_of_the_environment_needs_no_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "pr0xy-user:pr0xy-pa55word@127.0.0.1:9")
    error = attempt("sync", "https://far.example", {"token": TOKEN, "retries": 0})
    inspect(error, ("pr0xy-pa55word", TOKEN))


def objects(api: ChannelImages | AsyncChannelImages) -> Iterator[object]:
    channel = api.channel(5)
    yield from (api, channel, channel.images(), channel.inserts(), channel.with_raw_response)
    yield from (api._http, api._options, api._secrets, api._caller, api._caller._tokens, vars(api))
    yield from (
        vars(api._caller),
        vars(api._caller._tokens),
        vars(api._secrets),
        api._http.headers,
        api._options.credentials,
    )


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
