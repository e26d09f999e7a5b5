"""Batches over HTTP, against a model that keeps for each image what was sent of it and which batch has it."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.mock.reporter import PENDING, Batch, Reporter, connect

from channel_images.mock import InvalidFields, MockServer
from channel_images.mock.data.made import Row

CHANNEL = 5
OPEN = {"commit", "sent_to_remote", "ongoing"}


@dataclass
class Image:
    """What is known of an image. Versions are dates as texts, and compare as they are."""

    versions: list[str]
    """The versions that it ever had; the last is the present one."""
    sent: str | None
    batch: int | None = None

    @property
    def pending(self) -> str | None:
        if self.batch is not None:
            return None
        if self.sent is None:
            return "inserts"
        return "updates" if self.sent < self.versions[-1] else None

    def report(self, version: str) -> None:
        self.sent = max(version, self.sent or "")


@dataclass
class Taken:
    """A batch, with the version of each image that it took."""

    answer: Batch
    status: str = "initialized"
    images: dict[int, tuple[str, Image]] = field(default_factory=dict)

    def held(self, images: dict[int, Image]) -> dict[int, tuple[str, Image]]:
        """What is still there of it: not what was removed, nor what was added anew with the same pk."""
        return {pk: (version, image) for pk, (version, image) in self.images.items() if images.get(pk) is image}


class Reports(RuleBasedStateMachine):
    """The pending lists follow whatever is reported, edited, added and removed."""

    def __init__(self, server: MockServer, client: httpx.Client) -> None:
        super().__init__()
        self.server, self.ours = server, Reporter(client, CHANNEL)

    @initialize()
    def begin(self) -> None:
        self.server.reset()
        pending = {name: set(self.ours.pks(name)) for name in PENDING}
        self.images: dict[int, Image] = {}
        self.gone: dict[int, str] = {}
        self.batches: list[Taken] = []
        rows: list[Row] = self.ours.get("product_images/", limit=1000)["results"]
        for row in rows:
            # When an update was sent is not known: before any version that a connector could have read.
            sent = "" if row["pk"] in pending["updates"] else row["modified_date"]
            self.images[row["pk"]] = Image([row["modified_date"]], None if row["pk"] in pending["inserts"] else sent)

    # What happens to the images

    @rule(again=st.booleans())
    def add(self, again: bool) -> None:
        pk = next(iter(self.gone)) if again and self.gone else None
        row = self.server.add(CHANNEL, pk=pk)
        self.gone.pop(row["pk"], None)
        self.images[row["pk"]] = Image([row["modified_date"]], None)

    @precondition(lambda self: self.images)
    @rule(data=st.data())
    def modify(self, data: st.DataObject) -> None:
        self.edit(self.busy(data))

    def edit(self, pk: int) -> None:
        self.images[pk].versions.append(self.server.modify(CHANNEL, pk, width=1)["modified_date"])

    @precondition(lambda self: self.images)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        pk = self.busy(data)
        self.server.remove(CHANNEL, pk)
        self.gone[pk] = self.images.pop(pk).versions[-1]

    @precondition(lambda self: self.images)
    @rule(data=st.data(), is_versioned=st.booleans())
    def mark_sent(self, data: st.DataObject, is_versioned: bool) -> None:
        pks = data.draw(st.lists(st.sampled_from(sorted(self.images)), max_size=4, unique=True))
        if not is_versioned:
            self.server.mark_sent(CHANNEL, pks)
            for pk in pks:
                self.images[pk].report(self.images[pk].versions[-1])
            return
        versions = {pk: data.draw(st.sampled_from(self.images[pk].versions)) for pk in pks}
        if any(version < (self.images[pk].sent or "") for pk, version in versions.items()):
            with pytest.raises(InvalidFields, match="older than"):
                self.server.mark_sent(CHANNEL, versions)
            return
        self.server.mark_sent(CHANNEL, versions)
        for pk, version in versions.items():
            self.images[pk].report(version)

    # What is reported

    def create(self) -> Taken:
        self.batches.append(Taken(self.ours.create()))
        return self.batches[-1]

    @rule(size=st.integers(1, 5), edited=st.integers(0, 2))
    def begin_run(self, size: int, edited: int) -> None:
        """What a connector does: the front of the pending list goes into a batch. Some of it is edited meanwhile."""
        batch = self.create()
        waiting = sorted(pk for pk, image in self.images.items() if image.pending)[:size]
        self.try_to_commit(batch, {pk: self.images[pk].versions[-1] for pk in waiting})
        assert batch.status == "commit"
        for pk in waiting[:edited]:
            self.edit(pk)

    @precondition(lambda self: self.images)
    @rule(data=st.data())
    def take_from_another(self, data: st.DataObject) -> None:
        """What a second process does that read the same list."""
        pk = self.busy(data)
        self.try_to_commit(self.create(), {pk: self.images[pk].versions[-1]})

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        """What no connector should do, mostly."""
        pks = data.draw(st.lists(st.sampled_from([*self.images, *self.gone, 999_999]), max_size=5, unique=True))
        versions = {
            pk: data.draw(st.sampled_from(self.images[pk].versions if pk in self.images else ["2022-01-01T00:00:00Z"]))
            for pk in pks
        }
        self.try_to_commit(data.draw(st.sampled_from(self.batches)), versions)

    def try_to_commit(self, batch: Taken, versions: dict[int, str]) -> None:
        response = self.ours.patch(
            batch.answer,
            status="commit",
            objects=[{"pk": pk, "version_date": version} for pk, version in versions.items()],
        )
        is_good = batch.status == "initialized" and all(
            pk in self.images and self.images[pk].batch is None and version > (self.images[pk].sent or "")
            for pk, version in versions.items()
        )
        assert response.status_code == (200 if is_good else 400), response.text
        if is_good:
            batch.status = "commit"
            batch.images = {pk: (version, self.images[pk]) for pk, version in versions.items()}
            for _, image in batch.images.values():
                image.batch = batch.answer["pk"]

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), status=st.sampled_from(["sent_to_remote", "ongoing"]))
    def go_on(self, data: st.DataObject, status: str) -> None:
        batch = data.draw(st.sampled_from(self.batches))
        is_good = batch.status in {"commit", "sent_to_remote", "ongoing"} and not (
            status == "sent_to_remote" and batch.status != "commit"
        )
        assert self.ours.patch(batch.answer, status=status).status_code == (200 if is_good else 400)
        if is_good:
            batch.status = status

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        batch = self.likely(data)
        outcomes = {pk: data.draw(st.sampled_from(["sent", "sent", "refused", "unnamed"])) for pk in batch.images}
        objects: list[dict[str, Any]] = [
            {"pk": pk, "remote_id": "x", "failed_reason_type": "remote" if outcome == "refused" else None}
            for pk, outcome in outcomes.items()
            if outcome != "unnamed"
        ]
        is_foreign = data.draw(st.integers(0, 9)) == 0
        if is_foreign:
            objects.append({"pk": 999_999})
        response = self.ours.patch(batch.answer, status="done", objects=objects or None)
        is_good = batch.status in OPEN and not is_foreign
        assert response.status_code == (200 if is_good else 400), response.text
        if is_good:
            batch.status = "done"
            for pk, (version, image) in batch.held(self.images).items():
                image.batch = None
                if outcomes[pk] == "sent":
                    image.report(version)

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def end_twice(self, data: st.DataObject) -> None:
        batch = data.draw(st.sampled_from(self.batches))
        if batch.status in {"done", "fail"}:
            for status in ("commit", "done", "fail"):
                assert self.ours.patch(batch.answer, status=status, objects=[]).status_code == 400

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        batch = self.likely(data)
        is_good = batch.status in OPEN | {"initialized"}
        assert self.ours.patch(batch.answer, status="fail", objects=None).status_code == (200 if is_good else 400)
        if is_good:
            batch.status = "fail"
            for _, image in batch.held(self.images).values():
                image.batch = None

    def busy(self, data: st.DataObject) -> int:
        """An image: one that an open batch has, more often than not."""
        every = sorted(self.images)
        held = [pk for pk in every if self.images[pk].batch is not None]
        return data.draw(st.sampled_from(held or every) | st.sampled_from(every))

    def likely(self, data: st.DataObject) -> Taken:
        """A batch that can end, where there is one."""
        ready = [batch for batch in self.batches if batch.status in OPEN and batch.images]
        return data.draw(st.sampled_from(ready or self.batches))

    @invariant()
    def everything_agrees(self) -> None:
        pending = {
            name: sorted(pk for pk, image in self.images.items() if image.pending == name)
            for name in ("inserts", "updates")
        }
        pending["inserts_or_updates"] = sorted(pending["inserts"] + pending["updates"])
        assert {name: self.ours.pks(name) for name in PENDING} == pending
        assert [each.status for each in self.server.batches(CHANNEL)] == [each.status for each in self.batches]


def test_the_pending_lists_follow_what_is_reported() -> None:
    with MockServer(channels={CHANNEL: 14}) as server, connect(server) as client:

        class Machine(Reports):
            def __init__(self) -> None:
                super().__init__(server, client)

        run_state_machine_as_test(Machine, settings=settings(max_examples=25, stateful_step_count=30, deadline=None))
