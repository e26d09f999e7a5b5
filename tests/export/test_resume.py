"""Whatever instant an export ends at, the next run ends in the same rows as an undisturbed one."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.export.conftest import IMAGES, pks_of, rows_of

from channel_images import ChannelImages, NotAuthenticated, ServerError
from channel_images.export import Export, ExportError, Progress, Status
from channel_images.mock import Churn, MockServer

KILLS = 30
CHILD = Path(__file__).with_name("killed.py")


def export(client: ChannelImages, path: Path | str, **options: object) -> Export:
    return Export(client, [5, 6], path, limit=50, checkpoint_seconds=0, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lines_of_a_run(server: MockServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many lines of the export's code a run of each format goes through."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return {
        suffix: int(run_child(server, folder / f"images.{suffix}", 0)) for suffix in ("ndjson", "parquet", "csv.gz")
    }


def run_child(server: MockServer, path: Path, kill_at: int) -> str:
    """An export in a process of its own, which is killed at that line, or prints how many lines there were."""
    environment = {**os.environ, "CHANNEL_IMAGES_URL": server.url, "CHANNEL_IMAGES_TOKEN": server.token}
    done = subprocess.run(
        [sys.executable, str(CHILD), str(path), str(kill_at)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (-signal.SIGKILL if kill_at else 0), done.stderr
    return done.stdout


@pytest.mark.parametrize("seed", range(KILLS))
def test_kill_9(
    client: ChannelImages, server: MockServer, lines_of_a_run: dict[str, int], tmp_path: Path, seed: int
) -> None:
    choice = random.Random(seed)
    suffix = ("ndjson", "parquet", "csv.gz")[seed % 3]
    path = tmp_path / f"images.{suffix}"
    # A part of the kills hits the last lines, where the file is made and put in its place.
    lines = lines_of_a_run[suffix]
    run_child(server, path, choice.randint(lines - 120, lines) if seed % 2 else choice.randint(1, lines))
    result = export(client, path, overwrite=True).run()
    assert (result.status, result.rows) == (Status.COMPLETE, IMAGES + 23)
    expected = [image.pk for channel in (5, 6) for image in client.channel(channel).images()]
    assert pks_of(path) == expected
    assert {entry.name for entry in tmp_path.iterdir()} <= {path.name, f"{path.name}.export.done"}


class Stopped(Exception):
    pass


def stop_after(rows: int) -> object:
    def stop(progress: Progress) -> None:
        if progress.rows >= rows:
            raise Stopped

    return stop


@pytest.mark.parametrize("suffix", ["ndjson", "csv", "csv.gz", "ndjson.gz", "parquet"])
@pytest.mark.parametrize("rows", [1, 50, 300, 640, 650])
def test_a_broken_off_run_is_continued(
    client: ChannelImages, server: MockServer, tmp_path: Path, suffix: str, rows: int
) -> None:
    path, whole = tmp_path / f"images.{suffix}", tmp_path / f"whole.{suffix}"
    export(client, whole).run()
    broken_off = export(client, path, on_progress=stop_after(rows))
    with pytest.raises(Stopped):
        broken_off.run()
    assert broken_off.result().status is Status.PARTIAL
    assert not path.exists()
    before = len(server.requests)
    result = export(client, path).run()
    assert (result.status, result.rows, result.resumed) == (Status.COMPLETE, IMAGES + 23, True)
    assert rows_of(path) == rows_of(whole)
    assert len(server.requests) - before <= (IMAGES - rows) / 40 + 4


def test_it_is_continued_while_the_list_changes(client: ChannelImages, server: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson"
    before = {image.pk for image in client.channel(5).images() if isinstance(image.pk, int)}
    removed: set[int] = set()
    for rows in (100, 200, 300, 400, 500):
        with pytest.raises(Stopped):
            Export(client, [5], path, limit=50, checkpoint_seconds=0, on_progress=stop_after(rows)).run()  # type: ignore[arg-type]
        gone = sorted(before - removed)[:25]
        for pk in gone:
            server.remove(5, pk)
        removed.update(gone)
    result = Export(client, [5], path, limit=50, checkpoint_seconds=0).run()
    pks = pks_of(path)
    assert result.status is Status.COMPLETE
    assert len(pks) == len(set(pks))
    assert set(pks) >= before - removed


def test_in_a_folder_finished_channels_are_not_read_again(
    client: ChannelImages, server: MockServer, tmp_path: Path
) -> None:
    folder = f"{tmp_path / 'out'}/"
    with pytest.raises(Stopped):
        export(client, folder, on_progress=stop_after(IMAGES + 1)).run()
    assert (tmp_path / "out/channel_id=5/images.parquet").exists()
    before = len(server.requests)
    result = export(client, folder).run()
    assert (result.rows, len(result.files)) == (IMAGES + 23, 2)
    assert not [request for request in server.requests[before:] if "/channel/5/" in request.path]


@contextmanager
def refused_after(server: MockServer, requests: int, status: int) -> Iterator[None]:
    server.fault(f"{status}:skip={requests}")
    try:
        yield
    finally:
        server.reset()


@pytest.mark.parametrize(("status", "error"), [(401, NotAuthenticated), (500, ServerError)])
def test_a_server_that_stops_answering(
    client: ChannelImages, server: MockServer, tmp_path: Path, status: int, error: type[Exception]
) -> None:
    path = tmp_path / "images.parquet"
    broken_off = export(client, path)
    with refused_after(server, 6, status), pytest.raises(error):
        broken_off.run()
    assert broken_off.result().rows > 0
    assert not path.exists()
    assert export(client, path).run().rows == IMAGES + 23


def test_an_export_that_never_began_leaves_nothing(client: ChannelImages, server: MockServer, tmp_path: Path) -> None:
    with refused_after(server, 0, 401), pytest.raises(NotAuthenticated):
        export(client, tmp_path / "images.ndjson").run()
    assert list(tmp_path.iterdir()) == []


def test_another_export_is_not_continued(client: ChannelImages, server: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson"
    with pytest.raises(Stopped):
        export(client, path, on_progress=stop_after(100)).run()
    with MockServer(images=10) as other, ChannelImages(other.url, token=other.token) as elsewhere:
        cases = {
            "channels": Export(client, [5], path),
            "filters": Export(client, [5, 6], path, filters={"product": 123}),
            "what": Export(client, [5, 6], path, what="inserts"),
            "server": Export(elsewhere, [5, 6], path),
        }
        for name, case in cases.items():
            with pytest.raises(ExportError, match=f"unfinished export with {name}"):
                case.run()
    assert export(client, path).run().rows == IMAGES + 23


def test_a_folder_that_is_no_export_is_left_alone(client: ChannelImages, tmp_path: Path) -> None:
    folder = tmp_path / "images.ndjson.export"
    folder.mkdir()
    (folder / "mine").write_text("precious")
    with pytest.raises(ExportError, match="is there already, and is no unfinished export: rename or remove it"):
        export(client, tmp_path / "images.ndjson").run()
    assert [entry.name for entry in folder.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["checkpoint.json", "export.json"])
@pytest.mark.parametrize("content", ["{", "[]", '{"rows": 1}'])
def test_a_damaged_folder_is_not_continued(client: ChannelImages, tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / "images.ndjson"
    with pytest.raises(Stopped):
        export(client, path, on_progress=stop_after(300)).run()
    (tmp_path / "images.ndjson.export" / name).write_text(content)
    with pytest.raises(ExportError, match=r"damaged: remove|unfinished export with"):
        export(client, path).run()


def test_two_runs_at_once(client: ChannelImages, tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson"

    def another(progress: Progress) -> None:
        with pytest.raises(ExportError, match="another run is writing this export"):
            export(client, path).run()

    assert export(client, path, on_progress=another).run().rows == IMAGES + 23


def test_a_file_is_replaced_only_when_that_is_said(client: ChannelImages, tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson"
    path.write_text("precious")
    with pytest.raises(ExportError, match="exists: remove it, or say --overwrite"):
        export(client, path).run()
    assert path.read_text() == "precious"
    export(client, path, overwrite=True).run()
    assert len(pks_of(path)) == IMAGES + 23


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("images.xml", "does not tell the format"),
        ("images", "does not tell the format"),
        ("images.parquet.gz", "leave out .gz"),
    ],
)
def test_names_that_tell_no_format(client: ChannelImages, tmp_path: Path, name: str, complaint: str) -> None:
    with pytest.raises(ExportError, match=complaint):
        export(client, tmp_path / name)


def test_a_full_disk(client: ChannelImages, tmp_path: Path) -> None:
    """On a real file system of 64 KB: what fits is kept, and the export goes on when there is space."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no right to mount a file system: {mounted.stderr.decode().strip()}")
    try:
        path = small / "images.ndjson"
        with pytest.raises(ExportError, match="No space left on device; free some space") as refusal:
            export(client, path).run()
        assert "\n" not in str(refusal.value)
        assert not path.exists()
        checkpoint = json.loads((small / "images.ndjson.export/checkpoint.json").read_bytes())
        assert 0 < checkpoint["rows"] < IMAGES
        subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
        result = export(client, path).run()
        assert (result.rows, result.resumed) == (IMAGES + 23, True)
        assert len(set(pks_of(path))) == IMAGES + 23
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_list_that_changes_too_fast_is_called_unstable(tmp_path: Path) -> None:
    """Pages of one size, of a list that changes at every request: no two passes agree."""
    churn = Churn(adds=1, removes=1, rate=1.0, seed=1)
    with (
        MockServer(images=100, bugs=["limit-ignored"], churn=churn) as server,
        ChannelImages(server.url, token=server.token) as client,
    ):
        path = tmp_path / "images.parquet"
        result = Export(client, [5], path).run()
    assert result.status is Status.UNSTABLE
    assert result.channels[0].doubts
    pks = pks_of(path)
    assert len(pks) == len(set(pks)) == result.rows
