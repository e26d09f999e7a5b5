"""Churn: what changes between the pages that a client reads."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from channel_images.mock import Churn, MockServer
from channel_images.mock.churn import GENTLE, churn_of
from channel_images.mock.data.made import Row

PathOf = Callable[..., str]
FULL = "listProductImages"
CHANGES = Churn(adds=1, removes=2, modifies=3, sends=1)


Get = Callable[[MockServer, str], httpx.Response]
Listed = Callable[[MockServer, str], list[Row]]


@pytest.fixture(scope="module")
def get() -> Iterator[Get]:
    """Requests something of a server, with its token, by a path or a URL."""
    with httpx.Client() as client:
        yield lambda server, where: client.get(
            httpx.URL(server.url).join(where), headers={"Authorization": f"Token {server.token}"}
        )


@pytest.fixture
def listed(get: Get) -> Listed:
    """A list as it is answered by its first page, which holds all of it."""

    def rows(server: MockServer, path: str) -> list[Row]:
        body = get(server, f"{path}?limit=1000").json()
        found: list[Row] = body if isinstance(body, list) else body["results"]
        return found

    return rows


def test_each_list_request_finds_that_many_changes(path_of: PathOf, listed: Listed) -> None:
    with MockServer(images=200, churn=CHANGES) as server:
        before = {row["pk"]: row for row in listed(server, path_of(FULL))}
        assert len(before) == 199, "the first answer is changed already"
        after = {row["pk"]: row for row in listed(server, path_of(FULL))}
    gone, new = before.keys() - after.keys(), after.keys() - before.keys()
    changed = [pk for pk in before.keys() & after.keys() if before[pk] != after[pk]]
    assert len(new) == 1
    assert min(new) > max(before)
    assert len(gone) == 2
    # An image may be modified twice, and the new one too.
    assert 1 <= len(changed) <= 3


def test_pending_work_is_done_meanwhile(path_of: PathOf, listed: Listed) -> None:
    with MockServer(images=200, churn=Churn(sends=5)) as server:
        path = path_of("listProductImageInsertsOrUpdates")
        assert len(listed(server, path)) - len(listed(server, path)) == 5


def test_the_same_seed_gives_the_same_changes(path_of: PathOf, listed: Listed) -> None:
    runs = []
    for seed in (1, 1, 2):
        with MockServer(images=200, churn=Churn(adds=1, removes=2, modifies=1, rate=0.5, seed=seed)) as server:
            runs.append([listed(server, path_of(FULL)) for _ in range(10)])
            server.reset()
            assert [listed(server, path_of(FULL)) for _ in range(10)] == runs[-1]
    assert runs[0] == runs[1] != runs[2]
    lengths = [len(rows) for rows in runs[0]]
    assert lengths == sorted(lengths, reverse=True)
    assert 2 < len(set(lengths)) < 10, "about half of the requests bring a change"


def test_only_the_channel_that_is_listed_changes(path_of: PathOf, listed: Listed) -> None:
    with MockServer(images=100, churn=Churn(removes=1)) as server:
        for _ in range(3):
            listed(server, path_of(FULL))
        assert len(listed(server, path_of(FULL, 6))) == 22
        assert len(listed(server, path_of(FULL))) == 96


@pytest.mark.parametrize("path", ["/api/v1/channel/99/product_images/", "/api/v1/channel/x/product_images/"])
def test_channels_that_are_not_there_do_not_change(path: str, get: Get) -> None:
    with MockServer(churn=CHANGES) as server:
        assert get(server, path).status_code == 404


def test_an_empty_channel_has_nothing_to_lose(path_of: PathOf, listed: Listed) -> None:
    with MockServer(churn=Churn(removes=1, modifies=1, sends=1)) as server:
        assert listed(server, path_of(FULL, 7)) == []


def test_other_requests_change_nothing(path_of: PathOf, get: Get, listed: Listed) -> None:
    with MockServer(images=50, churn=CHANGES) as server:
        for _ in range(5):
            get(server, path_of("retrieveProductImage"))
        httpx.head(server.url + path_of(FULL), headers={"Authorization": f"Token {server.token}"})
        assert len(listed(server, path_of(FULL))) == 49


def test_a_walk_over_shrinking_pages_loses_rows(path_of: PathOf, get: Get, listed: Listed) -> None:
    """What churn is for: two deletions and one insertion a page, and a plain walk skips images that were always there."""
    with MockServer(images=2_000, churn=Churn(adds=1, removes=2, seed=3)) as server:
        seen: set[int] = set()
        url: str | None = f"{server.url}{path_of(FULL)}?limit=50"
        while url:
            page = get(server, url).json()
            seen |= {row["pk"] for row in page["results"]}
            url = page["next"]
        left = {row["pk"] for row in listed(server, path_of(FULL))}
        begun = {row["pk"] for row in listed(server, path_of(FULL)) if row["created_date"] < "2025"}
    assert (left & begun) - seen


def test_gentle_churn_keeps_the_size(path_of: PathOf, listed: Listed) -> None:
    with MockServer(images=300, churn=True, seed=5) as server:
        lengths = {len(listed(server, path_of(FULL))) for _ in range(40)}
    assert lengths == {300}
    assert churn_of(True, 5) == Churn(adds=1, removes=1, modifies=1, sends=1, rate=0.1, seed=5)
    assert churn_of(False, 5) is churn_of(None, 5) is None


def test_a_spec_says_what_changes() -> None:
    assert Churn.parse("adds=1:removes=2:rate=0.5", seed=9) == Churn(adds=1, removes=2, rate=0.5, seed=9)
    assert Churn.parse("sends=3:seed=4", seed=9) == Churn(sends=3, seed=4)
    for churn in (GENTLE, CHANGES, Churn(adds=1, seed=8)):
        assert Churn.parse(str(churn)) == churn


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "no setting ''; there are adds, removes, modifies, sends, rate, seed"),
        ("deletes=1", "no setting 'deletes'"),
        ("adds", "adds takes a number, as in adds=1, not ''"),
        ("adds=1.5", "adds takes a number, as in adds=1, not '1.5'"),
        ("adds=-1", "adds=-1: give 0 or more"),
        ("adds=0", "churn without any change: give at least one of adds, removes, modifies, sends"),
        ("adds=1:rate=2", "rate=2.0: give a share above 0 and up to 1"),
        ("adds=1:rate=nan", "rate=nan: give a share"),
    ],
)
def test_a_bad_spec_is_explained_in_one_line(spec: str, message: str) -> None:
    with pytest.raises(ValueError, match="churn") as caught:
        Churn.parse(spec)
    assert message in str(caught.value)
