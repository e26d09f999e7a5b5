"""Tokens: sign-in, renewal, refusal; and where a token goes."""

import asyncio
import json
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from tests.wire import IMAGE, SURFACES, TOKEN, Asked, RawServer, Reply, get_image, http, list_pks, run

from channel_images import (
    AsyncChannelImages,
    BadRequest,
    ChannelImages,
    ChannelImagesError,
    ConfigurationError,
    ConnectionFailed,
    InsecureConnectionWarning,
    MalformedResponse,
    NotAuthenticated,
    PermissionDenied,
    RateLimited,
    Retries,
    ServerError,
    StatusError,
)
from channel_images.mock import MockServer

AT_ONCE = Retries(max_wait=0)
CREDENTIALS: Any = {"username": "mock", "password": "mock"}
LOGIN = "/api/v1/auth/login/"
IMAGE_PATH = "/api/v1/channel/5/product_images/1/"
VARIABLES = [
    f"{prefix}_{name}"
    for prefix in ("CHANNEL_IMAGES", "OMNITRON")
    for name in ("URL", "TOKEN", "USERNAME", "PASSWORD", "CHANNEL", "CHANNEL_ID")
]


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer(images=200) as server:
        yield server


class Door:
    """A service whose tokens expire when it is told, and that hands out new ones.

    Args:
        takes: Whether it takes the token with this number; 0 is the first that a sign-in gives.
    """

    def __init__(self, takes: Callable[[int], bool] = lambda _number: True) -> None:
        self._takes = takes
        self._lock = threading.Lock()
        self.given = 0
        self.least = 0
        self.expire_after: int | None = None
        self.answered = 0

    def __call__(self, asked: Asked) -> Reply:
        with self._lock:
            if asked.target == LOGIN:
                self.given += 1
                return http(200, {"key": f"key-{self.given - 1}"})
            number = int(asked.headers["authorization"].removeprefix("Token key-"))
            if not self._takes(number) or number < self.least:
                return http(401, {"detail": "Invalid token."})
            self.answered += 1
            if self.answered == self.expire_after:
                self.least = self.given
            return http(200)


def many(surface: str, url: str, calls: int, **options: Any) -> list[object]:
    """So many calls at a time with one client; what each came to."""
    if surface == "sync":
        barrier = threading.Barrier(calls)
        with ChannelImages(url, **options) as api, ThreadPoolExecutor(calls) as threads:

            def call(_number: int) -> object:
                barrier.wait()
                try:
                    return api.channel(5).image(1)
                except Exception as error:  # noqa: BLE001 - looked at by the test
                    return error

            return list(threads.map(call, range(calls)))

    async def main() -> list[object]:
        async with AsyncChannelImages(url, **options) as api:
            return list(await asyncio.gather(*(api.channel(5).image(1) for _ in range(calls)), return_exceptions=True))

    return run(main())


def signed_in(server: RawServer) -> int:
    return sum(asked.target == LOGIN for asked in server.asked)


def test_sixteen_at_once_sign_in_once(surface: str) -> None:
    with RawServer(Door()) as server:
        outcomes = many(surface, server.url, 16, **CREDENTIALS)
        assert signed_in(server) == 1
    assert [getattr(outcome, "pk", outcome) for outcome in outcomes] == [1] * 16
    (login,) = [asked for asked in server.asked if asked.target == LOGIN]
    assert (login.method, json.loads(login.body)) == ("POST", CREDENTIALS)
    assert "authorization" not in login.headers


def test_sixteen_whose_token_expires_renew_it_once(surface: str) -> None:
    with RawServer(Door(takes=lambda number: number > 0)) as server:
        outcomes = many(surface, server.url, 16, **CREDENTIALS)
        assert signed_in(server) == 2
    assert [getattr(outcome, "pk", outcome) for outcome in outcomes] == [1] * 16


def test_a_refused_renewal_is_no_loop(surface: str) -> None:
    with RawServer(Door(takes=lambda _number: False)) as server, pytest.raises(NotAuthenticated, match="Invalid token"):
        get_image(surface, server.url, **CREDENTIALS)
    assert [asked.target for asked in server.asked] == [LOGIN, IMAGE_PATH, LOGIN, IMAGE_PATH]


def test_sixteen_refused_renewals_are_no_loop_either(surface: str) -> None:
    with RawServer(Door(takes=lambda _number: False)) as server:
        outcomes = many(surface, server.url, 16, **CREDENTIALS)
    assert {type(outcome) for outcome in outcomes} == {NotAuthenticated}
    assert len(server.asked) <= 16 * 4


def test_a_token_that_is_given_is_not_renewed(surface: str, server: MockServer) -> None:
    with pytest.raises(NotAuthenticated, match=r"Invalid token\. The token is wrong or has expired") as caught:
        get_image(surface, server.url, token="wrong")
    assert len(server.requests) == 1
    assert caught.value.headers["www-authenticate"] == "Token"


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_are_sent_once(surface: str, status: int) -> None:
    with RawServer([http(status, {"non_field_errors": ["Unable to log in."]})]) as server:
        outcomes = many(surface, server.url, 16, **CREDENTIALS)
    assert {type(outcome) for outcome in outcomes} == {NotAuthenticated}
    assert "refuses to sign in with this user name and password" in str(outcomes[0])
    assert "Unable to log in." in str(outcomes[0])
    assert len(server.asked) == 1  # to try again might lock the account


FORBIDDEN = {
    "a CSRF token": http(403, {"detail": "CSRF Failed: CSRF cookie not set."}),
    "a page about a CSRF token": http(
        403, b"<html><title>403 Forbidden</title><p>CSRF verification failed.</p></html>", "Content-Type: text/html"
    ),
    "a throttle": http(403, {"detail": "Request was throttled."}),
    "a throttle that says until when": http(403, {"detail": "Later."}, "Retry-After: 600"),
    "a lock": http(403, {"detail": "Account locked: too many login attempts."}),
    "a lock with 400": http(400, {"non_field_errors": ["This account is locked."]}),
}


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_a_sign_in_that_is_forbidden_for_another_reason_is_no_refused_password(surface: str, kind: str) -> None:
    def reply(asked: Asked) -> Reply:
        if asked.target != LOGIN:
            return http(200)
        return FORBIDDEN[kind] if asked.number == 0 else http(200, {"key": "key-0"})

    with RawServer(reply) as server:
        outcomes = calls(surface, server.url, [1, 1], lambda: None, **CREDENTIALS)
    assert outcomes == [BadRequest if "400" in kind else PermissionDenied, 1]


class Guarded:
    """A service behind Django's sessions: a sign-in sets a session cookie, and one that brings a session needs more.

    Its tokens expire when it is told, and it says so with 403, as Django REST framework does where sessions come first.
    """

    def __init__(self, forbidden: str = "") -> None:
        self.given = 0
        self.least = 1
        self._forbidden = forbidden  # a path that no token may see

    def __call__(self, asked: Asked) -> Reply:
        if asked.target == LOGIN:
            if "sessionid" in asked.headers.get("cookie", ""):
                return http(403, {"detail": "CSRF Failed: CSRF token missing."})
            self.given += 1
            return http(200, {"key": f"key-{self.given}"}, f"Set-Cookie: sessionid={self.given}; Path=/")
        if asked.target == self._forbidden:
            return http(403, {"detail": "You do not have permission to perform this action."})
        if int(asked.headers["authorization"].removeprefix("Token key-")) < self.least:
            return http(403, {"detail": "Invalid token."})
        return http(200)


def calls(surface: str, url: str, pks: list[int], between: Callable[[], None], **options: Any) -> list[object]:
    """One call after the other with one client; what each came to."""
    outcomes: list[object] = []
    if surface == "sync":
        with ChannelImages(url, **options) as api:
            for pk in pks:
                try:
                    outcomes.append(api.channel(5).image(pk).pk)
                except ChannelImagesError as error:
                    outcomes.append(type(error))
                between()
        return outcomes

    async def main() -> None:
        async with AsyncChannelImages(url, **options) as api:
            for pk in pks:
                try:
                    outcomes.append((await api.channel(5).image(pk)).pk)
                except ChannelImagesError as error:
                    outcomes.append(type(error))
                between()

    run(main())
    return outcomes


def test_a_sign_in_brings_no_cookie_of_the_session_before(surface: str) -> None:
    door = Guarded()

    def expire() -> None:
        door.least = door.given + 1

    with RawServer(door) as server:
        gateway = {"cookies": {"gateway": "g-1"}}
        assert calls(surface, server.url, [1, 1, 1], expire, **CREDENTIALS, **gateway) == [1, 1, 1]
    logins = [asked.headers.get("cookie") for asked in server.asked if asked.target == LOGIN]
    assert logins == ["gateway=g-1"] * 3  # a cookie that you give goes with each request
    assert server.asked[-1].headers["cookie"] == "gateway=g-1; sessionid=3"


def test_what_is_forbidden_to_a_new_token_too_is_no_reason_to_sign_in_again(surface: str) -> None:
    forbidden = IMAGE_PATH.replace("/1/", "/2/")
    with RawServer(Guarded(forbidden)) as server:
        outcomes = calls(surface, server.url, [1, 2, 1, 2, 2, 1, 2], lambda: None, **CREDENTIALS)
        assert signed_in(server) == 2
    assert outcomes == [1, PermissionDenied, 1, PermissionDenied, PermissionDenied, 1, PermissionDenied]


def test_a_channel_that_is_forbidden_does_not_hide_that_a_token_has_expired(surface: str) -> None:
    """The server has the same words for both."""
    least, given = 1, 0

    def reply(asked: Asked) -> Reply:
        nonlocal given
        if asked.target == LOGIN:
            given += 1
            return http(200, {"key": f"key-{given}"})
        is_expired = int(asked.headers["authorization"].removeprefix("Token key-")) < least
        return http(403, {"detail": "Forbidden"}) if is_expired or "/channel/9/" in asked.target else http(200)

    def sync(url: str) -> list[object]:
        nonlocal least
        with ChannelImages(url, **CREDENTIALS) as api:
            for _ in range(3):
                with pytest.raises(PermissionDenied):
                    api.channel(9).image(1)
            least = 2
            return [api.channel(5).image(1).pk]

    async def main(url: str) -> list[object]:
        nonlocal least
        async with AsyncChannelImages(url, **CREDENTIALS) as api:
            for _ in range(3):
                with pytest.raises(PermissionDenied):
                    await api.channel(9).image(1)
            least = 2
            return [(await api.channel(5).image(1)).pk]

    with RawServer(reply) as door:
        assert (sync(door.url) if surface == "sync" else run(main(door.url))) == [1]
    assert given == 2


def test_a_token_that_is_given_is_forbidden_once(surface: str) -> None:
    with RawServer([http(403, {"detail": "Invalid token."})]) as server, pytest.raises(PermissionDenied):
        get_image(surface, server.url)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [(http(503), ServerError), (http(429), RateLimited), (None, ConnectionFailed), (http(404), StatusError)],
    ids=["503", "429", "closed", "404"],
)
def test_a_sign_in_that_fails_fails_for_all_that_wait(surface: str, reply: Reply, error: type[Exception]) -> None:
    with RawServer([reply]) as server:
        outcomes = many(surface, server.url, 16, retries=Retries(attempts=1, max_wait=0), **CREDENTIALS)
    assert all(isinstance(outcome, error) for outcome in outcomes)
    if surface == "async":  # threads may come to wait only after the first has failed
        assert len(server.asked) <= 2


def test_a_sign_in_that_failed_is_tried_again_by_the_next_call() -> None:
    with (
        RawServer([http(503), http(200, {"key": "key-1"}), http(200)]) as server,
        ChannelImages(server.url, retries=0, **CREDENTIALS) as api,
    ):
        with pytest.raises(ServerError):
            api.channel(5).image(1)
        assert api.channel(5).image(1).pk == 1


def test_a_sign_in_is_retried(surface: str) -> None:
    answers = [http(502), None, http(200, b"<html>"), http(200, {"key": "key-1"}), http(200)]
    with RawServer(answers) as server:
        assert get_image(surface, server.url, retries=AT_ONCE, **CREDENTIALS).value.pk == 1
    assert signed_in(server) == 4
    assert server.asked[-1].headers["authorization"] == "Token key-1"


@pytest.mark.parametrize(
    "body", [[], None, {}, {"token": "abc"}, {"key": None}, {"key": 7}, {"key": ""}, {"key": "a\nb"}, {"key": " x"}]
)
def test_sign_ins_that_give_no_token(surface: str, body: object) -> None:
    with RawServer([http(200, body)]) as server, pytest.raises(MalformedResponse, match="key is not the token"):
        get_image(surface, server.url, retries=AT_ONCE, **CREDENTIALS)
    assert len(server.asked) == 1


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_token_that_expires_mid_listing(surface: str, concurrency: int, server: MockServer) -> None:
    server.fault("401:skip=5:first=1")
    pks = list_pks(surface, server.url, concurrency=concurrency, **CREDENTIALS)
    assert len(pks) == len(set(pks)) == 200
    assert sum(request.path == LOGIN for request in server.requests) == 2


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_token_that_is_refused_for_good_mid_listing(surface: str, concurrency: int, server: MockServer) -> None:
    server.fault("401:skip=5")
    with pytest.raises(NotAuthenticated):
        list_pks(surface, server.url, concurrency=concurrency, **CREDENTIALS)
    assert len(server.requests) < 5 + 4 * concurrency + 2


def test_the_budget_of_a_call_is_not_begun_anew_by_a_renewal(surface: str) -> None:
    asked = [http(200, {"key": "key-0"}), http(500), http(401), http(200, {"key": "key-1"}), http(500), http(500)]
    with RawServer(asked) as server, pytest.raises(ServerError) as caught:
        get_image(surface, server.url, retries=Retries(attempts=2, max_wait=0), **CREDENTIALS)
    assert caught.value.retries == 2
    assert len(server.asked) == 6


# What is given


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"token": ""},
        {"token": "a\nb"},
        {"token": " a"},
        {"token": "tök"},
        {"token": 7},
        {"token": b"abc"},
        {"username": "u"},
        {"password": "p"},
        {"username": "u", "password": ""},
        {"username": "u", "password": 7},
        {"username": "u", "password": "\udcff"},
        {"token": "t", "username": "u", "password": "p"},
        {"token": "t", "password": "p"},
        {"token": "t", "auth": ("u", "p")},
        {"token": "t", "follow_redirects": True},
    ],
)
@pytest.mark.parametrize("client", [ChannelImages, AsyncChannelImages])
def test_contradictions_are_refused(client: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        client("https://host", **options)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "host:8000",
        "ftp://host",
        "https://",
        "https://host?x=1",
        "https://host/#x",
        "https://host:port",
        None,
        7,
    ],
)
def test_base_urls_that_are_none(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="base URL"):
        ChannelImages(url, token=TOKEN)


@pytest.mark.parametrize(
    "url", ["https://u:s3cret@host", "u:s3cret@host", "https://u:s3#cret@host", "https://u:s3cret@h:x"]
)
def test_a_password_in_the_base_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="user name or a password") as caught:
        ChannelImages(url, token=TOKEN)
    assert "s3" not in str(caught.value)


PLAIN = {
    "http://example.com": True,
    "http://192.0.2.1:8000": True,
    "http://[2001:db8::1]": True,
    "http://localhost.example.com": True,
    "http://127.0.0.1": False,
    "http://127.9.9.9": False,
    "http://[::1]:8000": False,
    "http://localhost": False,
    "http://api.localhost": False,
    "https://example.com": False,
}


@pytest.mark.parametrize("url", PLAIN)
@pytest.mark.parametrize("client", [ChannelImages, AsyncChannelImages])
def test_plain_http_is_warned_of(client: Any, url: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client(url, token=TOKEN)
    assert [warning.category for warning in caught] == [InsecureConnectionWarning] * PLAIN[url]
    assert all(warning.filename == __file__ for warning in caught)


ENVIRONMENTS: dict[str, tuple[dict[str, str], str | None]] = {
    "ours": ({"CHANNEL_IMAGES_URL": "https://a", "CHANNEL_IMAGES_TOKEN": "t"}, "https://a"),
    "the incumbent's": (
        {"OMNITRON_URL": "https://b/", "OMNITRON_USERNAME": "u", "OMNITRON_PASSWORD": "p"},
        "https://b",
    ),
    "ours first": (
        {"OMNITRON_URL": "https://b", "CHANNEL_IMAGES_URL": "https://a", "CHANNEL_IMAGES_TOKEN": "t"},
        "https://a",
    ),
    "a token before a sign-in": (
        {
            "CHANNEL_IMAGES_URL": "https://a",
            "CHANNEL_IMAGES_TOKEN": "t",
            "OMNITRON_USERNAME": "u",
            "OMNITRON_PASSWORD": "p",
        },
        "https://a",
    ),
    "empty is unset": (
        {"CHANNEL_IMAGES_URL": "", "OMNITRON_URL": "https://b", "CHANNEL_IMAGES_TOKEN": "t"},
        "https://b",
    ),
    "no server": ({"CHANNEL_IMAGES_TOKEN": "t"}, None),
    "no token": ({"CHANNEL_IMAGES_URL": "https://a"}, None),
    "no password": ({"CHANNEL_IMAGES_URL": "https://a", "CHANNEL_IMAGES_USERNAME": "u"}, None),
    "a channel that is none": (
        {"CHANNEL_IMAGES_URL": "https://a", "CHANNEL_IMAGES_TOKEN": "t", "CHANNEL_IMAGES_CHANNEL": "x"},
        None,
    ),
}


@pytest.mark.parametrize("kind", ENVIRONMENTS)
@pytest.mark.parametrize("client", [ChannelImages, AsyncChannelImages])
def test_the_environment(client: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment, url = ENVIRONMENTS[kind]
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if url is None:
        with pytest.raises(ConfigurationError):
            client.from_env()
    else:
        api = client.from_env(timeout=3, retries=2, application="connector/1")
        assert api.base_url == url
        assert api._http.headers["User-Agent"].startswith("connector/1 channel-images/")


def test_a_client_from_the_environment_signs_in(monkeypatch: pytest.MonkeyPatch, server: MockServer) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMNITRON_URL", server.url)
    monkeypatch.setenv("OMNITRON_USERNAME", "mock")
    monkeypatch.setenv("OMNITRON_PASSWORD", "mock")
    with ChannelImages.from_env() as api:
        assert api.channel(5).images().count() == 200


# Redirects


SELF = "https://host"
REDIRECTS: dict[str, tuple[str, str | None]] = {
    "with the slash that was missing": (f"{IMAGE_PATH}x/", None),
    "absolute, within the origin": (f"{SELF}{IMAGE_PATH}x/", None),
    "with the port of the scheme": ("https://host:443/x/", None),
    "a user name within the origin": ("https://mallory:pw@host/x/", None),
    "another host": ("https://evil.example/x/", "another origin"),
    "another host, without its scheme": ("//evil.example/x/", "another origin"),
    "another port": ("https://host:8443/x/", "another origin"),
    "from HTTPS to HTTP": ("http://host/x/", "another origin"),
    "another host that begins alike": ("https://host.evil.example/x/", "another origin"),
    "the host as a user name": ("https://host@evil.example/x/", "another origin"),
    "a backslash, which httpx takes for a user name": ("https://evil.example\\@host/x/", None),
}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("kind", REDIRECTS)
def test_redirects(surface: str, kind: str, status: int) -> None:
    location, refusal = REDIRECTS[kind]
    asked: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(httpx.Request(request.method, request.url, headers=request.headers))
        return (
            httpx.Response(200, content=IMAGE)
            if len(asked) > 1
            else httpx.Response(status, headers={"Location": location})
        )

    transport = httpx.MockTransport(handle)
    if refusal is None:
        assert get_image(surface, SELF, transport=transport).value.pk == 1
        assert {(request.url.host, request.url.userinfo) for request in asked} == {("host", b"")}
        assert [request.headers["authorization"] for request in asked] == [f"Token {TOKEN}"] * 2
    else:
        with pytest.raises(StatusError, match=refusal) as caught:
            get_image(surface, SELF, transport=transport)
        assert len(asked) == 1
        assert caught.value.status_code == status


@pytest.mark.parametrize("location", ["javascript:alert(1)", "https://host:port/", "http://[::1", "/" + "x" * 70_000])
def test_redirects_to_what_is_no_url(surface: str, location: str) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(302, headers={"Location": location}))
    with pytest.raises((StatusError, ConnectionFailed), match=r"not a URL|Invalid URL|another origin"):
        get_image(surface, SELF, transport=transport, retries=AT_ONCE)


def test_redirects_without_end(surface: str) -> None:
    server = RawServer([http(301, b"", f"Location: {IMAGE_PATH}")])
    with server, pytest.raises(StatusError, match="redirects without end"):
        get_image(surface, server.url, retries=AT_ONCE)
    assert len(server.asked) == 6


def test_redirects_that_lead_nowhere(surface: str) -> None:
    with RawServer([http(302, b"")]) as server, pytest.raises(StatusError, match="answered 302"):
        get_image(surface, server.url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/elsewhere/", "https://evil.example/"])
def test_a_sign_in_is_never_sent_on(surface: str, status: int, location: str) -> None:
    server = RawServer([http(status, b"", f"Location: {location}")])
    with server, pytest.raises(StatusError, match="redirects to") as caught:
        get_image(surface, server.url, **CREDENTIALS)
    assert [asked.target for asked in server.asked] == [LOGIN]
    assert "without end" not in str(caught.value)


def test_the_missing_slash_of_a_real_service(surface: str, server: MockServer) -> None:
    """The clients' own paths have it; a proxy may take it away."""

    def without_slash(request: httpx.Request) -> None:
        if request.url.path.endswith("/1/"):
            request.url = request.url.copy_with(path=request.url.path.rstrip("/"))

    async def also(request: httpx.Request) -> None:
        without_slash(request)

    seen = len(server.requests)
    hooks = {"request": [without_slash if surface == "sync" else also]}
    with pytest.raises(StatusError):
        get_image(surface, server.url, token=server.token, event_hooks=hooks)
    assert server.requests[seen].status in (301, 302, 307, 308)
