"""The server that is judged, and what is said where it cannot be asked: in one line that holds no password."""

from collections.abc import Callable
from pathlib import Path

import pytest

from channel_images.conformance import Options, Target, check
from channel_images.conformance.asking.signin import SignInFailed, sign_in
from channel_images.conformance.asking.target import RATE, base_url, default_rate

URL = "http://127.0.0.1:9"
PASSWORD = "sesame-7"
ASKED: list[Callable[[Target], object]] = [
    lambda target: check(target, Options(quick=True)),
    lambda target: sign_in(target, "me", PASSWORD),
]


@pytest.mark.parametrize("ask", ASKED, ids=["check", "sign-in"])
@pytest.mark.parametrize(
    "proxy", [f"foo://me:{PASSWORD}@proxy", f"http://me:{PASSWORD}@", f"http://me:{PASSWORD}@[::1"]
)
def test_a_proxy_that_is_no_url(ask: Callable[[Target], object], proxy: str) -> None:
    with pytest.raises(ValueError, match="the proxy takes a URL such as http://proxy:3128") as refused:
        ask(Target(URL, 5, proxy=proxy))
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize("ask", ASKED, ids=["check", "sign-in"])
def test_a_proxy_that_needs_a_package(ask: Callable[[Target], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channel_images.calls.environment.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"only after pip install 'httpx\[socks\]'$") as refused:
        ask(Target(URL, 5, proxy=f"socks5://me:{PASSWORD}@proxy:1080"))
    assert PASSWORD not in str(refused.value)


@pytest.mark.parametrize("ask", ASKED, ids=["check", "sign-in"])
@pytest.mark.parametrize("text", [None, "", "no certificate"])
def test_certificates_that_cannot_be_read(
    ask: Callable[[Target], object], text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "ca.pem"
    if text is not None:
        bundle.write_text(text)
    with pytest.raises(ValueError, match=f"{bundle} holds no certificates that can be read: ") as refused:
        ask(Target(URL, 5, verify=str(bundle)))
    assert "\n" not in str(refused.value)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with pytest.raises(ValueError, match=f"SSL_CERT_FILE={bundle} in the environment holds no certificates"):
        ask(Target(URL, 5))


def test_a_sign_in_says_so_in_its_own_error() -> None:
    with pytest.raises(SignInFailed):
        sign_in(Target(URL, 5, proxy="foo://"), "me", PASSWORD)


@pytest.mark.parametrize(
    ("url", "rate"),
    [
        ("http://localhost:8000", None),
        ("http://127.0.0.2", None),
        ("http://[::1]:8000/prefix", None),
        ("https://shop.localhost", None),
        ("https://host.example", RATE),
        ("http://10.0.0.1", RATE),
        ("http://[2001:db8::1]", RATE),
    ],
)
def test_only_this_machine_is_asked_without_a_limit(url: str, rate: float | None) -> None:
    assert default_rate(base_url(url)) == rate


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host.example",
        "ftp://host",
        "http://",
        "http://[::1",
        f"http://me:{PASSWORD}@host",
        f"http://me:{PASSWORD}/@host",
        "http://host/?a=1",
        "http://host/#a",
    ],
)
def test_what_is_no_base_url(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as refused:
        base_url(url)
    assert PASSWORD not in str(refused.value)
