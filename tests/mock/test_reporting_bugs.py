"""What each bug of reporting does to a connector: no rule of the check sees them, so they show here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.mock.reporter import Reporter, connect, taken

from channel_images.mock import MockServer
from channel_images.mock.bugs import BUGS

Effect = Callable[[MockServer, Reporter], object]


@contextmanager
def reporting(*bugs: str) -> Iterator[tuple[MockServer, Reporter]]:
    with MockServer(images=40, bugs=bugs) as server, connect(server) as client:
        yield server, Reporter(client)


def handed_out_again(_server: MockServer, ours: Reporter) -> object:
    """How many images of an open batch the next run is given too."""
    rows = ours.pending("inserts")[:3]
    ours.commit(rows)
    return len({row["pk"] for row in rows} & set(ours.pks("inserts")))


def sent_after_that(_server: MockServer, ours: Reporter) -> object:
    """How many images of the batch are pending after all of them were sent."""
    rows = ours.pending("inserts")[:3]
    pks = [row["pk"] for row in rows]
    ours.done(ours.commit(rows), *pks)
    return len(set(pks) & set(ours.pks("inserts_or_updates")))


def taken_twice(_server: MockServer, ours: Reporter) -> object:
    """What the second commit of the same image is answered with."""
    rows = ours.pending("inserts")[:1]
    ours.commit(rows)
    return ours.patch(ours.create(), status="commit", objects=taken(rows)).status_code


def edited_meanwhile(server: MockServer, ours: Reporter) -> object:
    """Whether an image that was modified between hand-out and report is an update afterwards."""
    row = ours.pending("inserts")[0]
    batch = ours.commit([row])
    server.modify(5, row["pk"], width=1)
    ours.done(batch, row["pk"])
    return row["pk"] in ours.pks("updates")


def refused(_server: MockServer, ours: Reporter) -> object:
    """Whether an image that the marketplace refused waits again."""
    row = ours.pending("inserts")[0]
    ours.done(ours.commit([row]), failed=[row["pk"]])
    return row["pk"] in ours.pks("inserts")


def forgotten(_server: MockServer, ours: Reporter) -> object:
    """Whether an image that `done` does not name waits again."""
    row = ours.pending("inserts")[0]
    ours.done(ours.commit([row]))
    return row["pk"] in ours.pks("inserts")


def remote_id(_server: MockServer, ours: Reporter) -> object:
    """Whether the marketplace's id can be had in a later run."""
    row = ours.pending("inserts")[0]
    ours.done(ours.commit([row]), row["pk"])
    return ours.action(row["pk"])["remote_id"] == f"shop-{row['pk']}"


def failed(_server: MockServer, ours: Reporter) -> object:
    """Whether the images of a batch that failed wait again."""
    rows = ours.pending("inserts")[:2]
    ours.move(ours.commit(rows), "fail")
    return {row["pk"] for row in rows} <= set(ours.pks("inserts"))


def committed_again(_server: MockServer, ours: Reporter) -> object:
    """Whether another batch can take what one that failed has given back."""
    rows = ours.pending("inserts")[:2]
    ours.move(ours.commit(rows), "fail")
    return ours.patch(ours.create(), status="commit", objects=taken(rows)).status_code


def from_elsewhere(server: MockServer, ours: Reporter) -> object:
    """What a connector of another channel is answered that moves our batch on, and how many batches it finds."""
    batch = ours.commit(ours.pending("inserts")[:1])
    other = Reporter(ours.client, channel=6)
    return other.patch(batch, channel=6, status="fail").status_code, other.get("batch_requests/")["count"]


EFFECTS: list[tuple[str, Effect, object, object]] = [
    ("commit-hides-nothing", handed_out_again, 0, 3),
    ("commit-hides-nothing", sent_after_that, 0, 0),
    ("commit-hides-first", handed_out_again, 0, 2),
    ("commit-hides-first", sent_after_that, 0, 0),
    ("commit-takes-taken", taken_twice, 400, 200),
    ("done-forgets-version", edited_meanwhile, True, False),
    ("done-marks-failures", refused, True, False),
    ("done-marks-failures", forgotten, True, True),
    ("done-marks-unnamed", forgotten, True, False),
    ("done-marks-unnamed", refused, True, True),
    ("done-loses-remote-id", remote_id, True, False),
    ("done-keeps-the-rest", refused, True, False),
    ("done-keeps-the-rest", sent_after_that, 0, 0),
    ("fail-loses-rows", failed, True, False),
    ("fail-loses-rows", committed_again, 200, 400),
    ("fail-marks-sent", failed, True, False),
    ("fail-marks-sent", committed_again, 200, 400),
    ("batch-of-any-channel", from_elsewhere, (404, 0), (200, 1)),
]
"""Bug, what is looked at, what a healthy server makes of it, and what the bug does."""


@pytest.mark.parametrize(("bug", "effect", "healthy", "broken"), EFFECTS)
def test_a_bug_shows_in_what_a_connector_meets(bug: str, effect: Effect, healthy: object, broken: object) -> None:
    with reporting() as (server, ours):
        assert effect(server, ours) == healthy
    with reporting(bug) as (server, ours):
        assert effect(server, ours) == broken


def test_every_bug_that_no_rule_sees_has_an_effect_here() -> None:
    shown = {bug for bug, _, healthy, broken in EFFECTS if healthy != broken}
    assert shown == {name for name, bug in BUGS.items() if bug.rule is None}
