"""The folder in which an export keeps what it has so far, so that the next run goes on from there.

Whatever instant a process or a machine dies at, the folder holds a checkpoint that was written whole: the spool is
flushed to the disk first, then a new checkpoint takes the place of the old one by a rename. What the spool holds beyond
its checkpoint is cut off when it is opened again.
"""

import errno
import json
import os
import shutil
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from channel_images.exceptions import ExportError

VERSION = 1
_IDENTITY = "export.json"
_FIRST_FILES = frozenset(("lock", f"{_IDENTITY}.new"))
"""What a run that ended at once can leave."""
_PK_BYTES = 8
_COPIED = 1 << 16


class WorkFolder:
    """The folder of one export, locked against another run.

    Args:
        path: The folder; made where it is not there.
        identity: What the export is of. A folder of another one is refused.

    Attributes:
        state: What the last checkpoint said; empty for a new export.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self._identity = {"version": VERSION, **identity}
        self.state: dict[str, Any] = {}
        self._lock: BinaryIO | None = None

    def __enter__(self) -> "WorkFolder":
        self.path.mkdir(exist_ok=True)
        if not (self.path / _IDENTITY).exists() and {entry.name for entry in self.path.iterdir()} - _FIRST_FILES:
            raise ExportError(f"{self.path} is there already, and is no unfinished export: rename or remove it")
        self._lock = (self.path / "lock").open("wb")
        _lock(self._lock, self.path)
        try:
            self._check_identity()
            self.state = self._read("checkpoint.json") or {}
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()

    def _check_identity(self) -> None:
        found = self._read(_IDENTITY)
        if found is None:
            write_atomically(self.path / _IDENTITY, json.dumps(self._identity, indent=2).encode())
            return
        wanted = json.loads(json.dumps(self._identity))
        for name in {**wanted, **found}:
            if found.get(name) != wanted.get(name):
                raise ExportError(
                    f"{self.path} holds an unfinished export with {name} {_shown(found.get(name))}, not "
                    f"{_shown(wanted.get(name))}: finish it as it was begun, or remove the folder"
                )

    def _read(self, name: str) -> dict[str, Any] | None:
        """What a file of the folder says; None where there is none."""
        try:
            content = json.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise ExportError(f"{self.path / name} is damaged: remove {self.path} to begin anew")
        return content

    def save(self, state: dict[str, Any]) -> None:
        """Make `state` the checkpoint. What it speaks of has to be on the disk."""
        write_atomically(self.path / "checkpoint.json", json.dumps(state).encode())
        self.state = state

    def remove(self) -> None:
        """Remove the folder. It loses its name first, so that no half of it is taken for an unfinished export."""
        doomed = self.path.with_name(f"{self.path.name}.done")
        shutil.rmtree(doomed, ignore_errors=True)
        self.path.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


class Spool:
    """A file that only grows, and can be cut back to where a checkpoint was.

    Args:
        path: The file.
        size: How many of its bytes count; what is beyond is cut off.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        path.touch()
        if path.stat().st_size < size:
            raise ExportError(f"{path} is shorter than its checkpoint says: remove the folder to begin anew")
        self._file = path.open("r+b")
        self._file.truncate(size)
        self._file.seek(size)
        self.size = size

    def append(self, content: bytes) -> None:
        """Write at the end."""
        self._file.write(content)
        self.size += len(content)

    def sync(self) -> None:
        """Return when all of it is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file. An error here would hide the one that ended the export."""
        with suppress(OSError):
            self._file.close()


def read_pks(path: Path) -> Iterator[Sequence[int]]:
    """The integers in a spool of 8 bytes each, some at a time."""
    with path.open("rb") as file:
        while content := file.read(_PK_BYTES * _COPIED):
            yield array("q", content)


def pk_bytes(pks: Sequence[int]) -> bytes:
    """Integers as 8 bytes each."""
    return array("q", pks).tobytes()


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` in the place of the file, which is whole at every instant."""
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Return when the names in the folder are on the disk, where the system knows such a thing."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_file(path: Path) -> None:
    """Return when the file is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one line.

    Raises:
        ExportError: In place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        hint = "; free some space and run the command again, to go on" if error.errno == errno.ENOSPC else ""
        raise ExportError(f"{error.filename or path}: {error.strerror or error}{hint}") from error


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows: nothing keeps two runs apart
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ExportError(f"another run is writing this export ({path} is locked)") from None


def _shown(value: object) -> str:
    return json.dumps(value)
