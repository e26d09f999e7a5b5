"""What an export keeps of itself, and goes on from: its folder may have been damaged or edited meanwhile."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from tests.fuzz.strategies import documents, fuzz, hold_to_one_line, spoiled

from channel_images.exceptions import ExportError
from channel_images.export.state import ChannelState, Stage, from_dict, to_dict
from channel_images.export.work import Disk, Mark, Spool, WorkFolder, holds, pk_bytes, read_pks
from channel_images.walks.consistent import ConsistentWalk

IDENTITY = {"server": "https://host", "channels": [5, 6], "what": "images", "filters": {}, "format": "ndjson"}
WALK = json.loads(json.dumps(ConsistentWalk(100).checkpoint()))
CHANNELS = {
    5: ChannelState(rows=2, doubts=[], spool=Mark(20, "ab" * 32), pks=Mark(18, "cd" * 32), walk=WALK),
    6: ChannelState(Stage.PLACED, rows=7, doubts=["page 3 changed"]),
}
STATE = json.loads(json.dumps(to_dict(CHANNELS)))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an export that is not finished."""
    folder = tmp_path_factory.mktemp("export") / "work"
    with WorkFolder(folder, IDENTITY) as work:
        work.save(STATE)
    return folder


def resumed(folder: Path) -> dict[str, Any] | None:
    """The state that the next run goes on from; `None` where it refuses the folder, in one line that names it."""
    try:
        with WorkFolder(folder, IDENTITY) as work:
            return work.state
    except ExportError as error:
        hold_to_one_line(error)
        assert str(folder) in str(error)
        return None


def check_file(kept: Path, name: str, content: bytes) -> None:
    """Hold the next run to what was written, or a refusal, where a file of the folder has other content."""
    folder = kept.with_name("edited")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder)
    (folder / name).write_bytes(content)
    assert resumed(folder) in (None, STATE)


@fuzz(100, content=documents({"digest": "<digest>", "state": STATE}))
def test_a_checkpoint_is_what_was_written_or_refused(kept: Path, content: bytes) -> None:
    digest = json.loads((kept / "checkpoint.json").read_bytes())["digest"]
    check_file(kept, "checkpoint.json", content.replace(b"<digest>", digest.encode()))


EXPORT = {"version": 4, **IDENTITY}


@fuzz(75, content=documents(EXPORT))
def test_an_export_is_the_one_that_was_begun_or_refused(kept: Path, content: bytes) -> None:
    check_file(kept, "export.json", content)


def test_a_state_comes_back(kept: Path) -> None:
    assert from_dict(resumed(kept) or {}) == CHANNELS


# Spools

PKS = st.lists(st.integers(-(2**71), 2**71 - 1), max_size=20)


@fuzz(50, pks=PKS, beyond=st.binary(max_size=20))
def test_a_spool_comes_back_without_what_is_beyond_its_mark(kept: Path, pks: list[int], beyond: bytes) -> None:
    path = kept.with_name("pks")
    path.unlink(missing_ok=True)
    spool = Spool(path, Mark(), Disk())
    spool.append(pk_bytes(pks))
    mark = spool.mark
    spool.append(beyond)
    spool.sync()
    spool.close()
    again = Spool(path, mark, Disk())
    again.close()
    assert [pk for some in read_pks(path) for pk in some] == pks
    assert holds(path, mark)


SPOOL = pk_bytes([1, 2, -3, 2**70])


@fuzz(75, content=spoiled(SPOOL))
def test_a_spool_that_was_damaged_is_refused(kept: Path, content: bytes) -> None:
    path = kept.with_name("damaged.pks")
    path.write_bytes(content)
    try:
        Spool(path, Mark(len(SPOOL), hashlib.sha256(SPOOL).hexdigest()), Disk()).close()
    except ExportError as error:
        hold_to_one_line(error)
        assert not content.startswith(SPOOL)
        return
    assert path.read_bytes() == SPOOL
