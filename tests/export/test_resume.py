"""Whatever instant an export ends at, the next run ends in the same rows as an undisturbed one."""

import errno
import fcntl
import json
import multiprocessing
import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.export.conftest import IMAGES, pks_of, rows_of
from tests.export.killed import export_until

from channel_images import ChannelImages, ChannelsFailed, IncompleteListing, NotAuthenticated, Page
from channel_images.calls.sender import Sender
from channel_images.export import Export, ExportError, Progress, Status
from channel_images.export.work import WorkFolder, pk_bytes, read_pks
from channel_images.listings.driver import pages_by
from channel_images.listings.query import Query
from channel_images.mock import Churn, MockServer
from channel_images.walks.walk import Walk

KILLS = 30
# Each process is forked from one that has imported what it needs.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([export_until.__module__])


def export(client: ChannelImages, path: Path | str, **options: object) -> Export:
    return Export(client, [5, 6], path, page_size=50, checkpoint_seconds=0, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lines_of_a_run(server: MockServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many lines of the export's code a run of each format goes through."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return {suffix: run_child(server, folder / f"images.{suffix}", 0) for suffix in ("ndjson", "parquet", "csv.gz")}


@pytest.fixture(scope="module")
def lines_side_by_side(server: MockServer, tmp_path_factory: pytest.TempPathFactory) -> int:
    """The same of a run that reads channels side by side, about: the order of pages varies."""
    return run_child(server, f"{tmp_path_factory.mktemp('undisturbed')}/whole/", 0, concurrency=4)


def run_child(server: MockServer, path: Path | str, kill_at: int, *, concurrency: int = 1) -> int:
    """An export in a process of its own, which is killed at that line; else, how many lines there were."""
    receiver, sender = PROCESSES.Pipe(duplex=False)
    child = PROCESSES.Process(
        target=export_until, args=(server.url, server.token, str(path), kill_at, concurrency, sender)
    )
    child.start()
    sender.close()
    child.join()
    assert child.exitcode == (-signal.SIGKILL if kill_at else 0)
    with receiver:
        return 0 if kill_at else int(receiver.recv())


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
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("seed", range(KILLS // 2))
def test_kill_9_of_channels_that_are_read_side_by_side(
    client: ChannelImages, server: MockServer, lines_side_by_side: int, tmp_path: Path, seed: int
) -> None:
    path = f"{tmp_path}/out/" if seed % 2 else f"{tmp_path}/images.csv"
    run_child(server, path, random.Random(seed).randint(1, lines_side_by_side * 3 // 4), concurrency=4)
    result = export(client, path, overwrite=True).run()
    assert (result.status, result.rows) == (Status.COMPLETE, IMAGES + 23)
    expected = [image.pk for channel in (5, 6) for image in client.channel(channel).images()]
    assert [pk for file in result.files for pk in pks_of(file)] == expected
    assert not list(tmp_path.rglob("*.export"))


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
            Export(client, [5], path, page_size=50, checkpoint_seconds=0, on_progress=stop_after(rows)).run()  # type: ignore[arg-type]
        gone = sorted(before - removed)[:25]
        for pk in gone:
            server.remove(5, pk)
        removed.update(gone)
    result = Export(client, [5], path, page_size=50, checkpoint_seconds=0).run()
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
    assert not (tmp_path / "out/.export/5.spool").exists(), "its rows take the space once"
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


@pytest.mark.parametrize(("status", "error", "retries"), [(401, NotAuthenticated, 0), (500, ChannelsFailed, 4)])
def test_a_server_that_stops_answering(
    client: ChannelImages, server: MockServer, tmp_path: Path, status: int, error: type[Exception], retries: int
) -> None:
    path = tmp_path / "images.parquet"
    broken_off = export(client, path)
    with refused_after(server, 6, status), pytest.raises(error):
        broken_off.run()
    assert broken_off.result().rows > 0
    assert broken_off.result().retries == retries
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
            "several_channels": Export(client, [5], path),
            "on_doubt": Export(client, [5, 6], path, on_doubt="keep"),
            "filters": Export(client, [5, 6], path, filters={"product": 123}),
            "what": Export(client, [5, 6], path, what="inserts"),
            "server": Export(elsewhere, [5, 6], path),
        }
        for name, case in cases.items():
            with pytest.raises(ExportError, match=f"unfinished export with {name}"):
                case.run()
    assert export(client, path).run().rows == IMAGES + 23


def test_what_a_run_can_leave_behind_is_not_in_the_way(client: ChannelImages, tmp_path: Path) -> None:
    folder = tmp_path / "images.ndjson.export"
    folder.mkdir()
    for name in ("export.json.new", "checkpoint.json.new", "checkpoint.json", "lock"):
        (folder / name).touch()
    assert export(client, tmp_path / "images.ndjson").run().rows == IMAGES + 23


def test_a_folder_that_is_no_export_is_left_alone(client: ChannelImages, tmp_path: Path) -> None:
    folder = tmp_path / "images.ndjson.export"
    folder.mkdir()
    (folder / "mine").write_text("precious")
    with pytest.raises(ExportError, match="exists, and is not an unfinished export: rename or remove it"):
        export(client, tmp_path / "images.ndjson").run()
    assert [entry.name for entry in folder.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["checkpoint.json", "export.json"])
@pytest.mark.parametrize("content", ["{", "[]", '{"rows": 1}', "[" * 100_000])
def test_a_damaged_folder_is_not_continued(client: ChannelImages, tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / "images.ndjson"
    with pytest.raises(Stopped):
        export(client, path, on_progress=stop_after(300)).run()
    (tmp_path / "images.ndjson.export" / name).write_text(content)
    with pytest.raises(ExportError, match=r"damaged, or was edited: remove|unfinished export with"):
        export(client, path).run()


@pytest.mark.parametrize(("length", "cut"), [(298, False), (299, True)])
def test_what_an_edited_file_says_is_shown_in_short(
    client: ChannelImages, tmp_path: Path, length: int, cut: bool
) -> None:
    path = tmp_path / "images.ndjson"
    (broken_off(client, path) / "export.json").write_text(json.dumps({"version": "x" * length}))
    with pytest.raises(ExportError, match="unfinished export with version") as refused:
        export(client, path).run()
    assert ("…" in str(refused.value)) == cut


def test_what_a_checkpoint_speaks_of_is_on_the_disk(client: ChannelImages, tmp_path: Path) -> None:
    path, seen = tmp_path / "images.ndjson", 0

    def look(progress: Progress) -> None:
        nonlocal seen
        folder = path.with_name(f"{path.name}.export")
        for channel, state in json.loads((folder / "checkpoint.json").read_bytes())["state"]["channels"].items():
            pks = folder / f"{channel}.{state['part']}.pks"
            assert (folder / f"{channel}.spool").stat().st_size >= state["spool"]["size"]
            assert (pks.stat().st_size if pks.exists() else 0) >= state["pks"]["size"]
            seen += 1

    export(client, path, on_progress=look).run()
    assert seen > 10


def broken_off(client: ChannelImages, path: Path) -> Path:
    """The work folder of an export that ended after some 300 rows of channel 5."""
    with pytest.raises(Stopped):
        export(client, path, on_progress=stop_after(300)).run()
    return path.with_name(f"{path.name}.export")


def with_checkpoint(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Edit a checkpoint, as somebody would who wants it to say something else."""
    checkpoint = json.loads((folder / "checkpoint.json").read_bytes())
    change(checkpoint["state"])
    (folder / "checkpoint.json").write_text(json.dumps(checkpoint))


def says_done(state: dict[str, Any]) -> None:
    state["channels"]["5"]["walk"]["done"] = True


def lies_about_rows(state: dict[str, Any]) -> None:
    state["channels"]["5"]["rows"] += 1


def leaves_out_the_rest(state: dict[str, Any]) -> None:
    state["channels"]["5"]["stage"] = "read"


def cuts_the_spool(state: dict[str, Any]) -> None:
    state["channels"]["5"]["spool"]["size"] -= 1


@pytest.mark.parametrize("change", [says_done, lies_about_rows, leaves_out_the_rest, cuts_the_spool])
def test_an_edited_checkpoint_is_refused(
    client: ChannelImages, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    path = tmp_path / "images.ndjson"
    folder = broken_off(client, path)
    with_checkpoint(folder, change)
    with pytest.raises(ExportError, match=r"checkpoint\.json is damaged, or was edited: remove .* to begin anew"):
        export(client, path).run()
    assert not path.exists()


@pytest.mark.parametrize("name", ["5.spool", "5.0.pks"])
@pytest.mark.parametrize("where", ["first", "last"])
@pytest.mark.parametrize("suffix", ["ndjson", "parquet"])
def test_an_edited_spool_is_refused(client: ChannelImages, tmp_path: Path, name: str, where: str, suffix: str) -> None:
    path = tmp_path / f"images.{suffix}"
    folder = broken_off(client, path)
    content = bytearray((folder / name).read_bytes())
    size = json.loads((folder / "checkpoint.json").read_bytes())["state"]["channels"]["5"]["spool"]["size"]
    content[0 if where == "first" else (size - 1 if name == "5.spool" else -1)] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ExportError, match=f"{name} is damaged, or was edited"):
        export(client, path).run()
    (folder / name).unlink()
    with pytest.raises(ExportError, match=f"{name} is damaged, or was edited"):
        export(client, path).run()
    assert not path.exists()


def test_a_checkpoint_of_another_export_is_refused(client: ChannelImages, tmp_path: Path) -> None:
    """Of the same channels, with a filter: in its place, it would make a part of the rows the whole."""
    path, filtered = tmp_path / "images.ndjson", tmp_path / "filtered.ndjson"
    folder = broken_off(client, path)
    with pytest.raises(Stopped):
        export(client, filtered, filters={"id_in": range(100)}, on_progress=stop_after(50)).run()
    other = filtered.with_name("filtered.ndjson.export")
    for name in ("checkpoint.json", "5.spool", "5.0.pks"):
        (other / name).replace(folder / name)
    with pytest.raises(ExportError, match=r"checkpoint\.json is damaged, or was edited"):
        export(client, path).run()


@pytest.mark.parametrize("suffix", ["ndjson", "parquet"])
def test_a_file_that_is_gone_is_missed(
    client: ChannelImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """A run that ended after the file was in its place, and before its folder was removed."""
    path = tmp_path / f"images.{suffix}"
    with monkeypatch.context() as patch:
        patch.setattr("channel_images.export.work.WorkFolder.remove", lambda _: None)
        export(client, path).run()
    path.unlink()
    with pytest.raises(ExportError, match=r"is gone, which an earlier run wrote: remove .* to begin anew"):
        export(client, path).run()


@pytest.mark.parametrize("suffix", ["ndjson", "csv.gz", "parquet"])
def test_a_run_that_ended_when_the_file_was_in_its_place_is_continued(
    client: ChannelImages, server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Before a checkpoint said so. Where the spool has become the file, the file is held against the checkpoint."""
    path = tmp_path / f"images.{suffix}"
    save = WorkFolder.save

    def save_until_it_is_placed(work: WorkFolder, state: dict[str, Any]) -> None:
        if state["channels"]["5"]["stage"] == "placed":
            raise Stopped
        save(work, state)

    with monkeypatch.context() as patch:
        patch.setattr(WorkFolder, "save", save_until_it_is_placed)
        with pytest.raises(Stopped):
            Export(client, [5], path).run()
    whole = path.read_bytes()
    for edited in (whole[:-1], whole + b"\n", whole[:-1] + b" ", None) if suffix != "parquet" else ():
        path.unlink()
        if edited is not None:
            path.write_bytes(edited)
        with pytest.raises(ExportError, match=r"5\.spool is damaged, or was edited"):
            Export(client, [5], path).run()
        path.write_bytes(whole)
    before = len(server.requests)
    assert Export(client, [5], path).run().status is Status.COMPLETE
    assert len(server.requests) == before
    assert len(pks_of(path)) == IMAGES
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_run_that_ends_between_two_parts_of_a_list_is_continued(
    client: ChannelImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ids = tmp_path / "images.ndjson", range(3_000)  # more than fit into one URL
    begun: list[Query] = []

    def pages_of_the_first_part(sender: Sender, part: Query, walk: Walk) -> Iterator[Page]:
        begun.append(part)
        if len(begun) > 1:
            raise Stopped
        return pages_by(sender, part, walk)

    with monkeypatch.context() as patch:
        patch.setattr("channel_images.export.reader.pages_by", pages_of_the_first_part)
        with pytest.raises(Stopped):
            export(client, path, filters={"id_in": ids}).run()
    assert export(client, path, filters={"id_in": ids}).run().resumed
    assert pks_of(path) == [image.pk for channel in (5, 6) for image in client.channel(channel).images(id_in=ids)]


def test_rows_are_expected_when_the_last_part_of_a_list_is_begun(client: ChannelImages, tmp_path: Path) -> None:
    said: list[Progress] = []
    filters = {"id_in": [*range(300, 3_000), *range(300)]}  # more than fit into one URL, and images in the last part
    Export(client, [5], tmp_path / "images.ndjson", filters=filters, on_progress=said.append).run()
    before = [progress.rows for progress in said if progress.expected is None]
    assert 0 < max(before) < said[-1].rows
    assert {progress.expected for progress in said} == {None, said[-1].rows}


# Whose the files are


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A file of somebody else's, to which links lead."""
    path = tmp_path / "elsewhere" / "precious"
    path.parent.mkdir()
    path.write_text("precious")
    return path


LINKS = ("lock", "export.json.new", "checkpoint.json", "checkpoint.json.new", "5.spool", "5.0.pks", "whole.parquet")


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize("begun", [False, True])
def test_no_link_in_a_work_folder_is_followed(
    client: ChannelImages,
    tmp_path: Path,
    precious: Path,
    name: str,
    link: Callable[[Path, Path], None],
    begun: bool,
) -> None:
    path = tmp_path / "images.parquet"
    folder = path.with_name(f"{path.name}.export")
    if begun:
        broken_off(client, path)
        (folder / name).unlink(missing_ok=True)
    else:
        folder.mkdir()
    link(folder / name, precious)
    with pytest.raises(
        ExportError, match=r"is a link, or not a file: remove|is not an unfinished export: rename or remove"
    ):
        export(client, path, overwrite=True).run()
    assert precious.read_text() == "precious"
    assert not path.exists()


def test_a_work_folder_that_is_a_link_is_not_followed(client: ChannelImages, tmp_path: Path, precious: Path) -> None:
    for target in (precious.parent, precious, tmp_path / "nowhere"):
        folder = tmp_path / "images.ndjson.export"
        folder.symlink_to(target)
        with pytest.raises(ExportError, match="exists, and is not a folder: rename or remove it"):
            export(client, tmp_path / "images.ndjson").run()
        folder.unlink()
    assert [entry.name for entry in precious.parent.iterdir()] == ["precious"]
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["pipe", "folder"])
def test_what_is_no_file_in_a_work_folder_is_refused(client: ChannelImages, tmp_path: Path, name: str) -> None:
    path = tmp_path / "images.ndjson"
    folder = broken_off(client, path)
    (folder / "5.spool").unlink()
    os.mkfifo(folder / "5.spool") if name == "pipe" else (folder / "5.spool").mkdir()
    with pytest.raises(ExportError, match=r"5\.spool is a link, or not a file: remove"):
        export(client, path).run()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of somebody else's")
def test_a_work_folder_of_somebody_else_is_refused(client: ChannelImages, tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson"
    os.chown(broken_off(client, path), 12345, -1)
    with pytest.raises(ExportError, match="belongs to another user: remove it"):
        export(client, path).run()


def test_in_a_folder_no_link_is_followed(client: ChannelImages, tmp_path: Path, precious: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "channel_id=6").symlink_to(precious.parent)
    with pytest.raises(ExportError, match="channel_id=6 is a symbolic link: remove it"):
        export(client, out, overwrite=True).run()
    (out / "channel_id=6").unlink()
    (out / "channel_id=6").mkdir()
    (out / "channel_id=6/images.parquet").symlink_to(precious)
    with pytest.raises(ExportError, match="exists: remove it"):
        export(client, out).run()
    export(client, out, overwrite=True).run()
    assert len(pks_of(out / "channel_id=6/images.parquet")) == 23
    assert precious.read_text() == "precious"
    assert [entry.name for entry in precious.parent.iterdir()] == ["precious"]


def test_a_file_can_be_in_a_folder_that_a_link_leads_to(client: ChannelImages, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    export(client, tmp_path / "link/images.ndjson").run()
    assert len(pks_of(tmp_path / "images.ndjson")) == IMAGES + 23


def test_a_link_that_leads_nowhere_is_there_already(client: ChannelImages, tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson"
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ExportError, match="exists: remove it, or give --overwrite"):
        export(client, path).run()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["ndjson", "parquet", "csv.gz"])
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_the_umask_is_respected(client: ChannelImages, tmp_path: Path, suffix: str, mask: int) -> None:
    path, out = tmp_path / f"images.{suffix}", tmp_path / "out"
    before = os.umask(mask)
    try:
        folder = broken_off(client, path)
        assert {stat.S_IMODE(entry.stat().st_mode) for entry in folder.iterdir()} == {0o666 & ~mask}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        export(client, path).run()
        export(client, f"{out}/").run()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((out / "channel_id=5/images.parquet").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((out / "channel_id=5").stat().st_mode) == 0o777 & ~mask


def test_a_run_that_ended_while_it_removed_its_folder(
    client: ChannelImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of its steps: the file is whole, so the next run is content with it, or refuses to replace it."""
    unlink, steps = Path.unlink, 0

    def unlink_so_many(path: Path, missing_ok: bool = False) -> None:
        nonlocal steps
        if path.parent.name.endswith(".export"):
            if not steps:
                raise Stopped
            steps -= 1
        unlink(path, missing_ok)

    for number in range(1, 20):
        path, steps = tmp_path / f"{number}.ndjson", number
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", unlink_so_many)
            try:
                export(client, path).run()
                break
            except Stopped:
                pass
        whole = path.read_bytes()
        try:
            assert export(client, path).run().status is Status.COMPLETE
        except ExportError as error:
            assert "exists: remove it, or give --overwrite" in str(error)  # noqa: PT017 - either is right
        assert path.read_bytes() == whole
        assert {entry.suffix for entry in tmp_path.iterdir()} == {".ndjson"}
    else:
        pytest.fail("it never ended")
    assert number > 5


def test_a_lock_that_was_removed_is_no_lock(
    client: ChannelImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three runs: the first removes its folder when the second has opened the lock, but not locked it yet; and the
    third makes the folder anew. Only one of these two may go on."""
    path = tmp_path / "images.ndjson"
    folder = path.with_name(f"{path.name}.export")
    flock = fcntl.flock
    third: list[WorkFolder] = []

    def late(file: Any, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        WorkFolder(folder, {}).remove()
        third.append(WorkFolder(folder, {}).__enter__())
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(ExportError, match="another run is writing this export"):
        export(client, path).run()
    assert not path.exists()
    third[0].__exit__()


@pytest.mark.parametrize("can_lock", [True, False])
def test_a_folder_that_was_removed_meanwhile_is_made_anew(
    client: ChannelImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_lock: bool
) -> None:
    path = tmp_path / "images.ndjson"
    flock = fcntl.flock

    def late(file: Any, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        WorkFolder(path.with_name(f"{path.name}.export"), {}).remove()
        if not can_lock:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    assert export(client, path).run().rows == IMAGES + 23
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_runs_that_race_write_the_file_once(server: MockServer, tmp_path: Path) -> None:
    """Many processes at once: each writes it, is told that another does, or that it is there."""
    command = [sys.executable, "-m", "channel_images.cli", "export", "6", "images.ndjson"]
    environment = {**os.environ, "CHANNEL_IMAGES_URL": server.url, "CHANNEL_IMAGES_TOKEN": server.token}
    runs = [
        subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(6)
    ]
    said = [run.communicate()[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 2, 2, 2, 2, 2], said
    assert all("complete" in text or "another run is writing" in text or "exists: remove it" in text for text in said)
    assert len(pks_of(tmp_path / "images.ndjson")) == 23
    assert [entry.name for entry in tmp_path.iterdir()] == ["images.ndjson"]


def test_two_runs_at_once(client: ChannelImages, tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson"

    def another(progress: Progress) -> None:
        with pytest.raises(ExportError, match="another run is writing this export"):
            export(client, path).run()

    assert export(client, path, on_progress=another).run().rows == IMAGES + 23


def test_a_file_is_replaced_only_when_that_is_said(client: ChannelImages, tmp_path: Path) -> None:
    path = tmp_path / "images.ndjson"
    path.write_text("precious")
    refused = export(client, path)
    result = refused.result()
    assert (result.status, result.rows, result.retries, result.resumed) == (Status.PARTIAL, 0, 0, False)
    with pytest.raises(ExportError, match="exists: remove it, or give --overwrite"):
        refused.run()
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
        assert 0 < checkpoint["state"]["channels"]["5"]["rows"] < IMAGES
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
        with pytest.raises(IncompleteListing) as doubt:
            Export(client, [5], path).run()
        assert doubt.value.windows
        assert list(tmp_path.iterdir()) == []  # what is in doubt is read anew
        result = Export(client, [5], path, on_doubt="keep").run()
    assert result.status is Status.UNSTABLE
    assert "images may be missing before" in result.channels[0].doubts[0]
    pks = pks_of(path)
    assert len(pks) == len(set(pks)) == result.rows


def test_the_pks_of_a_spool_come_back(tmp_path: Path) -> None:
    pks = [0, 1, -7, 2**63 - 1, 2**63 + 5, 2**70 - 1, -(2**70) + 1] * 20_000  # more than are read at once
    (tmp_path / "pks").write_bytes(pk_bytes(pks))
    assert [pk for some in read_pks(tmp_path / "pks") for pk in some] == pks
