"""What a command line and the environment say: URLs, proxies, channels, filters, fields, headers."""

import io
import os
from collections.abc import Callable
from contextlib import redirect_stderr
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx
import typer
from hypothesis import example, strategies as st
from tests.fuzz.strategies import ANY_TEXT, NUMBERS, TEXTS, fuzz, hold_to_one_line, spoiled

from channel_images.calls.address import checked_url, is_loopback
from channel_images.calls.environment import connection_options
from channel_images.cli.connection import id_of, parsed_header
from channel_images.cli.filters import Filters
from channel_images.cli.output import Output
from channel_images.conformance.asking.target import base_url
from channel_images.exceptions import ConfigurationError
from channel_images.settings import Settings
from channel_images_api.filters import FILTERS

PASSWORD = "hunter2hunter2"
URLS = st.sampled_from(
    [
        *("https://host", "http://127.0.0.1:8000/prefix/", "https://[::1]:8443", "https://h\u00f6st/a%20b", "HTTPS://HOST:443/"),
        *(f"https://me:{PASSWORD}@host", f"http://{PASSWORD}@[host", f"//me:{PASSWORD}@host:99999", "host:8000", "https://host/?a#b"),
    ]
)  # fmt: skip


def texts(near: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts as an argument or a variable holds them: any bytes but NUL, where those that are no UTF-8 are halves of surrogates."""
    return st.one_of(
        near,
        near.map(str.encode).flatmap(spoiled).map(lambda content: content.decode(errors="surrogateescape")),
        NUMBERS.map(lambda number: number.text),
        TEXTS,
        ANY_TEXT,
    ).map(lambda text: text.replace("\0", "").encode(errors="surrogatepass").decode(errors="surrogateescape"))


def ended(run: Callable[[], Any], given: str) -> Any:
    """What a part of a command gives; `None` where it ends the command with 2 and one line on stderr."""
    said = io.StringIO()
    with redirect_stderr(said):
        try:
            return run()
        except typer.Exit as end:
            line = said.getvalue()
            hold_to_one_line(line, given)
            assert (end.exit_code, line[:16], line[-1]) == (2, "channel-images: ", "\n")
            return None


@fuzz(150, url=texts(URLS))
def test_a_base_url_leads_where_it_says_or_is_refused_without_its_password(url: str) -> None:
    try:
        checked = checked_url(url)
    except ConfigurationError as error:
        hold_to_one_line(error, url)
        assert "@" not in url or PASSWORD not in str(error)
    else:
        there = httpx.URL(checked)
        assert there == httpx.URL(url.rstrip("/")) or there == httpx.URL(str(httpx.URL(url)).rstrip("/"))
        assert there.scheme in ("http", "https")
        assert there.host
        assert isinstance(is_loopback(there.host), bool)
        httpx.Request("GET", f"{checked}/api/v1/channel/5/product_images/")


@fuzz(150, url=texts(URLS))
def test_the_url_of_a_check_is_one_for_every_reader(url: str) -> None:
    try:
        base = base_url(url)
    except ValueError as error:
        hold_to_one_line(error, url)
        assert "@" not in url or PASSWORD not in str(error)
    else:
        assert urlsplit(base).hostname
        assert httpx.URL(base).host


ENVIRONMENT = st.fixed_dictionaries(
    {},
    optional={
        "CHANNEL_IMAGES_URL": texts(URLS),
        "OMNITRON_URL": texts(URLS),
        "CHANNEL_IMAGES_TOKEN": texts(st.just("a-token")),
        "CHANNEL_IMAGES_USERNAME": texts(st.just("me")),
        "CHANNEL_IMAGES_PASSWORD": texts(st.just(PASSWORD)),
        "CHANNEL_IMAGES_CHANNEL": texts(st.just("5")),
        "OMNITRON_CHANNEL_ID": texts(st.just("6")),
    },
)


@example(
    environ={"CHANNEL_IMAGES_URL": "https://host", "CHANNEL_IMAGES_TOKEN": "x", "CHANNEL_IMAGES_CHANNEL": "9" * 5_000}
)
@fuzz(150, environ=ENVIRONMENT)
def test_settings_are_what_the_environment_says(environ: dict[str, str]) -> None:
    try:
        settings = Settings.from_env(environ)
    except ConfigurationError as error:
        hold_to_one_line(error, "".join(environ.values()))
        assert PASSWORD not in str(error)
        return
    assert settings.url in environ.values()
    assert settings.token is None or settings.token == environ["CHANNEL_IMAGES_TOKEN"]
    assert settings.channel is None or str(settings.channel) in {text.lstrip("0") or "0" for text in environ.values()}


PROXIES = texts(
    st.sampled_from(
        ["http://proxy:3128", f"http://me:{PASSWORD}@proxy:3128", "proxy", "socks5://proxy", f"{PASSWORD}@"]
    )
)
EXCEPTIONS = texts(
    st.sampled_from(["*", "host", ".host:443", "10.0.0.0/8,[::1]", "https://host/", "fe80::/10 host", "1.2.3.4/99"])
)


@fuzz(
    100,
    url=st.sampled_from(["https://host", "http://127.0.0.1:1", "https://10.1.2.3:8443", "https://[fe80::1]"]),
    environ=st.fixed_dictionaries(
        {}, optional={"HTTPS_PROXY": PROXIES, "http_proxy": PROXIES, "ALL_PROXY": PROXIES, "NO_PROXY": EXCEPTIONS}
    ),
)
def test_a_proxy_is_used_as_the_environment_says_or_refused_without_its_password(
    url: str, environ: dict[str, str]
) -> None:
    with patch.dict(os.environ, environ):
        try:
            options, told = connection_options(url, {"verify": False})
        except ConfigurationError as error:
            hold_to_one_line(error)
            assert PASSWORD not in str(error)
            return
    assert PASSWORD not in told
    proxy = options["proxy"]
    if is_loopback(httpx.URL(url).host) or environ.get("NO_PROXY") == "*":
        assert proxy is None
    if proxy is not None:
        assert proxy.url.host
        assert set(environ) & {"HTTPS_PROXY", "ALL_PROXY"}
        hold_to_one_line(told, "".join(environ.values()))


GIVEN = texts(st.sampled_from(["1", "1,2", "active", "true", "2,x", " 3 ,4", ",", "2026-01-31"]))


@fuzz(150, name=st.sampled_from(sorted(FILTERS)), text=GIVEN)
def test_a_filter_is_what_the_option_says_or_refused(name: str, text: str) -> None:
    known = FILTERS[name]
    if known.type == "boolean" and not known.several:
        return  # an option without a value
    chosen = ended(lambda: Filters(**{name: [text] if known.several else text}).chosen(), text)
    if chosen is None:
        return
    values = chosen[name] if known.several else [chosen[name]]
    if known.type == "integer":
        assert all(isinstance(value, int) and 0 <= value < 2**63 for value in values)
    if known.type == "integer" and not known.names:
        assert values == [int(each) for each in text.split(",") if each.strip() or not known.several]


@fuzz(75, given_=st.lists(texts(st.sampled_from(["pk", "pk,width", " hash ", "pk,,", "more"])), max_size=3))
def test_fields_are_what_the_option_says_or_refused(given_: list[str]) -> None:
    names = ended(lambda: Output(fields=given_).names(), "".join(given_))
    if names is not None:
        assert names == list(dict.fromkeys(name.strip() for each in given_ for name in each.split(",")))
        assert all(names)


@fuzz(75, text=texts(st.integers(0, 2**64).map(str)))
def test_an_id_is_the_number_or_refused(text: str) -> None:
    number = ended(lambda: id_of("the channel", text), text)
    if number is not None:
        assert 0 <= number < 2**63
        assert str(number) == (text.lstrip("0") or "0")


@fuzz(75, line=texts(st.sampled_from(["X-Shop: 7", "Accept:", ":authority: x", f"Cookie: {PASSWORD}"])))
def test_a_header_is_one_that_can_be_sent_or_refused(line: str) -> None:
    header = ended(lambda: parsed_header(line), line)
    if header is not None:
        name, value = header
        assert httpx.Headers([header])[name] == value
        assert "\n" not in name + value
