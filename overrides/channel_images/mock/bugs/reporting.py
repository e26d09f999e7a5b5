"""Takes, marks and gives back other images than a report says.

Reporting lies outside of the contract, so no rule of the conformance check sees these: they are for the tests of your
connector.
"""

from collections.abc import Mapping

from channel_images.mock.behaviour import Behaviour
from channel_images.mock.reporting.batches import BatchObject, BatchRequest
from channel_images.mock.reporting.objects import Named
from channel_images.resource import resource

# commit


class CommitHidesNothing(Behaviour):
    """A commit writes its objects down, and leaves them in the pending lists."""

    def take(self, batch: BatchRequest) -> None:
        pass

    def holds(self, batch: BatchRequest, pk: int) -> bool:
        return self.store.has(batch.channel, pk)


class CommitHidesFirst(Behaviour):
    """A commit takes its first object out of the pending lists, and no other."""

    def take(self, batch: BatchRequest) -> None:
        self.store.take(batch.channel, [each.pk for each in batch.objects[:1]], batch.pk)

    def holds(self, batch: BatchRequest, pk: int) -> bool:
        return self.store.has(batch.channel, pk)


class CommitTakesTaken(Behaviour):
    """A commit takes rows that another open batch has, away from that one."""

    def complaint(self, batch: BatchRequest, named: Named) -> str | None:
        if self.store.batch(batch.channel, named.pk) is not None:
            return None
        return super().complaint(batch, named)


# done


class DoneForgetsVersion(Behaviour):
    """done marks the row as it is by now: what was modified since the commit counts as sent."""

    def version(self, batch: BatchRequest, taken: BatchObject) -> str:
        return str(self.store.row(batch.channel, taken.pk)[resource().version])


class DoneMarksFailures(Behaviour):
    """done marks every row that it names as sent, those with a failed_reason_type too."""

    def is_sent(self, outcome: Named | None) -> bool:
        return outcome is not None


class DoneMarksUnnamed(Behaviour):
    """done marks the rows that it does not name as sent too."""

    def is_sent(self, outcome: Named | None) -> bool:
        return outcome is None or super().is_sent(outcome)


class DoneLosesRemoteId(Behaviour):
    """done does not read remote_id: no integration action ever has it."""

    def remote_id(self, outcome: Named | None) -> str | None:
        return None


class DoneKeepsTheRest(Behaviour):
    """done gives nothing back: the rows that were not sent stay hidden, though their batch has ended."""

    def done(self, batch: BatchRequest, outcomes: Mapping[int, Named]) -> None:
        held = [each.pk for each in batch.objects if self.holds(batch, each.pk)]
        super().done(batch, outcomes)
        self.store.take(batch.channel, [pk for pk in held if not self.is_sent(outcomes.get(pk))], batch.pk)


# fail


class FailLosesRows(Behaviour):
    """The rows of a batch that failed stay hidden: they are in no pending list ever again."""

    def fail(self, batch: BatchRequest) -> None:
        pass


class FailMarksSent(Behaviour):
    """The rows of a batch that failed count as sent, like those of one that is done."""

    def fail(self, batch: BatchRequest) -> None:
        held = {each.pk: each.version_date for each in batch.objects if self.holds(batch, each.pk)}
        super().fail(batch)
        self.store.settle(batch.channel, held)


# Which batch


class BatchOfAnyChannel(Behaviour):
    """Batches are looked up without their channel: those of any other are listed, read and moved on."""

    def reachable(self, batch: BatchRequest, channel: int) -> bool:
        return True
