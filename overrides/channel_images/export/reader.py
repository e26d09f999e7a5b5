"""Reads one channel into its spool, page by page."""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from attrs import evolve, frozen

from channel_images.calls.answers import Answer, Page
from channel_images.calls.sender import Sender
from channel_images.exceptions import ImageNotFound, IncompleteListing
from channel_images.export.sinks import Sink
from channel_images.export.state import ChannelState, Stage
from channel_images.export.work import EMPTY, PK_BYTES, Spool, WorkFolder, pk_bytes, read_pks
from channel_images.listings.driver import pages_by
from channel_images.listings.missing import retrieve
from channel_images.listings.query import Query
from channel_images.walks.consistent import ConsistentWalk
from channel_images.walks.rows import keys_of
from channel_images_api.models import ProductImage

T = TypeVar("T")


@frozen
class Read:
    """What came of a page: the images to write, the `pk` of each on it, the list's count, and the retries."""

    images: Sequence[ProductImage]
    pks: Sequence[int]
    count: int | None
    retries: int


class Reader:
    """A channel that is being read.

    `next_page` runs in any thread; all else in the export's own, and never while `next_page` does.

    Args:
        sender: Sends the requests.
        query: The list.
        sink: Makes bytes of the rows.
        work: Where the spools are.
        state: What a checkpoint said; that of a channel which was not begun, else.
        details: Whether the details of each image are retrieved.
        share: Requests in flight at a time.

    Attributes:
        state: How far it is, with all that was taken.
        expected: Rows of the channel, where the server counts them.
    """

    def __init__(
        self,
        sender: Sender,
        query: Query,
        sink: Sink,
        work: WorkFolder,
        state: ChannelState,
        *,
        details: bool,
        share: int,
    ) -> None:
        self.channel, self.state = query.channel_id, state
        self.expected: int | None = None
        self._sender, self._sink, self._work = sender, sink, work
        self._details = details
        self._share = share
        self._api = query.api
        self._parts = query.parts()
        self._synced = state
        self._spool = Spool(work.path / f"{self.channel}.spool", state.spool, work.disk)
        if not state.spool.size:
            self._spool.append(sink.lead())
        self._pks: Spool | None = None
        self._pages: Generator[Page] | None = None
        try:
            self._open_part()
        except BaseException:
            self.close()
            raise

    def _open_part(self) -> None:
        """Open the part of the list that is to be read; behind the last one, the channel is read."""
        if self._pks is not None:
            self._pks.close()
            self._pks = None
        if self.state.part >= len(self._parts):
            self.state = evolve(self.state, stage=Stage.READ, spool=self._spool.mark)
        else:
            # A file for each part, so that what the last checkpoint speaks of is never overwritten.
            path = self._work.path / f"{self.channel}.{self.state.part}.pks"
            self._pks = Spool(path, self.state.pks, self._work.disk)
            self._rows_before = self.state.rows - self.state.pks.size // PK_BYTES
            self._walk = ConsistentWalk(self._parts[self.state.part].limit)
            if self.state.walk is not None:
                self._walk.resume(self.state.walk, read_pks(path))
            self._pages = self._read()

    def _read(self) -> Generator[Page]:
        # The details are retrieved while no page is.
        concurrency = 1 if self._details else self._share
        return pages_by(self._sender, evolve(self._parts[self.state.part], concurrency=concurrency), self._walk)

    @property
    def is_read(self) -> bool:
        """Whether there is nothing left to read."""
        return self.state.stage is Stage.READ

    def widen(self, share: int) -> None:
        """Have more requests in flight from now on, since other channels have ended."""
        if share >= 2 * self._share:
            self._close_pages()
            self._share = share
            self._pages = self._read()

    def next_page(self) -> Read | None:
        """Read a page; None after the last one of a part of the list.

        Raises:
            ChannelImagesError: As for `Listing.pages`.
        """
        page = None if self._pages is None else next(self._pages, None)
        if page is None:
            return None
        images, retries = page.results, page.retries
        if self._details:
            answers = self._retrieve(images)
            images = [answer.value for answer in answers]
            retries += sum(answer.retries for answer in answers)
        return Read(images, keys_of(page.results), page.count, retries)

    def _retrieve(self, images: Sequence[ProductImage]) -> list[Answer[ProductImage]]:
        """The details of each image; one that has left the channel since the list was read is left out."""

        def detailed(pk: int) -> Answer[ProductImage] | None:
            try:
                return retrieve(self._sender, self._sink.decode_one, self.channel, pk, detailed=True, api=self._api)
            except ImageNotFound:
                return None

        with ThreadPoolExecutor(self._share, thread_name_prefix="channel_images") as threads:
            return [answer for answer in threads.map(detailed, keys_of(images)) if answer is not None]

    def take(self, page: Read) -> None:
        """Write what `next_page` returned.

        Raises:
            ExportError: A value does not fit the format. Nothing of the page is written.
        """
        if self._pks is None:
            raise RuntimeError("no page is left to be read")
        if page.images:
            self._spool.append(self._sink.encode(page.images, self.channel))
        self._pks.append(pk_bytes(page.pks))
        self.state = evolve(
            self.state,
            rows=self.state.rows + len(page.images),
            spool=self._spool.mark,
            pks=self._pks.mark,
            walk=self._walk.checkpoint(),
        )
        is_last = self.state.part == len(self._parts) - 1
        self.expected = self._rows_before + page.count if is_last and page.count is not None else None

    def doubt(self, error: IncompleteListing) -> None:
        """Note where images may be missing."""
        self.state = evolve(self.state, doubts=[*self.state.doubts, str(error)])

    def next_part(self) -> None:
        """Go on with the next part of the list, or end the reading after the last one."""
        self.state = evolve(self.state, part=self.state.part + 1, pks=EMPTY, walk=None)
        self._open_part()

    def sync(self) -> None:
        """Return when all that `state` speaks of is on the disk."""
        if self.state is not self._synced:
            self._spool.sync()
            if self._pks is not None:
                self._pks.sync()
            self._synced = self.state

    def close(self) -> None:
        """Close the files, and end what is in flight."""
        self._close_pages()
        self._spool.close()
        if self._pks is not None:
            self._pks.close()

    def _close_pages(self) -> None:
        if self._pages is not None:
            self._pages.close()
            self._pages = None
