"""The same client with other options for some calls."""

import asyncio
import logging
from typing import Any

import httpx
import pytest
from tests.wire import SURFACES, TOKEN, RawServer, http, run

from channel_images import AsyncChannelImages, ChannelImages, ClientUnusable, ConfigurationError, Retries, ServerError
from channel_images.calls.deadlines import CancelToken
from channel_images.settings import log_as_told


@pytest.fixture(params=SURFACES)
def surface(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def first(surface: str, url: str, changes: dict[str, Any], **options: Any) -> None:
    """One image by a client with changed options, and then one by the client itself."""
    if surface == "sync":
        with ChannelImages(url, token=TOKEN, **options) as api:
            api.with_options(**changes).channel(5).image(1)
            api.channel(5).image(1)
        return

    async def main() -> None:
        async with AsyncChannelImages(url, token=TOKEN, **options) as api:
            await api.with_options(**changes).channel(5).image(1)
            await api.channel(5).image(1)

    run(main())


def test_headers_are_added_to_some_calls(surface: str) -> None:
    with RawServer([http(200)]) as server:
        first(surface, server.url, {"headers": {"X-Trace": "abcdefghij"}}, headers={"X-Shop": "one"})

    traces = [(asked.headers.get("x-trace"), asked.headers["x-shop"]) for asked in server.asked]
    assert traces == [("abcdefghij", "one"), (None, "one")]
    assert server.connections == 1


def test_retries_are_other_ones(surface: str) -> None:
    with RawServer([http(503), http(503), http(200)]) as server:
        first(surface, server.url, {"retries": Retries(max_wait=0)}, retries=0)
    assert len(server.asked) == 4

    with RawServer([http(503)]) as server, pytest.raises(ServerError):
        first(surface, server.url, {"retries": 0}, retries=Retries(max_wait=0))
    assert len(server.asked) == 1


def test_a_secret_header_is_in_no_error(surface: str) -> None:
    with RawServer([http(500, b"you said s3cret-of-ours")]) as server, pytest.raises(ServerError) as raised:
        first(surface, server.url, {"headers": {"X-Api-Key": "s3cret-of-ours"}, "retries": 0})

    assert "s3cret" not in repr(vars(raised.value)) + raised.value.response.text
    assert "x-api-key" not in raised.value.response.request.headers


@pytest.mark.parametrize(
    "changes",
    [{"timeout": 0}, {"retries": -1}, {"max_body": 0}, {"headers": 5}, {"call_timeout": "long"}, {"proxy": "x"}],
)
def test_options_are_checked(changes: dict[str, Any]) -> None:
    with ChannelImages("https://host", token=TOKEN) as api, pytest.raises(ConfigurationError):
        api.with_options(**changes)


@pytest.mark.parametrize(
    ("name", "value"),
    [("retries", Retries(attempts=3)), ("max_body", 5), ("timeout", httpx.Timeout(4)), ("call_timeout", 9)],
)
def test_an_option_changes_alone(name: str, value: Any) -> None:
    with ChannelImages("https://host", token=TOKEN) as api:
        before, after = api._options, api.with_options(**{name: value})._options
    names = ("retries", "max_body", "timeout", "call_timeout", "headers")
    assert {each: getattr(after, each) for each in names if getattr(after, each) != getattr(before, each)} == {
        name: value
    }


def test_the_timeout_of_the_client_stays(surface: str) -> None:
    with ChannelImages("https://host", token=TOKEN, timeout=3, call_timeout=5) as api:
        longer = api.with_options(call_timeout=2)
        assert {limit.seconds for limit in longer._options.limits.values()} == {2}
        assert {limit.seconds for limit in longer.with_options(call_timeout=9)._options.limits.values()} == {3}


def test_to_close_one_closes_both(surface: str) -> None:
    if surface == "sync":
        api = ChannelImages("https://host", token=TOKEN)
        other = api.with_options(timeout=1)
        other.close()
        assert "closed" in repr(api)
        with pytest.raises(ClientUnusable):
            api.channel(5).image(1)
        return

    async def main() -> None:
        api = AsyncChannelImages("https://host", token=TOKEN)
        other = api.with_options(timeout=1)
        await api.close()
        with pytest.raises(ClientUnusable):
            await other.channel(5).image(1)

    asyncio.run(main())


# The log


def test_records_have_fields(surface: str, caplog: pytest.LogCaptureFixture) -> None:
    with RawServer([http(503), http(200)]) as server, caplog.at_level(logging.DEBUG, "channel_images"):
        first(surface, server.url, {}, retries=Retries(max_wait=0))

    url = f"{server.url}/api/v1/channel/5/product_images/1/"
    fields = [
        (record.levelname, vars(record)["method"], vars(record)["url"], vars(record)["status"], vars(record)["attempt"])
        for record in caplog.records
        if record.name == "channel_images"
    ]
    assert fields == [
        ("DEBUG", "GET", url, 503, 1),
        ("INFO", "GET", url, 503, 1),
        ("DEBUG", "GET", url, 200, 2),
        ("DEBUG", "GET", url, 200, 1),
    ]
    (wait,) = [vars(record)["wait"] for record in caplog.records if record.levelname == "INFO"]
    assert wait == 0


@pytest.mark.parametrize(("seconds", "level"), [(5, "INFO"), (6, "WARNING")])
def test_a_long_wait_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, seconds: int, level: str
) -> None:
    monkeypatch.setattr(CancelToken, "wait", lambda _token, _seconds: False)
    replies = [http(503, b"", f"Retry-After: {seconds}"), http(200)]
    with RawServer(replies) as server, caplog.at_level(logging.INFO, "channel_images"):
        first("sync", server.url, {})

    (record,) = [record for record in caplog.records if record.name == "channel_images"]
    assert (record.levelname, vars(record)["wait"]) == (level, seconds)


@pytest.fixture
def fresh_logger() -> Any:
    logger = logging.getLogger("channel_images")
    before = logger.level, list(logger.handlers)
    logger.handlers.clear()
    yield logger
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]


@pytest.mark.parametrize(("value", "level"), [("debug", 10), (" INFO ", 20), ("warning", 30)])
def test_the_environment_turns_it_on(fresh_logger: logging.Logger, value: str, level: int) -> None:
    log_as_told({"CHANNEL_IMAGES_LOG": value})
    assert fresh_logger.level == level


def test_the_environment_names_a_level() -> None:
    with pytest.raises(ConfigurationError, match="CHANNEL_IMAGES_LOG is debug, info or warning, not 'loud'"):
        log_as_told({"CHANNEL_IMAGES_LOG": "loud"})
