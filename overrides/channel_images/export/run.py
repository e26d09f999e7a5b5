"""Writes an export: reads the lists of channels page by page into spools, and makes the files of them."""

import datetime
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, Literal, Never, TypedDict

from attrs import evolve

from channel_images.calls.deadlines import CancelToken
from channel_images.calls.sender import EndedSender, Sender
from channel_images.choices import What
from channel_images.exceptions import (
    ChannelImagesError,
    ChannelsFailed,
    ClientUnusable,
    ConfigurationError,
    ExportError,
    IncompleteListing,
    NotAuthenticated,
    RateLimited,
    RequestError,
    ResponseError,
    ServerError,
)
from channel_images.export.lists import EXPORT_PAGE_SIZE, list_of, resource_of
from channel_images.export.reader import Read, Reader
from channel_images.export.results import ChannelResult, ExportResult, Progress, Status
from channel_images.export.sinks import format_of, sink_for
from channel_images.export.state import ChannelState, Stage, from_dict, to_dict
from channel_images.export.work import WorkFolder, damaged, disk_errors, holds
from channel_images.listings.query import check_id
from channel_images.settings import refuse_arguments

CHECKPOINT_SECONDS = 2.0
DETAILED_PAGE_SIZE = 100
"""The most rows on a page whose images are retrieved one by one: a page is kept when all of them have come."""
MOST_UNANSWERED = 10
"""Channels that fail one after the other, with no page in between, until an export ends: the server is down."""
_FATAL = (NotAuthenticated, ConfigurationError, ClientUnusable)
"""What no other channel would escape."""


class ExportOptions(TypedDict, total=False):
    """The options of an export; see `Export`."""

    what: What | str
    detailed: bool
    filters: Mapping[str, Any] | None
    api: str | None
    file_format: str | None
    escape_formulas: bool
    page_size: int
    concurrency: int
    on_doubt: Literal["raise", "keep"]
    overwrite: bool
    checkpoint_seconds: float
    on_progress: Callable[[Progress], None] | None


class Export:
    """An export of one or more channels to a file, or to a file for each channel in a folder.

    If a channel fails, the export goes on with the others. It writes one file when it has read all channels; in a folder,
    it writes the file of a channel as soon as it has read that. Run the same export again to read what is missing, even
    with other channels.

    Args:
        client: Sends the requests.
        channels: The channels; none twice.
        path: The file. Its name decides the format: `.ndjson`, `.csv`, `.parquet`, `.ndjson.gz`, `.csv.gz`. Or a folder:
            one that exists, or a path that ends in a slash. It gets files such as `channel_id=5/images.parquet`.
        what: The list of the channels: `images`, `detailed`, `inserts`, `updates` or `pending`.
        detailed: Whether to add further fields that the server has for each image. An image of a pending list takes one
            more request.
        filters: As `Channel.images` takes them; only for `images`.
        api: The package of another API, which `generate.py` wrote from its contract: the export writes its rows, and takes
            its filters. None for images.
        file_format: `ndjson`, `csv` or `parquet`, for a folder.
        escape_formulas: Whether to put an apostrophe before text that a spreadsheet would calculate, such as `=1+1`; only
            for CSV.
        page_size: Rows on a page.
        concurrency: Requests in flight at a time, over all channels.
        on_doubt: What to do if images of a channel may be missing: `raise` an `IncompleteListing`, so that the channel
            fails; or `keep` its rows, with the status `unstable`.
        overwrite: Whether to replace a file that exists.
        checkpoint_seconds: Seconds between two checkpoints.
        on_progress: Called after each page with the progress.

    Raises:
        ExportError: The export cannot be written as asked.
    """

    def __init__(
        self,
        client: Sender,
        channels: Sequence[int],
        path: Path | str,
        *,
        what: What | str = What.IMAGES,
        detailed: bool = False,
        filters: Mapping[str, Any] | None = None,
        api: str | None = None,
        file_format: str | None = None,
        escape_formulas: bool = False,
        page_size: int = EXPORT_PAGE_SIZE,
        concurrency: int = 1,
        on_doubt: Literal["raise", "keep"] = "raise",
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
        if on_doubt not in ("raise", "keep"):
            raise ExportError(f"on_doubt is 'raise' or 'keep', not {on_doubt!r}")
        self._what = What(what)
        if self._what is What.IMAGES and detailed:
            self._what = What.DETAILED
        self._details = detailed and self._what is not What.DETAILED
        self._api = resource_of(api)
        self._concurrency = concurrency
        self._keeps_doubts = on_doubt == "keep"
        self._overwrite = overwrite
        self._checkpoint_seconds = checkpoint_seconds
        self._on_progress = on_progress
        self._folder = str(path).endswith("/") or Path(path).is_dir()
        self._path = Path(path)
        name, compressed = (file_format or "parquet", False) if self._folder else format_of(self._path)
        if file_format not in (None, name):
            raise ExportError(f"the name {self._path.name} says {name}, and the format {file_format} is for a folder")
        with_channel = not self._folder and len(self._channels) > 1
        self._sink = sink_for(
            name, compressed=compressed, with_channel=with_channel, escape_formulas=escape_formulas, api=self._api
        )
        query = list_of(
            *(self._channels[0], self._what, filters or {}),
            page_size=min(page_size, DETAILED_PAGE_SIZE) if self._details else page_size,
            concurrency=concurrency,
            api=self._api,
        )
        self._query = evolve(query, decode=self._sink.decode)
        for channel in self._channels:
            check_id("channel_id", channel)
        self._identity = {
            "server": client.base_url,
            "several_channels": with_channel,
            "rows": self._api.row.__name__,
            "what": self._what.value,
            "detailed": self._details,
            "filters": self._query.filters,  # checked, and so as JSON has them
            "format": self._sink.suffix,
            "escape_formulas": escape_formulas,
            "on_doubt": on_doubt,
        }
        self._start()

    def _start(self) -> None:
        """Forget an earlier run of the same object."""
        self._state: dict[int, ChannelState] = {}
        self._readers: dict[int, Reader] = {}
        self._spent: list[Path] = []  # spools whose rows are in a file that is in its place
        self._errors: dict[int, ChannelImagesError] = {}
        self._unanswered = 0  # channels that failed since a page came
        self._new_rows = 0  # of this run
        self._saved = 0  # rows of the last checkpoint
        self._saved_at: float | None = None
        self._retries = 0
        self._resumed = False
        self._started = time.monotonic()
        self._done = False

    @property
    def work_folder(self) -> Path:
        """The folder in which the export works until it is done."""
        return self._path / ".export" if self._folder else self._path.with_name(f"{self._path.name}.export")

    def run(self) -> ExportResult:
        """Write the export, or what is left of it.

        Raises:
            ExportError: Another export's work is in the way, a file exists, or the disk is full.
            ChannelsFailed: Some of several channels cannot be read. The others are written.
            ChannelImagesError: The server, or the only channel, cannot be read. The next run goes on with what was read.
        """
        self._start()
        with disk_errors(self._path):
            if self._folder:
                self._path.mkdir(parents=True, exist_ok=True)
            elif not self._path.parent.is_dir():
                raise ExportError(f"{self._path.parent}: there is no such folder")
            self._refuse_links()
            with WorkFolder(self.work_folder, self._identity) as work:
                try:
                    self._resume(work)
                    self._read(work)
                    self._checkpoint(work)
                    self._save(work)
                    self._done = not self._errors
                finally:
                    if self._done or not (self._state and work.state):  # nothing to go on with
                        work.remove()
        if len(self._channels) == 1 and self._errors:
            (error,) = self._errors.values()
            raise error
        if self._errors:
            raise ChannelsFailed(self._errors)
        return self.result()

    def result(self) -> ExportResult:
        """The result, even if the export was interrupted."""
        channels = list(filter(None, map(self._result_of, self._channels)))
        unstable = any(channel.status is Status.UNSTABLE for channel in channels)
        whole = Status.UNSTABLE if unstable else Status.COMPLETE
        return ExportResult(
            status=whole if self._done else Status.PARTIAL,
            rows=self._saved,
            channels=tuple(channels),
            files=tuple(target for target, channels in self._targets() if self._all_in(channels, Stage.PLACED)),
            retries=self._retries,
            resumed=self._resumed,
            seconds=time.monotonic() - self._started,
        )

    def _result_of(self, channel: int) -> ChannelResult | None:
        """What came of a channel; None while it is not read."""
        state = self._state_of(channel)
        if error := self._errors.get(channel):
            return ChannelResult(channel, state.rows, Status.FAILED, state.doubts, str(error))
        if state.stage is Stage.READING:
            return None
        return ChannelResult(channel, state.rows, Status.UNSTABLE if state.doubts else Status.COMPLETE, state.doubts)

    def _state_of(self, channel: int) -> ChannelState:
        return self._state.get(channel, ChannelState())

    def _all_in(self, channels: Sequence[int], *stages: Stage) -> bool:
        return all(self._state_of(channel).stage in stages for channel in channels)

    def _targets(self) -> Iterator[tuple[Path, Sequence[int]]]:
        if not self._folder:
            yield self._path, self._channels
            return
        for channel in self._channels:
            name = f"{self._api.noun}s" if self._what is What.IMAGES else self._what
            yield self._path / f"channel_id={channel}" / f"{name}{self._sink.suffix}", [channel]

    def _refuse_links(self) -> None:
        """Refuse a folder of a channel that leads elsewhere: its name is ours, not the user's."""
        for target, _ in self._targets():
            if self._folder and target.parent.is_symlink():
                raise ExportError(f"{target.parent} is a symbolic link: remove it, or name where it leads")

    # Going on

    def _resume(self, work: WorkFolder) -> None:
        """Take up what an earlier run has kept, if that is still there."""
        self._resumed = bool(work.state)
        self._state = from_dict(work.state)
        for target, channels in self._targets():
            begun = [channel for channel in channels if channel in self._state]
            if not begun and not self._overwrite and os.path.lexists(target):
                raise ExportError(f"{target} exists: remove it, or give --overwrite (overwrite=True)")
            for channel in begun:
                state, spool = self._state[channel], work.path / f"{channel}.spool"
                if state.stage is Stage.PLACED and not target.is_file():
                    raise ExportError(f"{target} is gone, which an earlier run wrote: remove {work.path} to begin anew")
                # The spool of some formats is the file, and may have become it.
                if state.stage is Stage.READ and not holds(spool if spool.exists() else target, state.spool):
                    raise damaged(spool)
        read = [state.rows for state in map(self._state_of, self._channels) if state.stage is not Stage.READING]
        self._channels_read, self._rows_read = len(read), sum(read)  # and the rows of those channels
        self._begun_fraction = self._fraction()
        self._begun_rows = self._saved = self._rows()  # of earlier runs

    def _rows(self) -> int:
        return sum(self._state_of(channel).rows for channel in self._channels)

    def _checkpoint(self, work: WorkFolder) -> None:
        """Keep what was read, and put the files in their place that are whole."""
        self._keep(work)
        for target, channels in self._targets():
            if self._all_in(channels, Stage.READ, Stage.PLACED) and not self._all_in(channels, Stage.PLACED):
                self._place(work, target, channels)

    def _keep(self, work: WorkFolder) -> None:
        """Keep what was read, for this run and the next."""
        for reader in self._readers.values():
            reader.sync()
        if self._state or work.state:
            self._save(work)

    def _save(self, work: WorkFolder) -> None:
        work.save(to_dict(self._state))
        self._saved, self._saved_at = self._rows(), time.monotonic()
        for spool in self._spent:
            spool.unlink(missing_ok=True)
        self._spent.clear()

    def _place(self, work: WorkFolder, target: Path, channels: Sequence[int]) -> None:
        """Put a file in its place. The next run repeats what this one does not finish: all spools are kept until then."""
        spools = [work.path / f"{channel}.spool" for channel in channels]
        if spools[0].exists():  # else it has become the file
            file = self._sink.finish(spools, work.path / f"whole{self._sink.suffix}", self._about(channels))
            work.disk.flush(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
            work.disk.flush(target.parent)
        self._spent += spools
        for channel in channels:
            self._state[channel] = evolve(self._state[channel], stage=Stage.PLACED)

    def _about(self, channels: Sequence[int]) -> dict[str, str]:
        """What a file says of itself, where its format can."""
        unstable = any(self._state[channel].doubts for channel in channels)
        about = {
            "server": self._client.base_url,
            "channels": ",".join(map(str, channels)),
            "what": str(self._what),
            "filters": json.dumps(self._query.filters),
            "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "status": str(Status.UNSTABLE if unstable else Status.COMPLETE),
        }
        return {f"channel_images.{name}": value for name, value in about.items()}

    # Reading

    def _read(self, work: WorkFolder) -> None:
        """Read each channel to its end, or on from where the checkpoint was, as far as it can be read.

        Pages are read in threads. Whatever is done with one is done here, one page after the other.
        """
        waiting = deque(channel for channel in self._channels if self._all_in([channel], Stage.READING))
        running: dict[Future[Read | None], Reader] = {}
        cancel = CancelToken()
        sender = EndedSender(self._client, cancel)
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="channel_images") as threads:
            try:
                while waiting or running:
                    while waiting and len(running) < self._concurrency:
                        reader = self._begin(work, sender, waiting.popleft(), len(running) + len(waiting) + 1)
                        running[threads.submit(reader.next_page)] = reader
                    for page in self._arrived(work, running):
                        reader = running.pop(page)
                        self._take(work, reader, page)
                        if reader.channel in self._readers:
                            reader.widen(self._share(len(running) + len(waiting) + 1))
                            running[threads.submit(reader.next_page)] = reader
                        del page  # for the next one to have its memory
            except ChannelImagesError:
                self._keep(work)
                raise
            finally:
                cancel.set()
                threads.shutdown(cancel_futures=True)
                for reader in self._readers.values():
                    reader.close()

    def _share(self, channels: int) -> int:
        """The requests in flight of each channel, while so many are left."""
        return self._concurrency // min(self._concurrency, channels)

    def _begin(self, work: WorkFolder, sender: Sender, channel: int, left: int) -> Reader:
        self._readers[channel] = reader = Reader(
            sender,
            evolve(self._query, channel_id=channel),
            self._sink,
            work,
            self._state_of(channel),
            details=self._details,
            share=self._share(left),
        )
        return reader

    def _arrived(self, work: WorkFolder, running: Mapping[Future[Read | None], Reader]) -> set[Future[Read | None]]:
        try:
            return wait(running, return_when=FIRST_COMPLETED).done
        except BaseException:  # a signal, such as that of Ctrl-C: nothing is half done here
            self._keep(work)
            raise

    def _take(self, work: WorkFolder, reader: Reader, arrived: Future[Read | None]) -> None:
        """Write a page, or end the channel.

        Raises:
            ChannelImagesError: No other channel can be read either.
        """
        try:
            if (page := self._page(reader, arrived)) is None:
                reader.next_part()
            else:
                reader.take(page)
        except ChannelImagesError as error:
            self._fail(reader, error)
            return
        if page is not None:
            self._retries += page.retries
            self._new_rows += len(page.images)
            self._unanswered = 0
        self._state[reader.channel] = reader.state
        if reader.is_read:
            self._channels_read += 1
            self._rows_read += reader.state.rows
            self._end(reader)
        if self._saved_at is None or time.monotonic() - self._saved_at >= self._checkpoint_seconds:
            self._checkpoint(work)
        self._report(reader.channel)

    def _page(self, reader: Reader, arrived: Future[Read | None]) -> Read | None:
        """The page that arrived; None after the last one."""
        try:
            return arrived.result()
        except IncompleteListing as error:
            if not self._keeps_doubts:
                raise
            reader.doubt(error)
            return None

    def _fail(self, reader: Reader, error: ChannelImagesError) -> None:
        """Note that a channel cannot be read; what was read of it is kept for the next run.

        Raises:
            ChannelImagesError: It is the last straw.
        """
        if isinstance(error, RequestError | ResponseError):
            self._retries += error.retries
        if isinstance(error, _FATAL):
            raise error
        self._errors[reader.channel] = error
        if isinstance(error, IncompleteListing):  # the next run begins anew
            self._state.pop(reader.channel, None)
        self._end(reader)
        self._unanswered += 1
        if self._unanswered == MOST_UNANSWERED and may_pass(error):
            raise error

    def _end(self, reader: Reader) -> None:
        reader.sync()
        reader.close()
        del self._readers[reader.channel]

    # How far it is

    def _fraction(self) -> float:
        """How much of it is read, as `Progress` has it."""
        parts = (min(1.0, reader.state.rows / reader.expected) for reader in self._readers.values() if reader.expected)
        return (self._channels_read + sum(parts)) / len(self._channels)

    def _report(self, channel: int) -> None:
        if self._on_progress is None:
            return
        readers = self._readers.values()
        sizes = [reader.expected for reader in readers if reader.expected is not None]
        is_known = self._channels_read + len(sizes) == len(self._channels)
        fraction = self._fraction()
        seconds, gained = time.monotonic() - self._started, fraction - self._begun_fraction
        self._on_progress(
            Progress(
                channel=channel,
                channels=len(self._channels),
                channels_read=self._channels_read,
                rows=self._begun_rows + self._new_rows,
                new_rows=self._new_rows,
                expected=self._rows_read + sum(sizes) if is_known else None,
                fraction=fraction,
                retries=self._retries,
                seconds=seconds,
                seconds_left=seconds * (1 - fraction) / gained if gained > 0 else None,
            )
        )


def may_pass(error: ChannelImagesError) -> bool:
    """Whether the same export again can help against this."""
    return isinstance(error, RequestError | RateLimited | ServerError | IncompleteListing)
