"""The files of a report: whose they are, and who may read them."""

import os
import stat
from pathlib import Path

import pytest
from tests.conformance.report.conftest import report

from channel_images.conformance.report import write_report


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_the_umask_is_respected(mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write_report(report(), tmp_path / "new" / "folder")
        written = [tmp_path / "new", *(tmp_path / "new").rglob("*")]
    finally:
        os.umask(before)
    assert len(written) == 6
    for path in written:
        assert stat.S_IMODE(path.stat().st_mode) == (0o777 if path.is_dir() else 0o666) & ~mask


@pytest.mark.parametrize("name", ["report.json", "index.html", "junit.xml", "replay.sh"])
def test_a_link_in_the_folder_is_replaced_and_not_followed(name: str, tmp_path: Path) -> None:
    precious, folder = tmp_path / "precious", tmp_path / "report"
    precious.write_text("precious")
    precious.chmod(0o600)
    folder.mkdir()
    for target in (precious, tmp_path / "nowhere"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
        write_report(report(), folder)
        assert not (folder / name).is_symlink()
        assert stat.S_IMODE((folder / name).stat().st_mode) != 0o600
    assert precious.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()
    assert sorted(entry.name for entry in folder.iterdir()) == ["index.html", "junit.xml", "replay.sh", "report.json"]


def test_a_report_keeps_the_permissions_that_it_had(tmp_path: Path) -> None:
    write_report(report(), tmp_path)
    (tmp_path / "report.json").chmod(0o600)
    write_report(report(), tmp_path)
    assert stat.S_IMODE((tmp_path / "report.json").stat().st_mode) == 0o600
