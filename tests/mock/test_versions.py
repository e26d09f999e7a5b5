"""Which images were sent, and at which versions: what `mark_sent` takes, and what it makes of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest
from attrs import frozen

from channel_images import ProductImage
from channel_images.mock import InvalidFields, MockServer, UnknownImage
from channel_images.mock.data.made import Row
from channel_images.mock.data.versions import Sent

Given = Callable[[Row], Sent]
SENT_PATH = "/_mock/images/7/sent"


@frozen
class Picture:
    pk: int
    modified_date: datetime


def date_of(row: Row) -> datetime:
    return datetime.fromisoformat(row["modified_date"])


VERSIONED: dict[str, Given] = {
    "a row": lambda row: row,
    "rows": lambda row: [row],
    "an image": lambda row: ProductImage.from_dict(dict(row)),
    "images": lambda row: iter([ProductImage.from_dict(dict(row))]),
    "an object": lambda row: Picture(row["pk"], date_of(row)),
    "a text by pk": lambda row: {row["pk"]: row["modified_date"]},
    "a date by pk": lambda row: {row["pk"]: date_of(row)},
    "a date in another time zone": lambda row: {row["pk"]: date_of(row).astimezone(timezone(timedelta(hours=3)))},
    "a short text": lambda row: {row["pk"]: row["modified_date"].replace(".000000Z", "+00:00")},
    "an image twice": lambda row: [row, row],
}
UNVERSIONED: dict[str, Given] = {
    "a pk": lambda row: row["pk"],
    "pks": lambda row: {row["pk"]},
    "no version by pk": lambda row: {row["pk"]: None},
}


def standing(server: MockServer, client: httpx.Client, pk: int) -> str:
    """The pending list that has the image, or none of them."""
    for name in ("inserts", "updates"):
        if pk in [row["pk"] for row in client.get(f"/api/v1/channel/7/product_images/{name}/").json()]:
            return name
    return "none"


@pytest.mark.parametrize("given", VERSIONED.values(), ids=VERSIONED)
def test_with_a_version_what_was_modified_since_is_an_update(
    server: MockServer, client: httpx.Client, given: Given
) -> None:
    row = server.add(7)
    later = server.modify(7, row["pk"], width=1)
    server.mark_sent(7, given(row))
    assert standing(server, client, row["pk"]) == "updates"
    server.mark_sent(7, given(later))
    assert standing(server, client, row["pk"]) == "none"
    server.mark_sent(7, given(later))


@pytest.mark.parametrize("given", UNVERSIONED.values(), ids=UNVERSIONED)
def test_without_a_version_the_present_one_is_taken(server: MockServer, client: httpx.Client, given: Given) -> None:
    row = server.add(7)
    server.modify(7, row["pk"], width=1)
    server.mark_sent(7, given(row))
    assert standing(server, client, row["pk"]) == "none"
    server.modify(7, row["pk"], width=2)
    assert standing(server, client, row["pk"]) == "updates"


def test_nothing_is_sent_where_nothing_is_given(server: MockServer) -> None:
    server.mark_sent(7, [])
    server.mark_sent(7, {})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            lambda row: {row["pk"]: "2030-01-01T00:00:00Z"},
            "2030-01-01T00:00:00.000000Z is later than its modified_date",
        ),
        (lambda row: {row["pk"]: "2020-01-01T00:00:00Z"}, "2020-01-01T00:00:00.000000Z is older than 2025"),
        (lambda row: {row["pk"]: "soon"}, "Image 200000001: 'soon' is not a version: give its modified_date"),
        (lambda row: {row["pk"]: "2025-01-01T00:00:01"}, "is not a version: give its modified_date, with a time zone"),
        (lambda row: {row["pk"]: datetime(2025, 1, 1)}, "is not a version"),
        (lambda row: {row["pk"]: 5}, "5 is not a version"),
        (lambda row: {row["pk"]: datetime.max.replace(tzinfo=timezone(timedelta(hours=-9)))}, "is not a version"),
        (lambda row: {"pk": row["pk"]}, "None is not a version"),
        (lambda row: [row, {**row, "modified_date": "2025-01-01T00:00:00Z"}], "is given at two versions"),
        (lambda row: "12", "'1' is not a pk: give a number, or an image"),
        (lambda row: True, "True is not a pk"),
        (lambda row: [None], "None is no"),
        (lambda row: {str(row["pk"]): None}, "'200000001' is not a pk"),
        (lambda row: ProductImage(pk=row["pk"]), "is not a version"),
    ],
)
def test_what_cannot_have_been_sent_is_refused_in_words(
    server: MockServer, client: httpx.Client, given: Callable[[Row], object], message: str
) -> None:
    other, row = server.add(7, pk=200_000_007), server.add(7, pk=200_000_001)
    server.mark_sent(7, row)
    with pytest.raises(InvalidFields) as caught:
        server.mark_sent(7, given(row))  # type: ignore[arg-type] # users who do not check types are users too
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(InvalidFields):
        server.mark_sent(7, {other["pk"]: other["modified_date"], row["pk"]: "2020-01-01T00:00:00Z"})
    with pytest.raises(UnknownImage, match="no image 5"):
        server.mark_sent(7, {other["pk"]: other["modified_date"], 5: None})
    assert standing(server, client, other["pk"]) == "inserts", "all of them or none"


def test_an_edit_into_the_past_is_no_update(server: MockServer, client: httpx.Client) -> None:
    row = server.add(7, created_date="2024-01-01T00:00:00Z", modified_date="2024-06-01T00:00:00Z")
    server.mark_sent(7, row)
    server.modify(7, row["pk"], width=1, modified_date="2024-05-01T00:00:00Z")
    assert standing(server, client, row["pk"]) == "none"
    server.mark_sent(7, row["pk"])
    server.modify(7, row["pk"], modified_date="2024-06-01T00:00:00.000001Z")
    assert standing(server, client, row["pk"]) == "updates"


def test_the_admin_api_takes_versions_too(server: MockServer, client: httpx.Client) -> None:
    row = server.add(7)
    server.modify(7, row["pk"], width=1)
    assert client.post(SENT_PATH, json={"versions": {str(row["pk"]): row["modified_date"]}}).json() == {"sent": 1}
    assert standing(server, client, row["pk"]) == "updates"
    assert client.post(SENT_PATH, json={"versions": {str(row["pk"]): None}}).json() == {"sent": 1}
    assert standing(server, client, row["pk"]) == "none"


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"versions": ["x"]}, "versions", "Enter an object"),
        ({"versions": {"x": None}}, "versions", "Enter a number"),
        ({"versions": {"200000001": "soon"}}, "versions", "'soon' is not a version"),
        ({"versions": {"200000001": {}}}, "versions", "{} is not a version"),
        ({"versions": {"200000001": "2030-01-01T00:00:00Z"}}, "versions", "is later than its modified_date"),
        ({"versions": {}, "pks": []}, "pks", "or give versions instead"),
        ({}, "pks", "Enter a list of numbers"),
    ],
)
def test_the_admin_api_explains_what_is_wrong(
    server: MockServer, client: httpx.Client, body: dict[str, object], field: str, words: str
) -> None:
    server.add(7, pk=200_000_001)
    response = client.post(SENT_PATH, json=body)
    assert (response.status_code, list(response.json())) == (400, [field])
    assert words in response.json()[field][0]


def test_dates_are_compared_as_moments(server: MockServer, client: httpx.Client) -> None:
    row = server.add(7, created_date="2024-06-01T02:00:00+02:00")
    server.mark_sent(7, {row["pk"]: datetime(2024, 6, 1, tzinfo=UTC)})
    assert standing(server, client, row["pk"]) == "none"
