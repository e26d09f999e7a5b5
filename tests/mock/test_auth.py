"""Who gets in, and what the others are told."""

from collections.abc import Callable

import httpx
import pytest

from channel_images.mock import MockServer
from channel_images.mock.operations import operations

Judge = Callable[[str, httpx.Response], None]
PathOf = Callable[..., str]

ALL = list(operations())
MISSING = "Authentication credentials were not provided."


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize(
    "refusal",
    [
        (None, MISSING),
        (b"", MISSING),
        (b"mock-token", MISSING),
        (b"Bearer mock-token", MISSING),
        (b"Basic bW9jazptb2Nr", MISSING),
        (b"Token", "Invalid token header. No credentials provided."),
        (b"Token mock token", "Invalid token header. Token string should not contain spaces."),
        (b"Token wrong", "Invalid token."),
        (b"Token mock-toke", "Invalid token."),
        (b"Token mock-tokens", "Invalid token."),
        (b"Token MOCK-TOKEN", "Invalid token."),
        (b"Token mock-token,", "Invalid token."),
        (b"Token \xff\xfe", "Invalid token."),
        ("Token møck".encode(), "Invalid token."),
    ],
)
def test_without_the_token_nobody_gets_in(
    client: httpx.Client, judge: Judge, path_of: PathOf, operation: str, refusal: tuple[bytes | None, str]
) -> None:
    header, detail = refusal
    request = client.build_request("GET", path_of(operation))
    del request.headers["Authorization"]
    if header is not None:
        request = httpx.Request("GET", request.url, headers=[*request.headers.raw, (b"Authorization", header)])
    response = client.send(request)
    judge(operation, response)
    assert (response.status_code, response.json()) == (401, {"detail": detail})
    assert response.headers["www-authenticate"] == "Token"


@pytest.mark.parametrize("header", ["Token mock-token", "token mock-token", "TOKEN   mock-token"])
def test_the_scheme_is_a_word_in_any_case(client: httpx.Client, path_of: PathOf, header: str) -> None:
    assert client.get(path_of("listProductImages"), headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "DELETE"])
def test_other_methods_need_it_as_well(client: httpx.Client, path_of: PathOf, method: str) -> None:
    response = client.request(method, path_of("listProductImages"), headers={"Authorization": ""})
    assert response.status_code == 401


@pytest.mark.parametrize("target", [("x", "y", "?limit=0"), (5, 999, "?page=999"), (8, 1, "")])
def test_it_is_asked_for_before_anything_else(
    client: httpx.Client, path_of: PathOf, target: tuple[object, object, str]
) -> None:
    channel, pk, query = target
    for operation in ALL:
        response = client.get(path_of(operation, channel, pk) + query, headers={"Authorization": ""})
        assert response.status_code == 401


def test_a_tag_is_no_token(client: httpx.Client, path_of: PathOf) -> None:
    tag = client.get(path_of("listProductImages")).headers["etag"]
    for value in (tag, "*"):
        response = client.get(path_of("listProductImages"), headers={"Authorization": "", "If-None-Match": value})
        assert response.status_code == 401


def test_another_token_can_be_set(path_of: PathOf) -> None:
    with MockServer(token="s3cret") as server, httpx.Client(base_url=server.url) as client:
        assert "s3cret" not in repr(server)
        assert "s3cret" not in repr(server.settings)
        for token, status in ((server.token, 200), ("mock-token", 401)):
            response = client.get(path_of("listProductImages"), headers={"Authorization": f"Token {token}"})
            assert response.status_code == status


@pytest.mark.parametrize("token", ["", "two words", "møck", "a\n", "a\x7f", "a\x00"])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="the token must be ASCII"):
        MockServer(token=token)
    with pytest.raises(ValueError, match="the admin token must be ASCII"):
        MockServer(admin_token=token)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "host.example", "127.0.0.1.example"])
def test_on_an_open_address_nothing_is_as_published(host: str) -> None:
    one, other = MockServer(host=host).settings, MockServer(host=host).settings
    secrets = [one.token, one.password, one.admin_token, other.token, other.password, other.admin_token]
    assert len({*secrets, "mock-token", "mock", None}) == 9
    assert not any(str(secret) in repr(one) for secret in secrets)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_loopback_everything_is_as_published(host: str) -> None:
    settings = MockServer(host=host).settings
    assert (settings.token, settings.username, settings.password, settings.admin_token) == (
        "mock-token",
        "mock",
        "mock",
        None,
    )


def test_what_is_given_is_kept_on_an_open_address() -> None:
    settings = MockServer(host="0.0.0.0", token="t", username="u", password="p", admin_token="a").settings
    assert (settings.token, settings.username, settings.password, settings.admin_token) == ("t", "u", "p", "a")
    assert MockServer(host="0.0.0.0", token="t").settings.admin_token != "t"
