"""File systems that cannot flush a folder, or cannot lock: an export is written to them all the same, and says so once."""

import errno
import fcntl
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.export.conftest import IMAGES, pks_of
from typer.testing import CliRunner

from channel_images import ChannelImages
from channel_images.cli.app import app
from channel_images.export import Export, ExportError
from channel_images.export.work import disk_errors
from channel_images.mock import MockServer

Patch = Callable[[pytest.MonkeyPatch, int], None]


def without_flush_of_folders(patch: pytest.MonkeyPatch, code: int) -> None:
    fsync = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    patch.setattr(os, "fsync", refuse)


def without_flush(patch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    patch.setattr(os, "fsync", refuse)


def without_reading_of_folders(patch: pytest.MonkeyPatch, code: int) -> None:
    open_it = os.open

    def refuse(path: Any, flags: int, *more: Any, **options: Any) -> int:
        if flags == os.O_RDONLY and Path(path).is_dir():
            raise OSError(code, os.strerror(code))
        return open_it(path, flags, *more, **options)

    patch.setattr(os, "open", refuse)


def without_locks(patch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(file: Any, how: int) -> None:
        raise OSError(code, os.strerror(code))

    patch.setattr(fcntl, "flock", refuse)


LACKING = [
    *((without_flush_of_folders, code) for code in (errno.EINVAL, errno.EPERM, errno.ENOTSUP, errno.ENOSYS)),
    (without_flush, errno.EINVAL),
    (without_reading_of_folders, errno.EACCES),
    *((without_locks, code) for code in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)),
]


@pytest.mark.parametrize(("lacking", "code"), LACKING)
@pytest.mark.parametrize("target", ["images.ndjson", "images.parquet", "out/"])
def test_what_a_file_system_lacks_is_said_once(
    client: ChannelImages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    lacking: Patch,
    code: int,
    target: str,
) -> None:
    lacking(monkeypatch, code)
    with caplog.at_level(logging.WARNING, logger="channel_images"):
        result = Export(client, [5, 6], f"{tmp_path}/{target}", page_size=100, checkpoint_seconds=0).run()
    monkeypatch.undo()
    assert result.rows == IMAGES + 23
    assert sum(len(pks_of(file)) for file in result.files) == IMAGES + 23
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    wanted = "cannot be locked" if lacking is without_locks else "cannot be flushed"
    assert wanted in record.getMessage()
    assert os.strerror(code) in record.getMessage()
    assert not list(tmp_path.rglob("*.export"))


@pytest.mark.parametrize("lacking", [without_flush_of_folders, without_locks])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_what_is_wrong_with_a_disk_still_ends_it(
    client: ChannelImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: Patch, code: int
) -> None:
    lacking(monkeypatch, code)
    with pytest.raises(ExportError, match=os.strerror(code)):
        Export(client, [5], tmp_path / "images.ndjson").run()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EIO, "Input/output error"), "images.csv: Input/output error"),
        (OSError(errno.EIO, "Input/output error", "5.spool"), "5.spool: Input/output error"),
        (OSError("out of order"), "images.csv: out of order"),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "images.csv: No space left on device; free some space and run the command again, to go on",
        ),
    ],
)
def test_an_error_of_a_disk_is_one_line(error: OSError, said: str) -> None:
    with pytest.raises(ExportError) as raised, disk_errors(Path("images.csv")):
        raise error
    assert str(raised.value) == said


@pytest.mark.parametrize("lacking", [without_flush_of_folders, without_locks])
def test_the_command_says_it_in_one_line(
    server: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: Patch
) -> None:
    lacking(monkeypatch, errno.ENOTSUP)
    path = tmp_path / "images.csv"
    arguments = ["export", "6", str(path), "--url", server.url, "--quiet"]
    done = CliRunner().invoke(app, arguments, env={"CHANNEL_IMAGES_TOKEN": server.token})
    assert done.exit_code == 0
    warning, outcome = done.stderr.splitlines()
    assert warning.startswith(f"channel-images: {path}.export cannot be ")
    assert outcome.startswith("channel-images: complete: 23 images")
