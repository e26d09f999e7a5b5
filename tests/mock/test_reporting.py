"""Reporting: batches and what becomes of their images, and what a connector looks up on its way."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.mock.reporter import PENDING, Batch, Reporter, connect, taken

from channel_images.mock import BatchObject, Faults, MockServer, Reason, Status, UnknownChannel
from channel_images.mock.beside import OPERATIONS
from channel_images.mock.reporting.batches import MOVES
from channel_images.mock.settings import MAX_BODY

OTHER = 100_000_001
"""An image of channel 6."""
LATER = "2030-01-01T00:00:00Z"


@pytest.fixture
def ours(client: httpx.Client) -> Reporter:
    return Reporter(client)


def refused(response: httpx.Response) -> Any:
    assert response.status_code == 400, response.text
    return response.json()


# A batch


def test_a_batch_begins_empty(ours: Reporter, server: MockServer) -> None:
    before = datetime.now(UTC)
    batch = ours.create(channel="5", content_type="productimage", remote_batch_id="r-1", objects=[], pk=99, x="y")
    assert batch == {
        "pk": 1,
        "channel": 5,
        "local_batch_id": batch["local_batch_id"],
        "remote_batch_id": "r-1",
        "content_type": "productimage",
        "status": "initialized",
        "objects": [],
        "created_date": batch["created_date"],
        "modified_date": batch["created_date"],
    }
    made = datetime.fromisoformat(batch["created_date"])
    assert before <= made <= datetime.now(UTC), "by this machine's clock: a connector asks how old an open batch is"
    assert UUID(batch["local_batch_id"]).version == 4
    assert ours.get("batch_requests/1/") == batch
    assert ours.create()["pk"] == 2
    assert ours.get("batch_requests/2/")["local_batch_id"] != batch["local_batch_id"]
    assert [each.pk for each in server.batches(5)] == [1, 2]
    assert server.batches(6) == []


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"channel": 6}, "channel", "the path's channel, 5"),
        ({"channel": None}, "channel", "the path's channel, 5"),
        ({"content_type": "product"}, "content_type", "productimage"),
        ({"content_type": ["productimage"]}, "content_type", "productimage"),
        ({"remote_batch_id": "x" * 256}, "remote_batch_id", "255 characters"),
        ({"remote_batch_id": 5}, "remote_batch_id", "255 characters"),
        ({"status": "commit"}, "status", "begins as initialized"),
        ({"status": None}, "status", "begins as initialized"),
        ({"objects": [{"pk": 2}]}, "objects", "at commit"),
    ],
)
def test_a_batch_that_cannot_be_is_not_made(
    ours: Reporter, server: MockServer, body: dict[str, object], field: str, words: str
) -> None:
    errors = refused(ours.client.post(ours.path("batch_requests/"), json=body))
    assert list(errors) == [field]
    assert words in errors[field][0]
    assert server.batches(5) == []


def reach(ours: Reporter, status: Status) -> Batch:
    """A batch of one image in that status."""
    batch = ours.create()
    if status is Status.INITIALIZED:
        return batch
    batch = ours.move(batch, "commit", objects=taken(ours.pending("inserts")[:1]))
    return batch if status is Status.COMMIT else ours.move(batch, status, objects=None)


@pytest.mark.parametrize("to", Status)
@pytest.mark.parametrize("status", Status)
def test_a_batch_moves_as_it_may_and_in_no_other_way(ours: Reporter, status: Status, to: Status) -> None:
    batch = reach(ours, status)
    before = ours.get(f"batch_requests/{batch['pk']}/"), [ours.pks(name) for name in PENDING]
    response = ours.patch(batch, status=to, objects=[])
    if to in MOVES[status]:
        assert (response.status_code, response.json()["status"]) == (200, to)
        assert response.json()["modified_date"] >= before[0]["modified_date"]
    else:
        assert refused(response) == {"status": [f"A batch that is {status} cannot become {to}."]}
        assert before == (ours.get(f"batch_requests/{batch['pk']}/"), [ours.pks(name) for name in PENDING])


def test_the_moves_are_those_that_are_known() -> None:
    assert {status: sorted(moves) for status, moves in MOVES.items()} == {
        "initialized": ["commit", "fail"],
        "commit": ["done", "fail", "ongoing", "sent_to_remote"],
        "sent_to_remote": ["done", "fail", "ongoing"],
        "ongoing": ["done", "fail", "ongoing"],
        "done": [],
        "fail": [],
    }


@pytest.mark.parametrize("value", ["asleep", None, 5, ["commit"], {}])
def test_a_status_that_there_is_not(ours: Reporter, value: object) -> None:
    assert "is not one of the available choices" in refused(ours.patch(ours.create(), status=value))["status"][0]


@pytest.mark.parametrize("status", Status)
def test_without_a_status_the_marketplaces_id_of_an_open_batch_changes_and_nothing_else(
    ours: Reporter, status: Status
) -> None:
    batch = reach(ours, status)
    assert ours.patch(batch).status_code == 200
    response = ours.patch(batch, remote_batch_id="r-2")
    if status in {Status.DONE, Status.FAIL}:
        assert refused(response) == {"remote_batch_id": [f"A batch that is {status} does not change."]}
    else:
        assert response.json()["remote_batch_id"] == "r-2"
        assert ours.patch(batch, remote_batch_id=None).json()["remote_batch_id"] is None
        assert ours.patch(batch, remote_batch_id="x" * 255).status_code == 200
        assert list(refused(ours.patch(batch, remote_batch_id="x" * 256))) == ["remote_batch_id"]
    assert list(refused(ours.patch(batch, objects=[]))) == ["objects"]
    assert list(refused(ours.patch(batch, channel=6))) == ["channel"]
    if status is Status.INITIALIZED:
        assert list(refused(ours.patch(batch, content_type="productimage"))) == ["content_type"]


# What becomes of the images


def test_an_open_batch_hides_its_images_and_done_settles_them(ours: Reporter, server: MockServer) -> None:
    inserts, updates, full = ours.pending("inserts"), ours.pending("updates"), ours.get("product_images/", limit=1000)
    sent, refused_one, unnamed = inserts[:3]
    update = updates[0]
    batch = ours.commit([*inserts[:3], update])
    hidden = {row["pk"] for row in (*inserts[:3], update)}
    for name in PENDING:
        assert not hidden & set(ours.pks(name))
    assert ours.get("product_images/", limit=1000) == full, "the full list holds them all the same"
    batch = ours.move(batch, "sent_to_remote", remote_batch_id="r-1")
    batch = ours.move(ours.move(batch, "ongoing"), "ongoing")
    assert ours.pks("inserts") == [row["pk"] for row in inserts[3:]]
    ours.done(batch, sent["pk"], update["pk"], failed=[refused_one["pk"]])
    assert ours.pks("inserts") == [row["pk"] for row in inserts[1:]]
    assert ours.pks("updates") == [row["pk"] for row in updates[1:]]
    [known] = server.batches(5)
    assert (known.status, known.remote_batch_id) == (Status.DONE, "r-1")
    assert known.objects[:3] == (
        BatchObject(sent["pk"], sent["modified_date"], "productimage", f"shop-{sent['pk']}", None),
        BatchObject(refused_one["pk"], refused_one["modified_date"], "productimage", None, Reason.REMOTE),
        BatchObject(unnamed["pk"], unnamed["modified_date"], "productimage", None, None),
    )


def test_fail_gives_everything_back_whatever_it_says(ours: Reporter) -> None:
    before = [ours.pending(name) for name in PENDING]
    for objects in (None, [], [{"pk": 1, "remote_id": "x"}], "nonsense"):
        batch = ours.commit([*before[0][:2], *before[1][:2]])
        ours.move(batch, "fail", objects=objects)
        assert [ours.pending(name) for name in PENDING] == before


@pytest.mark.parametrize("is_modified_before", [True, False])
def test_what_was_modified_after_it_was_read_is_an_update_at_once(
    ours: Reporter, server: MockServer, is_modified_before: bool
) -> None:
    row = ours.pending("inserts")[0]
    if is_modified_before:
        server.modify(5, row["pk"], width=1)
    batch = ours.commit([row])
    if not is_modified_before:
        server.modify(5, row["pk"], width=1)
    assert row["pk"] not in ours.pks("inserts_or_updates"), "it stays hidden as long as the batch is open"
    # The vendor's client reads the row anew, and sends its present version along.
    present = ours.get(f"product_images/{row['pk']}/")["modified_date"]
    ours.move(batch, "done", objects=[{"pk": row["pk"], "version_date": present, "remote_id": "x"}])
    assert row["pk"] in ours.pks("updates")
    assert server.batches(5)[0].objects[0].version_date == row["modified_date"]
    ours.done(ours.commit(each for each in ours.pending("updates") if each["pk"] == row["pk"]), row["pk"])
    assert row["pk"] not in ours.pks("inserts_or_updates")


def test_an_image_that_is_removed_meanwhile_breaks_nothing(ours: Reporter, server: MockServer) -> None:
    rows = ours.pending("inserts")[:2]
    batch = ours.commit(rows)
    server.remove(5, rows[0]["pk"])
    ours.done(batch, *(row["pk"] for row in rows))
    assert rows[1]["pk"] not in ours.pks("inserts_or_updates")
    batch = ours.commit(ours.pending("inserts")[:1])
    server.remove(5, batch["objects"][0]["pk"])
    ours.move(batch, "fail")


def test_an_image_that_is_added_anew_belongs_to_no_batch(ours: Reporter, server: MockServer) -> None:
    row = ours.pending("inserts")[0]
    first = ours.commit([row])
    server.remove(5, row["pk"])
    again = server.add(5, pk=row["pk"])
    assert row["pk"] in ours.pks("inserts")
    second = ours.commit([again])
    ours.done(first, row["pk"])
    assert ours.action(row["pk"])["status"] == "processing", "the second batch has it now"
    ours.move(second, "fail")
    assert row["pk"] in ours.pks("inserts"), "the first batch sent another image"


def test_a_version_never_goes_back(ours: Reporter, server: MockServer) -> None:
    row = ours.pending("inserts")[0]
    batch = ours.commit([row])
    later = server.modify(5, row["pk"], width=1)
    server.mark_sent(5, later)
    ours.done(batch, row["pk"])
    assert row["pk"] not in ours.pks("inserts_or_updates"), "a later version was reported by other means"


def test_what_was_modified_into_the_past_can_be_reported(ours: Reporter, server: MockServer) -> None:
    row = ours.pending("inserts")[0]
    batch = ours.commit([row])
    server.modify(5, row["pk"], modified_date=row["created_date"])
    ours.done(batch, row["pk"])
    assert row["pk"] not in ours.pks("inserts_or_updates")


ROW = {"pk": 2, "version_date": "2023-03-12T13:15:33.716670Z"}
"""The first insert of channel 5."""


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        (None, "This field is required."),
        ("all", "Expected a list"),
        ([ROW, 5], "Item 2: Expected an object"),
        ([{"version_date": LATER}], "Item 1: pk must be a number"),
        ([{**ROW, "pk": True}], "Item 1: pk must be a number"),
        ([{**ROW, "pk": {}}], "Item 1: pk must be a number"),
        ([ROW, ROW], "Image 2 is named twice"),
        ([{**ROW, "pk": 999_999}], "Image 999999 is not in this channel"),
        ([{**ROW, "pk": OTHER}], f"Image {OTHER} is not in this channel"),
        ([{"pk": 2}], "Image 2: version_date is required"),
        ([{"pk": 2, "version_date": None}], "Image 2: version_date is required"),
        ([{"pk": 2, "version_date": "yesterday"}], "Image 2: version_date must be a date/time with its time zone"),
        ([{"pk": 2, "version_date": "2023-03-12T13:15:33"}], "Image 2: version_date must be"),
        ([{"pk": 2, "version_date": 5}], "Image 2: version_date must be"),
        ([{"pk": 2, "version_date": LATER}], "Image 2: the version 2030-01-01T00:00:00.000000Z is later than"),
        ([{**ROW, "content_type": "product"}], "Image 2: content_type must be productimage"),
        ([{**ROW, "content_type": []}], "Image 2: content_type must be productimage"),
        ([{**ROW, "remote_id": "x" * 256}], "Image 2: remote_id must be text of up to 255"),
        ([{**ROW, "remote_id": {}}], "Image 2: remote_id must be text"),
        ([{**ROW, "failed_reason_type": "bored"}], "Image 2: failed_reason_type must be one of mapping, remote, ch"),
        ([{**ROW, "failed_reason_type": []}], "Image 2: failed_reason_type must be one of"),
    ],
)
def test_a_commit_that_cannot_be_changes_nothing(ours: Reporter, server: MockServer, objects: Any, words: str) -> None:
    good = taken(ours.pending("inserts")[1:2])
    batch, before = ours.create(), [ours.pks(name) for name in PENDING]
    objects = [*good, *objects] if isinstance(objects, list) else objects
    words = words.replace("Item 1", "Item 2").replace("Item 2: E", "Item 3: E")
    errors = refused(ours.patch(batch, status="commit", objects=objects, remote_batch_id="x"))
    assert list(errors) == ["objects"]
    assert len(errors["objects"]) == 1
    assert words in errors["objects"][0]
    assert [ours.pks(name) for name in PENDING] == before
    assert ours.get(f"batch_requests/{batch['pk']}/") == batch
    assert ours.get("integration_actions/")["count"] == 0


def test_every_object_that_is_wrong_is_named(ours: Reporter) -> None:
    objects = [{"pk": pk, "version_date": LATER} for pk in (2, 999_999, OTHER)]
    assert len(refused(ours.patch(ours.create(), status="commit", objects=objects))["objects"]) == 3


def test_a_commit_takes_no_image_of_another_open_batch(ours: Reporter) -> None:
    rows = ours.pending("inserts")[:2]
    first, second = ours.commit(rows[:1]), ours.create()
    errors = refused(ours.patch(second, status="commit", objects=taken(rows)))
    assert errors == {"objects": [f"Image {rows[0]['pk']} is in another open batch, {first['pk']}."]}
    assert rows[1]["pk"] in ours.pks("inserts")
    ours.move(first, "fail")
    ours.move(second, "commit", objects=taken(rows))


def test_a_commit_takes_no_version_that_was_sent_nor_one_before_it(ours: Reporter, server: MockServer) -> None:
    row = ours.pending("inserts")[0]
    later = server.modify(5, row["pk"], width=1)
    server.mark_sent(5, row["pk"])
    assert "is older than" in refused(ours.patch(ours.create(), status="commit", objects=taken([row])))["objects"][0]
    errors = refused(ours.patch(ours.create(), status="commit", objects=taken([later])))["objects"]
    assert errors == [f"Image {row['pk']}: the version {later['modified_date']} was sent already."]


def test_an_update_of_the_data_set_was_sent_before_its_present_version(ours: Reporter, server: MockServer) -> None:
    updates = ours.pending("updates")
    assert any(row["modified_date"] == row["created_date"] for row in updates)
    old = [{**row, "modified_date": "2021-01-01T00:00:00Z"} for row in updates]
    errors = refused(ours.patch(ours.create(), status="commit", objects=taken(old)))["objects"]
    assert len(errors) == len(updates)
    assert all("was sent already" in error for error in errors)
    ours.move(ours.commit(updates), "fail")


def test_an_empty_commit_takes_nothing(ours: Reporter) -> None:
    batch = ours.move(ours.create(), "commit", objects=[])
    assert ours.move(batch, "done")["objects"] == []


def test_objects_of_a_commit_may_have_failed_already(ours: Reporter) -> None:
    row = ours.pending("inserts")[0]
    objects = [{**taken([row])[0], "failed_reason_type": "mapping", "remote_id": None}]
    ours.move(ours.create(), "commit", objects=objects)
    assert row["pk"] not in ours.pks("inserts")


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ({"pk": 999_999}, "Image 999999 was not committed in this batch"),
        ({"pk": 4}, "Image 4 was not committed in this batch"),
        ({"pk": 2, "failed_reason_type": "bored"}, "failed_reason_type must be one of"),
        ({"pk": 2, "version_date": "soon"}, "version_date must be"),
        ({"remote_id": "x"}, "pk must be a number"),
    ],
)
def test_a_done_that_cannot_be_changes_nothing(ours: Reporter, outcome: dict[str, Any], words: str) -> None:
    batch = ours.move(ours.create(), "commit", objects=[ROW])
    assert words in refused(ours.patch(batch, status="done", objects=[outcome]))["objects"][0]
    assert ours.get(f"batch_requests/{batch['pk']}/") == batch
    assert 2 not in ours.pks("inserts")


def test_the_largest_page_fits_into_one_batch() -> None:
    with MockServer(images=4_000) as server, connect(server) as client:
        ours = Reporter(client)
        rows = ours.pending("inserts")
        assert len(rows) == server.settings.max_limit
        batch = ours.commit(rows)
        ours.move(batch, "done", objects=[{**each, "remote_id": "x" * 255} for each in taken(rows)])
        assert ours.pks("inserts")[0] > rows[-1]["pk"]


def test_a_body_beyond_djangos_bound_is_413(ours: Reporter) -> None:
    assert ours.patch(ours.create(), status="commit", objects="x" * MAX_BODY).status_code == 413


# Lists


def test_batches_are_listed_by_what_is_asked_for(ours: Reporter) -> None:
    batches = [reach(ours, status) for status in Status]

    def found(query: str) -> list[int]:
        rows = ours.client.get(ours.path(f"batch_requests/{query}")).json()["results"]
        return [row["pk"] for row in rows]

    assert found("") == [1, 2, 3, 4, 5, 6]
    assert found("?status=sent_to_remote&status=ongoing&content_type=productimage&channel=5") == [3, 4]
    assert found("?status=sent_to_remote,%20done") == [3, 5]
    assert found("?content_type=product") == []
    assert found("?content_type=productimage") == [2, 3, 4, 5, 6]
    assert found("?channel=6") == []
    assert found(f"?local_batch_id={batches[3]['local_batch_id'].upper()}") == [4]
    assert found("?unheard_of=1&limit=2&page=2") == [3, 4]
    page = ours.get("batch_requests/", limit=4, page=2, channel=5)
    assert (page["count"], page["next"]) == (6, None)
    assert ours.client.get(page["previous"]).json()["next"] == str(
        ours.client.build_request("GET", ours.path("batch_requests/?limit=4&channel=5&page=2")).url
    )


@pytest.mark.parametrize(
    ("path", "status", "answer"),
    [
        ("batch_requests/?status=asleep", 400, {"status": ["Select a valid choice. asleep is not one of the a"]}),
        ("batch_requests/?status=", 400, {"status": ["Select a valid choice.  is not one of the available cho"]}),
        ("batch_requests/?channel=x", 400, {"channel": ["Enter a number."]}),
        ("batch_requests/?local_batch_id=x", 400, {"local_batch_id": ["Enter a valid UUID."]}),
        ("batch_requests/?limit=0", 400, {"limit": ["Ensure this value is greater than or equal to 1."]}),
        ("batch_requests/?page=x", 404, {"detail": "Invalid page."}),
        ("batch_requests/?page=2", 404, {"detail": "Invalid page."}),
        ("batch_requests/1/", 404, {"detail": "Not found."}),
        ("batch_requests/x/", 404, {"detail": "Not found."}),
        ("batch_requests/-1/", 404, {"detail": "Not found."}),
        ("integration_actions/?sort=colour", 400, {"sort": ["Select a valid choice. colour is not one of the av"]}),
        ("integration_actions/?status=done", 400, {"status": ["Select a valid choice. done is not one of the av"]}),
        ("integration_actions/?object_id__in=1,x", 400, {"object_id__in": ["Enter a number."]}),
        ("integration_actions/?object_id=x", 400, {"object_id": ["Enter a number."]}),
        ("products/?pk__in=", 400, {"pk__in": ["Enter a number."]}),
    ],
)
def test_what_cannot_be_found_or_read(ours: Reporter, path: str, status: int, answer: dict[str, Any]) -> None:
    response = ours.client.get(ours.path(path))
    assert response.status_code == status
    assert response.json().keys() == answer.keys()
    for name, words in answer.items():
        found = response.json()[name]
        assert found[0].startswith(words[0]) if isinstance(found, list) else found == words


# Actions


def test_actions_say_how_the_report_of_each_image_ended(ours: Reporter) -> None:
    one, two, three = (row for row in ours.pending("inserts")[:3])
    update = ours.pending("updates")[0]
    batch = ours.commit([one, two, three, update])
    query: Mapping[str, object] = {"local_batch_id": batch["local_batch_id"], "channel_id": 5, "sort": "id"}
    processing = ours.get("integration_actions/", status="processing", **query)["results"]
    assert [row["object_id"] for row in processing] == sorted(row["pk"] for row in (one, two, three, update))
    action = ours.action(one["pk"])
    assert action in processing
    assert action == {
        "pk": action["pk"],
        "channel": 5,
        "content_type": {"id": 3, "app_label": "catalogs", "model": "productimage"},
        "object_id": one["pk"],
        "remote_id": None,
        "version_date": one["modified_date"],
        "state": {},
        "local_batch_id": batch["local_batch_id"],
        "status": "processing",
    }
    known = ours.action(update["pk"])["remote_id"]
    assert known, "an image that was sent before has an id already"
    ours.done(batch, one["pk"], failed=[two["pk"], update["pk"]])
    ended = {row["object_id"]: row["status"] for row in ours.get("integration_actions/", **query)["results"]}
    assert ended == {one["pk"]: "success", two["pk"]: "error", three["pk"]: "error", update["pk"]: "error"}
    assert ours.action(one["pk"])["remote_id"] == f"shop-{one['pk']}"
    assert ours.action(two["pk"])["remote_id"] is None
    assert ours.action(update["pk"])["remote_id"] == known
    descending = ours.get("integration_actions/", **{**query, "sort": "-id"}, limit=3)["results"]
    ascending = ours.get("integration_actions/", **query)["results"]
    assert descending == ascending[::-1][:3]


def test_an_image_keeps_its_id_over_batches(ours: Reporter, server: MockServer) -> None:
    row = ours.pending("inserts")[0]
    first = ours.done(ours.commit([row]), row["pk"])
    second = ours.commit([server.modify(5, row["pk"], width=1)])
    assert second["local_batch_id"] != first["local_batch_id"]
    assert ours.action(row["pk"])["remote_id"] == f"shop-{row['pk']}"
    assert ours.get("integration_actions/", local_batch_id=first["local_batch_id"])["count"] == 0
    ours.move(second, "done", objects=[{"pk": row["pk"], "remote_id": 17}])
    assert ours.action(row["pk"])["remote_id"] == "17"
    [action] = server.integration_actions(5)
    assert (action.object_id, action.remote_id, action.status) == (row["pk"], "17", "success")
    ours.move(ours.commit([server.modify(5, row["pk"], width=2)]), "fail")
    assert server.integration_actions(5)[0].status == "error"


def test_the_products_of_a_channel_were_sent_to_it(ours: Reporter) -> None:
    query = {"content_type_name": "product", "status": "success", "channel_id": 5, "sort": "id"}
    rows = ours.get("integration_actions/", object_id__in="123,124,999999", **query)["results"]
    assert [(row["object_id"], row["remote_id"]) for row in rows] == [(123, "product-123"), (124, "product-124")]
    assert ours.get("integration_actions/", object_id=123, **query)["count"] == 1
    assert ours.get("integration_actions/", object_id=123, object_id__in="124", **query)["count"] == 0
    assert ours.get("integration_actions/", object_id=123)["results"] == rows[:1]
    assert ours.get("integration_actions/", **{**query, "status": "error"})["count"] == 0
    assert ours.get("integration_actions/", **{**query, "channel_id": 6})["count"] == 0
    assert ours.get("integration_actions/")["count"] == 0
    everything = ours.get("integration_actions/", **query, limit=1000)
    assert everything["count"] == ours.get("products/")["count"] == len({row["pk"] for row in everything["results"]})


# Products


def test_the_products_are_those_that_have_an_image(ours: Reporter, server: MockServer) -> None:
    def shown() -> set[int]:
        rows = ours.get("products/", limit=1000)["results"]
        assert [row["pk"] for row in rows] == sorted(row["pk"] for row in rows)
        return {row["pk"] for row in rows}

    def having() -> set[int]:
        return {row["product"] for row in ours.get("product_images/", limit=1000)["results"]}

    assert shown() == having()
    before = having()
    for row in ours.get("product_images/", product=124)["results"]:
        server.remove(5, row["pk"])
    server.modify(5, 1, product=9_000)
    for product in (7, 8_000, 124_000):
        server.add(5, product=product)
    assert shown() == having() == before - {124} | {7, 8_000, 9_000, 124_000}
    server.remove(5, 1)
    server.add(5, product=124)
    assert shown() == having() == before | {7, 8_000, 124_000}
    rows = ours.get("products/", pk__in="124,9000,7", limit=2)["results"]
    assert [(row["pk"], row["sku"]) for row in rows] == [(7, "SKU-7"), (124, "SKU-124")]


def test_millions_of_images_are_no_trouble() -> None:
    with MockServer(images=5_000_000) as server, connect(server) as client:
        ours = Reporter(client)
        count = ours.get("products/", limit=1)["count"]
        last = ours.get("products/", limit=1, page=count)["results"][0]["pk"]
        assert (
            ours.get("integration_actions/", content_type_name="product", sort="-pk", limit=1)["results"][0][
                "object_id"
            ]
            == last
        )
        assert ours.get("integration_actions/")["count"] == 0
        rows = ours.pending("inserts")
        ours.commit(rows)
        assert ours.pks("inserts")[0] > rows[-1]["pk"]


# What else is looked up


def test_a_channel_is_shown(ours: Reporter) -> None:
    channel = ours.client.get("/api/v1/channels/6/").json()
    assert (channel["pk"], channel["is_active"], channel["conf"], channel["category_tree"]) == (6, True, {}, None)
    for wrong in ("99", "x", str(2**70)):
        assert ours.client.get(f"/api/v1/channels/{wrong}/").status_code == 404


@pytest.mark.parametrize("model", ["batchrequest", "product", "productimage", "channel"])
def test_a_content_type_is_found_by_its_model(client: httpx.Client, model: str) -> None:
    page = client.get("/api/v1/content_types/", params={"model": model, "page": 1}).json()
    assert [row["model"] for row in page["results"]] == [model]
    everything = client.get("/api/v1/content_types/?limit=1000").json()["results"]
    assert len({row["id"] for row in everything}) == len({row["model"] for row in everything}) == len(everything)
    assert page["results"][0] in everything


# Error reports and events

REPORT = {
    "action_content_type": 1,
    "action_object_id": 17,
    "target_content_type": 7,
    "target_object_id": "5",
    "obj_modified_date": "2024-05-01 12:00:00",
    "error_code": "custom",
    "error_desc": "custom",
    "raw_request": None,
    "raw_response": "",
    "is_ok": False,
}
EVENT = {
    "event_type": "product_image_error",
    "level": "error",
    "source": "channel_app",
    "message": "",
    "context": {"error_code": "custom"},
    "tags": {},
    "action_content_type": "productimage",
    "action_object_id": 17,
    "trace_id": None,
    "span_id": None,
    "parent_span_id": None,
    "raw_data": None,
}


@pytest.mark.parametrize(("path", "note"), [("error_reports/", REPORT), ("operational_events/", EVENT)])
def test_notes_are_kept(ours: Reporter, server: MockServer, path: str, note: dict[str, object]) -> None:
    response = ours.client.post(ours.path(path), json=note)
    assert response.status_code == 201
    row = response.json()
    assert {name: row[name] for name in note} == note
    assert (row["channel"], row["created_date"], row["modified_date"]) == (5, *[row["created_date"]] * 2)
    ours.client.post(ours.path(path).replace("/5/", "/6/"), json=note)
    assert ours.get(path)["results"] == [row]
    kept = server.error_reports if path == "error_reports/" else server.operational_events
    assert kept(5) == [row]
    assert [each["channel"] for each in kept(6)] == [6]


@pytest.mark.parametrize(
    ("path", "note", "field", "words"),
    [
        *(("error_reports/", {**REPORT, name: None}, name, "not be null") for name in list(REPORT)[:2]),
        ("error_reports/", {**REPORT, "action_content_type": 99}, "action_content_type", 'Invalid pk "99"'),
        ("error_reports/", {**REPORT, "action_content_type": "product"}, "action_content_type", "Incorrect type"),
        ("error_reports/", {**REPORT, "action_object_id": "x"}, "action_object_id", "valid integer"),
        ("error_reports/", {**REPORT, "action_object_id": True}, "action_object_id", "valid integer"),
        ("error_reports/", {**REPORT, "obj_modified_date": "soon"}, "obj_modified_date", "valid date"),
        ("error_reports/", {**REPORT, "obj_modified_date": {}}, "obj_modified_date", "valid date"),
        ("error_reports/", {**REPORT, "is_ok": 1}, "is_ok", "valid boolean"),
        ("error_reports/", {**REPORT, "error_code": 5}, "error_code", "valid string"),
        ("operational_events/", {**EVENT, "level": 5}, "level", "valid string"),
        ("operational_events/", {**EVENT, "context": []}, "context", "an object"),
    ],
)
def test_a_note_that_cannot_be_is_not_kept(
    ours: Reporter, path: str, note: dict[str, object], field: str, words: str
) -> None:
    errors = refused(ours.client.post(ours.path(path), json=note))
    assert list(errors) == [field]
    assert words in errors[field][0]
    assert ours.get(path)["count"] == 0


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("error_reports/", {"action_content_type", "action_object_id", "error_code", "error_desc"}),
        ("operational_events/", {"event_type", "level", "source", "message"}),
    ],
)
def test_a_note_needs_some_fields(ours: Reporter, path: str, fields: set[str]) -> None:
    errors = refused(ours.client.post(ours.path(path), json={}))
    assert errors == {name: ["This field is required."] for name in fields}


def test_the_newest_notes_are_kept() -> None:
    with MockServer() as server, connect(server) as client:
        ours = Reporter(client)
        for number in range(1_003):
            client.post(ours.path("operational_events/"), json={**EVENT, "message": str(number)})
        messages = [each["message"] for each in server.operational_events(5)]
    assert messages == [str(number) for number in range(3, 1_003)]


# All of it

PATHS = [path.format(channel_id=5, pk=1) for path in OPERATIONS]


@pytest.mark.parametrize(("path", "name"), list(zip(PATHS, OPERATIONS.values(), strict=True)))
def test_the_journal_knows_each_by_its_name(client: httpx.Client, server: MockServer, path: str, name: str) -> None:
    client.get(path)
    assert server.requests[-1].operation == name


@pytest.mark.parametrize("path", PATHS[2:])
def test_everything_wants_the_token_and_knows_its_methods(client: httpx.Client, path: str) -> None:
    for wrong in ("", "Token x"):
        assert client.get(path, headers={"Authorization": wrong}).status_code == 401
        response = client.patch(path, content=b"{", headers={"Authorization": wrong})
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Token")
    for method in ("PUT", "DELETE"):
        response = client.request(method, path)
        assert response.status_code == 405
        assert method not in response.headers["allow"]
    assert client.options(path).status_code == 200
    assert client.get(path.rstrip("/"), follow_redirects=False).status_code == 301


@pytest.mark.parametrize("path", [path for path in PATHS if "/channel/5/" in path])
def test_another_channel_is_404(client: httpx.Client, path: str) -> None:
    for wrong in ("99", "x", "%00", str(2**70)):
        assert client.get(path.replace("/5/", f"/{wrong}/")).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_actions_are_only_read(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/api/v1/channel/5/integration_actions/", json={})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_a_reset_undoes_it_all(ours: Reporter, server: MockServer) -> None:
    before = [ours.pks(name) for name in PENDING]
    batch = ours.commit(ours.pending("inserts")[:5])
    ours.client.post(ours.path("error_reports/"), json=REPORT)
    ours.client.post(ours.path("operational_events/"), json=EVENT)
    server.reset()
    assert [ours.pks(name) for name in PENDING] == before
    assert ours.get("integration_actions/")["count"] == 0
    assert (server.batches(5), server.integration_actions(5)) == ([], [])
    assert (server.error_reports(5), server.operational_events(5)) == ([], [])
    assert ours.create()["local_batch_id"] == batch["local_batch_id"], "the same again"


def test_a_channel_that_is_not_there_is_named(server: MockServer) -> None:
    kept: list[Callable[[int], object]] = [
        *(server.batches, server.integration_actions, server.error_reports, server.operational_events)
    ]
    for each in kept:
        with pytest.raises(UnknownChannel, match="no channel 99"):
            each(99)


# Faults

DONE_FIRST = ["reset:body", "truncate", "garbage", "content-type=text/html", "drip:seconds=0"]
NOT_DONE = ["503", "429", "500", "reset"]


@pytest.mark.parametrize("spec", [*DONE_FIRST, *NOT_DONE])
def test_a_fault_in_place_of_a_report_changes_nothing_and_one_of_its_answer_comes_after_it(
    ours: Reporter, server: MockServer, spec: str
) -> None:
    rows = ours.pending("inserts")[:2]
    batch = ours.create()
    server.fault(f"{spec}:operation=batch_requests")
    with suppress(httpx.TransportError):
        ours.patch(batch, status="commit", objects=taken(rows))
    with suppress(httpx.TransportError):
        ours.client.post(ours.path("batch_requests/"), json={})
    is_done = spec in DONE_FIRST
    assert [each.status for each in server.batches(5)] == (["commit", "initialized"] if is_done else ["initialized"])
    assert (rows[0]["pk"] in ours.pks("inserts")) is not is_done


def test_a_report_has_happened_while_its_answer_is_late() -> None:
    seen: list[tuple[float, list[str]]] = []

    async def sleep(seconds: float) -> None:
        seen.append((seconds, [each.status for each in server.batches(5)]))

    with (
        MockServer(faults=Faults(["latency:seconds=600:operation=batch_requests"], sleep=sleep)) as server,
        connect(server) as client,
    ):
        batch = Reporter(client).create()
        Reporter(client).move(batch, "fail")
    assert seen == [(600, ["initialized"]), (600, ["fail"])]


def test_faults_leave_reports_alone_unless_they_name_them(ours: Reporter, server: MockServer) -> None:
    server.fault("503")
    ours.create()
    server.clear_faults()
    server.fault("503:operation=batch_requests,products:first=2")
    assert ours.client.get(ours.path("batch_requests/1/")).status_code == 503
    assert ours.client.get(ours.path("products/")).status_code == 503
    ours.get("batch_requests/1/")
