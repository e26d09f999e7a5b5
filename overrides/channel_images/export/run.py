"""Writes an export: reads the lists of channels page by page into a spool, and makes the file of it."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Never, TypedDict

from attrs import evolve

from channel_images.calls.sender import Sender
from channel_images.choices import What
from channel_images.exceptions import ChannelImagesError, ExportError, IncompleteListing
from channel_images.export.lists import EXPORT_PAGE_SIZE, list_of
from channel_images.export.results import ChannelResult, ExportResult, Progress, Status
from channel_images.export.sinks import format_of, sink_for
from channel_images.export.state import Reading, State
from channel_images.export.work import (
    EMPTY,
    Spool,
    WorkFolder,
    disk_errors,
    holds,
    pk_bytes,
    read_pks,
)
from channel_images.listings.driver import pages_by
from channel_images.listings.query import Query
from channel_images.settings import refuse_arguments
from channel_images.walks.consistent import ConsistentWalk
from channel_images.walks.rows import keys_of
from channel_images_api.models import ProductImage

CHECKPOINT_SECONDS = 2.0
_CHUNK = 5_000
"""Rows that are written at a time."""


class ExportOptions(TypedDict, total=False):
    """The options of an export; see `Export`."""

    what: What | str
    filters: Mapping[str, Any] | None
    file_format: str | None
    escape_formulas: bool
    page_size: int
    concurrency: int
    overwrite: bool
    checkpoint_seconds: float
    on_progress: Callable[[Progress], None] | None


class Export:
    """An export of one or more channels into a file, or into a file for each channel in a folder.

    Args:
        client: Sends the requests.
        channels: The channels; none twice.
        path: The file. Its name tells the format: `.ndjson`, `.csv`, `.parquet`, and `.ndjson.gz`, `.csv.gz`. Or a
            folder, which is one that exists or a path that ends in a slash: `channel_id=5/images.parquet` in it.
        what: Which list of the channels: `images`, `detailed`, `inserts`, `updates` or `pending`.
        filters: As `Channel.images` takes them; for `images` alone.
        file_format: `ndjson`, `csv` or `parquet`, for a folder.
        escape_formulas: Whether text that a spreadsheet would calculate, such as `=1+1`, gets an apostrophe before it;
            for CSV alone.
        page_size: Rows on a page.
        concurrency: Pages in flight at a time.
        overwrite: Whether a file that is there may be replaced.
        checkpoint_seconds: Seconds between two checkpoints.
        on_progress: Is told after each page how far it is.

    Raises:
        ExportError: It cannot be written as asked.
    """

    def __init__(
        self,
        client: Sender,
        channels: Sequence[int],
        path: Path | str,
        *,
        what: What | str = What.IMAGES,
        filters: Mapping[str, Any] | None = None,
        file_format: str | None = None,
        escape_formulas: bool = False,
        page_size: int = EXPORT_PAGE_SIZE,
        concurrency: int = 1,
        overwrite: bool = False,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
        on_progress: Callable[[Progress], None] | None = None,
        **refused: Never,
    ) -> None:
        refuse_arguments(refused)
        self._client = client
        self._channels = list(channels)
        if not self._channels:
            raise ExportError("no channel to export")
        if len(set(self._channels)) < len(self._channels):
            raise ExportError("a channel is given twice")
        self._what = What(what)
        self._filters = {name: _plain(value) for name, value in (filters or {}).items() if value is not None}
        self._page_size = page_size
        self._concurrency = concurrency
        self._overwrite = overwrite
        self._checkpoint_seconds = checkpoint_seconds
        self._on_progress = on_progress
        self._folder = str(path).endswith("/") or Path(path).is_dir()
        self._path = Path(path)
        name, compressed = (file_format or "parquet", False) if self._folder else format_of(self._path)
        if file_format not in (None, name):
            raise ExportError(f"the name {self._path.name} says {name}, and the format {file_format} is for a folder")
        self._sink = sink_for(
            name,
            compressed=compressed,
            with_channel=not self._folder and len(self._channels) > 1,
            escape_formulas=escape_formulas,
        )
        self._identity = {
            "server": client.base_url,
            "channels": self._channels,
            "what": self._what.value,
            "filters": self._filters,
            "format": self._sink.suffix,
            "escape_formulas": escape_formulas,
        }
        for channel in self._channels:  # refuses what no list takes, before anything is written
            list_of(channel, self._what, self._filters)
        self._state = State()
        self._files: list[Path] = []
        self._begun_with = 0  # rows of earlier runs
        self._saved = 0
        self._retries = 0
        self._resumed = False
        self._started = time.monotonic()
        self._done = False

    @property
    def work_folder(self) -> Path:
        """Where it keeps what it has until it is done."""
        return self._path / ".export" if self._folder else self._path.with_name(f"{self._path.name}.export")

    def run(self) -> ExportResult:
        """Write it, or what is left of it.

        Raises:
            ExportError: Another export's work is in the way, a file is there already, or the disk is full.
            ChannelImagesError: The server cannot be read. What was read is kept.
        """
        with disk_errors(self._path):
            if self._folder:
                self._path.mkdir(parents=True, exist_ok=True)
            elif not self._path.parent.is_dir():
                raise ExportError(f"{self._path.parent}: there is no such folder")
            self._refuse_links()
            with WorkFolder(self.work_folder, self._identity) as work:
                try:
                    if not work.state:
                        self._refuse_to_overwrite()
                    self._run(work)
                except BaseException:
                    if not work.state:
                        work.remove()  # nothing to go on with
                    raise
                self._done = True
                work.remove()
        return self.result()

    def _run(self, work: WorkFolder) -> None:
        self._resumed = bool(work.state)
        self._state = State.from_dict(work.state)
        self._begun_with = self._saved = self._state.rows
        for number, (target, channels) in enumerate(self._targets()):
            if number >= self._state.files:
                self._write(work, target, channels)
            elif not target.is_file():
                raise ExportError(f"{target} is gone, which an earlier run wrote: remove {work.path} to begin anew")
            self._files.append(target)

    def result(self) -> ExportResult:
        """What came of it, also when it was broken off."""
        finished = self._state.finished
        unstable = any(channel.status is Status.UNSTABLE for channel in finished)
        whole = Status.UNSTABLE if unstable else Status.COMPLETE
        return ExportResult(
            status=whole if self._done else Status.PARTIAL,
            rows=self._state.rows if self._done else self._saved,
            channels=tuple(finished),
            files=tuple(self._files),
            retries=self._retries,
            resumed=self._resumed,
            seconds=time.monotonic() - self._started,
        )

    def _targets(self) -> Iterator[tuple[Path, Sequence[int]]]:
        if not self._folder:
            yield self._path, self._channels
            return
        for channel in self._channels:
            yield self._path / f"channel_id={channel}" / f"{self._what}{self._sink.suffix}", [channel]

    def _refuse_to_overwrite(self) -> None:
        there = [target for target, _ in self._targets() if os.path.lexists(target)]
        if there and not self._overwrite:
            raise ExportError(f"{there[0]} exists: remove it, or say --overwrite (overwrite=True)")

    def _refuse_links(self) -> None:
        """Refuse a folder of a channel that leads elsewhere: its name is ours, not the user's."""
        for target, _ in self._targets():
            if self._folder and target.parent.is_symlink():
                raise ExportError(f"{target.parent} is a symbolic link: remove it, or name where it leads")

    def _write(self, work: WorkFolder, target: Path, channels: Sequence[int]) -> None:
        """Read the channels of one file, and put it in its place.

        The next run repeats what this one did not finish: the file is made from the spool again.
        """
        finished = {entry.channel for entry in self._state.finished}
        path = work.path / "spool"
        # The spool of some formats is the file, and may have become it.
        if path.exists() or not holds(target, self._state.spool):
            with closing(Spool(path, self._state.spool, work.disk)) as spool:
                if not self._state.spool.size:
                    spool.append(self._sink.begin())
                for channel in channels:
                    if channel not in finished:
                        self._read(work, spool, channel)
                spool.sync()
            file = self._sink.finish(path)
            work.disk.flush(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
            work.disk.flush(target.parent)
        self._state = evolve(self._state, files=self._state.files + 1, spool=EMPTY)
        work.save(self._state.to_dict())

    def _read(self, work: WorkFolder, spool: Spool, channel: int) -> None:
        """Read a channel to its end, or on from where the checkpoint was."""
        if self._state.reading is None or self._state.reading.channel != channel:
            self._state = evolve(self._state, reading=Reading(channel))
        wanted = list_of(
            channel,
            self._what,
            self._filters,
            page_size=self._page_size,
            concurrency=self._concurrency,
            consistent=True,
        )
        parts = evolve(wanted, decode=self._sink.decode).parts()
        for number in range(self._reading().part, len(parts)):
            if number > self._reading().part:
                # Kept at once: the pks of the part before are overwritten.
                next_part = evolve(self._reading(), part=number, pks=EMPTY, walk=None)
                self._checkpoint(work, spool, evolve(self._state, reading=next_part))
            self._read_part(work, spool, parts[number], is_last=number == len(parts) - 1)
        self._checkpoint(work, spool, self._finished())

    def _reading(self) -> Reading:
        reading = self._state.reading
        if reading is None:
            raise RuntimeError("no channel is being read")
        return reading

    def _finished(self) -> State:
        reading = self._reading()
        status = Status.UNSTABLE if reading.doubts else Status.COMPLETE
        result = ChannelResult(reading.channel, reading.rows, status, reading.doubts)
        return evolve(self._state, finished=[*self._state.finished, result], reading=None)

    def _read_part(self, work: WorkFolder, spool: Spool, part: Query, *, is_last: bool) -> None:
        reading = self._reading()
        pks_path = work.path / "pks"
        with closing(Spool(pks_path, reading.pks, work.disk)) as pks:
            walk = ConsistentWalk(self._page_size)
            if reading.walk is not None:
                walk.resume(reading.walk, read_pks(pks_path))
            images: list[ProductImage] = []
            saved = time.monotonic() - self._checkpoint_seconds  # the first page is kept at once
            try:
                for page in pages_by(self._client, part, walk):
                    images += page.results
                    self._retries += page.retries
                    due = time.monotonic() - saved >= self._checkpoint_seconds
                    if due or len(images) >= _CHUNK:
                        self._append(spool, pks, images, walk)
                        images = []
                    if due:
                        pks.sync()
                        self._checkpoint(work, spool, self._state)
                        saved = time.monotonic()
                    self._report(page.count if is_last else None, len(images))
            except IncompleteListing as error:
                doubts = [*self._reading().doubts, *map(str, error.windows)]
                self._state = evolve(self._state, reading=evolve(self._reading(), doubts=doubts))
            except ChannelImagesError:
                if self._state.rows or images:
                    self._append(spool, pks, images, walk)
                    pks.sync()
                    self._checkpoint(work, spool, self._state)
                raise
            self._append(spool, pks, images, walk)

    def _append(self, spool: Spool, pks: Spool, images: Sequence[ProductImage], walk: ConsistentWalk) -> None:
        """Write rows; the state that goes with them is the walk's after the last of them."""
        reading, rows = self._reading(), len(images)
        if images:
            spool.append(self._sink.encode(images, reading.channel))
            pks.append(pk_bytes(keys_of(images)))
        self._state = evolve(
            self._state,
            rows=self._state.rows + rows,
            spool=spool.mark,
            reading=evolve(reading, rows=reading.rows + rows, pks=pks.mark, walk=walk.checkpoint()),
        )

    def _checkpoint(self, work: WorkFolder, spool: Spool, state: State) -> None:
        spool.sync()
        self._state = evolve(state, spool=spool.mark)
        work.save(self._state.to_dict())
        self._saved = self._state.rows

    def _report(self, count: int | None, waiting: int) -> None:
        if self._on_progress is None:
            return
        reading = self._reading()
        last = reading.channel == self._channels[-1]
        before = sum(channel.rows for channel in self._state.finished)
        self._on_progress(
            Progress(
                channel=reading.channel,
                rows=self._state.rows + waiting,
                new_rows=self._state.rows - self._begun_with + waiting,
                expected=before + count if last and count is not None else None,
                retries=self._retries,
                seconds=time.monotonic() - self._started,
            )
        )


def _plain(value: Any) -> Any:
    """A filter as JSON has it, so that it can be compared with that of another run."""
    if isinstance(value, int):
        return value if isinstance(value, bool) else int(value)
    return [_plain(one) for one in value]
