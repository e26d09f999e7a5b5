"""What the environment says of proxies and certificates: understood where it can be, or refused in one line."""

import os
import subprocess
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st
from tests.cli.conftest import invoke
from tests.wire import IMAGE, SURFACES, TOKEN, RawServer, get_image, http

from channel_images import (
    AsyncChannelImages,
    ChannelImages,
    ChannelImagesError,
    ConfigurationError,
    ConnectionFailed,
    InsecureConnectionWarning,
    MalformedResponse,
    StatusError,
)
from channel_images.calls.environment import connection_options
from channel_images.mock import MockServer
from channel_images.pytest_plugin import ChannelImagesMock

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_DIR", "SSLKEYLOGFILE")
HTML = b"<html><body>ERR_CONNECT_FAIL</body></html>"
CLIENTS = (ChannelImages, AsyncChannelImages)

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing yet but whose certificates to trust: see conftest.py."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.fixture
def proxy() -> Iterator[RawServer]:
    """A proxy that reaches no server."""
    with RawServer([http(503, HTML, "Content-Type: text/html")]) as server:
        yield server


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in this process."""
    done = invoke(arguments, os.environ | {"CHANNEL_IMAGES_TOKEN": TOKEN} | environment)
    return subprocess.CompletedProcess(arguments, *done)


# The password of a proxy


@pytest.mark.parametrize(
    ("credentials", "user", "password"),
    [
        ("user:p@ss#w%rd", "user", "p@ss#w%rd"),
        ("user:p/ss?w=rd&x", "user", "p/ss?w=rd&x"),
        ("user:p%40ss%23", "user", "p@ss#"),
        ("user:50%25", "user", "50%"),
        ("user:a:b://c@", "user", "a:b://c@"),
        ("us er:[pw]", "us er", "[pw]"),
        ("DOMAIN\\user:pä\\ss", "DOMAIN\\user", "pä\\ss"),
        ("user", "user", ""),
        (":password", "", "password"),
    ],
)
@pytest.mark.parametrize("scheme", ["http://", "HTTP://", ""])
def test_special_characters_in_the_password_of_a_proxy(
    credentials: str, user: str, password: str, scheme: str, proxy: RawServer, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("HTTPS_PROXY", f" {scheme}{credentials}@127.0.0.1:{proxy.port}/ ")
    with pytest.raises(ConnectionFailed) as caught:
        get_image("sync", "https://far.example", retries=0)
    basic = b64encode(f"{user}:{password}".encode()).decode()
    assert (proxy.asked[0].method, proxy.asked[0].target) == ("CONNECT", "far.example:443")
    assert proxy.asked[0].headers["proxy-authorization"] == f"Basic {basic}"
    assert f"(through the proxy http://127.0.0.1:{proxy.port}, of HTTPS_PROXY)" in str(caught.value)


def test_the_same_on_the_command_line(proxy: RawServer) -> None:
    given = f"http://user:p@ss#w%rd@127.0.0.1:{proxy.port}"
    from_option = command("image", "5", "1", "--url", "https://far.example", "--retries", "0", "--proxy", given)
    from_variable = command("image", "5", "1", "--url", "https://far.example", "--retries", "0", HTTPS_PROXY=given)
    for done in (from_option, from_variable):
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert f"through the proxy http://127.0.0.1:{proxy.port}" in done.stderr
        assert "w%rd" not in done.stderr
    basic = b64encode(b"user:p@ss#w%rd").decode()
    assert [asked.headers["proxy-authorization"] for asked in proxy.asked] == [f"Basic {basic}"] * 2


# What makes no sense

REFUSED = [
    *(
        ({variable: value}, f"{variable} in the environment takes a ")
        for variable in ("HTTPS_PROXY", "ALL_PROXY")
        for value in (
            "socks5://user:pa55word@proxy:1080",
            "socks4://user:pa55word@proxy:1080",
            "http://user:pa55word@",
            "http://user:pa55word@proxy:port",
            "http://user:pa55word@[::1",
            "//user:pa55word@proxy:3128",
            "http://user:pa55\x01word@proxy:3128",
        )
    ),
    (
        {"SSL_CERT_FILE": "/nowhere/pa55word.pem"},
        r"SSL_CERT_FILE=\S+ in the environment holds no certificates that can be read: ",
    ),
    ({"SSL_CERT_FILE": __file__}, r"SSL_CERT_FILE=\S+ in the environment holds no certificates that can be read: "),
    ({"SSL_CERT_FILE": os.devnull}, r"SSL_CERT_FILE=\S+ in the environment holds no certificates that can be read: "),
    (
        {"SSL_CERT_FILE": str(Path(__file__).parent)},
        r"SSL_CERT_FILE=\S+ in the environment holds no certificates that can be read: ",
    ),
    (
        {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "/nowhere"},
        r"SSL_CERT_DIR=\S+ in the environment holds no certificates that can be read: ",
    ),
    (
        {"SSL_CERT_FILE": "", "SSL_CERT_DIR": str(Path(__file__).parent)},
        r"SSL_CERT_DIR=\S+ in the environment holds no certificates that can be read: ",
    ),
    (
        {"SSL_CERT_FILE": "", "SSL_CERT_DIR": f"/nowhere:{Path(__file__).parent}"},
        r"SSL_CERT_DIR=\S+ in the environment holds no certificates that can be read: ",
    ),
]


@pytest.fixture
def _no_socks(environment: pytest.MonkeyPatch) -> None:
    """As where socksio is not installed."""
    environment.setattr("channel_images.calls.environment.find_spec", lambda _name: None)


@pytest.mark.usefixtures("_no_socks")
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(("variables", "message"), REFUSED)
def test_what_makes_no_sense_is_refused(
    client: Any, variables: Mapping[str, str], message: str, environment: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{message}") as caught:
        client("https://far.example", token=TOKEN)
    assert "\n" not in str(caught.value)
    assert "PROXY" not in message or "pa55" not in str(caught.value)
    assert caught.value.__cause__ is None
    # Unless nobody has to read it.
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=IMAGE))
    client("https://far.example", token=TOKEN, transport=transport)
    client("https://far.example", token=TOKEN, mounts={"all://far.example": transport})
    client("https://far.example", token=TOKEN, trust_env=False)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ALL_PROXY": "socks4://user:pa55word@proxy:1080"}, "ALL_PROXY"),
        ({"HTTPS_PROXY": "http://user:pa55word@proxy:port"}, "HTTPS_PROXY"),
        ({"SSL_CERT_FILE": "/nowhere.pem"}, "SSL_CERT_FILE"),
        ({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "/nowhere"}, "SSL_CERT_DIR"),
    ],
)
@pytest.mark.parametrize("arguments", [["images", "5"], ["export", "5", "images.ndjson"]])
def test_the_command_line_says_it_in_one_line(
    arguments: list[str], variables: Mapping[str, str], message: str, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    environment.chdir(tmp_path)
    done = command(*arguments, "--url", "https://far.example", **variables)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"channel-images: {message}")
    assert " in the environment " in done.stderr
    assert "pa55" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "variables",
    [{"SSL_CERT_FILE": "/nowhere.pem"}, {"SSL_CERT_FILE": __file__}, {"SSL_CERT_FILE": "", "SSL_CERT_DIR": "/nowhere"}],
)
def test_the_check_says_it_in_one_line(variables: Mapping[str, str], proxy: RawServer) -> None:
    done = command("check", proxy.url, "--channel", "5", **variables)
    *_, (name, value) = variables.items()
    assert (done.returncode, proxy.asked, done.stderr.count("\n")) == (2, [], 1)
    assert done.stderr.startswith(f"channel-images: {name}={value} in the environment holds no certificates")


def test_certificates_of_the_environment(
    surface: str, tls: RawServer, certificate: Path, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConnectionFailed, match="does not verify"):
        get_image(surface, tls.url, retries=0)
    environment.setenv("SSL_CERT_FILE", str(certificate))
    assert get_image(surface, tls.url).value.pk == 1
    with pytest.raises(ConnectionFailed, match="does not verify"):
        get_image(surface, tls.url, retries=0, trust_env=False)
    environment.delenv("SSL_CERT_FILE")
    name = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", certificate], check=True, capture_output=True, text=True
    ).stdout.strip()
    (tmp_path / f"{name}.0").write_bytes(certificate.read_bytes())
    for folders in (f"{tmp_path}", f"/nowhere{os.pathsep}{tmp_path}"):
        environment.setenv("SSL_CERT_DIR", folders)
        assert get_image(surface, tls.url).value.pk == 1


@pytest.mark.parametrize("client", CLIENTS)
def test_keys_that_cannot_be_logged(client: Any, certificate: Path, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SSLKEYLOGFILE", "/nowhere/keys")
    with pytest.raises(
        ConfigurationError, match=r"^SSLKEYLOGFILE=/nowhere/keys in the environment cannot be written: "
    ):
        client("https://far.example", token=TOKEN, verify=str(certificate))


def test_the_proxy_that_is_not_used_is_not_read(environment: pytest.MonkeyPatch) -> None:
    """Desktops set them all."""
    environment.setenv("HTTPS_PROXY", "http://proxy:3128")
    environment.setenv("HTTP_PROXY", "http://proxy:port")
    environment.setenv("ALL_PROXY", "socks://proxy:1080/")
    options, via = connection_options("https://far.example", {})
    assert (str(options["proxy"].url), via) == (
        "http://proxy:3128",
        " (through the proxy http://proxy:3128, of HTTPS_PROXY)",
    )


# NO_PROXY


@pytest.mark.parametrize(
    ("entries", "direct", "through"),
    [
        ("*", "https://far.example", ""),
        ("far.example", "https://far.example", "https://nofar.example"),
        ("far.example", "https://a.far.example", "https://far.example.org"),
        (".far.example", "https://a.far.example", "https://far.example"),
        ("*.far.example", "https://a.far.example", "https://far.example"),
        ("FAR.example", "https://far.EXAMPLE", ""),
        ("a, far.example ,b", "https://far.example", "https://c"),
        ("a far.example", "https://far.example", ""),
        ("far.example:8443", "https://far.example:8443", "https://far.example"),
        ("far.example:443", "https://far.example", "https://far.example:8443"),
        ("https://far.example", "https://far.example", "http://far.example"),
        ("all://far.example/", "http://far.example", ""),
        ("10.1.2.3", "https://10.1.2.3", "https://10.1.2.4"),
        ("10.1.2.3:8443", "https://10.1.2.3:8443", "https://10.1.2.3"),
        ("10.0.0.0/8", "https://10.1.2.3", "https://11.1.2.3"),
        ("10.1.2.3/8", "https://10.9.9.9", "https://[fe80::1]"),
        ("::1", "https://[::1]", "https://[fe80::1]"),
        ("fe80::1", "https://[fe80:0::0:1]", "https://[fe80::2]"),
        ("[fe80::1]", "https://[fe80::1]", "https://[fe80::2]"),
        ("[FE80::1]:8443", "https://[fe80::1]:8443", "https://[fe80::1]"),
        ("fe80::/10", "https://[fe80::9]", "https://[fd00::9]"),
        ("[fe80::]/10", "https://[febf::9]", "https://far.example"),
        ("::ffff:0:0/200,[,],[::1,:,http://,*:1,a:b:c,/8", "", "https://far.example"),
        ("", "", "https://far.example"),
    ],
)
def test_what_is_not_reached_through_the_proxy(
    entries: str, direct: str, through: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ALL_PROXY", "http://proxy:3128")
    environment.setenv("NO_PROXY", entries)
    if direct:
        assert connection_options(direct, {})[1] == ""
    if through:
        assert connection_options(through, {})[1] == " (through the proxy http://proxy:3128, of ALL_PROXY)"


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.sampled_from(["[fe80::1]", "far.example:8443", "10.1.2.3"]),
)
def test_no_text_in_no_proxy_fails(text: str, host: str) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ALL_PROXY", "http://proxy:3128")
        environment.setenv("NO_PROXY", text)
        connection_options(f"https://{host}", {})


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_that_names_a_proxy_is_read_or_refused(text: str) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ALL_PROXY", f"http://user:{text}@proxy:3128")
        if text.isprintable():
            options, via = connection_options("https://far.example", {})
            assert via == " (through the proxy http://proxy:3128, of ALL_PROXY)"
            assert httpx.URL(options["proxy"].url).host == "proxy"
        else:
            with pytest.raises(ConfigurationError, match=r"^ALL_PROXY in the environment takes a URL"):
                connection_options("https://far.example", {})


# Loopback

ANY_PROXY = [
    {"HTTP_PROXY": "{proxy}"},
    {"http_proxy": "{proxy}", "NO_PROXY": ".corp.example"},
    {"ALL_PROXY": "{proxy}"},
    {"ALL_PROXY": "socks5://proxy:1080"},
    {"HTTP_PROXY": "http://user:pa55word@proxy:port"},
]


@pytest.fixture(params=ANY_PROXY, ids=str)
def behind_a_proxy(request: pytest.FixtureRequest, proxy: RawServer, environment: pytest.MonkeyPatch) -> RawServer:
    for name, value in request.param.items():
        environment.setenv(name, value.format(proxy=proxy.url))
    return proxy


def test_loopback_is_reached_directly(surface: str, behind_a_proxy: RawServer, healthy_mock: MockServer) -> None:
    assert get_image(surface, healthy_mock.url, token=healthy_mock.token).value.pk == 1
    assert (
        get_image(surface, healthy_mock.url.replace("127.0.0.1", "localhost"), token=healthy_mock.token).value.pk == 1
    )
    assert behind_a_proxy.connections == 0


def test_the_command_line_reaches_loopback_directly(behind_a_proxy: RawServer, healthy_mock: MockServer) -> None:
    settings = {"CHANNEL_IMAGES_URL": healthy_mock.url, "CHANNEL_IMAGES_TOKEN": healthy_mock.token}
    done = command("image", "5", "1", "--format", "ndjson", **settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert behind_a_proxy.connections == 0


def test_the_fixture_reaches_loopback_directly(
    behind_a_proxy: RawServer, channel_images_mock: ChannelImagesMock
) -> None:
    from channel_images_api.api.sales_channel_product_image import list_product_images

    answer = list_product_images.sync_detailed(6, client=channel_images_mock.client)
    assert answer.status_code == 200
    assert behind_a_proxy.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "mock.localhost", "[::1]"])
def test_what_is_loopback(host: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ALL_PROXY", "http://proxy:3128")
    assert connection_options(f"http://{host}:8000", {})[1] == ""


def test_a_proxy_that_is_given_is_obeyed_for_loopback_too(surface: str) -> None:
    with (
        RawServer([http(200)]) as proxy,
        pytest.warns(InsecureConnectionWarning, match=rf"plain text \(through the proxy {proxy.url}\)"),
    ):
        assert get_image(surface, "http://127.0.0.1:9", proxy=proxy.url).value.pk == 1
    assert proxy.asked[0].target.startswith("http://127.0.0.1:9/")


# A proxy in the server's place


def test_a_token_that_leaves_for_a_proxy_in_the_clear_is_warned_of(
    surface: str, environment: pytest.MonkeyPatch
) -> None:
    with RawServer([http(200)]) as proxy:
        environment.setenv("HTTP_PROXY", proxy.url)
        with pytest.warns(InsecureConnectionWarning) as warned:
            assert get_image(surface, "http://far.example").value.pk == 1
    (warning,) = warned
    assert warning.filename.endswith("wire.py")
    assert str(warning.message) == (
        f"the token for far.example travels in plain text (through the proxy {proxy.url}, of HTTP_PROXY): use https://"
    )


def test_the_command_line_warns_of_it(environment: pytest.MonkeyPatch) -> None:
    with RawServer([http(200)]) as proxy:
        done = command("image", "5", "1", "--url", "http://far.example", HTTP_PROXY=proxy.url)
    assert done.returncode == 0
    assert f"plain text (through the proxy {proxy.url}, of HTTP_PROXY)" in done.stderr


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (http(502, HTML, "Content-Type: text/html"), StatusError),
        (http(503, HTML, "Content-Type: text/html"), StatusError),
        (http(407, b"", "Proxy-Authenticate: Basic"), StatusError),
        (http(403, HTML, "Content-Type: text/html"), StatusError),
        (http(401, b""), StatusError),
        (http(302, b"", "Location: http://login.corp.example/"), StatusError),
        (http(200, HTML, "Content-Type: text/html"), MalformedResponse),
        (http(200, b"x", "Content-Encoding: br"), MalformedResponse),
        (None, ConnectionFailed),
    ],
)
@pytest.mark.parametrize("from_environment", [True, False])
def test_an_error_names_the_proxy(
    surface: str,
    reply: bytes | None,
    kind: type[ChannelImagesError],
    from_environment: bool,
    environment: pytest.MonkeyPatch,
) -> None:
    with RawServer([reply]) as proxy:
        options = {"proxy": proxy.url.replace("://", "://user:pa55word@")}
        if from_environment:
            environment.setenv("HTTP_PROXY", options.pop("proxy"))
        with pytest.warns(InsecureConnectionWarning), pytest.raises(kind) as caught:
            get_image(surface, "http://far.example", retries=0, **options)
    source = ", of HTTP_PROXY" if from_environment else ""
    assert str(caught.value).count(f"(through the proxy {proxy.url}{source})") == 1
    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize("status", [407, 502, 503])
def test_an_error_names_the_proxy_that_opens_no_tunnel(
    surface: str, status: int, environment: pytest.MonkeyPatch
) -> None:
    with RawServer([http(status, HTML)]) as proxy:
        environment.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(ConnectionFailed, match=str(status)) as caught:
            get_image(surface, "https://far.example", retries=0)
    assert f"(through the proxy {proxy.url}, of HTTPS_PROXY)" in str(caught.value)


def test_an_error_names_the_proxy_that_cannot_be_reached(surface: str, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with pytest.raises(ConnectionFailed, match=r"\(through the proxy http://127\.0\.0\.1:9, of ALL_PROXY\)"):
        get_image(surface, "https://far.example", retries=0)


@pytest.mark.parametrize("option", ["transport", "mounts"])
def test_a_transport_of_the_callers_own_is_used_whatever_the_environment_says(
    surface: str, option: str, proxy: RawServer, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ALL_PROXY", proxy.url)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=IMAGE))
    options: dict[str, Any] = {option: transport if option == "transport" else {"all://far.example": transport}}
    assert get_image(surface, "https://far.example", **options).value.pk == 1
    assert proxy.connections == 0
