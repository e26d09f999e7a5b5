"""Does to the images what a batch says: the steps of a report, which bugs change.

reachable    whether a channel's requests find a batch
complaint    why a commit may not take an image
take         the commit: its images leave the pending lists
holds        whether a batch still has an image at its end: not one that was removed meanwhile
is_sent      whether an image counts as sent, by what `done` says of it; `version`: which version of it was sent
remote_id    the marketplace's id of an image, by what `done` says of it
done, fail   the end: images that were sent are marked, the others are given back
"""

from collections.abc import Mapping

from channel_images.mock.data.store import Store
from channel_images.mock.reporting.batches import BatchObject, BatchRequest
from channel_images.mock.reporting.objects import Named


class ReportingSteps:
    """The strict steps. All run under the store's lock."""

    store: Store

    def reachable(self, batch: BatchRequest, channel: int) -> bool:
        """Whether a request about `channel` finds the batch."""
        return batch.channel == channel

    def complaint(self, batch: BatchRequest, named: Named) -> str | None:
        """Why the batch may not take an image, in words; `None` if it may."""
        pk = named.pk
        if not self.store.has(batch.channel, pk):
            return f"Image {pk} is not in this channel."
        if (other := self.store.batch(batch.channel, pk)) is not None:
            return f"Image {pk} is in another open batch, {other}."
        if named.version_date is None:
            return f"Image {pk}: version_date is required."
        if self.store.sent(batch.channel, pk) == named.version_date:
            return f"Image {pk}: the version {named.version_date} was sent already."
        return self.store.complaint(batch.channel, pk, named.version_date)

    def take(self, batch: BatchRequest) -> None:
        """Take the objects of the batch."""
        self.store.take(batch.channel, [each.pk for each in batch.objects], batch.pk)

    def holds(self, batch: BatchRequest, pk: int) -> bool:
        """Whether the batch still has the image. One that was removed is not there, or was added anew."""
        return self.store.batch(batch.channel, pk) == batch.pk

    def is_sent(self, outcome: Named | None) -> bool:
        """Whether an image counts as sent; no outcome is that of an image which `done` does not name."""
        return outcome is not None and outcome.failed_reason_type is None

    def version(self, batch: BatchRequest, taken: BatchObject) -> str:
        """The version at which an image counts as sent: that of the commit, for nothing else was read."""
        return taken.version_date

    def remote_id(self, outcome: Named | None) -> str | None:
        """The marketplace's id of an image; `None` if nothing is said of it."""
        return outcome.remote_id if outcome else None

    def done(self, batch: BatchRequest, outcomes: Mapping[int, Named]) -> None:
        """End the batch: what was sent is sent, the rest waits again."""
        held = [each for each in batch.objects if self.holds(batch, each.pk)]
        self.store.give_back(batch.channel, [each.pk for each in held])
        sent = {each.pk: self.version(batch, each) for each in held if self.is_sent(outcomes.get(each.pk))}
        self.store.settle(batch.channel, sent)

    def fail(self, batch: BatchRequest) -> None:
        """End the batch: all of it waits again."""
        self.store.give_back(batch.channel, [each.pk for each in batch.objects if self.holds(batch, each.pk)])
