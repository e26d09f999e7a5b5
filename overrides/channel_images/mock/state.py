"""Keeps everything about a mock server that changes while it runs."""

from collections.abc import Mapping
from typing import Self

from attrs import frozen

from channel_images.mock.churn import Churn, Churning
from channel_images.mock.data.loaded import Loaded
from channel_images.mock.data.store import Store
from channel_images.mock.faults.faults import Faults
from channel_images.mock.http.journal import Journal
from channel_images.mock.reporting.ledger import Ledger
from channel_images.mock.settings import Settings
from channel_images.mock.work import Pace, Work


@frozen
class State:
    """What the admin API and `MockServer` change, and the application reads."""

    store: Store
    journal: Journal
    ledger: Ledger
    faults: Faults
    work: Work
    churning: Churning | None = None

    @classmethod
    def begin(
        cls,
        settings: Settings,
        *,
        loaded: Mapping[int, Loaded] | None = None,
        faults: Faults | None = None,
        churn: Churn | None = None,
        arrivals: Pace | None = None,
        edits: Pace | None = None,
    ) -> Self:
        """The state that a server with these settings starts in; the images of some channels may be loaded."""
        loaded = loaded or {}
        sizes = dict(settings.channels) | {
            channel: images for channel, images in settings.other_channels.items() if channel not in settings.channels
        }
        made = {channel: images for channel, images in sizes.items() if channel not in loaded}
        store = Store(settings.seed, made, loaded)
        return cls(
            store=store,
            journal=Journal(settings.requests_kept),
            ledger=Ledger(settings.seed, settings.requests_kept),
            faults=faults if faults is not None else Faults(),
            work=Work(store, settings.seed, arrivals=arrivals, edits=edits),
            churning=Churning(churn, store) if churn else None,
        )

    def reset(self) -> None:
        """Back to the beginning: no changes, no reports, no requests, and the faults that the server was started with."""
        # Together, so that no request finds batches without the images that they took.
        with self.store.lock:
            self.store.reset()
            self.ledger.reset()
        self.journal.clear()
        self.faults.restart()
        self.work.restart()
        if self.churning is not None:
            self.churning.restart()
