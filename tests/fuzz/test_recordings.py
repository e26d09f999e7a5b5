"""Recorded traffic, HAR, of browsers, proxies and our own runs."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.test_recorded import LIST, PAGES, browsed
from tests.conformance.tiny import Tiny
from tests.fuzz.strategies import SHALLOW, TEXTS, documents, fuzz, hold_to_one_line, spoiled, text_of

from channel_images.conformance import Options
from channel_images.conformance.asking.recording import Recording, read_recording
from channel_images.conformance.files import BadFile
from channel_images.conformance.recorded import judge_recording
from channel_images.conformance.report import render_json

BROWSED: Any = {"log": {"version": "1.2", "entries": browsed(Tiny(), PAGES[0], f"{LIST}1/", f"{LIST}?limit=x")}}
BROWSED["log"]["entries"][2]["response"]["headers"] += [
    {"name": "content-length", "value": "12"},
    {"name": "content-encoding", "value": "gzip"},
]
ABOUT = json.dumps({"seed": 0, "quick": False, "channels": [5]})
OURS = {"log": {**BROWSED["log"], "creator": {"name": "channel-images", "version": "0.1.0"}, "comment": ABOUT}}
ODD = SHALLOW | TEXTS.map(lambda text: {"text": text, "encoding": "base64", "size": 10**12})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


def read(file: Path, content: bytes) -> Recording | None:
    """The recording in a file; `None` where it is refused, in one line that names the file."""
    file.write_bytes(content)
    try:
        return read_recording(file)
    except BadFile as error:
        hold_to_one_line(error)
        assert str(error).startswith(str(file))
        return None


@fuzz(125, content=documents(BROWSED) | documents(OURS, ODD, most=5))
def test_a_recording_is_what_the_file_says(folder: Path, content: bytes) -> None:
    recording = read(folder / "traffic.har", content)
    if recording is None:
        return
    said = json.loads(content.decode("utf-8-sig"))["log"]["entries"]
    assert recording.total == len(said)
    assert 0 < len(recording.answers) <= len(said)
    urls = {each["request"]["url"] for each in said}
    for answer in recording.answers:
        assert answer.body == b"" or len(answer.body) <= len(content)
        assert any(answer.request.target.partition("?")[0] in url for url in urls)


@fuzz(20, content=documents(BROWSED, SHALLOW, most=2) | documents(OURS, ODD, most=3))
def test_a_recording_is_judged_whatever_it_says(folder: Path, content: bytes) -> None:
    recording = read(folder / "judged.har", content)
    if recording is not None:
        report = judge_recording(recording, Options())
        assert not [each.reason for each in report.results if "could not be judged" in each.reason]
        json.loads(render_json(report))


@fuzz(50, content=spoiled(gzip.compress(text_of(BROWSED).encode(), mtime=0), most=3))
def test_a_recording_that_was_damaged_is_refused(folder: Path, content: bytes) -> None:
    recording = read(folder / "traffic.har.gz", content)
    if recording is not None:
        assert len(recording.answers) == 3
