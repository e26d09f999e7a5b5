"""docs/sdk.md and docs/migrating.md: the examples run, the links lead somewhere, what is said of the code is true."""

import asyncio
import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import channel_images
from channel_images import (
    Batch,
    ChannelImages,
    ChannelImagesError,
    DrainStalled,
    ProductImage,
    Retries,
    exceptions,
    settings,
)
from channel_images.calls.deadlines import CancelToken
from channel_images.mock import MockServer
from channel_images.walks import consistent, walk
from channel_images_api.types import Unset

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "sdk.md"
TEXT = GUIDE.read_text(encoding="utf-8")
MIGRATING = (GUIDE.parent / "migrating.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT + MIGRATING, re.DOTALL)
TESTS = [code for code in EXAMPLES if code.startswith("# test_")]
SCRIPTS = [code for code in EXAMPLES if code not in TESTS]
PLACES = ("https://omnitron.example.com", "http://127.0.0.1:8000")


class Refused(Exception):
    """What `upload` of the examples raises."""


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer() as running:
        yield running


@pytest.fixture
def names(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the examples take from the lines that they say they begin with, and from the reader."""
    server.reset()
    monkeypatch.setenv("CHANNEL_IMAGES_URL", server.url)
    monkeypatch.setenv("CHANNEL_IMAGES_TOKEN", server.token)

    def upload(image: ProductImage) -> str:
        if "stop" in given:  # the event that a watch ends with
            given["stop"].set()
        if image.pk in refused:
            raise Refused
        return f"shop-{image.pk}"

    def hand_over(images: Sequence[ProductImage]) -> str:
        remote_batch_id = f"remote-{images[0].pk}"
        handed_over[remote_batch_id] = images
        return remote_batch_id

    def ask(remote_batch_id: str) -> Iterator[tuple[int | Unset, str]]:
        for image in handed_over[remote_batch_id]:
            yield image.pk, "" if image.pk in refused else f"shop-{image.pk}"

    given: dict[str, Any] = {}
    refused: set[int | Unset] = set()
    handed_over: dict[str, Sequence[ProductImage]] = {}
    with ChannelImages.from_env() as api:
        given |= {
            "api": api,
            "channel": api.channel(5),
            "upload": upload,
            "Refused": Refused,
            "refused": refused,
            "hand_over": hand_over,
            "ask": ask,
            "report_sent": lambda images: server.mark_sent(5, images),
        }
        yield given


@pytest.mark.filterwarnings("ignore:the token for 127.0.0.1 travels in plain text")  # through the proxy of an example
@pytest.mark.parametrize("code", SCRIPTS, ids=[str(number) for number in range(len(SCRIPTS))])
def test_an_example_runs(code: str, server: MockServer, names: dict[str, Any]) -> None:
    given = names["api"]
    run(code, server, names)
    if names["api"] is not given:
        names["api"].close()


def run(code: str, server: MockServer, names: dict[str, Any]) -> None:
    for place in PLACES:
        code = code.replace(place, server.url)
    code = code.replace('token="..."', f"token={server.token!r}")
    exec(compile(code, "docs/sdk.md", "exec"), names)
    if "async def main" in code:
        asyncio.run(names["main"]())


def test_the_examples_do_what_they_say(
    server: MockServer, names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def said(words: str) -> list[str]:
        (code,) = (code for code in SCRIPTS if words in code)
        run(code, server, names)
        return capsys.readouterr().out.splitlines()

    first, second = said("# first.py")
    assert first.startswith("1 ")
    assert second.startswith("2 ")
    simple, _, *pages = said("wanted =")
    assert 0 < int(simple) < 1000
    assert pages == ["1 500 of 1000", "2 500 of 1000"]
    assert len(names["wanted"]) == 1000
    assert said("except ImageNotFound") == []
    assert names["image"] is None
    assert said("settings.channel or 5") == ["1000"]
    pages = said("images(page_size=500, concurrency=8)")
    assert pages[:1000] == pages[1000:]
    assert said("consistent=True") == []
    assert len(names["pks"]) == 1000
    channel = names["channel"]
    assert channel.inserts_or_updates().count() > 100
    names["refused"].add(channel.inserts().first().pk)
    assert said("except Refused") == []
    assert {image.pk for image in channel.inserts_or_updates()} == names["refused"]
    assert said("sent_to_remote(") == []
    assert channel.inserts().count() == 0
    assert said("remote_batches()") == []
    assert {image.pk for image in channel.inserts_or_updates()} == names["refused"]
    assert {batch.status for batch in server.batches(5)} == {"done"}
    names["refused"].clear()
    assert said(".drain()") == []
    assert names["channel"].inserts_or_updates().count() == 0


def test_the_examples_of_tests_pass(tmp_path: Path) -> None:
    assert TESTS
    for code in TESTS:
        (tmp_path / code.partition("\n")[0].removeprefix("# ")).write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(code.count('def test_') for code in TESTS)} passed" in done.stdout


def test_polling_costs_what_the_table_says(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(CancelToken, "wait", lambda _token, seconds=None: waits.append(seconds or 0))
    with MockServer(channels={7: 0}) as own, ChannelImages(own.url, token=own.token) as api:
        refused = [own.add(7)["pk"] for _ in range(300)]
        pending = api.channel(7).pending()
        counted = {}
        for call in re.findall(r"^\| `((?:batches|drain)\(.*?\))` \|", TEXT, re.MULTILINE):
            before = len(own.requests)
            with contextlib.suppress(DrainStalled):
                for batch in eval(f"pending.{call}", {"pending": pending, "refused": refused}):
                    if isinstance(batch, Batch):
                        with batch:
                            for image in batch:
                                batch.failed(image)
            counted[call] = len(own.requests) - before
    said = dict(re.findall(r"^\| `((?:batches|drain)\(.*?\))` \| (\d+) \|", TEXT, re.MULTILINE))
    assert len(said) == 6
    assert counted == {call: int(requests) for call, requests in said.items()}
    assert sum(waits) == 181


def test_the_tree_of_errors_is_that_of_the_code() -> None:
    def drawn(text: str) -> list[str]:
        return re.findall(
            r"^ *[│├└─ ]*(\w+)\s", text[text.index("ChannelImagesError\n") :].partition("\n\n")[0], re.MULTILINE
        )

    assert exceptions.__doc__
    tree = drawn(TEXT.partition("```text\n")[2].partition("```")[0] + "\n\n")
    assert tree == drawn(exceptions.__doc__)
    public = {getattr(channel_images, name) for name in channel_images.__all__}
    errors = {kind.__name__ for kind in public if isinstance(kind, type) and issubclass(kind, ChannelImagesError)}
    assert set(tree) == errors


def test_the_variables_are_those_that_are_read() -> None:
    named = re.findall(r"`((?:CHANNEL_IMAGES|OMNITRON)_[A-Z_]+)`", TEXT)
    read = [name for group in vars(settings) if group.endswith("_VARIABLES") for name in getattr(settings, group)]
    assert sorted(set(named)) == sorted(read)


def test_the_bounds_are_those_of_the_code() -> None:
    bounds = TEXT.partition("**Where it stops.**")[2].partition("\n\n")[0]
    assert [int(number) for number in re.findall(r"\d+", bounds)] == [
        consistent.MAX_STEPS_BACK,
        40,
        walk.MAX_IDLE_WINDOWS,
        consistent.MAX_PASSES,
        walk.MAX_GROWTH,
        20,
    ]
    retries = Retries()
    assert f"{retries.attempts} and {retries.seconds:.0f} by default" in TEXT
    assert f"`max_wait` ({retries.max_wait:.0f} s)" in TEXT


def headings(text: str) -> set[str]:
    lines = re.findall(r"^##+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^a-z0-9-]", "", line.lower().replace(" ", "-")) for line in lines}


@pytest.mark.parametrize("text", [TEXT, MIGRATING], ids=["sdk.md", "migrating.md"])
def test_the_links_lead_somewhere(text: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        place, _, heading = link.partition("#")
        if not place.startswith("https://"):
            assert not place or (GUIDE.parent / place).is_file(), link
            there = (GUIDE.parent / place).read_text(encoding="utf-8") if place else text
            assert not heading or heading in headings(there), link
