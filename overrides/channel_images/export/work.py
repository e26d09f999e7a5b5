"""Keeps what an export has so far in a folder, so that the next run goes on from there.

Whatever instant a process or a machine dies at, the folder holds a checkpoint that was written whole: the spool is
flushed to the disk first, then a new checkpoint takes the place of the old one by a rename. What the spool holds beyond
its checkpoint is cut off when it is opened again.

Nothing in the folder is believed unseen. A checkpoint has a digest of itself, and names the digests of the spools, so
that a folder that was damaged or edited is refused. A folder or file that is a link, or a folder of somebody else, is
not written to: an export next to which others may write must not change a file of theirs, or have its own changed.
"""

import errno
import hashlib
import json
import logging
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from attrs import frozen

from channel_images.exceptions import ExportError

VERSION = 4
_IDENTITY = "export.json"
_CHECKPOINT = "checkpoint.json"
_LOCK = "lock"
_LEFTOVERS = (f"{_IDENTITY}.new", f"{_CHECKPOINT}.new", _CHECKPOINT, _LOCK)
"""What a run can leave without `export.json`: one that ended at once, or while it removed its folder, in this order."""
PK_BYTES = 9
"""Room for the widest `pk` that a listing takes, with its sign."""
_COPIED = 1 << 16
_MOST_SHOWN = 300
"""Characters of a value in an error: a file that was edited may hold any."""
_UNABLE = {errno.EINVAL, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK}
"""What a file system answers, one of a network above all, when it cannot flush a folder or lock a file."""

logger = logging.getLogger("channel_images")


class Disk:
    """Flushes and locks where the file system can; where it cannot, goes on without, and says each once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def flush(self, path: Path, descriptor: int | None = None) -> None:
        """Return when a file, or the names in a folder, are on the disk.

        Args:
            path: The file or folder.
            descriptor: Of the file, where it is open.
        """
        if os.name != "posix" and path.is_dir():
            return
        opened = None
        try:
            if descriptor is None:
                descriptor = opened = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
        except OSError as error:
            self._go_on("cannot be flushed to the disk: a power cut may lose what was written there", path, error)
        finally:
            if opened is not None:
                os.close(opened)

    def lock(self, file: BinaryIO, folder: Path) -> None:
        """Lock a file against other runs.

        Raises:
            ExportError: Another run has locked it.
        """
        try:
            import fcntl
        except ModuleNotFoundError:  # Windows: nothing keeps two runs apart
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExportError(f"another run is writing this export ({folder} is locked)") from None
        except OSError as error:
            self._go_on("cannot be locked: nothing keeps a second run from writing the same export", folder, error)

    def _go_on(self, lacking: str, path: Path, error: OSError) -> None:
        if error.errno not in _UNABLE:
            raise error
        if lacking not in self._said:
            self._said.add(lacking)
            logger.warning("%s %s (%s)", path, lacking, error.strerror)


class WorkFolder:
    """The folder of one export, locked against another run.

    Args:
        path: The folder; made where it is not there.
        identity: What the export is of. A folder of another one is refused.

    Attributes:
        disk: What it is on.
        state: What the last checkpoint said; empty for a new export.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self._identity = {"version": VERSION, **identity}
        self.disk = Disk()
        self.state: dict[str, Any] = {}
        self._lock: BinaryIO | None = None

    def __enter__(self) -> "WorkFolder":
        while self._lock is None:
            with suppress(FileExistsError):
                self.path.mkdir(mode=0o700)
            with suppress(FileNotFoundError):  # another run ends, and removes it
                _refuse_what_is_not_ours(self.path)
                self._lock = self._locked(self.path / _LOCK)
        try:
            self._check_identity()
            self.state = self._checkpoint()
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
            (self.path / _CHECKPOINT).unlink(missing_ok=True)
            self._replace(_IDENTITY, json.dumps(self._identity, indent=2).encode())
            return
        wanted = json.loads(json.dumps(self._identity))
        for name in {**wanted, **found}:
            if found.get(name) != wanted.get(name):
                raise ExportError(
                    f"{self.path} holds an unfinished export with {_cut(name)} {_shown(found.get(name))}, not "
                    f"{_shown(wanted.get(name))}: finish it as it was begun, or remove the folder"
                )

    def _checkpoint(self) -> dict[str, Any]:
        """The state that the last checkpoint holds, if that is what was written."""
        found = self._read(_CHECKPOINT)
        if found is None:
            return {}
        state = found.get("state")
        if not isinstance(state, dict) or found.get("digest") != self._digest(state):
            raise damaged(self.path / _CHECKPOINT)
        return state

    def _digest(self, state: Mapping[str, Any]) -> str:
        content = json.dumps([self._identity, state], sort_keys=True).encode()
        return hashlib.sha256(content).hexdigest()

    def _locked(self, path: Path) -> BinaryIO | None:
        """The lock file, locked where that can be; None if it was removed before it was locked.

        Raises:
            ExportError: Another run has locked it.
        """
        file = path.open("ab")
        try:
            self.disk.lock(file, self.path)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BaseException:
            file.close()
            raise
        file.close()
        return None

    def _replace(self, name: str, content: bytes) -> None:
        """Put `content` in the place of a file, which is whole at every instant."""
        temporary = self.path / f"{name}.new"
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            self.disk.flush(temporary, file.fileno())
        temporary.rename(self.path / name)
        self.disk.flush(self.path)

    def _read(self, name: str) -> dict[str, Any] | None:
        """What a file of the folder says; None if there is none."""
        try:
            content = json.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise damaged(self.path / name)
        return content

    def save(self, state: dict[str, Any]) -> None:
        """Make `state` the checkpoint. What it speaks of has to be on the disk."""
        content = json.dumps({"digest": self._digest(state), "state": state}).encode()
        self._replace(_CHECKPOINT, content)
        self.state = state

    def remove(self) -> None:
        """Remove the folder. Whatever instant this ends at, the next run can go on or begin anew."""
        kept = {*_LEFTOVERS, _IDENTITY}
        for name in (*(entry.name for entry in self.path.iterdir() if entry.name not in kept), _IDENTITY, *_LEFTOVERS):
            (self.path / name).unlink(missing_ok=True)
        with suppress(OSError):  # another run has begun in it
            self.path.rmdir()


@frozen
class Mark:
    """How far a spool is: its size, and the digest of so many of its bytes."""

    size: int = 0
    digest: str = ""


EMPTY = Mark()


class Spool:
    """A file that only grows, and can be cut back to where a checkpoint was.

    Args:
        path: The file.
        mark: What of it counts; what is beyond is cut off.
        disk: What it is on.

    Raises:
        ExportError: It is not what the mark says.
    """

    def __init__(self, path: Path, mark: Mark, disk: Disk) -> None:
        self.path = path
        self._disk = disk
        path.touch()
        self._file = path.open("r+b")
        self._hash = _hash_of(self._file, mark.size)
        if mark.size and self._hash.hexdigest() != mark.digest:
            self.close()
            raise damaged(path)
        self._file.truncate(mark.size)
        self._file.seek(mark.size)
        self._size = mark.size

    def append(self, content: bytes) -> None:
        """Write at the end."""
        self._file.write(content)
        self._hash.update(content)
        self._size += len(content)

    @property
    def mark(self) -> Mark:
        """How far it is."""
        return Mark(self._size, self._hash.hexdigest())

    def sync(self) -> None:
        """Return when all of it is on the disk."""
        self._file.flush()
        self._disk.flush(self.path, self._file.fileno())

    def close(self) -> None:
        """Close the file. An error here would hide the one that ended the export."""
        with suppress(OSError):
            self._file.close()


def holds(path: Path, mark: Mark) -> bool:
    """Whether there is a file that is exactly what the mark says."""
    try:
        with path.open("rb") as file:
            return path.stat().st_size == mark.size and _hash_of(file, mark.size).hexdigest() == mark.digest
    except FileNotFoundError:
        return False


def read_pks(path: Path) -> Iterator[Sequence[int]]:
    """The integers in a spool, some at a time."""
    with path.open("rb") as file:
        while content := file.read(PK_BYTES * _COPIED):
            starts = range(0, len(content), PK_BYTES)
            yield [int.from_bytes(content[start : start + PK_BYTES], "little", signed=True) for start in starts]


def pk_bytes(pks: Sequence[int]) -> bytes:
    """Integers as a spool has them, each as long as any other."""
    return b"".join(pk.to_bytes(PK_BYTES, "little", signed=True) for pk in pks)


def damaged(path: Path) -> ExportError:
    """The refusal of a file of a work folder that does not hold what an export wrote into it."""
    return ExportError(f"{path} is damaged, or was edited: remove {path.parent} to begin anew")


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


def _hash_of(file: BinaryIO, size: int) -> "hashlib._Hash":
    """The digest of the first bytes of a file, to be continued."""
    digest = hashlib.sha256()
    while content := file.read(min(size, _COPIED)):
        digest.update(content)
        size -= len(content)
    return digest


def _refuse_what_is_not_ours(folder: Path) -> None:
    """Refuse a folder that no export made, or that somebody prepared so that it leads elsewhere."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise ExportError(f"{folder} exists, and is not a folder: rename or remove it")
    if not _is_own(folder, status.st_uid):
        raise ExportError(f"{folder} belongs to another user: remove it, or choose another name for the file")
    with os.scandir(folder) as entries:
        found = {entry.name: entry.stat(follow_symlinks=False) for entry in entries}
    if _IDENTITY not in found and not found.keys() <= {*_LEFTOVERS}:
        raise ExportError(f"{folder} exists, and is not an unfinished export: rename or remove it")
    for name, status in found.items():
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            raise ExportError(f"{folder / name} is a link, or not a file: remove {folder} to begin anew")


def _is_own(folder: Path, owner: int) -> bool:
    if os.name != "posix" or owner == os.geteuid():
        return True
    with tempfile.TemporaryFile(dir=folder) as probe:  # a file server may know this user by another number
        return os.fstat(probe.fileno()).st_uid == owner


def _shown(value: object) -> str:
    return _cut(json.dumps(value))


def _cut(text: str) -> str:
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
